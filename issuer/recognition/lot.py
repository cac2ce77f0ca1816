"""A panel drawn by lot (POLICY §4): of so many kinds of work and affiliations, so that anybody can draw it
again. Pure.

The order is that of a hash over the seed and each candidate's id; the first who together are as different as the
policy asks are the panel. With seed and candidates at hand, everybody comes to the same people.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from issuer.recognition.question import QuestionError
from schemas.policy import Panel


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may be drawn. `kind`: the kind of work in which they did most; `affiliation`: None if it is
    unknown, which counts as none that differs.
    """

    person: str
    kind: str | None
    affiliation: str | None


@dataclass(frozen=True, slots=True)
class Bench:
    """The panel of one question. `sitting`: its members, `votes`: what those who have decided said, with
    reasons.
    """

    question: int
    seed: str
    candidates: tuple[Candidate, ...]
    sitting: tuple[str, ...]
    withdrawn: tuple[str, ...]
    votes: dict[str, tuple[bool, str]]


def draw(
    candidates: Iterable[Candidate], rule: Panel, *, seed: str, staying: Sequence[Candidate] = ()
) -> tuple[Candidate, ...]:
    """The members of a panel; `staying` are those who sit already, where one has withdrawn.

    Raises:
        QuestionError: nobody could be drawn with whom the panel is as the policy asks.
    """
    sitting = {one.person for one in staying}
    free = sorted((one for one in candidates if one.person not in sitting), key=lambda one: _place(seed, one))
    drawn = _completed(tuple(staying), free, rule)
    if drawn is None:
        raise QuestionError(
            f"No panel of {rule.size} can be drawn from {len(free) + len(sitting)} people: it needs"
            f" {rule.kinds_at_least} kinds of work and {rule.affiliations_at_least} known affiliations."
        )
    return drawn


def _place(seed: str, candidate: Candidate) -> str:
    return hashlib.sha256(f"{seed}\0{candidate.person}".encode()).hexdigest()


def _completed(
    sitting: tuple[Candidate, ...], free: Sequence[Candidate], rule: Panel
) -> tuple[Candidate, ...] | None:
    """The first panel in the order of `free` that holds those who sit; None if there is none."""
    left = rule.size - len(sitting)
    if not _can_become(sitting, left, rule):
        return None
    if left == 0:
        return sitting
    tried = set[tuple[str | None, str | None]]()  # another one like somebody who did not fit does not fit either
    for number, one in enumerate(free):
        alike = one.kind, one.affiliation
        if alike in tried:
            continue
        found = _completed((*sitting, one), free[number + 1 :], rule)
        if found is not None:
            return found
        tried.add(alike)
    return None


def _can_become(sitting: Sequence[Candidate], left: int, rule: Panel) -> bool:
    kinds = {one.kind for one in sitting if one.kind is not None}
    affiliations = {one.affiliation for one in sitting if one.affiliation is not None}
    return len(kinds) + left >= rule.kinds_at_least and len(affiliations) + left >= rule.affiliations_at_least
