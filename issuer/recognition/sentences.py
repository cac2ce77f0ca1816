"""A decision and a policy in words, for the people whom they concern.

Sentences about rules are made from the predicates themselves; none is written beside them. Whoever says them
(`say`) knows the language; English unless another one is asked for.
"""

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from issuer.ground.language import IN_ENGLISH, Voice, is_one
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


def tier_name(tier: str, say: Voice = IN_ENGLISH) -> str:
    """A tier's title, as it stands on a badge."""
    return say(TIER_NAMES.get(tier, tier.replace("_", " ").capitalize()))


def kind_name(kind: str, say: Voice = IN_ENGLISH) -> str:
    """A kind of contribution in words."""
    known = KINDS.get(kind)
    return say(known[0] if known else kind.replace(".", ": ").replace("_", " ").capitalize())


def thanks(decision: d.Decision) -> str:
    """What a person is thanked for: the kinds in which they did most, as `12 events for the community, a talk`."""
    amounts = Counter(line.kind for line in decision.lines if line.counted and line.kind)
    largest = sorted(amounts, key=lambda kind: (-amounts[kind], kind))[:MOST_THANKED_KINDS]
    return ", ".join(_thanked(kind, amounts[kind]) for kind in largest)


def _thanked(kind: str, amount: int) -> str:
    _, one, many = KINDS.get(kind, ("", kind_name(kind).lower(), f"{{}} × {kind_name(kind).lower()}"))
    return one if amount == 1 else many.format(amount)


def thanks_again(thanked: str, say: Voice) -> str:
    """What `thanks` once said and an award keeps, in another language; what is not known stays as it was."""
    return ", ".join(_thanked_again(one, say) for one in thanked.split(", "))


def _thanked_again(thanked: str, say: Voice) -> str:
    if any(thanked == one for _, one, _ in KINDS.values()):
        return say(thanked)
    amount = re.match("[0-9]+ ", thanked)
    many = thanked.replace(amount[0], "{} ", 1) if amount else ""
    known = amount is not None and any(many == several for _, _, several in KINDS.values())
    return say(many).format(amount[0].strip()) if amount is not None and known else thanked


def number(value: Decimal, say: Voice = IN_ENGLISH) -> str:
    """A number of credits without a tail of zeros, with at most two decimals."""
    return f"{value.quantize(Decimal('0.01')).normalize():f}".replace(".", say("."))


def active_months(count: int, say: Voice = IN_ENGLISH) -> str:
    """`1 active month`, `2 active months`."""
    return say.counted(count, "%(num)s active month", "%(num)s active months")


def active_quarters(count: int, say: Voice = IN_ENGLISH) -> str:
    """`1 active quarter`, `2 active quarters`."""
    return say.counted(count, "%(num)s active quarter", "%(num)s active quarters")


def why(line: d.Line, say: Voice = IN_ENGLISH) -> str:
    """Why a line counts, or why not, as one sentence."""
    if line.counted:
        worth = credits_in_words(line.credits, say)
        said = say("%(kind)s: counts %(credits)s.", kind=kind_name(line.kind or "", say), credits=worth)
        if line.weight == d.HALF:
            said += " " + say("It lies before the time that counts in full, so it counts half.")
        return said
    if line.clause == d.NEEDS_ATTESTATION:
        one = "Waiting: one more person who saw it must attest it."
        return say.counted(line.missing, one, "Waiting: %(num)s more people who saw it must attest it.")
    if line.predicate is not None:
        rule = sentence_of(line.predicate, say)
        return say("Not counted, since this does not hold: %(rule)s.", rule=rule)
    return say("Not counted: %(reason)s.", reason=say(_WHY_NOT[line.clause]))


def credits_in_words(credit: Decimal, say: Voice = IN_ENGLISH) -> str:
    """`1 credit`, `2.5 credits`."""
    one = is_one(credit, say.code) or number(credit) == "1"
    return say("%(amount)s credit" if one else "%(amount)s credits", amount=number(credit, say))


