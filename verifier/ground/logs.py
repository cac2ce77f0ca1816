"""The log of a server: one JSON object a line, with nothing in it that is about a person.

What is logged names kinds of errors and numbers, not people; and because a library's error may repeat what it was
given, addresses, links, tokens and values of statements are taken out of each line once more, here.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import IO

LOUD = frozenset({"httpx", "httpcore", "multipart", "PIL", "asyncio"})  # would name addresses when asked for more
_STATEMENT = re.compile(r"\[(?:SQL|parameters):.*", re.DOTALL)  # what SQLAlchemy adds to an error
_ADDRESS = re.compile(r"[^\s@<>\"'(),;:/]+@[^\s@<>\"'(),;:/]+")
_LINK = re.compile(r"(?:https?|openid[\w-]*)://[^\s\"'<>)]+|(?<![\w.])/(?:[\w.~%+-]+/)+[\w.~%+=?&-]+")
_TOKEN = re.compile(r"[A-Za-z0-9_+/=.-]{20,}")
_KEPT = re.compile(r"[a-z_]+(?:\.[a-z_]+)+|[A-Z][A-Za-z]+Error|\d{4}-\d{2}-\d{2}T[\d:.+-]+Z?")


class JsonLines(logging.Formatter):
    """A record as one line: when, how bad, from where, what; of an error its kind and the places in the code."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        said: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": without_people(record.getMessage()),
        }
        if record.exc_info and record.exc_info[0] is not None:
            said["error"] = record.exc_info[0].__name__
            said["places"] = [
                f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(record.exc_info[2])[-8:]
            ]
        return json.dumps(said, ensure_ascii=False)


def without_people(text: str) -> str:
    """A text without what may name somebody or open something: mail addresses, links and paths, long tokens, and
    the values of a statement of SQL."""
    text = _STATEMENT.sub("[statement]", text)
    text = _ADDRESS.sub("[address]", text)
    text = _LINK.sub("[link]", text)
    return _TOKEN.sub(lambda found: found[0] if _KEPT.fullmatch(found[0]) else "[token]", text)


def begin(stream: "IO[str] | None" = None) -> None:
    """Let everything that is logged from now on be such lines on standard error; called by `serve`."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"  # paths hold private links
    logging.captureWarnings(True)
