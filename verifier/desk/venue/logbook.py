"""The journals of an event's desks: taken in, handed on, undone, counted. Their rules are `desk.merge`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from schemas import strict_json, timestamps
from schemas.event_policy import EventPolicy
from schemas.strict_json import JsonObject, JsonValue
from verifier.desk import merge
from verifier.desk.errors import JournalError, RequestRefusedError, UnknownDeskError
from verifier.desk.formats import journal, tokens
from verifier.desk.merge import Conflict, Given, Span, Tally
from verifier.desk.venue import command, conflicts, store
from verifier.desk.venue.devices import Admitted
from verifier.desk.venue.store import DeviceRow
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration import authority
from verifier.registration.aftercare import NotReleasableError, UnknownGrantError
from verifier.registration.aftercare.model import Case
from verifier.registration.aftercare.releasing import Releasing
from verifier.registration.events import Acceptance
from verifier.registration.ledger import Claim
from verifier.registration.reasons import Reason
from verifier.registration.service import Registration

HANDED_ON_AT_ONCE = 500


@dataclass(frozen=True)
class TakenIn:
    """What became of entries. `refused`: (place in the request, sentence)."""

    spans: tuple[Span, ...]
    new: int
    refused: tuple[tuple[int, str], ...] = ()

    def to_json(self) -> JsonObject:
        """The answer to whoever sent them."""
        has: JsonObject = {
            span.desk: {
                "upto": span.upto,
                "last": span.last,
                "gaps": [[first, last] for first, last in span.gaps],
                "forks": [*span.forks],
            }
            for span in self.spans
        }
        refused: list[JsonValue] = [{"index": index, "detail": detail} for index, detail in self.refused]
        return {"has": has, "refused": refused}


@dataclass(frozen=True)
class Report:
    """How an event's desks stand. `worst_case`: what all provisional discounts together may cost, at most."""

    tally: Tally
    devices: tuple[DeviceRow, ...]
    rings: dict[str, int]
    provisional_over_cap: dict[str, int]
    worst_case: int
    epoch: int
    holder: str
    is_forked: bool
    waiting_for: tuple[str, ...]
    cases: Mapping[tuple[str, str], Case]

    @property
    def names(self) -> dict[str, str]:
        """What people call each desk."""
        return {row.desk: row.name for row in self.devices}

    def name_of(self, desk: str) -> str:
        """What people call a desk; online where no desk gave it."""
        return self.names.get(desk, desk) or "online"

    def case_of(self, conflict: Conflict) -> Case | None:
        """The case in which a person decides, or decided, about a conflict."""
        return self.cases.get((conflicts.GIVEN_TWICE, conflicts.subject_of(conflict)))

    @property
    def wants_a_person(self) -> bool:
        """Whether there is anything that a person must look at, and has not decided yet."""
        spans = self.tally.spans
        broken = any(span.gaps or span.broken for span in spans)
        forked = [(conflicts.FORKED, f"{span.desk}/{seq}") for span in spans for seq in span.forks]
        over = [(conflicts.OVER_THE_CAP, desk) for desk in self.provisional_over_cap]
        twice = [(conflicts.GIVEN_TWICE, conflicts.subject_of(conflict)) for conflict in self.tally.conflicts]
        undecided = any(not self._is_decided(*matter) for matter in (*forked, *over, *twice))
        return undecided or broken or self.is_forked

    def _is_decided(self, kind: str, subject: str) -> bool:
        case = self.cases.get((kind, subject))
        return case is not None and case.closed_at is not None

    def to_json(self) -> JsonObject:
        """The report for programs."""

        def told(given: Given | None) -> JsonObject:
            if given is None:
                return {
                    "source": "online",
                    "desk": "",
                    "name": "online",
                    "at": None,
                    "value": None,
                    "percent": None,
                }
            return {
                "source": given.source,
                "desk": given.desk,
                "name": self.name_of(given.desk),
                "at": timestamps.show(given.at),
                "value": given.value,
                "percent": given.percent,
                "kind": given.kind,
                "request_id": given.request_id,
            }

        def case(found: Case | None) -> JsonObject:
            """The case of a conflict, and what a person decided in it."""
            return {"case": found.number if found else None, "decided": found.why if found else None}

        in_conflict: list[JsonValue] = [
            {"first": told(conflict.first), "second": told(conflict.second), **case(self.case_of(conflict))}
            for conflict in self.tally.conflicts
        ]
        journals: list[JsonValue] = [
            {
                "desk": span.desk,
                "name": self.name_of(span.desk),
                "upto": span.upto,
                "last": span.last,
                "gaps": [[first, last] for first, last in span.gaps],
                "forks": [*span.forks],
                "broken": [*span.broken],
            }
            for span in self.tally.spans
        ]
        return {
            "epoch": self.epoch,
            "holder": self.holder,
            "forked": self.is_forked,
            "waiting_for": [*self.waiting_for],
            "rings": {**self.rings},
            "conflicts": in_conflict,
            "undone": len(self.tally.undone),
            "over_the_cap": {**self.provisional_over_cap},
            "journals": journals,
            "worst_case": self.worst_case,
        }


