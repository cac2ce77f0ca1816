"""From awards to stored intents: id, reference, places on the status lists and claims, nothing signed yet.

A chunk of awards is one transaction, and what their badges have in common is looked up and prepared once for all
of them (`claims_template`); one badge is a chunk of one. Signing what is intended is `signing`.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from issuer.badges import catalogue, claims_template, preparation, status, store
from issuer.badges.bureau import Bureau
from issuer.badges.claims_template import ClaimsTemplate
from issuer.badges.model import Award, Badge, Intent, Purpose, StatusPlace
from issuer.badges.preparation import Cover, Particulars, PreparedCredential, StatusEntry
from issuer.ground.database import writing
from issuer.ground.ids import new_ids
from issuer.ground.tokens import hash_of
from issuer.people import service as people_service
from issuer.people.model import Person
from issuer.people.service import Holders
from keys import jws
from schemas.badge_qr import Dictionary
from schemas.identity import IdentityObject

CHUNK = 500  # badges per transaction: others who write wait for some tenths of a second
SALT_BYTES = 16
MAX_TEMPLATES = 256  # an office has some tiers, a few policies and one list at a time
_RANDOM = secrets.SystemRandom()

References = Mapping[tuple[str, str, str], str]  # of a person, for a period's first day and a purpose


def intend_awards(bureau: Bureau, *, now: datetime) -> list[Intent]:
    """Store the intent of a badge for each of the oldest awards that have none; nothing is signed yet."""
    with writing(bureau.engine) as connection:
        waiting = store.awards.awards_without_badge(connection, limit=CHUNK)
        if not waiting:
            return []
        holders = people_service.holders_behind(connection, {award.person for award in waiting})
        references = _references_for(connection, bureau, waiting, holders)
        wanted = [(award, references[_reference_key(award)]) for award in waiting]
        made = add_badges(connection, bureau, wanted, now=now)
        _add_pages(connection, bureau, {award.person for award in waiting})
        moment, narratives = preparation.whole_seconds(now), _narratives(connection, waiting)
        intents = [
            _intent(
                bureau,
                badge,
                _particulars(
                    bureau,
                    badge,
                    holders.people[badge.award.person],
                    moment=moment,
                    narrative=narratives.get(badge.award.hand_decision or ""),
                    former=_former_references(badge, holders.ids[badge.award.person], references),
                ),
            )
            for badge in made
        ]
        keep_dictionaries_of(connection, bureau, made, now)
        store.versions.add_versions(connection, intents, now=moment)
        return intents


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
    particulars = _particulars(
        bureau,
        badge,
        person,
        moment=moment,
        narrative=narrative_of(connection, badge.award),
        former=_former_references(badge, ids, store.holders.references_of(connection, ids)),
        evidence=store.badges.evidence_of(connection, badge.copy_of or badge.id) if badge.shows_evidence else (),
    )
    keep_dictionaries_of(connection, bureau, [badge], now)
    intent = _intent(bureau, badge, particulars, version=1 if previous is None else previous[0] + 1)
    store.versions.add_versions(connection, [intent._replace(named_copy=named_copy)], now=moment)


def add_badges(
    connection: Connection, bureau: Bureau, wanted: Sequence[tuple[Award, str]], *, now: datetime
) -> list[Badge]:
    """Badges without a version for awards with their references: ids, salts, and places on the status lists."""
    suspending = [bureau.policy(award.policy_digest).uses_suspension for award, _ in wanted]
    revocations = iter(_free_places(connection, "revocation", len(wanted)))
    suspensions = iter(_free_places(connection, "suspension", sum(suspending)))
    made = [
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
    store.badges.add_badges(connection, made)
    return made


def _references_for(
    connection: Connection, bureau: Bureau, awards: Sequence[Award], holders: Holders
) -> dict[tuple[str, str, str], str]:
    """The holders' references, with those that these awards need and nobody had. One that they had before they
    were merged serves, too, since a discount hangs on it and they are one person.
    """
    known = store.holders.references_of(connection, {one for ids in holders.ids.values() for one in ids})
    fresh: dict[tuple[str, str, str], str] = {}
    for award in awards:
        key = _reference_key(award)
        had = [known[one, *key[1:]] for one in holders.ids[award.person] if (one, *key[1:]) in known]
        if not had:
            fresh[key] = bureau.reference(award.person, award.period.term, award.purpose)
        known[key] = had[0] if had else fresh[key]
    store.holders.add_references(connection, fresh)
    return known


def _reference_key(award: Award) -> tuple[str, str, str]:
    return award.person, award.period.first.isoformat(), award.purpose


def _former_references(badge: Badge, ids: Sequence[str], references: References) -> tuple[str, ...]:
    """The references that a badge's holder has for it besides its own in its period: they were two persons."""
    if len(ids) == 1 or badge.award.buys_nothing:
        return ()
    _, first, purpose = _reference_key(badge.award)
    found = {references[one, first, purpose] for one in ids if (one, first, purpose) in references}
    return tuple(sorted(found - {badge.reference}))


def _add_pages(connection: Connection, bureau: Bureau, persons: set[str]) -> None:
    """A private page for each of these who has none; one that was replaced stays."""
    missing = sorted(persons - store.holders.persons_with_page(connection, persons))
    store.holders.add_holder_pages(connection, {one: hash_of(bureau.page_token(one)) for one in missing})


