"""A private key that the caller holds as a JWK file (RFC 7517, RFC 7518 §6, RFC 8037), opened as a `Signer`.

For tools that sign one document with somebody's own key. An issuer's keys are never kept so: they are sealed in
`keys.custody`. No message repeats anything of the file but the names of its members: it is a secret as a whole.
"""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import did, jwk, multikey
from keys.errors import KeyFormatError
from keys.jwk import PublicKey
from keys.signer import PrivateKey, Signer
from schemas import base64url, strict_json
from schemas.strict_json import JsonObject

MAX_FILE_BYTES = 16 * 1024  # an RSA key of 8192 bits has about 6,300
MAX_KID_CHARACTERS = 4096  # a did:jwk of an RSA key has about 2,000
_SCALAR_BYTES = {"P-256": 32, "P-384": 48, "Ed25519": 32}
_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
_RSA_FACTORS = ("p", "q", "dp", "dq", "qi")


def read(data: bytes) -> Signer:
    """The signer of one private JWK: EC P-256 or P-384, OKP Ed25519, or RSA of 2048 bits or more.

    Its `kid` is the JWK's own, or else where anybody finds the public key: the verification method of the did:key
    (RSA: of the did:jwk).

    Raises:
        KeyFormatError: no strict JSON object, no private key, another kind of key, halves that do not belong
            together, or a key that is not for signing.
    """
    try:
        members = strict_json.loads_object(data, max_bytes=MAX_FILE_BYTES, max_depth=4)
    except strict_json.StrictJsonError:
        # From None, here and below: what was raised may quote the file, and a traceback would show it.
        raise KeyFormatError("The key file holds no JWK: one strict JSON object was expected.") from None
    public = _public_half(members)
    private = _rsa_key(members) if public.kind == "RSA" else _curve_key(members, kind=public.kind)
    if jwk.from_cryptography(private.public_key()) != public:
        raise KeyFormatError("The private and the public half of the JWK do not belong together.")
    return Signer(private, kid=_kid(members, public))


def implied_kid(key: PublicKey) -> str:
    """The verification method under which anybody finds a key that stands in its own DID."""
    if key.kind == "RSA":
        return f"{did.did_jwk(key)}#0"
    return f"{multikey.did_key(key)}#{multikey.encode(key)}"


def _public_half(members: JsonObject) -> PublicKey:
    if "oth" in members:
        raise KeyFormatError("The JWK is an RSA key of more than two primes, which is not accepted.")
    if "d" not in members:
        raise KeyFormatError("The JWK has no member 'd': a private key was expected.")
    if members.get("use", "sig") != "sig":
        raise KeyFormatError("The JWK's member 'use' says that the key is not for signing.")
    operations = members.get("key_ops", ["sign"])
    if not isinstance(operations, list) or "sign" not in operations:
        raise KeyFormatError("The JWK's member 'key_ops' does not say 'sign'.")
    names = members.keys() - jwk.PRIVATE_MEMBERS - {"alg"}
    public = jwk.from_jwk({name: members[name] for name in names})
    if members.get("alg", public.algorithm) not in jwk.ALGORITHMS[public.kind]:
        raise KeyFormatError(f"The JWK's member 'alg' does not fit a {public.kind} key.")
    return public


def _curve_key(members: JsonObject, *, kind: str) -> PrivateKey:
    secret = _bytes(members, "d", expected=_SCALAR_BYTES[kind])
    if kind == "Ed25519":
        return Ed25519PrivateKey.from_private_bytes(secret)
    try:
        return ec.derive_private_key(int.from_bytes(secret), _CURVES[kind])
    except ValueError:
        raise KeyFormatError(f"The JWK's member 'd' is no private key of the curve {kind}.") from None


def _rsa_key(members: JsonObject) -> PrivateKey:
    """All five numbers beside `d`, or none of them: then the primes are found from `d` (RFC 7518 §6.3.2)."""
    n, e, d = (int.from_bytes(_bytes(members, name)) for name in ("n", "e", "d"))
    given = [name for name in _RSA_FACTORS if name in members]
    if given and len(given) != len(_RSA_FACTORS):
        raise KeyFormatError("The JWK has some of the members p, q, dp, dq and qi: all or none were expected.")
    try:
        if given:
            p, q, dmp1, dmq1, iqmp = (int.from_bytes(_bytes(members, name)) for name in _RSA_FACTORS)
        else:
            p, q = rsa.rsa_recover_prime_factors(n, e, d)
            dmp1, dmq1, iqmp = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
        return rsa.RSAPrivateNumbers(
            p=p, q=q, d=d, dmp1=dmp1, dmq1=dmq1, iqmp=iqmp, public_numbers=rsa.RSAPublicNumbers(e, n)
        ).private_key()
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFormatError("The JWK's RSA numbers make no private key.") from None


def _kid(members: JsonObject, public: PublicKey) -> str:
    if "kid" not in members:
        return implied_kid(public)
    kid = members["kid"]
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_CHARACTERS:
        raise KeyFormatError(f"The JWK's member 'kid' must be a text of 1 to {MAX_KID_CHARACTERS} characters.")
    return kid


def _bytes(members: JsonObject, name: str, *, expected: int | None = None) -> bytes:
    text = members[name]
    if not isinstance(text, str):
        raise KeyFormatError(f"The JWK's member '{name}' is no text.")
    try:
        data = base64url.decode(text, what=f"JWK member '{name}'")
    except base64url.Base64UrlError as error:
        raise KeyFormatError(str(error)) from None
    if expected is not None and len(data) != expected:
        raise KeyFormatError(f"The JWK's member '{name}' has {len(data)} bytes; {expected} were expected.")
    if len(data) * 8 > jwk.MAX_RSA_BITS:
        raise KeyFormatError(f"The JWK's member '{name}' is larger than {jwk.MAX_RSA_BITS} bits.")
    return data
