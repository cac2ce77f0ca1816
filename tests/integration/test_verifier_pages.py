"""The whole office over HTTP, in process: the API, the pages, the desk, and how each of them refuses."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas import badge_qr
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.registration.policies import document
from tests.unit.verifier.registration.test_outbox import SHOP
from tests.unit.verifier.simulator import (
    HOLDER_CODE,
    Clock,
    DocumentsInMemory,
    IssuerSimulator,
    references,
)
from tests.unit.verifier.verification.pictures import encoded, of_code, photographed
from verifier.app import create_app
from verifier.desk.service import Desk
from verifier.ground.settings import RateLimit, Settings
from verifier.registration.service import Registration
from verifier.verification.service import Verification

ISSUER = IssuerSimulator()
HTML = {"Accept": "text/html,application/xhtml+xml"}
EVENT = "/events/summit-2027"


class Site:
    """A running office with one event, and a desk."""

    def __init__(self, folder: Path, *, database: Mapping[str, str] | None = None, **changes: Any) -> None:
        self.clock = Clock()
        self.documents = DocumentsInMemory.of([ISSUER])
        settings = Settings(
            folder,
            trusted_issuers={"Open communities": (ISSUER.did,)},
            database_url=(database or {}).get("database_url"),
        )
        file = folder / "summit.yaml"
        file.write_bytes(document(**changes))
        office = Registration(
            settings, verification=Verification(self.documents, clock=self.clock), clock=self.clock
        )
        office.add_event(file)
        self.desk = Desk(office, clock=self.clock).make_link("summit-2027")
        office.engine.dispose()
        self.app = create_app(settings, source=self.documents, clock=self.clock)
        self.client = AppClient(self.app)


@pytest.fixture
def site(tmp_path: Path, database: dict[str, Any]) -> Iterator[Site]:
    site = Site(tmp_path, database=database)
    yield site
    site.app.state.registration.engine.dispose()


def redeemed(
    site: Site, *, key: str = "one", code: str | None = HOLDER_CODE, token: str | None = None
) -> httpx.Response:
    body = {"badge": token or ISSUER.token()} | ({} if code is None else {"holder_code": code})
    return site.client.post(f"{EVENT}/redemptions", json=body, headers={"Idempotency-Key": key})


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's first form."""
    form = page[page.index("<form") : page.index("</form>")]
    return dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))


# The open API


@pytest.mark.parametrize("content_type", ["text/plain", "application/vc+jwt", "application/octet-stream"])
def test_a_program_posts_a_badge_and_gets_json(site: Site, content_type: str) -> None:
    answer = site.client.post("/verify", content=ISSUER.token(), headers={"Content-Type": content_type})

    assert answer.status_code == 200
    assert answer.json()["verdict"] == "valid"
    assert answer.json()["trusted_by"] == ["Open communities"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_a_badge_that_is_not_valid_is_an_answer_and_no_error(site: Site) -> None:
    answer = site.client.post("/verify", content=ISSUER.token()[:-4] + "AAAA")

    assert answer.status_code == 200
    assert answer.json()["verdict"] == "not_valid"
    assert answer.json()["name"] is None
    assert [check["id"] for check in answer.json()["checks"] if check["state"] == "fail"] == ["signature"]


def test_an_issuer_out_of_reach_is_unknown(site: Site) -> None:
    site.documents.documents.clear()

    assert site.client.post("/verify", content=ISSUER.token()).json()["verdict"] == "unknown"


def test_what_is_no_badge_is_a_problem(site: Site) -> None:
    answer = site.client.post("/verify", content="hello")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "https://www.w3.org/TR/vc-data-model#PARSING_ERROR"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("form", ["jwt", "json", "png", "qr_text"])
def test_what_curl_sends_by_itself_is_a_badge_and_no_form(site: Site, form: str) -> None:
    """`curl --data-binary @badge` names the media type of a form, whatever it sends."""
    code = badge_qr.to_desk_text(ISSUER.packed())
    data = {
        "jwt": ISSUER.token().encode(),
        "json": json.dumps(ISSUER.secured()).encode(),
        "png": encoded(of_code(code), kind="PNG"),
        "qr_text": code.encode(),
    }[form]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):  # in full, and at once
        assert site.client.post("/verify", content=data, headers=headers).json()["verdict"] == "valid"


