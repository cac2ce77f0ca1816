"""The achievements that a policy's tiers stand for, and the addresses of the issuer's documents. Pure.

An achievement is recognised by others as the pair (issuer id, achievement id), so its id names the tier only
and is the same in every period; the period stands in the badge.
"""

from dataclasses import dataclass

from issuer.badges.model import BY_DECISION, BadgeError
from issuer.badges.picture import Picture, Tier, alt_text
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

    def badge_page(self, short_id: str) -> str:
        return f"{self.base}/b/{short_id}"


def mark_of(kind: str) -> str:
    """The mark for a kind of contribution."""
    return next((mark for start, mark in MARKS.items() if kind.startswith(start)), COMMUNITY_MARK)


def title(name: str, say: Voice = IN_ENGLISH) -> str:
    """An achievement's title, without the period."""
    return say("Recognised by decision") if name == BY_DECISION else sentences.tier_name(name, say)


def picture(name: str, period: BadgePeriod, *, mark: str = COMMUNITY_MARK) -> Picture:
    """What is drawn for an achievement in a period."""
    known: dict[str, Tier] = {
        "recognised": "recognised",
        "contributor": "contributor",
        "sustained": "sustained",
        BY_DECISION: "by_decision",
    }
    return Picture(tier=known.get(name, "recognised"), kind=mark, period=period.name)


def achievement(
    name: str, *, policy: QualificationPolicy, period: BadgePeriod, addresses: Addresses
) -> Achievement:
    """The achievement of a tier, or of a decision by hand, as it stands in a badge.

    Raises:
        BadgeError: the policy has no such tier.
    """
    tier = next((tier for tier in policy.tiers if tier.id == name), None)
    if tier is None and name != BY_DECISION:
        raise BadgeError(f"The policy {policy.id} {policy.version} has no tier {name!r}.")
    rule = sentences.tier_in_words(tier) if tier else BY_HAND
    return Achievement(
        id=addresses.achievement(name),
        type=("Achievement",),
        name=title(name),
        description=f"Work for the community, counted by the policy {policy.id} {policy.version}.",
        criteria=Criteria(id=addresses.policy_page(policy.digest), narrative=rule),
        achievementType="CommunityService",
        image=Image(id=addresses.picture(name, period), caption=alt_text(picture(name, period))),
    )


def profile(*, did: str, name: str, url: str) -> Profile:
    """The issuer as it stands in a badge."""
    return Profile(id=did, type=("Profile",), name=name, url=url)
