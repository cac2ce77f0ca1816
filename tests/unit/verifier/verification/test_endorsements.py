"""What others say about a badge: verified like the badge, told beside it, and never part of its verdict."""

from typing import Any

import pytest

from keys import jws, multikey
from keys.data_integrity import sign
from keys.signer import Signer
from schemas import strict_json
from schemas.claims import claims_of
from tests.unit.verifier.simulator import (
    NOW,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    ed25519_signer,
    p256_signer,
)
from verifier.verification.report import Report
from verifier.verification.service import Verification
from verifier.verification.verdict import Outcome

ISSUER = IssuerSimulator()
OTHER = IssuerSimulator(host="badges.partner.example")
KNOWN = ["https://www.w3.org/ns/credentials/v2", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"]


def own_key() -> Signer:
    text = multikey.encode(ed25519_signer("an endorser").public)
    signer = ed25519_signer("an endorser")
    signer.kid = f"did:key:{text}#{text}"
    return signer


ENDORSER = own_key()


def endorsement(about: str, *, issuer: str | None = None, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "@context": KNOWN,
        "id": "urn:uuid:00000000-0000-4000-8000-00000000e0e0",
        "type": ["VerifiableCredential", "EndorsementCredential"],
        "name": "We know this work",
        "issuer": {"id": issuer or ENDORSER.kid.partition("#")[0], "type": ["Profile"]},
        "validFrom": "2027-01-01T00:00:00Z",
        "credentialSubject": {"id": about, "type": ["EndorsementSubject"], "endorsementComment": "Well earned."},
    }
    return made | members


def signed(document: dict[str, Any], *, signer: Signer = ENDORSER) -> dict[str, Any]:
    return sign(document, signer=signer, created=NOW)


def with_endorsements(*listed: dict[str, Any]) -> dict[str, Any]:
    return ISSUER.document() | {"endorsement": list(listed)}


def report(badge: dict[str, Any] | str, documents: DocumentsInMemory | None = None) -> Report:
    verification = Verification(documents or DocumentsInMemory.of([ISSUER, OTHER]), clock=Clock())
    return verification.verify((badge if isinstance(badge, str) else strict_json.dumps(badge)).encode())


def badge_id() -> str:
    return str(ISSUER.document()["id"])


@pytest.mark.parametrize("form", ["token", "document"])
def test_a_sound_endorsement_is_told_with_who_says_it(form: str) -> None:
    made = with_endorsements(signed(endorsement(badge_id())))
    told = report(ISSUER.token(made) if form == "token" else ISSUER.secured(made))

    assert told.verdict.outcome is Outcome.VALID
    (said,) = told.verdict.endorsements
    assert (said.issuer, said.comment) == (ENDORSER.kid.partition("#")[0], "Well earned.")
    assert told.to_json()["endorsements"] == [
        {"issuer": said.issuer, "comment": "Well earned.", "verdict": "valid"}
    ]
    assert told.verdict.warnings == ()


def test_an_endorsement_as_token_is_verified_too() -> None:
    token = jws.sign(strict_json.dumps(claims_of(endorsement(badge_id()))).encode(), signer=ENDORSER)
    told = report(ISSUER.token(ISSUER.document() | {"endorsementJwt": [token]}))

    assert told.verdict.outcome is Outcome.VALID
    assert [said.comment for said in told.verdict.endorsements] == ["Well earned."]


def test_an_endorsement_of_the_issuer_or_the_achievement_stands_where_it_belongs() -> None:
    made = ISSUER.document()
    made["issuer"]["endorsement"] = [signed(endorsement(ISSUER.did))]
    achievement = made["credentialSubject"]["achievement"]
    achievement["endorsement"] = [signed(endorsement(achievement["id"]))]

    told = report(ISSUER.token(made)).verdict
    assert told.outcome is Outcome.VALID
    assert len(told.endorsements) == 2


def test_an_endorser_with_a_document_of_its_own_is_looked_up() -> None:
    by_other = sign(endorsement(badge_id(), issuer=OTHER.did), signer=OTHER.signer, created=NOW)
    documents = DocumentsInMemory.of([ISSUER, OTHER])
    assert len(report(ISSUER.token(with_endorsements(by_other)), documents).verdict.endorsements) == 1
    assert f"{OTHER.base}/.well-known/did.json" in documents.asked


THIEF = p256_signer("did:key:zDnaNobody#zDnaNobody")
BAD = {
    "changed": signed(endorsement(badge_id())) | {"name": "Another name"},
    "unsigned": endorsement(badge_id()),
    "of another": signed(endorsement("urn:uuid:other")),
    "no endorsement": signed(endorsement(badge_id(), type=["VerifiableCredential", "AchievementCredential"])),
    "too late": signed(endorsement(badge_id(), validUntil="2027-01-02T00:00:00Z")),
    "in another's name": sign(endorsement(badge_id(), issuer=OTHER.did), signer=ENDORSER, created=NOW),
    "no name": signed({name: value for name, value in endorsement(badge_id()).items() if name != "name"}),
    "no subject type": signed(endorsement(badge_id(), credentialSubject={"id": badge_id()})),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_endorsement_is_a_warning_and_leaves_the_badge_as_it_is(name: str) -> None:
    told = report(ISSUER.token(with_endorsements(BAD[name])))

    assert told.verdict.outcome is Outcome.VALID
    assert told.verdict.endorsements == ()
    assert len(told.verdict.warnings) == 1 and "ndorsement" in told.verdict.warnings[0]


def test_a_good_endorsement_never_lifts_a_bad_badge() -> None:
    made = with_endorsements(signed(endorsement(badge_id()))) | {"validUntil": "2027-01-31T00:00:00Z"}
    told = report(ISSUER.token(made))
    assert told.verdict.outcome is Outcome.NOT_VALID
    assert len(told.verdict.endorsements) == 1


def test_nobody_is_asked_about_endorsements_of_a_badge_that_is_not_authentic() -> None:
    by_other = sign(endorsement(badge_id(), issuer=OTHER.did), signer=OTHER.signer, created=NOW)
    documents = DocumentsInMemory.of([ISSUER, OTHER])
    header, payload, _ = ISSUER.token(with_endorsements(by_other)).split(".")
    report(f"{header}.{payload}.{'A' * 86}", documents)
    assert f"{OTHER.base}/.well-known/did.json" not in documents.asked


def test_endorsements_are_looked_at_one_level_deep_and_not_without_end() -> None:
    inner = signed(endorsement("urn:uuid:00000000-0000-4000-8000-00000000e0e0"))
    outer = signed(endorsement(badge_id()) | {"endorsement": [inner]})
    told = report(ISSUER.token(with_endorsements(outer)))
    assert [said.verdict.endorsements for said in told.verdict.endorsements] == [()]

    many = with_endorsements(*[signed(endorsement(badge_id()))] * 20)
    assert len(report(ISSUER.token(many)).verdict.endorsements) == 16


def test_an_endorsement_brings_no_context_but_the_known_ones() -> None:
    """It has a context of its own, as it was signed; nothing else inside a badge may (STANDARDS c4)."""
    other: dict[str, Any] = {"@context": [*KNOWN, {"shoeSize": "https://a.example/shoeSize"}]}
    told = report(ISSUER.token(with_endorsements(signed(endorsement(badge_id(), **other)))))
    assert told.verdict.check("context").state.value == "fail"
    inside = ISSUER.document()
    inside["issuer"]["endorsement"] = [signed(endorsement(ISSUER.did, **other))]
    assert report(ISSUER.token(inside)).verdict.check("context").state.value == "fail"
