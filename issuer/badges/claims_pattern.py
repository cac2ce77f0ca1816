"""One badge's claims read after another, quickly: those of one achievement differ in a few texts. Pure.

A pattern is made of claims that were read the plain way, and knows at which places of their text something else
may stand. What differs anywhere else, or needs an escape, is not its affair: it is read the plain way again.
"""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from schemas import strict_json
from schemas.strict_json import JsonObject, JsonValue

Path: TypeAlias = tuple[str | int, ...]

_MARK: Final = "\ue000"  # of the Private Use Area: nobody's claims have it
_HARMLESS: Final = r'[^"\\\x00-\x1f]*'  # what JSON writes as it is
_REPEATED: Final = ("sub", "jti")  # registered claims: they say again what the document says
_MOMENT: Final = "nbf"


class ClaimsPattern:
    """Claims that differ from `claims` in the texts at `paths` only, and in what repeats them.

    Raises:
        ValueError: they are not written as this project writes claims, or a path leads to no text.
    """

    def __init__(self, claims: str, *, paths: Sequence[Path]) -> None:
        content = strict_json.loads_object(claims)
        if _MARK in claims or strict_json.dumps(content) != claims or "vc" in content:
            raise ValueError("These claims are of another form.")
        slots = {}
        for number, path in enumerate(paths):
            slots[_mark(content, path, f"f{number}")] = f'"(?P<f{number}>{_HARMLESS})"'
        for name in _REPEATED:
            slots[_mark(content, (name,), name)] = f'"{_HARMLESS}"'
        if isinstance(content.get(_MOMENT), int):
            content[_MOMENT] = ""
            slots[_mark(content, (_MOMENT,), _MOMENT)] = "[0-9]{1,12}"
        parts = re.split(f"({'|'.join(slots)})", strict_json.dumps(content))
        self._text = re.compile("".join(slots.get(part) or re.escape(part) for part in parts))
        self._names = [f"f{number}" for number in range(len(paths))]

    def values(self, claims: str) -> tuple[str, ...] | None:
        """The texts at the paths, in their order; None if the claims differ in anything else."""
        match = self._text.fullmatch(claims)
        return None if match is None else tuple(match[name] for name in self._names)


def _mark(content: JsonObject, path: Path, name: str) -> str:
    """Put a mark in the place of a text; as it will be written comes out."""
    place: JsonValue = content
    for step in path[:-1]:
        place = place[step]  # type: ignore[index]
    if not isinstance(place[path[-1]], str):  # type: ignore[index]
        raise ValueError("These claims have no text where one was expected.")
    place[path[-1]] = f"{_MARK}{name}{_MARK}"  # type: ignore[index]
    return f'"{_MARK}{name}{_MARK}"'
