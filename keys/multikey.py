"""Multikey text and did:key ids (Controlled Identifiers 1.0 §2.2.2, the did:key method).

A Multikey is `z` + base58btc(prefix + raw key); EC points are compressed. `did:key:` + Multikey is a DID whose
only key is in its id.
"""

from cryptography.hazmat.primitives.asymmetric import ec

from keys.errors import KeyFormatError
from keys.jwk import PublicKey, from_cryptography

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ED25519_PREFIX = b"\xed\x01"
_P256_PREFIX = b"\x80\x24"
MAX_MULTIKEY_CHARACTERS = 128  # ours have 48 to 50; base58 costs quadratic time


def encode(key: PublicKey) -> str:
    """The Multikey text of a public key: `z6Mk…` (Ed25519) or `zDna…` (P-256)."""
    if key.curve == "Ed25519":
        return "z" + _base58_encode(_ED25519_PREFIX + key.raw)
    x, y_is_odd = key.raw[1:33], key.raw[-1] & 1
    return "z" + _base58_encode(_P256_PREFIX + bytes([2 + y_is_odd]) + x)


def decode(text: str) -> PublicKey:
    """The public key behind a Multikey text.

    Raises:
        KeyFormatError: another base, another key type, a wrong length, or a point off the curve.
    """
    if not text.startswith("z") or len(text) > MAX_MULTIKEY_CHARACTERS:
        raise KeyFormatError("The Multikey does not begin with 'z' (base58btc), or is too long.")
    data = _base58_decode(text[1:])
    prefix, raw = data[:2], data[2:]
    if prefix == _ED25519_PREFIX and len(raw) == 32:
        return PublicKey("Ed25519", raw)
    if prefix == _P256_PREFIX and len(raw) == 33:
        try:
            return from_cryptography(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw))
        except ValueError as error:
            raise KeyFormatError("The Multikey's point is not on the curve P-256.") from error
    raise KeyFormatError("The Multikey holds neither an Ed25519 nor a P-256 key of the right length.")


def did_key(key: PublicKey) -> str:
    """`did:key:` + Multikey."""
    return f"did:key:{encode(key)}"


def _base58_encode(data: bytes) -> str:
    number, digits = int.from_bytes(data), []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_BASE58[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def _base58_decode(text: str) -> bytes:
    number = 0
    for character in text:
        digit = _BASE58.find(character)
        if digit < 0:
            raise KeyFormatError(f"The Multikey has the character {character!r}, which base58 does not know.")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8)
