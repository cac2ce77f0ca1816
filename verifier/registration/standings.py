"""What is kept of a badge so that its standing can be looked at again after its discount was given.

Not the badge: whose key signed it, where its issuer would say that it was withdrawn (a list's address and a place
in it), and the SHA-256 of its id. A place in a list of 131,072 and more names nobody to us. Looking again is
`verifier.registration.aftercare.cases`.
"""

import hashlib
from collections.abc import Iterator

from sqlalchemy import Connection

from schemas.strict_json import JsonObject
from verifier.registration import store
from verifier.registration.store import Standing
from verifier.verification.report import Report
from verifier.verification.status import list_url

MAX_NAME = 500  # characters of a key's id or a list's address; what is longer cannot be looked at again


def of(report: Report) -> tuple[Standing, ...]:
    """Where the badge of this report can be looked up again; kept with its grant."""
    return tuple(_standings(report))


def id_hash(credential_id: str) -> str:
    """A credential's id as it is kept."""
    return hashlib.sha256(credential_id.encode()).hexdigest()


def lists_seen(connection: Connection, *, event: str) -> dict[str, list[str]]:
    """The status lists that badges named which were redeemed at an event, by issuer."""
    return store.lists_seen(connection, event=event)


def _standings(report: Report) -> Iterator[Standing]:
    """One for each status entry, or a single one without a list: then only its key can be looked at."""
    outline = report.verdict.outline
    if outline is None:
        return
    kept = Standing(outline.issuer, id_hash(outline.id or ""), _key_id(report))
    entries = [place for entry in outline.status if (place := _place(entry)) is not None]
    for kind, url, index, purpose in entries or [("", "", "", "")]:
        yield Standing(kept.issuer, kept.credential_sha256, kept.key_id, kind, url, index, purpose)


def _place(entry: JsonObject) -> tuple[str, str, str, str] | None:
    kind, url = entry.get("type"), list_url(entry)
    index, purpose = entry.get("statusListIndex", ""), entry.get("statusPurpose", "")
    if not isinstance(kind, str) or url is None or not isinstance(purpose, str) or isinstance(index, bool):
        return None
    place = (kind, url, str(index), purpose)
    return (
        place
        if all(len(text) <= limit for text, limit in zip(place, (50, MAX_NAME, 20, 50), strict=True))
        else None
    )


def _key_id(report: Report) -> str:
    try:
        named = report.verdict.check("issuer_key").evidence
    except KeyError:
        return ""
    return named if len(named) <= MAX_NAME and named.startswith("did:") else ""
