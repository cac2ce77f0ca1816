"""Badges that say what one that passed every check said, but for their particulars: whose, since when.

Most of the story in `checks` comes out the same for all badges of an achievement: contexts, data model, words. A
badge that passed is remembered as text with gaps. Another payload with the same text around its gaps reads the
same, as long as each gap holds a value of one plain form; then only what can differ is checked: times, key,
signature, status. This module never says that a badge is bad: what it is not sure of is told in full by the story.
A test holds both together.
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from keys import jws
from keys.errors import SignatureError
from keys.jws import ParsedJws
from schemas import strict_json, timestamps
from schemas.claims import document_of
from schemas.contexts import ContextSet
from schemas.outline import Outline
from schemas.strict_json import JsonObject, JsonValue
from verifier.verification.content import SKEW, read_badge
from verifier.verification.reading import ReadBadge
from verifier.verification.report import check_text
from verifier.verification.status import OLD_TYPE, check_status, list_url
from verifier.verification.story import check_issuer_document, document_to_read, read_document
from verifier.verification.trust import TrustBundle
from verifier.verification.verdict import Check, Outcome, State, Statement, Verdict

if TYPE_CHECKING:
    from schemas.credential import OpenBadgeCredential

MAX_HEADERS: Final = 128  # a header stands for a key; with the two other bounds at most 32 MB are remembered
MAX_EACH: Final = 16  # achievements under one key; more of them are told in full
MAX_CHARACTERS: Final = 16 * 1024  # of a payload; ours have 2,000

_Path: TypeAlias = tuple[str | int, ...]
_Form: TypeAlias = Literal["identifier", "moment", "number", "index", "text"]

# What may stand in a gap. No form has a quote, a backslash or a control character, so that the JSON around it
# stays what it was. Every identifier of that form is an absolute IRI in any context, every moment a dateTime.
_FORMS: Final[Mapping[_Form, str]] = {
    "identifier": (
        r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        r"|did:(?:key|jwk):[A-Za-z0-9_-]{1,500}"
        r"|https://[a-z0-9.-]{1,200}(?:/[A-Za-z0-9._~-]{1,200}){0,6}(?:#[A-Za-z0-9._~-]{1,100})?"
    ),
    "moment": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z",
    "number": r"[1-9][0-9]{0,11}",
    "index": r"0|[1-9][0-9]{0,17}",
    "text": r'[^"\\\x00-\x1f]{1,4000}',
}
_MEMBERS: Final[Mapping[_Path, _Form]] = {
    ("id",): "identifier",
    ("jti",): "identifier",
    ("sub",): "identifier",
    ("validFrom",): "moment",
    ("validUntil",): "moment",
    ("awardedDate",): "moment",
    ("nbf",): "number",
    ("exp",): "number",
    ("iat",): "number",
    ("credentialSubject", "id"): "identifier",
    ("credentialSubject", "narrative"): "text",
}
_MEMBERS_OF_IDENTITIES: Final[Mapping[str, _Form]] = {"identityHash": "text", "salt": "text"}
_MEMBERS_OF_STATUS: Final[Mapping[str, _Form]] = {"id": "identifier", "statusListIndex": "index"}


class _Gap(NamedTuple):
    """A place that differs: what stands behind it up to the next one, how that begins, and, if the value stood in
    a gap before, in which.
    """

    following: str
    ending: str
    repeats: int | None


@dataclass(frozen=True, slots=True)
class _TextWithGaps:
    """What all payloads of one kind have in common. `form`: of all values, joined by quotes."""

    opening: str
    gaps: tuple[_Gap, ...]
    form: re.Pattern[str]

    def values_in(self, text: str) -> list[str] | None:
        """The values in the gaps, each once; None if the text around them is another, a value has another form,
        or a value that stands in two gaps is not the same in both.
        """
        if not text.startswith(self.opening):
            return None
        values: list[str] = []
        at = len(self.opening)
        find, begins = text.find, text.startswith
        for following, ending, repeats in self.gaps:
            end = find(ending, at)
            if end < 0 or not begins(following, end):
                return None
            if repeats is None:
                values.append(text[at:end])
            elif values[repeats] != text[at:end]:
                return None
            at = end + len(following)
        return values if at == len(text) and self.form.fullmatch('"'.join(values)) else None


@dataclass(frozen=True, slots=True)
class _Places:
    """Which of the values stands for what; None for a member that has no gap, or is not there."""

    id: int | None
    subject: int | None
    valid_from: int
    valid_until: int | None
    awarded: int | None
    nbf: int
    exp: int | None
    status: tuple[tuple[int, str, int], ...]  # entry, its member, value


@dataclass(frozen=True)
class _KnownBadge:
    """A badge that passed every check in these contexts, as far as others can be like it. `before`: its checks up
    to that of the issuer's document, which is made anew; `after`: those behind it but for the last three, as are
    these.
    """

    text: _TextWithGaps
    places: _Places
    before: tuple[Check, ...]
    after: tuple[Check, ...]
    outline: Outline
    contexts: ContextSet
    statement: Statement
    name: int | None  # which of the values is the name that the badge says
    lists: tuple[str, ...] | None  # the status lists that all badges like it name; None if they differ in that

    @cached_property
    def _texts(self) -> tuple[bytes, bytes]:
        return b",".join(map(check_text, self.before)), b",".join(map(check_text, self.after))

    def texts(self, verdict: Verdict) -> bytes:
        """The checks of a verdict that this made, as JSON texts joined by commas."""
        before, after = self._texts
        anew = (verdict.checks[len(self.before)], *verdict.checks[-3:])
        document, *others = map(check_text, anew)
        return b",".join((before, document, after, *others))

    def judge(
        self, parsed: ParsedJws, values: Sequence[str], *, payload: str, trust: TrustBundle, now: datetime
    ) -> Verdict | None:
        """The verdict on a badge that differs in these values only, if it passes every check."""
        said = self._outline(values)
        if said is None:
            return None
        published = document_to_read(said.issuer, trust=trust)
        issuer_document = check_issuer_document(said.issuer, published=published, now=now)
        if issuer_document.state is not State.PASS:
            return None
        document = read_document(said.issuer, published=published)
        key = document.key(parsed.header.kid or "", purpose="assertionMethod")
        times = self._times(said, values, now=now)
        status = check_status(said, published=published, trust=trust, now=now)
        if key is None or times is None or status.state is not State.PASS:
            return None
        try:
            jws.check_signature(parsed, key=key)
        except SignatureError:
            return None
        checks = (*self.before, issuer_document, *self.after, *times, status)
        name = None if self.name is None else values[self.name]
        told = self.statement._replace(name=name, valid_from=said.valid_from, valid_until=said.valid_until)
        return Verdict(checks, said, read=partial(_badge_in, payload), told=told)

    def _outline(self, values: Sequence[str]) -> Outline | None:
        """What this badge says of itself; None if its times do not exist, or are not as its claims repeat them."""
        places, valid_until = self.places, None
        try:
            valid_from = datetime.fromisoformat(values[places.valid_from])
            if timestamps.to_numeric_date(valid_from) != int(values[places.nbf]):
                return None
            if places.valid_until is not None and places.exp is not None:
                valid_until = datetime.fromisoformat(values[places.valid_until])
                if timestamps.to_numeric_date(valid_until) != int(values[places.exp]) or valid_until < valid_from:
                    return None
            if places.awarded is not None:
                datetime.fromisoformat(values[places.awarded])
        except ValueError:
            return None
        return Outline(
            self.outline.id if places.id is None else values[places.id],
            self.outline.issuer,
            self.outline.subject if places.subject is None else values[places.subject],
            valid_from,
            valid_until,
            self._status(values),
        )

    def _times(self, said: Outline, values: Sequence[str], *, now: datetime) -> tuple[Check, Check] | None:
        """The checks of both times, if they pass: the texts in the gaps are just as the checks show them."""
        until = self.places.valid_until
        if said.valid_from is None or said.valid_from > now + SKEW:
            return None
        begins = Check("valid_from", State.PASS, f"from {values[self.places.valid_from]}")
        if said.valid_until is None or until is None:
            return begins, Check("valid_until", State.PASS, "no end")
        if now > said.valid_until + SKEW:
            return None
        return begins, Check("valid_until", State.PASS, f"until {values[until]}")

    def _status(self, values: Sequence[str]) -> tuple[JsonObject, ...]:
        entries = [entry.copy() for entry in self.outline.status]
        for entry, member, value in self.places.status:
            entries[entry][member] = values[value]
        return tuple(entries)


class Found(NamedTuple):
    """A token that is like a known badge; nothing of it was checked yet."""

    known: _KnownBadge
    parsed: ParsedJws
    values: list[str]
    payload: str

    @property
    def issuer(self) -> str:
        """Whose badge it says it is."""
        return self.known.outline.issuer

    def judge(self, *, trust: TrustBundle, now: datetime) -> Verdict | None:
        """The verdict, if it passes every check."""
        return self.known.judge(self.parsed, self.values, payload=self.payload, trust=trust, now=now)


class KnownBadges:
    """The badges that were judged in one process: a bounded memory, shared by its threads."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[_KnownBadge, ...]] = {}
        self._lock = threading.Lock()

    def judge(self, badge: ReadBadge, *, trust: TrustBundle, now: datetime) -> Verdict | None:
        """The verdict of `checks.verify` on a badge that passes every check, if one like it is known."""
        if badge.token is None or trust.given_key is not None:
            return None
        found = self.find(badge.token, contexts=trust.contexts)
        return None if found is None else found.judge(trust=trust, now=now)

    def find(self, token: str, *, contexts: ContextSet) -> "Found | None":
        """A token that is like a known badge."""
        try:
            parsed = jws.parse(token)
            payload = parsed.payload.decode()
        except (SignatureError, UnicodeDecodeError):
            return None
        for known in self._known.get(parsed.header.raw, ()):
            values = known.text.values_in(payload)
            if values is not None and known.contexts is contexts:
                return Found(known, parsed, values, payload)
        return None

    def remember(self, badge: ReadBadge, verdict: Verdict, *, trust: TrustBundle) -> None:
        """Keep a badge that `checks.verify` found good, on this trust, for those that are like it."""
        if badge.token is None or trust.given_key is not None or verdict.outcome is not Outcome.VALID:
            return
        parsed = jws.parse(badge.token)
        known = _known_badge(parsed.payload.decode(), verdict, contexts=trust.contexts)
        if known is None:
            return
        with self._lock:
            others = self._known.pop(parsed.header.raw, ())
            self._known[parsed.header.raw] = (known, *others)[:MAX_EACH]
            while len(self._known) > MAX_HEADERS:
                del self._known[next(iter(self._known))]


