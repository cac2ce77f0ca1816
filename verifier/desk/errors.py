"""What can go wrong at a desk. What a badge is answered is none of it.

DeskError
├── UnknownDeskError      no desk has this link
├── TokenError            a signed text of the desk is malformed, or signed by somebody else
├── BundleError           a trust bundle is refused
├── CodesError            a series of codes cannot be read (yet)
├── JournalError          an entry of a journal is refused
├── EpochError            a statement of who decides is refused
├── EnrolmentError        a device is not enrolled
├── DeskKeysError         this office's keys for desks cannot be opened
├── NotFoundError         a short code leads to no badge
└── RequestRefusedError   a request is not that of an enrolled desk
"""

from datetime import datetime
from typing import Literal

RefusalCode = Literal[
    "signature_missing",
    "signature_wrong",
    "clock",
    "replayed",
    "unknown_desk",
    "revoked",
    "newer_epoch",
    "not_a_lead",
]


class DeskError(Exception):
    """Base of all errors of this room; the text is one sentence for a person."""


class UnknownDeskError(DeskError):
    """No desk has this link, or it was taken back."""


class TokenError(DeskError):
    """A text is no token of the desk, or not signed with the key that was expected."""


class BundleError(DeskError):
    """A trust bundle is refused: forged, of another office, older than one that was seen, over, or unknown."""


class CodesError(DeskError):
    """A text is no code of a series, or the series is not whole."""


class JournalError(DeskError):
    """An entry does not belong into a journal."""


class EpochError(DeskError):
    """A statement of who decides about an event does not follow, or is not signed by somebody who may."""


class EnrolmentError(DeskError):
    """A device cannot be enrolled with this secret."""


class DeskKeysError(DeskError):
    """The keys of this office for its desks cannot be opened or made."""


class NotFoundError(DeskError):
    """A lookup code or short code leads to no badge that this machine can find."""


class RequestRefusedError(DeskError):
    """A request is not one of an enrolled desk; `code` says why to programs, `time` what time it is here."""

    def __init__(self, sentence: str, *, code: RefusalCode, time: datetime | None = None) -> None:
        super().__init__(sentence)
        self.code: RefusalCode = code
        self.time = time
