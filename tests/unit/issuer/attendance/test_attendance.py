"""Attendance: whoever is in the room counts once, whoever is not does not, and no name is kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from issuer.app import create_app
from issuer.attendance import model, service
from issuer.attendance.model import AttendanceError, Gathering
from issuer.ground.database import reading, writing
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy as policy_shape
from tests.unit.issuer.office import Office
from tests.unit.verifier.client import AppClient

RULE = policy_shape.load(EXAMPLE_POLICY.read_bytes(), name="example").attendance_code
DECLARED = datetime(2026, 6, 1, 12, tzinfo=UTC)
STARTS, ENDS = datetime(2026, 6, 10, 18, tzinfo=UTC), datetime(2026, 6, 10, 21, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@pytest.fixture
def engine(database: Engine) -> Engine:
    return database


class Phone(AppClient):
    """A client that keeps cookies, as a browser does."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(app)
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, **content: Any) -> httpx.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {**content.pop("headers", {}), **({"Cookie": cookies} if cookies else {})}
        answer = super().request(method, path, headers=headers, **content)
        self.cookies |= dict(answer.cookies)
        return answer


def declare(engine: Engine, *, capacity: int = 3, event: str = "paris-6") -> tuple[Gathering, str]:
    return service.declare(
        engine,
        event=event,
        title="Meetup in Paris",
        region="eu",
        starts=STARTS,
        ends=ENDS,
        capacity=capacity,
        now=DECLARED,
    )


def attend(engine: Engine, made: Gathering, visitor: str, *, at: datetime = STARTS, late: int = 0) -> str | None:
    """Somebody scans what the screen shows, and taps so many seconds later."""
    code = model.code_at(made, at, RULE)
    later = at + timedelta(seconds=late)
    return service.attend(engine, made.id, code, visitor=visitor, rule=RULE, now=later)


def counted(engine: Engine, event: str = "paris-6") -> model.Counted:
    with reading(engine) as connection:
        return service.counted(connection, [event])[event]


def test_each_browser_counts_once(engine: Engine) -> None:
    made, _ = declare(engine)
    assert attend(engine, made, "ada") == "counted"
    assert attend(engine, made, "ada", late=30) == "counted_before"
    assert attend(engine, made, "bob") == "counted"
    assert counted(engine) == model.Counted(2, None, 3)


def test_the_code_changes_every_period_and_an_old_one_is_refused(engine: Engine) -> None:
    made, _ = declare(engine)
    shown = {model.code_at(made, STARTS + timedelta(seconds=60 * n), RULE) for n in range(50)}
    assert len(shown) == 50
    assert attend(engine, made, "slow", late=119) == "counted"
    assert attend(engine, made, "outside", late=181) == "stale"
    assert service.attend(engine, made.id, "A" * 16, visitor="guess", rule=RULE, now=STARTS) == "stale"


@given(st.text(max_size=30))
def test_nothing_else_is_taken_for_a_code(text: str) -> None:
    made = Gathering("a", "e", "t", "eu", STARTS, ENDS, 3, bytes(20))
    good = {model.code_at(made, STARTS - timedelta(seconds=60 * n), RULE) for n in range(3)}
    assert model.is_good(made, text, STARTS, RULE) == (text.upper() in good)


def test_a_code_has_80_bits_and_says_nothing_about_another_room(engine: Engine) -> None:
    one, _ = declare(engine)
    other, _ = declare(engine, event="lyon-6")
    code = model.code_at(one, STARTS, RULE)
    assert len(code) * 5 >= RULE.secret_bits_at_least
    assert not model.is_good(other, code, STARTS, RULE)


def test_before_the_beginning_and_two_hours_after_the_end_nobody_counts(engine: Engine) -> None:
    made, _ = declare(engine)
    assert attend(engine, made, "early", at=STARTS - timedelta(minutes=1)) == "before"
    assert attend(engine, made, "last", at=ENDS + timedelta(hours=2)) == "counted"
    assert attend(engine, made, "late", at=ENDS + timedelta(hours=2, seconds=1)) == "closed"


def test_the_declared_capacity_is_the_ceiling_and_more_is_told_to_the_team(engine: Engine) -> None:
    made, _ = declare(engine, capacity=2)
    assert [attend(engine, made, name) for name in ("a", "b", "c")] == ["counted", "counted", "full"]
    assert counted(engine).proved == 2
    (matter,) = service.matters(engine)
    assert (matter.kind, matter.minutes) == ("flag", 3)
    assert "1 people came beyond the 2 that were declared" in matter.title


def test_capacity_is_declared_beforehand(engine: Engine) -> None:
    with pytest.raises(AttendanceError, match="before it starts"):
        service.declare(
            engine, event="e", title="t", region="eu", starts=STARTS, ends=ENDS, capacity=3, now=STARTS
        )
    declare(engine)
    with pytest.raises(AttendanceError, match="has a gathering already"):
        declare(engine, capacity=500)


@pytest.mark.parametrize(
    ("ends", "capacity"), [(STARTS, 3), (ENDS + timedelta(days=8), 3), (ENDS, 0), (ENDS, 20_001)]
)
def test_times_and_rooms_that_make_no_sense_are_refused(engine: Engine, ends: datetime, capacity: int) -> None:
    with pytest.raises(AttendanceError):
        service.declare(
            engine, event="e", title="t", region="eu", starts=STARTS, ends=ends, capacity=capacity, now=DECLARED
        )


