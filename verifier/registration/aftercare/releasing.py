"""Taking a discount back by a person's decision, and giving it anew with another voucher.

The old voucher is dead in the shop before anything else happens: a row says that it is to be withdrawn, a worker
withdraws it (again and again, whatever was killed), and only the transaction in which the shop's answer is
written down frees the holder, or writes the new grant with the next code. So there are never two vouchers to use.
If the shop says that the old one was used meanwhile, all stays as it was and a case is opened for a person.

Releasing changes who may get a discount, so only whoever decides about the event now does it (`authority`):
while a hub does, nobody is freed here. Giving anew leaves the holder taken at every moment, and goes on.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from schemas import timestamps
from schemas.strict_json import JsonObject
from verifier.ground import audit
from verifier.ground.clock import system_clock
from verifier.ground.database import reading, writing
from verifier.registration import authority, vouchers
from verifier.registration.aftercare import NotReleasableError, UnknownGrantError, store
from verifier.registration.aftercare.model import Given
from verifier.registration.aftercare.store import NewWithdrawal, Purpose, Withdrawal
from verifier.registration.authority import Decider
from verifier.registration.errors import RegistrationError
from verifier.registration.outbox import LEASE, LONGEST_REST, Connect, pause_after, voucher_order
from verifier.registration.service import Registration
from verifier.registration.shops import ShopRefusedError, ShopUnreachableError, UsedThere, pretix
from verifier.registration.shops import store as shop_store
from verifier.registration.shops.store import NewOrder, Order
from verifier.registration.store import codes_given

WITHDRAWALS_AT_A_TIME = 50
MAX_NUMBER_DIGITS = 9  # as many as every database counts to

_log = logging.getLogger(__name__)

_ELSEWHERE: Mapping[Decider, str] = {
    "venue": (
        "The hub at the venue decides about {event} now, so nothing is taken back here. What a desk granted there,"
        " a lead takes back on a desk's page; all else waits until the hub has handed back."
    ),
    "online": "The office decides about {event} now, and this hub does not: take it back there.",
    "waiting": "Nothing of {event} is taken back here before every desk was heard: try again then.",
}


@dataclass(frozen=True)
class Outcome:
    """How an act stands now.

    `waiting`: the shop was not reached, and is asked again; `refused`: it will not, and a person must mend that;
    `used`: the voucher was used before it could be withdrawn, so nothing was taken back. `voucher` and
    `new_number` are those of the new grant.
    """

    state: Literal["released", "reissued", "waiting", "refused", "used"]
    number: int
    sentence: str
    voucher: str | None = None
    new_number: int | None = None

    def to_json(self) -> JsonObject:
        """The outcome for programs."""
        return {
            "state": self.state,
            "grant": self.number,
            "sentence": self.sentence,
            "voucher": self.voucher,
            "new_grant": self.new_number,
        }


class Pushed(NamedTuple):
    """How many withdrawals ended, how many the shop refuses, and a sentence for each that has not ended."""

    ended: int
    refused: int
    problems: tuple[str, ...]


class Releasing:
    """The discounts of one office, taken back and given anew. `connect` is given by tests."""

    def __init__(
        self,
        registration: Registration,
        *,
        clock: Callable[[], datetime] = system_clock,
        connect: Connect | None = None,
    ) -> None:
        self._registration, self._clock = registration, clock
        self._connect = connect or self._connect_pretix

    def grants(self, event: str) -> tuple[Given, ...]:
        """Every grant of an event, released ones too.

        Raises:
            DatabaseError: the ledger cannot be read.
        """
        with reading(self._registration.engine) as connection:
            return store.grants(connection, event=event)

    def find(self, event: str, reference: str) -> Given:
        """A grant by its number or its voucher's code.

        Raises:
            UnknownGrantError: the event gave none such.
        """
        with reading(self._registration.engine) as connection:
            return _found(connection, event=event, reference=reference)

    def release(
        self,
        event: str,
        reference: str,
        *,
        actor: str,
        why: str,
        role: str = "staff",
        withdrawn_in_shop: bool = False,
    ) -> Outcome:
        """Take a discount back: its holder is free to redeem again. The voucher is withdrawn in the shop first.

        `reference`: the grant's number or its voucher; `withdrawn_in_shop`: the person says that they withdrew it
        there, which is wanted where this office cannot do it.

        Raises:
            UnknownGrantError: the event gave none such.
            NotReleasableError: it was released before, this office cannot withdraw its voucher, or another machine
                decides about the event now.
            AuditError: nobody is named, or no reason.
            DatabaseError: nothing was written.
        """
        return self._act(event, reference, "release", actor, role, why, by_hand=withdrawn_in_shop)

    def reissue(
        self,
        event: str,
        reference: str,
        *,
        actor: str,
        why: str,
        role: str = "staff",
        withdrawn_in_shop: bool = False,
    ) -> Outcome:
        """Give the same discount anew with another voucher; the old one is withdrawn in the shop first.

        Raises:
            As `release`; NotReleasableError also where a pool has no code left.
        """
        return self._act(event, reference, "reissue", actor, role, why, by_hand=withdrawn_in_shop)

    def deliver_due(self) -> int:
        """Try each withdrawal whose pause is over; how many ended.

        Raises:
            DatabaseError: what happened could not be written down; the next run finds out.
        """
        with reading(self._registration.engine) as connection:
            due = store.due_withdrawals(connection, now=self._clock(), limit=WITHDRAWALS_AT_A_TIME)
        return self._deliver(due)

    def push(self, event: str) -> Pushed:
        """Try every withdrawal of an event that has not ended, also the refused ones.

        Raises:
            DatabaseError: as above.
        """
        with reading(self._registration.engine) as connection:
            due = store.open_withdrawals(connection, event=event)
        ended = self._deliver(due)
        with reading(self._registration.engine) as connection:
            left = store.open_withdrawals(connection, event=event)
        refused = sum(withdrawal.state == "refused" for withdrawal in left)
        problems = tuple(f"Grant {w.redemption_id} is not withdrawn yet: {w.problem}" for w in left)
        return Pushed(ended, refused, problems)

    # Asking

    def _act(
        self, event: str, reference: str, purpose: Purpose, actor: str, role: str, why: str, *, by_hand: bool
    ) -> Outcome:
        now = self._clock()
        with writing(self._registration.engine) as connection:
            given = _found(connection, event=event, reference=reference)
            asked = NewWithdrawal(given.number, event, purpose, actor, role, why)
            if given.state == "released":
                raise NotReleasableError(_released_before(given))
            elsewhere = _elsewhere(connection, event, purpose)
            if elsewhere is not None:
                raise NotReleasableError(elsewhere)
            if given.order_state is None:
                if not by_hand:
                    raise NotReleasableError(_by_hand(given))
                return self._complete(connection, given, asked, now=now)
            if given.state == "releasing":
                _check_same(store.withdrawal_of(connection, given.number), purpose)
            else:
                store.set_state(connection, given.number, seen="granted", state="releasing")
                store.set_order_state(connection, given.number, "withdrawing")
                store.ask_withdrawal(connection, asked, now=now)
                _note(connection, given, f"{purpose}_asked", asked, now=now)
        with reading(self._registration.engine) as connection:
            waiting = store.withdrawal_of(connection, given.number)
        assert waiting is not None
        return self._try(waiting) or self._outcome(given.number)

    # Delivering

    def _deliver(self, due: Iterable[Withdrawal]) -> int:
        ended = 0
        for withdrawal in due:
            outcome = self._try(withdrawal)
            ended += outcome is not None and outcome.state in {"released", "reissued", "used"}
        return ended

    def _try(self, withdrawal: Withdrawal) -> Outcome | None:
        """One try, with what became of it on the disk before anybody is told; None if another worker has it."""
        with writing(self._registration.engine) as connection:
            lease = self._clock() + LEASE
            if not store.begin_withdrawal(
                connection, withdrawal.id, seen_attempts=withdrawal.attempts, next_try_at=lease
            ):
                return None
            order = shop_store.order_of(connection, redemption_id=withdrawal.redemption_id)
            elsewhere = _elsewhere(connection, withdrawal.event, withdrawal.purpose)
        if elsewhere is not None:  # it was asked for before the event was handed over
            return self._postpone(withdrawal, elsewhere)
        assert order is not None
        try:
            answer = self._connect(order).withdraw(voucher_order(order))
            if isinstance(answer, UsedThere):
                return self._stop(withdrawal)
            return self._finish(withdrawal)
        except ShopUnreachableError as error:
            return self._postpone(withdrawal, str(error), retry_after=error.retry_after)
        except ShopRefusedError as error:
            _log.warning(
                "The shop refused to withdraw a voucher; 'badge-verifier shop push' tries again: %s", error
            )
            return self._refuse(withdrawal, str(error))
        except RegistrationError as error:  # the new code cannot be derived: the secret is gone
            return self._postpone(withdrawal, str(error))

    def _finish(self, withdrawal: Withdrawal) -> Outcome | None:
        now = self._clock()
        with writing(self._registration.engine) as connection:
            if _elsewhere(connection, withdrawal.event, withdrawal.purpose) is not None:
                return (
                    None  # handed over while the shop was asked: once it is handed back, the shop is asked again
                )
            if not store.end_withdrawal(connection, withdrawal.id, state="done", problem=None, next_try_at=now):
                return None
            given = store.grant(connection, withdrawal.redemption_id)
            assert given is not None
            return self._complete(connection, given, withdrawal, now=now)

    def _stop(self, withdrawal: Withdrawal) -> Outcome | None:
        """It was used before it could be withdrawn: all is as it was, and a person sees it."""
        now = self._clock()
        sentence = (
            f"The voucher of grant {withdrawal.redemption_id} was used in the shop before it could be withdrawn,"
            " so nothing was taken back. Cancel its order there first if it is to be."
        )
        with writing(self._registration.engine) as connection:
            if not store.end_withdrawal(
                connection, withdrawal.id, state="stopped", problem=sentence, next_try_at=now
            ):
                return None
            given = store.grant(connection, withdrawal.redemption_id)
            assert given is not None
            store.set_state(connection, given.number, seen="releasing", state="granted")
            store.set_order_state(connection, given.number, "placed")
            store.note_use(connection, given.number, used=True)
            _note(connection, given, f"{withdrawal.purpose}_stopped", withdrawal, now=now)
            store.open_case(
                connection,
                event=given.event,
                number=given.number,
                kind="used_before_withdrawal",
                sentence=sentence,
                now=now,
            )
        return Outcome("used", given.number, sentence)

    def _postpone(self, withdrawal: Withdrawal, problem: str, *, retry_after: int | None = None) -> Outcome | None:
        asked = timedelta(seconds=retry_after or 0)
        pause = max(pause_after(withdrawal.attempts + 1), min(asked, LONGEST_REST))
        self._keep(withdrawal, "waiting", problem, next_try_at=self._clock() + pause)
        sentence = f"Grant {withdrawal.redemption_id} waits for the shop, which is asked again: {problem}"
        return Outcome("waiting", withdrawal.redemption_id, sentence)

    def _refuse(self, withdrawal: Withdrawal, problem: str) -> Outcome | None:
        self._keep(withdrawal, "refused", problem, next_try_at=self._clock())
        sentence = f"Grant {withdrawal.redemption_id} is not withdrawn, and a person must look: {problem}"
        return Outcome("refused", withdrawal.redemption_id, sentence)

    def _keep(
        self,
        withdrawal: Withdrawal,
        state: Literal["waiting", "refused"],
        problem: str,
        *,
        next_try_at: datetime,
    ) -> None:
        with writing(self._registration.engine) as connection:
            store.end_withdrawal(connection, withdrawal.id, state=state, problem=problem, next_try_at=next_try_at)

    # Completing

    def _complete(self, connection: Connection, given: Given, asked: NewWithdrawal, *, now: datetime) -> Outcome:
        """The old voucher is dead: free its holder, or give them the next one, in the caller's transaction."""
        if asked.purpose == "release":
            store.release(connection, given.number, because="staff", now=now)
            store.set_order_state(connection, given.number, "withdrawn")
            _note(connection, given, "release", asked, now=now)
            return Outcome(
                "released", given.number, f"Grant {given.number} is released: its holder may redeem again."
            )
        voucher, generation = self._next_voucher(connection, given)
        number = store.add_copy(connection, given, voucher=voucher, generation=generation, now=now)
        store.move_holders(connection, seen=given.number, to=number)
        if given.is_pooled:
            shop_store.use_code(connection, voucher, redemption_id=number)
        old = shop_store.order_of(connection, redemption_id=given.number)
        if old is not None:
            shop_store.add_order(connection, _next_order(old, given, number, voucher, now=now), now=now)
        store.release(connection, given.number, because="reissued", now=now)
        store.set_order_state(connection, given.number, "withdrawn")
        _note(connection, given, "reissue", asked, now=now, new_grant=number)
        sentence = f"Grant {given.number} is given anew as grant {number}. Voucher: {voucher}"
        return Outcome("reissued", given.number, sentence, voucher, number)

    def _next_voucher(self, connection: Connection, given: Given) -> tuple[str, int]:
        if given.is_pooled:
            code = shop_store.free_code(connection, event=given.event, percent=given.percent)
            if code is None:
                raise NotReleasableError(
                    f"The pool of {given.event} has no code for {given.percent} percent left: add some first."
                )
            return code, given.generation + 1
        secret = vouchers.read_secret(self._registration.settings.voucher_secret, may_make=lambda: False)
        holder = store.holder_of(connection, given.number) or ""
        generation = given.generation
        while True:
            generation += 1
            code = vouchers.code_for(
                secret,
                event=given.event,
                entitlement=given.entitlement,
                holder=(given.issuer, holder),
                generation=generation,
            )
            if not codes_given(connection, [code]):
                return code, generation

    def _outcome(self, number: int) -> Outcome:
        """How it stands when another worker had it."""
        with reading(self._registration.engine) as connection:
            given, withdrawal = store.grant(connection, number), store.withdrawal_of(connection, number)
        assert given is not None
        if given.state == "released":
            return Outcome("released", number, _released_before(given))
        problem = (withdrawal.problem if withdrawal else None) or "it is being asked."
        return Outcome("waiting", number, f"Grant {number} waits for the shop: {problem}")

    def _connect_pretix(self, order: Order) -> pretix.PretixShop:
        return pretix.connect(
            self._registration.settings,
            url=order.url,
            organizer=order.organizer,
            event=order.shop_event,
            pricing=order.pricing,
        )


