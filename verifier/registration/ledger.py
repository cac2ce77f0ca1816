"""Claims become grants: as many as wait in one transaction, each exactly once.

Whether a badge is accepted and holding it is proved was decided before (`events`). Here, under the write lock, it
is asked whether the discount is still there, and all that a grant leaves behind is written. Claims that could get
in each other's way are never in one transaction, so each is decided by what was there before. On a PostgreSQL most
are granted at once, side by side with others, by unique keys alone (ADR 0012). Rows are `store`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection, Engine

from schemas.event_policy import CodePool, EventPolicy
from verifier.ground.committer import Committer
from verifier.ground.settings import Settings
from verifier.ground.statements import run_all
from verifier.registration import authority, outbox, store, vouchers
from verifier.registration.authority import Decider
from verifier.registration.budgets import Budgets
from verifier.registration.errors import RequestIdReusedError, VoucherSecretError
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

    `keys`: the holder's names as a ledger keeps them, where they come from another one. `is_settled`: who decided
    then has granted it, so neither who decides now nor the event's capacity is in its way.
    """

    policy: EventPolicy
    acceptance: Acceptance
    proof: str
    request_id: str
    fingerprint: str
    now: datetime
    use: Use | None = None
    standings: tuple[Standing, ...] = ()
    keys: tuple[str, ...] = ()
    is_settled: bool = False

    @cached_property
    def request(self) -> RequestName:
        return RequestName(self.policy.event, self.request_id)

    @cached_property
    def names(self) -> tuple[HolderName, ...]:
        """Every name of the holder, as the ledger keeps it."""
        scope = self.policy.event, self.policy.entitlement, self.acceptance.issuer
        keys = self.keys or {store.holder_key(holder) for holder in self.acceptance.holders}
        return tuple(HolderName(*scope, key) for key in sorted(keys))

    @property
    def is_simple(self) -> bool:
        """Whether, but for the event's capacity, only the holder's own earlier redemption can be in its way."""
        alone = self.use is None and self.acceptance.at_most is None and not self.is_settled
        return alone and not isinstance(self.policy.shop, CodePool)

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
        self._settings, self._budgets = settings, Budgets(lambda: engine)
        self._committer = Committer[Claim, Outcome](
            engine,
            self._carry_out,
            touches=Claim.touches,
            at_once=self._grant_all if engine.dialect.name == "postgresql" else None,
        )

    def claim(self, claim: Claim) -> Outcome:
        """The claim's outcome, once it is on the disk.

        Raises:
            RequestIdReusedError: the id was used before for another request.
            VoucherSecretError: the secret from which vouchers are derived is gone.
            EventPolicyError: the event's budget factor is not the one of its first discount.
            DatabaseError: nothing was granted, since nothing could be written.
        """
        if not claim.is_settled:
            self._budgets.fix(claim.policy, now=claim.now)
        return self._committer.submit(claim)

    def _grant_all(self, engine: Engine, claims: Sequence[Claim]) -> Sequence[Outcome] | None:
        """What most claims become, in one message to the database: grants, if nothing is in the way of any of
        them. None: nothing was written, and `_carry_out` finds out why.
        """
        if any(not claim.is_simple for claim in claims):
            return None
        try:
            secret = vouchers.read_secret(self._settings.voucher_secret, may_make=lambda: False)
        except VoucherSecretError:
            return None
        grants = {
            claim: NewGrant(number, _grant(claim, _code(claim, secret, 1), 1), claim.names, claim.standings)
            for number, claim in enumerate(claims, start=1)
        }
        answers = [_answer(claim, Reason.GRANTED, redemption_id=new.id) for claim, new in grants.items()]
        granted = shop_store.grant_all(
            engine,
            grants=list(grants.values()),
            answers=answers,
            orders=_orders(grants),
            at_most=min(claim.policy.capacity for claim in claims),
            now=max(claim.now for claim in claims),
        )
        if not granted:
            return None
        return [_granted(claim, new.grant) for claim, new in grants.items()]

    def _carry_out(self, connection: Connection, claims: Sequence[Claim]) -> Sequence[Outcome | Exception]:
        """Each claim's outcome, in their order: one look for all of them, then what it means, then one writing."""
        vouchers = self._vouchers(connection, claims)
        known = store.look(
            connection,
            requests=[claim.request for claim in claims],
            names=[name for claim in claims for name in claim.names],
            codes=list(vouchers.first.values()),
        )
        outcomes: _Outcomes = _repeated(connection, claims, known)
        outcomes |= {
            claim: Outcome(Reason.ALREADY_REDEEMED)
            for claim in claims
            if claim not in outcomes and not known.redeemed.isdisjoint(claim.names)
        }
        outcomes |= _decided_elsewhere(connection, [claim for claim in claims if claim not in outcomes])
        outcomes |= _without_room(connection, [claim for claim in claims if claim not in outcomes], known)
        wanting = [claim for claim in claims if claim not in outcomes]
        codes = vouchers.drawn(connection, wanting) | vouchers.derived(connection, wanting, given=known.given)
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
        _write(connection, grants, answers)
        outcomes |= {claim: _granted(claim, new.grant) for claim, new in grants.items()}
        return [outcomes[claim] for claim in claims]

    def _vouchers(self, connection: Connection, claims: Sequence[Claim]) -> "_Vouchers":
        deriving = [claim for claim in claims if not isinstance(claim.policy.shop, CodePool)]
        if not deriving:
            return _Vouchers({}, None)
        try:
            secret = vouchers.read_secret(
                self._settings.voucher_secret, may_make=lambda: not shop_store.any_derived(connection)
            )
        except VoucherSecretError as error:  # no matter to who gets none, or had one before
            return _Vouchers({}, error)
        return _Vouchers({claim: _code(claim, secret, 1) for claim in deriving}, secret)


