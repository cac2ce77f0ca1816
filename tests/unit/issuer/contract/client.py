"""The contract asked over HTTP without a network: an office's application behind an ASGI transport."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from issuer.contract.web import router
from issuer.contributions import service as contributions
from schemas.contexts import VERIFYING, ContextSet
from tests.unit.issuer.office import NOW, Office

BASE = "https://badges.example.org"
V2 = "https://www.w3.org/ns/credentials/v2"


@dataclass(frozen=True)
class Client:
    """`token`: what it shows; None shows nothing."""

    app: FastAPI
    token: str | None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request; a body that is no bytes is sent as JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            named.setdefault("content-type", "application/json")
        if self.token:
            named.setdefault("authorization", f"Bearer {self.token}")
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, content=content, headers=named)

        return asyncio.run(send())

    def issue(self, document: Any, **options: Any) -> httpx.Response:
        body = {"credential": document, **({"options": options} if options else {})}
        return self.ask("POST", "/credentials/issue", body)


def open_client(
    office: Office, *, is_open: bool = False, source: str | None = "contract", contexts: ContextSet = VERIFYING
) -> Client:
    """The contract of an office, asked with a new token of a source, or with none."""
    app = FastAPI()
    app.include_router(router(lambda: office.bureau, clock=lambda: NOW, is_open=is_open, contexts=contexts))
    token = contributions.create_token(office.engine, source, now=NOW) if source else None
    return Client(app, token)


def credential(**members: Any) -> dict[str, Any]:
    """A small credential of the office."""
    return {
        "@context": [V2],
        "type": ["VerifiableCredential"],
        "issuer": "did:web:badges.example.org",
        "credentialSubject": {"id": "did:example:subject"},
        **members,
    }


def problem(response: httpx.Response, status: int, code: str | None = None) -> str:
    """The sentence of a refusal that is what every refusal must be."""
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["status"]) == (status, status), body
    assert {"type", "title", "detail"} <= body.keys()
    if code:
        assert body["type"].endswith(f"#{code}") and body["title"] == code
    detail = body["detail"]
    assert isinstance(detail, str) and detail.endswith(".") and "\n" not in detail
    return detail
