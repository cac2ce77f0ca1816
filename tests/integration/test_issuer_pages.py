"""The issuing office over HTTP: private pages, choices, attestation forms, public documents."""

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from issuer.app import create_app
from issuer.attestations import service as attestations
from issuer.attestations.model import AttestationError, Claim, Delegation
from issuer.badges import awarding, documents, issuance, publishing
from issuer.badges import service as badges
from issuer.badges.model import Badge
from issuer.recognition import service as recognition
from keys import data_integrity, did, jws
from schemas import baking, strict_json
from schemas.claims import document_of
from tests.unit.issuer.conftest import file_office, quick_passphrase
from tests.unit.issuer.office import NOW, Office
from tests.unit.verifier.client import AppClient
from verifier.ground.documents import NoSource
from verifier.ground.outbound import Document
from verifier.verification.service import Verification

__all__ = ["file_office", "quick_passphrase"]

FIRST_PAGES = {"/", "/index.fr.html"}
FRENCH = {"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5"}


class Browser(AppClient):
    """A client that follows where a form leads, as a browser does."""

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        answer = super().request(method, path, **content)
        return super().request("GET", answer.headers["location"]) if answer.status_code == 303 else answer


@pytest.fixture
def office(file_office: Office) -> Office:
    """On a file: what a page says does not depend on the database."""
    return file_office


@pytest.fixture
def client(office: Office) -> "Browser":
    office.add_changes("ada", count=3)
    decisions = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decisions, policy=office.policy, now=NOW)
    issuance.issue(office.bureau, now=NOW)
    return Browser(create_app(office.settings.data, clock=lambda: NOW))


def ada_page(office: Office) -> str:
    return f"/h/{office.bureau.page_token(office.person('ada@books.example').id)}"


def ada_badge(office: Office) -> Badge:
    return badges.badges_of(office.engine, office.person("ada@books.example").id)[0]


def test_the_private_page_shows_badge_files_code_and_choices(client: Browser, office: Office) -> None:
    page = client.get(ada_page(office))
    assert page.status_code == 200
    assert "Contributor 2026" in page.text and "3 merged changes" in page.text
    assert office.bureau.holder_code(ada_badge(office).reference) in page.text
    assert "Ada Long" in page.text  # offered as a choice
    assert "on paper at least 5 cm wide" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "script" not in page.text


@pytest.mark.parametrize("path", ["/h/guessed", "/h/guessed/why", "/h/guessed/badge/x.png", "/attest/guessed"])
def test_a_guessed_link_leads_nowhere(client: Browser, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "nothing at this address" in answer.text


@pytest.mark.parametrize("form", ["jwt", "png", "svg"])
def test_each_download_holds_the_same_token(client: Browser, office: Office, form: str) -> None:
    badge = ada_badge(office)
    answer = client.get(f"{ada_page(office)}/badge/{badge.short_id}.{form}")
    assert answer.status_code == 200
    assert f'filename="contributor-2026.{form}"' in answer.headers["content-disposition"]
    assert badge.jwt is not None
    held = {
        "jwt": lambda b: b.decode(),
        "png": baking.extract_png,
        "svg": baking.extract_svg,
    }[form](answer.content)
    assert held == badge.jwt


def test_the_json_is_the_same_badge_as_a_document_with_its_proof_inside(client: Browser, office: Office) -> None:
    badge = ada_badge(office)
    answer = client.get(f"{ada_page(office)}/badge/{badge.short_id}.json")
    assert 'filename="contributor-2026.json"' in answer.headers["content-disposition"]
    document = strict_json.loads_object(answer.content)
    (proof,) = data_integrity.read_proofs(document).proofs
    key = office.bureau.document_signer.public
    assert badge.jwt is not None
    claims = strict_json.loads_object(jws.parse(badge.jwt).payload)
    assert data_integrity.verify(document, proof=proof, key=key) == document_of(claims)


def test_one_holder_cannot_fetch_the_badge_of_another(client: Browser, office: Office) -> None:
    office.add_changes("cy", count=1)
    decisions = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decisions, policy=office.policy, now=NOW)
    issuance.issue(office.bureau, now=NOW)
    (theirs,) = badges.badges_of(office.engine, office.person("cy@books.example").id)
    assert client.get(f"{ada_page(office)}/badge/{theirs.short_id}.jwt").status_code == 404
    answer = client.post(f"{ada_page(office)}/choices", data={"badge": theirs.short_id, "shows_name": "yes"})
    assert answer.status_code == 422
    assert not badges.badge_by_id(office.engine, theirs.id).shows_name


