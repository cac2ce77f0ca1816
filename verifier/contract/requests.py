"""What a request of the contract asks for, read strictly. Pure (STANDARDS h; VCALM, verifying).

An option that is not understood is refused and not ignored, since it may have been meant to make the check
stricter. What is answered is `answers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas import strict_json
from schemas.strict_json import JsonObject, JsonValue, StrictJsonError
from verifier.verification.presentations import Expected

MAX_BODY_BYTES: Final = 1 << 20  # STANDARDS j1
MAX_TEXT_CHARACTERS: Final = 4096
PROOF, STATUS = "proof", "credentialStatus"
_CHECKS: Final = frozenset({PROOF, STATUS})
_BOOLEANS: Final = ("returnCredential", "returnResults", "returnProblemDetails", "returnPresentation")
_OF_CREDENTIAL: Final = frozenset({"checks", "returnCredential", "returnResults", "returnProblemDetails"})
_OF_PRESENTATION: Final = _OF_CREDENTIAL - {"returnCredential"} | {"challenge", "domain", "returnPresentation"}


class RequestError(ValueError):
    """The request cannot be carried out as it was made; one sentence, and the standard's code for it."""

    def __init__(self, message: str, *, problem: str = "MALFORMED_VALUE_ERROR") -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class Options:
    """`checks`: the groups that decide; None for all. The others say what the answer repeats."""

    checks: frozenset[str] | None = None
    returns_input: bool = False
    returns_results: bool = False
    returns_problems: bool = True
    expected: Expected = field(default_factory=Expected)

    def decides(self, group: str) -> bool:
        """Whether a check of this group decides: `proof` always does, the others unless they were left out."""
        return self.checks is None or group == PROOF or group in self.checks


def read_body(body: bytes, *, content_type: str) -> JsonObject:
    """The JSON object of a request.

    Raises:
        RequestError: another media type, no strict JSON, or no object.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise RequestError("The request's Content-Type must be application/json.", problem="PARSING_ERROR")
    try:
        return strict_json.loads_object(body, max_bytes=MAX_BODY_BYTES)
    except StrictJsonError as error:
        raise RequestError(f"The request cannot be read: {error}", problem="PARSING_ERROR") from error


def credential_in(body: JsonObject) -> tuple[JsonValue, Options]:
    """The credential of a `/credentials/verify` request, and its options.

    Raises:
        RequestError: it has none, or an option that is not understood.
    """
    credential = body.get("verifiableCredential")
    if not isinstance(credential, dict):
        raise RequestError("verifiableCredential must be an object: a credential, or an envelope around one.")
    return credential, _options(body.get("options", {}), known=_OF_CREDENTIAL)


def presentation_in(body: JsonObject) -> tuple[JsonValue, Options]:
    """The presentation of a `/presentations/verify` request, secured or not, and its options.

    Raises:
        RequestError: it has none, or two, or an option that is not understood.
    """
    given = [body[name] for name in ("verifiablePresentation", "presentation") if name in body]
    if len(given) != 1 or not isinstance(given[0], dict):
        raise RequestError("Either verifiablePresentation or presentation must be there, as an object.")
    return given[0], _options(body.get("options", {}), known=_OF_PRESENTATION)


def _options(given: JsonValue, *, known: frozenset[str]) -> Options:
    if not isinstance(given, dict):
        raise RequestError("options must be an object.")
    unknown = sorted(given.keys() - known)
    if unknown:
        message = f"The option {unknown[0]!a:.60} is not understood; known are {', '.join(sorted(known))}."
        raise RequestError(message, problem="UNKNOWN_OPTION_PROVIDED")
    for name in _BOOLEANS:
        if not isinstance(given.get(name, False), bool):
            raise RequestError(f"The option {name} must be true or false.")
    return Options(
        checks=_checks(given),
        returns_input=given.get("returnCredential") is True or given.get("returnPresentation") is True,
        returns_results=given.get("returnResults") is True,
        returns_problems=given.get("returnProblemDetails") is not False,
        expected=Expected(challenge=_text(given, "challenge"), domain=_text(given, "domain")),
    )


def _checks(given: Mapping[str, JsonValue]) -> frozenset[str] | None:
    if "checks" not in given:
        return None
    listed = given["checks"]
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    if not isinstance(listed, list) or len(names) != len(listed):
        raise RequestError("The option checks must be an array of texts.")
    unknown = sorted(set(names) - _CHECKS)
    if unknown:
        message = f"The check {unknown[0]!a:.60} is not understood; known are {', '.join(sorted(_CHECKS))}."
        raise RequestError(message, problem="UNKNOWN_OPTION_PROVIDED")
    return frozenset(names) if names else None


def _text(given: Mapping[str, JsonValue], name: str) -> str | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_CHARACTERS):
        raise RequestError(f"The option {name} must be a text.")
    return value
