"""One credential in two garments: a token, and a document with a Data Integrity proof inside (DESIGN §3). Pure.

Both say the same and are signed from the same stored claims, each by a key of its own. The badges of one
achievement differ in a few texts only, so the document's proof comes from a template; what does not fit one is
signed the plain way, to the same bytes.
"""

from dataclasses import dataclass, field
from datetime import datetime

from issuer.badges.claims_pattern import ClaimsPattern
from keys import data_integrity, jws
from keys.errors import ProofError
from keys.proof_template import Path, ProofTemplate
from keys.signer import Signer
from schemas import strict_json
from schemas.claims import document_of
from schemas.strict_json import JsonObject, JsonValue

MAX_TEMPLATES = 64  # an office has some tiers, a few policies and one list at a time


@dataclass(frozen=True, slots=True)
class Dressed:
    """The compact JWS, and the JSON of the proof that stands in the document."""

    jwt: str
    proof: str


@dataclass(frozen=True, slots=True)
class _Template:
    """What reads the claims of badges that are alike, and what proves their documents."""

    likeness: tuple[object, ...]
    claims: ClaimsPattern
    proof: ProofTemplate


@dataclass
class Wardrobe:
    """The two signers, and the templates made so far."""

    signer: Signer
    document_signer: Signer
    _templates: list[_Template] = field(default_factory=list, repr=False)

    def dress(self, claims: str, *, created: datetime) -> Dressed:
        """Both garments of prepared claims.

        Raises:
            ProofError: the document cannot be signed; what `preparation` makes always can.
        """
        proof = self._by_template(claims, created) or self._plainly(claims, created)
        return Dressed(jws.sign(claims.encode(), signer=self.signer), strict_json.dumps(proof))

    def _plainly(self, claims: str, created: datetime) -> JsonValue:
        document = document_of(strict_json.loads_object(claims))
        return data_integrity.sign(document, signer=self.document_signer, created=created)["proof"]

    def _by_template(self, claims: str, created: datetime) -> "JsonObject | None":
        templates = self._templates  # other threads sign, too: a list is replaced, never changed
        for template in templates:
            values = template.claims.values(claims)
            if values is not None:
                if template is not templates[0]:  # the next one is probably like it
                    self._templates = [template, *(one for one in templates if one is not template)]
                return template.proof.proof(values, created=created)
        return self._by_new_template(claims, created)

    def _by_new_template(self, claims: str, created: datetime) -> "JsonObject | None":
        document = document_of(strict_json.loads_object(claims))
        likeness, paths = _likeness(document), _paths(document)
        if likeness is None or any(template.likeness == likeness for template in self._templates):
            return None
        try:
            pattern = ClaimsPattern(claims, paths=paths)
            made = ProofTemplate(document, paths=paths, signer=self.document_signer)
        except (ValueError, ProofError):  # it has something unusual in it; the plain way knows what to do with it
            return None
        self._templates = [_Template(likeness, pattern, made), *self._templates][:MAX_TEMPLATES]
        values = pattern.values(claims)
        return None if values is None else made.proof(values, created=created)


def as_document(jwt: str, proof: str) -> JsonObject:
    """The document that a badge is, its proof inside: what its token says without the claims of tokens."""
    content = document_of(strict_json.loads_object(jws.parse(jwt).payload))
    return {**content, "proof": strict_json.loads_object(proof)}


def _likeness(document: JsonObject) -> tuple[object, ...] | None:
    """Badges that are the same here are probably alike but for their particulars; the template makes sure."""
    subject = document.get("credentialSubject")
    achievement = subject.get("achievement") if isinstance(subject, dict) else None
    if not isinstance(subject, dict) or not isinstance(achievement, dict):
        return None
    return (
        str(achievement.get("id")),
        str(subject.get("term")),
        "narrative" in subject,
        str(document.get("relatedResource")),
        str(document.get("validUntil")),
        tuple(str(entry.get("statusListCredential")) for entry in _objects(document.get("credentialStatus"))),
        tuple(str(entry.get("identityType")) for entry in _objects(subject.get("identifier"))),
    )


def _paths(document: JsonObject) -> list[Path]:
    """Where badges of one achievement differ."""
    paths: list[Path] = [("id",), ("validFrom",), ("awardedDate",), ("credentialSubject", "id")]
    subject = document["credentialSubject"]
    assert isinstance(subject, dict)
    for place, entry in enumerate(_objects(subject.get("identifier"))):
        paths += [
            ("credentialSubject", "identifier", place, name) for name in ("identityHash", "salt") if name in entry
        ]
    for place, _ in enumerate(_objects(document.get("credentialStatus"))):
        paths.append(("credentialStatus", place, "statusListIndex"))
    if "narrative" in subject:
        paths.append(("credentialSubject", "narrative"))
    return paths


def _objects(value: JsonValue) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
