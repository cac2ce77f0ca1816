"""The W3C's unsigned credentials and presentations, prepared for an issuer as the notes beside them say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAST, FUTURE = "2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"
_ISSUER_IS_THE_CASE = ("credential-issuer-", "credential-no-issuer-")


def inputs(shared: Path, *, issuer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every published document with its name; credentials are by `issuer`, unless that is what they test."""
    folder = shared / "vectors" / "vcdm2-inputs"
    for file in sorted(folder.rglob("*.json")):
        yield file.stem, prepared(file.stem, json.loads(file.read_text()), issuer=issuer)


def prepared(name: str, document: dict[str, Any], *, issuer: str) -> dict[str, Any]:
    """One published document, given to `issuer`."""
    if name.startswith("presentation-"):
        return document
    if name.startswith("issuer-") or name == "credential-issuer-object-ok":
        document["issuer"]["id"] = issuer
    elif not name.startswith(_ISSUER_IS_THE_CASE):
        document.setdefault("issuer", issuer)
    if "validUntil-validFrom" in name:
        moments = {"PAST DATE": PAST, "FUTURE DATE": FUTURE}
        document |= {member: moments[document[member]] for member in ("validFrom", "validUntil")}
    return document


def expectation(name: str) -> str | None:
    """`ok` or `fail`; None where the published name says neither. What others inject must fail here."""
    if name.endswith("-ok"):
        return "ok"
    return "fail" if name.endswith(("-fail", "-fail-or-inject")) else None
