"""The qualification policy's shape: what counts, how much, and what each tier needs (POLICY §4).

Strictly loaded: an unknown field, a scoring kind without a cap, a predicate without its parameter, a number
out of range are refused, so nothing in the file is decoration. What a predicate *does* is one function in
`issuer.recognition.predicates`; what a tier *buys* is said by `schemas.event_policy`, never here.
"""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from schemas import strict_yaml
from schemas.strict_yaml import as_decimal, as_tuple

# What each source can say. A kind that takes records from a source which never makes them would count nothing
# for ever, in silence; so that is refused at load.
CHANGE_SOURCES = frozenset({"git", "gerrit", "github", "gitlab"})
RECORDS_OF_KINDS: Mapping[str, str] = {
    "change.merged": "change",
    "change.trivial": "change",
    "ops.knowledge": "change",
    "change.coauthored": "coauthorship",
    "review.decisive": "review",
}
RECORDS_OF_CHANGE_SOURCES = frozenset({"change", "coauthorship", "review", "bug.confirmed", "bug.fix_adopted"})
CODE_RECORDS = frozenset({"change", "coauthorship", "review"})

# How a badge per kind is called in addresses: never as something else that is at the same place.
BADGE_ID = r"^[a-z][a-z0-9-]*$"
MAX_BADGE_ID = 40
OTHER_ACHIEVEMENTS = frozenset({"by-decision", "tier"})
MAX_TITLE = 60  # on a badge, read aloud, in a letter's subject

MAX_COUNT = 100_000  # a limit beyond it limits nothing, so it is a slip of the pen
ParameterKind = Literal["none", "count", "word", "words"]
PREDICATES: Mapping[str, ParameterKind] = {
    "accepted_by_another": "none",
    "approved_by_another": "none",
    "accepted_by_asker": "none",
    "author_is_person": "none",
    "not_own_change": "none",
    "not_reverted": "none",
    "changed_lines_over": "count",
    "changed_lines_at_most": "count",
    "not_generated_only": "none",
    "path_matches": "words",
    "labelled": "word",
    "coauthor_proved_address": "none",
    "coauthors_at_most": "count",
    "vote_in": "words",
    "comment_then_new_patch_set": "none",
    "moved_by_another_to": "words",
    "named_as_reporter_in_merged_change": "none",
    "listed_present": "none",
    "written_reason": "none",
    "challenge_answered": "none",
    "attendees_at_least": "count",
    "people_at_most": "count",
    "attested": "words",
    "other_affiliation": "none",
}


class PolicyError(ValueError):
    """A policy was refused; one sentence that names the document, the field and what was expected."""


@dataclass(frozen=True)
class Predicate:
    """A condition by name. `parameter`: None, an int, a str, or a tuple of str; of `any_of`, the alternatives."""

    name: str
    parameter: int | str | tuple[str, ...] | None = None
    alternatives: tuple["Predicate", ...] = ()

    def __str__(self) -> str:
        if self.alternatives:
            return " or ".join(map(str, self.alternatives))
        if self.parameter is None:
            return self.name
        shown = ", ".join(self.parameter) if isinstance(self.parameter, tuple) else self.parameter
        return f"{self.name}: {shown}"


def _predicate(value: Any) -> Predicate:
    if isinstance(value, Predicate):
        return value
    if isinstance(value, str):
        if PREDICATES.get(value, "none") != "none":
            raise ValueError(f"the predicate {value!r} needs its parameter, as in '{value}: …'")
        name, parameter = value, None
    elif isinstance(value, dict) and len(value) == 1:
        name, parameter = next(iter(value.items()))
        if parameter is None:
            raise ValueError(f"the predicate {name!r} has an empty parameter")
    else:
        raise ValueError(f"{value!r} is no predicate: a name, or one 'name: parameter', was expected")
    if name == "any_of":
        return _any_of(parameter)
    if name not in PREDICATES:
        raise ValueError(f"the predicate {name!r} is not known; known are {', '.join(sorted(PREDICATES))}")
    return Predicate(name, _parameter(name, parameter))


def _any_of(value: Any) -> Predicate:
    if not isinstance(value, list) or len(value) < 2:
        raise ValueError("any_of needs a list of at least two predicates")
    return Predicate("any_of", alternatives=tuple(_predicate(item) for item in value))


def _parameter(name: str, value: Any) -> int | str | tuple[str, ...] | None:
    match PREDICATES[name]:
        case "none" if value is None:
            return None
        case "count" if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_COUNT:
            return value
        case "word" if isinstance(value, str) and value:
            return value
        case "words" if isinstance(value, list) and value and all(isinstance(v, str) and v for v in value):
            return tuple(value)
    expected = {
        "none": "no parameter",
        "count": f"a whole number from 1 to {MAX_COUNT}",
        "word": "a word",
        "words": "a list of words",
    }
    raise ValueError(f"the predicate {name!r} has {value!r}; {expected[PREDICATES[name]]} was expected")


