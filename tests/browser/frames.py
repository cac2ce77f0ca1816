"""Frames as a desk's camera would see them (DESK section 10): drawn, not photographed, and always the same.

Desk light: blur 0.9 pixels, motion 2 pixels, tilt 20 degrees, rotation to 25, contrast 155, noise sigma 7, glare,
JPEG at 80. The code fills a share of the frame's height of 720 pixels.
"""

import io
import math
import random
from collections.abc import Mapping
from typing import Literal

import qrcode
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from qrcode.util import QRData

from schemas import badge_qr

# The modes of ISO/IEC 18004 by their indicators.
MODES: Mapping[badge_qr.SegmentMode, Literal[1, 2, 4]] = {"numeric": 1, "alphanumeric": 2, "byte": 4}
WIDTH, HEIGHT = 1280, 720
FILLS = (0.40, 0.55, 0.75)
MODULE = 8  # pixels of the flat code, before it is seen
BLUR, MOTION, TILT, TURN, CONTRAST, NOISE, QUALITY = 0.9, 2, 20.0, 25.0, 155, 7.0, 80


def code(text: str, *, least_version: int | None = None) -> tuple[Image.Image, int]:
    """The flat code of a badge's text with its quiet zone, and its QR version."""
    made = qrcode.QRCode(least_version, qrcode.constants.ERROR_CORRECT_M, MODULE, badge_qr.QUIET_ZONE_MODULES)
    for part, mode in badge_qr.qr_segments(text):
        made.add_data(QRData(part.encode("ascii"), mode=MODES[mode]), optimize=0)
    made.make(fit=True)
    return made.make_image().get_image().convert("L"), made.version


def seen(flat: Image.Image, *, fill: float, seed: int) -> Image.Image:
    """The code as one frame sees it, in grey, 1280x720."""
    chance = random.Random(seed)
    quiet = badge_qr.QUIET_ZONE_MODULES * MODULE
    symbol = flat.width - 2 * quiet
    size = round(fill * HEIGHT * flat.width / symbol)
    frame = Image.new("L", (WIDTH, HEIGHT), 235)
    corners = _corners(size, chance)
    coefficients = _perspective(corners, flat.width)
    mask = Image.new("L", flat.size, 255)
    warped = flat.transform((WIDTH, HEIGHT), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    where = mask.transform((WIDTH, HEIGHT), Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    frame.paste(warped, mask=where)
    frame = frame.filter(ImageFilter.GaussianBlur(BLUR))
    frame = ImageChops.blend(frame, ImageChops.offset(frame, MOTION, 0), 0.5)
    low = (255 - CONTRAST) // 2
    frame = frame.point([round(low + value * CONTRAST / 255) for value in range(256)])
    frame = ImageChops.add(frame, _glare(chance))
    noise = Image.effect_noise((WIDTH, HEIGHT), NOISE)  # around 128
    frame = ImageChops.add(frame, noise, offset=-128)
    stream = io.BytesIO()
    frame.save(stream, "JPEG", quality=QUALITY)
    return Image.open(stream).convert("L")


def jpeg(frame: Image.Image) -> bytes:
    """One frame of a film for a fake camera."""
    stream = io.BytesIO()
    frame.convert("RGB").save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def _corners(size: int, chance: random.Random) -> list[tuple[float, float]]:
    """Where the flat code's corners are seen: turned, tilted about an axis, from a camera four sizes away."""
    turn = math.radians(chance.uniform(-TURN, TURN))
    tilt, axis = math.radians(TILT), chance.choice(["x", "y"])
    x_off, y_off = chance.uniform(-80, 80), chance.uniform(-20, 20)
    distance, found = 4.0 * size, []
    for right, down in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)):
        x, y = right * size, down * size
        x, y = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        depth = (y if axis == "x" else x) * math.sin(tilt)
        x, y = (x, y * math.cos(tilt)) if axis == "x" else (x * math.cos(tilt), y)
        scale = distance / (distance + depth)
        found.append((WIDTH / 2 + x_off + x * scale, HEIGHT / 2 + y_off + y * scale))
    return found


def _perspective(corners: list[tuple[float, float]], size: int) -> list[float]:
    """The eight numbers that lead from a frame's pixel to the flat code's."""
    flat = [(0, 0), (size, 0), (size, size), (0, size)]
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(corners, flat, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    return _solved(rows)


def _solved(rows: list[list[float]]) -> list[float]:
    """Gauss with pivots: eight equations of eight numbers."""
    for column in range(8):
        pivot = max(range(column, 8), key=lambda row: abs(rows[row][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for row in range(8):
            if row != column:
                factor = rows[row][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[column], strict=True)]
    return [row[8] for row in rows]


def _glare(chance: random.Random) -> Image.Image:
    """A soft bright spot somewhere in the frame."""
    spot = Image.new("L", (WIDTH // 8, HEIGHT // 8), 0)
    x, y = chance.uniform(40, 120), chance.uniform(20, 70)
    ImageDraw.Draw(spot).ellipse((x - 14, y - 10, x + 14, y + 10), fill=70)
    return spot.filter(ImageFilter.GaussianBlur(6)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
