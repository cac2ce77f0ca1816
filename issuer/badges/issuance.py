"""From awards to signed badges: prepare -> store the intent -> sign -> store -> supersede.

Every step is a transaction of its own and finds its work in the tables, so a crash anywhere is mended by the
next run: an award without a badge gets one, an intent without a signature is signed, and no token exists
without its record. Finding and withdrawing badges is `service`.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection

from issuer.badges import catalogue, letters, preparation, status, store
from issuer.badges.awarding import rank
from issuer.badges.bureau import Bureau
from issuer.badges.model import BY_DECISION, Award, Badge, BadgeError, Purpose, StatusPlace
from issuer.badges.preparation import Cover, Particulars, StatusEntry
from issuer.badges.service import badge_by_id, existing, page_of, read_own
from issuer.ground.database import writing
from issuer.ground.mail import MailError
from issuer.notices import service as notices
from issuer.people import service as people_service
from issuer.people.model import Person
from keys import jws
from schemas.badge_qr import Dictionary
from schemas.identity import IdentityObject
from schemas.policy import QualificationPolicy

CHUNK = 200  # badges per transaction: short enough to lose nothing worth waiting for, long enough to be quick
SALT_BYTES = 16

Progress = Callable[[int], None]


def issue(bureau: Bureau, *, now: datetime, progress: Progress | None = None) -> int:
    """A signed badge for every award that has none; returns how many were signed in this run."""
    while _intend_chunk(bureau, now):
        pass
    return _sign_all(bureau, now, progress)


def choose(
    bureau: Bureau,
    badge: Badge,
    *,
    person: Person,
    shows_name: bool,
    published: bool,
    hashes_address: bool = False,
    now: datetime,
) -> Badge:
    """The holder's choice of name, of the hash of their mail address, and of publishing; what changes the badge
    makes a new version, signed at once.

    Raises:
        BadgeError: the badge was withdrawn.
    """
    if not badge.standing:
        raise BadgeError("This badge was withdrawn; nothing on it can be changed.")
    with writing(bureau.engine) as connection:
        store.set_choices(
            connection, badge.id, shows_name=shows_name, hashes_address=hashes_address, published=published
        )
        if shows_name or hashes_address or published:
            for one in people_service.ids_of(connection, person.id):
                store.set_quiet(connection, one, quiet=False)
        changed: list[str] = []
        if (shows_name, hashes_address) != (badge.shows_name, badge.hashes_address):
            changed = _intend_with_copies(connection, bureau, badge.id, person, now)
    _sign_all(bureau, now, None, only=changed or [badge.id])
    return badge_by_id(bureau.engine, badge.id)


def sign_again(bureau: Bureau, badge: Badge, *, person: Person, now: datetime) -> None:
    """A new version of a badge with its holder's choices as they are: their name has changed."""
    with writing(bureau.engine) as connection:
        changed = _intend_with_copies(connection, bureau, badge.id, person, now)
    _sign_all(bureau, now, None, only=changed)


def _intend_with_copies(
    connection: Connection, bureau: Bureau, badge_id: str, person: Person, now: datetime
) -> list[str]:
    """New versions of a badge and of its copies, whose choices are its own; a wallet has its one once the holder
    takes the badge there again. Comes out: which they are.
    """
    badge = existing(connection, badge_id)
    copies = [copy for copy in store.copies_of(connection, badge_id) if copy.standing]
    for copy in copies:
        store.set_choices(
            connection, copy.id, shows_name=badge.shows_name, hashes_address=badge.hashes_address, published=False
        )
    for one in (badge, *(existing(connection, copy.id) for copy in copies)):
        _intend_version(connection, bureau, one, person, now)
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
        held = next((one for one in store.copies_of(connection, badge.id) if one.subject == subject), None)
        if held is not None and not held.standing:
            raise BadgeError("The copy of this wallet was withdrawn; another key of the wallet can have one.")
        if held is not None:
            return held.id
        copy = _add_badge(connection, bureau, badge.award, badge.reference)
        store.bind(connection, copy.id, copy_of=badge.id, subject=subject)
        store.set_choices(
            connection, copy.id, shows_name=badge.shows_name, hashes_address=badge.hashes_address, published=False
        )
        _intend_version(connection, bureau, existing(connection, copy.id), person, now)
        return copy.id


