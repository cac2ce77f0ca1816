"""Endorsements in a badge: what others say, in signed statements of their own, about it, its achievement or its
issuer.

Found here, judged like any credential by `service`. Each is a credential with a proof inside (`endorsement`) or a
token (`endorsementJwt`). They are looked at one level deep, and whatever they say changes nothing about the badge.
"""

from dataclasses import dataclass
from typing import Final

from schemas import strict_json
from schemas.outline import modernised
from schemas.strict_json import JsonObject, JsonValue
from verifier.verification.reading import ReadBadge

MAX_ENDORSEMENTS: Final = 16  # STANDARDS j1
ENDORSEMENT_TYPE: Final = "EndorsementCredential"


@dataclass(frozen=True)
class Found:
    """An endorsement as it stands in a badge, and the id of what it stands at."""

    credential: ReadBadge
    endorsed: str | None


def find(badge: JsonObject) -> tuple[Found, ...]:
    """The endorsements of a badge, of its issuer and of its achievement (OB 3.0 §B.1.5), at most so many as are
    read.
    """
    subject = badge.get("credentialSubject")
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    places = [place for place in (badge, badge.get("issuer"), achievement) if isinstance(place, dict)]
    return tuple(found for place in places for found in _at(place))[:MAX_ENDORSEMENTS]


def problem_of(endorsement: JsonObject, *, endorsed: str | None) -> str | None:
    """Why a sound credential is no endorsement of what it stands at: one sentence; None if it is one."""
    types = _listed(endorsement.get("type"))
    subjects = [item for item in _listed(endorsement.get("credentialSubject")) if isinstance(item, dict)]
    if ENDORSEMENT_TYPE not in types:
        return f"A statement beside the badge is no {ENDORSEMENT_TYPE}."
    if len(subjects) != 1 or "EndorsementSubject" not in _listed(subjects[0].get("type")):
        return "An endorsement has no EndorsementSubject."
    if endorsed is None or subjects[0].get("id") != endorsed:
        return "An endorsement is about something else than where it stands."
    if "name" not in modernised(endorsement):
        return "An endorsement has no name."
    return None


def comment_of(endorsement: JsonObject) -> str | None:
    """What it says, if it says something."""
    subject = endorsement.get("credentialSubject")
    comment = subject.get("endorsementComment") if isinstance(subject, dict) else None
    return comment if isinstance(comment, str) else None


def _at(place: JsonObject) -> list[Found]:
    identity = place.get("id")
    endorsed = identity if isinstance(identity, str) else None
    documents = [item for item in _listed(place.get("endorsement")) if isinstance(item, dict)]
    tokens = [item for item in _listed(place.get("endorsementJwt")) if isinstance(item, str)]
    found = [Found(ReadBadge("json", document=strict_json.dumps(item)), endorsed) for item in documents]
    return [*found, *(Found(ReadBadge("jwt", token=item), endorsed) for item in tokens)]


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [] if value is None else [value]
