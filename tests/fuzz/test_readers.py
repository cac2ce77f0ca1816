"""Every reader of what strangers send: any bytes are read, or refused by an error that it documents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import strict_json
from tests.fuzz.changes import bent, changed
from tests.fuzz.effort import examples
from tests.fuzz.seeds import readers
from tests.fuzz.targets import TARGETS

SEEDS = readers()
JSON = [name for name, seed in SEEDS.items() if seed.startswith(b"{")]


def test_every_target_has_a_seed_that_is_good() -> None:
    assert SEEDS.keys() == TARGETS.keys()
    for name, target in TARGETS.items():
        target(SEEDS[name])


@pytest.mark.parametrize("name", TARGETS)
def test_bent_bytes_are_read_or_refused(name: str) -> None:
    @examples(60)
    @given(st.one_of(bent(SEEDS[name]), st.binary(max_size=40)))
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()


@pytest.mark.parametrize("name", JSON)
def test_changed_documents_are_read_or_refused(name: str) -> None:
    @examples(80)
    @given(changed(strict_json.loads_object(SEEDS[name]), times=4))
    def holds(value: object) -> None:
        TARGETS[name](strict_json.dumps(value).encode())

    holds()
