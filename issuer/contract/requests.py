"""What the contract's requests ask for, parsed once at the door (VCALM; STANDARDS h). Pure.

An option that is not understood is refused, never passed over: whoever sent it believes that it was heeded.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from issuer.contract.errors import BadRequestError
from issuer.contract.securing import SUITES, Suite
from schemas import status_list
from schemas.strict_json import JsonObject, JsonValue

Form: TypeAlias = Literal["vc+jwt"] | Suite
Purpose: TypeAlias = Literal["revocation", "suspension"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
ENTRY_TYPE: Final = "BitstringStatusListEntry"
MAX_ID_CHARACTERS: Final = 2000
_SUITES: Final[dict[str, Suite]] = {suite: suite for suite in SUITES}


@dataclass(frozen=True)
class IssueRequest:
    """`credential_id`: under which the credential is found again; `form`: None leaves it to the issuer."""

    credential: JsonValue
    credential_id: str | None
    form: Form | None


@dataclass(frozen=True)
class StatusEntry:
    """The entry whose bit is to change. List and place are None where the credential has only one such entry."""

    purpose: Purpose
    list_url: str | None
    index: int | None


@dataclass(frozen=True)
class StatusRequest:
    """`value`: whether the bit is to be set."""

    credential_id: str
    entry: StatusEntry
    value: bool


@dataclass(frozen=True)
class ListRequest:
    """`id`: the URL that the list is to have, None for a new one."""

    purpose: Purpose
    id: str | None


def read_issue(body: JsonObject) -> IssueRequest:
    """`POST /credentials/issue`: a credential, which is not looked at here, and how it is to be secured.

    Raises:
        BadRequestError: `credential` is missing, or an option is not understood or has no meaning here.
    """
    _check_known(body, {"credential", "options"})
    if "credential" not in body:
        raise BadRequestError("credential is missing: the credential to issue was expected.")
    options = _options(body, {"credentialId", "cryptosuite", "type", "mandatoryPointers"})
    if "mandatoryPointers" in options:
        code = "UNKNOWN_OPTION_PROVIDED"
        raise BadRequestError(
            "mandatoryPointers is for selective disclosure, which is not issued here.", code=code
        )
    credential_id = _text(options, "credentialId") if "credentialId" in options else None
    return IssueRequest(body["credential"], credential_id, _form(options))


def read_status(body: JsonObject) -> StatusRequest:
    """`POST /credentials/status`: whose bit is to be set or cleared.

    `indexAllocator` says who chose the index, which makes no difference here.

    Raises:
        BadRequestError: a member is missing, unknown or of a wrong type.
    """
    _check_known(body, {"credentialId", "credentialStatus", "status", "indexAllocator"})
    if "indexAllocator" in body:
        _text(body, "indexAllocator")
    value = body.get("status")
    if not isinstance(value, bool):
        raise BadRequestError("status must be true or false.")
    entry = body.get("credentialStatus")
    if not isinstance(entry, dict):
        raise BadRequestError("credentialStatus must be an object: the entry whose status changes.")
    return StatusRequest(_text(body, "credentialId"), read_entry(entry), value)


def read_entry(entry: JsonObject) -> StatusEntry:
    """An entry of a status list (Bitstring Status List 1.0 §2.1); list and index may be left out together.

    Raises:
        BadRequestError: another type or purpose, or a list or index that is not what it must be.
    """
    if entry.get("type") != ENTRY_TYPE:
        raise BadRequestError(f"credentialStatus.type must be {ENTRY_TYPE}.")
    purpose = _purpose(entry)
    given = [name for name in ("statusListCredential", "statusListIndex") if name in entry]
    if not given:
        return StatusEntry(purpose, None, None)
    list_url, index = (_text(entry, name) for name in ("statusListCredential", "statusListIndex"))
    try:
        return StatusEntry(purpose, list_url, status_list.parse_index(index))
    except status_list.StatusListError as error:
        raise BadRequestError(str(error)) from error


def read_list(body: JsonObject) -> ListRequest:
    """`POST /status-lists`: a new list for one purpose.

    Raises:
        BadRequestError: another purpose, an `id` that is no text, or an option that is not understood.
    """
    _check_known(body, {"statusPurpose", "id", "options"})
    _options(body, set())
    return ListRequest(_purpose(body), _text(body, "id") if "id" in body else None)


def _form(options: JsonObject) -> Form | None:
    kind, suite = options.get("type"), options.get("cryptosuite")
    if "type" in options and kind not in ("vc+jwt", "DataIntegrityProof"):
        raise BadRequestError("options.type must be vc+jwt or DataIntegrityProof.")
    if "cryptosuite" not in options:
        return "vc+jwt" if kind == "vc+jwt" else None
    if kind == "vc+jwt":
        raise BadRequestError("options.cryptosuite is for proofs, and options.type asks for a token.")
    if not isinstance(suite, str) or suite not in _SUITES:
        known = ", ".join(_SUITES)
        raise BadRequestError(f"options.cryptosuite must be one of {known}.", code="PROOF_GENERATION_ERROR")
    return _SUITES[suite]


def _options(body: JsonObject, known: set[str]) -> JsonObject:
    options = body.get("options", {})
    if not isinstance(options, dict):
        raise BadRequestError("options must be an object.")
    _check_known(options, known, where="options.")
    return options


def _check_known(members: JsonObject, known: set[str], *, where: str = "") -> None:
    for name in members:
        if name not in known:
            shown = ascii(f"{where}{name}")[1:-1]
            raise BadRequestError(f"{shown:.80} is not understood here.", code="UNKNOWN_OPTION_PROVIDED")


def _purpose(members: JsonObject) -> Purpose:
    given = members.get("statusPurpose")
    for purpose in PURPOSES:
        if given == purpose:
            return purpose
    raise BadRequestError(f"statusPurpose must be {' or '.join(PURPOSES)}.")


def _text(members: JsonObject, name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARACTERS:
        raise BadRequestError(f"{name} must be a text of 1 to {MAX_ID_CHARACTERS} characters.")
    return value
