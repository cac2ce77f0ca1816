"""A decision and a policy in words, for the people whom they concern.

Sentences about rules are made from the predicates themselves; none is written beside them. Other languages
are other tables of the same keys (PAGES).
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from issuer.recognition import decision as d
from issuer.recognition.predicates import sentence_of
from schemas.policy import Grades, Kind, QualificationPolicy, Tier

TIER_NAMES = {"recognised": "Recognised", "contributor": "Contributor", "sustained": "Sustained contributor"}
# Each kind by its name, and how one and several of it are thanked for.
KINDS: Mapping[str, tuple[str, str, str]] = {
    "change.merged": ("A merged change", "a merged change", "{} merged changes"),
    "change.trivial": ("A small merged change", "a small fix", "{} small fixes"),
    "change.coauthored": ("A change written together", "a change written together", "{} changes written together"),
    "review.decisive": ("A review that decided", "a review that decided", "{} reviews that decided"),
    "bug.confirmed": ("A bug that others confirmed", "a confirmed bug", "{} confirmed bugs"),
    "bug.fix_adopted": (
        "A bug whose fix was adopted",
        "a bug whose fix was adopted",
        "{} bugs with adopted fixes",
    ),
    "ops.knowledge": ("Accepted operations knowledge", "a runbook", "{} runbooks"),
    "translation.approved": ("Approved translation", "an approved translation", "{} approved translations"),
    "support.answer_accepted": ("An answer that helped", "an answer that helped", "{} answers that helped"),
    "event.organised": ("An event organised", "an event for the community", "{} events for the community"),
    "event.hosted_ops_meetup": (
        "An operators' meetup hosted",
        "hosting the operators' meetup",
        "{} operators' meetups",
    ),
    "session.moderated": ("A session moderated", "a moderated session", "{} moderated sessions"),
    "talk.given": ("A talk given", "a talk", "{} talks"),
    "programme.track_chair": ("A track chaired", "chairing a track", "{} tracks chaired"),
    "group.chaired": ("A group chaired", "chairing a group", "{} terms as chair"),
    "group.worked": ("An action done for a group", "an action for a group", "{} actions for groups"),
    "story.published": ("A story published", "a published story", "{} published stories"),
    "mentoring.completed": ("Mentoring completed", "mentoring", "{} people mentored"),
    "ambassador.quarter": ("A quarter as ambassador", "a quarter as ambassador", "{} quarters as ambassador"),
    "panel.award": (
        "An award of the panel",
        "work that the panel recognised",
        "{} works that the panel recognised",
    ),
    "survey.completed": ("A survey answered", "a survey", "{} surveys"),
    "deployment.operated": ("A deployment operated", "running a deployment", "{} deployments"),
    "event.attended": ("An event attended", "an event attended", "{} events attended"),
}
MOST_THANKED_KINDS = 3  # more would be a list, not a thank-you
_WHY_NOT = {
    d.CAPPED: "the cap of its kind was full with newer work",
    d.TOO_OLD: "it happened before the time that counts",
    d.IN_THE_FUTURE: "it lies after the date of this decision",
    d.NO_KIND: "the policy knows no kind for such a record",
    d.WRONG_SOURCE: "the policy does not take this kind from this source",
    d.SELF_CLAIM: "a statement about oneself never counts; it can ask somebody to confirm",
    d.NO_QUANTITY: "the record does not say how much it was",
    d.OVER_CREDITS: "it gives no number of credits, or more than the policy allows",
    d.OWN_STATEMENT: "whoever attests an event earns nothing from it",
    d.NO_CREDITS: "this kind is recorded, and gives no credits",
    d.EXPIRED: "it was granted to a day, which is over",
}


def tier_name(tier: str) -> str:
    """A tier's title, as it stands on a badge."""
    return TIER_NAMES.get(tier, tier.replace("_", " ").capitalize())


def kind_name(kind: str) -> str:
    """A kind of contribution in words."""
    known = KINDS.get(kind)
    return known[0] if known else kind.replace(".", ": ").replace("_", " ").capitalize()


def thanks(decision: d.Decision) -> str:
    """What a person is thanked for: the kinds in which they did most, as `12 events for the community, a talk`."""
    amounts = Counter(line.kind for line in decision.lines if line.counted and line.kind)
    largest = sorted(amounts, key=lambda kind: (-amounts[kind], kind))[:MOST_THANKED_KINDS]
    return ", ".join(_thanked(kind, amounts[kind]) for kind in largest)


