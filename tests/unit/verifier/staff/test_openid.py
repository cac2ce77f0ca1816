"""Logging in at an OpenID provider over real HTTP: what is believed, and every way in which it is not."""

import base64
import hmac
import html
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text

from keys import openid
from keys.errors import OpenIdError
from tests.unit.verifier.staff.office import HTML, ROSTER, Browser, StaffOffice
from tests.unit.verifier.staff.provider_server import CLIENT, SECRET, Claims, Key, ProviderServer
from verifier.ground import audit
from verifier.ground.database import reading
from verifier.ground.settings import OpenIdAccess
from verifier.staff.provider import ASKED_AGAIN, CHALLENGE_LASTS

CALLBACK = "/staff/openid/callback"
BY_SUBJECT = ROSTER.replace("mail: lead@example.org", "mail: lead@example.org, subject: '248289761001'")


class OpenIdOffice(StaffOffice):
    """An office whose staff log in at `provider`."""

    def __init__(self, folder: Path, provider: ProviderServer) -> None:
        (folder / "oidc.secret").write_text(SECRET + "\n")
        access = OpenIdAccess(provider.issuer, CLIENT, folder / "oidc.secret")
        super().__init__(folder, oidc=access, exempt_hosts=frozenset({provider.host}))
        self.provider = provider

    def begun(self, browser: Browser) -> str:
        """Where a browser is sent to log in."""
        answer = browser.get("/staff/openid")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def brought_back(self, browser: Browser, answer: dict[str, str]) -> httpx.Response:
        return browser.get(f"{CALLBACK}?{urlencode(answer)}")

    def logged_in(self, browser: Browser) -> httpx.Response:
        """The whole way, with a person who agrees at the provider."""
        return self.brought_back(browser, self.provider.log_in(self.begun(browser)))


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    return {name: Key(name) for name in ("one", "two")}


@pytest.fixture
def office(tmp_path: Path, keys: dict[str, Key]) -> Iterator[OpenIdOffice]:
    provider = ProviderServer(lambda: made.clock(), keys["one"])
    made = OpenIdOffice(tmp_path, provider)
    yield made
    made.close()
    provider.stop()


def is_in(browser: Browser) -> bool:
    return browser.get("/staff").status_code == 200


def refused(office: OpenIdOffice, why: str, browser: Browser | None = None) -> None:
    """The whole way, and at its end nobody is in."""
    browser = browser or office.browser()
    answer = office.logged_in(browser)
    assert answer.status_code == 400 and why in html.unescape(answer.text), answer.text
    assert not is_in(browser)


def test_somebody_known_by_a_verified_address_is_in(office: OpenIdOffice) -> None:
    browser = office.browser()
    assert f"Sign in with {office.provider.host}" in browser.get("/staff/sign-in").text
    assert office.logged_in(browser).headers["location"] == "/staff"
    assert "signed in as staff-2" in browser.get("/staff").text
    assert audit.entries(office.registration.engine)[-1].reason == "by openid"


def test_somebody_known_by_subject_is_in_whatever_their_address(office: OpenIdOffice) -> None:
    office.settings.staff.write_text(BY_SUBJECT)
    office.provider.claims = {"email": None, "email_verified": None}
    browser = office.browser()
    office.logged_in(browser)
    assert "signed in as staff-2" in browser.get("/staff").text


def test_the_secret_travels_in_the_form_where_the_provider_wants_it_there(office: OpenIdOffice) -> None:
    office.provider.secret_in_header = False
    browser = office.browser()
    office.logged_in(browser)
    assert is_in(browser)


def test_neither_state_nor_verifier_is_of_use_to_who_reads_the_answer_s_address(office: OpenIdOffice) -> None:
    url = office.begun(office.browser())
    state = parse_qs(urlsplit(url).query)["state"][0]
    with reading(office.registration.engine) as connection:
        assert state not in str(connection.execute(text("SELECT * FROM staff_challenges")).all())


# Who it is


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "nobody@example.org"},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email": ["lead@example.org"]},
        {"email": "lead@example.org\n"},
    ],
)
def test_an_address_that_is_not_verified_or_not_listed_is_nobody_s(office: OpenIdOffice, claims: Claims) -> None:
    office.provider.claims = claims
    office.provider.userinfo = {"sub": office.provider.subject}
    browser = office.browser()
    assert office.logged_in(browser).status_code == 403
    assert not is_in(browser)


