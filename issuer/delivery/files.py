"""A badge as the files that people carry: JWT, JSON, pictures with the badge inside, QR codes. Pure.

The JSON is the badge as a document with its proof inside; all others hold the same signed token, byte for byte.
"""

from collections.abc import Mapping
from typing import Literal

from issuer.badges import catalogue, garments, picture
from issuer.badges.model import Badge, BadgeError
from issuer.delivery import codes
from schemas import baking, strict_json
from schemas.credential import VC_CONTEXT

FileForm = Literal["json", "jwt", "png", "svg", "qr-png", "qr-svg", "qr-url", "qr-text"]
CODES: tuple[FileForm, ...] = ("qr-png", "qr-svg", "qr-url", "qr-text")
MEDIA_TYPES: dict[FileForm, str] = {
    "json": "application/vc",
    "jwt": "application/vc+jwt",
    "png": "image/png",
    "svg": "image/svg+xml",
    "qr-png": "image/png",
    "qr-svg": "image/svg+xml",
    "qr-url": "text/plain",
    "qr-text": "text/plain",
}
_ENDINGS: Mapping[FileForm, str] = {
    "qr-png": "-code.png",
    "qr-svg": "-code.svg",
    "qr-url": "-code.txt",
    "qr-text": "-desk-code.txt",
}


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
    assert packed is not None
    match form:
        case "qr-png":
            return codes.png(codes.text_for_phones(packed, host=host))
        case "qr-svg":
            return codes.svg(codes.text_for_phones(packed, host=host))
        case "qr-url":
            return codes.text_for_phones(packed, host=host).encode()
        case "qr-text":
            return codes.text_for_desks(packed).encode()


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


def file_name(badge: Badge, form: FileForm) -> str:
    """A name to save it under: `contributor-2026.png`."""
    stem = f"{badge.award.achievement}-{badge.award.period.name.replace('/', '-')}"
    return stem + _ENDINGS.get(form, f".{form}")


def _art(badge: Badge) -> str:
    award = badge.award
    return picture.draw(catalogue.art(award))
