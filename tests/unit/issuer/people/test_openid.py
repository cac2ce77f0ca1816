"""Log-ins at an OpenID provider that can misbehave on purpose, over real HTTP; what is believed is tested with
`keys.openid` in the verifying office's tests, which share it.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from issuer.ground.login import provider as login_provider
from issuer.ground.login.service import TOKEN_BYTES
from tests.unit.issuer.people.community import URL, Browser, Clock, Community
from tests.unit.verifier.staff.provider_server import CLIENT, SECRET, Key, ProviderServer

CALLBACK = "/sign-in/openid/callback"
KEY = Key("one")


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    server = ProviderServer(Clock(), KEY, redirect=f"{URL}{CALLBACK}")
    yield server
    server.stop()


@pytest.fixture
def community(tmp_path: Path, server: ProviderServer) -> Iterator[Community]:
    (tmp_path / "oidc.secret").write_text(SECRET)
    oidc = {
        "issuer": server.issuer,
        "client_id": CLIENT,
        "client_secret_file": str(tmp_path / "oidc.secret"),
    }
    opened = Community(tmp_path, oidc=oidc)
    server.clock = opened.clock
    yield opened
    opened.engine.dispose()


def begun(browser: Browser, at: str = "/sign-in/openid") -> str:
    answer = browser.get(at)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def finished(browser: Browser, answer: dict[str, str]) -> httpx.Response:
    return browser.get(f"{CALLBACK}?{httpx.QueryParams(answer)}")


def test_a_log_in_makes_a_record_and_finds_it_again(community: Community, server: ProviderServer) -> None:
    for _ in range(2):
        browser = community.browser()
        assert finished(browser, server.log_in(begun(browser))).headers["location"] == "/me"
        assert "Your record" in browser.get("/me").text
    assert len([p for p in community.office.people.values() if not p.name]) == 1


def test_a_log_in_with_a_known_address_is_joined_to_nobody_by_a_guess(
    community: Community, server: ProviderServer
) -> None:
    server.mail = "ada@books.example"
    browser = community.browser()
    finished(browser, server.log_in(begun(browser)))
    page = browser.get("/me").text
    assert "Is this you, too?" in page and "Ada Long" not in page, "a suggestion, and nothing more"
    ada = community.person("ada@books.example").id
    assert browser.submit("/me/offers", other=ada, answer="join").status_code == 422
    assert "Both are mine" in community.prove_address(browser, "ada@books.example").text
    browser.done("/me/offers", other=ada, answer="join")
    assert "Ada Long" in browser.get("/me").text


def test_a_log_in_is_added_to_ones_own_record(community: Community, server: ProviderServer) -> None:
    browser = community.signed_in("ada@books.example")
    answer = finished(browser, server.log_in(begun(browser, "/me/openid")))
    assert answer.headers["location"] == "/me?done=account"
    other = community.browser()
    finished(other, server.log_in(begun(other)))
    assert "Ada Long" in other.get("/me").text


def test_a_log_in_that_somebody_else_began_adds_nothing(community: Community, server: ProviderServer) -> None:
    """Eve begins to add her log-in; the answer in Ada's browser is of no use, and Eve signed out neither."""
    eve = community.signed_in("eve@else.example")
    answer = server.log_in(begun(eve, "/me/openid"))
    ada = community.signed_in("ada@books.example")
    assert finished(ada, answer).status_code == 400
    eve.cookies.pop("__Host-session")
    assert finished(eve, answer).status_code == 400


def test_an_answer_is_taken_once(community: Community, server: ProviderServer) -> None:
    server.takes_codes_twice = True
    browser = community.browser()
    answer = server.log_in(begun(browser))
    kept = dict(browser.cookies)
    assert finished(browser, answer).status_code == 303
    browser.cookies = kept
    assert finished(browser, answer).status_code == 400


def test_a_code_that_was_used_is_refused_by_the_provider(community: Community, server: ProviderServer) -> None:
    browser = community.browser()
    answer = server.log_in(begun(browser))
    server.codes.clear()
    assert finished(browser, answer).status_code == 400


def test_a_wrong_code_verifier_is_refused_by_the_provider(community: Community, server: ProviderServer) -> None:
    browser = community.browser()
    answer = server.log_in(begun(browser))
    server.codes[answer["code"]]["code_challenge"] = secrets.token_urlsafe(TOKEN_BYTES)
    assert finished(browser, answer).status_code == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": None},
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"iat": 1},
        {"sub": None},
    ],
    ids=str,
)
def test_a_token_that_says_something_else_is_not_believed(
    community: Community, server: ProviderServer, claims: dict[str, object]
) -> None:
    server.claims = claims
    browser = community.browser()
    assert finished(browser, server.log_in(begun(browser))).status_code == 400
    assert "__Host-session" not in browser.cookies


def test_another_browser_cannot_bring_the_answer(community: Community, server: ProviderServer) -> None:
    answer = server.log_in(begun(community.browser()))
    other = community.browser()
    other.get("/sign-in")
    assert finished(other, answer).status_code == 400


def test_an_answer_of_another_provider_or_said_twice_is_refused(
    community: Community, server: ProviderServer
) -> None:
    browser = community.browser()
    answer = server.log_in(begun(browser))
    assert browser.get(f"{CALLBACK}?{httpx.QueryParams(answer)}&code=x").status_code == 400
    server.answer = {"iss": "https://evil.example"}
    assert finished(browser, server.log_in(begun(browser))).status_code == 400


def test_a_provider_that_is_away_or_sends_us_elsewhere_is_one_sentence(
    community: Community, server: ProviderServer
) -> None:
    server.discovery = {"authorization_endpoint": "http://evil.example/authorize"}
    answer = community.browser().get("/sign-in/openid")
    assert answer.status_code == 400 and "https" in answer.text


def test_answers_of_the_provider_are_bounded() -> None:
    assert login_provider.MAX_ANSWER_BYTES <= 1 << 20 and login_provider.ASK_SECONDS <= 10
