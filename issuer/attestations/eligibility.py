"""Who may attest which claim, out of rows that were read once: delegations, answers, organisers of events. Pure.

The rules of conflict are `conflicts`. Many attestors and many claims are one reading of the tables, made by
`service.eligibility`; what holds of one claim is worked out once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date

from issuer.attestations import conflicts
from issuer.attestations.model import Attestation, Claim, Delegation, Parties
from issuer.people.model import Person
from schemas.policy import QualificationPolicy


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody may not attest a claim. `rule`: of the policy; empty where they hold no right for it."""

    rule: str
    sentence: str


def voices_wanted(kind: str, policy: QualificationPolicy) -> int:
    """How many attestations make a claim of this kind stand by themselves."""
    return policy.kinds[kind].attestations or max(support.attestations for support in policy.grades.B.any_of)


@dataclass(frozen=True)
class Eligibility:
    """Who may attest today. `answers`: to each claim that is asked about; `organisers`: whom an event's claims are
    about.
    """

    people: Mapping[str, Person]
    policy: QualificationPolicy
    today: date
    delegations: Sequence[Delegation]
    answers: Mapping[str, Sequence[Attestation]]
    organisers: Mapping[str, frozenset[str]]
    _held: dict[str, list[Delegation]] = field(default_factory=dict)
    _near_of: dict[str, list[Person]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for delegation in self.delegations:
            self._held.setdefault(delegation.attestor, []).append(delegation)

    def answers_to(self, claim: Claim) -> Sequence[Attestation]:
        """What was answered to a claim so far."""
        return self.answers.get(claim.id, ())

    def why_not(self, claim: Claim, attestor: Person) -> Refusal | None:
        """Why this person may not attest this claim today; None if they may.

        Where too few of those who hold a right in a region may, as when its only ambassador organised the event,
        those of other regions may.
        """
        held = self._held.get(attestor.id, ())
        here = any(d.covers(claim.kind, region=claim.region, day=self.today) for d in held)
        if not here:
            anywhere = any(d.covers(claim.kind, region=d.region, day=self.today) for d in held)
            if not (anywhere and self._few_near(claim)):
                sentence = (
                    f"{attestor.name} holds no delegation for {claim.kind} in {claim.region} today;"
                    " the community's manager gives one."
                )
                return Refusal("", sentence)
        rule = self._barred_by(claim, attestor)
        if rule is None:
            return None
        return Refusal(rule, f"{attestor.name} cannot attest this: {conflicts.sentence_of(rule)}.")

    def who_may(self, claim: Claim) -> list[Person]:
        """Everybody who may attest a claim today, those of its own region first."""
        near = self._near(claim)
        ids = self._held.keys() - {person.id for person in near}
        held = [self.people[one] for one in sorted(ids & self.people.keys())]
        return near + [one for one in held if self.why_not(claim, one) is None]

    def _near(self, claim: Claim) -> list[Person]:
        """Who holds a right for the claim in its own region, and is not barred."""
        if claim.id not in self._near_of:
            held = self._holders_in(claim)
            present = [self.people[attestor] for attestor in sorted(held & self.people.keys())]
            self._near_of[claim.id] = [one for one in present if self._barred_by(claim, one) is None]
        return self._near_of[claim.id]

    def _few_near(self, claim: Claim) -> bool:
        return len(self._near(claim)) < voices_wanted(claim.kind, self.policy) and bool(self._holders_in(claim))

    def _holders_in(self, claim: Claim) -> set[str]:
        """Who holds a right for the claim in its own region."""
        return {d.attestor for d in self.delegations if d.covers(claim.kind, region=claim.region, day=self.today)}

    def _barred_by(self, claim: Claim, attestor: Person) -> str | None:
        others = (one for one in self.answers_to(claim) if one.seen and one.attestor != attestor.id)
        parties = Parties(
            attestor=attestor,
            subjects=tuple(self.people[subject] for subject in claim.subjects),
            co_organisers=self.organisers.get(claim.event, frozenset()) if claim.event else frozenset(),
            other_attestors=tuple(self.people[one.attestor] for one in others if one.attestor in self.people),
            day=claim.happened_at.astimezone(UTC).date(),
        )
        return conflicts.refusal(parties, self.policy.attestors)
