"""The roster: a table of people that a community manager writes, and the draft of one to start from. Pure.

Columns: `name,email,accounts` and, if wanted, `person,affiliation,since,manager,household,bot`. Whose row it
is, and whether an account may go to them, is decided by `service.add_people`.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from issuer.ground.rows import Row, RowProblem, read_table, shorten
from issuer.people.model import Account, Affiliation, PeopleError

REQUIRED_COLUMNS = ("name", "email", "accounts")
MAX_HOUSEHOLD_CHARACTERS = 100
COLUMNS = (*REQUIRED_COLUMNS, "person", "affiliation", "since", "manager", "household", "bot")
EMAIL_SYSTEMS = ("mail", "git")  # the systems that know a person by an e-mail address
NOBODY = "none"  # an affiliation that says: employed by no one
MAX_NAME_CHARACTERS = 200
MAX_KEY_CHARACTERS = 100

_EMAIL = re.compile(r"[^\s@<>,;:()\"\\]{1,64}@[^\s@<>,;:()\"\\]{1,253}")
_FORMULA_STARTS = "=+-@\t\r"  # a spreadsheet runs a cell that begins so; account names come from strangers
_Value = TypeVar("_Value")


class RosterError(PeopleError):
    """One field of a roster's row cannot be taken; `field` names the column."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One person as a row of the roster declares them.

    `accounts` holds what the row lists and what its e-mail address gives. `person` is the roster's own key for
    them, `manager` the text that names their manager.
    """

    line: int
    name: str
    email: str | None
    accounts: tuple[Account, ...]
    person: str | None = None
    affiliation: Affiliation | None = None
    manager: str | None = None
    household: str | None = None
    bot: bool = False


def read_roster(data: bytes) -> tuple[list[RosterRow], tuple[RowProblem, ...]]:
    """The rows of a `people.csv` (any common delimiter, UTF-8), and the problems of those that cannot be read.

    Raises:
        issuer.ground.rows.TableError: the table as a whole cannot be read.
    """
    table = read_table(data, required=REQUIRED_COLUMNS, known=COLUMNS)
    rows: list[RosterRow] = []
    problems = list(table.problems)
    for row in table.rows:
        try:
            rows.append(_roster_row(row))
        except RosterError as error:
            problems.append(RowProblem(row.line, error.field, str(error)))
    return rows, tuple(problems)


def draft_roster(accounts: Iterable[Account]) -> str:
    """A `people.csv` to be corrected by hand: one row for each account that nobody owns yet.

    The name is the beginning of the address or the account's name, as a start. Nothing is joined: two accounts
    of one person are two rows until somebody who knows puts them into one.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(REQUIRED_COLUMNS)
    for account in accounts:
        is_address = account.system in EMAIL_SYSTEMS and _EMAIL.fullmatch(account.name)
        email = account.name if is_address and account.name[0] not in _FORMULA_STARTS else ""
        name = account.name.partition("@")[0].lstrip(_FORMULA_STARTS) or account.system
        writer.writerow([name[:MAX_NAME_CHARACTERS], email, account])
    return out.getvalue()


def accounts_of_email(email: str) -> tuple[Account, ...]:
    """The accounts that owning an e-mail address proves."""
    return tuple(Account.of(system, email) for system in EMAIL_SYSTEMS)


def _roster_row(row: Row) -> RosterRow:
    cells = row.cells
    email = _field(cells, "email", _email)
    listed = _field(cells, "accounts", _accounts) or ()
    own = (*(accounts_of_email(email) if email else ()), *listed)
    person = _field(cells, "person", _key)
    if not own and person is None:
        raise RosterError("accounts", "an e-mail address or an account was expected, or nobody can be recognised.")
    return RosterRow(
        line=row.line,
        name=_name(cells),
        email=email,
        accounts=tuple(dict.fromkeys(own)),
        person=person,
        affiliation=_affiliation(cells),
        manager=cells.get("manager"),
        household=_field(cells, "household", _household),
        bot=_field(cells, "bot", _yes_or_no) or False,
    )


def _household(text: str) -> str:
    word = text.strip().lower()
    if len(word) > MAX_HOUSEHOLD_CHARACTERS or not word.isprintable():
        raise ValueError(f"a word of at most {MAX_HOUSEHOLD_CHARACTERS} printable characters was expected.")
    return word


def _field(cells: Mapping[str, str], name: str, read: Callable[[str], _Value]) -> _Value | None:
    if name not in cells:
        return None
    try:
        return read(cells[name])
    except ValueError as error:
        raise RosterError(name, str(error)) from error


def _name(cells: Mapping[str, str]) -> str:
    name = " ".join(cells.get("name", "").split())
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable():
        raise RosterError("name", f"a name of 1 to {MAX_NAME_CHARACTERS} characters was expected.")
    return name


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text) or not text.isprintable() or len(text) > 254:
        raise ValueError(f"{shorten(text)} is no e-mail address, such as ada@books.example.")
    return text.lower()


def _accounts(text: str) -> Sequence[Account]:
    return [Account.parse(part) for part in re.split(r"[\s;]+", text) if part]


def _key(text: str) -> str:
    if len(text) > MAX_KEY_CHARACTERS or not text.isprintable():
        raise ValueError(f"a key of at most {MAX_KEY_CHARACTERS} characters was expected.")
    return text


def _affiliation(cells: Mapping[str, str]) -> Affiliation | None:
    since = _field(cells, "since", _day)
    organisation = cells.get("affiliation")
    if organisation is None:
        if since is not None:
            raise RosterError("affiliation", f"an organisation, or {NOBODY!r}, was expected beside the day.")
        return None
    if since is None:
        raise RosterError("since", "the day on which the affiliation began was expected, such as 2026-03-01.")
    if len(organisation) > MAX_NAME_CHARACTERS:
        raise RosterError("affiliation", f"at most {MAX_NAME_CHARACTERS} characters were expected.")
    return Affiliation(None if organisation.lower() == NOBODY else organisation, since)


def _day(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(f"{shorten(text)} is no day, such as 2026-03-01.")
    return date.fromisoformat(text)


def _yes_or_no(text: str) -> bool:
    spelled = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.lower() not in spelled:
        raise ValueError(f"{shorten(text)} was given; yes or no was expected.")
    return spelled[text.lower()]
