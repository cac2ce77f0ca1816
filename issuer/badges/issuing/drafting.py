"""Drafts: new badges for awards, with the claims that are to be signed, before anything of them is stored.

Drafting takes no lock, so whatever was true then is asked again when a draft is stored (`still_good`): the award
waits, its holder is the same person with the same reference, the places on the lists are free. A draft that does
not hold any more is dropped, and its award waits for the next one.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from issuer.badges import preparation, store
from issuer.badges.bureau import Bureau
from issuer.badges.issuing.contents import intent_of, narratives_of, particulars_of
from issuer.badges.issuing.places import Places
from issuer.badges.model import Award, Badge, Intent, Purpose, StatusPlace
from issuer.ground.ids import new_ids
from issuer.people import service as people_service
from issuer.people.service import Holders

SALT_BYTES = 16

References = Mapping[tuple[str, str, str], str]  # of a person, for a period's first day and a purpose
Last = tuple[datetime, str]  # when an award was made, and its id


@dataclass(frozen=True, slots=True)
class Stretch:
    """Awards in the order in which they wait: those behind `after`, up to `until` and with it."""

    after: Last | None = None
    until: Last | None = None


EVERY_AWARD = Stretch()


@dataclass(frozen=True, slots=True)
class Draft:
    """A badge that is to be, and its first version. `former`: the references that its holder had as another
    person.
    """

    badge: Badge
    intent: Intent
    former: tuple[str, ...]

    @property
    def last(self) -> Last:
        """Its award's place among those that wait."""
        return self.badge.award.made_at, self.badge.award.id


@dataclass(frozen=True, slots=True)
class Chunk:
    """Drafts that are stored in one transaction. `fresh`: the references among theirs that nobody had before."""

    drafts: list[Draft]
    fresh: dict[tuple[str, str, str], str]


def draft_awards(
    connection: Connection, bureau: Bureau, places: Places, stretch: Stretch, *, limit: int, now: datetime
) -> Chunk:
    """A draft for each of the oldest awards of a stretch that have no badge, up to a limit."""
    waiting = store.awards.awards_without_badge(connection, limit=limit, after=stretch.after, until=stretch.until)
    if not waiting:
        return Chunk([], {})
    holders = people_service.holders_behind(connection, {award.person for award in waiting})
    references, fresh = _references_for(connection, bureau, waiting, holders)
    wanted = [(award, references[reference_key(award)]) for award in waiting]
    moment, narratives = preparation.whole_seconds(now), narratives_of(connection, waiting)
    drafts = []
    for badge in new_badges(connection, bureau, wanted, places, now=now):
        former = former_references(badge, holders.ids[badge.award.person], references)
        particulars = particulars_of(
            bureau,
            badge,
            holders.people[badge.award.person],
            moment=moment,
            narrative=narratives.get(badge.award.hand_decision or ""),
            former=former,
        )
        drafts.append(Draft(badge, intent_of(bureau, badge, particulars), former))
    return Chunk(drafts, fresh)


def still_good(
    connection: Connection, bureau: Bureau, drafts: Sequence[Draft], places: Places, *, holders: Holders
) -> Chunk:
    """Those of these drafts that hold yet; for who has the write lock. `holders`: behind their awards now."""
    waiting = store.awards.waiting_among(connection, [draft.badge.award.id for draft in drafts])
    there = [draft for draft in drafts if draft.badge.award.id in waiting]
    references, fresh = _references_for(connection, bureau, [draft.badge.award for draft in there], holders)
    taken = _taken(connection, there, places)
    good = [
        draft
        for draft in there
        if all(place not in taken for _, place in draft.badge.places)
        and draft.badge.reference == references[reference_key(draft.badge.award)]
        and draft.former == former_references(draft.badge, holders.ids[draft.badge.award.person], references)
    ]
    keys = {reference_key(draft.badge.award) for draft in good}
    return Chunk(good, {key: reference for key, reference in fresh.items() if key in keys})


def new_badges(
    connection: Connection, bureau: Bureau, wanted: Sequence[tuple[Award, str]], places: Places, *, now: datetime
) -> list[Badge]:
    """Badges without a version for awards with their references: ids, salts, and places on the status lists."""
    suspending = [bureau.policy(award.policy_digest).uses_suspension for award, _ in wanted]
    revocations = iter(places.choose(connection, "revocation", len(wanted)))
    suspensions = iter(places.choose(connection, "suspension", sum(suspending)))
    return [
        Badge(
            id=new.urn,
            award=award,
            reference=reference,
            revocation=next(revocations),
            suspension=next(suspensions) if suspends else None,
            salt=secrets.token_hex(SALT_BYTES),  # in hex like the hash beside it: ten bytes less in a packed badge
            shows_name=False,
            hashes_address=False,
            published=False,
            revoked_at=None,
            revoked_for=None,
            superseded_by=None,
            suspended_at=None,
            suspended_for=None,
            jwt=None,
        )
        for (award, reference), suspends, new in zip(
            wanted, suspending, new_ids(len(wanted), now=now), strict=True
        )
    ]


def reference_key(award: Award) -> tuple[str, str, str]:
    """Under which key a holder's reference for an award is found."""
    return award.person, award.period.first.isoformat(), award.purpose


def former_references(badge: Badge, ids: Sequence[str], references: References) -> tuple[str, ...]:
    """The references that a badge's holder has for it besides its own in its period: they were two persons."""
    if len(ids) == 1 or badge.award.buys_nothing:
        return ()
    _, first, purpose = reference_key(badge.award)
    found = {references[one, first, purpose] for one in ids if (one, first, purpose) in references}
    return tuple(sorted(found - {badge.reference}))


def _references_for(
    connection: Connection, bureau: Bureau, awards: Sequence[Award], holders: Holders
) -> tuple[dict[tuple[str, str, str], str], dict[tuple[str, str, str], str]]:
    """The holders' references with those that these awards need, and of these the ones that nobody had. One that
    they had before they were merged serves, too, since a discount hangs on it and they are one person.
    """
    known = store.holders.references_of(connection, {one for ids in holders.ids.values() for one in ids})
    fresh: dict[tuple[str, str, str], str] = {}
    for award in awards:
        key = reference_key(award)
        had = [known[one, *key[1:]] for one in holders.ids[award.person] if (one, *key[1:]) in known]
        if not had:
            fresh[key] = bureau.reference(award.person, award.period.term, award.purpose)
        known[key] = had[0] if had else fresh[key]
    return known, fresh


def _taken(connection: Connection, drafts: Sequence[Draft], places: Places) -> set[StatusPlace]:
    """The drafts' places that somebody else has taken; lists that are not there yet are made."""
    indexes, purposes = dict[int, list[int]](), dict[int, Purpose]()
    for draft in drafts:
        for purpose, place in draft.badge.places:
            indexes.setdefault(place.list, []).append(place.index)
            purposes[place.list] = purpose
    lost = places.make(connection, purposes)
    return {
        StatusPlace(number, index)
        for number, wanted in indexes.items()
        for index in (wanted if number in lost else store.lists.taken_indexes(connection, number, wanted))
    }