def _thanked(kind: str, amount: int) -> str:
    _, one, many = KINDS.get(kind, ("", kind_name(kind).lower(), f"{{}} × {kind_name(kind).lower()}"))
    return one if amount == 1 else many.format(amount)


def number(value: Decimal) -> str:
    """A number of credits without a tail of zeros, with at most two decimals."""
    return f"{value.quantize(Decimal('0.01')).normalize():f}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 month`, `2 months`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def why(line: d.Line) -> str:
    """Why a line counts, or why not, as one sentence."""
    if line.counted:
        share = " It lies before the time that counts in full, so it counts half." if line.weight == d.HALF else ""
        return f"{kind_name(line.kind or '')}: counts {credits_in_words(line.credits)}.{share}"
    if line.clause == d.NEEDS_ATTESTATION:
        people = "one more person" if line.missing == 1 else f"{line.missing} more people"
        return f"Waiting: {people} who saw it must attest it."
    if line.predicate is not None:
        return f"Not counted, since this does not hold: {sentence_of(line.predicate)}."
    return f"Not counted: {_WHY_NOT[line.clause]}."


def credits_in_words(credit: Decimal) -> str:
    """`1 credit`, `2.5 credits`."""
    shown = number(credit)
    return f"{shown} credit" if shown == "1" else f"{shown} credits"


def smallest_change(change: d.SmallestChange | None) -> str:
    """The smallest change that would alter the outcome, as one sentence."""
    if change is None:
        return "This is the highest tier: no change would raise it."
    title = tier_name(change.tier).lower()
    if change.waiting:
        named = [f"“{item.facts.title or kind_name(item.record)}”" for item in change.waiting]
        what = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
        lacking_people = "one more person attests" if len(named) == 1 else "those who saw it attest"
        return f"If {lacking_people} {what}, the tier is {title}."
    lacking = change.shortage
    needs = [
        *([credits_in_words(lacking.credits)] if lacking.credits else []),
        *([counted(lacking.months, "more active month")] if lacking.months else []),
        *([counted(lacking.quarters, "more active quarter")] if lacking.quarters else []),
    ]
    return f"For {title}, still needed: {', '.join(needs)}."


def kind_in_words(name: str, kind: Kind, *, grades: Grades) -> str:
    """The rule of one kind as a sentence; `grades` are the policy's."""
    if kind.credits_at_most is not None:
        worth = f"gives at most {credits_in_words(kind.credits_at_most)}"
    elif not kind.credits:
        worth = "gives no credits"
    else:
        worth = f"gives {credits_in_words(kind.credits)}"
    if kind.per:
        unit, size = next(iter(kind.per.items()))
        worth += f" per {size} {unit}"
    cap = f", at most {number(kind.cap)} in all" if kind.cap is not None else ""
    conditions = [sentence_of(predicate) for predicate in kind.when]
    if kind.grade == "B":
        conditions.append(_attesting(kind, grades))
    when = f", when {'; '.join(conditions)}" if conditions else ""
    return f"{kind_name(name)} {worth}{cap}{when}."


def _attesting(kind: Kind, grades: Grades) -> str:
    """Who must have seen it, as a clause: so many in a role, or one of the policy's ways for grade B."""
    acting = f" acting as {kind.attestor_role.replace('_', ' ')}" if kind.attestor_role else ""
    if kind.attestations is not None:
        return f"{counted(kind.attestations, 'person', 'people')}{acting} affirmed it"
    ways = [
        f"{counted(way.attestations, 'person', 'people')}{acting} who saw it affirmed it"
        + (" and a fetched record of the event names it" if way.and_record_of_grade else "")
        for way in grades.B.any_of
    ]
    return " or ".join(ways)


def tier_in_words(tier: Tier) -> str:
    """What a tier needs as a sentence."""
    needs = [credits_in_words(tier.min_credits)]
    if tier.active_months_min:
        needs.append(counted(tier.active_months_min, "active month"))
    if tier.active_quarters_min > 1:
        needs.append(f"in {counted(tier.active_quarters_min, 'quarter')}")
    return f"{tier_name(tier.id)} needs {', '.join(needs)}."


def policy_in_words(policy: QualificationPolicy) -> list[str]:
    """The whole policy as sentences: tiers, the window, then each kind."""
    window = policy.window
    return [
        *(tier_in_words(tier) for tier in policy.tiers),
        f"What happened within {window.full_weight_months} months counts in full, in the"
        f" {window.half_weight_months} months before those in half, earlier not at all.",
        f"A month is active with at least {credits_in_words(policy.active_month_min_credits)} in it.",
        *(kind_in_words(name, kind, grades=policy.grades) for name, kind in policy.kinds.items()),
    ]
