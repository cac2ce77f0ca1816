"""The policy's table of revocations: who decides, how soon; notice by mail, interim suspension, two people."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from issuer.badges import awarding, issuance, revocations, service
from issuer.badges.model import Badge, BadgeError
from issuer.badges.revocation import Case
from issuer.cli import main
from issuer.delivery import record
from issuer.ground import audit
from issuer.ground.database import reading, writing
from issuer.ground.login import service as login
from issuer.ground.login.rights import Role
from issuer.ground.mail import store as mail_store
from issuer.inbox import all_matters
from issuer.jobs import Jobs
from issuer.people import store as people_store
from issuer.people.model import Person
from issuer.recognition import service as recognition
from schemas import policy as policy_shape
from tests.unit.issuer.office import NOW, Office

ADA, BOB, CY = "ada@books.example", "bob@books.example", "cy@books.example"
ALMOST, OVER = NOW + timedelta(days=9, hours=23), NOW + timedelta(days=10)


@pytest.fixture
def held(office: Office) -> Office:
    """An office with a mail server, in which Ada holds a badge."""
    with writing(office.engine) as connection:
        for person in office.people:
            people_store.set_told(connection, person, now=NOW)
    made = replace(office, bureau=replace(office.bureau, mails=True))
    made.add_changes("ada", count=3)
    decided = recognition.decide_all(made.engine, made.policy, as_of=NOW)
    awarding.award_decisions(made.engine, decided, policy=made.policy, now=NOW)
    issuance.issue(made.bureau, now=NOW)
    with writing(made.engine) as connection:
        connection.execute(mail_store.mail_outbox.delete())
    return made


def badge_of(office: Office) -> Badge:
    (badge,) = service.badges_of(office.engine, office.person(ADA).id)
    return badge


def opened(office: Office, cause: str, *, by: str = BOB, now: datetime = NOW) -> Case:
    return revocations.open_case(
        office.bureau, badge_of(office), cause=cause, reason="Two of the meetups were not held.",
        by=office.person(by), now=now,
    )  # fmt: skip


def mails(office: Office) -> list[Any]:
    with reading(office.engine) as connection:
        return list(connection.execute(mail_store.mail_outbox.select().order_by(mail_store.mail_outbox.c.id)))


def acts(office: Office) -> list[tuple[str, str]]:
    rows = audit.entries(office.engine, person=office.person(ADA).id)
    return [(row.act, row.actor) for row in rows if row.act.startswith("revocation.")]


def bit(office: Office, purpose: str) -> bool:
    badge = badge_of(office)
    place = badge.revocation if purpose == "revocation" else badge.suspension
    assert place is not None
    from issuer.badges import store

    with reading(office.engine) as connection:
        return place.index in store.lists.set_indexes(connection, place.list, purpose=purpose)  # type: ignore[arg-type]


def nightly(office: Office, now: datetime) -> None:
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, lambda: now).nightly()


def test_a_holders_request_withdraws_at_once(held: Office) -> None:
    case = opened(held, "holder_request", by=ADA)
    assert (case.outcome, badge_of(held).state, bit(held, "revocation")) == ("revoked", "revoked", True)
    assert acts(held) == [("revocation.open", held.person(ADA).id), ("revocation.revoked", "badge-issuer")]
    assert [mail.subject for mail in mails(held)] == ["Contributor 2026 was withdrawn"]


@pytest.mark.parametrize(
    ("cause", "said"),
    [("holder_request", "a été retiré, parce que son titulaire l’a demandé."), ("fraud", "doit être retiré le")],
)
def test_the_letter_about_a_case_speaks_french_to_who_reads_french(held: Office, cause: str, said: str) -> None:
    with writing(held.engine) as connection:
        people_store.set_page_language(connection, held.person(ADA).id, "fr")
    opened(held, cause, by=ADA) if cause == "holder_request" else opened(held, cause)
    (letter,) = mails(held)
    assert said in letter.text and "Votre page privée" in letter.text
    assert "badge was" not in letter.text and "withdrawn" not in letter.subject


def test_only_the_holder_makes_a_holders_request(held: Office) -> None:
    with pytest.raises(BadgeError, match="Only its holder asks for this"):
        opened(held, "holder_request", by=BOB)
    assert badge_of(held).standing


@pytest.mark.parametrize("cause", ["issued_in_error", "fraud"])
def test_the_holder_gets_notice_and_the_badge_is_suspended_meanwhile(held: Office, cause: str) -> None:
    case = opened(held, cause)
    assert (case.outcome, case.ends_at) == (None, OVER)
    assert (badge_of(held).state, bit(held, "suspension"), bit(held, "revocation")) == ("suspended", True, False)
    (letter,) = mails(held)
    assert letter.recipient == ADA
    assert letter.subject == f"Contributor 2026 is to be withdrawn on {OVER:%Y-%m-%d}"
    for said in ("Two of the meetups were not held.", "If this is wrong", "suspended", "/claim/"):
        assert said in letter.text


def test_two_people_withdraw_when_the_notice_has_run_out_and_not_before(held: Office) -> None:
    case = opened(held, "fraud")
    revocations.agree(held.bureau, case.number, by=held.person(CY), now=NOW + timedelta(days=1))
    nightly(held, ALMOST)
    assert badge_of(held).state == "suspended"
    nightly(held, OVER)
    assert (badge_of(held).state, bit(held, "revocation"), bit(held, "suspension")) == ("revoked", True, False)
    assert acts(held) == [
        ("revocation.open", held.person(BOB).id),
        ("revocation.agree", held.person(CY).id),
        ("revocation.revoked", "badge-issuer"),
    ]
    nightly(held, OVER + timedelta(days=1))
    assert [mail.subject for mail in mails(held)][1:] == ["Contributor 2026 was withdrawn"]


def test_the_jobs_withdraw_too_when_no_night_comes(held: Office) -> None:
    case = opened(held, "fraud")
    revocations.agree(held.bureau, case.number, by=held.person(CY), now=NOW)
    Jobs(held.engine, lambda: held.bureau, lambda: held.policy, lambda: OVER).handle_news()
    assert badge_of(held).state == "revoked"


def test_without_a_second_person_the_case_lapses_and_the_badge_stands(held: Office) -> None:
    case = opened(held, "issued_in_error")
    nightly(held, OVER)
    assert (badge_of(held).state, bit(held, "suspension")) == ("in force", False)
    assert [one.outcome for one in revocations.cases(held.engine)] == ["lapsed"]
    assert mails(held)[-1].subject == "Contributor 2026 stands"
    with pytest.raises(BadgeError, match=f"There is no case {case.number} that runs"):
        revocations.agree(held.bureau, case.number, by=held.person(CY), now=OVER)


def test_one_person_is_not_two(held: Office) -> None:
    case = opened(held, "fraud")
    with pytest.raises(BadgeError, match="Two different people decide"):
        revocations.agree(held.bureau, case.number, by=held.person(BOB), now=NOW)
    nightly(held, OVER)
    assert badge_of(held).standing


def test_two_records_of_one_person_are_not_two_people(held: Office) -> None:
    """Bob opened the case as somebody whose record is joined to his meanwhile."""
    case = opened(held, "fraud", by=CY)
    with writing(held.engine) as connection:
        cy, bob = held.person(CY).id, held.person(BOB).id
        chosen = people_store.persons.c.id == cy
        connection.execute(people_store.persons.update().where(chosen).values(merged_into=bob))
    with pytest.raises(BadgeError, match="Two different people decide"):
        revocations.agree(held.bureau, case.number, by=held.person(BOB), now=NOW)


def acting(office: Office, number: int) -> list[Callable[[Person], object]]:
    return [
        lambda by: revocations.agree(office.bureau, number, by=by, now=NOW),
        lambda by: revocations.lift(office.bureau, number, reason="It was all fine.", by=by, now=NOW),
    ]


def test_nobody_decides_about_their_own_badge(held: Office) -> None:
    with pytest.raises(BadgeError, match="Nobody decides about themselves"):
        opened(held, "fraud", by=ADA)
    case = opened(held, "fraud")
    for act in acting(held, case.number):
        with pytest.raises(BadgeError, match="Nobody decides about themselves"):
            act(held.person(ADA))


def test_a_lifted_case_lets_the_badge_stand_and_says_why(held: Office) -> None:
    case = opened(held, "fraud")
    revocations.agree(held.bureau, case.number, by=held.person(CY), now=NOW)
    revocations.lift(held.bureau, case.number, reason="The hall confirms them.", by=held.person(CY), now=ALMOST)
    nightly(held, OVER)
    assert badge_of(held).state == "in force"
    assert ("revocation.lift", held.person(CY).id) in acts(held)
    assert "The hall confirms them." in mails(held)[-1].text


def test_a_suspension_ends_with_the_days_that_the_policy_gives_it(held: Office) -> None:
    document = held.policy.document.replace(b"suspension_days_at_most: 14", b"suspension_days_at_most: 4")
    held.bureau.policies[held.policy.digest] = replace_rules(held, document)
    case = opened(held, "fraud")
    assert case.suspended_until == NOW + timedelta(days=4)
    revocations.carry_out(held.bureau, now=NOW + timedelta(days=4, seconds=-1))
    assert badge_of(held).state == "suspended"
    revocations.carry_out(held.bureau, now=NOW + timedelta(days=4))
    assert badge_of(held).state == "in force"
    assert acts(held)[-1] == ("revocation.unsuspend", "badge-issuer")
    revocations.agree(held.bureau, case.number, by=held.person(CY), now=ALMOST)
    revocations.carry_out(held.bureau, now=OVER)
    assert badge_of(held).state == "revoked"


def replace_rules(office: Office, document: bytes) -> Any:
    other = policy_shape.load(document, name="other")
    return office.policy.model_copy(update={"revocation": other.revocation})


def test_a_case_is_a_matter_while_its_notice_runs(held: Office) -> None:
    def found() -> list[tuple[str, str, int]]:
        matters = all_matters(held.engine, sources=(), now=NOW)
        return [(m.kind, m.default, m.minutes) for m in matters if m.key == "revocation-1" and m.due == OVER]

    case = opened(held, "fraud")
    assert found() == [("approval", "The case lapses, and the badge stands.", 20)]
    revocations.agree(held.bureau, case.number, by=held.person(CY), now=NOW)
    assert found() == [("dispute", "The badge is withdrawn.", 5)]
    nightly(held, OVER)
    assert found() == []


def test_a_cause_that_the_policy_does_not_know_is_refused(held: Office) -> None:
    with pytest.raises(BadgeError, match="no badge for 'dislike'; it knows fraud, holder_request"):
        opened(held, "dislike")


def test_a_second_case_and_a_withdrawn_badge_are_refused(held: Office) -> None:
    opened(held, "fraud")
    with pytest.raises(BadgeError, match="runs already"):
        opened(held, "issued_in_error")
    service.revoke(held.engine, badge_of(held), reason="a test", now=NOW)
    with pytest.raises(BadgeError, match="withdrawn already"):
        opened(held, "issued_in_error")


def test_a_case_without_a_reason_is_refused(held: Office) -> None:
    with pytest.raises(BadgeError, match="1 to 400 characters why"):
        revocations.open_case(held.bureau, badge_of(held), cause="fraud", reason=" ", by=held.person(BOB), now=NOW)
    assert revocations.cases(held.engine) == []


def test_a_badge_of_a_compromised_key_is_signed_anew_at_once(held: Office) -> None:
    with pytest.raises(BadgeError, match="is not compromised"):
        opened(held, "key_compromise")
    before, keyset = badge_of(held), held.bureau.keyset
    fallen = tuple(
        replace(one, state="compromised") if one.kid == held.bureau.signer.kid else one for one in keyset.records
    )
    hit = replace(held, bureau=replace(held.bureau, keyset=replace(keyset, records=fallen)))
    case = opened(hit, "key_compromise")
    assert case.outcome == "reissued"
    after = badge_of(held)
    assert (after.id, after.state) == (before.id, "in force")
    assert after.jwt != before.jwt


def test_who_hid_everything_is_heard_and_who_left_is_not_written_to(held: Office) -> None:
    record.hide(held.bureau, held.person(ADA).id, now=NOW)
    badge, case = badge_of(held), opened(held, "fraud")
    assert len(mails(held)) == 1
    revocations.agree(held.bureau, case.number, by=held.person(CY), now=NOW)
    record.leave(held.bureau, badge.award.person, withdraw=False, now=NOW)
    revocations.carry_out(held.bureau, now=OVER)
    assert service.badge_by_id(held.engine, badge.id).state == "revoked"
    assert mails(held) == []
    assert [one.reason for one in revocations.cases(held.engine)] == [""]


def test_the_commands_open_agree_list_and_lift(held: Office, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["revocation", *words, "--data", str(held.settings.data)])
        out = capsys.readouterr()
        return f"{ended.value.code} {out.out}{out.err}"

    short = badge_of(held).short_id
    fraud = ("open", short, "--cause", "fraud", "--reason", "Not held.", "--by", BOB)
    assert "has no role, and only a manager or a member of the panel may do this" in run(*fraud)
    for who, role in ((BOB, Role.MANAGER), (CY, Role.PANEL)):
        login.give_role(held.engine, held.person(who).id, role, by="operator", reason="elected", now=NOW)
    said = run(*fraud)
    assert said.startswith("0 Case 1:") and "once a second person has agreed" in said
    assert "No mail server is set: tell the holder yourself." in said
    assert "Two different people decide" in run("agree", "1", "--by", BOB)
    assert "is withdrawn on" in run("agree", "1", "--by", CY)
    assert "notice runs" in run("list")
    assert "stands." in run("lift", "1", "--reason", "It was held.", "--by", CY)
    assert badge_of(held).state == "in force"


def test_a_policy_that_lets_somebody_unknown_decide_is_refused(held: Office) -> None:
    document = held.policy.document.replace(b"{by: two_people,", b"{by: whoever,")
    with pytest.raises(policy_shape.PolicyError, match=r"revocation\.issued_in_error\.by"):
        policy_shape.load(document, name="x")
