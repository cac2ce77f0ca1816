"""Every text that a page may show has its translation, with the same places for names and numbers."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment

from issuer.ground import language, pages
from issuer.ground.login.rights import Role
from issuer.people import own_pages

ISSUER = Path(language.__file__).resolve().parent.parent
OTHERS = [code for code in language.known() if code != language.ENGLISH]
TRANSLATED = [  # the templates of the rooms whose pages speak other languages
    *sorted((ISSUER / "ground" / "templates").glob("*.html")),
    *sorted((ISSUER / "contributions" / "templates").glob("*.html")),
    *sorted((ISSUER / "people" / "templates").glob("*.html")),
    *sorted((ISSUER / "attendance" / "templates").glob("*.html")),
    *sorted((ISSUER / "attestations" / "templates").glob("*.html")),
    *((ISSUER / "recognition" / "templates" / name) for name in ("team_question.html", "transparency.html")),
    *(ISSUER / "delivery" / "templates" / name for name in ("leave.html", "left.html")),
]
_PLACE = re.compile(r"%\([a-z_]+\)s")
_VISIBLE = re.compile(r">\s*([A-Za-zÀ-ÿ][^<{}]*[a-z][^<{}]*)<")


def in_templates() -> set[str]:
    environment = Environment(extensions=["jinja2.ext.i18n"])
    found: set[str] = set()
    for template in TRANSLATED:
        source = template.read_text(encoding="utf-8")
        for _, _, text in environment.extract_translations(source):  # type: ignore[attr-defined]
            said = text if isinstance(text, tuple) else (text,)  # both numbers, or values that go into it
            found |= {part for part in said if isinstance(part, str)}
    return found


def in_tables() -> set[str]:
    roles = {*map(str, Role), "operator"}
    return {*pages._MONTHS, *own_pages.DONE.values(), *roles}


def test_french_is_there() -> None:
    assert language.known()["fr"] == "Français"


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated_and_none_is_left_over(code: str) -> None:
    known = set(language._texts(code))
    wanted = in_templates() | in_tables()
    assert wanted - known == set()
    assert {text for text in known if text not in wanted and not _in_code(text)} == set()


def _in_code(text: str) -> bool:
    """A sentence of an error, which stands in the code as one text or several."""
    start = text[:30]
    return any(start in file.read_text(encoding="utf-8") for file in ISSUER.rglob("*.py"))


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_places_of_its_text(code: str) -> None:
    for english, text in language._texts(code).items():
        assert sorted(_PLACE.findall(english)) == sorted(_PLACE.findall(text)), english
        assert text.strip()


@pytest.mark.parametrize("template", TRANSLATED, ids=lambda file: file.name)
def test_no_text_stands_in_a_template_outside_of_a_translation(template: Path) -> None:
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert _VISIBLE.findall(source) == []


def test_a_text_from_elsewhere_stays_escaped_when_it_is_translated() -> None:
    for code in language.known():
        page = pages.page("refused.html", language=code, community="C", reason="<b>100 %s</b>", back="")
        assert b"&lt;b&gt;100 %s&lt;/b&gt;" in page.body


def test_a_page_speaks_the_language_that_is_asked_for() -> None:
    page = pages.page("nothing.html", language="fr", community="C")
    assert b'<html lang="fr">' in page.body
    assert "Rien à cette adresse" in bytes(page.body).decode()
