"""From stored records to decisions, for everybody or for some; and the policy's versions, each kept under its
digest for ever. Making items of records is `records`, deciding about them `decision`.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from issuer.ground.database import reading, writing
from issuer.ground.news import News
from issuer.people.model import Person
from issuer.recognition import records, store
from issuer.recognition.decision import Decision, Rules, decide
from issuer.recognition.records import Records
from schemas import policy as policy_shape
from schemas.policy import PolicyError, QualificationPolicy

EXAMPLE_POLICY = Path(__file__).with_name("policy.example.yaml")


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
    """The decision for everybody who is no machine, ordered by person id, in one view of the database."""
    with reading(engine) as connection:
        yield from _decided(records.everybody(connection), policy, as_of)


def decide_some(
    engine: Engine, policy: QualificationPolicy, persons: Iterable[str], *, as_of: datetime
) -> Iterator[tuple[Person, Decision]]:
    """The decisions for some persons, by id; costs these persons only."""
    with reading(engine) as connection:
        yield from _decided(records.of_some(connection, persons), policy, as_of)


def decide_person(engine: Engine, policy: QualificationPolicy, person: Person, *, as_of: datetime) -> Decision:
    """The decision for one person, as the records stand now."""
    with reading(engine) as connection:
        read = next(records.of_some(connection, [person.id]))
    known = read.people.get(person.id, person)
    return decide(read.items.get(person.id, ()), Rules.of(policy), as_of=as_of, pauses=known.pauses)


def touched_by(engine: Engine, told: Iterable[News]) -> set[str]:
    """Whose decision the news can change."""
    with reading(engine) as connection:
        return records.touched(connection, told)


def _decided(
    groups: Iterable[Records], policy: QualificationPolicy, as_of: datetime
) -> Iterator[tuple[Person, Decision]]:
    rules = Rules.of(policy)
    for group in groups:
        for person in group.people.values():
            if not person.bot:
                yield person, decide(group.items.get(person.id, ()), rules, as_of=as_of, pauses=person.pauses)
