"""The trust bundle of desks: all that a desk relies on, as one signed value that is read and refused strictly.

It is loaded into `verification.trust.TrustBundle`, so that the same story of a badge is told without a network.
Making one from what is published is `venue.bundles`; the format is docs/desk-formats.md.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from keys.jwk import PublicKey
from keys.signer import Signer
from schemas import base64url, event_policy, strict_json, timestamps
from schemas.badge_qr import BadgeQrError, Dictionary
from schemas.contexts import VERIFYING, ContextSet
from schemas.event_policy import Accepted, EventPolicy
from schemas.strict_json import JsonObject
from schemas.strict_yaml import as_tuple, sentence_of
from verifier.desk.errors import BundleError, TokenError
from verifier.desk.formats import tokens
from verifier.desk.formats.tokens import LAYOUT
from verifier.registration.events import discounted
from verifier.verification.trust import Absent, Published, TrustBundle

AHEAD: Final = timedelta(minutes=5)  # of the clock here: then one of the two clocks is wrong

Right = Literal["scan", "lead"]


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else timestamps.parse(value)


def _shown(moment: datetime) -> str:
    """With its fraction: an age of a second can decide."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(_shown)]
Jwk = dict[str, str]


class _Part(BaseModel):
    """Members that are not known here are ignored: a newer office may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class MadeBy(_Part):
    """The office: its address, its bundle key, its epoch key."""

    name: str
    jwk: Jwk
    epoch_jwk: Jwk

    @property
    def epoch_key(self) -> PublicKey:
        return tokens.key_of({**self.epoch_jwk})


class DeskPeriod(_Part):
    policy: str
    starts: str


class DeskAccepted(_Part):
    """A badge that is accepted, by (issuer, achievement), for this percent; `at_most` for others' badges only."""

    issuer: str
    achievement: str
    percent: Annotated[int, Field(ge=0, le=100)]
    name: str = ""
    at_most: int | None = None


class Provisional(_Part):
    """How many a desk may give when it is cut off, and what each is worth."""

    cap: Annotated[int, Field(ge=1)]
    value: Annotated[int, Field(ge=1)]


class DeskEvent(_Part):
    """An event's policy as a desk uses it: the budget's factor is in the percents already."""

    id: str
    name: str
    time_zone: str
    opens: Moment
    closes: Moment
    period: DeskPeriod
    entitlement: str
    capacity: int
    accept: Annotated[tuple[DeskAccepted, ...], BeforeValidator(as_tuple)]
    foreign: Annotated[tuple[DeskAccepted, ...], BeforeValidator(as_tuple)] = ()
    unknown: Literal["refuse", "hold_for_a_person"]
    status_age_limit: Annotated[int, Field(ge=1)]
    heed_ttl: bool = False
    proof_at_desk: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    provisional: Provisional | None = None
    journals_until: Moment
    details_until: Moment
    digest: str = ""

    @classmethod
    def of(cls, policy: EventPolicy, *, names: Mapping[str, str]) -> Self:
        """An event's policy for its desks. `names`: of achievements, by their ids."""

        def entry(accepted: Accepted, at_most: int | None = None) -> DeskAccepted:
            return DeskAccepted(
                issuer=accepted.issuer,
                achievement=accepted.achievement,
                percent=discounted(accepted.percent, factor=policy.budget.factor),
                name=names.get(accepted.achievement) or accepted.achievement.rstrip("/").rpartition("/")[2],
                at_most=at_most,
            )

        at_desk = policy.provisional_at_desk
        return cls(
            id=policy.event,
            name=policy.event,
            time_zone=policy.time_zone,
            opens=policy.redeem.opens,
            closes=policy.redeem.closes,
            period=DeskPeriod(policy=policy.period.policy, starts=policy.period.starts.isoformat()),
            entitlement=policy.entitlement,
            capacity=policy.capacity,
            accept=tuple(map(entry, policy.accept)),
            foreign=tuple(entry(foreign, foreign.at_most) for foreign in policy.foreign),
            unknown=policy.unknown,
            status_age_limit=policy.desk.status_age_hours * 3600,
            proof_at_desk=tuple(policy.proof_of_holding.desk),
            provisional=None if at_desk is None else Provisional(cap=at_desk.per_desk, value=at_desk.value_each),
            journals_until=policy.journals_kept_until,
            details_until=policy.kept_until,
            digest=policy.digest,
        )

    def policy(self) -> EventPolicy:
        """The same as the policy of a hub, which connects no shop and takes the percents as they are.

        Raises:
            BundleError: no event can have it.
        """

        def days_until(end: datetime) -> int:
            return max(1, math.floor((end - self.closes) / timedelta(days=1)))

        def entry(accepted: DeskAccepted) -> dict[str, Any]:
            return {name: getattr(accepted, name) for name in Accepted.model_fields}

        fields: dict[str, Any] = {
            "event": self.id,
            "time_zone": self.time_zone,
            "redeem": {"opens": self.opens, "closes": self.closes},
            "entitlement": self.entitlement,
            "accept": [entry(accepted) for accepted in self.accept],
            "foreign": [entry(accepted) | {"at_most": accepted.at_most or 1} for accepted in self.foreign],
            "proof_of_holding": {"online": [], "desk": list(self.proof_at_desk)},
            "unknown": self.unknown,
            "capacity": self.capacity,
            "voucher": {"uses": 1, "valid_days": 1, "on_expiry_or_refund": "release"},
            "desk": {"journal_days": days_until(self.journals_until)},
            "retention_days": days_until(self.details_until),
        }
        if self.provisional is not None:
            fields["provisional_at_desk"] = {
                "per_desk": self.provisional.cap,
                "value_each": self.provisional.value,
            }
        try:
            starts = date.fromisoformat(self.period.starts)
            fields["period"] = {"policy": self.period.policy, "starts": starts}
            fields["budget"] = {
                "factor": 1,
                "frozen_at": self.opens.date() - timedelta(days=1),
                "eligible": 1,
                "expected_take_up": 1,
            }
            return event_policy.from_fields(fields, digest=self.digest, name="the bundle's event")
        except (ValueError, OverflowError) as error:
            raise BundleError(f"The bundle's event cannot be used: {error}") from error