def test_an_address_is_asked_for_where_the_token_has_none(office: OpenIdOffice) -> None:
    office.provider.claims = {"email": None, "email_verified": None}
    office.provider.userinfo = {
        "sub": office.provider.subject,
        "email": "lead@example.org",
        "email_verified": True,
    }
    browser = office.browser()
    office.logged_in(browser)
    assert is_in(browser)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"sub": "another", "email": "lead@example.org", "email_verified": True}, 400),
        ({"email": "lead@example.org", "email_verified": True}, 400),
        ({"sub": "248289761001", "email": "lead@example.org"}, 403),
        ({"sub": "248289761001"}, 403),
        (None, 400),
    ],
)
def test_an_address_of_somebody_else_or_not_verified_lets_nobody_in(
    office: OpenIdOffice, said: Claims | None, status: int
) -> None:
    office.provider.claims = {"email": None, "email_verified": None}
    office.provider.userinfo = said
    browser = office.browser()
    assert office.logged_in(browser).status_code == status
    assert not is_in(browser)


def test_a_listed_subject_is_not_replaced_by_an_address(office: OpenIdOffice) -> None:
    """An address can be given to somebody else; a subject cannot."""
    office.provider.userinfo = {"sub": "another"}
    office.settings.staff.write_text(BY_SUBJECT)
    office.provider.subject = "another"
    assert office.logged_in(office.browser()).status_code == 403


# What came back


@pytest.mark.parametrize("change", [{"state": ""}, {"state": "A" * 43}])
def test_an_answer_to_no_log_in_is_refused(office: OpenIdOffice, change: dict[str, str]) -> None:
    browser = office.browser()
    answer = office.provider.log_in(office.begun(browser)) | change
    assert office.brought_back(browser, answer).status_code == 400
    assert not is_in(browser)


def test_an_answer_in_another_browser_is_refused(office: OpenIdOffice) -> None:
    """Somebody else's answer, sent to a member of staff, would sign them in as somebody else."""
    mine, theirs = office.browser(), office.browser()
    office.begun(theirs)
    answer = office.provider.log_in(office.begun(mine))
    assert office.brought_back(theirs, answer).status_code == 400
    assert office.brought_back(office.browser(), answer).status_code == 400
    assert not is_in(theirs)


def test_an_answer_is_taken_once_even_by_a_provider_that_takes_a_code_twice(office: OpenIdOffice) -> None:
    office.provider.takes_codes_twice = True
    browser = office.browser()
    url = office.begun(browser)
    kept = dict(browser.cookies)
    answer = office.provider.log_in(url)
    assert office.brought_back(browser, answer).status_code == 303
    again = Browser(browser.client, cookies=kept)
    assert office.brought_back(again, answer).status_code == 400
    assert not is_in(again)


def test_a_code_of_an_earlier_log_in_is_refused_by_the_provider(office: OpenIdOffice) -> None:
    """Its challenge (PKCE) belongs to another verifier."""
    browser = office.browser()
    stolen = office.provider.log_in(office.begun(office.browser()))
    answer = office.provider.log_in(office.begun(browser)) | {"code": stolen["code"]}
    refused = office.brought_back(browser, answer)
    assert refused.status_code == 400 and "refused this log-in" in refused.text


def test_a_log_in_that_took_too_long_is_refused(office: OpenIdOffice) -> None:
    browser = office.browser()
    answer = office.provider.log_in(office.begun(browser))
    office.clock.now += CHALLENGE_LASTS
    assert office.brought_back(browser, answer).status_code == 400


@pytest.mark.parametrize("answer", [{"iss": "https://evil.example"}, {"iss": ""}])
def test_an_answer_of_another_provider_is_refused(office: OpenIdOffice, answer: dict[str, str]) -> None:
    office.provider.answer = answer
    refused(office, "not from the OpenID provider")


def test_an_answer_that_does_not_name_its_provider_is_refused_where_it_always_does(office: OpenIdOffice) -> None:
    browser = office.browser()
    answer = office.provider.log_in(office.begun(browser))
    del answer["iss"]
    assert office.brought_back(browser, answer).status_code == 400


