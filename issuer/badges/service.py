"""Badges that were issued: finding them, withdrawing them, their status lists and dictionaries.

Awarding is `awarding`, signing is `issuance`; what is public is `documents`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from issuer.badges import preparation, status, store
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.ground import audit, news
from issuer.ground.audit.store import MAX_TEXT
from issuer.ground.database import reading, writing
from issuer.ground.tokens import hash_of
from issuer.people import service as people_service
from issuer.recognition.calendar import BadgePeriod
from keys import jws
from schemas import badge_qr, credential, strict_json
from schemas.badge_qr import Dictionary
from schemas.credential import OpenBadgeCredential
from schemas.strict_json import JsonObject

OPERATOR = "operator"  # whoever types a command on the office's own machine
LISTS_LEFT_OUT = 16  # a million badges may have been given since the copy, and still none gets a place twice
ALL = 1 << 31
SHORT_CODE_DIGITS = 12  # 48 bits: among a million badges no two begin so, as a rule
SHORT_CODE = re.compile(rf"[0-9a-f]{{{SHORT_CODE_DIGITS}}}")
MIN_BEGINNING = 6  # characters of a badge's id that may stand for the whole


def badge_by_id(engine: Engine, badge_id: str) -> Badge:
    """The badge with this id.

    Raises:
        BadgeError: there is none.
    """
    with reading(engine) as connection:
        return existing(connection, badge_id)


def find_badge(engine: Engine, text: str) -> Badge:
    """A badge by its id, or by a beginning of at least 6 characters that no other badge shares.

    Raises:
        BadgeError: none, or more than one.
    """
    beginning = text.strip().lower().removeprefix("urn:uuid:")
    if len(beginning) < MIN_BEGINNING:
        raise BadgeError(f"{text!r} is too short for a badge: give at least {MIN_BEGINNING} characters of its id.")
    with reading(engine) as connection:
        found = store.badges.badges_beginning(connection, f"urn:uuid:{beginning}")
    if len(found) != 1:
        raise BadgeError(f"{text!r} names {'more than one badge' if found else 'no badge'}; 'list' shows them.")
    return found[0]


def short_code(badge: Badge) -> str:
    """What people type instead of a badge's id, `3d8b-ea45-ef2e`: it leads to the page of one that is public."""
    digits = badge.short_id.replace("-", "")[:SHORT_CODE_DIGITS]
    return "-".join(digits[start : start + 4] for start in range(0, SHORT_CODE_DIGITS, 4))


def id_of_short_code(engine: Engine, code: str) -> str:
    """The id (without `urn:uuid:`) of the one badge that a short code without dashes means, or "" for none."""
    with reading(engine) as connection:
        found = store.badges.badges_beginning(connection, f"urn:uuid:{code[:8]}-{code[8:]}")
    return found[0].short_id if len(found) == 1 else ""


def badges_of(engine: Engine, person: str) -> list[Badge]:
    """All badges of one person, newest award first."""
    with reading(engine) as connection:
        return store.badges.badges_of(connection, person)


def signed_of(connection: Connection, persons: Iterable[str]) -> list[Badge]:
    """All signed badges of somebody, by all of their ids, newest award first; inside a transaction."""
    held = [badge for one in persons for badge in store.badges.badges_of(connection, one) if badge.jwt]
    return sorted(held, key=lambda badge: badge.award.made_at, reverse=True)


def copies_of(engine: Engine, badge: Badge) -> list[Badge]:
    """The copies of a badge in wallets."""
    with reading(engine) as connection:
        return store.badges.copies_of(connection, badge.id)


def all_badges(engine: Engine) -> list[Badge]:
    """Every badge, in the order of award."""
    with reading(engine) as connection:
        return list(store.badges.all_badges(connection))


def periods(engine: Engine) -> list[BadgePeriod]:
    """The periods in which anything was awarded."""
    with reading(engine) as connection:
        return store.awards.periods(connection)


def holders_of(engine: Engine, tier: str) -> int:
    """How many people hold a badge of this tier that stands today."""
    with reading(engine) as connection:
        return store.badges.count_holders(connection, tier)


def holder_ids(engine: Engine, tier: str) -> list[str]:
    """Who holds a badge of this tier that stands, by the ids under which they are known today."""
    with reading(engine) as connection:
        known_as = people_service.known_as(connection)
        return sorted({known_as.get(one, one) for one in store.badges.holders(connection, tier)})


