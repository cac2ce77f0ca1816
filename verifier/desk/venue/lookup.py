"""The badge behind a lookup code or a short code, which only a machine with a network can find (DESK §4).

Such a code holds no badge: it leads to the page on which its holder shows one. Only the issuers that an event
accepts are asked, and what lies there is handed to the desk, which verifies it as any other.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from keys import did
from keys.errors import KeyFormatError
from schemas.event_policy import EventPolicy
from verifier.desk.errors import NotFoundError
from verifier.verification.errors import ReadingError
from verifier.verification.service import Verification

MAX_ISSUERS: Final = 8  # a volunteer waits
_SHORT = re.compile(r"[0-9a-f]{12}")
_WHOLE = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
_PATH = re.compile(r"/b/([0-9a-f-]{12,36})/?(?:index\.html)?", re.IGNORECASE)


def badge_behind(code: str, *, policy: EventPolicy, verification: Verification) -> str:
    """The token of the badge that a code leads to.

    Raises:
        NotFoundError: it leads nowhere, to an issuer that the event does not accept, or no network is here.
    """
    accepted = dict.fromkeys(rule.issuer for rule in (*policy.accept, *policy.foreign))
    for address in addresses(code, issuers=accepted):
        try:
            badge = verification.badge_at(address)
        except ReadingError:
            continue
        if badge.token is not None:
            return badge.token
    raise NotFoundError("No accepted issuer shows a badge for this code, or none could be asked.")


def addresses(code: str, *, issuers: Iterable[str]) -> list[str]:
    """Where the badge of a code may be shown: `https://host/b/ID`, or its first twelve digits or all of them as
    somebody types them.

    Raises:
        NotFoundError: the text is no such code, or names a host of no accepted issuer.
    """
    bases = [base for base in map(_base, issuers) if base is not None][:MAX_ISSUERS]
    if "://" in code:
        parts = urlsplit(code.strip())
        named = _PATH.fullmatch(parts.path)
        base = f"{parts.scheme}://{parts.netloc}".lower()
        if named is None or base not in bases:
            raise NotFoundError("This address is no badge's page of an issuer that the event accepts.")
        return [f"{base}/b/{named[1].lower()}/"]
    typed = re.sub(r"[\s-]", "", code).lower()
    whole = _WHOLE.fullmatch(typed)
    if whole is None and not _SHORT.fullmatch(typed):
        raise NotFoundError("A short code has twelve digits and letters from a to f.")
    name = typed if whole is None else "-".join(whole.groups())
    return [f"{base}/b/{name}/" for base in bases]


def _base(issuer: str) -> str | None:
    try:
        parts = urlsplit(did.url_of_did_web(issuer))
    except KeyFormatError:
        return None
    return f"{parts.scheme}://{parts.netloc}"
