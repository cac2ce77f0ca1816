"""A desk for tests: its key, its journal and its requests, as the page makes them; it asks in process."""

import hashlib
import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from keys.signer import Signer
from schemas import base64url, strict_json
from tests.unit.verifier.client import AppClient
from tests.unit.verifier.desk.keys import desk_key
from tests.unit.verifier.simulator import Clock
from verifier.desk.formats import epochs, journal, tokens
from verifier.desk.formats.epochs import Chain
from verifier.desk.formats.journal import Entry
from verifier.registration import authority
from verifier.registration.store import HolderName, holder_key

_numbers = itertools.count(1)


def signature(
    signer: Signer, *, method: str, path: str, body: bytes = b"", now: datetime, changed: Mapping[str, Any]
) -> str:
    """The header of one request."""
    claims: dict[str, Any] = {
        "desk": signer.kid,
        "event": "summit-2027",
        "method": method,
        "path": path,
        "body": base64url.encode(hashlib.sha256(body).digest()),
        "iat": int(now.timestamp()),
        "jti": f"request-{next(_numbers)}",
        "epoch": 0,
    }
    return tokens.sign(claims | {**changed}, typ=tokens.REQUEST, signer=signer)


class DeskSimulator:
    """One desk at one event. `key` gives its key; it is named once it is enrolled."""

    def __init__(self, name: str, *, clock: Clock, event: str = "summit-2027") -> None:
        self.name, self.clock, self.event = name, clock, event
        self.signer = desk_key(name)
        self.entries: list[str] = []
        self.chain = Chain(event)
        self.salt = b""
        self.cap = 0
        self.bundle = ""

    @property
    def id(self) -> str:
        return self.signer.kid

    def enrol(self, app: AppClient, secret: str) -> httpx.Response:
        answer = app.post("/desk-api/enrol", json={"secret": secret, "jwk": self.signer.public.to_jwk()})
        if answer.status_code in {200, 201}:
            told = answer.json()
            self.signer = self.signer.named(told["desk"])
            self.cap, self.bundle = told["cap"], told["bundle"]
            said = tokens.unverified(self.bundle)
            self.salt = base64url.decode(said["claims"]["salt"])  # type: ignore[index, call-overload, arg-type]
            self.follow(said["epochs"])  # type: ignore[arg-type]
        return answer

    def follow(self, statements: list[str]) -> None:
        self.chain = self.chain.followed_by(statements, signatories=None)

    def ask(
        self,
        app: AppClient,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        changed: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        body = b"" if json is None else strict_json.dumps(json).encode()
        signed = signature(
            self.signer,
            method=method,
            path=path,
            body=body,
            now=self.clock(),
            changed={"epoch": self.chain.epoch, "event": self.event} | {**(changed or {})},
        )
        return app.request(method, path, content=body, headers={"Desk-Signature": signed, **(headers or {})})

    def redeem(self, app: AppClient, token: str, *, request_id: str = "one", **changed: Any) -> httpx.Response:
        return self.ask(
            app,
            "POST",
            f"/events/{self.event}/redemptions",
            json={"badge": token, "name_against_id": True},
            headers={"Idempotency-Key": request_id},
            changed=changed,
        )

    def hash_of(self, reference: str, *, issuer: str = "did:web:badges.example.org") -> str:
        name = HolderName(self.event, "ticket-discount", issuer, holder_key(reference))
        return authority.hash_of(name, salt=self.salt)

    def enter(self, kind: str, **claims: Any) -> str:
        """Write the next entry of its journal."""
        if "reference" in claims:
            claims["holders"] = [self.hash_of(claims.pop("reference"))]
            claims = {
                "entitlement": "ticket-discount",
                "issuer": "did:web:badges.example.org",
                "achievement": "https://badges.example.org/achievements/contributor",
                "percent": 50,
            } | claims
        entry = Entry.model_validate(
            {
                "event": self.event,
                "desk": self.id,
                "seq": len(self.entries) + 1,
                "prev": tokens.hash_of(self.entries[-1]) if self.entries else None,
                "at": (self.clock() + timedelta(milliseconds=len(self.entries))).isoformat(),
                "kind": kind,
                "epoch": self.chain.epoch,
            }
            | claims
        )
        token = journal.write(entry, signer=self.signer)
        self.entries.append(token)
        return token

    def grant(self, reference: str, request_id: str, *, ring: int = 1) -> str:
        return self.enter("granted", ring=ring, request_id=request_id, reference=reference)

    def grant_provisionally(self, reference: str, request_id: str) -> str:
        return self.enter(
            "provisional", ring=3, request_id=request_id, reference=reference, value=400, name="Ada Example"
        )

    def send(self, app: AppClient) -> httpx.Response:
        """Its whole journal."""
        return self.ask(
            app, "POST", "/desk-api/journal", json={"entries": self.entries, "last": len(self.entries)}
        )

    def take_over(self, holder: Any, *, url: str = "https://spare.example") -> str:
        """As a lead: the next epoch, for another hub."""
        return epochs.write(
            self.chain, holder=holder, url=url, at=self.clock(), signer=self.signer, reason="the hub died"
        )
