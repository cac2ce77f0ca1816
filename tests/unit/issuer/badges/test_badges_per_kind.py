"""Badges per kind: once per person and period, beside the tiers, naming no holder, as their state lets."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from issuer.badges import achievements, awarding, documents, issuance, picture, service
from issuer.badges.model import Badge, BadgeError
from issuer.badges.state import State
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.delivery import record
from issuer.delivery import service as delivery
from issuer.ground import audit
from issuer.ground.database import reading, writing
from issuer.ground.mail import store as mail_store
from issuer.people import joining
from issuer.people import store as people_store
from issuer.people.model import Account
from issuer.recognition import backtest as backtests
from issuer.recognition import service as recognition
from issuer.recognition import versions
from keys import jws
from schemas import policy as policy_shape
from schemas import strict_json
from tests.unit.issuer.office import NOW, Office

ADOPTED = datetime(2100, 1, 1, tzinfo=UTC)  # after the version that `init` put in force by this machine's clock
NEXT_YEAR = NOW.replace(year=NOW.year + 1, month=1, day=2)


def translate(office: Office, who: str, *, words: int = 400, day: int = 5) -> None:
    facts = facts_from({"quantity": Decimal(words), "unit": "words", "accepted_by": ["git:bob@books.example"]})
    when, account = NOW - timedelta(days=day), Account.parse(f"git:{who}@books.example")
    one = Contribution("weblate", f"{who}-{words}-{day}", "translation.approved", account, when, facts)
    contributions.store(office.engine, [one], now=NOW)


def award_and_issue(office: Office, *, now: datetime = NOW) -> int:
    decided = recognition.decide_all(office.engine, office.policy, as_of=now)
    made = awarding.award_decisions(office.engine, decided, policy=office.policy, now=now)
    issuance.issue(office.bureau, now=now)
    return made


def badges_of(office: Office, who: str) -> dict[str, Badge]:
    """Somebody's badges in force, by achievement and period."""
    held = delivery.holding(office.bureau, office.bureau.page_token(office.person(f"{who}@books.example").id))
    assert held is not None
    every = [badge for badge in (held.badge, *held.others) if badge is not None and badge.standing]
    named = {f"{badge.award.achievement} {badge.award.period.name}": badge for badge in every}
    assert len(named) == len(every)
    return named


def merge(office: Office, kept: str, gone: str) -> int:
    ids = [office.person(f"{who}@books.example").id for who in (kept, gone)]
    with writing(office.engine) as connection:
        return joining.merge(connection, kept=ids[0], gone=ids[1], by=ids[0], role="person", now=NOW)


def letters(office: Office) -> Sequence[str]:
    with reading(office.engine) as connection:
        rows = connection.execute(mail_store.mail_outbox.select().order_by(mail_store.mail_outbox.c.id))
        return [f"{row.subject}\n{row.text}" for row in rows]


def set_state(office: Office, name: str, state: State, reason: str = "so it was decided") -> None:
    by = office.person("cy@books.example")
    achievements.set_state(office.engine, name, state, reason=reason, by=by, role="manager", now=NOW)


def test_a_translator_gets_one_badge_beside_the_tier_and_once(office: Office) -> None:
    translate(office, "ada")
    assert award_and_issue(office) == 2
    assert award_and_issue(office, now=NOW + timedelta(days=1)) == 0
    held = badges_of(office, "ada")
    assert sorted(held) == ["recognised 2026", "translator 2026"]
    assert held["translator 2026"].jwt is not None
    said = service.read_own(held["translator 2026"].jwt)
    assert said.name == "Translator 2026"
    assert said.credentialSubject.achievement.id == "https://badges.example.org/achievements/translator"
    assert said.credentialSubject.achievement.criteria.narrative == (
        "Translator needs 1.5 credits of approved translation. It counts what was accepted within 12 months."
    )


def test_its_reference_and_holder_code_are_its_own(office: Office) -> None:
    """So that nobody joins two badges of one person by them (DESIGN §3)."""
    translate(office, "ada")
    award_and_issue(office)
    tier, kind = badges_of(office, "ada").values()
    assert tier.reference != kind.reference
    assert office.bureau.holder_code(tier.reference) != office.bureau.holder_code(kind.reference)
    assert tier.jwt is not None and kind.jwt is not None
    told = {badge.id: jws.parse(badge.jwt).payload.decode() for badge in (tier, kind) if badge.jwt}
    assert kind.reference not in told[tier.id] and tier.reference not in told[kind.id]


