"""Servers in miniature that answer as the published formats of each system say. They are none of those systems.

`Miniature` is one system: its answers by path, its settings in `sources.yaml`, and the ids that must be stored.
`Mood` is what goes wrong: it may answer instead of the system, or spoil what the system answered.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Asked = Mapping[str, list[str]]
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Mood:
    """`spoil` is asked for each request, by its number from 0; None lets the answer go out as it is."""

    spoil: Callable[[int, Reply], Reply | None] = lambda number, reply: None
    seconds: float = 0.0  # between two pieces of an answer
    reverse: bool = False  # lists come the other way round
    requests: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Miniature:
    """`answers(base, path, asked, reverse)` gives the headers and body of a path, or None for 404."""

    kind: str
    settings: Callable[[str], dict[str, Any]]
    answers: Callable[[str, str, Asked, bool], tuple[dict[str, str], bytes] | None]
    stored: frozenset[str]
    has_etag: bool = False


@contextmanager
def serving(system: Miniature, mood: Mood) -> Iterator[str]:
    """The system on a port of this machine, in a mood."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            number = len(mood.requests)
            mood.requests.append(self.path)
            reply = self.answer()
            status, headers, body = mood.spoil(number, reply) or reply
            mood.statuses.append(status)
            length = headers.pop("Content-Length", str(len(body)))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", length)
            self.end_headers()
            try:
                for start in range(0, len(body), 64 if mood.seconds else len(body)):
                    self.wfile.write(body[start : start + 64] if mood.seconds else body)
                    time.sleep(mood.seconds)
            except OSError:
                pass  # nobody waits for the rest
            self.close_connection = length != str(len(body))

        def answer(self) -> Reply:
            parts = urlsplit(self.path)
            found = system.answers(
                f"http://{self.headers['Host']}", parts.path, parse_qs(parts.query), mood.reverse
            )
            if found is None:
                return 404, {}, b"Not found"
            headers, body = found
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if self.headers.get("If-None-Match") == etag:
                return 304, {"ETag": etag}, b""
            return 200, {**headers, "ETag": etag}, body

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def as_json(value: Any, headers: Mapping[str, str] | None = None) -> tuple[dict[str, str], bytes]:
    return {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode()


def turned(items: list[Any], reverse: bool) -> list[Any]:
    return items[::-1] if reverse else items


def listed(base: str, path: str, asked: Asked, items: list[dict[str, Any]], since: str, *, reverse: bool) -> Any:
    """A list by the time of the last change in pages of two, with a Link header."""
    found = [item for item in items if item["updated_at"] >= asked[since][0]]
    page = int(asked.get("page", ["1"])[0])
    some = found[2 * page - 2 : 2 * page]
    rest = "&".join(f"{name}={values[0]}" for name, values in asked.items() if name != "page")
    link = {"Link": f'<{base}{path}?{rest}&page={page + 1}>; rel="next"'} if len(found) > 2 * page else {}
    return as_json(turned(some, reverse), link)


# --- GitHub: docs.github.com/rest, version 2022-11-28

_ISSUES: list[dict[str, Any]] = [
    {"number": 1, "updated_at": "2026-02-01T00:00:00Z", "pull_request": {"merged_at": "2026-01-20T00:00:00Z"}},
    {
        "number": 2,
        "updated_at": "2026-02-02T00:00:00Z",
        "pull_request": {"merged_at": None},
    },  # closed is not merged
    {"number": 3, "updated_at": "2026-02-03T00:00:00Z"},  # an issue
    {"number": 4, "updated_at": "2026-02-04T00:00:00Z", "pull_request": {"merged_at": "2026-02-04T00:00:00Z"}},
    {"number": 5, "updated_at": "2026-02-04T00:00:00Z", "pull_request": {"merged_at": "2026-02-04T00:00:00Z"}},
    {"number": 6, "updated_at": "2026-02-04T00:00:00Z", "pull_request": {"merged_at": "2026-02-04T00:00:00Z"}},
]


def _github(base: str, path: str, asked: Asked, reverse: bool) -> Any:
    top = "/api/v3/repos/example/project"
    if path == f"{top}/issues":
        return listed(base, path, asked, _ISSUES, "since", reverse=reverse)
    number, _, more = path.removeprefix(f"{top}/pulls/").partition("/")
    if more == "reviews":
        reviews = [
            {"user": {"login": "Grace"}, "state": "CHANGES_REQUESTED", "submitted_at": "2026-01-10T00:00:00Z"},
            {"user": {"login": "Grace"}, "state": "APPROVED", "submitted_at": "2026-01-11T00:00:00Z"},
            {"user": {"login": "ines"}, "state": "APPROVED", "submitted_at": "2026-01-11T00:00:00Z"},
            {"user": {"login": "ines"}, "state": "DISMISSED", "submitted_at": "2026-01-12T00:00:00Z"},
            {"user": {"login": "helper[bot]", "type": "Bot"}, "state": "APPROVED", "submitted_at": None},
            {"user": None, "state": "APPROVED", "submitted_at": "2026-01-12T00:00:00Z"},
        ]
        return as_json(turned(reviews, reverse))
    if more == "files":
        pages = [
            [{"filename": "a.py", "additions": 3, "deletions": 1, "patch": "@@"}],
            [
                {"filename": "logo.png", "additions": 0, "deletions": 0},
                {"filename": "poetry.lock", "additions": 900},
            ],
        ]
        page = int(asked.get("page", ["1"])[0])
        link = {"Link": f'<{base}{path}?per_page=100&page=2>; rel="next", <{base}{path}?page=2>; rel="last"'}
        return as_json(pages[page - 1], link if page == 1 else {})
    if number.isdigit():
        merged = next(i["pull_request"]["merged_at"] for i in _ISSUES if i["number"] == int(number))
        user = {"login": "Ada"}
        return as_json(
            {
                "number": int(number),
                "title": "Add a runbook",
                "body": "",
                "html_url": f"https://github.example/example/project/pull/{number}",
                "user": user,
                "merged_by": {"login": "grace"},
                "merged_at": merged,
                "merge_commit_sha": f"{int(number):040x}",
                "labels": [{"name": "docs"}],
            }
        )
    return None


# --- GitLab: docs.gitlab.com/api/merge_requests

_MERGE_REQUESTS: list[dict[str, Any]] = [
    {
        "iid": number,
        "updated_at": f"2026-02-0{number}T00:00:00.123Z",
        "merged_at": f"2026-02-0{number}T00:00:00.000Z",
        "title": "Mend it",
        "description": None,
        "web_url": f"https://gitlab.example/example/project/-/merge_requests/{number}",
        "author": {"username": "ada"},
        "merge_user": {"username": "grace"},
        "squash_commit_sha": None,
        "merge_commit_sha": f"{number:040x}",
        "labels": ["docs"],
    }
    for number in (1, 2, 3)
]


def _gitlab(base: str, path: str, asked: Asked, reverse: bool) -> Any:
    top = "/api/v4/projects/example%2Fproject/merge_requests"
    if path == top:
        return listed(base, path, asked, _MERGE_REQUESTS, "updated_after", reverse=reverse)
    if path.endswith("/approvals"):
        return as_json({"approved_by": [{"user": {"username": "Ines"}, "approved_at": "2026-01-30T00:00:00Z"}]})
    if path.endswith("/diffs"):
        return as_json(
            [{"new_path": "a.py", "diff": "@@ -1 +1,2 @@\n-a\n+b\n+c\n"}, {"new_path": "x.po", "diff": "+1"}]
        )
    return None


# --- Weblate: docs.weblate.org/en/latest/api.html


def _weblate(base: str, path: str, asked: Asked, reverse: bool) -> Any:
    if path == "/api/projects/docs/changes/":
        changes = [
            {
                "id": number,
                "action": 36,
                "timestamp": f"2026-03-0{number}T00:00:00.000001Z",
                "unit": f"{base}/api/units/{unit}/",
                "user": f"{base}/api/users/Grace/",
                "author": f"{base}/api/users/ada/",
            }
            for number, unit in ((4, 12), (3, 11), (2, 12), (1, 13))  # 12 was approved twice
        ]
        changes[3]["user"] = changes[3]["author"]  # whoever approves their own text has no acceptance
        changes = [change for change in changes if str(change["timestamp"]) >= asked["timestamp_after"][0]]
        page = int(asked.get("page", ["1"])[0])
        rest = "&".join(f"{name}={values[0]}" for name, values in asked.items() if name != "page")
        following = f"{base}{path}?{rest}&page={page + 1}" if len(changes) > 2 * page else None
        some = changes[2 * page - 2 : 2 * page]
        return as_json({"count": 4, "next": following, "previous": None, "results": turned(some, reverse)})
    if path.startswith("/api/units/"):
        number = int(path.split("/")[3])
        return as_json({"id": number, "num_words": 20, "web_url": f"https://weblate.example/t/{number}"})
    return None


# --- Discourse: docs.discourse.org, with the plugin Solved


def _discourse(base: str, path: str, asked: Asked, reverse: bool) -> Any:
    topics = [
        {"id": 9, "bumped_at": "2020-01-01T00:00:00Z", "pinned": True},
        {"id": 3, "bumped_at": "2026-04-03T00:00:00Z"},
        {"id": 2, "bumped_at": "2026-04-02T00:00:00Z"},
        {"id": 1, "bumped_at": "2026-04-01T00:00:00Z"},
    ]
    if path == "/latest.json":
        page = int(asked["page"][0])
        some = topics[2 * page : 2 * page + 2]
        more = {"more_topics_url": f"/latest?page={page + 1}"} if len(topics) > 2 * page + 2 else {}
        return as_json({"topic_list": {"topics": turned(some, reverse), **more}})
    if path.startswith("/t/"):
        number = int(path.removeprefix("/t/").removesuffix(".json"))
        accepted = {"post_number": 2, "username": "Ada"} if number != 2 else None
        return as_json(
            {
                "id": number,
                "title": "It does not start",
                "slug": "it-does-not-start",
                "details": {"created_by": {"username": "grace"}},
                "accepted_answer": accepted,
            }
        )
    if path.startswith("/posts/by_number/"):
        return as_json({"created_at": "2026-03-30T00:00:00.000Z"})
    return None


# --- MeetBot: meetbot.debian.net, as an archive behind a web server's listing of folders

MINUTES = """\
==============
#team: Meeting
==============

Meeting started by ada at 14:00:00 UTC.

People present (lines said)
---------------------------

* ada_ (63)
* grace (9)
* ada (2)
* @ines:server.example (4)
* openstack (3)
* opendevmeet (3)

Generated by `MeetBot`_ 0.1.4
"""


def _meetbot(base: str, path: str, asked: Asked, reverse: bool) -> Any:
    folders = {
        "/meetings/": ["../", "ops/", "?C=N;O=D"],
        "/meetings/ops/": ["../", "2026/"],
        "/meetings/ops/2026/": [
            "../",
            "ops.2026-03-01-14.00.txt",
            "ops.2026-03-01-14.00.log.txt",
            "ops.2026-03-08-14.00.txt",
            "ops.2026-03-08-14.00.html",
        ],
    }
    if path in folders:
        links = "".join(f'<li><a href="{name}">{name}</a></li>' for name in turned(folders[path], reverse))
        return {"Content-Type": "text/html"}, f"<html><body><ul>{links}</ul></body></html>".encode()
    if path.endswith(".txt"):
        return {"Content-Type": "text/plain"}, MINUTES.encode()
    return None


# --- Governance files, pretalx, iCal, feeds, tables

GOVERNANCE = """\
Docs:
  ptl: {name: Ines Reed, email: ines@harbour.example}
  deliverables:
    guide:
      extra-acs:
      - {name: Ada Long, email: ada@books.example, expires-in: August 2026}
      - {name: Bo Reed, email: bo@books.example, expires-in: Feb 2026}
      - {name: Cy Reed, email: cy@books.example}
  extra_atcs:
  - {name: Grace Hill, email: grace@community.example, expires-in: 2026-05-01}
"""


def _pretalx(base: str, path: str, asked: Asked, reverse: bool) -> Any:
    if path != "/api/events/summit/submissions/":
        return None
    talks = [
        {
            "code": code,
            "title": "How we run it",
            "state": state,
            "speakers": [{"code": "ADA1"}, {"code": "GRC1", "email": "Grace@community.example"}],
            "slots": [{"start": f"{day}T09:00:00+02:00", "end": f"{day}T09:30:00+02:00"}],
        }
        for code, state, day in (
            ("T1", "confirmed", "2026-04-01"),
            ("T2", "confirmed", "2027-04-01"),
            ("T3", "withdrawn", "2026-04-01"),
            ("T4", "confirmed", "2026-04-02"),
        )
    ]
    offset = int(asked.get("offset", ["0"])[0])
    following = f"{base}{path}?state=confirmed&offset={offset + 2}" if offset + 2 < len(talks) else None
    some = talks[offset : offset + 2]
    return as_json({"count": 4, "next": following, "previous": None, "results": turned(some, reverse)})


CALENDAR = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//example//EN",
        "BEGIN:VEVENT",
        "UID:monthly@example",
        "DTSTAMP:20260101T000000Z",
        "DTSTART;TZID=Europe/Paris:20260114T190000",
        "RRULE:FREQ=MONTHLY;COUNT=6",
        "EXDATE;TZID=Europe/Paris:20260214T190000",
        "SUMMARY:Meetup\\, every mon",
        " th",
        "ORGANIZER;CN=Ada:mailto:Ada@books.example",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:off@example",
        "DTSTAMP:20260101T000000Z",
        "DTSTART:20260120T190000Z",
        "STATUS:CANCELLED",
        "ORGANIZER:mailto:ada@books.example",
        "END:VEVENT",
        "BEGIN:VEVENT",
        "UID:nobodys@example",
        "DTSTAMP:20260101T000000Z",
        "DTSTART;VALUE=DATE:20260121",
        "SUMMARY:Nobody's",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)
RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Stories</title>
<item><title>How we moved</title><link>https://stories.example/1</link><guid>story-1</guid>
<pubDate>Mon, 02 Mar 2026 09:00:00 GMT</pubDate><author>ada@books.example (Ada)</author></item>
<item><title>By name</title><link>https://stories.example/2</link><dc:creator>Ines  Reed</dc:creator>
<pubDate>Tue, 03 Mar 2026 09:00:00 +0100</pubDate></item>
<item><title>Of nobody</title><link>https://stories.example/3</link>
<pubDate>Tue, 03 Mar 2026 09:00:00 GMT</pubDate></item>
</channel></rss>
"""
TABLE = """id,record,account,happened_at,accepted_by
chair-1,programme.track_chair,mail:ada@books.example,2026-03-01T00:00:00Z,mail:grace@community.example
chair-2,programme.track_chair,mail:ines@harbour.example,2026-03-02T00:00:00Z,
chair-3,programme.track_chair,mail:bo@books.example,yesterday,
"""
GERRIT = (
    b")]}'\n"
    + json.dumps(
        [
            {
                "_number": number,
                "project": "example/project",
                "status": "MERGED",
                "subject": "Mend it",
                "submitted": f"2026-03-0{number} 09:00:00.000000000",
                "owner": {"_account_id": 7},
                "submitter": {"_account_id": 8},
            }
            for number in (3, 2, 1)
        ]
    ).encode()
)


def _file(kind: str, text: str | bytes) -> Callable[[str, str, Asked, bool], Any]:
    body = text if isinstance(text, bytes) else text.encode()
    return lambda base, path, asked, reverse: (
        ({"Content-Type": kind}, body) if path in {"/file", "/changes/"} else None
    )


_PULLS = [f"{{host}}/example/project#{n}{more}" for n in (1, 4, 5, 6) for more in ("", ":review:grace")]
_MEETINGS = [
    f"ops.2026-03-{day}-14.00:{who}"
    for day in ("01", "08")
    for who in ("irc:ada", "irc:grace", "matrix:@ines:server.example")
]
SYSTEMS = [
    Miniature(
        "github",
        lambda base: {"repository": "example/project", "api": f"{base}/api/v3"},
        _github,
        frozenset(_PULLS),
        has_etag=True,
    ),
    Miniature(
        "gitlab",
        lambda base: {"project": "example/project", "url": base},
        _gitlab,
        frozenset(f"{{host}}/example/project!{n}{more}" for n in (1, 2, 3) for more in ("", ":review:ines")),
        has_etag=True,
    ),
    Miniature(
        "weblate",
        lambda base: {"project": "docs", "url": base},
        _weblate,
        frozenset({"{host}/unit/11", "{host}/unit/12"}),
    ),
    Miniature("discourse", lambda base: {"url": base}, _discourse, frozenset({"{host}/t/1", "{host}/t/3"})),
    Miniature("meetbot", lambda base: {"url": f"{base}/meetings/"}, _meetbot, frozenset(_MEETINGS)),
    Miniature(
        "governance",
        lambda base: {"url": f"{base}/file"},
        _file("application/yaml", GOVERNANCE),
        frozenset(
            {
                "Docs:ada@books.example:2026-08-31",
                "Docs:grace@community.example:2026-05-01",
                "lead:Docs:ines@harbour.example:2026",
            }
        ),
        has_etag=True,
    ),
    Miniature(
        "ical",
        lambda base: {"url": f"{base}/file"},
        _file("text/calendar", CALENDAR),
        frozenset(f"monthly@example@2026{day}" for day in ("0114T1800Z", "0314T1800Z", "0414T1700Z")),
        has_etag=True,
    ),
    Miniature(
        "pretalx",
        lambda base: {"url": base, "event": "summit"},
        _pretalx,
        frozenset(f"{{host}}/summit/{talk}:{who}" for talk in ("T1", "T4") for who in ("ADA1", "GRC1")),
    ),
    Miniature(
        "feed",
        lambda base: {"url": f"{base}/file", "editor": "mail:grace@community.example"},
        _file("application/rss+xml", RSS),
        frozenset({"story-1", "https://stories.example/2"}),
        has_etag=True,
    ),
    Miniature(
        "csv",
        lambda base: {"url": f"{base}/file"},
        _file("text/csv", TABLE),
        frozenset({"chair-1", "chair-2"}),
    ),
    Miniature(
        "gerrit",
        lambda base: {"url": base, "project": "example/project"},
        _file("application/json", GERRIT),
        frozenset(f"example/project~{number}" for number in (1, 2, 3)),
    ),
]
