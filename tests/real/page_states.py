"""Every page of both offices in every state that it has, each as the steps by which a person comes to it."""

import json
from collections.abc import Callable
from typing import Any

from tests.real.attesting_states import ATTESTING_STATES
from tests.real.delivery_states import DELIVERY_STATES
from tests.real.people_states import PEOPLE_STATES
from tests.real.recognition_states import RECOGNITION_STATES
from tests.real.staff_states import STAFF_STATES
from tests.real.two_offices import (
    ADDRESS,
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
from tests.real.wallet_states import WALLET_STATES
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
    """Paste a badge on a registration page, and use its discount with its holder code if there is one."""
    paste(page, address, badge, "See my discount")
    if page.get_by_label("Holder code").count():
        page.get_by_label("Holder code").fill(code)
        page.get_by_role("button", name="Use my discount now").first.click()


def offered(who: str, query: str = "") -> Opener:
    """What a badge gives, before anything is used up."""
    button = "Voir ma réduction" if "fr" in query else "See my discount"
    return lambda page, o: paste(page, o.registration + query, o.jwt(who), button)


def mailed(address: str, button: str = "Mail me a code") -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        paste(page, o.registration, json.dumps(o.bound(PLAIN)), "See my discount")
        page.get_by_label("Mail address").fill(address)
        page.get_by_role("button", name=button).click()

    return opener


def asked_wallet(page: Any, o: TwoOffices) -> str:
    """A browser that waits for its wallet; the link that opens one."""
    page.goto(o.registration)
    page.get_by_role("button", name="Show it from my wallet").click()
    return str(page.get_by_role("link", name="Open my wallet").get_attribute("href"))


def wallet_shown(who: str, *, here: bool) -> Opener:
    """A wallet answered: and came back to this browser, or to another one."""

    def opener(page: Any, o: TwoOffices) -> None:
        link = asked_wallet(page, o)
        back = o.wallet().show(link, o.bound(who))
        if not here:
            page.context.clear_cookies()
        page.goto(back)

    return opener


def wallet_elsewhere(page: Any, o: TwoOffices) -> None:
    """The page that waits until the wallet's own screen confirms."""
    o.wallet().show(asked_wallet(page, o), o.bound(PLAIN))
    page.wait_for_selector(".voucher")


def wallet_confirmed(page: Any, o: TwoOffices) -> None:
    wallet_shown(PLAIN, here=False)(page, o)
    page.get_by_role("button", name="Yes, it shows").click()


def wallet_refused(page: Any, o: TwoOffices) -> None:
    """Somebody else's badge was shown."""
    wallet = o.wallet()
    request = wallet.read_request(asked_wallet(page, o))
    wallet.answer(request, {})
    page.get_by_role("link", name="I have shown it").click()


def wallet_declined(page: Any, o: TwoOffices) -> None:
    request = o.wallet().read_request(asked_wallet(page, o))
    form = {"error": "access_denied", "state": request["state"]}
    o.play.http.post(request["response_uri"], data=form).raise_for_status()
    page.wait_for_selector(".problem")


def verified(who: str) -> Opener:
    return lambda page, o: paste(page, f"{o.verifier}/verify", o.jwt(who))


def registered(who: str, times: int = 1) -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        for _ in range(times):
            redeem(page, o.registration, badge=o.jwt(who), code=o.holders[who].code)

    return opener


def looked(who: str) -> Opener:
    return lambda page, o: paste(page, o.desk, o.jwt(who), "Look")


def looked_in_french(page: Any, o: TwoOffices) -> None:
    page.goto(f"{o.desk}?lang=fr")
    paste(page, o.desk, o.jwt(NAMED), "Regarder")


def desk_used(page: Any, o: TwoOffices) -> None:
    registered(USED)(page, o)
    looked(USED)(page, o)


def desk_pressed(who: str, button: str) -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        looked(who)(page, o)
        page.get_by_role("button", name=button).click()

    return opener


def scanned(who: str) -> Opener:
    """The page on which a phone lands that read the code of one of the cast."""

    def opener(page: Any, o: TwoOffices) -> None:
        page.goto(o.file(who, "qr-url").read_text().replace("https://", "http://"))
        page.locator("#scanned .word").wait_for()

    return opener


# name -> (the steps, what its h1 says)
STATES: dict[str, tuple[Opener, str]] = (
    {
        "home": (at("/"), "Example community thanks"),
        "policy": (policy, "What counts, in words"),
        "sources": (at("/sources"), "Where contributions come from"),
        "code": (at("/v"), "This code holds a badge"),
        "code-verified": (scanned(NAMED), "✓ Genuine"),
        "code-withdrawn": (scanned(WITHDRAWN), "✕ Not valid"),
        "achievements": (at("/achievements/"), "All badges"),
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
            "✓ 50 %",
        ),
        "register-offer": (offered(NAMED), "✓ 50 %"),
        "register-offer-long": (offered(LONG), "✓ 50 %"),
        "register-offer-nameless": (offered(PLAIN), "✓ 50 %"),
        "register-fr": (lambda page, o: page.goto(f"{o.registration}?lang=fr"), "Votre réduction pour"),
        "register-offer-fr": (offered(NAMED, "?lang=fr"), "✓ 50 %"),
        "register-offer-every-proof": (
            lambda page, o: paste(page, o.registration, json.dumps(o.bound(PLAIN)), "See my discount"),
            "✓ 50 %",
        ),
        "register-mailed": (mailed(ADDRESS), "✓ 50 %"),
        "register-mail-refused": (mailed("eve@people.example"), "✓ 50 %"),
        "wallet-waiting": (asked_wallet, "Show your badge"),
        "wallet-refused": (wallet_refused, "Show your badge"),
        "wallet-elsewhere": (wallet_elsewhere, "Is it you?"),
        "wallet-confirm": (wallet_shown(PLAIN, here=False), "Is it you?"),
        "wallet-confirmed": (wallet_confirmed, "✓ Confirmed"),
        "wallet-offer": (wallet_shown(PLAIN, here=True), "✓ 50 %"),
        "wallet-declined": (wallet_declined, "Your wallet was asked, and it is over"),
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
        "desk-fr": (lambda page, o: page.goto(f"{o.desk}?lang=fr"), "Personne suivante"),
        "desk-grant-fr": (looked_in_french, "✓ Accorder 50 %"),
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
    | STAFF_STATES
    | PEOPLE_STATES
    | DELIVERY_STATES
    | ATTESTING_STATES
    | RECOGNITION_STATES
    | WALLET_STATES
)
