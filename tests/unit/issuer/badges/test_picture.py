"""The drawn badge says tier, kind and period so that they can be told apart, and is the same everywhere."""

import io
import itertools
import re
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from PIL import Image, ImageChops, ImageStat

from issuer.badges.picture import (
    _SIGN_Y,
    COLOURS,
    KINDS,
    MAX_PIXELS,
    TIER_WORDS,
    Picture,
    PictureError,
    Tier,
    alt_text,
    draw,
    to_png,
)
from schemas.baking import bake_png, bake_svg, extract_png, extract_svg

JWS = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1cm46dXVpZDowIn0.c2lnbmF0dXJl"
TIERS: tuple[Tier, ...] = get_args(Tier)
ORGANISER = Picture(tier="sustained", kind="organiser", period="2026")


def in_grey(picture: Picture, *, pixels: int = 64) -> Image.Image:
    """The badge on white as a grey photocopy of it would look."""
    drawn = Image.open(io.BytesIO(to_png(draw(picture), pixels=pixels))).convert("RGBA")
    ground = Image.new("RGBA", drawn.size, "white")
    ground.alpha_composite(drawn)
    return ground.convert("L")


def darkness_of_difference(one: Image.Image, other: Image.Image) -> float:
    """How much two grey pictures differ, as the mean over all pixels (0 to 255)."""
    return ImageStat.Stat(ImageChops.difference(one, other)).mean[0]


def test_the_svg_is_square_labelled_and_titled_first() -> None:
    svg = ET.fromstring(draw(ORGANISER))
    assert svg.get("viewBox") == "0 0 512 512"
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == svg[0].text == "Sustained contributor, organiser, 2026"
    assert svg[0].tag == "{http://www.w3.org/2000/svg}title"


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("kind", [*KINDS, "something else"])
def test_the_picture_is_shapes_only_and_needs_no_font_or_file(tier: Tier, kind: str) -> None:
    svg = ET.fromstring(draw(Picture(tier=tier, kind=kind, period="2026/27")))
    names = {element.tag.rpartition("}")[2] for element in svg.iter()}
    assert names <= {"svg", "title", "g", "path", "circle"}
    assert not any("href" in name or name == "style" for element in svg.iter() for name in element.attrib)


def test_the_same_badge_is_drawn_with_the_same_bytes() -> None:
    twin = Picture(tier="sustained", kind="organiser", period="2026")
    assert draw(ORGANISER) == draw(twin)
    assert to_png(draw(ORGANISER)) == to_png(draw(twin))


def test_every_pair_of_tiers_is_told_apart_in_grey_at_64_pixels() -> None:
    pictures = {tier: in_grey(Picture(tier=tier, kind="operator", period="2026")) for tier in TIERS}
    for one, other in itertools.combinations(TIERS, 2):
        assert darkness_of_difference(pictures[one], pictures[other]) > 4, (one, other)


def test_tiers_are_told_apart_by_shape_alone() -> None:
    same = dict.fromkeys(COLOURS, "#333333") | {
        name: "#ffffff" for name in COLOURS if "ground" in name or name == "paper"
    }
    paths = {tier: draw(Picture(tier=tier, kind="operator", period="2026"), colours=same) for tier in TIERS}
    assert len({text.split("</title>")[1] for text in paths.values()}) == len(TIERS)


@pytest.mark.parametrize(
    ("tier", "dots"), [("recognised", 1), ("contributor", 2), ("sustained", 3), ("by_decision", 1), ("kind", 0)]
)
@pytest.mark.parametrize("pixels", [64, 512])
def test_the_tier_s_dots_can_be_counted_in_grey(tier: Tier, dots: int, pixels: int) -> None:
    """Dark places apart from each other on the line between mark and ribbon."""
    drawn = in_grey(Picture(tier=tier, kind="operator", period="2026"), pixels=pixels)
    row, middle, half = (round(length * pixels / 512) for length in (_SIGN_Y, 256, 64))
    line = [drawn.getpixel((x, row)) < 128 for x in range(middle - half, middle + half)]  # type: ignore[operator]
    assert sum(dark and not before for before, dark in zip([False, *line], line, strict=False)) == dots


def test_every_pair_of_kinds_is_told_apart_in_grey_at_64_pixels() -> None:
    pictures = {kind: in_grey(Picture(tier="contributor", kind=kind, period="2026")) for kind in KINDS}
    for one, other in itertools.combinations(KINDS, 2):
        assert darkness_of_difference(pictures[one], pictures[other]) > 2, (one, other)


def test_every_pair_of_characters_of_a_period_is_told_apart() -> None:
    pictures = {c: in_grey(Picture(tier="contributor", kind="mentor", period=c)) for c in "0123456789/-"}
    for one, other in itertools.combinations(pictures, 2):
        assert darkness_of_difference(pictures[one], pictures[other]) > 0.1, (one, other)


