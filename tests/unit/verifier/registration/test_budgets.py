"""The budget factor of an event is fixed with its first discount."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from schemas.event_policy import EventPolicy, EventPolicyError
from tests.unit.verifier.registration.policies import document, policy
from tests.unit.verifier.registration.test_service import Office
from tests.unit.verifier.simulator import IssuerSimulator
from verifier.ground.database import open_database, reading
from verifier.registration import store
from verifier.registration.budgets import Budgets

NOW = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)
ISSUER = IssuerSimulator()
SENTENCE = (
    "budget.factor of the event summit-2027 is 0.5, but 1.0 was fixed on 2027-02-01, before its first discount:"
    " put that back."
)


def with_factor(factor: float) -> dict[str, object]:
    frozen = {"frozen_at": date(2027, 1, 10), "eligible": 412, "expected_take_up": 0.6}
    return {"budget": {"factor": factor, **frozen}}


def half() -> EventPolicy:
    return policy(**with_factor(0.5))


@pytest.fixture
def engine(tmp_path: Path, database: dict[str, Any]) -> Iterator[Engine]:
    engine = open_database(database.get("database_url") or tmp_path / "verifier.sqlite")
    yield engine
    engine.dispose()


def test_before_the_first_discount_any_factor_is_good(engine: Engine) -> None:
    budgets = Budgets(lambda: engine)
    budgets.check(half())
    budgets.check(policy())
    with reading(engine) as connection:
        assert store.fixed_budget(connection, "summit-2027") is None


def test_the_first_factor_is_fixed_for_every_process(engine: Engine) -> None:
    Budgets(lambda: engine).fix(policy(), now=NOW)
    for budgets in (Budgets(lambda: engine), Budgets(lambda: engine)):
        budgets.check(policy())
        with pytest.raises(EventPolicyError) as told:
            budgets.check(half())
        assert str(told.value).startswith("budget.factor of the event summit-2027 is 0.5, but 1")
        with pytest.raises(EventPolicyError):
            budgets.fix(half(), now=NOW)


def test_another_spelling_of_the_same_number_is_the_same(engine: Engine) -> None:
    budgets = Budgets(lambda: engine)
    budgets.fix(half(), now=NOW)
    budgets.check(policy(**with_factor(0.50)))


def test_of_two_who_come_first_with_different_factors_one_holds(engine: Engine) -> None:
    def fix(wanted: EventPolicy) -> bool:
        try:
            Budgets(lambda: engine).fix(wanted, now=NOW)
        except EventPolicyError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        held = list(threads.map(fix, [policy(), half()] * 4))
    assert held in ([True, False] * 4, [False, True] * 4)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(store.event_budgets)).scalar() == 1


def test_a_discount_is_never_given_by_another_factor_than_the_first(tmp_path: Path) -> None:
    office = Office(tmp_path)
    registration = office.registration
    file = tmp_path / "summit.yaml"
    file.write_bytes(document())
    registration.add_event(file)
    assert office.redeem(ISSUER.token(), by=registration.event("summit-2027")).percent == 50

    file.write_bytes(document(**with_factor(0.5)))
    kept = registration.settings.events / "summit-2027.yaml"
    kept.unlink()  # as a person may who means it
    with pytest.raises(EventPolicyError, match="put that back"):
        registration.add_event(file)
    kept.write_bytes(document(**with_factor(0.5)))
    with pytest.raises(EventPolicyError, match="put that back"):
        registration.event("summit-2027")
    with pytest.raises(EventPolicyError, match="put that back"):
        office.redeem(
            ISSUER.token(ISSUER.document(reference="urn:uuid:" + "1" * 8 + "-0000-4000-8000-000000000001")),
            by=half(),
        )
    with reading(registration.engine) as connection:
        fixed = store.fixed_budget(connection, "summit-2027")
        assert fixed is not None and fixed[0] == Decimal(1)
    registration.engine.dispose()
