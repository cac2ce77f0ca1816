"""Who decides about an event: a chain of signed statements, each of which names the one before
(docs/desk-formats.md).

Whether a statement may be signed by whom it is signed, and follows, is decided here, purely; keeping them and
acting on them is `venue.command`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keys.jwk import PublicKey
from keys.signer import Signer
from schemas import strict_json
from schemas.strict_json import JsonObject
from schemas.strict_yaml import sentence_of
from verifier.desk.errors import EpochError, TokenError
from verifier.desk.formats import tokens
from verifier.desk.formats.bundle import Jwk, Moment
from verifier.registration.authority import ONLINE


class Statement(BaseModel):
    """What a statement says. `covers`: where a hub hands back, the hash of all that it hands back."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    layout: Literal[1] = 1
    event: str
    epoch: int = Field(ge=1)
    previous: str | None
    holder: str = Field(min_length=1, max_length=64)
    at: Moment
    jwk: Jwk | None = None
    url: str | None = Field(default=None, max_length=300)
    covers: str | None = None
    reason: str = Field(default="", max_length=200)

    def to_json(self) -> JsonObject:
        """The payload."""
        dumped = self.model_dump(mode="json")
        kept = {name: value for name, value in dumped.items() if value is not None or name == "previous"}
        return strict_json.loads_object(strict_json.dumps(kept))


@dataclass(frozen=True)
class Step:
    """A statement that was found good: what it says, its token and its hash, and whether it is a takeover, after
    which the new holder first hears every desk.
    """

    said: Statement
    token: str
    hash: str
    is_takeover: bool


@dataclass(frozen=True)
class Signatories:
    """Whose statements are believed: the office's, and those of the leads' desks (by id) that are active."""

    office: PublicKey
    leads: Mapping[str, PublicKey] = field(default_factory=dict)


@dataclass(frozen=True)
class Chain:
    """The statements of an event that were found good. `forked`: two follow the same one, so nobody decides until
    a later one, which names one of the two, was signed.
    """

    event: str
    steps: tuple[Step, ...] = ()
    rivals: tuple[Step, ...] = ()

    @property
    def newest(self) -> Step | None:
        return self.steps[-1] if self.steps else None

    @property
    def is_forked(self) -> bool:
        newest = self.newest
        return newest is not None and any(rival.said.epoch == newest.said.epoch for rival in self.rivals)

    @property
    def holder(self) -> str:
        """`online`, or the fingerprint of a hub's key; empty while two claim it."""
        if self.is_forked:
            return ""
        return self.newest.said.holder if self.newest else ONLINE

    @property
    def epoch(self) -> int:
        return self.newest.said.epoch if self.newest else 0

    def followed_by(self, statement_tokens: Iterable[str], *, signatories: Signatories | None) -> "Chain":
        """The chain with these statements, as far as they follow, in whatever order they come; those that are in
        it already change nothing. `signatories`: None where all of them were checked before.

        Raises:
            EpochError: one does not follow, or is not signed by whom it may be.
        """
        chain = self
        pending = sorted(dict.fromkeys(statement_tokens), key=lambda token: read(token).epoch)
        for token in pending:
            chain = chain._with(token, signatories=signatories)
        return chain

    def _with(self, token: str, *, signatories: Signatories | None) -> "Chain":
        hashed = tokens.hash_of(token)
        if any(step.hash == hashed for step in (*self.steps, *self.rivals)):
            return self
        said = read(token)
        if said.event != self.event:
            raise EpochError(f"The statement is about the event {said.event[:80]!a}, and not {self.event!a}.")
        earlier = next((step for step in (*self.steps, *self.rivals) if step.hash == said.previous), None)
        if earlier is None and (said.previous is not None or said.epoch != 1):
            raise EpochError(
                f"Epoch {said.epoch} follows a statement that is not known here: send those before it."
            )
        if said.epoch != (earlier.said.epoch if earlier else 0) + 1:
            raise EpochError(f"Epoch {said.epoch} does not follow the one that it names.")
        is_takeover = _check_signatory(token, said, earlier=earlier, signatories=signatories)
        step = Step(said, token, hashed, is_takeover)
        return self._extended(step, earlier)

    def _extended(self, step: Step, earlier: Step | None) -> "Chain":
        if (earlier is None and not self.steps) or (self.newest is not None and earlier == self.newest):
            return replace(self, steps=(*self.steps, step))
        rivals = (*self.rivals, step)
        if step.said.epoch > self.epoch:  # it ends a fork by following the other branch
            kept = _branch(step, (*self.steps, *rivals))
            others = tuple(one for one in (*self.steps, *rivals) if one not in kept)
            return replace(self, steps=kept, rivals=others)
        return replace(self, rivals=rivals)


def _branch(step: Step, known: tuple[Step, ...]) -> tuple[Step, ...]:
    by_hash = {one.hash: one for one in known}
    found = [step]
    while found[0].said.previous is not None:
        found.insert(0, by_hash[found[0].said.previous])
    return tuple(found)


def _check_signatory(
    token: str, said: Statement, *, earlier: Step | None, signatories: Signatories | None
) -> bool:
    """Whether the statement is a takeover, once it was found signed by somebody who may.

    Raises:
        EpochError: it is not.
    """
    before = earlier.said if earlier else None
    kid = tokens.key_id(token)
    if before is not None and before.jwk is not None and said.holder == ONLINE and kid == before.holder:
        if signatories is not None:
            _check(token, tokens.key_of({**before.jwk}))
        return False  # the hub itself hands back: it has stopped, and says what it gave
    is_takeover = before is not None and before.holder != ONLINE
    if signatories is None:
        return is_takeover
    lead = signatories.leads.get(kid)
    _check(token, lead if lead is not None and is_takeover else signatories.office)
    return is_takeover


def _check(token: str, key: PublicKey) -> None:
    try:
        tokens.verified(token, typ=tokens.EPOCH, key=key)
    except TokenError as error:
        raise EpochError(
            "The statement of who decides is not signed by the office, by the hub that hands back, or by a lead"
            f" who may: {error}"
        ) from error


def read(token: str) -> Statement:
    """What a statement says; whether it is believed is another question.

    Raises:
        EpochError: it is none.
    """
    try:
        said = Statement.model_validate(tokens.unverified(token))
        if said.jwk is not None and tokens.fingerprint(tokens.key_of({**said.jwk})) != said.holder:
            raise EpochError("The statement names a holder and the key of another one.")
        if (said.jwk is None) != (said.holder == ONLINE):
            raise EpochError("The statement names a hub without its key, or a key without a hub.")
    except TokenError as error:
        raise EpochError(f"The statement of who decides cannot be read: {error}") from error
    except ValidationError as error:
        raise EpochError(f"The statement of who decides cannot be read: {sentence_of(error)}") from error
    return said


def write(
    chain: Chain,
    *,
    holder: PublicKey | None,
    url: str = "",
    at: datetime,
    signer: Signer,
    reason: str = "",
    covers: str | None = None,
) -> str:
    """The next statement of a chain, signed. `holder`: a hub's key; None: online decides again."""
    newest = chain.newest
    said = Statement(
        event=chain.event,
        epoch=chain.epoch + 1,
        previous=newest.hash if newest else None,
        holder=ONLINE if holder is None else tokens.fingerprint(holder),
        at=at,
        jwk=None if holder is None else holder.to_jwk(),
        url=url or None,
        covers=covers,
        reason=reason,
    )
    return tokens.sign(said.to_json(), typ=tokens.EPOCH, signer=signer)