def test_a_provider_that_never_names_itself_is_taken(office: OpenIdOffice) -> None:
    office.provider.discovery = {"authorization_response_iss_parameter_supported": False}
    browser = office.browser()
    answer = office.provider.log_in(office.begun(browser))
    del answer["iss"]
    assert office.brought_back(browser, answer).status_code == 303


def test_somebody_who_says_no_at_the_provider_is_told_what_to_do(office: OpenIdOffice) -> None:
    office.provider.answer = {"error": "access_denied"}
    refused(office, "Try again, or ask for a link by mail")


def test_an_answer_that_says_something_twice_is_refused(office: OpenIdOffice) -> None:
    browser = office.browser()
    answer = urlencode(office.provider.log_in(office.begun(browser)))
    assert browser.get(f"{CALLBACK}?{answer}&code=another").status_code == 400


# The ID token


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"iss": None}, "another issuer"),
        ({"aud": "somebody-else"}, "somebody else"),
        ({"aud": None}, "somebody else"),
        ({"aud": []}, "somebody else"),
        ({"aud": [CLIENT, "somebody-else"]}, "somebody else"),
        ({"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"}, "somebody else"),
        ({"azp": "somebody-else"}, "somebody else"),
        ({"nonce": "another"}, "another log-in"),
        ({"nonce": None}, "another log-in"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "when it ends"),
        ({"exp": "soon"}, "when it ends"),
        ({"iat": None}, "when it ends"),
        ({"iat": 1}, "clock"),
        ({"iat": 4_000_000_000}, "clock"),
        ({"nbf": 4_000_000_000}, "not to be used yet"),
        ({"sub": None}, "names nobody"),
        ({"sub": ""}, "names nobody"),
        ({"sub": 7}, "names nobody"),
    ],
)
def test_a_token_that_is_not_for_us_now_is_not_believed(office: OpenIdOffice, claims: Claims, why: str) -> None:
    office.provider.claims = claims
    sign = office.provider.sign
    if claims.get("sub") == 7 or claims.get("iss", "") is None:
        office.provider.sign = lambda said, key: by_hand(said, key)
    refused(office, why)
    office.provider.sign = sign


def test_several_audiences_are_taken_where_the_token_was_made_for_us(office: OpenIdOffice) -> None:
    office.provider.claims = {"aud": [CLIENT, "somebody-else"], "azp": CLIENT}
    browser = office.browser()
    office.logged_in(browser)
    assert is_in(browser)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(said: Claims, key: Key, **header: Any) -> str:
    """A token with any claims and header, signed well by the provider's key."""
    parts = [{"alg": "RS256", "kid": key.kid, **header}, said]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    return f"{signed}.{encoded(algorithm.sign(signed.encode(), key.private))}"


def by_hmac(said: Claims, key: Key, *, secret: str) -> str:
    """A token whose secret is something that is not secret."""
    parts = [{"alg": "HS256", "kid": key.kid}, said]
    signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{encoded(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


def test_a_token_of_a_foreign_key_is_not_believed(office: OpenIdOffice, keys: dict[str, Key]) -> None:
    office.provider.sign = lambda said, key: jwt.encode(said, keys["two"].private, "RS256", {"kid": key.kid})
    refused(office, "signature does not fit")


def test_a_key_that_comes_in_the_header_is_never_used(office: OpenIdOffice, keys: dict[str, Key]) -> None:
    header = {"kid": "one", "jwk": keys["two"].jwk}
    office.provider.sign = lambda said, key: jwt.encode(said, keys["two"].private, "RS256", header)
    refused(office, "signature does not fit")


def test_a_token_without_a_signature_is_not_believed(office: OpenIdOffice) -> None:
    office.provider.sign = lambda said, key: jwt.encode(said, "", "none", {"kid": key.kid})
    refused(office, "alg 'none'")


def test_the_public_key_and_the_client_s_secret_are_no_hmac_secrets(office: OpenIdOffice) -> None:
    for secret in (SECRET, json.dumps(office.provider.key.jwk)):
        office.provider.sign = partial(by_hmac, secret=secret)
        refused(office, "alg 'HS256'")


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
        {"crit": ["x"]},
        {"jku": "https://evil.example"},
        {"x5u": "https://evil.example"},
    ],
)
def test_another_kind_of_token_is_no_id_token(office: OpenIdOffice, header: Claims) -> None:
    office.provider.sign = lambda said, key: by_hand(said, key, **header)
    refused(office, "ID token")


