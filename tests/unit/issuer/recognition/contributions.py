"""What the tests of this room do all the time: a policy of one kind, and things that somebody did."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from issuer.contributions.model import Facts
from issuer.people.model import Pause
from issuer.recognition.calendar import months_before
from issuer.recognition.decision import Decision, Line, Rules, decide
from issuer.recognition.item import ATTESTATION_SOURCE, Attested, Item
from issuer.recognition.service import EXAMPLE_POLICY
from schemas import policy
from schemas.policy import QualificationPolicy

AS_OF = datetime(2026, 12, 15, 12, tzinfo=UTC)
OTHER = frozenset({"somebody-else"})
OPEN = frozenset({"open_to_all", "vendor_neutral", "code_of_conduct"})


def example() -> QualificationPolicy:
    """The policy that this package brings along."""
    return load(EXAMPLE_POLICY)


@cache
def load(file: Path) -> QualificationPolicy:
    return policy.load(file.read_bytes(), name=file.name)


def policy_of(kinds: str, *, tier_credits: str = "0.1") -> QualificationPolicy:
    """The example with other kinds (lines of YAML without indent) and one tier that needs `tier_credits`."""
    text = EXAMPLE_POLICY.read_text(encoding="utf-8")
    before, _, rest = text.partition("\ntiers:")
    _, _, rest = rest.partition("\ngrades:")
    grades, _, rest = rest.partition("\nkinds:")
    _, _, after = rest.partition("\nattestors:")
    tier = f"tiers: [{{id: one, min_credits: {tier_credits}, active_months_min: 0, active_quarters_min: 0}}]"
    indented = "\n".join(f"  {line}" for line in kinds.splitlines())
    document = f"{before}\n{tier}\ngrades:{grades}\nkinds:\n{indented}\nattestors:{after}"
    return policy.load(document.encode(), name="a policy of a test")


def days_ago(days: float) -> datetime:
    return AS_OF - timedelta(days=days)


def months_ago(months: int) -> datetime:
    return months_before(AS_OF, months)


def facts(**given: Any) -> Facts:
    return Facts.model_validate(given)


def item(name: str, record: str, *, source: str = "git", when: datetime | None = None, **given: Any) -> Item:
    """An item of which another person accepted the work, unless `given` says otherwise."""
    return Item(
        id=name,
        record=record,
        source=source,
        happened_at=when or days_ago(10),
        **{"facts": facts(), "acceptors": OTHER, **given},
    )


def change(name: str, *, when: datetime | None = None, lines: int = 20, **given: Any) -> Item:
    """A merged change of so many lines."""
    return item(name, "change", when=when, facts=facts(changed_lines=lines, **given))


def runbook(name: str, *, when: datetime | None = None, lines: int = 40) -> Item:
    return change(name, when=when, lines=lines, paths=["runbooks/storage/full-disk.md"])


def bug(name: str, *, when: datetime | None = None) -> Item:
    return item(
        name,
        "bug.confirmed",
        source="launchpad",
        when=when,
        facts=facts(moved_to="confirmed"),
        moved_by_another=True,
        acceptors=frozenset(),
    )


def support_reply(name: str, *, when: datetime | None = None) -> Item:
    return item(name, "support.answer_accepted", source="discourse", when=when, other_affiliation=True)


def words(name: str, quantity: str, *, when: datetime | None = None) -> Item:
    translated = facts(quantity=quantity, unit="words")
    return item(name, "translation.approved", source="weblate", when=when, facts=translated)


def story(name: str, *, when: datetime | None = None) -> Item:
    return item(name, "story.published", source="feed", when=when)


def review(name: str, *, vote: str = "CR+2", when: datetime | None = None) -> Item:
    return item(name, "review", source="gerrit", when=when, facts=facts(vote=vote), own_change=False)


def attested(
    name: str,
    kind: str,
    *,
    when: datetime | None = None,
    voices: int = 2,
    statements: frozenset[str] = frozenset(),
    attendees: int | None = None,
    role: str | None = None,
    **given: Any,
) -> Item:
    """Something that so many people saw."""
    seen = tuple(Attested(f"voice-{number}", role, statements, attendees) for number in range(voices))
    return item(
        name,
        kind,
        source=ATTESTATION_SOURCE,
        when=when,
        **{"facts": facts(people=1), "acceptors": frozenset(), "attestations": seen, **given},
    )


def meetup(
    name: str, *, when: datetime | None = None, people: int = 1, attendees: int = 30, voices: int = 2
) -> Item:
    return attested(
        name,
        "event.organised",
        when=when,
        voices=voices,
        statements=OPEN,
        attendees=attendees,
        facts=facts(people=people, title=f"Meetup {name}"),
    )


def talk(name: str, *, when: datetime | None = None, voices: int = 2) -> Item:
    return attested(name, "talk.given", when=when, voices=voices, statements=frozenset({"community_event"}))


def session(name: str, *, when: datetime | None = None) -> Item:
    return attested(name, "session.moderated", when=when)


def survey(name: str) -> Item:
    return item(name, "survey.completed", source="survey", acceptors=frozenset())


def decided(
    items: list[Item],
    rules: QualificationPolicy | None = None,
    *,
    as_of: datetime = AS_OF,
    pauses: tuple[Pause, ...] = (),
) -> Decision:
    """The decision under the example policy, or another."""
    return decide(items, Rules.of(rules or example()), as_of=as_of, pauses=pauses)


def line_of(decision: Decision, name: str) -> Line:
    return next(line for line in decision.lines if line.item.id == name)


def credit(amount: str | int) -> Decimal:
    return Decimal(amount)
