"""Many values in one statement, on each database."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import IntegrityError

from issuer.badges.store.tables import badges, holder_pages, status_lists
from issuer.contributions.store import contributions
from issuer.ground.database import reading, writing
from issuer.ground.many import among, copy_rows, insert_rows, of_most, update_rows
from issuer.people.store import affiliations, persons
from tests.unit.issuer.office import Office

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
MANY = 70_000  # more than any database takes as values of one statement


def test_a_column_is_among_as_many_values_as_you_like(database: Engine) -> None:
    _add_persons(database, ["a", "b'", "ç"])
    with reading(database) as connection:
        wanted = [*(str(number) for number in range(MANY)), "b'", "ç"]
        found = connection.execute(select(persons.c.id).where(among(persons.c.id, wanted)))
        assert set(found.scalars()) == {"b'", "ç"}
        assert connection.execute(select(persons.c.id).where(among(persons.c.id, []))).all() == []
        others = select(persons.c.id).where(~among(persons.c.id, ["a", "ç"]))
        assert connection.execute(others).scalars().all() == ["b'"]


def test_numbers_are_found_as_numbers(database: Engine) -> None:
    with writing(database) as connection:
        rows = [{"number": number, "used": 0, "purpose": "revocation"} for number in (1, 10, 100)]
        insert_rows(connection, status_lists, rows)
    with reading(database) as connection:
        chosen = among(status_lists.c.number, range(2, 101))
        assert set(connection.execute(select(status_lists.c.number).where(chosen)).scalars()) == {10, 100}


def test_a_file_looks_a_list_up_in_the_index(file_office: Office) -> None:
    database = file_office.engine
    with reading(database) as connection:
        plan = "EXPLAIN QUERY PLAN SELECT * FROM persons WHERE persons.id IN (SELECT value FROM json_each('[]'))"
        assert "USING INDEX" in str(connection.execute(text(plan)).all())
        ours = select(persons).where(among(persons.c.id, ["a"])).compile(database)
        assert str(ours).endswith("WHERE persons.id IN (SELECT value FROM json_each(?))")  # and nothing behind it


def test_what_is_so_of_most_rows_is_what_it_is(database: Engine) -> None:
    _add_persons(database, ["a", "b"])
    _add_persons(database, ["c"], told_at=NOW)
    untold = of_most(persons.c.told_at.is_(None))
    with reading(database) as connection:
        for chosen, expected in ((untold, {"a", "b"}), (~untold, {"c"}), (untold & (persons.c.id > "a"), {"b"})):
            assert set(connection.execute(select(persons.c.id).where(chosen)).scalars()) == expected


def test_a_file_looks_for_no_rows_by_what_is_so_of_most(file_office: Office) -> None:
    database = file_office.engine
    with reading(database) as connection:
        theirs = badges.c.id.in_(["b"]) & of_most(badges.c.copy_of.is_(None))
        query = select(badges.c.id).where(theirs).compile(database, compile_kwargs={"literal_binds": True})
        plan = str(connection.execute(text(f"EXPLAIN QUERY PLAN {query}")).all())
        assert "id=?" in plan
        assert "copy_of" not in plan


def test_rows_come_back_as_they_were_written(database: Engine) -> None:
    name = 'Ana "Ž" 王\n\\'
    _add_persons(database, ["one"], name=name, told_at=NOW)
    with writing(database) as connection:
        insert_rows(connection, affiliations, [{"person_id": "one", "since": NOW.date(), "organisation": None}])
        insert_rows(connection, holder_pages, [{"person": "one", "token_hash": "h"}])
        record = {"source": "git", "id": "1", "record": "change", "system": "git", "name": name, "evidence": None}
        facts = {"people": 3, "deep": ["é", None, {"x": 1.5}]}
        insert_rows(
            connection, contributions, [{**record, "happened_at": NOW, "received_at": NOW, "facts": facts}]
        )
    with reading(database) as connection:
        one = connection.execute(select(persons)).one()
        assert (one.name, one.bot, one.told_at, one.email) == (name, False, NOW, None)
        assert connection.execute(select(affiliations)).one() == ("one", NOW.date(), None)
        assert connection.execute(select(holder_pages)).one() == ("one", "h", 0)  # a default of the column
        kept = connection.execute(select(contributions)).one()
        assert (kept.name, kept.facts, kept.happened_at) == (name, facts, NOW)


def test_wide_rows_come_back_as_they_were_written(database: Engine) -> None:
    rows = [
        {"id": f"{number}", "name": name, "bot": False, "keeps_own": True, "told_at": told_at}
        for number, (name, told_at) in enumerate([("a\tb\\N\n\\.\n'é\"王", NOW), ("\\N", None), ("", None)])
    ]
    with writing(database) as connection:
        copy_rows(connection, persons, rows)
        copy_rows(connection, persons, [])
    with reading(database) as connection:
        query = select(persons.c.name, persons.c.told_at, persons.c.keeps_own).order_by(persons.c.id)
        found = connection.execute(query).all()
    assert [tuple(row) for row in found] == [(row["name"], row["told_at"], True) for row in rows]


def test_a_wide_row_that_is_there_already_is_refused_with_all_the_others(database: Engine) -> None:
    _add_persons(database, ["one"])
    rows = [{"id": name, "name": "", "bot": False, "keeps_own": False} for name in ("two", "one")]
    with pytest.raises(IntegrityError), writing(database) as connection:
        copy_rows(connection, persons, rows)
    with reading(database) as connection:
        assert connection.execute(select(func.count()).select_from(persons)).scalar() == 1


def test_no_rows_are_no_statement(database: Engine) -> None:
    with writing(database) as connection:
        insert_rows(connection, persons, [])
        update_rows(connection, persons, [], key=("id",))
        assert connection.execute(select(func.count()).select_from(persons)).scalar() == 0


def test_a_row_that_is_there_already_is_refused_with_all_the_others(database: Engine) -> None:
    _add_persons(database, ["one"])
    with pytest.raises(IntegrityError):
        _add_persons(database, ["two", "one"])
    with reading(database) as connection:
        assert connection.execute(select(persons.c.id)).scalars().all() == ["one"]


def test_each_row_is_changed_by_its_key(database: Engine) -> None:
    _add_persons(database, ["one", "two", "three"])
    with writing(database) as connection:
        changed: list[dict[str, object]] = [
            {"id": "one", "name": "1", "told_at": NOW},
            {"id": "three", "name": "3", "told_at": None},
        ]
        changed.append({"id": "nobody", "name": "0", "told_at": None})
        update_rows(connection, persons, changed, key=("id",))
    with reading(database) as connection:
        found = connection.execute(select(persons.c.id, persons.c.name, persons.c.told_at).order_by(persons.c.id))
        assert found.all() == [("one", "1", NOW), ("three", "3", None), ("two", "", None)]


def test_a_number_that_grows_does_not_come_back(database: Engine) -> None:
    with writing(database) as connection:
        if database.dialect.name == "sqlite":
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # awards are not the matter
        rows = [
            {"id": badge, "award": "a", "reference": badge, "salt": "", "current_version": version}
            for badge, version in (("none", None), ("older", 1), ("same", 2), ("newer", 3))
        ]
        insert_rows(connection, badges, rows)
        new = [{"id": row["id"], "current_version": 2} for row in rows]
        update_rows(connection, badges, new, key=("id",), grows="current_version")
        query = select(badges.c.id, badges.c.current_version)
        assert {row.id: row.current_version for row in connection.execute(query)} == {
            "none": 2,
            "older": 2,
            "same": 2,
            "newer": 3,
        }
        connection.rollback()


def _add_persons(database: Engine, ids: list[str], *, name: str = "", told_at: datetime | None = None) -> None:
    rows = [{"id": one, "name": name, "bot": False, "keeps_own": False, "told_at": told_at} for one in ids]
    with writing(database) as connection:
        insert_rows(connection, persons, rows)
