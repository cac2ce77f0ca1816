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
from pathlib import Path
from typing import Any

import pytest

from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.badges.store.tables import versions
from issuer.ground import audit, journal
from issuer.ground.database import DatabaseError, open_database, writing
from keys import custody
from tests.demo.offices import DemoError, issuer_command
from tests.postgres import PostgresServer
from tests.stories.project import commit, make_repository
from tests.unit.issuer.office import NOW

WHO = ("ada", "bob", "cy", "dee")


class Programme:
    """An issuer with a repository; its passphrase is elsewhere, as it should be."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # dear on purpose, and this opens the keys many times
        self.folder, self.data = folder, folder / "issuer"
        (folder / "envelope").write_text("horses and staples\n")
        monkeypatch.setenv("BADGEWRIGHT_PASSPHRASE_FILE", str(folder / "envelope"))
        self.repository = make_repository(folder / "project")
        self.issuer("init", "--public-url", "https://badges.example.org")
        self.people(*WHO, "keeper")

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
        engine = open_database(self.data / "issuer.sqlite")
        found = {badge.id: badge for badge in badges.all_badges(engine)}
        engine.dispose()
        return found

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

    def lose(self) -> Path:
        """The machine burns down; what had been copied away is the journal."""
        kept = self.folder / "journal-elsewhere"
        shutil.copytree(self.data / "journal", kept)
        shutil.rmtree(self.data)
        return kept

    def refusal(self, *arguments: str) -> str:
        with pytest.raises(DemoError) as refused:
            self.issuer(*arguments)
        return str(refused.value)


@pytest.fixture
def programme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programme:
    return Programme(tmp_path, monkeypatch)


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

    restored = programme.issuer("restore", str(backup), "--journal", str(elsewhere))
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
    programme.issuer("restore", str(backup), "--journal", str(elsewhere))
    programme.issuer("publish", str(programme.folder / "site"))
    assert verdict(token, programme.folder / "site") == ("not_valid", ["status"])


def test_who_was_erased_since_the_backup_stays_erased(programme: Programme, backup: Path) -> None:
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    engine = open_database(programme.data / "issuer.sqlite")
    ada = programme.badges().popitem()[1].award.person
    with writing(engine) as connection:
        badges.forget_holder(connection, [ada])
    engine.dispose()
    elsewhere = programme.lose()
    programme.issuer("restore", str(backup), "--journal", str(elsewhere))
    engine = open_database(programme.data / "issuer.sqlite")
    with engine.connect() as connection:
        assert connection.execute(versions.select()).all() == []
    engine.dispose()


def test_without_a_journal_new_badges_get_places_on_new_lists(programme: Programme, backup: Path) -> None:
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    programme.recognise("bob")
    lost = programme.badges()
    programme.lose()
    programme.issuer("restore", str(backup))
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
    programme.issuer("restore", str(backup))
    programme.recognise("bob")
    token = programme.folder / "badge.jwt"
    programme.issuer("publish", str(programme.folder / "site"))
    for who in ("ada", "bob"):
        programme.issuer("export", programme.badge_of(who), "--as", "jwt", "-o", str(token))
        assert verdict(token, programme.folder / "site") == ("valid", [])


def test_a_backup_holds_no_passphrase_and_no_open_key(programme: Programme, backup: Path) -> None:
    (programme.data / "passphrase").write_text("left beside the data\n")
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    with tarfile.open(backup) as tar:
        names = tar.getnames()
        everything = b"".join(tar.extractfile(member).read() for member in tar)  # type: ignore[union-attr]
    assert "keys/badges-1.key" in names and "issuer.sqlite" in names and "policy.yaml" in names
    assert "passphrase" not in names
    assert b"horses and staples" not in everything and b"left beside" not in everything
    assert backup.stat().st_mode & 0o077 == 0


def test_a_damaged_backup_is_refused_and_nothing_is_left(programme: Programme, backup: Path) -> None:
    programme.issuer("backup", str(backup))
    whole = backup.read_bytes()
    target = programme.data = programme.folder / "elsewhere"
    middle = len(whole) // 2
    for damaged in (
        whole[:middle],
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        b"",
        b"no backup",
        whole[:-1],
    ):
        backup.write_bytes(damaged)
        assert "damaged" in programme.refusal("restore", str(backup))
        assert not target.exists()
    assert "There is no backup" in programme.refusal("restore", str(programme.folder / "none"))
    assert [file.name for file in programme.folder.iterdir() if file.name.startswith(".")] == []


def test_a_folder_with_something_in_it_is_left_alone(programme: Programme, backup: Path) -> None:
    programme.recognise("ada")
    programme.issuer("backup", str(backup))
    before = programme.facts()
    assert "is not empty" in programme.refusal("restore", str(backup))
    assert programme.facts() == before
    assert "is there already" in programme.refusal("backup", str(backup))


def test_a_backup_of_a_newer_program_is_refused(
    programme: Programme, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme.issuer("backup", str(backup))
    programme.lose()
    monkeypatch.setattr("issuer.backup.MIGRATION_HEAD", "0001")
    assert "made by a newer program" in programme.refusal("restore", str(backup))
    assert not programme.data.exists()


def test_a_journal_with_a_gap_a_change_or_of_another_office_is_refused(programme: Programme, backup: Path) -> None:
    programme.issuer("backup", str(backup))
    programme.recognise("ada")
    elsewhere = programme.lose()
    (file,) = journal.segments(elsewhere)
    lines = file.read_bytes().splitlines(keepends=True)

    def refused(content: list[bytes]) -> str:
        file.write_bytes(b"".join(content))
        said = programme.refusal("restore", str(backup), "--journal", str(elsewhere))
        assert not programme.data.exists()
        return said

    changed = lines[-1].replace(b"Ada", b"Ida").replace(b"0", b"1", 1)
    assert "was changed after it was written" in refused([*lines[:-1], changed])
    assert "does not follow" in refused([*lines[:-2], lines[-1]])
    assert "lacks what was written" in refused(lines[-1:])
    assert "holds no journal" in programme.refusal("restore", str(backup), "--journal", str(programme.folder))


def test_a_line_whose_transaction_never_came_about_is_void(
    programme: Programme, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme.issuer("backup", str(backup))
    engine = open_database(programme.data / "issuer.sqlite")
    write = journal.Recorder.write

    def written_and_the_power_goes(self: journal.Recorder, pending: dict[str, Any], *, number: int) -> bool:
        write(self, pending, number=number)
        raise journal.JournalError("The power is gone.")

    def note(act: str) -> None:
        with writing(engine) as connection:
            audit.write(connection, actor="operator", role="operator", act=act, reason="a test", now=NOW)

    with monkeypatch.context() as dark:
        dark.setattr(journal.Recorder, "write", written_and_the_power_goes)
        with pytest.raises(DatabaseError, match="Nothing was written: The power is gone"):
            note("badge.never")
    note("badge.once")
    engine.dispose()
    elsewhere = programme.lose()
    (file,) = journal.segments(elsewhere)
    assert file.read_text().count("badge.never") == 1
    with file.open("a") as torn:
        torn.write("the beginning of a line")
    programme.issuer("restore", str(backup), "--journal", str(elsewhere))
    engine = open_database(programme.data / "issuer.sqlite")
    assert [entry.act for entry in audit.entries(engine)] == ["badge.once"]
    note("badge.after")
    assert journal.head(programme.data / "journal")[0] == journal.head(elsewhere)[0] + 2
    engine.dispose()


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
    clean = programme.folder / "clean"
    shutil.copytree(data, clean)
    steps = int(killed(clean, *command, at=10**9).stdout.rsplit("steps ", 1)[1])
    for moment in sorted({1 + (steps - 1) * number // 5 for number in range(6)}):
        programme.data = programme.folder / f"killed-{moment}"
        shutil.copytree(data, programme.data)
        assert killed(programme.data, *command, at=moment).returncode == -signal.SIGKILL
        programme.issuer(*command)
        before, elsewhere = programme.facts(), programme.data / "journal"
        programme.data = programme.folder / f"restored-{moment}"
        programme.issuer("restore", str(backup), "--journal", str(elsewhere))
        assert programme.facts() == before, f"killed at step {moment} of {steps}"


def test_an_office_on_a_postgresql_is_backed_up_and_restored_into_a_new_one(
    programme: Programme, backup: Path, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump on this machine (Debian: postgresql-client)")
    shutil.rmtree(programme.data)
    first, second = postgres.new_database(), postgres.new_database()
    programme.issuer("init", "--public-url", "https://badges.example.org", "--database-url", first)
    programme.people(*WHO, "keeper")
    programme.recognise("ada", "bob")
    programme.issuer("revoke", programme.badge_of("ada"), "--reason", "a mistake")
    before, noted = programme.issuer("list"), programme.issuer("audit", "verify")["noted"]
    programme.issuer("backup", str(backup))
    shutil.rmtree(programme.data)

    assert "--database-url with a new, empty one was expected" in programme.refusal("restore", str(backup))
    assert "is not empty" in programme.refusal("restore", str(backup), "--database-url", first)
    assert not programme.data.exists()
    programme.issuer("restore", str(backup), "--database-url", second)
    assert programme.issuer("list") == before
    assert programme.issuer("audit", "verify")["noted"] == noted
    programme.recognise("cy")
    programme.issuer("publish", str(programme.folder / "site"))
    token = programme.folder / "badge.jwt"
    programme.issuer("export", programme.badge_of("cy"), "--as", "jwt", "-o", str(token))
    assert verdict(token, programme.folder / "site") == ("valid", [])


def killed(data: Path, *command: str, at: int) -> "subprocess.CompletedProcess[str]":
    """A command that is killed at a step of its database."""
    driver = [sys.executable, str(Path(__file__).with_name("crash.py")), str(at), *command]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    given = [*driver, "--data", str(data), "--json"]
    return subprocess.run(given, capture_output=True, text=True, env=env, check=False)


def verdict(token: Path, site: Path) -> tuple[str, list[str]]:
    """A stranger's verdict from the published folder, and the checks that did not pass."""
    command = [str(Path(sys.executable).parent / "badge-verifier"), "verify", str(token), "--json"]
    done = subprocess.run([*command, "--offline-dir", str(site)], capture_output=True, check=False)
    said = json.loads(done.stdout)
    return said["verdict"], [one["id"] for one in said["checks"] if one["state"] != "pass" and one["made"]]
