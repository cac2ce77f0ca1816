"""What the decision looks at: one contribution of one person, with the people it names already known.

Pure values. `issuer.recognition.service` makes them from stored records; `predicates` and `decision` read them.
"""

from dataclasses import dataclass
from datetime import datetime

from issuer.contributions.model import Facts

ATTESTATION_SOURCE = "attestation"


@dataclass(frozen=True, slots=True)
class Attested:
    """What one delegated person, whom no rule of the policy bars, said about it."""

    attestor: str
    role: str | None
    statements: frozenset[str] = frozenset()
    attendees: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that one person did. Facts that are not known are None, and a predicate on them does not hold.

    `acceptors`: the persons, not machines and not the author, who are named as having accepted it.
    `attestations`: by those who saw it; "I did not see it" is not among them.
    """

    id: str
    record: str
    source: str
    happened_at: datetime
    facts: Facts
    by_machine: bool = False
    acceptors: frozenset[str] = frozenset()
    own_change: bool | None = None
    reverted: bool = False
    moved_by_another: bool = False
    other_affiliation: bool | None = None
    attestations: tuple[Attested, ...] = ()
    has_record_of_event: bool = False
    attested_by_oneself: bool = False
    evidence: str | None = None
    region: str | None = None  # of what was attested; it decides nothing

    @property
    def attendees(self) -> int | None:
        """How many people were there: as recorded, or the least that any attestor saw."""
        if self.facts.attendees is not None and self.source != ATTESTATION_SOURCE:
            return self.facts.attendees
        seen = [a.attendees for a in self.attestations if a.attendees is not None]
        return min(seen, default=None)
