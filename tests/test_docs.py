"""Documents are held to the code: links lead somewhere, and what a document lists is what the code has.

What a document explains in prose is not checked here; what it names is.
"""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import typer

import issuer.cli
import verifier.cli
from issuer import app as issuer_app
from issuer.badges import documents
from issuer.contributions.model import Facts
from issuer.people.roster import COLUMNS
from keys import custody
from schemas import event_policy
from schemas.policy import PREDICATES
from tests.unit.issuer.office import NOW, open_office
from verifier import app as verifier_app
from verifier.ground import settings
from verifier.registration.reasons import Reason
from verifier.verification import presentations, proofs
from verifier.verification.checks import STORY
from verifier.verification.reading import Form

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
DOCUMENTS = [*(ROOT / name for name in TOP), *sorted(DOCS.rglob("*.md"))]
ROOMS = ("schemas", "keys", "issuer", "verifier")
SAME_IN_EVERY_ROOM = {"__init__.py", "store.py", "service.py", "web.py"}  # architecture.md says so once for all
README_LINES = 70  # one look, not a manual

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|tmp|root|home|Users)/")


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def prose(file: Path) -> str:
    """A document without its code blocks."""
    return _FENCE.sub("", file.read_text(encoding="utf-8"))


def anchors(file: Path) -> set[str]:
    """The anchors that a repository's host makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(file), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def first_cells(file: Path, *, under: str) -> list[str]:
    """The names in back quotes in the first column of the tables between a heading and the next one."""
    section = prose(file).partition(f"\n## {under}\n")[2].partition("\n## ")[0]
    assert section, f"{name_of(file)} has no section {under!r}"
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def code_block(file: Path, language: str, *, number: int = 0) -> str:
    """A code block of a document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", file.read_text(), re.MULTILINE | re.DOTALL)[number]  # type: ignore[no-any-return]


# Links


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_every_link_inside_the_repository_leads_somewhere(file: Path) -> None:
    for link in _LINK.findall(prose(file)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), f"{name_of(file)} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(file)} links to {link}"


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_no_document_names_a_path_of_somebodys_machine(file: Path) -> None:
    assert _MACHINE_PATH.search(file.read_text(encoding="utf-8")) is None


# Where an idea lives


def named_in_architecture() -> Iterator[Path]:
    """Every file and folder named there; a bare name stands in the folder of the one before it in its line."""
    for line in prose(DOCS / "architecture.md").splitlines():
        folder: Path | None = None
        for name in re.findall(r"`([\w./-]+(?:/|\.(?:py|yaml|html)))`", line):
            whole = name.partition("/")[0] in (*ROOMS, "tests")
            if not whole and folder is None:
                continue  # `store.py`: the one of every room
            path = (ROOT if whole or folder is None else folder) / name
            yield path
            folder = path if name.endswith("/") else path.parent


def test_every_file_that_the_architecture_names_is_there() -> None:
    assert [path for path in named_in_architecture() if not path.exists()] == []


def test_every_module_has_its_place_in_the_architecture() -> None:
    named = set(named_in_architecture())
    modules = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    nowhere = [
        name_of(file)
        for file in modules
        if file.name not in SAME_IN_EVERY_ROOM
        and "migrations" not in file.parts
        and file not in named
        and not any(folder in named for folder in file.parents)
    ]
    assert nowhere == []


# What documents list


def test_verification_tells_each_check_in_the_order_of_its_story() -> None:
    told = re.findall(r"^\d+\. `(\w+)`:", prose(DOCS / "verification.md"), re.MULTILINE)
    assert told == [*STORY, *proofs.STORY, *presentations.STORY]


def test_verification_lists_each_form_in_which_a_badge_is_read() -> None:
    forms: tuple[str, ...] = Form.__args__  # type: ignore[attr-defined]
    assert set(first_cells(DOCS / "verification.md", under="What can be given")) == set(forms)


def test_sources_list_each_fact_once() -> None:
    assert first_cells(DOCS / "sources.md", under="Facts") == list(Facts.model_fields)


def test_sources_list_each_column_of_the_roster() -> None:
    assert set(first_cells(DOCS / "sources.md", under="People: `people.csv`")) == set(COLUMNS)


def test_the_policy_explains_each_predicate() -> None:
    named = first_cells(DOCS / "policy.md", under="Predicates")
    assert {name.partition(":")[0] for name in named} == set(PREDICATES)


