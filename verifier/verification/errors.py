"""What can go wrong around a verification. A badge that fails is none of it: that is a `Verdict`.

VerificationError
├── ReadingError        what arrived is no badge, or one in a form that is not read here yet
└── NotVerifiedError    somebody asked an unverified badge for its content
"""


class VerificationError(Exception):
    """Base of all errors of this room; the text is one sentence for a person."""


class ReadingError(VerificationError):
    """What arrived holds no badge that can be verified here; says what was expected."""


class NotVerifiedError(VerificationError):
    """`Verdict.require()` was called on a badge that is not valid, or whose validity is unknown."""
