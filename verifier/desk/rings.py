"""Which promise a desk can keep at a moment, and so what it may give: the twin of the page's `app/rings.js`.

The rules:

1. Only whoever the newest epoch names is asked; while two statements claim the same number, nobody is.
2. Ring 0: the office decides and is reached. Ring 1: a hub decides and is reached. Both are exact.
3. Ring 3: whoever decides cannot be reached. A few provisional discounts, with the name typed from the ID.
4. A provisional one that was undone was given all the same: the cap is the worst loss that the organiser agreed
   to.
5. Others' badges are never given provisionally, since only a hub counts them; nor is anything to a holder of whom
   the desk knows a grant.
6. An answer counts only if nobody else decides meanwhile: a desk that saw a newer epoch shows no older grant.
7. A name in the badge is compared with an ID. A badge without one shows whose it is by the address on the order,
   if the event takes that and the badge carries its hash.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from verifier.desk.formats.bundle import Provisional
from verifier.desk.formats.epochs import Chain
from verifier.desk.formats.journal import GIVING, Entry
from verifier.registration.authority import ONLINE

Ring = Literal[0, 1, 3]
OFFICE: Ring = 0
HUB: Ring = 1
CUT_OFF: Ring = 3


@dataclass(frozen=True)
class Now:
    """The ring of a moment, and the address to ask; None where nobody may be asked."""

    ring: Ring
    ask: str | None


def ring_now(chain: Chain, *, reached: bool, office: str) -> Now:
    """Which ring a desk is in. `reached`: whether whoever decides answered lately; `office`: its address."""
    newest = chain.newest
    ask = (
        None if chain.is_forked else office if newest is None or newest.said.holder == ONLINE else newest.said.url
    )
    if ask is None or not reached:
        return Now(CUT_OFF, ask)
    return Now(OFFICE if chain.holder == ONLINE else HUB, ask)


def proof_at_desk(
    listed: Collection[str], *, has_name: bool, has_address: bool
) -> Literal["name_against_id", "mail_against_order"] | None:
    """What a volunteer compares, of what the event takes (`listed`) and the badge carries; None: nothing."""
    if has_name and "name_against_id" in listed:
        return "name_against_id"
    return "mail_against_order" if has_address and "mail_against_order" in listed else None


def provisional_left(provisional: Provisional | None, cap: int, own: Iterable[Entry]) -> int:
    """How many provisional discounts a desk may still give, by its own journal."""
    if provisional is None:
        return 0
    return max(cap - sum(entry.kind == "provisional" for entry in own), 0)


def may_grant_provisionally(left: int, *, is_foreign: bool) -> bool:
    """Whether a badge may be granted when cut off."""
    return left > 0 and not is_foreign


def standing_grants(entries: Iterable[Entry]) -> list[Entry]:
    """The grants in some journals, of any desks, that were not undone."""
    listed = list(entries)
    undone = {entry.request for entry in listed if entry.kind == "undo"}
    return [entry for entry in listed if entry.kind in GIVING and entry.request not in undone]


def holders_known(entries: Iterable[Entry]) -> frozenset[str]:
    """Every holder of whom a desk knows a grant that stands."""
    return frozenset(holder for entry in standing_grants(entries) for holder in entry.holders)
