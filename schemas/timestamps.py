"""XSD dateTimeStamp (VCDM 2.0 §4.8) and NumericDate (RFC 7519 §2): text and number <-> aware datetime."""

import re
from datetime import UTC, datetime

_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)",
    re.ASCII,
)
_PLAIN_CHARACTERS = len("2026-11-22T09:00:00Z")
MAX_NUMERIC_DATE = 253402300799  # the last second of the year 9999, the last one that datetime knows


class TimestampError(ValueError):
    """A text or number is no point in time; one sentence."""


def parse(text: object) -> datetime:
    """An aware datetime from `2026-11-22T09:00:00Z`, fractions and `+hh:mm` included.

    Raises:
        TimestampError: no text, no zone, or a moment that does not exist (also 24:00:00 and years over 9999).
    """
    match = _STAMP.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise TimestampError(f"{text!r} is no date and time with a zone, such as 2026-11-22T09:00:00Z.")
    try:
        if len(match[0]) == _PLAIN_CHARACTERS:  # the usual form, which the library reads just so
            return datetime.fromisoformat(match[0])
        *_, fraction, zone = match.groups()
        micros = (fraction or "0")[:6].ljust(6, "0")
        moment = datetime.fromisoformat(f"{match[0][:19]}.{micros}{'+00:00' if zone == 'Z' else zone}")
        moment.astimezone(UTC)  # the first and last hours of the calendar have no UTC that could be shown
        return moment
    except (ValueError, OverflowError) as error:
        raise TimestampError(f"{text!r} does not exist: {error}.") from error


def show(moment: datetime) -> str:
    """`moment` in UTC, whole seconds: `2026-11-22T09:00:00Z`."""
    in_utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{in_utc.isoformat()[:19]}Z"


def from_numeric_date(value: object) -> datetime:
    """An aware datetime from seconds since 1970.

    Raises:
        TimestampError: text, a bool (in Python an int), or a number out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_NUMERIC_DATE:
        raise TimestampError(f"{value!r} is no number of seconds since 1970.")
    return datetime.fromtimestamp(value, UTC)


def to_numeric_date(moment: datetime) -> int:
    """Whole seconds since 1970."""
    return int(moment.timestamp())
