"""People are added once, found by any of their names, and never get somebody else's account."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from issuer.ground.database import reading
from issuer.ground.rows import RowReport
from issuer.people import service
from issuer.people.model import Account, Pause, PeopleError
from issuer.people.roster import read_roster

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HEADER = "name,email,accounts,person,affiliation,since,manager,bot"


def add(engine: Engine, *lines: str) -> RowReport:
    rows, problems = read_roster("\n".join([HEADER, *lines]).encode())
    return service.add_people(engine, rows, now=NOW, problems=problems)


def test_same_roster_twice_changes_nothing(database: Engine) -> None:
    lines = [
        "Ada,ada@a.example,gerrit:1,k1,Books,2026-01-01,,",
        "Wen,wen@w.example,,,,,Ada,",
        "Bot,,irc:bot,,,,,yes",
    ]
    assert add(database, *lines).to_json() == {"stored": 3, "duplicates": 0, "refused": []}
    with reading(database) as connection:
        before = service.all_people(connection)
    assert add(database, *lines).to_json() == {"stored": 0, "duplicates": 3, "refused": []}
    with reading(database) as connection:
        assert service.all_people(connection) == before
    assert service.find_person(database, "Wen").manager == service.find_person(database, "Ada").id
    assert service.find_person(database, "irc:bot").bot


def test_person_is_recognised_by_key_by_address_and_by_account_with_the_same_name(database: Engine) -> None:
    add(database, "Ada,ada@a.example,gerrit:1,k1,,,,")
    ada = service.find_person(database, "gerrit:1")
    add(database, "Ada Quin,new@a.example,,k1,,,,")
    add(database, "Ada Quin,ada@a.example,irc:ada,,,,,")
    add(database, "Ada Quin,third@a.example,irc:ada,,,,,")
    add(database, f"Ada Quin,,launchpad:ada,{ada.id},,,,")
    with reading(database) as connection:
        (only,) = service.all_people(connection)
    assert only.id == ada.id
    assert only.name == "Ada Quin"
    assert {str(account) for account in only.accounts} == {
        "gerrit:1",
        "irc:ada",
        "launchpad:ada",
        *(f"{system}:{local}@a.example" for system in ("mail", "git") for local in ("ada", "new", "third")),
    }


def test_account_of_another_person_is_refused_and_nothing_of_the_row_is_kept(database: Engine) -> None:
    add(database, "Ada,ada@a.example,gerrit:1,,,,,")
    report = add(database, "Bob,bob@b.example,gerrit:1 irc:bob,,,,,", "Cy,cy@c.example,,,,,,")
    assert report.stored == 1
    assert [(p.line, p.field, p.sentence) for p in report.refused] == [
        (2, "accounts", "gerrit:1 belongs to Ada already.")
    ]
    with pytest.raises(PeopleError, match="Nobody is known"):
        service.find_person(database, "irc:bob")
    assert service.find_person(database, "gerrit:1").name == "Ada"


def test_key_and_address_of_two_people_are_refused(database: Engine) -> None:
    add(database, "Ada,ada@a.example,,k1,,,,", "Bob,bob@b.example,,k2,,,,")
    report = add(database, "Ada,bob@b.example,,k1,,,,", "Bob,bob@b.example,,k3,,,,")
    assert [p.sentence for p in report.refused] == [
        "mail:bob@b.example belongs to Bob already.",
        "Bob has the key 'k2' already.",
    ]


def test_manager_may_stand_further_down(database: Engine) -> None:
    report = add(
        database, "Cy,c@x.example,,,,,Bob,", "Bob,b@x.example,,,,,ada@x.example,", "Ada,ada@x.example,,,,,,"
    )
    assert report.refused == ()
    assert service.find_person(database, "Cy").manager == service.find_person(database, "Bob").id


def test_unknown_manager_costs_the_row_and_no_other(database: Engine) -> None:
    report = add(database, "Cy,c@x.example,,,,,Nobody,", "Ada,ada@x.example,,,,,,", "Eve,e@x.example,,,,,Eve,")
    assert report.stored == 1
    assert [(p.line, p.field) for p in report.refused] == [(2, "manager"), (4, "manager")]


def test_later_affiliation_is_added_and_one_of_the_same_day_corrected(database: Engine) -> None:
    for organisation, since in [("Books", "2026-01-01"), ("Clouds", "2026-03-01"), ("Bookshop", "2026-01-01")]:
        add(database, f"Ada,ada@a.example,,,{organisation},{since},,")
    held = service.find_person(database, "Ada").affiliations
    assert [(a.organisation, a.since.isoformat()) for a in held] == [
        ("Bookshop", "2026-01-01"),
        ("Clouds", "2026-03-01"),
    ]


def test_find_takes_id_beginning_account_address_and_exact_name(database: Engine) -> None:
    add(database, "Ada Quin,Ada@A.example,gerrit:1,,,,,")
    ada = service.find_person(database, "Ada Quin")
    for text in (ada.id, ada.id[:6], ada.id[:8].upper(), "gerrit:1", "ADA@a.example", " Ada Quin "):
        assert service.find_person(database, text) == ada
    for text in (ada.id[:5], "ada quin", "gerrit:2", "", "%", ada.id + "0"):
        with pytest.raises(PeopleError, match="Nobody is known"):
            service.find_person(database, text)


def test_find_refuses_a_name_that_two_share(database: Engine) -> None:
    add(database, "Ada,a@x.example,,,,,,", "Ada,b@x.example,,,,,,")
    with pytest.raises(PeopleError, match="names more than one person"):
        service.find_person(database, "Ada")


def test_owners_of_leaves_out_what_nobody_proved(database: Engine) -> None:
    add(database, *(f"P{n},p{n}@x.example,,,,,," for n in range(600)))
    wanted = [Account("git", f"p{n}@x.example") for n in range(700)]
    with reading(database) as connection:
        owners = service.owners_of(connection, wanted)
        assert set(service.all_accounts(connection)) == {
            Account(system, f"p{n}@x.example") for system in ("git", "mail") for n in range(600)
        }
    assert len(owners) == 600
    assert owners[Account("git", "p7@x.example")].name == "P7"


def test_pause_is_kept_with_the_person_and_must_end_after_it_begins(database: Engine) -> None:
    add(database, "Ada,a@x.example,,,,,,")
    ada = service.find_person(database, "Ada")
    pause = Pause(NOW, NOW + timedelta(days=30))
    service.add_pause(database, ada.id, pause)
    service.add_pause(database, ada.id, pause)
    assert service.find_person(database, "Ada").pauses == (pause,)
    with pytest.raises(PeopleError, match="ends after it begins"):
        service.add_pause(database, ada.id, Pause(NOW, NOW))
    with pytest.raises(PeopleError, match="Nobody has the id"):
        service.add_pause(database, "00", pause)


def test_a_household_is_kept_and_a_row_without_one_does_not_take_it_away(database: Engine) -> None:
    rows, _ = read_roster(b"name,email,accounts,household\nAda,ada@books.example,,mill\n")
    service.add_people(database, rows, now=NOW)
    again, _ = read_roster(b"name,email,accounts\nAda,ada@books.example,\n")
    service.add_people(database, again, now=NOW)
    assert service.find_person(database, "ada@books.example").household == "mill"
