"""Journals put together: who keeps a discount that was given twice, what is in conflict, what is missing.

A pure function of a set of entries and of what office or hub wrote down themselves: order and repetition change
nothing. Nobody is taken anything back here; a conflict is for a person. The same rules are told in
docs/desk-formats.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from verifier.desk.formats import journal
from verifier.desk.formats.journal import Entry

# `online`: before a hub decided; `hub`: at the venue; `offline`: when cut off, or by a lead's decision.
Source = Literal["online", "hub", "offline"]
_RANK: Mapping[Source, int] = {"online": 0, "hub": 1, "offline": 2}
_SOURCES: Mapping[int, Source] = {0: "online", 1: "hub", 3: "offline"}


@dataclass(frozen=True)
class Given:
    """A discount that somebody gave. `holders`: hashes; `seq` is 0 for what no journal says."""

    source: Source
    at: datetime
    desk: str
    seq: int
    request_id: str
    holders: frozenset[str]
    issuer: str = ""
    achievement: str = ""
    percent: int = 0
    value: int | None = None
    kind: Literal["granted", "provisional", "override"] = "granted"

    @property
    def order(self) -> tuple[int, datetime, str, int, str, tuple[str, ...]]:
        """Who comes first keeps it: online, then the hub, then offline; then by time, desk, number."""
        rank = _RANK[self.source]
        return (rank, self.at, self.desk, self.seq, self.request_id, tuple(sorted(self.holders)))

    @property
    def request(self) -> tuple[str, str]:
        return (self.desk, self.request_id)


@dataclass(frozen=True)
class Conflict:
    """A discount that was given although another one of the same holder comes first. `first`: None where it was
    redeemed online before, of which only a hash is known here.
    """

    second: Given
    first: Given | None


@dataclass(frozen=True)
class Span:
    """What is there of one desk's journal: whole up to `upto`; up to `last` but for `gaps`; `forks`: numbers with
    two entries. `broken`: numbers whose entry does not name the one before it.
    """

    desk: str
    upto: int
    last: int
    gaps: tuple[tuple[int, int], ...] = ()
    forks: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.upto == self.last


@dataclass(frozen=True)
class Tally:
    """What stands, what is in conflict with it, what a person undid, and how whole each journal is."""

    standing: tuple[Given, ...]
    conflicts: tuple[Conflict, ...]
    undone: tuple[Given, ...]
    spans: tuple[Span, ...]


def tally(
    entry_tokens: Iterable[str],
    *,
    known: Iterable[Given] = (),
    before: Iterable[str] = (),
    answered: Iterable[tuple[str, str]] = (),
) -> Tally:
    """What a set of verified entries comes to.

    `known`: what office or hub wrote down themselves; a journal's `granted` of the same request is the same.
    `before`: holders who redeemed online before, by hash. `answered`: every request that they answered, (desk,
    request id): what a journal says of one of these and `known` does not is not standing any more.
    """
    tokens_by_hash = {journal.hash_of(token): token for token in entry_tokens}
    entries = {hashed: journal.read(token) for hashed, token in tokens_by_hash.items()}
    undone_requests = {entry.request for entry in entries.values() if entry.kind == "undo"}
    written_down = {given.request: given for given in known}
    spoken_for = set(answered) | written_down.keys()
    given = set(written_down.values())
    undone: set[Given] = set()
    for entry in entries.values():
        if entry.kind not in journal.GIVING:
            continue
        found = _given(entry)
        if found.source != "offline" and found.request in spoken_for:
            continue
        (undone if entry.request in undone_requests else given).add(found)
    standing, conflicts = _put_in_order(given, before=frozenset(before))
    return Tally(standing, conflicts, tuple(sorted(undone, key=lambda one: one.order)), spans(entries))


def spans(entries: Mapping[str, Entry]) -> tuple[Span, ...]:
    """How whole each desk's journal is; entries by their hashes."""
    numbers: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for hashed, entry in entries.items():
        numbers[entry.desk][entry.seq].append(hashed)
    return tuple(_span(desk, numbers[desk], entries) for desk in sorted(numbers))


def numbered(names: Iterable[tuple[str, int, str]]) -> tuple[Span, ...]:
    """The same from (desk, number, hash) of each entry alone, without whether each names the one before it."""
    numbers: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for desk, seq, hashed in names:
        numbers[desk][seq].append(hashed)
    return tuple(_span(desk, numbers[desk], {}) for desk in sorted(numbers))


def _span(desk: str, numbers: Mapping[int, list[str]], entries: Mapping[str, Entry]) -> Span:
    gaps: list[tuple[int, int]] = []
    expected = 1
    for seq in sorted(numbers):
        if seq > expected:
            gaps.append((expected, seq - 1))
        expected = seq + 1
    last = expected - 1
    forks = tuple(seq for seq in sorted(numbers) if len(numbers[seq]) > 1)
    broken = tuple(
        seq
        for seq in sorted(numbers)
        if seq - 1 in numbers
        and any(hashed in entries and entries[hashed].prev not in numbers[seq - 1] for hashed in numbers[seq])
    )
    return Span(desk, gaps[0][0] - 1 if gaps else last, last, tuple(gaps), forks, broken)


def _given(entry: Entry) -> Given:
    assert entry.kind in {"granted", "provisional", "override"}
    return Given(
        source="offline" if entry.kind != "granted" else _SOURCES[entry.ring or 0],
        at=entry.at,
        desk=entry.desk,
        seq=entry.seq,
        request_id=entry.request_id or "",
        holders=frozenset(entry.holders),
        issuer=entry.issuer or "",
        achievement=entry.achievement or "",
        percent=entry.percent or 0,
        value=entry.value,
        kind=entry.kind,
    )


def _put_in_order(
    given: Iterable[Given], *, before: frozenset[str]
) -> tuple[tuple[Given, ...], tuple[Conflict, ...]]:
    standing: list[Given] = []
    conflicts: list[Conflict] = []
    holding: dict[str, Given | None] = dict.fromkeys(before)
    requests: dict[tuple[str, str], Given] = {}
    for one in sorted(given, key=lambda one: one.order):
        if one.request in requests and requests[one.request].holders & one.holders:
            continue  # the same grant, entered twice
        taken = [holding[name] for name in sorted(one.holders) if name in holding]
        if taken:
            conflicts.append(Conflict(one, taken[0]))
            continue
        standing.append(one)
        requests[one.request] = one
        holding |= dict.fromkeys(one.holders, one)
    return tuple(standing), tuple(conflicts)
