"""Claim links: made with the letter that carries them, looked at, used once; and how each letter stands.

A letter and its link are entered in the caller's transaction. Only hashes are kept: of the link's secret, and,
with a key, of the address to which it went.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine

from issuer.ground import mail
from issuer.ground.database import reading, writing
from issuer.ground.mail import Fate, Mail
from issuer.ground.matters import Matter
from issuer.ground.tokens import hash_of
from issuer.notices import store
from issuer.notices.model import (
    LINK_LASTS as LINK_LASTS,
)
from issuer.notices.model import (
    ClaimLink,
    Delivery,
    ExpiredLinkError,
    NoSuchLinkError,
    Notice,
    ReplacedLinkError,
    Request,
    UsedLinkError,
)
from issuer.notices.store import Current

TOKEN_BYTES = 32
LETTER_LASTS = timedelta(days=14)  # a mail server may be down for days; a badge is no news after two weeks
GROUP = 500  # badges asked about in one statement
MOST_LOOKED_AT = 2_000  # letters that nobody opened, when the team is told of those that did not arrive
MINUTES_EACH = 3
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)  # a letter that was lost with a database has no moment
_WAYS_OUT = {
    "sent": "sent",
    "refused": "refused",
    "expired": "given up",
    "forgotten": "given up",
    "lost": "given up",
}


def new_token() -> str:
    """The secret of a claim link: 256 random bits."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def send(
    connection: Connection,
    letter: Mail,
    token: str,
    *,
    badge: str,
    person: str,
    address_sha256: str,
    now: datetime,
    elsewhere: bool = False,
    lasts: timedelta = LETTER_LASTS,
) -> None:
    """Enter a letter and the claim link in it, in the caller's transaction.

    `address_sha256`: the keyed hash of the address that the letter goes to. `elsewhere`: it is not the holder's.
    """
    _freshen(connection, [Notice(letter, token, badge, person, address_sha256)])
    reference = mail.enter(connection, letter, expires_at=now + lasts, now=now, followed=True)
    link = {
        "token_sha256": hash_of(token),
        "badge": badge,
        "person": person,
        "mail": reference,
        "address_sha256": address_sha256,
    }
    store.add_links(
        connection,
        [link],
        elsewhere=elsewhere,
        expires_at=now + max(LINK_LASTS, lasts),
        now=now,
    )


def send_all(connection: Connection, written: Sequence[Notice], *, now: datetime) -> None:
    """The same for several holders' letters, each to the holder's own address."""
    _freshen(connection, written)
    expires_at = now + LETTER_LASTS
    mails = [one.letter for one in written]
    references = mail.enter_all(connection, mails, expires_at=expires_at, now=now, followed=True)
    store.add_links(
        connection,
        [
            {
                "token_sha256": hash_of(one.token),
                "badge": one.badge,
                "person": one.person,
                "mail": reference,
                "address_sha256": one.address_sha256,
            }
            for one, reference in zip(written, references, strict=True)
        ],
        elsewhere=False,
        expires_at=now + max(LINK_LASTS, LETTER_LASTS),
        now=now,
    )


def look(engine: Engine, token: str, *, now: datetime) -> ClaimLink:
    """What a link opens, without using it up: programs that look into mail open every link.

    Raises:
        ClaimError: it opens nothing.
    """
    with reading(engine) as connection:
        return _good(store.link(connection, hash_of(token)), now=now)


def claim(connection: Connection, token: str, *, now: datetime) -> ClaimLink:
    """Use a link up, in the caller's transaction. Of several who try at once, one gets this answer.

    Raises:
        ClaimError: it opens nothing, or not any more.
    """
    used = store.use_link(connection, hash_of(token), now=now)
    found = store.link(connection, hash_of(token))
    if used and found is not None:
        return found
    return _good(found, now=now)


def claim_all(connection: Connection, persons: Sequence[str], *, now: datetime) -> None:
    """A person came to their page by another way, signed in: their letters have done their work."""
    store.use_all(connection, persons, now=now)


def deliveries(connection: Connection, badges: Iterable[str]) -> Mapping[str, Delivery]:
    """How the newest letter about each badge stands; a badge about which nobody was written to is not in it."""
    asked = sorted(set(badges))
    found: dict[str, Delivery] = {}
    for start in range(0, len(asked), GROUP):
        current = list(store.newest_links(connection, asked[start : start + GROUP]))
        found |= dict(_stand(connection, current))
    return found