def test_the_thumbprint_of_a_certificate_beside_the_kid_is_passed_over(office: OpenIdOffice) -> None:
    office.provider.sign = lambda said, key: by_hand(said, key, x5t="AAAA", typ="JWT")
    browser = office.browser()
    office.logged_in(browser)
    assert is_in(browser)


def test_a_provider_with_keys_on_a_curve_is_taken(office: OpenIdOffice) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    office.provider.keys = [{**public, "kid": "curve"}]
    office.provider.sign = lambda said, key: jwt.encode(said, private, "ES256", {"kid": "curve"})
    browser = office.browser()
    office.logged_in(browser)
    assert is_in(browser)


@pytest.mark.parametrize("change", [{"use": "enc"}, {"kid": "another"}, {"alg": "RS512"}, {"d": "AAAA"}])
def test_a_key_that_is_not_listed_for_signatures_signs_nothing(office: OpenIdOffice, change: Claims) -> None:
    office.provider.keys = [office.provider.key.jwk | change]
    refused(office, "not the provider")


# Keys that change


def test_a_new_key_is_looked_for_once_and_not_each_time(office: OpenIdOffice, keys: dict[str, Key]) -> None:
    office.logged_in(office.browser())
    office.provider.key = keys["two"]
    assert office.provider.asked.count("/keys") == 1
    refused(office, "not the provider")  # it was asked a moment ago
    assert office.provider.asked.count("/keys") == 1
    office.clock.now += ASKED_AGAIN
    browser = office.browser()
    office.logged_in(browser)
    assert is_in(browser)
    assert office.provider.asked.count("/keys") == 2


# What the provider says of itself


@pytest.mark.parametrize(
    ("discovery", "why"),
    [
        ({"issuer": "https://evil.example"}, "calls itself"),
        ({"authorization_endpoint": "http://evil.example/"}, "no https address"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "no address"),
        ({"jwks_uri": None}, "no address"),
        ({"jwks_uri": "https://10.0.0.1/keys"}, "could not be asked"),
        ({"jwks_uri": "http://localhost:1/keys"}, "could not be asked"),
        ({"token_endpoint": 7}, "no address"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "client_secret_basic"),
    ],
)
def test_a_provider_that_says_something_else_of_itself_is_not_used(
    office: OpenIdOffice, discovery: Claims, why: str
) -> None:
    office.provider.discovery = discovery
    answer = office.browser().get("/staff/openid")
    assert answer.status_code == 400 and why in answer.text, answer.text


def test_the_secret_is_sent_to_no_address_inside_our_network(office: OpenIdOffice) -> None:
    office.provider.discovery = {"token_endpoint": "https://169.254.169.254/latest"}
    refused(office, "inside some network")


def test_a_provider_that_is_down_is_a_sentence(office: OpenIdOffice) -> None:
    office.provider.stop()
    answer = office.browser().get("/staff/openid")
    assert answer.status_code == 400 and "could not be asked" in answer.text


def test_a_secret_that_is_gone_or_wrong_lets_nobody_in(office: OpenIdOffice) -> None:
    (office.folder / "oidc.secret").write_text("another")
    refused(office, "refused this log-in (401)")
    (office.folder / "oidc.secret").unlink()
    refused(office, "secret")


def test_one_client_begins_a_few_log_ins_and_then_waits(office: OpenIdOffice) -> None:
    browser = office.browser(address="198.51.100.7")
    answers = [browser.get("/staff/openid").status_code for _ in range(12)]
    assert answers == [303] * 10 + [429] * 2


def test_without_a_provider_there_is_no_way_in_by_one(tmp_path: Path) -> None:
    office = StaffOffice(tmp_path)
    for path in ("/staff/openid", f"{CALLBACK}?code=x&state=y"):
        assert office.browser().client.get(path, headers=HTML).status_code == 400
    office.close()


def test_discovery_that_is_no_json_is_a_sentence() -> None:
    for data in (b"", b"[]", b"<html>", b'{"issuer": "a", "issuer": "b"}'):
        with pytest.raises(OpenIdError):
            openid.read_discovery(data, expected_issuer="https://login.example.org")


def test_the_settings_do_not_show_the_secret(office: OpenIdOffice) -> None:
    assert office.settings.oidc is not None
    assert SECRET not in repr(replace(office.settings, data=office.folder))
    assert office.settings.oidc.client_secret() == SECRET
