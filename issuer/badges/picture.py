"""The drawn badge: a picture from (tier, kind, period), the same on every machine.

A wreath that grows with the tier and the dots inside say the tier, a mark in the middle says the kind, a ribbon
says the period. All of it can be told apart without colour, at 64 pixels, and printed at 20 mm. Digits are strokes
of our own, so no font is needed or asked for.

It knows nothing of people or awards, and no credential is in it: `schemas.baking` puts one in. A community that
wants other colours passes its own mapping to `draw`; one that wants other pictures serves its own files.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Final, Literal

from issuer.badges.model import BadgeError
from issuer.ground.language import IN_ENGLISH, Voice

Tier = Literal["recognised", "contributor", "sustained", "by_decision", "kind"]

COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ink": "#123a2e",  # outlines, marks, the ribbon
        "paper": "#fbfaf6",  # the medallion, so that the badge stands on a dark page too; the period's digits
        "fold": "#0a241c",  # the folded ends of the ribbon
        "recognised": "#6aa68f",  # leaves, from light to dark as the wreath grows
        "recognised-ground": "#e9f3ee",
        "contributor": "#3a8a71",
        "contributor-ground": "#d8ebe3",
        "sustained": "#1c6b52",
        "sustained-ground": "#c6e2d6",
        "by_decision": "#8a6a1f",  # no leaves, a plain double ring
        "by_decision-ground": "#f4ead2",
        "kind": "#2f5f8f",  # a ring of beads: neither leaves nor dots, it is above and below nothing
        "kind-ground": "#dfe9f3",
    }
)

DEFAULT_KIND: Final = "community"
MAX_KIND_CHARACTERS: Final = 60  # it is read aloud with the picture
MAX_PERIOD_CHARACTERS: Final = 9  # "2026-2027"; more would be too small on the ribbon to read in print
MAX_PIXELS: Final = 4096  # 64 MB while it is drawn

TIER_WORDS: Final[Mapping[Tier, str]] = MappingProxyType(
    {
        "recognised": "Recognised",
        "contributor": "Contributor",
        "sustained": "Sustained contributor",
        "by_decision": "Recognised by decision",
        "kind": "For one kind of work",
    }
)


class PictureError(BadgeError):
    """A badge that cannot be drawn; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a badge's picture says; KINDS have marks of their own, any other kind is drawn as `community`.

    Raises PictureError for an unknown tier, a kind that is not 1 to 60 printable characters, and a period that is
    not 1 to 9 digits, slashes and hyphens.
    """

    tier: Tier
    kind: str
    period: str

    def __post_init__(self) -> None:
        if self.tier not in TIER_WORDS:
            raise PictureError(f"A badge's tier is one of {', '.join(TIER_WORDS)}, not {self.tier!a}.")
        if not 0 < len(self.kind) <= MAX_KIND_CHARACTERS or not self.kind.isprintable():
            raise PictureError(f"A badge's kind has 1 to {MAX_KIND_CHARACTERS} printable characters.")
        if not 0 < len(self.period) <= MAX_PERIOD_CHARACTERS or not set(self.period) <= set(_GLYPHS):
            raise PictureError(
                f"A badge's period has 1 to {MAX_PERIOD_CHARACTERS} digits, slashes and hyphens, such as 2026/27."
            )


def draw(picture: Picture, *, colours: Mapping[str, str] = COLOURS) -> str:
    """The badge as SVG text, square, with its words as title and label.

    `colours` has every name of COLOURS; a missing one raises PictureError.
    """
    missing = sorted(set(COLOURS) - set(colours))
    if missing:
        raise PictureError(f"The colours of a badge lack {', '.join(missing)}.")
    words = escape(alt_text(picture))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 512 512" role="img" aria-label="{words}">',
        f"<title>{words}</title>",
        f'<circle cx="256" cy="256" r="252" fill="{colours["paper"]}"/>',
        *_frame(picture.tier, colours=colours),
        *_mark(picture.kind, ink=colours["ink"]),
        *filter(None, [_tier_sign(picture.tier, ink=colours["ink"])]),
        *_ribbon(picture.period, colours=colours),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def alt_text(picture: Picture, say: Voice = IN_ENGLISH) -> str:
    """What the picture says, in words, for those who do not see it."""
    kind = picture.kind.replace("_", " ").replace("-", " ")
    return f"{say(TIER_WORDS[picture.tier])}, {say(kind)}, {picture.period}"


def to_png(svg: str, *, pixels: int = 512) -> bytes:
    """An SVG of ours as a square PNG of `pixels` by `pixels` with a transparent ground.

    Only for what `draw` made: a stranger's SVG may refer to files. Raises PictureError for a size outside 16 to
    4096 and for an SVG that cannot be drawn.
    """
    if not 16 <= pixels <= MAX_PIXELS:
        raise PictureError(f"A badge is drawn from 16 to {MAX_PIXELS} pixels wide, not {pixels}.")
    from resvg_py import svg_to_bytes  # heavy, and most of what imports this module never makes a bitmap

    try:
        return svg_to_bytes(svg_string=svg, width=pixels, height=pixels, skip_system_fonts=True)
    except ValueError as error:
        raise PictureError("The badge's SVG cannot be drawn as a PNG.") from error


# ── the frame: the disc, and the wreath or ring around it ────────────────────────────────────────────

_CENTRE_X: Final = 256.0
_CENTRE_Y: Final = 222.0
_DISC_RADIUS: Final = 142.0
_WREATH_RADIUS: Final = 182.0
_LEAF: Final = 46.0  # length of a leaf
_BEAD: Final = 13.0  # radius
_STEM_DEGREES: Final = 20.0  # from the bottom: the ribbon hides where the stem begins
_FIRST_LEAF_DEGREES: Final = 35.0
_DEGREES_PER_PAIR: Final = 17.0
_LEAF_PAIRS: Final[Mapping[Tier, int]] = MappingProxyType(
    {"recognised": 3, "contributor": 5, "sustained": 8}  # a third, more than half, and all of the way to the top
)


def _frame(tier: Tier, *, colours: Mapping[str, str]) -> Iterator[str]:
    colour, ground = colours[tier], colours[f"{tier}-ground"]
    pairs = _LEAF_PAIRS.get(tier)
    if tier == "kind":
        yield _beads(colour=colour)
    elif pairs is None:
        for radius, width in ((_WREATH_RADIUS + 10, 10), (_WREATH_RADIUS - 12, 4)):
            yield f'{_circle_element(radius)} fill="none" stroke="{colour}" stroke-width="{width}"/>'
    else:
        yield _wreath(pairs, colour=colour)
    ink = colours["ink"]
    yield f'{_circle_element(_DISC_RADIUS)} fill="{ground}" stroke="{ink}" stroke-width="7"/>'


def _circle_element(radius: float) -> str:
    return f'<circle cx="{_CENTRE_X:g}" cy="{_CENTRE_Y:g}" r="{radius:g}"'


def _beads(*, colour: str) -> str:
    """A ring of beads, all around but for where the ribbon lies."""
    places = (_on_wreath(degrees) for degrees in range(-165, 181, 15) if abs(degrees) >= _STEM_DEGREES)
    return f'<path d="{"".join(_circle(round(x, 1), round(y, 1), _BEAD) for x, y in places)}" fill="{colour}"/>'


def _wreath(pairs: int, *, colour: str) -> str:
    """Two arms from behind the ribbon upward, mirror images: stem, pairs of leaves, one leaf at the tip."""
    last = _FIRST_LEAF_DEGREES + _DEGREES_PER_PAIR * (pairs - 1)
    leaves = []
    for number in range(pairs):
        degrees = _FIRST_LEAF_DEGREES + _DEGREES_PER_PAIR * number
        leaves += [_leaf(degrees, turn=-38), _leaf(degrees, turn=38)]
    tip = last + 7
    leaves.append(_leaf(tip, turn=0))
    start, end = _on_wreath(_STEM_DEGREES), _on_wreath(tip)
    stem = f"M{_point(*start)}A{_WREATH_RADIUS:g} {_WREATH_RADIUS:g} 0 0 0 {_point(*end)}"
    arm = (
        f'<path d="{stem}" fill="none" stroke="{colour}" stroke-width="6" stroke-linecap="round"/>'
        f'<path d="{"".join(leaves)}" fill="{colour}"/>'
    )
    return f'<g>{arm}</g>\n<g transform="matrix(-1 0 0 1 {2 * _CENTRE_X:g} 0)">{arm}</g>'


def _on_wreath(degrees: float) -> tuple[float, float]:
    """The point of the right arm at this angle, counted from the bottom."""
    angle = math.radians(90 - degrees)
    return _CENTRE_X + _WREATH_RADIUS * math.cos(angle), _CENTRE_Y + _WREATH_RADIUS * math.sin(angle)


def _leaf(degrees: float, *, turn: float) -> str:
    """A leaf that grows from the stem at `degrees`, turned from the stem's direction; a closed path."""
    x, y = _on_wreath(degrees)
    heading = math.radians(-degrees + turn)
    cos, sin = math.cos(heading), math.sin(heading)

    def at(along: float, across: float) -> str:
        along, across = along * _LEAF, across * _LEAF
        return _point(x + along * cos - across * sin, y + along * sin + across * cos)

    there = f"{at(0.3, -0.34)} {at(0.7, -0.34)} {at(1, 0)}"
    back = f"{at(0.7, 0.34)} {at(0.3, 0.34)} {at(0, 0)}"
    return f"M{at(0, 0)}C{there}C{back}Z"


