"""Badges issued: for every award one, in more versions as holders choose, again after a merge or a lost key.

Every step is a transaction of its own and finds its work in the tables, so a crash anywhere is mended by the
next run: an award without a badge gets one (`drafting`), an intent without a signature is signed (`signing`), and
no token leaves this process without its record. Finding and withdrawing badges is `service`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from issuer.badges import preparation, store
from issuer.badges.awarding import rank
from issuer.badges.bureau import Bureau
from issuer.badges.issuing.hands import hands_for
from issuer.badges.issuing.intent import CHUNK, add_badges, intend_awards, intend_version
from issuer.badges.issuing.signing import Progress, dress, is_settled, keep, sign_waiting
from issuer.badges.model import Badge, BadgeError
from issuer.badges.service import badge_by_id, existing, read_own
from issuer.ground.database import reading, writing
from issuer.ground.garbage import rare_collections
from issuer.people import service as people_service
from issuer.people.model import Person

MOST_ROUNDS = 5  # of drafts that did not hold; what others change all the time waits for the next run
LEFT_AFTER = timedelta(seconds=15)  # signing a chunk takes less than one


def issue(bureau: Bureau, *, now: datetime, progress: Progress | None = None) -> int:
    """A signed badge for every award that has none; returns how many were signed in this run.

    What did not hold is drafted again (`issuing.hands`).
    """
    signed = sign_waiting(bureau, now=now)  # what a run before this one left
    with reading(bureau.engine) as connection:
        waiting = store.awards.count_waiting(connection)
    with rare_collections(), hands_for(bureau, amount=waiting, now=now) as hands:
        for _ in range(MOST_ROUNDS):
            in_vain = 0
            for count in hands.issue():
                signed, in_vain = signed + count.kept, in_vain + count.drafted - count.kept
                if progress:
                    progress(signed)
            if not in_vain:
                break
    return signed


def issue_some(bureau: Bureau, *, now: datetime) -> int:
    """One chunk of what `issue` does, where several processes share it; returns how many were signed. What another
    one intended a while ago and did not sign is signed first: it is dead.
    """
    signed = sign_waiting(bureau, now=now, before=now - LEFT_AFTER)
    intents = intend_awards(bureau, now=now)
    return signed + (keep(bureau, intents, dress(bureau, intents, now=now), now=now) if intents else 0)


def waiting_chunks(engine: Engine, *, now: datetime) -> int:
    """How many chunks of badges wait to be issued, or were left by a process that died."""
    with reading(engine) as connection:
        left = store.versions.unsigned_versions(connection, limit=1, before=now - LEFT_AFTER)
        return -(-store.awards.count_waiting(connection) // CHUNK) or len(left)


def choose(
    bureau: Bureau,
    badge: Badge,
    *,
    person: Person,
    shows_name: bool,
    published: bool,
    hashes_address: bool = False,
    evidence: Sequence[str] = (),
    now: datetime,
) -> Badge:
    """The holder's choice of name, of the hash of their mail address, of links to what counted (`evidence`), and
    of publishing; what changes the badge makes a new version, signed at once.

    Raises:
        BadgeError: the badge was withdrawn.
    """
    if not badge.standing:
        raise BadgeError("This badge was withdrawn; nothing on it can be changed.")
    with writing(bureau.engine) as connection:
        before = (badge.shows_name, badge.hashes_address, store.badges.evidence_of(connection, badge.id))
        store.badges.set_choices(
            connection,
            badge.id,
            shows_name=shows_name,
            hashes_address=hashes_address,
            published=published,
            shows_evidence=bool(evidence),
        )
        store.badges.set_evidence(connection, badge.id, evidence)
        if shows_name or hashes_address or evidence or published:
            for one in people_service.ids_of(connection, person.id):
                store.holders.set_quiet(connection, one, quiet=False)
        changed: list[str] = []
        if (shows_name, hashes_address, tuple(evidence)) != before:
            changed = _intend_with_copies(connection, bureau, badge.id, person, now)
    sign_waiting(bureau, now=now, only=changed or [badge.id])
    return badge_by_id(bureau.engine, badge.id)


def named_copy(bureau: Bureau, badge: Badge, *, person: Person, now: datetime) -> Badge:
    """The same badge with its holder's name, for once: same id, same status, a newer `validFrom`. What the badge
    shows otherwise stays as its holder chose it. The same copy each time, until badge, name or keys have changed.

    Raises:
        BadgeError: the badge was withdrawn or is not signed yet, or no name is known.
    """
    if not badge.standing or badge.jwt is None:
        raise BadgeError(f"This badge is {badge.state}; a copy is made of one in force.")
    name = person.name[: preparation.MAX_NAME_CHARACTERS]
    if badge.shows_name:
        return badge
    if not name.strip():
        raise BadgeError("No name of yours is known here: give one on your record, then a copy can carry it.")
    with writing(bureau.engine) as connection:
        made = _named_copy(connection, bureau, badge)
        if made is None or read_own(made[0]).credentialSubject.name != name:
            made = None
            intend_version(connection, bureau, existing(connection, badge.id), person, now, named_copy=True)
    if made is None:
        sign_waiting(bureau, now=now, only=[badge.id])
        with reading(bureau.engine) as connection:
            made = _named_copy(connection, bureau, badge)
    assert made is not None, "it was signed just now"
    return replace(badge, jwt=made[0], proof=made[1], shows_name=True)


def _named_copy(connection: Connection, bureau: Bureau, badge: Badge) -> tuple[str, str] | None:
    kids = {"kid": bureau.signer.kid, "proof_kid": bureau.document_signer.kid}
    return store.versions.named_copy(connection, badge.id, **kids)


def sign_again(bureau: Bureau, badge: Badge, *, person: Person, now: datetime) -> None:
    """A new version of a badge with its holder's choices as they are: their name has changed."""
    with writing(bureau.engine) as connection:
        changed = _intend_with_copies(connection, bureau, badge.id, person, now)
    sign_waiting(bureau, now=now, only=changed)