def smallest_change(change: d.SmallestChange | None, say: Voice = IN_ENGLISH) -> str:
    """The smallest change that would alter the outcome, as one sentence."""
    if change is None:
        return say("This is the highest tier: no change would raise it.")
    title = tier_name(change.tier, say).lower()
    if change.waiting:
        quoted = say("“%(title)s”")
        named = [quoted % {"title": item.facts.title or kind_name(item.record, say)} for item in change.waiting]
        what = f" {say('and')} ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
        if len(named) == 1:
            return say("If one more person attests %(what)s, the tier is %(tier)s.", what=what, tier=title)
        return say("If those who saw it attest %(what)s, the tier is %(tier)s.", what=what, tier=title)
    lacking = change.shortage
    months = "%(num)s more active month", "%(num)s more active months"
    quarters = "%(num)s more active quarter", "%(num)s more active quarters"
    needs = [
        *([credits_in_words(lacking.credits, say)] if lacking.credits else []),
        *([say.counted(lacking.months, *months)] if lacking.months else []),
        *([say.counted(lacking.quarters, *quarters)] if lacking.quarters else []),
    ]
    return say("For %(tier)s, still needed: %(needs)s.", tier=title, needs=", ".join(needs))


def kind_in_words(name: str, kind: Kind, *, grades: Grades, say: Voice = IN_ENGLISH) -> str:
    """The rule of one kind as a sentence; `grades` are the policy's."""
    if kind.credits_at_most is not None:
        worth = say("gives at most %(credits)s", credits=credits_in_words(kind.credits_at_most, say))
    elif not kind.credits:
        worth = say("gives no credits")
    else:
        worth = say("gives %(credits)s", credits=credits_in_words(kind.credits, say))
    if kind.per:
        unit, size = next(iter(kind.per.items()))
        worth += " " + say("per %(size)s %(unit)s", size=size, unit=say(unit))
    if kind.cap is not None:
        worth += say(", at most %(cap)s in all", cap=number(kind.cap, say))
    conditions = [sentence_of(predicate, say) for predicate in kind.when]
    if kind.grade == "B":
        conditions.append(_attesting(kind, grades, say))
    when = say(", when %(conditions)s", conditions="; ".join(conditions)) if conditions else ""
    return f"{kind_name(name, say)} {worth}{when}."


def _attesting(kind: Kind, grades: Grades, say: Voice) -> str:
    """Who must have seen it, as a clause: so many in a role, or one of the policy's ways for grade B."""
    role = say(kind.attestor_role.replace("_", " ")) if kind.attestor_role else ""
    acting = say(" acting as %(role)s", role=role) if role else ""
    if kind.attestations is not None:
        one, many = "%(num)s person%(acting)s affirmed it", "%(num)s people%(acting)s affirmed it"
        return say.counted(kind.attestations, one, many, acting=acting)
    one = "%(num)s person%(acting)s who saw it affirmed it"
    many = "%(num)s people%(acting)s who saw it affirmed it"
    ways = [
        say.counted(way.attestations, one, many, acting=acting)
        + (" " + say("and a fetched record of the event names it") if way.and_record_of_grade else "")
        for way in grades.B.any_of
    ]
    return f" {say('or')} ".join(ways)


def tier_in_words(tier: Tier, say: Voice = IN_ENGLISH) -> str:
    """What a tier needs as a sentence."""
    needs = [credits_in_words(tier.min_credits, say)]
    if tier.active_months_min:
        needs.append(active_months(tier.active_months_min, say))
    if tier.active_quarters_min > 1:
        needs.append(say("in %(num)s quarters", num=tier.active_quarters_min))
    return say("%(tier)s needs %(needs)s.", tier=tier_name(tier.id, say), needs=", ".join(needs))


def credit_in_words(policy: QualificationPolicy, say: Voice = IN_ENGLISH) -> str:
    """What a credit stands for."""
    return say(
        "1 credit is about %(hours)s of work that somebody else could use, and accepted.",
        hours=say(
            "%(num)s hour" if is_one(policy.unit_hours, say.code) else "%(num)s hours",
            num=number(policy.unit_hours, say),
        ),
    )


def policy_in_words(policy: QualificationPolicy, say: Voice = IN_ENGLISH) -> list[str]:
    """The whole policy as sentences: tiers, the window, then each kind."""
    window = policy.window
    return [
        *(tier_in_words(tier, say) for tier in policy.tiers),
        say(
            "What happened within %(full)s months counts in full, in the %(half)s months before those in half,"
            " earlier not at all.",
            full=window.full_weight_months,
            half=window.half_weight_months,
        ),
        say(
            "A month is active with at least %(credits)s in it.",
            credits=credits_in_words(policy.active_month_min_credits, say),
        ),
        *(kind_in_words(name, kind, grades=policy.grades, say=say) for name, kind in policy.kinds.items()),
    ]
