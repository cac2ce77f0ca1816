"""The letters to holders: that a badge was awarded and why, that one is to be withdrawn. Pure.

A letter names nobody: it waits in the outbox until it is sent, and whoever changed their name meanwhile would find
the former one there.
"""

from collections.abc import Sequence
from datetime import datetime

from issuer.badges import catalogue, revocation
from issuer.badges.model import Award
from issuer.badges.revocation import Case
from issuer.ground.mail import MAX_SUBJECT, Mail
from issuer.recognition import decision, sentences

MAX_LINES = 10  # more is a list to scroll through on a phone; the page has all of it
MAX_LINE = 160


def reasons_of(decided: decision.Decision) -> str:
    """What counted, newest first: a line for each, as it stands in the letter about the award."""
    counted = [line for line in decided.lines if line.counted]
    counted.sort(key=lambda line: (line.item.happened_at, line.item.id), reverse=True)
    return "\n".join(map(_reason, counted))


def _reason(line: decision.Line) -> str:
    said = f"{line.item.happened_at:%Y-%m-%d}  {line.item.facts.title or line.item.record}: {sentences.why(line)}"
    return "".join(one if one.isprintable() else " " for one in said)[:MAX_LINE].rstrip()


def named(award: Award) -> str:
    """A badge as letters call it: `Contributor 2026`."""
    return f"{catalogue.title(award.achievement)} {award.period.name}"


def of_award(
    to: str,
    award: Award,
    *,
    community: str,
    page: str,
    narrative: str | None,
    superseded: Sequence[Award],
    renewed: Award | None,
    renewed_until: datetime | None,
) -> Mail:
    """The letter about a new badge.

    `superseded`: what it takes the place of. `renewed`: the same one of an earlier period, which stays good until
    `renewed_until`.

    Raises:
        MailError: no mail can be made for this address.
    """
    title = named(award)
    parts = [f"{community} thanks you: you have earned “{title}”."]
    if renewed is not None and renewed_until is not None:
        parts[0] = f"{community} thanks you again: “{named(renewed)}” is renewed, and you have “{title}” now."
        parts.append(f"The former one stays good until {renewed_until:%Y-%m-%d}.")
    if superseded:
        former = ", ".join(f"“{named(one)}”" for one in superseded)
        parts.append(f"It takes the place of {former}, which counts no more: show the new one from now on.")
    parts.append(_why(award, narrative))
    parts.append(
        "Keep it? You need not do anything, it is yours. On your private page you look at it, choose what it\n"
        f"shows, and take it with you:\n\n{page}\n\n"
        "Whoever has this link opens your page: keep it to yourself. Nobody else is told of the badge. If you do\n"
        "not want it, or if something here is wrong, say so, and it is put right."
    )
    return Mail(to, f"{title}: thank you, says {community}"[:MAX_SUBJECT], "\n\n".join(parts) + "\n")


def _why(award: Award, narrative: str | None) -> str:
    if narrative is not None:
        return f"Here is why: {' '.join(narrative.split())}"
    lines = award.reasons.splitlines()
    if not lines:
        return f"Here is why: {award.thanks or 'what you did for the community'}."
    shown = [f"  {line}" for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(f"  … and {len(lines) - MAX_LINES} more on your page")
    return "\n".join([f"Here is why, {sentences.counted(len(lines), 'line')}:", *shown])


def of_case(to: str, award: Award, case: Case, *, community: str, page: str, because: str) -> Mail:
    """The letter about a badge that is to be withdrawn, was, or stands again. `because`: why it stands again.

    Raises:
        MailError: no mail can be made for this address.
    """
    title, why = named(award), f"{revocation.in_words(case.cause)}. What was said: {case.reason}"
    match case.outcome:
        case None:
            subject = f"{title} is to be withdrawn on {case.ends_at:%Y-%m-%d}"
            parts = [
                f"Your badge “{title}” of {community} is to be withdrawn on {case.ends_at:%Y-%m-%d}, because {why}"
            ]
            if case.suspended_until is not None:
                parts.append(f"Until {case.suspended_until:%Y-%m-%d} at most it is suspended and gives nothing.")
            if case.needs_two:
                parts.append(
                    "Two people decide this. If the second does not agree by then, your badge stands again."
                )
            parts.append("If this is wrong, say so before that day, by answering here or on your “why” page.")
        case "revoked":
            subject = f"{title} was withdrawn"
            parts = [f"Your badge “{title}” of {community} was withdrawn, because {why}"]
            parts.append("You can appeal on your “why” page, within the time that it says.")
        case _:
            subject = f"{title} stands"
            parts = [f"Your badge “{title}” of {community} stands as before: it is not withdrawn."]
            if because:
                parts.append(f"What was said: {because}")
    parts.append(f"Your private page:\n\n{page}")
    return Mail(to, subject[:MAX_SUBJECT], "\n\n".join(parts) + "\n")