def _intend_with_copies(
    connection: Connection, bureau: Bureau, badge_id: str, person: Person, now: datetime
) -> list[str]:
    """New versions of a badge and of its copies, whose choices are its own; a wallet has its one once the holder
    takes the badge there again. Comes out: which they are.
    """
    badge = existing(connection, badge_id)
    copies = [copy for copy in store.badges.copies_of(connection, badge_id) if copy.standing]
    for copy in copies:
        store.badges.set_choices(
            connection,
            copy.id,
            shows_name=badge.shows_name,
            hashes_address=badge.hashes_address,
            published=False,
            shows_evidence=badge.shows_evidence,
        )
    for one in (badge, *(existing(connection, copy.id) for copy in copies)):
        intend_version(connection, bureau, one, person, now)
    return [badge_id, *(copy.id for copy in copies)]


def bind(bureau: Bureau, badge: Badge, *, subject: str, person: Person, now: datetime) -> str:
    """Store the intent of a badge's copy that is bound to a wallet's DID: a new id and places of its own on the
    status lists, and the holder's reference and choices of the badge itself (DESIGN §3). A wallet that had it
    before gets the same one. Returns the copy's id; `sign_bound` signs it.

    Raises:
        BadgeError: the badge was withdrawn, is suspended, or is not signed itself yet.
    """
    with writing(bureau.engine) as connection:
        badge = existing(connection, badge.id)
        if not badge.standing or badge.suspended_at is not None or badge.jwt is None or badge.copy_of is not None:
            raise BadgeError(f"This badge is {badge.state}; only one in force goes into a wallet.")
        held = next((one for one in store.badges.copies_of(connection, badge.id) if one.subject == subject), None)
        if held is not None and not held.standing:
            raise BadgeError("The copy of this wallet was withdrawn; another key of the wallet can have one.")
        if held is not None:
            return held.id
        (copy,) = add_badges(connection, bureau, [(badge.award, badge.reference)], now=now)
        store.badges.bind(connection, copy.id, copy_of=badge.id, subject=subject)
        store.badges.set_choices(
            connection,
            copy.id,
            shows_name=badge.shows_name,
            hashes_address=badge.hashes_address,
            published=False,
            shows_evidence=badge.shows_evidence,
        )
        intend_version(connection, bureau, existing(connection, copy.id), person, now)
        return copy.id


def sign_bound(bureau: Bureau, copy_id: str, *, now: datetime) -> Badge:
    """A wallet's copy, signed now unless it was before.

    Raises:
        BadgeError: there is no such badge.
        CustodyError: the key is out of reach; the intent stays, and a later call signs it.
    """
    sign_waiting(bureau, now=now, only=[copy_id])
    return badge_by_id(bureau.engine, copy_id)


def settle(bureau: Bureau, persons: Iterable[str], *, now: datetime) -> int:
    """After a merge or a split: one badge of a tier for each person and period, which carries every reference
    that is theirs and no other (DESIGN §3), and one of each kind of work, which carries none. What carries others
    than before is a new one, with a new id and a new place on the status list, so that no copy saved before buys
    a second discount. Returns how many were signed.

    Where one of the badges is suspended nothing is done yet: a new one would lift that.
    """
    with writing(bureau.engine) as connection:
        behind = people_service.persons_behind(connection, set(persons)).values()
        for person in {one.id: one for one in behind if people_service.is_present(one)}.values():
            _settle(connection, bureau, person, now)
    return sign_waiting(bureau, now=now)


