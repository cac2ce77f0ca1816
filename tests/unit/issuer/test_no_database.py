"""The database goes away and comes back: one clear sentence meanwhile, and nobody has to start anything again."""

from pathlib import Path

from issuer.app import NO_DATABASE, create_app
from tests.postgres import PostgresServer
from tests.unit.issuer.office import open_office
from tests.unit.verifier.client import AppClient


def test_pages_say_that_the_database_is_away_and_work_again_once_it_is_back(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    url = postgres.new_database()
    office = open_office(tmp_path, database_url=url)
    name, client = url.rpartition("/")[2], AppClient(create_app(office.settings.data))
    office.engine.dispose()
    assert client.get("/sources").status_code == 200
    postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    page = client.get("/sources", headers={"Accept": "text/html"})
    assert page.status_code == 503 and NO_DATABASE in page.text
    told = client.get("/sources.json")
    assert told.status_code == 503 and told.json()["detail"] == NO_DATABASE
    assert told.headers["content-type"] == "application/problem+json"
    assert name not in page.text + told.text

    postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert client.get("/sources").status_code == 200
