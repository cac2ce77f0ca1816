"""What the tools for one document cost from their start to their end, beside an import of two libraries."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.jwk import from_cryptography
from schemas import base64url, strict_json
from tests.bench.measuring import Row, cold, row
from tests.unit.verifier.simulator import IssuerSimulator

UNIT = "CPU milliseconds"


def rows() -> Iterator[Row]:
    """`badge-verifier verify F --key K`, then `badge-issuer sign`, each started anew several times."""
    bare = cold([sys.executable, "-c", "import jwt, cryptography"])
    yield row("import jwt, cryptography", bare, UNIT)
    issuer = IssuerSimulator()
    document = {name: value for name, value in issuer.document().items() if name != "credentialStatus"}
    document |= {"validFrom": "2026-01-01T00:00:00Z", "validUntil": "2126-01-01T00:00:00Z"}
    files = {
        "badge.jwt": issuer.token(document),
        "badge.json": strict_json.dumps(issuer.secured(document)),
        "public.jwk": strict_json.dumps(issuer.signer.public.to_jwk()),
        "unsigned.json": strict_json.dumps(document),
        "private.jwk": _private_jwk(),
    }
    with tempfile.TemporaryDirectory() as folder:
        at = {name: str(Path(folder) / name) for name in files}
        for name, text in files.items():
            Path(at[name]).write_text(text)
        verify = (_tool("badge-verifier"), "verify", "--key", at["public.jwk"], "--json")
        yield row("badge-verifier verify F --key K, a JWT", cold([*verify, at["badge.jwt"]]), UNIT, baseline=bare)
        verified = cold([*verify, at["badge.json"]])
        yield row("badge-verifier verify F --key K, a document", verified, UNIT, baseline=bare)
        sign = (_tool("badge-issuer"), "sign", "--input", at["unsigned.json"], "--key", at["private.jwk"])
        for form in ("vc+jwt", "eddsa-rdfc-2022"):
            signed = cold([*sign, "--as", form, "--output", at["badge.json"]])
            yield row(f"badge-issuer sign --as {form}", signed, UNIT, baseline=bare)


def _private_jwk() -> str:
    """A key of this bench alone, made anew each time."""
    private = Ed25519PrivateKey.generate()
    public = from_cryptography(private.public_key()).to_jwk()
    return strict_json.dumps({**public, "d": base64url.encode(private.private_bytes_raw())})


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
