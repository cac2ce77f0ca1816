"""`policy …` and `recompute`: the life of the rules, what a change would do, and a decision repeated."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from issuer.cli.acting import acting
from issuer.cli.output import (
    CommandError,
    DataOption,
    JsonOption,
    Office,
    answer,
    moment,
    open_office,
    read_file,
    table,
)

if TYPE_CHECKING:
    from issuer.recognition.backtest import Backtest, Cost
    from issuer.recognition.life import Proposal
    from schemas.policy import QualificationPolicy

MOST_CLAUSES_SHOWN = 20
BACKTEST_DAYS = 366  # what is attached to a proposal: the last year

policy = typer.Typer(help="The rules: their versions, and what a change would do.", no_args_is_help=True)
VersionArgument = Annotated[str, typer.Argument(help="A proposed version, or the beginning of its SHA-256.")]
ByOption = Annotated[
    str, typer.Option("--by", help="Who acts, with a role that may: an id, a name, an e-mail address.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(policy, name="policy")
    app.command()(recompute)


@policy.command(name="list")
def list_(data: DataOption = None, json: JsonOption = False) -> None:
    """Show every version: in force, superseded, proposed."""
    from issuer.recognition import versions

    office = open_office(data)
    known = {
        digest: (p.version, "in force" if digest == office.policy.digest else "superseded", "")
        for digest, p in versions.all_versions(office.engine).items()
    }
    for p in versions.proposals(office.engine):
        state = p.state(now=office.now, in_force=office.policy.digest)
        until = f"{p.comments_until:%Y-%m-%d}" if p.comments_until else ""
        known[p.digest] = (
            p.version,
            state,
            f"{len(p.approvals)} approvals, comments until {until}" if until else "",
        )
    rows = [[version, state, note, digest] for digest, (version, state, note) in known.items()]
    value = [dict(zip(("version", "state", "note", "sha256"), row, strict=True)) for row in rows]
    answer(json, {"versions": value}, table("", ["version", "state", "", "SHA-256"], rows))


@policy.command()
def words(
    file: Annotated[Path, typer.Argument(help="A policy file ('-' is standard input).")], json: JsonOption = False
) -> None:
    """Read a policy file and say it in words; what is wrong in it comes as one sentence."""
    from issuer.recognition import sentences
    from schemas import policy as policy_shape

    loaded = policy_shape.load(read_file(file), name=str(file))
    said = sentences.policy_in_words(loaded)
    answer(json, {"version": loaded.version, "sha256": loaded.digest, "sentences": said}, "\n".join(said))


@policy.command()
def propose(
    file: Annotated[Path, typer.Argument(help="The policy as it should be, with a new version.")],
    by: ByOption,
    why: Annotated[str, typer.Option(help="Why; people read it beside the rules.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a new version as a draft that everybody can read at its own address."""
    from issuer.ground.login.rights import Right
    from issuer.recognition import versions

    office = open_office(data)
    path = file if file.exists() or str(file) == "-" else office.settings.data / file
    by_whom, _ = acting(office, by, Right.CHANGE_POLICY)
    made = versions.propose(office.engine, read_file(path), name=str(file), why=why, by=by_whom, now=office.now)
    text = (
        f"Version {made.version} is a draft at {office.settings.public_url}/policies/{made.digest}.html\n"
        f"'policy backtest {made.version}' shows what it would do; 'policy open {made.version}' opens it for"
        " comments."
    )
    answer(json, {"version": made.version, "sha256": made.digest, "state": "draft"}, text)


@policy.command(name="open")
def open_(version: VersionArgument, by: ByOption, data: DataOption = None, json: JsonOption = False) -> None:
    """Open a draft for comments, with a backtest on the last year attached."""
    from issuer.badges import service as badges
    from issuer.ground.login.rights import Right
    from issuer.recognition import backtest as backtests
    from issuer.recognition import life, versions
    from schemas import strict_json

    office = open_office(data)
    person, _ = acting(office, by, Right.CHANGE_POLICY)
    proposal = versions.find(office.engine, version)
    life.check_open(proposal)
    result = _backtest(office, _draft(office, version), office.now - timedelta(days=BACKTEST_DAYS), office.now)
    public = backtests.to_json(result, smallest_cell=office.policy.transparency.smallest_cell)
    until = versions.open_comments(
        office.engine,
        proposal,
        by=person,
        top_holders=badges.holders_of(office.engine, office.policy.tiers[life.TOP_TIER].id),
        backtest=strict_json.dumps(public),
        now=office.now,
    )
    text = f"Version {proposal.version} is open for comments until {until:%Y-%m-%d}, and needs two approvals."
    answer(json, {"version": proposal.version, "comments_until": until.isoformat()}, text)


