"""An attestor's sheet: everything that waits for what they saw, answered in one go behind one mailed link.

It offers what their delegation covers and still wants a voice, and says of each that they cannot attest why, and
who else can. Each answer is taken by `service`, with the same rules as a single invitation's.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, Engine

from issuer.attestations import service, store
from issuer.attestations.eligibility import Eligibility, voices_wanted
from issuer.attestations.model import Attestation, AttestationError, Claim
from issuer.ground import mail
from issuer.ground.database import reading, writing
from issuer.ground.mail import MAX_SUBJECT, Mail
from issuer.ground.tokens import hash_of
from issuer.people.model import Person
from schemas.policy import QualificationPolicy

LINK_LASTS = timedelta(days=30)
CLAIMS_SHOWN = 30
CLAIMS_WAIT = timedelta(days=365)  # what is older is not asked for any more
OTHERS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One claim on a sheet: `answer` once it was given; else `refused`, the reason why this person cannot attest
    it, with `others` who can.
    """

    claim: Claim
    subjects: tuple[Person, ...]
    statements: tuple[str, ...]
    asks_attendees: bool
    has_list: bool
    answer: Attestation | None = None
    refused: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """What waits for one attestor, the oldest first; then what they cannot attest, and what they have answered."""

    attestor: Person
    lines: tuple[Line, ...]

    @property
    def waiting(self) -> tuple[Line, ...]:
        """What they can answer."""
        return tuple(line for line in self.lines if line.answer is None and line.refused is None)


@dataclass(frozen=True, slots=True)
class Said:
    """What a form says about one claim."""

    claim: str
    seen: bool
    statements: frozenset[str]
    attendees: int | None


def make_link(engine: Engine, attestor: Person, *, now: datetime) -> str:
    """The secret of an attestor's private link, good for 30 days; an earlier one stops working."""
    token = secrets.token_urlsafe(service.TOKEN_BYTES)
    with writing(engine) as connection:
        store.replace_sheet_link(
            connection, token_hash=hash_of(token), attestor=attestor.id, ends=now + LINK_LASTS
        )
    return token


def ask_all(
    engine: Engine,
    *,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    public_url: str,
    community: str,
    now: datetime,
) -> list[tuple[Person, int, str | None]]:
    """Mail to everybody for whom something waits: who, how many, and the link of those whom no mail reaches."""
    asked: list[tuple[Person, int, str | None]] = []
    with reading(engine) as connection:
        attestors = {d.attestor for d in store.all_delegations(connection) if not d.revoked}
        claims = store.recent_claims(connection, since=now - CLAIMS_WAIT)
        known = service.eligibility(connection, claims, people, policy, now.date())
        waiting = {
            person: _how_many_wait(known, claims, people[person]) for person in sorted(attestors & people.keys())
        }
    for person_id, count in waiting.items():
        if not count:
            continue
        person = people[person_id]
        link = f"{public_url}/sheet/{make_link(engine, person, now=now)}"
        if person.email is None:
            asked.append((person, count, link))
            continue
        with writing(engine) as connection:
            mail.enter(connection, _letter(person, count, link, community), expires_at=now + LINK_LASTS, now=now)
        asked.append((person, count, None))
    return asked


def open_sheet(
    engine: Engine, token: str, *, people: Mapping[str, Person], policy: QualificationPolicy, now: datetime
) -> Sheet | None:
    """What a private link shows; None for a link that leads nowhere, or has run out."""
    with reading(engine) as connection:
        attestor = _attestor(connection, token, people, now)
        return None if attestor is None else _sheet(connection, attestor, people, policy, now)


def answer_all(
    engine: Engine,
    token: str,
    said: Sequence[Said],
    *,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    now: datetime,
) -> dict[str, str]:
    """Take the answers of one form, each by itself: those that were refused, with the reason, by claim.

    Raises:
        AttestationError: the link leads nowhere.
    """
    refused: dict[str, str] = {}
    with reading(engine) as connection:
        attestor = _attestor(connection, token, people, now)
    if attestor is None:
        raise AttestationError("This link leads nowhere: ask the community's manager for a new one.")
    for one in said:
        try:
            service.answer_claim(
                engine,
                one.claim,
                attestor,
                seen=one.seen,
                statements=one.statements,
                attendees=one.attendees,
                people=people,
                policy=policy,
                now=now,
            )
        except AttestationError as error:
            refused[one.claim] = str(error)
    return refused


