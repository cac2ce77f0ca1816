"""The pretix adapter against a shop that speaks the published API over HTTP, well and badly."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier.registration.shops.contract_server import ITEM, PATH, TOKEN, ContractServer, Fault
from verifier.ground.outbound import ServiceClient
from verifier.ground.settings import Settings, ShopAccess
from verifier.registration.shops import (
    AlreadyThere,
    Placed,
    Sale,
    ShopRefusedError,
    ShopUnreachableError,
    UsedThere,
    VoucherOrder,
    Withdrawn,
    pretix,
)
from verifier.registration.shops.pretix import PretixShop
from verifier.registration.shops.pricing import PriceMode, Pricing

ORDER = VoucherOrder(
    "K7QDM-AAAAA-BBBBB-CCCCC",
    50,
    valid_until=datetime(2027, 3, 3, 9, 0, tzinfo=UTC),
    quota=12,
    tag="recognition",
    comment="grant 1",
)


@pytest.fixture
def server() -> Iterator[ContractServer]:
    server = ContractServer()
    yield server
    server.stop()


@pytest.fixture
def shop(server: ContractServer) -> PretixShop:
    client = ServiceClient(server.url, f"Token {TOKEN}", exempt_hosts=frozenset({server.host}), total_seconds=5)
    return PretixShop(client, organizer="foundation", event="summit2027")


def test_a_voucher_is_for_one_use_and_a_percentage(shop: PretixShop, server: ContractServer) -> None:
    assert shop.put(ORDER) == Placed(ORDER.code)

    (made,) = server.vouchers.values()
    assert (made["max_usages"], made["price_mode"], made["value"]) == (1, "percent", "50.00")
    assert (made["quota"], made["tag"], made["valid_until"]) == (12, "recognition", "2027-03-03T09:00:00Z")
    assert (made["block_quota"], made["allow_ignore_quota"]) == (False, False)


def test_the_same_order_again_finds_its_voucher(shop: PretixShop, server: ContractServer) -> None:
    shop.put(ORDER)

    assert shop.put(ORDER) == AlreadyThere(ORDER.code)
    assert len(server.vouchers) == 1


def test_no_idempotency_key_of_the_shop_is_relied_on(shop: PretixShop, server: ContractServer) -> None:
    shop.put(ORDER)
    assert not [name for _, _, headers in server.asked for name in headers if "idempotency" in name]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"value": "100.00"}, "gives 100 percent in the shop, where 50 percent were granted"),
        ({"price_mode": "set"}, "gives no percentage"),
        ({"value": "sNaN"}, "gives no percentage"),
        ({"value": "1E+999999999"}, "gives no percentage"),
        ({"max_usages": 2}, "can be used 2 times"),
        ({"max_usages": None}, "can be used None times"),
        ({"tag": "press"}, "under the tag 'press'"),
    ],
)
def test_a_code_that_is_there_with_another_meaning_wants_a_person(
    shop: PretixShop, server: ContractServer, change: dict[str, Any], sentence: str
) -> None:
    shop.put(ORDER)
    server.vouchers[ORDER.code] |= change

    with pytest.raises(ShopRefusedError, match=sentence):
        shop.put(ORDER)


def test_a_refusal_that_is_no_duplicate_is_told_in_the_shops_words(shop: PretixShop) -> None:
    with pytest.raises(ShopRefusedError, match="quota: Invalid pk"):
        shop.put(replace(ORDER, quota=13))


@pytest.mark.parametrize("status", [500, 502, 503, 408, 409, 429])
def test_what_passes_is_tried_again(shop: PretixShop, server: ContractServer, status: int) -> None:
    server.faults.append(Fault(status))

    with pytest.raises(ShopUnreachableError, match=str(status)) as caught:
        shop.put(ORDER)
    assert caught.value.retry_after is None
    assert shop.put(ORDER) == Placed(ORDER.code)


@pytest.mark.parametrize(
    ("told", "seconds"), [("7", 7), (" 7 ", 7), ("Wed, 03 Mar 2010 09:00:00 GMT", 0), ("-7", None), ("", None)]
)
def test_the_pause_that_a_shop_asks_for_is_told(
    shop: PretixShop, server: ContractServer, told: str, seconds: int | None
) -> None:
    server.faults.append(Fault(429, headers=(("Retry-After", told),)))
    with pytest.raises(ShopUnreachableError) as caught:
        shop.put(ORDER)
    assert caught.value.retry_after == seconds


def test_a_pause_until_a_moment_is_counted_by_the_clock_of_the_shop(
    shop: PretixShop, server: ContractServer
) -> None:
    until = datetime.now(UTC) + timedelta(seconds=90)  # the server here sends its Date, too
    server.faults.append(Fault(429, headers=(("Retry-After", format_datetime(until, usegmt=True)),)))
    with pytest.raises(ShopUnreachableError) as caught:
        shop.put(ORDER)
    assert caught.value.retry_after is not None and 85 <= caught.value.retry_after <= 91


@pytest.mark.parametrize("status", [401, 403, 404, 302, 410])
def test_what_does_not_pass_wants_a_person(shop: PretixShop, server: ContractServer, status: int) -> None:
    server.faults.append(Fault(status, headers=(("Location", "https://elsewhere.example/"),)))

    with pytest.raises(ShopRefusedError, match=str(status)):
        shop.put(ORDER)
    assert len(server.asked) == 1, "a redirect is not followed: the token would go with it"


@pytest.mark.parametrize("first", [True, False], ids=["made before", "made after we gave up"])
def test_an_answer_that_comes_too_late_makes_no_second_voucher(
    shop: PretixShop, server: ContractServer, first: bool
) -> None:
    server.faults.append(Fault(seconds=0.8, first=first))

    with pytest.raises(ShopUnreachableError, match="in time"):
        replace(shop, client=replace(shop.client, total_seconds=0.5)).put(ORDER)
    shop.put(ORDER)
    assert len(server.vouchers) == 1


def test_a_connection_that_breaks_is_tried_again(shop: PretixShop, server: ContractServer) -> None:
    server.faults.append(Fault(0, first=True))

    with pytest.raises(ShopUnreachableError):
        shop.put(ORDER)
    assert shop.put(ORDER) == AlreadyThere(ORDER.code)


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "{}", '{"code": 7}', '{"code": "A", "code": "B"}', "[" * 9999]
)
def test_an_answer_that_is_no_voucher_is_not_believed(shop: PretixShop, server: ContractServer, body: str) -> None:
    server.faults.append(Fault(201, body=body))
    with pytest.raises(ShopUnreachableError, match="The shop answered with something"):
        shop.put(ORDER)


@pytest.mark.parametrize(
    "body", ["[]", "{}", '{"results": 7}', '{"results": [7]}', '{"results": [{"code": null}]}']
)
def test_a_look_up_that_is_no_list_is_not_believed(shop: PretixShop, server: ContractServer, body: str) -> None:
    server.faults += [Fault(400), Fault(200, body=body)]
    with pytest.raises(ShopUnreachableError, match="The shop answered with something"):
        shop.put(ORDER)


@pytest.mark.parametrize(
    "body", ["", "null", "[[[7]]]", '{"a": {"b": ["\\u0000\\n x"]}}', "[" * 9999, '"' + "x" * 999 + '"']
)
def test_any_refusal_is_one_short_sentence(shop: PretixShop, server: ContractServer, body: str) -> None:
    server.faults.append(Fault(400, body=body))
    with pytest.raises(ShopRefusedError) as caught:
        shop.put(ORDER)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


@pytest.mark.parametrize("uses", [0, None, -1, 2, True])
def test_no_quantity_but_one_is_ever_sent(uses: int | None) -> None:
    with pytest.raises(ShopRefusedError, match="exactly one use"):
        replace(ORDER, uses=uses)


@pytest.mark.parametrize("percent", [0, -5, 101])
def test_no_percentage_out_of_range_is_ever_sent(percent: int) -> None:
    with pytest.raises(ShopRefusedError, match="1 to 100 percent"):
        replace(ORDER, percent=percent)


def test_every_page_of_a_tag_is_read_and_no_other_tag(shop: PretixShop, server: ContractServer) -> None:
    for number in range(120):
        server.create({"code": f"C{number}", "quota": 12, "tag": "recognition" if number % 8 else "press"})
    found = shop.vouchers(tag="recognition")

    assert {voucher.code for voucher in found} == {f"C{number}" for number in range(120) if number % 8}
    assert all(path.startswith(PATH) for _, path, _ in server.asked)


def test_the_address_of_a_next_page_is_not_followed(shop: PretixShop, server: ContractServer) -> None:
    server.faults.append(Fault(200, body='{"next": "https://elsewhere.example/", "results": []}'))
    assert shop.vouchers(tag="recognition") == ()
    assert [path for _, path, _ in server.asked] == [f"{PATH}?tag=recognition&page={page}" for page in (1, 2)]


def test_the_token_goes_to_the_address_beside_which_it_stands(tmp_path: Path) -> None:
    access = ShopAccess("https://tickets.example.org", tmp_path / "token")
    settings = Settings(tmp_path, shops={access.url: access})
    (tmp_path / "token").write_text(f"{TOKEN}\n")

    made = pretix.connect(settings, url="https://tickets.example.org/", organizer="foundation", event="e")
    assert made.client.authorization == f"Token {TOKEN}"
    assert TOKEN not in repr(made)
    with pytest.raises(ShopRefusedError, match="names no shop at https://elsewhere"):
        pretix.connect(settings, url="https://elsewhere.example", organizer="foundation", event="e")


@pytest.mark.parametrize("content", [b"", b"two words", b"x" * 1001, b"a\nb", "tökén".encode(), None])
def test_a_token_that_is_none_is_one_sentence_without_it(tmp_path: Path, content: bytes | None) -> None:
    access = ShopAccess("https://tickets.example.org", tmp_path / "token")
    if content is not None:
        access.token_file.write_bytes(content)
    with pytest.raises(ShopRefusedError, match="token") as caught:
        pretix.connect(Settings(tmp_path, shops={access.url: access}), url=access.url, organizer="o", event="e")
    assert "two words" not in str(caught.value)


# Withdrawing


def test_a_withdrawn_code_stays_and_buys_nothing(shop: PretixShop, server: ContractServer) -> None:
    shop.put(ORDER)
    for _ in range(2):
        assert shop.withdraw(ORDER) == Withdrawn(ORDER.code)
    assert server.usable() == [] and list(server.vouchers) == [ORDER.code]
    assert not server.buy(ORDER.code)
    (dead,) = server.vouchers.values()
    assert (dead["value"], dead["max_usages"], dead["tag"]) == ("0.00", 1, "recognition")
    with pytest.raises(ShopRefusedError, match="gives 0 percent"):
        shop.put(ORDER)


def test_a_code_that_is_not_there_is_taken_before_a_late_order_comes(
    shop: PretixShop, server: ContractServer
) -> None:
    assert shop.withdraw(ORDER) == Withdrawn(ORDER.code)
    status, _ = server.create({"code": ORDER.code, "quota": 12, "value": "50.00", "tag": "recognition"})
    assert (status, server.usable()) == (400, [])


def test_an_order_that_arrives_between_two_steps_is_withdrawn_too(
    shop: PretixShop, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(ORDER)
    (alive,) = ({**voucher} for voucher in server.vouchers.values())
    remove = server.remove

    def late(number: int) -> tuple[int, dict[str, Any]]:
        answer = remove(number)
        monkeypatch.setattr(server, "remove", remove)
        server.create({name: value for name, value in alive.items() if name != "id"})
        return answer

    monkeypatch.setattr(server, "remove", late)
    assert shop.withdraw(ORDER) == Withdrawn(ORDER.code)
    assert server.usable() == []


def test_a_used_voucher_is_not_withdrawn_and_stays_as_it_was(shop: PretixShop, server: ContractServer) -> None:
    shop.put(ORDER)
    assert server.buy(ORDER.code)
    before = dict(server.vouchers[ORDER.code])
    assert shop.withdraw(ORDER) == UsedThere(ORDER.code)
    assert server.vouchers[ORDER.code] == before


def test_somebody_who_orders_between_looking_and_deleting_keeps_the_ticket(
    shop: PretixShop, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(ORDER)
    remove = server.remove

    def overtaken(number: int) -> tuple[int, dict[str, Any]]:
        server.buy(ORDER.code)
        return remove(number)

    monkeypatch.setattr(server, "remove", overtaken)
    assert shop.withdraw(ORDER) == UsedThere(ORDER.code)
    assert server.vouchers[ORDER.code]["value"] == "50.00"


def test_somebody_who_orders_while_it_is_lowered_keeps_what_was_granted(
    shop: PretixShop, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(ORDER)
    server.buy(ORDER.code)
    server.cancel(ORDER.code)
    change = server.change

    def overtaken(number: int, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if fields["value"] == "0.00":
            assert server.buy(ORDER.code)
        return change(number, fields)

    monkeypatch.setattr(server, "change", overtaken)
    assert shop.withdraw(ORDER) == UsedThere(ORDER.code)
    (kept,) = server.vouchers.values()
    assert (kept["value"], kept["valid_until"], kept["redeemed"]) == ("50.00", "2027-03-03T09:00:00Z", 1)


def test_a_voucher_of_a_canceled_order_is_lowered_to_nothing(shop: PretixShop, server: ContractServer) -> None:
    shop.put(ORDER)
    server.buy(ORDER.code)
    server.cancel(ORDER.code)
    assert server.usable() == [ORDER.code]
    assert shop.withdraw(ORDER) == Withdrawn(ORDER.code)
    assert server.usable() == []


def test_a_code_of_somebody_else_is_never_withdrawn(shop: PretixShop, server: ContractServer) -> None:
    shop.put(replace(ORDER, tag="press"))
    with pytest.raises(ShopRefusedError, match="under the tag 'press'"):
        shop.withdraw(ORDER)
    assert server.usable() == [ORDER.code]


@pytest.mark.parametrize("status", [409, 429, 500, 503, 0])
@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_whichever_step_fails_the_next_try_ends_it(
    shop: PretixShop, server: ContractServer, status: int, step: int
) -> None:
    shop.put(ORDER)
    server.faults.extend([Fault()] * step + [Fault(status, first=step % 2 == 1)])
    with pytest.raises(ShopUnreachableError):  # it takes four: look, delete, look, take the code
        shop.withdraw(ORDER)
    assert not server.faults
    assert shop.withdraw(ORDER) == Withdrawn(ORDER.code)
    assert (server.usable(), list(server.vouchers)) == ([], [ORDER.code])


def test_a_token_that_may_not_withdraw_wants_a_person(shop: PretixShop, server: ContractServer) -> None:
    shop.put(ORDER)
    server.faults.extend([Fault(), Fault(403), Fault(), Fault(403)])
    with pytest.raises(ShopRefusedError, match="may not do this"):
        shop.withdraw(ORDER)
    assert server.usable() == [ORDER.code]


def test_a_shop_in_which_the_code_never_rests_is_left_for_later(
    shop: PretixShop, server: ContractServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.put(ORDER)
    monkeypatch.setattr(server, "remove", lambda _: (204, {}))
    with pytest.raises(ShopUnreachableError, match="changes in the shop"):
        shop.withdraw(ORDER)


def test_what_can_be_used_now_is_by_the_shops_own_clock(shop: PretixShop, server: ContractServer) -> None:
    for number, code in enumerate(("GOOD", "USED", "GONE")):
        shop.put(replace(ORDER, code=code, comment=f"grant {number}"))
    server.buy("USED")
    shop.withdraw(replace(ORDER, code="GONE"))
    assert shop.active_codes(tag="recognition") == {"GOOD"}
    server.now = ORDER.valid_until
    assert shop.active_codes(tag="recognition") == frozenset()


# Counting


def test_only_tickets_of_our_vouchers_are_asked_for_and_only_prices_are_read(
    shop: PretixShop, server: ContractServer
) -> None:
    shop.put(ORDER)
    other = replace(ORDER, code="OTHER")
    shop.put(other)
    assert server.buy(ORDER.code, price="99.99") and server.buy(other.code, price="10.00")
    server.cancel(other.code)
    server.asked.clear()
    used = [voucher for voucher in shop.vouchers(tag="recognition") if voucher.is_used]
    (sold,) = shop.sales(used)
    assert sold == Sale(ORDER.code, Decimal("50.00"), Decimal("49.99"))
    assert "Nina" not in repr(sold)
    asked = [path for _, path, _ in server.asked if "orderpositions" in path]
    assert len(asked) == 1 and "voucher=1&order__status__in=n%2Cp" in asked[0]
    assert shop.currency() == "EUR"


def test_tickets_that_our_token_may_not_see_are_refused(shop: PretixShop, server: ContractServer) -> None:
    shop.put(ORDER)
    server.buy(ORDER.code)
    server.may_see_orders = False
    with pytest.raises(ShopRefusedError, match="403"):
        shop.sales(shop.vouchers(tag="recognition"))


@pytest.mark.parametrize("body", ['{"currency": "euro"}', '{"currency": 5}', "{}"])
def test_a_currency_that_is_none_is_not_told(shop: PretixShop, server: ContractServer, body: str) -> None:
    server.faults.append(Fault(200, body=body))
    assert shop.currency() is None


@pytest.mark.parametrize("ends", ['"tomorrow"', '"2027-03-03T09:00:00"', "5"])
def test_a_voucher_whose_end_cannot_be_read_is_never_one_without_an_end(
    shop: PretixShop, server: ContractServer, ends: str
) -> None:
    entry = '{"code": "A", "tag": "recognition", "valid_until": ' + ends + "}"
    server.faults.append(Fault(200, body='{"next": null, "results": [' + entry + "]}"))
    with pytest.raises(ShopUnreachableError, match="whose end is no time"):
        shop.vouchers(tag="recognition")


# As the event's file says it


def test_a_voucher_for_an_item_and_its_variation_names_no_quota(shop: PretixShop, server: ContractServer) -> None:
    order = replace(ORDER, quota=None, item=ITEM, variation=7)
    assert shop.put(order) == Placed(order.code)
    (made,) = server.vouchers.values()
    assert (made["item"], made["variation"], "quota" in made) == (ITEM, 7, False)
    assert shop.put(order) == AlreadyThere(order.code)


@pytest.mark.parametrize(
    ("mode", "price", "value"),
    [("subtract", "99.99", "49.99"), ("set", "99.99", "50.00"), ("set", "300", "150.00")],
)
def test_a_price_mode_of_the_events_file_is_written_and_read_as_the_percentage_it_is(
    shop: PretixShop, server: ContractServer, mode: PriceMode, price: str, value: str
) -> None:
    pricing = Pricing(mode, Decimal(price))
    shop, order = replace(shop, pricing=pricing), replace(ORDER, pricing=pricing, percent=50)
    assert shop.put(order) == Placed(order.code)
    (made,) = server.vouchers.values()
    assert (made["price_mode"], made["value"]) == (mode, value)
    assert [voucher.percent for voucher in shop.vouchers(tag=order.tag)] == [50]
    assert shop.put(order) == AlreadyThere(order.code)

    made["value"] = "12.34"
    with pytest.raises(ShopRefusedError, match="no percentage in the shop, where 50 percent were granted"):
        shop.put(order)


@pytest.mark.parametrize("tickets", [{}, {"quota": 0}, {"item": 0}])
def test_a_voucher_for_any_ticket_is_never_made(tickets: dict[str, int]) -> None:
    with pytest.raises(ShopRefusedError, match="any ticket"):
        replace(ORDER, quota=tickets.get("quota"), item=tickets.get("item"))
