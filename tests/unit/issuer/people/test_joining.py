"""Two records that turn out to be one: offered by proof, done by the person, undone, and nothing issued twice."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from issuer.badges import awarding, issuance
from issuer.badges import service as badges
from issuer.ground import audit, news
from issuer.ground.database import reading, writing
from issuer.jobs import Jobs
from issuer.people import joining, own, profiles, roster, store
from issuer.people import service as people_service
from issuer.people.model import Account, PeopleError, Person
from issuer.recognition import service as recognition
from tests.unit.issuer.office import NOW, Office
from tests.unit.issuer.people.community import Community

ADA, BOB = "ada@books.example", "bob@books.example"


def merged(office: Office, kept: str, gone: str) -> int:
    with writing(office.engine) as connection:
        ids = office.person(kept).id, office.person(gone).id
        return joining.merge(connection, kept=ids[0], gone=ids[1], by=ids[0], role="person", now=NOW)


def parted(office: Office, number: int) -> None:
    with writing(office.engine) as connection:
        joining.split(connection, number, by="them", role="person", reason="it was a mistake", now=NOW)


def award_everybody(office: Office) -> int:
    decided = recognition.decide_all(office.engine, office.policy, as_of=NOW)
    made = awarding.award_decisions(office.engine, decided, policy=office.policy, now=NOW)
    issuance.issue(office.bureau, now=NOW)
    return made


def owners(engine: Engine) -> dict[Account, str]:
    with reading(engine) as connection:
        return people_service.all_accounts(connection)


def test_what_was_earned_apart_is_counted_together_and_once(office: Office) -> None:
    office.add_changes("ada", count=2, days_apart=3)
    office.add_changes("cy", count=2, start=40, days_apart=3)
    award_everybody(office)
    merged(office, "Ada Long", "Cy Chair")
    person = office.person("Ada Long")
    decision = recognition.decide_person(office.engine, office.policy, person, as_of=NOW)
    assert len(decision.lines) == 4
    with pytest.raises(PeopleError, match="Nobody is known"):
        office.person("Cy Chair")
    award_everybody(office)
    assert award_everybody(office) == 0
    with reading(office.engine) as connection:
        ids = people_service.ids_of(connection, person.id)
    standing = [badge for one in ids for badge in badges.badges_of(office.engine, one) if badge.standing]
    tiers = [badge.award.achievement for badge in standing]
    assert tiers.count("contributor") == 1 and "recognised" not in tiers, (
        "the better one took the lesser ones' place"
    )
    references = {badge.reference for one in ids for badge in badges.badges_of(office.engine, one)}
    assert standing[0].reference in references and len(references) == 2, "no third reference, no third discount"


def test_a_merge_tells_the_news_and_is_in_the_log(office: Office) -> None:
    with writing(office.engine) as connection:
        news.done_until(connection, news.newest(connection))
    number = merged(office, "Ada Long", "Cy Chair")
    with reading(office.engine) as connection:
        told = news.waiting(connection, limit=10)
    assert [(item.kind, item.subject) for item in told] == [("person", office.person("Ada Long").id)]
    parted(office, number)
    acts = [row.act for row in audit.entries(office.engine)]
    assert acts == ["person.merge", "person.split"]


def test_a_split_gives_back_what_came_along_and_nothing_else(office: Office) -> None:
    before, people = owners(office.engine), dict(office.people)
    number = merged(office, "Ada Long", "Cy Chair")
    ada = office.person("Ada Long").id
    with writing(office.engine) as connection:
        joining.prove(connection, ada, [Account.of("gerrit", "7")], proof="challenge", now=NOW)
    parted(office, number)
    assert owners(office.engine) == before | {Account.of("gerrit", "7"): ada}
    assert {p.id: p.accounts for p in office.people.values() if p.id != ada} == {
        p.id: p.accounts for p in people.values() if p.id != ada
    }
    with pytest.raises(PeopleError, match="no merge"):
        parted(office, number)


def test_merging_and_splitting_a_thousand_times_ends_where_it_began(file_office: Office) -> None:
    """Any order of merges and splits, then every merge undone: each account is whose it was, and is named so."""
    office = file_office
    first = {"ada": date(2026, 1, 1), "bob": date(2026, 1, 1), "cy": date(2026, 5, 1)}
    with writing(office.engine) as connection:
        for who, since in first.items():
            person = office.person(f"{who}@books.example")
            own.set_affiliation(connection, person.id, since=since, organisation=f"House of {who}", now=NOW)
        begins, ends = date(2026, 2, 1), date(2026, 3, 1)
        own.pause(connection, person.id, begins=begins, ends=ends, now=NOW)
        joining.put(connection, replace(office.person(BOB), household="mill lane"))
    chance, before = random.Random(5), (owners(office.engine), dict(office.people))
    standing: list[int] = []
    for _ in range(1000):
        people: Sequence[str] = [person.id for person in _present(office)]
        if len(people) > 1 and (not standing or chance.random() < 0.5):
            kept, gone = chance.sample(list(people), 2)
            with writing(office.engine) as connection:
                standing.append(joining.merge(connection, kept=kept, gone=gone, by=kept, role="person", now=NOW))
        else:
            parted(office, standing.pop(chance.randrange(len(standing))))
    while standing:
        parted(office, standing.pop(chance.randrange(len(standing))))
    assert (owners(office.engine), dict(office.people)) == before
    assert audit.check(office.engine).fault is None


def _present(office: Office) -> list[Person]:
    with reading(office.engine) as connection:
        return people_service.all_people(connection)


# Over the pages


def test_a_roster_finds_whoever_was_merged(community: Community) -> None:
    engine, now = community.engine, community.clock()
    rows, problems = roster.read_roster(b"name,email,accounts,person\nCy Chair,cy@books.example,,cy\n")
    people_service.add_people(engine, rows, now=now, problems=problems)
    merged(community.office, "Ada Long", "Cy Chair")
    report = people_service.add_people(engine, rows, now=now, problems=problems)
    assert not report.refused
    assert community.person("mail:cy@books.example").id == community.person(ADA).id


def test_an_offer_needs_enough_proof_and_the_persons_word(community: Community) -> None:
    old = community.person(BOB)
    with writing(community.engine) as connection:
        known = [Account.of("github", "bob"), Account.of("mail", "bob@older.example")]
        store.add_accounts(connection, old.id, known, proof="manager", now=community.clock())
    browser = community.signed_in("bob@new.example")
    page = community.prove_address(browser, "bob@older.example")
    assert "Is this you, too?" in page.text and "Prove one more account" in page.text
    assert browser.submit("/me/offers", other=old.id, answer="join").status_code == 422
    assert community.person(BOB).id == old.id, "nothing happens by itself"
    page = community.prove_address(browser, BOB)
    assert "Both are mine" in page.text
    assert "Both records are one now" in browser.done("/me/offers", other=old.id, answer="join").text
    assert "Bob Keeper" in browser.get("/me").text
    assert community.person(BOB).id == community.person("mail:bob@new.example").id
    assert "apart again" in browser.done("/me/merges/undone", merge="1").text
    assert community.person(BOB).id == old.id


def test_after_a_merge_one_new_badge_carries_both_references_and_a_split_gives_each_their_own(
    community: Community,
) -> None:
    office = community.office
    for who in ("ada", "cy"):
        office.add_changes(who, count=4)
    award_everybody(office)
    ada, cy = office.person(ADA), office.person("Cy Chair")
    before = {badge.id for who in (ada, cy) for badge in badges.badges_of(office.engine, who.id)}
    browser = community.signed_in(ADA)
    community.prove_address(browser, "cy@books.example")
    browser.done("/me/offers", other=cy.id, answer="join")

    def standing() -> dict[str, set[str]]:
        held = [one for who in (ada, cy) for one in badges.badges_of(office.engine, who.id) if one.standing]
        return {one.id: set(badges.read_own(one.jwt or "").credentialSubject.holder_references) for one in held}

    ((merged_badge, references),) = standing().items()
    assert merged_badge not in before and len(references) == 2
    old = [badges.badge_by_id(office.engine, one) for one in before]
    assert all((one.state, one.superseded_by) == ("superseded", merged_badge) for one in old)
    assert issuance.settle(office.bureau, [ada.id, cy.id], now=community.clock()) == 0, "once is enough"
    assert award_everybody(office) == 0

    browser.done("/me/merges/undone", merge="1")
    apart = standing()
    assert len(apart) == 2 and not set(apart) & {merged_badge, *before}
    assert sorted(map(len, apart.values())) == [1, 1] and set.union(*apart.values()) == references
    assert badges.badge_by_id(office.engine, merged_badge).state == "superseded"
    assert award_everybody(office) == 0


def test_the_better_tier_of_both_is_the_one_that_stays(community: Community) -> None:
    office = community.office
    office.add_changes("ada", count=1)
    office.add_changes("cy", count=4)
    award_everybody(office)
    kept, gone = office.person(ADA), office.person("Cy Chair")
    merged(office, "Ada Long", "Cy Chair")
    Jobs(office.engine, lambda: office.bureau, lambda: office.policy, community.clock).handle_news()
    held = [one for who in (kept, gone) for one in badges.badges_of(office.engine, who.id)]
    (one,) = [badge for badge in held if badge.standing]
    assert one.award.tier == "contributor"
    assert len(badges.read_own(one.jwt or "").credentialSubject.holder_references) == 2


def test_a_merge_does_not_lift_a_suspension_and_waits_for_its_end(community: Community) -> None:
    office = community.office
    for who in ("ada", "cy"):
        office.add_changes(who, count=4)
    award_everybody(office)
    (suspended,) = badges.badges_of(office.engine, office.person("Cy Chair").id)
    badges.suspend(office.engine, suspended, reason="a second look", now=community.clock())
    ids = [office.person(ADA).id, office.person("Cy Chair").id]
    merged(office, "Ada Long", "Cy Chair")
    assert issuance.settle(office.bureau, ids, now=community.clock()) == 0
    assert badges.badge_by_id(office.engine, suspended.id).state == "suspended"
    badges.reinstate(office.engine, badges.badge_by_id(office.engine, suspended.id), now=community.clock())
    assert issuance.settle(office.bureau, ids, now=community.clock()) == 1


def test_nobody_takes_a_merge_of_others_apart(community: Community) -> None:
    merged(community.office, "Ada Long", "Cy Chair")
    eve = community.signed_in("eve@else.example")
    eve.get("/me")
    assert eve.submit("/me/merges/undone", merge="1").status_code == 422


def test_an_offer_can_be_declined(community: Community) -> None:
    browser = community.signed_in("new@else.example")
    page = community.prove_address(browser, BOB)
    assert "Both are mine" in page.text
    browser.done("/me/offers", other=community.person(BOB).id, answer="apart")
    assert "Is this you, too?" not in browser.get("/me").text


# Public profiles


class Profiles:
    """Stands for the forge: what each page says."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}

    def get(self, url: str) -> bytes:
        return self.pages[url]


