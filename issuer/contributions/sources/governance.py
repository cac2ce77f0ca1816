"""People whom a community's governance files name: contributors by exception, each to a day, and team leads.

Every shape that the files have had: `extra-acs`, `extra_acs`, `extra-atcs`, `extra_atcs` anywhere below a team in
YAML, and the oldest, lines of text `Team: Name (mail) [September 2015]`. An entry holds to the last day of the
month that it names, or to the full date; an entry that is over, or says no such thing, is refused with its line.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import yaml
from pydantic import model_validator

from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources import face
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Refusal, Source, SourceError
from issuer.ground.outbound import Answer, Outbound
from issuer.people.model import Account
from schemas.mail_address import MailAddressError, checked_address

MAX_BYTES = 4 << 20
MAX_DEPTH = 40
KEYS = frozenset({"extra-acs", "extra_acs", "extra-atcs", "extra_atcs"})
EXPIRES = ("expires-in", "expires_in", "expires")
LEADS = frozenset({"ptl", "chair", "chairs", "leaders"})
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sep", "sept"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
_MONTH_OF_YEAR = re.compile(r"([A-Za-z]{3,9})\.? (\d{4})", re.ASCII)
_LINE = re.compile(
    r"([^:\[\]()]{1,100}):\s*([^()\[\]]{1,200}?)\s*\(([^()\s]{3,254})\)\s*\[([^\[\]]{1,40})\]\s*(?:#.*)?"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One exception: of which team, who (by their address), and the last day on which it holds."""

    team: str
    address: str
    last_day: date
    line: int


def last_day(text: str) -> date:
    """The last day of `August 2026`, `Aug 2026`, or the day `2026-08-31` itself.

    Raises:
        SourceError: it is none of these.
    """
    words = " ".join(text.split())
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", words, re.ASCII):
            return date.fromisoformat(words)
        named = _MONTH_OF_YEAR.fullmatch(words)
        if named:
            month, year = MONTHS[named[1].lower()], int(named[2])
            return date(year, month, monthrange(year, month)[1])
    except (ValueError, KeyError):
        pass
    raise SourceError(f"{text[:40]!r} is no end: 2026-08-31 or August 2026 was expected.")


def read_exceptions(data: bytes) -> tuple[list[Entry], list[Refusal]]:
    """Every entry in a governance file, over or not, and why others are none.

    Raises:
        SourceError: it is too large, not UTF-8, or neither YAML nor the text file.
    """
    text = _text(data)
    if any(_LINE.fullmatch(line.strip()) for line in text.splitlines()):
        return _read_lines(text)
    entries: list[Entry] = []
    refused: list[Refusal] = []
    for team, key, node in _fields(_root(text)):
        if key not in KEYS:
            continue
        if not isinstance(node, yaml.SequenceNode):
            refused.append(Refusal(_where(node), f"{key} of {team}: a list of people was expected."))
            continue
        for item in node.value:
            try:
                entries.append(_entry(team, item))
            except SourceError as error:
                refused.append(Refusal(_where(item), f"{team}: {error}"))
    return entries, refused


def read_leads(data: bytes) -> list[tuple[str, str]]:
    """The (team, address) of each lead or chair that a governance file in YAML names with an address."""
    text = _text(data)
    if any(_LINE.fullmatch(line.strip()) for line in text.splitlines()):
        return []
    found: list[tuple[str, str]] = []
    for team, key, node in _fields(_root(text)):
        people = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if key in LEADS:
            for person in people:
                with suppress(SourceError):  # a lead without an address cannot be known; the file is not at fault
                    found.append((team, _address(_cells(person).get("email", ""))))
    return list(dict.fromkeys(found))


def _read_lines(text: str) -> tuple[list[Entry], list[Refusal]]:
    entries: list[Entry] = []
    refused: list[Refusal] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        try:
            if found is None:
                raise SourceError("'Team: Name (mail) [September 2015]' was expected.")
            entries.append(Entry(found[1].strip(), _address(found[3]), last_day(found[4]), number))
        except SourceError as error:
            refused.append(Refusal(f"line {number}", str(error)))
    return entries, refused


