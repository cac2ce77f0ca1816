"""What a source may be answered by somebody who means harm: bounded in time, and refused in one sentence."""

import time
from datetime import UTC, datetime

import httpx
import pytest

from issuer.contributions.configuration import KINDS
from issuer.contributions.model import ContributionError
from issuer.contributions.sources.face import Source
from issuer.ground.outbound import Outbound, OutboundError, WaitError

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SECONDS = 10.0


def source(kind: str, **fields: str) -> Source:
    place = {"url": "https://source.example/file", **fields}
    return KINDS[kind].model_validate({"name": "tried", "kind": kind, "since": "2025-05-01", **place})


def read(source: Source, body: bytes, *, status: int = 200, **headers: str) -> int:
    """How many records a source gives for this answer to everything."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.MockTransport(lambda request: httpx.Response(status, content=body, headers=named))
    ask = Outbound(transport=transport, clock=lambda: NOW)
    return sum(len(page.contributions) for page in source.pages(ask, {}, now=NOW))


def calendar(*lines: str) -> bytes:
    event = [
        "BEGIN:VEVENT",
        "UID:x",
        "DTSTART:20250601T000000Z",
        "ORGANIZER:mailto:a@b.example",
        *lines,
        "END:VEVENT",
    ]
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", *event, "END:VCALENDAR", ""]).encode()


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=MINUTELY;INTERVAL=1",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=NEVER",
        "RRULE:FREQ=DAILY;COUNT=99999999999999999999",
    ],
)
def test_event_that_repeats_for_ever_costs_little(rule: str) -> None:
    began = time.monotonic()
    try:
        assert read(source("ical"), calendar(rule)) <= 5000
    except ContributionError as error:
        assert "\n" not in str(error)
    assert time.monotonic() - began < SECONDS


def test_event_that_repeats_by_the_minute_is_no_meeting_and_costs_no_other() -> None:
    usual = calendar("RRULE:FREQ=MONTHLY;COUNT=3")
    mad = usual.replace(b"UID:x", b"UID:y").replace(b"MONTHLY;COUNT=3", b"MINUTELY")
    events = mad.partition(b"BEGIN:VEVENT")[2].partition(b"END:VEVENT")[0]
    both = usual.replace(b"END:VCALENDAR", b"BEGIN:VEVENT" + events + b"END:VEVENT\r\nEND:VCALENDAR")
    assert read(source("ical"), both) == 3


def test_feed_that_grows_in_the_reader_is_refused() -> None:
    bomb = '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><rss><channel>&b;</channel></rss>'
    outside = '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]><rss><channel>&a;</channel></rss>'
    for body in (bomb, outside):
        with pytest.raises(ContributionError, match="whole RSS or Atom feed"):
            read(source("feed"), body.encode())


def test_governance_file_that_refers_to_itself_ends() -> None:
    grown = "a: &a [x, x]\n" + "".join(
        f"{c}: &{c} [*{p}, *{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    began = time.monotonic()
    assert read(source("governance"), grown.encode()) == 0
    try:
        read(source("governance"), b"a: " + b"[" * 100_000)
    except ContributionError as error:
        assert "\n" not in str(error)
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/x", "//elsewhere.example/x", "http://api.example/x"]
)
def test_next_page_on_another_server_is_not_asked(target: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host + request.url.scheme)
        item = b'[{"number": 1, "updated_at": "2025-05-01T00:00:00Z"}]'
        return httpx.Response(200, content=item, headers={"Link": f'<{target}>; rel="next"'})

    code = KINDS["github"].model_validate(
        {"name": "c", "kind": "github", "repository": "a/b", "api": "https://api.example", "since": "2025-05-01"}
    )
    with pytest.raises(ContributionError, match="another server"):
        list(code.pages(Outbound(transport=httpx.MockTransport(answer)), {}, now=NOW))
    assert asked == ["api.examplehttps"]


def test_pages_that_never_end_are_given_up() -> None:
    """The same page for ever, with a next one: the time of its items does not move."""
    body = b'{"count": 1, "next": "https://source.example/file/again", "results": []}'
    began = time.monotonic()
    with pytest.raises(ContributionError, match="more than 10000 pages"):
        read(source("weblate", project="p"), body)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "99999999999999"}, 86400),
        ({"Retry-After": "-5"}, 60),
        ({"Retry-After": "soon"}, 60),
        ({"Retry-After": "Fri, 01 May 2026 00:10:00 GMT"}, 600),
        ({"Retry-After": "Fri, 01 May 2099 00:10:00 GMT"}, 86400),
        ({"Retry-After": "٣"}, 60),
        ({"X-RateLimit-Reset": "99999999999999999999"}, 60),
        ({}, 60),
    ],
)
def test_wait_is_never_for_ever_and_never_nothing(headers: dict[str, str], seconds: int) -> None:
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    transport = httpx.MockTransport(lambda request: httpx.Response(429, headers=named))
    with pytest.raises(WaitError) as refused:
        Outbound(transport=transport, clock=lambda: NOW).ask("https://source.example/")
    assert (refused.value.until - NOW).total_seconds() == seconds


def test_body_beyond_the_bound_is_not_kept() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=b"x" * 1001))
    with pytest.raises(OutboundError, match="more than 1000 bytes"):
        Outbound(transport=transport, max_bytes=1000).ask("https://source.example/")


@pytest.mark.parametrize(
    "kind", ["weblate", "discourse", "pretalx", "feed", "ical", "governance", "csv", "meetbot"]
)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        b"\0" * 50,
        b'{"results": [1]}',
        b"[" * 200_000,
        b"<html></html>",
        b": :",
    ],
    ids=["nothing", "null", "list", "object", "not-utf-8", "zeros", "number", "deep", "page", "colons"],
)
def test_anything_else_is_refused_in_one_sentence_or_gives_nothing(kind: str, body: bytes) -> None:
    more = {"weblate": {"project": "p"}, "pretalx": {"event": "e"}}.get(kind, {})
    try:
        assert read(source(kind, **more), body) == 0
    except (ContributionError, OutboundError) as error:
        assert "\n" not in str(error) and len(str(error)) < 1000
