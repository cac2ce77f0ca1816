"""Any form of a badge in, what is signed out: text, file, picture, code, photograph or page with a code.

Nothing here is verified, and nothing is fetched: a QR code gives packed bytes, which are unpacked in `checks`
with the dictionaries of the trust bundle. What arrives is a stranger's, so every reader is bounded.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from schemas import badge_qr, base64url, strict_json
from schemas.badge_qr import BadgeQrError
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.verification import paper, photograph
from verifier.verification.errors import ReadingError

Form = Literal["jwt", "json", "png", "svg", "qr_text", "qr_photo", "pdf"]

MAX_TEXT_BYTES = 1 << 20  # STANDARDS j1, a request body; a badge is 4 kB
ENVELOPE_TYPE = "EnvelopedVerifiableCredential"
PRESENTATION_TYPE = "VerifiablePresentation"
ENVELOPE_PREFIX = "data:application/vc+jwt,"
_LONGEST_OLD_HEADER = 80  # characters: {"alg":"RS256","typ":"JWT"} and a short kid
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DESCRIPTION = re.compile(rb"<desc>([^<]{1,3000})</desc>")
_JWT = re.compile(r"[A-Za-z0-9_=+/-]+(?:\.[A-Za-z0-9_=+/-]*){2}")
_CODE_FAULTS: Mapping[str, tuple[str, str]] = {  # the code of something else, and no code at all
    "picture": (
        "The code in this picture is not the code of a badge.",
        "No code was found in this picture: photograph it closer, sharp and without glare.",
    ),
    "PDF": (
        "The code in this PDF is not the code of a badge.",
        "No code was found in this PDF: photograph it closer, sharp and without glare.",
    ),
}
_NO_BADGE = (
    "There is no badge in this: a badge file (.jwt, .json, .png, .svg), the text of its code,"
    " or a photograph of the code was expected."
)


@dataclass(frozen=True)
class ReadBadge:
    """A badge as it was found, in one of three garments: the compact JWT `token`, the `packed` bytes of a QR code,
    or the JSON text of a `document` with its proof inside.

    `opened`: what was made of it on the way, so that it is made once (as in `trust.Published`).
    """

    form: Form
    token: str | None = None
    packed: bytes | None = None
    document: str | None = None
    opened: dict[object, object] = field(default_factory=dict, compare=False, repr=False)  # by whoever opened it

    def __post_init__(self) -> None:
        if [self.token, self.packed, self.document].count(None) != 2:
            raise ValueError("A badge is either a token, or packed bytes, or a document.")

    @property
    def text(self) -> str:
        """One text that reads as the same badge again, so that a form can carry it to the next page."""
        if self.packed is not None:
            return badge_qr.to_desk_text(self.packed)
        return self.token or self.document or ""


def read(data: bytes) -> ReadBadge:
    """The badge in a file or text of any form.

    Raises:
        ReadingError: there is none, or it is in a form that is not read here; says what was expected.
    """
    if data.startswith(_PNG_SIGNATURE):
        return _from_png(data)
    if photograph.is_photograph(data):
        return _from_photograph(data)
    if len(data) > photograph.MAX_PICTURE_BYTES:
        raise ReadingError("The file is larger than 10 MiB; a badge never is.")
    if paper.is_pdf(data):
        return _from_codes(paper.texts_of_codes(data), form="pdf", where="PDF")
    start = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        return _from_svg(data)
    if len(data) > MAX_TEXT_BYTES:
        raise ReadingError("The text is larger than 1 MiB; a badge never is.")
    try:
        return read_text(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ReadingError(_NO_BADGE) from error


def read_text(text: str) -> ReadBadge:
    """The badge in a text: a compact JWT, a JSON document (enveloped, or with its proof inside), or the text of a
    QR code.

    Raises:
        ReadingError: as `read`.
    """
    text = text.strip()
    if text.startswith("{"):
        return _from_json(text, form="json")
    if text.startswith("OB1:") or ("/v" in text and re.match(r"(?i)https://", text) and "#" in text):
        return ReadBadge("qr_text", packed=_packed(text))
    if _JWT.fullmatch(text):
        if _is_old_token(text):
            raise ReadingError(_old_badge())
        return ReadBadge("jwt", token=text)
    if re.match(r"(?i)https?://\S+$", text):
        raise ReadingError(
            "This is the address of a page. To look there would tell its server that somebody looks: agree to"
            " that, or open it yourself, save the badge file, and give that here."
        )
    raise ReadingError("The text is empty." if not text else _NO_BADGE)


def read_secured(value: JsonValue) -> ReadBadge:
    """Any credential in a JSON value: a compact JWT as a text, an envelope, or a document, whatever it is about.

    Raises:
        ReadingError: it is neither, or an envelope of something else.
    """
    if isinstance(value, str):
        return ReadBadge("jwt", token=value)
    if not isinstance(value, dict):
        raise ReadingError("A credential is an object, or a compact JWT as a text.")
    if ENVELOPE_TYPE in _texts(value.get("type")):
        return _from_envelope(value, form="json")
    return ReadBadge("json", document=strict_json.dumps(value))


def _from_envelope(document: JsonObject, *, form: Form) -> ReadBadge:
    identity = document.get("id")
    if not isinstance(identity, str) or not identity.startswith(ENVELOPE_PREFIX):
        raise ReadingError(f"The envelope's id does not begin with {ENVELOPE_PREFIX}.")
    return ReadBadge(form, token=identity.removeprefix(ENVELOPE_PREFIX))


def _from_png(data: bytes) -> ReadBadge:
    """A baked picture, or a screenshot of a code: one need not be a sound PNG by the rules of the other."""
    from schemas import baking  # with a reader of XML, which a text never needs

    problem: baking.BakingError | None = None
    try:
        credential = baking.extract_png(data)
        if credential is not None:
            return _from_baked(credential, form="png")
    except baking.OpenBadges2Error as error:
        raise ReadingError(_old_badge()) from error
    except baking.BakingError as error:
        problem = error
    try:
        return _from_photograph(data)
    except ReadingError:
        if problem is not None:
            raise ReadingError(f"The picture cannot be read: {problem}") from problem
        raise


def _from_svg(data: bytes) -> ReadBadge:
    from schemas import baking

    try:
        credential = baking.extract_svg(data)
    except baking.OpenBadges2Error as error:
        raise ReadingError(_old_badge()) from error
    except baking.BakingError as error:
        raise ReadingError(f"The picture cannot be read as SVG: {error}") from error
    if credential is None and (described := _DESCRIPTION.search(data)) is not None:
        with suppress(BadgeQrError, UnicodeDecodeError):  # a code drawn as vectors says its text beside them
            return ReadBadge("qr_text", packed=badge_qr.read_text(described[1].decode()))
    if credential is None:
        raise ReadingError("There is no badge inside this SVG picture: social networks and editors strip it.")
    return _from_baked(credential, form="svg")


def _from_baked(credential: str, *, form: Form) -> ReadBadge:
    text = credential.strip()
    return _from_json(text, form=form) if text.startswith("{") else ReadBadge(form, token=text)


def _from_json(text: str, *, form: Form) -> ReadBadge:
    """An enveloped credential (VCDM 2.0 §4.13), or one with an embedded proof (§4.12); a clear sentence for every
    other JSON document.
    """
    try:
        document = strict_json.loads_object(text)
    except StrictJsonError as error:
        raise ReadingError(f"The JSON cannot be read: {error}") from error
    types = _texts(document.get("type"))
    if ENVELOPE_TYPE in types:
        return _from_envelope(document, form=form)
    if PRESENTATION_TYPE in types:
        return _from_presentation(document, form=form)
    if _is_old(document):
        raise ReadingError(_old_badge())
    if "proof" in document and "VerifiableCredential" in types:
        return ReadBadge(form, document=text)
    if "VerifiableCredential" in types:
        raise ReadingError("This JSON describes a badge, but nobody signed it: give the signed file here.")
    raise ReadingError("This JSON is no badge: an Open Badges 3.0 credential was expected.")


def _from_presentation(document: JsonObject, *, form: Form) -> ReadBadge:
    """The one badge in a wallet's presentation. Who presents it is not asked: it is looked at like any copy."""
    inside = document.get("verifiableCredential")
    listed = inside if isinstance(inside, list) else [inside]
    if len(listed) != 1 or not isinstance(listed[0], dict) or PRESENTATION_TYPE in _texts(listed[0].get("type")):
        raise ReadingError("This is a presentation that holds no badge, or several: give one badge out of it.")
    return _from_json(strict_json.dumps(listed[0]), form=form)