def _point(x: float, y: float) -> str:
    return f"{x:.1f} {y:.1f}"


# ── the sign of the tier, inside the disc ────────────────────────────────────────────────────────────

_SIGN_Y: Final = 324.0
_DOTS: Final[Mapping[Tier, int]] = MappingProxyType({"recognised": 1, "contributor": 2, "sustained": 3})


def _tier_sign(tier: Tier, *, ink: str) -> str:
    if tier == "kind":
        return ""
    dots = _DOTS.get(tier)
    if dots is None:  # a lozenge: it stands outside the row of one, two, three
        return f'<path d="M256 {_SIGN_Y - 15:g}l22 15-22 15-22-15Z" fill="{ink}"/>'
    first = _CENTRE_X - (dots - 1) * 17
    circles = "".join(_circle(first + 34 * number, _SIGN_Y, 11) for number in range(dots))
    return f'<path d="{circles}" fill="{ink}"/>'


# ── marks: one for each kind, in a box of 160 by 160 around (0, 0) ───────────────────────────────────


def _circle(x: float, y: float, radius: float) -> str:
    """A circle as a closed path."""
    half = f"a{radius:g} {radius:g} 0 1 0"
    return f"M{x - radius:g} {y:g}{half} {2 * radius:g} 0{half} {-2 * radius:g} 0Z"