def person_of_page(engine: Engine, token: str) -> str | None:
    """Whose private page a link opens; None for a link that leads nowhere."""
    with reading(engine) as connection:
        return store.holders.person_of_page(connection, hash_of(token))


def open_page(bureau: Bureau, person: str) -> str:
    """The secret of a person's private page, which opens from now on; also for whoever has no badge yet."""
    with writing(bureau.engine) as connection:
        return page_of(connection, bureau, person)


def page_of(connection: Connection, bureau: Bureau, person: str) -> str:
    """The same, in the caller's transaction."""
    generation = store.holders.page_generation(connection, person)
    token = bureau.page_token(person, generation or 0)
    if generation is None:
        store.holders.set_holder_page(connection, person, token_hash=hash_of(token))
    return token


def pages(bureau: Bureau) -> Mapping[str, str]:
    """The secret of each private page that there is, by its person."""
    with reading(bureau.engine) as connection:
        found = store.holders.page_generations(connection)
    return {person: bureau.page_token(person, generation) for person, generation in found.items()}


def replace_page(bureau: Bureau, person: str, *, by: str, role: str, reason: str, now: datetime) -> str:
    """Take a person's private link back and make a new one, whose secret comes out. Every link that ever led to
    them leads nowhere from now on, also those of ids that they had before they were merged.

    Raises:
        AuditError: no reason is given.
    """
    with writing(bureau.engine) as connection:
        token = page_of(connection, bureau, person)
        for one in people_service.ids_of(connection, person):
            generation = store.holders.page_generation(connection, one)
            if generation is None:
                continue
            made = bureau.page_token(one, generation + 1)
            store.holders.replace_page(connection, one, token_hash=hash_of(made), generation=generation + 1)
            audit.write(
                connection, actor=by, role=role, act="page.replace", reason=reason, now=now, person=one,
                details={"generation": generation + 1},
            )  # fmt: skip
            token = made if one == person else token
        return token


def forget_holder(connection: Connection, persons: Iterable[str]) -> None:
    """Leave of these persons' badges nothing but what a status list needs, in the transaction of their leaving."""
    for person in persons:
        store.holders.forget_holder(connection, person)


def forget_former_versions(connection: Connection, persons: Iterable[str]) -> None:
    """Erase what these persons' badges said before their present versions."""
    for person in persons:
        store.versions.forget_former_versions(connection, person)


def keep_quiet(connection: Connection, person: str) -> None:
    """Write to somebody of no new badge any more, until they let one be seen again: they hid everything."""
    store.holders.set_quiet(connection, person, quiet=True)


def revoke(engine: Engine, badge: Badge, *, reason: str, now: datetime, by: str = OPERATOR) -> bool:
    """Withdraw a badge for ever; False if it was withdrawn already. `by`: as the audit log names who does it.

    Raises:
        BadgeError: no reason was given.
    """
    if not reason.strip():
        raise BadgeError("A badge is withdrawn for a reason, which its holder is told.")
    with writing(engine) as connection:
        changed = store.badges.set_revoked(
            connection, badge.id, reason=reason.strip(), superseded_by=None, now=now
        )
        if changed:
            _note(connection, badge, "revoke", by=by, reason=reason, now=now)
        return changed


def suspend(engine: Engine, badge: Badge, *, reason: str, now: datetime) -> bool:
    """Let a badge give nothing until that is lifted; False if it is suspended already.

    Raises:
        BadgeError: no reason was given, it was withdrawn for good, or it has no place on a list of suspensions.
    """
    if not reason.strip():
        raise BadgeError("A badge is suspended for a reason, which its holder is told.")
    if not badge.standing:
        raise BadgeError("This badge was withdrawn; there is nothing to suspend.")
    if badge.suspension is None:
        raise BadgeError("The policy under which this badge was made uses no suspensions; it can only be revoked.")
    with writing(engine) as connection:
        changed = store.badges.set_suspended(connection, badge.id, reason=reason.strip(), now=now)
        if changed:
            _note(connection, badge, "suspend", by=OPERATOR, reason=reason, now=now)
        return changed


def reinstate(engine: Engine, badge: Badge, *, now: datetime) -> bool:
    """Lift a suspension; False if there is none. What was withdrawn stays so."""
    with writing(engine) as connection:
        changed = store.badges.set_suspended(connection, badge.id, reason=None, now=None)
        if changed:
            _note(connection, badge, "reinstate", by=OPERATOR, reason="the suspension was lifted", now=now)
            news.tell(connection, "person", badge.award.person)  # whose other badges may have waited for this
        return changed


