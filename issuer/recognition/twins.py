"""A change that came in twice: the same project read through git and through its review system. Pure."""

from collections.abc import Iterable

from issuer.contributions.links import COMMIT_DIGITS
from issuer.recognition.item import Item


def without_twins(items: Iterable[Item]) -> list[Item]:
    """One item for each commit and record of a person.

    Of twins, the one that more people are named as accepting; ties by id, so the order of arrival does not
    matter.
    """
    kept: dict[tuple[str, str], Item] = {}
    others = []
    for item in sorted(items, key=lambda item: (-len(item.acceptors), item.id)):
        if item.facts.commit is None:
            others.append(item)
        else:
            kept.setdefault((item.record, item.facts.commit[:COMMIT_DIGITS].lower()), item)
    return [*kept.values(), *others]
