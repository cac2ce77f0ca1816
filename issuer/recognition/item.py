"""What the decision looks at: one contribution of one person, with the people it names already known.

Pure values. `issuer.recognition.service` makes them from stored records; `predicates` and `decision` read them.
"""

from dataclasses import dataclass
from datetime import datetime

from issuer.attendance.model import Counted
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
    `counted`: how many were there, where the office took attendance.
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
    counted: Counted | None = None
    evidence: str | None = None
    region: str | None = None  # of what was attested; it decides nothing

    @property
    def attendees(self) -> int | None:
        """How many people were there: as recorded, or as the office counted them. A list at the door counts as far
        as every attestor saw so many. Of what was neither counted nor listed it is the least that one saw.
        """
        if self.facts.attendees is not None and self.source != ATTESTATION_SOURCE:
            return self.facts.attendees
        least = min((a.attendees for a in self.attestations if a.attendees is not None), default=None)
        if self.counted is None:
            return least
        listed = 0 if self.counted.listed is None or least is None else min(self.counted.listed, least)
        return max(self.counted.proved, listed)
