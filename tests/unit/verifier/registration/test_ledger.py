"""Grants on a PostgreSQL: the short way for most, and that it stays open whoever wrote before."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.postgres import PostgresServer
from tests.unit.verifier.registration.policies import policy
from verifier.ground.database import open_database, writing
from verifier.ground.settings import Settings
from verifier.registration.aftercare import store as aftercare
from verifier.registration.events import Acceptance
from verifier.registration.ledger import Claim, Ledger
from verifier.registration.reasons import Reason

AT = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)


def claim(number: int) -> Claim:
    acceptance = Acceptance(
        Reason.GRANTED, issuer="did:web:a", achievement="a", percent=50, holders=(f"urn:uuid:{number}",)
    )
    return Claim(policy(), acceptance, "holder_code", request_id=f"r-{number}", fingerprint="f" * 64, now=AT)


def test_after_grants_of_the_longer_way_the_short_one_is_open(
    tmp_path: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(postgres.new_database())
    Ledger(Settings(tmp_path), engine=engine).claim(claim(1))  # the first makes the secret of the vouchers

    def refuse(_self: Ledger, _connection: Connection, _claims: Sequence[Claim]) -> None:
        raise AssertionError("the longer way was gone")

    monkeypatch.setattr(Ledger, "_carry_out", refuse)
    ledger = Ledger(Settings(tmp_path), engine=engine)
    assert ledger.claim(claim(2)).reason is Reason.GRANTED
    with writing(engine) as connection:
        old = aftercare.grant(connection, 2)
        assert old is not None
        assert aftercare.add_copy(connection, old, voucher="ANOTHER", generation=2, now=AT) == 3
    assert ledger.claim(claim(3)).reason is Reason.GRANTED
    engine.dispose()
