"""One proof after another for documents that differ in a few values: the badges of one achievement.

What `data_integrity.sign` does for any document is mostly JSON-LD expansion, and that comes out the same for each
badge of an achievement but for a few terms. A template expands one document and then fills those terms in. It
never guesses: a document that differs anywhere else, or in a value of another form, is not its affair, and the
plain way signs it. Both give the same bytes; a test holds them together.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from keys import data_integrity, multikey
from keys.cryptosuites import CanonicalForms, suite_for
from keys.errors import ProofError
from keys.signer import Signer
from schemas import rdf, strict_json, timestamps
from schemas.contexts import SIGNING, ContextSet
from schemas.rdf import Quad
from schemas.rdfc import CanonicalisationError, HashName
from schemas.rdfc_pattern import Pattern
from schemas.strict_json import JsonObject, JsonValue

Path: TypeAlias = tuple[str | int, ...]

_PLACEHOLDER: Final = "urn:x-template-slot:"
_MOMENT: Final = "9999-12-31T23:59:59Z"  # stands for `created` in the template's proof configuration
# The only identifiers that are filled in unexpanded: nothing in a context can give these texts another meaning.
_IDENTIFIER: Final = re.compile(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class _Slot(NamedTuple):
    """A term that differs: the path's number, whether it is an identifier, and what follows a literal's text."""

    number: int
    is_identifier: bool
    suffix: str


class ProofTemplate:
    """Signs documents that are like the one it was made of, but for the texts at `paths`.

    Raises:
        ProofError: no RDF suite signs with this key, the document does not expand, or a path leads to no text.
    """

    def __init__(
        self, document: JsonObject, *, paths: Sequence[Path], signer: Signer, contexts: ContextSet = SIGNING
    ) -> None:
        self._paths, self._signer = tuple(paths), signer
        self._suite = suite_for(signer.public)
        self._algorithm: HashName = "sha384" if signer.public.kind == "P-384" else "sha256"
        if _PLACEHOLDER in strict_json.dumps(document):
            raise ProofError("The document holds the text that stands for what differs.")
        self._document = self._emptied(document)
        if self._document is None:
            raise ProofError("The document has no text where one was expected to differ.")
        quads = CanonicalForms(self._document, contexts=contexts).quads
        self._slots = dict(_slots(quads))
        self._pattern = Pattern(quads, varying=self._slots, algorithm=self._algorithm)
        self._config: JsonObject = {
            "type": data_integrity.PROOF_TYPE,
            "cryptosuite": self._suite.name,
            "created": _MOMENT,
            "verificationMethod": signer.kid,
            "proofPurpose": "assertionMethod",
        }
        config = CanonicalForms({**self._config, "@context": document["@context"]}, contexts=contexts)
        self._config_text = config.text("rdfc", self._algorithm).decode()

    def sign(self, document: JsonObject, *, created: datetime) -> "JsonObject | None":
        """`document` with its proof, byte for byte what `data_integrity.sign` makes; None if it is not like the
        template.

        Raises:
            ProofError: it has no canonical form within the limits.
        """
        if "proof" in document or self._emptied(document) != self._document:
            return None
        proof = self.proof([str(_found(document, path)) for path in self._paths], created=created)
        return None if proof is None else {**document, "proof": proof}

    def proof(self, values: Sequence[str], *, created: datetime) -> "JsonObject | None":
        """The proof of the document that has these texts at `paths`; None if one is no identifier where one was.

        Raises:
            ProofError: it has no canonical form within the limits.
        """
        terms = self._terms(values)
        if terms is None:
            return None
        try:
            canonical = self._pattern.text(terms)
        except CanonicalisationError as error:
            message = f"The document cannot be canonicalised: {error}"
            raise ProofError(message, problem="PROOF_TRANSFORMATION_ERROR") from error
        moment = timestamps.show(created)
        config = self._config_text.replace(_MOMENT, moment)
        signature = self._signer.sign(self._hash(config) + self._hash(canonical))
        return {**self._config, "created": moment, "proofValue": f"z{multikey.base58_encode(signature)}"}

    def _hash(self, text: str) -> bytes:
        return hashlib.new(self._algorithm, text.encode()).digest()

    def _emptied(self, document: JsonObject) -> "JsonObject | None":
        """A copy in which placeholders stand at the paths; None where one leads to no text. What is not on a way
        to a path is shared with the original.
        """
        made = dict(document)
        for number, path in enumerate(self._paths):
            place: JsonValue = made
            for step in path[:-1]:
                inner = _step(place, step)
                if not isinstance(inner, dict | list):
                    return None
                place[step] = place = inner.copy()  # type: ignore[index]
            if not isinstance(_step(place, path[-1]), str):
                return None
            place[path[-1]] = f"{_PLACEHOLDER}{number}"  # type: ignore[index]
        return made

    def _terms(self, values: Sequence[str]) -> Mapping[str, str] | None:
        """What stands for each term of the template; None if a value is no identifier where one was."""
        terms: dict[str, str] = {}
        for term, slot in self._slots.items():
            value = values[slot.number]
            if not slot.is_identifier:
                terms[term] = rdf.literal(value) + slot.suffix
            elif _IDENTIFIER.fullmatch(value):
                terms[term] = f"<{value}>"
            else:
                return None
        return terms


def _slots(quads: Sequence[Quad]) -> list[tuple[str, _Slot]]:
    """The terms of a template that hold placeholders."""
    found: dict[str, _Slot] = {}
    for quad in quads:
        for position, term in enumerate(quad):
            if _PLACEHOLDER not in term or term in found:
                continue
            match = re.fullmatch(rf'(?:<{_PLACEHOLDER}(\d+)>|"{_PLACEHOLDER}(\d+)"(\^\^<.*>|@.*)?)', term)
            if match is None or position not in {0, 2}:
                raise ProofError("What differs became part of another term.")
            found[term] = _Slot(int(match[1] or match[2]), match[1] is not None, match[3] or "")
    return list(found.items())


def _found(document: JsonObject, path: Path) -> JsonValue:
    value: JsonValue = document
    for step in path:
        value = _step(value, step)
    return value


def _step(place: JsonValue, step: str | int) -> JsonValue:
    if isinstance(place, dict) and isinstance(step, str):
        return place.get(step)
    if isinstance(place, list) and isinstance(step, int) and step < len(place):
        return place[step]
    return None
