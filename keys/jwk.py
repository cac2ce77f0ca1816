"""Public keys and their JSON Web Key form (RFC 7517, RFC 7518 §6.2, RFC 8037).

Two key types are issued and verified: P-256 and Ed25519. The key's type decides the algorithm; what a token's
header says about it must agree. Private keys live in `keys.custody` and never take this form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keys.errors import KeyFormatError, SignatureError
from schemas import base64url

Curve = Literal["P-256", "Ed25519"]

P256_COORDINATE_BYTES = 32
SIGNATURE_BYTES = 64  # both key types: r‖s of 32 bytes each (RFC 7518 §3.4), or Ed25519 (RFC 8032)
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

# Every name under which a header may call the algorithm of each key type (RFC 8037, RFC 9864).
ALGORITHMS: Mapping[Curve, tuple[str, ...]] = {"P-256": ("ES256",), "Ed25519": ("EdDSA", "Ed25519")}


@dataclass(frozen=True)
class PublicKey:
    """A P-256 or Ed25519 public key. `raw`: 65 bytes uncompressed point, or 32 bytes."""

    curve: Curve
    raw: bytes

    @property
    def algorithm(self) -> str:
        """The JOSE `alg` with which we sign for this key."""
        return ALGORITHMS[self.curve][0]

    def to_jwk(self) -> dict[str, str]:
        """The public JWK: `kty`, `crv`, `x` and, for P-256, `y`; nothing else."""
        if self.curve == "Ed25519":
            return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(self.raw)}
        x, y = self.raw[1 : 1 + P256_COORDINATE_BYTES], self.raw[1 + P256_COORDINATE_BYTES :]
        return {"kty": "EC", "crv": "P-256", "x": base64url.encode(x), "y": base64url.encode(y)}

    def to_cryptography(self) -> ec.EllipticCurvePublicKey | Ed25519PublicKey:
        """The key as an object of the `cryptography` library, for PyJWT."""
        if self.curve == "Ed25519":
            return Ed25519PublicKey.from_public_bytes(self.raw)
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.raw)

    def check(self, signature: bytes, message: bytes) -> None:
        """Verify a raw 64-byte signature (r‖s or Ed25519) over `message`.

        Raises:
            SignatureError: the length is wrong or the signature does not verify.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise SignatureError(f"The signature has {len(signature)} bytes; {SIGNATURE_BYTES} were expected.")
        key = self.to_cryptography()
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, message)
            else:
                r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
                key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise SignatureError("The signature does not fit the signed text and this key.") from error


def from_cryptography(key: object) -> PublicKey:
    """The `PublicKey` of a `cryptography` public key object.

    Raises:
        KeyFormatError: the key is neither P-256 nor Ed25519.
    """
    if isinstance(key, Ed25519PublicKey):
        return PublicKey("Ed25519", key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return PublicKey("P-256", key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
    raise KeyFormatError("The key is of a type that is not accepted: P-256 or Ed25519 was expected.")


def from_jwk(jwk: Mapping[str, object]) -> PublicKey:
    """The public key that a JWK describes; members that we do not know are ignored (RFC 7517 §4).

    Raises:
        KeyFormatError: a private member, another type, a wrong length, a point off the curve, or an `alg`
            that does not fit the type.
    """
    if PRIVATE_MEMBERS & jwk.keys():
        raise KeyFormatError("The JWK has a private member: a public key was expected.")
    kind = (jwk.get("kty"), jwk.get("crv"))
    if kind == ("EC", "P-256"):
        raw = b"\x04" + _coordinate(jwk, "x") + _coordinate(jwk, "y")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
        except ValueError as error:
            raise KeyFormatError("The JWK's point is not on the curve P-256.") from error
        key = PublicKey("P-256", raw)
    elif kind == ("OKP", "Ed25519"):
        key = PublicKey("Ed25519", _coordinate(jwk, "x"))
    else:
        raise KeyFormatError("The JWK is neither EC P-256 nor OKP Ed25519.")
    algorithm = jwk.get("alg")
    if algorithm is not None and algorithm not in ALGORITHMS[key.curve]:
        raise KeyFormatError(f"The JWK says alg {algorithm!r}, which does not fit a {key.curve} key.")
    return key


def _coordinate(jwk: Mapping[str, object], name: str) -> bytes:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise KeyFormatError(f"The JWK has no text member {name!r}.")
    try:
        data = base64url.decode(text, what=f"JWK member {name!r}")
    except base64url.Base64UrlError as error:
        raise KeyFormatError(str(error)) from error
    if len(data) != P256_COORDINATE_BYTES:
        raise KeyFormatError(f"The JWK member {name!r} has {len(data)} bytes; 32 were expected.")
    return data
