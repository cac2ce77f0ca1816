"""What any verifiable credential says of itself, in either data model and whatever it is about.

For whoever asks when it holds, by whom it is and where its status stands. Whether the document obeys its data
model is `vcdm`; what an Open Badge says besides is `credential`.
"""

from datetime import datetime
from typing import NamedTuple

from schemas import timestamps
from schemas.strict_json import JsonObject, JsonValue

VC1_CONTEXT = "https://www.w3.org/2018/credentials/v1"
# VCDM 1.1 §4.5, §4.6 -> VCDM 2.0 §4.9
_NEWER_NAMES = {"issuanceDate": "validFrom", "expirationDate": "validUntil"}


class Outline(NamedTuple):
    """`valid_from`, `valid_until`: None where the document sets no bound; `status`: its entries as they are."""

    id: str | None
    issuer: str
    subject: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    status: tuple[JsonObject, ...] = ()


def outline(document: JsonObject) -> Outline:
    """The outline of a document that `vcdm` or `credential` found sound.

    `subject` is the id of its only subject, None if it has none, or several.

    Raises:
        TimestampError: one of its times is no moment.
    """
    newer = modernised(document)
    subjects = [item for item in _listed(newer.get("credentialSubject")) if isinstance(item, dict)]
    return Outline(
        id=_text(newer.get("id")),
        issuer=issuer_of(newer),
        subject=_text(subjects[0].get("id")) if len(subjects) == 1 else None,
        valid_from=_moment(newer, "validFrom"),
        valid_until=_moment(newer, "validUntil"),
        status=tuple(item for item in _listed(newer.get("credentialStatus")) if isinstance(item, dict)),
    )


def issuer_of(document: JsonObject) -> str:
    """The issuer's id, whether given as a text or as a profile; "" if there is none."""
    issuer = document.get("issuer")
    named = issuer.get("id") if isinstance(issuer, dict) else issuer
    return named if isinstance(named, str) else ""


def is_older(document: JsonObject) -> bool:
    """Whether a document follows VCDM 1.1: its first context says so (VCDM 1.1 §4.1)."""
    return _listed(document.get("@context"))[:1] == [VC1_CONTEXT]


def modernised(document: JsonObject) -> JsonObject:
    """A 1.1 document with the members' names of 2.0, for readers that know only those; a 2.0 document as it is.

    Never what was signed, and never what is hashed.
    """
    if not is_older(document):
        return document
    return {_NEWER_NAMES.get(name, name): value for name, value in document.items()}


def _moment(document: JsonObject, name: str) -> datetime | None:
    return timestamps.parse(document[name]) if name in document else None


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [] if value is None else [value]
