"""Questions about decisions: asked in time, answered once, an appeal by somebody else; each is a matter."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from issuer.ground import audit
from issuer.people import service as people
from issuer.people.model import Person
from issuer.people.roster import read_roster
from issuer.recognition import questions
from issuer.recognition.life import Profile
from issuer.recognition.question import Question, QuestionError, QuestionKind
from tests.unit.issuer.recognition.contributions import example

NOW = datetime(2026, 9, 1, tzinfo=UTC)
ROSTER = b"name,email,accounts\nAda,ada@a.example,\nBob,bob@b.example,\nCy,cy@c.example,\n"


@pytest.fixture
def who(database: Engine) -> Mapping[str, Person]:
    people.add_people(database, read_roster(ROSTER)[0], now=NOW)
    return {person.name: person for person in people.people_by_id(database).values()}


def ask(
    database: Engine,
    person: Person,
    kind: QuestionKind = "missing",
    *,
    text: str = "My talk in May",
    link: str = "",
    profile: Profile = "small",
    decided_at: datetime | None = NOW,
    now: datetime = NOW,
) -> Question:
    return questions.ask(
        database, person, kind, text=text, link=link, policy=example(), profile=profile, decided_at=decided_at,
        now=now,
    )  # fmt: skip


def answer(
    database: Engine, asked: Question, by: Person, *, granted: bool = False, now: datetime = NOW
) -> Question:
    return questions.answer(
        database, asked.id, by=by, role="manager", granted=granted, text="It was looked at.", now=now
    )


@pytest.mark.parametrize(
    ("kind", "profile", "days", "minutes", "matter"),
    [
        ("missing", "small", 14, 6, "claim"),
        ("missing", "standard", 7, 6, "claim"),
        ("dispute", "standard", 7, 15, "dispute"),
    ],
)
def test_a_question_is_a_matter_with_its_deadline(
    database: Engine,
    who: Mapping[str, Person],
    kind: QuestionKind,
    profile: Profile,
    days: int,
    minutes: int,
    matter: str,
) -> None:
    asked = ask(database, who["Ada"], kind, profile=profile)
    (one,) = questions.matters(database)
    assert (one.kind, one.minutes, one.due) == (matter, minutes, NOW + timedelta(days=days))
    assert "Ada" not in one.title
    answer(database, asked, who["Bob"])
    assert questions.matters(database) == []
    assert [entry.act for entry in audit.entries(database)] == [f"question.{kind}", "question.refuse"]


def test_a_dispute_comes_within_thirty_days(database: Engine, who: Mapping[str, Person]) -> None:
    ask(database, who["Ada"], "dispute", now=NOW + timedelta(days=30))
    with pytest.raises(QuestionError, match="within 30 days; they ended on 2026-10-01"):
        ask(database, who["Bob"], "dispute", now=NOW + timedelta(days=30, seconds=1))
    with pytest.raises(QuestionError, match="There is no decision to dispute"):
        ask(database, who["Cy"], "dispute", decided_at=None)


def test_an_appeal_comes_within_21_days_and_is_decided_by_somebody_else(
    database: Engine, who: Mapping[str, Person]
) -> None:
    with pytest.raises(QuestionError, match="Nothing was answered yet"):
        ask(database, who["Ada"], "appeal")
    answer(database, ask(database, who["Ada"], "dispute"), who["Bob"])
    with pytest.raises(QuestionError, match="within 21 days"):
        ask(database, who["Ada"], "appeal", now=NOW + timedelta(days=22))
    appeal = ask(database, who["Ada"], "appeal", now=NOW + timedelta(days=21))
    with pytest.raises(QuestionError, match="by somebody else than who answered before"):
        answer(database, appeal, who["Bob"])
    assert answer(database, appeal, who["Cy"], granted=True).granted is True


def test_nobody_answers_twice_or_about_themselves(database: Engine, who: Mapping[str, Person]) -> None:
    asked = ask(database, who["Ada"])
    with pytest.raises(QuestionError, match="about themselves"):
        answer(database, asked, who["Ada"])
    answer(database, asked, who["Bob"])
    with pytest.raises(QuestionError, match="no question 1 that waits"):
        answer(database, asked, who["Bob"])


def test_what_cannot_be_taken_is_said(database: Engine, who: Mapping[str, Person]) -> None:
    with pytest.raises(QuestionError, match="Say in 1 to 2000 characters"):
        ask(database, who["Ada"], text=" ")
    with pytest.raises(QuestionError, match="A link begins with https"):
        ask(database, who["Ada"], link="javascript:alert(1)")
    first = ask(database, who["Ada"])
    assert ask(database, who["Ada"]) == first
    for number in range(9):
        ask(database, who["Ada"], text=f"another {number}")
    with pytest.raises(QuestionError, match="Ten of your questions wait"):
        ask(database, who["Ada"], text="one more")
