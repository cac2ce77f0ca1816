"""The journal of a desk: signed entries, each of which names the one before (docs/desk-formats.md).

An entry is checked by itself; what is missing between entries is found in `merge`.
"""

from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from keys.jwk import PublicKey
from keys.signer import Signer
from schemas import strict_json
from schemas.strict_json import JsonObject
from schemas.strict_yaml import as_tuple, sentence_of
from verifier.desk.errors import JournalError, TokenError
from verifier.desk.formats import tokens
from verifier.desk.formats.bundle import Moment

Kind = Literal["opened", "closed", "granted", "provisional", "override", "refused", "undo", "note"]
Ring = Literal[0, 1, 3]

MAX_ENTRIES = 1000  # in one request
MAX_SEQ = 1_000_000
GIVING: Final[frozenset[Kind]] = frozenset({"granted", "provisional", "override"})
_NEEDED: Final[dict[Kind, tuple[str, ...]]] = {
    "opened": (),
    "closed": (),
    "granted": ("ring", "request_id", "entitlement", "issuer", "achievement", "holders", "percent"),
    "provisional": ("ring", "request_id", "entitlement", "issuer", "achievement", "holders", "percent", "name"),
    "override": ("ring", "request_id", "percent", "initials"),  # of a badge that perhaps nobody could read
    "refused": ("reason",),
    "undo": ("request_id", "reason"),
    "note": ("reason",),
}
_Text = Annotated[str, Field(max_length=500)]


class Entry(BaseModel):
    """What an entry says. `of`: of which desk the request is that is undone, if it is another one's."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    layout: Literal[1] = 1
    event: str = Field(min_length=1, max_length=64)
    desk: str = Field(min_length=1, max_length=64)
    seq: int = Field(ge=1, le=MAX_SEQ)
    prev: str | None = Field(max_length=43)
    at: Moment
    kind: Kind
    epoch: int = Field(ge=0, default=0)
    ring: Ring | None = None
    request_id: str | None = Field(default=None, min_length=1, max_length=120)
    entitlement: _Text | None = None
    issuer: _Text | None = None
    achievement: _Text | None = None
    holders: Annotated[tuple[str, ...], BeforeValidator(as_tuple), Field(max_length=16)] = ()
    percent: int | None = Field(default=None, ge=1, le=100)
    value: int | None = Field(default=None, ge=0)
    name: str | None = Field(default=None, max_length=100)
    reason: str | None = Field(default=None, max_length=200)
    initials: str | None = Field(default=None, max_length=20)
    of: str | None = Field(default=None, max_length=64)

    @model_validator(mode="after")
    def _is_whole(self) -> "Entry":
        missing = [name for name in _NEEDED[self.kind] if getattr(self, name) in (None, "", ())]
        if missing:
            raise ValueError(f"an entry of the kind {self.kind} needs {missing[0]}")
        if (self.seq == 1) != (self.prev is None):
            raise ValueError("the first entry, and no other, has no entry before it")
        if self.kind == "provisional" and self.ring != 3:
            raise ValueError("what is given provisionally is of ring 3")
        return self

    def to_json(self) -> JsonObject:
        """The payload."""
        dumped = self.model_dump(mode="json", exclude_defaults=True) | {"layout": 1, "prev": self.prev}
        return strict_json.loads_object(strict_json.dumps(dumped))

    @property
    def request(self) -> tuple[str, str]:
        """(desk, request id) of what it gives or undoes."""
        return (self.of or self.desk, self.request_id or "")


def write(entry: Entry, *, signer: Signer) -> str:
    """An entry, signed by its desk."""
    return tokens.sign(entry.to_json(), typ=tokens.JOURNAL, signer=signer)


def verified(token: str, *, key: PublicKey, event: str, desk: str) -> Entry:
    """What an entry says, once it was found to be this desk's.

    Raises:
        JournalError: it is not, or not whole.
    """
    try:
        tokens.verified(token, typ=tokens.JOURNAL, key=key)
    except TokenError as error:
        raise JournalError(f"The entry is not good: {error}") from error
    entry = read(token)
    if entry.event != event or entry.desk != desk:
        raise JournalError(f"The entry is of the desk {entry.desk[:64]!a} of {entry.event[:64]!a}: another one's.")
    return entry


def desk_of(token: str) -> str:
    """Which desk an entry wants to be of.

    Raises:
        JournalError: it is no entry.
    """
    try:
        return tokens.key_id(token)
    except TokenError as error:
        raise JournalError(f"The entry is not good: {error}") from error


@lru_cache(maxsize=1 << 15)  # a whole event's, read again and again while it goes on
def read(token: str) -> Entry:
    """What an entry says that was verified before.

    Raises:
        JournalError: it is none.
    """
    try:
        return Entry.model_validate(tokens.unverified(token))
    except TokenError as error:
        raise JournalError(f"The entry cannot be read: {error}") from error
    except ValidationError as error:
        raise JournalError(f"The entry cannot be read: {sentence_of(error)}") from error


@lru_cache(maxsize=1 << 15)
def hash_of(token: str) -> str:
    """An entry's hash, which the next one names."""
    return tokens.hash_of(token)
