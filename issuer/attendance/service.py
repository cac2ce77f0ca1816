"""Taking attendance: declaring a gathering beforehand, being counted once, cards, and the list at the door.

Counting needs no account and keeps no name; whoever is signed in may have it on their record. What a number is
worth is decided in `issuer.recognition`.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine

from issuer.attendance import model, store
from issuer.attendance.model import AttendanceError, Counted, Gathering
from issuer.contributions import service as contributions
from issuer.contributions.model import Contribution, Facts
from issuer.ground import audit, news
from issuer.ground.database import reading, writing
from issuer.ground.matters import Matter
from issuer.ground.tokens import hash_of
from issuer.people import service as people
from issuer.people.model import Account
from schemas.policy import AttendanceCode

MAX_CAPACITY = 20_000
MAX_NAME_CHARACTERS = 60  # of what an event is called by its title
EVERYWHERE = "*"
MAX_TITLE_CHARACTERS = 200
MAX_HOURS = 24 * 7  # of one gathering
MAX_PHOTO_BYTES = 8 << 20
KEEP_PHOTO_DAYS = 60
MINUTES_FOR_A_FULL_ROOM = 3
TURNED_AWAY_SHARE = 0.1  # of the declared capacity; fewer are people who scanned twice with two phones
_PHOTOS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}

SOURCE, ATTENDED = "attendance", "event.attended"  # as a policy's `from` and kinds call them
_PRESENT = ("counted", "counted_before")

Answer = Literal["counted", "counted_before", "full", "before", "closed", "stale"]


@dataclass(frozen=True, slots=True)
class Room:
    """What the organisers' private link shows. `code` is None while nobody is counted."""

    gathering: Gathering
    when: model.Moment
    counted: int
    code: str | None
    seconds_left: int
    closes: datetime
    cards: int


def declare(
    engine: Engine,
    *,
    event: str,
    title: str,
    region: str,
    starts: datetime,
    ends: datetime,
    capacity: int,
    now: datetime,
) -> tuple[Gathering, str]:
    """Say beforehand when a gathering is and how many the room holds: the gathering, and the secret of the
    organisers' private link, which is told only once.

    Raises:
        AttendanceError: it has begun, its times or its capacity make no sense, or the event has one.
    """
    if not 0 < len(event.strip()) <= MAX_TITLE_CHARACTERS or not 0 < len(title.strip()) <= MAX_TITLE_CHARACTERS:
        raise AttendanceError(f"A gathering has an event and a title, of 1 to {MAX_TITLE_CHARACTERS} characters.")
    if starts <= now:
        raise AttendanceError(
            "A gathering is declared before it starts; for one that is over there is the list at the door."
        )
    if not starts < ends <= starts + timedelta(hours=MAX_HOURS):
        raise AttendanceError("A gathering ends after it starts, and within a week.")
    if not 0 < capacity <= MAX_CAPACITY:
        raise AttendanceError(f"A room holds 1 to {MAX_CAPACITY} people, not {capacity}.")
    secret = secrets.token_bytes(model.SECRET_BYTES)
    made = Gathering(secrets.token_hex(8), event.strip(), title.strip(), region, starts, ends, capacity, secret)
    token = secrets.token_urlsafe(24)
    with writing(engine) as connection:
        if not store.add(connection, made, room_hash=hash_of(token)):
            raise AttendanceError(f"{event} has a gathering already.")
    return made, token


def declare_own(
    engine: Engine,
    person_id: str,
    *,
    title: str,
    region: str,
    starts: datetime,
    hours: int,
    capacity: int,
    now: datetime,
) -> tuple[Gathering, str]:
    """The same for somebody who is signed in: the event is named after its title and day; noted in the audit log.

    Raises:
        AttendanceError: as for `declare`.
    """
    words = "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())[:MAX_NAME_CHARACTERS]
    event = f"{words or 'event'}-{starts:%Y-%m-%d}-{secrets.token_hex(2)}"
    begins = max(starts, now + timedelta(milliseconds=1))  # said before it begins, if only just
    if not 0 < hours <= MAX_HOURS:
        raise AttendanceError("A gathering ends after it starts, and within a week.")
    ends = begins + timedelta(hours=hours)
    made, token = declare(
        engine,
        event=event,
        title=title,
        region=region.strip() or EVERYWHERE,
        starts=begins,
        ends=ends,
        capacity=capacity,
        now=now,
    )
    with writing(engine) as connection:
        audit.write(
            connection,
            actor=person_id,
            role="person",
            act="gathering.declare",
            reason="before it begins",
            now=now,
            subject=f"gathering {made.id}",
        )
    return made, token


