"""What can go wrong between a wallet, a browser and us.

WalletError
├── WalletsUnavailableError   this office cannot ask wallets as it is set up
├── UnknownExchangeError      there is no such exchange, or its time is over
└── AnswerRefusedError        what the wallet sent is not the answer to our request
"""


class WalletError(Exception):
    """Base of this room's errors; one sentence for a person."""


class WalletsUnavailableError(WalletError):
    """This office has no public address or key with which a wallet could know it."""


class UnknownExchangeError(WalletError):
    """No exchange has this handle, or it is over: begin again. Both are told alike, so that nobody can probe."""


class AnswerRefusedError(WalletError):
    """The wallet's answer was refused; nothing of it is kept but the sentence."""
