"""The machine is lost: an office out of last night's backup and the journal forgets nothing and gives nothing
twice.

Played with the command line on real folders. What was issued, withdrawn, erased and rotated since the backup is
known again, with the same ids and the same places on status lists.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect

from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.badges.store.tables import versions
from issuer.ground import audit, journal
from issuer.ground import settings as ground_settings
from issuer.ground.database import DatabaseError, open_database, reading, writing
from keys import custody
from tests.demo.offices import DemoError, issuer_command
from tests.postgres import PostgresServer
from tests.stories.project import commit, make_repository
from tests.unit.issuer.office import NOW

WHO = ("ada", "bob", "cy", "dee")


class Programme:
    """An issuer with a repository; its passphrase is elsewhere, as it should be. `server`: where its database is,
    if that is no file.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, server: PostgresServer | None) -> None:
        monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # dear on purpose, and this opens the keys many times
        self.folder, self.data, self.server = folder, folder / "issuer", server
        (folder / "envelope").write_text("horses and staples\n")
        monkeypatch.setenv("BADGEWRIGHT_PASSPHRASE_FILE", str(folder / "envelope"))
        self.repository = make_repository(folder / "project")
        self.issuer("init", "--public-url", "https://badges.example.org", *self.new_database())
        self.people(*WHO, "keeper")

    def new_database(self) -> list[str]:
        """Words of a command that make it use a new one."""
        return [] if self.server is None else ["--database-url", self.server.new_database()]

    @contextmanager
    def opened(self) -> Iterator[Engine]:
        settings = ground_settings.load(self.data)
        engine = open_database(settings.database, journal=settings.journal)
        try:
            yield engine
        finally:
            engine.dispose()

    def restore(self, backup: Path, *journals: Path) -> dict[str, object]:
        words = [word for one in journals for word in ("--journal", str(one))]
        return self.issuer("restore", str(backup), *words, *self.new_database())

    def refused_restore(self, backup: Path, *words: str, database: list[str] | None = None) -> str:
        """What is said; nothing is left behind, neither in the folder nor in the database."""
        database = self.new_database() if database is None else database
        before = self.data.exists()
        said = self.refusal("restore", str(backup), *words, *database)
        assert self.data.exists() == before
        assert [file.name for file in self.folder.iterdir() if file.name.startswith(".")] == []
        if database:
            engine = create_engine(database[1].replace("postgresql:", "postgresql+psycopg:"))
            assert inspect(engine).get_table_names() == []
            assert set(inspect(engine).get_schema_names()) <= {"public", "information_schema"}
            engine.dispose()
        return said

    def issuer(self, *arguments: str) -> dict[str, object]:
        value = issuer_command(self.data, *arguments)
        assert isinstance(value, dict)
        return value

    def people(self, *who: str) -> None:
        rows = "".join(f"{one.title()},{one}@books.example,\n" for one in who)
        (self.folder / "people.csv").write_text("name,email,accounts\n" + rows)
        self.issuer("collect", "people", str(self.folder / "people.csv"))

    def recognise(self, *who: str) -> None:
        for one in who:
            commit(self.repository, one, accepted_by="keeper", month=1, subject=f"Work of {one}")
        self.issuer("collect", "git", str(self.repository))
        self.issuer("nightly")

    def badges(self) -> dict[str, Badge]:
        with self.opened() as engine:
            return {badge.id: badge for badge in badges.all_badges(engine)}

    def facts(self) -> dict[str, tuple[object, ...]]:
        """What may not be forgotten of each badge."""
        return {
            one.id: (
                one.award,
                one.reference,
                one.revocation,
                one.suspension,
                one.salt,
                one.state,
                one.revoked_for,
            )
            for one in self.badges().values()
        }

    def badge_of(self, who: str) -> str:
        listed = self.issuer("list")["badges"]
        assert isinstance(listed, list)
        return next(
            str(one["badge"]) for one in listed if one["holder"] == who.title() and one["state"] == "in force"
        )

    def badge_with(self, *, state: str, who: str = "") -> str:
        """The only badge in this state."""
        listed = self.issuer("list")["badges"]
        assert isinstance(listed, list)
        (found,) = (one for one in listed if one["state"] == state and who in one["holder"])
        return str(found["badge"])

    def lose(self) -> Path:
        """The machine burns down; what had been copied away is the journal."""
        kept = self.folder / "journal-elsewhere"
        shutil.copytree(self.data / "journal", kept)
        shutil.rmtree(self.data)
        return kept

    def copy(self, name: str, *, of: Path) -> Path:
        """A folder as it is, with a database as it is."""
        there = self.folder / name
        shutil.copytree(of, there)
        url = ground_settings.load(of).database_url
        if url is not None and self.server is not None:
            copied = self.server.new_database(like=url.rpartition("/")[2])
            file = there / "issuer.yaml"
            file.write_text(file.read_text().replace(url, copied))
        return there

    def refusal(self, *arguments: str) -> str:
        with pytest.raises(DemoError) as refused:
            self.issuer(*arguments)
        return str(refused.value)


