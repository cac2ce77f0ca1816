"""What tests of the issuing office share: a database in a file, with every table of the rooms below."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event

import issuer.contributions.store
import issuer.people.store  # noqa: F401 - its tables belong to the metadata
from issuer.ground import database as ground


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
