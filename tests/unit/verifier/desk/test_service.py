"""What a desk says: one word, what to do next, and nothing green that is not."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.verifier.registration.policies import document, policy
from tests.unit.verifier.simulator import Clock, DocumentsInMemory, IssuerSimulator, references
from verifier.desk.errors import UnknownDeskError
from verifier.desk.service import Desk
from verifier.ground.settings import Settings
from verifier.registration.errors import UnknownEventError
from verifier.registration.reasons import Reason
from verifier.registration.service import Registration
from verifier.verification.service import Verification

ISSUER = IssuerSimulator(revoked={7})


class Room:
    """A desk, its registration and the documents behind both."""

    def __init__(self, folder: Path) -> None:
        clock = Clock()
        self.documents = DocumentsInMemory.of([ISSUER])
        self.registration = Registration(
            Settings(folder), verification=Verification(self.documents, clock=clock), clock=clock
        )
        file = folder / "summit.yaml"
        file.write_bytes(document())
        self.registration.add_event(file)
        self.desk = Desk(self.registration, clock=clock)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.registration.engine.dispose()


def test_a_good_badge_is_a_grant_with_the_name_to_compare_and_its_age(room: Room) -> None:
    answer = room.desk.look(ISSUER.token().encode(), policy=policy())

    assert (answer.kind, answer.percent, answer.name) == ("grant", 50, "Ada Example")
    assert answer.age == timedelta(minutes=3)
    assert answer.voucher is None


def test_looking_twice_uses_nothing_up(room: Room) -> None:
    for _ in range(2):
        assert room.desk.look(ISSUER.token().encode(), policy=policy()).kind == "grant"


@pytest.mark.parametrize(
    ("token", "kind", "reason"),
    [
        (ISSUER.token(ISSUER.document(index=7)), "not_valid", Reason.NOT_VALID),
        (ISSUER.token()[:-4] + "AAAA", "not_valid", Reason.NOT_VALID),
        (ISSUER.token(ISSUER.document(name=None)), "ask_the_lead", Reason.NO_NAME_IN_BADGE),
        (ISSUER.token(ISSUER.document(achievement="recognised")), "no_discount", Reason.NOTHING_TO_REDEEM),
        (ISSUER.token(ISSUER.document(achievement="other")), "no_discount", Reason.NOT_ACCEPTED_HERE),
        (ISSUER.token(ISSUER.document(starts="2026-01-01")), "no_discount", Reason.OTHER_PERIOD),
    ],
)
def test_each_answer_has_its_word(room: Room, token: str, kind: str, reason: Reason) -> None:
    answer = room.desk.look(token.encode(), policy=policy())

    assert (answer.kind, answer.reason) == (kind, reason)
    assert answer.what_to_do


def test_what_could_not_be_found_out_is_never_green(room: Room) -> None:
    room.documents.documents.clear()
    answer = room.desk.look(ISSUER.token().encode(), policy=policy())

    assert answer.kind == "ask_the_lead"
    assert answer.age is None
    assert answer.name is None


def test_a_used_discount_is_calm_news(room: Room) -> None:
    token = ISSUER.token().encode()
    granted = room.desk.redeem(token, policy=policy(), matches=True, request_id="one")
    again = room.desk.redeem(token, policy=policy(), matches=True, request_id="two")

    assert (granted.kind, granted.percent) == ("granted", 50)
    assert granted.voucher
    assert (again.kind, again.voucher) == ("ticket_queue", None)
    assert room.desk.look(token, policy=policy()).kind == "ticket_queue"


def test_a_name_that_does_not_match_grants_nothing(room: Room) -> None:
    token = ISSUER.token().encode()

    assert room.desk.redeem(token, policy=policy(), matches=False, request_id="one").kind == "not_valid"
    assert room.desk.look(token, policy=policy()).kind == "grant"


def test_a_full_event_sends_people_to_the_lead(room: Room) -> None:
    small = policy(capacity=1)
    one, two = (
        ISSUER.token(ISSUER.document(reference=reference)).encode()
        for reference, _ in zip(references(), range(2), strict=False)
    )
    room.desk.redeem(one, policy=small, matches=True, request_id="one")

    answer = room.desk.redeem(two, policy=small, matches=True, request_id="two")
    assert (answer.kind, answer.reason) == ("ask_the_lead", Reason.NO_CAPACITY)


def test_a_link_opens_the_desk_of_its_event_and_of_no_other(room: Room) -> None:
    link = room.desk.make_link("summit-2027")

    assert room.desk.policy_of(link.removeprefix("/desk/")).event == "summit-2027"
    assert room.desk.make_link("summit-2027") != link
    for guess in ("", "guess", link):
        with pytest.raises(UnknownDeskError):
            room.desk.policy_of(guess)


def test_there_is_no_desk_for_an_unknown_event(room: Room) -> None:
    with pytest.raises(UnknownEventError):
        room.desk.make_link("nothing")
