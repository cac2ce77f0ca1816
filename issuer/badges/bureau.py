"""The issuing desk opened: the database, the signers, and the one secret behind private links and holder codes."""

import hashlib
import hmac
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from issuer.badges.catalogue import Addresses
from issuer.badges.garments import Wardrobe
from issuer.badges.issuing.claims_template import ClaimsTemplate
from issuer.badges.model import BadgeError
from issuer.badges.preparation import Cover
from issuer.ground import settings as ground_settings
from issuer.ground.settings import Settings
from issuer.recognition import service as recognition
from keys.custody import KeyStore
from keys.keyset import KeySet
from keys.signer import Signer
from schemas import base64url, holder_code
from schemas.badge_qr import Dictionary
from schemas.policy import QualificationPolicy

PAGE_TOKEN_BYTES = 18  # 144 bits: nobody guesses a private page
SECRET_NAME = "private-links"  # noqa: S105 - the name under which custody keeps it


@dataclass(frozen=True, slots=True)
class Guise:
    """As whom an office issues in a run, so that its other processes do it as the same: `base` is its public
    address, `kids` name the keys that sign.
    """

    name: str
    base: str
    did: str
    mails: bool
    kids: tuple[str, ...]


@dataclass(frozen=True)
class Bureau:
    """What issuing needs at hand: the database, the issuer's name and addresses, its signers, one secret.

    `secret`: 32 bytes from which private links and holder codes are derived, so that neither is stored. `mails`:
    whether this office has a mail server, so that holders are written to. `data`: the folder from which another
    process can open the same keys.
    """

    engine: Engine
    keyset: KeySet
    name: str
    addresses: Addresses
    wardrobe: Wardrobe
    ecdsa_signer: Signer
    status_signer: Signer
    secret: bytes
    mails: bool = False
    data: Path | None = None
    policies: dict[str, QualificationPolicy] = field(default_factory=dict, compare=False, repr=False)
    covers: dict[tuple[str, ...], Cover] = field(default_factory=dict, compare=False, repr=False)
    dictionaries: dict[tuple[str, ...], Dictionary] = field(default_factory=dict, compare=False, repr=False)
    templates: dict[tuple[str, str], ClaimsTemplate | None] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def signer(self) -> Signer:
        """Signs tokens."""
        return self.wardrobe.signer

    @property
    def document_signer(self) -> Signer:
        """Signs documents, with proofs inside."""
        return self.wardrobe.document_signer

    @property
    def signers(self) -> tuple[Signer, ...]:
        """All of them."""
        return self.signer, self.document_signer, self.ecdsa_signer, self.status_signer

    @property
    def guise(self) -> Guise:
        """As whom it issues."""
        kids = tuple(signer.kid for signer in self.signers)
        return Guise(self.name, self.addresses.base, self.did, self.mails, kids)

    @property
    def did(self) -> str:
        return self.keyset.did

    @property
    def host(self) -> str:
        return self.addresses.base.partition("://")[2]

    def policy(self, digest: str) -> QualificationPolicy:
        """The version of the policy with this digest; each is read once.

        Raises:
            BadgeError: it was never in force here.
        """
        if digest not in self.policies:
            self.policies.update(recognition.all_policies(self.engine))
        if digest not in self.policies:
            raise BadgeError(f"No policy with the digest {digest[:12]}… was ever in force here.")
        return self.policies[digest]

    def page_token(self, person: str, generation: int = 0) -> str:
        """The secret of a person's private page: the same each time, and not to be had without the keys.

        `generation`: how often it was replaced; each one has another secret.
        """
        subject = f"{person}\0{generation}" if generation else person
        return base64url.encode(self._derived("holder page", subject)[:PAGE_TOKEN_BYTES])

    def address_hash(self, address: str) -> str:
        """What is kept of an address to which a letter went: keyed, so that nobody can try addresses on it."""
        return self._derived("notice address", address.strip().lower()).hex()

    def holder_code(self, reference: str) -> str:
        """The holder code that belongs to a holder reference."""
        return holder_code.write(self._derived("holder code", reference)[: holder_code.SECRET_BYTES])

    def reference(self, person: str, period: str, purpose: str) -> str:
        """The holder reference of a person in a period: `urn:uuid:…`, 122 bits that nobody else can compute.

        Derived, so that an office restored from last night's copy gives the same one again: a discount hangs on
        it. From the person's random id, never from an address.
        """
        made = self._derived("holder reference", f"{person}\0{period}\0{purpose}")
        return UUID(bytes=made[:16], version=4).urn

    def wallet_secret(self, purpose: str, subject: str) -> str:
        """A secret of an offer to a wallet: 144 bits that nobody else can compute."""
        return base64url.encode(self._derived(f"wallet {purpose}", subject)[:PAGE_TOKEN_BYTES])

    def _derived(self, purpose: str, subject: str) -> bytes:
        return hmac.digest(self.secret, f"{purpose}\0{subject}".encode(), hashlib.sha256)


def open_bureau(engine: Engine, settings: Settings) -> Bureau:
    """Open the key store of a data folder, which asks for its passphrase.

    Raises:
        SettingsError: no passphrase is to be had.
        CustodyError: it does not open the keys, or no key is active.
    """
    keys = KeyStore(settings.keys, passphrase=ground_settings.passphrase(settings.data), token=settings.token)
    return Bureau(
        engine=engine,
        keyset=keys.keyset,
        name=settings.name,
        addresses=Addresses(settings.public_url),
        wardrobe=Wardrobe(keys.signer("badges"), keys.signer("documents")),
        ecdsa_signer=keys.signer("documents-p256"),
        status_signer=keys.signer("status"),
        secret=keys.secret(SECRET_NAME),
        mails=settings.mail is not None,
        data=settings.data,
    )


def renamed(bureau: Bureau, *, did: str) -> Bureau:
    """The same keys under another DID, in memory only: at the other address nobody would look for the first."""
    records = tuple(replace(record, kid=f"{did}#{record.name}") for record in bureau.keyset.records)
    for signer in bureau.signers:
        signer.kid = f"{did}#{signer.kid.partition('#')[2]}"
    return replace(bureau, keyset=KeySet(did, records))


def in_guise(bureau: Bureau, guise: Guise) -> Bureau:
    """A bureau of the same office as another one sees it.

    Raises:
        BadgeError: a key was rotated meanwhile.
    """
    bureau = renamed(
        replace(bureau, name=guise.name, addresses=Addresses(guise.base), mails=guise.mails), did=guise.did
    )
    if tuple(signer.kid for signer in bureau.signers) != guise.kids:
        raise BadgeError("A key was rotated while badges were signed: run it again.")
    return bureau