def _found(connection: Connection, *, event: str, reference: str) -> Given:
    """The grant of a number or a voucher. A shop's own codes can be numbers: which one is meant is not guessed."""
    text = reference.strip()
    of_code = store.find_grant(connection, event=event, voucher=text)
    of_number = None
    if text.isascii() and text.isdigit() and len(text) <= MAX_NUMBER_DIGITS:
        of_number = store.grant(connection, int(text))
    found = [given for given in (of_code, of_number) if given is not None and given.event == event]
    if not found:
        raise UnknownGrantError(
            f"The event {event} gave no grant {text[:80]!a}: its number or voucher was expected."
        )
    if found[0] != found[-1]:
        raise UnknownGrantError(
            f"{text!a} is the number of one grant and the voucher of grant {found[0].number}: take the numbers."
        )
    return found[0]


def _elsewhere(connection: Connection, event: str, purpose: Purpose) -> str | None:
    """Why a holder is not freed here now: another machine decides who gets the event's discounts."""
    sentence = None if purpose == "reissue" else _ELSEWHERE.get(authority.decider(connection, event))
    return None if sentence is None else sentence.format(event=event)


def _released_before(given: Given) -> str:
    when = timestamps.show(given.released_at) if given.released_at else "before"
    return f"Grant {given.number} was released already ({given.released_because}, {when})."