def _rectangle(x: float, y: float, width: float, height: float, *, corner: float) -> str:
    """A rectangle with round corners as a closed path."""
    arc = f"a{corner:g} {corner:g} 0 0 1"
    across, down = width - 2 * corner, height - 2 * corner
    return (
        f"M{x + corner:g} {y:g}h{across:g}{arc} {corner:g} {corner:g}v{down:g}{arc} {-corner:g} {corner:g}"
        f"h{-across:g}{arc} {-corner:g} {-corner:g}v{-down:g}{arc} {corner:g} {-corner:g}Z"
    )


@dataclass(frozen=True, slots=True)
class _Mark:
    """Paths that are drawn as lines, and paths that are filled."""

    lines: str
    fills: str = ""


_MARKS: Final[Mapping[str, _Mark]] = MappingProxyType(
    {
        "organiser": _Mark(  # three people: whoever brings others together
            lines=_circle(0, -34, 25)
            + _circle(-60, -22, 17)
            + _circle(60, -22, 17)
            + "M-42 62C-42 26 -24 10 0 10S42 26 42 62M-84 54C-84 28 -74 16 -58 16M84 54C84 28 74 16 58 16"
        ),
        "operator": _Mark(  # two machines in a rack
            lines=_rectangle(-72, -66, 144, 54, corner=11)
            + _rectangle(-72, 8, 144, 54, corner=11)
            + "M-44 -39H-12M-44 35H-12",
            fills=_circle(42, -39, 10) + _circle(42, 35, 10),
        ),
        "developer": _Mark(lines="M-38 -48L-82 0L-38 48M38 -48L82 0L38 48M16 -64L-16 64"),  # code in brackets
        "reviewer": _Mark(  # a lens, and what it found to be good
            lines=_circle(-10, -12, 56) + "M32 30L74 72M-36 -12L-16 8L18 -30"
        ),
        "translator": _Mark(  # a letter of one script and a sign of another
            lines="M-82 68L-42 -34L-2 68M-66 32H-18"
            "M44 -76V-58M2 -50H86M68 -50C60 -16 36 14 6 30M20 -50C30 -18 54 12 84 30"
        ),
        "speaker": _Mark(  # a microphone
            lines=_rectangle(-27, -80, 54, 98, corner=27)
            + "M-56 -8C-56 32 -32 48 0 48S56 32 56 -8M0 48V74M-32 74H32"
        ),
        "mentor": _Mark(lines=_circle(0, 0, 72), fills="M40 -40L14 14L-40 40L-14 -14Z"),  # a compass
        "supporter": _Mark(  # a lifebelt
            lines=_circle(0, 0, 74)
            + _circle(0, 0, 32)
            + "M-52 -52L-23 -23M52 -52L23 -23M-52 52L-23 23M52 52L23 23"
        ),
        "ambassador": _Mark(  # a flag
            lines="M-60 76V-76M-60 -66C-26 -86 18 -44 70 -66V14C18 36 -26 -6 -60 14"
        ),
        DEFAULT_KIND: _Mark(  # six around one table
            lines=_circle(0, 0, 26),
            fills="".join(
                _circle(
                    round(62 * math.sin(math.radians(turn)), 1), round(-62 * math.cos(math.radians(turn)), 1), 15
                )
                for turn in range(0, 360, 60)
            ),
        ),
    }
)

