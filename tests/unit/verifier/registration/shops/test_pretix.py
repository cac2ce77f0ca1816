"""The pretix adapter against a shop that speaks the published API over HTTP, well and badly."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verifier.registration.shops.contract_server import PATH, TOKEN, ContractServer, Fault
from verifier.ground.outbound import ServiceClient
from verifier.ground.settings import Settings, ShopAccess
from verifier.registration.shops import (
    AlreadyThere,
    Placed,
    ShopRefusedError,
    ShopUnreachableError,
    VoucherOrder,
    pretix,
)
from verifier.registration.shops.pretix import PretixShop

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
    ("told", "seconds"), [("7", 7), (" 7 ", 7), ("Wed, 03 Mar 2027 09:00:00 GMT", None), ("-7", None), ("", None)]
)
def test_the_pause_that_a_shop_asks_for_is_told(
    shop: PretixShop, server: ContractServer, told: str, seconds: int | None
) -> None:
    server.faults.append(Fault(429, headers=(("Retry-After", told),)))
    with pytest.raises(ShopUnreachableError) as caught:
        shop.put(ORDER)
    assert caught.value.retry_after == seconds


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
