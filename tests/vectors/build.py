"""Builds the vectors of verification: one JSON file for each case, from keys derived from a seed string.

`python tests/vectors/build.py` writes them, `--check` fails when a file differs or is left over. A case is a
badge (`token`, the `text` of a code, or a `document` with its proof inside), the trust bundle, the time, and the
state that every check must have. There is one for each check in which it alone fails; those of documents begin
with `embedded_`. A second implementation reads the same files; the reader here is `test_vectors.py`.
"""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))  # so that it also runs as a script from anywhere

from keys import did, jws, multikey  # noqa: E402
from keys.signer import Signer  # noqa: E402
from schemas import badge_qr, base64url, strict_json, timestamps  # noqa: E402
from schemas import claims as jwt_claims  # noqa: E402
from tests.unit.verifier.simulator import NOW, IssuerSimulator, ed25519_signer, p256_signer  # noqa: E402

CASES = HERE / "verification"
ISSUER = IssuerSimulator(seed="badgewright verification vectors 1")
ED25519 = ed25519_signer(f"{ISSUER.did}#documents-1", seed=ISSUER.seed)
STEPS = (
    *("token", "header", "payload", "key_owner", "issuer_document", "issuer_key", "signature"),
    *("data_model", "context", "vc_claim", "issuer_claim", "id_claim", "subject_claim"),
    *("valid_from_claim", "valid_until_claim", "valid_from", "valid_until", "status"),
)  # in the order in which they are made: after a failed one of the first eight, nothing more is
EMBEDDED_STEPS = (
    *("payload", "proof", "proof_suite", "proof_purpose", "context", "data_model"),
    *("key_owner", "issuer_document", "issuer_key", "signature"),
    *("valid_from", "valid_until", "proof_expires", "status"),
)  # the same for a document with its proof inside


def cases() -> Iterator[dict[str, Any]]:
    """Every case, in the order of the story."""
    good = ISSUER.token()
    header, payload, signature = good.split(".")
    packed = ISSUER.packed(good)
    other = IssuerSimulator(host="badges.other.example", seed=ISSUER.seed)
    claims = jwt_claims.claims_of(ISSUER.document())

    yield case("valid", good)
    by_ed25519 = ISSUER.sign(claims, signer=ED25519)
    yield case("valid_ed25519", by_ed25519, did=with_key(ED25519), about="EdDSA, which some browsers lack")
    cut = by_ed25519.rpartition(".")[0]
    yield case(
        "signature_ed25519",
        f"{cut}.{base64url.encode(bytes(32) + base64url.decode(by_ed25519.rpartition('.')[2])[32:])}",
        did=with_key(ED25519),
        stops="signature",
        about="another point R",
    )
    yield case("valid_packed_desk_text", text=badge_qr.to_desk_text(packed))
    yield case("valid_packed_url_text", text=badge_qr.to_url_text(packed, host="badges.example.org"))
    yield case(
        "unpacking",
        text=badge_qr.to_desk_text(packed[:-20]),
        expect={"unpacking": "fail"},
        about="a broken stream",
    )
    yield case(
        "unpacking_unknown_dictionary",
        text=badge_qr.to_desk_text(packed[:1] + b"\0\0\0\0" + packed[5:]),
        expect={"unpacking": "unknown"},
    )
    yield case("token", f"{header}.{payload}", stops="token", about="two parts")
    unsigned = base64url.encode(b'{"alg":"none","kid":"did:web:badges.example.org#badges-1"}')
    yield case(
        "header",
        f"{unsigned}.{payload}.{signature}",
        stops="header",
        about="alg none",
    )
    yield case("payload", jws.sign(b"[]", signer=ISSUER.signer), stops="payload", about="no JSON object")
    yield case("key_owner", other.sign(claims), stops="key_owner", about="the key of another issuer")
    yield case(
        "issuer_document", good, stops="issuer_document", about="another document's id", did={"id": other.did}
    )
    yield case(
        "issuer_document_out_of_reach",
        good,
        stops="issuer_document",
        state="unknown",
        did=None,
        about="nobody answered",
    )
    unlisted = p256_signer(f"{ISSUER.did}#unlisted", seed=ISSUER.seed)
    yield case("issuer_key", ISSUER.sign(claims, signer=unlisted), stops="issuer_key", about="a key not published")
    forged = base64url.encode(base64url.decode(payload).replace(b"Ada", b"Eve"))
    yield case("signature", f"{header}.{forged}.{signature}", stops="signature", about="one name was changed")
    yield case(
        "context",
        changed(lambda d: d["@context"].append("https://www.w3.org/ns/credentials/undefined-terms/v2")),
        expect={"context": "fail"},
        about="a context that defines everything",
    )
    yield case(
        "data_model",
        changed(lambda d: d["credentialSubject"]["achievement"].pop("criteria")),
        expect={"data_model": "fail"},
        ends="vc_claim",
        about="no criteria",
    )
    yield case("vc_claim", ISSUER.token(vc={}), expect={"vc_claim": "fail"})
    yield case("issuer_claim", ISSUER.token(iss=other.did), expect={"issuer_claim": "fail"})
    yield case("id_claim", ISSUER.token(jti="urn:uuid:other"), expect={"id_claim": "fail"})
    yield case("subject_claim", ISSUER.token(sub="urn:uuid:other"), expect={"subject_claim": "fail"})
    yield case("valid_from_claim", ISSUER.token(nbf=1), expect={"valid_from_claim": "fail"})
    yield case("valid_until_claim", ISSUER.token(exp=None), expect={"valid_until_claim": "fail"})
    soon, ago = timestamps.show(NOW + timedelta(seconds=61)), timestamps.show(NOW - timedelta(seconds=61))
    yield case("valid_from", changed(lambda d: d.update(validFrom=soon)), expect={"valid_from": "fail"})
    yield case("valid_until", changed(lambda d: d.update(validUntil=ago)), expect={"valid_until": "fail"})
    revoked = IssuerSimulator(seed=ISSUER.seed, revoked={94567}).status_token()
    yield case("status", good, expect={"status": "fail"}, status=revoked, about="withdrawn")
    yield case("status_out_of_reach", good, expect={"status": "unknown"}, status=None)
    thief = p256_signer(ISSUER.status_signer.kid, seed="thief")
    yield case("status_forged", good, expect={"status": "unknown"}, status=ISSUER.status_token(signer=thief))
    yield from embedded_cases()


