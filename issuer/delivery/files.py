"""A badge as the files that people carry: JWT, JSON, pictures with the badge inside, QR codes. Pure.

The JSON is the badge as a document with its proof inside; all others hold the same signed token, byte for byte.
"""

import io
from collections.abc import Mapping
from typing import Literal

from issuer.badges import catalogue, garments, picture
from issuer.badges.model import Badge, BadgeError
from schemas import badge_qr, baking, strict_json
from schemas.credential import VC_CONTEXT

FileForm = Literal["json", "jwt", "png", "svg", "qr-png"]
MEDIA_TYPES: dict[FileForm, str] = {
    "json": "application/vc",
    "jwt": "application/vc+jwt",
    "png": "image/png",
    "svg": "image/svg+xml",
    "qr-png": "image/png",
}
# The modes of ISO/IEC 18004 by their indicators.
_QR_MODES: Mapping[badge_qr.SegmentMode, Literal[1, 2, 4]] = {"numeric": 1, "alphanumeric": 2, "byte": 4}
QR_MODULE_PIXELS = 10  # 73 modules make 810 pixels: sharp on a phone and at 50 mm in print


def make(badge: Badge, form: FileForm, *, packed: bytes | None = None, host: str = "") -> bytes:
    """The badge in one form; `packed` and `host` are needed for the QR code.

    Raises:
        BadgeError: the badge is not signed yet.
    """
    if badge.jwt is None:
        raise BadgeError("This badge is not signed yet; 'issue' signs it.")
    match form:
        case "jwt":
            return badge.jwt.encode()
        case "json":
            return as_json(badge.jwt, proof=badge.proof)
        case "png":
            return baking.bake_png(picture.to_png(_art(badge)), badge.jwt)
        case "svg":
            return baking.bake_svg(_art(badge).encode(), badge.jwt)
        case "qr-png":
            assert packed is not None
            return qr_png(badge_qr.to_url_text(packed, host=host))


def as_json(jwt: str, *, proof: str | None) -> bytes:
    """The badge as a document with its proof inside; of a badge from before there were any, an envelope around the
    token (VC-JOSE-COSE 1.0 §3.2.1).
    """
    if proof is not None:
        return strict_json.dumps(garments.as_document(jwt, proof)).encode()
    enveloped = {
        "@context": VC_CONTEXT,
        "id": f"data:application/vc+jwt,{jwt}",
        "type": "EnvelopedVerifiableCredential",
    }
    return strict_json.dumps(enveloped).encode()


def qr_png(text: str) -> bytes:
    """A QR code at error correction M with its quiet zone, black on white, as PNG (DESK §3, §4)."""
    import qrcode
    from qrcode.util import QRData

    code = qrcode.QRCode(
        error_correction=qrcode.constants.ERROR_CORRECT_M,
        box_size=QR_MODULE_PIXELS,
        border=badge_qr.QUIET_ZONE_MODULES,
    )
    for part, mode in badge_qr.qr_segments(text):
        code.add_data(QRData(part.encode("ascii"), mode=_QR_MODES[mode]), optimize=0)
    code.make(fit=True)
    stream = io.BytesIO()
    code.make_image().save(stream, "PNG")
    return stream.getvalue()


def file_name(badge: Badge, form: FileForm) -> str:
    """A name to save it under: `contributor-2026.png`."""
    stem = f"{badge.award.achievement}-{badge.award.period.name.replace('/', '-')}"
    return f"{stem}-code.png" if form == "qr-png" else f"{stem}.{form}"


def _art(badge: Badge) -> str:
    award = badge.award
    return picture.draw(catalogue.picture(award.achievement, award.period, mark=award.mark))