@pytest.mark.parametrize("merged", [False, True])
def test_it_names_no_holder_so_that_no_event_gives_a_discount_beside_the_tiers(
    office: Office, merged: bool
) -> None:
    """Also where an event accepts it by name, and after two persons turned out to be one (ADR 0019)."""
    for who in ("ada", "dana"):
        translate(office, who)
    award_and_issue(office)
    if merged:
        merge(office, "ada", "dana")
        issuance.settle(office.bureau, [office.person("ada@books.example").id], now=NOW + timedelta(hours=1))
    held = badges_of(office, "ada").values()
    named = {one.award.is_per_kind: service.read_own(one.jwt or "").credentialSubject for one in held}
    assert len(named[False].holder_references) == (2 if merged else 1)
    assert named[True].holder_references == () and (named[True].id or "").startswith("urn:uuid:")
    again = issuance.settle(office.bureau, [office.person("ada@books.example").id], now=NOW + timedelta(hours=2))
    assert again == 0, "what carries nothing is not signed again and again"


def test_a_better_tier_takes_the_place_of_no_badge_per_kind(office: Office) -> None:
    translate(office, "ada")
    award_and_issue(office)
    office.add_changes("ada", count=4)
    award_and_issue(office, now=NOW + timedelta(hours=1))
    assert sorted(badges_of(office, "ada")) == ["contributor 2026", "translator 2026"]
    every = service.badges_of(office.engine, office.person("ada@books.example").id)
    assert sorted((b.award.achievement, b.state) for b in every) == [
        ("contributor", "in force"),
        ("recognised", "superseded"),
        ("translator", "in force"),
    ]


def test_a_tier_that_comes_after_the_badge_per_kind_is_awarded(office: Office) -> None:
    """A badge per kind is no tier below all others, and none above them."""
    translate(office, "ada", words=300)
    award_and_issue(office)
    translate(office, "ada", words=4000, day=40)
    award_and_issue(office, now=NOW + timedelta(hours=1))
    assert sorted(badges_of(office, "ada")) == ["contributor 2026", "translator 2026"]


def test_it_is_renewed_with_the_next_period_while_it_is_earned(office: Office) -> None:
    translate(office, "ada")
    award_and_issue(office)
    award_and_issue(office, now=NEXT_YEAR)
    held = badges_of(office, "ada")
    assert {"translator 2026", "translator 2027"} <= set(held)
    assert held["translator 2026"].reference != held["translator 2027"].reference
    later = NEXT_YEAR.replace(year=NEXT_YEAR.year + 1)
    award_and_issue(office, now=later)
    assert "translator 2028" not in badges_of(office, "ada")


@pytest.mark.parametrize("before", [True, False])
def test_of_two_persons_who_are_one_none_is_awarded_twice(office: Office, before: bool) -> None:
    translate(office, "ada")
    if before:
        award_and_issue(office)
    number = merge(office, "dana", "ada")
    translate(office, "dana", words=500)
    award_and_issue(office, now=NOW + timedelta(hours=1))
    awarded = [badge.award.achievement for badge in service.all_badges(office.engine)]
    assert awarded.count("translator") == 1
    with writing(office.engine) as connection:
        joining.split(connection, number, by="somebody", role="manager", reason="not one", now=NOW)
    award_and_issue(office, now=NOW + timedelta(hours=2))
    award_and_issue(office, now=NOW + timedelta(hours=3))
    holders = [b.award.person for b in service.all_badges(office.engine) if b.award.achievement == "translator"]
    assert len(holders) == len(set(holders)) == 2


def test_a_letter_thanks_for_what_was_done_and_not_by_points(office: Office) -> None:
    with writing(office.engine) as connection:
        for person in office.people:
            people_store.set_told(connection, person, now=NOW)
    mailing = replace(office, bureau=replace(office.bureau, mails=True))
    translate(office, "ada")
    translate(office, "ada", day=8)
    award_and_issue(mailing)
    (letter,) = [one for one in letters(office) if one.startswith("Translator 2026")]
    assert "you have earned “Translator 2026”, for two approved translations." in letter
    assert "credit" not in letter
    assert "2026-11-17  translation.approved: Approved translation\n" in letter


