"""A merged change and its reviews are what Gerrit's answer says of people; machines and bare opinions are not."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from issuer.contributions.model import Contribution
from issuer.contributions.sources.gerrit import GerritError, read_changes
from issuer.ground.outbound import Outbound
from issuer.people.model import Account

BASE = "https://review.example"
OWNER, REVIEWER, OTHER, GATE = 1, 2, 3, 9
SHA = "a" * 40


def at(hour: int) -> str:
    return f"2026-03-01 {hour:02}:00:00.000000000"


def said(who: int, text: str, *, hour: int, **more: Any) -> dict[str, Any]:
    return {"author": {"_account_id": who}, "message": text, "date": at(hour), **more}


def change(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "books%2Fshelf~main~I1",
        "project": "books/shelf",
        "status": "MERGED",
        "subject": "A change",
        "submitted": at(20),
        "insertions": 10,
        "deletions": 2,
        "_number": 7,
        "owner": {"_account_id": OWNER},
        "messages": list(messages),
        **more,
    }


def answer(*changes: dict[str, Any]) -> bytes:
    return b")]}'\n" + json.dumps(changes).encode()


class Server:
    """Pages by their start, as `httpx` asks for them."""

    def __init__(self, pages: dict[int, bytes]) -> None:
        self.pages = pages
        self.asked: list[httpx.URL] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        return httpx.Response(200, content=self.pages[int(request.url.params["S"])])

    def read(self, **more: Any) -> list[list[Contribution]]:
        outbound = Outbound(transport=httpx.MockTransport(self))
        return list(read_changes(outbound, BASE, **{"project": "books/shelf", **more}))


def read(*changes: dict[str, Any]) -> list[Contribution]:
    return Server({0: answer(*changes)}).read()[0]


def reviews(*messages: dict[str, Any], **more: Any) -> dict[str, Contribution]:
    return {made.account.name: made for made in read(change(*messages, **more)) if made.record == "review"}


def the_change(*messages: dict[str, Any], **more: Any) -> Contribution:
    return next(made for made in read(change(*messages, **more)) if made.record == "change")


def acceptors(*messages: dict[str, Any], **more: Any) -> list[str]:
    return [account.name for account in the_change(*messages, **more).facts.accepted_by]


def test_merged_change_is_its_owners_at_the_time_of_submission() -> None:
    made = the_change(current_revision=SHA)
    assert (made.source, made.id, made.record) == ("gerrit", "books/shelf~7", "change")
    assert made.account == Account("gerrit", "1")
    assert made.happened_at == datetime(2026, 3, 1, 20, tzinfo=UTC)
    assert made.facts.changed_lines == 12
    assert made.facts.commit == SHA
    assert made.evidence == "https://review.example/c/books/shelf/+/7"


@pytest.mark.parametrize("status", ["NEW", "ABANDONED"])
def test_change_that_is_not_merged_gives_nothing(status: str) -> None:
    assert read(change(said(REVIEWER, "Patch Set 1: Code-Review+2", hour=1), status=status)) == []


def test_question_names_project_status_date_and_details() -> None:
    server = Server({0: answer()})
    server.read(since=datetime(2026, 1, 2, 3, tzinfo=UTC), page_size=50)
    (url,) = server.asked
    assert url.path == "/changes/"
    assert url.params["q"] == 'project:books/shelf status:merged mergedafter:"2026-01-02 03:00:00 +0000"'
    assert (url.params["n"], url.params["S"]) == ("50", "0")
    assert {"DETAILED_ACCOUNTS", "CURRENT_FILES", "MESSAGES", "DETAILED_LABELS"} <= set(url.params.get_list("o"))


def test_submitter_and_standing_voters_accept_and_the_owner_does_not() -> None:
    messages = [
        said(OWNER, "Patch Set 1: Code-Review+2 Workflow+1", hour=1),
        said(REVIEWER, "Patch Set 1: Workflow+1", hour=2),
        said(OTHER, "Patch Set 1: Code-Review+1", hour=3),
    ]
    assert acceptors(*messages, submitter={"_account_id": 5}) == ["5", "2"]
    assert acceptors(*messages, submitter={"_account_id": OWNER}) == ["2"]


def test_votes_in_labels_count_where_messages_are_silent() -> None:
    labels = {
        "Code-Review": {
            "all": [{"_account_id": REVIEWER, "value": 2, "date": at(4)}, {"_account_id": OTHER, "value": 0}]
        },
        "Verified": {"all": [{"_account_id": GATE, "value": 2, "date": at(4)}]},
    }
    made = reviews(labels=labels)
    assert {name: review.facts.vote for name, review in made.items()} == {"2": "CR+2"}
    assert made["2"].happened_at == datetime(2026, 3, 1, 4, tzinfo=UTC)
    assert acceptors(labels=labels) == ["2"]


@pytest.mark.parametrize(
    ("texts", "vote"),
    [
        (["Patch Set 1: Code-Review+2"], "CR+2"),
        (["Patch Set 1: Code-Review-2\n\nNo."], "CR-2"),
        (["Patch Set 1: Workflow+1"], "W+1"),
        (["Patch Set 1: Code-Review+2 Workflow+1\n\n(2 comments)"], "CR+2"),
        (["Patch Set 1: Code-Review-2", "Patch Set 2: Code-Review+2"], "CR+2"),
        (["Patch Set 1: Code-Review+2 Workflow+1", "Patch Set 1: -Code-Review"], "W+1"),
        (["Patch Set 1: Code-Review+2", "Patch Set 1: -Code-Review"], None),
        (["Patch Set 1: Code-Review+2", "Patch Set 2: Code-Review+1"], None),
        (["Patch Set 1: Code-Review+2", "Patch Set 1: -Workflow"], "CR+2"),
        (["Patch Set 1: Code-Review+1"], None),
        (["Patch Set 1: Code-Review-1"], None),
        (["Patch Set 1: Verified+2"], None),
        (["Patch Set 1:\n\nCode-Review+2"], None),
        (["Patch Set 1: I would give Code-Review+2"], None),
        (["Code-Review+2"], None),
    ],
)
def test_vote_that_stands_last_decides(texts: list[str], vote: str | None) -> None:
    made = reviews(*(said(REVIEWER, text, hour=hour) for hour, text in enumerate(texts)))
    assert {name: review.facts.vote for name, review in made.items()} == ({"2": vote} if vote else {})


def test_review_says_whose_change_it_was_and_when_the_vote_was_given() -> None:
    messages = [
        said(REVIEWER, "Patch Set 2: Code-Review+2", hour=5),
        said(REVIEWER, "Patch Set 1: Code-Review-2", hour=3),
    ]
    made = reviews(*messages)["2"]
    assert made.id == "books/shelf~7:review:2"
    assert made.facts.owner == Account("gerrit", "1")
    assert made.facts.vote == "CR+2"
    assert made.happened_at == datetime(2026, 3, 1, 5, tzinfo=UTC)


def test_comment_that_the_owner_answered_by_a_new_patch_set_is_a_review() -> None:
    comment = said(REVIEWER, "Patch Set 1: Code-Review-1\n\n(3 comments)\n\nPlease.", hour=2)
    made = reviews(comment, said(OWNER, "Uploaded patch set 2.", hour=3))["2"]
    assert (made.facts.vote, made.facts.answered_by_new_patch_set) == (None, True)
    assert made.happened_at == datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "after",
    [
        said(OWNER, "Uploaded patch set 2.", hour=1),
        said(OTHER, "Uploaded patch set 2.", hour=3),
        said(OWNER, "Uploaded patch set 2: Patch Set 1 was rebased.", hour=3),
        said(OWNER, "Patch Set 1: Done", hour=3),
    ],
)
def test_comment_that_nothing_answered_is_none(after: dict[str, Any]) -> None:
    assert reviews(said(REVIEWER, "Patch Set 1:\n\n(1 comment)", hour=2), after) == {}


@pytest.mark.parametrize(
    "gate",
    [
        {"_account_id": GATE, "tags": ["SERVICE_USER"]},
        {"_account_id": GATE, "name": "Zuul", "username": "zuul"},
        {"_account_id": GATE, "name": "Storage Vendor CI"},
    ],
)
def test_machine_neither_reviews_nor_accepts(gate: dict[str, Any]) -> None:
    vote = {"author": gate, "message": "Patch Set 1: Code-Review+2 Workflow+1", "date": at(1)}
    assert acceptors(vote, submitter=gate) == []
    assert reviews(vote) == {}


@pytest.mark.parametrize(
    "words",
    [
        said(GATE, "Patch Set 1: Verified+2\n\nBuild succeeded (gate pipeline).", hour=1),
        said(GATE, "Patch Set 1:\n\nBuild failed.  For information", hour=1),
        said(GATE, "Change has been successfully merged by Zuul", hour=1),
        said(GATE, "Patch Set 1: Done", hour=1, tag="autogenerated:zuul:gate"),
    ],
)
def test_submitter_that_speaks_like_a_gate_accepts_nothing(words: dict[str, Any]) -> None:
    assert acceptors(words, submitter={"_account_id": GATE}) == []


def test_person_who_quotes_a_gate_is_still_a_person() -> None:
    quote = said(REVIEWER, "Patch Set 1:\n\nBuild failed. Is it the mirror again?", hour=1)
    assert list(reviews(quote, said(REVIEWER, "Patch Set 2: Code-Review+2", hour=2))) == ["2"]


def test_files_give_paths_and_lines_without_generated_ones() -> None:
    files = {
        "/COMMIT_MSG": {"lines_inserted": 12},
        "runbooks/clock.md": {"lines_inserted": 4, "lines_deleted": 1},
        "poetry.lock": {"lines_inserted": 900},
        "logo.png": {"binary": True, "size_delta": 12},
    }
    facts = the_change(current_revision=SHA, revisions={SHA: {"files": files}}).facts
    assert facts.changed_lines == 5
    assert facts.paths == ("runbooks/clock.md", "poetry.lock", "logo.png")
    assert not facts.generated_only


def test_message_gives_labels_reverts_and_coauthors() -> None:
    message = f"S\n\nTrivialFix\n\nThis reverts commit {'b' * 40}.\n\nCo-authored-by: W <w@y.example>\n"
    facts = the_change(current_revision=SHA, revisions={SHA: {"commit": {"message": message}}}, revert_of=6).facts
    assert (facts.labels, facts.reverts, facts.coauthors) == (("trivial",), "b" * 40, 1)
    assert the_change(revert_of=6).facts.reverts == "books/shelf~6"


def test_pages_are_read_until_the_last_says_so_and_what_slid_down_is_not_told_twice() -> None:
    def numbered(number: int, **more: Any) -> dict[str, Any]:
        return change(_number=number, **more)

    server = Server(
        {
            0: answer(numbered(9), numbered(8, _more_changes=True)),
            2: answer(numbered(8), numbered(7, _more_changes=True)),
            4: answer(numbered(6)),
        }
    )
    assert [[made.id for made in page] for page in server.read(page_size=2)] == [
        ["books/shelf~9", "books/shelf~8"],
        ["books/shelf~7"],
        ["books/shelf~6"],
    ]


def refusal(body: bytes, **more: Any) -> str:
    with pytest.raises(GerritError) as refused:
        Server({0: body, 1: body}).read(**more)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_server_whose_paging_does_not_work_is_not_asked_for_ever() -> None:
    assert "paging does not work" in refusal(answer(change(_more_changes=True)))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[]", "the line )]}' was expected first"),
        (b"<!DOCTYPE html><title>Sign in</title>", "a web page: is a login needed"),
        (b"", "was expected first"),
        (b")]}'\nnot JSON", "something else than JSON"),
        (b")]}'\n{}", "something else than a list"),
        (b")]}'\n[1]", "change 1: "),
        (
            answer(change(), change(submitted="yesterday")),
            "change 2: submitted: 'yesterday' is no time of Gerrit's",
        ),
        (answer(change(owner=None)), "change 1: owner"),
        (answer(change(_number="7")), "change 1: _number"),
    ],
)
def test_answer_that_is_not_gerrits_is_refused_with_one_sentence(body: bytes, words: str) -> None:
    assert words in refusal(body)


@pytest.mark.parametrize("project", ["", "a b", 'x" OR status:open', "-x", "x\n"])
def test_project_that_would_be_another_question_is_refused(project: str) -> None:
    assert "is no project's name" in refusal(answer(), project=project)


def test_base_that_is_no_address_is_refused() -> None:
    with pytest.raises(GerritError, match="is no address of a server"):
        list(read_changes(Outbound(), "review.example", project="x"))


def test_published_answer_gives_one_merged_change_and_two_reviews(shared: Path) -> None:
    made = Server({0: (shared / "domain/gerrit/test_nonempty_changes.response").read_bytes()}).read()[0]
    assert [(m.record, str(m.account), m.facts.vote) for m in made] == [
        ("change", "gerrit:122761", None),
        ("review", "gerrit:132138", "CR+2"),
        ("review", "gerrit:180766", "CR+2"),
    ]
    assert made[0].facts.changed_lines == 573
    assert made[0].happened_at == datetime(2018, 9, 21, 15, 50, 45, tzinfo=UTC)
