"""Who may not attest: one function for each rule that a policy's `attestors.refuse` can name (POLICY §4).

Each returns whether the rule bars the attestor. What is not known bars nobody: an unknown affiliation is a
flag for people, never a block.
"""

from collections.abc import Callable, Mapping

from issuer.attestations.model import Parties
from issuer.people.model import Person
from schemas.policy import Attestors, SecondAttestor

SAME_AFFILIATION = "second_attestor_of_same_affiliation"


def oneself(parties: Parties) -> bool:
    """Nobody attests their own work."""
    return any(parties.attestor.id == subject.id for subject in parties.subjects)


def manager_report_or_household(parties: Parties) -> bool:
    """Nor that of their declared manager or report, or of somebody of their household."""
    return any(_near(parties.attestor, subject) for subject in parties.subjects)


def _near(one: Person, other: Person) -> bool:
    at_work = one.manager == other.id or other.manager == one.id
    return at_work or (one.household is not None and one.household == other.household)


def co_organiser_of_same_event(parties: Parties) -> bool:
    """Nor an event that they organised along with somebody."""
    return parties.attestor.id in parties.co_organisers


def second_attestor_of_same_affiliation(parties: Parties) -> bool:
    """Nor as the second voice of one employer."""
    own = parties.attestor.affiliation_at(parties.day)
    if own is None or own.organisation is None:
        return False
    others = (person.affiliation_at(parties.day) for person in parties.other_attestors)
    return any(other is not None and other.organisation == own.organisation for other in others)


RULES: Mapping[str, tuple[Callable[[Parties], bool], str]] = {
    "self": (oneself, "nobody attests their own work"),
    "declared_manager_or_report_or_household": (
        manager_report_or_household,
        "a manager and their reports, or people of one household, do not attest each other's work",
    ),
    "co_organiser_of_same_event": (co_organiser_of_same_event, "whoever organised an event does not attest it"),
    SAME_AFFILIATION: (
        second_attestor_of_same_affiliation,
        "somebody of the same employer has attested it already; a second voice must come from elsewhere",
    ),
}


def refusal(parties: Parties, attestors: Attestors) -> str | None:
    """The first rule of the policy that bars this attestor, or None."""
    for rule in attestors.refuse:
        name = SAME_AFFILIATION if isinstance(rule, SecondAttestor) else rule
        if RULES[name][0](parties):
            return name
    return None


def sentence_of(rule: str) -> str:
    """A rule's reason, as a clause."""
    return RULES[rule][1]
