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
from verifier.registration.store import Grant, NewAnswer, Standing

Use = Callable[[Connection], bool]  # uses a proof up in the grant's own transaction; False: it was used before
_KEPT = {Reason.GRANTED, Reason.ALREADY_REDEEMED}  # other answers may be better next time


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
    def holders(self) -> tuple[str, ...]:
        """Every name of the holder, as the ledger keeps it."""
        return tuple(sorted({store.holder_key(holder) for holder in self.acceptance.holders}))

    @property
    def scope(self) -> tuple[str, str, str]:
        """Within what a holder's name is one holder."""
        return self.policy.event, self.policy.entitlement, self.acceptance.issuer

    def touches(self) -> set[Hashable]:
        """What no other claim of the same transaction may touch."""
        pool = {("pool", self.policy.event)} if isinstance(self.policy.shop, CodePool) else set()
        names = {(*self.scope, holder) for holder in self.holders}
        return {("request", self.policy.event, self.request_id), *names, *pool}


@dataclass(frozen=True)
class Outcome:
    """What became of a claim. `is_repeated`: it was answered before, under the same request id."""

    reason: Reason
    percent: int = 0
    voucher: str | None = None
    shop: Placement | None = None
    redemption_id: int | None = None
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
        """Each claim's outcome, in their order. A statement is for all of them: none is asked for one by one."""
        outcomes: _Outcomes = {}
        for step in (_repeated, _redeemed, _without_room, self._granted):
            outcomes |= step(connection, [claim for claim in claims if claim not in outcomes])
        new = [
            NewAnswer(
                event=claim.policy.event,
                request_id=claim.request_id,
                fingerprint=claim.fingerprint,
                reason=outcome.reason.value,
                redemption_id=outcome.redemption_id,
                answered_at=claim.now,
            )
            for claim, outcome in outcomes.items()
            if isinstance(outcome, Outcome) and not outcome.is_repeated and outcome.reason in _KEPT
        ]
        store.add_answers(connection, new)
        return [outcomes[claim] for claim in claims]

    def _granted(self, connection: Connection, claims: Sequence[Claim]) -> _Outcomes:
        """Grants for those who are left, with their vouchers and the orders for the shop."""
        codes = self._codes(connection, claims)
        outcomes: _Outcomes = {claim: Outcome(Reason.NO_CAPACITY) for claim in claims if claim not in codes}
        for claim in [claim for claim in codes if claim.use is not None and not claim.use(connection)]:
            outcomes[claim] = Outcome(Reason.USED_PRESENTATION)
            del codes[claim]
        grants = {claim: _grant(claim, code, generation) for claim, (code, generation) in codes.items()}
        ids = store.add_grants(connection, [(grant, claim.holders) for claim, grant in grants.items()])
        store.add_standings(
            connection,
            [(ids[grant.voucher], place) for claim, grant in grants.items() for place in claim.standings],
        )
        for claim, grant in grants.items():
            placement = outbox.enter(
                connection,
                policy=claim.policy,
                redemption_id=ids[grant.voucher],
                voucher=grant.voucher,
                percent=grant.percent,
                now=claim.now,
            )
            outcomes[claim] = Outcome(
                Reason.GRANTED, grant.percent, grant.voucher, placement, redemption_id=ids[grant.voucher]
            )
        return outcomes

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


def _repeated(connection: Connection, claims: Sequence[Claim]) -> _Outcomes:
    """The claims whose request was answered before, as when the same one comes twice at the same moment."""
    outcomes: _Outcomes = {}
    for event in {claim.policy.event for claim in claims}:
        asked = {claim.request_id: claim for claim in claims if claim.policy.event == event}
        for request_id, answer in store.find_answers(connection, event=event, request_ids=asked).items():
            claim = asked[request_id]
            shop = outbox.placement_of(connection, voucher=answer.voucher)
            try:
                outcomes[claim] = repeated(answer, fingerprint=claim.fingerprint, shop=shop)
            except RequestIdReusedError as error:
                outcomes[claim] = error
    return outcomes


def _redeemed(connection: Connection, claims: Sequence[Claim]) -> _Outcomes:
    """The claims whose holder redeemed before, under any of their names."""
    outcomes: _Outcomes = {}
    for scope in {claim.scope for claim in claims}:
        event, entitlement, issuer = scope
        asked = {holder: claim for claim in claims if claim.scope == scope for holder in claim.holders}
        found = store.redeemed_holders(connection, event=event, entitlement=entitlement, issuer=issuer, keys=asked)
        outcomes |= {asked[holder]: Outcome(Reason.ALREADY_REDEEMED) for holder in found}
    return outcomes


def _without_room(connection: Connection, claims: Sequence[Claim]) -> _Outcomes:
    """The claims for which the event has no discount left, or none for badges of their kind."""
    outcomes: _Outcomes = {}
    given: dict[str, int] = {}
    of_pair: dict[tuple[str, str, str], int] = {}
    for claim in claims:
        event, acceptance = claim.policy.event, claim.acceptance
        if event not in given:
            given[event] = store.count_granted(connection, event=event)
        pair = event, acceptance.issuer, acceptance.achievement
        if acceptance.at_most is not None and pair not in of_pair:
            of_pair[pair] = store.count_of_pair(
                connection, event=event, issuer=acceptance.issuer, achievement=acceptance.achievement
            )
        if given[event] >= claim.policy.capacity:
            outcomes[claim] = Outcome(Reason.NO_CAPACITY)
        elif acceptance.at_most is not None and of_pair[pair] >= acceptance.at_most:
            outcomes[claim] = Outcome(Reason.FOREIGN_LIMIT_REACHED)
        else:
            given[event] += 1
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
