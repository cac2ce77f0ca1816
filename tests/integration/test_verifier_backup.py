"""A verifying office out of its backup knows each discount that it gave, and derives the same vouchers."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from tests.postgres import PostgresServer
from tests.unit.verifier.registration.test_service import ISSUER, Office
from verifier import backup as whole
from verifier.ground import audit
from verifier.ground.database import DatabaseError, reading, unmigrated
from verifier.registration.errors import RequestIdReusedError
from verifier.registration.service import Redemption

ROOT = Path(__file__).resolve().parents[2]


def typed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from verifier.start import main; main()", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def refused(*arguments: str) -> str:
    """One sentence, of a command that did not do what it was told."""
    done = typed(*arguments)
    assert done.returncode != 0 and "Something unexpected" not in done.stderr
    return done.stderr


def badge(number: int) -> str:
    return ISSUER.token(ISSUER.document(reference=f"urn:uuid:0d6f7a54-0000-4000-8000-{number:012d}"))


def told(answer: Redemption) -> Redemption:
    """An answer as it is told again: the badge is not looked at a second time."""
    return replace(answer, report=None)


class Given:
    """An office that gave one discount, with something that may not leave the machine in a backup."""

    def __init__(self, folder: Path, server: PostgresServer | None, settings: dict[str, Any]) -> None:
        self.folder, self.server, self.settings = folder, server, settings
        self.data, self.backup = folder / "verifier", folder / "office.backup"
        (self.data / "events").mkdir(parents=True)
        (self.data / "events" / "other.yaml").write_text("# an event\n")
        (self.data / "passphrase").write_text("horses and staples\n")
        if server is not None:
            (self.data / "database.password").write_text("nobody asks for it\n")
            (self.data / "verifier.yaml").write_text(
                f"database_url: {settings['database_url']}\ndatabase_password_file: database.password\n"
            )
        office = Office(self.data, **settings)
        self.first: Redemption = office.redeem(badge(0), request_id="the first")
        assert self.first.result == "granted"
        office.registration.engine.dispose()

    def new_database(self) -> list[str]:
        return [] if self.server is None else ["--database-url", self.server.new_database()]

    def restored(self, *database: str) -> Office:
        folder = self.folder / "restored"
        done = typed("restore", str(self.backup), "--data", str(folder), *database)
        assert done.returncode == 0, done.stderr
        return Office(folder, **({"database_url": database[1]} if database else {}))


@pytest.fixture
def given(tmp_path: Path, request: pytest.FixtureRequest, database: dict[str, Any]) -> Given:
    if database and shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine (Debian: postgresql-client)")
    return Given(tmp_path, request.getfixturevalue("postgres") if database else None, database)


def test_who_redeemed_before_the_backup_has_redeemed_after_the_restore(given: Given) -> None:
    done = typed("backup", str(given.backup), "--data", str(given.data))
    assert done.returncode == 0, done.stderr
    later = Office(given.data, **given.settings)
    since = later.redeem(badge(7))  # which the backup does not know
    later.registration.engine.dispose()
    office = given.restored(*given.new_database())
    restored = given.folder / "restored"
    assert (restored / "events" / "other.yaml").read_text() == "# an event\n"
    assert not (restored / "passphrase").exists() and not (restored / "database.password").exists()
    assert (restored / "voucher.secret").read_bytes() == (given.data / "voucher.secret").read_bytes()
    assert office.redeem(badge(0)).result == "already_redeemed"
    again = office.redeem(badge(0), request_id="the first")
    assert again.voucher == given.first.voucher  # the same request, the same answer
    assert office.redeem(badge(1)).result == "granted"
    assert office.redeem(badge(7)).voucher == since.voucher, "given since, it gives the same voucher"
    office.registration.engine.dispose()
    assert typed("audit", "verify", "--data", str(restored)).returncode == 0
    shown = typed("database", "show", "--data", str(restored))
    assert shown.returncode == 0 and "→" in shown.stdout
    url = given.settings.get("database_url")
    assert url is None or url not in (restored / "verifier.yaml").read_text()


def test_what_cannot_be_restored_is_said_in_one_sentence_and_leaves_nothing(given: Given) -> None:
    data, backup, new = given.data, given.backup, given.folder / "new"
    assert typed("backup", str(backup), "--data", str(data)).returncode == 0
    assert "is there already" in refused("backup", str(backup), "--data", str(data))
    database = given.new_database()
    assert "is not empty" in refused("restore", str(backup), "--data", str(data), *database)
    if given.server is None:
        nowhere = ["--database-url", "postgresql://nobody@127.0.0.1:1/none"]
        assert "Connection refused" in refused("restore", str(backup), "--data", str(new), *nowhere)
    else:
        assert "--database-url with a new, empty one" in refused("restore", str(backup), "--data", str(new))
        old = ["--database-url", given.settings["database_url"]]
        assert "is not empty: a new one" in refused("restore", str(backup), "--data", str(new), *old)
    content = backup.read_bytes()
    backup.write_bytes(content[: len(content) // 2])
    damaged = refused("restore", str(backup), "--data", str(new), *database)
    assert "is damaged, or no backup" in damaged
    backup.write_bytes(content)
    assert not new.exists() and [one for one in given.folder.iterdir() if one.name.startswith(".")] == []
    given.restored(*database).registration.engine.dispose()  # into the very one that was refused


def test_an_office_on_a_file_goes_on_in_a_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    """A key's answer, a holder's discount, a voucher: all as they were, and its own backup is restored again."""
    given = Given(tmp_path, None, {})
    office = Office(given.data)
    refusal = office.redeem(ISSUER.token(ISSUER.document(achievement="nobody-knows")), request_id="refused")
    desk = office.redeem(badge(3), request_id="at a desk")
    noted = audit.check(office.registration.engine)
    office.registration.engine.dispose()
    assert typed("backup", str(given.backup), "--data", str(given.data)).returncode == 0
    since = Office(given.data)
    voucher_of_seven = since.redeem(
        badge(7)
    ).voucher  # derived: it is the same in the office that never heard of it
    since.registration.engine.dispose()

    url, new = postgres.new_database(), given.folder / "new"
    done = typed("restore", str(given.backup), "--data", str(new), "--database-url", url)
    assert done.returncode == 0, done.stderr
    assert "make a backup now" in done.stdout
    assert not list(new.glob("verifier.sqlite*")) and "database_url: " in (new / "verifier.yaml").read_text()
    assert typed("audit", "verify", "--noted", f"{noted.rows}:{noted.head}", "--data", str(new)).returncode == 0
    moved = Office(new, database_url=url)
    assert moved.redeem(badge(0), request_id="the first") == told(given.first), "the same key, the same answer"
    assert moved.redeem(badge(3), request_id="at a desk") == told(desk)
    again = moved.redeem(ISSUER.token(ISSUER.document(achievement="nobody-knows")), request_id="refused")
    assert again.result == refusal.result != "granted"
    with pytest.raises(RequestIdReusedError):
        moved.redeem(badge(9), request_id="the first")
    assert moved.redeem(badge(0)).result == moved.redeem(badge(3)).result == "already_redeemed"
    assert moved.redeem(badge(7)).voucher == voucher_of_seven
    assert moved.redeem(badge(8)).result == "granted"
    moved.registration.engine.dispose()
    if shutil.which("pg_dump") is not None:
        first, third = given.folder / "first.backup", postgres.new_database()
        assert typed("backup", str(first), "--data", str(new)).returncode == 0
        words = ("restore", str(first), "--data", str(given.folder / "third"), "--database-url", third)
        assert typed(*words).returncode == 0
        last = Office(given.folder / "third", database_url=third)
        assert last.redeem(badge(0), request_id="the first") == told(given.first)
        last.registration.engine.dispose()


def test_what_fails_half_way_leaves_neither_a_folder_nor_tables(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise DatabaseError("There is no room.")

    new, database = given.folder / "new", given.new_database()
    assert typed("backup", str(given.backup), "--data", str(given.data)).returncode == 0
    with monkeypatch.context() as patch, pytest.raises(DatabaseError, match="no room"):
        patch.setattr(whole, "open_database", no_room)
        whole.restore(given.backup, new, database_url=database[1] if database else None)
    assert not new.exists()
    if database:
        with unmigrated(database[1]) as engine, reading(engine) as connection:
            assert inspect(connection).get_table_names() == []
    given.restored(*database).registration.engine.dispose()


def test_an_office_that_only_verifies_has_nothing_to_back_up(tmp_path: Path) -> None:
    said = refused("backup", str(tmp_path / "another"), "--data", str(tmp_path / "nobody"))
    assert "has none" in said
