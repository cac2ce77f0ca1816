"""The desk's page and the office mean the same by bundles, claims, series of codes, epochs and decisions."""

import itertools
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from schemas import badge_qr, base64url, identity, timestamps
from tests.browser.twin import Twin, asked
from tests.unit.verifier.desk.keys import BUNDLES, EPOCHS, SALT, bundle, desk_key
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.simulator import NOW, IssuerSimulator, p256_signer
from tests.vectors.build import ISSUER as OF_VECTORS
from tests.vectors.build import case
from verifier.desk import rings
from verifier.desk.errors import BundleError, EpochError
from verifier.desk.formats import bundle as bundles
from verifier.desk.formats import codes, epochs, tokens
from verifier.desk.formats.bundle import BundledClaims, DeskEvent, Device, Provisional, Seen
from verifier.desk.formats.epochs import Chain, Signatories
from verifier.desk.formats.journal import Entry
from verifier.desk.venue import judging
from verifier.registration.events import MailAgainstOrder, NameAgainstId, Proof, decide_acceptance
from verifier.verification.reading import read_text
from verifier.verification.service import judge

ISSUER = IssuerSimulator()
EVENT, PIN = "summit-2027", tokens.fingerprint(BUNDLES.public)
HUB, OTHER_HUB = p256_signer("hub"), p256_signer("other hub")


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with asked() as answering:
        yield answering


# Bundles


def both_read(twin: Twin, token: str, **changed: Any) -> tuple[bool, bool]:
    """Whether the office's reader and the page take a bundle in."""
    how: dict[str, Any] = {"now": NOW, "event": EVENT, "pinned": PIN, "seen": None} | changed
    try:
        bundles.read(token, **how)
        here = True
    except BundleError:
        here = False
    seen = how["seen"]
    asked_for = {
        "token": token,
        "now": how["now"].isoformat().replace("+00:00", "Z"),
        "event": how["event"],
        "pin": how["pinned"],
        "seen": None if seen is None else {"version": seen.version, "hash": payload_hash(token, seen)},
    }
    return here, "answer" in twin.ask("open_bundle", asked_for)


def payload_hash(token: str, seen: Seen) -> str:
    same = seen.payload_sha256 == bundle().payload_sha256
    return digest_in_the_page(token) if same else seen.payload_sha256


def digest_in_the_page(token: str) -> str:
    from hashlib import sha256

    return base64url.encode(sha256(token.split(".")[1].encode()).digest())


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({}, True),
        ({"now": NOW - timedelta(minutes=4)}, True),
        ({"now": NOW - timedelta(minutes=6)}, False),
        ({"now": NOW + timedelta(hours=95)}, True),
        ({"now": NOW + timedelta(hours=96)}, False),
        ({"event": "other"}, False),
        ({"pinned": "A" * 43}, False),
        ({"seen": Seen(6, "x")}, True),
        ({"seen": Seen(7, "x")}, False),
        ({"seen": Seen(8, "x")}, False),
    ],
)
def test_a_bundle_is_taken_in_by_both_or_by_none(twin: Twin, changed: dict[str, Any], taken: bool) -> None:
    assert both_read(twin, bundle().token, **changed) == (taken, taken)


def test_a_bundle_that_was_changed_is_taken_in_by_none(twin: Twin) -> None:
    header, payload, signature = bundle().token.split(".")
    for changed in (
        f"{header}.{payload[:99]}{'B' if payload[99] == 'A' else 'A'}{payload[100:]}.{signature}",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{header}.{payload}",
        "",
        bundles.sign(bundle().content, signer=EPOCHS).token,
    ):
        assert both_read(twin, changed) == (False, False)


def test_the_same_bundle_again_is_taken_in(twin: Twin) -> None:
    made = bundle()
    assert both_read(twin, made.token, seen=Seen(7, made.payload_sha256)) == (True, True)


# Decisions


BADGES: dict[str, Any] = {
    "good": {},
    "other achievement": {"achievement": "other"},
    "no name": {"name": None},
    "withdrawn": {"index": 4},
}


