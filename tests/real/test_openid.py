"""Staff log in at an OpenID provider that others wrote (oidc-provider), over HTTP on this machine.

Needs node and npm; the packages are pinned by hash in `openid/package-lock.json`, and no script of theirs runs.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from keys import jwk, openid
from tests.demo.offices import free_ports, serving
from tests.unit.verifier.simulator import DocumentsInMemory, IssuerSimulator
from tests.unit.verifier.staff.office import ROSTER
from tests.unit.verifier.staff.provider_server import Key
from verifier.app import create_app
from verifier.ground.database import open_database, writing
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

    def __init__(self, folder: Path, issuer: str, url: str) -> None:
        self.folder, self.issuer, self.url = folder, issuer, url
        self.browser = httpx.Client(timeout=20)

    def begun(self) -> str:
        """The address at the provider to which the office sends a browser."""
        answer = self.browser.get(f"{self.url}/staff/openid")
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
        return self.browser.get(f"{self.url}/staff", headers={"Accept": "text/html"}).status_code == 200

    def change_log_in(self, column: str, value: str) -> None:
        """Change what the office keeps of the log-in that is under way."""
        engine = open_database(self.folder / "verifier.sqlite")
        with writing(engine) as connection:
            connection.execute(text(f"UPDATE staff_challenges SET {column} = :value"), {"value": value})
        engine.dispose()


@pytest.fixture(params=["id_token", "userinfo"])
def log_in(request: pytest.FixtureRequest, installed: Path, tmp_path: Path) -> Iterator[LogIn]:
    port, office_port = free_ports()
    issuer, url = f"http://localhost:{port}", f"http://localhost:{office_port}"
    command = ["node", str(installed / "provider.mjs"), str(port), f"{url}/staff/openid/callback", request.param]
    provider = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert provider.stdin is not None and provider.stdout is not None
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
        assert "listening" in provider.stdout.readline()
        with serving(lambda: app, office_port):
            one = LogIn(tmp_path, issuer, url)
            yield one
            one.browser.close()
    finally:
        provider.communicate(timeout=10)
        app.state.registration.engine.dispose()


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
