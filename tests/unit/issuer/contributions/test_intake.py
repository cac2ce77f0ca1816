"""A record from outside becomes a contribution only if every field is what it must be."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from issuer.contributions.intake import AttestationRefusedError, IntakeError, from_fields
from issuer.people.model import Account
from schemas.strict_json import JsonValue

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GOOD: dict[str, JsonValue] = {
    "id": "bug-7",
    "record": "bug.confirmed",
    "account": "launchpad:ada",
    "happened_at": "2026-04-30T10:00:00+02:00",
}


def test_record_with_its_facts_becomes_a_contribution() -> None:
    fields: dict[str, JsonValue] = {
        **GOOD,
        "moved_to": "confirmed",
        "moved_by": "launchpad:wen",
        "accepted_by": ["git:Wen@Y.example"],
        "quantity": 12.5,
        "evidence": "https://bugs.example/7",
    }
    made = from_fields(fields, source="launchpad", now=NOW)
    assert (made.source, made.id, made.account) == ("launchpad", "bug-7", Account("launchpad", "ada"))
    assert made.happened_at == datetime(2026, 4, 30, 8, tzinfo=UTC)
    assert made.facts.moved_by == Account("launchpad", "wen")
    assert made.facts.accepted_by == (Account("git", "wen@y.example"),)
    assert made.facts.quantity == Decimal("12.5")
    assert made.evidence == "https://bugs.example/7"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("id", "", "an id of 1 to 500"),
        ("id", "a\nb", "printable"),
        ("id", 7, "an id of 1 to 500"),
        ("record", "Bug confirmed", "the name of a record"),
        ("account", "ada", "'system:name' was expected"),
        ("account", None, "'system:name' was expected"),
        ("happened_at", "2026-04-30", "with a zone"),
        ("happened_at", "2026-04-30T10:00:00", "with a zone"),
        ("happened_at", "2026-05-03T10:00:00Z", "in the future"),
        ("happened_at", "9999-12-31T23:59:59-14:00", "does not exist"),
        ("happened_at", "0001-01-01T00:00:00+14:00", "does not exist"),
        ("evidence", "http://bugs.example/7", "an https address"),
        ("evidence", "javascript:alert(1)", "an https address"),
        ("evidence", "https://ada:secret@bugs.example/7", "an https address"),
        ("evidence", "https://[bugs.example", "an https address"),
        ("evidence", ["https://bugs.example"], "an https address"),
        ("changed_lines", -1, "greater than or equal to 0"),
        ("changed_lines", True, "valid integer"),
        ("quantity", "NaN", "finite"),
        ("quantity", "many", "is no number"),
        ("accepted_by", ["ada"], "'system:name' was expected"),
        ("accepted_by", [{"system": "git", "name": ""}], "a list of texts"),
        ("owner", {"system": "git", "name": ""}, "was expected"),
        ("paths", ["p"] * 201, "at most 200"),
        ("written_reason", "x" * 2001, "at most 2000 characters"),
        ("title", "x" * 301, "at most 300 characters"),
        ("labels", ["a\0b"], "a text of"),
        ("colour", "red", "not known"),
    ],
)
def test_each_bad_field_is_named_with_what_was_expected(field: str, value: JsonValue, words: str) -> None:
    with pytest.raises(IntakeError) as refused:
        from_fields({**GOOD, field: value}, source="csv", now=NOW)
    assert refused.value.field == field
    assert words in str(refused.value)
    assert str(refused.value).endswith(".")
    assert ".." not in str(refused.value)


def test_clocks_may_differ_by_a_day() -> None:
    ahead = (NOW + timedelta(hours=23)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert from_fields({**GOOD, "happened_at": ahead}, source="csv", now=NOW).happened_at > NOW


@pytest.mark.parametrize("field", ["attested", "attestations", "attestors", "statements"])
def test_no_import_asserts_an_attestation(field: str) -> None:
    with pytest.raises(AttestationRefusedError, match="only delegated people"):
        from_fields({**GOOD, field: ["open_to_all"]}, source="csv", now=NOW)
    with pytest.raises(AttestationRefusedError, match="only delegated people"):
        from_fields({**GOOD, "record": "attestation"}, source="csv", now=NOW)
