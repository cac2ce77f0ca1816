"""Cases for a person: a badge that was withdrawn after its discount was given, a voucher that lives on, a discount
that two desks gave.

Looking again fetches each issuer's document and lists anew and whole, never per badge, so nobody learns whose
badge is looked at. A case takes nothing away: a person decides, and may release the discount. What could not be
found out opens nothing and is said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from schemas import timestamps
from schemas.strict_json import JsonObject
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration.aftercare import UnknownCaseError, store
from verifier.registration.aftercare.model import Case
from verifier.registration.store import Standing
from verifier.verification.service import Verification
from verifier.verification.standing import Finding, Lookup

_SENTENCES = {
    "withdrawn": "The badge was withdrawn by its issuer after its discount was given.",
    "suspended": "The badge was suspended by its issuer after its discount was given.",
    "key_withdrawn": "The issuer took back the key of the badge after its discount was given.",
}


@dataclass(frozen=True)
class Looked:
    """What looking again found: how many grants were looked at, the cases opened now, and what is unknown."""

    event: str
    grants: int = 0
    opened: tuple[int, ...] = ()
    unknown: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """The look for programs."""
        return {
            "event": self.event,
            "grants": self.grants,
            "opened": list(self.opened),
            "unknown": list(self.unknown),
        }


def check(
    event: str,
    *,
    verification: Verification,
    engine: Engine,
    clock: Callable[[], datetime] = system_clock,
) -> Looked:
    """Look again at the badge of each grant that stands; a case is opened once for each grant and kind.

    Raises:
        DatabaseError: what was found could not be written.
    """
    with reading(engine) as connection:
        kept = store.standings(connection, event=event)
    findings = verification.look_again(_lookup(standing) for _, standing in kept)
    opened: list[int] = []
    unknown: dict[str, int] = {}
    for (number, _), finding in zip(kept, findings, strict=True):
        if finding.state == "unknown":
            unknown[finding.evidence] = unknown.get(finding.evidence, 0) + 1
        elif finding.state in _SENTENCES:
            case = _open(engine, event, number, finding, now=clock())
            opened += [] if case is None else [case]
    sentences = tuple(f"{reason.rstrip('.')} ({count} badges)." for reason, count in unknown.items())
    return Looked(event, len({number for number, _ in kept}), tuple(opened), sentences)


def listed(event: str, *, engine: Engine, closed: bool = False) -> tuple[Case, ...]:
    """The open cases of an event; with `closed` all of them.

    Raises:
        DatabaseError: they cannot be read.
    """
    with reading(engine) as connection:
        return store.listed_cases(connection, event=event, closed=closed)


def close(
    event: str,
    number: int,
    *,
    actor: str,
    why: str,
    engine: Engine,
    role: str = "staff",
    clock: Callable[[], datetime] = system_clock,
) -> None:
    """Close a case with the reason of whoever looked at it.

    Raises:
        UnknownCaseError: the event has no such open case.
        AuditError: nobody is named, or no reason.
        DatabaseError: nothing was written.
    """
    now = clock()
    with writing(engine) as connection:
        case = store.close_case(connection, number, event=event, actor=actor, why=why, now=now)
        if case is None:
            raise UnknownCaseError(f"The event {event} has no open case {number}.")
        _note(connection, case, "case.close", actor, role, why, now=now)


def open_found(
    connection: Connection,
    *,
    event: str,
    kind: str,
    subject: str,
    sentence: str,
    grant: int | None,
    actor: str,
    now: datetime,
) -> int | None:
    """Open a case that another room found, in the caller's transaction: once for each kind and subject. `grant`:
    the one of this office that it is about, if there is one. Its number; None if it was opened before.
    """
    number = store.open_case(
        connection, event=event, number=grant, kind=kind, sentence=sentence, subject=subject, now=now
    )
    if number is not None:
        (case,) = (
            case for case in store.listed_cases(connection, event=event, closed=False) if case.number == number
        )
        _note(connection, case, "case.open", actor, "program", sentence, now=now)
    return number


def decided_elsewhere(
    connection: Connection, *, event: str, kind: str, subject: str, by: str, why: str, now: datetime
) -> bool:
    """Close a case here that a person closed on another machine, in the caller's transaction. False where no such
    case is open.
    """
    for case in store.listed_cases(connection, event=event, closed=False):
        if (case.kind, case.subject) == (kind, subject):
            store.close_case(connection, case.number, event=event, actor=by, why=why, now=now)
            _note(connection, case, "case.close", by, "hub", why, now=now)
            return True
    return False


def in_transaction(connection: Connection, event: str) -> tuple[Case, ...]:
    """Every case of an event, closed or not, as the caller's transaction sees it."""
    return store.listed_cases(connection, event=event, closed=True)


def to_json(case: Case) -> JsonObject:
    """A case for programs."""
    return {
        "case": case.number,
        "event": case.event,
        "grant": case.redemption_id,
        "kind": case.kind,
        "subject": case.subject,
        "sentence": case.sentence,
        "opened_at": timestamps.show(case.opened_at),
        "closed_at": timestamps.show(case.closed_at) if case.closed_at else None,
        "closed_by": case.closed_by,
        "why": case.why,
    }


def _open(engine: Engine, event: str, number: int, finding: Finding, *, now: datetime) -> int | None:
    sentence = _SENTENCES[finding.state]
    with writing(engine) as connection:
        return open_found(
            connection,
            event=event,
            kind=finding.state,
            subject=f"grant {number}",
            sentence=sentence,
            grant=number,
            actor="the issuer's lists",
            now=now,
        )


def _lookup(kept: Standing) -> Lookup:
    return Lookup(
        kept.issuer, kept.key_id, kept.credential_sha256, kept.kind, kept.url, kept.list_index, kept.purpose
    )


def _note(
    connection: Connection, case: Case, act: str, actor: str, role: str, reason: str, *, now: datetime
) -> None:
    of_grant = "" if case.redemption_id is None else f" of grant {case.redemption_id}"
    audit.write(
        connection,
        actor=actor,
        role=role,
        act=act,
        event=case.event,
        subject=f"case {case.number}{of_grant}",
        reason=reason,
        now=now,
        details={"case": case.sentence},
    )