def room(engine: Engine, token: str, *, rule: AttendanceCode, now: datetime) -> Room | None:
    """What the screen in the room shows now; None for a link that leads nowhere."""
    with reading(engine) as connection:
        gathering = store.by_room(connection, hash_of(token))
        if gathering is None:
            return None
        counted, cards = store.count(connection, gathering.id), store.count_cards(connection, gathering.id)
    when = model.is_on(gathering, now, rule)
    code = model.code_at(gathering, now, rule) if when == "open" else None
    left = model.seconds_left(now, rule)
    return Room(gathering, when, counted, code, left, model.closes(gathering, rule), cards)


def scanned(
    engine: Engine, gathering_id: str, code: str, *, rule: AttendanceCode, now: datetime
) -> tuple[Gathering, Answer | None] | None:
    """The gathering that a scanned code names, and what is in the way of being counted now, if anything is. None:
    there is no such gathering.
    """
    gathering = gathering_of(engine, gathering_id)
    if gathering is None:
        return None
    when = model.is_on(gathering, now, rule)
    if when != "open":
        return gathering, when
    return gathering, None if model.is_good(gathering, code, now, rule) else "stale"


def gathering_of(engine: Engine, gathering_id: str) -> Gathering | None:
    """The gathering that a scanned code names."""
    with reading(engine) as connection:
        return store.by_id(connection, gathering_id)


def attend(
    engine: Engine, gathering_id: str, code: str, *, visitor: str, rule: AttendanceCode, now: datetime
) -> Answer | None:
    """Count somebody who scanned the screen, once for each `visitor` (a random word that their browser keeps).

    None: there is no such gathering.
    """
    with writing(engine) as connection:
        return _attend(connection, gathering_id, code, visitor=visitor, rule=rule, now=now)


def _attend(
    connection: Connection, gathering_id: str, code: str, *, visitor: str, rule: AttendanceCode, now: datetime
) -> Answer | None:
    gathering = store.by_id(connection, gathering_id)
    if gathering is None:
        return None
    known = _hash(gathering, visitor)
    if store.has_visitor(connection, gathering.id, known):
        return "counted_before"
    when = model.is_on(gathering, now, rule)
    if when != "open":
        return when
    if not model.is_good(gathering, code, now, rule):
        return "stale"
    return _count(connection, gathering, known, now=now)


def attend_by_name(
    engine: Engine,
    gathering_id: str,
    code: str,
    person_id: str,
    *,
    visitor: str,
    rule: AttendanceCode,
    now: datetime,
) -> Answer | None:
    """Count somebody who is signed in, and put it on their record: the same transaction, and once each.

    A browser that was counted before without a name adds the record and no second head. None: no such gathering.
    """
    with writing(engine) as connection:
        answer = _attend(connection, gathering_id, code, visitor=visitor, rule=rule, now=now)
        person = people.person_by_id(connection, person_id)
        gathering = store.by_id(connection, gathering_id)
        if answer not in _PRESENT or person is None or gathering is None:
            return answer
        if not model.is_good(gathering, code, now, rule) or model.is_on(gathering, now, rule) != "open":
            return "stale"
        account = next(
            (one for one in person.accounts if one.system == "mail"), min(person.accounts, default=None)
        )
        if account is not None:
            contributions.keep(connection, [_attended(gathering, account)], now=now)
    return answer


def _attended(gathering: Gathering, account: Account) -> Contribution:
    facts = Facts(title=gathering.title, event=gathering.event)
    number = _hash(gathering, str(account))[:32]
    return Contribution(SOURCE, f"{gathering.id}:{number}", ATTENDED, account, gathering.starts, facts)


def make_cards(engine: Engine, token: str, number: int) -> list[str] | None:
    """New single-use cards for those without a phone, as codes to be printed; None for a link that leads nowhere.

    Raises:
        AttendanceError: not a number of cards, or more than the room holds.
    """
    codes = [secrets.token_hex(model.CODE_BYTES).upper() for _ in range(max(number, 0))]
    with writing(engine) as connection:
        gathering = store.by_room(connection, hash_of(token))
        if gathering is None:
            return None
        there = store.count_cards(connection, gathering.id)
        if not 0 < number <= gathering.capacity - there:
            raise AttendanceError(
                f"The room holds {gathering.capacity}, and {there} cards are printed: 1 to"
                f" {gathering.capacity - there} more can be."
            )
        store.add_cards(connection, gathering.id, [hash_of(code) for code in codes])
    return codes


