"""What tests of the issuing office share: a database with every table, of each kind, and an office on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import issuer.attestations.store
import issuer.badges.store
import issuer.contract.store
import issuer.contributions.store
import issuer.ground.audit.store
import issuer.ground.login.store
import issuer.ground.mail.store
import issuer.people.store
import issuer.recognition.store
import issuer.wallets.store  # noqa: F401 - their tables belong to the metadata
from issuer.ground import database as ground
from keys import custody
from tests.unit.issuer.office import Office, open_office


@pytest.fixture
def database(tmp_path: Path, issuing_database: dict[str, str]) -> Iterator[Engine]:
    """An engine as `open_database` gives it; a file gets its tables without the migrations, which take longer."""
    if "database_url" in issuing_database:
        engine = ground.open_database(issuing_database["database_url"])
    else:
        engine = ground._file_engine(tmp_path / "issuer.sqlite")
        with ground.writing(engine) as connection:
            ground.metadata.create_all(connection)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def quick_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deriving a key is slow on purpose, and tests open many offices; custody's own tests keep the real cost."""
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)


@pytest.fixture
def office(tmp_path: Path, issuing_database: dict[str, str]) -> Iterator[Office]:
    """A small issuing office in a folder of its own."""
    opened = open_office(tmp_path, **issuing_database)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def file_office(tmp_path: Path) -> Iterator[Office]:
    """The same on a file of SQLite only: for what the file itself holds, and for commands within this process."""
    opened = open_office(tmp_path)
    yield opened
    opened.engine.dispose()
