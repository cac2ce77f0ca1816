"""Pages of the rules, of what a change would do, of badges withdrawn; and pages of both offices in French."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from issuer.ground.login import service as login_service
from issuer.ground.login.errors import RoleError
from issuer.ground.login.rights import Role
from issuer.people.service import find_person
from issuer.recognition.service import EXAMPLE_POLICY
from tests.real.attesting_states import NOW, claim, delegate, here, numbers, sheet
from tests.real.people_states import come_in, inside, of
from tests.real.two_offices import HAN, LONG, NAMED, NAMES, PLAIN, QUESTIONED, SMALL, TwoOffices

Opener = Callable[[Any, TwoOffices], Any]
DRAFT = "1.1.0"
CASE = QUESTIONED  # whose badge is to be withdrawn


def manager(o: TwoOffices, who: str) -> str:
    """The name of one of the cast, who is a manager from now on."""
    with inside(o) as (engine, _), suppress(RoleError):  # held since another page was looked at
        person = find_person(engine, NAMES[who]).id
        login_service.give_role(engine, person, Role.MANAGER, by="operator", reason="a test", now=NOW)
    return NAMES[who]


def proposed(o: TwoOffices) -> str:
    """The digest of a draft that is open for comments, with its backtest; it is proposed once."""
    text = EXAMPLE_POLICY.read_text(encoding="utf-8").replace("version: 1.0.0", f"version: {DRAFT}")
    text = text.replace("{id: contributor, min_credits: 3, ", "{id: contributor, min_credits: 4.5, ")
    text = text.replace("credits: 1, per: {words: 200}, cap: 12", "credits: 1, per: {words: 250}, cap: 10")
    file = o.play.file("draft.yaml", text)
    known = {one["version"]: one["sha256"] for one in o.play.issuer("policy", "list")["versions"]}
    if DRAFT not in known:
        why = "Translations weigh too much beside reviews, say three of the five who answered"
        by = ("--by", manager(o, NAMED))
        made = o.play.issuer("policy", "propose", file, *by, "--why", why)
        o.play.issuer("policy", "open", DRAFT, *by)
        return str(made["sha256"])
    return str(known[DRAFT])


def draft(ending: str) -> Opener:
    return lambda page, o: page.goto(f"{o.issuer}/policies/{proposed(o)}{ending}")


def all_versions(page: Any, o: TwoOffices) -> None:
    proposed(o)
    page.goto(f"{o.issuer}/policies/")


def in_french(opener: Opener) -> Opener:
    """The same, for somebody whose browser asks for French."""

    def opened(page: Any, o: TwoOffices) -> None:
        for address in (o.issuer, o.verifier):
            page.context.add_cookies([{"name": "lang", "value": "fr", "url": address}])
        opener(page, o)

    return opened


def rules(page: Any, o: TwoOffices) -> None:
    page.goto(o.issuer)
    page.locator("a.button.first").click()


def private(who: str, path: str = "") -> Opener:
    return lambda page, o: page.goto(o.holders[who].page + path)


def giving_back(page: Any, o: TwoOffices) -> None:
    page.goto(o.holders[PLAIN].page)
    page.get_by_text("Give this badge back").click()


def signed_in_here(page: Any, o: TwoOffices) -> None:
    come_in(page, o, LONG)
    here(press=False)(page, o)


def recorded_here(page: Any, o: TwoOffices) -> None:
    signed_in_here(page, o)
    page.get_by_role("button", name="put it on my record").click()


def not_declared(page: Any, o: TwoOffices) -> None:
    of(LONG, "/gatherings")(page, o)
    page.get_by_label("What is it?").fill("Rencontre des exploitantes et exploitants de la région, la troisième")
    page.get_by_label("How many people does the room hold?").fill("100")
    page.get_by_label("When does it begin?").select_option("at")
    page.get_by_role("button", name="To the room’s page").click()


def case(page: Any, o: TwoOffices) -> None:
    """A case that waits for a second person, looked at by them."""
    reason = "Two of the three meetups that it rests on never took place, say both who were named as there"
    given = ("--cause", "fraud", "--reason", reason, "--by", manager(o, NAMED))
    if not o.play.issuer("revocation", "list")["revocations"]:
        o.play.issuer("revocation", "open", o.holders[CASE].badge, *given)
    of(SMALL, "/team/revocations", Role.MANAGER)(page, o)


def pasted(who: str | None) -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        page.goto(f"{o.verifier}/verify")
        page.locator("textarea").fill(o.jwt(who) if who else o.tampered())
        page.locator("form button[type=submit]").first.click()

    return opener


def five_events(page: Any, o: TwoOffices) -> None:
    sheet()(page, o)


def attest_form(page: Any, o: TwoOffices) -> None:
    page.goto(o.new_form("Rencontre « Mettre à jour sans larmes »"))


def waits_for(page: Any, o: TwoOffices) -> None:
    """Work that waits for one more witness stands on the why page."""
    with inside(o) as (engine, _):
        delegate(engine, NAMED, "a region of French states")
        claim(engine, "a region of French states", 1, HAN)
    private(HAN, "/why")(page, o)


RECOGNITION_STATES: dict[str, tuple[Opener, str]] = {
    "policies": (all_versions, "All versions of the rules"),
    "policy-draft": (draft(".html"), "What counts, in words"),
    "backtest": (draft("/backtest.html"), "What the change would do"),
    "backtest-fr": (draft("/backtest.fr.html"), "Ce que ferait le changement"),
    "home-fr": (in_french(lambda page, o: page.goto(o.issuer)), "Example community remercie"),
    "policy-fr": (in_french(rules), "Ce qui compte, en phrases"),
    "policies-fr": (in_french(all_versions), "Toutes les versions des règles"),
    "holder-fr": (in_french(private(LONG)), "Votre badge : Contribution"),
    "why-fr": (in_french(private(PLAIN, "/why")), "Contribution, et pourquoi"),
    "why-waiting-fr": (in_french(waits_for), "Contribution, et pourquoi"),
    "public-fr": (in_french(lambda page, o: page.goto(f"{o.issuer}/b/{o.holders[LONG].badge}/")), "Contribution"),
    "transparency-fr": (in_french(numbers), "Qui est reconnu, en chiffres"),
    "sources-fr": (in_french(lambda page, o: page.goto(f"{o.issuer}/sources")), "D’où viennent"),
    "sheet-fr": (in_french(five_events), "Qu’avez-vous vu"),
    "attest-fr": (in_french(attest_form), "Avez-vous vu"),
    "holder-giving-back": (giving_back, "Your badge: Contributor"),
    "organise": (of(LONG, "/gatherings"), "Count who is there"),
    "organise-fr": (in_french(of(LONG, "/gatherings")), "Compter qui est là"),
    "organise-refused": (not_declared, "Count who is there"),
    "here-signed-in": (signed_in_here, "Community meetup"),
    "here-recorded": (recorded_here, "Community meetup"),
    "team-revocations": (case, "Badges withdrawn"),
    "team-revocations-fr": (in_french(case), "Badges retirés"),
    "verify-fr": (in_french(lambda page, o: page.goto(f"{o.verifier}/verify")), "Vérifier un badge"),
    "verify-valid-fr": (in_french(pasted(LONG)), "✓ Valable"),
    "verify-tampered-fr": (in_french(pasted(None)), "✕ Pas valable"),
}
