"""From stored records to decisions: resolves people, joins what belongs together, asks `decision.decide`.

Also keeps the policy's versions: each stays what it was under its digest for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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
from issuer.recognition import store
from issuer.recognition.decision import Decision, Rules, decide
from issuer.recognition.item import ATTESTATION_SOURCE, Attested, Item
from schemas import policy as policy_shape
from schemas.policy import PolicyError, QualificationPolicy

EXAMPLE_POLICY = Path(__file__).with_name("policy.example.yaml")
SHORT_COMMIT = 12  # reverts name commits in full or cut; so many digits never meant two commits in one programme


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
    reverted = _reverted(stored)
    attested_by = _attested_events(claims)
    for contribution in stored:
        owner = owners.get(contribution.account)
        if owner is not None:
            item = _item(contribution, people[owner], people, owners, reverted)
            items[owner].append(item)
    recorded = _recorded_events(items)
    for claim in claims:
        for subject in claim.claim.subjects:
            items[subject].append(_attested_item(claim, subject, recorded, attested_by))
    return Records(people, items)


def _item(
    contribution: Contribution,
    author: Person,
    people: Mapping[str, Person],
    owners: Mapping[Account, str],
    reverted: frozenset[str],
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
        reverted=_reference(facts.commit or contribution.id) in reverted,
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


def _reverted(stored: Iterable[Contribution]) -> frozenset[str]:
    """References of changes that a later change takes back, unless that one was itself taken back."""
    reverts = {
        _reference(c.facts.commit or c.id): _reference(c.facts.reverts)
        for c in stored
        if c.record == "change" and c.facts.reverts
    }
    undone: dict[str, bool] = {}

    def taken_back(reference: str, seen: frozenset[str]) -> bool:
        if reference not in undone:
            later = [r for r, target in reverts.items() if target == reference and r not in seen]
            undone[reference] = any(not taken_back(r, seen | {r}) for r in later)
        return undone[reference]

    return frozenset(target for target in set(reverts.values()) if taken_back(target, frozenset({target})))


def _reference(commit: str) -> str:
    return commit[:SHORT_COMMIT].lower()


def _attested_events(claims: Iterable[AttestedClaim]) -> frozenset[tuple[str, str]]:
    """(event, person) for everybody who attested something about the event."""
    return frozenset((c.claim.event, a.attestor) for c in claims if c.claim.event for a, _ in c.answers)


def _recorded_events(items: Mapping[str, list[Item]]) -> frozenset[tuple[str, str, str]]:
    """(person, record, event) of grade-A records that another person accepted: they support an attestation."""
    return frozenset(
        (person, item.record, item.facts.event)
        for person, listed in items.items()
        for item in listed
        if item.facts.event and item.acceptors
    )


def _attested_item(
    attested: AttestedClaim,
    subject: str,
    recorded: frozenset[tuple[str, str, str]],
    attested_by: frozenset[tuple[str, str]],
) -> Item:
    claim = attested.claim
    return Item(
        id=f"{ATTESTATION_SOURCE}:{claim.id}",
        record=claim.kind,
        source=ATTESTATION_SOURCE,
        happened_at=claim.happened_at,
        facts=Facts(title=claim.title, event=claim.event, people=len(claim.subjects), written_reason=claim.title),
        attestations=tuple(
            Attested(answer.attestor, role, answer.statements, answer.attendees)
            for answer, role in attested.answers
        ),
        has_record_of_event=bool(claim.event and (subject, claim.kind, claim.event) in recorded),
        attested_by_oneself=bool(claim.event and (claim.event, subject) in attested_by),
    )