def test_a_kind_without_a_mark_is_drawn_as_community_and_named_in_words() -> None:
    plain, other = (Picture(tier="recognised", kind=kind, period="2026") for kind in ("community", "bee_keeper"))
    assert draw(plain).replace("community", "bee keeper") == draw(other)
    assert alt_text(other) == "Recognised, bee keeper, 2026"


def test_words_for_every_tier_are_different() -> None:
    assert len(set(TIER_WORDS.values())) == len(TIERS) == len(TIER_WORDS)


def test_markup_in_a_kind_stays_text() -> None:
    svg = ET.fromstring(draw(Picture(tier="recognised", kind='"><script>&', period="2026")))
    assert svg.get("aria-label") == 'Recognised, "><script>&, 2026'
    assert "script" not in {element.tag for element in svg.iter()}


@pytest.mark.parametrize("period", ["", "2026 ", "spring", "٢٠٢٦", "2026-2027-", "<b>"])
def test_a_period_that_cannot_be_drawn_is_refused(period: str) -> None:
    with pytest.raises(PictureError, match="1 to 9 digits, slashes and hyphens"):
        Picture(tier="recognised", kind="mentor", period=period)


@pytest.mark.parametrize("kind", ["", "x" * 61, "a\nb", "a\x00b"])
def test_a_kind_that_cannot_be_read_aloud_is_refused(kind: str) -> None:
    with pytest.raises(PictureError, match="1 to 60 printable"):
        Picture(tier="recognised", kind=kind, period="2026")


def test_a_tier_that_does_not_exist_is_refused() -> None:
    with pytest.raises(PictureError, match="not 'golden'"):
        Picture(tier="golden", kind="mentor", period="2026")  # type: ignore[arg-type]


@pytest.mark.parametrize("period", ["2026-2027", "2026/27", "1"])
def test_every_period_stays_on_the_page(period: str) -> None:
    picture = in_grey(Picture(tier="by_decision", kind="mentor", period=period), pixels=512)
    edge = [picture.getpixel((x, y)) for y in range(512) for x in (0, 511)]
    assert set(edge) == {255}


def test_a_community_may_replace_the_colours() -> None:
    own = dict(COLOURS) | {"ink": "#001133", "sustained": "#4455aa"}
    svg = draw(ORGANISER, colours=own)
    assert "#001133" in svg
    assert COLOURS["ink"] not in svg


def test_a_colour_that_is_missing_is_named() -> None:
    with pytest.raises(PictureError, match=r"lack fold, ink\."):
        draw(ORGANISER, colours={name: value for name, value in COLOURS.items() if name not in ("ink", "fold")})


@pytest.mark.parametrize("pixels", [16, 64, 1024])
def test_a_png_has_the_size_that_was_asked_for_and_a_clear_ground(pixels: int) -> None:
    with Image.open(io.BytesIO(to_png(draw(ORGANISER), pixels=pixels))) as image:
        assert image.size == (pixels, pixels)
        assert image.convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("pixels", [0, 15, MAX_PIXELS + 1])
def test_a_png_of_a_senseless_size_is_refused(pixels: int) -> None:
    with pytest.raises(PictureError, match="16 to 4096"):
        to_png(draw(ORGANISER), pixels=pixels)


def test_what_is_no_svg_is_not_drawn() -> None:
    with pytest.raises(PictureError, match="cannot be drawn"):
        to_png("<svg")


def test_the_picture_can_be_baked_in_both_forms() -> None:
    svg = draw(ORGANISER)
    baked = bake_svg(svg.encode(), JWS)
    assert extract_svg(baked) == JWS
    assert extract_png(bake_png(to_png(svg), JWS)) == JWS
    assert to_png(baked.decode()) == to_png(svg)


def test_every_tier_kind_and_period_has_a_picture_of_its_own() -> None:
    periods = ("2026", "2027", "2026/27")
    every = [draw(Picture(tier, kind, period)) for tier in TIER_WORDS for kind in KINDS for period in periods]
    assert len(set(every)) == len(every) == len(TIER_WORDS) * len(KINDS) * len(periods)


@pytest.mark.parametrize("period", ["2026", "2026/27", "2026-2027"])
def test_digits_are_five_pixels_high_or_more_at_64_pixels(period: str) -> None:
    scale = re.search(r"scale\(([\d.]+)\)", draw(Picture("contributor", "operator", period)))
    assert scale is not None
    assert float(scale[1]) * 100 * 64 / 512 >= 5


@pytest.mark.parametrize(
    ("front", "ground", "least"),
    [
        ("paper", "ink", 7.0),  # the digits on the ribbon
        *(("ink", f"{tier}-ground", 7.0) for tier in TIER_WORDS),  # the mark on the disc
        ("contributor", "paper", 3.0),  # leaves: how many there are is said by dots, too
        ("sustained", "paper", 3.0),
        ("by_decision", "paper", 3.0),
        ("kind", "paper", 3.0),
    ],
)
def test_what_must_be_read_stands_out_from_its_ground(front: str, ground: str, least: float) -> None:
    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((light(COLOURS[front]), light(COLOURS[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= least
