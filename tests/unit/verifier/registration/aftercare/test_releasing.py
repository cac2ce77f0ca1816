"""Discounts taken back and given anew: never two vouchers to use, whatever fails or is killed in between."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.unit.verifier.registration.aftercare.offices import EVENT, HOLDER, AfterOffice
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.registration.test_outbox import SHOP
from tests.unit.verifier.simulator import references
from verifier.ground import database as ground
from verifier.ground.audit import AuditError, short_hash
from verifier.ground.settings import Settings
from verifier.registration.aftercare import NotReleasableError, UnknownGrantError, cases
from verifier.registration.reasons import Reason
from verifier.registration.service import Redemption
from verifier.registration.shops import ShopRefusedError, ShopUnreachableError
from verifier.registration.shops import service as shops


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[AfterOffice]:
    office = AfterOffice(tmp_path, **database)
    yield office
    office.registration.engine.dispose()


# Release


def test_a_released_discount_can_be_redeemed_again_with_another_voucher(office: AfterOffice) -> None:
    first = office.given(request_id="one")
    assert office.again(request_id="two").reason is Reason.ALREADY_REDEEMED

    outcome = office.release(first)
    assert (outcome.state, outcome.number) == ("released", 1)
    assert office.usable() == []
    second = office.given(request_id="three")
    assert second != first
    assert office.usable() == [second]
    assert office.releasing.find(EVENT, "2").generation == 2
    assert office.again(request_id="four").reason is Reason.ALREADY_REDEEMED


def test_a_grant_is_found_by_number_and_by_voucher_in_any_case(office: AfterOffice) -> None:
    voucher = office.given()
    for reference in ("1", " 1 ", voucher, voucher.lower()):
        assert office.releasing.find(EVENT, reference).voucher == voucher
    for reference in ("2", "0", "", "NOSUCH", "9" * 30, "-1"):
        with pytest.raises(UnknownGrantError):
            office.releasing.find(EVENT, reference)
    with pytest.raises(UnknownGrantError):
        office.releasing.find("another-event", "1")


def test_the_same_request_never_hands_out_a_dead_voucher(office: AfterOffice) -> None:
    first = office.given(request_id="one")
    assert office.again(request_id="one").voucher == first
    office.release(first)

    again = office.again(request_id="one")
    assert (again.reason, again.result, again.voucher) == (Reason.RELEASED, "refused", None)
    assert "withdrawn" in again.sentence


def test_while_the_shop_is_asked_the_voucher_is_not_handed_out_and_no_other_is_given(office: AfterOffice) -> None:
    first = office.given(request_id="one")
    office.shop.faults.append(ShopUnreachableError("The shop answered 500."))
    outcome = office.release(first)
    assert outcome.state == "waiting"
    assert "The shop answered 500." in outcome.sentence
    assert office.again(request_id="one").reason is Reason.RELEASED
    assert office.again(request_id="two").reason is Reason.ALREADY_REDEEMED

    assert office.releasing.deliver_due() == 0, "it pauses"
    office.clock.pass_by(seconds=4)
    assert office.releasing.deliver_due() == 1
    assert office.again(request_id="three").reason is Reason.GRANTED


def test_only_what_was_not_released_counts_for_the_capacity(tmp_path: Path) -> None:
    office = AfterOffice(tmp_path, by=policy(shop=SHOP, capacity=1))
    voucher = office.given()
    other = "urn:uuid:00000000-0000-4000-8000-00000000000b"
    assert office.redeem(reference=other).reason is Reason.NO_CAPACITY
    office.release(voucher)
    assert office.redeem(reference=other).reason is Reason.GRANTED
    office.registration.engine.dispose()


def test_a_voucher_that_was_used_cannot_be_released_and_a_person_sees_it(office: AfterOffice) -> None:
    voucher = office.given(request_id="one")
    assert office.shop.buy(voucher)
    outcome = office.release(voucher)

    assert outcome.state == "used"
    assert "was used in the shop before it could be withdrawn" in outcome.sentence
    assert office.again(request_id="one").voucher == voucher, "it is the holder's as before"
    (case,) = cases.listed(EVENT, engine=office.registration.engine)
    assert (case.kind, case.redemption_id) == ("used_before_withdrawal", 1)
    assert office.check().differences == ()

    office.shop.prices.clear()  # its order is canceled in the shop
    assert office.release(voucher).state == "released"


def test_releasing_twice_is_said(office: AfterOffice) -> None:
    voucher = office.given()
    office.release(voucher)
    with pytest.raises(NotReleasableError, match="released already"):
        office.release(voucher)
    assert office.acts().count("redemption.release") == 1


def test_asking_again_while_it_waits_tries_again_and_changes_nothing_else(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.faults.append(ShopUnreachableError("No answer."))
    assert office.release(voucher).state == "waiting"
    with pytest.raises(NotReleasableError, match="cannot be asked for as well"):
        office.reissue(voucher)
    assert office.release(voucher).state == "released"
    assert office.acts() == ["redemption.release_asked", "redemption.release"]


def test_without_a_person_or_a_reason_nothing_happens(office: AfterOffice) -> None:
    voucher = office.given()
    for actor, why in (("", "Lost."), ("staff:1", " ")):
        with pytest.raises(AuditError):
            office.releasing.release(EVENT, voucher, actor=actor, why=why)
    assert office.releasing.find(EVENT, voucher).state == "granted"
    assert office.usable() == [voucher]


def test_each_act_is_in_the_audit_log_without_the_code_or_the_holder(office: AfterOffice) -> None:
    voucher = office.given()
    office.reissue(voucher, why="It was lost.")
    asked, done = office.audit()
    assert (asked.act, done.act) == ("redemption.reissue_asked", "redemption.reissue")
    assert (done.actor, done.role, done.reason, done.subject) == ("staff:1", "staff", "It was lost.", "grant 1")
    assert done.details == {"voucher": short_hash(voucher), "new_grant": 2}
    for entry in (asked, done):
        assert voucher not in str(entry.to_json()) and HOLDER not in str(entry.to_json())


# Re-issue


def test_a_reissue_is_the_next_code_of_the_same_holder_and_percentage(office: AfterOffice) -> None:
    first = office.given(request_id="one")
    outcome = office.reissue(first)
    assert (outcome.state, outcome.number, outcome.new_number) == ("reissued", 1, 2)
    assert outcome.voucher and outcome.voucher != first
    assert office.usable() == [], "the old one is dead before the new one is placed"

    assert office.outbox.deliver_due().placed == 1
    assert office.usable() == [outcome.voucher]
    old, new = office.releasing.grants(EVENT)
    assert (old.state, old.released_because) == ("released", "reissued")
    assert (new.state, new.generation, new.percent, new.replaces) == ("granted", 2, old.percent, 1)
    assert new.policy_digest == old.policy_digest
    assert office.check().differences == ()


def test_the_holder_of_a_reissued_discount_is_free_at_no_moment(office: AfterOffice) -> None:
    voucher = office.given(request_id="one")
    office.reissue(voucher)
    assert office.again(request_id="two").reason is Reason.ALREADY_REDEEMED
    assert office.again(request_id="one").reason is Reason.RELEASED


def test_a_reissued_voucher_is_good_for_as_long_as_the_first_was(office: AfterOffice) -> None:
    voucher = office.given()
    office.clock.pass_by(days=10)
    outcome = office.reissue(voucher)
    office.outbox.deliver_due()
    assert office.shop.orders[str(outcome.voucher)].valid_until == office.clock.now + timedelta(days=30)
    assert office.shop.orders[str(outcome.voucher)].comment.endswith("grant 2")


def test_a_voucher_that_was_used_meanwhile_stops_the_reissue(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.faults.append(ShopUnreachableError("No answer."))
    assert office.reissue(voucher).state == "waiting"
    assert office.shop.buy(voucher)
    office.clock.pass_by(minutes=1)
    assert office.releasing.deliver_due() == 1
    assert [given.voucher for given in office.releasing.grants(EVENT)] == [voucher]
    assert office.acts()[-1] == "redemption.reissue_stopped"


def test_reissued_again_and_again_it_is_always_another_code(office: AfterOffice) -> None:
    voucher, seen = office.given(), set()
    for _ in range(5):
        seen.add(voucher)
        voucher = str(office.reissue(voucher).voucher)
        office.outbox.deliver_due()
        assert voucher not in seen
        assert office.usable() == [voucher]


def test_a_released_holder_never_gets_a_code_that_was_given_before(office: AfterOffice) -> None:
    first = office.given(request_id="one")
    second = str(office.reissue(first).voucher)
    office.outbox.deliver_due()
    office.release(second)
    third = office.given(request_id="two")
    assert len({first, second, third}) == 3
    assert office.usable() == [third]


# Whatever fails or is killed


def test_a_worker_that_dies_after_the_shop_did_its_work_leaves_no_second_voucher(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.after.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        office.reissue(voucher)
    assert office.usable() == []
    assert office.releasing.find(EVENT, voucher).state == "releasing"

    office.clock.pass_by(minutes=1)
    assert office.releasing.deliver_due() == 1
    office.outbox.deliver_due()
    (usable,) = office.usable()
    assert usable == office.releasing.find(EVENT, "2").voucher


def test_an_order_that_never_reached_the_shop_is_withdrawn_all_the_same(office: AfterOffice) -> None:
    redemption = office.redeem(reference=HOLDER)
    office.release(str(redemption.voucher))
    assert office.outbox.deliver_due().placed == office.outbox.push(EVENT).placed == 0
    assert office.usable() == []
    assert office.shop.dead == {redemption.voucher}, "its code is taken, so that no late order brings it to life"


def test_an_order_on_its_way_does_not_undo_a_withdrawal(office: AfterOffice) -> None:
    voucher = str(office.redeem(reference=HOLDER).voucher)
    real_put = office.shop.put

    def slow(order: object) -> object:
        office.release(voucher)
        return real_put(order)  # type: ignore[arg-type]

    office.shop.put = slow  # type: ignore[method-assign, assignment]
    office.outbox.deliver_due()
    assert office.usable() == []
    assert office.releasing.find(EVENT, voucher).order_state == "withdrawn"
    assert office.check().differences == ()


def test_a_shop_that_refuses_waits_for_a_person_and_a_push(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.faults.append(ShopRefusedError("The shop answered 401: its token is not accepted."))
    assert office.release(voucher).state == "refused"
    office.clock.pass_by(days=1)
    assert office.releasing.deliver_due() == 0
    (difference,) = office.check().differences
    assert "the shop has not confirmed it yet" in difference
    assert office.releasing.push(EVENT) == (1, 0, ())


def test_a_push_says_what_is_left(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.faults += [ShopUnreachableError("No answer."), ShopUnreachableError("Still none.")]
    office.release(voucher)
    assert office.releasing.push(EVENT) == (0, 0, ("Grant 1 is not withdrawn yet: Still none.",))


# Without a connected shop


def test_without_a_shop_a_person_says_that_they_withdrew_it(tmp_path: Path) -> None:
    office = AfterOffice(tmp_path, by=policy())
    voucher = str(office.redeem(reference=HOLDER).voucher)
    with pytest.raises(NotReleasableError, match="withdraw it in the shop yourself"):
        office.release(voucher)
    assert office.releasing.find(EVENT, voucher).state == "granted"
    assert office.release(voucher, by_hand=True).state == "released"
    office.registration.engine.dispose()


def test_a_withdrawn_code_of_a_pool_is_burnt(tmp_path: Path) -> None:
    office = AfterOffice(tmp_path, by=policy(shop={"kind": "code_pool"}))
    rows = b"code,percent\nRIVER-1,50\nRIVER-2,50\n"
    shops.add_codes(office.policy, data=rows, name="codes.csv", engine=office.registration.engine)
    assert office.redeem(reference=HOLDER, request_id="one").voucher == "RIVER-1"
    outcome = office.reissue("RIVER-1", by_hand=True)
    assert outcome.voucher == "RIVER-2"
    with pytest.raises(NotReleasableError, match="no code for 50 percent left"):
        office.reissue("RIVER-2", by_hand=True)
    assert office.release("RIVER-2", by_hand=True).state == "released"
    assert office.again(request_id="two").reason is Reason.NO_CAPACITY, "no code is handed out twice"
    office.registration.engine.dispose()


def test_a_code_that_is_a_number_is_not_taken_for_another_grants_number(tmp_path: Path) -> None:
    office = AfterOffice(tmp_path, by=policy(shop={"kind": "code_pool"}))
    rows = b"code,percent\n2,50\n1001,50\n"
    shops.add_codes(office.policy, data=rows, name="codes.csv", engine=office.registration.engine)
    names = references()
    assert [office.redeem(reference=next(names)).voucher for _ in range(2)] == ["2", "1001"]
    with pytest.raises(UnknownGrantError, match="the number of one grant and the voucher of grant 1"):
        office.release("2", by_hand=True)
    assert office.releasing.find(EVENT, "1001").number == 2
    assert office.releasing.find(EVENT, "1").voucher == "2"
    office.registration.engine.dispose()


def test_of_many_who_give_it_anew_at_once_one_does(office: AfterOffice) -> None:
    voucher = office.given()
    outcomes: list[str] = []

    def act() -> None:
        try:
            outcomes.append(office.reissue(voucher).state)
        except NotReleasableError:
            outcomes.append("released already")

    threads = [threading.Thread(target=act) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert [given.state for given in office.releasing.grants(EVENT)] == ["released", "granted"]
    assert office.acts().count("redemption.reissue") == 1
    office.outbox.deliver_due()
    assert len(office.usable()) == 1


def test_who_redeems_while_it_is_released_gets_one_discount(office: AfterOffice) -> None:
    voucher = office.given(request_id="one")
    answers: list[Redemption] = []

    def redeem(number: int) -> None:
        answers.append(office.again(request_id=f"again {number}"))

    threads = [threading.Thread(target=office.release, args=(voucher,))]
    threads += [threading.Thread(target=redeem, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    granted = [answer.voucher for answer in answers if answer.reason is Reason.GRANTED]
    assert len(answers) == 8 and len(granted) <= 1 and voucher not in granted
    office.outbox.deliver_due()
    assert office.usable() == granted


def test_what_was_granted_before_there_were_releases_can_be_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(ground, "MIGRATION_HEAD", "0006")
        engine = ground.open_database(Settings(tmp_path).database)
    with ground.writing(engine) as connection:
        for statement in _BEFORE:
            connection.execute(text(statement))
    engine.dispose()

    Settings(tmp_path).voucher_secret.write_bytes(bytes(32))
    office = AfterOffice(tmp_path)
    given = office.releasing.find(EVENT, "OLD-CODE")
    assert (given.state, given.policy_digest, given.order_state, given.seen_used) == (
        "granted",
        "",
        "placed",
        False,
    )
    assert office.again(request_id="two").reason is Reason.ALREADY_REDEEMED
    assert office.release("OLD-CODE").state == "released"
    assert office.again(request_id="three").reason is Reason.GRANTED
    office.registration.engine.dispose()


_BEFORE = (
    "INSERT INTO redemptions (id, event, entitlement, issuer, achievement, counted, percent, proof, generation,"
    " voucher, granted_at) VALUES (1, 'summit-2027', 'ticket-discount', 'did:web:badges.example.org',"
    " 'https://badges.example.org/achievements/contributor', false, 50, 'holder_code', 1, 'OLD-CODE',"
    " '2027-02-01T09:00:00.000000+00:00')",
    "INSERT INTO redemption_holders (redemption_id, event, entitlement, issuer, holder) VALUES (1, 'summit-2027',"
    f" 'ticket-discount', 'did:web:badges.example.org', '{HOLDER}')",
    "INSERT INTO shop_orders (redemption_id, event, url, organizer, shop_event, quota, tag, voucher, percent,"
    " valid_until, comment, state, attempts, next_try_at) VALUES (1, 'summit-2027', 'https://tickets.example.org',"
    " 'foundation', 'summit2027', 12, 'recognition', 'OLD-CODE', 50, '2027-03-03T09:00:00.000000+00:00', 'one',"
    " 'placed', 1, '2027-02-01T09:00:00.000000+00:00')",
)


# While a hub decides


def test_while_a_hub_decides_nobody_is_freed_here(office: AfterOffice) -> None:
    voucher = office.given()
    office.decides("a hub")

    for by_hand in (False, True):
        with pytest.raises(NotReleasableError, match=r"decides.*until the hub has handed back"):
            office.release(voucher, by_hand=by_hand)
    assert office.usable() == [voucher]
    assert office.releasing.find(EVENT, "1").state == "granted"
    office.decides("online")
    assert office.release(voucher).state == "released"


def test_a_release_that_waits_for_the_shop_waits_for_the_hub_too(office: AfterOffice) -> None:
    voucher = office.given()
    office.shop.faults.append(ShopUnreachableError("The shop answered 500."))
    assert office.release(voucher).state == "waiting"
    office.decides("a hub")

    pushed = office.releasing.push(EVENT)
    assert (pushed.ended, pushed.refused) == (0, 0)
    assert "hub at the venue decides" in pushed.problems[0]
    assert office.usable() == [voucher], "the shop was not asked"
    assert office.releasing.find(EVENT, "1").state == "releasing"
    office.decides("online")
    assert office.releasing.push(EVENT).ended == 1
    assert office.usable() == []


def test_handed_over_while_the_shop_is_asked_frees_nobody(office: AfterOffice) -> None:
    voucher = office.given()
    withdraw = office.shop.withdraw

    def slowly(order: object) -> object:
        office.decides("a hub")
        return withdraw(order)  # type: ignore[arg-type] # as it was given

    office.shop.withdraw = slowly  # type: ignore[method-assign, assignment] # the event is handed over meanwhile
    assert office.release(voucher).state == "waiting"
    office.decides("online")
    assert office.again(request_id="two").reason is Reason.ALREADY_REDEEMED
    office.shop.withdraw = withdraw  # type: ignore[method-assign] # as it was
    assert office.releasing.push(EVENT).ended == 1
    assert office.again(request_id="three").reason is Reason.GRANTED


def test_while_a_hub_decides_a_lost_voucher_is_given_anew_and_its_holder_stays_taken(office: AfterOffice) -> None:
    first = office.given()
    office.decides("a hub")

    outcome = office.reissue(first)
    assert outcome.state == "reissued"
    office.outbox.deliver_due()
    assert office.usable() == [outcome.voucher]
    office.decides("online")
    assert office.again(request_id="two").reason is Reason.ALREADY_REDEEMED