def test_the_api_lists_each_public_document_with_its_media_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    office = open_office(tmp_path)
    section = prose(DOCS / "api.md").partition("\n## Issuer: public documents\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `/")]
    listed = [
        (re.sub(r"<[^>]+>", "*", path), kind) for paths, kind in rows for path in re.findall("`([^`]+)`", paths)
    ]
    for document in documents.all_documents(office.bureau, now=NOW):
        kinds = [kind for path, kind in listed if fnmatchcase(document.path, path)]
        assert any(document.media_type.partition(";")[0] in kind for kind in kinds), document.path
    office.engine.dispose()


def routes_of(found: Iterable[Any]) -> Iterator[str]:
    """`GET /path`, … of each route that answers more than a preflight."""
    for route in found:
        if hasattr(route, "original_router"):
            yield from routes_of(route.original_router.routes)
        elif hasattr(route, "methods"):
            methods = set(route.methods or ()) - {"HEAD", "OPTIONS"}
            path = re.sub(r"\{[^}]+\}", "*", route.path)
            yield from (f"{method} {path}" for method in methods)


def test_the_api_names_each_route_of_both_offices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "SCRYPT_N", 1 << 10)  # deriving a key is slow on purpose
    office = open_office(tmp_path)
    issuing = issuer_app.create_app(office.settings.data)
    verifying = verifier_app.create_app(settings.Settings(tmp_path / "verifier"))
    named = {
        f"{method} {re.sub(r'[{<][^}>]+[}>]', '*', path)}"
        for methods, path in re.findall(r"`([A-Z`, ]+) (/[^` ]*)`", (DOCS / "api.md").read_text(encoding="utf-8"))
        for method in re.findall("[A-Z]+", methods)
    }
    # The contract of the VC API answers every method there, most with 405; `/*` are the documents, tried above.
    contract = {"/credentials", "/credentials/*", "/status-lists", "/status-lists/*", "/*"}
    routes = {*routes_of(issuing.routes), *routes_of(verifying.routes)}
    assert {one for one in routes if one.partition(" ")[2] not in contract} - named == set()
    office.engine.dispose()


def test_registration_explains_each_field_of_an_event() -> None:
    fields = event_policy.EventPolicy.model_fields
    assert first_cells(DOCS / "registration.md", under="The event's file") == list(fields)


def test_registration_explains_each_reason() -> None:
    named = first_cells(DOCS / "registration.md", under="What the answers mean")
    assert {reason.value for reason in Reason} <= set(named)


def test_the_example_of_an_event_is_accepted() -> None:
    policy = event_policy.load(code_block(DOCS / "registration.md", "yaml").encode(), name="registration.md")
    assert policy.event == "harbour-summit-2026"


def test_the_example_of_settings_is_accepted(tmp_path: Path) -> None:
    example = code_block(DOCS / "operations.md", "yaml")
    (tmp_path / settings.SETTINGS_FILE).write_text(example)
    assert settings.load(tmp_path).public_url == "https://verify.example.org"


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = _TEST.findall((DOCS / "threat-model.md").read_text(encoding="utf-8"))
    assert len(named) > 50
    gone = [
        f"{file}::{test}"
        for file, test in named
        if not (source := ROOT / "tests" / file).is_file()
        or re.search(rf"^def {test}\(", source.read_text(encoding="utf-8"), re.MULTILINE) is None
    ]
    assert gone == []


def commands(app: typer.Typer) -> Iterator[str]:
    """Every command of a command line that does something, with the names of the groups before it."""

    def walk(command: Any, words: tuple[str, ...]) -> Iterator[str]:
        inner = getattr(command, "commands", {})
        if not inner:
            yield " ".join(words)
        for name, below in inner.items():
            yield from walk(below, (*words, name))

    return walk(typer.main.get_command(app), ())


@pytest.mark.parametrize(
    "command",
    [
        *(f"badge-issuer {command}" for command in commands(issuer.cli.app)),
        *(f"badge-verifier {command}" for command in commands(verifier.cli.app)),
    ],
)
def test_every_command_stands_in_some_document(command: str) -> None:
    everything = " ".join(" ".join(file.read_text(encoding="utf-8").split()) for file in DOCUMENTS)
    assert re.search(rf"{command}\b", everything)


# Their form


def test_the_glossary_has_one_line_for_each_word_in_order() -> None:
    rows = [line for line in (DOCS / "glossary.md").read_text().splitlines() if line.startswith("|")][2:]
    words = [row.split("|")[1].strip().lower() for row in rows]
    assert words == sorted(set(words))
    assert all(row.count("|") == 3 and row.split("|")[2].strip() for row in rows)


def test_the_readme_is_read_in_one_look() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


def test_the_changelog_gathers_what_is_not_released() -> None:
    assert re.search(r"^## Unreleased\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
