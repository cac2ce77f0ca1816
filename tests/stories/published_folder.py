"""A community whose documents lie in a folder of files, served by a web server that knows nothing of badges."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from issuer.badges import issuance, service
from issuer.badges.bureau import open_bureau
from issuer.ground import settings as issuer_settings
from issuer.ground.database import open_database
from issuer.people import service as people
from keys import did
from tests.demo.offices import issuer_command
from tests.stories.project import commit, make_repository
from verifier.ground.documents import document_source, page_opener
from verifier.ground.settings import Settings
from verifier.verification.service import Verification

KEEPER = "keeper"
PUBLISHED, NAMELESS, WITHDRAWN, HONOURED = "ada", "bob", "cy", "dee"
FORMS = ("jwt", "json", "png", "svg", "qr-png", "qr-url", "qr-text", "pdf")


class Quiet(SimpleHTTPRequestHandler):
    """Python's own file server, without its log."""

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@dataclass
class PublishedCommunity:
    """`site`: the host's folder. The office itself is never served."""

    folder: Path
    port: int
    badges: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "issuer"

    @property
    def site(self) -> Path:
        (root,) = (self.folder / "public").iterdir()
        return root

    def issuer(self, *arguments: str) -> dict[str, Any]:
        value = issuer_command(self.data, *arguments)
        assert isinstance(value, dict)
        return value

    def file(self, who: str, form: str) -> bytes:
        """Somebody's badge in a form, exported again."""
        saved = self.folder / f"{who}.{form}"
        self.issuer("export", self.badges[who], "--as", form, "-o", str(saved))
        return saved.read_bytes()

    def stranger(self) -> Verification:
        """A verifier that asks that web server and nobody else."""
        settings = Settings(self.folder / "verifier", exempt_hosts=frozenset({f"localhost:{self.port}"}))
        source = document_source(settings)
        known = did.did_of_web_address(self.url)  # whose dictionaries may be asked for
        return Verification(source, open_page=page_opener(source), known_issuers=lambda: [known])


def found(folder: Path, port: int) -> PublishedCommunity:
    """Badges by the policy and by decision, one of them public and one withdrawn; a proposal with its backtest;
    all of it published.
    """
    made = PublishedCommunity(folder, port)
    made.issuer("init", "--public-url", made.url, "--name", "Example community")
    cast = (PUBLISHED, NAMELESS, WITHDRAWN, HONOURED, KEEPER)
    rows = "".join(f"{one.title()},{one}@books.example,\n" for one in cast)
    (folder / "people.csv").write_text("name,email,accounts\n" + rows)
    made.issuer("collect", "people", str(folder / "people.csv"))
    repository = make_repository(folder / "project")
    for who in (PUBLISHED, NAMELESS, WITHDRAWN):
        commit(repository, who, accepted_by=KEEPER, month=1, subject=f"Work of {who}")
    made.issuer("collect", "git", str(repository))
    made.issuer("decide")
    _honour(made)
    made.issuer("issue")
    for badge in made.issuer("list")["badges"]:
        made.badges[badge["holder"].lower()] = badge["badge"]
    made.issuer("revoke", made.badges[WITHDRAWN], "--reason", "issued in error")
    _show(made)
    _propose(made)
    made.issuer("nightly")
    made.issuer("publish", str(folder / "public"))
    return made


def _honour(made: PublishedCommunity) -> None:
    grounds = ("--tier", "contributor", "--decision", "the board", "--reason", "ten years", "--by", KEEPER.title())
    (made.folder / "honoured.csv").write_text(f"name,email,accounts\nDee,{HONOURED}@books.example,\n")
    decision = made.issuer("award", str(made.folder / "honoured.csv"), *grounds)["decision"]
    made.issuer("award", "--approve", str(decision), "--by", PUBLISHED.title())


def _show(made: PublishedCommunity) -> None:
    settings = issuer_settings.load(made.data)
    engine = open_database(settings.database)
    bureau = open_bureau(engine, settings)
    person = people.find_person(engine, f"{PUBLISHED}@books.example")
    (badge,) = (one for one in service.badges_of(engine, person.id) if one.short_id == made.badges[PUBLISHED])
    issuance.choose(bureau, badge, person=person, shows_name=True, published=True, now=datetime.now(UTC))
    engine.dispose()


def _propose(made: PublishedCommunity) -> None:
    made.issuer("role", "give", f"{PUBLISHED}@books.example", "manager", "--reason", "elected")
    policy = made.data / "policy.yaml"
    policy.write_text(policy.read_text().replace("version: 1.0.0", "version: 1.0.1"))
    ada = f"{PUBLISHED}@books.example"
    made.issuer("policy", "propose", str(policy), "--by", ada, "--why", "a comment")
    made.issuer("policy", "backtest", "1.0.1")
    made.issuer("policy", "open", "1.0.1", "--by", ada)


@contextlib.contextmanager
def served(made: PublishedCommunity) -> Iterator[None]:
    """The folder behind Python's file server while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", made.port), partial(Quiet, directory=str(made.site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
