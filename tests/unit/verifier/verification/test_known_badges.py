"""A badge that is judged by what differs gets the verdict of the whole story, or is left to it."""

import copy
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys import jws
from schemas import claims as jwt_claims
from schemas import strict_json, timestamps
from schemas.contexts import SIGNING
from tests.unit.verifier.simulator import NOW, IssuerSimulator, p256_signer, read, references
from verifier.verification import checks, known_badges, service
from verifier.verification.known_badges import KnownBadges
from verifier.verification.reading import ReadBadge
from verifier.verification.report import Report
from verifier.verification.trust import Absent, TrustBundle
from verifier.verification.verdict import Outcome, Verdict

ISSUER = IssuerSimulator(revoked={5})
OTHER = IssuerSimulator(host="other.example")
TRUST = ISSUER.trust()
NO_LIST = ISSUER.trust(status=Absent("It is switched off."))
NO_KEYS = ISSUER.trust(did=Absent("It is switched off."))
FEWER_TERMS = TrustBundle(
    NOW, did_documents=TRUST.did_documents, status_lists=TRUST.status_lists, contexts=SIGNING
)
LATER = timestamps.show(NOW - timedelta(days=3))

# What a stranger could put in each place: good values, borderline ones and bad ones, of any kind.
TEXTS = [
    "urn:uuid:0d6f7a54-0000-4000-8000-00000000abcd",
    "urn:uuid:0D6F7A54-0000-4000-8000-00000000ABCD",
    "urn:uuid:6f1c1c0e-52d1-4b57-9c55-6a4a6e0a7d11",
    "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    "https://badges.example.org/badges/7#it",
    "https:///nowhere",
    "http://badges.example.org/badges/7",
    "id",
    "did:web:badges.example.org",
    "_:blank",
    "relative",
    "",
    'a "quoted" \\ text',
    "Zoë \U0001f600 \u2028",
    "line\nbreak",
    "5",
    "94567",
    "05",
    "-1",
    "131072",
    "revocation",
    LATER,
    "2027-01-22T09:00:00.5Z",
    "2027-01-22T09:00:00+00:00",
    "2027-13-22T09:00:00Z",
    "2027-01-22T24:00:00Z",
    "2027-01-22T09:00:60Z",
    "2026-02-30T00:00:00Z",
    "2029-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
]
OTHERS: list[Any] = [None, True, 0, 5, 1.5, 2**53, -3, [], {}, ["a"], {"id": "urn:x:y"}]
PATHS: list[tuple[str | int, ...]] = [
    ("id",),
    ("jti",),
    ("sub",),
    ("iss",),
    ("issuer", "id"),
    ("nbf",),
    ("exp",),
    ("iat",),
    ("validFrom",),
    ("validUntil",),
    ("awardedDate",),
    ("name",),
    ("type",),
    ("@context", 1),
    ("vc",),
    ("something",),
    ("credentialSubject", "id"),
    ("credentialSubject", "type"),
    ("credentialSubject", "narrative"),
    ("credentialSubject", "term"),
    ("credentialSubject", "identifier", 0, "identityHash"),
    ("credentialSubject", "identifier", 1, "identityHash"),
    ("credentialSubject", "identifier", 1, "hashed"),
    ("credentialSubject", "identifier", 2, "identityHash"),
    ("credentialSubject", "identifier", 2, "salt"),
    ("credentialSubject", "achievement", "id"),
    ("credentialSubject", "achievement", "name"),
    ("credentialStatus", 0, "id"),
    ("credentialStatus", 0, "type"),
    ("credentialStatus", 0, "statusPurpose"),
    ("credentialStatus", 0, "statusListIndex"),
    ("credentialStatus", 0, "statusListCredential"),
    ("relatedResource", 0, "id"),
]
VALUES = st.sampled_from(TEXTS) | st.sampled_from(OTHERS) | st.text(max_size=8)
CHANGES = st.lists(st.tuples(st.sampled_from(PATHS), VALUES), max_size=3)
FURTHER = st.sampled_from(
    [
        lambda claims: _same(claims, "id", "jti", value=TEXTS[0]),
        lambda claims: _same(claims, "id", "jti", value=TEXTS[4]),
        lambda claims: _subject(claims, next(iter(references()))),
        lambda claims: _subject(claims, TEXTS[3]),
        lambda claims: _moment(claims, "validFrom", "nbf", LATER),
        lambda claims: _moment(claims, "validFrom", "nbf", "2029-01-01T00:00:00Z"),
        lambda claims: _moment(claims, "validUntil", "exp", "2027-06-01T00:00:00Z"),
        lambda claims: _moment(claims, "validUntil", "exp", "2026-06-01T00:00:00Z"),
        lambda claims: [claims.pop(name) for name in ("validUntil", "exp")],
        lambda claims: claims.update(awardedDate=claims["validFrom"]),
        lambda claims: claims["credentialStatus"][0].update(statusListIndex="17"),
        lambda claims: claims["credentialStatus"][0].update(statusListIndex="5"),
        lambda claims: claims.pop("credentialStatus"),
    ]
)
# What can be done to a text that leads to the same values, or that makes it no strict JSON any more.
WRITTEN = st.sampled_from(
    [
        lambda text: text,
        lambda text: text,
        lambda text: text,
        lambda text: text.replace('":', '": ').replace(",", ", "),
        lambda text: text.replace("urn:uuid", "urn\\u003auuid", 1),
        lambda text: text.replace("urn:uuid", "urn\\u003auuid"),
        lambda text: text.replace('{"@context"', '{"id":"urn:uuid:0","@context"', 1),
        lambda text: text[:-1] + ',"jti":"urn:uuid:0d6f7a54-0000-4000-8000-000000000001"}',
        lambda text: text + " ",
        lambda text: text + "}",
        lambda text: "\ufeff" + text,
        lambda text: text.replace("Ada", "A\tda"),
        lambda text: text.replace("Ada", "A\\ud800da"),
        lambda text: text.replace('"nbf":', '"nbf":0'),
        lambda text: text.replace('"exp":', '"exp":-'),
    ]
)


