"""What can go wrong with a request to the contract, each with its answer (RFC 9457; STANDARDS h).

ContractError
├── BadRequestError     400: the request, or the document in it, is not what it must be
├── UnauthorizedError   401: no token, or one that is not known here
├── NotFoundError       404: no such credential, status list or address
├── GoneError           410: the credential was deleted here
├── MethodError         405: the address is there, and not for this method
└── TooLargeError       413: more than is read
"""

from collections.abc import Mapping
from typing import ClassVar, Final

from schemas.strict_json import JsonObject

_VC: Final = "https://www.w3.org/TR/vc-data-model#"  # VCDM 2.0 §7.2
_SECURITY: Final = "https://w3id.org/security#"  # VC Data Integrity 1.0 §2.9
_OTHERS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("PARSING_ERROR", "MALFORMED_VALUE_ERROR", "RANGE_ERROR"), _VC),
    "UNKNOWN_OPTION_PROVIDED": "https://www.w3.org/TR/vcalm#",
}


class ContractError(Exception):
    """A request is refused; the text is one sentence for whoever sent it."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad Request"

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer's head says besides."""
        return {}

    def problem(self) -> JsonObject:
        """The answer's body (RFC 9457 §3.1)."""
        return {"type": "about:blank", "title": self.title, "status": self.status, "detail": str(self)}


class BadRequestError(ContractError):
    """The request, or the document in it, is not what it must be. `code`: the end of the W3C problem type."""

    def __init__(self, detail: str, *, code: str = "MALFORMED_VALUE_ERROR") -> None:
        super().__init__(detail)
        self.code = code

    def problem(self) -> JsonObject:
        return {**super().problem(), "type": f"{_OTHERS.get(self.code, _SECURITY)}{self.code}", "title": self.code}


class UnauthorizedError(ContractError):
    """No bearer token, or one that does not speak for the contract here (RFC 6750 §3)."""

    status, title = 401, "Unauthorized"

    @property
    def headers(self) -> Mapping[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class NotFoundError(ContractError):
    """There is no such credential, status list or address."""

    status, title = 404, "Not Found"


class GoneError(ContractError):
    """The credential was issued here, and deleted since."""

    status, title = 410, "Gone"


class MethodError(ContractError):
    """The address is there, and not for this method. `allowed`: the methods that it has."""

    status, title = 405, "Method Not Allowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"This address takes {' or '.join(allowed)}.")
        self.allowed = allowed

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Allow": ", ".join(self.allowed)}


class TooLargeError(ContractError):
    """The request has more bytes than are read."""

    status, title = 413, "Content Too Large"
