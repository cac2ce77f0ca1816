"""Pictures of codes for tests: a QR code drawn plainly, and made a little worse."""

import io

import qrcode
from PIL import Image, ImageFilter
from qrcode.constants import ERROR_CORRECT_M


def of_code(text: str) -> Image.Image:
    """A QR code in black on white."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, box_size=6, border=4)
    code.add_data(text)
    drawn = code.make_image().get_image()
    return drawn.convert("L")


def photographed(text: str, *, kind: str = "JPEG") -> bytes:
    """The same as a turned, grey and slightly blurred photograph."""
    code = of_code(text).rotate(7, expand=True, fillcolor=255)
    scene = Image.new("RGB", (code.width + 200, code.height + 160), (180, 175, 160))
    scene.paste(code.convert("RGB"), (90, 60))
    return encoded(scene.filter(ImageFilter.GaussianBlur(0.8)), kind=kind)


def encoded(picture: Image.Image, *, kind: str) -> bytes:
    """A picture as a file."""
    stream = io.BytesIO()
    picture.save(stream, format=kind)
    return stream.getvalue()
