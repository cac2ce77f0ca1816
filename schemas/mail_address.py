"""A mail address as people type it: the plain form, and nothing around it."""

import re

MAX_ADDRESS = 254  # characters (RFC 5321 §4.5.3.1.3, less the angle brackets)
MAX_LOCAL_PART = 64  # RFC 5321 §4.5.3.1.1

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


class MailAddressError(Exception):
    """A text is no mail address; one sentence for a person."""


def checked_address(address: str) -> str:
    """`address`, if it is a plain mail address: no name beside it, no quotes, ASCII only (RFC 5321 Mailbox).

    Raises:
        MailAddressError: it is not.
    """
    if len(address) > MAX_ADDRESS or not _ADDRESS.fullmatch(address):
        raise MailAddressError(f"{address[:100]!a} is no mail address: name@host.example was expected.")
    if address.index("@") > MAX_LOCAL_PART:
        raise MailAddressError(f"{address[:100]!a} is no mail address: its name has more than 64 characters.")
    return address
