"""From stored records to items: resolves people, joins what belongs together. Deciding is `decision.decide`.

The same for one person and for everybody: read in groups of persons, so that a run over a large community holds a
group in memory and not the community, and one arriving record costs its person only.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from issuer.attestations import service as attestations
from issuer.attestations.service import AttestedClaim
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, Facts
from issuer.ground.news import News
from issuer.people import service as people_service
from issuer.people.model import Account, Person
from issuer.people.service import EVERYBODY, Part
from issuer.recognition import reverts
from issuer.recognition.item import ATTESTATION_SOURCE, Attested, Item
from issuer.recognition.twins import without_twins

GROUP = 500  # persons in memory at a time
MOST_KNOWN = 20_000  # accounts of those who accepted something, kept from one group to the next


@dataclass(frozen=True)
class Records:
    """What the decision is made from, of some persons: who they are, and each one's items."""

    people: Mapping[str, Person]
    items: Mapping[str, list[Item]]


@dataclass
class _Circle:
    """Whom the records name besides their authors, remembered from one group to the next, within bounds."""

    connection: Connection
    known: dict[Account, Person | None] = field(default_factory=dict)

    def owners(self, accounts: Iterable[Account]) -> Mapping[Account, Person]:
        wanted = set(accounts)
        if len(self.known) > MOST_KNOWN:
            self.known.clear()
        new = wanted - self.known.keys()
        if new:
            found = people_service.owners_of(self.connection, new)
            self.known |= {account: found.get(account) for account in new}
        return {account: owner for account in wanted if (owner := self.known[account]) is not None}


def everybody(connection: Connection, part: Part = EVERYBODY) -> Iterator[Records]:
    """Everybody, or a part of them, a group at a time, ordered by id."""
    circle, gone = _Circle(connection), reverts.taken_back(contributions.reverting_any(connection))
    for group in people_service.people_in_groups(connection, size=GROUP, part=part):
        yield _read(connection, group, circle, gone)


def of_some(connection: Connection, ids: Iterable[str]) -> Iterator[Records]:
    """Some persons, a group at a time, ordered by id; costs these persons only."""
    circle, wanted = _Circle(connection), sorted(set(ids))
    for start in range(0, len(wanted), GROUP):
        group = people_service.some_people(connection, wanted[start : start + GROUP])
        yield _read(connection, group, circle, None)


def touched(connection: Connection, told: Iterable[News]) -> set[str]:
    """Whose decision the news can change."""
    found: set[str] = set()
    for news in told:
        match news.kind:
            case "record":
                found |= _owners(connection, [Account.parse(news.subject)])
            case "revert":
                found |= _authors_taken_back(connection, news.subject)
            case "account":
                found |= _touched_by_account(connection, Account.parse(news.subject))
            case "person":
                found |= _touched_by_person(connection, news.subject)
            case "claim":
                found |= attestations.touched_by(connection, news.subject)
            case "event":
                found |= attestations.touched_by_event(connection, news.subject)
    return found


def _owners(connection: Connection, accounts: Iterable[Account]) -> set[str]:
    return {person.id for person in people_service.owners_of(connection, accounts).values()}


def _touched_by_account(connection: Connection, account: Account) -> set[str]:
    """Whoever owns it, and everybody whose work it accepted."""
    return _owners(connection, [account, *contributions.authors_naming(connection, account)])


def _touched_by_person(connection: Connection, person: str) -> set[str]:
    found = {person} | attestations.touched_by_attestor(connection, person)
    for known in people_service.some_people(connection, [person]):
        for account in known.accounts:
            found |= _touched_by_account(connection, account)
    return found


def _authors_taken_back(connection: Connection, subject: str) -> set[str]:
    """Whose changes a revert takes back, or brings back by taking back another revert."""
    source, _, reference = subject.partition(" ")
    waiting, seen, accounts = [(source, reference)], set[tuple[str, str]](), set[Account]()
    while waiting:
        named = waiting.pop()
        if named in seen:
            continue
        seen.add(named)
        for change in contributions.taken_back_by(connection, *named):
            accounts.add(change.account)
            if change.facts.reverts:
                waiting.append((change.source, change.facts.reverts))
    return _owners(connection, accounts)


def _read(
    connection: Connection, group: Sequence[Person], circle: _Circle, taken_back: frozenset[str] | None
) -> Records:
    people = {person.id: person for person in group}
    owner_of = {account: person for person in group for account in person.accounts}
    circle.known |= owner_of
    stored = list(contributions.contributions_of(connection, owner_of))
    if taken_back is None:
        taken_back = reverts.taken_back(contributions.reverting(connection, stored))
    others = circle.owners(account for c in stored for account in _named(c.facts))
    items: dict[str, list[Item]] = defaultdict(list)
    for contribution in stored:
        if contribution.record != reverts.REVERT:
            author = owner_of[contribution.account]
            items[author.id].append(_item(contribution, author, others, taken_back))
    for owner, listed in items.items():
        items[owner] = without_twins(listed)
    _add_attested(items, attestations.attested_claims(connection, around=people), people)
    return Records(people, items)


