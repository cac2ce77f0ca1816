"""Staff, and people of a community, log in at an OpenID provider that others wrote (oidc-provider), over HTTP.

Needs node and npm; the packages are pinned by hash in `openid/package-lock.json`, and no script of theirs runs.
"""

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from issuer.app import create_app as create_issuer
from issuer.cli import main as badge_issuer
from keys import jwk, openid
from tests.demo.offices import free_ports, serving
from tests.unit.verifier.simulator import DocumentsInMemory, IssuerSimulator
from tests.unit.verifier.staff.office import ROSTER
from tests.unit.verifier.staff.provider_server import Key
from verifier.app import create_app
from verifier.ground.settings import OpenIdAccess, Settings

pytestmark = pytest.mark.real
HERE = Path(__file__).parent / "openid"
SECRET = "a secret for tests, and nothing else"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not here")
    folder = tmp_path_factory.mktemp("openid")
    for file in HERE.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder


class LogIn:
    """An office, a provider, and a person's browser."""

    begins, home = "/staff/openid", "/staff"
    database, table = "verifier.sqlite", "staff_challenges"

    def __init__(self, folder: Path, issuer: str, url: str) -> None:
        self.folder, self.issuer, self.url = folder, issuer, url
        self.browser = httpx.Client(timeout=20)

    def begun(self) -> str:
        """The address at the provider to which the office sends a browser."""
        answer = self.browser.get(f"{self.url}{self.begins}")
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def agreed(self, at: str, *, address: str = "lead@example.org") -> str:
        """Log in at the provider and agree: the address to which it sends the browser back."""
        for _ in range(12):
            answer = self.browser.get(at)
            if answer.is_redirect:
                at = str(answer.request.url.join(answer.headers["location"]))
            else:
                action = re.search(r'action="([^"]+)"', answer.text)
                prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
                assert action and prompt, answer.text
                form = {"prompt": prompt[1], "login": address, "password": "anything"}
                answer = self.browser.post(answer.request.url.join(action[1]), data=form)
                assert answer.is_redirect, answer.text
                at = str(answer.request.url.join(answer.headers["location"]))
            if at.startswith(self.url):
                return at
        raise AssertionError(f"The provider sends the browser in circles: {at}")

    def is_in(self) -> bool:
        return self.browser.get(f"{self.url}{self.home}", headers={"Accept": "text/html"}).status_code == 200

    def change_log_in(self, column: str, value: str) -> None:
        """Change what the office keeps of the log-in that is under way."""
        with closing(sqlite3.connect(self.folder / self.database)) as connection, connection:
            connection.execute(f"UPDATE {self.table} SET {column} = ?", (value,))


@pytest.fixture(params=["id_token", "userinfo"])
def log_in(request: pytest.FixtureRequest, installed: Path, tmp_path: Path) -> Iterator[LogIn]:
    port, office_port = free_ports()
    issuer, url = f"http://localhost:{port}", f"http://localhost:{office_port}"
    (tmp_path / "oidc.secret").write_text(SECRET)
    settings = Settings(
        tmp_path,
        public_url=url,
        oidc=OpenIdAccess(issuer, "badgewright", tmp_path / "oidc.secret"),
        exempt_hosts=frozenset({f"localhost:{port}"}),
    )
    settings.staff.write_text(ROSTER)
    app = create_app(settings, source=DocumentsInMemory.of([IssuerSimulator()]))
    try:
        running = provider(installed, port, f"{url}/staff/openid/callback", request.param)
        with running, serving(lambda: app, office_port):
            one = LogIn(tmp_path, issuer, url)
            yield one
            one.browser.close()
    finally:
        app.state.registration.engine.dispose()


class PersonsLogIn(LogIn):
    """The same at the issuing office."""

    begins, home = "/sign-in/openid", "/me"
    database, table = "issuer/issuer.sqlite", "login_challenges"


@pytest.fixture
def persons_log_in(installed: Path, tmp_path: Path) -> Iterator[PersonsLogIn]:
    port, office_port = free_ports()
    issuer, url = f"http://localhost:{port}", f"http://localhost:{office_port}"
    data, secret = tmp_path / "issuer", tmp_path / "oidc.secret"
    secret.write_text(SECRET)
    with pytest.raises(SystemExit):
        badge_issuer(["init", "--public-url", url, "--data", str(data)])
    with (data / "issuer.yaml").open("a") as settings:
        settings.write(f"oidc: {{issuer: '{issuer}', client_id: badgewright, client_secret_file: '{secret}'}}\n")
    running = provider(installed, port, f"{url}/sign-in/openid/callback", "userinfo")
    with running, serving(lambda: create_issuer(data), office_port):
        one = PersonsLogIn(tmp_path, issuer, url)
        yield one
        one.browser.close()


@contextmanager
def provider(installed: Path, port: int, redirect: str, where: str) -> Iterator[None]:
    """The provider, while the block runs; it ends with its standard input."""
    command = ["node", str(installed / "provider.mjs"), str(port), redirect, where]
    started = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert started.stdin is not None and started.stdout is not None
    try:
        assert "listening" in started.stdout.readline()
        yield
    finally:
        started.communicate(timeout=10)