@policy.command()
def approve(
    version: VersionArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="What for; it stands in the audit log.")] = "approved",
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """One person's yes to a version that is open for comments; two different people's are needed."""
    from issuer.ground.login.rights import Right
    from issuer.recognition import versions

    office = open_office(data)
    person, role = acting(office, by, Right.APPROVE_POLICY)
    proposal = versions.find(office.engine, version)
    given = versions.approve(office.engine, proposal, by=person, reason=reason, now=office.now, role=str(role))
    answer(
        json, {"version": proposal.version, "approvals": given}, f"Version {proposal.version}: {given} approvals."
    )


@policy.command()
def adopt(
    version: VersionArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="What for; it stands in the audit log.")] = "approved by two",
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Put a version in force, once comments are over and two people approved it. Awards are never undone."""
    from issuer.ground.login.rights import Right
    from issuer.recognition import versions

    office = open_office(data)
    person, _ = acting(office, by, Right.CHANGE_POLICY)
    proposal = versions.find(office.engine, version)
    made = versions.adopt(office.engine, proposal, by=person, reason=reason, now=office.now)
    versions.keep_file(office.settings.policy, made)
    answer(json, {"version": made.version, "sha256": made.digest}, f"Version {made.version} is in force.")


@policy.command()
def withdraw(
    version: VersionArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="Why; it stands in the audit log.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Give a proposed version up; its text stays to be read."""
    from issuer.ground.login.rights import Right
    from issuer.recognition import versions

    office = open_office(data)
    person, _ = acting(office, by, Right.CHANGE_POLICY)
    proposal = versions.find(office.engine, version)
    versions.withdraw(office.engine, proposal, by=person, reason=reason, now=office.now)
    answer(json, {"version": proposal.version, "state": "withdrawn"}, f"Version {proposal.version} is withdrawn.")


