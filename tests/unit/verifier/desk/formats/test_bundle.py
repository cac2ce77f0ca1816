"""A desk's trust bundle: refused for each fault with one sentence, and as good as the server for every badge."""

from datetime import timedelta
from typing import Any

import pytest

from schemas import strict_json, timestamps
from tests.unit.verifier.desk.keys import BUNDLES, EPOCHS, bundle, content
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.simulator import NOW, IssuerSimulator
from tests.unit.verifier.simulator import read as as_badge
from tests.vectors import test_vectors as vectors
from verifier.desk.errors import BundleError
from verifier.desk.formats import bundle as formats
from verifier.desk.formats import tokens
from verifier.desk.formats.bundle import DeskEvent, MadeBy, Seen
from verifier.verification.reading import ReadBadge
from verifier.verification.service import judge
from verifier.verification.verdict import Outcome

PIN = tokens.fingerprint(BUNDLES.public)


def refusal(token: str, **changed: Any) -> str:
    asked: dict[str, Any] = {"pinned": PIN, "now": NOW} | changed
    with pytest.raises(BundleError) as raised:
        formats.read(token, **asked)
    assert str(raised.value).endswith(".")
    return str(raised.value)


def signed(**members: Any) -> str:
    payload = content().to_json() | members
    return tokens.sign(payload, typ=tokens.BUNDLE, signer=BUNDLES)


def test_a_good_bundle_is_read_as_it_was_made() -> None:
    made = bundle()
    read = formats.read(made.token, pinned=PIN, now=NOW, event="summit-2027")

    assert read == made
    assert read.event.accept[1].percent == 50
    assert read.event.accept[1].name == "contributor"


def test_another_office_s_key_is_refused() -> None:
    made_by = MadeBy(name="x", jwk=EPOCHS.public.to_jwk(), epoch_jwk=EPOCHS.public.to_jwk())
    foreign = formats.sign(content(made_by=made_by), signer=EPOCHS)

    assert "was expected: it is of another office, or forged" in refusal(foreign.token)


def test_a_key_that_only_stands_inside_signs_nothing() -> None:
    forged = formats.sign(content(), signer=EPOCHS)

    assert "does not fit" in refusal(forged.token)


def test_one_changed_character_is_refused() -> None:
    header, payload, signature = bundle().token.split(".")
    other = payload[:200] + ("A" if payload[200] != "A" else "B") + payload[201:]

    assert refusal(f"{header}.{other}.{signature}")


@pytest.mark.parametrize("typ", [tokens.JOURNAL, tokens.EPOCH, "vc+jwt"])
def test_another_kind_of_token_is_no_bundle(typ: str) -> None:
    token = tokens.sign(content().to_json(), typ=typ, signer=BUNDLES)

    assert "is no desk-bundle+jwt" in refusal(token)


def test_a_bundle_older_than_what_was_seen_is_refused() -> None:
    assert "version 8 was seen before" in refusal(bundle().token, seen=Seen(8, "x"))


def test_another_bundle_of_the_same_version_is_refused_and_the_same_one_is_not() -> None:
    made = bundle()

    assert "another bundle of version 7" in refusal(made.token, seen=Seen(7, "x"))
    assert formats.read(made.token, pinned=PIN, now=NOW, seen=Seen(7, made.payload_sha256)) == made


def test_a_bundle_may_be_five_minutes_ahead_and_no_more() -> None:
    early = bundle(as_of=NOW + timedelta(minutes=5)).token
    too_early = bundle(as_of=NOW + timedelta(minutes=5, seconds=1)).token

    assert formats.read(early, pinned=PIN, now=NOW).token == early
    assert "set the clock" in refusal(too_early)


def test_a_bundle_whose_time_is_over_is_refused() -> None:
    made = bundle()
    assert formats.read(made.token, pinned=PIN, now=made.content.expires - timedelta(seconds=1)) == made

    assert "was good until" in refusal(made.token, now=made.content.expires)


@pytest.mark.parametrize("layout", [0, 2, "1", None])
def test_an_unknown_layout_says_update(layout: object) -> None:
    assert "update it" in refusal(signed(layout=layout))


