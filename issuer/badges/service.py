"""Awarding, issuing and withdrawing badges: prepare -> store the intent -> sign -> store -> supersede.

Every step is a transaction of its own and finds its work in the tables, so a crash anywhere is mended by the
next run: an award without a badge gets one, an intent without a signature is signed, and no token exists
without its record.
"""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, Engine

from issuer.badges import catalogue, preparation, status, store
from issuer.badges.bureau import Bureau
from issuer.badges.model import BY_DECISION, Award, Badge, BadgeError, HandDecision
from issuer.badges.preparation import Cover, Particulars
from issuer.ground.database import reading, writing
from issuer.people.model import Person
from issuer.recognition import sentences
from issuer.recognition.calendar import BadgePeriod, period_at
from issuer.recognition.decision import Decision
from keys import jws
from schemas import badge_qr, base64url, credential, strict_json
from schemas.badge_qr import Dictionary
from schemas.credential import OpenBadgeCredential
from schemas.policy import QualificationPolicy

CHUNK = 200  # badges per transaction: short enough to lose nothing worth waiting for, long enough to be quick
SALT_BYTES = 16
MIN_BEGINNING = 6  # characters of a badge's id that may stand for the whole

Progress = Callable[[int], None]


# --- awards -----------------------------------------------------------------------------------------------


def award_decisions(
    engine: Engine,
    decisions: Iterable[tuple[Person, Decision]],
    *,
    policy: QualificationPolicy,
    now: datetime,
) -> int:
    """One award for each person whose tier is better than any they have in this period; returns how many.

    A tier once awarded is never taken back inside its period by a later count (POLICY §4).
    """
    period = period_at(now, policy.period)
    with reading(engine) as connection:
        best = _best_tiers(store.awards_in(connection, period), policy)
    made, chunk = 0, list[Award]()
    for person, decision in decisions:
        place = _place(decision.tier, policy)
        if place is None or person.bot or place >= best.get(person.id, len(policy.tiers)):
            continue
        assert decision.tier is not None
        award = _new_award(person.id, decision.tier, decision.tier, period, _mark(decision), policy, now)
        chunk.append(replace(award, thanks=sentences.thanks(decision)))
        if len(chunk) == CHUNK:
            made += _add_awards(engine, chunk)
            chunk = []
    return made + _add_awards(engine, chunk)


def award_by_hand(
    engine: Engine,
    persons: Sequence[Person],
    *,
    tier: str,
    decision: str,
    reason: str,
    decided_by: Person,
    policy: QualificationPolicy,
    now: datetime,
) -> HandDecision:
    """Recognise people by a decision of staff. Until somebody else approves it, it buys nothing.

    The same decision given again is the same decision.

    Raises:
        BadgeError: an unknown tier, no grounds, or nobody to recognise.
    """
    if _place(tier, policy) is None:
        raise BadgeError(f"The policy has no tier {tier!r}; it has {', '.join(t.id for t in policy.tiers)}.")
    if not decision.strip() or not reason.strip() or not persons:
        raise BadgeError("An award by hand says by which decision, for what reason, and whom it recognises.")
    period = period_at(now, policy.period)
    words = "\0".join([tier, decision, reason, period.term, *sorted(p.id for p in persons)])
    made = HandDecision(
        hashlib.sha256(words.encode()).hexdigest()[:12], tier, decision.strip(), reason.strip(), decided_by.id
    )
    with writing(engine) as connection:
        if store.hand_decision(connection, made.id) is None:
            store.add_hand_decision(connection, made, now=now)
        for person in persons:
            if not any(a.achievement == BY_DECISION for a in store.awards_of(connection, person.id, period)):
                mark = catalogue.COMMUNITY_MARK
                award = _new_award(person.id, BY_DECISION, tier, period, mark, policy, now, decision=made.id)
                store.add_award(connection, award)
    return made


