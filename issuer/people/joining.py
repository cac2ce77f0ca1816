"""Accounts joined to a person by proof, and two persons who turn out to be one.

Whoever shows that an account is theirs gets it, if it is nobody's. If it is on somebody else's record, both may be
one person: that is offered, once enough was proved, and done only when the person says so. A merge moves accounts
and keeps what it moved, so that it can be undone. What follows from it (tiers, badges) is decided anew, by
the news that is told.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection

from issuer.ground import audit, news
from issuer.ground.login import service as login
from issuer.people import store
from issuer.people.model import Account, Affiliation, Merge, Pause, PeopleError, Person, Proof
from issuer.people.roster import EMAIL_SYSTEMS, accounts_of_email
from issuer.people.service import ID_BYTES, person_by_id

OPENID = "openid"
LEFT = "left"
ENOUGH = 2  # accounts of another record that show that it is one's own; its own mail address alone does, too
ROLE = "person"  # as the audit log calls whoever acts on their own record

Outcome = Literal["joined", "known", "offered"]


@dataclass(frozen=True)
class Offer:
    """Another record that was proved to be the same person's. `ready`: enough was proved to join the two."""

    other: str
    accounts: tuple[Account, ...]
    ready: bool


def openid_account(host: str, subject: str) -> Account:
    """The account of whoever an OpenID provider calls `subject`; unlike others it keeps its case."""
    return Account(OPENID, f"{host}/{subject}")


def person_of_login(
    connection: Connection, accounts: Sequence[Account], *, proof: Proof, email: str | None, now: datetime
) -> str:
    """Whose log-in this is: the owner of the first of these accounts that has one, else a new person.

    The others go to the same person, unless they are somebody else's.

    Whoever had refused to be recorded and signs in is told on the way, and known again.
    """
    refused = store.all_refusals(connection)
    owners = store.owners(connection, accounts)
    owner = next((owners[account] for account in accounts if account in owners), None)
    if owner is None:
        if any(account.sha256 in refused for account in accounts):
            for account in accounts:  # who signs in with their own hand was told, and wants to be known again
                store.take_refusal_back(connection, account)
        owner = secrets.token_hex(ID_BYTES)
        store.put_person(connection, Person(id=owner, name="", email=email), key=None)
    free = [account for account in accounts if account not in owners]
    store.add_accounts(connection, owner, free, proof=proof, now=now)
    store.set_told(connection, owner, now=now)
    if free:
        tell(connection, owner)
    return owner


def prove(
    connection: Connection, person_id: str, accounts: Sequence[Account], *, proof: Proof, now: datetime
) -> Outcome:
    """A person showed that these accounts are theirs. Comes out: whether they joined the record, were on it
    already, or are on another record, which may be joined once enough of it is proved.
    """
    owners = store.owners(connection, accounts)
    others = sorted({owner for owner in owners.values() if owner != person_id})
    free = [account for account in accounts if account not in owners]
    for account in free:
        store.take_refusal_back(connection, account)
    store.add_accounts(connection, person_id, free, proof=proof, now=now)
    for other in others:
        shown = next(account for account in accounts if owners.get(account) == other)
        _add_to_offer(connection, person_id, other, shown, now=now)
    if free:
        tell(connection, person_id)
        _note(connection, person_id, "person.prove", f"by {proof}", now=now)
    return "offered" if others else "joined" if free else "known"


def prove_address(connection: Connection, person_id: str, address: str, *, now: datetime) -> Outcome:
    """A person reads the mail of this address, which is theirs for every system that knows people by it."""
    outcome = prove(connection, person_id, accounts_of_email(address), proof="mailbox", now=now)
    person = person_by_id(connection, person_id)
    if person is not None and person.email is None:
        put(connection, replace(person, email=address))
    return outcome


def suggest(connection: Connection, person_id: str, address: str, *, now: datetime) -> None:
    """Somebody says that a person reads this address, as the provider of their log-in does: if another record has
    it, both may be one person's. That is a hint and no proof: the person sees it, and proves the address or not.
    """
    owners = store.owners(connection, accounts_of_email(address))
    for other in sorted({owner for owner in owners.values() if owner != person_id}):
        if other not in dict(store.offers_of(connection, person_id)):
            store.put_offer(connection, person=person_id, other=other, accounts="[]", now=now)