def text_of(token: str) -> str:
    return badge_qr.to_desk_text(ISSUER.packed(token))


def decided(twin: Twin, text: str, *, now: Any = NOW, days: Any = None, grants: Any = ()) -> dict[str, Any]:
    made = bundle(ISSUER, claims=BundledClaims(salt=SALT, days=days or {}))
    given = {
        "token": made.token,
        "pin": PIN,
        "event": EVENT,
        "badge": text,
        "now": timestamps.show(now),
        "grants": list(grants),
    }
    answer: dict[str, Any] = twin.ask("decide", given)["answer"]
    return answer


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"validUntil": "2027-01-30T09:00:00Z"},
        {"validFrom": "2027-03-30T09:00:00Z"},
        {"issuer": {"id": "did:web:badges.other.example", "type": ["Profile"], "name": "Other"}},
    ],
    ids=["good", "over", "to come", "of another"],
)
@pytest.mark.parametrize("term", ["2027-01-01/2027-12-31", "2026-01-01/2026-12-31", None])
@pytest.mark.parametrize("achievement", ["contributor", "sustained", "elsewhere"])
@pytest.mark.parametrize("named", [True, False])
def test_the_page_decides_as_the_office_does(
    twin: Twin, changes: dict[str, Any], term: str | None, achievement: str, named: bool
) -> None:
    document = ISSUER.document() | changes
    subject = document["credentialSubject"]
    subject["term"] = term
    if term is None:
        del subject["term"]
    subject["achievement"]["id"] = f"https://badges.example.org/achievements/{achievement}"
    if not named:
        subject["identifier"] = [i for i in subject["identifier"] if i["identityType"] != "name"]
    text = text_of(ISSUER.token(document))
    made = bundle(ISSUER)
    verdict = judge(read_text(text), trust=made.trust(), now=NOW)
    expected = decide_acceptance(verdict, policy=policy(), now=NOW, proof=NameAgainstId(True))

    found = decided(twin, text)

    assert found["reason"] == expected.reason.value
    assert found["outcome"] == verdict.outcome.value
    if found["kind"] == "grant":
        assert found["percent"] == expected.percent


@pytest.mark.parametrize("now", [NOW - timedelta(days=400), NOW + timedelta(days=400)])
def test_a_bundle_out_of_its_time_decides_nothing(twin: Twin, now: Any) -> None:
    made = bundle(ISSUER)
    given = {"token": made.token, "pin": PIN, "event": EVENT, "badge": text_of(ISSUER.token()), "grants": []}
    refused = twin.ask("decide", given | {"now": timestamps.show(now)})
    assert refused["code"] in {"ahead", "expired"}


def test_who_redeemed_before_is_sent_to_the_ticket_queue(twin: Twin) -> None:
    text = text_of(ISSUER.token())
    (holder,) = decided(twin, text)["holders"]

    online = decided(twin, text, days={holder: "2027-01-30"})
    assert (online["kind"], online["reason"], online["day"]) == ("ticket_queue", "already_redeemed", "2027-01-30")
    here = decided(twin, text, grants=[{"desk": "desk-1", "at": "2027-02-01T08:00:00Z", "holders": [holder]}])
    assert (here["kind"], here["reason"]) == ("ticket_queue", "already_redeemed")


def test_the_documented_hash_of_a_holder(twin: Twin) -> None:
    given = {
        "salt": SALT,
        "event": EVENT,
        "entitlement": "ticket-discount",
        "issuer": "did:web:badges.example.org",
        "reference": "urn:uuid:6f1c1c0e-52d1-4b57-9c55-6a4a6e0a7d11",
    }
    assert twin.ask("holder", given) == {"answer": "_U8-cEOgaiB7QYLaNPioig"}


# Series of codes


