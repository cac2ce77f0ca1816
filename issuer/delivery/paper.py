"""A badge on one sheet of paper: picture, whose it is, until when, its code at true size, how to verify it. Pure.

The sheet is A4 and keeps to what Letter has, too. Text is set in fonts that come with the program, shaped as each
script asks for (HarfBuzz), so that a name is not a row of boxes; a name in a script for which no font is there is
left off, and the sheet says so. The code is 50 mm wide, or 60 mm from version 15 on, with its quiet zone
(DESK §3).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from issuer.ground.language import Voice
from issuer.ground.pages import day_in_words

if TYPE_CHECKING:
    from fpdf import FPDF

LEFT: Final = 22.0  # mm; a sheet is 210 mm wide
RIGHT: Final = 188.0
PICTURE: Final = 62.0
LOWEST: Final = 262.0  # Letter is 279 mm high, and printers leave a margin
INK, SOFT, ACCENT = (20, 24, 28), (84, 92, 99), (18, 58, 46)
_FONTS: Final = (  # family, package, what its file is called
    ("sans", "fontpkg_noto_sans", "NotoSans[[]wdth,wght[]].ttf"),
    ("arabic", "fontpkg_noto_sans_arabic", "*.ttf"),
    ("cjk", "cvttf_NotoSansCJK_Regular", "*.otf"),  # of the extra `cjk`: 16 MB, for those whose people need it
)
_SVG_TITLE: Final = re.compile(r"<title>.*?</title>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the sheet. `picture`: SVG; `code`: PNG of the QR code with its quiet zone, and its width in
    mm; None where the badge fits no code. `name`: as it stands in the badge, if it does. `thanks`: what for.
    `short_code`: of a badge that is public, else nothing.
    """

    community: str
    title: str
    name: str | None
    thanks: str
    picture: str
    alt: str
    code: tuple[bytes, int] | None
    verify_page: str
    policy_page: str
    issuer: str
    badge: str
    valid_until: datetime | None
    made_at: datetime
    short_code: str = ""


def sheet(of: Sheet, say: Voice) -> bytes:
    """The PDF: the same bytes for the same sheet."""
    pdf = _blank(of, say)
    _set_fonts(pdf, needed=f"{of.community}{of.title}{of.name or ''}{of.thanks}")
    _head(pdf, of, say)
    _code(pdf, of, say)
    _foot(pdf, of, say)
    return bytes(pdf.output())


def can_be_set(text: str) -> bool:
    """Whether the fonts at hand have every character of a text."""
    return all(any(ord(one) in _characters(family) for family, *_ in _FONTS) for one in text if not one.isspace())


def _blank(of: Sheet, say: Voice) -> "FPDF":
    from fpdf import FPDF  # heavy, and most of what imports this module makes no PDF

    pdf = FPDF(orientation="portrait", unit="mm", format="A4")
    pdf.set_auto_page_break(False)
    pdf.c_margin = 0
    pdf.set_creation_date(of.made_at)
    pdf.set_lang(say.code)
    pdf.set_title(f"{of.title} · {of.community}")
    pdf.set_author(of.community)
    pdf.set_creator("Badgewright")
    pdf.add_page()
    return pdf


def _set_fonts(pdf: "FPDF", *, needed: str) -> None:
    """The fonts that the texts need; the one for Chinese, Japanese and Korean is large and seldom needed."""
    wanted = ["sans"]
    rest = {one for one in needed if not one.isspace() and ord(one) not in _characters("sans")}
    for family, *_ in _FONTS[1:]:
        if any(ord(one) in _characters(family) for one in rest):
            wanted.append(family)
            rest = {one for one in rest if ord(one) not in _characters(family)}
    for family in wanted:
        file = _file(family)
        assert file is not None, "the program comes with a font for Latin scripts"
        pdf.add_font(family, "", file)
    pdf.set_fallback_fonts(wanted[1:], exact_match=False)
    pdf.set_text_shaping(True)


@cache
def _file(family: str) -> Path | None:
    """Where a font's file is; None if its package is not there."""
    package, pattern = next((package, pattern) for name, package, pattern in _FONTS if name == family)
    if find_spec(package) is None:
        return None
    return next(iter(sorted(Path(str(files(package))).rglob(pattern))), None)