def approve(engine: Engine, decision_id: str, *, by: Person, policy: QualificationPolicy, now: datetime) -> int:
    """A second person approves a decision: its tier is awarded to those who have none as good; returns how many.

    Raises:
        BadgeError: no such decision, or the approver is the one who decided, or is recognised by it.
    """
    with writing(engine) as connection:
        decision = store.hand_decision(connection, decision_id)
        if decision is None:
            raise BadgeError(f"There is no decision {decision_id!r} to approve.")
        recognised = store.awards_of_decision(connection, decision_id)
        if by.id == decision.decided_by or by.id in {award.person for award in recognised}:
            raise BadgeError("A decision is approved by somebody who neither made it nor is recognised by it.")
        if decision.approved_by is None:
            store.approve_hand_decision(connection, decision_id, by=by.id, now=now)
        place, made = _place(decision.tier, policy), 0
        for award in recognised:
            best = _best_tiers(store.awards_of(connection, award.person, award.period), policy)
            if place is not None and place < best.get(award.person, len(policy.tiers)):
                granted = _new_award(
                    award.person, decision.tier, decision.tier, award.period, award.mark, policy, now,
                    decision=decision.id,
                )  # fmt: skip
                store.add_award(connection, granted)
                made += 1
        return made


def hand_decisions(engine: Engine) -> list[HandDecision]:
    """All decisions by hand, approved or not."""
    with reading(engine) as connection:
        return store.all_hand_decisions(connection)


# --- issuing ----------------------------------------------------------------------------------------------


def issue(bureau: Bureau, people: Mapping[str, Person], *, now: datetime, progress: Progress | None = None) -> int:
    """A signed badge for every award that has none; returns how many were signed in this run."""
    while _intend_chunk(bureau, people, now):
        pass
    return _sign_all(bureau, now, progress)


def choose(
    bureau: Bureau, badge: Badge, *, person: Person, shows_name: bool, published: bool, now: datetime
) -> Badge:
    """The holder's choice of name and of publishing; another name on it makes a new version, signed at once.

    Raises:
        BadgeError: the badge was withdrawn.
    """
    if not badge.standing:
        raise BadgeError("This badge was withdrawn; nothing on it can be changed.")
    with writing(bureau.engine) as connection:
        store.set_choices(connection, badge.id, shows_name=shows_name, published=published)
        if shows_name != badge.shows_name:
            chosen = _existing(connection, badge.id)
            _intend_version(connection, bureau, chosen, person, now)
    _sign_all(bureau, now, None)
    return badge_by_id(bureau.engine, badge.id)


def _intend_chunk(bureau: Bureau, people: Mapping[str, Person], now: datetime) -> int:
    """Store the intent of a chunk of badges: id, reference, status entry and claims, nothing signed yet."""
    with writing(bureau.engine) as connection:
        waiting = store.awards_without_badge(connection, limit=CHUNK)
        for award in waiting:
            purpose = BY_DECISION if award.achievement == BY_DECISION else "tier"
            reference = store.reference_of(connection, award.person, award.period, purpose)
            if reference is None:
                reference = f"urn:uuid:{uuid4()}"
                store.add_reference(connection, award.person, award.period, purpose, reference=reference)
            badge_id = f"urn:uuid:{uuid4()}"
            salt = base64url.encode(secrets.token_bytes(SALT_BYTES))
            store.add_badge(connection, badge_id=badge_id, award=award.id, reference=reference, salt=salt)
            _allocate_status(connection, badge_id)
            token_hash = _hash(bureau.page_token(award.person))
            store.set_holder_page(connection, award.person, token_hash=token_hash)
            _intend_version(connection, bureau, _existing(connection, badge_id), people[award.person], now)
        return len(waiting)


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
        status_list=bureau.addresses.status_list(badge.status_list),
        status_index=badge.status_index,
        name=person.name[: preparation.MAX_NAME_CHARACTERS] if badge.shows_name else None,
        narrative=_narrative(connection, award),
    )
    prepared = preparation.prepare(cover, particulars)
    if particulars.status_list not in bureau.dictionaries_kept.setdefault(_cover_key(award), set()):
        _keep_dictionary(connection, bureau, cover, particulars.status_list, now)
    claims = prepared.claims.decode()
    store.add_version(connection, badge.id, claims=claims, kid=bureau.signer.kid, now=moment)


