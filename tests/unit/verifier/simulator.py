"""A small honest issuer in memory: it makes keys from a seed, signs badges and lists, and publishes documents.

It shares no code with the issuing office, only the formats: what the verifier must understand is written here a
second time, by hand.
"""

import copy
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys import data_integrity, jws
from keys import did as dids
from keys.signer import Signer
from schemas import badge_qr, claims, holder_code, identity, status_list, strict_json, timestamps
from schemas.badge_qr import Dictionary
from verifier.ground.outbound import Document, OutboundError
from verifier.verification.reading import ReadBadge
from verifier.verification.trust import Absent, Published, TrustBundle

NOW = datetime(2027, 2, 1, 9, 0, tzinfo=UTC)
SEED = "a seed for tests, not a secret"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
REFERENCE = "urn:uuid:6f1c1c0e-52d1-4b57-9c55-6a4a6e0a7d11"
HOLDER_CODE = holder_code.write(bytes(range(16)))


def p256_signer(kid: str, *, seed: str = SEED) -> Signer:
    """The P-256 key that a seed gives for a key id: the same on every machine."""
    number = int.from_bytes(hashlib.sha512(f"{seed}/{kid}".encode()).digest()) % (_P256_ORDER - 1) + 1
    return Signer(ec.derive_private_key(number, ec.SECP256R1()), kid=kid)


def ed25519_signer(kid: str, *, seed: str = SEED) -> Signer:
    """The Ed25519 key that a seed gives for a key id."""
    secret = hashlib.sha256(f"{seed}/{kid}".encode()).digest()
    return Signer(Ed25519PrivateKey.from_private_bytes(secret), kid=kid)


