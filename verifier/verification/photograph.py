"""The text of a QR code in a photograph or screenshot (PNG, JPEG, WebP).

Only the text: what it means is read in `reading`. A picture is a stranger's, so its size in pixels is looked at
before any of them is decoded: a few kilobytes can expand to gigabytes.
"""

import io
import warnings
from typing import TYPE_CHECKING

from verifier.verification.errors import ReadingError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PICTURE_BYTES = 10 << 20
MAX_PIXELS = 50_000_000  # the best phones' cameras; 150 MB while it is decoded, and no more
_TOO_MANY_PIXELS = f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels: take a smaller one."
READING_PIXELS = 12_000_000  # larger photographs are shrunk first: a code needs 4 pixels a module, not 40


def is_photograph(data: bytes) -> bool:
    """Whether the bytes begin as a JPEG or WebP does. (A PNG may be a baked badge: that is asked first.)"""
    return data.startswith(b"\xff\xd8\xff") or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def texts_of_codes(data: bytes) -> tuple[str, ...]:
    """The texts of all QR codes in a picture; none if there is no code.

    Raises:
        ReadingError: the picture is too large, damaged, or no PNG, JPEG or WebP.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise ReadingError("The picture is larger than 10 MiB: take a smaller one.")
    import zxingcpp  # both are heavy to import, and most badges are not photographs
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own warning about large pictures; ours is an error
            picture = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
            if picture.width * picture.height > MAX_PIXELS:
                raise ReadingError(_TOO_MANY_PIXELS)
            picture.draft("L", (4000, 3000))  # a JPEG can be decoded smaller at once
            grey = _grey_on_white(picture)
    except Image.DecompressionBombError as error:
        raise ReadingError(_TOO_MANY_PIXELS) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ReadingError("The picture cannot be opened: it is damaged, or no PNG, JPEG or WebP.") from error
    codes = zxingcpp.read_barcodes(
        grey,
        formats=zxingcpp.barcode_formats_from_str("QRCode"),
        text_mode=zxingcpp.TextMode.Plain,  # the text as it was written: spaces count in Base45
    )
    return tuple(code.text for code in codes if code.text)


def _grey_on_white(picture: "Image") -> "Image":
    """Grey pixels on white, of a size that reads quickly. Codes are found at any angle, so it is not turned."""
    from PIL import Image

    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        coloured = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    grey = picture.convert("L")
    pixels = grey.width * grey.height
    if pixels > READING_PIXELS:
        scale = (READING_PIXELS / pixels) ** 0.5
        grey = grey.resize((max(1, int(grey.width * scale)), max(1, int(grey.height * scale))))
    return grey