def _known_badge(payload: str, verdict: Verdict, *, contexts: ContextSet) -> _KnownBadge | None:
    """A badge as it is remembered; None if its particulars are not to be told from the rest for certain."""
    if len(payload) > MAX_CHARACTERS or verdict.outline is None or verdict.warnings or verdict.endorsements:
        return None
    claims = strict_json.loads_object(payload)
    forms = dict(_particulars(claims))
    if ("validFrom",) not in forms or ("nbf",) not in forms:
        return None
    if ("validUntil" in claims or "exp" in claims) and not {("validUntil",), ("exp",)} <= forms.keys():
        return None
    found = _gaps(payload, claims, forms)
    if found is None:
        return None
    text, values = found
    if verdict.statement is None:
        return None
    name = _name_of(claims)
    if (None if name is None else _at(claims, name)) != verdict.statement.name:
        return None
    if name is not None and name not in values:
        return None
    lists = _lists(verdict.outline)
    names = [check.id for check in verdict.checks]
    if names[-3:] != ["valid_from", "valid_until", "status"]:
        return None
    anew = names.index("issuer_document")
    before, after = verdict.checks[:anew], verdict.checks[anew + 1 : -3]
    return _KnownBadge(
        text,
        _places(values),
        before,
        after,
        verdict.outline,
        contexts,
        statement=verdict.statement,
        name=None if name is None else values[name],
        lists=lists,
    )