def unclaimed(connection: Connection, *, limit: int) -> Mapping[str, Delivery]:
    """How the letters stand whose links nobody used, the oldest first, by badge."""
    return dict(_stand(connection, list(store.unclaimed(connection, limit=limit))))


def arrived(connection: Connection, badges: Iterable[str]) -> set[str]:
    """Of which badges the newest letter was taken by the mail server, or its link used: who was told need not be
    told again.
    """
    return {badge for badge, one in deliveries(connection, badges).items() if one.state in {"sent", "claimed"}}


def matters(engine: Engine) -> list[Matter]:
    """One for the team while letters about badges did not arrive: whose address is wrong hears of no badge."""
    with reading(engine) as connection:
        found = unclaimed(connection, limit=MOST_LOOKED_AT).values()
    lost = [one for one in found if one.state in {"refused", "given up"}]
    if not lost:
        return []
    return [
        Matter(
            kind="alarm",
            key="letters",
            title="Letters about badges did not arrive: their holders do not know of them.",
            since=min(one.since for one in lost if one.since) if any(one.since for one in lost) else _LONG_AGO,
            minutes=MINUTES_EACH * len(lost),
            default="Nobody tells them.",
            page="/team/deliveries",
        )
    ]


def ask_again(engine: Engine, address: str, *, language: str, now: datetime) -> None:
    """Somebody typed an address and wants a new link. The same is done for each address, known or not: it is
    looked at later, by whoever does the office's work.
    """
    with writing(engine) as connection:
        store.add_request(connection, address, language=language, now=now)


def requests(engine: Engine, *, limit: int = 200) -> list[Request]:
    """Who asked and was not looked at yet."""
    with reading(engine) as connection:
        return store.requests(connection, limit=limit)


def take_request(connection: Connection, request: Request) -> bool:
    """Strike a request off, in the transaction of what is done about it; False if somebody else did."""
    return store.take_request(connection, request.number)


def mailed_since(connection: Connection, address_sha256: str, *, since: datetime) -> int:
    """How many links went to an address since then."""
    return store.links_since(connection, address_sha256, since=since)


def persons_written_at(connection: Connection, address_sha256: str) -> list[str]:
    """About whose badges an address was written to."""
    return store.persons_written_at(connection, address_sha256)


def forget(connection: Connection, persons: Iterable[str], *, addresses: Iterable[str]) -> None:
    """Erase the links of whoever leaves, and take back the letters that still wait, wherever they go."""
    mail.take_back(connection, store.forget(connection, persons))
    for address in addresses:
        store.forget_requests(connection, address)


def _freshen(connection: Connection, written: Sequence[Notice]) -> None:
    """Letters that still wait while a newer link takes the place of theirs go out with a link that works: the new
    one, or, to another address than that goes to, the page where one asks for a link.
    """
    waiting = store.letters_of_open_links(connection, [one.badge for one in written])
    for one in written:
        letters = waiting.get(one.badge)
        if letters:
            link = next(word for word in one.letter.text.split() if word.endswith(one.token))
            page = link.removesuffix(one.token)
            old = re.compile(re.escape(page) + r"[\w-]{43}", re.ASCII)
            mail.change_waiting(connection, letters, old, to=one.letter.to, theirs=link, others=page.rstrip("/"))


def _good(link: ClaimLink | None, *, now: datetime) -> ClaimLink:
    if link is None:
        raise NoSuchLinkError("This link leads to no badge.")
    if link.used_at is not None:
        raise UsedLinkError("This link was used already: it works once.", when=link.used_at)
    if link.replaced_at is not None:
        raise ReplacedLinkError("A newer link was mailed; this one works no more.", when=link.replaced_at)
    if link.expires_at <= now:
        raise ExpiredLinkError("The time of this link is over.", when=link.expires_at)
    return link


def _stand(connection: Connection, current: Sequence[Current]) -> Iterator[tuple[str, Delivery]]:
    fates = mail.fates(connection, [one.mail for one in current])
    for one in current:
        yield one.link.badge, _delivery(one, fates.get(one.mail))


def _delivery(one: Current, fate: Fate | None) -> Delivery:
    link = one.link
    if link.used_at is not None:
        return Delivery("claimed", link.used_at, elsewhere=one.elsewhere, expires_at=link.expires_at)
    if fate is None or fate.way is None:
        attempts = 0 if fate is None else fate.attempts
        return Delivery("waiting", link.made_at, attempts, one.elsewhere, link.expires_at)
    state = _WAYS_OUT[fate.way]
    return Delivery(state, fate.ended_at, 0, one.elsewhere, link.expires_at)  # type: ignore[arg-type]