class Logbook:
    """The journals of one office or hub."""

    def __init__(
        self,
        registration: Registration,
        *,
        own: Callable[[str], str],
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        self._registration, self._own, self._clock = registration, own, clock

    def take_in(
        self, event_id: str, entry_tokens: Sequence[str], *, by: Admitted | None = None, last: int | None = None
    ) -> TakenIn:
        """Add what is new of some entries, each refused by itself. The same entries again change nothing.

        `by`: the desk that sends them; with `last`, the number of its newest entry, it answers the roll after a
        takeover.

        Raises:
            UnknownEventError: there is no such event.
            DatabaseError: nothing was kept.
        """
        policy, now = self._registration.event(event_id), self._clock()
        with writing(self._registration.engine) as connection:
            found = _take_in(connection, policy, entry_tokens, now=now)
            if found.new:
                conflicts.recount(connection, policy, now=now)
            if by is not None and last is not None:
                upto = next((span.upto for span in found.spans if span.desk == by.row.desk), 0)
                if upto >= last:  # its journal is whole here
                    command.hear(connection, policy.event, desk=by.row.desk, epoch=by.epoch, now=now)
        if found.new:
            self.settle(policy)
        return found

    def settle(self, policy: EventPolicy) -> int:
        """Where the office decides again, enter what hubs and desks gave in its own ledger, so that the ticket
        shop hears of it: each once, however often this is asked. How many were new.

        Raises:
            DatabaseError, VoucherSecretError: it is asked again with the next entries.
        """
        with reading(self._registration.engine) as connection:
            kept = store.bundle_of(connection, policy.event)
            standing = authority.standing(connection, policy.event)
            if kept is None or kept.is_imported or (standing is not None and not standing.is_here):
                return 0
            given = command.tally_of(connection, policy).standing
            answered = set(authority.requests_granted(connection, event=policy.event))
        new = [
            one
            for one in given
            if one.seq and one.percent and one.holders and command.request_id_of(*one.request) not in answered
        ]
        for one in new:
            self._registration.ledger.claim(_settled(one, policy=policy))
        if new:
            with writing(self._registration.engine) as connection:
                conflicts.recount(connection, policy, now=self._clock())
        return len(new)

    def handed_on(self, event_id: str, *, after: int) -> tuple[tuple[int, str], ...]:
        """The next entries with their numbers, for a desk that wants to know what others gave.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self._registration.event(event_id)
        with reading(self._registration.engine) as connection:
            return store.entry_tokens(connection, policy.event, after=after, limit=HANDED_ON_AT_ONCE)

    def exported(self, event_id: str) -> tuple[str, ...]:
        """Every entry of an event, to be carried as a file or as codes.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self._registration.event(event_id)
        with reading(self._registration.engine) as connection:
            return tuple(token for _, token in store.entry_tokens(connection, policy.event))

    def undo(
        self, admitted: Admitted, *, request_id: str, reason: str, initials: str, desk: str | None = None
    ) -> None:
        """Take back what was granted under a request; only a person ever does that. A request that was undone
        stays so.

        Raises:
            RequestRefusedError: another desk's grant is taken back by a lead only.
            UnknownGrantError: this request was granted nothing here.
            NotReleasableError: it cannot be taken back.
        """
        row, whose = admitted.row, desk or admitted.row.desk
        if whose != row.desk and "lead" not in admitted.rights:
            raise RequestRefusedError("Only a lead takes back what another desk granted.", code="not_a_lead")
        with reading(self._registration.engine) as connection:
            decides = authority.decider(connection, row.event)
            number = authority.grant_of_request(
                connection, event=row.event, request_id=command.request_id_of(whose, request_id)
            )
        if decides != "here":
            raise NotReleasableError("Another machine decides about this event now: ask that one.")
        if number is None:
            raise UnknownGrantError("Nothing was granted here under this request.")
        Releasing(self._registration, clock=self._clock).release(
            row.event,
            str(number),
            actor=f"desk {row.desk}",
            role="lead" if "lead" in admitted.rights else "desk",
            why=f"{reason} ({initials})" if initials else reason,
            withdrawn_in_shop=self._is_hub(row.event),
        )
        with writing(self._registration.engine) as connection:
            conflicts.recount(connection, self._registration.event(row.event), now=self._clock())

    def report(self, event_id: str) -> Report:
        """How an event's desks stand now.

        Raises:
            UnknownEventError: there is no such event.
        """
        policy = self._registration.event(event_id)
        with reading(self._registration.engine) as connection:
            devices = store.devices_of(connection, policy.event)
            tally = command.tally_of(connection, policy)
            chain = command.chain_of(connection, policy.event)
            standing = authority.standing(connection, policy.event)
            before = len(command.redeemed_before(connection, policy.event))
            found = conflicts.found_before(connection, policy.event)
            waits = standing is not None and standing.is_here and not standing.is_open
            missing = (
                command.missing_desks(connection, policy.event, epoch=chain.epoch)
                if waits and chain.newest
                else ()
            )
        rings = {"online": before, "hub": 0, "offline": 0}
        for given in tally.standing:
            rings[given.source] += 1
        return Report(
            tally,
            devices,
            rings,
            conflicts.over_the_cap(tally, devices),
            worst_case(policy, devices),
            chain.epoch,
            chain.holder,
            chain.is_forked,
            missing,
            found,
        )

    def _is_hub(self, event_id: str) -> bool:
        return self._own(event_id) != authority.ONLINE


def worst_case(policy: EventPolicy, devices: Iterable[DeviceRow]) -> int:
    """What provisional discounts may cost at most: each active desk's cap, times the value of one."""
    at_desk = policy.provisional_at_desk
    caps = sum(row.cap for row in devices if row.state == "active")
    return 0 if at_desk is None else caps * at_desk.value_each


def _take_in(
    connection: Connection, policy: EventPolicy, entry_tokens: Sequence[str], *, now: datetime
) -> TakenIn:
    keys = {
        row.desk: tokens.key_of(strict_json.loads_object(row.jwk))
        for row in store.devices_of(connection, policy.event)
    }
    known = store.entries_known(connection, policy.event)
    new: dict[tuple[str, int, str], str] = {}
    refused: list[tuple[int, str]] = []
    for index, token in enumerate(entry_tokens):
        try:
            desk = journal.desk_of(token)
            if desk not in keys:
                raise UnknownDeskError(f"There is no desk {desk[:64]!a} of this event here.")
            entry = journal.verified(token, key=keys[desk], event=policy.event, desk=desk)
        except (JournalError, UnknownDeskError) as error:
            refused.append((index, str(error)))
            continue
        name = (entry.desk, entry.seq, journal.hash_of(token))
        if name not in known:
            new[name] = token
    store.add_entries(connection, policy.event, [(*name, token) for name, token in new.items()], now=now)
    return TakenIn(merge.numbered({**known, **new}), len(new), tuple(refused))


def _settled(given: Given, *, policy: EventPolicy) -> Claim:
    """What a desk gave, as a claim of the office's own ledger: its holder is known there by hashes only."""
    by_hash = tuple(sorted(authority.BY_HASH + name for name in given.holders))
    proof = command.HUB_PROOF if given.source == "hub" else command.OFFLINE_PROOF
    return Claim(
        policy,
        Acceptance(
            Reason.GRANTED,
            percent=given.percent,
            issuer=given.issuer,
            achievement=given.achievement,
            holders=by_hash,
        ),
        proof if given.source != "online" else "name_against_id",
        request_id=command.request_id_of(*given.request),
        fingerprint=command.SETTLED,
        now=given.at,
        keys=by_hash,
        is_settled=True,
    )