def test_a_card_counts_once_and_within_the_ceiling(engine: Engine) -> None:
    made, token = declare(engine, capacity=3)
    codes = service.make_cards(engine, token, 2)
    assert codes is not None
    first = [service.use_card(engine, codes[0], rule=RULE, now=STARTS) for _ in range(2)]
    assert [used[1] for used in first if used] == ["counted", "counted_before"]
    assert service.use_card(engine, "0" * 20, rule=RULE, now=STARTS) is None
    with pytest.raises(AttendanceError, match="1 to 1 more"):
        service.make_cards(engine, token, 2)
    attend(engine, made, "a")
    attend(engine, made, "b")
    full = service.use_card(engine, codes[1], rule=RULE, now=STARTS)
    assert full is not None and full[1] == "full"


def test_a_list_at_the_door_needs_a_photograph_and_is_forgotten(engine: Engine) -> None:
    for photo, problem in [(b"GIF89a", "JPEG or PNG"), (PNG + bytes(9 << 20), "more than")]:
        with pytest.raises(AttendanceError, match=problem):
            service.add_door_list(engine, "old-1", people=40, photo=photo, now=ENDS)
    service.add_door_list(engine, "old-1", people=40, photo=PNG, now=ENDS)
    assert counted(engine, "old-1") == model.Counted(0, 40, None)
    with writing(engine) as connection:
        assert service.photo_of(connection, "old-1") == (PNG, "image/png")
        assert service.forget_photos(connection, now=ENDS + timedelta(days=59)) == 0
        assert service.forget_photos(connection, now=ENDS + timedelta(days=61)) == 1
        assert service.photo_of(connection, "old-1") is None
    assert counted(engine, "old-1").listed == 40


def test_visitors_of_two_gatherings_cannot_be_compared(engine: Engine) -> None:
    one, _ = declare(engine)
    other, _ = declare(engine, event="lyon-6")
    assert service._hash(one, "ada") != service._hash(other, "ada")


def test_event_qr_code_done(office: Office) -> None:
    """The whole way over HTTP: the room's screen, a phone's scan, one tap."""
    _, token = declare(office.engine, capacity=2)
    now = [STARTS - timedelta(hours=1)]
    app = create_app(office.settings.data, clock=lambda: now[0])
    room, phone, other = Phone(app), Phone(app), Phone(app)

    assert "The code appears here then" in room.get(f"/room/{token}/screen").text
    now[0] = STARTS + timedelta(minutes=5)
    assert f'href="/room/{token}/screen"' in room.get(f"/room/{token}").text
    screen = room.get(f"/room/{token}/screen")
    assert int(screen.headers["refresh"]) <= 15 and "data:image/png" in screen.text
    assert screen.headers["cache-control"] == "no-store"
    path = screen.text.partition('<a href="https://badges.example.org')[2].partition('"')[0]

    assert "Nothing about you is kept" in phone.get(path).text
    assert counted(office.engine).proved == 0, "looking alone counts nobody: programs follow links too"
    assert "Counted." in phone.post(path).text
    assert "Counted already." in phone.post(path).text
    assert "Counted." in other.post(path).text
    third = Phone(app).post(path)
    assert third.status_code == 409 and "The room is full" in third.text
    assert 'class="problem"' in third.text and 'class="note"' not in third.text, "not counted is not shown as done"
    now[0] += timedelta(minutes=5)
    stale = Phone(app).get(path)
    assert stale.status_code == 410 and "changes all the time" in stale.text
    french = Phone(app).get(path, headers={"Accept-Language": "fr"})
    assert '<html lang="fr">' in french.text and "changes all the time" not in french.text
    assert Phone(app).get("/here/nowhere/AAAA").status_code == 404
    assert {Phone(app).get(f"/room/nowhere{page}").status_code for page in ("", "/screen")} == {404}
    assert "2 people were counted." in room.get(f"/room/{token}/screen").text


def test_cards_and_the_list_over_http(office: Office) -> None:
    _, token = declare(office.engine)
    client = Phone(create_app(office.settings.data, clock=lambda: STARTS))
    printed = client.post(f"/room/{token}/cards", data={"number": "2"}).text
    path = printed.partition("https://badges.example.org/card/")[2].partition("<")[0]
    assert "I am here" in client.get(f"/card/{path}").text
    assert "Counted." in client.post(f"/card/{path}").text
    assert "Counted already." in client.post(f"/card/{path}").text
    assert client.get("/card/0000").status_code == 404
    refused = client.post(f"/room/{token}/cards", data={"number": "many"})
    assert refused.status_code == 422 and "no number of people" in refused.text

    sent = client.post(f"/room/{token}/list", data={"people": "12"}, files={"photo": ("list.png", PNG)})
    assert "12 names" in sent.text
    wrong = client.post(f"/room/{token}/list", data={"people": "12"}, files={"photo": ("list.txt", b"names")})
    assert wrong.status_code == 422
    assert counted(office.engine).listed == 12
