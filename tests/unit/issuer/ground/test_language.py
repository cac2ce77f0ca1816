"""Every text that a page may show has its translation, with the same places for names and numbers."""

import ast
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import Environment

from issuer.attestations import conflicts
from issuer.badges import catalogue, picture, revocation, state
from issuer.badges import team_web as badges_team
from issuer.delivery import claim_pages, claiming
from issuer.delivery import team_pages as deliveries_pages
from issuer.delivery import web as delivery_web
from issuer.ground import language, pages
from issuer.ground.login.rights import Role
from issuer.people import own_pages
from issuer.recognition import (
    backtest,
    life,
    policy_web,
    predicates,
    questions,
    rule_rates,
    sentences,
    transparency,
)
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy as policy_shape

ISSUER = Path(language.__file__).resolve().parent.parent
OTHERS = [code for code in language.known() if code != language.ENGLISH]
TRANSLATED = sorted(ISSUER.glob("*/templates/*.html"))
TABLES: tuple[Iterable[str], ...] = (  # texts that stand in the code as data
    pages._MONTHS,
    own_pages.DONE.values(),
    [*map(str, Role), "operator"],
    delivery_web.SAVED.values(),
    sentences.TIER_NAMES.values(),
    [text for texts in sentences.KINDS.values() for text in texts],
    sentences._WHY_NOT.values(),
    [condition.sentence for condition in predicates.CONDITIONS.values()],
    transparency.QUESTIONS.values(),
    [transparency.NO_TIER],
    picture.TIER_WORDS.values(),
    {*catalogue.MARKS.values(), catalogue.COMMUNITY_MARK},
    [catalogue.BY_HAND],
    revocation.CAUSES.values(),
    get_args(revocation.Outcome),
    badges_team.DONE.values(),
    [*claim_pages.SAID.values(), claim_pages.NO_LINK],
    [*deliveries_pages.DONE.values(), *deliveries_pages.LOOKS, *claiming.HINDRANCES],
    [*map(str, state.State), *state.MEANINGS.values()],
    sentences.NUMBERS,
    policy_web.DONE.values(),
    get_args(life.State),
    [backtest.NO_KIND, backtest.UNKNOWN_REGION, "none"],  # what a backtest calls whoever has none
    ["committee", "group chair", "programme coordinator", "community manager", "review panel"],  # of the example
    ["counted", "waiting", "not counted"],
    [sentence for _, sentence in conflicts.RULES.values()],
    [text for _, title, default in questions._TITLES.values() for text in (title, default)],
    rule_rates._DEFAULT.values(),
    ["words"],  # units of the example policy
)
_PLACE = re.compile(r"%\([a-z_]+\)s|\{\}")
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
    tables = {text for table in TABLES for text in table if text != "{}"}
    example = policy_shape.load(EXAMPLE_POLICY.read_bytes(), name="example")
    tables |= {rule.title for rule in example.catalogue.values()}
    return tables | {statement.replace("_", " ").capitalize() for statement in statements_of_the_example()}


def statements_of_the_example() -> set[str]:
    """What attestors affirm by the policy that a new community begins with."""
    example = policy_shape.load(EXAMPLE_POLICY.read_bytes(), name="example")
    found: set[str] = set()
    for kind in example.kinds.values():
        for predicate in (*kind.when, *(one for top in kind.when for one in top.alternatives)):
            if predicate.name == "attested" and isinstance(predicate.parameter, tuple):
                found.update(predicate.parameter)
    return found


def in_code() -> set[str]:
    """What somebody says (`say("…")`, `say.counted(…, "one", "many")`), also where the text has a name first."""
    found: set[str] = set()
    for file in ISSUER.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for scope in ast.walk(tree):
            if isinstance(scope, ast.FunctionDef | ast.Module):
                found |= _said_in(scope)
    return found


# Errors and matters are sentences in English, which pages say again: these are what pages can show.
SHOWN_ERRORS = {
    "AttendanceError", "AttestationError", "BadgeError", "ForgedFormError", "LinkError", "NotAllowedError",
    "NotSignedInError", "OfferError", "OpenIdError", "PeopleError", "PolicyError", "QuestionError", "RoleError",
    "TooOftenError",
}  # fmt: skip
ON_NO_PAGE = {  # what only those read who type commands, or run the office
    "badges/achievements.py", "badges/awarding.py", "badges/bureau.py", "badges/catalogue.py",
    "badges/documents.py", "badges/ending.py", "badges/publishing.py", "badges/service.py",
    "badges/state.py",
}  # fmt: skip


def sentences_of_pages() -> dict[str, str]:
    """Every sentence of an error or a matter that a page can show, each name or number in it 7; and where."""
    found: dict[str, str] = {}
    for file in ISSUER.rglob("*.py"):
        where = file.relative_to(ISSUER).as_posix()
        if where.partition("/")[0] in {"cli", "contract"} or "/sources/" in where or where in ON_NO_PAGE:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for scope in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            named = _named_in(scope)
            for call in (node for node in ast.walk(scope) if isinstance(node, ast.Call)):
                for argument in _shown_arguments(call):
                    found |= {text: where for text in _texts_of(argument, named, value="7") if " " in text}
    return found


def _shown_arguments(call: ast.Call) -> list[ast.expr]:
    name = getattr(call.func, "id", "")
    if name in SHOWN_ERRORS:
        return list(call.args)
    if name in {"_matter", "Refusal", "Flag"}:
        return list(call.args[1:2])
    if name == "Matter":
        return [one.value for one in call.keywords if one.arg in {"title", "default"}] + call.args[2:6]
    return []