def test_a_file_a_text_and_a_photograph_are_taken_from_a_form(site: Site) -> None:
    code = badge_qr.to_desk_text(ISSUER.packed())
    by_file = site.client.post("/verify", files={"file": ("badge.jwt", ISSUER.token())})
    by_text = site.client.post("/verify", data={"text": code})
    by_both = site.client.post("/verify", files={"file": ("", b"")}, data={"text": ISSUER.token()})
    by_photo = site.client.post("/verify", files={"file": ("photo.jpg", photographed(code))})

    forms = [answer.json()["form"] for answer in (by_file, by_text, by_both, by_photo)]
    assert forms == ["jwt", "qr_text", "jwt", "qr_photo"]
    assert {answer.json()["verdict"] for answer in (by_file, by_text, by_both, by_photo)} == {"valid"}


def test_another_origin_may_ask_first(site: Site) -> None:
    answer = site.client.options("/verify", headers={"Origin": "https://a.example"})

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_a_body_beyond_the_limit_is_cut_off(site: Site) -> None:
    answer = site.client.post("/verify", content=b"a" * (11 << 20))
    form = site.client.post("/verify", files={"file": ("big", b"a" * (11 << 20))})

    assert answer.status_code == form.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_form_field_beyond_the_limit_is_refused(site: Site) -> None:
    answer = site.client.post(
        "/verify", files={"other": ("", b"")}, data={"text": "a" * (2 << 20)}, headers={"Accept": "text/html"}
    )

    assert answer.status_code in {400, 413}


# Pages


@pytest.mark.parametrize("path", ["/verify", "/v", EVENT])
def test_every_page_says_what_it_is_and_lets_nothing_in(site: Site, path: str) -> None:
    answer = site.client.get(path, headers=HTML)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert ("script-src 'self'" in policy) == (path == "/v")
    assert re.search(r'<html lang="en">', answer.text)
    assert answer.text.count("<h1") == 1
    assert "<style" not in answer.text
    assert not re.search(r"\son[a-z]+=", answer.text)
    assert not re.search(r"<script(?! src=)", answer.text)


def test_every_field_has_its_label(site: Site) -> None:
    for path in ("/verify", "/v", EVENT, site.desk):
        text = site.client.get(path, headers=HTML).text
        fields = re.findall(r'<(?:input|textarea)(?![^>]*type="hidden")[^>]*\sid="([^"]+)"', text)
        assert fields
        assert set(fields) <= set(re.findall(r'<label for="([^"]+)"', text))
        assert len(set(fields)) == len(fields)


def test_a_person_gets_the_verdict_as_a_page_with_a_sentence_for_each_check(site: Site) -> None:
    answer = site.client.post("/verify", data={"text": ISSUER.token()}, headers=HTML)

    assert answer.status_code == 200
    assert "Valid" in answer.text
    assert "Ada Example" in answer.text
    assert "Nothing was changed since the issuer signed it." in answer.text
    assert "The badge was not stored." in answer.text
    assert 'role="status"' in answer.text


def test_what_a_badge_says_is_never_markup(site: Site) -> None:
    badge = ISSUER.document(name="<script>alert(1)</script>")
    badge["credentialSubject"]["achievement"]["name"] = '"><img src=x>'
    for path in ("/verify", site.desk):
        text = site.client.post(path, data={"text": ISSUER.token(badge)}, headers=HTML).text
        assert "<script>" not in text
        assert "<img" not in text
        assert "&lt;script&gt;" in text


def test_a_forged_badge_does_not_show_what_it_says(site: Site) -> None:
    header, payload, signature = ISSUER.token(ISSUER.document(name="Eve Forger")).split(".")
    answer = site.client.post("/verify", data={"text": f"{header}.{payload}.{signature[:-4]}AAAA"}, headers=HTML)

    assert "Not valid" in answer.text
    assert "Eve Forger" not in answer.text


