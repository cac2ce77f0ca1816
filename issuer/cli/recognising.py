"""`attest`, `award`, `decide`, `explain`: from what is known to who is recognised, with reasons."""

from collections import Counter
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import (
    CommandError,
    DataOption,
    JsonOption,
    answer,
    moment,
    open_office,
    progress,
    read_file,
    table,
)

if TYPE_CHECKING:
    pass

attest = typer.Typer(help="Delegations, and what two people saw.", no_args_is_help=True)
PersonArgument = Annotated[str, typer.Argument(help="An id, a name, an e-mail address, or system:account.")]


def register(app: typer.Typer) -> None:
    app.add_typer(attest, name="attest")
    app.command()(award)
    app.command()(decide)
    app.command()(explain)


@attest.command()
def delegate(
    person: PersonArgument,
    kind: Annotated[list[str], typer.Option(help="A kind they may attest; may be given several times.")],
    until: Annotated[str, typer.Option(help="The last day of the delegation.")],
    region: Annotated[str, typer.Option(help="The region; * is everywhere.")] = "*",
    role: Annotated[str | None, typer.Option(help="The attestor_role that some kinds ask for.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Give somebody the right to attest some kinds of work in a region."""
    from issuer.attestations import service as attestations
    from issuer.attestations.model import Delegation
    from issuer.people.service import find_person

    office = open_office(data)
    attestor = find_person(office.engine, person)
    ends = _day(until, name="--until")
    given = Delegation(attestor.id, frozenset(kind), region, role, office.now.date(), ends)
    attestations.delegate(office.engine, given, policy=office.policy)
    value = {"attestor": attestor.id, "kinds": sorted(kind), "region": region, "until": ends.isoformat()}
    answer(json, value, f"{attestor.name} may attest {', '.join(sorted(kind))} in {region} until {ends}.")


@attest.command()
def end(person: PersonArgument, data: DataOption = None, json: JsonOption = False) -> None:
    """Take the right to attest from somebody; what they attested before stays."""
    from issuer.attestations import service as attestations
    from issuer.people.service import find_person

    office = open_office(data)
    attestor = find_person(office.engine, person)
    ended = attestations.end_delegations(office.engine, attestor)
    text = f"{attestor.name} holds no delegation any more." if ended else f"{attestor.name} held no delegation."
    answer(json, {"attestor": attestor.id, "ended": ended}, text)


@attest.command()
def ask(data: DataOption = None, json: JsonOption = False) -> None:
    """Mail to every attestor for whom something waits: one link to all of it."""
    from issuer.attestations import sheets
    from issuer.people.service import people_by_id

    office = open_office(data)
    asked = sheets.ask_all(
        office.engine,
        people=people_by_id(office.engine),
        policy=office.policy,
        public_url=office.settings.public_url,
        community=office.settings.name,
        now=office.now,
    )
    lines = [
        f"  {person.name}: {count} waiting, " + ("mailed" if link is None else f"no address; their link: {link}")
        for person, count, link in asked
    ]
    value = [{"attestor": person.id, "waiting": count, "link": link} for person, count, link in asked]
    answer(json, {"asked": value}, "\n".join([f"{len(asked)} attestors asked.", *lines]))


@attest.command()
def claim(
    kind: Annotated[str, typer.Option(help="The kind of work, of grade B in the policy.")],
    about: Annotated[list[str], typer.Option(help="Whose work it is; may be given several times.")],
    title: Annotated[str, typer.Option(help="What it was, in a few words.")],
    day: Annotated[str, typer.Option("--date", help="When it happened.")],
    by: Annotated[list[str], typer.Option(help="Who is asked to attest; may be given several times.")],
    event: Annotated[str | None, typer.Option(help="A name that ties records of one event together.")] = None,
    region: Annotated[str, typer.Option(help="Where it was.")] = "*",
    reason: Annotated[str | None, typer.Option(help="For kinds that ask for a written reason.")] = None,
    worth: Annotated[str | None, typer.Option("--credits", help="For kinds whose credits a panel sets.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Ask delegated people to attest some work: prints a private link for each of them."""
    from issuer.attestations import service as attestations
    from issuer.attestations.model import AttestationError
    from issuer.people.service import find_person, people_by_id

    office = open_office(data)
    people = people_by_id(office.engine)
    made = attestations.open_claim(
        office.engine,
        kind=kind,
        subjects=[find_person(office.engine, text) for text in about],
        title=title,
        happened_at=moment(day, name="--date"),
        region=region,
        event=event,
        policy=office.policy,
        now=office.now,
        reason=reason,
        worth=_decimal(worth, name="--credits"),
    )
    links, refused = [], []
    for text in by:
        attestor = find_person(office.engine, text)
        try:
            token = attestations.invite(
                office.engine, made, attestor=attestor, people=people, policy=office.policy, now=office.now
            )
            links.append({"attestor": attestor.name, "link": f"{office.settings.public_url}/attest/{token}"})
        except AttestationError as error:
            refused.append({"attestor": attestor.name, "reason": str(error)})
    lines = [f"Claim {made.id[:12]}: {title}"]
    lines += [f"  {link['attestor']}: {link['link']}" for link in links]
    lines += [f"  not asked: {item['reason']}" for item in refused]
    answer(json, {"claim": made.id, "links": links, "refused": refused}, "\n".join(lines))
    if refused:
        raise typer.Exit(1)


def award(
    file: Annotated[Path | None, typer.Argument(help="A CSV file of people: name,email,…")] = None,
    by: Annotated[str, typer.Option(help="Who decides, or who approves.")] = "",
    tier: Annotated[str, typer.Option(help="The tier awarded.")] = "",
    decision: Annotated[str, typer.Option(help="By which decision, as 'the board on 3 May'.")] = "",
    reason: Annotated[str, typer.Option(help="For what reason; it stands in the badge.")] = "",
    approve: Annotated[str, typer.Option(metavar="ID", help="Approve a decision as a second person.")] = "",
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Award by hand from a CSV file; worth 0 % until a second person approves it."""
    from issuer.badges import awarding
    from issuer.people import roster
    from issuer.people import service as people_service

    if bool(file) == bool(approve) or not by:
        raise typer.BadParameter(
            "give a FILE with --tier, --decision, --reason and --by, or --approve ID with --by"
        )
    office = open_office(data)
    person = people_service.find_person(office.engine, by)
    if approve:
        made = awarding.approve(office.engine, approve, by=person, policy=office.policy, now=office.now)
        text = f"Decision {approve} approved by {person.name}: {made} awards. 'issue' signs their badges."
        answer(json, {"decision": approve, "awards": made}, text)
        return
    assert file is not None
    rows, problems = roster.read_roster(read_file(file))
    report = people_service.add_people(office.engine, rows, now=office.now, problems=problems)
    refused = {problem.line for problem in report.refused}
    named = [
        people_service.find_person(office.engine, row.email or row.name) for row in rows if row.line not in refused
    ]
    made_decision = awarding.award_by_hand(
        office.engine,
        named,
        tier=tier,
        decision=decision,
        reason=reason,
        decided_by=person,
        policy=office.policy,
        now=office.now,
    )
    value = {
        "decision": made_decision.id,
        "people": len(named),
        "approved": made_decision.approved_by is not None,
        "refused": report.to_json()["refused"],
    }
    lines = [str(problem) for problem in report.refused]
    lines.append(
        f"Decision {made_decision.id}: {len(named)} people. It buys nothing until a second person approves:"
        f" badge-issuer award --approve {made_decision.id} --by PERSON"
    )
    answer(json, value, "\n".join(lines))
    if report.refused:
        raise typer.Exit(1)


def decide(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the outcome; award nothing.")] = False,
    as_of: Annotated[str | None, typer.Option(help="Decide as of this day; awards nothing.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Decide everybody's tier by the policy, and award what was earned."""
    from issuer.badges import awarding
    from issuer.ground import news
    from issuer.ground.database import reading, writing
    from issuer.recognition import merits, sentences
    from issuer.recognition import service as recognition

    office = open_office(data)
    when = moment(as_of, name="--as-of") if as_of else office.now
    with reading(office.engine) as connection:
        before = news.newest(connection)
    decided, show = [], progress("people")
    for pair in recognition.decide_all(office.engine, office.policy, as_of=when):
        decided.append(pair)
        show(len(decided))
    awarded = 0
    if not dry_run and not as_of:
        awarded = awarding.award_decisions(office.engine, decided, policy=office.policy, now=office.now)
        with writing(office.engine) as connection:
            news.done_until(connection, before)
    tiers = Counter(decision.tier for _, decision in decided)
    rows = [
        [person.name, sentences.tier_name(d.tier), sentences.number(d.credits), sentences.thanks(d)]
        for person, d in decided
        if d.tier
    ]
    rows.sort(key=lambda row: row[0])
    counts = {tier.id: tiers.get(tier.id, 0) for tier in office.policy.tiers}
    value = {
        "as_of": when.isoformat(),
        "policy": {"id": office.policy.id, "version": office.policy.version, "sha256": office.policy.digest},
        "people": len(decided),
        "tiers": counts,
        "awards": awarded,
        "decisions": [
            {
                "person": p.id,
                "name": p.name,
                "tier": d.tier,
                "credits": str(d.credits),
                "for": sentences.thanks(d),
                "badges": [merit.badge for merit in merits.earned(d)],
            }
            for p, d in decided
        ],
    }
    summary = ", ".join(f"{count} {tier}" for tier, count in counts.items())
    text = (
        table("", ["who", "tier", "credits", "for"], rows)
        + f"\n\n{len(decided)} people: {summary}; {awarded} new awards."
    )
    answer(json, value, text)


def explain(
    person: PersonArgument,
    as_of: Annotated[str | None, typer.Option(help="As of this day.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Why somebody has a tier, or not: every record with the clause that counted it, and the smallest change."""
    from issuer.people.service import find_person
    from issuer.recognition import merits, sentences
    from issuer.recognition import service as recognition

    office = open_office(data)
    found = find_person(office.engine, person)
    when = moment(as_of, name="--as-of") if as_of else office.now
    decision = recognition.decide_person(office.engine, office.policy, found, as_of=when)
    change = sentences.smallest_change(decision.smallest_change)
    value = {
        "person": found.id,
        "name": found.name,
        "tier": decision.tier,
        "credits": str(decision.credits),
        "active_months": decision.active_months,
        "active_quarters": decision.active_quarters,
        "as_of": when.isoformat(),
        "policy": dict(zip(("id", "version", "sha256"), decision.policy, strict=True)),
        "for": sentences.thanks(decision),
        "smallest_change": change,
        "badges": [
            {
                "badge": merit.badge,
                "earned": merit.earned,
                "for": sentences.thanks_for(merit),
                "missing": sentences.missing_for(merit, office.policy),
            }
            for merit in merits.merits(decision)
        ],
        "lines": [
            {
                "id": line.item.id,
                "kind": line.kind,
                "happened_at": line.item.happened_at.isoformat(),
                "counted": line.counted,
                "credits": str(line.credits),
                "clause": line.clause,
                "why": sentences.why(line),
            }
            for line in decision.lines
        ],
    }
    tier = sentences.tier_name(decision.tier) if decision.tier else "no tier"
    total = sentences.credits_in_words(decision.credits)
    lines = [
        f"{found.name}: {tier} with {total} in {sentences.active_months(decision.active_months)}.",
        change,
    ]
    for merit in merits.merits(decision):
        if merit.lines or merit.waiting:
            said = sentences.thanks_for(merit)
            told = f"earned, for {said}." if merit.earned else sentences.missing_for(merit, office.policy)
            lines.append(f"  {'✓' if merit.earned else '·'} {merit.rule.title}: {told}")
    for line in decision.lines:
        what = line.item.facts.title or line.item.record
        lines.append(
            f"  {'✓' if line.counted else '✕'} {line.item.happened_at:%Y-%m-%d}  {what}: {sentences.why(line)}"
        )
    answer(json, value, "\n".join(lines))


def _decimal(text: str | None, *, name: str) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as error:
        raise CommandError(f"{name}: {text!r} is no number.") from error


def _day(text: str, *, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{name}: {text!r} is no day such as 2027-01-31.") from error
