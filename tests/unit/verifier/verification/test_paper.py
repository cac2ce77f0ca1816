"""A badge's code on a page of a PDF; and a PDF that means harm harms nobody but the process that draws it."""

import io
import time
import zlib

import pytest
from PIL import Image

from schemas import badge_qr
from tests.unit.verifier.simulator import IssuerSimulator
from tests.unit.verifier.verification.pictures import of_code
from verifier.verification import paper
from verifier.verification.errors import ReadingError
from verifier.verification.reading import read

PACKED = IssuerSimulator().packed()


def page(code: str | None, *, turned: int = 0) -> Image.Image:
    """A4 at 150 dots per inch, with a code of 50 mm on it."""
    sheet = Image.new("L", (1240, 1754), 255)
    if code is not None:
        sheet.paste(
            of_code(code).convert("L").resize((295, 295)).rotate(turned, expand=True, fillcolor=255), (700, 300)
        )
    return sheet


def pdf(*pages: Image.Image) -> bytes:
    stream = io.BytesIO()
    pages[0].save(stream, "PDF", resolution=150, save_all=True, append_images=list(pages[1:]))
    return stream.getvalue()


@pytest.mark.parametrize("turned", [0, 90, 7])
def test_a_badge_is_read_from_a_page(turned: int) -> None:
    found = read(pdf(page(badge_qr.to_desk_text(PACKED), turned=turned)))
    assert (found.form, found.packed) == ("pdf", PACKED)


def test_a_badge_is_read_from_a_later_page_but_not_from_a_book() -> None:
    badge = page(badge_qr.to_desk_text(PACKED))
    assert read(pdf(page(None), page(None), badge)).packed == PACKED
    with pytest.raises(ReadingError, match="No code"):
        read(pdf(page(None), page(None), page(None), badge))


def drawing(operators: bytes, *, box: str = "0 0 600 800") -> bytes:
    """A PDF of one page with these drawing operators, compressed."""
    packed = zlib.compress(operators)
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R >>".encode(),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
    ]
    body, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(body)
    return (
        body
        + b"xref\n0 5\n0000000000 65535 f \n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (
            table,
            start,
        )
    )


HOSTILE = {
    "endless drawing": drawing(b"0 0 600 800 re f 10 10 500 700 re S " * 600_000),
    "a page of a square kilometre": drawing(b"0 0 1 1 re f", box="0 0 2834645 2834645"),
    "no pdf at all": b"%PDF-1.7\n" + b"\x00\xff" * 50_000,
    "cut off": pdf(page(badge_qr.to_desk_text(PACKED)))[:4000],
    "locked": b"%PDF-1.4\ntrailer << /Encrypt 1 0 R /Root 2 0 R >>\nstartxref\n0\n%%EOF",
    "a bomb": drawing(b" " * 200_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pdf_is_one_sentence_and_costs_this_process_nothing(name: str) -> None:
    begun = time.process_time()
    with pytest.raises(ReadingError) as refused:
        read(HOSTILE[name])
    assert time.process_time() - begun < 1
    assert "\n" not in str(refused.value)


def test_a_huge_pdf_is_not_looked_at() -> None:
    with pytest.raises(ReadingError, match="10 MiB"):
        paper.texts_of_codes(b"%PDF-" + b" " * (10 << 20))
