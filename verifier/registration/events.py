"""What an event gives for a badge: a pure decision by its policy, with a reason.

It takes a verdict, never a bare credential: only what was found valid can be accepted. That each discount is
given once only is the affair of `store`; sentences stand in `reasons`; the policy's shape is
`schemas.event_policy`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from schemas import holder_code
from schemas.credential import OpenBadgeCredential
from schemas.event_policy import Accepted, EventPolicy, Foreign
from schemas.holder_code import HolderCodeError
from schemas.identity import EMAIL_TYPE, HOLDER_CODE_TYPE
from verifier.registration.reasons import Reason
from verifier.verification.verdict import Outcome, Verdict

Place = Literal["online", "desk"]


@dataclass(frozen=True)
class HolderCode:
    """Somebody online typed the secret code of the badge's holder."""

    code: str
    name = "holder_code"
    place: Place = "online"


@dataclass(frozen=True)
class WalletKey:
    """A wallet signed with the key of `holder`, for this office and this moment."""

    holder: str
    name = "wallet_key"
    place: Place = "online"


@dataclass(frozen=True)
class MailboxCode:
    """Somebody typed a code. `arrived`: whether it is the one that was mailed for this badge, to the address whose
    hash the badge carries; whoever keeps the codes says so.
    """

    code: str
    arrived: bool = False
    name = "mailbox"
    place: Place = "online"


@dataclass(frozen=True)
class NameAgainstId:
    """A volunteer at a desk compared the badge's name with an ID, and says whether they match."""

    matches: bool
    name = "name_against_id"
    place: Place = "desk"


@dataclass(frozen=True)
class MailAgainstOrder:
    """A volunteer at a desk typed the mail address that stands on the order: the desk compared it with the hash in
    the badge, and says whether it is the same. The address itself comes nowhere.
    """

    matches: bool
    name = "mail_against_order"
    place: Place = "desk"


@dataclass(frozen=True)
class NoProof:
    """Nobody showed that the badge is theirs: enough for what is worth nothing."""

    name = "none"
    place: Place = "online"


@dataclass(frozen=True)
class ProofToCome:
    """Nobody showed anything yet: what would be given if they did, so that they know before they use it up."""

    place: Place = "online"
    name = "to_come"


Proof = HolderCode | WalletKey | MailboxCode | NameAgainstId | MailAgainstOrder | NoProof
BUILT: Mapping[Place, frozenset[str]] = {
    "online": frozenset({"holder_code", "wallet_key", "mailbox"}),
    "desk": frozenset({"name_against_id", "mail_against_order"}),
}


@dataclass(frozen=True)
class Acceptance:
    """What the event says to a badge.

    `reason` GRANTED: it may be redeemed for `percent` if it was not before, by `holders`, who are all names
    under which the issuer knows this one person; NOTHING_TO_REDEEM: accepted, worth 0 percent. With every other
    reason it is not accepted; where only the proof is missing, `holders` still say whose it would be, so that a
    desk can tell that it was used already. `at_most`: how many badges of this pair the event takes in all.
    """

    reason: Reason
    percent: int = 0
    issuer: str = ""
    achievement: str = ""
    achievement_name: str = ""
    holders: tuple[str, ...] = ()
    at_most: int | None = None


def decide_acceptance(
    verdict: Verdict, *, policy: EventPolicy, now: datetime, proof: "Proof | ProofToCome"
) -> Acceptance:
    """Whether a badge is accepted at an event, and for how much.

    The order is that of the questions a person would ask: is it genuine, is this the time, is this badge
    accepted, is it of the right period, what is it worth, and is it theirs.
    """
    if verdict.outcome is Outcome.NOT_VALID:
        return Acceptance(Reason.NOT_VALID)
    if verdict.outcome is Outcome.UNKNOWN:
        held = policy.unknown == "hold_for_a_person"
        return Acceptance(Reason.HELD_FOR_A_PERSON if held else Reason.COULD_NOT_TELL)
    if now < policy.redeem.opens:
        return Acceptance(Reason.NOT_OPEN_YET)
    if now >= policy.redeem.closes:
        return Acceptance(Reason.CLOSED)
    badge = verdict.require()
    entry = best_entry(badge, policy=policy)
    if entry is None:
        return Acceptance(Reason.NOT_ACCEPTED_HERE)
    if not isinstance(entry, Foreign) and not is_of_period(badge, policy=policy):
        return Acceptance(Reason.OTHER_PERIOD)
    percent = discounted(entry.percent, factor=policy.budget.factor)
    accepted = Acceptance(
        Reason.GRANTED if percent else Reason.NOTHING_TO_REDEEM,
        percent=percent,
        issuer=entry.issuer,
        achievement=entry.achievement,
        achievement_name=badge.credentialSubject.achievement.name,
        holders=holders_of(badge, foreign=isinstance(entry, Foreign)),
        at_most=entry.at_most if isinstance(entry, Foreign) else None,
    )
    if percent == 0:
        return accepted  # worth nothing, so it needs no proof and uses nothing up
    if not accepted.holders:
        return Acceptance(Reason.NO_HOLDER)
    refusal = refusal_of_proof(proof, badge=badge, policy=policy)
    return accepted if refusal is None else replace(accepted, reason=refusal, percent=0)


