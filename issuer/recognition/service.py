"""From stored records to decisions: resolves people, joins what belongs together, asks `decision.decide`.

Also keeps the policy's versions: each stays what it was under its digest for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from issuer.attestations import service as attestations
from issuer.attestations.service import AttestedClaim
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, Facts
from issuer.ground.database import reading, writing
from issuer.people import service as people_service
from issuer.people.model import Account, Person
from issuer.recognition import reverts, store
from issuer.recognition.decision import Decision, Rules, decide
from issuer.recognition.item import ATTESTATION_SOURCE, Attested, Item
from issuer.recognition.twins import without_twins
from schemas import policy as policy_shape
from schemas.policy import PolicyError, QualificationPolicy

EXAMPLE_POLICY = Path(__file__).with_name("policy.example.yaml")


@dataclass(frozen=True)
class Records:
    """What the decision is made from, read in one consistent view."""

    people: Mapping[str, Person]
    items: Mapping[str, list[Item]]


def policy_in_force(engine: Engine, file: Path, *, now: datetime) -> QualificationPolicy:
    """The policy in a file, kept under its digest.

    Raises:
        PolicyError: it cannot be read or is refused, or this version was published with another text.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise PolicyError(f"The policy {file} cannot be read: {error.strerror}.") from error
    policy = policy_shape.load(data, name=str(file))
    with reading(engine) as connection:
        known = store.digest_of(connection, policy.id, policy.version)
    if known is None:
        with writing(engine) as connection:
            if store.digest_of(connection, policy.id, policy.version) is None:
                store.add(
                    connection,
                    digest=policy.digest,
                    policy=policy.id,
                    version=policy.version,
                    data=data,
                    now=now,
                )
    elif known != policy.digest:
        raise PolicyError(
            f"{file}: version {policy.version} of {policy.id} was in force with another text; a changed policy"
            " needs a new version."
        )
    return policy


def all_policies(engine: Engine) -> dict[str, QualificationPolicy]:
    """Every version that was ever in force, by digest."""
    with reading(engine) as connection:
        documents = store.all_documents(connection)
    loaded = (policy_shape.load(document, name="a stored policy") for document in documents)
    return {policy.digest: policy for policy in loaded}


def decide_all(
    engine: Engine, policy: QualificationPolicy, *, as_of: datetime
) -> Iterator[tuple[Person, Decision]]:
    """The decision for everybody who is no machine, ordered by person id."""
    with reading(engine) as connection:
        records = read_records(connection)
    rules = Rules.of(policy)
    for person in sorted(records.people.values(), key=lambda p: p.id):
        if not person.bot:
            yield person, decide(records.items.get(person.id, ()), rules, as_of=as_of, pauses=person.pauses)


def decide_person(engine: Engine, policy: QualificationPolicy, person: Person, *, as_of: datetime) -> Decision:
    """The decision for one person."""
    with reading(engine) as connection:
        records = read_records(connection)
    return decide(records.items.get(person.id, ()), Rules.of(policy), as_of=as_of, pauses=person.pauses)


def read_records(connection: Connection) -> Records:
    """Everybody, and each person's items."""
    people = {person.id: person for person in people_service.all_people(connection)}
    owners = people_service.all_accounts(connection)
    stored = list(contributions.all_contributions(connection))
    claims = attestations.attested_claims(connection)
    items: dict[str, list[Item]] = defaultdict(list)
    taken_back = reverts.taken_back(stored)
    for contribution in stored:
        owner = owners.get(contribution.account)
        if owner is not None and contribution.record != reverts.REVERT:
            items[owner].append(_item(contribution, people[owner], people, owners, taken_back))
    for owner, listed in items.items():
        items[owner] = without_twins(listed)
    _add_attested(items, claims)
    return Records(people, items)


def _add_attested(items: dict[str, list[Item]], claims: Sequence[AttestedClaim]) -> None:
    """One item for each person whom a claim is about."""
    records, organisers, attested_by = _records_of_events(items), _organisers(claims), _attested_events(claims)
    for attested in claims:
        claim = attested.claim
        for subject in claim.subjects:
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
    people: Mapping[str, Person],
    owners: Mapping[Account, str],
    taken_back: frozenset[str],
) -> Item:
    facts = contribution.facts
    acceptors = _others(facts.accepted_by, author, people, owners)
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
        moved_by_another=bool(facts.moved_by and _others((facts.moved_by,), author, people, owners)),
        other_affiliation=_other_affiliation(author, acceptors, contribution.happened_at),
        evidence=contribution.evidence,
    )


def _others(
    accounts: Iterable[Account], author: Person, people: Mapping[str, Person], owners: Mapping[Account, str]
) -> list[Person]:
    """The persons behind these accounts, when proved, who are neither the author nor machines."""
    named = (people[owners[account]] for account in accounts if account in owners)
    return [person for person in named if person.id != author.id and not person.bot]


def _own_change(facts: Facts, account: Account, author: Person, owner: str | None) -> bool | None:
    """Whether somebody reviewed their own change. An owner nobody has proved is another account, so another's."""
    if facts.owner is None:
        return None
    return facts.owner == account or owner == author.id


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
    )