def test_the_page_of_a_failed_reading_says_what_was_expected(site: Site) -> None:
    answer = site.client.post("/verify", data={"text": "hello"}, headers=HTML)

    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "was expected" in answer.text


def test_static_files_are_served_and_nothing_beside_them(site: Site) -> None:
    assert site.client.get("/static/style.css").headers["cache-control"] == "public, max-age=3600"
    assert "javascript" in site.client.get("/static/scanned.js").headers["content-type"]
    assert site.client.get("/static/../settings.py").status_code == 404
    assert site.client.get("/static/%2e%2e/settings.py").status_code == 404


def test_a_missing_page_is_told_in_the_askers_language(site: Site) -> None:
    assert site.client.get("/nothing", headers=HTML).text.startswith("<!doctype html>")
    problem = site.client.get("/nothing")
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"


def test_the_way_in_leads_to_the_verify_page(site: Site) -> None:
    assert site.client.get("/").headers["location"] == "/verify"


def test_an_error_that_nobody_foresaw_shows_no_traceback(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(Registration, "event", broken)
    answer = site.client.get(EVENT)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text


# Redeeming over the API


def test_redeeming_answers_201_once_and_then_409(site: Site) -> None:
    first, second = redeemed(site, key="one"), redeemed(site, key="two")

    assert (first.status_code, first.json()["result"], first.json()["percent"]) == (201, "granted", 50)
    assert first.json()["voucher"]
    assert (second.status_code, second.json()["reason"]) == (409, "already_redeemed")
    assert second.json()["voucher"] is None
    assert second.headers["content-type"] == "application/problem+json"


def test_the_same_key_gets_the_same_answer(site: Site) -> None:
    first, again = redeemed(site, key="one"), redeemed(site, key="one")

    assert (again.status_code, again.json()["voucher"]) == (201, first.json()["voucher"])


def test_a_stolen_copy_is_refused_with_its_reason(site: Site) -> None:
    without = redeemed(site, code=None)
    wrong = redeemed(site, key="two", code="0000")

    assert (without.status_code, without.json()["reason"]) == (422, "proof_needed")
    assert (wrong.status_code, wrong.json()["reason"]) == (422, "malformed_holder_code")
    assert without.json()["verdict"]["verdict"] == "valid"
    assert redeemed(site, key="three").status_code == 201


def test_503_means_that_nothing_was_granted(site: Site) -> None:
    kept = dict(site.documents.documents)
    site.documents.documents.clear()
    answer = redeemed(site)
    assert (answer.status_code, answer.json()["result"]) == (503, "could_not_tell")
    assert answer.headers["retry-after"]

    site.documents.documents |= kept
    assert redeemed(site).status_code == 201


def test_zero_percent_answers_200_without_a_voucher(site: Site) -> None:
    answer = redeemed(site, code=None, token=ISSUER.token(ISSUER.document(achievement="recognised")))

    assert (answer.status_code, answer.json()["reason"]) == (200, "nothing_to_redeem")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"badge":7}',
        b'{"badge":""}',
        b'{"badge":"x","badge":"y"}',
        b'{"badge":"x","other":1}',
        b'{"badge":"x","holder_code":7}',
        b'{"badge":"not a badge"}',
        b'{"badge":{"a":1}}',
    ],
)
def test_a_request_that_is_not_understood_is_a_problem(site: Site, body: bytes) -> None:
    answer = site.client.post(f"{EVENT}/redemptions", content=body, headers={"Idempotency-Key": "one"})

    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_an_idempotency_key_is_required_and_is_for_one_request(site: Site) -> None:
    missing = site.client.post(f"{EVENT}/redemptions", json={"badge": ISSUER.token()})
    redeemed(site, key="one")
    other = ISSUER.token(ISSUER.document(reference=next(references())))
    reused = redeemed(site, key="one", token=other)

    assert missing.status_code == 400
    assert "Idempotency-Key" in missing.json()["detail"]
    assert reused.status_code == 422