def sign_bound(bureau: Bureau, copy_id: str, *, now: datetime) -> Badge:
    """A wallet's copy, signed now unless it was before.

    Raises:
        BadgeError: there is no such badge.
        CustodyError: the key is out of reach; the intent stays, and a later call signs it.
    """
    _sign_all(bureau, now, None, only=[copy_id])
    return badge_by_id(bureau.engine, copy_id)


def settle(bureau: Bureau, persons: Iterable[str], *, now: datetime) -> int:
    """After a merge or a split: one badge of a tier for each person and period, and one of each kind of work,
    which carries every reference for it that is theirs and no other (DESIGN §3). It is a new one, with a new id
    and a new place on the status list, so that no copy saved before buys a second discount. Returns how many
    were signed.

    Where one of the badges is suspended nothing is done yet: a new one would lift that.
    """
    with writing(bureau.engine) as connection:
        behind = people_service.persons_behind(connection, set(persons)).values()
        for person in {one.id: one for one in behind if people_service.is_present(one)}.values():
            _settle(connection, bureau, person, now)
    return _sign_all(bureau, now, None)


def _settle(connection: Connection, bureau: Bureau, person: Person, now: datetime) -> None:
    ids = people_service.ids_of(connection, person.id)
    held = [badge for one in ids for badge in store.badges_of(connection, one) if _is_settled(badge.award)]
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
        found = [store.reference_of(connection, one, period, purpose) for one in ids]
        references = {one for one in found if one is not None}
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
                    store.set_revoked(connection, other.id, reason="superseded", superseded_by=best.id, now=now)
        else:
            _intend_sibling(connection, bureau, best, person, now)


def _is_settled(award: Award) -> bool:
    """Whether a merge leaves one of it; a decision by hand that nobody approved is what it is."""
    return award.achievement != BY_DECISION


def _references_in(badge: Badge) -> set[str]:
    return set() if badge.jwt is None else set(read_own(badge.jwt).credentialSubject.holder_references)


def _intend_sibling(connection: Connection, bureau: Bureau, badge: Badge, person: Person, now: datetime) -> None:
    """A new badge of the same award, with its holder's choices as they were; what it replaces stands until it is
    signed. The reference is the award's own, so its holder code stays good.
    """
    new = _add_badge(connection, bureau, badge.award, badge.reference)
    store.set_choices(
        connection,
        new.id,
        shows_name=badge.shows_name,
        hashes_address=badge.hashes_address,
        published=badge.published,
    )
    _intend_version(connection, bureau, existing(connection, new.id), person, now)


def sign_anew(bureau: Bureau, *, now: datetime, progress: Progress | None = None) -> int:
    """New versions of all badges in force that a compromised key signed, or whose version was lost with a machine:
    same ids, same status entries.

    Only badges of our own records are signed anew, so a forgery made with the stolen key gains nothing.
    Stopped midway, the next run does the rest. Returns how many were signed.
    """
    fallen = [record.kid for record in bureau.keyset.records if record.state == "compromised"]
    while _intend_anew(bureau, fallen, now):
        pass
    last: str | None = ""
    while last is not None:
        last = _intend_lost(bureau, last, now)
    return _sign_all(bureau, now, progress)


def _intend_anew(bureau: Bureau, fallen: Sequence[str], now: datetime) -> int:
    with writing(bureau.engine) as connection:
        waiting = store.badges_signed_by(connection, fallen, limit=CHUNK)
        people = _people(connection, [badge.award for badge in waiting])
        for badge in waiting:
            _intend_version(connection, bureau, badge, people[badge.award.person], now)
        return len(waiting)


