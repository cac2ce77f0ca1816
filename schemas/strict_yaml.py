"""The one YAML reader for policies and settings that people write by hand.

Beyond `yaml.safe_load`: a key given twice is an error, numbers with a point become Decimal (0.1 is 0.1), whole
numbers are decimal digits (010 is no 8, 1:30 no 90), and a point in time without a zone or a reference to another
part of the document is refused. What the fields mean is the affair of `schemas.policy` and
`schemas.event_policy`.
"""

import re
from collections.abc import Hashable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml
from pydantic import ValidationError

MAX_DOCUMENT_BYTES = 256 * 1024  # the example policy has 7 kB
_INTERNAL = re.compile(r"function-|one-of-")  # which of several models was tried: nobody wrote that
_DECIMAL_DIGITS = re.compile(r"-?(0|[1-9][0-9]{0,17})", re.ASCII)


class StrictYamlError(ValueError):
    """The text is not YAML, repeats a key, or holds a time without a zone; one sentence with the line."""


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise StrictYamlError(f"line {_line(key_node)}: {key!r} is no name for a field.")
            if key in seen:
                raise StrictYamlError(f"line {_line(key_node)}: the field {key!r} is given twice.")
            seen.add(key)
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):  # a few lines of them expand to more than any memory holds
            line = int(self.current_event.start_mark.line) + 1
            raise StrictYamlError(f"line {line}: a reference to another part of the document is not read.")
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge keys (`<<`) would let a field be given twice; they are not read."""


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _decimal(_loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    try:
        number = Decimal(node.value.replace("_", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise StrictYamlError(f"line {_line(node)}: {node.value!r} is not a finite number.")
    return number


def _integer(_loader: _Loader, node: yaml.ScalarNode) -> int:
    if not _DECIMAL_DIGITS.fullmatch(node.value):
        raise StrictYamlError(
            f"line {_line(node)}: {node.value[:40]!r} is no whole number: decimal digits were expected."
        )
    return int(node.value)


def _timestamp(loader: _Loader, node: yaml.ScalarNode) -> date | datetime:
    try:
        value = loader.construct_yaml_timestamp(node)
    except (ValueError, AttributeError) as error:  # the second from a text that was only tagged as a time
        raise StrictYamlError(f"line {_line(node)}: {node.value!r} is no date that exists.") from error
    if isinstance(value, datetime) and value.tzinfo is None:
        raise StrictYamlError(f"line {_line(node)}: {node.value!r} has no time zone, such as Z or +01:00.")
    assert isinstance(value, date)
    return value


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _timestamp)


def loads(data: bytes) -> dict[str, Any]:
    """The mapping that a YAML document holds.

    Raises:
        StrictYamlError: as the module says, or the document is too large, not UTF-8, or no mapping.
    """
    if len(data) > MAX_DOCUMENT_BYTES:
        raise StrictYamlError(f"the document has {len(data)} bytes; at most {MAX_DOCUMENT_BYTES} are read.")
    try:
        value = yaml.load(data.decode("utf-8-sig"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except UnicodeDecodeError as error:
        raise StrictYamlError(f"the document is not UTF-8 at byte {error.start}.") from error
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise StrictYamlError(f"{line}{error.problem or 'no YAML'}.") from error
    except StrictYamlError:
        raise
    except (yaml.YAMLError, RecursionError, ValueError, KeyError) as error:  # the last two from wrong tags
        raise StrictYamlError(f"this is no YAML that is read here: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        raise StrictYamlError("the document holds no fields: a mapping of names to values was expected.")
    return value


def as_tuple(value: Any) -> Any:
    """For models: a list as a tuple; anything else as it is, to be refused by its field."""
    return tuple(value) if isinstance(value, list) else value


def as_decimal(value: Any) -> Any:
    """For models: a number as Decimal; a bool is no number, and a float came around this reader."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{value!r} is no number")
    return Decimal(value)


def sentence_of(error: ValidationError) -> str:
    """The first thing that a model refused, as `field.path: what was wrong.`; says how many more there are."""
    first, count = error.errors()[0], error.error_count()
    path = ".".join(str(part) for part in first["loc"] if not _INTERNAL.match(str(part)))
    message = _WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "it must be").replace("String should", "it should").rstrip(".")
    more = f" (and {count - 1} more)" if count > 1 else ""
    return f"{path}: {message}{more}." if path else f"{message}{more}."


_WORDS = {
    "extra_forbidden": "this field is not known here",
    "missing": "this field is missing",
}