def _by_hand(given: Given) -> str:
    return (
        f"This office cannot withdraw the voucher {given.voucher}: withdraw it in the shop yourself, make sure"
        " that it was not used, and then say so here (--withdrawn-in-shop)."
    )


def _check_same(waiting: Withdrawal | None, purpose: Purpose) -> None:
    if waiting is not None and waiting.purpose != purpose:
        raise NotReleasableError(
            f"A {waiting.purpose} of grant {waiting.redemption_id} waits for the shop already: a {purpose} cannot"
            " be asked for as well."
        )


def _next_order(old: Order, given: Given, number: int, voucher: str, *, now: datetime) -> NewOrder:
    """The order of a re-issued voucher: the same place, for as long as the first one was good."""
    lasting = old.valid_until - given.granted_at
    comment = f"Badgewright: {given.entitlement} of {given.event}"
    return NewOrder(
        redemption_id=number,
        event=old.event,
        url=old.url,
        organizer=old.organizer,
        shop_event=old.shop_event,
        quota=old.quota,
        item=old.item,
        variation=old.variation,
        price_mode=old.price_mode,
        price=old.price,
        tag=old.tag,
        voucher=voucher,
        percent=old.percent,
        valid_until=now + lasting,
        comment=comment,
    )


def _note(
    connection: Connection,
    given: Given,
    act: str,
    asked: NewWithdrawal,
    *,
    now: datetime,
    new_grant: int | None = None,
) -> None:
    details: dict[str, str | int | bool | None] = {"voucher": audit.short_hash(given.voucher)}
    if new_grant is not None:
        details["new_grant"] = new_grant
    audit.write(
        connection,
        actor=asked.actor,
        role=asked.role,
        act=f"redemption.{act}",
        event=given.event,
        subject=f"grant {given.number}",
        reason=asked.why,
        now=now,
        details=details,
    )