def test_the_qr_picture_reads_back_as_the_badge(client: Browser, office: Office) -> None:
    import io

    import zxingcpp
    from PIL import Image

    from schemas import badge_qr

    badge = ada_badge(office)
    answer = client.get(f"{ada_page(office)}/code/{badge.short_id}.png")
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(answer.content)))
    assert code.text.startswith("https://badges.example.org/v#")
    known = {made.id: made for made, _, _ in badges.dictionaries(office.engine)}
    assert badge_qr.unpack(badge_qr.read_text(code.text), dictionaries=known) == badge.jwt


def test_a_badge_that_fits_no_code_has_one_that_leads_to_its_public_page(
    client: Browser, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    import zxingcpp
    from PIL import Image

    badge, page = ada_badge(office), ada_page(office)
    lookup = f"{page}/lookup/{badge.short_id}.png"
    monkeypatch.setattr("schemas.badge_qr.HARD_LIMIT_URL_BYTES", 100)
    assert "lookup" not in client.get(page).text
    assert client.get(lookup).status_code == 404  # it has no page that anybody could look up
    client.post(f"{page}/choices", data={"badge": badge.short_id, "published": "yes"})
    assert f'src="{lookup}"' in client.get(page).text and "needs a network" in client.get(page).text
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(client.get(lookup).content)))
    assert code.text == f"https://badges.example.org/b/{badge.short_id}"
    assert client.get(f"/b/{badge.short_id}/").status_code == 200


def test_a_choice_of_name_and_publishing_is_kept_and_can_be_taken_back(client: Browser, office: Office) -> None:
    badge, page = ada_badge(office), ada_page(office)
    public = f"/b/{badge.short_id}/"
    assert client.get(public).status_code == 404
    chosen = {"badge": badge.short_id, "shows_name": "yes", "published": "yes"}
    answer = client.post(f"{page}/choices", data=chosen)
    assert answer.status_code == 200 and "signed anew" in answer.text
    shown = client.get(public)
    assert shown.status_code == 200 and "Ada Long" in shown.text
    assert 'property="og:image"' in shown.text
    picture = client.get(f"{public}badge.png")
    assert baking.extract_png(picture.content) == ada_badge(office).jwt
    client.post(f"{page}/choices", data={"badge": badge.short_id})
    assert client.get(public).status_code == 404
    assert badges.read_own(ada_badge(office).jwt or "").credentialSubject.name is None


def test_a_public_badge_has_a_short_code_that_desks_look_up(client: Browser, office: Office) -> None:
    badge, page = ada_badge(office), ada_page(office)
    code = badges.short_code(badge)
    typed = code.replace("-", "")
    assert re.fullmatch(r"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}", code)
    assert client.get(f"/b/{typed}/").status_code == 404 and code not in client.get(page).text
    client.post(f"{page}/choices", data={"badge": badge.short_id, "published": "yes"})
    assert code in client.get(page).text

    def open_page(url: str, **_: Any) -> Document:
        answer = client.get(url.removeprefix("https://badges.example.org"))
        kind = answer.headers["content-type"].partition(";")[0]
        return Document(answer.content, kind)

    verification = Verification(NoSource(), open_page=open_page)
    assert verification.badge_at(f"https://badges.example.org/b/{typed}/").token == ada_badge(office).jwt
    assert client.get(f"/b/{'0' * 12}/").status_code == 404
    badges.revoke(office.engine, badge, reason="a mistake", now=NOW)
    assert client.get(f"/b/{typed}/").status_code == 404


def test_who_lost_their_link_finds_the_way_in_from_the_first_page(client: Browser) -> None:
    assert 'href="/sign-in"' in client.get("/").text
    assert client.get("/sign-in").status_code == 200


def test_the_why_page_says_how_fresh_each_source_is(client: Browser, office: Office) -> None:
    (office.settings.data / "sources.yaml").write_text(
        "sources:\n  forum:\n    kind: feed\n    url: https://forum.example.org/feed\n", encoding="utf-8"
    )
    page = client.get(f"{ada_page(office)}/why").text
    assert "How fresh this is" in page
    assert "<strong>forum</strong>, never read yet" in page


def test_the_why_page_lists_each_record_and_the_smallest_change(client: Browser, office: Office) -> None:
    office.add_changes("ada", count=1, lines=1, start=3)
    text = client.get(f"{ada_page(office)}/why").text
    assert "Contributor, and why" in text
    assert "For sustained contributor, still needed:" in text
    assert len(re.findall(r'class="state pass"', text)) == 4
    assert "A small merged change: counts 0.25 credits." in text


