"""An event's details go when its file says so, from the database's file too; totals and the audit log stay."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from schemas.event_policy import EventPolicy, EventPolicyError
from tests.unit.verifier.registration.aftercare.offices import EVENT, HOLDER, AfterOffice
from tests.unit.verifier.registration.policies import policy
from tests.unit.verifier.registration.test_outbox import ISSUER, SHOP
from tests.unit.verifier.simulator import HOLDER_CODE, references
from verifier.ground import audit
from verifier.ground.database import reading
from verifier.registration.aftercare import cases, retention, store
from verifier.registration.aftercare.retention import Forgotten
from verifier.registration.reasons import Reason

CLOSES = datetime(2027, 5, 20, 16, 0, tzinfo=UTC)


@pytest.fixture
def office(tmp_path: Path, database: dict[str, Any]) -> Iterator[AfterOffice]:
    office = AfterOffice(tmp_path, **database)
    yield office
    office.registration.engine.dispose()


def run(office: AfterOffice, *, at: datetime) -> tuple[Forgotten, ...]:
    office.clock.now = at
    return retention.run([office.policy], engine=office.registration.engine, clock=office.clock)


def all_rows(office: AfterOffice) -> str:
    """Every row of every table, as text."""
    with reading(office.registration.engine) as connection:
        tables = inspect(connection).get_table_names()
        return "\n".join(
            str(row) for table in tables for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        )


def files(office: AfterOffice) -> bytes:
    """Every byte of the data folder; with a PostgreSQL the folder holds no database."""
    return b"".join(file.read_bytes() for file in office.settings.data.rglob("*") if file.is_file())


def has_gone_through_everything(office: AfterOffice) -> list[str]:
    """An office in which everything happened; the vouchers that it gave."""
    names = references()
    one, two, three, four = (office.given(reference=next(names)) for _ in range(4))
    office.again(request_id="again")
    new = str(office.reissue(one).voucher)
    office.outbox.deliver_due()
    office.release(two)
    office.shop.buy(three)
    office.release(three)
    office.sync()
    office.end(four)
    office.sync()
    return [one, two, three, four, new]


# When


@pytest.mark.parametrize(
    ("changes", "until"),
    [
        ({}, CLOSES + timedelta(days=90)),
        ({"retention_days": 10}, CLOSES + timedelta(days=10)),
        (
            {"ends": "2027-05-29", "retention_days": 10},
            datetime(2027, 6, 8, 22, 0, tzinfo=UTC),
        ),  # midnight in Paris
        ({"ends": "2027-05-01"}, CLOSES + timedelta(days=90)),
    ],
)
def test_days_are_counted_from_the_end_of_the_last_day(changes: dict[str, Any], until: datetime) -> None:
    if "ends" in changes:
        changes = changes | {"ends": datetime.fromisoformat(changes["ends"]).date()}
    assert policy(**changes).kept_until == until


@pytest.mark.parametrize("days", [0, -1, 3_651, "90", 1.5, True])
def test_a_number_of_days_that_is_none_is_refused(days: object) -> None:
    with pytest.raises(EventPolicyError, match="retention_days"):
        policy(retention_days=days)


def test_nothing_goes_a_moment_too_early_and_everything_in_time(office: AfterOffice) -> None:
    office.given()
    until = office.policy.kept_until
    assert run(office, at=until - timedelta(seconds=1)) == ()
    (forgotten,) = run(office, at=until)
    assert (forgotten.event, forgotten.grants) == (EVENT, 1)
    assert run(office, at=until + timedelta(days=1)) == ()


# What goes, what stays


def test_references_vouchers_and_requests_are_gone_from_tables_and_files(office: AfterOffice) -> None:
    vouchers = has_gone_through_everything(office)
    before = all_rows(office)
    assert all(voucher in before for voucher in vouchers) and "urn:uuid:" in before
    (forgotten,) = run(office, at=office.policy.kept_until)
    assert forgotten.grants == 6

    rows, bytes_left = all_rows(office), files(office)
    for gone in (*vouchers, "urn:uuid:", "again", ISSUER.list_url):
        assert gone not in rows, gone
        assert gone.encode() not in bytes_left, gone


def test_totals_and_the_audit_log_stay(office: AfterOffice) -> None:
    has_gone_through_everything(office)
    acts = office.acts()
    run(office, at=office.policy.kept_until)
    assert office.acts() == [*acts, "event.forget"]
    assert audit.check(office.registration.engine).fault is None
    with reading(office.registration.engine) as connection:
        totals = store.totals_of(connection, event=EVENT)
    assert {total.state: total.count for total in totals} == {"released": 3, "used": 1, "granted": 2}
    assert {total.policy_digest for total in totals} == {office.policy.digest}
    report = office.report()
    assert {line.state: line.vouchers for line in report.lines} == {"released": 3, "used": 1, "granted": 2}
    (note,) = report.notes
    assert "details were deleted" in note
    assert cases.listed(EVENT, engine=office.registration.engine, closed=True) == ()


def test_another_event_is_left_alone(tmp_path: Path) -> None:
    office = AfterOffice(tmp_path)
    office.given()
    mine: EventPolicy = office.policy
    office.policy = policy(shop=SHOP, event="summit-2028", retention_days=3_000)
    office.redeem(reference=HOLDER, request_id="other")
    office.clock.now = mine.kept_until
    forgotten = retention.run([mine, office.policy], engine=office.registration.engine, clock=office.clock)
    assert [found.event for found in forgotten] == [EVENT]
    assert len(office.releasing.grants("summit-2028")) == 1
    office.registration.engine.dispose()


def test_an_event_that_is_over_cannot_be_redeemed_again(office: AfterOffice) -> None:
    office.given(request_id="one")
    run(office, at=office.policy.kept_until)
    assert office.again(request_id="one").reason in {Reason.CLOSED, Reason.COULD_NOT_TELL}
    assert office.releasing.grants(EVENT) == ()


# What is never there


def test_no_name_address_code_or_badge_is_in_any_table_file_or_log_at_any_time(
    office: AfterOffice, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    document = ISSUER.document(reference=HOLDER, name="Zora Zeebrugge-Testperson")
    token = ISSUER.token(document)
    has_gone_through_everything(office)
    for request_id in ("a", "b"):
        office.registration.redeem(
            token.encode(), policy=office.policy, proof=_code(), request_id=f"with-name-{request_id}"
        )
    office.outbox.deliver_due()
    office.report()
    header, payload, signature = token.split(".")
    secrets = ["Zeebrugge", HOLDER_CODE, HOLDER_CODE.replace("-", ""), payload[40:120], signature]
    secrets += [document["id"], "a-salt-for-tests"]
    said = caplog.text + all_rows(office)
    for secret in secrets:
        assert secret not in said, secret
        assert secret.encode() not in files(office), secret
    assert header


def _code() -> Any:
    from verifier.registration.events import HolderCode

    return HolderCode(HOLDER_CODE)