def test_an_enveloped_badge_may_be_given_as_an_object(site: Site) -> None:
    envelope = {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential",
        "id": f"data:application/vc+jwt,{ISSUER.token()}",
    }
    answer = site.client.post(
        f"{EVENT}/redemptions",
        json={"badge": envelope, "holder_code": HOLDER_CODE},
        headers={"Idempotency-Key": "one"},
    )

    assert answer.status_code == 201


def test_a_badge_with_its_proof_inside_buys_what_its_token_buys_and_only_once_of_the_two(site: Site) -> None:
    answer = site.client.post(
        f"{EVENT}/redemptions",
        json={"badge": ISSUER.secured(), "holder_code": HOLDER_CODE},
        headers={"Idempotency-Key": "one"},
    )

    assert answer.status_code == 201
    assert redeemed(site, key="two").json()["result"] == "already_redeemed"


def test_an_unknown_event_is_not_found(site: Site) -> None:
    answer = site.client.post("/events/nothing/redemptions", json={}, headers={"Idempotency-Key": "one"})

    assert answer.status_code == 404


# The registration page


def test_a_person_redeems_on_the_page_and_a_second_press_shows_the_same_voucher(site: Site) -> None:
    offer = site.client.post(EVENT, data={"text": ISSUER.token()}, headers=HTML)
    assert offer.status_code == 200
    assert "50 %" in offer.text and "Nothing is used up yet" in offer.text
    assert "Ada Example, signed in the badge" in offer.text
    form = hidden(offer.text) | {"holder_code": HOLDER_CODE.lower()}
    first = site.client.post(f"{EVENT}/redeem", data=form, headers=HTML)
    again = site.client.post(f"{EVENT}/redeem", data=form, headers=HTML)
    other = site.client.post(f"{EVENT}/redeem", data=form | {"request_id": "another"}, headers=HTML)
    seen = site.client.post(EVENT, data={"text": ISSUER.token()}, headers=HTML)

    assert first.status_code == again.status_code == 201
    voucher = re.search(r'class="voucher">([^<]+)<', first.text)
    assert voucher
    assert voucher[1] in again.text
    assert other.status_code == seen.status_code == 409
    assert "Used already" in other.text and "Used already" in seen.text


def test_seeing_an_offer_uses_nothing_up_and_a_badge_without_a_name_says_so(site: Site) -> None:
    nameless = ISSUER.token(ISSUER.document(name=None))
    for _ in range(2):
        assert "no name in this badge" in site.client.post(EVENT, data={"text": nameless}, headers=HTML).text
    assert redeemed(site, token=nameless).status_code == 201


def test_an_offer_of_nothing_is_an_answer_at_once(site: Site) -> None:
    thanks = site.client.post(EVENT, data={"text": ISSUER.token(ISSUER.document(achievement="recognised"))})
    other = site.client.post(EVENT, data={"text": ISSUER.token(ISSUER.document(achievement="unknown"))})
    assert thanks.status_code == 200 and "Thank you" in thanks.text
    assert other.status_code == 422 and "no discount for it" in other.text


def test_a_badge_that_cannot_be_proved_here_says_what_to_do(site: Site) -> None:
    offer = site.client.post(EVENT, data={"text": ISSUER.token(ISSUER.document(code=None))}, headers=HTML)
    assert offer.status_code == 200
    assert "none of the things that this event takes online" in offer.text
    assert "Use my discount now" not in offer.text


