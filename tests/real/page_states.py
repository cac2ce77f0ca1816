"""Every page of both offices in every state that it has, each as the steps by which a person comes to it."""

from collections.abc import Callable
from typing import Any

from tests.real.two_offices import (
    GRANTED,
    HAN,
    LONG,
    NAMED,
    PLAIN,
    SEATED,
    SMALL,
    SUSPENDED,
    USED,
    WITHDRAWN,
    TwoOffices,
)
from tests.unit.verifier.simulator import IssuerSimulator

Opener = Callable[[Any, TwoOffices], Any]


def at(path: str) -> Opener:
    """A page of the issuing office by its path; `{plain}` and so on are private pages."""
    return lambda page, o: page.goto(o.issuer + path)


def private(who: str, path: str = "") -> Opener:
    """A holder's private page."""
    return lambda page, o: page.goto(o.holders[who].page + path)


def public(who: str) -> Opener:
    """A badge's public page."""
    return lambda page, o: page.goto(f"{o.issuer}/b/{o.holders[who].badge}/")


def policy(page: Any, o: TwoOffices) -> None:
    page.goto(o.issuer)
    page.get_by_role("link", name="What counts, in words").click()


def refused(page: Any, o: TwoOffices) -> None:
    page.goto(o.new_form("A form answered in a way that it does not offer"))
    page.evaluate("""() => (document.querySelector("button[value=yes]").value = "perhaps")""")
    page.get_by_role("button", name="I saw it").click()


def paste(page: Any, address: str, badge: str, button: str = "Verify") -> None:
    """Paste a badge on a form and press its button."""
    page.goto(address)
    page.locator("textarea").fill(badge)
    page.get_by_role("button", name=button, exact=True).click()


def redeem(page: Any, address: str, *, badge: str, code: str) -> None:
    """Paste a badge and its holder code on a registration page."""
    page.goto(address)
    page.locator("textarea").fill(badge)
    page.get_by_label("Holder code").fill(code)
    page.get_by_role("button", name="Get my discount").click()


def verified(who: str) -> Opener:
    return lambda page, o: paste(page, f"{o.verifier}/verify", o.jwt(who))


def registered(who: str, times: int = 1) -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        for _ in range(times):
            redeem(page, o.registration, badge=o.jwt(who), code=o.holders[who].code)

    return opener


def looked(who: str) -> Opener:
    return lambda page, o: paste(page, o.desk, o.jwt(who), "Look")


def desk_used(page: Any, o: TwoOffices) -> None:
    registered(USED)(page, o)
    looked(USED)(page, o)


def desk_pressed(who: str, button: str) -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        looked(who)(page, o)
        page.get_by_role("button", name=button).click()

    return opener


# name -> (the steps, what its h1 says)
STATES: dict[str, tuple[Opener, str]] = {
    "home": (at("/"), "Example community thanks"),
    "policy": (policy, "What counts, in words"),
    "code": (at("/v"), "This code holds a badge"),
    "holder": (private(PLAIN), "Your badge: Contributor"),
    "holder-named": (private(NAMED), "Your badge: Contributor"),
    "holder-long": (private(LONG), "Your badge: Contributor"),
    "holder-han": (private(HAN), "Your badge: Contributor"),
    "holder-recognised": (private(SMALL), "Your badge: Recognised"),
    "holder-saved": (private(NAMED, "?saved=name"), "Your badge: Contributor"),
    "holder-withdrawn": (private(WITHDRAWN), "Your badge: Contributor"),
    "holder-suspended": (private(SUSPENDED), "Your badge: Contributor"),
    "holder-none": (lambda page, o: page.goto(o.nobody), "No badge yet"),
    "why": (private(PLAIN, "/why"), "Contributor, and why"),
    "why-nothing": (lambda page, o: page.goto(f"{o.nobody}/why"), "No tier yet, and why"),
    "public": (public(NAMED), "Contributor"),
    "public-long": (public(LONG), "Contributor"),
    "attest": (lambda page, o: page.goto(o.new_form("Meetup “Storage night”")), "Did you see this?"),
    "attest-answered": (lambda page, o: page.goto(o.answered), "Thank you"),
    "nothing": (at("/h/guessed"), "There is nothing at this address"),
    "refused": (refused, "That was not done"),
    "verify": (lambda page, o: page.goto(f"{o.verifier}/verify"), "Verify a badge"),
    "verify-no-badge": (lambda page, o: paste(page, f"{o.verifier}/verify", "hello"), "Verify a badge"),
    "verify-valid": (verified(NAMED), "✓ Valid"),
    "verify-valid-long": (verified(LONG), "✓ Valid"),
    "verify-tampered": (lambda page, o: paste(page, f"{o.verifier}/verify", o.tampered()), "✕ Not valid"),
    "verify-withdrawn": (verified(WITHDRAWN), "✕ Not valid"),
    "verify-suspended": (verified(SUSPENDED), "✕ Not valid"),
    "verify-unknown": (lambda page, o: paste(page, f"{o.blind}/verify", o.jwt(NAMED)), "? We could not tell"),
    "verify-stranger": (
        lambda page, o: paste(page, f"{o.blind}/verify", IssuerSimulator().token()),
        "? We could not tell",
    ),
    "scanned": (lambda page, o: page.goto(f"{o.verifier}/v"), "A scanned badge"),
    "error": (lambda page, o: page.goto(f"{o.verifier}/events/none"), "Not found"),
    "register": (lambda page, o: page.goto(o.registration), "Your discount for"),
    "register-wrong-code": (
        lambda page, o: redeem(page, o.registration, badge=o.jwt(PLAIN), code=o.holders[NAMED].code),
        "Your discount for",
    ),
    "register-granted": (registered(GRANTED), "✓ Granted 50 %"),
    "register-already": (registered(USED, times=2), "→ Used already"),
    "register-nothing-here": (registered(SMALL), "→ No discount"),
    "register-thanks": (
        lambda page, o: redeem(page, o.thanking, badge=o.jwt(SMALL), code=o.holders[SMALL].code),
        "✓ Thank you",
    ),
    "register-refused": (registered(WITHDRAWN), "✕ No discount"),
    "register-suspended": (registered(SUSPENDED), "✕ No discount"),
    "register-unknown": (
        lambda page, o: redeem(
            page, o.registration.replace(o.verifier, o.blind), badge=o.jwt(NAMED), code=o.holders[NAMED].code
        ),
        "? We could not tell",
    ),
    "desk": (lambda page, o: page.goto(o.desk), "Next person, please"),
    "desk-no-badge": (lambda page, o: paste(page, o.desk, "hello", "Look"), "Next person, please"),
    "desk-grant": (looked(NAMED), "✓ Grant 50 %"),
    "desk-grant-long": (looked(LONG), "✓ Grant 50 %"),
    "desk-grant-han": (looked(HAN), "✓ Grant 50 %"),
    "desk-granted": (desk_pressed(SEATED, "ID matches: redeem"), "✓ Granted 50 %"),
    "desk-differs": (desk_pressed(NAMED, "Does not match"), "✕ Name differs"),
    "desk-no-name": (looked(PLAIN), "→ Registration page"),
    "desk-withdrawn": (looked(WITHDRAWN), "✕ Not valid"),
    "desk-suspended": (looked(SUSPENDED), "✕ Not valid"),
    "desk-nothing-here": (looked(SMALL), "→ Ticket queue"),
    "desk-used": (desk_used, "→ Ticket queue"),
    "desk-unknown": (lambda page, o: paste(page, o.blind_desk, o.jwt(NAMED), "Look"), "? Ask the lead"),
}
