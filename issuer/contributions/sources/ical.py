"""Events of an iCal calendar (RFC 5545): for each that is over, a record of whoever organised it.

A calendar says that something was planned. That it took place, and who came, people attest; a record here saves
them the typing, and counts as nothing by itself. Repeated events are taken one by one.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Literal
from urllib.parse import unquote

import icalendar
import recurring_ical_events
from pydantic import model_validator

from issuer.contributions.model import Contribution, Facts
from issuer.contributions.sources import face
from issuer.contributions.sources.face import BaseUrl, Cursor, Page, Refusal, Source, SourceError
from issuer.contributions.sources.governance import read_local
from issuer.ground.outbound import Answer, Outbound
from issuer.people.model import Account

MAX_EVENTS = 5000  # of one calendar since its `since`: one that repeats each second ends here
TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY", "HOURLY"})
MAX_BYTES = 8 << 20


class ICal(Source):
    """One calendar. `organiser` is whose events those without ORGANIZER are."""

    KIND = "ical"
    kind: Literal["ical"]
    url: BaseUrl | None = None
    file: str | None = None
    organiser: str | None = None
    record: str = "event.organised"

    @model_validator(mode="after")
    def _one_place(self) -> "ICal":
        if (self.url is None) == (self.file is None):
            raise ValueError("either 'url' or 'file' was expected")
        return self

    def pages(self, ask: Outbound, cursor: Cursor, *, now: datetime) -> Iterator[Page]:
        """All events from `since` to now; asked for again once a day even if the calendar is unchanged."""
        answer: Answer | None = None
        if self.file is not None:
            data = read_local(self.file)
        else:
            answer = ask.ask(self.url or "", etag=face.etag_of_today(cursor, now))
            if answer.unchanged:
                yield Page(cursor=cursor, unchanged=True)
                return
            data = answer.body
        good: list[Contribution] = []
        refused: list[Refusal] = []
        for number, event in enumerate(_events(data, self.start, self.url or self.file or ""), start=1):
            began_at = _moment(event.get("DTSTART"))
            if began_at is None or began_at > now:
                break  # they come in the order of their beginnings
            try:
                good.append(self._read(event, began_at))
            except SourceError as error:
                refused.append(Refusal(f"event {number} of {began_at:%Y-%m-%d}", str(error)))
        yield Page(tuple(good), tuple(refused), face.behind(answer, now))

    def _read(self, event: icalendar.cal.Component, began_at: datetime) -> Contribution:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            raise SourceError("it was cancelled.")
        uid = str(event.get("UID", "")).strip()
        if not uid or len(uid) > 300 or not uid.isprintable():
            raise SourceError("it has no UID.")
        who = _organiser(event) or (Account.parse(self.organiser) if self.organiser else None)
        if who is None:
            raise SourceError("it has no ORGANIZER with a mail address, and this source no 'organiser'.")
        name = f"{uid}@{began_at:%Y%m%dT%H%MZ}"
        facts = Facts(title=face.title_of(event.get("SUMMARY")), event=name)
        return Contribution(
            "ical", name, self.record, who, began_at, facts, face.https_only(str(event.get("URL", "")))
        )


def _events(data: bytes, since: datetime, place: str) -> Iterator[icalendar.cal.Component]:
    if len(data) > MAX_BYTES:
        raise SourceError(f"{place} has {len(data)} bytes; at most {MAX_BYTES} are read.")
    text = data.decode("utf-8", "replace").lstrip("\ufeff")
    if not text.lstrip().startswith("BEGIN:VCALENDAR") or "END:VCALENDAR" not in text[-200:]:
        raise SourceError(f"{place} answered with something else than a whole iCal calendar.")
    try:
        calendar = icalendar.Calendar.from_ical(text)
        calendar.subcomponents = [part for part in calendar.subcomponents if not _too_often(part)]
        found = recurring_ical_events.of(calendar, components=["VEVENT"]).after(since)
        yield from islice(found, MAX_EVENTS)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SourceError(
            f"{place} is no calendar that can be read: {' '.join(str(error).split())[:200]}."
        ) from error


def _too_often(part: icalendar.cal.Component) -> bool:
    """Whether it repeats by the hour or faster: no meeting of people does, and counting them all takes minutes."""
    rule = part.get("RRULE")
    rules = rule if isinstance(rule, list) else [rule] if rule else []
    return any(str(word).upper() in TOO_OFTEN for one in rules for word in one.get("FREQ", []))


def _moment(start: object) -> datetime | None:
    """In UTC; a day without hour begins at midnight, a time without zone is UTC."""
    value = getattr(start, "dt", None)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else None


def _organiser(event: icalendar.cal.Component) -> Account | None:
    address = unquote(str(event.get("ORGANIZER", "")))
    scheme, _, name = address.partition(":")
    return face.account("mail", name) if scheme.lower() == "mailto" and "@" in name else None
