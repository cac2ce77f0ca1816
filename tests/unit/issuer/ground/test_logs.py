"""A line of the log is JSON, and names nobody, whatever a library put into its error."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from issuer.ground import logs as issuer_logs
from verifier.ground import logs as verifier_logs

ROOT = Path(__file__).resolve().parents[4]
SECRETS = [
    "ada@books.example",
    "https://badges.example.org/h/VZfQ0rK1mXb8sJ2cT5yLwNpa",
    "/h/VZfQ0rK1mXb8sJ2cT5yLwNpa",
    "/attest/9f8e7d6c5b4a39281706f5e4",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLXRoZS1iYWRnZQ",
    "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fbadges.example.org%2Foffers%2Fabc",
]


@pytest.fixture(params=[issuer_logs.begin, verifier_logs.begin], ids=["issuer", "verifier"])
def lines(request: pytest.FixtureRequest) -> Iterator[Callable[[], list[dict[str, object]]]]:
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    begin: Callable[[io.StringIO], None] = request.param
    begin(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_line_names_nobody_and_opens_nothing(lines: Callable[[], list[dict[str, object]]], secret: str) -> None:
    logging.getLogger("a.library").warning("It could not be done for %s, says %r.", secret, {"to": secret})
    (line,) = lines()
    assert secret not in json.dumps(line) and "ada" not in json.dumps(line)
    assert line["level"] == "warning" and line["logger"] == "a.library"


def test_an_error_leaves_its_kind_and_its_places_and_not_what_it_says(
    lines: Callable[[], list[dict[str, object]]],
) -> None:
    try:
        raise ValueError("Ada Long has no such badge")
    except ValueError:
        logging.getLogger("a.library").exception("It broke.")
    (line,) = lines()
    assert line["error"] == "ValueError" and line["event"] == "It broke."
    assert "Ada" not in json.dumps(line) and str(line["places"]).startswith("['test_an_error")


def test_values_of_a_statement_are_left_out(lines: Callable[[], list[dict[str, object]]]) -> None:
    logging.getLogger("a").warning("failed [SQL: UPDATE persons SET name=?] [parameters: ('Ada Long', 7)]")
    assert lines()[0]["event"] == "failed [statement]"


def test_what_says_something_stays(lines: Callable[[], list[dict[str, object]]]) -> None:
    text = "Collecting git stopped at 2026-11-23T12:00:00+00:00 (OperationalError); 3 of 17 were read."
    logging.getLogger("issuer.contributions.collector").info(text)
    assert lines()[0]["event"] == text


def test_both_offices_log_and_count_alike() -> None:
    for name in ("logs.py", "watch.py"):
        assert (ROOT / "issuer/ground" / name).read_text() == (ROOT / "verifier/ground" / name).read_text()
