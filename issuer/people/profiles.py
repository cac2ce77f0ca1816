"""An account shown to be somebody's by a text in its public profile.

The text names the account and this office, and holds a code that only the two know until it is shown: it is good
for one person, one account, and a day. The profile's address is one that the operator configured for the system;
only the account's name is filled in, so nobody sends this office to an address of their choice.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, Engine

from issuer.ground.database import reading, writing
from issuer.ground.outbound import OutboundError
from issuer.people import joining, store
from issuer.people.joining import Outcome
from issuer.people.model import Account, PeopleError

TEXT_LASTS = timedelta(days=1)
CODE_BYTES = 16
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,98}", re.ASCII)


class Pages(Protocol):
    """Asks for a public page: `Outbound`, or a test's stand-in."""

    def get(self, url: str) -> bytes: ...


def address_of(account: Account, profiles: Mapping[str, str]) -> str:
    """Where an account's public profile stands.

    Raises:
        PeopleError: the system has none here, or the name cannot stand in an address.
    """
    template = profiles.get(account.system)
    if template is None:
        raise PeopleError(f"Accounts of {account.system} cannot be proved by a public profile here.")
    if not _NAME.fullmatch(account.name) or account.name.endswith("."):
        raise PeopleError("A profile's name has letters, digits, '.', '_' and '-', as it stands in its address.")
    return template.replace("{name}", account.name)


def begin(
    connection: Connection,
    person: str,
    account: Account,
    *,
    host: str,
    profiles: Mapping[str, str],
    now: datetime,
) -> str:
    """The text that the person is to show in the profile of the account, for a day.

    Raises:
        PeopleError: as for `address_of`.
    """
    address_of(account, profiles)
    text = f"badgewright {host} {account} {secrets.token_hex(CODE_BYTES)}"
    store.put_profile_text(connection, person=person, account=account, text=text, now=now)
    return text


def check(
    engine: Engine,
    person: str,
    account: Account,
    *,
    outbound: Pages,
    profiles: Mapping[str, str],
    now: datetime,
) -> Outcome:
    """Look whether the text stands in the profile, and if so join the account to the person.

    Raises:
        PeopleError: no text was asked for, it is too old, the profile could not be read, or it does not show it.
    """
    with reading(engine) as connection:
        asked = store.profile_text(connection, person=person, account=account)
    if asked is None or asked[1] + TEXT_LASTS <= now:
        raise PeopleError("Ask for a text first: one is good for a day.")
    try:
        page = outbound.get(address_of(account, profiles))
    except OutboundError as error:
        raise PeopleError(f"The profile could not be read: {error}") from error
    if asked[0].encode() not in page:
        raise PeopleError("The profile does not show the text yet. Save it there, and try again.")
    with writing(engine) as connection:
        store.drop_profile_text(connection, person=person, account=account)
        return joining.prove(connection, person, [account], proof="challenge", now=now)


def waiting_of(connection: Connection, person: str) -> list[tuple[Account, str]]:
    """The texts that a person is to show, and where."""
    return store.profile_texts_of(connection, person)
