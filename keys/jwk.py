"""Public keys and their JSON Web Key form (RFC 7517, RFC 7518 §6, RFC 8037).

Badges are issued with P-256 or Ed25519; those of others are verified with P-384 and RSA too. The key's kind
decides the algorithm; what a token's header says about it must agree. Private keys live in `keys.custody` and
never take this form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from keys.errors import KeyFormatError, SignatureError
from schemas import base64url

KeyKind = Literal["P-256", "P-384", "Ed25519", "RSA"]
LibraryKey = ec.EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MIN_RSA_BITS = 2048  # RFC 7518 §3.3
MAX_RSA_BITS = 8192  # verifying costs the square of the size; nobody signs badges with more
MAX_RSA_EXPONENT_BYTES = 4  # 65537 in practice; a huge exponent is a way to make verifiers work

# Every name under which a header may call the algorithm of each kind of key (RFC 7518, RFC 8037, RFC 9864).
ALGORITHMS: Mapping[KeyKind, tuple[str, ...]] = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "Ed25519": ("EdDSA", "Ed25519"),
    "RSA": ("RS256",),
}


@dataclass(frozen=True)
class _Curve:
    """What is particular to one curve of ECDSA."""

    curve: ec.EllipticCurve
    algorithm: ec.ECDSA
    coordinate_bytes: int


_CURVES: Mapping[str, _Curve] = {
    "P-256": _Curve(ec.SECP256R1(), ec.ECDSA(hashes.SHA256()), 32),
    "P-384": _Curve(ec.SECP384R1(), ec.ECDSA(hashes.SHA384()), 48),
}
_ED25519_BYTES = 32
_ED25519_SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class PublicKey:
    """A public key. `raw`: an uncompressed point (P-256: 65, P-384: 97 bytes), 32 bytes (Ed25519), or the DER
    SubjectPublicKeyInfo (RSA)."""

    kind: KeyKind
    raw: bytes

    @property
    def algorithm(self) -> str:
        """The JOSE `alg` of signatures by this key, under its usual name."""
        return ALGORITHMS[self.kind][0]

    @property
    def signature_bytes(self) -> int:
        """How long each raw signature by this key is."""
        if self.kind == "RSA":
            key = self.to_cryptography()
            assert isinstance(key, RSAPublicKey)
            return (key.key_size + 7) // 8
        return _ED25519_SIGNATURE_BYTES if self.kind == "Ed25519" else 2 * _CURVES[self.kind].coordinate_bytes

    def to_jwk(self) -> dict[str, str]:
        """The public JWK: `kty` with `crv`, `x` and `y`, or with `n` and `e`; nothing else."""
        if self.kind == "Ed25519":
            return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(self.raw)}
        key = self.to_cryptography()
        if isinstance(key, RSAPublicKey):
            numbers = key.public_numbers()
            return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        size = _CURVES[self.kind].coordinate_bytes
        x, y = self.raw[1 : 1 + size], self.raw[1 + size :]
        return {"kty": "EC", "crv": self.kind, "x": base64url.encode(x), "y": base64url.encode(y)}

    def to_cryptography(self) -> LibraryKey:
        """The key as an object of the `cryptography` library; checked and unpacked once, since many badges have
        one issuer.
        """
        return _library_key(self.kind, self.raw)

    def check(self, signature: bytes, message: bytes) -> None:
        """Verify a raw signature over `message`: r‖s (RFC 7518 §3.4), Ed25519 (RFC 8032) or RSA PKCS #1 v1.5.

        Raises:
            SignatureError: the length is wrong or the signature does not verify.
        """
        key, curve = self.to_cryptography(), _CURVES.get(self.kind)
        expected = self.signature_bytes if curve is None else 2 * curve.coordinate_bytes
        if len(signature) != expected:
            raise SignatureError(f"The signature has {len(signature)} bytes; {expected} were expected.")
        try:
            if curve is not None:
                assert isinstance(key, ec.EllipticCurvePublicKey)
                half = curve.coordinate_bytes
                r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
                key.verify(encode_dss_signature(r, s), message, curve.algorithm)
            elif isinstance(key, Ed25519PublicKey):
                key.verify(signature, message)
            else:
                assert isinstance(key, RSAPublicKey)
                key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise SignatureError("The signature does not fit the signed text and this key.") from error


@lru_cache(maxsize=1024)
def _library_key(kind: KeyKind, raw: bytes) -> LibraryKey:
    if kind == "Ed25519":
        return Ed25519PublicKey.from_public_bytes(raw)
    if kind == "RSA":
        key = load_der_public_key(raw)
        assert isinstance(key, RSAPublicKey)
        return key
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[kind].curve, raw)


def from_cryptography(key: object) -> PublicKey:
    """The `PublicKey` of a `cryptography` public key object.

    Raises:
        KeyFormatError: the key is of another kind, or an RSA key out of bounds.
    """
    if isinstance(key, Ed25519PublicKey):
        return PublicKey("Ed25519", key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        if isinstance(key.curve, ec.SECP256R1):
            return PublicKey("P-256", point)
        if isinstance(key.curve, ec.SECP384R1):
            return PublicKey("P-384", point)
    if isinstance(key, RSAPublicKey):
        if not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
            raise KeyFormatError(
                f"The RSA key has {key.key_size} bits; {MIN_RSA_BITS} to {MAX_RSA_BITS} were expected."
            )
        return PublicKey("RSA", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    raise KeyFormatError("The key is of a kind that is not accepted: P-256, P-384, Ed25519 or RSA was expected.")


def from_jwk(jwk: Mapping[str, object]) -> PublicKey:
    """The public key that a JWK describes; members that we do not know are ignored (RFC 7517 §4).

    Raises:
        KeyFormatError: a private member, another kind, a wrong length, a point off the curve, RSA numbers out of
            bounds, or an `alg` that does not fit the kind.
    """
    if PRIVATE_MEMBERS & jwk.keys():
        raise KeyFormatError("The JWK has a private member: a public key was expected.")
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if kty == "EC" and isinstance(crv, str) and crv in _CURVES:
        key = _from_point(jwk, crv)
    elif (kty, crv) == ("OKP", "Ed25519"):
        key = PublicKey("Ed25519", _bytes(jwk, "x", expected=_ED25519_BYTES))
    elif kty == "RSA":
        key = _from_rsa_numbers(jwk)
    else:
        raise KeyFormatError("The JWK is neither EC P-256 or P-384, nor OKP Ed25519, nor RSA.")
    algorithm = jwk.get("alg")
    if algorithm is not None and algorithm not in ALGORITHMS[key.kind]:
        raise KeyFormatError(f"The JWK says alg {algorithm!r}, which does not fit a {key.kind} key.")
    return key


def _from_point(jwk: Mapping[str, object], crv: str) -> PublicKey:
    curve = _CURVES[crv]
    x, y = (_bytes(jwk, name, expected=curve.coordinate_bytes) for name in ("x", "y"))
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(curve.curve, b"\x04" + x + y)
    except ValueError as error:
        raise KeyFormatError(f"The JWK's point is not on the curve {crv}.") from error
    return from_cryptography(point)


def _from_rsa_numbers(jwk: Mapping[str, object]) -> PublicKey:
    n, e = _bytes(jwk, "n"), _bytes(jwk, "e")
    if n[:1] in {b"", b"\0"} or e[:1] in {b"", b"\0"}:
        raise KeyFormatError("The JWK's RSA numbers 'n' and 'e' are empty or begin with a zero byte.")
    if len(n) * 8 > MAX_RSA_BITS or len(e) > MAX_RSA_EXPONENT_BYTES:
        raise KeyFormatError(f"The JWK's RSA key is larger than {MAX_RSA_BITS} bits, or its exponent is huge.")
    try:
        key = RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()
    except ValueError as error:
        raise KeyFormatError("The JWK's RSA numbers make no key.") from error
    return from_cryptography(key)


def _bytes(jwk: Mapping[str, object], name: str, *, expected: int | None = None) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise KeyFormatError(f"The JWK has no text member {name!r}.")
    try:
        data = base64url.decode(text, what=f"JWK member {name!r}")
    except base64url.Base64UrlError as error:
        raise KeyFormatError(str(error)) from error
    if expected is not None and len(data) != expected:
        raise KeyFormatError(f"The JWK member {name!r} has {len(data)} bytes; {expected} were expected.")
    return data


def _number(number: int) -> str:
    """A whole number as `Base64urlUInt` (RFC 7518 §2): big-endian, no leading zero byte."""
    return base64url.encode(number.to_bytes((number.bit_length() + 7) // 8))
