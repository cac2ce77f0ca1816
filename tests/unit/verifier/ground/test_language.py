"""Every text that a page may show has its translation, with the same places for names and numbers."""

import ast
import re
from pathlib import Path

import pytest
from jinja2 import Environment

from verifier import app
from verifier.ground import language, limits, pages, uploads
from verifier.ground.pages import Pages
from verifier.registration import mailbox, reasons
from verifier.verification import reading, sentences
from verifier.wallets import service as wallets

VERIFIER = Path(language.__file__).resolve().parent.parent
OTHERS = [code for code in language.known() if code != language.ENGLISH]
TRANSLATED = [  # the templates of the rooms whose pages speak other languages
    *sorted((VERIFIER / "desk" / "templates").glob("*.html")),
    *sorted((VERIFIER / "registration" / "templates").glob("*.html")),
    *sorted((VERIFIER / "ground" / "templates").glob("*.html")),
    *sorted((VERIFIER / "verification" / "templates").glob("*.html")),
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
    words = {text for entry in reasons.ENGLISH.values() for text in (entry.holder, entry.desk)}
    months = set(pages._MONTHS)
    units = [unit + end for unit in ("day", "hour", "minute", "second") for end in ("", "s")]
    looks = {"Granted", "Used already", "No discount", "We could not tell"}
    told = {
        "What your wallet showed was used already.",
        "The wallet did not answer in time.",
        "There is no such page.",
        *app._TITLES.values(),
        *(app._NOT_NOW, app._BROKEN, app._NO_DATABASE),
        *(limits.LATER, uploads.TOO_LARGE),
        mailbox._SUBJECT,
        mailbox._TEXT,
        wallets._GONE,
    }
    checks = {
        text
        for entry in sentences.ENGLISH.values()
        for text in (
            *(entry.passed, entry.failed, entry.unknown, entry.failed_for_now),
            *(entry.desk_failed, entry.desk_unknown),
        )
        if text
    } | {sentences.NOT_MADE}
    return words | months | set(units) | {"a moment"} | looks | told | checks | what_is_no_badge()


def what_is_no_badge() -> set[str]:
    """Each plain sentence that says why something given to the verify page is no badge."""
    found = {reading._NO_BADGE, reading._old_badge()}
    found |= {text for pair in reading._CODE_FAULTS.values() for text in pair}
    for name in ("reading", "photograph", "paper", "share_link"):
        source = (VERIFIER / "verification" / f"{name}.py").read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ReadingError":
                found |= {a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return found


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
    return any(start in file.read_text(encoding="utf-8") for file in VERIFIER.rglob("*.py"))


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_places_of_its_text(code: str) -> None:
    for english, text in language._texts(code).items():
        assert sorted(_PLACE.findall(english)) == sorted(_PLACE.findall(text)), english
        assert text.strip()


@pytest.mark.parametrize("template", TRANSLATED, ids=lambda file: file.name)
def test_no_text_stands_in_a_template_outside_of_a_translation(template: Path) -> None:
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert _VISIBLE.findall(source) == []


def test_a_text_from_elsewhere_stays_escaped_when_it_is_translated(tmp_path: Path) -> None:
    (tmp_path / "told.html").write_text("{{ said | words }}", encoding="utf-8")
    for code in language.known():
        page = Pages(tmp_path).answer("told.html", language=code, said="<b>100 %s</b>")
        assert page.body == b"&lt;b&gt;100 %s&lt;/b&gt;"
