"""Claims become grants: as many as wait in one transaction, each exactly once.

Whether a badge is accepted and holding it is proved was decided before (`events`). Here, under the write lock, it
is asked whether the discount is still there, and all that a grant leaves behind is written. Claims that could get
in each other's way are never in one transaction, so each is decided by what was there before. Rows are `store`.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, Engine

from schemas.event_policy import CodePool, EventPolicy
from verifier.ground.committer import Committer
from verifier.ground.settings import Settings
from verifier.registration import outbox, store, vouchers
from verifier.registration.errors import RequestIdReusedError
from verifier.registration.events import Acceptance
from verifier.registration.outbox import Placement
from verifier.registration.reasons import Reason
from verifier.registration.shops import store as shop_store
from verifier.registration.store import (
    Grant,
    HolderName,
    Known,
    NewAnswer,
    NewGrant,
    RequestName,
    Standing,
)

Use = Callable[[Connection], bool]  # uses a proof up in the grant's own transaction; False: it was used before


@dataclass(frozen=True, eq=False)
class Claim:
    """A discount that an accepted badge asks for, under a request id; `now` is when it was decided. `use`: what is
    good for one grant only, such as an exchange with a wallet.
    """

    policy: EventPolicy
    acceptance: Acceptance
    proof: str
    request_id: str
    fingerprint: str
    now: datetime
    use: Use | None = None
    standings: tuple[Standing, ...] = ()

    @cached_property
    def request(self) -> RequestName:
        return RequestName(self.policy.event, self.request_id)

    @cached_property
    def names(self) -> tuple[HolderName, ...]:
        """Every name of the holder, as the ledger keeps it."""
        scope = self.policy.event, self.policy.entitlement, self.acceptance.issuer
        keys = {store.holder_key(holder) for holder in self.acceptance.holders}
        return tuple(HolderName(*scope, key) for key in sorted(keys))

    def touches(self) -> set[Hashable]:
        """What no other claim of the same transaction may touch."""
        pool = {("pool", self.policy.event)} if isinstance(self.policy.shop, CodePool) else set()
        return {self.request, *self.names, *pool}


@dataclass(frozen=True)
class Outcome:
    """What became of a claim. `is_repeated`: it was answered before, under the same request id."""

    reason: Reason
    percent: int = 0
    voucher: str | None = None
    shop: Placement | None = None
    is_repeated: bool = False


_Outcomes = dict[Claim, Outcome | Exception]


class Ledger:
    """The grants of one office."""

    def __init__(self, settings: Settings, *, engine: Engine) -> None:
        self._settings = settings
        self._committer = Committer[Claim, Outcome](engine, self._carry_out, touches=Claim.touches)

    def claim(self, claim: Claim) -> Outcome:
        """The claim's outcome, once it is on the disk.

        Raises:
            RequestIdReusedError: the id was used before for another request.
            VoucherSecretError: the secret from which vouchers are derived is gone.
            DatabaseError: nothing was granted, since nothing could be written.
        """
        return self._committer.submit(claim)

    def _carry_out(self, connection: Connection, claims: Sequence[Claim]) -> Sequence[Outcome | Exception]:
        """Each claim's outcome, in their order: one look for all of them, then what it means, then one writing."""
        known = store.look(
            connection,
            requests=[claim.request for claim in claims],
            names=[name for claim in claims for name in claim.names],
        )
        outcomes: _Outcomes = _repeated(connection, claims, known)
        outcomes |= {
            claim: Outcome(Reason.ALREADY_REDEEMED)
            for claim in claims
            if claim not in outcomes and not known.redeemed.isdisjoint(claim.names)
        }
        outcomes |= _without_room(connection, [claim for claim in claims if claim not in outcomes], known)
        wanting = [claim for claim in claims if claim not in outcomes]
        codes = self._codes(connection, wanting)
        outcomes |= {claim: Outcome(Reason.NO_CAPACITY) for claim in wanting if claim not in codes}
        for claim in [claim for claim in codes if claim.use is not None and not claim.use(connection)]:
            outcomes[claim] = Outcome(Reason.USED_PRESENTATION)
            del codes[claim]
        grants = {
            claim: NewGrant(number, _grant(claim, code, generation), claim.names, claim.standings)
            for number, (claim, (code, generation)) in enumerate(codes.items(), start=known.newest + 1)
        }
        answers = [_answer(claim, Reason.GRANTED, redemption_id=new.id) for claim, new in grants.items()]
        answers += [
            _answer(claim, Reason.ALREADY_REDEEMED)
            for claim, outcome in outcomes.items()
            if outcome == Outcome(Reason.ALREADY_REDEEMED)
        ]
        store.write(connection, grants=list(grants.values()), answers=answers)
        outcomes |= {claim: _entered(connection, claim, new) for claim, new in grants.items()}
        return [outcomes[claim] for claim in claims]

    def _codes(self, connection: Connection, claims: Sequence[Claim]) -> dict[Claim, tuple[str, int]]:
        """A voucher for each, with its generation: derived, or the next one of the event's pool. An empty pool has
        none: nothing is granted that no shop would honour.
        """
        pooled = [claim for claim in claims if isinstance(claim.policy.shop, CodePool)]
        drawn = {
            claim: outbox.draw_code(connection, policy=claim.policy, percent=claim.acceptance.percent)
            for claim in pooled
        }
        codes = {claim: (code, 1) for claim, code in drawn.items() if code is not None}
        deriving = [claim for claim in claims if claim not in drawn]
        if deriving:
            secret = vouchers.read_secret(
                self._settings.voucher_secret, may_make=lambda: not shop_store.any_derived(connection)
            )
            codes |= _derived(connection, deriving, secret)
        return codes


