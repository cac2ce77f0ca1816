"""A gathering and the code on its screen (POLICY §4, attendance). Pure.

The code changes every period of the policy and is an HMAC of a secret that never leaves the office, so that it can
neither be guessed nor worked out from an older one. It proves being there at that minute, and nothing about who.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from schemas.policy import AttendanceCode

SECRET_BYTES = 20
CODE_BYTES = 10  # 80 bits, 16 letters: nobody guesses one within its minutes
PERIODS_GOOD = 3  # the one that is shown, and two more for a slow phone or a form that lies open

Moment = Literal["before", "open", "closed"]


class AttendanceError(ValueError):
    """A gathering, card or list that cannot be taken; one sentence."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """An event whose organisers said beforehand when it is, and how many people the room holds.

    `event` is what ties it to claims and records; `capacity` the ceiling of what can be counted.
    """

    id: str
    event: str
    title: str
    region: str
    starts: datetime
    ends: datetime
    capacity: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people were at one event. `proved`: by the screen's code or by cards; `listed`: names on a list at
    the door, which count only as far as attestors saw so many; `capacity`: what was declared beforehand, or None.
    """

    proved: int = 0
    listed: int | None = None
    capacity: int | None = None


def code_at(gathering: Gathering, moment: datetime, rule: AttendanceCode) -> str:
    """The code that the screen shows at this moment: 16 letters and digits."""
    return _code(gathering, _period(moment, rule))


def is_good(gathering: Gathering, code: str, moment: datetime, rule: AttendanceCode) -> bool:
    """Whether the screen shows this code, or did so a moment ago."""
    now = _period(moment, rule)
    given = code.upper().encode("ascii", "replace")
    fits = [hmac.compare_digest(_code(gathering, now - back).encode(), given) for back in range(PERIODS_GOOD)]
    return any(fits)  # all were compared: how long that took tells nothing


def seconds_left(moment: datetime, rule: AttendanceCode) -> int:
    """How long the code on the screen stays."""
    return rule.period_seconds - int(moment.timestamp()) % rule.period_seconds


def is_on(gathering: Gathering, moment: datetime, rule: AttendanceCode) -> Moment:
    """Whether attendance is taken: from the start until the policy's hours after the end."""
    if moment < gathering.starts:
        return "before"
    return "open" if moment <= closes(gathering, rule) else "closed"


def closes(gathering: Gathering, rule: AttendanceCode) -> datetime:
    """The moment from which nobody is counted any more."""
    return gathering.ends + timedelta(hours=rule.close_hours_after_end)


def _period(moment: datetime, rule: AttendanceCode) -> int:
    return int(moment.astimezone(UTC).timestamp()) // rule.period_seconds


def _code(gathering: Gathering, period: int) -> str:
    message = b"badgewright attendance\0" + gathering.id.encode() + b"\0" + str(period).encode()
    digest = hmac.new(gathering.secret, message, hashlib.sha256).digest()
    return base64.b32encode(digest[:CODE_BYTES]).decode("ascii")