def offers_for(connection: Connection, person_id: str) -> tuple[Offer, ...]:
    """The other records that may be the same person's."""
    found: list[Offer] = []
    for other_id, proved in store.offers_of(connection, person_id):
        other = person_by_id(connection, other_id)
        if other is not None:
            accounts = tuple(_account(text) for text in json.loads(proved))
            found.append(Offer(other_id, accounts, _enough(other, accounts)))
    return tuple(found)


def accept_offer(connection: Connection, person_id: str, other_id: str, *, now: datetime) -> int:
    """The person says that the other record is theirs, too: the two become one. Gives the merge's number.

    Raises:
        PeopleError: there is no such offer, or not enough was proved.
    """
    offer = next((offer for offer in offers_for(connection, person_id) if offer.other == other_id), None)
    if offer is None or not offer.ready:
        raise PeopleError("Not enough of the other record was proved: prove one more of its accounts.")
    store.drop_offer(connection, person=person_id, other=other_id)
    return merge(connection, kept=person_id, gone=other_id, by=person_id, role=ROLE, now=now)


def decline_offer(connection: Connection, person_id: str, other_id: str) -> None:
    """The person says that the other record is not theirs."""
    store.drop_offer(connection, person=person_id, other=other_id)


def merge(connection: Connection, *, kept: str, gone: str, by: str, role: str, now: datetime) -> int:
    """Let two persons be one, known as `kept`. Their badges stay as they are, and no award is made twice.

    Accounts, affiliations and pauses of `gone` come along; a day or moment that both have stays as `kept` has it.
    What `kept` does not say of themselves is filled in. Gives the merge's number, by which it is undone.

    Raises:
        PeopleError: they are one already, or one of them is not known as themselves.
    """
    one, other = person_by_id(connection, kept), person_by_id(connection, gone)
    if one is None or other is None or kept == gone:
        raise PeopleError("Two persons who are known apart were expected.")
    affiliations = [a for a in other.affiliations if a.since not in {mine.since for mine in one.affiliations}]
    pauses = [p for p in other.pauses if p.begins not in {mine.begins for mine in one.pauses}]
    filled = {
        name: getattr(other, name)
        for name in ("name", "email", "manager", "household", "language", "page_language")
        if not getattr(one, name) and getattr(other, name) and getattr(other, name) != kept
    }
    moved = {
        "accounts": [[account.system, account.name] for account in other.accounts],
        "affiliations": [[a.since.isoformat(), a.organisation] for a in affiliations],
        "pauses": [[p.begins.isoformat(), p.ends.isoformat()] for p in pauses],
        "filled": filled,
    }
    put(connection, replace(one, **filled))
    store.move_accounts(connection, other.accounts, to=kept)
    for affiliation in affiliations:
        store.put_affiliation(connection, kept, affiliation)
    for pause in pauses:
        store.put_pause(connection, kept, pause)
    store.set_merged_into(connection, gone, kept)
    login.end_sessions_of(connection, gone)
    number = store.add_merge(connection, kept=kept, gone=gone, moved=json.dumps(moved), now=now)
    _note(connection, kept, "person.merge", "they are one person", now=now, by=by, role=role, subject=gone)
    tell(connection, kept)
    return number


def split(connection: Connection, number: int, *, by: str, role: str, reason: str, now: datetime) -> Merge:
    """Undo a merge: what came along goes back, as far as it is still there. Badges stay as they are.

    Raises:
        PeopleError: there is no such merge, or it was undone, or somebody has left since.
    """
    done = store.find_merge(connection, number)
    if done is None:
        raise PeopleError(f"There is no merge {number} that could be undone.")
    onward = store.merges_onward(connection, done.kept)  # whoever kept them may have been merged on since then
    way = [done.kept, *(later.kept for later in onward)]
    holder = person_by_id(connection, way[-1])
    if holder is None:
        raise PeopleError(f"Merge {number} cannot be undone: its person has left.")
    moved = json.loads(done.moved)
    mine = [Account(system, name) for system, name in moved["accounts"]]
    store.move_accounts(connection, [one for one in mine if one in holder.accounts], to=done.gone)
    for person in store.persons_of(connection, way):
        _take_back(connection, person, moved)
    for later in onward:  # what goes back now did not come along with those any more
        store.set_moved(connection, later.id, moved=json.dumps(_without(json.loads(later.moved), moved)))
    store.set_merged_into(connection, done.gone, None)
    store.undo_merge(connection, number, now=now)
    _note(connection, holder.id, "person.split", reason, now=now, by=by, role=role, subject=done.gone)
    tell(connection, holder.id)
    tell(connection, done.gone)
    return done


