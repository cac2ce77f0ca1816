"""A badge's QR code: as small as it can be, read by a reader of others, and the same that `qrcode` draws."""

import io
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
import zxingcpp
from PIL import Image

from issuer.delivery import codes
from schemas import badge_qr
from schemas.badge_qr import BadgeQrError
from tests.browser import frames

SIZES = (71, 119, 204, 250, 303, 319, 327, 349, 376, 397, 414, 467)


def texts(size: int) -> Iterator[tuple[badge_qr.Form, str]]:
    packed = os.urandom(size)
    yield "desk", codes.text_for_desks(packed)
    yield "url", codes.text_for_phones(packed, host="badges.example.org")


def read(picture: Image.Image) -> list[str]:
    return [
        code.text
        for code in zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    ]


@pytest.mark.parametrize("size", SIZES)
def test_the_code_is_of_the_smallest_version_and_says_what_it_must(size: int) -> None:
    for form, text in texts(size):
        picture = Image.open(io.BytesIO(codes.png(text)))
        side = picture.width // codes.MODULE_PIXELS
        assert (side - 2 * badge_qr.QUIET_ZONE_MODULES - 17) // 4 == badge_qr.smallest_version(size, form=form)
        assert read(picture) == [text]
        twin, version = frames.code(text)
        assert version == badge_qr.smallest_version(size, form=form)
        assert read(twin) == [text]


def test_the_quiet_zone_is_white_on_every_side() -> None:
    for _, text in texts(303):
        picture = Image.open(io.BytesIO(codes.png(text))).convert("L")
        quiet = badge_qr.QUIET_ZONE_MODULES * codes.MODULE_PIXELS
        inner = picture.crop((quiet, quiet, picture.width - quiet, picture.height - quiet))
        around = picture.copy()
        around.paste(255, (quiet, quiet, picture.width - quiet, picture.height - quiet))
        assert around.getextrema() == (255, 255)
        assert inner.getpixel((0, 0)) == 0  # and no wider than it must be


def test_the_svg_is_the_same_code_at_its_size_on_paper() -> None:
    for size, width in ((303, "50mm"), (414, "60mm")):
        text = codes.text_for_phones(os.urandom(size), host="badges.example.org")
        drawn = ET.fromstring(codes.svg(text))
        assert (drawn.get("width"), drawn.get("height")) == (width, width)
        assert drawn[0].text == text
        side = int(str(drawn.get("viewBox")).split()[2])
        picture = Image.new("L", (side, side), 255)
        for part in str(drawn[2].get("d")).strip("z").split("z"):
            at, rest = part[1:].split("h", 1)
            x, y = map(int, at.split())
            picture.paste(0, (x, y, x + int(rest.split("v")[0]), y + 1))
        assert read(picture.resize((side * 8, side * 8), Image.Resampling.NEAREST)) == [text]


def test_nothing_is_drawn_that_no_desk_can_read() -> None:
    with pytest.raises(BadgeQrError):
        codes.png("https://badges.example.org/b/abc")
