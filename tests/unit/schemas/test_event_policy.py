"""An event's policy: no discount without proof of holding, no limit that is none, no time without its zone."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.event_policy import EventPolicy, EventPolicyError, load

EXAMPLE = """\
event: summit-2027
time_zone: Europe/Paris
redeem: {opens: 2027-01-15T09:00:00+01:00, closes: 2027-05-20T18:00:00+02:00}
period: {policy: community-recognition, starts: 2027-01-01}
entitlement: ticket-discount
accept:
  - {issuer: "did:web:badges.example.org", achievement: "https://badges.example.org/a/sustained", percent: 100}
  - {issuer: "did:web:badges.example.org", achievement: "https://badges.example.org/a/contributor", percent: 50}
foreign:
  - {issuer: "did:web:other.example", achievement: "https://other.example/speaker", percent: 25, at_most: 40}
proof_of_holding:
  online: [holder_code]
  desk: [name_against_id]
unknown: refuse
budget: {factor: 0.75, frozen_at: 2027-01-10, eligible: 412, expected_take_up: 0.6}
capacity: 400
voucher: {uses: 1, valid_days: 30, on_expiry_or_refund: release}
shop: {kind: pretix, organizer: foundation, event: summit2027, quota: 12, tag: recognition}
provisional_at_desk: {per_desk: 20, value_each: 350}
"""


def loaded(text: str) -> EventPolicy:
    return load(text.encode(), name="event.yaml")


def edited(old: str, new: str) -> str:
    assert EXAMPLE.count(old) == 1, f"{old!r} stands {EXAMPLE.count(old)} times in the example"
    return EXAMPLE.replace(old, new)


def refused(text: str, sentence: str) -> None:
    with pytest.raises(EventPolicyError, match=sentence) as caught:
        loaded(text)
    assert str(caught.value).startswith("event.yaml: ") and "\n" not in str(caught.value)


def test_example_of_the_project_loads(shared: Path) -> None:
    policy = load((shared / "event.example.yaml").read_bytes(), name="event.example.yaml")
    assert policy.event == "summit-2027"
    assert [entry.percent for entry in (*policy.accept, *policy.foreign)] == [100, 50, 25]
    assert policy.proof_of_holding.online == ("wallet_key", "mailbox", "holder_code")


def test_values_are_typed_and_exact() -> None:
    policy = loaded(EXAMPLE)
    assert policy.redeem.opens == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert policy.period.starts == date(2027, 1, 1)
    assert policy.budget.factor == Decimal("0.75")
    assert policy.foreign[0].at_most == 40


def test_what_is_optional_may_be_left_out() -> None:
    lines = [line for line in EXAMPLE.splitlines() if not line.startswith(("shop:", "provisional_at_desk:"))]
    policy = loaded("\n".join(lines))
    assert policy.shop is None and policy.provisional_at_desk is None


# --- proof of holding ------------------------------------------------------------------------------------

NO_PROOF = EXAMPLE.replace("  online: [holder_code]\n  desk: [name_against_id]\n", "  online: []\n  desk: []\n")


@pytest.mark.parametrize(
    "text",
    [
        NO_PROOF,
        EXAMPLE.replace("proof_of_holding:\n  online: [holder_code]\n  desk: [name_against_id]\n", ""),
        EXAMPLE.replace("\n  online: [holder_code]\n  desk: [name_against_id]\n", " {}\n"),
        NO_PROOF.replace("percent: 100", "percent: 0").replace("percent: 50", "percent: 0"),  # one gives still
    ],
)
def test_discount_without_proof_of_holding_is_refused(text: str) -> None:
    refused(text, "proof_of_holding lists no proof, but badges here give more than 0 percent")


def test_recognition_without_discount_needs_no_proof() -> None:
    free = NO_PROOF
    for percent in (100, 50, 25):
        free = free.replace(f"percent: {percent}", "percent: 0")
    assert loaded(free).proof_of_holding.online == ()


@pytest.mark.parametrize("place", ["  online: [holder_code]\n", "  desk: [name_against_id]\n"])
def test_one_proof_is_enough(place: str) -> None:
    assert loaded(edited(place, "")).event == "summit-2027"


@pytest.mark.parametrize("proof", ["say_so", "holder-code", "name_against_id"])
def test_proof_that_nobody_can_check_online_is_refused(proof: str) -> None:
    refused(edited("[holder_code]", f"[{proof}]"), r"proof_of_holding\.online\.0")


# --- times -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("2027-01-15T09:00:00+01:00", "2027-01-15T09:00:00", "line 3: .* has no time zone"),
        ("2027-01-15T09:00:00+01:00", "2027-01-15", r"redeem\.opens: .* no point in time with a zone"),
        ("2027-01-15T09:00:00+01:00", "'2027-01-15T09:00:00+01:00'", r"redeem\.opens"),
        ("2027-01-15T09:00:00+01:00", "1800000000", r"redeem\.opens"),
        ("2027-05-20T18:00:00+02:00", "2027-01-15T08:00:00Z", "redeem: it closes before it opens"),
        ("2027-05-20T18:00:00+02:00", "2027-01-15T08:59:59+01:00", "redeem: it closes before it opens"),
        ("frozen_at: 2027-01-10", "frozen_at: 2027-01-16", "the budget factor is frozen before redeeming opens"),
        ("frozen_at: 2027-01-10", "frozen_at: 2027-01-10T00:00:00Z", r"budget\.frozen_at"),
        ("starts: 2027-01-01", "starts: 2027-01-01T00:00:00Z", r"period\.starts"),
        ("starts: 2027-01-01", "starts: 2027", r"period\.starts"),
        ("Europe/Paris", "Europe/Atlantis", "time_zone: 'Europe/Atlantis' is no time zone"),
        ("Europe/Paris", "../../etc/passwd", "is no time zone"),
        ("Europe/Paris", "+01:00", "is no time zone"),
        ("Europe/Paris", "[Europe/Paris]", "is no time zone"),
        ("Europe/Paris", "''", "is no time zone"),
        ("Europe/Paris", "7", "is no time zone"),
    ],
)
def test_time_that_could_be_read_in_two_ways_is_refused(old: str, new: str, sentence: str) -> None:
    refused(edited(old, new), sentence)


# --- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("capacity: 400", "capacity"),
        ("uses: 1", "voucher.uses"),
        ("valid_days: 30", "voucher.valid_days"),
        ("quota: 12", "shop.quota"),
        ("at_most: 40", "foreign.0.at_most"),
        ("eligible: 412", "budget.eligible"),
        ("factor: 0.75", "budget.factor"),
        ("expected_take_up: 0.6", "budget.expected_take_up"),
        ("per_desk: 20", "provisional_at_desk.per_desk"),
        ("value_each: 350", "provisional_at_desk.value_each"),
    ],
)
@pytest.mark.parametrize("number", ["0", "-1", "true", "'1'", "null", "100000000000"])
def test_limit_that_is_none_is_refused(place: str, path: str, number: str) -> None:
    name = place.partition(":")[0]
    refused(edited(place, f"{name}: {number}"), path.replace(".", r"\."))


@pytest.mark.parametrize(
    ("tickets", "sentence"),
    [
        ("item: 31", None),
        ("item: 31, variation: 4", None),
        ("quota: 12, price_mode: subtract, price: 299.50", None),
        ("quota: 12, price_mode: set, price: 300", None),
        ("quota: 12, price_mode: percent", None),
        ("quota: 12, item: 31", "not both"),
        ("variation: 4, quota: 12", "item was expected"),
        ("price: 300, quota: 12", "a price belongs"),
        ("quota: 12, price_mode: set", "these need one"),
        ("quota: 12, price_mode: none", r"shop\.price_mode"),
        ("quota: 12, price_mode: set, price: 0.5", r"shop\.price"),
        ("quota: 12, price_mode: set, price: 9.999", r"shop\.price"),
    ],
)
def test_where_vouchers_go_and_how_they_say_it_is_in_the_file(tickets: str, sentence: str | None) -> None:
    changed = edited("quota: 12", tickets)
    if sentence is None:
        assert load(changed.encode(), name="summit.yaml").shop is not None
    else:
        refused(changed, sentence)


@pytest.mark.parametrize("percent", ["-1", "101", "50.5", "true", "'50'", "null", "1e2"])
def test_percent_is_a_whole_number_from_0_to_100(percent: str) -> None:
    refused(edited("percent: 50", f"percent: {percent}"), r"accept\.1\.percent")


@pytest.mark.parametrize(
    ("old", "new"),
    [("uses: 1", "uses: 2"), ("valid_days: 30", "valid_days: 731"), ("factor: 0.75", "factor: 1.01")],
)
def test_voucher_is_for_one_use_and_a_factor_never_adds(old: str, new: str) -> None:
    refused(edited(old, new), old.partition(":")[0])


# --- what is not known, and what is said twice -----------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("capacity: 400\n", "surprise"),
        ("redeem: {", "redeem.surprise"),
        ("period: {", "period.surprise"),
        ("budget: {", "budget.surprise"),
        ("voucher: {", "voucher.surprise"),
        ("shop: {", "shop.surprise"),
        ("provisional_at_desk: {", "provisional_at_desk.surprise"),
        ("proof_of_holding:\n", "proof_of_holding.surprise"),
    ],
)
def test_unknown_field_is_named_at_every_level(place: str, path: str) -> None:
    added = "surprise: 1, " if place.endswith("{") else "surprise: 1\n"
    indent = "  " if place == "proof_of_holding:\n" else ""
    refused(edited(place, f"{place}{indent}{added}"), rf"{path}: this field is not known here")


@pytest.mark.parametrize("entry", ["accept", "foreign"])
def test_unknown_field_of_an_accepted_badge_is_named(entry: str) -> None:
    place = f"{entry}:\n  - {{"
    refused(edited(place, f"{place}stacks: true, "), rf"{entry}\.0\.stacks: this field is not known here")


@pytest.mark.parametrize("name", [line.partition(":")[0] for line in EXAMPLE.splitlines() if line[0] not in " -"])
def test_required_field_is_missed_and_no_other(name: str) -> None:
    kept, dropping = [], False
    for line in EXAMPLE.splitlines():
        dropping = line.startswith(f"{name}:") or (dropping and line.startswith(" "))
        if not dropping:
            kept.append(line)
    optional = {"foreign", "shop", "provisional_at_desk"}
    if name in optional:
        assert loaded("\n".join(kept)).event == "summit-2027"
    elif name == "proof_of_holding":
        refused("\n".join(kept), "lists no proof")
    else:
        refused("\n".join(kept), f"{name}: this field is missing")


def test_pair_that_is_listed_twice_is_refused_even_as_foreign() -> None:
    refused(edited("a/contributor", "a/sustained"), r"an \(issuer, achievement\) pair is listed twice")
    foreign = edited(
        '"did:web:other.example", achievement: "https://other.example/speaker"',
        '"did:web:badges.example.org", achievement: "https://badges.example.org/a/sustained"',
    )
    refused(foreign, r"an \(issuer, achievement\) pair is listed twice")


def test_same_achievement_of_two_issuers_is_two_badges() -> None:
    assert loaded(edited("https://other.example/speaker", "https://badges.example.org/a/sustained")).foreign


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("event: summit-2027\n", "event: Summit 2027\n", "event: "),
        ("event: summit-2027\n", "event: ''\n", "event: "),
        ("entitlement: ticket-discount", "entitlement: [ticket]", "entitlement: "),
        ("unknown: refuse", "unknown: accept", "unknown: "),
        ("unknown: refuse", "unknown: true", "unknown: "),
        ("on_expiry_or_refund: release", "on_expiry_or_refund: keep", "on_expiry_or_refund"),
        ("kind: pretix", "kind: stall", r"shop\.kind"),
        ("policy: community-recognition", "policy: ''", r"period\.policy"),
        ("capacity: 400", "capacity: 400\ncapacity: 500", "the field 'capacity' is given twice"),
    ],
)
def test_word_that_means_nothing_here_is_refused(old: str, new: str, sentence: str) -> None:
    refused(edited(old, new), sentence)


def test_event_that_accepts_nothing_is_refused() -> None:
    before, _, rest = EXAMPLE.partition("accept:\n")
    refused(f"{before}accept: []\nforeign:{rest.partition('foreign:')[2]}", "accept: ")


@pytest.mark.parametrize("text", ["", "[]", "event", "a: {", "\0"])
def test_document_that_is_no_policy_is_refused_in_one_sentence(text: str) -> None:
    refused(text, ".")
