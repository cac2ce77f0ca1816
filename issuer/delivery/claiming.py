"""How a badge comes into its holder's hand: a claim link is used, mailed again, or asked for anew.

Whoever uses a claim link gets the address of their private page, which stays theirs until it is replaced
(ADR 0016). Where a letter goes and which address a badge carries as a hash are two things: nothing here changes a
badge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from issuer.badges import letters
from issuer.badges import service as badges
from issuer.badges.bureau import Bureau
from issuer.badges.model import Badge, BadgeError
from issuer.ground import audit, mail
from issuer.ground.database import reading, writing
from issuer.ground.language import Voice
from issuer.notices import service as notices
from issuer.notices.model import ClaimLink, Delivery, Request
from issuer.people import service as people_service
from issuer.people.model import Person

LINKS_EACH = 3  # to one address within an hour, of those that people ask for: more would only fill a mailbox
WITHIN = timedelta(hours=1)
BADGES_EACH = 3  # unclaimed ones about which one request writes; the page shows all of them

LEFT, NO_SERVER = "Its holder has left", "This office has no mail server"
NO_ADDRESS, NOT_TOLD = "No address is known", "Not told yet what is kept"
HINDRANCES = (LEFT, NO_SERVER, NO_ADDRESS, NOT_TOLD)


@dataclass(frozen=True)
class Reach:
    """How a badge and its holder stand, for the team: the newest letter, or why there is none."""

    badge: Badge
    delivery: Delivery | None
    hindrance: str


def look(bureau: Bureau, token: str, *, now: datetime) -> tuple[ClaimLink, Badge]:
    """What a claim link is for. Looking uses nothing up.

    Raises:
        ClaimError: it opens nothing.
    """
    link = notices.look(bureau.engine, token, now=now)
    return link, badges.badge_by_id(bureau.engine, link.badge)


def claim(bureau: Bureau, token: str, *, now: datetime) -> tuple[str, ClaimLink]:
    """Use a claim link: the secret of its holder's private page comes out, once.

    Raises:
        ClaimError: it opens nothing, or somebody was faster.
    """
    with writing(bureau.engine) as connection:
        link = notices.claim(connection, token, now=now)
        return badges.page_of(connection, bureau, link.person), link


def resend(bureau: Bureau, badge: Badge, *, by: str, role: str, reason: str, to: str = "", now: datetime) -> str:
    """Mail a new claim link, to its holder's address or to another one (`to`); the links before work no more. Who
    sends a link elsewhere is in the audit log, and the holder's own address, if there is one, is told of it. Comes
    out: the address.

    Raises:
        BadgeError: this office sends no mail, no address is known, or the holder has left.
        MailError: there is no such address.
        AuditError: no reason is given.
    """
    if not bureau.mails:
        raise BadgeError("This office has no mail server: 'list' shows the private link, for whoever tells them.")
    with writing(bureau.engine) as connection:
        person = people_service.persons_behind(connection, {badge.award.person})[badge.award.person]
        if not people_service.is_present(person):
            raise BadgeError("Whoever earned this badge has left; nobody is written to.")
        address = to.strip() or person.email
        if address is None:
            raise BadgeError("No address of this holder is known: name one.")
        elsewhere = person.email is None or address.lower() != person.email.lower()
        _enter_link(connection, bureau, badge, person, address, elsewhere=elsewhere, say=person.voice, now=now)
        if elsewhere and person.email is not None:
            told = letters.of_link_elsewhere(person.email, badge.award, community=bureau.name, say=person.voice)
            mail.enter(connection, told, expires_at=now + notices.LETTER_LASTS, now=now)
        audit.write(
            connection, actor=by, role=role, act="badge.resend", reason=reason, now=now, person=badge.award.person,
            subject=f"badge {badge.short_id}", details={"elsewhere": elsewhere},
        )  # fmt: skip
    return address


def answer_requests(bureau: Bureau, *, now: datetime) -> int:
    """Mail new claim links to those who asked and whose address is known; strike off all others. Done apart from
    the page on which they ask, so that its answer takes the same time for every address. Comes out: how many
    letters were entered.
    """
    entered = 0
    for request in notices.requests(bureau.engine):
        with writing(bureau.engine) as connection:
            if notices.take_request(connection, request):
                entered += _answer(connection, bureau, request, now=now)
    return entered


def reach(bureau: Bureau, found: Sequence[Badge]) -> list[Reach]:
    """How badges stand with their holders."""
    with reading(bureau.engine) as connection:
        standing = notices.deliveries(connection, [badge.id for badge in found])
        people = people_service.persons_behind(connection, {badge.award.person for badge in found})
    return [
        Reach(badge, standing.get(badge.id), _hindrance(bureau, people.get(badge.award.person))) for badge in found
    ]


def _hindrance(bureau: Bureau, person: Person | None) -> str:
    """Why nobody could be written to about a badge: one of HINDRANCES, or empty."""
    if person is None or not people_service.is_present(person):
        return LEFT
    if not bureau.mails:
        return NO_SERVER
    if person.email is None:
        return NO_ADDRESS
    return NOT_TOLD if person.told_at is None else ""


def _answer(connection: Connection, bureau: Bureau, request: Request, *, now: datetime) -> int:
    address_hash = bureau.address_hash(request.address)
    if not bureau.mails or notices.mailed_since(connection, address_hash, since=now - WITHIN) >= LINKS_EACH:
        return 0
    written = notices.persons_written_at(connection, address_hash)
    owners = people_service.owners_of_address(connection, request.address)
    behind = people_service.persons_behind(connection, {*written, *owners})
    entered = 0
    for person in {one.id: one for one in behind.values()}.values():
        if not people_service.is_present(person):
            continue
        elsewhere = person.email is None or person.email.lower() != request.address.lower()
        for badge in _to_write_about(connection, person):
            _enter_link(
                connection,
                bureau,
                badge,
                person,
                request.address,
                elsewhere=elsewhere,
                say=Voice(request.language),
                now=now,
            )
            entered += 1
    return entered


def _to_write_about(connection: Connection, person: Person) -> list[Badge]:
    """A person's badges that stand and were not claimed, the newest first; if they have all, the newest one."""
    held = badges.signed_of(connection, people_service.ids_of(connection, person.id))
    standing = [badge for badge in held if badge.standing] or held
    delivered = notices.deliveries(connection, [badge.id for badge in standing])
    waiting = [badge for badge in standing if badge.id not in delivered or delivered[badge.id].state != "claimed"]
    return (waiting or standing[:1])[:BADGES_EACH]


def _enter_link(
    connection: Connection,
    bureau: Bureau,
    badge: Badge,
    person: Person,
    address: str,
    *,
    elsewhere: bool,
    say: Voice,
    now: datetime,
) -> None:
    token = notices.new_token()
    letter = letters.of_link(
        address,
        badge.award,
        community=bureau.name,
        link=bureau.addresses.claim_link(token),
        until=now + notices.LINK_LASTS,
        say=say,
    )
    notices.send(
        connection,
        letter,
        token,
        badge=badge.id,
        person=person.id,
        address_sha256=bureau.address_hash(address),
        elsewhere=elsewhere,
        now=now,
    )