def test_a_voucher_leads_into_the_shop_s_basket(tmp_path: Path) -> None:
    for shop, expected in (
        (SHOP, f"{SHOP['url']}/foundation/summit2027/redeem?voucher="),
        (SHOP | {"link": "https://t.example/?code={voucher}&lang=en"}, "https://t.example/?code="),
    ):
        folder = tmp_path / str(len(expected))
        folder.mkdir()
        form = {"text": ISSUER.token(), "holder_code": HOLDER_CODE, "request_id": "one"}
        page = Site(folder, shop=shop).client.post(f"{EVENT}/redeem", data=form, headers=HTML).text
        voucher = re.search(r'class="voucher">([^<]+)<', page)
        assert voucher and f'href="{expected}{voucher[1]}' in page


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ({"headers": {"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.8"}}, "fr"),
        ({"headers": {"Accept-Language": "de, en;q=0.5"}}, "en"),
        ({"headers": {"Accept-Language": "en;q=0.4, fr;q=0.9"}}, "fr"),
        ({"headers": {"Accept-Language": "fr;q=nonsense"}}, "en"),
        ({"params": {"lang": "fr"}}, "fr"),
        ({"params": {"lang": "en"}, "headers": {"Accept-Language": "fr"}}, "en"),
        ({"headers": {"Cookie": "lang=fr"}}, "fr"),
        ({"params": {"lang": "../fr"}}, "en"),
        ({}, "en"),
    ],
)
def test_a_page_speaks_the_language_that_was_asked_for(site: Site, asked: dict[str, Any], language: str) -> None:
    page = site.client.get(EVENT, **asked)
    assert f'<html lang="{language}">' in page.text
    assert ("Votre réduction" in page.text) == (language == "fr")


def test_a_page_says_that_the_shop_has_yet_to_confirm(site: Site, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    form = {"text": ISSUER.token(), "holder_code": HOLDER_CODE, "request_id": "one"}
    with_shop = Site(tmp_path / "shop", shop=SHOP).client.post(f"{EVENT}/redeem", data=form, headers=HTML)
    without = site.client.post(f"{EVENT}/redeem", data=form, headers=HTML)

    assert (with_shop.status_code, without.status_code) == (201, 201)
    assert "has not confirmed it yet" in with_shop.text
    assert "has not confirmed it yet" not in without.text


def test_a_wrong_code_on_the_page_says_what_to_do(site: Site) -> None:
    form = {"text": ISSUER.token(), "holder_code": ""}
    answer = site.client.post(f"{EVENT}/redeem", data=form, headers=HTML)

    assert answer.status_code == 422
    assert "private badge page" in answer.text


# The desk


def look(site: Site, token: str | None = None) -> str:
    return site.client.post(site.desk, data={"text": token or ISSUER.token()}, headers=HTML).text


def press(site: Site, page: str, *, matches: str) -> str:
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)"', page))
    answer = site.client.post(f"{site.desk}/redemptions", data=fields | {"matches": matches}, headers=HTML)
    return str(answer.text)


def test_a_desk_looks_compares_and_redeems_once(site: Site) -> None:
    page = look(site)
    assert "Grant 50 %" in page
    assert re.search(r'class="name">Ada Example<', page)
    assert "as of 3 minutes ago" in page

    assert "Granted 50 %" in press(site, page, matches="yes")
    assert "Discount already used" in look(site)


def test_a_desk_speaks_french_in_every_answer(site: Site) -> None:
    french = HTML | {"Accept-Language": "fr"}
    scan = site.client.get(site.desk, headers=french).text
    assert '<html lang="fr">' in scan and "Personne suivante" in scan and f'href="{site.desk}?lang=en"' in scan
    assert "lang=fr" in site.client.get(f"{site.desk}?lang=fr").headers["set-cookie"]
    nameless = ISSUER.token(ISSUER.document(name=None))
    said = {
        "Accorder 50 %": site.client.post(site.desk, data={"text": ISSUER.token()}, headers=french).text,
        "Il ne porte pas de nom.": site.client.post(site.desk, data={"text": nameless}, headers=french).text,
        "mon responsable va vous aider": site.client.post(
            site.desk, data={"text": ISSUER.token()[:-4] + "AAAA"}, headers=french
        ).text,
    }
    for wanted, page in said.items():
        assert wanted in page
        shown = re.sub(
            r"<code>.*?</code>|<table.*?</table>|<[^>]*>", " ", page.partition("<main")[2], flags=re.DOTALL
        )
        assert not re.search(r"\b(the|this|with|ask|not|of)\b", shown), shown


def test_a_repeated_press_at_the_desk_is_the_same_request(site: Site) -> None:
    page = look(site)
    first, again = press(site, page, matches="yes"), press(site, page, matches="yes")

    assert "Granted 50 %" in first
    assert "Granted 50 %" in again


