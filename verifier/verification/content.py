"""What a credential says, checked: its words, its data model, its times. The same for tokens and documents.

Two levels (STANDARDS c4): a *credential* may say anything that its contexts define; a *badge* must say it in
exactly the contexts of Open Badges, so that no name in its JSON can mean anything else. Who signed it is asked
elsewhere.
"""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from schemas import timestamps, vcdm
from schemas.contexts import RelatedResourceError, check_related_resource
from schemas.jsonld import JsonLdError
from schemas.outline import VC1_CONTEXT, Outline, modernised
from schemas.strict_json import JsonObject, JsonValue
from verifier.verification.verdict import Check, State

if TYPE_CHECKING:
    from schemas.credential import OpenBadgeCredential

SKEW = timedelta(seconds=60)  # STANDARDS f: what the clocks of two honest machines may differ by
VC2_CONTEXT = "https://www.w3.org/ns/credentials/v2"
OB_EXTENSIONS_CONTEXT = "https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"
# How a proof is written down, for documents whose first context does not say so; all their terms are protected.
PROOF_CONTEXTS = frozenset(
    {
        "https://w3id.org/security/data-integrity/v1",
        "https://w3id.org/security/data-integrity/v2",
        "https://w3id.org/security/suites/ed25519-2020/v1",
    }
)
_OB_CONTEXT = re.compile(r"https://purl\.imsglobal\.org/spec/ob/v3p0/context(-3\.\d\.\d)*\.json")
_ENDORSEMENTS = "endorsement"  # each a credential of its own, with contexts of its own


class Level(StrEnum):
    """How much is asked of a credential's content."""

    BADGE = "badge"
    CREDENTIAL = "credential"


def check_context(content: JsonObject, *, level: Level, expand: Callable[[], object]) -> Check:
    """Every word is defined by a known context, and a badge has exactly a known list of them (VCDM 2.0 §4.3, §B.2;
    VC Data Integrity §2.4.1; STANDARDS c4). Digests given for known contexts are those of the published files.

    `expand`: turns the content into statements in safe mode, or raises JsonLdError.
    """
    if level is Level.BADGE:
        wrong = _not_exactly_known(content)
        if wrong is not None:
            return Check("context", State.FAIL, wrong)
    try:
        expand()
        for entry in _objects(content.get("relatedResource")):
            check_related_resource(entry)
    except (JsonLdError, RelatedResourceError) as error:
        return Check("context", State.FAIL, str(error))
    return Check("context", State.PASS)


def check_data_model(content: JsonObject, *, level: Level) -> Check:
    """The document obeys its data model (VCDM 2.0 §4, VCDM 1.1 §4), and is an Open Badges 3.0 credential where a
    badge was expected (OB 3.0 §B.1).
    """
    try:
        vcdm.check_credential(content)
        if level is Level.BADGE:
            read_badge(content)
    except vcdm.DataModelError as error:
        return Check("data_model", State.FAIL, str(error), problem=error.problem)
    except ValueError as error:  # a CredentialError, whose module is imported only for badges
        return Check("data_model", State.FAIL, str(error))
    return Check("data_model", State.PASS)


def check_valid_from(said: Outline, *, now: datetime) -> Check:
    """`validFrom` (1.1: `issuanceDate`), if there is one, is not in the future (VCDM 2.0 §4.9)."""
    if said.valid_from is None:
        return Check("valid_from", State.PASS, "no beginning")
    if said.valid_from > now + SKEW:
        return Check("valid_from", State.FAIL, f"from {timestamps.show(said.valid_from)}; {_clock(now)}")
    return Check("valid_from", State.PASS, f"from {timestamps.show(said.valid_from)}")


def check_valid_until(said: Outline, *, now: datetime) -> Check:
    """`validUntil` (1.1: `expirationDate`), if there is one, is not in the past (VCDM 2.0 §4.9)."""
    if said.valid_until is None:
        return Check("valid_until", State.PASS, "no end")
    if now > said.valid_until + SKEW:
        return Check("valid_until", State.FAIL, f"until {timestamps.show(said.valid_until)}; {_clock(now)}")
    return Check("valid_until", State.PASS, f"until {timestamps.show(said.valid_until)}")


def _clock(now: datetime) -> str:
    """What time it is here: a wrong clock is then seen by whoever reads why."""
    return f"the clock here says {timestamps.show(now.replace(microsecond=0))}"


def read_badge(content: JsonObject) -> "OpenBadgeCredential":
    """The badge that the content is.

    Raises:
        CredentialError: it is none.
    """
    from schemas import credential

    return credential.read(modernised(content))


def _not_exactly_known(content: JsonObject) -> str | None:
    """What is wrong with a badge's contexts, or None."""
    contexts = content.get("@context")
    if not isinstance(contexts, list) or contexts[:1] not in ([VC2_CONTEXT], [VC1_CONTEXT]) or len(contexts) < 2:
        return "@context does not begin with the W3C and Open Badges contexts."
    if not isinstance(contexts[1], str) or not _OB_CONTEXT.fullmatch(contexts[1]):
        return "@context does not begin with the W3C and Open Badges contexts."
    if not all(
        context == OB_EXTENSIONS_CONTEXT or context in PROOF_CONTEXTS for context in map(str, contexts[2:])
    ):
        return "@context holds one that is not known here."
    if _has_context([value for name, value in content.items() if name not in {"@context", _ENDORSEMENTS}]):
        return "A part of the badge brings an @context of its own."
    if any(_not_exactly_known(entry) for entry in _endorsements_in(content)):
        return "An endorsement in the badge has other contexts than Open Badges has."
    return None


def _endorsements_in(value: JsonValue) -> Iterator[JsonObject]:
    """The endorsements that stand anywhere in a badge; what stands inside one is its own affair."""
    if isinstance(value, dict):
        yield from _objects(value.get(_ENDORSEMENTS))
        for name, inner in value.items():
            if name != _ENDORSEMENTS:
                yield from _endorsements_in(inner)
    elif isinstance(value, list):
        for item in value:
            yield from _endorsements_in(item)


def _has_context(value: JsonValue) -> bool:
    """Whether a part brings a context of its own, apart from endorsements."""
    if isinstance(value, dict):
        inner = (item for name, item in value.items() if name != _ENDORSEMENTS)
        return "@context" in value or any(map(_has_context, inner))
    return isinstance(value, list) and any(_has_context(item) for item in value)


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
