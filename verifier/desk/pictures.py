"""A code of a series as a picture: black squares on white, as SVG, which any screen and printer shows sharply."""

from typing import Final

from schemas import badge_qr

MODULE_PIXELS = 8
_ALPHANUMERIC: Final = 2  # the mode in which two characters take 11 bits (ISO/IEC 18004)
_BYTES: Final = 4
_ALPHABET: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


def draw(text: str) -> str:
    """The code of a text at error correction M with its quiet zone; best in the alphanumeric alphabet."""
    import qrcode
    from qrcode.util import QRData

    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=badge_qr.QUIET_ZONE_MODULES)
    plain = set(text) <= _ALPHABET
    code.add_data(QRData(text, mode=_ALPHANUMERIC if plain else _BYTES), optimize=0)
    code.make(fit=True)
    rows = code.get_matrix()
    size = len(rows)
    squares = "".join(
        f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, is_black in enumerate(row) if is_black
    )
    pixels = size * MODULE_PIXELS
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{pixels}" height="{pixels}" viewBox="0 0 {size} {size}"'
        f' shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path d="{squares}"/></svg>\n'
    )