def use_card(engine: Engine, code: str, *, rule: AttendanceCode, now: datetime) -> tuple[Gathering, Answer] | None:
    """Count whoever has this card, once; None for a code that is no card's."""
    code_hash = hash_of(code.strip().upper())
    with writing(engine) as connection:
        found = store.card(connection, code_hash)
        gathering = store.by_id(connection, found[0]) if found else None
        if found is None or gathering is None:
            return None
        if found[1] is not None:
            return gathering, "counted_before"
        when = model.is_on(gathering, now, rule)
        if when != "open":
            return gathering, when
        answer = _count(connection, gathering, _hash(gathering, f"card {code_hash}"), now=now)
        if answer == "counted":
            store.use_card(connection, code_hash, now=now)
        return gathering, answer


def card_of(engine: Engine, code: str) -> Gathering | None:
    """The gathering that a card is for."""
    with reading(engine) as connection:
        found = store.card(connection, hash_of(code.strip().upper()))
        return store.by_id(connection, found[0]) if found else None


def add_door_list(engine: Engine, event: str, *, people: int, photo: bytes, now: datetime) -> None:
    """The list at the door, for what is over: how many names it has, and its photograph, which attestors of the
    event see and which is forgotten after they have answered, at most 60 days later.

    Raises:
        AttendanceError: not a number of people, or no photograph.
    """
    if not 0 < people <= MAX_CAPACITY:
        raise AttendanceError(f"A list has 1 to {MAX_CAPACITY} names, not {people}.")
    if len(photo) > MAX_PHOTO_BYTES:
        raise AttendanceError(f"The photograph has more than {MAX_PHOTO_BYTES >> 20} MB.")
    kinds = [kind for begins, kind in _PHOTOS.items() if photo.startswith(begins)]
    if not kinds:
        raise AttendanceError("The photograph is no JPEG or PNG picture.")
    with writing(engine) as connection:
        store.set_door_list(connection, event, people=people, photo=photo, media_type=kinds[0], now=now)
        news.tell(connection, "event", event)


def photo_of(connection: Connection, event: str) -> tuple[bytes, str] | None:
    """The photograph of an event's list and its media type, for who attests it."""
    return store.photo(connection, event)


def forget_photos(connection: Connection, *, now: datetime, answered: Iterable[str] = ()) -> int:
    """Forget photographs that were kept long enough, and those of events whose attestors have answered."""
    return store.forget_photos(connection, before=now - timedelta(days=KEEP_PHOTO_DAYS), events=answered)


def counted(connection: Connection, events: Iterable[str]) -> Mapping[str, Counted]:
    """How many were at these events, for those of which anything is known."""
    numbers = store.numbers(connection, sorted(set(events)))
    return {event: Counted(*values) for event, values in numbers.items()}


def matters(engine: Engine) -> list[Matter]:
    """Gatherings at which many more came than their organisers had declared."""
    with reading(engine) as connection:
        found = store.overfull(connection)
    return [
        Matter(
            kind="flag",
            key=f"gathering {gathering.id}",
            title=f"{gathering.title}: {away} people came beyond the {gathering.capacity} that were declared.",
            since=gathering.ends,
            minutes=MINUTES_FOR_A_FULL_ROOM,
            default="The declared number stays the ceiling.",
            page="/team/inbox",
        )
        for gathering, away in found
        if away >= max(1, gathering.capacity * TURNED_AWAY_SHARE)
    ]


def _count(connection: Connection, gathering: Gathering, visitor: str, *, now: datetime) -> Answer:
    if store.count(connection, gathering.id) >= gathering.capacity:
        store.turn_away(connection, gathering.id)
        return "full"
    store.add_visitor(connection, gathering.id, visitor, now=now)
    news.tell(connection, "event", gathering.event)
    return "counted"


def _hash(gathering: Gathering, visitor: str) -> str:
    """Another one for each gathering: two of them cannot be compared."""
    return hashlib.sha256(gathering.secret + b"\0visitor\0" + visitor.encode()).hexdigest()