class BundledDocument(_Part):
    """A published text, and when it was had."""

    body: str
    fetched_at: Moment


class BundledClaims(_Part):
    """Which holders got the discount before, by salted hash; the day where it is known."""

    salt: str
    days: dict[str, str] = {}


class Device(_Part):
    """A desk with a key of its own."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    name: str
    jwk: Jwk
    state: Literal["active", "revoked"]
    rights: Annotated[tuple[Right, ...], BeforeValidator(as_tuple)]
    cap: Annotated[int, Field(ge=0)]

    @property
    def key(self) -> PublicKey:
        return tokens.key_of({**self.jwk})


class HubPlace(_Part):
    """The hub that decides: its key, its address, since which epoch."""

    jwk: Jwk
    url: str
    epoch: int


class Content(_Part):
    """What a bundle says."""

    layout: Literal[1] = 1
    version: Annotated[int, Field(ge=1)]
    as_of: Moment
    expires: Moment
    made_by: MadeBy
    event: DeskEvent
    did_documents: dict[str, BundledDocument]
    status_lists: dict[str, BundledDocument]
    absent: dict[str, str] = {}
    dictionaries: dict[str, str]
    claims: BundledClaims
    desks: Annotated[tuple[Device, ...], BeforeValidator(as_tuple)] = ()
    hub: HubPlace | None = None
    epochs: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    leases: Annotated[tuple[object, ...], BeforeValidator(as_tuple)] = ()

    def to_json(self) -> JsonObject:
        """The payload."""
        written: JsonObject = strict_json.loads_object(
            strict_json.dumps(self.model_dump(mode="json")), max_bytes=tokens.MAX_BYTES
        )
        return written


@dataclass(frozen=True)
class Seen:
    """The newest bundle of an event that was taken in before."""

    version: int
    payload_sha256: str


@dataclass(frozen=True)
class DeskBundle:
    """A bundle that was found good. `token` as it travels; `payload_sha256` tells two of one version apart."""

    content: Content
    token: str
    payload_sha256: str
    pinned: str

    @property
    def event(self) -> DeskEvent:
        return self.content.event

    @cached_property
    def salt(self) -> bytes:
        return base64url.decode(self.content.claims.salt)

    def trust(self, *, contexts: ContextSet = VERIFYING) -> TrustBundle:
        """What `checks.verify` may rely on."""
        return _trust(self.content, contexts=contexts)

    @cached_property
    def carried(self) -> TrustBundle:
        """The same, one value for every badge, so that each list is opened once."""
        return self.trust()


def fields_of(trust: TrustBundle) -> dict[str, Any]:
    """The documents of a trust value, as a bundle carries them. What is no text of UTF-8 is absent."""
    absent: dict[str, str] = {}

    def carried(documents: Mapping[str, Published | Absent]) -> dict[str, BundledDocument]:
        found = {}
        for name, document in documents.items():
            if isinstance(document, Absent):
                absent[name] = document.reason
                continue
            try:
                found[name] = BundledDocument(body=document.body.decode(), fetched_at=document.fetched_at)
            except UnicodeDecodeError:
                absent[name] = f"{name} is no text."
        return found

    return {
        "did_documents": carried(trust.did_documents),
        "status_lists": carried(trust.status_lists),
        "absent": absent,
        "dictionaries": {found.id: base64url.encode(found.file) for found in trust.dictionaries.values()},
    }


def sign(content: Content, *, signer: Signer) -> DeskBundle:
    """A bundle, signed by the office's bundle key."""
    token = tokens.sign(content.to_json(), typ=tokens.BUNDLE, signer=signer)
    return DeskBundle(content, token, _payload_sha256(token), tokens.fingerprint(signer.public))


