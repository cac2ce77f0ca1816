"""What can go wrong when people log in or act.

LoginError
├── NotSignedInError     nobody is signed in, or not any more
├── NotAllowedError      somebody is, and their roles do not allow this
├── ForgedFormError      the form was not sent from our own page
├── TooOftenError        one client asked to come in too often
├── RoleError            a role cannot be given or taken as asked
└── LinkError            a mailed link was used, has ended, or never was
    └── UnconfirmedLinkError    another browser asked for it

What can go wrong with an OpenID provider is `keys.errors.OpenIdError`.
"""


class LoginError(Exception):
    """Base of all errors of logging in; the text is one sentence for a person."""


class NotSignedInError(LoginError):
    """Nobody is signed in with this browser, or not any more."""


class NotAllowedError(LoginError):
    """The roles of whoever is signed in do not allow this."""


class ForgedFormError(LoginError):
    """The form was not sent from our own page in this browser."""


class TooOftenError(LoginError):
    """One client asked to come in more often than people do."""


class RoleError(LoginError):
    """A role cannot be given or taken: it is held, or not held, already."""


class LinkError(LoginError):
    """A mailed link cannot be used: it was, has ended, or never was one."""


class UnconfirmedLinkError(LinkError):
    """Another browser asked for this link, and nobody has confirmed that it was them."""
