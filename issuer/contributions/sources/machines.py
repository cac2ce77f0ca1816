"""Which names and addresses in version control and review belong to machines. Pure.

A machine accepts nothing: a commit that a web page or a gate committed has not been accepted by another
person because of that. What is no machine by this list may still be one; then the roster says `bot`.
"""

import re

# Committers that stand for "whoever pressed the button", or for nobody.
ADDRESSES = frozenset(
    {
        "noreply@github.com",  # GitHub's web-flow: merges and squashes made on the page
        "noreply@gitlab.com",
        "review@openstack.org",  # Gerrit Code Review, when it rebases or merges by itself
        "noreply@review.opendev.org",
    }
)
# What gates and robots are called, in full: a person may be Bors or Jenkins by family name.
NAMES = frozenset(
    {
        "bors",
        "copybara",
        "dependabot",
        "gerrit code review",
        "github",
        "github actions",
        "github-actions",
        "jenkins",
        "mergify",
        "openstack jenkins",
        "openstack proposal bot",
        "proposal-bot",
        "renovate",
        "zuul",
    }
)
BOT_MARK = "[bot]"  # GitHub writes it behind the name of every app, and lets no person use it
_CI_NAME = re.compile(r"(?:^|\s)CI(?:\s|$)")  # in capitals, as third-party systems sign: "Storage CI"
_CI_USERNAME = re.compile(r"[._-](?:ci|bot)$|^ci[._-]")


def is_machine(*, name: str = "", address: str = "", username: str = "") -> bool:
    """Whether any of these is one that only machines have. The local part of an address is a user name."""
    if address.strip().lower() in ADDRESSES or BOT_MARK in name + address + username:
        return True
    usernames = [text.strip().lower() for text in (username, address.partition("@")[0])]
    if not NAMES.isdisjoint([name.strip().lower(), *usernames]) or _CI_NAME.search(name):
        return True
    return any(_CI_USERNAME.search(text) for text in usernames)
