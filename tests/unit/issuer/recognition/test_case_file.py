"""A case file repeats a decision bit for bit, names nobody else, and shows every change made to it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuer.recognition import case_file
from issuer.recognition.decision import Rules
from issuer.recognition.item import Item
from tests.unit.issuer.recognition.contributions import (
    AS_OF,
    bug,
    change,
    days_ago,
    example,
    meetup,
    review,
    runbook,
    story,
    support_reply,
    survey,
    talk,
    words,
)

MAKERS: list[Callable[[str, int], Item]] = [
    lambda name, days: change(name, when=days_ago(days)),
    lambda name, days: runbook(name, when=days_ago(days)),
    lambda name, days: bug(name, when=days_ago(days)),
    lambda name, days: meetup(name, when=days_ago(days), voices=days % 3),
    lambda name, days: talk(name, when=days_ago(days)),
    lambda name, days: words(name, f"{days * 3 + 1}.5", when=days_ago(days)),
    lambda name, days: review(name, when=days_ago(days)),
    lambda name, days: story(name, when=days_ago(days)),
    lambda name, days: support_reply(name, when=days_ago(days)),
    lambda name, _: survey(name),
]
histories = st.lists(st.tuples(st.sampled_from(MAKERS), st.integers(0, 900)), max_size=25).map(
    lambda made: [make(f"i{number}", days) for number, (make, days) in enumerate(made)]
)


def written(items: list[Item]) -> bytes:
    return case_file.write(items, Rules.of(example()), as_of=AS_OF)


@given(items=histories)
@settings(max_examples=60, deadline=None)
def test_a_decision_is_repeated_bit_for_bit_from_its_file(items: list[Item]) -> None:
    data = written(items)
    assert written(items[::-1]) == data
    done = case_file.recompute(data)
    assert done.same, done.differences


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda case: case["decision"].update(tier="sustained"), ("tier",)),
        (lambda case: case["items"].pop(), ("credits", "lines", "smallest_change")),
        (lambda case: case["items"][0]["facts"].update(changed_lines=1), ()),
    ],
)
def test_what_was_changed_is_found(changed: Callable[[Any], Any], said: tuple[str, ...]) -> None:
    case = json.loads(written([change("a", when=days_ago(40)), change("b"), change("c")]))
    changed(case)
    done = case_file.recompute(json.dumps(case).encode())
    assert not done.same
    assert set(said) <= set(done.differences)


def test_rules_that_are_not_those_of_the_digest_are_refused() -> None:
    case = json.loads(written([change("a")]))
    case["policy"]["document"] += "\n# a remark"
    with pytest.raises(case_file.CaseFileError, match="are not those of the SHA-256 that it names"):
        case_file.recompute(json.dumps(case).encode())


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"[]", "cannot be read"),
        (b"{}", "no case file of the format"),
        (b'{"format": "badgewright-case/1", "engine": "0"}', "decided by the engine '0'"),
        (b'{"format": "badgewright-case/1", "engine": "1", "policy": {}}', "is damaged"),
    ],
)
def test_what_is_no_case_file_is_said_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(case_file.CaseFileError, match=sentence):
        case_file.recompute(data)


def test_other_people_are_not_in_it() -> None:
    item = change("a", accepted_by=["git:bob@books.example"])
    data = written([item]).decode()
    assert "bob" not in data and "somebody-else" not in data
