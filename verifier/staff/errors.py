"""What can go wrong when staff log in or act.

StaffError
├── RosterError          staff.yaml cannot be read or changed
├── NotSignedInError     nobody is signed in, or not any more
├── NotAllowedError      somebody is, and their roles do not allow this
├── ForgedFormError      the form was not sent from our own page
├── TooOftenError        one client asked to come in too often
└── LinkError            a mailed link was used, has ended, or never was
    └── UnconfirmedLinkError    another browser asked for it

What can go wrong with an OpenID provider is `keys.errors.OpenIdError`.
"""


class StaffError(Exception):
    """Base of all errors of this room; the text is one sentence for a person."""


class RosterError(StaffError):
    """The list of staff cannot be read or changed."""


class NotSignedInError(StaffError):
    """Nobody is signed in with this browser, or not any more."""


class NotAllowedError(StaffError):
    """The roles of whoever is signed in do not allow this."""


class ForgedFormError(StaffError):
    """The form was not sent from our own page in this browser."""


class TooOftenError(StaffError):
    """One client asked to come in more often than people do."""


class LinkError(StaffError):
    """A mailed link cannot be used: it was, has ended, or never was one."""


class UnconfirmedLinkError(LinkError):
    """Another browser asked for this link, and nobody has confirmed that it was them."""