def test_a_withdrawn_badge_is_shown_as_such_with_its_reason(client: Browser, office: Office) -> None:
    badges.revoke(office.engine, ada_badge(office), reason="issued in error", now=NOW)
    text = client.get(ada_page(office)).text
    assert "This badge was withdrawn" in text and "issued in error" in text and "22 November 2026" in text
    assert 'name="shows_name"' not in text


# --- attestation form -----------------------------------------------------------------------------------------


def ask(
    office: Office, attestor: str, *, about: str = "ada@books.example", title: str = "Meetup Paris 1"
) -> tuple[Claim, str]:
    person = office.person(attestor)
    given = Delegation(
        person.id, frozenset({"event.organised"}), "*", None, NOW.date(), NOW.date() + timedelta(days=90)
    )
    attestations.delegate(office.engine, given, policy=office.policy)
    claim = attestations.open_claim(
        office.engine, kind="event.organised", subjects=[office.person(about)], title=title,
        happened_at=NOW - timedelta(days=10), region="*", event=title, policy=office.policy, now=NOW,
    )  # fmt: skip
    token = attestations.invite(
        office.engine, claim, attestor=person, people=office.people, policy=office.policy, now=NOW
    )
    return claim, f"/attest/{token}"


ANSWER = {"seen": "yes", "statement": ["open_to_all", "vendor_neutral", "code_of_conduct"], "attendees": "74"}


def event_credits(office: Office) -> str:
    person = office.person("ada@books.example")
    decision = recognition.decide_person(office.engine, office.policy, person, as_of=NOW)
    return str(sum(line.credits for line in decision.lines if line.kind == "event.organised"))


def test_two_people_attest_on_their_private_forms_and_it_counts(client: Browser, office: Office) -> None:
    _, first = ask(office, "cy@books.example")
    _, second = ask(office, "dana@books.example")
    form = client.get(first).text
    assert "Meetup Paris 1" in form and "Ada Long" in form and "I did not see it" in form
    assert client.post(first, data=ANSWER).status_code == 200
    assert event_credits(office) == "0"
    assert "You have answered" in client.post(second, data=ANSWER).text
    assert event_credits(office) == "2"


def test_a_form_sent_twice_changes_nothing(client: Browser, office: Office) -> None:
    _, link = ask(office, "cy@books.example")
    client.post(link, data=ANSWER)
    client.post(link, data={"seen": "no"})
    client.post(link, data=ANSWER)
    assert event_credits(office) == "0"  # one voice stays one voice
    assert "you saw it" in client.get(link).text


def test_whose_right_was_ended_can_attest_no_more_and_what_was_said_stays(client: Browser, office: Office) -> None:
    cy = office.person("cy@books.example")
    _, first = ask(office, "cy@books.example")
    client.post(first, data=ANSWER)
    _, second = ask(office, "cy@books.example", title="Meetup Paris 2")
    assert attestations.end_delegations(office.engine, cy) == 1  # the same right given twice is one
    assert attestations.end_delegations(office.engine, cy) == 0
    refused = client.post(second, data=ANSWER)
    assert refused.status_code == 422 and "holds no delegation" in refused.text
    _, other = ask(office, "dana@books.example")
    client.post(other, data=ANSWER)
    assert event_credits(office) == "2"


def test_not_having_seen_it_is_a_good_answer(client: Browser, office: Office) -> None:
    _, link = ask(office, "cy@books.example")
    assert "you did not see it" in client.post(link, data={"seen": "no"}).text


def test_nobody_is_asked_to_attest_their_own_work(office: Office) -> None:
    with pytest.raises(AttestationError, match="nobody attests their own work"):
        ask(office, "ada@books.example")


@pytest.mark.parametrize(
    "wrong",
    [{"seen": "perhaps"}, {**ANSWER, "attendees": "many"}, {**ANSWER, "statement": ["made_up"]}],
    ids=["answer", "number", "statement"],
)
def test_an_answer_that_the_form_does_not_offer_is_refused(
    client: Browser, office: Office, wrong: dict[str, str]
) -> None:
    _, link = ask(office, "cy@books.example")
    assert client.post(link, data=wrong).status_code == 422
    assert "Did you see this?" in client.get(link).text


# --- public documents -------------------------------------------------------------------------------------------


