"""What a commit's message says besides its title: trailers, what it takes back, what it calls trivial. Pure.

Trailers are read wherever they stand in the body, since real messages put blank lines between them; case does
not matter. Reading is generous and believing is not: whose an address is must be proved in `issuer.people`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PEOPLE_IN_TRAILERS = 50  # of one kind; more is no list of people
MAX_MESSAGE_CHARACTERS = 200_000  # what is read of one message; an import of a whole history may hold more
MAX_SUBJECT_CHARACTERS = 4096  # hashed for a change's name; `title` shows 300

_TRAILER = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,40})[ \t]*:[ \t]*(\S.*)$", re.MULTILINE)
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"'@]{1,64}@[^\s<>()\[\],;:\"'@]{1,253}")
_SEPARATORS = re.compile(r"[,;]|\band\b|&")
_CHANGE_ID = re.compile(r"I[0-9a-f]{40}")
_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
_TRIVIAL_SUBJECT = re.compile(r"\btrivial-?fix\b", re.IGNORECASE)
_TRIVIAL_LINE = re.compile(r"^[ \t]*trivial-?fix[ \t]*(?::.*)?$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whom a trailer names: an address in lower case, and the name beside it, perhaps empty."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class CommitMessage:
    """A commit's message. `reverts` is the commit that it takes back, as it writes it."""

    subject: str
    change_id: str | None
    reverts: str | None
    trivial: bool
    coauthors: tuple[Named, ...]
    reviewers: tuple[Named, ...]


def parse_message(text: str) -> CommitMessage:
    """Read a whole commit message, without indentation. Nothing in it is an error."""
    text = text[:MAX_MESSAGE_CHARACTERS].replace("\r\n", "\n").strip("\n")
    title, _, body = text.partition("\n\n")
    subject = " ".join(title.split())[:MAX_SUBJECT_CHARACTERS]
    trailers = [(match[1].lower(), match[2].strip()) for match in _TRAILER.finditer(body)]
    change_ids = [value for key, value in trailers if key == "change-id" and _CHANGE_ID.fullmatch(value)]
    reverts = _REVERTS.search(body)
    return CommitMessage(
        subject=subject,
        change_id=change_ids[-1] if change_ids else None,  # Gerrit reads the last; a quoted one stands before
        reverts=reverts[1] if reverts else None,
        trivial=bool(_TRIVIAL_SUBJECT.search(subject) or _TRIVIAL_LINE.search(body)),
        coauthors=_people(value for key, value in trailers if key == "co-authored-by"),
        reviewers=_people(value for key, value in trailers if key == "reviewed-by"),
    )


def _people(values: Iterator[str]) -> tuple[Named, ...]:
    """Everybody with an address, once each: `Ada <a@b>`, `Ada a@b`, `a@b`, several in a line. A name alone is
    nobody: two people may have it."""
    found: dict[str, Named] = {}
    for value in values:
        end = 0
        for match in _ADDRESS.finditer(value):
            before = _SEPARATORS.split(value[end : match.start()])[-1]
            name = " ".join(before.strip(" \t<>()\"'").split())
            address = match[0].rstrip(".").lower()
            found.setdefault(address, Named(name, address))
            end = match.end()
    return tuple(found.values())[:MAX_PEOPLE_IN_TRAILERS]