def test_a_photographed_code_is_redeemed_at_the_desk(site: Site) -> None:
    code = photographed(badge_qr.to_desk_text(ISSUER.packed()))
    page = site.client.post(site.desk, files={"file": ("p.jpg", code)}, headers=HTML).text

    assert "Granted 50 %" in press(site, page, matches="yes")


def test_a_name_that_does_not_match_redeems_nothing(site: Site) -> None:
    page = look(site)

    assert "Name differs" in press(site, page, matches="no")
    assert "Grant 50 %" in look(site)


def test_a_badge_without_a_name_sends_its_holder_to_the_registration_page(site: Site) -> None:
    page = look(site, ISSUER.token(ISSUER.document(name=None)))

    assert "Registration page</h1>" in page
    assert "carries no name" in page
    assert "ID matches" not in page


def test_a_discount_used_online_is_calm_news_at_the_desk(site: Site) -> None:
    redeemed(site)
    page = look(site)

    assert "Ticket queue</h1>" in page
    assert "Discount already used" in page
    assert "1 February 2027, 10:00 (Europe/Paris)" in page


def test_an_issuer_out_of_reach_is_for_the_lead_and_not_green(site: Site) -> None:
    site.documents.documents.clear()
    page = look(site)

    assert "Ask the lead" in page
    assert "ID matches" not in page


def test_reasons_stand_only_in_the_leads_part(site: Site) -> None:
    page = look(site, ISSUER.token()[:-4] + "AAAA")
    before, _, after = page.partition("<details>")

    assert "Not valid" in before
    assert "my lead will help you" in before
    assert "changed after it was signed" not in before
    assert "changed after it was signed" in after


def test_a_desk_without_its_link_is_not_there(site: Site) -> None:
    for path in ("/desk/guess", "/desk/guess/redemptions"):
        assert site.client.post(path, data={"text": "x"}).status_code == 404
    assert site.client.get("/desk/guess").status_code == 404


def test_the_link_of_a_desk_is_kept_as_a_hash_only(site: Site, tmp_path: Path) -> None:
    token = site.desk.removeprefix("/desk/").encode()

    assert len(token) >= 32
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and token in file.read_bytes()]


# --- many at once, and the same again ----------------------------------------------------------------------


def test_a_batch_is_answered_line_by_line_and_one_bad_line_spoils_no_other(site: Site) -> None:
    changed = ISSUER.secured() | {"name": "x"}
    lines = [
        json.dumps(ISSUER.token()),
        json.dumps({"id": "two", "badge": ISSUER.secured()}),
        "",
        "{ no json",
        json.dumps({"id": 4, "badge": changed}),
        json.dumps({"id": "five", "badge": "no badge"}),
        json.dumps({"id": "six", "badge": ISSUER.token(), "more": 1}),
        json.dumps(["an array"]),
        json.dumps(ISSUER.secured()),
    ]
    answer = site.client.post("/verify/batch", content="\n".join(lines))
    told = [json.loads(line) for line in answer.text.splitlines()]

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [one["line"] for one in told] == list(range(1, 9))
    assert [one.get("id") for one in told] == [None, "two", None, 4, "five", "six", None, None]
    assert [one.get("verdict") for one in told] == ["valid", "valid", None, "not_valid", None, None, None, "valid"]
    assert [one.get("problem", {}).get("status") for one in told] == [None, None, 400, None, 400, 400, 400, None]
    assert told[3]["check"] == "signature" and told[0]["trusted_by"] == ["Open communities"]
    assert site.documents.asked.count(f"{ISSUER.base}/.well-known/did.json") == 1  # shared by all


def test_a_wrong_parameter_of_an_address_is_a_problem_of_one_sentence(site: Site) -> None:
    answer = site.client.post("/verify/batch?full=perhaps", content=json.dumps(ISSUER.token()))

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "parameter full" in answer.json()["detail"]