def _take_back(connection: Connection, person: Person, moved: dict[str, Any]) -> None:
    """Take off a record what a merge put on it, as far as it is still there as it came."""
    for since, organisation in moved["affiliations"]:
        if Affiliation(organisation, date.fromisoformat(since)) in person.affiliations:
            store.remove_affiliation(connection, person.id, date.fromisoformat(since))
    for begins, ends in moved["pauses"]:
        if Pause(datetime.fromisoformat(begins), datetime.fromisoformat(ends)) in person.pauses:
            store.remove_pause(connection, person.id, datetime.fromisoformat(begins))
    filled = {name: value for name, value in moved["filled"].items() if getattr(person, name) == value}
    if filled:
        emptied: dict[str, Any] = {name: "" if name == "name" else None for name in filled}
        put(connection, replace(person, **emptied))


def _without(later: dict[str, Any], moved: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        what: [one for one in later[what] if one not in moved[what]]
        for what in ("accounts", "affiliations", "pauses")
    }
    filled = {name: value for name, value in later["filled"].items() if moved["filled"].get(name) != value}
    return kept | {"filled": filled}


def merges_of(connection: Connection, person_id: str) -> list[Merge]:
    """The merges into a person that can be undone."""
    return store.merges_of(connection, person_id)


def stand_in() -> Account:
    """An account without a name, for somebody who left: what they accepted of others' work names it."""
    return Account(LEFT, secrets.token_hex(ID_BYTES))


def forget(
    connection: Connection,
    ids: Sequence[str],
    *,
    accounts: Sequence[Account],
    stands_in: Account | None,
    now: datetime,
) -> None:
    """Leave nothing of a person but their ids, the first of which owns the account that `stands_in` for theirs;
    and of their accounts what lets us not record them again.
    """
    store.refuse(connection, accounts, now=now)
    for person_id in ids:
        store.forget_person(connection, person_id, now=now)
    if stands_in is not None:
        store.add_accounts(connection, ids[0], [stands_in], proof="manager", now=now)


def merged_into(connection: Connection, person_id: str) -> list[Person]:
    """The persons who are known as this one now."""
    gone = [other for other, kept in store.roots(connection).items() if kept == person_id]
    return store.persons_of(connection, gone)


def forget_names(connection: Connection, person_id: str) -> None:
    """Let no merge into a person keep the name that came along with it."""
    for done in store.merges_of(connection, person_id):
        moved = json.loads(done.moved)
        moved["filled"].pop("name", None)
        store.set_moved(connection, done.id, moved=json.dumps(moved))


def _add_to_offer(connection: Connection, person: str, other: str, account: Account, *, now: datetime) -> None:
    shown: list[str] = next(
        (json.loads(proved) for one, proved in store.offers_of(connection, person) if one == other), []
    )
    accounts = sorted({*shown, str(account)})
    store.put_offer(connection, person=person, other=other, accounts=json.dumps(accounts), now=now)


def _enough(other: Person, accounts: Sequence[Account]) -> bool:
    """Whether what was proved shows that a record is one's own: its mail address, two of its accounts, or all."""
    if not accounts:
        return False
    if other.email is not None and any(account.name == other.email for account in accounts):
        return True
    return len(_apart(accounts)) >= min(ENOUGH, len(_apart(other.accounts)))


def _apart(accounts: Sequence[Account]) -> frozenset[str]:
    """Accounts by what proves them: one mail address is one, whichever systems know it."""
    return frozenset(account.name if account.system in EMAIL_SYSTEMS else str(account) for account in accounts)


def _account(text: str) -> Account:
    system, _, name = text.partition(":")
    return Account(system, name)


def put(connection: Connection, person: Person) -> None:
    """Write who somebody is; what the roster calls them stays."""
    key = next((key for key, owner in store.all_keys(connection).items() if owner == person.id), None)
    store.put_person(connection, person, key=key)


def _note(
    connection: Connection,
    person: str,
    act: str,
    reason: str,
    *,
    now: datetime,
    by: str | None = None,
    role: str = ROLE,
    subject: str = "",
) -> None:
    audit.write(
        connection,
        actor=by or person,
        role=role,
        act=act,
        reason=reason,
        now=now,
        person=person,
        subject=f"person {subject}" if subject else "",
    )


def tell(connection: Connection, person_id: str) -> None:
    """Tell the rooms above, in this transaction, that a person is to be decided anew."""
    news.tell(connection, "person", person_id)
