"""Digests that a document gives for the contexts that it uses (VCDM 2.0 §5.3, `relatedResource`).

Our contexts are tables, not files, so the comparison is with the digests of the published bytes. Only contexts are
known here: a policy, an image or a schema is for whoever fetches it.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from schemas.contexts.errors import RelatedResourceError
from schemas.contexts.published import digests_of
from schemas.strict_json import JsonValue

_MULTIHASH: Final = {"sha256": b"\x12\x20", "sha384": b"\x20\x30", "sha512": b"\x13\x40"}  # code, length
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")  # SRI allows both alphabets, and leaves the padding free


def check_related_resource(entry: Mapping[str, JsonValue]) -> None:
    """The digests in one entry of `relatedResource` are those of the context that it names.

    `entry`: `id`, with `digestSRI` (`sha384-` and base64; several separated by spaces) or `digestMultibase` (`u`
    or `z` and a multihash), or both; each may be an array. All digests must fit; where a file was changed in
    place, the digest of each revision does. An id that is no known context says nothing.

    Raises:
        RelatedResourceError: a digest is missing, malformed, of another hash than SHA-256, -384 or -512, or
            another.
    """
    url = entry.get("id")
    expected = digests_of(url) if isinstance(url, str) else ()
    if not expected:
        return
    given = [_sri(text) for text in _texts(entry, "digestSRI", url) for text in text.split()]
    given += _texts(entry, "digestMultibase", url)
    if not given:
        raise RelatedResourceError(f"The relatedResource {url} has no digest.")
    spellings = {spelling for digest in expected for spelling in (_sri(digest), *_multibase(digest))}
    if not spellings.issuperset(given):
        raise RelatedResourceError(f"A digest of the relatedResource {url} is not that of the published file.")


def _texts(entry: Mapping[str, JsonValue], name: str, url: JsonValue) -> list[str]:
    value = entry.get(name, [])
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    if len(texts) != len(values):
        raise RelatedResourceError(f"The member {name} of the relatedResource {url} must be a text.")
    return texts


def _sri(text: str) -> str:
    """One spelling for each hash-expression: the standard alphabet, no padding."""
    name, _, value = text.partition("-")
    return f"{name}-{value.translate(_STANDARD_ALPHABET).rstrip('=')}"


def _multibase(sri: str) -> tuple[str, str]:
    """A digest as a multihash in base64url and in base58btc."""
    name, _, value = sri.partition("-")
    multihash = _MULTIHASH[name] + binascii.a2b_base64(value)
    return f"u{base64.urlsafe_b64encode(multihash).decode().rstrip('=')}", f"z{_base58(multihash)}"


def _base58(data: bytes) -> str:
    """Base58 of bytes that do not begin with zero, which no multihash here does."""
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return text
