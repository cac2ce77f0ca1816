"""What tests of the issuing office share: a database in a file, with every table of the rooms below."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event

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
def database(tmp_path: Path) -> Iterator[Engine]:
    """An engine prepared as `open_database` prepares it, without the migrations."""
    engine = create_engine(f"sqlite:///{tmp_path / 'issuer.sqlite'}", connect_args={"timeout": 30})
    event.listen(engine, "connect", ground._prepare_connection)
    event.listen(engine, "begin", ground._begin)
    with ground.writing(engine) as connection:
        ground.metadata.create_all(connection)
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def quick_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deriving a key is slow on purpose, and tests open many offices; custody's own tests keep the real cost."""
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """A small issuing office in a folder of its own."""
    opened = open_office(tmp_path)
    yield opened
    opened.engine.dispose()
