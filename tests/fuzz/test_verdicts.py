"""Changed badges: never an error that nobody foresaw, and never VALID unless they say what was signed.

What a change may leave VALID is decided by others than the code: PyLD and pyoxigraph, on the published files, for
suites that sign statements; plain JSON equality for suites that sign the text; the token itself for its forms.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from schemas import strict_json
from tests.fuzz import seeds
from tests.fuzz.changes import bent, changed
from tests.fuzz.effort import examples
from tests.hostile import stranger
from tests.hostile.stranger import credential, presentation, with_derived_proofs, with_proofs
from tests.unit.schemas.plain_jsonld import RefusedError, Twin
from tests.unit.verifier.simulator import NOW, Clock
from verifier.verification import checks
from verifier.verification.errors import ReadingError
from verifier.verification.presentations import Expected
from verifier.verification.reading import ReadBadge, read
from verifier.verification.service import Verification, judge
from verifier.verification.verdict import Outcome


def verification() -> Verification:
    return Verification(seeds.documents(), clock=Clock())


def proofs_of(document: Any) -> list[dict[str, Any]]:
    """The proofs that are looked at: those of other suites vouch for nothing."""
    value = document.get("proof", [])
    known = (*seeds.SUITES, "ecdsa-sd-2023")
    return [
        proof for proof in (value if isinstance(value, list) else [value]) if proof.get("cryptosuite") in known
    ]


def written(value: Any) -> str:
    """A JSON value so that two are equal if and only if they say the same: 1 is 1.0, and neither is true."""
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{json.dumps(name)}:{written(item)}' for name, item in value.items()))}}}"
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return json.dumps(int(value))
    return json.dumps(value)


def statements(twin: Twin, document: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """What a document and each of its proofs say, as its judge reads them."""
    bare = {name: value for name, value in document.items() if name != "proof"}
    said = []
    for proof in proofs_of(document):
        config = {name: value for name, value in proof.items() if name != "proofValue"}
        said.append([*twin.statements({**config, "@context": document["@context"]}), proof["proofValue"]])
    return twin.statements(bare), said


def says_the_same(twin: Twin, made: dict[str, Any], good: dict[str, Any], *, suite: str) -> bool:
    if "jcs" in suite:
        signed = {name: value for name, value in good.items() if name != "proof"}
        bare = {name: value for name, value in made.items() if name != "proof"}
        there = bare.get("@context")
        if isinstance(there, list) and there[: len(signed["@context"])] == signed["@context"]:
            bare["@context"] = signed["@context"]  # the suite lets a document grow contexts behind the signed ones
        return written(bare) == written(signed) and {written(proof) for proof in proofs_of(made)} == {
            written(proof) for proof in proofs_of(good)
        }
    try:
        said, proofs = statements(twin, made)
    except RefusedError as error:
        raise AssertionError(f"The judge cannot read what was found valid: {error}") from error
    expected, signed_proofs = statements(twin, good)
    return said == expected and proofs != [] and all(proof in signed_proofs for proof in proofs)


@pytest.mark.parametrize("suite", seeds.SUITES)
def test_a_changed_badge_is_valid_only_if_it_says_what_was_signed(suite: str, shared: Path) -> None:
    twin, good = Twin(shared / "vectors"), seeds.document(suite)
    judging = verification()
    assert judging.verify(strict_json.dumps(good).encode()).verdict.outcome is Outcome.VALID

    @examples(150)
    @given(changed(good))
    def holds(made: dict[str, Any]) -> None:
        as_a_file = strict_json.dumps(made).encode()
        for verify in (partial(judging.verify, as_a_file), partial(judging.verify_credential, made)):
            try:
                outcome = verify().verdict.outcome
            except ReadingError:
                continue
            if outcome is Outcome.VALID:
                assert says_the_same(twin, made, good, suite=suite)

    holds()


def test_a_changed_derived_badge_is_valid_only_if_it_says_what_was_signed(shared: Path) -> None:
    twin = Twin(shared / "vectors")
    good = with_derived_proofs(credential({"id": "did:example:subject", "name": "Ada"}, id="urn:c"))
    judging = stranger.verification()
    assert judging.verify_credential(good).verdict.outcome is Outcome.VALID

    @examples(150)
    @given(changed(good))
    def holds(made: dict[str, Any]) -> None:
        try:
            outcome = judging.verify_credential(made).verdict.outcome
        except ReadingError:
            return
        if outcome is Outcome.VALID:
            assert says_the_same(twin, made, good, suite="ecdsa-sd-2023")

    holds()


@pytest.mark.parametrize("form", seeds.garments())
def test_a_bent_file_bears_the_badge_as_it_was_signed_or_none_that_is_valid(form: str) -> None:
    good = seeds.garments()[form]
    judging = verification()
    text = judging.verify(good).badge.text

    @examples(100)
    @given(bent(good))
    def holds(data: bytes) -> None:
        try:
            report = judging.verify(data)
        except ReadingError:
            return
        if report.verdict.outcome is Outcome.VALID and report.badge.document is None:
            assert report.badge.text == text
        elif report.verdict.outcome is Outcome.VALID:
            assert written(json.loads(report.badge.text)) == written(json.loads(text))

    holds()


def test_a_badge_that_is_known_already_is_judged_as_one_that_is_not() -> None:
    """Whatever the issuer signs: the quick way over a known badge and the whole story give one outcome."""
    good = seeds.ISSUER.document()
    trust = seeds.ISSUER.trust()
    judge(read(seeds.token().encode()), trust=trust, now=NOW)  # known from here on

    @examples(150)
    @given(changed(good, times=1))
    def holds(made: dict[str, Any]) -> None:
        claims = {"iss": made.get("issuer"), "jti": made.get("id"), "nbf": 1_800_000_000, **made}
        for payload in (claims, {**json.loads(seeds.ISSUER_CLAIMS), **made}):
            badge = ReadBadge("jwt", token=seeds.ISSUER.sign(payload))
            quick, whole = (tell(badge, trust=trust, now=NOW) for tell in (judge, checks.verify))
            assert quick.outcome is whole.outcome

    holds()


def test_changed_presentations_are_verified_or_refused() -> None:
    own = with_proofs(
        presentation(with_proofs(credential()), holder=stranger.DID), purpose="authentication", challenge="abc"
    )
    judging = stranger.verification()
    expected = Expected(challenge="abc")
    assert judging.verify_presentation(own, expected=expected).verdict.outcome is Outcome.VALID

    @examples(150)
    @given(changed(own, times=3))
    def holds(made: Any) -> None:
        try:
            verdict = judging.verify_presentation(made, expected=expected).verdict
        except ReadingError:
            return
        if verdict.outcome is Outcome.VALID:
            assert verdict.holder == stranger.DID

    holds()


@pytest.mark.parametrize("what", ["did document", "status list"])
def test_changed_documents_of_the_issuer_are_read_or_refused(what: str) -> None:
    issuer = seeds.ISSUER
    url = issuer.list_url if what == "status list" else f"{issuer.base}/.well-known/did.json"
    good = json.loads(issuer.status_document()) if what == "status list" else issuer.did_document()

    @examples(100)
    @given(changed(good, times=3))
    def holds(made: Any) -> None:
        source = seeds.documents()
        source.documents[url] = strict_json.dumps(made).encode()
        verdict = Verification(source, clock=Clock()).verify(seeds.token().encode()).verdict
        assert verdict.outcome in Outcome

    holds()


def test_changed_claims_of_a_token_are_judged() -> None:
    """Signed by the issuer whatever it says: no error that nobody foresaw, and a badge only if it is one."""
    good = json.loads(seeds.ISSUER_CLAIMS)
    judging = verification()

    @examples(200)
    @given(changed(good, times=3))
    def holds(made: Any) -> None:
        token = seeds.ISSUER.sign(made)
        assert judging.verify(token.encode()).verdict.outcome in Outcome
        assert judging.verify_credential(stranger.enveloped(token)).verdict.outcome in Outcome

    holds()