def test_a_series_that_one_makes_is_read_by_the_other(twin: Twin) -> None:
    token = bundle(ISSUER).token
    ours = codes.write("bundle", [token])
    assert twin.ask("collect", [*reversed(ours)])["answer"] == {"missing": [], "tokens": [token]}
    assert twin.ask("collect", list(ours[1:]))["answer"]["missing"] == [1]
    theirs = twin.ask("split", {"tokens": [token, "e30.e30.AAEC"], "prefix": "OB1J"})["answer"]
    assert codes.read(theirs) == ("journal", (token, "e30.e30.AAEC"))
    documented = "OB1J:3AB2E048C445D85F36876A5E5FBB1519/1/1/FPCC8C:PLJ$CJJIHQ1GR9"
    assert twin.ask("collect", [documented])["answer"]["tokens"] == ["e30.e30.AAEC"]


def test_a_damaged_series_is_refused(twin: Twin) -> None:
    ours = list(codes.write("bundle", [bundle(ISSUER).token]))
    ours[0] = ours[0][:-3] + ("AAA" if not ours[0].endswith("AAA") else "BBB")
    assert "refused" in twin.ask("collect", ours)


# Epochs


LEAD, NO_LEAD = desk_key("desk-1"), desk_key("desk-2")
DESKS = [
    Device(id="desk-1", name="One", jwk=LEAD.public.to_jwk(), state="active", rights=("scan", "lead"), cap=20),
    Device(id="desk-2", name="Two", jwk=NO_LEAD.public.to_jwk(), state="active", rights=("scan",), cap=20),
]
KEYS = {"epochJwk": EPOCHS.public.to_jwk(), "desks": [desk.model_dump(mode="json") for desk in DESKS]}
OFFICE = Signatories(EPOCHS.public, {"desk-1": LEAD.public})
HUB_SIGNER = p256_signer("hub-signs")


def statement(chain: Chain, *, holder: Any, signer: Any, url: str = "https://hub.example") -> str:
    url = url if holder is not None else ""
    return epochs.write(chain, holder=holder, url=url, at=NOW, signer=signer)


def both_advance(twin: Twin, statements: list[str]) -> tuple[tuple[int, str], tuple[int, str]]:
    chain = Chain(EVENT)
    for token in sorted(statements, key=lambda one: epochs.read(one).epoch):
        try:
            chain = chain.followed_by([token], signatories=OFFICE)
        except EpochError:
            continue
    there = twin.ask("advance", {"tokens": statements, "event": EVENT, "keys": KEYS})["answer"]
    return (chain.epoch, chain.holder), (there["epoch"], there["holder"])


def test_handing_over_back_and_taking_over_lead_to_the_same_place(twin: Twin) -> None:
    chain, made = Chain(EVENT), list[str]()
    fingerprint = tokens.fingerprint(HUB.public)
    back = p256_signer(fingerprint, seed="hub handing back")
    steps = [
        (HUB.public, EPOCHS),
        (OTHER_HUB.public, LEAD),
        (None, EPOCHS),
        (back.public, EPOCHS),
    ]
    for holder, signer in steps:
        token = statement(chain, holder=holder, signer=signer)
        chain = chain.followed_by([token], signatories=OFFICE)
        made.append(token)
        for order in itertools.permutations(made):
            here, there = both_advance(twin, list(order))
            assert here == there == (len(made), chain.holder)


@pytest.mark.parametrize("signer", [NO_LEAD, HUB, BUNDLES], ids=["desk", "hub", "bundle key"])
def test_what_nobody_may_sign_changes_nothing(twin: Twin, signer: Any) -> None:
    first = statement(Chain(EVENT), holder=HUB.public, signer=EPOCHS)
    chain = Chain(EVENT).followed_by([first], signatories=OFFICE)
    forged = statement(chain, holder=OTHER_HUB.public, signer=signer)
    by_nobody = statement(Chain(EVENT), holder=HUB.public, signer=signer)

    assert both_advance(twin, [first, forged]) == ((1, chain.holder), (1, chain.holder))
    assert both_advance(twin, [by_nobody]) == ((0, "online"), (0, "online"))