def _lists(said: Outline) -> tuple[str, ...] | None:
    if any(entry.get("type") == OLD_TYPE for entry in said.status):  # its list's address is its id, which differs
        return None
    urls = [list_url(entry) for entry in said.status]
    return tuple(dict.fromkeys(url for url in urls if url is not None))


def _name_of(claims: JsonObject) -> _Path | None:
    """Where the name stands that the badge says of its holder."""
    path: _Path = ("credentialSubject", "identifier")
    listed = _at(claims, path)
    for number, identity in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(identity, dict) and identity.get("identityType") == "name" and not identity.get("hashed"):
            return (*path, number, "identityHash")
    return None


def _places(values: Mapping[_Path, int]) -> _Places:
    status = [
        (path[1] if isinstance(path[1], int) else 0, str(path[-1]), value)
        for path, value in values.items()
        if path[0] == "credentialStatus"
    ]
    return _Places(
        id=values.get(("id",)),
        subject=values.get(("credentialSubject", "id")),
        valid_from=values["validFrom",],
        valid_until=values.get(("validUntil",)),
        awarded=values.get(("awardedDate",)),
        nbf=values["nbf",],
        exp=values.get(("exp",)),
        status=tuple(status),
    )


def _particulars(claims: JsonObject) -> Iterator[tuple[_Path, _Form]]:
    """The members that can differ among badges of one achievement, each with the form that its value has."""
    members = dict(_MEMBERS)
    lists: dict[_Path, Mapping[str, _Form]] = {
        ("credentialSubject", "identifier"): _MEMBERS_OF_IDENTITIES,
        ("credentialStatus",): _MEMBERS_OF_STATUS,
    }
    for path, named in lists.items():
        value = _at(claims, path)
        places = [(*path, number) for number in range(len(value))] if isinstance(value, list) else [path]
        members |= {(*place, name): form for place in places for name, form in named.items()}
    for path, form in members.items():
        value = _at(claims, path)
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if (is_whole if form == "number" else isinstance(value, str)) and _matches(form, str(value)):
            yield path, form


