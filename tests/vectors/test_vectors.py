"""The one reader of the verification vectors: it runs every file, and refuses a word that it does not know."""

from pathlib import Path
from typing import Any

import pytest

from schemas import base64url, strict_json, timestamps
from schemas.badge_qr import Dictionary
from tests.vectors.build import CASES, differences
from verifier.verification import proofs
from verifier.verification.checks import STORY
from verifier.verification.reading import ReadBadge, read_text
from verifier.verification.service import judge
from verifier.verification.trust import Absent, Published, TrustBundle

FILES = sorted(CASES.glob("*.json"))
WORDS = {
    "case": ({"name", "about", "now", "trust", "expect"}, {"token", "text", "document"}),
    "trust": ({"did_documents", "status_lists", "dictionaries"}, set[str]()),
    "document": (set[str](), {"body", "fetched_at", "absent"}),
}
STATES = {"pass", "fail", "unknown"}


def known(value: Any, kind: str) -> dict[str, Any]:
    """An object that has every word it must have, and none that this reader does not know."""
    assert isinstance(value, dict), f"a {kind} is no object"
    required, optional = WORDS[kind]
    assert required <= value.keys() <= required | optional, f"a {kind} has the words {sorted(value)}"
    return value


def loaded(file: Path) -> dict[str, Any]:
    case = known(strict_json.loads_object(file.read_bytes()), "case")
    assert case["name"] == file.stem
    assert len({"token", "text", "document"} & case.keys()) == 1
    assert case["expect"].keys() <= set(story_of(case))
    assert set(case["expect"].values()) <= STATES
    return case


def story_of(case: dict[str, Any]) -> tuple[str, ...]:
    return proofs.STORY if "document" in case else STORY


def published(value: Any) -> Published | Absent:
    document = known(value, "document")
    if "absent" in document:
        assert document.keys() == {"absent"}
        return Absent(document["absent"])
    return Published(document["body"].encode(), timestamps.parse(document["fetched_at"]))


def bundle(case: dict[str, Any]) -> TrustBundle:
    trust = known(case["trust"], "trust")
    dictionaries = [Dictionary.parse(base64url.decode(text)) for text in trust["dictionaries"]]
    return TrustBundle(
        timestamps.parse(case["now"]),
        did_documents={did: published(document) for did, document in trust["did_documents"].items()},
        status_lists={url: published(document) for url, document in trust["status_lists"].items()},
        dictionaries={dictionary.id: dictionary for dictionary in dictionaries},
    )


def read_badge(case: dict[str, Any]) -> ReadBadge:
    return read_text(case["text"]) if "text" in case else ReadBadge("json", document=case["document"])


def states(case: dict[str, Any]) -> dict[str, str]:
    badge = ReadBadge("jwt", token=case["token"]) if "token" in case else read_badge(case)
    verdict = judge(badge, trust=bundle(case), now=timestamps.parse(case["now"]))
    return {check.id: check.state.value for check in verdict.checks if check.made}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_check_has_the_state_that_the_vector_expects(file: Path) -> None:
    case = loaded(file)

    assert states(case) == case["expect"]


def test_every_check_has_a_vector_in_which_it_alone_fails() -> None:
    alone = {
        file.stem
        for file in FILES
        if len(failed := [name for name, state in loaded(file)["expect"].items() if state != "pass"]) == 1
        and loaded(file)["expect"][failed[0]] == "fail"
        and file.stem in {failed[0], f"embedded_{failed[0]}"}
    }
    assert alone == {*STORY, *(f"embedded_{name}" for name in proofs.STORY)}


def test_the_vectors_are_what_the_script_makes() -> None:
    assert differences() == []


@pytest.mark.parametrize("word", ["tokn", "expected", "trust2"])
def test_a_word_that_the_reader_does_not_know_fails(word: str, tmp_path: Path) -> None:
    file = tmp_path / "valid.json"
    case = strict_json.loads_object((CASES / "valid.json").read_bytes())
    file.write_text(strict_json.dumps(case | {word: 1}))

    with pytest.raises(AssertionError, match="has the words"):
        loaded(file)