def repeated(answer: store.Answer, *, fingerprint: str, shop: Placement | None) -> Outcome:
    """An earlier answer to the same request.

    Raises:
        RequestIdReusedError: it was another request.
    """
    if answer.fingerprint != fingerprint:
        raise RequestIdReusedError("This request id was used before for another request: take a new one.")
    if not answer.stands:  # a voucher that is dead, or is about to be, is never handed out as if it were good
        return Outcome(Reason.RELEASED, is_repeated=True)
    return Outcome(Reason(answer.reason), answer.percent, answer.voucher, shop, is_repeated=True)


def _repeated(connection: Connection, claims: Sequence[Claim], known: Known) -> _Outcomes:
    """The claims whose request was answered before, as when the same one comes twice at the same moment."""
    outcomes: _Outcomes = {}
    for claim in claims:
        answer = known.answers.get(claim.request)
        if answer is None:
            continue
        shop = outbox.placement_of(connection, voucher=answer.voucher)
        try:
            outcomes[claim] = repeated(answer, fingerprint=claim.fingerprint, shop=shop)
        except RequestIdReusedError as error:
            outcomes[claim] = error
    return outcomes


def _without_room(connection: Connection, claims: Sequence[Claim], known: Known) -> _Outcomes:
    """The claims for which the event has no discount left, or none for badges of their kind."""
    outcomes: _Outcomes = {}
    most = known.newest + len(claims)  # of all events; where that is enough nobody counts
    given: dict[str, int] = {}
    of_pair: dict[tuple[str, str, str], int] = {}
    for claim in claims:
        event, acceptance = claim.policy.event, claim.acceptance
        if most > claim.policy.capacity and event not in given:
            given[event] = store.count_granted(connection, event=event)
        pair = event, acceptance.issuer, acceptance.achievement
        if acceptance.at_most is not None and pair not in of_pair:
            of_pair[pair] = store.count_of_pair(
                connection, event=event, issuer=acceptance.issuer, achievement=acceptance.achievement
            )
        if given.get(event, 0) >= claim.policy.capacity:
            outcomes[claim] = Outcome(Reason.NO_CAPACITY)
        elif acceptance.at_most is not None and of_pair[pair] >= acceptance.at_most:
            outcomes[claim] = Outcome(Reason.FOREIGN_LIMIT_REACHED)
        else:
            given[event] = given.get(event, 0) + 1
            of_pair[pair] = of_pair.get(pair, 0) + 1
    return outcomes


def _grant(claim: Claim, voucher: str, generation: int) -> Grant:
    return Grant(
        event=claim.policy.event,
        entitlement=claim.policy.entitlement,
        issuer=claim.acceptance.issuer,
        achievement=claim.acceptance.achievement,
        counted=claim.acceptance.at_most is not None,
        percent=claim.acceptance.percent,
        proof=claim.proof,
        voucher=voucher,
        granted_at=claim.now,
        generation=generation,
        policy_digest=claim.policy.digest,
    )


def _answer(claim: Claim, reason: Reason, *, redemption_id: int | None = None) -> NewAnswer:
    return NewAnswer(
        event=claim.policy.event,
        request_id=claim.request_id,
        fingerprint=claim.fingerprint,
        reason=reason.value,
        redemption_id=redemption_id,
        answered_at=claim.now,
    )


def _entered(connection: Connection, claim: Claim, new: NewGrant) -> Outcome:
    """The outcome of a grant, with its order for the shop written."""
    grant = new.grant
    placement = outbox.enter(
        connection,
        policy=claim.policy,
        redemption_id=new.id,
        voucher=grant.voucher,
        percent=grant.percent,
        now=claim.now,
    )
    return Outcome(Reason.GRANTED, grant.percent, grant.voucher, placement)


def _derived(connection: Connection, claims: Sequence[Claim], secret: bytes) -> dict[Claim, tuple[str, int]]:
    """The first code of each holder that was never given: a released one is not given again."""
    codes: dict[Claim, tuple[str, int]] = {}
    left, generation = list(claims), 0
    while left:
        generation += 1
        derived = {claim: _code(claim, secret, generation) for claim in left}
        given = store.codes_given(connection, list(derived.values()))
        codes |= {claim: (code, generation) for claim, code in derived.items() if code not in given}
        left = [claim for claim in left if claim not in codes]
    return codes


def _code(claim: Claim, secret: bytes, generation: int) -> str:
    return vouchers.code_for(
        secret,
        event=claim.policy.event,
        entitlement=claim.policy.entitlement,
        holder=(claim.acceptance.issuer, claim.acceptance.holders[0]),
        generation=generation,
    )