@dataclass
class IssuerSimulator:
    """An issuer at `https://<host>`."""

    host: str = "badges.example.org"
    seed: str = SEED
    now: datetime = NOW
    revoked: set[int] = field(default_factory=set)
    list_ttl: int | None = 3_600_000
    list_lives: timedelta = timedelta(days=2)

    @property
    def base(self) -> str:
        return f"https://{self.host}"

    @property
    def did(self) -> str:
        return "did:web:" + self.host.replace(":", "%3A")

    @property
    def signer(self) -> Signer:
        return p256_signer(f"{self.did}#badges-1", seed=self.seed)

    @property
    def status_signer(self) -> Signer:
        return p256_signer(f"{self.did}#status-1", seed=self.seed)

    @property
    def list_url(self) -> str:
        return f"{self.base}/status-lists/1"

    # What it says

    def document(
        self,
        *,
        reference: str = REFERENCE,
        achievement: str = "contributor",
        name: str | None = "Ada Example",
        code: str | None = HOLDER_CODE,
        index: int = 94567,
        starts: str = "2027-01-01",
        ends: str = "2027-12-31",
    ) -> dict[str, Any]:
        """A credential as this issuer writes it, not signed yet."""
        identities = [identity.plain(reference, identity_type="systemId")]
        if name is not None:
            identities.append(identity.plain(name, identity_type="name"))
        if code is not None:
            identities.append(identity.hashed(code, identity_type="ext:holderCode", salt="a-salt-for-tests"))
        return {
            "@context": [
                "https://www.w3.org/ns/credentials/v2",
                "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
            ],
            "id": "urn:uuid:0d6f7a54-0000-4000-8000-000000000001",
            "type": ["VerifiableCredential", "OpenBadgeCredential"],
            "name": "Contributor 2027",
            "issuer": {"id": self.did, "type": ["Profile"], "name": "Example Community"},
            "validFrom": timestamps.show(self.now - timedelta(days=10)),
            "validUntil": timestamps.show(self.now + timedelta(days=400)),
            "credentialSubject": {
                "id": reference,
                "type": ["AchievementSubject"],
                "identifier": [entry.model_dump(exclude_none=True) for entry in identities],
                "achievement": {
                    "id": f"{self.base}/achievements/{achievement}",
                    "type": ["Achievement"],
                    "name": achievement.capitalize(),
                    "description": "Did work that other people could use and accepted.",
                    "criteria": {"id": f"{self.base}/achievements/{achievement}"},
                },
                "term": f"{starts}/{ends}",
            },
            "credentialStatus": [self.status_entry(index)],
            "relatedResource": [
                {
                    "id": f"{self.base}/policies/{'0' * 64}.yaml",
                    "digestSRI": "sha384-" + "A" * 64,
                    "mediaType": "application/yaml",
                }
            ],
        }

    def status_entry(self, index: int, *, purpose: str = "revocation") -> dict[str, Any]:
        return {
            "type": "BitstringStatusListEntry",
            "statusPurpose": purpose,
            "statusListIndex": str(index),
            "statusListCredential": self.list_url,
        }

    def token(self, document: dict[str, Any] | None = None, **changed_claims: Any) -> str:
        """A signed badge. `changed_claims` replace registered claims; None takes one out."""
        payload = claims.claims_of(copy.deepcopy(document if document is not None else self.document()))
        payload |= changed_claims
        return self.sign({name: value for name, value in payload.items() if value is not None})

    def sign(self, payload: dict[str, Any], *, signer: Signer | None = None) -> str:
        return jws.sign(strict_json.dumps(payload).encode(), signer=signer or self.signer)

    def secured(
        self,
        document: dict[str, Any] | None = None,
        *,
        signer: Signer | None = None,
        purpose: dids.Purpose = "assertionMethod",
        expires: datetime | None = None,
        suite: str | None = None,
    ) -> dict[str, Any]:
        """A badge with a Data Integrity proof inside; one that has a proof gets another."""
        made = data_integrity.sign(
            document if document is not None else self.document(),
            signer=signer or self.signer,
            created=self.now - timedelta(days=10),
            expires=expires,
            purpose=purpose,
            suite=suite,
        )
        return strict_json.loads_object(strict_json.dumps(made))  # as it arrives: no part is shared

    # What it publishes

    def did_document(self) -> dict[str, Any]:
        keys = [(signer.kid, signer.public) for signer in (self.signer, self.status_signer)]
        return dids.build_document(self.did, keys=keys)

    def status_claims(self, *, bits: bytes | None = None) -> dict[str, Any]:
        expanded = status_list.from_indexes(self.revoked) if bits is None else bits
        subject: dict[str, Any] = {
            "id": f"{self.list_url}#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": status_list.encode(expanded),
        }
        if self.list_ttl is not None:
            subject["ttl"] = self.list_ttl
        made, ends = self.now - timedelta(minutes=3), self.now + self.list_lives
        return {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": self.list_url,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": self.did,
            "validFrom": timestamps.show(made),
            "validUntil": timestamps.show(ends),
            "credentialSubject": subject,
            "iss": self.did,
            "sub": f"{self.list_url}#list",
            "jti": self.list_url,
            "nbf": int(made.timestamp()),
            "exp": int(ends.timestamp()),
        }

    def status_token(self, payload: dict[str, Any] | None = None, *, signer: Signer | None = None) -> str:
        return self.sign(payload or self.status_claims(), signer=signer or self.status_signer)

    def status_document(self, *, signer: Signer | None = None, expires: datetime | None = None) -> bytes:
        """The status list with a Data Integrity proof inside."""
        registered = {"iss", "sub", "jti", "nbf", "exp"}
        content = {name: value for name, value in self.status_claims().items() if name not in registered}
        made = self.secured(content, signer=signer or self.status_signer, expires=expires)
        return strict_json.dumps(made).encode()

    def dictionary(self) -> Dictionary:
        header = strict_json.dumps({"alg": "ES256", "kid": self.signer.kid, "typ": "vc+jwt"})
        template = strict_json.dumps(claims.claims_of(self.document(reference="urn:uuid:", name="", code="")))
        return Dictionary.parse(f"{header}\n{template}".encode())

    def packed(self, token: str | None = None) -> bytes:
        return badge_qr.pack(token or self.token(), dictionary=self.dictionary())

    def published(self) -> dict[str, bytes]:
        """Every public document by its address."""
        dictionary = self.dictionary()
        return {
            f"{self.base}/.well-known/did.json": strict_json.dumps(self.did_document()).encode(),
            self.list_url: self.status_token().encode(),
            f"{self.base}/dictionaries/{dictionary.id}": dictionary.file,
        }

    def write(self, folder: Path) -> Path:
        """Publish as files, as `badge-issuer publish` lays them out."""
        for url, body in self.published().items():
            parts = urlsplit(url)
            file = folder / parts.netloc.replace(":", "%3A") / parts.path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        return folder

    def trust(self, **documents: bytes | Absent) -> TrustBundle:
        """The bundle that a resolver would make at `now`; keywords `did`, `status` replace a document."""
        published = self.published()
        did_json = documents.get("did", published[f"{self.base}/.well-known/did.json"])
        listed = documents.get("status", published[self.list_url])
        return TrustBundle(
            self.now,
            did_documents={self.did: _kept(did_json, self.now)},
            status_lists={self.list_url: _kept(listed, self.now)},
            dictionaries={self.dictionary().id: self.dictionary()},
        )


def _kept(body: bytes | Absent, now: datetime) -> Published | Absent:
    return body if isinstance(body, Absent) else Published(body, now - timedelta(minutes=3))


@dataclass
class DocumentsInMemory:
    """A document source that holds what it is given, and counts what it was asked."""

    documents: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hosts: tuple[str, ...] = ()

    @classmethod
    def of(cls, issuers: Iterable[IssuerSimulator]) -> "DocumentsInMemory":
        return cls({url: body for issuer in issuers for url, body in issuer.published().items()})

    def fetch(self, url: str, *, max_bytes: int = 1 << 20) -> Document:
        self.asked.append(url)
        if url not in self.documents:
            raise OutboundError(f"{url} could not be asked: it is switched off.")
        if len(self.documents[url]) > max_bytes:
            raise OutboundError(f"{url} answered with more than {max_bytes} bytes.")
        return Document(self.documents[url])


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


def read(token: str) -> ReadBadge:
    """A token as if it had been pasted."""
    return ReadBadge("jwt", token=token)


def read_document(document: dict[str, Any]) -> ReadBadge:
    """A JSON document with its proof inside, as if it had been given as a file."""
    return ReadBadge("json", document=strict_json.dumps(document))


def references() -> Iterator[str]:
    """As many holder references as a test wants, always the same ones."""
    number = 0
    while True:
        number += 1
        yield f"urn:uuid:00000000-0000-4000-8000-{number:012d}"
