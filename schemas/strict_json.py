"""The one JSON reader for everything that arrives, and the writer that goes with it.

It turns bytes from strangers into plain JSON values, or refuses them with one sentence. It is stricter than
RFC 8259, because two readers that disagree about one document are an attack: the library reader keeps the
last of two equal members in silence, takes NaN, and lets a lone surrogate through that no UTF-8 can carry.

It knows nothing of credentials: shapes are parsed in `schemas.credential` and its neighbours; the canonical form
of RFC 8785 is `schemas.jcs`. A token is checked as bytes before it is read here; a document with its proof inside
is read first, and hashed in its canonical form. Neither is written again by `dumps` on the way to its check.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Final, NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"

MAX_DOCUMENT_BYTES: Final = 256 * 1024  # a badge is 2 to 4 kB; room for endorsements (STANDARDS j1)
MAX_DEPTH: Final = 32  # containers inside containers; a real badge has about 6
MAX_INTEGER: Final = 2**53 - 1  # beyond it JavaScript, hence half of all verifiers, reads another number

_MAX_INTEGER_CHARACTERS: Final = 17  # "-9007199254740991"; int() on a longer text costs quadratic time
_QUOTED_CHARACTERS: Final = 40  # an attacker chooses member names; a message repeats only their beginning

# A whole string, or one bracket. The closing quote is optional and the repeats are possessive, so that an
# unterminated string full of escaped quotes is passed in one go and not once from each quote.
_STRING_OR_BRACKET: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class StrictJsonError(ValueError):
    """A text that is not JSON in our strict sense; the message is one sentence.

    `where` says the place if it is known: "line 3, column 14", or a JSON Pointer such as "/name/0".
    """

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(message)
        self.where = where


def loads(data: bytes | str, *, max_bytes: int = MAX_DOCUMENT_BYTES, max_depth: int = MAX_DEPTH) -> JsonValue:
    """One JSON text (UTF-8 if bytes) as plain Python values, members in the order of the text.

    Raises StrictJsonError for: more than `max_bytes` bytes of UTF-8, containers nested deeper than
    `max_depth`, invalid UTF-8, a byte order mark, a duplicate member, NaN or Infinity, a lone surrogate
    (escaped too, in member names too), an integer beyond 2^53-1, a number too large for a double, anything
    after the value, and all that RFC 8259 does not allow (STANDARDS b5, j1, k6).
    """
    text = _text(data, max_bytes=max_bytes)
    _check_depth(text, max_depth=max_depth)
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        message = f"The JSON breaks off or goes wrong at {where}: {error.msg}."
        raise StrictJsonError(message, where=where) from error
    except RecursionError as error:  # only with a `max_depth` beyond what the interpreter can follow
        raise StrictJsonError("The JSON is nested too deeply to be read.") from error
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(value)
    return value


def loads_object(
    data: bytes | str, *, max_bytes: int = MAX_DOCUMENT_BYTES, max_depth: int = MAX_DEPTH
) -> JsonObject:
    """One JSON object, read as `loads` reads; any other JSON value raises StrictJsonError."""
    value = loads(data, max_bytes=max_bytes, max_depth=max_depth)
    if not isinstance(value, dict):
        raise StrictJsonError(f"A JSON object was expected, and this is {_kind(value)}.")
    return value


def dumps(value: object) -> str:
    """`value` as compact JSON: no spaces, non-ASCII characters as they are, members in their order.

    Raises StrictJsonError for what has no JSON form: NaN, infinities, lone surrogates, other Python types.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise StrictJsonError(f"This value cannot be written as JSON: {error}.") from error
    if _SURROGATE.search(text):
        raise StrictJsonError("This value cannot be written as JSON: a text in it holds a lone surrogate.")
    return text


def _text(data: bytes | str, *, max_bytes: int) -> str:
    """The JSON text, once its size and encoding are known to be good."""
    if len(data) > max_bytes:  # a text has at least as many bytes as characters
        raise _too_large(max_bytes)
    if isinstance(data, str):
        try:
            size = len(data) if data.isascii() else len(data.encode("utf-8"))
        except UnicodeEncodeError as error:
            where = f"character {error.start}"
            raise StrictJsonError(f"The JSON text holds a lone surrogate at {where}.", where=where) from error
        if size > max_bytes:
            raise _too_large(max_bytes)
        text = data
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            where = f"byte {error.start}"
            raise StrictJsonError(f"The JSON is not valid UTF-8 at {where}.", where=where) from error
    if text.startswith("\ufeff"):
        raise StrictJsonError("The JSON begins with a byte order mark, which RFC 8259 does not allow.")
    return text


def _check_depth(text: str, *, max_depth: int) -> None:
    """Refuse deep nesting before any recursive reader sees it: a megabyte of '[' must not cost a stack."""
    if text.count("{") + text.count("[") <= max_depth:  # so few brackets cannot nest deeper
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        character = text[match.start()]
        if character in "[{":
            depth += 1
            if depth > max_depth:
                raise StrictJsonError(f"The JSON is nested more than {max_depth} levels deep.")
        elif character in "]}":
            depth -= 1


def _check_surrogates(value: JsonValue) -> None:
    """Refuse a lone surrogate: no UTF-8 can carry it, so no two systems would hash the same bytes."""
    for pointer, text in _texts(value):
        if _SURROGATE.search(text):
            place = _shorten(pointer) if pointer else "the top"
            raise StrictJsonError(f"The text at {place} holds a lone surrogate.", where=pointer)


def _texts(value: JsonValue) -> Iterator[tuple[str, str]]:
    """Every member name and text with a JSON Pointer to it; a name is reported at its object's pointer."""
    pending: list[tuple[str, JsonValue]] = [("", value)]
    while pending:
        pointer, item = pending.pop()
        if isinstance(item, str):
            yield pointer, item
        elif isinstance(item, list):
            pending.extend((f"{pointer}/{index}", child) for index, child in enumerate(item))
        elif isinstance(item, dict):
            for name, child in item.items():
                yield pointer, name
                pending.append((f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}", child))


def _unique_members(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise StrictJsonError(f"The member {_shorten(name)} stands twice in one JSON object.")
            seen.add(name)
    return members


def _integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_CHARACTERS or abs(number := int(text)) > MAX_INTEGER:
        raise StrictJsonError(f"The integer {_shorten(text)} is beyond 2^53-1, where readers disagree.")
    return number


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise StrictJsonError(f"The number {_shorten(text)} is too large to be read.")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise StrictJsonError(f"{name} is not a JSON number.")


def _shorten(text: str) -> str:
    return ascii(text if len(text) <= _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + "…")


def _kind(value: JsonValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "a text"
    return "an array" if isinstance(value, list) else "a number"


def _too_large(max_bytes: int) -> StrictJsonError:
    return StrictJsonError(f"The JSON is larger than the {max_bytes} bytes that are read.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_members,
    parse_int=_integer,
    parse_float=_float,
    parse_constant=_refuse_constant,
)