def _named(facts: Facts) -> Iterator[Account]:
    yield from facts.accepted_by
    yield from (account for account in (facts.moved_by, facts.owner) if account is not None)


def _add_attested(
    items: dict[str, list[Item]], claims: Sequence[AttestedClaim], people: Mapping[str, Person]
) -> None:
    """One item for each of these persons whom a claim is about."""
    records, organisers, attested_by = _records_of_events(items), _organisers(claims), _attested_events(claims)
    for attested in claims:
        claim = attested.claim
        for subject in (subject for subject in claim.subjects if subject in people):
            item = _attested_item(
                attested,
                subject,
                records=records.get((subject, claim.event), ()) if claim.event else (),
                organisers=organisers.get((claim.kind, claim.event or ""), frozenset(claim.subjects)),
                attested_by=attested_by,
            )
            items[subject].append(item)


def _item(
    contribution: Contribution,
    author: Person,
    owners: Mapping[Account, Person],
    taken_back: frozenset[str],
) -> Item:
    facts = contribution.facts
    acceptors = _others(facts.accepted_by, author, owners)
    owner = owners.get(facts.owner) if facts.owner else None
    return Item(
        id=f"{contribution.source}:{contribution.id}",
        record=contribution.record,
        source=contribution.source,
        happened_at=contribution.happened_at,
        facts=facts,
        by_machine=author.bot,
        acceptors=frozenset(person.id for person in acceptors),
        own_change=_own_change(facts, contribution.account, author, owner),
        reverted=reverts.name_of(contribution) in taken_back,
        moved_by_another=bool(facts.moved_by and _others((facts.moved_by,), author, owners)),
        other_affiliation=_other_affiliation(author, acceptors, contribution.happened_at),
        evidence=contribution.evidence,
    )


def _others(accounts: Iterable[Account], author: Person, owners: Mapping[Account, Person]) -> list[Person]:
    """The persons behind these accounts, when proved, who are neither the author nor machines."""
    named = (owners[account] for account in accounts if account in owners)
    return [person for person in named if person.id != author.id and not person.bot]


def _own_change(facts: Facts, account: Account, author: Person, owner: Person | None) -> bool | None:
    """Whether somebody reviewed their own change. An owner nobody has proved is another account, so another's."""
    if facts.owner is None:
        return None
    return facts.owner == account or (owner is not None and owner.id == author.id)


def _other_affiliation(author: Person, acceptors: list[Person], when: datetime) -> bool | None:
    """Whether some acceptor's employer is known and another; two people without any have none in common."""
    own = author.affiliation_at(when.date())
    others = [person.affiliation_at(when.date()) for person in acceptors]
    known = [other for other in others if other is not None]
    if own is None or not known:
        return None
    return any(other.organisation is None or other.organisation != own.organisation for other in known)


def _attested_events(claims: Iterable[AttestedClaim]) -> frozenset[tuple[str, str]]:
    """(event, person) for everybody who attested something about the event."""
    return frozenset((c.claim.event, a.attestor) for c in claims if c.claim.event for a, _ in c.answers)


def _organisers(claims: Iterable[AttestedClaim]) -> Mapping[tuple[str, str], frozenset[str]]:
    """(kind, event) -> everybody whom a claim of this kind is about: ten claims of one organiser each are ten."""
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for attested in claims:
        if attested.claim.event:
            named[attested.claim.kind, attested.claim.event].update(attested.claim.subjects)
    return {key: frozenset(persons) for key, persons in named.items()}


def _records_of_events(items: Mapping[str, list[Item]]) -> Mapping[tuple[str, str], list[Item]]:
    """(person, event) -> that person's fetched records of the event: what an attestation can lean on."""
    found: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for person, listed in items.items():
        for item in listed:
            if item.facts.event:
                found[person, item.facts.event].append(item)
    return dict(found)


def _attested_item(
    attested: AttestedClaim,
    subject: str,
    *,
    records: Sequence[Item],
    organisers: frozenset[str],
    attested_by: frozenset[tuple[str, str]],
) -> Item:
    claim = attested.claim
    facts = Facts(
        title=claim.title,
        event=claim.event,
        people=len(organisers),
        written_reason=claim.reason,
        credits=claim.credits,
        listed_present=any(record.facts.listed_present for record in records),
        challenge_answered=any(record.facts.challenge_answered for record in records),
    )
    return Item(
        id=f"{ATTESTATION_SOURCE}:{claim.id}",
        record=claim.kind,
        source=ATTESTATION_SOURCE,
        happened_at=claim.happened_at,
        facts=facts,
        attestations=tuple(
            Attested(answer.attestor, role, answer.statements, answer.attendees)
            for answer, role in attested.answers
        ),
        has_record_of_event=any(record.record == claim.kind and record.acceptors for record in records),
        attested_by_oneself=bool(claim.event and (claim.event, subject) in attested_by),
        region=claim.region,
        counted=attested.counted,
    )