def test_choices_and_renaming_make_new_versions_of_it(office: Office) -> None:
    translate(office, "ada")
    award_and_issue(office)
    ada = office.person("ada@books.example")
    before = badges_of(office, "ada")["translator 2026"]
    chosen = issuance.choose(
        office.bureau, before, person=ada, shows_name=True, published=True, hashes_address=True, now=NOW
    )
    assert (chosen.id, chosen.revocation) == (before.id, before.revocation) and chosen.jwt is not None
    assert service.read_own(chosen.jwt).credentialSubject.name == "Ada Long"
    page = documents.find(office.bureau, f"/b/{chosen.short_id}/", now=NOW)
    assert page is not None and b"Translator 2026" in page.body and b"needs 1.5 credits" in page.body
    record.hide(office.bureau, ada.id, now=NOW)
    assert documents.find(office.bureau, f"/b/{chosen.short_id}/", now=NOW) is None


def test_a_badge_whose_key_fell_is_signed_anew_with_the_same_id(office: Office) -> None:
    translate(office, "ada")
    award_and_issue(office)
    before = badges_of(office, "ada")["translator 2026"]
    issuance.sign_again(office.bureau, before, person=office.person("ada@books.example"), now=NOW)
    after = badges_of(office, "ada")["translator 2026"]
    assert (after.id, after.reference, after.revocation) == (before.id, before.reference, before.revocation)
    assert after.jwt != before.jwt


# --- states ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.SOURCE_GONE, State.WITHDRAWN, State.EVENT_OVER])
def test_only_an_active_badge_is_awarded_and_those_that_are_held_stay(office: Office, state: State) -> None:
    translate(office, "ada")
    award_and_issue(office)
    set_state(office, "translator", state, "the platform has closed")
    translate(office, "dana")
    award_and_issue(office, now=NOW + timedelta(hours=1))
    assert "translator 2026" not in badges_of(office, "dana")
    assert badges_of(office, "ada")["translator 2026"].state == "in force"
    set_state(office, "translator", State.ACTIVE, "it is back")
    award_and_issue(office, now=NOW + timedelta(hours=2))
    assert "translator 2026" in badges_of(office, "dana")


def test_the_page_and_the_document_say_state_reason_and_day(office: Office) -> None:
    shown = documents.find(office.bureau, "/achievements/translator", now=NOW)
    assert shown is not None and strict_json.loads_object(shown.body)["state"] == "active"
    set_state(office, "translator", State.SOURCE_GONE, "the platform has closed")
    shown = documents.find(office.bureau, "/achievements/translator", now=NOW)
    assert shown is not None
    said = strict_json.loads_object(shown.body)
    assert (said["state"], said["stateReason"]) == ("source gone", "the platform has closed")
    assert said["stateSince"] == "2026-11-22T12:00:00Z"
    page = documents.find(office.bureau, "/achievements/translator.html", now=NOW)
    assert page is not None
    assert "<strong>Source gone</strong>, since 22 November 2026: the platform has closed" in page.body.decode()
    listed = documents.find(office.bureau, "/achievements/", now=NOW)
    assert listed is not None
    awarded, _, others = listed.body.decode().partition("Not awarded now")
    assert "translator" not in awarded and "translator" in others and "organiser" in awarded


def test_a_change_of_state_stands_in_the_audit_log_with_its_reason(office: Office) -> None:
    set_state(office, "translator", State.WITHDRAWN, "it was\nunfair")
    (row,) = [one for one in audit.entries(office.engine, last=50) if one.act == "catalogue.state"]
    assert (row.subject, row.reason, row.role) == ("achievement translator", "it was unfair", "manager")
    assert row.details == {"from": "active", "to": "withdrawn"}


@pytest.mark.parametrize("reason", ["", "  ", "x" * 401])
def test_no_state_without_a_reason(office: Office, reason: str) -> None:
    with pytest.raises(BadgeError, match="Say in 1 to 400 characters why"):
        set_state(office, "translator", State.WITHDRAWN, reason)
    with pytest.raises(BadgeError, match="The catalogue has no badge 'baker'; it has operator, organiser"):
        set_state(office, "baker", State.WITHDRAWN)


