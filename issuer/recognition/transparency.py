"""What everybody may know of who is recognised: numbers of people by tier, kind and region, and what became of
questions (POLICY §4). Never a ranking, never a list of people. Pure.

A number under the smallest cell is held back, and no total is published from which it could be worked out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from issuer.recognition.decision import Decision
from schemas.strict_json import JsonObject

NO_TIER = "none yet"
QUESTIONS: Mapping[tuple[str, bool | None], str] = {
    ("missing", None): "missing, waiting",
    ("missing", True): "missing, granted",
    ("missing", False): "missing, refused",
    ("dispute", None): "dispute, waiting",
    ("dispute", True): "dispute, granted",
    ("dispute", False): "dispute, refused",
    ("appeal", None): "appeal, waiting",
    ("appeal", True): "appeal, granted",
    ("appeal", False): "appeal, refused",
}


@dataclass
class Tally:
    """Numbers of people, counted as their decisions pass. `kinds`: of whose work something counted. `badges`: who
    hold each badge per kind in this period, counted where badges are.
    """

    tiers: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    regions: Counter[str] = field(default_factory=Counter)
    badges: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """One person's decision. Whoever did nothing that was recorded is in no number."""
        if not decision.lines:
            return
        self.tiers[decision.tier or NO_TIER] += 1
        counted = [line for line in decision.lines if line.counted]
        self.kinds.update({line.kind for line in counted if line.kind is not None})
        regions = {line.item.region for line in counted}
        self.regions.update(region for region in regions if region is not None and region != "*")

    def update(self, other: "Tally") -> None:
        """What was counted elsewhere, of other persons."""
        for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True):
            mine.update(theirs)


def held_back(counts: Counter[str], *, smallest: int) -> dict[str, int | None]:
    """What is published of some numbers, by name: None for one that is under the smallest cell."""
    return {name: count if count >= smallest else None for name, count in sorted(counts.items())}


def published(tally: Tally, questions: Iterable[tuple[str, bool | None]], *, smallest: int) -> JsonObject:
    """The numbers as they may be published. `questions`: the kind of each, and whether it was granted."""
    asked = Counter(QUESTIONS[kind, granted] for kind, granted in questions)
    return {
        "smallest_cell": smallest,
        "people_by_tier": dict(held_back(tally.tiers, smallest=smallest)),
        "people_by_badge": dict(held_back(tally.badges, smallest=smallest)),
        "people_by_kind": dict(held_back(tally.kinds, smallest=smallest)),
        "people_by_region": dict(held_back(tally.regions, smallest=smallest)),
        "questions": dict(held_back(asked, smallest=smallest)),
    }
