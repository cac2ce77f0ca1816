"""A badge as the files that people carry: JWT, JSON, pictures with the badge inside, QR codes, a sheet of paper,
all of them in one archive; and how others link to a published one. Pure.

The JSON is the badge as a document with its proof inside; all others hold the same signed token, byte for byte.
"""

import zipfile
from collections.abc import Mapping
from datetime import datetime
from html import escape
from io import BytesIO
from typing import Literal
from urllib.parse import urlencode

from issuer.badges import catalogue, garments, picture
from issuer.badges.model import Badge, BadgeError
from issuer.badges.service import read_own, short_code
from issuer.delivery import codes, paper
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.ground.pages import day_in_words
from issuer.recognition import sentences
from schemas import badge_qr, baking, strict_json
from schemas.credential import VC_CONTEXT

FileForm = Literal[
    "json", "jwt", "png", "svg", "qr-png", "qr-svg", "qr-url", "qr-text", "pdf", "zip", "embed", "linkedin"
]
CODES: tuple[FileForm, ...] = ("qr-png", "qr-svg", "qr-url", "qr-text")
WITH_CODE: tuple[FileForm, ...] = (*CODES, "pdf", "zip")  # the last two do without one that does not fit
FOR_OTHERS: tuple[FileForm, ...] = ("embed", "linkedin")  # they name the public page
ARCHIVED: tuple[FileForm, ...] = ("png", "svg", "json", "jwt", "qr-png", "qr-svg", "pdf")
EMBEDDED_PIXELS = 200
LINKEDIN = "https://www.linkedin.com/profile/add"
MEDIA_TYPES: dict[FileForm, str] = {
    "json": "application/vc",
    "jwt": "application/vc+jwt",
    "png": "image/png",
    "svg": "image/svg+xml",
    "qr-png": "image/png",
    "qr-svg": "image/svg+xml",
    "qr-url": "text/plain",
    "qr-text": "text/plain",
    "pdf": "application/pdf",
    "zip": "application/zip",
    "embed": "text/html; charset=utf-8",
    "linkedin": "text/plain",
}
_ENDINGS: Mapping[FileForm, str] = {
    "qr-png": "-code.png",
    "qr-svg": "-code.svg",
    "qr-url": "-code.txt",
    "qr-text": "-desk-code.txt",
    "embed": "-embed.html",
    "linkedin": "-linkedin.txt",
}


def make(
    badge: Badge, form: FileForm, *, packed: bytes | None = None, host: str = "", say: Voice = IN_ENGLISH
) -> bytes:
    """The badge in one form. `packed`: for what holds a QR code; a PDF or archive of one that fits no code goes
    without. `host`: where the issuer's documents are. `say`: in the language of its holder, where there are words.

    Raises:
        BadgeError: the badge is not signed yet, fits no code, or is not published where a link leads to its page.
    """
    if badge.jwt is None:
        raise BadgeError("This badge is not signed yet; 'issue' signs it.")
    if form in FOR_OTHERS and not (badge.published and badge.state == "in force"):
        raise BadgeError("This badge is not published: only its holder can let others see it, on their page.")
    match form:
        case "jwt":
            return badge.jwt.encode()
        case "json":
            return as_json(badge.jwt, proof=badge.proof)
        case "png":
            return baking.bake_png(picture.to_png(_art(badge)), badge.jwt)
        case "svg":
            return baking.bake_svg(_art(badge).encode(), badge.jwt)
        case "pdf":
            return paper.sheet(_sheet(badge, badge.jwt, packed, host=host, say=say), say)
        case "zip":
            return _archive(badge, packed, host=host, say=say)
        case "embed":
            return embed(badge, host=host, say=say).encode()
        case "linkedin":
            return linkedin(badge, host=host, say=say).encode()
    if packed is None:
        raise BadgeError("This badge is too large for a QR code that phones can read; use its file or picture.")
    match form:
        case "qr-png":
            return codes.png(codes.text_for_phones(packed, host=host))
        case "qr-svg":
            return codes.svg(codes.text_for_phones(packed, host=host))
        case "qr-url":
            return codes.text_for_phones(packed, host=host).encode()
        case "qr-text":
            return codes.text_for_desks(packed).encode()


def title(badge: Badge, say: Voice = IN_ENGLISH) -> str:
    """`Contributor 2026`."""
    return f"{catalogue.title(badge.award, say)} {badge.award.period.name}"


def thanks(badge: Badge, say: Voice = IN_ENGLISH) -> str:
    """What somebody is thanked for, in a sentence."""
    narrative = read_own(badge.jwt).credentialSubject.narrative if badge.jwt else None
    if narrative:
        return f"{narrative}."
    counted = sentences.thanks_again(badge.award.thanks, say) if badge.award.thanks else ""
    return say("For %(what)s.", what=counted) if counted else say("For what you did.")


