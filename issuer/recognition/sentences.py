"""A decision and a policy in words, for the people whom they concern.

Sentences about rules are made from the predicates themselves; none is written beside them. Whoever says them
(`say`) knows the language; English unless another one is asked for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from issuer.ground.language import IN_ENGLISH, Voice, is_one
from issuer.recognition import decision as d
from issuer.recognition.merits import Merit, regions
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
MOST_LETTERS_OF_A_CODE = 3
MOST_THANKED_KINDS = 3  # more would be a list, not a thank-you
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
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
    return _thanks((line for line in decision.lines if line.counted), str)


def thanks_for(merit: Merit) -> str:
    """What a badge per kind thanks for, as `twelve events for the community in Paris`."""
    said = _thanks(merit.lines, number_in_words)
    places = regions(merit.lines)
    in_one_place = len(places) == 1 and all(line.item.region in places for line in merit.lines)
    return f"{said} in {region_name(next(iter(places)))}" if in_one_place else said


def _thanks(lines: Iterable[d.Line], shown: Callable[[int], str]) -> str:
    amounts = Counter(line.kind for line in lines if line.kind)
    largest = sorted(amounts, key=lambda kind: (-amounts[kind], kind))[:MOST_THANKED_KINDS]
    return ", ".join(_thanked(kind, amounts[kind], shown) for kind in largest)


def _thanked(kind: str, amount: int, shown: Callable[[int], str]) -> str:
    _, one, many = KINDS.get(kind, ("", kind_name(kind).lower(), f"{{}} × {kind_name(kind).lower()}"))
    return one if amount == 1 else many.format(shown(amount))


def number_in_words(amount: int, say: Voice = IN_ENGLISH) -> str:
    """`twelve`; digits from thirteen on."""
    return say(NUMBERS[amount]) if amount < len(NUMBERS) else str(amount)


def region_name(region: str) -> str:
    """A region as people write it, also where its id is in small letters: `EU`, `Paris`."""
    if not region.islower():
        return region
    return region.upper() if len(region) <= MOST_LETTERS_OF_A_CODE else region.replace("-", " ").title()


def thanks_again(thanked: str, say: Voice) -> str:
    """What `thanks` or `thanks_for` once said and an award keeps, in another language; what is not known stays
    as it was.
    """
    said, somewhere, place = thanked.rpartition(" in ")
    if somewhere and all(_again(one, say) is not None for one in said.split(", ")):
        return say("%(thanks)s in %(place)s", thanks=thanks_again(said, say), place=place)
    return ", ".join(_again(one, say) or one for one in thanked.split(", "))


def _again(thanked: str, say: Voice) -> str | None:
    if any(thanked == one for _, one, _ in KINDS.values()):
        return say(thanked)
    amount, _, several = thanked.partition(" ")
    many = f"{{}} {several}"
    if not (amount.isdecimal() or amount in NUMBERS) or all(many != known for _, _, known in KINDS.values()):
        return None
    return say(many).format(say(amount))


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
        return _why_counted(line.kind or "", line.credits, line.weight == d.HALF, say)
    if line.clause == d.NEEDS_ATTESTATION:
        one = "Waiting: one more person who saw it must attest it."
        return say.counted(line.missing, one, "Waiting: %(num)s more people who saw it must attest it.")
    if line.predicate is not None:
        rule = sentence_of(line.predicate, say)
        return say("Not counted, since this does not hold: %(rule)s.", rule=rule)
    return say("Not counted: %(reason)s.", reason=say(_WHY_NOT[line.clause]))


@lru_cache(maxsize=1024)  # a community's records are of some kinds, and most of them worth the same
def _why_counted(kind: str, credit: Decimal, in_half: bool, say: Voice) -> str:
    said = say("%(kind)s: counts %(credits)s.", kind=kind_name(kind, say), credits=credits_in_words(credit, say))
    if in_half:
        said += " " + say("It lies before the time that counts in full, so it counts half.")
    return said


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


def catalogue_in_words(policy: QualificationPolicy, say: Voice = IN_ENGLISH) -> list[str]:
    """What each badge per kind needs; a draft is among them, and marked: the page says all that the file says."""
    draft = say("It begins as a draft: nobody gets it until the team makes it active.")
    return [
        badge_in_words(name, policy, say) + (f" {draft}" if rule.state == "draft" else "")
        for name, rule in policy.catalogue.items()
    ]


def badge_in_words(name: str, policy: QualificationPolicy, say: Voice = IN_ENGLISH) -> str:
    """What one badge per kind needs, as sentences made from its rule."""
    rule, ways = policy.catalogue[name], []
    if rule.kinds:
        asked = _asked(rule.items_needed, rule.min_credits, rule.kinds, say)
        conditions = "; ".join(sentence_of(predicate, say) for predicate in rule.when)
        ways.append(asked + (say(", when %(conditions)s", conditions=conditions) if conditions else ""))
    said = [
        say("%(badge)s needs %(ways)s.", badge=say(rule.title), ways=_either(ways, name, policy, say)),
        say.counted(
            policy.window.full_weight_months,
            "It counts what was accepted within %(num)s month.",
            "It counts what was accepted within %(num)s months.",
        ),
    ]
    if rule.until is not None:
        said.append(say("It is awarded until %(day)s.", day=f"{rule.until:%Y-%m-%d}"))
    return " ".join(said)


def _either(ways: list[str], name: str, policy: QualificationPolicy, say: Voice) -> str:
    """These ways to a badge, or any of the kinds that give it by themselves."""
    by_itself = [kind for kind, one in policy.kinds.items() if one.achievement == name]
    return f"; {say('or')} ".join([*ways, *([_work(by_itself, say)] if by_itself else [])])


def _asked(items: int, credit: Decimal | None, kinds: Sequence[str], say: Voice) -> str:
    """How much of some kinds of work."""
    work, num = _work(kinds, say), number_in_words(items, say)
    if not credit:
        return say("%(num)s times %(work)s", num=num, work=work) if items > 1 else work
    worth = credits_in_words(credit, say)
    if items > 1:
        return say("%(num)s times %(work)s, worth %(credits)s", num=num, work=work, credits=worth)
    return say("%(credits)s of %(work)s", credits=worth, work=work)


def _work(kinds: Sequence[str], say: Voice) -> str:
    names = [kind_name(kind, say) for kind in kinds]
    said = [name[:1].lower() + name[1:] for name in names]
    return f" {say('or')} ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def missing_for(merit: Merit, policy: QualificationPolicy, say: Voice = IN_ENGLISH) -> str:
    """What would earn a badge that somebody does not have, as one or two sentences; nothing for one that is
    earned.
    """
    if merit.earned:
        return ""
    ways = [_asked(merit.items, merit.credits, merit.rule.kinds, say)] if merit.rule.kinds else []
    lacking = _either(ways, merit.badge, policy, say)
    needed = say("Still needed besides: %(ways)s." if merit.lines else "Still needed: %(ways)s.", ways=lacking)
    if not merit.waiting:
        return needed
    quoted = say("“%(title)s”")
    waits = [quoted % {"title": one.item.facts.title or kind_name(one.kind or "", say)} for one in merit.waiting]
    return f"{needed} {say('Waiting for somebody who saw it: %(what)s.', what=', '.join(waits))}"