def _named_in(scope: ast.FunctionDef | ast.Module) -> dict[str, list[ast.expr]]:
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else []
            for target, value in zip(node.targets[0].elts, values, strict=False):
                if isinstance(target, ast.Name):
                    named.setdefault(target.id, []).append(value)
    return named


def _said_in(scope: ast.FunctionDef | ast.Module) -> set[str]:
    named = _named_in(scope)
    found: set[str] = set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and _speaks(node.func):
            for argument in node.args:
                found |= set(_texts_of(argument, named))
    return found


def _speaks(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute) and function.attr == "counted":
        function = function.value
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"say", "voice", "in_words"}


def _texts_of(node: ast.expr, named: dict[str, list[ast.expr]], *, value: str | None = None) -> Iterator[str]:
    """The texts that an argument may be: itself, either side of a choice, or what its name stands for. `value`:
    what stands for each name or number in it.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.JoinedStr) and value is not None:
        yield "".join(str(one.value) if isinstance(one, ast.Constant) else value for one in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _texts_of(node.body, named, value=value)
        yield from _texts_of(node.orelse, named, value=value)
    elif isinstance(node, ast.Starred):
        yield from _texts_of(node.value, named, value=value)
    elif isinstance(node, ast.Tuple):
        for one in node.elts:
            yield from _texts_of(one, named, value=value)
    elif isinstance(node, ast.Name):
        for meant in named.get(node.id, []):
            if not isinstance(meant, ast.Name):
                yield from _texts_of(meant, named, value=value)


def test_french_is_there() -> None:
    assert language.known()["fr"] == "Français"


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_translated_and_none_is_left_over(code: str) -> None:
    known = set(language._texts(code))
    wanted = in_templates() | in_tables() | in_code()
    assert wanted - known == set()
    shown = sentences_of_pages()
    assert {text for text in known if text not in wanted and not _in_code(text, shown)} == set()


@pytest.mark.parametrize("code", OTHERS)
def test_every_sentence_of_an_error_or_a_matter_is_said_in_the_language_of_its_page(code: str) -> None:
    shown = sentences_of_pages()
    assert len(shown) > 100
    assert {text: where for text, where in shown.items() if language.said_again(text, code) == text} == {}


def test_names_and_numbers_in_a_sentence_stay_and_words_among_them_are_translated() -> None:
    said = {
        "Version 1.2 has 1 of 2 approvals.": "Version 1.2 a 1 approbations sur 2.",
        "Ada Quin cannot attest this: nobody attests their own work.": (
            "Ada Quin ne peut pas attester ceci : personne n’atteste son propre travail."
        ),
        "a %(title)s: 12 people came beyond the 10 that were declared.": (
            "a %(title)s : 12 personnes sont venues au-delà des 10 déclarées."
        ),
        "Nobody has said this before.": "Nobody has said this before.",
    }
    assert {text: language.said_again(text, "fr") for text in said} == said
    assert {text: language.said_again(text, language.ENGLISH) for text in said} == {text: text for text in said}


def _in_code(text: str, shown: Iterable[str]) -> bool:
    """A sentence of an error, which stands in the code as one text or several, or with values in its places."""
    pattern = re.compile(".+".join(map(re.escape, _PLACE.split(text))), re.DOTALL)
    if any(pattern.fullmatch(sentence) for sentence in shown):
        return True
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


def test_whatever_is_mailed_is_said_in_a_language() -> None:
    """No mail is put together of sentences that stand in the code in English alone."""
    makers: dict[str, list[str]] = {}
    for file in ISSUER.rglob("*.py"):
        for scope in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(scope, ast.FunctionDef) and _makes_mail(scope):
                said, docstring = _said_in(scope), ast.get_docstring(scope, clean=False)
                texts = {node.value for node in ast.walk(scope) if isinstance(node, ast.Constant)}
                bare = [
                    t for t in texts if isinstance(t, str) and " " in t.strip() and t not in said | {docstring}
                ]
                makers[f"{file.parent.name}.{scope.name}"] = bare
    assert set(makers) >= {
        "badges.of_award",
        "badges.of_case",
        "login._letter",
        "people.letter",
        "attestations._letter",
    }
    assert {name: bare for name, bare in makers.items() if bare} == {}


def _makes_mail(scope: ast.FunctionDef) -> bool:
    """Makes one anew; the postman sends one whose words were kept (`Mail(waiting.recipient, …)`)."""
    calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call))
    made = (call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Mail")
    return any(not isinstance(call.args[1], ast.Attribute) for call in made)


def test_zero_and_one_and_a_half_are_singular_in_french_only() -> None:
    say = language.Voice("fr")
    assert [say.counted(n, "%(num)s active month", "%(num)s active months") for n in (0, 1, 2)] == [
        "0 mois actif",
        "1 mois actif",
        "2 mois actifs",
    ]
    assert sentences.credits_in_words(Decimal("1.5"), say) == "1,5 crédit"
    assert sentences.credits_in_words(Decimal("1.5")) == "1.5 credits"


def test_thanks_that_were_kept_in_english_are_said_in_french() -> None:
    say = language.Voice("fr")
    kept = "12 events for the community, a talk, 2 × garden: tree planted"
    assert sentences.thanks_again(kept, say) == (
        "12 événements pour la communauté, une conférence, 2 × garden: tree planted"
    )
