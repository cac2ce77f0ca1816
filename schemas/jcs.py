"""The one canonical text of a JSON value (RFC 8785, JSON Canonicalization Scheme).

It only writes: the strict reader is `schemas.strict_json`; `keys.data_integrity` hashes and signs what comes out.
Two JSON texts that say the same have the same canonical bytes: members in the order of their UTF-16 code units,
numbers as ECMAScript writes them, no space anywhere.
"""

import json
import math

from schemas.strict_json import MAX_INTEGER, JsonValue

_PLAIN_DIGITS = 21  # ECMAScript writes numbers below 10^21 without an exponent …
_PLAIN_ZEROS = 6  # … and those from 10^-6 up


class CanonicalJsonError(ValueError):
    """A value has no canonical form; the message is one sentence."""


def canonicalise(value: JsonValue) -> bytes:
    """The canonical UTF-8 bytes of a JSON value (RFC 8785 §3.2).

    Raises:
        CanonicalJsonError: NaN or infinity, an integer beyond 2^53-1, a lone surrogate, another Python type, or
            nesting deeper than the interpreter can follow.
    """
    try:
        return _text(value).encode()
    except UnicodeEncodeError as error:
        raise CanonicalJsonError("A text in this JSON holds a lone surrogate, which has no UTF-8.") from error
    except RecursionError as error:
        raise CanonicalJsonError("This JSON is nested too deeply to be canonicalised.") from error


def _text(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):  # before numbers: in Python True is an int
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, list):
        return f"[{','.join(_text(item) for item in value)}]"
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return (
            f"{{{','.join(f'{_string(name)}:{_text(value[name])}' for name in sorted(value, key=_code_units))}}}"
        )
    raise CanonicalJsonError(f"A {type(value).__name__} is no JSON value.")


def _code_units(name: str) -> bytes:
    """A sort key: big-endian UTF-16 compares like its code units, which is not the order of code points."""
    return name.encode("utf-16-be")


def _string(text: str) -> str:
    """RFC 8785 §3.2.2.2: short escapes where JSON has them, `\\u00xx` for other controls, the rest as it is."""
    return json.dumps(text, ensure_ascii=False)


def _integer(number: int) -> str:
    if abs(number) > MAX_INTEGER:
        raise CanonicalJsonError("An integer beyond 2^53-1 has no canonical form: readers disagree about it.")
    return str(number)


def _float(number: float) -> str:
    """A double as ECMAScript's Number::toString writes it (ECMA-262 §6.1.6.1.20; RFC 8785 §3.2.2.3).

    Python's repr finds the same shortest digits that lead back to the number; only their layout differs.
    """
    if not math.isfinite(number):
        raise CanonicalJsonError("NaN and infinity are no JSON numbers.")
    if number == 0:
        return "0"  # minus zero too
    sign = "-" if number < 0 else ""
    digits, point = _shortest(abs(number))
    if len(digits) <= point <= _PLAIN_DIGITS:
        return f"{sign}{digits.ljust(point, '0')}"
    if 0 < point <= _PLAIN_DIGITS:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -_PLAIN_ZEROS < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def _shortest(number: float) -> tuple[str, int]:
    """The significant digits d1…dk of a positive number, and n such that it is 0.d1…dk times 10^n."""
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    padded = whole + fraction
    digits = padded.lstrip("0")
    return digits.rstrip("0"), len(whole) + int(exponent or 0) - (len(padded) - len(digits))
