"""A case file: a badge and all that its verdict rests on, as one JSON document, so that anybody can recompute it.

It holds the badge, the moment, and the documents as they were had, each with its time. Nothing in it is believed
for standing in it: recomputing verifies every signature again, and asks no network. Whoever hands one over hands
over the badge.
"""

from collections.abc import Mapping
from datetime import datetime

from schemas import badge_qr, base64url, strict_json, timestamps
from schemas.badge_qr import BadgeQrError, Dictionary
from schemas.contexts import ContextSet
from schemas.strict_json import JsonObject, JsonValue
from verifier.verification.errors import ReadingError
from verifier.verification.reading import ReadBadge
from verifier.verification.report import Report
from verifier.verification.trust import Absent, Published, TrustBundle

KIND = "badgewright verification case 1"
MAX_CASE_BYTES = 4 << 20  # a badge of 1 MiB at most, four lists, a document
_MEMBERS = frozenset({"case", "badge", "now", "contexts", "trust", "verdict"})


def write(report: Report) -> JsonObject:
    """The case file of a badge that was verified."""
    trust = report.trust
    badge: JsonObject = {"form": report.badge.form}
    if report.badge.packed is not None:
        badge["packed"] = badge_qr.to_desk_text(report.badge.packed)
    elif report.badge.document is not None:
        badge["document"] = report.badge.document
    else:
        badge["token"] = report.badge.token
    return {
        "case": KIND,
        "badge": badge,
        "now": _exactly(report.as_of or report.checked_at),
        "contexts": trust.contexts.digest,
        "trust": {
            "as_of": _exactly(trust.as_of),
            "did_documents": _documents(trust.did_documents),
            "status_lists": _documents(trust.status_lists),
            "dictionaries": [base64url.encode(dictionary.file) for dictionary in trust.dictionaries.values()],
        },
        "verdict": report.verdict.outcome.value,
    }


def read(data: bytes, *, contexts: ContextSet) -> tuple[ReadBadge, TrustBundle, datetime]:
    """The badge, the trust and the moment in a case file.

    Raises:
        ReadingError: it is no case file, a part of it is not what it must be, or it was judged with other
            contexts.
    """
    try:
        case = strict_json.loads_object(data, max_bytes=MAX_CASE_BYTES)
        if case.get("case") != KIND or case.keys() != _MEMBERS:
            raise ReadingError(f"This is no case file: a JSON document of the kind {KIND!r} was expected.")
        if case["contexts"] != contexts.digest:
            raise ReadingError("This case was judged with other JSON-LD contexts than are known here.")
        trust = _object(case["trust"])
        bundle = TrustBundle(
            timestamps.parse(trust.get("as_of")),
            did_documents=_published(trust.get("did_documents")),
            status_lists=_published(trust.get("status_lists")),
            dictionaries=_dictionaries(trust.get("dictionaries")),
            contexts=contexts,
        )
        return _badge(_object(case["badge"])), bundle, timestamps.parse(case["now"])
    except (strict_json.StrictJsonError, timestamps.TimestampError, base64url.Base64UrlError) as error:
        raise ReadingError(f"The case file cannot be read: {error}") from error
    except (BadgeQrError, ValueError) as error:
        raise ReadingError(f"The case file holds something that it cannot: {error}") from error


def _documents(documents: Mapping[str, Published | Absent]) -> JsonObject:
    return {
        name: {"absent": document.reason}
        if isinstance(document, Absent)
        else {"body": base64url.encode(document.body), "fetched_at": _exactly(document.fetched_at)}
        for name, document in documents.items()
    }


def _published(value: JsonValue) -> dict[str, Published | Absent]:
    found: dict[str, Published | Absent] = {}
    for name, entry in _object(value).items():
        members = _object(entry)
        if "absent" in members:
            found[name] = Absent(_text(members["absent"]))
        else:
            body = base64url.decode(_text(members.get("body")), what="document in the case file")
            found[name] = Published(body, timestamps.parse(members.get("fetched_at")))
    return found


def _dictionaries(value: JsonValue) -> dict[str, Dictionary]:
    listed = value if isinstance(value, list) else []
    made = [Dictionary.parse(base64url.decode(_text(item), what="dictionary")) for item in listed]
    return {dictionary.id: dictionary for dictionary in made}


def _badge(members: JsonObject) -> ReadBadge:
    form = members.get("form")
    if "packed" in members:
        return ReadBadge("qr_text", packed=badge_qr.read_text(_text(members["packed"])))
    if "document" in members:
        return ReadBadge("json", document=_text(members["document"]))
    return ReadBadge("jwt" if form == "jwt" else "json", token=_text(members.get("token")))


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise ReadingError("The case file lacks an object where one was expected.")
    return value


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise ReadingError("The case file lacks a text where one was expected.")
    return value


def _exactly(moment: datetime) -> str:
    """With its fraction: an age of a second can decide."""
    return moment.isoformat()
