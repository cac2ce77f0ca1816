"""The table of policy versions, and all SQL on it."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from issuer.contributions.rates import Alarm
from issuer.ground.database import UtcDateTime, metadata
from issuer.recognition.life import Approval, Comment, Proposal
from issuer.recognition.lot import Bench, Candidate
from issuer.recognition.question import Question
from issuer.recognition.rule_rates import RuleAlarm
from schemas.strict_json import JsonObject

policies = Table(
    "policies",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("policy", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("adopted_at", UtcDateTime, nullable=False),
)
proposals = Table(
    "policy_proposals",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("policy", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("why", Text, nullable=False),
    Column("proposed_by", ForeignKey("persons.id"), nullable=False),
    Column("proposed_at", UtcDateTime, nullable=False),
    Column("comments_until", UtcDateTime),
    Column("backtest", Text),  # JSON: what it would have changed, as it was when comments were opened
    Column("withdrawn_at", UtcDateTime),
)
approvals = Table(
    "policy_approvals",
    metadata,
    Column("digest", ForeignKey("policy_proposals.digest"), primary_key=True),
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("approved_at", UtcDateTime, nullable=False),
)
policy_comments = Table(
    "policy_comments",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("digest", ForeignKey("policy_proposals.digest"), nullable=False, index=True),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("said_at", UtcDateTime, nullable=False),
)
public_numbers = Table(
    "public_numbers",
    metadata,
    Column("day", Date, primary_key=True),
    Column("numbers", JSON, nullable=False),
)
rule_alarms = Table(  # as the last nightly run found them
    "rule_alarms",
    metadata,
    Column("kind", String(64), primary_key=True),
    Column("alarm", String(16), nullable=False),
    Column("since", Date, nullable=False),
    Column("found", Integer, nullable=False),
    Column("usual", Integer, nullable=False),
)
questions = Table(
    "questions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("link", String(2000)),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("due", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),
    Column("answered_by", ForeignKey("persons.id")),
    Column("granted", Boolean),
    Column("answer", Text),
)


panels = Table(
    "question_panels",
    metadata,
    Column("question", ForeignKey("questions.id"), primary_key=True),
    Column("seed", String(64), nullable=False),
    Column("candidates", JSON, nullable=False),
    Column("drawn_at", UtcDateTime, nullable=False),
)
panel_members = Table(
    "panel_members",
    metadata,
    Column("question", ForeignKey("question_panels.question"), primary_key=True),
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("withdrew", Boolean, nullable=False),
    Column("granted", Boolean),  # what they decided; None before
    Column("reason", Text),
)


def bench(connection: Connection, number: int) -> Bench | None:
    row = connection.execute(select(panels).where(panels.c.question == number)).first()
    if row is None:
        return None
    chosen = select(panel_members).where(panel_members.c.question == number).order_by(panel_members.c.person)
    members = connection.execute(chosen).all()
    return Bench(
        question=number,
        seed=row.seed,
        candidates=tuple(Candidate(*one) for one in row.candidates),
        sitting=tuple(one.person for one in members if not one.withdrew),
        withdrawn=tuple(one.person for one in members if one.withdrew),
        votes={one.person: (one.granted, one.reason) for one in members if one.granted is not None},
    )


def add_bench(
    connection: Connection,
    number: int,
    *,
    seed: str,
    candidates: Sequence[Candidate],
    members: Sequence[Candidate],
    now: datetime,
) -> None:
    listed = [[one.person, one.kind, one.affiliation] for one in candidates]
    connection.execute(insert(panels).values(question=number, seed=seed, candidates=listed, drawn_at=now))
    _add_members(connection, number, members)


def replace_member(connection: Connection, number: int, *, member: str, members: Sequence[Candidate]) -> None:
    """Somebody withdrew; `members` are all who sit now."""
    mine = (panel_members.c.question == number) & (panel_members.c.person == member)
    connection.execute(update(panel_members).where(mine).values(withdrew=True))
    known = select(panel_members.c.person).where(panel_members.c.question == number)
    there = set(connection.execute(known).scalars())
    _add_members(connection, number, [one for one in members if one.person not in there])


def _add_members(connection: Connection, number: int, members: Sequence[Candidate]) -> None:
    for one in members:
        connection.execute(insert(panel_members).values(question=number, person=one.person, withdrew=False))


def set_vote(connection: Connection, number: int, *, person: str, granted: bool, reason: str) -> None:
    mine = (panel_members.c.question == number) & (panel_members.c.person == person)
    connection.execute(update(panel_members).where(mine).values(granted=granted, reason=reason))


def add_question(
    connection: Connection, *, kind: str, person: str, text: str, link: str | None, due: datetime, now: datetime
) -> int:
    values = {"kind": kind, "person": person, "text": text, "link": link, "opened_at": now, "due": due}
    return int(connection.execute(insert(questions).values(values).returning(questions.c.id)).scalar_one())


def answer_question(
    connection: Connection, number: int, *, by: str, granted: bool, answer: str, now: datetime
) -> None:
    values = {"answered_by": by, "granted": granted, "answer": answer, "answered_at": now}
    connection.execute(update(questions).where(questions.c.id == number).values(values))


def question(connection: Connection, number: int) -> Question | None:
    row = connection.execute(select(questions).where(questions.c.id == number)).first()
    return _question(row) if row else None


def questions_of(connection: Connection, person: str) -> list[Question]:
    """Newest first."""
    chosen = select(questions).where(questions.c.person == person).order_by(questions.c.id.desc())
    return [_question(row) for row in connection.execute(chosen)]


def open_questions(connection: Connection) -> list[Question]:
    """Oldest first."""
    waiting = select(questions).where(questions.c.answered_at.is_(None)).order_by(questions.c.id)
    return [_question(row) for row in connection.execute(waiting)]


def _question(row: Row[tuple[object, ...]]) -> Question:
    return Question(**row._mapping)


def add_proposal(connection: Connection, proposal: Proposal) -> None:
    connection.execute(
        insert(proposals).values(
            digest=proposal.digest,
            policy=proposal.policy,
            version=proposal.version,
            document=proposal.document,
            why=proposal.why,
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
        )
    )


def open_comments(connection: Connection, digest: str, *, until: datetime, backtest: str) -> None:
    chosen = proposals.c.digest == digest
    connection.execute(update(proposals).where(chosen).values(comments_until=until, backtest=backtest))


def withdraw_proposal(connection: Connection, digest: str, *, now: datetime) -> None:
    connection.execute(update(proposals).where(proposals.c.digest == digest).values(withdrawn_at=now))


def add_comment(connection: Connection, digest: str, comment: Comment) -> None:
    values = {"digest": digest, "person": comment.person, "text": comment.text, "said_at": comment.at}
    connection.execute(insert(policy_comments).values(values))


def forget_comments(connection: Connection, person: str) -> None:
    """Erase what somebody said of any version."""
    connection.execute(delete(policy_comments).where(policy_comments.c.person == person))


def comments(connection: Connection, digest: str) -> list[Comment]:
    """Oldest first."""
    chosen = policy_comments.c.digest == digest
    rows = connection.execute(select(policy_comments).where(chosen).order_by(policy_comments.c.number))
    return [Comment(row.person, row.text, row.said_at) for row in rows]


def add_approval(connection: Connection, digest: str, approval: Approval) -> None:
    values = {"digest": digest, "person": approval.person, "approved_at": approval.at}
    connection.execute(insert(approvals).values(values))


def all_proposals(connection: Connection) -> list[Proposal]:
    """In the order in which they were made."""
    given: dict[str, list[Approval]] = {}
    for row in connection.execute(select(approvals).order_by(approvals.c.approved_at, approvals.c.person)):
        given.setdefault(row.digest, []).append(Approval(row.person, row.approved_at))
    adopted = {row.digest: row.adopted_at for row in connection.execute(select(policies))}
    rows = connection.execute(select(proposals).order_by(proposals.c.proposed_at, proposals.c.digest))
    return [
        Proposal(
            digest=row.digest,
            policy=row.policy,
            version=row.version,
            document=row.document,
            why=row.why,
            proposed_by=row.proposed_by,
            proposed_at=row.proposed_at,
            comments_until=row.comments_until,
            backtest=row.backtest,
            withdrawn_at=row.withdrawn_at,
            adopted_at=adopted.get(row.digest),
            approvals=tuple(given.get(row.digest, ())),
        )
        for row in rows
    ]


def adoptions(connection: Connection) -> list[tuple[str, datetime]]:
    """(digest, when) of every version that was ever in force, in their order; the last one is in force."""
    rows = connection.execute(select(policies.c.digest, policies.c.adopted_at).order_by(policies.c.adopted_at))
    return [(row.digest, row.adopted_at) for row in rows]


def document(connection: Connection, digest: str) -> bytes | None:
    return connection.execute(select(policies.c.document).where(policies.c.digest == digest)).scalar()


def all_documents(connection: Connection) -> list[bytes]:
    return list(connection.execute(select(policies.c.document).order_by(policies.c.adopted_at)).scalars())


def add(connection: Connection, *, digest: str, policy: str, version: str, data: bytes, now: datetime) -> None:
    connection.execute(
        insert(policies).values(digest=digest, policy=policy, version=version, document=data, adopted_at=now)
    )


def asked_and_answered(connection: Connection) -> list[tuple[str, bool | None]]:
    """The kind of every question, and whether it was granted; None while it waits."""
    rows = connection.execute(select(questions.c.kind, questions.c.granted))
    return [(row.kind, row.granted) for row in rows]


def set_public_numbers(connection: Connection, day: date, numbers: JsonObject) -> None:
    """Keep a day's numbers in place of those that were counted earlier on it."""
    connection.execute(delete(public_numbers).where(public_numbers.c.day == day))
    connection.execute(insert(public_numbers).values(day=day, numbers=numbers))


def set_rule_alarms(connection: Connection, found: Iterable[RuleAlarm]) -> None:
    """Keep these in place of the former ones."""
    connection.execute(delete(rule_alarms))
    for one in found:
        alarm = one.alarm
        values = {"alarm": alarm.kind, "since": alarm.since, "found": alarm.found, "usual": alarm.usual}
        connection.execute(insert(rule_alarms).values(kind=one.kind, **values))


def all_rule_alarms(connection: Connection) -> list[RuleAlarm]:
    """What the last nightly run found, by kind."""
    rows = connection.execute(select(rule_alarms).order_by(rule_alarms.c.kind))
    return [RuleAlarm(row.kind, Alarm(row.alarm, row.since, row.found, row.usual)) for row in rows]


def newest_public_numbers(connection: Connection) -> "tuple[date, JsonObject] | None":
    """The newest numbers with their day."""
    query = select(public_numbers).order_by(public_numbers.c.day.desc()).limit(1)
    row = connection.execute(query).first()
    return (row.day, row.numbers) if row else None
