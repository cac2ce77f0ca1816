"""Which changes were taken back by later ones, so that they count no longer (POLICY §4, `not_reverted`). Pure.

A revert names a commit, in full or cut, or a change by its id in the same source. A revert that was itself
taken back takes nothing back. Making items of what stands is `service`.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Collection, Mapping

from issuer.contributions.links import COMMIT_DIGITS
from issuer.contributions.model import Contribution

CHANGE = "change"
REVERT = "revert"  # says only that its commit also takes back another one; it is nobody's work by itself
_HEXADECIMAL = frozenset("0123456789abcdef")


def name_of(contribution: Contribution) -> str:
    """What a change is known by here: its commit, whatever source tells of it; else its source and id."""
    commit = contribution.facts.commit
    return f"commit {commit[:COMMIT_DIGITS].lower()}" if commit else f"{contribution.source} {contribution.id}"


def taken_back(stored: Collection[Contribution]) -> frozenset[str]:
    """The names (`name_of`) of all changes that a later one takes back and that were not brought back since."""
    changes = [c for c in stored if c.record in {CHANGE, REVERT}]
    by_id = {(c.source, c.id): name_of(c) for c in changes if c.record == CHANGE}
    commits = sorted({c.facts.commit[:COMMIT_DIGITS].lower() for c in changes if c.facts.commit})
    reverters: dict[str, set[str]] = defaultdict(set)
    for change in changes:
        if change.facts.reverts:
            named = by_id.get((change.source, change.facts.reverts)) or _commit(change.facts.reverts, commits)
            if named and named != name_of(change):
                reverters[named].add(name_of(change))
    return _settled(reverters)


def _commit(reference: str, commits: list[str]) -> str | None:
    """The name of the one commit that a reference means; None if it means none, or may mean two."""
    wanted = reference[:COMMIT_DIGITS].lower()
    if not wanted or not set(wanted) <= _HEXADECIMAL:
        return None
    at = bisect_left(commits, wanted)
    found = [commit for commit in commits[at : at + 2] if commit.startswith(wanted)]
    return f"commit {found[0]}" if len(found) == 1 else None


def _settled(reverters: Mapping[str, set[str]]) -> frozenset[str]:
    """Who is taken back, found from the last reverts backwards.

    Reverts in a circle, which no history has, settle nothing: nobody loses work by them.
    """
    targets: dict[str, list[str]] = defaultdict(list)
    for target, those in reverters.items():
        for reverter in those:
            targets[reverter].append(target)
    fate = {name: False for name in targets if name not in reverters}  # False: it stands
    undecided = {target: len(those) for target, those in reverters.items()}
    known = deque(fate)
    while known:
        name = known.popleft()
        for target in targets.get(name, ()):
            undecided[target] -= 1
            if target not in fate and (not fate[name] or undecided[target] == 0):
                fate[target] = not fate[name]
                known.append(target)
    return frozenset(name for name, gone in fate.items() if gone)
