"""Rows of badges that are to be signed: with their places on the status lists, their references and pages.

A chunk of awards is one transaction. Where several processes share the work, each stores what it intends before
it signs, so that nobody else begins with it; a run that is alone stores the badge with its signatures
(`issuance`). A version of a badge that is there already is always intended first.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from issuer.badges import preparation, store
from issuer.badges.bureau import Bureau
from issuer.badges.garments import Dressed
from issuer.badges.issuing.contents import dictionary_of, intent_of, narrative_of, particulars_of
from issuer.badges.issuing.drafting import (
    EVERY_AWARD,
    Chunk,
    draft_awards,
    former_references,
    new_badges,
)
from issuer.badges.issuing.places import Places
from issuer.badges.model import Award, Badge, Intent
from issuer.ground.database import writing
from issuer.ground.tokens import hash_of
from issuer.people import service as people_service
from issuer.people.model import Person

CHUNK = 500  # badges per transaction: others who write wait for some tenths of a second


def intend_awards(bureau: Bureau, *, now: datetime) -> list[Intent]:
    """Store the intent of a badge for each of the oldest awards that have none; nothing is signed yet."""
    with writing(bureau.engine) as connection:
        places = Places()
        chunk = draft_awards(connection, bureau, places, EVERY_AWARD, limit=CHUNK, now=now)
        places.make(connection, places.new)
        enter(connection, bureau, chunk, now=now)
        return [draft.intent for draft in chunk.drafts]


def enter(
    connection: Connection,
    bureau: Bureau,
    chunk: Chunk,
    *,
    signed: "Mapping[str, Dressed] | None" = None,
    now: datetime,
) -> None:
    """Store drafted badges with all that hangs on them: with their signatures, by badge, or to be signed yet."""
    if not chunk.drafts:
        return
    made = [draft.badge for draft in chunk.drafts]
    store.holders.add_references(connection, chunk.fresh)
    _add(connection, made, version=None if signed is None else 1)
    _add_pages(connection, bureau, {badge.award.person for badge in made})
    keep_dictionaries_of(connection, bureau, made, now)
    intents, moment = [draft.intent for draft in chunk.drafts], preparation.whole_seconds(now)
    if signed is None:
        store.versions.add_versions(connection, intents, now=moment)
    else:
        pairs = [(intent, signed[intent.badge]) for intent in intents]
        kids = {"kid": bureau.signer.kid, "proof_kid": bureau.document_signer.kid}
        store.versions.add_signed(connection, pairs, prepared_at=moment, now=now, **kids)


def intend_version(
    connection: Connection,
    bureau: Bureau,
    badge: Badge,
    person: Person,
    now: datetime,
    *,
    named_copy: bool = False,
) -> None:
    """Store the intent of one more version of a badge, with its holder's choices as they are; or of a copy with
    their name, beside the version that stands.
    """
    badge = replace(badge, shows_name=True) if named_copy else badge
    moment = preparation.whole_seconds(now)
    previous = store.versions.newest_version(connection, badge.id)
    if previous is not None and moment <= previous[1]:
        moment = previous[1] + timedelta(seconds=1)  # of two versions, the newer validFrom is the badge (OB 3.0)
    ids = people_service.ids_of(connection, person.id)
    particulars = particulars_of(
        bureau,
        badge,
        person,
        moment=moment,
        narrative=narrative_of(connection, badge.award),
        former=former_references(badge, ids, store.holders.references_of(connection, ids)),
        evidence=store.badges.evidence_of(connection, badge.copy_of or badge.id) if badge.shows_evidence else (),
    )
    keep_dictionaries_of(connection, bureau, [badge], now)
    intent = intent_of(bureau, badge, particulars, version=1 if previous is None else previous[0] + 1)
    store.versions.add_versions(connection, [intent._replace(named_copy=named_copy)], now=moment)


def add_badges(
    connection: Connection, bureau: Bureau, wanted: Sequence[tuple[Award, str]], *, now: datetime
) -> list[Badge]:
    """Badges without a version for awards with their references: ids, salts, and places on the status lists."""
    places = Places()
    made = new_badges(connection, bureau, wanted, places, now=now)
    places.make(connection, places.new)
    _add(connection, made, version=None)
    return made


def _add(connection: Connection, made: Sequence[Badge], *, version: int | None) -> None:
    """Store badges, and count their places as used."""
    store.badges.add_badges(connection, made, version=version)
    used = Counter(place.list for badge in made for _, place in badge.places)
    for number, count in used.items():
        store.lists.use_places(connection, number, count)


def _add_pages(connection: Connection, bureau: Bureau, persons: set[str]) -> None:
    """A private page for each of these who has none; one that was replaced stays."""
    missing = sorted(persons - store.holders.persons_with_page(connection, persons))
    store.holders.add_holder_pages(connection, {one: hash_of(bureau.page_token(one)) for one in missing})


def keep_dictionaries_of(connection: Connection, bureau: Bureau, badges: Sequence[Badge], now: datetime) -> None:
    """Publish the dictionary of each badge's achievement and key before the first badge uses it (DESK §2)."""
    made = {dictionary_of(bureau, badge).id: badge for badge in badges}
    for dictionary_id, badge in made.items():
        if not store.dictionaries.has_dictionary(connection, dictionary_id):
            dictionary = dictionary_of(bureau, badge)
            store.dictionaries.add_dictionary(
                connection,
                dictionary_id=dictionary.id,
                sha256=dictionary.sha256,
                achievement=bureau.addresses.achievement(badge.award.achievement),
                kid=bureau.signer.kid,
                file=dictionary.file.decode(),
                now=now,
            )
