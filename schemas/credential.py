"""The Open Badges 3.0 credential on the W3C data model 2.0: what a badge says (STANDARDS b).

Members that we do not know survive reading and writing. A signed document is never written again from these
models before its signature was checked: `keys.jws` verifies bytes, then they are read here.
"""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from schemas import timestamps
from schemas.identity import IdentityObject
from schemas.strict_json import JsonObject
from schemas.strict_yaml import sentence_of

VC_CONTEXT = "https://www.w3.org/ns/credentials/v2"
OB_CONTEXT = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"
OB_CONTEXT_PATTERN = r"^https://purl\.imsglobal\.org/spec/ob/v3p0/context(-3\.\d\.\d)*\.json$"
BADGE_TYPES = frozenset({"OpenBadgeCredential", "AchievementCredential"})
HOLDER_REFERENCE_TYPE = "systemId"
HOLDER_REFERENCE_PREFIX = "urn:uuid:"


class CredentialError(ValueError):
    """A document is no Open Badges 3.0 credential; one sentence that names the member."""


def _listed(value: Any) -> Any:
    """Set properties may arrive as a single value (OB 3.0 serialization)."""
    return value if isinstance(value, list | tuple) else [value]


def _url(value: str) -> str:
    parts = urlsplit(value)
    if not parts.scheme or not (parts.netloc or parts.path):
        raise ValueError(f"{value!r} is no absolute URL")
    return value


def _timestamp(value: Any) -> Any:
    return value if isinstance(value, datetime) else timestamps.parse(value)


Url = Annotated[str, Field(max_length=2000), AfterValidator(_url)]
Types = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
Timestamp = Annotated[datetime, BeforeValidator(_timestamp)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)


class Image(_Part):
    id: str
    type: str = "Image"
    caption: str | None = None


class Criteria(_Part):
    """How it is earned: behind an address, in words, or both."""

    id: Url | None = None
    narrative: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Criteria":
        if self.id is None and self.narrative is None:
            raise ValueError("criteria need an id or a narrative")
        return self


class Profile(_Part):
    """An issuer or creator."""

    id: Url
    type: Types
    name: str | None = None
    url: Url | None = None
    email: str | None = None


class Alignment(_Part):
    """Where it fits in somebody's framework of skills (OB 3.0 §B.1.2)."""

    type: Types
    targetName: str  # noqa: N815 - the standard's member names
    targetUrl: Url  # noqa: N815


class ResultDescription(_Part):
    """What a result of the achievement can be (OB 3.0 §B.1.22)."""

    id: Url
    type: Types
    name: str
    resultType: str  # noqa: N815


class Result(_Part):
    """A result of this holder; `resultDescription` says which of the achievement's it is (OB 3.0 §B.1.21)."""

    type: Types
    resultDescription: Url | None = None  # noqa: N815
    status: str | None = None


class Achievement(_Part):
    """What was recognised. `id` is trusted only together with the issuer's id."""

    id: Url
    type: Types
    name: str
    description: str
    criteria: Criteria
    achievementType: str | None = None  # noqa: N815
    image: Image | None = None
    version: str | None = None
    tag: Annotated[tuple[str, ...], BeforeValidator(_listed)] | None = None
    alignment: Annotated[tuple[Alignment, ...], BeforeValidator(_listed)] | None = None
    resultDescription: Annotated[tuple[ResultDescription, ...], BeforeValidator(_listed)] | None = None  # noqa: N815


class AchievementSubject(_Part):
    """Whom the badge is about: `id` and `identifier` say who, `achievement` says for what."""

    id: Url | None = None
    type: Types
    achievement: Achievement
    identifier: Annotated[tuple[IdentityObject, ...], BeforeValidator(_listed)] | None = None
    narrative: str | None = None
    term: str | None = None
    result: Annotated[tuple[Result, ...], BeforeValidator(_listed)] | None = None

    @model_validator(mode="after")
    def _is_about_somebody(self) -> "AchievementSubject":
        if "AchievementSubject" not in self.type:
            raise ValueError("type must contain AchievementSubject")
        if self.id is None and not self.identifier:
            raise ValueError("id or identifier must be present")
        return self

    @model_validator(mode="after")
    def _has_results_that_are_described(self) -> "AchievementSubject":
        """OB 3.0 §B.1.21: a described result's description stands in the same achievement; one of type Status says
        its status.
        """
        described = {entry.id: entry.resultType for entry in self.achievement.resultDescription or ()}
        for result in self.result or ():
            if result.resultDescription is None:
                continue
            if result.resultDescription not in described:
                raise ValueError("a result's resultDescription is not one of the achievement's")
            if described[result.resultDescription] == "Status" and result.status is None:
                raise ValueError("a result of type Status needs a status")
        return self

    def identities(self, identity_type: str) -> tuple[IdentityObject, ...]:
        """All identities of one type."""
        return tuple(i for i in self.identifier or () if i.identityType == identity_type)

    @property
    def holder_references(self) -> tuple[str, ...]:
        """The issuer's references for this holder, `urn:uuid:…` each; empty in badges of other designs."""
        plain = (i.identityHash for i in self.identities(HOLDER_REFERENCE_TYPE) if not i.hashed)
        return tuple(sorted({text for text in plain if text.startswith(HOLDER_REFERENCE_PREFIX)}))

    @property
    def name(self) -> str | None:
        """The holder's name, if the badge carries one in clear text."""
        return next((i.identityHash for i in self.identities("name") if not i.hashed), None)