def adopt(office: Office, edit: tuple[str, str], *, version: str) -> Office:
    """The office with another version of its policy in force."""
    text = office.policy.document.decode()
    changed = text.replace(f"version: {office.policy.version}", f"version: {version}").replace(*edit)
    assert edit[1] in changed
    cy, dana, later = office.person("cy@books.example"), office.person("dana@books.example"), timedelta(days=30)
    made = versions.propose(office.engine, changed.encode(), name="p.yaml", why="because", by=cy, now=NOW - later)
    draft = policy_shape.load(made.document, name="p.yaml")
    tried = recognition.backtest(office.engine, draft, office.policy, first=NOW - later, last=NOW)
    report = strict_json.dumps(backtests.to_json(tried, smallest_cell=10))
    versions.open_comments(office.engine, made, by=cy, top_holders=0, backtest=report, now=NOW - later)
    for person in (cy, dana):
        versions.approve(office.engine, made, by=person, reason="yes", now=NOW - later)
    return replace(office, policy=versions.adopt(office.engine, made, by=cy, reason="yes", now=ADOPTED))


def test_a_draft_is_seen_by_nobody_outside_and_awarded_to_nobody(office: Office) -> None:
    drafting = adopt(office, ("{title: Translator,", "{title: Translator, state: draft,"), version="1.1.0")
    translate(drafting, "ada")
    award_and_issue(drafting)
    assert "translator 2026" not in badges_of(drafting, "ada")
    public = [one for one in documents.all_documents(drafting.bureau, now=NOW) if not one.path.endswith(".yaml")]
    assert not any("translator" in one.path for one in public)
    here = [one for one in public if "policies" not in one.path]
    assert not any(b"Translator needs" in one.body or b"achievements/translator" in one.body for one in here)
    (rules,) = (one.body.decode() for one in public if one.path == f"/policies/{drafting.policy.digest}.html")
    assert "It begins as a draft: nobody gets it until the team makes it active." in rules
    assert rules.count("begins as a draft") == 1 and "achievements/translator" not in rules
    assert [e.name for e in achievements.entries(drafting.engine, now=NOW) if e.state is State.DRAFT] == [
        "translator"
    ]
    set_state(drafting, "translator", State.ACTIVE, "it is ready")
    award_and_issue(drafting, now=NOW + timedelta(hours=1))
    assert "translator 2026" in badges_of(drafting, "ada")


def test_a_badge_that_the_policy_dropped_is_withdrawn_and_says_since_when(office: Office) -> None:
    translate(office, "ada")
    award_and_issue(office)
    line = next(one for one in office.policy.document.decode().splitlines() if "title: Translator" in one)
    dropped = adopt(office, (line + "\n", "\n"), version="2.0.0")
    entry = achievements.find(dropped.engine, "translator", now=ADOPTED)
    assert (entry.state, entry.standing.since) == (State.WITHDRAWN, ADOPTED)
    assert entry.standing.reason == "The policy has no such badge since version 2.0.0."
    assert documents.find(dropped.bureau, "/achievements/translator.html", now=NOW) is not None
    assert badges_of(dropped, "ada")["translator 2026"].state == "in force"
    with pytest.raises(BadgeError, match="has no badge 'translator' any more"):
        set_state(dropped, "translator", State.ACTIVE)


def test_holders_are_people_and_not_records(office: Office) -> None:
    translate(office, "ada")
    translate(office, "dana")
    award_and_issue(office)
    period = badges_of(office, "ada")["translator 2026"].award.period
    assert achievements.holders(office.engine, period) == {"translator": 2}
    merge(office, "dana", "ada")
    assert achievements.holders(office.engine, period) == {"translator": 1}


def test_its_picture_is_like_no_tier_and_says_the_kind(office: Office) -> None:
    translate(office, "ada")
    award_and_issue(office)
    tier, kind = badges_of(office, "ada").values()
    assert kind.award.mark == "translator"
    assert delivery.badge_alt(kind) == "For one kind of work, translator, 2026"
    assert delivery.file(office.bureau, kind, "svg") != delivery.file(office.bureau, tier, "svg")
    assert delivery.file(office.bureau, kind, "qr-png").startswith(b"\x89PNG")
    drawn = documents.find(office.bureau, "/pictures/translator-2026.svg", now=NOW)
    assert drawn is not None and b"For one kind of work, translator, 2026" in drawn.body
    assert {"organiser", "operator", "translator", "mentor", "reviewer"} <= set(picture.KINDS)
