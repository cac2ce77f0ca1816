"""A small wallet: it follows a link, checks whom it talks to, and shows a badge with its key.

It knows the protocol by itself (OpenID4VP 1.0) and takes nothing from `verifier.wallets`. `./run real` has a
wallet that we did not write.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from keys import data_integrity, did, jws, multikey
from keys.signer import Signer
from schemas import strict_json
from schemas.strict_json import JsonObject
from tests.unit.verifier.simulator import NOW, ed25519_signer, p256_signer

Ask = Callable[..., httpx.Response]  # (method, path, **content)


def did_key_signer(name: str, *, kind: str = "Ed25519") -> Signer:
    """The key that this wallet has, under its did:key."""
    made = ed25519_signer(name) if kind == "Ed25519" else p256_signer(name)
    holder = multikey.did_key(made.public)
    kid = f"{holder}#{holder.removeprefix('did:key:')}"
    return ed25519_signer_as(name, kid) if kind == "Ed25519" else p256_signer_as(name, kid)


def ed25519_signer_as(name: str, kid: str) -> Signer:
    """The key of a name under another key id."""
    return _renamed(ed25519_signer(name), kid)


def p256_signer_as(name: str, kid: str) -> Signer:
    """The key of a name under another key id."""
    return _renamed(p256_signer(name), kid)


def _renamed(signer: Signer, kid: str) -> Signer:
    signer.kid = kid
    return signer


class Wallet:
    """Holds one badge. `ask` sends a request to the verifying office; `now` is the time on the wallet's clock."""

    def __init__(self, ask: Ask, signer: Signer, *, now: datetime = NOW) -> None:
        self._ask, self.signer, self._now = ask, signer, now
        self.holder = signer.kid.partition("#")[0]

    def read_request(self, link: str, *, wallet_nonce: str | None = None) -> dict[str, Any]:
        """The request behind a link, once its signature was checked against the client's DID document."""
        parts = urlsplit(link)
        assert parts.scheme == "openid4vp"
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert set(given) == {"client_id", "request_uri"}
        path = urlsplit(given["request_uri"]).path
        if wallet_nonce is None:
            answer = self._ask("GET", path)
        else:
            answer = self._ask("POST", path, data={"wallet_nonce": wallet_nonce})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/oauth-authz-req+jwt"
        client = given["client_id"].removeprefix("decentralized_identifier:")
        published = self._ask("GET", "/.well-known/did.json")
        document = did.parse_document(published.content, expected_id=client)
        kid = jws.parse(answer.text).header.kid
        assert kid is not None
        key = document.key(kid, purpose="assertionMethod")
        assert key is not None
        request = strict_json.loads_object(
            jws.verify(answer.text, key=key, accepted_typ=frozenset({"oauth-authz-req+jwt"}))
        )
        assert request["client_id"] == given["client_id"]
        assert request["aud"] == "https://self-issued.me/v2"
        assert request.get("wallet_nonce") == wallet_nonce
        return request

    def document_presentation(
        self, credential: Any, *, challenge: str, domain: str, signer: Signer | None = None
    ) -> dict[str, Any]:
        """A presentation with a Data Integrity proof."""
        presentation: JsonObject = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiablePresentation"],
            "holder": self.holder,
            "verifiableCredential": [credential],
        }
        made = data_integrity.sign(
            presentation,
            signer=signer or self.signer,
            created=self._now - timedelta(minutes=1),
            purpose="authentication",
            challenge=challenge,
            domain=domain,
        )
        return strict_json.loads_object(strict_json.dumps(made))

    def token_presentation(
        self, credential: str, *, nonce: str, audience: str, signer: Signer | None = None
    ) -> str:
        """A presentation as JWT, in the form of VCDM 1.1 that `jwt_vc_json` means."""
        payload = {
            "iss": self.holder,
            "aud": audience,
            "nonce": nonce,
            "iat": int(self._now.timestamp()) - 60,
            "vp": {
                "@context": ["https://www.w3.org/2018/credentials/v1"],
                "type": ["VerifiablePresentation"],
                "verifiableCredential": [credential],
            },
        }
        return jws.sign(strict_json.dumps(payload).encode(), signer=signer or self.signer, typ="JWT")

    def vp_token(self, request: dict[str, Any], credential: Any) -> dict[str, Any]:
        """The answer to a request: the badge in the form that it has."""
        nonce, client_id = request["nonce"], request["client_id"]
        formats = {entry["format"]: entry["id"] for entry in request["dcql_query"]["credentials"]}
        if isinstance(credential, str):
            shown: Any = self.token_presentation(credential, nonce=nonce, audience=client_id)
            return {formats["jwt_vc_json"]: [shown]}
        shown = self.document_presentation(credential, challenge=nonce, domain=client_id)
        return {formats["ldp_vc"]: [shown]}

    def answer(self, request: dict[str, Any], vp_token: Any, **changes: str) -> httpx.Response:
        """Post an answer (direct_post)."""
        form = {"vp_token": strict_json.dumps(vp_token), "state": request["state"]} | changes
        return self._ask("POST", urlsplit(request["response_uri"]).path, data=form)

    def show(self, link: str, credential: Any) -> str:
        """The whole way: where the wallet sends its browser."""
        request = self.read_request(link)
        answer = self.answer(request, self.vp_token(request, credential))
        assert answer.status_code == 200, answer.text
        redirect_uri = answer.json()["redirect_uri"]
        assert isinstance(redirect_uri, str)
        return redirect_uri
