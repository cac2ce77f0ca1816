"""Every condition that a policy can name: one function, one sentence, one test each (POLICY §4).

A predicate takes an item and its parameter and says whether it holds. What is not known does not hold. The
sentence beside it is what people read, so rule and reading cannot drift apart. The names and the kinds of
their parameters stand in `schemas.policy.PREDICATES`; a test holds the two lists together.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from issuer.ground.language import IN_ENGLISH, Voice
from issuer.recognition.item import Item
from schemas.policy import Predicate


@dataclass(frozen=True)
class Condition:
    """A predicate's meaning. `sentence` has `{}` where the parameter goes."""

    holds: Callable[[Item, Any], bool]
    sentence: str


def accepted_by_another(item: Item, _: None) -> bool:
    return bool(item.acceptors)


def author_is_person(item: Item, _: None) -> bool:
    return not item.by_machine


def not_own_change(item: Item, _: None) -> bool:
    return item.own_change is False


def not_reverted(item: Item, _: None) -> bool:
    return not item.reverted


def changed_lines_over(item: Item, limit: int) -> bool:
    return item.facts.changed_lines is not None and item.facts.changed_lines > limit


def changed_lines_at_most(item: Item, limit: int) -> bool:
    return item.facts.changed_lines is not None and item.facts.changed_lines <= limit


def not_generated_only(item: Item, _: None) -> bool:
    return not item.facts.generated_only


def path_matches(item: Item, globs: tuple[str, ...]) -> bool:
    patterns = [_pattern(glob) for glob in globs]
    return any(pattern.fullmatch(path) for path in item.facts.paths for pattern in patterns)


def labelled(item: Item, label: str) -> bool:
    return label in item.facts.labels


def coauthor_proved_address(item: Item, _: None) -> bool:
    return item.record == "coauthorship"  # a trailer becomes an item only once its address was proved


def coauthors_at_most(item: Item, limit: int) -> bool:
    return item.facts.coauthors is not None and item.facts.coauthors <= limit


def vote_in(item: Item, votes: tuple[str, ...]) -> bool:
    return item.facts.vote in votes


def comment_then_new_patch_set(item: Item, _: None) -> bool:
    return item.facts.answered_by_new_patch_set


def moved_by_another_to(item: Item, states: tuple[str, ...]) -> bool:
    return item.moved_by_another and item.facts.moved_to in states


def named_as_reporter_in_merged_change(item: Item, _: None) -> bool:
    return item.facts.named_in_merged_change


def listed_present(item: Item, _: None) -> bool:
    return item.facts.listed_present


def written_reason(item: Item, _: None) -> bool:
    return bool((item.facts.written_reason or "").strip())


def challenge_answered(item: Item, _: None) -> bool:
    return item.facts.challenge_answered


def attendees_at_least(item: Item, least: int) -> bool:
    return item.attendees is not None and item.attendees >= least


def people_at_most(item: Item, most: int) -> bool:
    return item.facts.people is not None and item.facts.people <= most


def attested(item: Item, statements: tuple[str, ...]) -> bool:
    return any(a.statements.issuperset(statements) for a in item.attestations)


def other_affiliation(item: Item, _: None) -> bool:
    return item.other_affiliation is True


CONDITIONS: Mapping[str, Condition] = {
    "accepted_by_another": Condition(accepted_by_another, "another person accepted it"),
    "approved_by_another": Condition(accepted_by_another, "another person approved it"),
    "accepted_by_asker": Condition(accepted_by_another, "the person who asked accepted it"),
    "author_is_person": Condition(author_is_person, "its author is a person, not a machine"),
    "not_own_change": Condition(not_own_change, "the change is somebody else's"),
    "not_reverted": Condition(not_reverted, "it was not taken back later"),
    "changed_lines_over": Condition(changed_lines_over, "it changes more than {} lines"),
    "changed_lines_at_most": Condition(changed_lines_at_most, "it changes at most {} lines"),
    "not_generated_only": Condition(not_generated_only, "it changes more than generated files"),
    "path_matches": Condition(path_matches, "it changes a file under {}"),
    "labelled": Condition(labelled, "it is labelled “{}”"),
    "coauthor_proved_address": Condition(coauthor_proved_address, "the co-author has proved the address named"),
    "coauthors_at_most": Condition(coauthors_at_most, "it names at most {} co-authors"),
    "vote_in": Condition(vote_in, "the vote was one of {}"),
    "comment_then_new_patch_set": Condition(comment_then_new_patch_set, "a comment led to a new patch set"),
    "moved_by_another_to": Condition(moved_by_another_to, "another person moved it to {}"),
    "named_as_reporter_in_merged_change": Condition(
        named_as_reporter_in_merged_change, "a merged change names the reporter"
    ),
    "listed_present": Condition(listed_present, "the minutes list the person as present"),
    "written_reason": Condition(written_reason, "a reason was written down"),
    "challenge_answered": Condition(challenge_answered, "a fresh challenge was answered from the deployment"),
    "attendees_at_least": Condition(attendees_at_least, "at least {} people came"),
    "people_at_most": Condition(people_at_most, "at most {} people share it"),
    "attested": Condition(attested, "those who saw it affirm: {}"),
    "other_affiliation": Condition(other_affiliation, "the two have different, known affiliations"),
}


def holds(predicate: Predicate, item: Item) -> bool:
    """Whether a predicate, or one of its alternatives, holds for an item."""
    if predicate.alternatives:
        return any(holds(alternative, item) for alternative in predicate.alternatives)
    return CONDITIONS[predicate.name].holds(item, predicate.parameter)


def sentence_of(predicate: Predicate, say: Voice = IN_ENGLISH) -> str:
    """The predicate in words, as a clause without capital or full stop."""
    if predicate.alternatives:
        ways = [sentence_of(alternative, say) for alternative in predicate.alternatives]
        return say("either %(ways)s", ways=f" {say('or')} ".join(ways))
    return say(CONDITIONS[predicate.name].sentence).format(_shown(predicate.parameter, say))


def _shown(parameter: int | str | tuple[str, ...] | None, say: Voice) -> str:
    if not isinstance(parameter, tuple):
        return str(parameter)
    words = [_word(word, say) for word in parameter]
    return f" {say('or')} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _word(word: str, say: Voice) -> str:
    """A statement such as `open_to_all` in words; forms show the same with a capital."""
    plain = word.replace("_", " ")
    shown = say(plain.capitalize())
    return plain if shown == plain.capitalize() else shown[:1].lower() + shown[1:]


@lru_cache(maxsize=256)
def _pattern(glob: str) -> re.Pattern[str]:
    """`**` crosses folders, `*` and `?` stay inside one; `runbooks/**` is all below runbooks."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    spelled = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(spelled.get(part, re.escape(part)) for part in parts), re.DOTALL)
