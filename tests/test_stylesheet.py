"""One look for both offices: the stylesheet's two copies are one file, and it fits the templates exactly."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIES = [ROOT / office / "ground" / "static" / "style.css" for office in ("issuer", "verifier")]
TEMPLATES = sorted(file for office in ("issuer", "verifier") for file in ROOT.glob(f"{office}/*/templates/*.html"))
BY_CODE = {"pass", "unknown", "fail", "calm"}  # the looks of a state; code chooses among them
MOST_LINES = 220  # PAGES: about two hundred

_CLASS_ATTRIBUTE = re.compile(r'\sclass="((?:\{\{.*?\}\}|[^"{])*)"')
_EXPRESSION = re.compile(r"\{\{.*?\}\}")
_WORD_IN_QUOTES = re.compile(r'"([ a-z-]+)"')


def without_comments() -> str:
    return re.sub(r"/\*.*?\*/", "", COPIES[0].read_text(encoding="utf-8"), flags=re.DOTALL)


def defined() -> set[str]:
    """The classes in selectors; what stands within braces of a rule is not looked at."""
    selectors = re.sub(r"\{[^{}]*\}", " ", without_comments())
    return set(re.findall(r"\.([a-z][a-z-]*)", selectors))


def used() -> set[str]:
    """The classes in class attributes, those in the quoted words of an expression there, and those by code."""
    found = set(BY_CODE)
    for template in TEMPLATES:
        for value in _CLASS_ATTRIBUTE.findall(template.read_text(encoding="utf-8")):
            found |= set(_EXPRESSION.sub(" ", value).split())
            for expression in _EXPRESSION.findall(value):
                found |= {name for words in _WORD_IN_QUOTES.findall(expression) for name in words.split()}
    return found


def test_both_offices_carry_the_same_stylesheet() -> None:
    issuers, verifiers = (copy.read_bytes() for copy in COPIES)
    assert issuers == verifiers, "change both copies of style.css alike"


def test_every_class_of_a_template_is_defined() -> None:
    assert used() - defined() == set()


def test_every_defined_class_is_used_by_a_template() -> None:
    assert defined() - used() == set()


def test_every_field_of_a_template_has_the_look_of_a_field() -> None:
    kinds = {kind for file in TEMPLATES for kind in re.findall(r'<input[^>]*\stype="([a-z-]+)"', file.read_text())}
    styled = set(re.findall(r'input\[type="([a-z-]+)"\]', without_comments()))
    assert kinds - styled - {"checkbox", "radio", "hidden", "submit"} == set()


def test_every_colour_is_a_token() -> None:
    _, _, rules = without_comments().partition("@layer base")
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|color-mix)\(", rules)


def test_every_token_is_defined_and_used() -> None:
    text = without_comments()
    assert set(re.findall(r"var\((--[a-z-]+)", text)) == set(re.findall(r"(--[a-z-]+):", text))


def test_it_stays_one_readable_file() -> None:
    assert len(COPIES[0].read_text(encoding="utf-8").splitlines()) <= MOST_LINES
    assert re.search(r"@layer tokens, base, parts;", without_comments())
    assert "@import" not in without_comments() and "url(" not in without_comments()


# Contrast, by WCAG 2.2 (1.4.3, 1.4.11).


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens(look: str) -> dict[str, str]:
    """The colours in light, dark or print."""
    light, _, rest = without_comments().partition("@media (prefers-color-scheme: dark)")
    dark, _, paper = rest.partition("@media print")
    text = {"light": light, "dark": dark, "print": paper.partition("@layer base")[0]}[look]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))


GROUNDS = ("paper", "card")
TEXTS = [(text, ground) for text in ("ink", "muted", "blue", "leaf", "amber", "red") for ground in GROUNDS]
TINTED = [(text, f"{name}-soft") for name in ("leaf", "amber", "red", "blue") for text in ("ink", name)]


@pytest.mark.parametrize("look", ["light", "dark", "print"])
@pytest.mark.parametrize(("text", "ground"), [*TEXTS, *TINTED, ("paper", "leaf")])
def test_text_stands_out_from_its_ground(look: str, text: str, ground: str) -> None:
    colours = tokens(look)
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("look", ["light", "dark", "print"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_edge_of_a_field_can_be_seen(look: str, ground: str) -> None:
    assert contrast(tokens(look)["field"], tokens(look)[ground]) >= 3