def test_staff_log_in(log_in: LogIn) -> None:
    came_back = log_in.agreed(log_in.begun())
    answer = log_in.browser.get(came_back)
    assert answer.status_code == 303, answer.text
    assert "signed in as staff-2" in log_in.browser.get(f"{log_in.url}/staff").text


@pytest.mark.parametrize("address", ["nobody@example.org", "unverified@example.org"])
def test_whoever_is_not_on_the_list_is_not_let_in(log_in: LogIn, address: str) -> None:
    (log_in.folder / "staff.yaml").write_text(ROSTER.replace("lead@", "unverified@"))
    answer = log_in.browser.get(log_in.agreed(log_in.begun(), address=address))
    assert answer.status_code == 403
    assert not log_in.is_in()


def test_a_wrong_verifier_is_refused_by_the_provider(log_in: LogIn) -> None:
    came_back = log_in.agreed(log_in.begun())
    log_in.change_log_in("code_verifier", "A" * 43)
    answer = log_in.browser.get(came_back)
    assert answer.status_code == 400 and "refused this log-in (400)" in answer.text
    assert not log_in.is_in()


def test_a_wrong_nonce_is_refused(log_in: LogIn) -> None:
    came_back = log_in.agreed(log_in.begun())
    log_in.change_log_in("nonce", "A" * 43)
    answer = log_in.browser.get(came_back)
    assert answer.status_code == 400 and "another log-in" in answer.text
    assert not log_in.is_in()


def test_an_answer_is_taken_once(log_in: LogIn) -> None:
    began = log_in.begun()
    kept = dict(log_in.browser.cookies)
    came_back = log_in.agreed(began)
    assert log_in.browser.get(came_back).status_code == 303
    with httpx.Client(cookies=kept, timeout=20) as again:
        assert again.get(came_back).status_code == 400
        assert again.get(f"{log_in.url}/staff").status_code == 401


def test_a_code_is_taken_once(log_in: LogIn) -> None:
    """A code that was used, brought back for a new log-in of the same browser."""
    first = log_in.agreed(log_in.begun())
    assert log_in.browser.get(first).status_code == 303
    log_in.browser.cookies.delete("staff-session")
    second = log_in.agreed(log_in.begun())
    code = dict(part.split("=") for part in urlsplit(first).query.split("&"))["code"]
    replayed = re.sub(r"code=[^&]+", f"code={code}", second)
    assert log_in.browser.get(replayed).status_code == 400
    assert not log_in.is_in()


def test_an_answer_of_another_issuer_is_refused(log_in: LogIn) -> None:
    came_back = log_in.agreed(log_in.begun())
    assert "iss=" in came_back, "this provider names itself (RFC 9207)"
    assert log_in.browser.get(re.sub(r"iss=[^&]+", "iss=https%3A%2F%2Fevil.example", came_back)).status_code == 400
    assert not log_in.is_in()


def test_a_token_of_a_foreign_key_is_refused(log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = {"one": [jwk.from_jwk(Key("one").jwk)]}
    monkeypatch.setattr(openid, "read_keys", lambda _data: foreign)
    answer = log_in.browser.get(log_in.agreed(log_in.begun()))
    assert answer.status_code == 400 and "signature" in answer.text
    assert not log_in.is_in()


# People of a community


def test_a_person_logs_in_and_is_known_again(persons_log_in: PersonsLogIn) -> None:
    for _ in range(2):
        answer = persons_log_in.browser.get(persons_log_in.agreed(persons_log_in.begun()))
        assert answer.status_code == 303, answer.text
        assert persons_log_in.is_in()
        persons_log_in.browser.cookies.delete("session")
    with closing(sqlite3.connect(persons_log_in.folder / persons_log_in.database)) as connection:
        assert connection.execute("SELECT count(*) FROM persons").fetchone() == (1,)


@pytest.mark.parametrize("column", ["code_verifier", "nonce"])
def test_a_persons_log_in_with_a_wrong_verifier_or_nonce_is_refused(
    persons_log_in: PersonsLogIn, column: str
) -> None:
    came_back = persons_log_in.agreed(persons_log_in.begun())
    persons_log_in.change_log_in(column, "A" * 43)
    assert persons_log_in.browser.get(came_back).status_code == 400
    assert not persons_log_in.is_in()


def test_a_persons_code_is_taken_once(persons_log_in: PersonsLogIn) -> None:
    first = persons_log_in.agreed(persons_log_in.begun())
    assert persons_log_in.browser.get(first).status_code == 303
    assert persons_log_in.browser.get(first).status_code == 400
    persons_log_in.browser.cookies.delete("session")
    second = persons_log_in.agreed(persons_log_in.begun())
    code = dict(part.split("=") for part in urlsplit(first).query.split("&"))["code"]
    replayed = re.sub(r"code=[^&]+", f"code={code}", second)
    assert persons_log_in.browser.get(replayed).status_code == 400
    assert not persons_log_in.is_in()
