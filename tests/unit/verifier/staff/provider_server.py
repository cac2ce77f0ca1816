"""A small OpenID provider over real HTTP, written from the standard alone, that can misbehave on purpose.

It shares no code with ours. A person's log-in there is `log_in`: from the address to which a browser was sent to
what it brings back.
"""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "badge:werk", "s3cret/with+signs:%"
REDIRECT = "https://verify.example/staff/openid/callback"
Claims = dict[str, Any]


class Key:
    """A key for signatures, and its public JWK."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def jwk(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key()))
        return {"kty": "RSA", "n": public["n"], "e": public["e"], "kid": self.kid, "use": "sig", "alg": "RS256"}


@dataclass
class ProviderServer:
    """A provider at `issuer`. What a token says is changed by `claims`, how it is signed by `sign`, what the
    provider says of itself by `discovery`; `asked` are the paths that were asked for.
    """

    clock: Callable[[], datetime]
    key: Key
    subject: str = "248289761001"
    mail: str = "lead@example.org"
    claims: Claims = field(default_factory=dict)
    discovery: Claims = field(default_factory=dict)
    answer: Claims = field(default_factory=dict)  # of the log-in
    sign: Callable[[Claims, Key], str] | None = None
    keys: list[dict[str, Any]] | None = None
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    takes_codes_twice: bool = False
    redirect: str = REDIRECT
    userinfo: Claims | None = None
    secret_in_header: bool = True

    def __post_init__(self) -> None:
        provider = self

        class Handler(_Handler):
            contract = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"localhost:{self._server.server_address[1]}"
        self.issuer = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def document(self) -> Claims:
        methods = ["client_secret_basic"] if self.secret_in_header else ["client_secret_post"]
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=one",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
            "token_endpoint_auth_methods_supported": methods,
            "authorization_response_iss_parameter_supported": True,
        } | self.discovery

    def log_in(self, url: str) -> dict[str, str]:
        """What the browser brings back when its person logs in and agrees."""
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()}
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer}/authorize"
        assert asked["tenant"] == "one", "a query of the endpoint's own is kept (RFC 6749 §3.1)"
        assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == (
            "code",
            CLIENT,
            self.redirect,
        )
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
        assert len(asked["state"]) >= 43 and len(asked["nonce"]) >= 43
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer} | self.answer

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, Claims]:
        """The token endpoint (RFC 6749 §4.1.3, RFC 7636 §4.6)."""
        basic = "Basic " + base64.b64encode(b"badge%3Awerk:s3cret%2Fwith%2Bsigns%3A%25").decode()
        by_form = {"client_id": CLIENT, "client_secret": SECRET}
        good = (
            authorization == basic
            if self.secret_in_header
            else by_form.items() <= form.items() and not authorization
        )
        if not good:
            return 401, {"error": "invalid_client"}
        asked = self.codes.get(form["code"]) if self.takes_codes_twice else self.codes.pop(form["code"], None)
        if asked is None or form["grant_type"] != "authorization_code" or form["redirect_uri"] != self.redirect:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(self.clock().timestamp())
        said = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            "email": self.mail,
            "email_verified": True,
        }
        said = {name: value for name, value in {**said, **self.claims}.items() if value is not None}
        sign = self.sign or (lambda claims, key: jwt.encode(claims, key.private, "RS256", {"kid": key.kid}))
        return 200, {"access_token": "opens-userinfo", "token_type": "Bearer", "id_token": sign(said, self.key)}


class _Handler(BaseHTTPRequestHandler):
    contract: ProviderServer

    def do_GET(self) -> None:
        self.contract.asked.append(self.path)
        if self.path == "/.well-known/openid-configuration":
            self._answer(200, self.contract.document())
        elif self.path == "/keys":
            self._answer(
                200, {"keys": [self.contract.key.jwk] if self.contract.keys is None else self.contract.keys}
            )
        elif self.path == "/me" and self.headers["Authorization"] == "Bearer opens-userinfo":
            said = self.contract.userinfo
            self._answer(500 if said is None else 200, said or {})
        else:
            self._answer(404, {})

    def do_POST(self) -> None:
        self.contract.asked.append(self.path)
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
        self._answer(*self.contract.token(form, self.headers.get("Authorization", "")))

    def _answer(self, status: int, said: Claims) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: a test's output is its own."""