def test_a_bundle_of_another_event_is_refused() -> None:
    assert "is for the event 'summit-2027'" in refusal(bundle().token, event="other")


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"version": "7"}, "version"),
        ({"as_of": 5}, "as_of"),
        ({"dictionaries": {"00000000": "e30"}}, "dictionary"),
        ({"claims": {"salt": "="}}, "salt"),
        ({"desks": [{"id": "a", "name": "a", "jwk": {}, "state": "active", "rights": [], "cap": 1}]}, "JWK"),
        ({"event": {}}, "event"),
    ],
)
def test_a_member_that_cannot_be_read_is_named(members: dict[str, Any], named: str) -> None:
    assert named in refusal(signed(**members))


def test_a_member_that_nobody_knows_is_ignored() -> None:
    assert formats.read(signed(moon="full"), pinned=PIN, now=NOW).content == content()


@pytest.mark.parametrize("file", vectors.FILES, ids=lambda file: file.stem)
def test_offline_each_check_is_as_at_the_server(file: Any) -> None:
    """Every shared vector, its trust carried in a signed bundle."""
    case = vectors.loaded(file)
    now = timestamps.parse(case["now"])
    event = DeskEvent.of(policy(), names={}).model_copy(update={"status_age_limit": 3600, "heed_ttl": True})
    carried = content(as_of=now, expires=now + timedelta(hours=1), event=event).model_copy(
        update=formats.fields_of(vectors.bundle(case))
    )
    token = formats.sign(carried, signer=BUNDLES).token
    read = formats.read(token, pinned=PIN, now=now)
    badge = ReadBadge("jwt", token=case["token"]) if "token" in case else vectors.read_badge(case)

    verdict = judge(badge, trust=read.trust(), now=now)

    assert {check.id: check.state.value for check in verdict.checks if check.made} == case["expect"]


def test_a_status_list_is_good_for_as_long_as_the_event_says() -> None:
    """The list's own ttl is for who can ask again; a desk cannot."""
    issuer = IssuerSimulator(list_ttl=60_000, list_lives=timedelta(days=30))
    made = bundle(issuer)
    badge = as_badge(issuer.token())

    at = NOW + timedelta(hours=71)
    assert judge(badge, trust=made.trust(), now=at).outcome is Outcome.VALID
    assert judge(badge, trust=made.trust(), now=at + timedelta(hours=2)).outcome is Outcome.UNKNOWN


def test_an_absent_document_is_unknown_with_its_reason() -> None:
    trust = IssuerSimulator().trust()
    (did,) = trust.did_documents
    made = bundle(did_documents={}, absent={did: "The host did not answer."})

    verdict = judge(as_badge(IssuerSimulator().token()), trust=made.trust(), now=NOW)
    assert verdict.outcome is Outcome.UNKNOWN


def test_the_event_of_a_hub_gives_the_same_percents() -> None:
    thrifty = policy(
        budget={"factor": 0.5, "frozen_at": policy().budget.frozen_at, "eligible": 1, "expected_take_up": 1.0},
        provisional_at_desk={"per_desk": 20, "value_each": 400},
    )
    event = DeskEvent.of(thrifty, names={})
    at_hub = event.policy()

    assert [entry.percent for entry in at_hub.accept] == [50, 25, 0]
    assert at_hub.budget.factor == 1
    assert at_hub.shop is None
    assert at_hub.foreign[0].at_most == thrifty.foreign[0].at_most
    assert at_hub.provisional_at_desk == thrifty.provisional_at_desk
    assert at_hub.kept_until <= thrifty.kept_until
    assert DeskEvent.of(at_hub, names={}).accept == event.accept


def test_the_worked_example_of_a_fingerprint() -> None:
    """RFC 7638 over the key of RFC 7515 A.3."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    assert tokens.fingerprint(tokens.key_of({**jwk})) == "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"


def test_what_is_written_is_json_that_others_read() -> None:
    said = strict_json.loads_object(strict_json.dumps(content().to_json()))

    assert said["as_of"] == "2027-02-01T09:00:00Z"
    assert set(said) == {
        *("layout", "version", "as_of", "expires", "made_by", "event", "did_documents", "status_lists"),
        *("absent", "dictionaries", "claims", "desks", "hub", "epochs", "leases"),
    }
