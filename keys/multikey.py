"""Multikey text and did:key ids (Controlled Identifiers 1.0 §2.2.2, the did:key method).

A Multikey is `z` + base58btc(prefix + raw key); EC points are compressed. `did:key:` + Multikey is a DID whose
only key is in its id.
"""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec

from keys.errors import KeyFormatError
from keys.jwk import KeyKind, PublicKey, from_cryptography

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Mapping[str, int] = {character: digit for digit, character in enumerate(_BASE58)}
_PAIRS = [first + second for first in _BASE58 for second in _BASE58]
# Kind -> (varint prefix of the multicodec, bytes of the key behind it; EC points are compressed).
_FORMS: Mapping[KeyKind, tuple[bytes, int]] = {
    "Ed25519": (b"\xed\x01", 32),
    "P-256": (b"\x80\x24", 33),
    "P-384": (b"\x81\x24", 49),
}
_CURVES: Mapping[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
MAX_MULTIKEY_CHARACTERS = 128  # ours have 48 to 50; base58 costs quadratic time


def encode(key: PublicKey) -> str:
    """The Multikey text of a public key: `z6Mk…` (Ed25519), `zDna…` (P-256) or `z82L…` (P-384).

    Raises:
        KeyFormatError: the key is of a kind for which there is no Multikey here.
    """
    if key.kind not in _FORMS:
        raise KeyFormatError(f"A key of the kind {key.kind} has no Multikey here.")
    prefix, size = _FORMS[key.kind]
    if key.kind == "Ed25519":
        return "z" + base58_encode(prefix + key.raw)
    x, y_is_odd = key.raw[1:size], key.raw[-1] & 1
    return "z" + base58_encode(prefix + bytes([2 + y_is_odd]) + x)


def decode(text: str) -> PublicKey:
    """The public key behind a Multikey text.

    Raises:
        KeyFormatError: another base, another kind of key, a wrong length, or a point off the curve.
    """
    if not text.startswith("z") or len(text) > MAX_MULTIKEY_CHARACTERS:
        raise KeyFormatError("The Multikey does not begin with 'z' (base58btc), or is too long.")
    data = base58_decode(text[1:])
    for kind, (prefix, size) in _FORMS.items():
        if data[:2] == prefix and len(data) == 2 + size:
            return _key(kind, data[2:])
    raise KeyFormatError("The Multikey holds no Ed25519, P-256 or P-384 key of the right length.")


def _key(kind: KeyKind, raw: bytes) -> PublicKey:
    if kind == "Ed25519":
        return PublicKey(kind, raw)
    try:
        return from_cryptography(ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[kind], raw))
    except ValueError as error:
        raise KeyFormatError(f"The Multikey's point is not on the curve {kind}.") from error


def did_key(key: PublicKey) -> str:
    """`did:key:` + Multikey."""
    return f"did:key:{encode(key)}"


def base58_encode(data: bytes) -> str:
    """Bytes as base58btc text, without the multibase prefix `z`; one text for each sequence of bytes."""
    number, pairs = int.from_bytes(data), []
    while number:
        number, part = divmod(number, 58**10)  # small enough for the processor's own arithmetic
        for _ in range(5):
            part, pair = divmod(part, 58**2)
            pairs.append(_PAIRS[pair])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(pairs)).lstrip("1")


def base58_decode(text: str, *, what: str = "Multikey") -> bytes:
    """The bytes behind a base58btc text without its `z`. Costs quadratic time: bound the length first.

    Raises:
        KeyFormatError: a character that is not of the alphabet; the message calls the text `what`.
    """
    number, digits = 0, _DIGITS
    try:
        for character in text:
            number = number * 58 + digits[character]
    except KeyError:
        raise KeyFormatError(f"The {what} has the character {character!a}, which base58 does not know.") from None
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