def _intend_lost(bureau: Bureau, after: str, now: datetime) -> str | None:
    """Store the intent of a chunk of badges that have no version, except of those who have left; the id of the
    last one that was looked at, None after all of them.
    """
    with writing(bureau.engine) as connection:
        waiting = store.badges_without_version(connection, after=after, limit=CHUNK)
        people = _people(connection, [badge.award for badge in waiting])
        for badge in waiting:
            if people_service.is_present(people[badge.award.person]):
                _intend_version(connection, bureau, badge, people[badge.award.person], now)
    return waiting[-1].id if waiting else None


def _people(connection: Connection, awards: Sequence[Award]) -> Mapping[str, Person]:
    """Whose awards these are, by id."""
    return people_service.persons_behind(connection, {award.person for award in awards})


def _ids_behind(connection: Connection, award: Award) -> tuple[str, ...]:
    """Every id under which the holder of an award is or was known."""
    return people_service.ids_of(connection, _people(connection, [award])[award.person].id)


def _intend_chunk(bureau: Bureau, now: datetime) -> int:
    """Store the intent of a chunk of badges: id, reference, status entry and claims, nothing signed yet."""
    with writing(bureau.engine) as connection:
        waiting = store.awards_without_badge(connection, limit=CHUNK)
        people = _people(connection, waiting)
        for award in waiting:
            reference = _reference_of(connection, award)
            if reference is None:
                reference = bureau.reference(award.person, award.period.term, award.purpose)
                store.add_reference(connection, award.person, award.period, award.purpose, reference=reference)
            badge = _add_badge(connection, bureau, award, reference)
            page_of(connection, bureau, award.person)
            _intend_version(connection, bureau, badge, people[award.person], now)
        return len(waiting)


def _add_badge(connection: Connection, bureau: Bureau, award: Award, reference: str) -> Badge:
    """A badge without a version: its id and its places on the status lists."""
    badge_id = f"urn:uuid:{uuid4()}"
    salt = secrets.token_hex(SALT_BYTES)  # in hex like the hash beside it: ten bytes less in a packed badge
    store.add_badge(connection, badge_id=badge_id, award=award.id, reference=reference, salt=salt)
    _allocate_status(connection, badge_id, "revocation")
    if bureau.policy(award.policy_digest).uses_suspension:
        _allocate_status(connection, badge_id, "suspension")
    return existing(connection, badge_id)


def _reference_of(connection: Connection, award: Award) -> str | None:
    """The holder's reference in the award's period; one that they had before they were merged serves, too, since
    a discount hangs on it and they are one person.
    """
    for person in _ids_behind(connection, award):
        reference = store.reference_of(connection, person, award.period, award.purpose)
        if reference is not None:
            return reference
    return None


def _intend_version(connection: Connection, bureau: Bureau, badge: Badge, person: Person, now: datetime) -> None:
    award, moment = badge.award, preparation.whole_seconds(now)
    previous = store.newest_valid_from(connection, badge.id)
    if previous is not None and moment <= previous:
        moment = previous + timedelta(seconds=1)  # of two versions, the newer validFrom is the badge (OB 3.0)
    cover = _cover(bureau, award)
    particulars = Particulars(
        credential_id=badge.id,
        reference=badge.reference,
        holder_code=preparation.holder_code_hash(bureau.holder_code(badge.reference), salt=badge.salt),
        valid_from=moment,
        awarded=preparation.whole_seconds(award.made_at),
        status=_status_of(bureau, badge),
        name=person.name[: preparation.MAX_NAME_CHARACTERS] or None if badge.shows_name else None,
        address=_address_hash(person, badge),
        narrative=_narrative(connection, award),
        former_references=_former_references(connection, badge),
        subject=badge.subject,
    )
    if badge.copy_of is None:
        prepared = preparation.prepare_to_fit(
            cover, particulars, dictionary=_dictionary(bureau, badge), host=bureau.host
        )
    else:  # a wallet shows it itself; what goes into codes is the badge that is bound to nothing
        prepared = preparation.prepare(cover, particulars)
    _keep_dictionary_of(connection, bureau, badge, now)
    claims = prepared.claims.decode()
    store.add_version(connection, badge.id, claims=claims, kid=bureau.signer.kid, now=moment)


