"""What a browser runs: the twins of `schemas`, `keys` and `verifier.verification` in JavaScript, as files.

Both offices serve them below `/keys/browser/`, since pages of both read badges by themselves. The packages of
others (`vendor/`) are fetched by `./run`, by the integrity in `package-lock.json`; `is_whole` says if they are.
"""

import json
from pathlib import Path

ADDRESS = "/keys/browser"
MEDIA_TYPES = {".js": "text/javascript; charset=utf-8", ".wasm": "application/wasm"}
_FOLDER = Path(__file__).parent
_OF_DESKS = ("vendor/zxing/", "vendor/qr.js")  # pages that are only landed on read no pictures and draw no codes
_VENDOR = _FOLDER / "vendor"


def files() -> dict[str, Path]:
    """Every file that a page may ask for, by its path at the office, such as `/keys/browser/verify.js`."""
    found = sorted(file for ending in MEDIA_TYPES for file in _FOLDER.rglob(f"*{ending}"))
    return {f"{ADDRESS}/{file.relative_to(_FOLDER).as_posix()}": file for file in found}


def files_of_a_landing_page() -> dict[str, Path]:
    """Those of them that the page `/v` needs, on which a phone's camera lands."""
    wanted = tuple(f"{ADDRESS}/{beginning}" for beginning in _OF_DESKS)
    return {path: file for path, file in files().items() if not path.startswith(wanted)}


def sentences(language: str) -> dict[str, dict[str, str]]:
    """What each check says, by state, in a language; in English where there is no other."""
    table: dict[str, dict[str, dict[str, str]]] = json.loads((_FOLDER / "sentences.json").read_text("utf-8"))
    return table.get(language, table["en"])


def is_whole() -> bool:
    """Whether the packages of others are there, without which no code can be unpacked."""
    return (_VENDOR / "fflate.js").is_file() and (_VENDOR / "zxing" / "reader" / "zxing_reader.wasm").is_file()