def embed(badge: Badge, *, host: str, say: Voice = IN_ENGLISH) -> str:
    """HTML for a page of one's own: the published picture, which leads to the badge's public page."""
    page, alt = _public_page(badge, host), picture.alt_text(catalogue.art(badge.award), say)
    side = EMBEDDED_PIXELS
    return (
        f'<a href="{escape(page)}/"><img src="{escape(page)}/badge.png" alt="{escape(alt)}" width="{side}"'
        f' height="{side}"></a>\n'
    )


def linkedin(badge: Badge, *, host: str, say: Voice = IN_ENGLISH) -> str:
    """The address at which LinkedIn offers to add the badge to a profile, by its documented parameters. Nothing is
    told to LinkedIn before its holder follows it.
    """
    read, issued = read_own(badge.jwt or ""), badge.award.made_at
    fields = {
        "startTask": "CERTIFICATION_NAME",
        "name": title(badge, say),
        "organizationName": read.issuer.name or read.issuer.id,
        "issueYear": issued.year,
        "issueMonth": issued.month,
        "certUrl": f"{_public_page(badge, host)}/",
        "certId": badge.id,
    }
    if read.validUntil is not None:
        fields |= {"expirationYear": read.validUntil.year, "expirationMonth": read.validUntil.month}
    return f"{LINKEDIN}?{urlencode(fields)}"


def _public_page(badge: Badge, host: str) -> str:
    return catalogue.Addresses(f"https://{host}").badge_page(badge.short_id)


def _sheet(badge: Badge, jwt: str, packed: bytes | None, *, host: str, say: Voice) -> paper.Sheet:
    """What a badge's paper says: what the badge itself says, and of a public one where desks find it."""
    read = read_own(jwt)
    code = None
    if packed is not None:
        text = codes.text_for_phones(packed, host=host)
        version = badge_qr.smallest_version(len(packed), form="url", prefix_characters=text.index("#") + 1)
        code = None if version is None else (codes.png(text), badge_qr.print_size_mm(version))
    return paper.Sheet(
        community=read.issuer.name or read.issuer.id,
        title=title(badge, say),
        name=read.credentialSubject.name,
        thanks=thanks(badge, say),
        picture=_art(badge),
        alt=picture.alt_text(catalogue.art(badge.award), say),
        code=code,
        verify_page=f"https://{host}/v",
        policy_page=read.credentialSubject.achievement.criteria.id or "",
        issuer=read.issuer.id,
        badge=badge.id,
        valid_until=read.validUntil,
        made_at=read.validFrom,
        short_code=short_code(badge) if badge.published else "",
    )


def _archive(badge: Badge, packed: bytes | None, *, host: str, say: Voice) -> bytes:
    """Every file in one archive, in one order and with the badge's own date: the same bytes each time."""
    assert badge.jwt is not None
    read, stream = read_own(badge.jwt), BytesIO()
    forms = [form for form in ARCHIVED if packed is not None or form not in CODES]
    if badge.published and badge.state == "in force":
        forms.append("embed")
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in [
            ("README.txt", _read_me(badge, forms, until=read.validUntil, say=say).encode()),
            *((file_name(badge, form), make(badge, form, packed=packed, host=host, say=say)) for form in forms),
        ]:
            entry = zipfile.ZipInfo(name, date_time=read.validFrom.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, body)
    return stream.getvalue()


def _read_me(badge: Badge, forms: list[FileForm], *, until: datetime | None, say: Voice) -> str:
    """What each file of the archive is for."""
    uses: Mapping[FileForm, str] = {
        "png": say("the picture; the signed badge is inside. For pages, mails, and most badge collections."),
        "svg": say("the same as a drawing, sharp at any size; the signed badge is inside."),
        "json": say("the badge as a document with its proof inside. For programs and wallets."),
        "jwt": say("the badge as a signed token. For programs and wallets."),
        "qr-png": say("the whole badge as a code, for a phone’s screen and for registration desks."),
        "qr-svg": say("the same code for print, at its true size."),
        "pdf": say("one page for print, with picture, code, and how to verify it."),
        "embed": say("HTML that shows the badge on a page of your own; only while it is published."),
    }
    lines = [title(badge, say), "=" * len(title(badge, say)), "", thanks(badge, say)]
    if until is not None:
        lines.append(say("Valid until %(day)s", day=day_in_words(until, say)) + ".")
    lines.append("")
    lines += [f"{file_name(badge, form)}\n    {uses[form]}" for form in forms]
    if "qr-png" not in forms:
        lines += ["", say("There is no code: this badge is too large for one that phones can read.")]
    lines += [
        "",
        say(
            "A copy proves what was earned, not who shows it. Your holder code is in none of these files: keep it."
        ),
    ]
    return "\n".join(lines) + "\n"


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


def file_name(badge: Badge, form: FileForm, *, named: bool = False) -> str:
    """A name to save it under: `contributor-2026.png`. `named`: it is a copy with its holder's name."""
    stem = f"{badge.award.achievement}-{badge.award.period.name.replace('/', '-')}{'-named' if named else ''}"
    return stem + _ENDINGS.get(form, f".{form}")


def _art(badge: Badge) -> str:
    award = badge.award
    return picture.draw(catalogue.art(award))
