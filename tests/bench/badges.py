"""Many badges of one achievement, no two alike, and what the bare library needs for each of their signatures."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from keys import jws
from keys.signer import Signer
from schemas import timestamps
from tests.unit.verifier.simulator import NOW, IssuerSimulator

AMOUNT = 256  # more than any memory of single tokens could hide behind
PROOF_KEY = "proofs-1"


def documents(issuer: IssuerSimulator, *, amount: int = AMOUNT) -> list[dict[str, Any]]:
    """Badges of different holders, moments and status entries."""
    return [_document(issuer, number) for number in range(1, amount + 1)]


def in_turn(work: Callable[[Any], object], given: Sequence[Any]) -> Callable[[], object]:
    """A work that takes the next of these each time, and begins again behind the last."""
    turns = itertools.cycle(given)
    return lambda: work(next(turns))


def bare_ecdsa_verify(tokens: Sequence[str], signer: Signer) -> Callable[[], object]:
    """One `verify` of the library on the same bytes, with the key and the signature as it wants them."""
    key, algorithm = signer.public.to_cryptography(), ec.ECDSA(hashes.SHA256())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    prepared = [(_der(parsed.signature), parsed.signing_input) for parsed in map(jws.parse, tokens)]
    return in_turn(lambda one: key.verify(one[0], one[1], algorithm), prepared)


def _der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


def _document(issuer: IssuerSimulator, number: int) -> dict[str, Any]:
    reference, identity = (f"urn:uuid:{uuid.UUID(int=number * factor)}" for factor in (10**30 + 57, 10**32 + 49))
    made = issuer.document(reference=reference, name=f"Person {number}", index=number * 37)
    moment = timestamps.show(NOW - timedelta(days=1, seconds=number))
    return made | {"id": identity, "validFrom": moment}


def identities() -> Iterator[tuple[str | int, ...]]:
    """Where the badges above differ."""
    yield from (("id",), ("validFrom",), ("credentialSubject", "id"))
    yield from (("credentialSubject", "identifier", number, "identityHash") for number in range(2))
    yield ("credentialStatus", 0, "statusListIndex")