def list_photo(
    engine: Engine,
    token: str,
    claim_id: str,
    *,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    now: datetime,
) -> tuple[bytes, str] | None:
    """The photograph of the list at the door, for an attestor whom this claim waits for."""
    sheet = open_sheet(engine, token, people=people, policy=policy, now=now)
    line = next((line for line in sheet.waiting if line.claim.id == claim_id), None) if sheet else None
    if line is None or line.claim.event is None:
        return None
    with reading(engine) as connection:
        return service.photo_of(connection, line.claim.event)


def _sheet(
    connection: Connection,
    attestor: Person,
    people: Mapping[str, Person],
    policy: QualificationPolicy,
    now: datetime,
) -> Sheet:
    claims = store.recent_claims(connection, since=now - CLAIMS_WAIT)
    known = service.eligibility(connection, claims, people, policy, now.date())
    lines: list[Line] = []
    waiting = 0  # what was answered takes no place from what is asked
    for claim in claims:
        if waiting >= CLAIMS_SHOWN:
            break
        line = _line(connection, known, claim, attestor)
        if line is None or (line.answer is not None and line.answer.answered_at < now - LINK_LASTS):
            continue
        lines.append(line)
        waiting += line.answer is None and line.refused is None
    return Sheet(
        attestor, tuple(sorted(lines, key=lambda line: (line.answer is not None, line.refused is not None)))
    )


def _how_many_wait(known: Eligibility, claims: Iterable[Claim], attestor: Person) -> int:
    """As many as their sheet would show."""
    asked = (
        claim for claim in claims if _is_asked(known, claim, attestor) and known.why_not(claim, attestor) is None
    )
    return sum(1 for _ in islice(asked, CLAIMS_SHOWN))


def _is_asked(known: Eligibility, claim: Claim, attestor: Person) -> bool:
    """Whether a claim wants another voice, and not one that this attestor gave already."""
    if claim.kind not in known.policy.kinds or any(subject not in known.people for subject in claim.subjects):
        return False
    given = known.answers_to(claim)
    seen = sum(answer.seen for answer in given)
    return seen < voices_wanted(claim.kind, known.policy) and all(one.attestor != attestor.id for one in given)


def _line(connection: Connection, known: Eligibility, claim: Claim, attestor: Person) -> Line | None:
    """One claim for this attestor; None if it is not their affair, or wants no other voice."""
    if claim.kind not in known.policy.kinds or any(subject not in known.people for subject in claim.subjects):
        return None
    own = next((answer for answer in known.answers_to(claim) if answer.attestor == attestor.id), None)
    if own is None and not _is_asked(known, claim, attestor):
        return None
    refused = known.why_not(claim, attestor) if own is None else None
    if refused is not None and not refused.rule:
        return None  # no delegation for it: it is not on their sheet at all
    others: tuple[str, ...] = ()
    if refused is not None:
        others = tuple(person.name for person in known.who_may(claim) if person.id != attestor.id)[:OTHERS_NAMED]
    return Line(
        claim,
        tuple(known.people[subject] for subject in claim.subjects),
        service.statements_of(claim.kind, known.policy),
        service.asks_attendees(claim.kind, known.policy),
        claim.event is not None and service.photo_of(connection, claim.event) is not None,
        own,
        None if refused is None else refused.sentence,
        others,
    )


def _attestor(connection: Connection, token: str, people: Mapping[str, Person], now: datetime) -> Person | None:
    found = store.sheet_link(connection, hash_of(token))
    return people.get(found[0]) if found is not None and found[1] > now else None


def _letter(person: Person, count: int, link: str, community: str) -> Mail:
    assert person.email is not None
    say = person.voice
    waits = say.counted(
        count,
        "One event waits for somebody who saw it. Say what you saw, all on one page:",
        "%(num)s events wait for somebody who saw them. Say what you saw, all on one page:",
    )
    lasts = say(
        "It takes about a minute. “I did not see it” is a good answer and costs nobody anything.\n"
        "The link is yours alone and good for 30 days; whoever has it answers in your name."
    )
    subject = say.counted(
        count,
        "%(community)s: one event waits for your word",
        "%(community)s: %(num)s events wait for your word",
        community=community,
    )
    greeting = say("Hello %(name)s,", name=person.name)
    return Mail(person.email, subject[:MAX_SUBJECT], f"{greeting}\n\n{waits}\n\n{link}\n\n{lasts}\n")
