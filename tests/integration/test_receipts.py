"""Receipts of verdicts over HTTP: kept for who asks for one, and for nobody else."""

import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests.integration.test_verifier_pages import ISSUER, Site, site  # noqa: F401 - a fixture
from verifier.ground.database import metadata, reading
from verifier.receipts import service

TOKEN = ISSUER.token()


def given(at: Site, body: str = TOKEN) -> dict[str, object]:
    answer = at.client.post("/verify/receipts", content=body)
    assert answer.status_code == 201
    return dict(answer.json())


def test_a_receipt_says_what_was_found_and_is_read_again(site: Site) -> None:  # noqa: F811
    answer = site.client.post("/verify/receipts", content=TOKEN)
    receipt = answer.json()

    assert answer.status_code == 201
    assert (receipt["verdict"], receipt["issuer"]) == ("valid", ISSUER.did)
    assert receipt["trusted_by"] == ["Open communities"]
    assert receipt["sha256"] == hashlib.sha256(TOKEN.encode()).hexdigest()
    assert {"id": "signature", "state": "pass"} in receipt["checks"]
    again = site.client.get(answer.headers["location"])
    assert (again.status_code, again.json()) == (200, receipt)
    assert again.headers["access-control-allow-origin"] == "*"
    assert again.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("number", ["0" * 32, "0" * 5_000, "%00", "a%0Ab", "%F0%9F%98%80", "%FF"])
def test_a_number_that_none_has_is_not_found(site: Site, number: str) -> None:  # noqa: F811
    given(site)
    answer = site.client.get(f"/verify/receipts/{number}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_receipt_holds_neither_the_badge_nor_its_holder(site: Site) -> None:  # noqa: F811
    document = ISSUER.document(name="Ana Example")
    text = json.dumps(given(site, ISSUER.token(document)))
    for told in ("Ana Example", str(document["id"]), ISSUER.token(document)[:40]):
        assert told not in text


def test_a_receipt_stays_as_it_was_when_the_badge_is_withdrawn(site: Site) -> None:  # noqa: F811
    receipt = given(site)
    site.clock.now += timedelta(days=80)
    assert site.client.get(f"/verify/receipts/{receipt['receipt']}").json() == receipt


def test_a_receipt_is_kept_for_ninety_days_and_then_gone(site: Site) -> None:  # noqa: F811
    receipt = given(site)
    assert str(receipt["kept_until"])[:10] == f"{site.clock.now + timedelta(days=90):%Y-%m-%d}"
    site.clock.now += timedelta(days=90)
    gone = site.client.get(f"/verify/receipts/{receipt['receipt']}")
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/problem+json")
    given(site)
    assert rows(site)["receipts"] == 1  # the old one was deleted


def test_a_badge_that_is_not_valid_has_its_receipt_too_and_what_is_none_has_not(site: Site) -> None:  # noqa: F811
    assert given(site, TOKEN[:-6] + "AAAAAA")["verdict"] == "not_valid"
    assert site.client.post("/verify/receipts", content="hello").status_code == 400
    assert rows(site)["receipts"] == 1


def test_a_number_that_was_not_given_is_not_found(site: Site) -> None:  # noqa: F811
    answer = site.client.get(f"/verify/receipts/{'0' * 32}")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not found")


def test_an_office_that_keeps_enough_gives_no_more(
    site: Site,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "MOST_KEPT", 1)
    given(site)
    assert site.client.post("/verify/receipts", content=TOKEN).status_code == 503
    site.clock.now += timedelta(days=91)
    given(site)


@pytest.mark.parametrize("path", ["/verify", "/api/v1/verify", "/verify/case", "/verify/batch"])
def test_nothing_is_stored_where_nobody_asked_for_a_receipt(site: Site, path: str) -> None:  # noqa: F811
    before = rows(site)
    body = json.dumps({"id": "1", "badge": TOKEN}) if path == "/verify/batch" else TOKEN
    assert site.client.post(path, content=body).status_code == 200
    assert site.client.post(path, content=body, headers={"Accept": "text/html"}).status_code == 200
    assert rows(site) == before


def rows(at: Site) -> dict[str, int]:
    with reading(at.app.state.registration.engine) as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
