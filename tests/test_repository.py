"""What is in git, and what must never be: keys, machine paths, addresses of registries, large files."""

import json
import re
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE_BYTES = 1 << 20
PRODUCT = ("schemas/", "keys/", "issuer/", "verifier/", "run", ".ci/", "pyproject.toml", "requirements.lock")

_PEM = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{32}")
_OBJECT = re.compile(rb"\{[^{}]*\}")  # a JWK holds no object
_PRIVATE_MEMBER = re.compile(rb"[\"']d[\"']\s*:\s*[\"'][A-Za-z0-9_-]{20,}[\"']")
_KEY_TYPE = re.compile(rb"[\"']kty[\"']")
_MACHINE_PATH = re.compile(rb"(?<![\w.:/-])/(?:work|root|home|tmp|Users)/")


@lru_cache(maxsize=1)
def files() -> tuple[Path, ...]:
    """Every file that git holds and that is there."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is no git checkout")
    return tuple(file for name in listed.split("\0") if name and (file := ROOT / name).is_file())


def names_of(found: list[Path]) -> list[str]:
    return [file.relative_to(ROOT).as_posix() for file in found]


def is_product(file: Path) -> bool:
    return file.relative_to(ROOT).as_posix().startswith(PRODUCT)


def holds_private_key(data: bytes) -> bool:
    """A private key as PEM, or as a JWK (`kty` beside a `d`)."""
    jwks = (match[0] for match in _OBJECT.finditer(data))
    return bool(_PEM.search(data)) or any(_KEY_TYPE.search(o) and _PRIVATE_MEMBER.search(o) for o in jwks)


def test_no_file_is_larger_than_a_megabyte() -> None:
    assert names_of([file for file in files() if file.stat().st_size > MAX_FILE_BYTES]) == []


def test_no_private_key_is_in_git() -> None:
    assert names_of([file for file in files() if holds_private_key(file.read_bytes())]) == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " + "PRIVATE KEY-----\n" + "M" * 64,
        "-----BEGIN EC " + "PRIVATE KEY-----\n" + "M" * 64,
        '{"k' + 'ty": "EC", "crv": "P-256", "d": "' + "A" * 43 + '"}',
        '{"keys": [{"d": "' + "A" * 43 + '", "k' + 'ty": "OKP"}]}',
    ],
)
def test_a_private_key_would_be_noticed(text: str) -> None:
    assert holds_private_key(text.encode())


def test_the_lock_names_packages_by_hash_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    for word in ("://", "http:", "https:", "index-url", "find-links", "trusted-host", "pypi.org", "pythonhosted"):
        assert word not in lock, word
    unhashed = [
        line for line in re.split(r"(?<!\\)\n", lock) if line and line[0] not in "# " and "--hash=" not in line
    ]
    assert unhashed == []


def test_no_registry_is_named_in_what_we_ship() -> None:
    hosts = re.compile(rb"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|artifactory|nexus\.")
    assert names_of([file for file in files() if is_product(file) and hosts.search(file.read_bytes())]) == []


def test_no_path_of_somebodys_machine_is_in_what_we_ship() -> None:
    found = [file for file in files() if is_product(file) and _MACHINE_PATH.search(file.read_bytes())]
    assert names_of(found) == []


def test_nothing_that_is_made_is_in_git() -> None:
    made = re.compile(r"(^|/)(__pycache__|\.venv|node_modules|[^/]+\.egg-info)/|\.(pyc|sqlite|secret)$")
    locks = re.compile(r"(^|/)(npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|uv\.lock)$")
    names = names_of(list(files()))
    assert [name for name in names if made.search(name) or locks.search(name)] == []


def test_a_lock_of_npm_pins_by_hash_and_names_no_address() -> None:
    for file in (file for file in files() if file.name == "package-lock.json"):
        text = file.read_text(encoding="utf-8")
        packages = [entry for name, entry in json.loads(text)["packages"].items() if name]
        assert "://" not in text
        assert packages and all(entry["integrity"].startswith("sha512-") for entry in packages)


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text()