def _note(connection: Connection, badge: Badge, act: str, *, by: str, reason: str, now: datetime) -> None:
    """In the audit log, whose reasons are one line and shorter than what a holder may be told."""
    said = "".join(one if one.isprintable() else " " for one in reason)[: MAX_TEXT["reason"]]
    audit.write(
        connection, actor=by, role="operator" if by == OPERATOR else "person", act=f"badge.{act}", reason=said,
        now=now, person=badge.award.person, subject=f"badge {badge.short_id}",
    )  # fmt: skip


def mend_restored(engine: Engine, *, journal: bool) -> int:
    """Make a restored copy fit to go on. With what its journal said since done again, badges whose newest
    version is not in the copy wait for `issuance.sign_anew`; without a journal nobody knows which places were
    given since, so new badges get places on new lists only. Comes out: how many badges wait.
    """
    with writing(engine) as connection:
        if not journal:
            store.lists.close_status_lists(connection, used=status.FILL_AT_MOST, numbers_left_out=LISTS_LEFT_OUT)
        store.versions.forget_lost_versions(connection)
    with reading(engine) as connection:
        return len(store.badges.badges_without_version(connection, after="", limit=ALL))


@dataclass(frozen=True)
class Figures:
    """How many badges there are in each state, and what waits."""

    by_state: Mapping[str, int]
    awards_waiting: int
    unsigned: int


def figures(engine: Engine) -> Figures:
    """The room in numbers."""
    with reading(engine) as connection:
        return Figures(*store.badges.counts(connection))


def status_list_content(
    bureau: Bureau, number: int, *, now: datetime, is_last: bool = False
) -> "JsonObject | None":
    """The status list of this number as a credential, not signed yet; None if there is none. `is_last`: it has no
    end, since the programme has.
    """
    with reading(bureau.engine) as connection:
        purpose = store.lists.purpose_of_status_list(connection, number) or ("revocation" if number == 1 else None)
        if purpose is None:
            return None
        indexes = store.lists.set_indexes(connection, number, purpose=purpose)
    url, moment = bureau.addresses.status_list(number), preparation.whole_seconds(now)
    return status.list_document(
        url=url, did=bureau.did, purpose=purpose, indexes=indexes, now=moment, is_last=is_last
    )


def status_list_numbers(engine: Engine) -> list[int]:
    """The numbers of all status lists; there is always a first one."""
    with reading(engine) as connection:
        return sorted({1, *store.lists.status_list_numbers(connection)})


def dictionaries(engine: Engine) -> list[tuple[Dictionary, str, str]]:
    """(dictionary, achievement id, kid) of every dictionary ever made; none is ever withdrawn."""
    with reading(engine) as connection:
        rows = store.dictionaries.all_dictionaries(connection)
    return [(Dictionary.parse(row.file.encode()), row.achievement, row.kid) for row in rows]


def packed(engine: Engine, jwt: str) -> bytes:
    """The badge packed for a QR code, with whichever of our dictionaries makes it smallest.

    Raises:
        BadgeError: no dictionary fits its key, or it is too large for a code that phones can read, as all that
            RSA signed are.
    """
    header = jws.parse(jwt).header.raw
    fitting = [d for d, _, _ in dictionaries(engine) if d.header == header]
    too_large = "This badge is too large for a QR code that phones can read; use its file or picture."
    try:
        made = min((badge_qr.pack(jwt, dictionary=d) for d in fitting), key=len, default=None)
    except badge_qr.BadgeQrError as error:
        raise BadgeError(too_large) from error
    if made is None or len(made) > badge_qr.HARD_LIMIT_URL_BYTES:
        raise BadgeError(too_large)
    return made


def read_own(jwt: str) -> OpenBadgeCredential:
    """What a badge that we signed ourselves says."""
    return credential.read(strict_json.loads_object(jws.parse(jwt).payload))


def existing(connection: Connection, badge_id: str) -> Badge:
    """The badge with this id, inside a transaction.

    Raises:
        BadgeError: there is none.
    """
    badge = store.badges.badge(connection, badge_id)
    if badge is None:
        raise BadgeError(f"There is no badge {badge_id}.")
    return badge