def embedded_cases() -> Iterator[dict[str, Any]]:
    """The cases of documents with Data Integrity proofs inside, in the order of their story."""
    good = ISSUER.secured()
    other = IssuerSimulator(host="badges.other.example", seed=ISSUER.seed)
    soon, ago = NOW + timedelta(seconds=61), NOW - timedelta(seconds=61)
    revoked = IssuerSimulator(seed=ISSUER.seed, revoked={94567})

    yield embedded("embedded_valid", good)
    yield embedded("embedded_valid_list_with_proof", good, status=ISSUER.status_document().decode())
    signer = ed25519_signer("did:key", seed=ISSUER.seed)
    owner = multikey.did_key(signer.public)
    signer.kid = f"{owner}#{multikey.encode(signer.public)}"
    alone = ISSUER.document() | {"issuer": owner}
    del alone["credentialStatus"]
    yield embedded("embedded_valid_did_key", ISSUER.secured(alone, signer=signer), about="Ed25519; no document")
    yield embedded("embedded_payload", tampered(lambda d: d.pop("issuer")), stops="payload", about="no issuer")
    yield embedded(
        "embedded_proof", tampered(lambda d: d["proof"].pop("proofPurpose")), stops="proof", about="no purpose"
    )
    yield embedded(
        "embedded_proof_too_many", tampered(lambda d: d.update(proof=[d["proof"]] * 100)), stops="proof"
    )
    yield embedded(
        "embedded_proof_suite",
        tampered(lambda d: d["proof"].update(cryptosuite="of-nobody-1999")),
        stops="proof_suite",
    )
    for suite, key in (
        ("eddsa-jcs-2022", ED25519),
        ("ecdsa-jcs-2019", ISSUER.signer),
        ("eddsa-rdfc-2022", ED25519),
    ):
        made = ISSUER.secured(suite=suite, signer=key)
        yield embedded(f"embedded_valid_{suite.replace('-', '_')}", made, did=with_key(ED25519))
    yield embedded(
        "embedded_proof_purpose",
        ISSUER.secured(purpose="authentication"),
        stops="proof_purpose",
        about="made to log in",
    )
    yield embedded(
        "embedded_key_owner",
        ISSUER.secured(signer=other.signer),
        stops="key_owner",
        about="the key of another issuer",
    )
    yield embedded(
        "embedded_issuer_document",
        good,
        stops="issuer_document",
        about="another document's id",
        did={"id": other.did},
    )
    yield embedded(
        "embedded_issuer_document_out_of_reach", good, stops="issuer_document", state="unknown", did=None
    )
    thief = p256_signer("thief", seed=ISSUER.seed)
    yield embedded(
        "embedded_issuer_key",
        ISSUER.secured(signer=p256_signer(f"{ISSUER.did}#{multikey.encode(thief.public)}", seed=ISSUER.seed)),
        stops="issuer_key",
        about="a key that stands in the fragment only",
    )
    yield embedded(
        "embedded_signature",
        tampered(lambda d: d.update(name="Eve")),
        stops="signature",
        about="a name was changed",
    )
    yield embedded(
        "embedded_signature_context_added",
        added_context(ISSUER.secured(suite="ecdsa-jcs-2019")),
        stops="signature",
        about="a known context, added after it was signed",
    )
    undefined = ISSUER.document() | {"shoeSize": "42"}
    yield embedded(
        "embedded_context",
        ISSUER.secured(undefined, suite="ecdsa-jcs-2019"),
        expect={"context": "fail"},
        ends="data_model",
        about="a term that no context defines",
    )
    without = ISSUER.document()
    del without["credentialSubject"]["achievement"]["criteria"]
    yield embedded("embedded_data_model", ISSUER.secured(without), stops="data_model", about="no criteria")
    early = ISSUER.document() | {"validFrom": timestamps.show(soon)}
    late = ISSUER.document() | {"validUntil": timestamps.show(ago)}
    yield embedded("embedded_valid_from", ISSUER.secured(early), expect={"valid_from": "fail"})
    yield embedded("embedded_valid_until", ISSUER.secured(late), expect={"valid_until": "fail"})
    yield embedded("embedded_proof_expires", ISSUER.secured(expires=ago), expect={"proof_expires": "fail"})
    yield embedded(
        "embedded_status", good, expect={"status": "fail"}, status=revoked.status_token(), about="withdrawn"
    )
    yield embedded(
        "embedded_status_list_with_proof",
        good,
        expect={"status": "fail"},
        status=revoked.status_document().decode(),
        about="withdrawn by a list with its proof inside",
    )


