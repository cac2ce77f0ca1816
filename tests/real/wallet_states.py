"""The pages by which a badge goes into a wallet, in each state."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.real.two_offices import NAMED, PLAIN, WITHDRAWN, TwoOffices
from tests.unit.issuer.wallets_client import Wallet

Opener = Callable[[Any, TwoOffices], Any]


def wallet_page(who: str, query: str = "") -> Opener:
    def opener(page: Any, o: TwoOffices) -> None:
        holder = o.holders[who]
        page.goto(f"{holder.page}/wallet/{holder.badge}{query}")

    return opener


def offered(page: Any, o: TwoOffices, *, who: str = PLAIN) -> str:
    """Press the button; comes out: the link that a wallet opens."""
    wallet_page(who)(page, o)
    page.get_by_role("button", name="Offer it to my wallet").click()
    return str(page.get_by_role("link", name="Open my wallet").get_attribute("href"))


def offered_in_french(page: Any, o: TwoOffices) -> None:
    wallet_page(PLAIN, "?lang=fr")(page, o)
    page.get_by_role("button", name="L’offrir à mon portefeuille").click()


def taken(page: Any, o: TwoOffices) -> None:
    """A wallet has taken it, and says so."""
    link = offered(page, o, who=NAMED)
    digits = re.sub(r"\s", "", page.locator(".holder-code code").inner_text())
    with httpx.Client(base_url=o.issuer) as client:
        wallet = Wallet(client, datetime.now(UTC))  # type: ignore[arg-type]
        assert wallet.take(link, digits).status_code == 200
        given = wallet.ask(proofs={"jwt": [wallet.proof(aud=o.issuer)]}).raise_for_status().json()
        event = {"notification_id": given["notification_id"], "event": "credential_accepted"}
        wallet.post("notification", event).raise_for_status()
    page.get_by_role("link", name="Has it arrived?").click()


def by_camera(page: Any, o: TwoOffices) -> None:
    """What a phone's camera opens."""
    link = offered(page, o)
    page.goto(link.replace("openid-credential-offer://?", f"{o.issuer}/wallet?"))


def refused(page: Any, o: TwoOffices) -> None:
    """The badge was withdrawn while somebody looked at the button."""
    wallet_page(PLAIN)(page, o)
    gone = o.holders[WITHDRAWN]
    page.evaluate(
        f"() => document.querySelector('main form').setAttribute('action', '{gone.page}/wallet/{gone.badge}')"
    )
    page.get_by_role("button", name="Offer it to my wallet").click()


WALLET_STATES: dict[str, tuple[Opener, str]] = {
    "into-wallet": (wallet_page(PLAIN), "In a wallet: Contributor"),
    "into-wallet-offered": (offered, "In a wallet: Contributor"),
    "into-wallet-offered-fr": (offered_in_french, "Dans un portefeuille"),
    "into-wallet-taken": (taken, "In a wallet: Contributor"),
    "into-wallet-refused": (refused, "In a wallet: Contributor"),
    "offer": (by_camera, "A badge for your wallet"),
    "offer-ended": (lambda page, o: page.goto(f"{o.issuer}/wallet"), "This offer has ended"),
}
