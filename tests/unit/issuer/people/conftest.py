"""What tests of people share: an office with its pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.issuer.people.community import Community


@pytest.fixture
def community(tmp_path: Path) -> Iterator[Community]:
    """An office whose list names Ada, Bob, Cy and Dana, with a mail server."""
    opened = Community(tmp_path)
    yield opened
    opened.engine.dispose()
