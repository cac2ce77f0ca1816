"""What a record points at: the accounts it names, its commit, and what it takes back. Pure.

Kept beside each record, so that whoever is touched by one arriving record, or by one account that was proved, is
found without reading everything.
"""

from typing import Literal

from issuer.contributions.model import Contribution

COMMIT_DIGITS = 12  # commits are told apart by so many: two of one programme never shared them

LinkKind = Literal["names", "commit", "reverts", "reverts_id"]


def links_of(contribution: Contribution) -> set[tuple[LinkKind, str]]:
    """(kind, target) of everything that a record points at."""
    facts = contribution.facts
    named = [*facts.accepted_by, *(account for account in (facts.moved_by, facts.owner) if account)]
    made: set[tuple[LinkKind, str]] = {("names", str(account)) for account in named}
    if facts.commit:
        made.add(("commit", short(facts.commit)))
    if facts.reverts:
        made.add(("reverts", short(facts.reverts)))
        made.add(("reverts_id", f"{contribution.source} {facts.reverts}"[:600]))
    return made


def short(commit: str) -> str:
    """A commit, or the beginning of one, as commits are told apart here."""
    return commit[:COMMIT_DIGITS].lower()


def beginnings(commit: str) -> list[str]:
    """Every text by which somebody may have named a commit."""
    whole = short(commit)
    return [whole[:digits] for digits in range(1, len(whole) + 1)]