@pytest.mark.parametrize("reached", [True, False])
def test_both_know_in_which_ring_a_desk_is(twin: Twin, reached: bool) -> None:
    handed = statement(Chain(EVENT), holder=HUB.public, signer=EPOCHS)
    chain = Chain(EVENT).followed_by([handed], signatories=OFFICE)
    rivals = [statement(chain, holder=OTHER_HUB.public, signer=LEAD), statement(chain, holder=None, signer=EPOCHS)]
    for made in ([], [handed], [handed, rivals[0]], [handed, rivals[1]], [handed, *rivals]):
        known = Chain(EVENT).followed_by(made, signatories=OFFICE)
        here = rings.ring_now(known, reached=reached, office="https://office.example")
        given = {
            "tokens": made,
            "event": EVENT,
            "keys": KEYS,
            "reached": reached,
            "office": "https://office.example",
        }
        assert twin.ask("ring", given)["answer"] == {"ring": here.ring, "ask": here.ask}


def test_what_a_hub_tells_of_a_badge_is_what_the_page_finds(twin: Twin) -> None:
    document = OF_VECTORS.document()
    mail = identity.hashed("ada@example.org", identity_type=identity.EMAIL_TYPE, salt="a-salt")
    document["credentialSubject"]["identifier"].append(mail.model_dump(exclude_none=True))
    token = OF_VECTORS.token(document)
    verdict = judge(read_text(token), trust=OF_VECTORS.trust(), now=NOW)
    found = twin.ask("verify", case("told", token))["answer"]["statement"]

    told: dict[str, Any] = judging.statement(verdict.require())
    assert set(found) == set(told)
    assert found | {"hashedAddresses": []} == told | {"hashedAddresses": []}
    ((page,), (here,)) = found["hashedAddresses"], told["hashedAddresses"]
    assert (page["identityHash"], page["salt"]) == (here["identityHash"], here["salt"])


def test_both_compare_the_same(twin: Twin) -> None:
    proofs = ("name_against_id", "mail_against_order", "rotating_code")
    for count in range(4):
        for listed in itertools.permutations(proofs, count):
            for name, address in itertools.product((True, False), repeat=2):
                here = rings.proof_at_desk(listed, has_name=name, has_address=address)
                asked_for = {"listed": listed, "hasName": name, "hasAddress": address}
                assert twin.ask("proof", asked_for)["answer"] == here, asked_for


@pytest.mark.parametrize(
    ("typed", "matches"),
    [
        ("ada@example.org", True),
        ("  ADA@Example.ORG ", True),
        ("ada.other@example.org", False),
        ("ada@example.or", False),
        ("a da@example.org", False),
        ("", False),
    ],
)
def test_an_address_is_compared_as_its_hash_was_made(twin: Twin, typed: str, matches: bool) -> None:
    carried = [
        identity.hashed(identity.normalised_email(address), identity_type=identity.EMAIL_TYPE, salt=salt)
        for address, salt in (("other@example.org", "x"), ("ada@example.org", "a-salt"))
    ]
    here = any(one.matches(identity.normalised_email(typed), identity_type=identity.EMAIL_TYPE) for one in carried)
    given = {"typed": typed, "identities": [one.model_dump(exclude_none=True) for one in carried]}

    assert twin.ask("address", given)["answer"] is here is matches


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("addressed", [True, False])
@pytest.mark.parametrize(
    "listed", [("name_against_id",), ("mail_against_order",), ("name_against_id", "mail_against_order")]
)
def test_page_and_office_ask_the_same_of_a_badge_with_and_without_name_and_address(
    twin: Twin, named: bool, addressed: bool, listed: tuple[str, ...]
) -> None:
    document = ISSUER.document(name="Ada Example" if named else None)
    if addressed:
        mail = identity.hashed("ada@example.org", identity_type=identity.EMAIL_TYPE, salt="a-salt")
        document["credentialSubject"]["identifier"].append(mail.model_dump(exclude_none=True))
    by = policy(proof_of_holding={"online": [], "desk": list(listed)})
    made = bundle(ISSUER, event=DeskEvent.of(by, names={}))
    text = text_of(ISSUER.token(document))
    given = {
        "token": made.token,
        "pin": PIN,
        "event": EVENT,
        "badge": text,
        "now": timestamps.show(NOW),
        "grants": [],
    }
    found = twin.ask("decide", given)["answer"]

    verdict = judge(read_text(text), trust=made.trust(), now=NOW)
    proofs: dict[str, Proof] = {
        "name_against_id": NameAgainstId(True),
        "mail_against_order": MailAgainstOrder(True),
    }
    wanted = rings.proof_at_desk(listed, has_name=named, has_address=addressed)
    assert found.get("proof") == wanted
    proof = proofs[wanted or listed[0]]
    assert found["reason"] == decide_acceptance(verdict, policy=by, now=NOW, proof=proof).reason.value


