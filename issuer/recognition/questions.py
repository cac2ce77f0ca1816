"""What holders ask about their decisions, and what they are answered: each with a deadline, each a matter.

A question changes no decision by itself. What is granted is mended where it is kept: a record collected, an
account proved, a claim attested; then news re-decides the person.
"""

from datetime import datetime

from sqlalchemy import Connection, Engine

from issuer.ground import audit
from issuer.ground.database import reading, writing
from issuer.ground.matters import Matter, MatterKind
from issuer.people.model import Person
from issuer.recognition import question, store
from issuer.recognition.life import Profile
from issuer.recognition.lot import Bench
from issuer.recognition.question import Question, QuestionError, QuestionKind
from schemas.policy import QualificationPolicy

_TITLES: dict[QuestionKind, tuple[MatterKind, str, str]] = {
    "missing": (
        "claim",
        "Somebody says that work of theirs is missing.",
        "It is not counted; they may ask again.",
    ),
    "dispute": ("dispute", "Somebody disputes a decision.", "The decision stays, and they may appeal."),
    "appeal": ("dispute", "Somebody appeals against an answer.", "The answer stays."),
}


def ask(
    engine: Engine,
    person: Person,
    kind: QuestionKind,
    *,
    text: str,
    link: str = "",
    policy: QualificationPolicy,
    profile: Profile,
    decided_at: datetime | None = None,
    now: datetime,
) -> Question:
    """Take a question. `decided_at`: of a dispute, when the award was made.

    Raises:
        QuestionError: nothing or too much is said, no web address, too late, or too many wait already.
    """
    said, where = text.strip(), link.strip()
    if not 0 < len(said) <= question.MAX_TEXT:
        raise QuestionError(f"Say in 1 to {question.MAX_TEXT} characters what it is about.")
    if where and (not where.startswith(("https://", "http://")) or len(where) > question.MAX_TEXT):
        raise QuestionError("A link begins with https://.")
    with writing(engine) as connection:
        known = store.questions_of(connection, person.id)
        waiting = [one for one in known if one.answered_at is None]
        same = next((one for one in waiting if (one.kind, one.text) == (kind, said)), None)
        if same is not None:
            return same
        if len(waiting) >= question.MAX_OPEN:
            raise QuestionError("Ten of your questions wait for their answer; more can be asked after that.")
        answered = next((one.answered_at for one in known if one.answered_at and one.kind == "dispute"), None)
        since = decided_at if kind == "dispute" else answered
        question.check_in_time(policy, profile, kind, since=since, now=now)
        due = question.answer_by(policy, profile, kind, now=now)
        number = store.add_question(
            connection, kind=kind, person=person.id, text=said, link=where or None, due=due, now=now
        )
        audit.write(
            connection, actor=person.id, role="person", act=f"question.{kind}", reason="asked on the why page",
            now=now, person=person.id, subject=f"question {number}",
        )  # fmt: skip
        made = store.question(connection, number)
    assert made is not None
    return made


def answer(
    engine: Engine, number: int, *, by: Person, role: str, granted: bool, text: str, now: datetime
) -> Question:
    """Answer a question, once; an appeal by somebody else than who answered before. Where a panel was drawn,
    each of its members decides, and it is answered once most of them agree.

    Raises:
        QuestionError: no such question, answered before, about oneself, no reasons are given, or a panel decides
        it on which this person does not sit.
    """
    if not text.strip():
        raise QuestionError("An answer gives its reasons: the person who asked reads them.")
    with writing(engine) as connection:
        asked = store.question(connection, number)
        if asked is None or asked.answered_at is not None:
            raise QuestionError(f"There is no question {number} that waits.")
        if asked.person == by.id:
            raise QuestionError("Nobody decides about themselves.")
        before = {one.answered_by for one in store.questions_of(connection, asked.person) if one.kind == "dispute"}
        if asked.kind == "appeal" and by.id in before:
            raise QuestionError("An appeal is decided by somebody else than who answered before.")
        bench = store.bench(connection, number)
        if bench is not None and not _voted(connection, bench, by, granted=granted, text=text.strip(), now=now):
            return asked
        store.answer_question(connection, number, by=by.id, granted=granted, answer=text.strip(), now=now)
        audit.write(
            connection, actor=by.id, role=role, act=f"question.{'grant' if granted else 'refuse'}",
            reason=text.strip()[:500], now=now, person=asked.person, subject=f"question {number}",
        )  # fmt: skip
        made = store.question(connection, number)
    assert made is not None
    return made


def _voted(connection: Connection, bench: Bench, by: Person, *, granted: bool, text: str, now: datetime) -> bool:
    """One member's decision is written down; whether most of the panel agree now."""
    if by.id not in bench.sitting:
        raise QuestionError("A panel was drawn for this question: only its members decide it.")
    if by.id in bench.votes:
        raise QuestionError("This member has decided already.")
    store.set_vote(connection, bench.question, person=by.id, granted=granted, reason=text)
    audit.write(
        connection, actor=by.id, role="panel", act="panel.vote", reason="as a member of the panel", now=now,
        subject=f"question {bench.question}", details={"granted": granted},
    )  # fmt: skip
    agreeing = 1 + sum(said == granted for said, _ in bench.votes.values())
    return agreeing * 2 > len(bench.sitting)


def find(connection: Connection, number: int) -> Question | None:
    """One question."""
    return store.question(connection, number)


def of_person(engine: Engine, person: Person) -> list[Question]:
    """What somebody asked, newest first."""
    with reading(engine) as connection:
        return store.questions_of(connection, person.id)


def open_ones(engine: Engine) -> list[Question]:
    """What waits for an answer, oldest first."""
    with reading(engine) as connection:
        return store.open_questions(connection)


def matters(engine: Engine) -> list[Matter]:
    """What waits for an answer, as matters of the team."""
    return [
        Matter(
            kind=_TITLES[one.kind][0],
            key=f"question-{one.id}",
            title=_TITLES[one.kind][1],
            since=one.opened_at,
            minutes=question.MINUTES[one.kind],
            default=_TITLES[one.kind][2],
            page=f"/team/questions/{one.id}",
            due=one.due,
        )
        for one in open_ones(engine)
    ]
