"""Whoever looks after the offices: are they there, are they ready, how do they stand; and what fires an alarm."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fastapi import FastAPI

from issuer.app import create_app as issuer_app
from issuer.ground.database import DatabaseError
from tests.unit.issuer.office import Office, open_office
from tests.unit.verifier.client import AppClient
from verifier.app import create_app as verifier_app
from verifier.ground.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "docs" / "deploy"
HERE, ELSEWHERE = "127.0.0.1", "203.0.113.7"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    from keys import custody

    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)
    made = open_office(tmp_path)
    yield made
    made.engine.dispose()


@pytest.fixture(params=["issuer", "verifier"])
def app(request: pytest.FixtureRequest, office: Office, tmp_path: Path) -> FastAPI:
    if request.param == "issuer":
        return issuer_app(office.settings.data)
    (tmp_path / "verifier").mkdir()
    made = verifier_app(Settings(data=tmp_path / "verifier"))
    assert made.state.registration.engine  # with a database
    return made


def numbers(text: str) -> dict[str, float]:
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"
    }


def test_the_process_answers_and_is_ready(app: FastAPI) -> None:
    client = AppClient(app, address=ELSEWHERE)
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200 and ready.json()["needs"]["database"] == "ok"


def test_without_its_database_or_keys_an_office_is_there_and_not_ready(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = issuer_app(office.settings.data)

    def away(*_: object) -> None:
        raise DatabaseError("db.example.org is away")

    monkeypatch.setattr("issuer.ground.news.newest", away)
    client = AppClient(app, address=HERE)
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "not ready",
        "needs": {"database": "missing", "journal": "ok", "keys": "ok"},
    }
    assert "example.org" not in answer.text


def test_numbers_are_for_this_machine_or_for_who_has_the_token(app: FastAPI, tmp_path: Path) -> None:
    client = AppClient(app, address=ELSEWHERE)
    assert client.get("/metrics").status_code == 403
    client = AppClient(app, address=HERE)
    assert client.get("/metrics").status_code == 200
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):  # a proxy on this machine
        assert client.get("/metrics", headers={header: "203.0.113.7"}).status_code == 403
    for data in (tmp_path / "issuer", tmp_path / "verifier"):
        data.mkdir(exist_ok=True)
        (data / "metrics.token").write_text("a long token\n")
    client = AppClient(app, address=ELSEWHERE)
    assert client.get("/metrics", headers={"Authorization": "Bearer a long token"}).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 403
    assert client.get("/metrics").status_code == 403


def test_labels_are_bounded_and_no_number_names_anybody(app: FastAPI) -> None:
    client = AppClient(app, address=HERE)
    before = len(client.get("/metrics").text.splitlines())
    for number in range(50):
        client.get(f"/h/secret-link-{number}")
        client.get(f"/desk/secret-link-{number}")
        client.get(f"/nothing/{number}", headers={"User-Agent": f"Ada {number}"})
        client.request(f"VERB{number}", "/healthz")
    text = client.get("/metrics").text
    assert "secret-link" not in text and "Ada" not in text and "VERB" not in text and "nothing" not in text
    assert len(text.splitlines()) < before + 60


def test_the_issuer_counts_what_waits_and_what_was_issued(office: Office) -> None:
    from issuer.badges import awarding, issuance
    from issuer.recognition import service as recognition
    from tests.unit.issuer.office import NOW

    office.add_changes("ada", count=4)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
    client = AppClient(issuer_app(office.settings.data), address=HERE)
    assert numbers(client.get("/metrics").text)["badgewright_awards_waiting"] == 1
    issuance.issue(office.bureau, now=NOW)
    found = numbers(client.get("/metrics").text)
    assert found['badgewright_badges{state="in force"}'] == 1
    assert found["badgewright_awards_waiting"] == found["badgewright_unsigned"] == 0
    assert found['badgewright_last_done_seconds{what="backup"}'] == 0
    assert found["badgewright_numbers_read"] == 1
    assert found['badgewright_http_requests_total{method="GET",route="/metrics",status="200"}'] == 1


def test_a_request_is_counted_at_its_route_whatever_its_version_and_also_for_the_head_alone(
    tmp_path: Path,
) -> None:
    client = AppClient(verifier_app(Settings(data=tmp_path)), address=HERE)
    client.post("/api/v1/verify/case", content="no badge")
    client.post("/verify/case", content="no badge")
    client.request("HEAD", "/verify")
    found = numbers(client.get("/metrics").text)
    assert found['badgewright_http_requests_total{method="POST",route="/verify/case",status="400"}'] == 2
    assert found['badgewright_http_requests_total{method="HEAD",route="/verify",status="200"}'] == 1


def test_each_alarm_is_about_a_number_that_an_office_gives(office: Office, tmp_path: Path) -> None:
    verifier = verifier_app(Settings(data=tmp_path))
    assert verifier.state.registration.engine
    given = set()
    for app in (issuer_app(office.settings.data), verifier):
        client = AppClient(app, address=HERE)
        client.get("/healthz")
        given |= {re.split(r"[{ ]", name)[0] for name in numbers(client.get("/metrics").text)}
    rules = [
        rule for group in yaml.safe_load((DEPLOY / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
    ]
    for rule in rules:
        asked = set(re.findall(r"badgewright_\w+", rule["expr"]))
        assert asked <= given, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "action"} and rule["labels"]["severity"] in {
            "page",
            "ticket",
        }


def tool(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=Path(sys.prefix) / "debian" / "usr" / "bin")
    if found is None:
        pytest.skip(f"no {name} on this machine (Debian: {package}; './run real' fetches it)")
    return found


@pytest.mark.fetched
@pytest.mark.parametrize("command", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts.test.yaml")])
def test_promtool_accepts_the_alarms_and_they_fire_when_they_should(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [tool("promtool", "prometheus"), *command], cwd=DEPLOY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.fetched
def test_promtool_accepts_the_numbers(app: FastAPI) -> None:
    client = AppClient(app, address=HERE)
    text = client.get("/metrics").text
    command = [tool("promtool", "prometheus"), "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert "error" not in done.stderr.lower(), done.stderr


@pytest.mark.parametrize("unit", sorted(path.name for path in DEPLOY.glob("badge-*")))
def test_systemd_accepts_each_unit(unit: str, tmp_path: Path) -> None:
    analyze = tool("systemd-analyze", "systemd")
    for file in DEPLOY.glob("badge-*"):  # programs that are on every machine stand for ours
        text = re.sub(r"/opt/badgewright/bin/[\w-]+", "/bin/true", file.read_text())
        (tmp_path / file.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(tmp_path / unit)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "badge-" in line]
    assert done.returncode == 0 and ours == [], done.stderr


@pytest.mark.parametrize("unit", ["badge-issuer.service", "badge-verifier.service"])
def test_each_server_has_no_rights_that_it_does_not_need(unit: str) -> None:
    analyze = tool("systemd-analyze", "systemd")
    command = [analyze, "security", "--offline=yes", "--no-pager", "--threshold=30", str(DEPLOY / unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


def test_the_container_is_built_of_the_lock_as_somebody_without_rights() -> None:
    """What it says is read here; `tests/real/test_container.py` builds it and runs it."""
    lines = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "CMD"}
    assert {word for word, _ in steps} == known
    assert all("/" not in rest.split()[0] for word, rest in steps if word == "FROM")  # no registry's name
    installs = [rest for word, rest in steps if word == "RUN" and "pip install" in rest]
    assert "--require-hashes -r requirements.lock" in installs[0] and "--no-deps" in installs[1]
    last = max(number for number, (word, _) in enumerate(steps) if word == "USER")
    assert steps[last][1] == "10001:10001" and all(word != "RUN" for word, _ in steps[last:])
    for word, rest in steps:
        if word == "COPY" and not rest.startswith("--from"):
            assert all((ROOT / name).exists() for name in rest.split()[:-1]), rest
