"""Badges are drafted and signed without a lock: what changes before they are stored is noticed, none doubled."""

from collections import Counter
from collections.abc import Callable

import pytest

from issuer.badges import awarding, issuance, service, status, store
from issuer.badges.issuing import hands, intent, signing
from issuer.badges.issuing.places import Places
from issuer.badges.model import StatusPlace
from issuer.ground.database import reading, writing
from issuer.people import joining
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office


def awarded(office: Office, *who: str) -> None:
    for one in who:
        office.add_changes(one, count=3)
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets something happen once, after the first chunk was drafted and signed and before it is stored."""

    def between(act: Callable[[], object]) -> None:
        waiting, keep = [act], signing.keep_drafts

        def kept(*arguments: object, **named: object) -> int:
            while waiting:
                waiting.pop()()
            return keep(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(hands, "keep_drafts", kept)

    return between


Meanwhile = Callable[[Callable[[], object]], None]


def places(office: Office) -> list[StatusPlace]:
    return [place for badge in service.all_badges(office.engine) for _, place in badge.places]


def test_what_another_run_has_issued_meanwhile_is_not_issued_again(office: Office, meanwhile: Meanwhile) -> None:
    awarded(office, "ada", "dana")
    meanwhile(lambda: issuance.issue_some(office.bureau, now=NOW))
    assert issuance.issue(office.bureau, now=NOW) == 0, "the other one signed them"
    assert Counter(badge.award.person for badge in service.all_badges(office.engine)).most_common(1)[0][1] == 1
    assert len(service.all_badges(office.engine)) == 2


def test_a_place_that_was_taken_meanwhile_is_nobody_elses(
    office: Office, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    awarded(office, "ada")
    issuance.issue(office.bureau, now=NOW)  # the lists are there
    awarded(office, "dana")
    chosen: list[StatusPlace] = []
    choose = Places.choose

    def noted(self: Places, *arguments: object) -> list[StatusPlace]:
        found = choose(self, *arguments)  # type: ignore[arg-type]
        chosen.extend(found)
        return found

    def take() -> None:
        """Another badge, of Cy, gets the place that stands in a signature already."""
        first = chosen[0]
        monkeypatch.setattr(
            Places,
            "choose",
            lambda self, connection, purpose, count: (
                [first] if purpose == "revocation" else choose(self, connection, purpose, count)
            ),
        )
        office.add_changes("cy", count=3)
        cy = office.person("cy@books.example").id
        decided = recognition.decide_some(office.engine, office.policy, [cy], as_of=NOW)
        awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
        with writing(office.engine) as connection:
            waiting = store.awards.awards_without_badge(connection, limit=9)
            (award,) = [one for one in waiting if one.person == cy]
            intent.add_badges(connection, office.bureau, [(award, "urn:uuid:x")], now=NOW)
        monkeypatch.setattr(Places, "choose", noted)

    monkeypatch.setattr(Places, "choose", noted)
    meanwhile(take)
    assert issuance.issue(office.bureau, now=NOW) == 1, "whose place was gone gets another one"
    assert chosen[0] in places(office)
    assert len(set(places(office))) == len(places(office)) == 6, "three badges, each on a list for each purpose"


def test_who_was_merged_meanwhile_gets_one_reference(office: Office, meanwhile: Meanwhile) -> None:
    awarded(office, "ada")
    issuance.issue(office.bureau, now=NOW)
    awarded(office, "dana")
    kept, gone = office.person("ada@books.example"), office.person("dana@books.example")

    def merge() -> None:
        with writing(office.engine) as connection:
            joining.merge(connection, kept=kept.id, gone=gone.id, by="x", role="operator", now=NOW)

    meanwhile(merge)
    assert issuance.issue(office.bureau, now=NOW) == 1, "drafted again, for the person that they are now"
    both = [badge for who in (kept, gone) for badge in service.badges_of(office.engine, who.id)]
    assert len(both) == 2
    assert len({badge.reference for badge in both}) == 1


def test_who_leaves_meanwhile_gets_no_badge(office: Office, meanwhile: Meanwhile) -> None:
    awarded(office, "ada", "dana")

    def leave() -> None:
        with writing(office.engine) as connection:
            store.holders.forget_holder(connection, office.person("ada@books.example").id)

    meanwhile(leave)
    assert issuance.issue(office.bureau, now=NOW) == 1
    (badge,) = service.all_badges(office.engine)
    assert badge.award.person == office.person("dana@books.example").id


def test_chunks_on_their_way_never_choose_the_same_place_and_fill_no_list_over(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "ENTRIES", 8)
    monkeypatch.setattr(status, "FILL_AT_MOST", 4)
    run = Places()
    with reading(office.engine) as connection:
        chosen = [place for _ in range(5) for place in run.choose(connection, "revocation", 3)]
        others = run.choose(connection, "suspension", 2)
    assert len(set(chosen)) == 15
    assert Counter(place.list for place in chosen) == {1: 4, 2: 4, 3: 4, 4: 3}
    assert {place.list for place in others} == {5}, "a list is for one purpose"


def test_a_list_that_another_run_made_for_another_purpose_is_not_used(
    office: Office, meanwhile: Meanwhile
) -> None:
    awarded(office, "ada", "dana")

    def first() -> None:
        with writing(office.engine) as connection:
            store.lists.add_status_list(connection, 1, "suspension")

    meanwhile(first)
    assert issuance.issue(office.bureau, now=NOW) == 2
    with reading(office.engine) as connection:
        for badge in service.all_badges(office.engine):
            for purpose, place in badge.places:
                assert store.lists.purpose_of_status_list(connection, place.list) == purpose
                assert store.lists.newest_status_list(connection, purpose) == (place.list, 2)


def test_a_run_that_dies_before_it_stores_leaves_the_award_to_the_next(
    office: Office, meanwhile: Meanwhile
) -> None:
    awarded(office, "ada")

    class Killed(BaseException):
        """What a process does not survive."""

    def die() -> None:
        raise Killed

    meanwhile(die)
    with pytest.raises(Killed):
        issuance.issue(office.bureau, now=NOW)
    assert service.all_badges(office.engine) == []
    assert issuance.issue(office.bureau, now=NOW) == 1


def test_the_next_chunk_begins_behind_the_last_award(office: Office) -> None:
    awarded(office, "ada", "dana", "cy")
    with reading(office.engine) as connection:
        all_of_them = store.awards.awards_without_badge(connection, limit=9)
        seen, last = [], None
        while found := store.awards.awards_without_badge(connection, limit=1, after=last):
            seen += found
            last = (found[0].made_at, found[0].id)
    assert [one.id for one in seen] == [one.id for one in all_of_them] and len(seen) == 3
