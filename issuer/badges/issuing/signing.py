"""From intents and drafts to signed badges: sign -> store -> what is superseded -> the letter.

Signing takes no lock. Then one transaction keeps the signatures of intents that nobody else kept meanwhile, or
stores the drafts that hold yet, lets better badges take the place of lesser ones, and enters the letters: so each
badge is signed, takes its place and is told of once, however many processes run, and whatever is killed
(ADR 0017).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from issuer.badges import letters, preparation, store
from issuer.badges.awarding import rank
from issuer.badges.bureau import Bureau
from issuer.badges.garments import Dressed
from issuer.badges.issuing.contents import cover_of, narrative_of
from issuer.badges.issuing.drafting import Draft, still_good
from issuer.badges.issuing.intent import CHUNK, enter, keep_dictionaries_of
from issuer.badges.issuing.places import Places
from issuer.badges.model import BY_DECISION, Award, BadgeOutline, Intent
from issuer.badges.service import existing
from issuer.ground.database import reading, writing
from issuer.ground.mail import MailError
from issuer.notices import service as notices
from issuer.notices.model import Notice
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.people.service import Holders
from schemas.policy import QualificationPolicy

Progress = Callable[[int], None]


def sign_waiting(
    bureau: Bureau,
    *,
    now: datetime,
    progress: Progress | None = None,
    only: Sequence[str] = (),
    before: datetime | None = None,
) -> int:
    """Sign what is intended, or of that `only` these badges: whoever waits for one does not wait for thousands.
    `before`: only what was intended before then. Returns how many were signed.
    """
    signed = 0
    while waiting := _waiting(bureau, only, before):
        signed += keep(bureau, waiting, dress(bureau, waiting, now=now), now=now)
        if progress:
            progress(signed)
    return signed


def _waiting(bureau: Bureau, only: Sequence[str], before: datetime | None) -> list[Intent]:
    with reading(bureau.engine) as connection:
        return store.versions.unsigned_versions(connection, limit=CHUNK, only=only, before=before)


def dress(bureau: Bureau, intents: Sequence[Intent], *, now: datetime) -> list[Dressed]:
    """Sign, in this process. Nothing is stored yet."""
    created = preparation.whole_seconds(now)
    return [bureau.wardrobe.dress(intent.claims, created=created) for intent in intents]


def keep(bureau: Bureau, intents: Sequence[Intent], dressed: Sequence[Dressed], *, now: datetime) -> int:
    """Store signatures, in one transaction with all that follows from them; returns how many nobody else had
    stored before.
    """
    with writing(bureau.engine) as connection:
        unsigned = store.versions.unsigned_among(connection, [intent.badge for intent in intents])
        pairs = zip(intents, dressed, strict=True)
        mine = [(intent, one) for intent, one in pairs if (intent.badge, intent.version) in unsigned]
        if any(intent.kid != bureau.signer.kid for intent, _ in mine):  # rotated between intent and signature
            badges = [existing(connection, intent.badge) for intent, _ in mine]
            keep_dictionaries_of(connection, bureau, badges, now)
        store.versions.set_signatures(
            connection, mine, kid=bureau.signer.kid, proof_kid=bureau.document_signer.kid, now=now
        )
        signed = [intent for intent, _ in mine if not intent.named_copy]
        persons = store.badges.persons_of_badges(connection, [intent.badge for intent in signed])
        holders = people_service.holders_behind(connection, persons)
        held = _held(connection, holders)
        told = _follow_up(connection, bureau, signed, holders, held, now)
        store.awards.forget_reasons(connection, [one.badge.award.id for one in told])
    return len(mine)


def keep_drafts(
    bureau: Bureau, drafts: Sequence[Draft], dressed: Sequence[Dressed], places: Places, *, now: datetime
) -> int:
    """Store drafts with their signatures, in one transaction with all that follows from them; returns how many
    held yet. The awards of the others wait.
    """
    signed = {draft.badge.id: one for draft, one in zip(drafts, dressed, strict=True)}
    with writing(bureau.engine) as connection:
        holders = people_service.holders_behind(connection, {draft.badge.award.person for draft in drafts})
        chunk = still_good(connection, bureau, drafts, places, holders=holders)
        held = _held(connection, holders)
        enter(connection, bureau, chunk, signed=signed, now=now)
        for badge in (draft.badge for draft in chunk.drafts):
            held[holders.people[badge.award.person].id].append(BadgeOutline(badge.id, badge.award, standing=True))
        _follow_up(connection, bureau, [draft.intent for draft in chunk.drafts], holders, held, now)
    return len(chunk.drafts)


@dataclass
class _News:
    """A new badge, and those whose place it took."""

    badge: BadgeOutline
    superseded: list[BadgeOutline]


def _follow_up(
    connection: Connection,
    bureau: Bureau,
    signed: Sequence[Intent],
    holders: Holders,
    held: Mapping[str, list[BadgeOutline]],
    now: datetime,
) -> list[_News]:
    """What follows from signatures, and what is new by them; wallets' copies take nobody's place, and no letter
    tells of them.
    """
    known = {badge.id: badge for badges in held.values() for badge in badges}
    told: list[_News] = []
    for intent in signed:
        badge = known.get(intent.badge)
        if badge is None:
            continue
        others = held[holders.people[badge.award.person].id]
        is_new = intent.version == 1
        superseded = _supersede_lesser(connection, bureau, badge, others, now, is_new=is_new)
        if is_new:
            told.append(_News(badge, superseded))
    _tell_holders(connection, bureau, told, holders, held, now)
    return told


def _held(connection: Connection, holders: Holders) -> dict[str, list[BadgeOutline]]:
    """Every badge of these people, whichever id it hangs on, by the id that they have now."""
    found: dict[str, list[BadgeOutline]] = {person.id: [] for person in holders.people.values()}
    whose = {one: ids[0] for ids in holders.ids.values() for one in ids}
    for badge in store.badges.outlines_of(connection, whose):
        found[whose[badge.award.person]].append(badge)
    return found


def _supersede_lesser(
    connection: Connection,
    bureau: Bureau,
    better: BadgeOutline,
    others: Sequence[BadgeOutline],
    now: datetime,
    *,
    is_new: bool,
) -> list[BadgeOutline]:
    """A better badge in force takes the place of lesser ones of the same period; a new one also of its equals,
    which are there only after a merge or a split (DESIGN §3). One per kind of work is neither better nor less than
    a tier, and takes the place of its equals only.
    """
    policy, taken = bureau.policy(better.award.policy_digest), []
    for other in others:
        if other.award.period != better.award.period or not other.standing or other.id == better.id:
            continue
        if _takes_place(better.award, other.award, policy, is_new=is_new):
            store.badges.set_revoked(connection, other.id, reason="superseded", superseded_by=better.id, now=now)
            other.standing = False
            taken.append(other)
    return taken


def _takes_place(better: Award, other: Award, policy: QualificationPolicy, *, is_new: bool) -> bool:
    if better.purpose != other.purpose and (better.is_per_kind or other.is_per_kind):
        return False
    less = rank(other, policy) - rank(better, policy)
    return less > 0 or (less == 0 and is_new and is_settled(better) and is_settled(other))


def is_settled(award: Award) -> bool:
    """Whether a merge leaves one of it; a decision by hand that nobody approved is what it is."""
    return award.achievement != BY_DECISION


def _tell_holders(
    connection: Connection,
    bureau: Bureau,
    told: Sequence[_News],
    holders: Holders,
    held: Mapping[str, Sequence[BadgeOutline]],
    now: datetime,
) -> None:
    """Enter a letter with a claim link about each badge that was just signed, in the same transaction: so it goes
    at least once, and a run that begins again finds nothing left to sign.

    To whoever has an address and was told what is kept about them; not to who has left, or has hidden everything.
    """
    if not bureau.mails:
        return
    quiet = store.holders.quiet_among(connection, [one for ids in holders.ids.values() for one in ids])
    written = []
    known = notices.arrived(connection, [one.badge.id for one in told])  # signed anew after a restore
    for one in told:
        if one.badge.id in known:
            continue
        person = holders.people[one.badge.award.person]
        reachable = people_service.is_present(person) and not person.bot and person.told_at is not None
        if reachable and one.badge.standing and not quiet & set(holders.ids[person.id]):
            notice = _notice(connection, bureau, one, person, held[person.id], now)
            written += [] if notice is None else [notice]
    notices.send_all(connection, written, now=now)


def _notice(
    connection: Connection,
    bureau: Bureau,
    told: _News,
    person: Person,
    held: Sequence[BadgeOutline],
    now: datetime,
) -> Notice | None:
    award = told.badge.award
    if person.email is None:
        return None
    renewed, token = _renewed(award, held), notices.new_token()
    try:
        letter = letters.of_award(
            person.email,
            award,
            community=bureau.name,
            link=bureau.addresses.claim_link(token),
            until=now + notices.LINK_LASTS,
            narrative=narrative_of(connection, award),
            superseded=[one.award for one in told.superseded],
            renewed=renewed,
            renewed_until=None if renewed is None else cover_of(bureau, renewed).valid_until,
            say=person.voice,
        )
    except MailError:  # an address that no mail server takes: 'list' shows the page's link to who can tell them
        return None
    return Notice(letter, token, told.badge.id, award.person, bureau.address_hash(person.email))


def _renewed(award: Award, held: Sequence[BadgeOutline]) -> Award | None:
    """The newest badge of the same achievement that its holder has from an earlier period."""
    former = [
        badge.award
        for badge in held
        if badge.standing
        and badge.award.achievement == award.achievement
        and badge.award.period.first < award.period.first
    ]
    return max(former, key=lambda one: one.period.first, default=None)
