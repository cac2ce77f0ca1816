"""The achievements of a policy, its tiers and its badges per kind, and the addresses of the issuer's documents.
Pure.

An achievement is recognised by others as the pair (issuer id, achievement id), so its id names the tier or kind
only and is the same in every period; the period stands in the badge.
"""

from dataclasses import dataclass

from issuer.badges.model import BY_DECISION, Award, BadgeError
from issuer.badges.picture import KINDS, Picture, Tier, alt_text
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.recognition import sentences
from issuer.recognition.calendar import BadgePeriod
from schemas.credential import Achievement, Criteria, Image, Profile
from schemas.policy import QualificationPolicy

# The mark on a badge's picture says which kind of work weighed most.
MARKS = {
    "change.": "developer",
    "ops.": "operator",
    "bug.": "operator",
    "deployment.": "operator",
    "review.": "reviewer",
    "translation.": "translator",
    "support.": "supporter",
    "event.": "organiser",
    "session.": "speaker",
    "talk.": "speaker",
    "story.": "speaker",
    "programme.": "organiser",
    "group.": "organiser",
    "mentoring.": "mentor",
    "ambassador.": "ambassador",
}
COMMUNITY_MARK = "community"
BY_HAND = "Staff decided to recognise this person; a second person has not approved it yet."


@dataclass(frozen=True)
class Addresses:
    """Where the issuer's public documents are. `base`: the public address, without a slash at its end."""

    base: str

    def achievement(self, name: str) -> str:
        return f"{self.base}/achievements/{name}"

    def picture(self, name: str, period: BadgePeriod) -> str:
        return f"{self.base}/pictures/{name}-{period.name.replace('/', '-')}.svg"

    def policy(self, digest: str) -> str:
        """One version's document, at an address that never holds another."""
        return f"{self.base}/policies/{digest}.yaml"

    def policy_page(self, digest: str) -> str:
        """The same version in words."""
        return f"{self.base}/policies/{digest}.html"

    def status_list(self, number: int) -> str:
        return f"{self.base}/status-lists/{number}"

    def private_page(self, token: str) -> str:
        return f"{self.base}/h/{token}"

    def claim_link(self, token: str) -> str:
        return f"{self.base}/claim/{token}"

    def badge_page(self, short_id: str) -> str:
        return f"{self.base}/b/{short_id}"


def mark_of(kind: str) -> str:
    """The mark for a kind of contribution."""
    return next((mark for start, mark in MARKS.items() if kind.startswith(start)), COMMUNITY_MARK)


def mark_of_badge(name: str, policy: QualificationPolicy) -> str:
    """The mark of a badge per kind: its own where one is drawn for its name, else that of what counts towards
    it.
    """
    if name in KINDS:
        return name
    by_itself = [kind for kind, rule in policy.kinds.items() if rule.achievement == name]
    return mark_of(next(iter([*policy.catalogue[name].kinds, *by_itself])))


def title(award: Award, say: Voice = IN_ENGLISH) -> str:
    """What an award is called, without the period."""
    return say(award.title) if award.title else _tier_title(award.achievement, say)


def title_of(name: str, policy: QualificationPolicy, say: Voice = IN_ENGLISH) -> str:
    """What an achievement of a policy is called."""
    rule = policy.catalogue.get(name)
    return say(rule.title) if rule else _tier_title(name, say)


def _tier_title(name: str, say: Voice) -> str:
    return say("Recognised by decision") if name == BY_DECISION else sentences.tier_name(name, say)


def needs(name: str, policy: QualificationPolicy, say: Voice = IN_ENGLISH) -> str:
    """What an achievement asks for, in words made from its rule.

    Raises:
        BadgeError: the policy has none of this name.
    """
    if name in policy.catalogue:
        return sentences.badge_in_words(name, policy, say)
    if name == BY_DECISION:
        return say(BY_HAND)
    tier = next((tier for tier in policy.tiers if tier.id == name), None)
    if tier is None:
        raise BadgeError(f"The policy {policy.id} {policy.version} has no tier or badge {name!r}.")
    return sentences.tier_in_words(tier, say)


def art(award: Award) -> Picture:
    """What is drawn for an award."""
    return picture(award.achievement, award.period, mark=award.mark, per_kind=award.is_per_kind)


def picture(name: str, period: BadgePeriod, *, mark: str = COMMUNITY_MARK, per_kind: bool = False) -> Picture:
    """What is drawn for an achievement in a period."""
    known: dict[str, Tier] = {
        "recognised": "recognised",
        "contributor": "contributor",
        "sustained": "sustained",
        BY_DECISION: "by_decision",
    }
    return Picture(tier="kind" if per_kind else known.get(name, "recognised"), kind=mark, period=period.name)


def achievement(
    name: str, *, policy: QualificationPolicy, period: BadgePeriod, addresses: Addresses
) -> Achievement:
    """The achievement of a tier, of a badge per kind, or of a decision by hand, as it stands in a badge.

    Raises:
        BadgeError: the policy has none of this name.
    """
    per_kind = name in policy.catalogue
    mark = mark_of_badge(name, policy) if per_kind else COMMUNITY_MARK
    drawn = picture(name, period, mark=mark, per_kind=per_kind)
    return Achievement(
        id=addresses.achievement(name),
        type=("Achievement",),
        name=title_of(name, policy),
        description=f"Work for the community, counted by the policy {policy.id} {policy.version}.",
        criteria=Criteria(id=addresses.policy_page(policy.digest), narrative=needs(name, policy)),
        achievementType="CommunityService",
        image=Image(id=addresses.picture(name, period), caption=alt_text(drawn)),
    )


def profile(*, did: str, name: str, url: str) -> Profile:
    """The issuer as it stands in a badge."""
    return Profile(id=did, type=("Profile",), name=name, url=url)
