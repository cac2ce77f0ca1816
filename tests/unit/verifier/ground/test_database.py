"""The migrations make exactly the tables that the rooms use, durably."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

import verifier.desk.store
import verifier.ground.audit.store
import verifier.ground.mail.store
import verifier.registration.shops.store
import verifier.registration.store  # noqa: F401 - tables stand on the metadata once their stores are imported
from verifier.ground import database
from verifier.ground.database import MIGRATION_HEAD, DatabaseError, metadata, open_database, reading

VERSIONS = Path(database.__file__).parent / "migrations" / "versions"


def described(engine: Engine) -> dict[str, object]:
    inspector = inspect(engine)
    tables = [name for name in inspector.get_table_names() if name != "alembic_version"]
    return {
        name: {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            "primary": inspector.get_pk_constraint(name),
            "unique": sorted(inspector.get_unique_constraints(name), key=str),
            "foreign": sorted(inspector.get_foreign_keys(name), key=str),
            "indexes": sorted(inspector.get_indexes(name), key=str),
        }
        for name in tables
    }


def test_the_migrations_give_the_schema_of_the_tables(tmp_path: Path) -> None:
    migrated = open_database(tmp_path / "migrated.sqlite")
    made = create_engine(f"sqlite:///{tmp_path / 'made.sqlite'}")
    metadata.create_all(made)

    assert described(migrated) == described(made)
    migrated.dispose()
    made.dispose()


def test_the_head_is_the_newest_migration() -> None:
    assert sorted(file.name for file in VERSIONS.glob("0*.py"))[-1].startswith(MIGRATION_HEAD)


def test_a_commit_is_on_the_disk_before_it_is_answered(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "verifier.sqlite")
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
    engine.dispose()


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "verifier.sqlite"
    file.write_bytes(b"not a database, but long enough to look like one" * 100)

    with pytest.raises(DatabaseError, match="cannot be opened"):
        open_database(file)


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "verifier.sqlite"
    open_database(file).dispose()
    connection = sqlite3.connect(file)
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    with pytest.raises(DatabaseError, match="another version"):
        open_database(file)
