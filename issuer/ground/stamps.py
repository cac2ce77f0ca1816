"""When something that a person or a timer has to do was last done: `backup`, `publish`. `/metrics` gives it."""

from datetime import datetime
from pathlib import Path

from schemas import timestamps

FOLDER = "last"
KINDS = ("backup", "publish")


def mark(data: Path, kind: str, *, now: datetime) -> None:
    """Write down that it was done now."""
    (data / FOLDER).mkdir(exist_ok=True, mode=0o700)
    (data / FOLDER / kind).write_text(timestamps.show(now) + "\n", encoding="utf-8")


def last(data: Path, kind: str) -> datetime | None:
    """When it was last done; None if it never was, or nobody can tell."""
    try:
        return timestamps.parse((data / FOLDER / kind).read_text(encoding="utf-8").strip())
    except (OSError, timestamps.TimestampError):
        return None
