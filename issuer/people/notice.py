"""The letter by which people are told what is kept about them, before a first record is joined to them."""

from collections.abc import Callable

from issuer.ground.language import Voice
from issuer.ground.mail import MAX_SUBJECT, Mail
from issuer.ground.settings import Settings


def letter(settings: Settings) -> Callable[[str, Voice], Mail] | None:
    """What makes the mail for an address, in a language; None where no mail can be sent: then the public page has
    to do.
    """
    if settings.mail is None:
        return None

    def written(address: str, say: Voice) -> Mail:
        text = say(
            "%(community)s thanks people for what they do for it, with badges by a published policy.\n"
            "Its list of people names you. So what public sources say was done with your accounts is kept from\n"
            "now on, as a record that is yours: you can see it, correct it, take it with you, hide it, refuse it\n"
            "and erase it.\n\n"
            "What is kept, and for what: %(url)s/privacy\n"
            "Sign in with this address, to see it or to refuse: %(url)s/sign-in\n\n"
            "You need not do anything. This letter comes once.",
            community=settings.name,
            url=settings.public_url,
        )
        subject = say("%(community)s keeps a record of what you do for it", community=settings.name)
        return Mail(address, subject[:MAX_SUBJECT], text + "\n")

    return written