def _former_references(connection: Connection, badge: Badge) -> tuple[str, ...]:
    """The references that a badge's holder has for it besides its own in its period: they were two persons."""
    award = badge.award
    known_as = people_service.known_as(connection)
    person = known_as.get(award.person, award.person)
    ids = [person, *(gone for gone, kept in known_as.items() if kept == person)]
    if len(ids) == 1:
        return ()
    found = {store.reference_of(connection, one, award.period, award.purpose) for one in ids}
    return tuple(sorted(one for one in found if one is not None and one != badge.reference))


def _address_hash(person: Person, badge: Badge) -> IdentityObject | None:
    if not badge.hashes_address or person.email is None:
        return None
    return preparation.address_hash(person.email, salt=badge.salt)


def _sign_all(bureau: Bureau, now: datetime, progress: Progress | None, *, only: Sequence[str] = ()) -> int:
    """Sign what is intended, or of that `only` these badges: whoever waits for one does not wait for thousands."""
    signed = 0
    while True:
        with writing(bureau.engine) as connection:
            waiting = store.unsigned_versions(connection, limit=CHUNK, only=only)
            for badge_id, version, claims, intended_kid in waiting:
                if intended_kid != bureau.signer.kid:  # the key was rotated between intent and signature
                    _keep_dictionary_of(connection, bureau, existing(connection, badge_id), now)
                dressed = bureau.wardrobe.dress(claims, created=preparation.whole_seconds(now))
                store.set_signature(
                    connection,
                    badge_id,
                    version,
                    jwt=dressed.jwt,
                    kid=bureau.signer.kid,
                    proof=dressed.proof,
                    proof_kid=bureau.document_signer.kid,
                    now=now,
                )
                badge = existing(connection, badge_id)
                if badge.copy_of is not None:
                    continue
                superseded = _supersede_lesser(connection, bureau, badge, now, is_new=version == 1)
                if version == 1:
                    _tell_holder(connection, bureau, badge, superseded, now)
        if not waiting:
            return signed
        signed += len(waiting)
        if progress:
            progress(signed)


def _supersede_lesser(
    connection: Connection, bureau: Bureau, better: Badge, now: datetime, *, is_new: bool
) -> list[Badge]:
    """A better badge in force takes the place of lesser ones of the same period; a new one also of its equals,
    which are there only after a merge or a split (DESIGN §3). One per kind of work is neither better nor less than
    a tier, and takes the place of its equals only.
    """
    policy = bureau.policy(better.award.policy_digest)
    ids = _ids_behind(connection, better.award)
    taken: list[Badge] = []
    for other in (badge for person in ids for badge in store.badges_of(connection, person)):
        if other.award.period != better.award.period or not other.standing or other.id == better.id:
            continue
        if _takes_place(better.award, other.award, policy, is_new=is_new):
            store.set_revoked(connection, other.id, reason="superseded", superseded_by=better.id, now=now)
            taken.append(other)
    return taken


def _takes_place(better: Award, other: Award, policy: QualificationPolicy, *, is_new: bool) -> bool:
    if better.purpose != other.purpose and (better.is_per_kind or other.is_per_kind):
        return False
    less = rank(other, policy) - rank(better, policy)
    return less > 0 or (less == 0 and is_new and _is_settled(better) and _is_settled(other))


