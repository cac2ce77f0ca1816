"""What verifying a badge costs beside one bare `verify` of the library: as a token, and with its proof inside.

Each turn reads its badge anew from text: what was opened once stays with a `ReadBadge`, so that one which is
judged again costs no signature at all, and would tell nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from keys import did, jws
from schemas import status_list, strict_json
from tests.bench.badges import PROOF_KEY, bare_ecdsa_verify, documents, in_turn
from tests.bench.measuring import Row, against
from tests.unit.verifier.simulator import (
    NOW,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    ed25519_signer,
    read,
)
from verifier.verification import checks, service
from verifier.verification.content import Level
from verifier.verification.reading import ReadBadge
from verifier.verification.service import Verification
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Outcome, Verdict

LEAST = 0.9  # of the bare signature's time; a measurement is not more exact


def rows() -> Iterator[Row]:
    """Tokens first, by each way through the product; then documents, of Open Badges and of other words."""
    yield from _token_rows()
    yield from _document_rows()


def _token_rows() -> Iterator[Row]:
    issuer = IssuerSimulator()
    tokens, trust = [issuer.token(document) for document in documents(issuer)], issuer.trust()
    assert all(service.judge(read(token), trust=trust, now=NOW).outcome is Outcome.VALID for token in tokens)
    bare = bare_ecdsa_verify(tokens, issuer.signer)

    judged = in_turn(lambda token: service.judge(read(token), trust=trust, now=NOW), tokens)
    yield _whole("verify a VC-JWT, every check, of a known achievement", judged, bare)
    told = in_turn(lambda token: checks.verify(read(token), trust=trust, now=NOW), tokens)
    yield _whole("verify a VC-JWT, every check, of an achievement never seen", told, bare)
    source, key = DocumentsInMemory.of([issuer]), issuer.signer.public
    whole = Verification(source, clock=Clock(NOW)).verify_badge
    yield _whole("verify a VC-JWT, resolver and report included", in_turn(lambda t: whole(read(t)), tokens), bare)
    yield _whole("verify a compact JWS", in_turn(lambda token: jws.verify(token, key=key), tokens), bare)
    claims = [jws.parse(token).payload for token in tokens]
    yield against("read the claims of a VC-JWT strictly", in_turn(strict_json.loads_object, claims), bare)
    yield against("PyJWT alone, for comparison", _by_pyjwt(tokens, issuer), bare)
    bits = status_list.from_indexes([5])
    looked = in_turn(lambda index: status_list.is_set(bits, index), range(64))
    yield against("look a bit up in an opened status list", looked, bare)


def _by_pyjwt(tokens: list[str], issuer: IssuerSimulator) -> Any:
    key = issuer.signer.public.to_cryptography()
    options: Any = {"require": ["iss", "sub", "jti", "nbf", "exp"], "verify_nbf": False, "verify_exp": False}
    return in_turn(
        lambda token: jwt.decode(token, key, algorithms=["ES256"], issuer=issuer.did, options=options), tokens
    )


def _document_rows() -> Iterator[Row]:
    issuer = IssuerSimulator()
    signer = ed25519_signer(f"{issuer.did}#{PROOF_KEY}")
    keys = [(issuer.signer.kid, issuer.signer.public), (issuer.status_signer.kid, issuer.status_signer.public)]
    published = did.build_document(issuer.did, keys=keys, proof_keys=[(signer.kid, signer.public)])
    trust = issuer.trust(did=strict_json.dumps(published).encode())
    key = signer.public.to_cryptography()
    assert isinstance(key, Ed25519PublicKey)
    message = bytes(64)
    signature = signer.sign(message)

    def bare() -> None:
        key.verify(signature, message)

    badges = [strict_json.dumps(issuer.secured(made, signer=signer)) for made in documents(issuer, amount=64)]
    badge = _verifying(badges, trust=trust, level=Level.BADGE)
    yield _whole("verify eddsa-rdfc-2022, an Open Badge", badge, bare)
    others = {"inline context": _with_inline_context, "other words": _in_other_words, "100 statements": _long}
    for name, made in others.items():
        secured = [strict_json.dumps(issuer.secured(made(issuer, n), signer=signer)) for n in range(16)]
        other = _verifying(secured, trust=trust, level=Level.CREDENTIAL)
        yield _whole(f"verify eddsa-rdfc-2022, {name}", other, bare)


def _verifying(texts: list[str], *, trust: TrustBundle, level: Level) -> Callable[[], object]:
    def judged(text: str) -> Verdict:
        return service.judge(ReadBadge("json", document=text), trust=trust, now=NOW, level=level)

    for text in texts:
        verdict = judged(text)
        assert verdict.outcome is Outcome.VALID, verdict.deciding
    return in_turn(judged, texts)


def _whole(name: str, work: Callable[[], object], bare: Callable[[], object]) -> Row:
    """A verification, of which the bare signature is a part: one that costs less did not check any."""
    made = against(name, work, bare)
    if made.ratio is None or made.ratio < LEAST:
        raise RuntimeError(f"{name}: {made.ratio} of a bare signature is no verification.")
    return made


def _with_inline_context(issuer: IssuerSimulator, number: int) -> dict[str, Any]:
    """Eight terms of somebody's own, defined in the document itself."""
    terms = {f"quality{n}": f"https://words.example/quality#{n}" for n in range(8)}
    credential = _credential(issuer, number) | {"@context": ["https://www.w3.org/ns/credentials/v2", terms]}
    credential["credentialSubject"] |= {name: f"quite {name} {number}" for name in terms}
    return credential


def _in_other_words(issuer: IssuerSimulator, number: int) -> dict[str, Any]:
    """The example vocabulary of the data model."""
    credential = _credential(issuer, number)
    credential["@context"].append("https://www.w3.org/ns/credentials/examples/v2")
    credential["type"].append("ExampleDegreeCredential")
    credential["credentialSubject"] |= {"degree": {"type": "ExampleBachelorDegree", "name": f"Degree {number}"}}
    return credential


def _long(issuer: IssuerSimulator, number: int) -> dict[str, Any]:
    """An Open Badge with so many skills that it makes some hundred statements."""
    badge = issuer.document()
    badge["credentialSubject"]["achievement"]["alignment"] = [
        {
            "type": ["Alignment"],
            "targetName": f"Skill {n} {number}",
            "targetUrl": f"https://skills.example/{number}/{n}",
            "targetDescription": "What somebody can do who has it.",
        }
        for n in range(15)
    ]
    return badge


def _credential(issuer: IssuerSimulator, number: int) -> dict[str, Any]:
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": f"https://badges.example.org/credentials/{number}",
        "type": ["VerifiableCredential"],
        "issuer": issuer.did,
        "validFrom": "2027-01-01T00:00:00Z",
        "credentialSubject": {"id": f"https://people.example/{number}"},
    }