def _gaps(
    payload: str, claims: JsonObject, forms: Mapping[_Path, _Form]
) -> tuple[_TextWithGaps, Mapping[_Path, int]] | None:
    """The payload with gaps where these members are, and which of the values stands for each."""
    by_value: dict[str, list[_Path]] = {}
    for path, form in forms.items():
        value = str(_at(claims, path))
        by_value.setdefault(f"{path[0]}:{value}" if form == "number" else f'"{value}"', []).append(path)
    found: list[tuple[int, int, str]] = []
    for written, paths in by_value.items():
        name = paths[0][0]
        number = forms[paths[0]] == "number"
        pattern = rf'"{name}"\s*:\s*([0-9]+)' if number else f'"({re.escape(written[1:-1])})"'
        found += [(*match.span(1), written) for match in re.finditer(pattern, payload)]
    found.sort()
    order = list(dict.fromkeys(written for _, _, written in found))
    strictest = [_strictest([forms[path] for path in by_value[written]]) for written in order]
    values = [form for form in strictest if form is not None]
    if len(order) != len(by_value) or len(values) != len(order):  # one is written with escapes, or has two forms
        return None
    starts = [start for start, _, _ in found] + [len(payload)]
    gaps, seen = [], set[str]()
    for (_, end, written), start in zip(found, starts[1:], strict=True):
        following = payload[end:start]
        gaps.append(_Gap(following, following[:1], order.index(written) if written in seen else None))
        seen.add(written)
    if not all(gap.ending for gap in gaps):
        return None
    text = _TextWithGaps(payload[: starts[0]], tuple(gaps), _form_of_all(tuple(values)))
    places = {path: order.index(written) for written, paths in by_value.items() for path in paths}
    return (text, places) if _is_proved(text, places, claims, values) else None


def _is_proved(
    text: _TextWithGaps, places: Mapping[_Path, int], claims: JsonObject, forms: Sequence[_Form]
) -> bool:
    """Whether other values in the gaps change exactly the members that they are meant to, and nothing else: the
    same text may stand elsewhere in the badge, or be written otherwise.
    """
    marks: list[JsonValue] = [
        900_000_000_000 + number if form == "number" else f"urn:mark:{number}" for number, form in enumerate(forms)
    ]
    pieces, first = [text.opening], iter(marks)
    for gap in text.gaps:
        mark = next(first) if gap.repeats is None else marks[gap.repeats]
        pieces.append(f"{mark}{gap.following}")
    expected = _replaced(claims, (), {path: marks[number] for path, number in places.items()})
    try:
        return strict_json.loads("".join(pieces)) == expected
    except strict_json.StrictJsonError:
        return False


def _replaced(value: JsonValue, path: _Path, marks: Mapping[_Path, JsonValue]) -> JsonValue:
    if path in marks:
        return marks[path]
    if isinstance(value, dict):
        return {name: _replaced(inner, (*path, name), marks) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, (*path, number), marks) for number, inner in enumerate(value)]
    return value


def _strictest(forms: Sequence[_Form]) -> _Form | None:
    """The form of a value that stands for several members; None if there is none that is as strict as each."""
    strict = {form for form in forms if form != "text"}  # which takes all that the others take
    return next(iter(strict), "text") if len(strict) <= 1 else None


@lru_cache(maxsize=256)
def _form_of_all(forms: tuple[_Form, ...]) -> re.Pattern[str]:
    return re.compile('"'.join(f"(?:{_FORMS[form]})" for form in forms))


def _matches(form: _Form, value: str) -> bool:
    return _form_of_all((form,)).fullmatch(value) is not None


def _at(claims: JsonObject, path: _Path) -> JsonValue:
    place: JsonValue = claims
    for step in path:
        if isinstance(place, dict) and isinstance(step, str):
            place = place.get(step)
        elif isinstance(place, list) and isinstance(step, int):
            place = place[step]
        else:
            return None
    return place


def _badge_in(payload: str) -> "OpenBadgeCredential":
    return read_badge(document_of(strict_json.loads_object(payload)))
