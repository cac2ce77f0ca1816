"""Every migration goes forward and back, on both databases, with people, records and badges in the tables."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from issuer.badges import awarding, issuance, service
from issuer.cli import main
from issuer.ground import database as ground
from issuer.ground.database import DatabaseError, metadata, reading
from issuer.ground.migrations import steps as migrating
from issuer.recognition import service as recognition
from tests.postgres import PostgresServer
from tests.unit.issuer.ground.test_database import same_type
from tests.unit.issuer.office import NOW, Office, open_office

pytestmark = pytest.mark.usefixtures("slow_files")


@pytest.fixture
def place(office: Office) -> Path | str:
    """The database of an office with a signed badge, a letter's worth of news and an audit log."""
    office.add_changes("ada", count=3)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
    issuance.issue(office.bureau, now=NOW)
    office.engine.dispose()
    return office.settings.database


def test_all_revisions_go_back_one_by_one_and_forward_again_with_data(place: Path | str) -> None:
    revisions = migrating.revisions()
    assert [one.number for one in revisions] == [f"{n:04}" for n in range(1, len(revisions) + 1)]
    for one in reversed(revisions[:-1]):
        migrating.downgrade(place, to=one.number)
        assert migrating.version(place) == one.number
    engine = ground.open_database(place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        assert list(compare_metadata(context, metadata)) == []
        people = connection.execute(text("SELECT count(*) FROM persons")).scalar()
        records = connection.execute(text("SELECT count(*) FROM contributions")).scalar()
    assert (people, records) == (4, 3), "what the first tables held is still there"
    engine.dispose()


def test_one_step_back_and_forward_loses_what_the_sentence_says_and_no_badge(place: Path | str) -> None:
    last = migrating.revisions()[-1]
    before = migrating.revisions()[-2]
    assert migrating.downgrade(place, to=before.number) == [last]
    assert last.what, "each revision says what it brought, which is what is lost"
    engine = ground.open_database(place)
    (badge,) = service.all_badges(engine)
    assert badge.jwt is not None
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_log")).scalar() is not None
    engine.dispose()


def test_a_revision_that_there_is_none_of_is_one_sentence(place: Path | str) -> None:
    with pytest.raises(DatabaseError, match="There is no revision '0999'"):
        migrating.downgrade(place, to="0999")
    with pytest.raises(DatabaseError, match="is at revision"):
        migrating.downgrade(place, to=migrating.revisions()[-1].number)


def test_an_upgrade_says_what_it_did(tmp_path: Path, postgres: PostgresServer) -> None:
    office = open_office(tmp_path, database_url=postgres.new_database())
    office.engine.dispose()
    url, head = office.settings.database, migrating.revisions()[-1]
    assert migrating.upgrade(url) == []
    migrating.downgrade(url, to="0020")
    assert [one.number for one in migrating.upgrade(url)][-1] == head.number
    assert migrating.version(url) == head.number


def test_the_command_says_what_is_lost_before_it_goes_back(
    file_office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["database", *words, "--data", str(file_office.settings.data)])
        said = capsys.readouterr()
        return f"{ended.value.code} {said.out}{said.err}"

    file_office.engine.dispose()
    head, before = migrating.revisions()[-1], migrating.revisions()[-2]
    assert f"→  {head.number}" in run("show")
    refused = run("downgrade", before.number)
    assert refused.startswith("1") and f"{head.number} {head.what}" in refused and "--yes" in refused
    assert run("downgrade", before.number, "--yes").startswith(f"0 Taken back: {head.number}")
    assert f"→  {before.number}" in run("show"), "looking does not bring it forward"
    assert run("upgrade").startswith(f"0 Brought: {head.number}")
    assert "newest revision already" in run("upgrade")


def test_a_token_that_is_not_of_its_claims_is_not_taken_apart(
    place: Path | str, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    migrating.downgrade(place, to="0026")
    with ground.unmigrated(place) as engine, engine.connect().execution_options(writes=True) as connection:
        (before,) = connection.execute(text("SELECT jwt FROM badge_versions")).scalars()
        other = before.replace(".", ".x", 1)
        connection.execute(text("UPDATE badge_versions SET jwt = :other"), {"other": other})
        connection.commit()
    for words in (("database", "upgrade"), ("list",)):
        capsys.readouterr()
        with pytest.raises(SystemExit, match="1"):
            main([*words, "--data", str(office.settings.data)])
        said = capsys.readouterr()
        sentence = "A signed token in badge_versions is not of the claims beside it; nothing was changed."
        assert (said.out, said.err) == ("", f"badge-issuer: {sentence}\n")
    assert migrating.version(place) == "0026"
    with ground.unmigrated(place) as engine, engine.connect().execution_options(writes=True) as connection:
        assert list(connection.execute(text("SELECT jwt FROM badge_versions")).scalars()) == [other]
        connection.execute(text("UPDATE badge_versions SET jwt = :before"), {"before": before})
        connection.commit()
    engine = ground.open_database(place)
    (badge,) = service.all_badges(engine)
    assert badge.jwt == before, "and what is of its claims comes through whole"
    engine.dispose()
