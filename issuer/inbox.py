"""The one inbox: what waits for a person of the team, from every room, with the minutes that it takes."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

from issuer.attendance import service as attendance
from issuer.attestations import review
from issuer.badges import revocations
from issuer.contributions import service as contributions
from issuer.contributions.sources.face import Source
from issuer.ground.matters import Matter
from issuer.notices import service as notices
from issuer.people import own
from issuer.recognition import questions, versions
from issuer.recognition import service as recognition

ROOMS: tuple[Callable[[Engine], Sequence[Matter]], ...] = (
    own.matters,
    attendance.matters,
    review.matters,
    questions.matters,
    revocations.matters,
    notices.matters,
    recognition.matters,
)
_LATEST = datetime.max.replace(tzinfo=UTC)


def all_matters(engine: Engine, *, sources: Iterable[Source], now: datetime) -> list[Matter]:
    """Every matter: those with a day first, the nearest before the others, then the one that waited longest.

    `sources`: those of the community, which are looked at too.
    """
    found = [matter for room in ROOMS for matter in room(engine)]
    found += contributions.matters(engine, sources, now=now)
    found += versions.matters(engine, now=now)
    return sorted(found, key=lambda matter: (matter.due or _LATEST, matter.since, matter.key))


def minutes(matters: Sequence[Matter]) -> int:
    """What they take together, by our own estimates."""
    return sum(matter.minutes for matter in matters)