def _text(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise SourceError(f"The file has {len(data)} bytes; at most {MAX_BYTES} are read.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"The file is not UTF-8 at byte {error.start}.") from error


def _root(text: str) -> yaml.MappingNode:
    """The document as nodes, which know their lines; nothing in it is constructed."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SourceError(f"The file is no YAML, or half of it: {' '.join(str(error).split())[:200]}.") from error
    if not isinstance(root, yaml.MappingNode):
        raise SourceError("The file is neither YAML with teams nor lines 'Team: Name (mail) [September 2015]'.")
    return root


def _fields(root: yaml.MappingNode) -> Iterator[tuple[str, str, yaml.Node]]:
    """Each (team, key, value) at any depth below a team; a reference to another part is followed once."""
    for team, below in root.value:
        waiting: list[tuple[yaml.Node, int]] = [(below, 0)]
        seen: set[int] = set()
        while waiting:
            node, depth = waiting.pop(0)
            if id(node) in seen or depth > MAX_DEPTH:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                waiting += [(item, depth + 1) for item in node.value]
            elif isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    yield str(team.value), str(key.value), value
                    waiting.append((value, depth + 1))


def _cells(node: yaml.Node) -> dict[str, str]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {
        str(key.value): str(value.value).strip() for key, value in node.value if isinstance(value, yaml.ScalarNode)
    }


def _entry(team: str, node: yaml.Node) -> Entry:
    if not isinstance(node, yaml.MappingNode):
        raise SourceError("a person with name, email and expires-in was expected.")
    cells = _cells(node)
    ends = next((cells[name] for name in EXPIRES if name in cells), None)
    if ends is None:
        raise SourceError("it has no end: expires-in was expected, such as August 2026.")
    return Entry(team, _address(cells.get("email", "")), last_day(ends), node.start_mark.line + 1)


def _address(text: str) -> str:
    try:
        return checked_address(text).lower()
    except MailAddressError as error:
        raise SourceError("it has no mail address, by which the person could be known.") from error


def _where(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"


class Governance(Source):
    """One file, on the web or in a local folder. `record`: what an exception is a record of; it holds until its
    day and no longer."""

    KIND = "governance"
    kind: Literal["governance"]
    url: BaseUrl | None = None
    file: str | None = None
    record: str = "exception.granted"

    @model_validator(mode="after")
    def _one_place(self) -> "Governance":
        if (self.url is None) == (self.file is None):
            raise ValueError("either 'url' or 'file' was expected")
        return self

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """The whole file, if it changed or a day has passed, on which entries may have ended."""
        answer: Answer | None = None
        if self.file is not None:
            data = read_local(self.file)
        else:
            answer = ask.ask(self.url or "", etag=face.etag_of_today(cursor, now))
            if answer.unchanged:
                yield Page(cursor=cursor, unchanged=True)
                return
            data = answer.body
        entries, refused = read_exceptions(data)
        for entry in entries:
            if entry.last_day < now.date():
                refused.append(Refusal(f"line {entry.line}", f"{entry.team}: it held until {entry.last_day}."))
        standing = [entry for entry in entries if entry.last_day >= now.date()]
        leads = [self._lead(team, address, now) for team, address in read_leads(data)]
        yield Page(
            (*(self._record(entry, now) for entry in standing), *leads), tuple(refused), face.behind(answer, now)
        )

    @property
    def _evidence(self) -> str | None:
        return face.https_only(self.url)

    def _record(self, entry: Entry, now: datetime) -> Contribution:
        facts = Facts(title=face.title_of(f"{entry.team}, by exception"), expires_on=entry.last_day)
        name = f"{entry.team[:100]}:{entry.address}:{entry.last_day}"
        who = Account.of("mail", entry.address)
        return Contribution("governance", name, self.record, who, _morning(now), facts, self._evidence)

    def _lead(self, team: str, address: str, now: datetime) -> Contribution:
        """One record a year for who leads: nobody who stopped is a lead for ever."""
        facts = Facts(title=face.title_of(f"Lead of {team}"), event=f"{team[:100]}-{now.year}")
        name = f"lead:{team[:100]}:{address}:{now.year}"
        who = Account.of("mail", address)
        return Contribution("governance", name, "group.chaired", who, _morning(now), facts, self._evidence)


def _morning(now: datetime) -> datetime:
    """The files do not say since when: what we know is the day on which it was first read."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def read_local(path: str) -> bytes:
    """A local file's bytes.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from error
