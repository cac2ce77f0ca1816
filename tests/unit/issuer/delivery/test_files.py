"""Files that holders carry: the sheet of paper, the archive, and what leads others to a published badge."""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageFilter

from issuer.badges import awarding, issuance, picture
from issuer.badges import service as badges
from issuer.badges.model import Badge, BadgeError
from issuer.delivery import codes, files, paper, service
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office, open_office

POINTS_PER_MM = 72 / 25.4
NAMES = [
    "Ada Long",
    "Zoë Ångström-Długa",
    "Ольга Петрова",
    "Γιώργος Πάπας",
    "محمد بن علي",
    "山田太郎",
    "김철수",
    "Nguyễn Thị Hương",
]
PACKED = bytes(range(256)) + bytes(47)  # 303 bytes: a badge of ordinary size


def a_sheet(**changes: Any) -> paper.Sheet:
    art = picture.Picture("contributor", "operator", "2026")
    made = paper.Sheet(
        community="Example",
        title="Contributor 2026",
        name="Ada Long",
        thanks="For twelve meetups.",
        picture=picture.draw(art),
        alt=picture.alt_text(art),
        code=(codes.png(codes.text_for_phones(PACKED, host="badges.example.org")), 50),
        verify_page="https://badges.example.org/v",
        policy_page="https://badges.example.org/policies/1.html",
        issuer="did:web:badges.example.org",
        badge="urn:uuid:6e1f6a0e-6f4b-4d11-8d38-a8e3c3f4c9b1",
        valid_until=datetime(2027, 3, 31, tzinfo=UTC),
        made_at=NOW,
    )
    return replace(made, **changes)


def text_of(pdf: bytes) -> str:
    (page,) = pypdfium2.PdfDocument(pdf)
    return " ".join(page.get_textpage().get_text_range().split())


def drawn(pdf: bytes, *, dots: int = 150) -> Image.Image:
    (page,) = pypdfium2.PdfDocument(pdf)
    rendered: Image.Image = page.render(scale=dots / 72).to_pil()
    return rendered.convert("L")


def read(picture_: Image.Image) -> list[str]:
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return [code.text for code in zxingcpp.read_barcodes(picture_, formats=formats)]


# Paper


def test_the_sheet_is_one_page_of_a4_that_says_all_of_it() -> None:
    pdf = paper.sheet(a_sheet(), IN_ENGLISH)
    (page,) = pypdfium2.PdfDocument(pdf)
    width, height = page.get_size()
    assert (round(width / POINTS_PER_MM), round(height / POINTS_PER_MM)) == (210, 297)
    said = text_of(pdf)
    for wanted in ("Contributor 2026", "Ada Long", "For twelve meetups.", "Valid until 31 March 2027",
                   "How to verify it", "https://badges.example.org/v", "urn:uuid:6e1f6a0e"):  # fmt: skip
        assert wanted in said
    assert "Short code" not in text_of(pdf)
    assert "3d8b-ea45-ef2e" in text_of(paper.sheet(a_sheet(short_code="3d8b-ea45-ef2e"), IN_ENGLISH))
    assert pdf == paper.sheet(a_sheet(), IN_ENGLISH)  # the same sheet, the same bytes


def test_the_pictures_on_the_sheet_are_told_to_those_who_do_not_see_them() -> None:
    told = re.findall(rb"/Alt \(([^)]*)\)", paper.sheet(a_sheet(), IN_ENGLISH))
    assert told == [b"Contributor, operator, 2026", b"QR code with the whole badge"]