def _settle(connection: Connection, bureau: Bureau, person: Person, now: datetime) -> None:
    ids = people_service.ids_of(connection, person.id)
    held = [badge for one in ids for badge in store.badges.badges_of(connection, one) if is_settled(badge.award)]
    mine = {badge.id for badge in held}
    for period, purpose in {(badge.award.period, badge.award.purpose) for badge in held}:
        # What another person's badge took the place of is its holder's again, once the two are apart.
        live = [
            badge
            for badge in held
            if (badge.award.period, badge.award.purpose) == (period, purpose)
            and (badge.standing or (badge.superseded_by is not None and badge.superseded_by not in mine))
        ]
        if not live or any(badge.suspended_at is not None or badge.jwt is None for badge in live):
            continue
        found = [store.holders.reference_of(connection, one, period, purpose) for one in ids]
        references = set() if purpose != "tier" else {one for one in found if one is not None}
        best = min(
            live,
            key=lambda badge: (
                rank(badge.award, bureau.policy(badge.award.policy_digest)), not badge.standing,
                _references_in(badge) != references, badge.award.made_at, badge.id,
            ),
        )  # fmt: skip
        if best.standing and _references_in(best) == references:
            for other in live:
                if other.standing and other.id != best.id:
                    store.badges.set_revoked(
                        connection, other.id, reason="superseded", superseded_by=best.id, now=now
                    )
        else:
            _intend_sibling(connection, bureau, best, person, now)


def _references_in(badge: Badge) -> set[str]:
    return set() if badge.jwt is None else set(read_own(badge.jwt).credentialSubject.holder_references)


def _intend_sibling(connection: Connection, bureau: Bureau, badge: Badge, person: Person, now: datetime) -> None:
    """A new badge of the same award, with its holder's choices as they were; what it replaces stands until it is
    signed. The reference is the award's own, so its holder code stays good.
    """
    (new,) = add_badges(connection, bureau, [(badge.award, badge.reference)], now=now)
    store.badges.set_choices(
        connection,
        new.id,
        shows_name=badge.shows_name,
        hashes_address=badge.hashes_address,
        published=badge.published,
        shows_evidence=badge.shows_evidence,
    )
    store.badges.set_evidence(connection, new.id, store.badges.evidence_of(connection, badge.id))
    intend_version(connection, bureau, existing(connection, new.id), person, now)


def sign_anew(bureau: Bureau, *, now: datetime, progress: Progress | None = None) -> int:
    """New versions of all badges in force that a compromised key signed, or whose version was lost with a machine:
    same ids, same status entries.

    Only badges of our own records are signed anew, so a forgery made with the stolen key gains nothing.
    Stopped midway, the next run does the rest. Returns how many were signed.
    """
    fallen = [record.kid for record in bureau.keyset.records if record.state == "compromised"]
    signed = sign_waiting(bureau, now=now, progress=progress)
    while _intend_anew(bureau, fallen, now):
        signed += sign_waiting(bureau, now=now, progress=progress)
    last: str | None = ""
    while last is not None:
        last = _intend_lost(bureau, last, now)
        signed += sign_waiting(bureau, now=now, progress=progress)
    return signed


def _intend_anew(bureau: Bureau, fallen: Sequence[str], now: datetime) -> int:
    with writing(bureau.engine) as connection:
        store.versions.forget_named_copies(connection, fallen)
        waiting = store.badges.badges_signed_by(connection, fallen, limit=CHUNK)
        people = people_service.persons_behind(connection, {badge.award.person for badge in waiting})
        for badge in waiting:
            intend_version(connection, bureau, badge, people[badge.award.person], now)
        return len(waiting)


def _intend_lost(bureau: Bureau, after: str, now: datetime) -> str | None:
    """Store the intent of a chunk of badges that have no version, except of those who have left; the id of the
    last one that was looked at, None after all of them.
    """
    with writing(bureau.engine) as connection:
        waiting = store.badges.badges_without_version(connection, after=after, limit=CHUNK)
        people = people_service.persons_behind(connection, {badge.award.person for badge in waiting})
        for badge in waiting:
            if people_service.is_present(people[badge.award.person]):
                intend_version(connection, bureau, badge, people[badge.award.person], now)
    return waiting[-1].id if waiting else None
