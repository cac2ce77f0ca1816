"""The letters to holders: that a badge was awarded and why, that one is to be withdrawn. Pure.

A letter names nobody: it waits in the outbox until it is sent, and whoever changed their name meanwhile would find
the former one there. Each is written in the language of its reader (`say`).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from issuer.badges import catalogue, revocation
from issuer.badges.model import Award
from issuer.badges.revocation import Case
from issuer.ground.language import IN_ENGLISH, Voice
from issuer.ground.mail import MAX_SUBJECT, Mail
from issuer.recognition import decision, sentences
from issuer.recognition.merits import Merit

MAX_LINES = 10  # more is a list to scroll through on a phone; the page has all of it
MAX_LINE = 160


def reasons_of(decided: decision.Decision, say: Voice = IN_ENGLISH) -> str:
    """What counted, newest first: a line for each, as it stands in the letter about the award."""
    return _listed((line for line in decided.lines if line.counted), lambda line: sentences.why(line, say))


def reasons_for(merit: Merit, say: Voice = IN_ENGLISH) -> str:
    """The same for a badge per kind: what was done, without its credits, which are for tiers."""
    return _listed(merit.lines, lambda line: sentences.kind_name(line.kind or line.item.record, say))


def _listed(lines: Iterable[decision.Line], said: Callable[[decision.Line], str]) -> str:
    newest_first = sorted(lines, key=lambda line: (line.item.happened_at, line.item.id), reverse=True)
    return "\n".join(_reason(line, said(line)) for line in newest_first)


def _reason(line: decision.Line, why: str) -> str:
    said = f"{line.item.happened_at.date()}  {line.item.facts.title or line.item.record}: {why}"
    if not said.isprintable():
        said = "".join(one if one.isprintable() else " " for one in said)
    return said[:MAX_LINE].rstrip()


def named(award: Award, say: Voice = IN_ENGLISH) -> str:
    """A badge as letters call it: `Contributor 2026`."""
    return f"{catalogue.title(award, say)} {award.period.name}"


def of_award(
    to: str,
    award: Award,
    *,
    community: str,
    link: str,
    until: datetime,
    narrative: str | None,
    superseded: Sequence[Award],
    renewed: Award | None,
    renewed_until: datetime | None,
    say: Voice = IN_ENGLISH,
) -> Mail:
    """The letter about a new badge.

    `link` opens its holder's private page once, `until` then. `superseded`: what it takes the place of.
    `renewed`: the same one of an earlier period, which stays good until `renewed_until`.

    Raises:
        MailError: no mail can be made for this address.
    """
    title = named(award, say)
    thanked = sentences.thanks_again(award.thanks, say) if award.is_per_kind else ""
    earned = (
        say("“%(badge)s”, for %(thanks)s", badge=title, thanks=thanked)
        if thanked
        else say("“%(title)s”", title=title)
    )
    parts = [say("%(community)s thanks you: you have earned %(badge)s.", community=community, badge=earned)]
    if renewed is not None and renewed_until is not None:
        parts[0] = say(
            "%(community)s thanks you again: “%(former)s” is renewed, and you have %(badge)s now.",
            community=community,
            former=named(renewed, say),
            badge=earned,
        )
        parts.append(say("The former one stays good until %(day)s.", day=f"{renewed_until:%Y-%m-%d}"))
    if superseded:
        former = ", ".join(say("“%(title)s”", title=named(one, say)) for one in superseded)
        parts.append(
            say(
                "It takes the place of %(former)s, which counts no more: show the new one from now on.",
                former=former,
            )
        )
    parts += [
        _why(award, narrative, say),
        say(
            "Keep it? It is yours. With this link you open your private page, where you look at it,\n"
            "choose what it shows, and take it with you:"
        ),
        link,
        *_of_link(until, say),
        say(
            "Nobody else is told of the badge. If you do not want it, or if something here is wrong,\n"
            "say so, and it is put right."
        ),
    ]
    subject = say("%(badge)s: thank you, says %(community)s", badge=title, community=community)
    return Mail(to, subject[:MAX_SUBJECT], "\n\n".join(parts) + "\n")


def of_link(to: str, award: Award, *, community: str, link: str, until: datetime, say: Voice = IN_ENGLISH) -> Mail:
    """A new link to a badge about which a letter was written before: it was asked for, or somebody sends it again.

    Raises:
        MailError: no mail can be made for this address.
    """
    about = {"badge": named(award, say), "community": community}
    parts = [
        say("Here is a new link to your badge “%(badge)s” of %(community)s:", **about),
        link,
        *_of_link(until, say),
        say("Links to this badge that were mailed before, and that nobody used, work no more."),
    ]
    subject = say("%(badge)s: your new link", badge=about["badge"])
    return Mail(to, subject[:MAX_SUBJECT], "\n\n".join(parts) + "\n")


def of_link_elsewhere(to: str, award: Award, *, community: str, say: Voice = IN_ENGLISH) -> Mail:
    """To the holder's own address, when a link was sent to another one: so nobody takes a badge unnoticed.

    Raises:
        MailError: no mail can be made for this address.
    """
    about = {"badge": named(award, say), "community": community}
    parts = [
        say("A link to your badge “%(badge)s” of %(community)s was sent to an address other than this.", **about),
        say(
            "If you asked for that, all is well. If not, answer here: the link can be taken back, and your\n"
            "private page gets another address."
        ),
    ]
    subject = say("%(badge)s: a link was sent to another address", badge=about["badge"])
    return Mail(to, subject[:MAX_SUBJECT], "\n\n".join(parts) + "\n")


def _of_link(until: datetime, say: Voice) -> list[str]:
    return [
        say(
            "The link works once, until %(day)s. Keep it to yourself: whoever opens it has your page.",
            day=f"{until:%Y-%m-%d}",
        )
    ]


def _why(award: Award, narrative: str | None, say: Voice) -> str:
    if narrative is not None:
        return say("Here is why: %(reason)s", reason=" ".join(narrative.split()))
    lines = award.reasons.splitlines()
    if not lines:
        thanked = sentences.thanks_again(award.thanks, say) if award.thanks else ""
        return say("Here is why: %(reason)s.", reason=thanked or say("what you did for the community"))
    shown = [f"  {line}" for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append("  " + say("… and %(num)s more on your page", num=len(lines) - MAX_LINES))
    head = say.counted(len(lines), "Here is why, %(num)s line:", "Here is why, %(num)s lines:")
    return "\n".join([head, *shown])


def of_case(
    to: str,
    award: Award,
    case: Case,
    *,
    community: str,
    link: str,
    until: datetime,
    because: str,
    say: Voice = IN_ENGLISH,
) -> Mail:
    """The letter about a badge that is to be withdrawn, was, or stands again. `link` opens its holder's private
    page once, `until` then; `because`: why it stands again.

    Raises:
        MailError: no mail can be made for this address.
    """
    cause, day = revocation.in_words(case.cause, say), f"{case.ends_at:%Y-%m-%d}"
    about = {"badge": named(award, say), "community": community}
    what = say("What was said: %(reason)s", reason=case.reason)
    match case.outcome:
        case None:
            subject = say("%(badge)s is to be withdrawn on %(day)s", badge=about["badge"], day=day)
            of_it = "Your badge “%(badge)s” of %(community)s is to be withdrawn on %(day)s, because %(cause)s."
            parts = [f"{say(of_it, day=day, cause=cause, **about)} {what}"]
            if case.suspended_until is not None:
                last = f"{case.suspended_until:%Y-%m-%d}"
                parts.append(say("Until %(day)s at most it is suspended and gives nothing.", day=last))
            if case.needs_two:
                parts.append(
                    say("Two people decide this. If the second does not agree by then, your badge stands again.")
                )
            parts.append(say("If this is wrong, say so before that day, by answering here or on your “why” page."))
        case "revoked":
            subject = say("%(badge)s was withdrawn", badge=about["badge"])
            of_it = "Your badge “%(badge)s” of %(community)s was withdrawn, because %(cause)s."
            parts = [f"{say(of_it, cause=cause, **about)} {what}"]
            parts.append(say("You can appeal on your “why” page, within the time that it says."))
        case _:
            subject = say("%(badge)s stands", badge=about["badge"])
            parts = [
                say("Your badge “%(badge)s” of %(community)s stands as before: it is not withdrawn.", **about)
            ]
            if because:
                parts.append(say("What was said: %(reason)s", reason=because))
    parts += [say("Your private page:"), link, *_of_link(until, say)]
    return Mail(to, subject[:MAX_SUBJECT], "\n\n".join(parts) + "\n")