def _tell_holder(
    connection: Connection, bureau: Bureau, badge: Badge, superseded: Sequence[Badge], now: datetime
) -> None:
    """Enter one letter with a claim link about a badge that was just signed, in the same transaction: so it goes
    at least once, and a run that begins again finds nothing left to sign.

    To whoever has an address and was told what is kept about them; not to who has left, or has hidden everything.
    """
    award = badge.award
    store.forget_reasons(connection, award.id)
    if not bureau.mails or not badge.standing:
        return
    person = _people(connection, [award])[award.person]
    ids = people_service.ids_of(connection, person.id)
    reachable = people_service.is_present(person) and not person.bot and person.told_at is not None
    if not reachable or person.email is None or store.is_quiet(connection, ids):
        return
    renewed, token = _renewed(connection, award, ids), notices.new_token()
    try:
        letter = letters.of_award(
            person.email,
            award,
            community=bureau.name,
            link=bureau.addresses.claim_link(token),
            until=now + notices.LINK_LASTS,
            narrative=_narrative(connection, award),
            superseded=[one.award for one in superseded],
            renewed=renewed,
            renewed_until=None if renewed is None else _cover(bureau, renewed).valid_until,
            say=person.voice,
        )
    except (
        MailError
    ):  # an address that no mail server takes: 'list' shows the page's link to whoever can tell them
        return
    notices.send(
        connection,
        letter,
        token,
        badge=badge.id,
        person=award.person,
        address_sha256=bureau.address_hash(person.email),
        now=now,
    )


def _renewed(connection: Connection, award: Award, ids: Sequence[str]) -> Award | None:
    """The newest badge of the same achievement that its holder has from an earlier period."""
    held = [badge for person in ids for badge in store.badges_of(connection, person) if badge.standing]
    former = [
        badge.award
        for badge in held
        if badge.award.achievement == award.achievement and badge.award.period.first < award.period.first
    ]
    return max(former, key=lambda one: one.period.first, default=None)


def _allocate_status(connection: Connection, badge_id: str, purpose: Purpose) -> None:
    """A random free place in the newest list for this purpose; a new list once it is half full.

    Half full means that two tries find a free place on average, however many badges there are.
    """
    newest = store.newest_status_list(connection, purpose)
    if newest is not None and newest[1] < status.FILL_AT_MOST:
        number = newest[0]
    else:
        number = store.add_status_list(connection, purpose)
    while True:
        index = secrets.randbelow(status.ENTRIES)
        if not store.status_index_taken(connection, number, index):
            return store.add_status_entry(connection, number, index, badge_id=badge_id, purpose=purpose)


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


def _cover(bureau: Bureau, award: Award) -> Cover:
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


def _keep_dictionary_of(connection: Connection, bureau: Bureau, badge: Badge, now: datetime) -> None:
    """Publish the dictionary of this badge's achievement and key before the first badge uses it (DESK §2)."""
    made = _dictionary(bureau, badge)
    if not store.has_dictionary(connection, made.id):
        store.add_dictionary(
            connection,
            dictionary_id=made.id,
            sha256=made.sha256,
            achievement=bureau.addresses.achievement(badge.award.achievement),
            kid=bureau.signer.kid,
            file=made.file.decode(),
            now=now,
        )


def _dictionary(bureau: Bureau, badge: Badge) -> Dictionary:
    status_entries, kid = _status_of(bureau, badge), bureau.signer.kid
    key = (*_cover_key(badge.award), *(entry.list for entry in status_entries), kid)
    if key not in bureau.dictionaries:
        typ = jws.badge_typ(bureau.signer.public)
        header = preparation.jose_header(alg=bureau.signer.public.algorithm, kid=kid, typ=typ)
        cover = _cover(bureau, badge.award)
        bureau.dictionaries[key] = preparation.dictionary(cover, header=header, status=status_entries)
    return bureau.dictionaries[key]


def _narrative(connection: Connection, award: Award) -> str | None:
    decision = store.hand_decision(connection, award.hand_decision) if award.hand_decision else None
    return f"By decision of {decision.decision}: {decision.reason}" if decision else None
