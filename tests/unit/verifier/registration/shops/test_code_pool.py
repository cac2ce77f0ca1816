"""A pool of codes: read strictly, one code a grant, of its own percentage, and an alarm before it is empty."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.registration.test_outbox import SHOP, Office
from tests.unit.verifier.simulator import references
from verifier.registration.reasons import Reason
from verifier.registration.shops import CodePoolError, ShopError, code_pool
from verifier.registration.shops import service as shops
from verifier.registration.shops.store import Stock

POOL = {"kind": "code_pool"}


def codes(count: int, *, percent: int = 50, name: str = "RIVER") -> bytes:
    return "".join(["code,percent\n", *(f"{name}-{n},{percent}\n" for n in range(count))]).encode()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path, by=policy(shop=POOL))
    yield office
    office.registration.engine.dispose()


def add(office: Office, data: bytes) -> int:
    return shops.add_codes(office.policy, data=data, name="codes.csv", engine=office.registration.engine)[0]


def test_each_grant_takes_another_code_in_the_order_of_the_file(office: Office) -> None:
    add(office, codes(3))
    answers = [office.redeem() for _ in range(3)]

    assert [answer.voucher for answer in answers] == ["RIVER-0", "RIVER-1", "RIVER-2"]
    assert {answer.shop for answer in answers} == {"placed"}


def test_a_code_of_another_percentage_is_never_given(office: Office) -> None:
    add(office, codes(5, percent=100))
    refused = office.redeem()
    assert (refused.result, refused.reason, refused.voucher) == ("refused", Reason.NO_CAPACITY, None)


def test_an_empty_pool_uses_nothing_up(office: Office) -> None:
    reference = next(references())
    assert office.redeem(reference=reference).reason is Reason.NO_CAPACITY
    add(office, codes(1))
    assert office.redeem(reference=reference).voucher == "RIVER-0"


def test_the_same_request_gets_the_same_code(office: Office) -> None:
    add(office, codes(3))
    reference = next(references())
    first, again = (office.redeem(reference=reference, request_id="one") for _ in range(2))
    assert (again.voucher, again.shop) == (first.voucher, "placed") == ("RIVER-0", "placed")


def test_the_same_file_again_adds_nothing_and_gives_no_code_back(office: Office) -> None:
    assert add(office, codes(3)) == 3
    office.redeem()
    assert add(office, codes(4)) == 1
    assert office.redeem().voucher == "RIVER-1"


def test_a_pool_makes_no_secret_and_a_derived_voucher_can_follow(office: Office) -> None:
    add(office, codes(1))
    office.redeem()
    assert not office.settings.voucher_secret.exists()
    office.policy = policy(event="summit-2028", shop=SHOP)
    assert office.redeem().result == "granted"


def test_a_code_is_of_one_event_and_one_percentage(office: Office) -> None:
    add(office, codes(1))
    with pytest.raises(CodePoolError, match="in a pool already"):
        add(office, codes(2, percent=100))
    office.policy = policy(event="summit-2028", shop=POOL)
    with pytest.raises(CodePoolError, match="in a pool already"):
        add(office, codes(2))


def test_a_percentage_that_the_event_never_gives_is_refused(office: Office) -> None:
    with pytest.raises(CodePoolError, match="is for 30 percent, and summit-2027 gives 25, 50, 100"):
        add(office, codes(1, percent=30))
    budget = {"factor": 0.5, "frozen_at": policy().budget.frozen_at, "eligible": 10, "expected_take_up": 1}
    assert shops.percentages(policy(shop=POOL, budget=budget)) == {50, 25, 13}


def test_an_event_without_a_pool_takes_no_codes(office: Office) -> None:
    office.policy = policy(shop=SHOP)
    with pytest.raises(CodePoolError, match="takes no codes"):
        add(office, codes(1))
    office.policy = policy()
    with pytest.raises(ShopError, match="connected to no shop"):
        office.check()


@pytest.mark.parametrize(
    ("free", "total", "alarmed"),
    [
        (20, 20, False),
        (19, 19, True),
        (20, 200, False),
        (20, 201, True),
        (100, 1000, False),
        (99, 1000, True),
        (0, 0, True),
    ],
)
def test_the_alarm_is_below_twenty_or_below_a_tenth(free: int, total: int, alarmed: bool) -> None:
    assert (code_pool.alarm(Stock(50, total, free), event="summit-2027") is not None) == alarmed


def test_a_pool_that_runs_low_is_said_in_the_log_and_by_the_check(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    add(office, codes(21))
    with caplog.at_level(logging.WARNING):
        office.redeem()
        assert caplog.messages == []
        office.redeem()
    sentence = "The pool of summit-2027 has 19 of 21 codes for 50 percent left"
    assert [message.partition(":")[0] for message in caplog.messages] == [sentence]
    assert sentence in "".join(office.check().warnings)
    assert "has 0 of 0 codes for 100 percent left" in "".join(office.check().warnings)
    assert office.check().differences == ()


def test_files_of_people_are_read() -> None:
    data = '\ufeffCode;Percent\r\n RIVER-1 ;50\r\n\r\n"RIVER-2";100\r\nRIVER-1;50\r\n'.encode()
    assert code_pool.read_codes(data, name="codes.csv") == (("RIVER-1", 50), ("RIVER-2", 100))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "first line must be"),
        ("RIVER-1,50\n", "first line must be"),
        ("code,percent,name\n", "first line must be"),
        ("code,percent\nRIVER-1\n", "row 2 has 1 cells"),
        ("code,percent\nRIVER-1,50,x\n", "row 2 has 3 cells"),
        ("code,percent\n,50\n", "row 2: a code has"),
        ("code,percent\nRIVER 1,50\n", "row 2: a code has"),
        (f"code,percent\n{'x' * 65},50\n", "row 2: a code has"),
        ("code,percent\nRIVER\u200b1,50\n", "row 2: a code has"),
        ("code,percent\nRIVER-1,0\n", "no whole percentage"),
        ("code,percent\nRIVER-1,101\n", "no whole percentage"),
        ("code,percent\nRIVER-1,50.0\n", "no whole percentage"),
        ("code,percent\nRIVER-1,٥٠\n", "no whole percentage"),
        ("code,percent\nRIVER-1,10000\n", "no whole percentage"),
        ("code,percent\nRIVER-1,50\nRIVER-1,100\n", "row 3: the code 'RIVER-1' has two"),
        ('code,percent\n"RIVER-1,50\n', "is no CSV file"),
    ],
)
def test_a_file_that_is_refused_names_its_row(text: str, sentence: str) -> None:
    with pytest.raises(CodePoolError, match=sentence):
        code_pool.read_codes(text.encode(), name="codes.csv")


def test_a_file_that_is_no_text_or_too_large_is_refused() -> None:
    with pytest.raises(CodePoolError, match="not UTF-8 at byte 1"):
        code_pool.read_codes(b"x\xff", name="codes.csv")
    with pytest.raises(CodePoolError, match="at most"):
        code_pool.read_codes(b"x" * (code_pool.MAX_FILE_BYTES + 1), name="codes.csv")