@pytest.mark.parametrize("millimetres", [50, 60])
def test_the_code_has_its_true_size_and_stays_on_letter(millimetres: int) -> None:
    text = codes.text_for_phones(bytes(303 if millimetres == 50 else 414), host="badges.example.org")
    pdf = paper.sheet(
        a_sheet(code=(codes.png(text), millimetres), name="Ada " * 20, title="Long " * 18), IN_ENGLISH
    )
    (page,) = pypdfium2.PdfDocument(pdf)
    places = [one.get_bounds() for one in page.get_objects() if one.type == pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]
    ((left, bottom, right, top),) = [tuple(at / POINTS_PER_MM for at in place) for place in places]
    assert (right - left, top - bottom) == pytest.approx((millimetres, millimetres), abs=0.1)
    assert 297 - bottom < 279 - 10 and right < 210  # Letter is 18 mm shorter
    assert read(drawn(pdf)) == [text]
    lowest = min(one.get_bounds()[1] / POINTS_PER_MM for one in page.get_objects())
    assert 297 - lowest < 279 - 6


def test_a_photograph_of_the_print_is_read() -> None:
    """At an angle, on a table, in grey, not quite sharp."""
    sheet = drawn(paper.sheet(a_sheet(), IN_ENGLISH), dots=110)
    table = Image.new("L", (sheet.width + 200, sheet.height + 200), 150)
    table.paste(sheet.point(lambda level: 30 + level * 190 // 255), (90, 110))
    seen = table.rotate(8, fillcolor=150, resample=Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(0.7))
    assert read(seen) == [codes.text_for_phones(PACKED, host="badges.example.org")]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_is_set_and_can_be_copied(name: str) -> None:
    assert paper.can_be_set(name)
    said = text_of(paper.sheet(a_sheet(name=name), IN_ENGLISH))
    if not any("\u0600" <= one <= "\u06ff" for one in name):  # readers give Arabic in the order on the page
        assert name in said
    blank, set_ = (drawn(paper.sheet(a_sheet(name=one), IN_ENGLISH)) for one in (None, name))
    assert blank.tobytes() != set_.tobytes()


def test_a_name_for_which_no_font_is_there_is_left_off_and_the_sheet_says_so() -> None:
    said = text_of(paper.sheet(a_sheet(name="ᚨᛞᚨ"), IN_ENGLISH))
    assert not paper.can_be_set("ᚨᛞᚨ") and "cannot be set in the fonts of this office" in said


def test_a_sheet_without_a_code_says_what_to_do() -> None:
    pdf = paper.sheet(a_sheet(code=None, name=None), Voice("fr"))
    said = text_of(pdf)
    assert "Ce badge ne tient pas dans un code" in said and "Valable jusqu’au 31 mars 2027" in said
    assert "Délivré par : did:web:badges.example.org" in said
    assert read(drawn(pdf)) == []


# Of a real badge


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    from keys import custody

    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(custody, "SCRYPT_N", 1 << 10)
        opened = open_office(tmp_path_factory.mktemp("office"))
    opened.add_changes("ada", count=3)
    decided = recognition.decide_all(opened.engine, opened.policy, as_of=NOW)
    awarding.award_decisions(opened.engine, decided, policy=opened.policy, now=NOW)
    issuance.issue(opened.bureau, now=NOW)
    yield opened
    opened.engine.dispose()


def held(office: Office, **choices: bool) -> Badge:
    ada = office.person("ada@books.example")
    (badge,) = badges.badges_of(office.engine, ada.id)
    shows_name, published = choices.get("shows_name", False), choices.get("published", False)
    return issuance.choose(office.bureau, badge, person=ada, shows_name=shows_name, published=published, now=NOW)


def names_in(archive: bytes) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(archive)).namelist()


def test_the_archive_holds_every_file_and_is_the_same_each_time(office: Office) -> None:
    badge = held(office)
    archive = service.file(office.bureau, badge, "zip")
    stem = "contributor-2026"
    assert names_in(archive) == ["README.txt", f"{stem}.png", f"{stem}.svg", f"{stem}.json", f"{stem}.jwt",
                                 f"{stem}-code.png", f"{stem}-code.svg", f"{stem}.pdf"]  # fmt: skip
    assert archive == service.file(office.bureau, badge, "zip")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for form in ("png", "svg", "json", "jwt", "pdf"):
            assert opened.read(f"{stem}.{form}") == service.file(office.bureau, badge, form)
        told = opened.read("README.txt").decode()
        assert f"{stem}.pdf" in told and "Valid until" in told
        everything = b"".join(opened.read(name) for name in opened.namelist())
    assert office.bureau.holder_code(badge.reference).encode() not in everything
    assert b"Ada" not in everything and b"ada@" not in everything
    in_french = zipfile.ZipFile(io.BytesIO(service.file(office.bureau, badge, "zip", Voice("fr"))))
    assert "une page à imprimer" in in_french.read("README.txt").decode()


def test_the_archive_of_a_published_badge_shows_how_to_embed_it(office: Office) -> None:
    badge = held(office, published=True)
    assert names_in(service.file(office.bureau, badge, "zip"))[-1] == "contributor-2026-embed.html"
    page = f"https://badges.example.org/b/{badge.short_id}"
    snippet = service.file(office.bureau, badge, "embed").decode()
    assert snippet.startswith(f'<a href="{page}/"><img src="{page}/badge.png" alt="Contributor,')


def test_linkedin_gets_what_it_documents_and_no_more(office: Office) -> None:
    badge = held(office, published=True)
    link = urlsplit(service.file(office.bureau, badge, "linkedin").decode())
    assert (link.scheme, link.netloc, link.path) == ("https", "www.linkedin.com", "/profile/add")
    assert {name: value for name, (value,) in parse_qs(link.query).items()} == {
        "startTask": "CERTIFICATION_NAME",
        "name": "Contributor 2026",
        "organizationName": "Example",
        "issueYear": "2026",
        "issueMonth": "11",
        "expirationYear": "2027",
        "expirationMonth": "3",
        "certUrl": f"https://badges.example.org/b/{badge.short_id}/",
        "certId": badge.id,
    }


@pytest.mark.parametrize("form", files.FOR_OTHERS)
def test_nothing_leads_others_to_a_badge_that_is_not_published(office: Office, form: files.FileForm) -> None:
    with pytest.raises(BadgeError, match="not published"):
        service.file(office.bureau, held(office), form)


@pytest.mark.parametrize("form", files.FOR_OTHERS)
@pytest.mark.parametrize("ended", ["revoked_at", "suspended_at"])
def test_nothing_leads_others_to_a_badge_that_was_taken_back(
    office: Office, form: files.FileForm, ended: str
) -> None:
    published = held(office, published=True)
    gone = replace(published, **{ended: NOW})  # type: ignore[arg-type]
    with pytest.raises(BadgeError, match="not published"):
        service.file(office.bureau, gone, form)
    assert not [name for name in names_in(service.file(office.bureau, gone, "zip")) if "embed" in name]


def test_the_sheet_has_the_name_only_if_the_badge_does(office: Office) -> None:
    assert "Ada" not in text_of(service.file(office.bureau, held(office), "pdf"))
    assert "Ada Long" in text_of(service.file(office.bureau, held(office, shows_name=True), "pdf"))


def test_a_badge_that_fits_no_code_has_paper_and_archive_without_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object) -> bytes:
        raise BadgeError("too large")

    badge = held(office)
    monkeypatch.setattr(badges, "packed", too_large)
    archive = service.file(office.bureau, badge, "zip")
    assert not [name for name in names_in(archive) if "code" in name]
    assert "There is no code" in zipfile.ZipFile(io.BytesIO(archive)).read("README.txt").decode()
    assert "does not fit a code" in text_of(service.file(office.bureau, badge, "pdf"))
    with pytest.raises(BadgeError):
        service.file(office.bureau, badge, "qr-png")


def test_no_font_of_the_machine_is_asked_for() -> None:
    assert all(Path(str(paper._file(family))).is_file() for family in ("sans", "arabic", "cjk"))