def read(
    token: str, *, pinned: str | None, now: datetime, seen: Seen | None = None, event: str | None = None
) -> DeskBundle:
    """A bundle, once nothing is wrong with it.

    `pinned`: the fingerprint of the office's bundle key; None only for whoever shows a bundle and relies on
    nothing. `seen`: the newest one that was taken in before; `event`: of which it must be.

    Raises:
        BundleError: it is signed by another key or badly, older than what was seen, another one of the same
        version,
            from the future, over, of another event or of a layout that is not known here.
    """
    token = token.strip()
    try:
        said = tokens.unverified(token)
        if said.get("layout") != LAYOUT:
            raise BundleError(
                f"The bundle has the layout {str(said.get('layout'))[:20]!a}, and this program reads only"
                f" {LAYOUT}: update it."
            )
        made_by = said.get("made_by")
        key = tokens.key_of(made_by.get("jwk") if isinstance(made_by, dict) else None)
        fingerprint = tokens.fingerprint(key)
        if pinned is not None and fingerprint != pinned:
            raise BundleError(
                f"The bundle is signed with the key {fingerprint}, and {pinned} was expected: it is of another"
                " office, or forged."
            )
        said = tokens.verified(token, typ=tokens.BUNDLE, key=key)
        content = Content.model_validate(said)
        base64url.decode(content.claims.salt, what="salt")
        content.made_by.epoch_key  # noqa: B018 - it is one
        for device in content.desks:
            device.key  # noqa: B018
        _trust(content, contexts=VERIFYING)
    except TokenError as error:
        raise BundleError(f"The bundle is not good: {error}") from error
    except ValidationError as error:
        raise BundleError(f"The bundle cannot be read: {sentence_of(error)}") from error
    except base64url.Base64UrlError as error:
        raise BundleError(f"The bundle cannot be read: {error}") from error
    payload_sha256 = _payload_sha256(token)
    if event is not None and content.event.id != event:
        raise BundleError(f"The bundle is for the event {content.event.id[:80]!a}, and {event!a} was expected.")
    if seen is not None and content.version < seen.version:
        raise BundleError(f"The bundle has version {content.version}; version {seen.version} was seen before.")
    if seen is not None and content.version == seen.version and payload_sha256 != seen.payload_sha256:
        raise BundleError(f"There is another bundle of version {content.version}: one of the two is forged.")
    if content.as_of > now + AHEAD:
        raise BundleError(
            f"The bundle was made at {timestamps.show(content.as_of)}, and the clock here says"
            f" {timestamps.show(now)}: set the clock."
        )
    if content.expires <= now:
        raise BundleError(f"The bundle was good until {timestamps.show(content.expires)}: fetch a newer one.")
    return DeskBundle(content, token, payload_sha256, fingerprint)


def read_event(token: str) -> str:
    """Of which event a bundle is, before anybody knows whether it is good.

    Raises:
        BundleError: it is no bundle.
    """
    try:
        event = tokens.unverified(token).get("event")
    except TokenError as error:
        raise BundleError(f"This is no bundle: {error}") from error
    name = event.get("id") if isinstance(event, dict) else None
    if not isinstance(name, str):
        raise BundleError("This is no bundle: it names no event.")
    return name


def _trust(content: Content, *, contexts: ContextSet) -> TrustBundle:
    def opened(documents: Mapping[str, BundledDocument], *, of_did: bool) -> dict[str, Published | Absent]:
        found: dict[str, Published | Absent] = {
            name: Absent(reason) for name, reason in content.absent.items() if name.startswith("did:") is of_did
        }
        return found | {
            name: Published(document.body.encode(), document.fetched_at) for name, document in documents.items()
        }

    try:
        made = [Dictionary.parse(base64url.decode(text)) for text in content.dictionaries.values()]
    except (BadgeQrError, base64url.Base64UrlError) as error:
        raise BundleError(f"The bundle holds a dictionary that is none: {error}") from error
    if {dictionary.id for dictionary in made} != set(content.dictionaries):
        raise BundleError("The bundle holds a dictionary under an id that is not its own.")
    return TrustBundle(
        content.as_of,
        did_documents=opened(content.did_documents, of_did=True),
        status_lists=opened(content.status_lists, of_did=False),
        dictionaries={dictionary.id: dictionary for dictionary in made},
        status_age_limit=timedelta(seconds=content.event.status_age_limit),
        heed_ttl=content.event.heed_ttl,
        contexts=contexts,
    )


def _payload_sha256(token: str) -> str:
    return tokens.digest(base64url.decode(token.split(".")[1]))
