"""What can go wrong around registration. A badge that is refused is none of it: that is an outcome.

RegistrationError
├── UnknownEventError       no event of this id is registered here
├── RequestIdReusedError    the request id was used before, for something else
└── VoucherSecretError      the secret from which vouchers are derived is missing or damaged
"""


class RegistrationError(Exception):
    """Base of all errors of this room; the text is one sentence for a person."""


class UnknownEventError(RegistrationError):
    """No event of this id is registered here."""


class RequestIdReusedError(RegistrationError):
    """A request id names one request for ever: another one under the same id is a mistake of the caller."""


class VoucherSecretError(RegistrationError):
    """Without the one secret of this installation the same holder would get a second, different voucher."""


class MailboxError(RegistrationError):
    """No code was mailed; one sentence for the holder."""
