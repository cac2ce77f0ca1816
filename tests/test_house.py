"""The walls of the house: which room may call which, and what stands in one place only (STYLE, DESIGN §1).

Imports inside functions count like any other.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OFFICES = {"schemas": set(), "keys": {"schemas"}, "issuer": {"schemas", "keys"}, "verifier": {"schemas", "keys"}}
ROAD = {
    "issuer": [
        "ground",
        "people",
        "contributions",
        "attendance",
        "attestations",
        "recognition",
        "notices",
        "badges",
        "wallets",
        "delivery",
        "contract",
    ],
    "verifier": ["ground", "verification", "receipts", "contract", "wallets", "registration", "desk", "staff"],
}
EDGES = {"app", "inbox", "jobs", "cli", "serving"}  # the top of each office: may call every room of it


def modules() -> list[Path]:
    return sorted(p for office in OFFICES for p in (ROOT / office).rglob("*.py"))


def imports(file: Path) -> Iterator[str]:
    """Every dotted name that a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(file: Path) -> tuple[str, ...]:
    return file.relative_to(ROOT).with_suffix("").parts


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", modules(), ids=name_of)
def test_offices_import_only_what_stands_below_them(file: Path) -> None:
    office = place(file)[0]
    wrong = [i for i in imports(file) if (top := i.split(".")[0]) in OFFICES and top != office]
    assert {i.split(".")[0] for i in wrong} <= OFFICES[office], wrong


@pytest.mark.parametrize("file", modules(), ids=name_of)
def test_rooms_call_only_rooms_below_and_never_their_store(file: Path) -> None:
    office, *rest = place(file)
    if office not in ROAD or len(rest) < 2:
        return
    road, room = ROAD[office], rest[0]
    if room in EDGES:
        assert not [i for i in imports(file) if ".store" in i]
        return
    for name in imports(file):
        parts = name.split(".")
        if parts[0] != office or len(parts) < 2 or parts[1] == room:
            continue
        assert parts[1] in road, f"{name}: nothing below is called {parts[1]}"
        assert road.index(parts[1]) < road.index(room), f"{name} stands above {room}"
        assert parts[2:3] != ["store"], f"{name}: another room's store"


@pytest.mark.parametrize("file", modules(), ids=name_of)
def test_tops_of_an_office_use_no_store(file: Path) -> None:
    office, *rest = place(file)
    if office in ROAD and len(rest) == 1:
        assert not [i for i in imports(file) if ".store" in i]


def only_in(library: str, allowed: "list[str]") -> list[str]:
    """Files outside `allowed` (globs from the root) that import `library`."""
    return [
        name_of(f)
        for f in modules()
        if any(i.split(".")[0] == library for i in imports(f))
        and not any(f.relative_to(ROOT).match(glob) for glob in allowed)
    ]


@pytest.mark.parametrize("library", ["jwt", "cryptography"])
def test_cryptography_stays_in_keys(library: str) -> None:
    assert only_in(library, ["keys/*.py"]) == []


def test_outgoing_http_stays_in_ground() -> None:
    assert only_in("httpx", ["issuer/ground/*.py", "verifier/ground/*.py"]) == []
    assert only_in("httpcore", ["verifier/ground/*.py"]) == []
    for other in ("requests", "urllib3", "aiohttp"):
        assert only_in(other, []) == []


def test_sql_stays_in_stores() -> None:
    """Elsewhere only the types of a connection and an engine are named, to hand them on."""
    handles = {"sqlalchemy.Connection", "sqlalchemy.Engine"}
    stores = [
        "*/*/store.py",
        "*/*/store/*.py",  # of a room with many tables
        "*/ground/database.py",
        "*/ground/statements.py",
        "*/ground/many.py",
        "*/ground/copies.py",
        "*/ground/moving.py",
        "*/ground/migrations/*.py",
        "*/ground/migrations/versions/*.py",
    ]
    for file in modules():
        used = {i for i in imports(file) if i.split(".")[0] in {"sqlalchemy", "sqlite3", "alembic"}}
        if not any(file.relative_to(ROOT).match(glob) for glob in stores):
            assert used <= handles, f"{name_of(file)} imports {used - handles}"


@pytest.mark.parametrize("name", ["watch.py", "logs.py", "plain_http.py", "moving.py"])
def test_what_both_offices_do_alike_is_one_text(name: str) -> None:
    """Neither may import the other, and it is none of what a badge says: it stands in each, and does not drift."""
    ours, theirs = (ROOT / office / "ground" / name for office in ("issuer", "verifier"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_the_environment_is_read_in_settings_only() -> None:
    for file in modules():
        if file.relative_to(ROOT).match("*/ground/settings.py"):
            continue
        text = file.read_text(encoding="utf-8")
        assert "os.environ" not in text and "getenv" not in text, name_of(file)


def test_pure_rooms_read_no_clock() -> None:
    """Time is an argument, except at the edges where a request or a command begins."""
    edges = ["*/web.py", "*/app.py", "*/cli.py", "*/jobs.py", "*/cli/*.py", "*/ground/*.py", "*/resolver.py"]
    for file in modules():
        if any(file.relative_to(ROOT).match(glob) for glob in edges):
            continue
        text = file.read_text(encoding="utf-8")
        assert ".now(" not in text and "time.time(" not in text and ".utcnow(" not in text, name_of(file)


def test_no_drawer_for_anything() -> None:
    names = {p.name for p in modules()} | {p.parent.name for p in modules()}
    assert not names & {"utils.py", "helpers.py", "misc.py", "common.py", "utils", "helpers"}


def test_each_module_opens_with_what_it_is() -> None:
    bare = [name_of(f) for f in modules() if not ast.get_docstring(ast.parse(f.read_text(encoding="utf-8")))]
    assert bare == []