@policy.command()
def backtest(
    draft: Annotated[str, typer.Argument(help="A policy file, or a proposed version.")],
    first: Annotated[
        str | None, typer.Option("--from", help="From this day [default: a year before --to].")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="To this day [default: now].")] = None,
    event: Annotated[
        Path | None, typer.Option(help="An event's file: what the discounts would cost there.")
    ] = None,
    price: Annotated[str | None, typer.Option(help="A full ticket's price, for the cost in money.")] = None,
    people: Annotated[bool, typer.Option("--people", help="Name each person who would gain or lose.")] = False,
    page: Annotated[Path | None, typer.Option(help="Write the page with its plots to this file.")] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Who would gain and who would lose by a draft, over real history; awards nothing."""
    from issuer.ground import audit
    from issuer.ground.database import writing
    from issuer.recognition import backtest as backtests
    from issuer.recognition import backtest_page

    office = open_office(data)
    end = moment(last, name="--to") if last else office.now
    begin = moment(first, name="--from") if first else end - timedelta(days=BACKTEST_DAYS)
    result = _backtest(office, _draft(office, draft), begin, end)
    costs = _cost(office, result, event, _price(price))
    value: dict[str, Any] = dict(backtests.to_json(result, people=people))
    if costs is not None:
        value["cost"] = {
            "event": costs.event,
            "tickets": [str(amount) for amount in costs.tickets],
            "money": [str(amount) for amount in costs.money] if costs.money else None,
        }
    if page is not None:
        shown = backtests.to_json(result, smallest_cell=office.policy.transparency.smallest_cell)
        page.write_text(backtest_page.page(shown, community=office.settings.name), encoding="utf-8")
    if people:
        with writing(office.engine) as connection:
            audit.write(
                connection, actor="command line", role="manager", act="backtest.people", now=office.now,
                reason="Who would gain or lose was looked at by name.", subject=f"policy {result.after[2]}",
            )  # fmt: skip
    answer(json, value, _told(office, result, costs, people=people))


def recompute(
    file: Annotated[Path, typer.Argument(help="A case file from a 'why' page ('-' is standard input).")],
    json: JsonOption = False,
) -> None:
    """Repeat a decision from its case file alone, and say whether it comes out the same, bit for bit."""
    from issuer.recognition import case_file, sentences

    done = case_file.recompute(read_file(file))
    decision = done.decision
    tier = sentences.tier_name(decision.tier) if decision.tier else "no tier"
    value = {
        "same": done.same,
        "differences": list(done.differences),
        "tier": decision.tier,
        "credits": str(decision.credits),
        "as_of": decision.as_of.isoformat(),
        "policy": dict(zip(("id", "version", "sha256"), decision.policy, strict=True)),
    }
    what = f"{tier} with {sentences.credits_in_words(decision.credits)}, as of {decision.as_of:%Y-%m-%d}"
    rules = f"by {decision.policy[0]} {decision.policy[1]} (SHA-256 {decision.policy[2]})"
    text = (
        f"The same: {what}, {rules}."
        if done.same
        else f"Not the same: recomputed it is {what}, {rules}; it differs in {', '.join(done.differences)}."
    )
    answer(json, value, text)
    if not done.same:
        raise typer.Exit(1)


def _draft(office: Office, text: str) -> "QualificationPolicy":
    from issuer.recognition import versions
    from schemas import policy as policy_shape

    for path in (Path(text), office.settings.data / text):
        if path.is_file():
            return policy_shape.load(read_file(path), name=text)
    proposal: Proposal = versions.find(office.engine, text)
    return policy_shape.load(proposal.document, name=f"version {proposal.version}")


def _backtest(office: Office, draft: "QualificationPolicy", first: datetime, last: datetime) -> "Backtest":
    from issuer.recognition import service as recognition

    return recognition.backtest(office.engine, draft, office.policy, first=first, last=last)


def _cost(office: Office, result: "Backtest", file: Path | None, price: Decimal | None) -> "Cost | None":
    from issuer.badges.catalogue import Addresses
    from issuer.recognition import backtest as backtests
    from schemas import event_policy

    if file is None:
        return None
    event = event_policy.load(read_file(file), name=str(file))
    addresses = Addresses(office.settings.public_url)
    percents = {accepted.achievement: accepted.percent for accepted in event.accept}
    by_tier = {tier: percents.get(addresses.achievement(tier), 0) for tier in result.best}
    if not any(by_tier.values()):
        raise CommandError(f"{file} accepts no tier of {office.settings.public_url}.")
    return backtests.cost(
        result, event=event.event, percents=by_tier, take_up=event.budget.expected_take_up, price=price
    )


def _price(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation as error:
        raise CommandError(f"--price: {text!r} is no number.") from error


def _told(office: Office, result: "Backtest", costs: "Cost | None", *, people: bool) -> str:
    lines = [
        f"{result.before[1]} against {result.after[1]}, {result.people} people,"
        f" {result.dates[0]:%Y-%m} to {result.dates[-1]:%Y-%m} by the end of each month.",
        table("", ["tier", "before", "after"], [[t, str(a), str(b)] for t, (a, b) in result.best.items()]),
    ]
    for name, moves in (("gain", result.gains), ("lose", result.losses)):
        lines.append(f"\n{len(moves)} people {name}.")
        lines += _rows("  ", result.counted(moves, lambda m: f"{m.before or 'none'} → {m.after or 'none'}"))
        lines += _rows("  by kind: ", result.counted(moves, lambda m: m.kind))
        lines += _rows("  by region: ", result.counted(moves, lambda m: m.region))
    lines += _badges_told(result)
    blamed = [(clause, lost) for clause, (_, lost) in result.clauses.items() if lost]
    lines += [f"{clause}: this clause alone cost {lost} of them their tier." for clause, lost in blamed]
    kept = [(c, out) for c, (out, lost) in result.clauses.items() if not lost][:MOST_CLAUSES_SHOWN]
    lines += [f"{clause}: without it, {out} more would have a better tier." for clause, out in kept]
    if costs is not None:
        before, after = (f"{amount:.1f}" for amount in costs.tickets)
        money = f" ({costs.money[0]:.2f} to {costs.money[1]:.2f} in money)" if costs.money else ""
        lines.append(f"Discounts at {costs.event}: {before} to {after} full tickets{money}.")
    if people:
        names = {person.id: person.name for person in _everybody(office)}
        rows = [
            [names[m.person], m.before or "none", m.after or "none", m.kind, "; ".join(m.clauses)]
            for m in (*result.gains, *result.losses)
        ]
        lines.append(table("", ["who", "before", "after", "for", "cost by"], rows))
    return "\n".join(lines)


def _badges_told(result: "Backtest") -> list[str]:
    """Badges per kind: how many earn each, and who gains or loses one, by region."""
    if not result.badges:
        return []
    rows = []
    for badge, (before, after) in result.badges.items():
        told = []
        for gains in (True, False):
            moves = [move for move in result.badge_moves if move.badge == badge and move.gains is gains]
            regions = Counter(move.region for move in moves)
            where = ", ".join(f"{name} {count}" for name, count in sorted(regions.items()))
            told.append(f"{len(moves)} ({where})" if where else "0")
        rows.append([badge, str(before), str(after), *told])
    return ["", table("", ["badge", "before", "after", "gain", "lose"], rows)]


def _rows(label: str, counts: Mapping[str, int]) -> list[str]:
    return [f"{label}{name}: {count}" for name, count in counts.items()]


def _everybody(office: Office) -> Any:
    from issuer.people.service import people_by_id

    return people_by_id(office.engine).values()