def _same(claims: dict[str, Any], *names: str, value: str) -> None:
    claims.update(dict.fromkeys(names, value))


def _subject(claims: dict[str, Any], value: str) -> None:
    claims["sub"] = claims["credentialSubject"]["id"] = value


def _moment(claims: dict[str, Any], name: str, claim: str, value: str) -> None:
    claims[name], claims[claim] = value, timestamps.to_numeric_date(timestamps.parse(value))


def _put(claims: dict[str, Any], path: tuple[str | int, ...], value: object) -> None:
    place: Any = claims
    try:
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return  # an earlier change took the place away


def claims_of(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(jwt_claims.claims_of(ISSUER.document(**changes)))


def signed(text: str, *, seed: str = ISSUER.seed) -> ReadBadge:
    return read(jws.sign(text.encode(), signer=p256_signer(ISSUER.signer.kid, seed=seed)))


def remembered(*badges: ReadBadge) -> KnownBadges:
    known = KnownBadges()
    for badge in badges:
        known.remember(badge, checks.verify(badge, trust=TRUST, now=NOW), trust=TRUST)
    return known


def agrees(known: KnownBadges, badge: ReadBadge, *, trust: TrustBundle = TRUST, now: datetime = NOW) -> str:
    """Hold the two verdicts together; says which way the badge went."""
    quick = known.judge(badge, trust=trust, now=now)
    told = checks.verify(badge, trust=trust, now=now)
    if quick is None:
        return "told in full"
    assert told.outcome is Outcome.VALID
    assert quick == told
    assert quick.statement == told.statement
    assert quick.require() == told.require()
    found = known.find(badge.token or "", contexts=trust.contexts)
    assert found is not None
    text = Report(badge, quick, now).to_text(checks=found.known.texts(quick))
    assert json.loads(text) == Report(badge, told, now).to_json()
    assert Report(badge, told, now).to_text() == text
    return "known"


@settings(max_examples=4_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=CHANGES,
    further=st.lists(FURTHER, max_size=3),
    written=WRITTEN,
    seed=st.sampled_from([ISSUER.seed, ISSUER.seed, ISSUER.seed, "another"]),
    trust=st.sampled_from([TRUST, TRUST, TRUST, TRUST, NO_LIST, NO_KEYS, FEWER_TERMS, OTHER.trust()]),
    hours=st.sampled_from([0, 0, 0, 24 * 500, -24 * 30]),
)
def test_whatever_is_changed_the_verdict_is_that_of_the_story(
    changes: list[Any], further: list[Any], written: Any, seed: str, trust: TrustBundle, hours: int
) -> None:
    claims = claims_of()
    for act in further:
        if "validUntil" in claims and "credentialStatus" in claims:
            act(claims)
    for path, value in changes:
        _put(claims, path, value)
    try:
        text = written(strict_json.dumps(claims))
    except strict_json.StrictJsonError:
        return
    agrees(KNOWN, signed(text, seed=seed), trust=trust, now=NOW + timedelta(hours=hours))


KNOWN = remembered(signed(strict_json.dumps(claims_of())))


def test_badges_that_differ_in_their_particulars_only_are_known() -> None:
    ways: Counter[str] = Counter()
    for number, reference in zip(range(50), references(), strict=False):
        claims = claims_of(reference=reference, name=f"Person {number} Ö", index=1_000 + number)
        _same(claims, "id", "jti", value=f"urn:uuid:0d6f7a54-0000-4000-8000-{number:012d}")
        _moment(claims, "validFrom", "nbf", timestamps.show(NOW - timedelta(seconds=number)))
        ways[agrees(KNOWN, signed(strict_json.dumps(claims)))] += 1
    assert ways == {"known": 50}


@pytest.mark.parametrize(
    "change",
    [
        lambda claims: claims["credentialSubject"]["achievement"].update(name="Another"),
        lambda claims: claims.update(name="Another"),
        lambda claims: claims.update(jti="urn:uuid:0d6f7a54-0000-4000-8000-00000000abcd"),
        lambda claims: claims.update(nbf=claims["nbf"] + 1),
        lambda claims: claims["credentialStatus"][0].update(statusListIndex="5"),
        lambda claims: claims["credentialStatus"][0].update(statusListIndex="131072"),
        lambda claims: _moment(claims, "validUntil", "exp", "2027-01-25T00:00:00Z"),
        lambda claims: claims.update(more="members"),
    ],
)
def test_what_is_not_sure_to_pass_is_told_in_full(change: Any) -> None:
    claims = claims_of()
    change(claims)
    assert agrees(KNOWN, signed(strict_json.dumps(claims))) == "told in full"


def test_a_badge_is_known_under_its_own_header_and_contexts_only() -> None:
    text = strict_json.dumps(claims_of())
    stranger = IssuerSimulator(seed="another")
    assert agrees(KNOWN, read(stranger.sign(strict_json.loads_object(text)))) == "told in full"
    assert agrees(KNOWN, signed(text), trust=FEWER_TERMS) == "told in full"
    given = TrustBundle(NOW, given_key=ISSUER.signer.public)
    assert KNOWN.judge(signed(text), trust=given, now=NOW) is None


def test_a_key_that_was_taken_out_of_the_document_ends_what_is_known() -> None:
    document = {**ISSUER.did_document(), "assertionMethod": [ISSUER.status_signer.kid]}
    trust = ISSUER.trust(did=strict_json.dumps(document).encode())
    assert agrees(KNOWN, signed(strict_json.dumps(claims_of())), trust=trust) == "told in full"


@pytest.mark.parametrize(
    "change",
    [
        lambda claims: claims["credentialSubject"]["achievement"].update(description=claims["id"]),
        lambda claims: claims["credentialSubject"]["achievement"].update(tag=["94567"]),
        lambda claims: claims.update(validFrom="2027-01-22T09:00:00.000Z"),
    ],
)
def test_a_badge_whose_particulars_stand_elsewhere_too_is_not_remembered(change: Any) -> None:
    claims = claims_of()
    change(claims)
    badge = signed(strict_json.dumps(claims))
    assert checks.verify(badge, trust=TRUST, now=NOW).outcome is Outcome.VALID
    assert agrees(remembered(badge), badge) == "told in full"


def test_a_badge_that_was_not_found_good_is_not_remembered() -> None:
    badge = signed(strict_json.dumps(claims_of()))
    known = KnownBadges()
    known.remember(badge, checks.verify(badge, trust=NO_LIST, now=NOW), trust=NO_LIST)
    assert agrees(known, badge) == "told in full"


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_badges, "MAX_HEADERS", 3)
    monkeypatch.setattr(known_badges, "MAX_EACH", 2)
    known, badges = KnownBadges(), []
    for number in range(5):
        issuer = IssuerSimulator(host=f"host{number}.example")
        for name in ("one", "two", "three"):
            badge = read(issuer.token(issuer.document(achievement=name)))
            trust = issuer.trust()
            known.remember(badge, checks.verify(badge, trust=trust, now=NOW), trust=trust)
            badges.append((badge, trust))
    answers = [known.judge(badge, trust=trust, now=NOW) is not None for badge, trust in badges]
    assert answers == [False] * 6 + [False, True, True] * 3


def test_a_large_badge_is_not_remembered() -> None:
    claims = claims_of()
    claims["credentialSubject"]["achievement"]["description"] = "a" * known_badges.MAX_CHARACTERS
    badge = signed(strict_json.dumps(claims))
    assert agrees(remembered(badge), badge) == "told in full"


def test_the_service_gives_the_verdict_of_the_story_the_first_time_and_after() -> None:
    issuer = IssuerSimulator(host="twice.example")
    badge = read(issuer.token())
    verdicts: list[Verdict] = [service.judge(badge, trust=issuer.trust(), now=NOW) for _ in range(3)]
    assert verdicts == [checks.verify(badge, trust=issuer.trust(), now=NOW)] * 3
