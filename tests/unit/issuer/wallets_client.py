"""A wallet of our own for tests: keys, proofs, and the questions of OpenID4VCI 1.0, asked in process."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import data_integrity, did, jws, multikey
from keys.signer import Signer
from schemas import base64url, strict_json
from tests.unit.verifier.client import AppClient

BASE = "https://badges.example.org"
PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
VP_CONTEXT = "https://www.w3.org/ns/credentials/v2"


class Key:
    """A wallet's key: `did:key` of an Ed25519 or P-256 key."""

    def __init__(self, *, p256: bool = False) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1()) if p256 else Ed25519PrivateKey.generate()
        public = Signer(self.private, kid="x").public
        self.did = f"did:key:{multikey.encode(public)}"
        self.kid = f"{self.did}#{multikey.encode(public)}"
        self.signer = Signer(self.private, kid=self.kid)
        self.did_jwk = did.did_jwk(public)

    def token(self, claims: dict[str, Any], **header: Any) -> str:
        """A compact JWS with any header; members that are None are left out."""
        made = {"alg": self.signer.public.algorithm, "typ": "openid4vci-proof+jwt", "kid": self.kid} | header
        kept = {name: value for name, value in made.items() if value is not None}
        parts = [base64url.encode(strict_json.dumps(one).encode()) for one in (kept, claims)]
        return ".".join([*parts, base64url.encode(self.signer.sign(".".join(parts).encode()))])

    def presentation(self, *, challenge: str | None, domain: str | None, now: datetime, **more: Any) -> Any:
        document: Any = {
            "@context": [VP_CONTEXT],
            "type": ["VerifiablePresentation"],
            "holder": self.did,
        } | more
        return data_integrity.sign(
            document, signer=self.signer, created=now, purpose="authentication", challenge=challenge, domain=domain
        )


class Wallet:
    """A wallet with one key that asks an application in process."""

    def __init__(self, client: AppClient, now: datetime, *, key: Key | None = None) -> None:
        self.client, self.now, self.key = client, now, key or Key()
        self.token = ""

    def read_offer(self, link: str) -> Any:
        (reference,) = parse_qs(urlsplit(link).query)["credential_offer_uri"]
        return self.client.get(urlsplit(reference).path).json()

    def take(self, link: str, transaction_code: str) -> httpx.Response:
        """Read an offer and exchange its code."""
        code = self.read_offer(link)["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
        answer = self.ask_token(code, transaction_code)
        self.token = answer.json().get("access_token", "")
        return answer

    def ask_token(self, code: str, transaction_code: str | None, **more: str) -> httpx.Response:
        form = {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code} | more
        if transaction_code is not None:
            form["tx_code"] = transaction_code
        return self.client.post("/wallet/token", data=form)

    def nonce(self) -> str:
        return str(self.client.post("/wallet/nonce").json()["c_nonce"])

    def proof(self, **claims: Any) -> str:
        said = {"aud": BASE, "iat": int(self.now.timestamp()), "nonce": self.nonce()} | claims
        return self.key.token({name: value for name, value in said.items() if value is not None})

    def ask(self, form: str = "ldp_vc", *, proofs: Any = None, **more: Any) -> httpx.Response:
        body = {
            "credential_configuration_id": f"OpenBadgeCredential_{form}",
            "proofs": {"jwt": [self.proof()]} if proofs is None else proofs,
        } | more
        return self.post("credential", {name: value for name, value in body.items() if value != ""})

    def post(self, path: str, body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return self.client.post(f"/wallet/{path}", content=json.dumps(body), headers=headers)


def claims_of(token: str) -> Any:
    return strict_json.loads_object(jws.parse(token).payload)