_Predicates = Annotated[tuple[Annotated[Predicate, BeforeValidator(_predicate)], ...], BeforeValidator(as_tuple)]
_Words = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
_Positive = Annotated[Decimal, BeforeValidator(as_decimal), Field(gt=0, le=1000, decimal_places=6)]
_NotNegative = Annotated[Decimal, BeforeValidator(as_decimal), Field(ge=0, le=1000, decimal_places=6)]
_Share = Annotated[Decimal, BeforeValidator(as_decimal), Field(gt=0, le=1, decimal_places=6)]
_Count = Annotated[int, Field(strict=True, gt=0, le=MAX_COUNT)]
_CountOrNone = Annotated[int, Field(strict=True, ge=0, le=MAX_COUNT)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, populate_by_name=True)


class Period(_Part):
    """Badges are per period: of `months`, counted in both directions from `starts` (a UTC day)."""

    starts: Annotated[date, Field(strict=True)]
    months: Annotated[int, Field(strict=True, ge=1, le=60)]

    @model_validator(mode="after")
    def _begins_a_month(self) -> Self:
        if self.starts.day != 1:
            raise ValueError("a period begins on the first day of a month")
        return self


class Window(_Part):
    """How long ago counts in full, how long in half, and how long a person may pause that clock."""

    full_weight_months: Annotated[int, Field(strict=True, ge=1, le=120)]
    half_weight_months: Annotated[int, Field(strict=True, ge=0, le=120)]
    pause_max_months: Annotated[int, Field(strict=True, ge=0, le=120)]
    time_zone: Literal["UTC"]