@cache
def _characters(family: str) -> frozenset[int]:
    """The characters that a font has."""
    from fontTools.ttLib import TTFont

    file = _file(family)
    if file is None:
        return frozenset()
    with TTFont(file, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _head(pdf: "FPDF", of: Sheet, say: Voice) -> None:
    """Picture and facts side by side."""
    art = _SVG_TITLE.sub("", of.picture)  # the alternative text says it
    pdf.image(BytesIO(art.encode()), x=LEFT, y=20, w=PICTURE, h=PICTURE, alt_text=of.alt)
    x, width = LEFT + PICTURE + 10, RIGHT - LEFT - PICTURE - 10
    pdf.set_y(24)
    _text(pdf, of.community, x=x, width=width, size=11, colour=SOFT)
    _text(pdf, of.title, x=x, width=width, size=22, colour=ACCENT, bold=True, space=2)
    if of.name and can_be_set(of.name):
        _text(pdf, of.name, x=x, width=width, size=15, bold=True, space=2)
    elif of.name:
        said = say("The name in the badge cannot be set in the fonts of this office; the code has it.")
        _text(pdf, said, x=x, width=width, size=9, colour=SOFT, space=2)
    if of.thanks:
        _text(pdf, of.thanks, x=x, width=width, size=11, space=2)
    if of.valid_until is not None:
        until = day_in_words(of.valid_until, say)
        _text(pdf, say("Valid until %(day)s", day=until), x=x, width=width, size=11, bold=True)


def _code(pdf: "FPDF", of: Sheet, say: Voice) -> None:
    """The code at true size, and beside it what to do with it."""
    top = max(96.0, pdf.get_y() + 8)
    pdf.set_draw_color(*SOFT)
    pdf.set_line_width(0.2)
    pdf.line(LEFT, top - 4, RIGHT, top - 4)
    width = 0
    if of.code is not None:
        drawn, width = of.code
        alt = say("QR code with the whole badge")
        pdf.image(BytesIO(drawn), x=LEFT, y=top, w=width, h=width, alt_text=alt)
    x = LEFT + (width + 8 if width else 0)
    pdf.set_y(top + 2)
    _text(pdf, say("How to verify it"), x=x, width=RIGHT - x, size=14, colour=ACCENT, bold=True, space=2)
    for step in _steps(of, say):
        _text(pdf, step, x=x, width=RIGHT - x, size=10.5, space=2)
    pdf.set_y(max(pdf.get_y(), top + width) + 4)


def _steps(of: Sheet, say: Voice) -> Sequence[str]:
    if of.code is None:
        return (
            say("This badge does not fit a code on paper: its name or its signature is too long for one."),
            say("Ask its holder for the picture or the file, and give that to any verify page."),
        )
    return (
        say(
            "Point a phone’s camera at the code: it opens %(page)s, which checks the badge there.",
            page=of.verify_page,
        ),
        say("Or give this PDF, or a photograph of the code, to whoever takes badges of this issuer."),
        say("At a desk it is scanned as it is. Print at 100 %%: the code is %(width)s mm wide.", width=of.code[1]),
    )


def _foot(pdf: "FPDF", of: Sheet, say: Voice) -> None:
    """What the paper is worth, and where everything stands."""
    copy = say(
        "A copy proves what was earned, not who shows it: compare the name with an ID, or ask for more proof."
    )
    nameless = say("This badge carries no name: it proves what was earned, and not by whom.")
    _text(pdf, copy if of.name else nameless, x=LEFT, width=RIGHT - LEFT, size=10.5, space=3)
    for label, value in (
        (say("Issued by"), of.issuer),
        (say("Rules"), of.policy_page),
        (say("Badge"), of.badge),
        (say("Short code, for a desk with a network"), of.short_code),
    ):
        if not value:
            continue
        line = say("%(label)s: %(value)s", label=label, value=value)
        _text(pdf, line, x=LEFT, width=RIGHT - LEFT, size=8, colour=SOFT, space=0.5)


def _text(
    pdf: "FPDF",
    text: str,
    *,
    x: float,
    width: float,
    size: float,
    colour: tuple[int, int, int] = INK,
    bold: bool = False,
    space: float = 1,
) -> None:
    """A paragraph below what is there, broken into lines; one that would leave the sheet ends."""
    from fpdf.enums import TextMode

    height = size * 0.48
    pdf.set_font("sans", "", size)
    pdf.set_text_color(*colour)
    pdf.set_draw_color(*colour)
    pdf.set_line_width(size * 0.008)  # bold is the regular face with an outline: no second font in each file
    pdf.text_mode = TextMode.FILL_STROKE if bold else TextMode.FILL
    lines: Any = pdf.multi_cell(width, height, text, dry_run=True, output="LINES", align="L")
    fitting = max(int((LOWEST - pdf.get_y()) / height), 1)
    pdf.set_x(x)
    pdf.multi_cell(width, height, "\n".join(lines[:fitting]), align="L", new_x="LEFT", new_y="NEXT")
    pdf.set_y(pdf.get_y() + space)