def _sign_all(bureau: Bureau, now: datetime, progress: Progress | None) -> int:
    signed = 0
    while True:
        with writing(bureau.engine) as connection:
            waiting = store.unsigned_versions(connection, limit=CHUNK)
            for badge_id, version, claims, _ in waiting:
                token = jws.sign(claims.encode(), signer=bureau.signer)
                store.set_signature(connection, badge_id, version, jwt=token, now=now)
                _supersede_lesser(connection, bureau, badge_id, now)
        if not waiting:
            return signed
        signed += len(waiting)
        if progress:
            progress(signed)


def _supersede_lesser(connection: Connection, bureau: Bureau, badge_id: str, now: datetime) -> None:
    """A better badge in force takes the place of lesser ones of the same period (DESIGN §3)."""
    better = _existing(connection, badge_id)
    policy = bureau.policy(better.award.policy_digest)
    for other in store.badges_of(connection, better.award.person):
        same_period = other.award.period == better.award.period
        if same_period and other.standing and _rank(other.award, policy) > _rank(better.award, policy):
            store.set_revoked(connection, other.id, reason="superseded", superseded_by=better.id, now=now)


def _allocate_status(connection: Connection, badge_id: str) -> tuple[int, int]:
    """A random free place in the newest status list; a new list once it is half full."""
    number = store.newest_status_list(connection) or 1
    if store.status_entries_in(connection, number) >= status.FILL_AT_MOST:
        number += 1
    while True:
        index = secrets.randbelow(status.ENTRIES)
        if not store.status_index_taken(connection, number, index):
            store.add_status_entry(connection, number, index, badge_id=badge_id)
            return number, index


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


def _keep_dictionary(connection: Connection, bureau: Bureau, cover: Cover, list_url: str, now: datetime) -> None:
    """Publish the dictionary of this achievement and key before the first badge uses it (DESK §2)."""
    header = preparation.jose_header(alg=bureau.signer.public.algorithm, kid=bureau.signer.kid, typ=jws.BADGE_TYP)
    made = preparation.dictionary(cover, header=header, status_list=list_url)
    if all(row.id != made.id for row in store.all_dictionaries(connection)):
        store.add_dictionary(
            connection,
            dictionary_id=made.id,
            sha256=made.sha256,
            achievement=cover.achievement.id,
            kid=bureau.signer.kid,
            file=made.file.decode(),
            now=now,
        )


def _narrative(connection: Connection, award: Award) -> str | None:
    decision = store.hand_decision(connection, award.hand_decision) if award.hand_decision else None
    return f"By decision of {decision.decision}: {decision.reason}" if decision else None


# --- looking up and withdrawing -----------------------------------------------------------------------------


def badge_by_id(engine: Engine, badge_id: str) -> Badge:
    """The badge with this id.

    Raises:
        BadgeError: there is none.
    """
    with reading(engine) as connection:
        return _existing(connection, badge_id)


def find_badge(engine: Engine, text: str) -> Badge:
    """A badge by its id, or by a beginning of at least 6 characters that no other badge shares.

    Raises:
        BadgeError: none, or more than one.
    """
    beginning = text.strip().lower().removeprefix("urn:uuid:")
    if len(beginning) < MIN_BEGINNING:
        raise BadgeError(f"{text!r} is too short for a badge: give at least {MIN_BEGINNING} characters of its id.")
    with reading(engine) as connection:
        found = store.badges_beginning(connection, f"urn:uuid:{beginning}")
    if len(found) != 1:
        raise BadgeError(f"{text!r} names {'more than one badge' if found else 'no badge'}; 'list' shows them.")
    return found[0]


def badges_of(engine: Engine, person: str) -> list[Badge]:
    """All badges of one person, newest award first."""
    with reading(engine) as connection:
        return store.badges_of(connection, person)


def all_badges(engine: Engine) -> list[Badge]:
    """Every badge, in the order of award."""
    with reading(engine) as connection:
        return list(store.all_badges(connection))


def person_of_page(engine: Engine, token: str) -> str | None:
    """Whose private page a link opens; None for a link that leads nowhere."""
    with reading(engine) as connection:
        return store.person_of_page(connection, _hash(token))


def revoke(engine: Engine, badge: Badge, *, reason: str, now: datetime) -> bool:
    """Withdraw a badge for ever; False if it was withdrawn already.

    Raises:
        BadgeError: no reason was given.
    """
    if not reason.strip():
        raise BadgeError("A badge is withdrawn for a reason, which its holder is told.")
    with writing(engine) as connection:
        return store.set_revoked(connection, badge.id, reason=reason.strip(), superseded_by=None, now=now)


