"""staff.yaml: strictly read, written whole, and an id is never given twice."""

import stat
from pathlib import Path

import pytest

from verifier.staff import roster
from verifier.staff.errors import RosterError
from verifier.staff.rights import Role

LEAD = {"summit-2027": frozenset({Role.LEAD})}
GOOD = "staff:\n  - {id: staff-1, mail: ada@example.org, roles: {summit-2027: [lead]}}\n"


def test_without_a_file_nobody_may_log_in(tmp_path: Path) -> None:
    assert roster.load(tmp_path / "staff.yaml").members == ()


def test_roles_at_one_event_and_at_every_event_add_up(tmp_path: Path) -> None:
    text = GOOD.replace("[lead]}", "[lead], every_event: [auditor]}")
    member = roster.parse(text.encode(), name="staff.yaml").by_mail("ADA@example.org")
    assert member is not None
    assert member.roles_at("summit-2027") == {Role.LEAD, Role.AUDITOR}
    assert member.roles_at("another") == member.roles_at(None) == {Role.AUDITOR}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no fields"),
        ("people: []", "'staff'"),
        ("staff: []\nmore: 1", "'staff'"),
        ("staff: {}", "'staff'"),
        (GOOD.replace("staff-1", "1"), "id"),
        (GOOD.replace("staff-1", "staff-0"), "id"),
        (GOOD.replace("ada@example.org", "ada"), "mail"),
        (GOOD.replace("ada@example.org", "7"), "mail"),
        (GOOD.replace("mail: ada@example.org, ", ""), "log in"),
        (GOOD.replace("mail: ada@example.org", "subject: ''"), "subject"),
        (GOOD.replace("mail: ada@example.org", "subject: 248289761001"), "subject"),
        (GOOD.replace("[lead]", "[leader]"), "roles"),
        (GOOD.replace("[lead]", "[]"), "roles"),
        (GOOD.replace("[lead]", "lead"), "roles"),
        (GOOD.replace("summit-2027", "Summit"), "event"),
        (GOOD.replace("summit-2027", "'*'"), "event"),
        (GOOD.replace("roles", "role"), "fields"),
        (GOOD.replace("roles: {summit-2027: [lead]}", "roles: {}"), "roles"),
        (GOOD.replace("roles:", "removed: true, roles:"), "removed"),
        (GOOD.replace("roles: {summit-2027: [lead]}", "removed: false"), "removed"),
        (GOOD + GOOD.partition("\n")[2], "two members"),
        (GOOD + GOOD.partition("\n")[2].replace("staff-1", "staff-2").replace("ada@", "ADA@"), "two members"),
    ],
)
def test_a_wrong_list_is_one_sentence(text: str, named: str) -> None:
    with pytest.raises(RosterError, match=r"staff\.yaml") as refused:
        roster.parse(text.encode(), name="staff.yaml")
    assert named in str(refused.value)


def test_adding_changing_and_removing(tmp_path: Path) -> None:
    file = tmp_path / "data" / "staff.yaml"
    first, new = roster.add(file, mail="ada@example.org", subject=None, roles=LEAD)
    assert (first.id, new) == ("staff-1", True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "there are addresses in it"

    changed, new = roster.add(
        file, mail="Ada@example.org", subject="248289761001", roles={roster.EVERY_EVENT: frozenset({Role.ADMIN})}
    )
    assert (changed.id, new) == ("staff-1", False)
    assert roster.load(file).by_subject("248289761001") == changed

    assert roster.add(file, mail=None, subject='a "quoted" # subject: {x}', roles=LEAD)[0].id == "staff-2"
    roster.remove(file, "staff-1")
    assert "ada@example.org" not in file.read_text().lower()
    assert roster.load(file).by_id("staff-1") is None
    assert roster.add(file, mail="bo@example.org", subject=None, roles=LEAD)[0].id == "staff-3"
    assert [member.id for member in roster.load(file).active] == ["staff-2", "staff-3"]


def test_the_newest_id_is_not_given_again_after_its_member_was_removed(tmp_path: Path) -> None:
    file = tmp_path / "staff.yaml"
    roster.add(file, mail="ada@example.org", subject=None, roles=LEAD)
    roster.remove(file, "staff-1")
    assert roster.add(file, mail="ada@example.org", subject=None, roles=LEAD)[0].id == "staff-2"


@pytest.mark.parametrize(
    ("mail", "subject"), [(None, None), ("ada", None), ("ada@example.org\n", None), (None, "ä")]
)
def test_nobody_is_added_who_could_not_log_in(tmp_path: Path, mail: str | None, subject: str | None) -> None:
    file = tmp_path / "staff.yaml"
    with pytest.raises(RosterError):
        roster.add(file, mail=mail, subject=subject, roles=LEAD)
    assert not file.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("member", ["staff-9", "ada@example.org", ""])
def test_only_a_member_is_removed(tmp_path: Path, member: str) -> None:
    with pytest.raises(RosterError, match="no member"):
        roster.remove(tmp_path / "staff.yaml", member)


def test_roles_as_they_are_typed() -> None:
    assert roster.parse_roles("summit-2027:lead,finance") == ("summit-2027", frozenset({Role.LEAD, Role.FINANCE}))
    for wrong in ("lead", "summit-2027:", "summit-2027:boss", ":lead", "Summit:lead"):
        with pytest.raises(RosterError):
            roster.parse_roles(wrong)