@pytest.fixture(params=["sqlite", "postgresql"])
def programme(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programme:
    if request.param == "sqlite":
        return Programme(tmp_path, monkeypatch, None)
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine (Debian: postgresql-client)")
    return Programme(tmp_path, monkeypatch, request.getfixturevalue("postgres"))


@pytest.fixture
def on_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programme:
    """For what has nothing to do with the database."""
    return Programme(tmp_path, monkeypatch, None)


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    return tmp_path / "last-night.backup"


def test_backup_and_journal_forget_nothing_and_give_nothing_twice(programme: Programme, backup: Path) -> None:
    programme.recognise("ada", "bob")
    programme.issuer("backup", str(backup))
    programme.recognise("cy")
    programme.people(*WHO, "eve", "keeper")  # somebody whom the backup does not know
    programme.recognise("eve")
    programme.issuer("revoke", programme.badge_of("ada"), "--reason", "a mistake")
    programme.issuer("suspend", programme.badge_of("bob"), "--reason", "looked at")
    programme.issuer("revoke", programme.badge_of("cy"), "--reason", "asked for")
    programme.issuer("keys", "rotate")
    programme.recognise("dee")
    before, keys_before = programme.facts(), programme.issuer("keys", "list")
    noted = programme.issuer("audit", "verify")["noted"]
    elsewhere = programme.lose()

    restored = programme.restore(backup, elsewhere)
    assert programme.facts() == before
    assert programme.issuer("keys", "list") == keys_before
    assert programme.issuer("audit", "verify")["noted"] == noted  # and the journal goes on as one chain
    assert restored["unsigned"] == 2  # Eve's and Dee's; Cy's was withdrawn

    assert programme.issuer("nightly")["signed"] == 0  # nobody gets a second badge
    assert programme.issuer("keys", "sign-anew")["signed"] == 2
    assert programme.issuer("keys", "sign-anew")["signed"] == 0
    assert programme.facts() == before
    for badge in programme.badges().values():
        if badge.standing:
            assert badge.jwt is not None and badges.read_own(badge.jwt).id == badge.id
    programme.issuer("revoke", programme.badge_of("eve"), "--reason", "it is known")

    programme.people("fay", *WHO, "keeper")
    programme.recognise("fay")
    places = [badge.revocation for badge in programme.badges().values()]
    assert len(set(places)) == len(places) == len(before) + 1


def test_badges_withdrawn_since_the_backup_are_withdrawn_on_the_published_list(
    programme: Programme, backup: Path
) -> None:
    programme.recognise("ada")
    token = programme.folder / "badge.jwt"
    programme.issuer("export", programme.badge_of("ada"), "--as", "jwt", "-o", str(token))
    programme.issuer("backup", str(backup))
    programme.issuer("revoke", programme.badge_of("ada"), "--reason", "a mistake")
    elsewhere = programme.lose()
    programme.restore(backup, elsewhere)
    programme.issuer("publish", str(programme.folder / "site"))
    assert verdict(token, programme.folder / "site") == ("not_valid", ["status"])


def test_who_was_erased_since_the_backup_stays_erased(programme: Programme, backup: Path) -> None:
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    ada = programme.badges().popitem()[1].award.person
    with programme.opened() as engine, writing(engine) as connection:
        badges.forget_holder(connection, [ada])
    elsewhere = programme.lose()
    programme.restore(backup, elsewhere)
    with programme.opened() as engine, reading(engine) as connection:
        assert connection.execute(versions.select()).all() == []


def test_without_a_journal_new_badges_get_places_on_new_lists(programme: Programme, backup: Path) -> None:
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    programme.recognise("bob")
    lost = programme.badges()
    programme.lose()
    programme.restore(backup)
    kept = programme.badges()
    programme.recognise("cy")
    new = [badge for badge in programme.badges().values() if badge.id not in kept]
    assert len(new) == 2  # Bob's once more: under the same reference, so that it buys nothing a second time
    assert {one.reference for one in new} & {one.reference for one in lost.values() if one.id not in kept}
    assert min(one.revocation.list for one in new) > max(one.revocation.list for one in lost.values()) + 1


def test_the_restored_office_issues_on_and_its_badges_verify(programme: Programme, backup: Path) -> None:
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    programme.lose()
    programme.restore(backup)
    programme.recognise("bob")
    token = programme.folder / "badge.jwt"
    programme.issuer("publish", str(programme.folder / "site"))
    for who in ("ada", "bob"):
        programme.issuer("export", programme.badge_of(who), "--as", "jwt", "-o", str(token))
        assert verdict(token, programme.folder / "site") == ("valid", [])


def test_a_backup_holds_no_passphrase_and_no_open_key(on_a_file: Programme, backup: Path) -> None:
    (on_a_file.data / "passphrase").write_text("left beside the data\n")
    on_a_file.recognise("ada")
    on_a_file.issuer("backup", str(backup))
    with tarfile.open(backup) as tar:
        names = tar.getnames()
        everything = b"".join(tar.extractfile(member).read() for member in tar)  # type: ignore[union-attr]
    assert "keys/badges-1.key" in names and "issuer.sqlite" in names and "policy.yaml" in names
    assert "passphrase" not in names
    assert b"horses and staples" not in everything and b"left beside" not in everything
    assert backup.stat().st_mode & 0o077 == 0


def test_a_damaged_backup_is_refused_and_nothing_is_left(on_a_file: Programme, backup: Path) -> None:
    on_a_file.issuer("backup", str(backup))
    whole = backup.read_bytes()
    target = on_a_file.data = on_a_file.folder / "elsewhere"
    middle = len(whole) // 2
    for damaged in (
        whole[:middle],
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        b"",
        b"no backup",
        whole[:-1],
    ):
        backup.write_bytes(damaged)
        assert "damaged" in on_a_file.refused_restore(backup)
        assert not target.exists()
    assert "There is no backup" in on_a_file.refusal("restore", str(on_a_file.folder / "none"))
    assert [file.name for file in on_a_file.folder.iterdir() if file.name.startswith(".")] == []


def test_a_folder_with_something_in_it_is_left_alone(on_a_file: Programme, backup: Path) -> None:
    on_a_file.recognise("ada")
    on_a_file.issuer("backup", str(backup))
    before = on_a_file.facts()
    assert "is not empty" in on_a_file.refused_restore(backup)
    assert on_a_file.facts() == before
    assert "is there already" in on_a_file.refusal("backup", str(backup))


def test_a_backup_of_a_newer_program_is_refused(
    on_a_file: Programme, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_file.issuer("backup", str(backup))
    on_a_file.lose()
    monkeypatch.setattr("issuer.backup.MIGRATION_HEAD", "0001")
    assert "made by a newer program" in on_a_file.refused_restore(backup)
    assert not on_a_file.data.exists()


def test_a_journal_with_a_gap_a_change_or_of_another_office_is_refused(programme: Programme, backup: Path) -> None:
    programme.issuer("backup", str(backup))
    programme.recognise("ada")
    elsewhere = programme.lose()
    (file,) = journal.segments(elsewhere)
    lines = file.read_bytes().splitlines(keepends=True)

    def refused(content: list[bytes]) -> str:
        file.write_bytes(b"".join(content))
        return programme.refused_restore(backup, "--journal", str(elsewhere))

    changed = lines[-1].replace(b"Ada", b"Ida").replace(b"0", b"1", 1)
    assert "was changed after it was written" in refused([*lines[:-1], changed])
    assert "lacks what was written" in refused([*lines[:-2], lines[-1]])
    assert "lacks what was written" in refused(lines[-1:])
    assert "holds no journal" in programme.refused_restore(backup, "--journal", str(programme.folder))


def test_a_line_whose_transaction_never_came_about_is_void(
    programme: Programme, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme.issuer("backup", str(backup))
    write = journal.Recorder.write

    def written_and_the_power_goes(self: journal.Recorder, *what: Any) -> journal.Place:
        write(self, *what)
        raise journal.JournalError("The power is gone.")

    def note(act: str) -> None:
        with programme.opened() as engine, writing(engine) as connection:
            audit.write(connection, actor="operator", role="operator", act=act, reason="a test", now=NOW)

    with monkeypatch.context() as dark:
        dark.setattr(journal.Recorder, "write", written_and_the_power_goes)
        with pytest.raises(DatabaseError, match="Nothing was written: The power is gone"):
            note("badge.never")
    note("badge.once")
    elsewhere = programme.lose()
    (file,) = journal.segments(elsewhere)
    assert file.read_text().count("badge.never") == 1
    with file.open("a") as torn:
        torn.write("the beginning of a line")
    programme.restore(backup, elsewhere)
    with programme.opened() as engine:
        assert [entry.act for entry in audit.entries(engine)] == ["badge.once"]
    note("badge.after")
    assert journal.head(programme.data / "journal").number == journal.head(elsewhere).number + 2


def test_what_cannot_be_written_into_the_journal_does_not_happen(programme: Programme) -> None:
    shutil.rmtree(programme.data / "journal")
    (programme.data / "journal").write_text("in the way")
    before = programme.facts()
    (programme.folder / "people.csv").write_text("name,email,accounts\nGus,gus@books.example,\n")
    said = programme.refusal("collect", "people", str(programme.folder / "people.csv"))
    assert "Nothing was written: The journal" in said
    (programme.data / "journal").unlink()
    assert programme.facts() == before
    programme.people("gus", *WHO, "keeper")


@pytest.mark.parametrize("command", [("nightly",), ("keys", "sign-anew")])
def test_whatever_was_killed_in_between_backup_and_journal_hold_what_the_database_holds(
    programme: Programme, backup: Path, command: tuple[str, ...]
) -> None:
    for who in WHO:
        commit(programme.repository, who, accepted_by="keeper", month=1, subject=f"Work of {who}")
    programme.issuer("collect", "git", str(programme.repository))
    if command != ("nightly",):
        programme.issuer("nightly")
    programme.issuer("backup", str(backup))
    if command != ("nightly",):
        programme.issuer("keys", "compromise", "badges-1")
    data = programme.data
    clean = programme.copy("clean", of=data)
    counted = json.loads(killed(clean, *command, at="0").stdout.rsplit("counted ", 1)[1])
    steps, lines = counted["step"], counted["line"]
    for moment in ("1", str(steps // 2), str(steps), "line 1", f"line {lines}"):
        programme.data = programme.copy(f"killed at {moment}", of=data)
        assert killed(programme.data, *command, at=moment).returncode == -signal.SIGKILL
        programme.issuer(*command)
        before, elsewhere = programme.facts(), programme.data / "journal"
        programme.data = programme.folder / f"restored from {moment}"
        programme.restore(backup, elsewhere)
        assert programme.facts() == before, f"killed at {moment} of {counted}"


def test_a_backup_of_a_postgresql_goes_into_a_new_one_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backup: Path, postgres: PostgresServer
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine (Debian: postgresql-client)")
    programme = Programme(tmp_path, monkeypatch, postgres)
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    url = ground_settings.load(programme.data).database_url
    programme.lose()
    assert "--database-url with a new, empty one was expected" in programme.refusal("restore", str(backup))
    assert "is not empty" in programme.refusal("restore", str(backup), "--database-url", str(url))
    assert not programme.data.exists()
    programme.restore(backup)
    assert len(programme.badges()) == 1


def test_the_journal_is_where_the_settings_say(programme: Programme, backup: Path) -> None:
    file, elsewhere = programme.data / "issuer.yaml", programme.folder / "another disk"
    said = file.read_text()
    file.write_text(f"{said}journal: {elsewhere}\n")
    programme.issuer("backup", str(backup))
    shutil.rmtree(programme.data / "journal")
    programme.recognise("ada")
    before = programme.facts()
    assert not (programme.data / "journal").exists() and journal.segments(elsewhere)
    shutil.rmtree(programme.data)
    programme.restore(backup, elsewhere)
    assert programme.facts() == before
    assert journal.segments(programme.data / "journal"), "it goes on in the folder: the other disk may be gone"
    assert "journal:" not in file.read_text()

    file.write_text(f"{said}journal: none\n")
    shutil.rmtree(programme.data / "journal")
    programme.recognise("bob")
    assert not (programme.data / "journal").exists()
    assert programme.issuer("audit", "verify")["journal"] is None


def test_the_lines_of_each_machine_are_put_together(programme: Programme, backup: Path) -> None:
    """Two machines with copies of the folder; the database is one. (On a file: two folders, in turn.)"""
    programme.issuer("backup", str(backup))
    programme.recognise("ada")
    shutil.move(programme.data / "journal", programme.folder / "first")
    programme.recognise("bob")
    before = programme.facts()
    second = programme.lose()
    first, database = programme.folder / "first", programme.new_database()
    lacking = programme.refused_restore(backup, "--journal", str(second), database=database)
    assert "lacks what was written" in lacking
    both = ("--journal", str(second), "--journal", str(first))
    programme.issuer("restore", str(backup), *both, *database)  # into the very one that was left empty
    assert programme.facts() == before
    programme.recognise("cy")
    before, elsewhere = programme.facts(), programme.folder / "journal-again"
    shutil.move(programme.data / "journal", elsewhere)
    shutil.rmtree(programme.data)
    programme.restore(backup, elsewhere)
    assert programme.facts() == before, "what was put together once is one journal"


def killed(data: Path, *command: str, at: str) -> "subprocess.CompletedProcess[str]":
    """A command that is killed at a step of its database."""
    driver = [sys.executable, str(Path(__file__).with_name("crash.py")), at, *command]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "QUICK_KEYS": "yes"}
    given = [*driver, "--data", str(data), "--json"]
    return subprocess.run(given, capture_output=True, text=True, env=env, check=False)


def verdict(token: Path, site: Path) -> tuple[str, list[str]]:
    """A stranger's verdict from the published folder, and the checks that did not pass."""
    command = [str(Path(sys.executable).parent / "badge-verifier"), "verify", str(token), "--json"]
    done = subprocess.run([*command, "--offline-dir", str(site)], capture_output=True, check=False)
    said = json.loads(done.stdout)
    return said["verdict"], [one["id"] for one in said["checks"] if one["state"] != "pass" and one["made"]]