def test_a_verifier_finds_keys_list_and_dictionary_from_any_origin(client: Browser, office: Office) -> None:
    answer = client.get("/.well-known/did.json")
    assert answer.headers["access-control-allow-origin"] == "*"
    document = did.parse_document(answer.content, expected_id="did:web:badges.example.org")
    badge = ada_badge(office)
    key = document.key("did:web:badges.example.org#badges-1", purpose="assertionMethod")
    assert key is not None and badge.jwt is not None
    jws.verify(badge.jwt, key=key)
    status = client.get("/status-lists/1")
    assert (status.headers["content-type"], status.headers["vary"]) == ("application/vc", "Accept")
    token = client.get("/status-lists/1", headers={"Accept": "application/vc+jwt"})
    assert token.headers["content-type"] == "application/vc+jwt"
    assert status.headers["cache-control"] == "public, max-age=60"
    index = client.get("/dictionaries/").json()["dictionaries"]
    assert client.get(f"/dictionaries/{index[0]['id']}").headers["cache-control"].endswith("immutable")


def test_documents_carry_an_etag_that_saves_fetching_them_again(client: Browser) -> None:
    first = client.get("/.well-known/did.json")
    again = client.get("/.well-known/did.json", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and not again.content


@pytest.mark.parametrize("path", ["/", "/policies/{digest}.html"])
def test_public_pages_need_no_script_and_name_the_community(client: Browser, office: Office, path: str) -> None:
    page = client.get(path.format(digest=office.policy.digest))
    assert page.status_code == 200
    assert "Example" in page.text and "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_page_of_codes_runs_only_our_own_scripts(client: Browser) -> None:
    page = client.get("/v")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert policy.removesuffix("; frame-ancestors 'none'") in html.unescape(page.text)
    assert page.text.count("<script") == 2 and 'src="/keys/browser/scanned.js"' in page.text
    assert client.get("/keys/browser/scanned.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/keys/browser/../custody.py").status_code == 404


def test_the_policy_stays_published_byte_for_byte(client: Browser, office: Office) -> None:
    assert client.get(f"/policies/{office.policy.digest}.yaml").content == office.policy.document


@pytest.mark.parametrize(
    "path", ["/status-lists/99", "/status-lists/x", "/b/none/", "/secret", "/dictionaries/zz"]
)
def test_what_is_not_there_is_a_page_that_says_so(client: Browser, path: str) -> None:
    assert client.get(path).status_code == 404


def test_published_files_are_the_documents_that_the_server_gives(client: Browser, office: Office) -> None:
    badge = ada_badge(office)
    client.post(f"{ada_page(office)}/choices", data={"badge": badge.short_id, "published": "yes"})
    seen = set()
    for document in documents.all_documents(office.bureau, now=NOW):
        answer = client.get(document.path)
        assert answer.status_code == 200, document.path
        if document.path.endswith(".jwt"):  # ECDSA never signs twice alike
            assert jws.parse(answer.text).payload == jws.parse(document.body.decode()).payload
        elif document.path not in FIRST_PAGES:  # where a server answers, it leads to the sign-in, too
            assert answer.content == document.body, document.path
        assert document.file not in seen and not document.file.startswith("/")
        seen.add(document.file)
    assert {"index.html", ".well-known/did.json", "dictionaries/index.json", "v/index.html"} <= seen
    assert f"b/{badge.short_id}/index.html" in seen
    files = [f for f in seen if any(other.startswith(f + "/") for other in seen)]
    assert files == []  # no file stands where a folder must be


def test_a_published_first_page_leads_only_to_what_is_published(client: Browser, office: Office) -> None:
    published = {document.path: document for document in documents.all_documents(office.bureau, now=NOW)}
    live = {"/sources", "/transparency", "/sources/index.fr.html", "/transparency/index.fr.html"}  # snapshots
    for path in FIRST_PAGES:
        links = re.findall(r'href="(/[^"?#]*)', published[path].body.decode())
        assert set(links) - live <= set(published), path
    assert 'href="/sign-in"' in client.get("/").text


@pytest.mark.parametrize("path", ["", "/why"])
def test_private_pages_speak_french_and_are_noted_for_letters(client: Browser, office: Office, path: str) -> None:
    page = client.get(ada_page(office) + path, headers=FRENCH)
    assert '<html lang="fr">' in page.text and "Pourquoi" in page.text
    assert not re.search(r"\b(the|this|your|counted)\b", re.sub(r"<[^>]*>", " ", page.text))
    assert office.person("ada@books.example").page_language == "fr"
    client.get(ada_page(office) + path)  # a program that previews the link says nothing of languages
    assert office.person("ada@books.example").page_language == "fr"


def test_a_choice_of_language_is_kept_by_the_browser(client: Browser, office: Office) -> None:
    chosen = client.get(f"{ada_page(office)}?lang=fr")
    assert "lang=fr" in chosen.headers["set-cookie"] and "Votre badge : Contribution 2026" in chosen.text
    assert "Pour 3 modifications intégrées." in chosen.text


def test_public_pages_have_an_address_in_each_language(client: Browser, office: Office) -> None:
    for english, french in (
        ("/", "/index.fr.html"),
        (f"/policies/{office.policy.digest}.html", f"/policies/{office.policy.digest}.fr.html"),
        ("/policies/", "/policies/index.fr.html"),
        ("/v", "/v/index.fr.html"),
    ):
        page = client.get(french)
        assert '<html lang="fr">' in page.text, french
        assert page.text == client.get(english, headers=FRENCH).text
        assert f'href="{french}?lang=fr"' in client.get(english).text
        assert "Accept-Language" in page.headers["vary"]
    assert client.get("/index.xx.html").status_code == 404
    assert client.get("/sources/index.fr.html").headers["location"] == "/sources?lang=fr"


def test_rules_are_told_in_french(client: Browser, office: Office) -> None:
    page = client.get(f"/policies/{office.policy.digest}.fr.html").text
    assert "Contribution demande 3 crédits, 2 mois actifs." in page
    assert "Une petite modification intégrée donne 0,25 crédit, 1 au plus en tout, quand" in page
    assert "ouvert à tous, sans parti pris commercial" in page  # statements of the attestors
    assert not re.search(
        r"\b(the|when|gives|affirm|people)\b", re.sub(r"<[^>]*>", " ", page.partition("<main")[2])
    )


def test_a_page_taken_back_leaves_the_published_folder_too(
    client: Browser, office: Office, tmp_path: Path
) -> None:
    badge, choices = ada_badge(office), f"{ada_page(office)}/choices"
    client.post(choices, data={"badge": badge.short_id, "published": "yes"})
    first = publishing.publish(office.bureau, tmp_path / "site", now=NOW)
    page = first.folder / "b" / badge.short_id
    assert (page / "index.html").is_file() and (page / "badge.png").is_file() and first.removed == 0
    (first.folder / "somebody-elses.txt").write_text("stays")
    client.post(choices, data={"badge": badge.short_id})
    again = publishing.publish(office.bureau, tmp_path / "site", now=NOW)
    assert not page.exists() and again.removed == 1
    assert (first.folder / "somebody-elses.txt").read_text() == "stays"
    assert (first.folder / ".nojekyll").is_file(), "or some hosts leave .well-known out"
    assert not [
        file for file in first.folder.rglob(".*") if file.is_file() and file.name not in {"did.json", ".nojekyll"}
    ]


def test_cloud_events_reach_the_decision(client: Browser, office: Office) -> None:
    from issuer.contributions import service as contributions

    token = contributions.create_token(office.engine, "launchpad", now=NOW)
    event = {
        "specversion": "1.0", "id": "bug-1", "source": "https://bugs.example", "time": "2026-11-01T00:00:00Z",
        "type": "org.badgewright.contribution.v1", "subject": "git:cy@books.example",
        "data": {"record": "bug.confirmed", "moved_to": "confirmed", "moved_by": "git:bob@books.example"},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
    assert client.post("/contributions", json=event, headers=headers).status_code == 201
    assert client.post("/contributions", json=event, headers=headers).status_code == 200
    person = office.person("cy@books.example")
    decision = recognition.decide_person(office.engine, office.policy, person, as_of=NOW)
    assert (decision.tier, str(decision.credits)) == ("recognised", "0.5")


def test_a_holder_says_what_is_missing_and_takes_their_case_along(client: Browser, office: Office) -> None:
    from issuer.recognition import case_file, questions

    page = f"/h/{office.bureau.page_token(office.person('ada@books.example').id)}"
    sent = client.post(f"{page}/questions", data={"kind": "missing", "text": "My talk in May", "link": ""})
    assert sent.status_code in {200, 303}
    why = client.get(f"{page}/why").text
    assert "My talk in May" in why and "To be answered by" in why
    assert len(questions.matters(office.engine)) == 1
    refused = client.post(f"{page}/questions", data={"kind": "missing", "text": ""})
    assert refused.status_code == 422 and "Say in 1 to 2000 characters" in refused.text
    case = client.get(f"{page}/case.json")
    assert case.headers["content-disposition"].startswith("attachment")
    assert case_file.recompute(case.content).same
    assert "bob" not in case.text.lower()


def test_a_copy_for_a_cv_and_all_files_are_saved_from_the_private_page(client: Browser, office: Office) -> None:
    page, badge = ada_page(office), ada_badge(office)
    archive = client.get(f"{page}/badge/{badge.short_id}.zip", headers=FRENCH)
    assert archive.headers["content-type"] == "application/zip"
    assert archive.headers["content-disposition"] == 'attachment; filename="contributor-2026.zip"'
    assert archive.headers["cache-control"] == "no-store"
    sheet = client.get(f"{page}/badge/{badge.short_id}.pdf")
    assert sheet.content.startswith(b"%PDF-") and b"Ada" not in sheet.content
    named = client.post(f"{page}/named", data={"badge": badge.short_id, "form": "png"})
    assert named.headers["content-disposition"] == 'attachment; filename="contributor-2026-named.png"'
    token = baking.extract_png(named.content)
    assert badges.read_own(str(token)).credentialSubject.name == "Ada Long"
    assert ada_badge(office) == badge  # what stands is as it was
    assert client.post(f"{page}/named", data={"badge": "not-mine", "form": "png"}).status_code == 422
    assert client.post(f"{page}/named", data={"badge": badge.short_id, "form": "exe"}).status_code == 404


def test_a_badge_is_shown_to_others_only_once_it_is_published(client: Browser, office: Office) -> None:
    page, badge = ada_page(office), ada_badge(office)
    private = client.get(page).text
    assert "linkedin.com" not in private and "It has no public page" in private
    assert client.get(f"/b/{badge.short_id}/").status_code == 404
    chosen = client.post(f"{page}/choices", data={"badge": badge.short_id, "published": "yes"}).text
    assert "https://www.linkedin.com/profile/add?startTask=CERTIFICATION_NAME" in chosen
    assert "&lt;a href=&#34;https://badges.example.org/b/" in chosen
    public = client.get(f"/b/{badge.short_id}/").text
    shown = dict(re.findall(r'<meta property="og:([a-z:_]+)" content="([^"]*)">', public))
    address = f"https://badges.example.org/b/{badge.short_id}"
    assert (shown["title"], shown["url"]) == ("Contributor 2026", f"{address}/")
    assert shown["image"] == f"{address}/badge.png" and shown["image:alt"].startswith("Contributor, ")
    assert client.get(shown["image"].removeprefix("https://badges.example.org")).status_code == 200
    client.post(f"{page}/choices", data={"badge": badge.short_id})
    assert client.get(f"/b/{badge.short_id}/").status_code == 404


def test_each_picture_of_a_badge_says_in_words_what_it_shows(client: Browser, office: Office) -> None:
    badge, page = ada_badge(office), ada_page(office)
    client.post(f"{page}/choices", data={"badge": badge.short_id, "published": "yes"})
    public, seen = f"/b/{badge.short_id}/", 0
    for path in ("/", "/achievements/", "/achievements/contributor.html", public, page):
        for picture in re.findall(r"<img [^>]*>", client.get(path).text):
            shown = re.search(r'src="([^"]+)"', picture)
            said = re.search(r' alt="([^"]+)"', picture)
            assert shown and said, (path, picture)
            file = client.get(html.unescape(shown[1])).content
            label = re.search(rb'<svg[^>]* aria-label="([^"]+)"', file)
            if label is not None:
                assert said[1] == label[1].decode(), path
                seen += 1
    assert seen >= 10
    in_french = client.get(public, headers=FRENCH).text
    assert re.search(r'<img [^>]*alt="Contribution, [^"]+, 2026"', in_french)
    assert re.search(r'<meta property="og:image:alt" content="Contribution, ', in_french)


def test_a_public_page_leads_to_a_verdict_of_the_badge_on_it(client: Browser, office: Office) -> None:
    from schemas import badge_qr

    badge = ada_badge(office)
    client.post(f"{ada_page(office)}/choices", data={"badge": badge.short_id, "published": "yes"})
    link = re.search(r'href="/v#(\d+)"', client.get(f"/b/{badge.short_id}/").text)
    known = {made.id: made for made, _, _ in badges.dictionaries(office.engine)}
    assert link and badge_qr.unpack(badge_qr.from_digits(link[1]), dictionaries=known) == ada_badge(office).jwt
    assert 'href="/v/index.fr.html#' in client.get(f"/b/{badge.short_id}/", headers=FRENCH).text
