"""The QR code of a badge: its text in both forms, and the URL form as PNG and SVG (DESK §3, §4). Pure.

The picture is drawn by zxing-cpp, which finds the shortest segments by itself; that they are the explicit ones of
DESK, drawn by `qrcode`, is what the tests compare it with.
"""

import io

import zxingcpp
from PIL import Image

from schemas import badge_qr

MODULE_PIXELS = 8  # 81 modules with the quiet zone make 648 pixels: 330 to the inch at 50 mm


def text_for_desks(packed: bytes) -> str:
    """`OB1:…`: smaller, and read by desks only."""
    return badge_qr.to_desk_text(packed)


def text_for_phones(packed: bytes, *, host: str) -> str:
    """`https://<host>/v#…`: any phone's camera opens the verify page with it."""
    return badge_qr.to_url_text(packed, host=host)


def png(text: str) -> bytes:
    """The code at error correction M with its quiet zone, black on white, as PNG."""
    badge_qr.read_text(text)  # only what a desk can read is worth drawing
    return _png(text)


def lookup_png(page: str) -> bytes:
    """A small code that leads to a badge's public page, for one that fits none: it needs a network (DESK §4)."""
    return _png(page)


def offer_png(link: str) -> bytes:
    """An offer to a wallet by its address (DESK §3: at most version 7 for the addresses that offices have)."""
    return _png(link)


def _png(text: str) -> bytes:
    side, modules = _modules(text)
    picture = Image.frombytes("L", (side, side), modules).convert("1", dither=Image.Dither.NONE)
    stream = io.BytesIO()
    picture.resize((side * MODULE_PIXELS,) * 2, Image.Resampling.NEAREST).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def svg(text: str) -> bytes:
    """The same as SVG, as wide as it is printed: 50 mm, from version 15 on 60 mm. Its text stands in `desc`, for
    readers that draw no vectors.
    """
    badge_qr.read_text(text)
    side, modules = _modules(text)
    version = (side - 2 * badge_qr.QUIET_ZONE_MODULES - 17) // 4
    width = badge_qr.print_size_mm(version) if version <= badge_qr.HARD_LIMIT_VERSION else 60
    runs = "".join(_runs(modules[row * side : (row + 1) * side], row) for row in range(side))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" width="{width}mm" height="{width}mm"'
        f' shape-rendering="crispEdges"><desc>{text}</desc><path fill="#fff" d="M0 0h{side}v{side}H0z"/>'
        f'<path d="{runs}"/></svg>'
    ).encode()


def _modules(text: str) -> tuple[int, bytes]:
    """How many modules wide the code is with its quiet zone, and each of them row by row: 0 is black."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    drawn = memoryview(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=True))  # type: ignore[arg-type]
    assert drawn.shape is not None
    return drawn.shape[0], bytes(drawn)


def _runs(row: bytes, number: int) -> str:
    """The black runs of one row as a path."""
    path, column = [], 0
    while (start := row.find(b"\0", column)) >= 0:
        end = row.find(b"\xff", start)
        column = len(row) if end < 0 else end
        path.append(f"M{start} {number}h{column - start}v1h-{column - start}z")
    return "".join(path)
