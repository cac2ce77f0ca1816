"""The letter by which people are told what is kept about them, before a first record is joined to them."""

from collections.abc import Callable

from issuer.ground.mail import Mail
from issuer.ground.settings import Settings


def letter(settings: Settings) -> Callable[[str], Mail] | None:
    """What makes the mail for an address; None where no mail can be sent: then the public page has to do."""
    if settings.mail is None:
        return None
    text = (
        f"{settings.name} thanks people for what they do for it, with badges by a published policy.\n"
        "Its list of people names you. So what public sources say was done with your accounts is kept from\n"
        "now on, as a record that is yours: you can see it, correct it, take it with you, hide it, refuse it\n"
        "and erase it.\n\n"
        f"What is kept, and for what: {settings.public_url}/privacy\n"
        f"Sign in with this address, to see it or to refuse: {settings.public_url}/sign-in\n\n"
        "You need not do anything. This letter comes once.\n"
    )
    subject = f"{settings.name} keeps a record of what you do for it"[:200]
    return lambda address: Mail(address, subject, text)