def test_both_count_what_stands_in_journals_and_what_may_still_be_given(twin: Twin) -> None:
    """Journals at random: grants of each ring, undone by their own desk and by others."""
    chance = random.Random(20261123)
    for _ in range(200):
        entries = [random_entry(chance, seq) for seq in range(1, chance.randrange(2, 14))]
        own = [entry for entry in entries if entry.desk == "desk-1"]
        provisional = chance.choice([None, Provisional(cap=3, value=400)])
        given = {
            "entries": [entry.to_json() for entry in entries],
            "own": [entry.to_json() for entry in own],
            "provisional": None if provisional is None else provisional.model_dump(),
        }
        answer = twin.ask("standing", given)["answer"]
        assert answer["grants"] == [list(entry.request) for entry in rings.standing_grants(entries)]
        assert answer["left"] == rings.provisional_left(provisional, 3, own)


def random_entry(chance: random.Random, seq: int) -> Entry:
    kind = chance.choice(["granted", "provisional", "override", "undo", "refused", "note"])
    entry: dict[str, Any] = {
        "event": EVENT,
        "desk": chance.choice(["desk-1", "desk-2"]),
        "seq": seq,
        "prev": None if seq == 1 else "x" * 43,
        "at": timestamps.show(NOW),
        "kind": kind,
        "epoch": 0,
    }
    if kind != "note":
        entry["request_id"] = chance.choice("abcd")
    if kind in {"granted", "provisional", "override"}:
        entry |= {
            "entitlement": "ticket-discount",
            "issuer": ISSUER.did,
            "achievement": "a",
            "holders": ["h" * 22],
        }
        entry |= {"percent": 50, "ring": {"granted": 1}.get(kind, 3)}
    if kind in {"provisional", "override"}:
        entry["value"] = 400
    if kind == "provisional":
        entry["name"] = "Ada Example"
    if kind in {"refused", "undo", "override", "note"}:
        entry["reason"] = "not_valid"
    if kind in {"undo", "override", "note"}:
        entry["initials"] = "LL"
    if kind == "undo" and chance.random() < 0.4:
        entry["of"] = chance.choice(["desk-1", "desk-2"])
    return Entry.model_validate(entry)


def test_two_that_claim_to_decide_are_seen_and_ended_by_the_next(twin: Twin) -> None:
    first = statement(Chain(EVENT), holder=HUB.public, signer=EPOCHS)
    chain = Chain(EVENT).followed_by([first], signatories=OFFICE)
    one = statement(chain, holder=OTHER_HUB.public, signer=LEAD)
    other = statement(chain, holder=None, signer=EPOCHS)
    here, there = both_advance(twin, [first, one, other])
    assert here == there == (2, "")
    of_the_other = Chain(EVENT).followed_by([first, other], signatories=OFFICE)
    third = statement(of_the_other, holder=HUB.public, signer=EPOCHS)
    assert both_advance(twin, [third, first, one, other])[0] == both_advance(twin, [first, one, other, third])[1]
    assert both_advance(twin, [first, one, other, third])[1] == (3, tokens.fingerprint(HUB.public))
