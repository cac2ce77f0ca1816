"""A small issuing office in a folder, for tests: opened as the real one is, with a policy and a few people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from issuer.badges.bureau import Bureau, open_bureau
from issuer.cli import main
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, facts_from
from issuer.delivery import service as delivery
from issuer.ground import settings as ground_settings
from issuer.ground.database import open_database
from issuer.ground.settings import Settings
from issuer.people import roster
from issuer.people import service as people_service
from issuer.people.model import Account, Person
from issuer.recognition import service as recognition
from schemas.policy import QualificationPolicy

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PUBLIC_URL = "https://badges.example.org"
PEOPLE = """\
name,email,accounts
Ada Long,ada@books.example,
Bob Keeper,bob@books.example,
Cy Chair,cy@books.example,
Dana Desk,dana@books.example,
"""


@dataclass
class Office:
    """The opened folder."""

    settings: Settings
    engine: Engine
    bureau: Bureau
    policy: QualificationPolicy

    @property
    def people(self) -> Mapping[str, Person]:
        return delivery.people(self.bureau)

    def person(self, text: str) -> Person:
        return people_service.find_person(self.engine, text)

    def add_changes(self, who: str, *, count: int, days_apart: int = 31, lines: int = 10, start: int = 5) -> None:
        """Changes of one person that Bob accepted, the newest `start` days ago."""
        records = [
            Contribution(
                source="git",
                id=f"{who}-{lines}-{start}-{number}",
                record="change",
                account=Account.parse(f"git:{who}@books.example"),
                happened_at=NOW - timedelta(days=start + days_apart * number),
                facts=facts_from({"changed_lines": lines, "accepted_by": ["git:bob@books.example"]}),
            )
            for number in range(count)
        ]
        contributions.store(self.engine, records, now=NOW)


def open_office(
    folder: Path, *, people: str = PEOPLE, database_url: str | None = None, public_url: str = PUBLIC_URL
) -> Office:
    """Make the folder with `badge-issuer init`, and open it."""
    place = [] if database_url is None else ["--database-url", database_url]
    data = folder / "issuer"
    if not (data / "issuer.yaml").exists():
        try:
            main(["init", "--public-url", public_url, "--name", "Example", "--data", str(data), *place])
        except SystemExit as ended:
            assert ended.code == 0
    settings = ground_settings.load(data)
    engine = open_database(settings.database, journal=settings.journal)
    rows, problems = roster.read_roster(people.encode())
    people_service.add_people(engine, rows, now=NOW, problems=problems)
    policy = recognition.policy_in_force(engine, settings.policy, now=NOW)
    return Office(settings, engine, open_bureau(engine, settings), policy)
