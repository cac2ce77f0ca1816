"""Panels that decide what holders ask: drawn by lot, without those who are near; each member decides for
themselves.

Seed and candidates are kept, and the seed stands in the audit log, so that a draw can be repeated. One question
has one draw; whoever withdraws is replaced by the next whom the same lot gives. Drawing is `lot`, answering
`questions`.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine

from issuer.ground import audit
from issuer.ground.database import reading, writing
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.recognition import lot, store
from issuer.recognition.decision import Decision
from issuer.recognition.lot import Bench, Candidate
from issuer.recognition.question import Question, QuestionError
from issuer.recognition.service import decide_some
from schemas import jcs
from schemas.policy import QualificationPolicy

NOBODY = (
    "nobody"  # employs them: that is known, and differs from every employer; two of these have one affiliation
)


def convene(
    engine: Engine,
    number: int,
    *,
    among: Iterable[str],
    policy: QualificationPolicy,
    by: Person,
    role: str,
    now: datetime,
) -> Bench:
    """Draw the panel of a question, once; the same again gives the same. `among`: who hold the tier from which the
    policy draws, by id.

    Raises:
        QuestionError: no such question waits, this person asked it, or no panel can be drawn.
    """
    with reading(engine) as connection:
        asked, known = _waiting(connection, number), store.bench(connection, number)
    if known is not None:
        return known
    found = _candidates(engine, asked, among, policy, now=now)
    seed = secrets.token_hex(16)
    drawn = lot.draw(found, policy.governance.standard.panel, seed=seed)
    with writing(engine) as connection:
        _waiting(connection, number)
        if by.id in people_service.ids_of(connection, asked.person):
            raise QuestionError("Nobody draws the panel that decides about themselves.")
        if store.bench(connection, number) is None:
            store.add_bench(connection, number, seed=seed, candidates=found, members=drawn, now=now)
            _note(connection, asked, "panel.draw", by.id, role, seed, found, drawn, now=now)
        made = store.bench(connection, number)
    assert made is not None
    return made


def withdraw(
    engine: Engine, number: int, *, member: Person, reason: str, policy: QualificationPolicy, now: datetime
) -> Bench:
    """A member withdraws, since they are near to the matter or cannot decide it; the same lot gives the next one.

    Raises:
        QuestionError: they do not sit on it, have decided already, give no reason, or nobody else can be drawn.
    """
    said = " ".join(reason.split())
    if not 0 < len(said) <= 400:
        raise QuestionError("Say in 1 to 400 characters why you withdraw.")
    with writing(engine) as connection:
        asked, bench = _waiting(connection, number), store.bench(connection, number)
        if bench is None or member.id not in bench.sitting:
            raise QuestionError(f"This person does not sit on the panel of question {number}.")
        if member.id in bench.votes:
            raise QuestionError("Whoever has decided does not withdraw any more.")
        gone = {*bench.withdrawn, member.id}
        left = [one for one in bench.candidates if one.person not in gone]
        staying = [one for one in left if one.person in bench.sitting]
        drawn = lot.draw(left, policy.governance.standard.panel, seed=bench.seed, staying=staying)
        store.replace_member(connection, number, member=member.id, members=drawn)
        _note(connection, asked, "panel.withdraw", member.id, "panel", bench.seed, left, drawn, now=now, why=said)
        made = store.bench(connection, number)
    assert made is not None
    return made


def of_question(engine: Engine, number: int) -> Bench | None:
    """The panel of a question, if one was drawn."""
    with reading(engine) as connection:
        return store.bench(connection, number)


def drawn_again(bench: Bench, policy: QualificationPolicy) -> tuple[str, ...]:
    """Who the lot gives from the seed and candidates that are kept, before anybody withdrew."""
    return tuple(
        one.person for one in lot.draw(bench.candidates, policy.governance.standard.panel, seed=bench.seed)
    )


def _waiting(connection: Connection, number: int) -> Question:
    asked = store.question(connection, number)
    if asked is None or asked.answered_at is not None:
        raise QuestionError(f"There is no question {number} that waits.")
    return asked


def _candidates(
    engine: Engine, asked: Question, among: Iterable[str], policy: QualificationPolicy, *, now: datetime
) -> list[Candidate]:
    """Everybody who may decide it: who holds the tier, and is not near to whoever asks."""
    decided = {person.id: (person, decision) for person, decision in decide_some(engine, policy, among, as_of=now)}
    with reading(engine) as connection:
        asker = people_service.persons_behind(connection, {asked.person})[asked.person]
        own = people_service.ids_of(connection, asker.id)
        earlier = {one.answered_by for who in own for one in store.questions_of(connection, who)}
    theirs = next((decision for _, decision in decide_some(engine, policy, [asker.id], as_of=now)), None)
    spoke = _who_spoke(theirs)
    return [
        Candidate(person.id, _main_kind(decision), _affiliation(person, now.date()))
        for person, decision in sorted(decided.values(), key=lambda pair: pair[0].id)
        if people_service.is_present(person)
        and person.id not in {*own, *earlier, *spoke}
        and not _near(person, asker, now.date())
    ]


def _who_spoke(decision: Decision | None) -> set[str]:
    """Who attested or accepted work of this person: they have said already what they think of it."""
    if decision is None:
        return set()
    attested = {one.attestor for line in decision.lines for one in line.item.attestations}
    return attested | {one for line in decision.lines for one in line.item.acceptors}


def _near(one: Person, other: Person, day: date) -> bool:
    """Their manager or report, of their household, or of the same employer."""
    at_home = one.household is not None and one.household == other.household
    theirs, own = one.affiliation_at(day), other.affiliation_at(day)
    employer = theirs is not None and own is not None and theirs.organisation is not None
    same = employer and theirs is not None and own is not None and theirs.organisation == own.organisation
    return one.manager == other.id or other.manager == one.id or at_home or same


def _affiliation(person: Person, day: date) -> str | None:
    known = person.affiliation_at(day)
    return None if known is None else known.organisation or NOBODY


def _main_kind(decision: Decision) -> str | None:
    """The family of kinds in which somebody has most credits: `event`, `change`, `translation`."""
    weights = Counter[str]()
    for line in decision.lines:
        if line.counted and line.kind:
            weights[line.kind.partition(".")[0]] += int(line.credits * 1_000_000)
    return max(sorted(weights), key=lambda kind: weights[kind], default=None)


def _note(
    connection: Connection,
    asked: Question,
    act: str,
    by: str,
    role: str,
    seed: str,
    candidates: Sequence[Candidate],
    drawn: Sequence[Candidate],
    *,
    now: datetime,
    why: str = "the policy lets a panel decide",
) -> None:
    listed = jcs.canonicalise([[one.person, one.kind, one.affiliation] for one in candidates])
    audit.write(
        connection, actor=by, role=role, act=act, reason=why, now=now, person=asked.person,
        subject=f"question {asked.id}",
        details={
            "seed": seed,
            "candidates": len(candidates),
            "candidates_sha256": hashlib.sha256(listed).hexdigest(),
            "members": " ".join(one.person for one in drawn),
        },
    )  # fmt: skip
