"""Journals put together: the same in any order, however often; one keeps it, and each other one is told."""

import random
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys.signer import Signer
from tests.unit.verifier.desk.keys import desk_key
from tests.unit.verifier.simulator import NOW
from verifier.desk import merge
from verifier.desk.errors import JournalError
from verifier.desk.formats import journal
from verifier.desk.formats.journal import Entry
from verifier.desk.merge import Given, Tally

HOLDERS = [f"holder-{number}" for number in range(6)]


@cache
def key(desk: str) -> Signer:
    return desk_key(desk)


def entry(desk: str, seq: int, prev: str | None, **claims: object) -> str:
    said = {
        "event": "summit-2027",
        "desk": desk,
        "seq": seq,
        "prev": prev,
        "at": (NOW + timedelta(minutes=seq)).isoformat(),
        "entitlement": "ticket-discount",
        "issuer": "did:web:badges.example.org",
        "achievement": "https://badges.example.org/a",
        "percent": 50,
        "value": 400,
        "name": "Ada Example",
    }
    return journal.write(Entry.model_validate(said | claims), signer=key(desk))


def journal_of(desk: str, acts: Iterable[tuple[str, int, int]]) -> list[str]:
    """A desk's journal. Each act: its kind, its holder's number, minutes after opening."""
    written: list[str] = []
    for number, (kind, holder, minute) in enumerate(acts, start=1):
        prev = journal.hash_of(written[-1]) if written else None
        at = {"at": (NOW + timedelta(minutes=minute)).isoformat(), "request_id": f"{holder}"}
        rings = {"granted": 1, "provisional": 3, "override": 3}
        more = {"ring": rings[kind], "holders": [HOLDERS[holder]]} if kind in rings else {"reason": "a mistake"}
        initials = {"initials": "AE"} if kind == "override" else {}
        written.append(entry(desk, number, prev, kind=kind, **at, **more, **initials))
    return written


ACTS = st.tuples(
    st.sampled_from(["granted", "provisional", "provisional", "override", "undo", "refused"]),
    st.integers(0, len(HOLDERS) - 1),
    st.integers(0, 20),
)
JOURNALS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(ACTS, max_size=7), max_size=3).map(
    lambda desks: [token for desk, acts in desks.items() for token in journal_of(desk, acts)]
)


