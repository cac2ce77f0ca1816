"""The one clock of this office; every room takes it, or a moment, as an argument."""

from datetime import UTC, datetime


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
