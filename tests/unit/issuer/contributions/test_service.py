"""Contributions are kept once, whatever the order and however often they come."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine

from issuer.contributions import service
from issuer.contributions.model import Contribution, ContributionError, Facts
from issuer.contributions.service import Counts
from issuer.ground.database import metadata, reading, writing
from issuer.people import service as people
from issuer.people.model import Account
from issuer.people.roster import read_roster

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def contribution(number: int, *, source: str = "git", title: str = "A change", who: str = "ada") -> Contribution:
    return Contribution(
        source=source,
        id=f"c{number}",
        record="change",
        account=Account("git", f"{who}@a.example"),
        happened_at=NOW - timedelta(days=number),
        facts=Facts(title=title, changed_lines=number, accepted_by=(Account("git", "wen@y.example"),)),
        evidence="https://x.example/1",
    )


def stored(engine: Engine) -> list[Contribution]:
    with reading(engine) as connection:
        return list(service.all_contributions(connection))


def test_what_is_stored_comes_back_as_it_was(database: Engine) -> None:
    facts = Facts.model_validate({"quantity": "0.10", "credits": 2, "paths": ["ä\n"], "owner": "gerrit:1"})
    told = Contribution("csv", "x", "talk", Account("irc", "Ada"), NOW, facts, None)
    assert service.store(database, [told], now=NOW) == Counts(stored=1)
    assert stored(database) == [told]
    assert str(stored(database)[0].facts.quantity) == "0.10"


def test_second_delivery_and_changed_delivery_change_nothing(database: Engine) -> None:
    first = [contribution(n) for n in range(3)]
    assert service.store(database, first, now=NOW) == Counts(3, 0)
    assert service.store(database, first, now=NOW) == Counts(0, 3)
    assert service.store(database, [contribution(1, title="Grander")], now=NOW) == Counts(0, 1)
    assert stored(database) == first


def test_same_id_from_another_source_is_another_contribution(database: Engine) -> None:
    assert service.store(database, [contribution(1), contribution(1, source="csv")], now=NOW) == Counts(2, 0)


def test_first_of_two_equal_keys_in_one_delivery_stands(database: Engine) -> None:
    both = [contribution(1, title="First"), contribution(1, title="Second")]
    assert service.store(database, both, now=NOW) == Counts(1, 1)
    assert stored(database)[0].facts.title == "First"


def test_source_that_fails_midway_loses_nothing_on_the_next_run(database: Engine) -> None:
    everything = [contribution(n) for n in range(1200)]

    def failing() -> Iterator[Contribution]:
        yield from everything[:700]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        service.store(database, failing(), now=NOW)
    assert len(stored(database)) == service.CHUNK
    assert service.store(database, everything, now=NOW) == Counts(700, 500)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(12)), cut=st.integers(0, 12))
def test_order_of_arrival_does_not_matter(order: list[int], cut: int) -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    delivery = [contribution(n % 10, source="git" if n < 10 else "csv") for n in order]
    for part in (delivery[:cut], delivery[cut:], delivery):
        service.store(engine, part, now=NOW)
    expected = sorted({(c.source, c.id): c for c in delivery}.items())
    assert stored(engine) == [c for _, c in expected]
    engine.dispose()


def test_contributions_of_accounts_leaves_out_the_others(database: Engine) -> None:
    many = [contribution(n, who=f"p{n}") for n in range(1100)]
    random.Random(1).shuffle(many)
    service.store(database, many, now=NOW)
    wanted = {Account("git", f"p{n}@a.example") for n in range(0, 1100, 2)}
    with reading(database) as connection:
        found = list(service.contributions_of(connection, wanted))
    assert {c.account for c in found} == wanted
    assert len(found) == 550


def test_unclaimed_accounts_are_counted_until_somebody_owns_them(database: Engine) -> None:
    service.store(database, [contribution(n, who="ada" if n < 5 else "wen") for n in range(7)], now=NOW)
    ada, wen = Account("git", "ada@a.example"), Account("git", "wen@a.example")
    merger = Account("git", "wen@y.example")  # accepted all seven, and did none
    assert list(service.unclaimed_accounts(database).items()) == [(merger, 7), (ada, 5), (wen, 2)]
    rows, _ = read_roster(b"name,email,accounts\nAda,ada@a.example,\n")
    people.add_people(database, rows, now=NOW)
    assert service.unclaimed_accounts(database) == {merger: 7, wen: 2}


def test_token_speaks_for_its_source_and_is_not_kept(database: Engine, tmp_path: Path) -> None:
    token = service.create_token(database, "launchpad", now=NOW)
    other = service.create_token(database, "discourse", now=NOW)
    assert service.source_of_token(database, token) == "launchpad"
    assert service.source_of_token(database, other) == "discourse"
    for wrong in ("", token[:-1], token + "A", "é", "\udcff"):
        assert service.source_of_token(database, wrong) is None
    with writing(database):
        pass
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert token.encode() not in written


def test_token_for_no_source_is_refused(database: Engine) -> None:
    with pytest.raises(ContributionError, match="is no source's name"):
        service.create_token(database, "Launch Pad", now=NOW)