@settings(max_examples=150, deadline=None)
@given(JOURNALS, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(entries: list[str], order: random.Random) -> None:
    shuffled = entries + entries[:3]
    order.shuffle(shuffled)

    assert merge.tally(shuffled) == merge.tally(entries)


@settings(max_examples=100, deadline=None)
@given(JOURNALS, st.sets(st.sampled_from(HOLDERS)))
def test_each_holder_keeps_at_most_one_and_every_other_is_a_conflict(entries: list[str], before: set[str]) -> None:
    found = merge.tally(entries, before=before)
    keeping = [holder for one in found.standing for holder in one.holders]

    assert len(keeping) == len(set(keeping))
    assert before.isdisjoint(keeping)
    undone = {one.request for one in map(journal.read, entries) if one.kind == "undo"}
    given_away = {
        one.holders
        for one in map(journal.read, entries)
        if one.kind in journal.GIVING and one.request not in undone
    }
    told = {tuple(sorted(one.holders)) for one in found.standing}
    told |= {tuple(sorted(conflict.second.holders)) for conflict in found.conflicts}
    assert given_away == told


@settings(max_examples=60, deadline=None)
@given(JOURNALS, JOURNALS)
def test_merging_merged_sets_is_merging_all(one: list[str], other: list[str]) -> None:
    assert merge.tally([*one, *other]) == merge.tally({*other, *one, *one})


def tally(*journals: list[str], **more: object) -> Tally:
    return merge.tally([token for entries in journals for token in entries], **more)  # type: ignore[arg-type]


def test_online_comes_before_the_hub_and_the_hub_before_offline() -> None:
    early_offline = journal_of("a", [("provisional", 0, 1)])
    late_hub = journal_of("b", [("granted", 0, 9)])

    (conflict,) = tally(early_offline, late_hub).conflicts
    assert (conflict.second.desk, conflict.first and conflict.first.desk) == ("a", "b")
    found = tally(early_offline, late_hub, before=[HOLDERS[0]])
    assert [(conflict.second.desk, conflict.first) for conflict in found.conflicts] == [("b", None), ("a", None)]


def test_among_desks_that_were_cut_off_the_earlier_one_keeps_it() -> None:
    (conflict,) = tally(
        journal_of("a", [("provisional", 0, 5)]), journal_of("b", [("provisional", 0, 4)])
    ).conflicts

    assert (conflict.second.desk, conflict.second.value) == ("a", 400)


def test_what_was_undone_counts_for_nothing_even_if_it_comes_first() -> None:
    undone = journal_of("a", [("provisional", 0, 1), ("undo", 0, 2)])
    found = tally(undone[::-1], journal_of("b", [("provisional", 0, 3)]))

    assert [one.desk for one in found.standing] == ["b"]
    assert [one.desk for one in found.undone] == ["a"]
    assert found.conflicts == ()


def test_a_grant_that_the_hub_wrote_down_is_the_desk_s_own() -> None:
    kept = Given("hub", NOW, "a", 0, "0", frozenset({HOLDERS[0]}))
    entries = journal_of("a", [("granted", 0, 1)])

    assert tally(entries, known=[kept]).standing == (kept,)
    assert tally(entries, answered=[("a", "0")]).standing == ()  # taken back since, as the ledger says
    assert len(tally(entries).standing) == 1


def test_a_gap_and_a_fork_are_shown() -> None:
    one = journal_of("a", [("refused", 0, minute) for minute in range(6)])
    other = journal_of("a", [("refused", 0, 0), ("refused", 0, 1), ("refused", 1, 2)])
    (span,) = tally([one[0], one[1], one[2], one[5]], [other[2]]).spans

    assert (span.upto, span.last, span.gaps, span.forks) == (3, 6, ((4, 5),), (3,))
    assert not span.is_whole
    names = [
        ("a", seq, journal.hash_of(token)) for seq, token in ((1, one[0]), (2, one[1]), (3, one[2]), (6, one[5]))
    ]
    assert merge.numbered([*names, ("a", 3, journal.hash_of(other[2]))]) == (span,)


def test_an_entry_that_follows_another_history_is_shown() -> None:
    one = journal_of("a", [("refused", 0, 0), ("refused", 0, 1)])
    other = journal_of("a", [("refused", 1, 0), ("refused", 1, 1)])

    assert tally([one[0], other[1]]).spans[0].broken == (2,)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seq": 0},
        {"seq": 2, "prev": None},
        {"prev": "x"},
        {"kind": "gift"},
        {"holders": []},
        {"ring": 1},
        {"name": None},
        {"percent": 0},
        {"at": "now"},
        {"layout": 2},
    ],
)
def test_an_entry_that_is_not_whole_is_refused_with_one_sentence(wrong: dict[str, Any]) -> None:
    from verifier.desk.formats import tokens

    good = journal.read(journal_of("a", [("provisional", 0, 1)])[0]).to_json()
    token = tokens.sign(good | wrong, typ=tokens.JOURNAL, signer=key("a"))

    with pytest.raises(JournalError, match=r"\.$"):
        journal.verified(token, key=key("a").public, event="summit-2027", desk="a")


def test_a_lead_may_give_what_nobody_could_judge() -> None:
    made = entry("a", 1, None, kind="override", ring=3, request_id="1", initials="AE", holders=[], issuer="")

    assert journal.verified(made, key=key("a").public, event="summit-2027", desk="a").kind == "override"
    assert len(tally([made]).standing) == 1
