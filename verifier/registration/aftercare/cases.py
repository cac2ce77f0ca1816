"""Cases for a person: a badge that was withdrawn after its discount was given, a voucher that lives on.

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
        _note(connection, event, number, case.redemption_id, "case.close", actor, role, why, now=now)


def to_json(case: Case) -> JsonObject:
    """A case for programs."""
    return {
        "case": case.number,
        "event": case.event,
        "grant": case.redemption_id,
        "kind": case.kind,
        "sentence": case.sentence,
        "opened_at": timestamps.show(case.opened_at),
        "closed_at": timestamps.show(case.closed_at) if case.closed_at else None,
        "closed_by": case.closed_by,
        "why": case.why,
    }


def _open(engine: Engine, event: str, number: int, finding: Finding, *, now: datetime) -> int | None:
    sentence = _SENTENCES[finding.state]
    with writing(engine) as connection:
        case = store.open_case(
            connection, event=event, number=number, kind=finding.state, sentence=sentence, now=now
        )
        if case is not None:
            actor = "the issuer's lists"
            _note(connection, event, case, number, "case.open", actor, "program", sentence, now=now)
        return case


def _lookup(kept: Standing) -> Lookup:
    return Lookup(
        kept.issuer, kept.key_id, kept.credential_sha256, kept.kind, kept.url, kept.list_index, kept.purpose
    )


def _note(
    connection: Connection,
    event: str,
    case: int,
    grant: int,
    act: str,
    actor: str,
    role: str,
    reason: str,
    *,
    now: datetime,
) -> None:
    audit.write(
        connection,
        actor=actor,
        role=role,
        act=act,
        event=event,
        subject=f"case {case} of grant {grant}",
        reason=reason,
        now=now,
    )