def with_key(signer: Signer) -> dict[str, Any]:
    """The issuer's document with one key more."""
    keys = [(one.kid, one.public) for one in (ISSUER.signer, ISSUER.status_signer)]
    return did.build_document(ISSUER.did, keys=keys, proof_keys=[(signer.kid, signer.public)])


def added_context(document: dict[str, Any]) -> dict[str, Any]:
    """The document with one more known context than was signed."""
    document["@context"].append("https://purl.imsglobal.org/spec/ob/v3p0/extensions.json")
    return document


def tampered(act: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The good document, changed after it was signed."""
    document = ISSUER.secured()
    act(document)
    return document


def embedded(name: str, document: dict[str, Any], **options: Any) -> dict[str, Any]:
    """A case whose badge is a document with its proof inside."""
    made = case(name, None, steps=EMBEDDED_STEPS, **options)
    del made["token"]
    return {"name": name, "about": made.pop("about"), "document": strict_json.dumps(document)} | made


def changed(act: Callable[[dict[str, Any]], object]) -> str:
    """The good badge, changed before it was signed."""
    document = ISSUER.document()
    act(document)
    return ISSUER.token(document)


def case(
    name: str,
    token: str | None = None,
    *,
    text: str | None = None,
    stops: str | None = None,
    state: str = "fail",
    ends: str = STEPS[-1],
    steps: tuple[str, ...] = STEPS,
    expect: dict[str, str] | None = None,
    about: str = "",
    **documents: Any,
) -> dict[str, Any]:
    """One case. `stops`: the check after which none is made; else all pass but those in `expect`."""
    expected = (
        dict.fromkeys(steps[: steps.index(stops or ends) + 1], "pass")
        | ({stops: state} if stops else {})
        | (expect or {})
    )
    if text is not None:
        unpacked = (expect or {}).get("unpacking", "pass")
        expected = {"unpacking": unpacked} | (expected if unpacked == "pass" else {})
    return {
        "name": name,
        "about": about,
        **({"token": token} if text is None else {"text": text}),
        "now": timestamps.show(NOW),
        "trust": {
            "did_documents": {ISSUER.did: document("did", ISSUER.did_document(), documents)},
            "status_lists": {ISSUER.list_url: document("status", ISSUER.status_token(), documents)},
            "dictionaries": [base64url.encode(ISSUER.dictionary().file)] if text is not None else [],
        },
        "expect": expected,
    }


def document(which: str, usual: Any, replaced: dict[str, Any]) -> dict[str, str]:
    """A published document in a trust bundle, or its absence."""
    body = replaced.get(which, usual)
    if body is None:
        return {"absent": "Nobody answered."}
    shown = body if isinstance(body, str) else strict_json.dumps(body)
    return {"body": shown, "fetched_at": timestamps.show(NOW - timedelta(minutes=3))}


def files() -> dict[str, str]:
    """What the folder must hold: text by file name."""
    return {f"{made['name']}.json": json.dumps(made, indent=1, ensure_ascii=False) + "\n" for made in cases()}


def differences() -> list[str]:
    """File names that are missing, different or left over."""
    wanted = files()
    there = {file.name: file.read_text(encoding="utf-8") for file in CASES.glob("*.json")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))


def main() -> None:
    """Write the files, or say which differ and exit 1."""
    if "--check" in sys.argv[1:]:
        wrong = differences()
        if wrong:
            sys.exit(f"These vectors differ from what build.py makes: {', '.join(wrong)}.")
        return
    CASES.mkdir(exist_ok=True)
    for file in CASES.glob("*.json"):
        file.unlink()
    for name, text in files().items():
        (CASES / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
