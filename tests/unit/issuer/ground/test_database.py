"""The database: migrations give the tables of the stores, both ways, and nothing is half written."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import issuer.attestations.store
import issuer.badges.store
import issuer.contract.store
import issuer.contributions.store
import issuer.ground.audit.store
import issuer.ground.login.store
import issuer.ground.mail.store
import issuer.ground.news.store
import issuer.people.store
import issuer.recognition.store
import issuer.wallets.store  # noqa: F401 - their tables belong to the metadata
from issuer.ground.database import MIGRATION_HEAD, DatabaseError, UtcDateTime, metadata, open_database, writing


def same_type(_context: object, _inspected: object, _column: object, found: object, ours: object) -> bool | None:
    """Our instant is text of a fixed length to the database."""
    return False if isinstance(ours, UtcDateTime) and getattr(found, "length", 0) == 32 else None


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        return list(compare_metadata(context, metadata))


def test_migrations_give_the_tables_of_the_stores(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "issuer.sqlite")
    assert differences(engine) == []
    engine.dispose()


def test_the_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "issuer:ground/migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == MIGRATION_HEAD


def test_migrations_go_back_to_nothing(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "issuer.sqlite")
    config = Config()
    config.set_main_option("script_location", "issuer:ground/migrations")
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    engine.dispose()
    with sqlite3.connect(tmp_path / "issuer.sqlite") as plain:
        left = {name for (name,) in plain.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    plain.close()
    left -= {"sqlite_sequence"}  # SQLite's own
    assert left <= {"alembic_version"}


def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "issuer.sqlite").write_text("these are no pages of a database" * 100)
    with pytest.raises(DatabaseError, match=r"cannot be opened"):
        open_database(tmp_path / "issuer.sqlite")


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "issuer.sqlite")
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(DatabaseError, match="another version"):
        open_database(tmp_path / "issuer.sqlite")


def test_a_time_without_a_zone_is_not_stored() -> None:
    column = UtcDateTime()
    with pytest.raises(ValueError, match="without a zone"):
        column.process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]  # noqa: DTZ001
    assert column.process_bind_param(datetime(2026, 1, 1, tzinfo=UTC), None) == "2026-01-01T00:00:00.000000+00:00"  # type: ignore[arg-type]