def best_entry(badge: OpenBadgeCredential, *, policy: EventPolicy) -> Accepted | None:
    """The entry for exactly this (issuer, achievement) that gives the most; nothing stacks.

    Always the pair: OB 3.0 does not prove who owns an achievement's id, so anybody could sign for it.
    """
    pair = (badge.issuer.id, badge.credentialSubject.achievement.id)
    entries: tuple[Accepted, ...] = (*policy.accept, *policy.foreign)
    found = [entry for entry in entries if (entry.issuer, entry.achievement) == pair]
    return max(found, key=lambda entry: entry.percent, default=None)


def is_of_period(badge: OpenBadgeCredential, *, policy: EventPolicy) -> bool:
    """Whether the badge's `term` (first/last day) begins with the accepted period: one person has one
    reference in one period, so badges of two periods would be two holders.
    """
    first_day = (badge.credentialSubject.term or "").partition("/")[0]
    return first_day == policy.period.starts.isoformat()


def discounted(percent: int, *, factor: Decimal) -> int:
    """`percent` times the budget's factor, rounded half up to a whole percent."""
    return int((percent * factor).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def holders_of(badge: OpenBadgeCredential, *, foreign: bool) -> tuple[str, ...]:
    """Every name under which this person could redeem; claiming one claims them all.

    Ours carry the references of one person (two after two persons were merged); a foreign badge's holder is its
    subject.
    """
    references = set(badge.credentialSubject.holder_references)
    if foreign and badge.credentialSubject.id is not None:
        references.add(badge.credentialSubject.id)
    return tuple(sorted(references))


def ways_to_prove(badge: OpenBadgeCredential, *, policy: EventPolicy) -> tuple[str, ...]:
    """The proofs online that the event takes and that this badge can be proved by, as the event lists them."""
    subject = badge.credentialSubject
    able = {
        "holder_code": any(identity.hashed for identity in subject.identities(HOLDER_CODE_TYPE)),
        "mailbox": any(identity.hashed for identity in subject.identities(EMAIL_TYPE)),
        "wallet_key": (subject.id or "").startswith("did:"),
    }
    return tuple(way for way in policy.proof_of_holding.online if able.get(way))


def refusal_of_proof(
    proof: "Proof | ProofToCome", *, badge: OpenBadgeCredential, policy: EventPolicy
) -> Reason | None:
    """Why this proof does not show that the badge is theirs, at this place; None if it does."""
    wanted = policy.proof_of_holding
    listed: tuple[str, ...] = wanted.online if proof.place == "online" else wanted.desk
    if listed and not BUILT[proof.place].intersection(listed):
        return Reason.PROOF_NOT_BUILT_YET
    if isinstance(proof, NoProof):
        return Reason.PROOF_NEEDED
    if isinstance(proof, ProofToCome):
        return None if listed else Reason.PROOF_NOT_ACCEPTED_HERE
    if proof.name not in listed:
        return Reason.PROOF_NOT_ACCEPTED_HERE
    if isinstance(proof, HolderCode):
        return _refusal_of_holder_code(proof.code, badge=badge)
    if isinstance(proof, WalletKey):
        return None if proof.holder == badge.credentialSubject.id else Reason.WRONG_WALLET
    if isinstance(proof, MailboxCode):
        return None if proof.arrived else Reason.WRONG_MAIL_CODE
    if isinstance(proof, MailAgainstOrder):
        carried = any(identity.hashed for identity in badge.credentialSubject.identities(EMAIL_TYPE))
        if not carried:
            return Reason.NO_ADDRESS_IN_BADGE
        return None if proof.matches else Reason.ADDRESS_NOT_CONFIRMED
    if badge.credentialSubject.name is None:
        return Reason.NO_NAME_IN_BADGE
    return None if proof.matches else Reason.NAME_NOT_CONFIRMED


def _refusal_of_holder_code(typed: str, *, badge: OpenBadgeCredential) -> Reason | None:
    """Compare a typed code with the salted hash in the badge. A code in clear text there would be no secret."""
    if not typed.strip():
        return Reason.PROOF_NEEDED
    identities = [i for i in badge.credentialSubject.identities(HOLDER_CODE_TYPE) if i.hashed]
    if not identities:
        return Reason.NO_HOLDER_CODE_IN_BADGE
    try:
        code = holder_code.normalise(typed)
    except HolderCodeError:
        return Reason.MALFORMED_HOLDER_CODE
    matching = [identity.matches(code, identity_type=HOLDER_CODE_TYPE) for identity in identities]
    return None if any(matching) else Reason.WRONG_HOLDER_CODE