def status_list_jwt(bureau: Bureau, number: int, *, now: datetime) -> str | None:
    """The signed status list of this number, or None if there is none."""
    with reading(bureau.engine) as connection:
        if number not in {1, *store.status_lists(connection)}:
            return None
        revoked = store.revoked_indexes(connection, number)
    url = bureau.addresses.status_list(number)
    claims = status.list_claims(url=url, did=bureau.did, revoked=revoked, now=preparation.whole_seconds(now))
    return jws.sign(claims, signer=bureau.status_signer)


def status_list_numbers(engine: Engine) -> list[int]:
    """The numbers of all status lists; there is always a first one."""
    with reading(engine) as connection:
        return sorted({1, *store.status_lists(connection)})


def dictionaries(engine: Engine) -> list[tuple[Dictionary, str, str]]:
    """(dictionary, achievement id, kid) of every dictionary ever made; none is ever withdrawn."""
    with reading(engine) as connection:
        rows = store.all_dictionaries(connection)
    return [(Dictionary.parse(row.file.encode()), row.achievement, row.kid) for row in rows]


def packed(engine: Engine, jwt: str) -> bytes:
    """The badge packed for a QR code, with whichever of our dictionaries makes it smallest.

    Raises:
        BadgeError: no dictionary fits its key, or it is too large for a code that phones can read.
    """
    header = jws.parse(jwt).header.raw
    fitting = [d for d, _, _ in dictionaries(engine) if d.header == header]
    made = min((badge_qr.pack(jwt, dictionary=d) for d in fitting), key=len, default=None)
    if made is None or len(made) > badge_qr.HARD_LIMIT_URL_BYTES:
        raise BadgeError("This badge is too large for a QR code that phones can read; use its file or picture.")
    return made


def read_own(jwt: str) -> OpenBadgeCredential:
    """What a badge that we signed ourselves says."""
    return credential.read(strict_json.loads_object(jws.parse(jwt).payload))


def _existing(connection: Connection, badge_id: str) -> Badge:
    badge = store.badge(connection, badge_id)
    if badge is None:
        raise BadgeError(f"There is no badge {badge_id}.")
    return badge


def _new_award(
    person: str,
    name: str,
    tier: str,
    period: BadgePeriod,
    mark: str,
    policy: QualificationPolicy,
    now: datetime,
    *,
    decision: str | None = None,
) -> Award:
    return Award(uuid4().hex, person, name, tier, period, mark, now, policy.digest, decision)


def _add_awards(engine: Engine, awards: Sequence[Award]) -> int:
    """Awards made meanwhile by another run are left alone: one per person, achievement and period."""
    made = 0
    with writing(engine) as connection:
        for award in awards:
            known = store.awards_of(connection, award.person, award.period)
            if all(other.achievement != award.achievement for other in known):
                store.add_award(connection, award)
                made += 1
    return made


def _place(tier: str | None, policy: QualificationPolicy) -> int | None:
    """A tier's place in the policy: 0 is the highest."""
    return next((place for place, known in enumerate(policy.tiers) if known.id == tier), None)


def _rank(award: Award, policy: QualificationPolicy) -> int:
    """What an award outranks: tiers by their place, a decision that nobody approved below them all."""
    place = None if award.achievement == BY_DECISION else _place(award.tier, policy)
    return len(policy.tiers) if place is None else place


def _best_tiers(awards: Iterable[Award], policy: QualificationPolicy) -> dict[str, int]:
    best: dict[str, int] = {}
    for award in awards:
        best[award.person] = min(_rank(award, policy), best.get(award.person, len(policy.tiers)))
    return best


def _mark(decision: Decision) -> str:
    """The kind of work that weighed most, for the picture."""
    weights: dict[str, float] = {}
    for line in decision.lines:
        if line.counted and line.kind:
            mark = catalogue.mark_of(line.kind)
            weights[mark] = weights.get(mark, 0.0) + float(line.credits)
    return max(sorted(weights), key=lambda mark: weights[mark], default=catalogue.COMMUNITY_MARK)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