class Tier(_Part):
    """What one tier needs: all three numbers."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    min_credits: _Positive
    active_months_min: _CountOrNone
    active_quarters_min: _CountOrNone


class GradeA(_Part):
    record: Literal["fetched_by_issuer"]
    accepted_by: Literal["another_person"]


class Support(_Part):
    """One way for a grade-B statement to stand: so many attestations, perhaps with a record of the event."""

    attestations: _Count
    and_record_of_grade: Literal["A"] | None = None


class GradeB(_Part):
    any_of: Annotated[tuple[Support, ...], BeforeValidator(as_tuple), Field(min_length=1)]


class GradeC(_Part):
    credits: Annotated[int, Field(strict=True, ge=0, le=0)]


class Grades(_Part):
    """What may be believed: A a record that another person accepted, B attestations, C never scores."""

    A: GradeA
    B: GradeB
    C: GradeC


class Kind(_Part):
    """One kind of contribution. `sources` (`from`) is None for kinds that live by attestation."""

    grade: Literal["A", "B", "C"]
    record: str | None = None
    sources: Annotated[_Words | None, Field(alias="from")] = None
    credits: _NotNegative | None = None
    credits_at_most: _Positive | None = None
    per: Annotated[dict[str, _Count] | None, Field(min_length=1, max_length=1)] = None
    cap: _Positive | None = None
    when: _Predicates = ()
    attestor_role: str | None = None
    attestations: _Count | None = None
    achievement: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.credits is None) == (self.credits_at_most is None):
            raise ValueError("a kind says either credits or credits_at_most")
        if self.scores and self.cap is None:
            raise ValueError("a kind that scores needs a cap")
        if not self.scores and self.cap is not None:
            raise ValueError("a kind that gives 0 credits has no use for a cap")
        if self.grade == "A" and not self.sources:
            raise ValueError("a kind of grade A says from which sources")
        if self.grade != "A" and self.sources:
            raise ValueError(f"a kind of grade {self.grade} takes no records: 'from' has no meaning here")
        if self.grade == "C" and self.scores:
            raise ValueError("a kind of grade C (a self-claim) never scores")
        if self.attestations is not None and self.attestor_role is None:
            raise ValueError("a kind that says how many attestations also says attestor_role")
        return self

    @property
    def scores(self) -> bool:
        return self.credits_at_most is not None or bool(self.credits)


class BadgeRule(_Part):
    """A badge for one kind of work, and what earns it: enough of its `kinds`, of which each also fulfils `when`.

    What a kind with `achievement: <its id>` counts earns it alone. `state` is the one that it begins in, `until`
    the last day on which it is awarded.
    """

    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE)]
    kinds: _Words = ()
    when: _Predicates = ()
    items_at_least: _Count | None = None
    min_credits: _Positive | None = None
    state: Literal["draft", "active"] = "active"
    until: Annotated[date, Field(strict=True)] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.title.isprintable() or self.title != self.title.strip():
            raise ValueError("a title is one line of printable characters, without spaces around it")
        if len(set(self.kinds)) != len(self.kinds):
            raise ValueError("kinds names one of them twice")
        if not self.kinds and (self.when or self.items_at_least or self.min_credits):
            raise ValueError("when, items_at_least and min_credits ask something of kinds, and none is named")
        return self

    @property
    def items_needed(self) -> int:
        """How many things it takes at least: one, where only credits are asked for."""
        return self.items_at_least or 1


class Delegation(_Part):
    by: str
    months_at_most: Annotated[int, Field(strict=True, ge=1, le=24)]
    scope: _Words


class SecondAttestor(_Part):
    second_attestor: Literal["same_affiliation"]


class ReciprocalFlag(_Part):
    reciprocal_within_months: _Count


class QuarterFlag(_Part):
    more_than_per_quarter: _Count


class ShareFlag(_Part):
    share_to_one_affiliation_over: _Share
    from_statements: _Count


class LateFlag(_Part):
    later_than_days_after_event: _Count


Refusal = Literal["self", "declared_manager_or_report_or_household", "co_organiser_of_same_event"]
_FLAG_OF_FIELD = {
    field: f"one-of-{flag.__name__}"
    for flag in (ReciprocalFlag, QuarterFlag, ShareFlag, LateFlag)
    for field in flag.model_fields
}


def _which_flag(value: Any) -> str | None:
    """The flag that is meant, told by its first field, so that an error speaks of that one only."""
    if isinstance(value, BaseModel):
        return f"one-of-{type(value).__name__}"
    return _FLAG_OF_FIELD.get(str(next(iter(value), ""))) if isinstance(value, dict) else "one-of-words"


def _which_refusal(value: Any) -> str:
    return "one-of-SecondAttestor" if isinstance(value, dict | SecondAttestor) else "one-of-words"


Flag = Annotated[
    Annotated[ReciprocalFlag, Tag("one-of-ReciprocalFlag")]
    | Annotated[QuarterFlag, Tag("one-of-QuarterFlag")]
    | Annotated[ShareFlag, Tag("one-of-ShareFlag")]
    | Annotated[LateFlag, Tag("one-of-LateFlag")]
    | Annotated[Literal["unknown_affiliation"], Tag("one-of-words")],
    Discriminator(
        _which_flag,
        custom_error_type="flag",
        custom_error_message="this flag is not known here",
    ),
]
_Refused = Annotated[
    Annotated[Refusal, Tag("one-of-words")] | Annotated[SecondAttestor, Tag("one-of-SecondAttestor")],
    Discriminator(_which_refusal),
]


class Audit(_Part):
    random_share: _Share
    first_of_new_attestor: _CountOrNone
    attendance_over_times_median: _Positive


class Attestors(_Part):
    """Who may attest, what is refused, and what is shown to people to judge."""

    delegation: Delegation
    refuse: Annotated[tuple[_Refused, ...], BeforeValidator(as_tuple)]
    flag: Annotated[tuple[Flag, ...], BeforeValidator(as_tuple)]
    attest_own_event_earns: _NotNegative
    audit: Audit


class AttendanceCode(_Part):
    period_seconds: _Count
    secret_bits_at_least: Annotated[int, Field(strict=True, ge=80, le=512)]
    open: Literal["event_start"]
    close_hours_after_end: _CountOrNone
    ceiling: Literal["declared_capacity"]
    printed_cards: Literal["single_use"]


class Awarding(_Part):
    valid_months_after_period: Annotated[int, Field(strict=True, ge=0, le=60)]
    waiting_days: _CountOrNone


class SmallGovernance(_Part):
    decides: str
    until_sustained_holders: _Count
    comment_days: _Count
    correction_days: _Count
    answer_days: _Count


class Panel(_Part):
    size: _Count
    by_lot_from: str
    kinds_at_least: _Count
    affiliations_at_least: _Count


class StandardGovernance(_Part):
    panel: Panel
    comment_days: _Count
    correction_days: _Count
    answer_days: _Count
    appeal_days: _Count


class Governance(_Part):
    small: SmallGovernance
    standard: StandardGovernance


class RevocationRule(_Part):
    by: Literal["holder", "key_custodian", "two_people", "panel_or_two_people"]
    notice_days: _CountOrNone
    suspend: bool = False
    reissue: bool = False
    suspension_days_at_most: _Count | None = None


class Transparency(_Part):
    smallest_cell: _Count
    publish: _Words
    never: _Words


class QualificationPolicy(_Part):
    """One version of a community's policy. `digest` and `sri` are of the document's bytes."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")]
    unit_hours: _Positive
    period: Period
    window: Window
    active_month_min_credits: _Positive
    tiers: Annotated[tuple[Tier, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    grades: Grades
    kinds: Annotated[dict[str, Kind], Field(min_length=1)]
    attestors: Attestors
    attendance_code: AttendanceCode
    awarding: Awarding
    governance: Governance
    revocation: dict[str, RevocationRule]
    transparency: Transparency
    catalogue: dict[Annotated[str, Field(pattern=BADGE_ID, max_length=MAX_BADGE_ID)], BadgeRule] = Field(
        default_factory=dict
    )
    document: bytes = b""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        needs = [tier.min_credits for tier in self.tiers]
        if any(higher <= lower for higher, lower in pairwise(needs)):
            raise ValueError("tiers are listed from the highest down, each needing fewer credits")
        if len({tier.id for tier in self.tiers}) != len(self.tiers):
            raise ValueError("two tiers have the same id")
        for name, kind in self.kinds.items():
            only_code = set(kind.sources or ()) <= CHANGE_SOURCES and kind.sources
            if only_code and self.record_of(name) not in RECORDS_OF_CHANGE_SOURCES:
                raise ValueError(
                    f"the kind {name!r} takes records from {', '.join(kind.sources or ())}, which never call a"
                    f" record {self.record_of(name)!r}: add 'record: change', coauthorship or review"
                )
        return self

    @model_validator(mode="after")
    def _badges_can_be_earned(self) -> Self:
        """A badge that nobody could ever earn, or whose name is another's, is a slip of the pen."""
        others = OTHER_ACHIEVEMENTS | {tier.id for tier in self.tiers}
        titles: dict[str, str] = {}
        for name, badge in self.catalogue.items():
            if name in others:
                raise ValueError(f"the catalogue has a badge {name!r}, which is the name of another achievement")
            if badge.title in titles:
                raise ValueError(f"the badges {titles[badge.title]!r} and {name!r} have the same title")
            titles[badge.title] = name
            if not badge.kinds and name not in {kind.achievement for kind in self.kinds.values()}:
                raise ValueError(f"the badge {name!r} names no kinds, and no kind gives it: nothing would earn it")
            self._check_kinds_of(name, badge)
        for name, kind in self.kinds.items() if self.catalogue else ():
            if kind.achievement is not None and kind.achievement not in self.catalogue:
                raise ValueError(
                    f"the kind {name!r} gives {kind.achievement!r}, which the catalogue does not have"
                )
            if kind.achievement is not None and kind.grade == "C":
                raise ValueError(f"the kind {name!r} is a self-claim (grade C), which earns no badge")
        return self

    def _check_kinds_of(self, name: str, badge: BadgeRule) -> None:
        for kind in badge.kinds:
            if kind not in self.kinds:
                raise ValueError(f"the badge {name!r} counts the kind {kind!r}, which the policy does not have")
            if self.kinds[kind].grade == "C":
                raise ValueError(
                    f"the badge {name!r} counts {kind!r}, a self-claim (grade C), which earns no badge"
                )
        most = sum((self.kinds[kind].cap or Decimal(0) for kind in badge.kinds), Decimal(0))
        if badge.min_credits is not None and badge.min_credits > most:
            raise ValueError(
                f"the badge {name!r} asks for {badge.min_credits} credits, and its kinds give at most {most}"
            )

    def record_of(self, kind: str) -> str:
        """What the records of this kind are called at intake: `record`, or the kind's own name."""
        return self.kinds[kind].record or RECORDS_OF_KINDS.get(kind, kind)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document, 64 lower-case hex digits: part of the version's immutable address."""
        return hashlib.sha256(self.document).hexdigest()

    @property
    def uses_suspension(self) -> bool:
        """Whether a badge can be suspended for a while under it, and so needs a place on a list of suspensions."""
        return any(rule.suspend for rule in self.revocation.values())

    @property
    def sri(self) -> str:
        """SHA-384 of the document as `digestSRI` (VCDM 2.0 §5.3)."""
        return "sha384-" + b64encode(hashlib.sha384(self.document).digest()).decode()


@lru_cache(maxsize=32)  # every request and command asks for the policy in force; reading YAML takes a while
def load(data: bytes, *, name: str) -> QualificationPolicy:
    """A policy from the bytes of its YAML document; `name` (a file, an address) goes into the error.

    Raises:
        PolicyError: anything that the module says is refused.
    """
    try:
        return QualificationPolicy.model_validate({**strict_yaml.loads(data), "document": data})
    except strict_yaml.StrictYamlError as error:
        raise PolicyError(f"{name}: {error}") from error
    except ValidationError as error:
        raise PolicyError(f"{name}: {strict_yaml.sentence_of(error)}") from error