def _is_old(document: JsonObject) -> bool:
    """Whether a JSON document looks like Open Badges 1 or 2."""
    contexts = " ".join(_texts(document.get("@context")))
    named = "openbadges/v2" in contexts or "openbadges/v1" in contexts
    return named or "Assertion" in _texts(document.get("type")) or {"recipient", "badge"} <= document.keys()


def _is_old_token(text: str) -> bool:
    """Whether a token is a signed assertion of Open Badges 1 or 2: those name their key in the payload.

    A header that is long enough to name a DID's key is not looked behind: nearly every token is read once only.
    """
    header, payload, _ = text.split(".")
    if len(header) > _LONGEST_OLD_HEADER:
        return False
    try:
        return _is_old(strict_json.loads_object(base64url.decode(payload, what="payload")))
    except (base64url.Base64UrlError, StrictJsonError):
        return False


def _old_badge() -> str:
    return (
        "This is an Open Badges 2.0 badge, which cannot be verified here as 3.0:"
        " ask its issuer for an Open Badges 3.0 one."
    )


def _packed(text: str) -> bytes:
    try:
        return badge_qr.read_text(text)
    except BadgeQrError as error:
        raise ReadingError(f"The text of the code cannot be read: {error}") from error


def _from_photograph(data: bytes) -> ReadBadge:
    return _from_codes(photograph.texts_of_codes(data), form="qr_photo", where="picture")


def _from_codes(texts: tuple[str, ...], *, form: Form, where: str) -> ReadBadge:
    """The first of the codes that is a badge's."""
    for text in texts:
        try:
            return ReadBadge(form, packed=badge_qr.read_text(text))
        except BadgeQrError:
            continue
    other, none = _CODE_FAULTS[where]
    raise ReadingError(other if texts else none)


def _texts(value: JsonValue) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item for item in items if isinstance(item, str))