KINDS: Final = tuple(_MARKS)


def _mark(kind: str, *, ink: str) -> Iterator[str]:
    mark = _MARKS.get(kind, _MARKS[DEFAULT_KIND])
    yield (
        '<g transform="translate(256 206)">'
        f'<path d="{mark.lines}" fill="none" stroke="{ink}" stroke-width="15"'
        ' stroke-linecap="round" stroke-linejoin="round"/>'
    )
    if mark.fills:
        yield f'<path d="{mark.fills}" fill="{ink}"/>'
    yield "</g>"


# ── the ribbon with the period ───────────────────────────────────────────────────────────────────────

_RIBBON_TOP: Final = 381.0
_RIBBON_HEIGHT: Final = 90.0
_DIGIT_HEIGHT: Final = 56.0
_MAX_TEXT_WIDTH: Final = 320.0
_ADVANCE: Final = 84.0  # from one character to the next, in the units of the glyphs: tabular figures
_GLYPH_WIDTH: Final = 58.0

# Strokes in a box 58 wide and 100 high.
_GLYPHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "0": "M29 0C47 0 57 19 57 50S47 100 29 100S1 81 1 50S11 0 29 0Z",
        "1": "M8 20L34 0V100",
        "2": "M4 27C4 10 15 0 30 0S55 10 55 26C55 40 47 49 36 61L3 100H57",
        "3": "M5 12C11 4 19 0 29 0C44 0 53 10 53 24S43 47 24 47C44 47 56 58 56 74S44 100 28 100C17 100 8 96 2 88",
        "4": "M44 100V0L1 70H58",
        "5": "M52 0H12L8 46C14 40 21 37 30 37C46 37 56 49 56 68S45 100 28 100C17 100 8 96 2 89",
        "6": "M45 3C22 14 2 40 2 68C2 88 13 100 29 100S56 87 56 69S45 39 29 39S2 52 2 68",
        "7": "M2 0H56L20 100",
        "8": "M29 0C43 0 52 9 52 23S43 46 29 46S6 37 6 23S15 0 29 0Z"
        "M29 46C46 46 57 56 57 73S46 100 29 100S1 90 1 73S12 46 29 46Z",
        "9": "M13 97C36 86 56 60 56 32C56 12 45 0 29 0S2 13 2 31S13 61 29 61S56 48 56 32",
        "/": "M6 112L52 -12",
        "-": "M8 50H50",
    }
)


def _ribbon(period: str, *, colours: Mapping[str, str]) -> Iterator[str]:
    width = _ADVANCE * (len(period) - 1) + _GLYPH_WIDTH
    scale = min(_DIGIT_HEIGHT / 100, _MAX_TEXT_WIDTH / width)
    half = max(width * scale / 2 + 34, 112)
    left, right, top, height = _CENTRE_X - half, _CENTRE_X + half, _RIBBON_TOP, _RIBBON_HEIGHT
    ink, paper, fold = colours["ink"], colours["paper"], colours["fold"]
    tail = f"M{{x:g}} {top + 20:g}h{{out:g}}l{{notch:g}} {height / 2:g}l{{back:g}} {height / 2:g}h{{home:g}}Z"
    tails = tail.format(x=left + 30, out=-76, notch=22, back=-22, home=76) + tail.format(
        x=right - 30, out=76, notch=-22, back=22, home=-76
    )
    yield f'<path d="{tails}" fill="{fold}" stroke="{paper}" stroke-width="5" stroke-linejoin="round"/>'
    band = _rectangle(left, top, right - left, height, corner=10)
    yield f'<path d="{band}" fill="{ink}" stroke="{paper}" stroke-width="5"/>'
    x, y = _CENTRE_X - width * scale / 2, top + height / 2 - 50 * scale
    yield (
        f'<g transform="translate({x:.2f} {y:.2f}) scale({scale:.4f})" fill="none" stroke="{paper}"'
        ' stroke-width="15" stroke-linecap="round" stroke-linejoin="round">'
    )
    for number, character in enumerate(period):
        yield f'<path transform="translate({_ADVANCE * number:g} 0)" d="{_GLYPHS[character]}"/>'
    yield "</g>"
