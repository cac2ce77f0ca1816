"""What can go wrong at a desk. What a badge is answered is none of it.

DeskError
└── UnknownDeskError    no desk has this link
"""


class DeskError(Exception):
    """Base of all errors of this room; the text is one sentence for a person."""


class UnknownDeskError(DeskError):
    """No desk has this link, or it was taken back."""