TEMPLATES = {"github": "https://github.example/{name}"}


def begun(office: Office, who: str, account: Account) -> str:
    with writing(office.engine) as connection:
        return profiles.begin(
            connection, office.person(who).id, account, host="badges.example.org", profiles=TEMPLATES, now=NOW
        )


def checked(office: Office, who: str, account: Account, forge: Profiles, *, later: timedelta = timedelta()) -> str:
    person = office.person(who).id
    return profiles.check(office.engine, person, account, outbound=forge, profiles=TEMPLATES, now=NOW + later)


def test_a_text_in_a_profile_proves_an_account(office: Office) -> None:
    forge, account = Profiles(), Account.of("github", "ada")
    text = begun(office, ADA, account)
    assert "github:ada" in text and "badges.example.org" in text
    forge.pages["https://github.example/ada"] = b"<p>hello</p>"
    with pytest.raises(PeopleError, match="does not show"):
        checked(office, ADA, account, forge)
    forge.pages["https://github.example/ada"] = f"<p>{text}</p>".encode()
    assert checked(office, ADA, account, forge) == "joined"
    assert account in office.person(ADA).accounts


def test_a_text_is_good_for_one_person_one_account_and_a_day(office: Office) -> None:
    forge, account = Profiles(), Account.of("github", "ada")
    text = begun(office, ADA, account)
    forge.pages = {"https://github.example/ada": text.encode(), "https://github.example/eve": text.encode()}
    begun(office, BOB, account)
    begun(office, ADA, Account.of("github", "eve"))
    with pytest.raises(PeopleError, match="does not show"):
        checked(office, BOB, account, forge)
    with pytest.raises(PeopleError, match="does not show"):
        checked(office, ADA, Account.of("github", "eve"), forge)
    with pytest.raises(PeopleError, match="good for a day"):
        checked(office, ADA, account, forge, later=timedelta(days=1))


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "a?b", "a#b", "a%2fb", "..", "a..b", "ä", "a b", "@evil", "a."]
)
def test_a_name_that_would_lead_elsewhere_is_refused(office: Office, name: str) -> None:
    with pytest.raises(PeopleError, match="letters, digits"):
        begun(office, ADA, Account("github", name))


def test_a_profile_over_the_pages(community: Community) -> None:
    browser = community.signed_in(ADA)
    browser.get("/me")
    answer = browser.submit("/me/profiles", system="github", name="ada")
    assert answer.status_code == 422 and "cannot be proved by a public profile" in answer.text