class CredentialStatus(_Part):
    """Where to ask whether the badge was withdrawn (Bitstring Status List 1.0 §2.1)."""

    type: str
    id: str | None = None
    statusPurpose: str | None = None  # noqa: N815
    statusListIndex: str | int | None = None  # noqa: N815 - a base-10 string; numbers occur in the wild
    statusListCredential: str | None = None  # noqa: N815


class RelatedResource(_Part):
    """A document whose digest the badge vouches for (VCDM 2.0 §5.3); our badges name their policy so."""

    id: Url
    digestSRI: str | None = None  # noqa: N815
    digestMultibase: str | None = None  # noqa: N815
    mediaType: str | None = None  # noqa: N815

    @model_validator(mode="after")
    def _has_a_digest(self) -> "RelatedResource":
        if self.digestSRI is None and self.digestMultibase is None:
            raise ValueError("a related resource needs digestSRI or digestMultibase")
        return self


class Evidence(_Part):
    type: Types
    id: Url | None = None
    name: str | None = None


class OpenBadgeCredential(_Part):
    """A badge: OB 3.0 `AchievementCredential` on VCDM 2.0."""

    context: Annotated[tuple[Any, ...], Field(alias="@context", min_length=2)]
    id: Url
    type: Types
    name: str | None = None
    issuer: Profile
    validFrom: Timestamp  # noqa: N815
    validUntil: Timestamp | None = None  # noqa: N815
    awardedDate: Timestamp | None = None  # noqa: N815
    credentialSubject: AchievementSubject  # noqa: N815
    credentialStatus: Annotated[tuple[CredentialStatus, ...], BeforeValidator(_listed)] | None = None  # noqa: N815
    relatedResource: Annotated[tuple[RelatedResource, ...], BeforeValidator(_listed)] | None = None  # noqa: N815
    evidence: Annotated[tuple[Evidence, ...], BeforeValidator(_listed)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _accept_an_issuer_given_by_id(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("issuer"), str):
            return {**value, "issuer": {"id": value["issuer"], "type": ["Profile"]}}
        return value

    @model_validator(mode="after")
    def _is_a_badge(self) -> "OpenBadgeCredential":
        if "VerifiableCredential" not in self.type or not BADGE_TYPES & set(self.type):
            raise ValueError("type must contain VerifiableCredential and OpenBadgeCredential")
        if self.validUntil is not None and self.validUntil < self.validFrom:
            raise ValueError("validUntil is before validFrom")
        ids = [resource.id for resource in self.relatedResource or ()]
        if len(set(ids)) != len(ids):
            raise ValueError("two related resources have the same id")
        return self


def read(document: JsonObject) -> OpenBadgeCredential:
    """The badge that a JSON document describes; says nothing about its signature.

    Raises:
        CredentialError: a required member is missing, or one has a wrong type or value (OB 3.0 §B.1).
    """
    try:
        return OpenBadgeCredential.model_validate(document)
    except ValidationError as error:
        raise CredentialError(f"This is no Open Badges 3.0 credential: {sentence_of(error)}") from error


def write(credential: OpenBadgeCredential) -> JsonObject:
    """The JSON document of a badge that is about to be signed: no nulls, sets as arrays, times in UTC."""
    document: JsonObject = _plain(credential)
    return document


def _is_nothing(value: Any) -> bool:
    """Nulls and empty arrays are left out: JSON-LD reads them as absent (OB 3.0 serialization)."""
    return value is None or (isinstance(value, list | tuple) and not value)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        named = {(fields[name].alias or name): content for name, content in value if name in fields} | dict(
            value.model_extra or {}
        )
        return {name: _plain(content) for name, content in named.items() if not _is_nothing(content)}
    if isinstance(value, datetime):
        return timestamps.show(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(content) for name, content in value.items()}
    return value
