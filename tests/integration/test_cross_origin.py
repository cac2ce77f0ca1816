"""Pages of other sites may verify: they are told so beforehand, and read each answer, refusals too."""

from pathlib import Path

import pytest

from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.simulator import DocumentsInMemory, IssuerSimulator
from verifier.app import create_app
from verifier.ground.settings import RateLimit, Settings

ISSUER = IssuerSimulator()
ELSEWHERE = {"Origin": "https://employer.example"}
OPEN = (
    *("/verify", "/verify/batch", "/verify/case", "/verify/receipts", "/verify/receipts/1"),
    *("/credentials/verify", "/presentations/verify", "/.well-known/did.json", "/openapi.json"),
    *("/wallet/requests/x", "/wallet/answers/x", "/api/v1/verify", "/api/v1/verify/batch"),
)
CLOSED = ("/staff", "/staff/sign-in", "/events/summit-2027", "/desk/x", "/healthz", "/metrics")


def office(folder: Path, *, limit: RateLimit | None = None) -> AppClient:
    (folder / "events").mkdir(exist_ok=True)
    (folder / "events" / "summit-2027.yaml").write_bytes(document())
    settings = Settings(folder, public_url="https://verify.example")
    settings = settings if limit is None else Settings(folder, rate_limit=limit)
    app = create_app(settings, source=DocumentsInMemory.of([ISSUER]))
    return AppClient(app, address="192.0.2.7" if limit else "127.0.0.1")


@pytest.fixture
def client(tmp_path: Path) -> AppClient:
    return office(tmp_path)


@pytest.mark.parametrize("path", OPEN)
def test_a_browser_that_asks_first_hears_that_it_may(client: AppClient, path: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = client.options(path, headers=ELSEWHERE | asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Content-Type" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", CLOSED)
def test_what_is_for_people_here_is_for_no_other_site(client: AppClient, path: str) -> None:
    for answer in (client.options(path, headers=ELSEWHERE), client.get(path, headers=ELSEWHERE)):
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/verify", ISSUER.token(), 200),
        ("/verify", "no badge", 400),
        ("/verify", "a" * (11 << 20), 413),
        ("/verify/batch", ISSUER.token(), 200),
        ("/verify/case", "no badge", 400),
        ("/verify/receipts", ISSUER.token(), 201),
        ("/verify/receipts", "no badge", 400),
        ("/credentials/verify", "{}", 400),
        ("/wallet/answers/x", "vp_token=x", 404),
    ],
)
def test_every_answer_is_read_there_and_a_refusal_too(
    client: AppClient, path: str, body: str, status: int
) -> None:
    answer = client.post(path, content=body, headers=ELSEWHERE | {"Content-Type": "text/plain"})
    assert answer.status_code == status, answer.text
    assert answer.headers["access-control-allow-origin"] == "*"


def test_whoever_asks_too_often_reads_when_to_come_again(tmp_path: Path) -> None:
    client = office(tmp_path, limit=RateLimit(per_minute=1, burst=1))
    assert client.post("/verify", content=ISSUER.token(), headers=ELSEWHERE).status_code == 200
    refused = client.post("/verify", content=ISSUER.token(), headers=ELSEWHERE)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (429, "*")
    assert "Retry-After" in refused.headers["access-control-expose-headers"]


@pytest.mark.parametrize("path", ["/verify", "/openapi.json", "/.well-known/did.json", "/static/style.css", "/no"])
def test_a_request_for_the_head_alone_is_answered_as_for_the_whole(client: AppClient, path: str) -> None:
    whole, head = client.get(path), client.request("HEAD", path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert dict(head.headers) == dict(whole.headers)


def test_our_own_files_are_sent_no_second_time(client: AppClient) -> None:
    first = client.get("/static/style.css")
    assert first.headers["cache-control"] == "public, max-age=3600"
    again = client.get("/static/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