def test_each_route_of_the_api_is_described_with_its_bodies_and_its_problems(site: Site) -> None:
    paths = site.client.get("/openapi.json").json()["paths"]

    assert {path for path, made in paths.items() if "post" in made} == {
        "/verify",
        "/verify/batch",
        "/verify/case",
        "/verify/receipts",
        "/credentials/verify",
        "/presentations/verify",
        "/events/{event}/redemptions",
        "/events/{event}/exchanges",
        "/events/{event}/mail-codes",
        "/wallet/requests/{handle}",
        "/wallet/answers/{handle}",
    }
    for path, made in ((path, routes["post"]) for path, routes in paths.items() if "post" in routes):
        assert path.endswith("/exchanges") or made["requestBody"]["content"]
        assert "application/problem+json" in made["responses"]["default"]["content"]
    redeeming = paths["/events/{event}/redemptions"]["post"]
    answers = {"200", "201", "401", "403", "404", "409", "422", "503", "default"}
    assert redeeming["responses"].keys() == answers
    assert {parameter["name"] for parameter in redeeming["parameters"]} == {"event", "Idempotency-Key"}


def test_a_path_that_knows_two_methods_names_both_to_whoever_asks_with_a_third(site: Site) -> None:
    answer = site.client.request("DELETE", f"{EVENT}/exchanges")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


def test_the_api_answers_under_its_version_too(site: Site) -> None:
    bare = site.client.post("/verify", content=ISSUER.token())
    versioned = site.client.post("/api/v1/verify", content=ISSUER.token())
    assert versioned.json() == bare.json()
    assert site.client.get("/api/v1/openapi.json").json()["info"]["version"] == "1"
    missing = site.client.post("/api/v2/verify", content=ISSUER.token())
    assert missing.status_code == 404


def test_a_batch_tells_every_check_if_asked_and_breaks_off_at_an_endless_line(site: Site) -> None:
    (told,) = site.client.post("/verify/batch?full=true", content=json.dumps(ISSUER.token())).text.splitlines()
    assert len(json.loads(told)["checks"]) == 18
    endless = site.client.post("/verify/batch", content=json.dumps(ISSUER.token()) + "\n" + "a" * (2 << 20))
    first, last = (json.loads(line) for line in endless.text.splitlines())
    assert first["verdict"] == "valid" and last["problem"]["status"] == 413


def test_a_case_file_is_saved_from_the_page_and_leads_to_the_same_verdict(site: Site, tmp_path: Path) -> None:
    page = site.client.post("/verify", data={"text": ISSUER.token()}, headers=HTML)
    assert 'action="/verify/case"' in page.text and ISSUER.token() in page.text
    case = site.client.post("/verify/case", data={"text": ISSUER.token()})
    assert case.headers["content-disposition"] == 'attachment; filename="case.json"'
    again = Verification(DocumentsInMemory()).recompute(case.content)
    assert again.verdict.outcome.value == case.json()["verdict"] == "valid"
    assert site.client.post("/verify/case", data={"text": "no badge"}).status_code == 400


def test_whoever_asks_too_often_is_asked_to_wait(tmp_path: Path) -> None:
    settings = Settings(tmp_path, rate_limit=RateLimit(per_minute=1, burst=2))
    app = create_app(settings, source=DocumentsInMemory.of([ISSUER]), clock=Clock())
    client = AppClient(app, address="203.0.113.9")
    answers = [client.post("/verify", content=ISSUER.token()) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 30
    assert client.get("/verify").status_code == 200


def test_the_verify_page_and_its_answers_speak_french(site: Site) -> None:
    french = {"Accept-Language": "fr", "Accept": "text/html"}
    asked = site.client.get("/verify?lang=fr")
    assert '<html lang="fr">' in asked.text and "lang=fr" in asked.headers["set-cookie"]
    answers = {ISSUER.token(): "Authentique, inchangé et en vigueur.", "none": "Il n’y a pas de badge ici"}
    for given, says in answers.items():
        page = site.client.post("/verify", data={"text": given}, headers=french).text
        assert '<html lang="fr">' in page and says in page
        people = re.sub(r"(?s)<tbody.*?</tbody>|<[^>]*>|&[a-z#0-9]+;", " ", page.partition("<main")[2])
        assert not re.search(r"\b(the|was|signed|checked|this)\b", people), people
