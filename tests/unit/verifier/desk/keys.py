"""Keys of an office, a hub and desks for tests, from seeds; and a bundle's content to change."""

from datetime import timedelta
from typing import Any

from keys.signer import Signer
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.simulator import NOW, IssuerSimulator, p256_signer
from verifier.desk.formats import bundle as formats
from verifier.desk.formats.bundle import BundledClaims, Content, DeskBundle, DeskEvent, MadeBy

BUNDLES = p256_signer("urn:badgewright:desks#bundles-1")
EPOCHS = p256_signer("urn:badgewright:desks#epochs-1")
SALT = "AAECAwQFBgcICQoLDA0ODw"
PIN = "vE1WVN9emeGAeb9ahTuF1c5R5dOqXN6dmrRTF0QVkzU"


def desk_key(desk: str) -> Signer:
    """The key of a desk."""
    return p256_signer(desk)


def content(issuer: IssuerSimulator | None = None, **changes: Any) -> Content:
    """A good bundle's content, with some members replaced."""
    trust = (issuer or IssuerSimulator()).trust()
    made: dict[str, Any] = {
        "version": 7,
        "as_of": NOW,
        "expires": NOW + timedelta(hours=96),
        "made_by": MadeBy(
            name="https://verify.example", jwk=BUNDLES.public.to_jwk(), epoch_jwk=EPOCHS.public.to_jwk()
        ),
        "event": DeskEvent.of(policy(), names={}),
        "claims": BundledClaims(salt=SALT, days={}),
    }
    return Content(**(made | formats.fields_of(trust) | changes))


def bundle(issuer: IssuerSimulator | None = None, **changes: Any) -> DeskBundle:
    """The same, signed by the office."""
    return formats.sign(content(issuer, **changes), signer=BUNDLES)