def _free_places(connection: Connection, purpose: Purpose, count: int) -> list[StatusPlace]:
    """Random free places in the newest list for this purpose; in a new one once it is half full.

    Half full means that of two random places one is free, however many badges there are.
    """
    places: list[StatusPlace] = []
    while len(places) < count:
        number, used = store.lists.newest_status_list(connection, purpose) or (0, status.FILL_AT_MOST)
        if used >= status.FILL_AT_MOST:
            number, used = store.lists.add_status_list(connection, purpose), 0
        wanted = min(count - len(places), status.FILL_AT_MOST - used)
        free: list[int] = []
        while len(free) < wanted:
            tried = _RANDOM.sample(range(status.ENTRIES), 2 * (wanted - len(free)))
            taken = store.lists.taken_indexes(connection, number, tried) | set(free)
            free += [index for index in tried if index not in taken][: wanted - len(free)]
        store.lists.use_places(connection, number, wanted)
        places += [StatusPlace(number, index) for index in free]
    return places


def _particulars(
    bureau: Bureau,
    badge: Badge,
    person: Person,
    *,
    moment: datetime,
    narrative: str | None,
    former: tuple[str, ...],
    evidence: tuple[str, ...] = (),
) -> Particulars:
    return Particulars(
        credential_id=badge.id,
        reference=badge.reference,
        holder_code=preparation.holder_code_hash(bureau.holder_code(badge.reference), salt=badge.salt),
        valid_from=moment,
        awarded=preparation.whole_seconds(badge.award.made_at),
        status=_status_of(bureau, badge),
        name=person.name[: preparation.MAX_NAME_CHARACTERS] or None if badge.shows_name else None,
        address=_address_hash(person, badge),
        narrative=narrative,
        former_references=former,
        names_holder=not badge.award.buys_nothing,
        subject=badge.subject,
        evidence=evidence,
    )


def _intent(bureau: Bureau, badge: Badge, particulars: Particulars, *, version: int = 1) -> Intent:
    claims = _prepared(bureau, badge, particulars).claims.decode()
    return Intent(badge.id, version, claims, bureau.signer.kid)


def _prepared(bureau: Bureau, badge: Badge, particulars: Particulars) -> PreparedCredential:
    cover = cover_of(bureau, badge.award)
    if badge.copy_of is not None:  # a wallet shows it itself; what goes into codes is bound to nothing
        return preparation.prepare(cover, particulars)
    dictionary = dictionary_of(bureau, badge)
    if claims_template.is_usual(particulars):
        key = (dictionary.sha256, str(particulars.narrative))
        if key not in bureau.templates:
            if len(bureau.templates) >= MAX_TEMPLATES:
                bureau.templates.clear()
            bureau.templates[key] = ClaimsTemplate.of(cover, particulars, dictionary=dictionary, host=bureau.host)
        template = bureau.templates[key]
        if template is not None:
            return template.prepare(particulars)
    return preparation.prepare_to_fit(cover, particulars, dictionary=dictionary, host=bureau.host)


def _address_hash(person: Person, badge: Badge) -> IdentityObject | None:
    if not badge.hashes_address or person.email is None:
        return None
    return preparation.address_hash(person.email, salt=badge.salt)


def _status_of(bureau: Bureau, badge: Badge) -> tuple[StatusEntry, ...]:
    """A badge's entries: whether it is withdrawn, and, where its policy uses that, whether it is suspended."""
    places: dict[Purpose, StatusPlace | None] = {"revocation": badge.revocation, "suspension": badge.suspension}
    return tuple(
        StatusEntry(purpose, bureau.addresses.status_list(place.list), place.index)
        for purpose, place in places.items()
        if place is not None
    )


def _cover_key(award: Award) -> tuple[str, ...]:
    return award.achievement, award.period.term, award.policy_digest


def cover_of(bureau: Bureau, award: Award) -> Cover:
    """What an award's badge has in common with others."""
    cover = bureau.covers.get(_cover_key(award))
    if cover is None:
        cover = bureau.covers[_cover_key(award)] = _new_cover(bureau, award)
    return cover


def _new_cover(bureau: Bureau, award: Award) -> Cover:
    policy = bureau.policy(award.policy_digest)
    return Cover(
        issuer=catalogue.profile(did=bureau.did, name=bureau.name, url=bureau.addresses.base),
        achievement=catalogue.achievement(
            award.achievement, policy=policy, period=award.period, addresses=bureau.addresses
        ),
        period=award.period,
        policy_url=bureau.addresses.policy(policy.digest),
        policy_sri=policy.sri,
        valid_until=award.period.valid_until(policy.awarding.valid_months_after_period),
    )


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


def dictionary_of(bureau: Bureau, badge: Badge) -> Dictionary:
    """What packs a badge small: for its achievement, lists and key."""
    status_entries, kid = _status_of(bureau, badge), bureau.signer.kid
    key = (*_cover_key(badge.award), *(entry.list for entry in status_entries), kid)
    if key not in bureau.dictionaries:
        typ = jws.badge_typ(bureau.signer.public)
        header = preparation.jose_header(alg=bureau.signer.public.algorithm, kid=kid, typ=typ)
        cover = cover_of(bureau, badge.award)
        bureau.dictionaries[key] = preparation.dictionary(cover, header=header, status=status_entries)
    return bureau.dictionaries[key]


def _narratives(connection: Connection, awards: Sequence[Award]) -> dict[str, str | None]:
    """What badges by a decision by hand say of it, by the decision's id."""
    by_hand = {award.hand_decision: award for award in awards if award.hand_decision}
    return {decision: narrative_of(connection, award) for decision, award in by_hand.items()}


def narrative_of(connection: Connection, award: Award) -> str | None:
    """By which decision somebody was recognised, in words; None if the policy did it."""
    decision = store.awards.hand_decision(connection, award.hand_decision) if award.hand_decision else None
    return f"By decision of {decision.decision}: {decision.reason}" if decision else None
