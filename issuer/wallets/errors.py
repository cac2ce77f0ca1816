"""What a wallet is refused, by the codes of OpenID4VCI 1.0 §6.3, §8.3.1 and §11.3, and RFC 6750 §3.1."""

from typing import Final, Literal

Code = Literal[
    "invalid_request",
    "invalid_grant",
    "unsupported_grant_type",
    "invalid_token",
    "invalid_credential_request",
    "unknown_credential_configuration",
    "unknown_credential_identifier",
    "invalid_proof",
    "invalid_nonce",
    "invalid_encryption_parameters",
    "credential_request_denied",
    "invalid_transaction_id",
    "invalid_notification_id",
    "invalid_notification_request",
    "slow_down",
]
_STATUS: Final = {"invalid_token": 401, "slow_down": 429}


class WalletError(Exception):
    """A request of a wallet that is refused; one sentence for whoever reads its log."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    @property
    def status(self) -> int:
        return _STATUS.get(self.code, 400)


class OfferError(Exception):
    """A badge cannot be offered; one sentence for its holder."""