@dataclass(frozen=True)
class _Vouchers:
    """Vouchers for the claims of one transaction. `first`: what each gets that derives one, if nothing is in the
    way; `secret`: what they derive from, or why there is none.
    """

    first: Mapping[Claim, str]
    secret: bytes | VoucherSecretError | None

    def drawn(self, connection: Connection, claims: Sequence[Claim]) -> dict[Claim, tuple[str, int]]:
        """The next code of the event's pool for who takes from one, with its generation. An empty pool has none:
        nothing is granted that no shop would honour.
        """
        codes = {
            claim: outbox.draw_code(connection, policy=claim.policy, percent=claim.acceptance.percent)
            for claim in claims
            if isinstance(claim.policy.shop, CodePool)
        }
        return {claim: (code, 1) for claim, code in codes.items() if code is not None}

    def derived(
        self, connection: Connection, claims: Sequence[Claim], *, given: AbstractSet[str]
    ) -> dict[Claim, tuple[str, int]]:
        """The first code of each other holder that was never given, with its generation: a released one is not
        given again.
        """
        left = [claim for claim in claims if not isinstance(claim.policy.shop, CodePool)]
        if left and isinstance(self.secret, VoucherSecretError):
            raise self.secret
        codes, generation = dict(self.first), 1
        found: dict[Claim, tuple[str, int]] = {}
        while left:
            found |= {claim: (codes[claim], generation) for claim in left if codes[claim] not in given}
            left = [claim for claim in left if claim not in found]
            if left:
                generation += 1
                assert isinstance(self.secret, bytes)
                codes = {claim: _code(claim, self.secret, generation) for claim in left}
                given = store.codes_given(connection, list(codes.values()))
        return found


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


WHO_DECIDES: Mapping[Decider, Reason] = {
    "venue": Reason.VENUE_DECIDES,
    "online": Reason.ONLINE_DECIDES,
    "waiting": Reason.WAITING_FOR_DESKS,
}


def _decided_elsewhere(connection: Connection, claims: Sequence[Claim]) -> _Outcomes:
    """The claims about which somebody else decides now, or did: asked in the grant's own transaction, so that
    handing over and granting cannot pass each other.
    """
    new = [claim for claim in claims if not claim.is_settled]
    found = authority.objections(connection, [(claim.policy.event, claim.names) for claim in new])
    return {
        claim: Outcome(Reason.ALREADY_REDEEMED if objection.taken else WHO_DECIDES[objection.decider])
        for claim, objection in zip(new, found, strict=True)
        if objection is not None
    }


def _without_room(connection: Connection, claims: Sequence[Claim], known: Known) -> _Outcomes:
    """The claims for which the event has no discount left, or none for badges of their kind."""
    outcomes: _Outcomes = {}
    most = known.newest + len(claims)  # of all events; where that is enough nobody counts
    given: dict[str, int] = {}
    of_pair: dict[tuple[str, str, str], int] = {}
    for claim in claims:
        if claim.is_settled:
            continue
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


def _write(connection: Connection, grants: Mapping[Claim, NewGrant], answers: Sequence[NewAnswer]) -> None:
    """Everything that grants leave behind, at the transaction's end."""
    calls = store.writing_of(grants=list(grants.values()), answers=answers)
    orders = _orders(grants)
    if orders:
        calls.append(shop_store.writing_of(orders, now=max(claim.now for claim in grants)))
    run_all(connection, calls)
    if grants:
        store.count_on(connection)
    pooled = [(claim, new) for claim, new in grants.items() if isinstance(claim.policy.shop, CodePool)]
    for claim, new in pooled:
        outbox.use_code(
            connection,
            policy=claim.policy,
            redemption_id=new.id,
            voucher=new.grant.voucher,
            percent=new.grant.percent,
        )


def _orders(grants: Mapping[Claim, NewGrant]) -> list[shop_store.NewOrder]:
    """What the shops are asked for grants."""
    orders = [
        outbox.order_for(
            claim.policy,
            redemption_id=new.id,
            voucher=new.grant.voucher,
            percent=new.grant.percent,
            now=claim.now,
        )
        for claim, new in grants.items()
    ]
    return [order for order in orders if order is not None]


def _granted(claim: Claim, grant: Grant) -> Outcome:
    return Outcome(Reason.GRANTED, grant.percent, grant.voucher, outbox.first_placement(claim.policy))


def _code(claim: Claim, secret: bytes, generation: int) -> str:
    return vouchers.code_for(
        secret,
        event=claim.policy.event,
        entitlement=claim.policy.entitlement,
        holder=(claim.acceptance.issuer, claim.acceptance.holders[0]),  # the first by name, wherever it was given
        generation=generation,
    )
