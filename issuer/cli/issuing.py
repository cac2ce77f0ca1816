"""Badges signed, found, handed over, withdrawn or suspended, made public: `issue` to `publish`."""

import enum
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from issuer.cli.output import CommandError, DataOption, JsonOption, Office, answer, open_office, progress, table

if TYPE_CHECKING:
    from issuer.badges.bureau import Bureau
    from issuer.badges.documents import Document

BadgeArgument = Annotated[str, typer.Argument(help="A badge's id, or its first 6 characters or more.")]


class Form(enum.StrEnum):
    """The forms in which a badge leaves the house."""

    JSON = "json"
    JWT = "jwt"
    PNG = "png"
    SVG = "svg"
    QR_PNG = "qr-png"
    QR_SVG = "qr-svg"
    QR_URL = "qr-url"
    QR_TEXT = "qr-text"
    PDF = "pdf"
    ZIP = "zip"
    EMBED = "embed"
    LINKEDIN = "linkedin"


class What(enum.StrEnum):
    """What `list` can show."""

    BADGES = "badges"
    PEOPLE = "people"
    UNCLAIMED = "unclaimed"
    DECISIONS = "decisions"


def register(app: typer.Typer) -> None:
    app.command()(issue)
    app.command(name="list")(list_)
    app.command()(export)
    app.command()(offer)
    app.command()(revoke)
    app.command()(suspend)
    app.command()(reinstate)
    app.command()(publish)
    app.command()(sunset)


def issue(data: DataOption = None, json: JsonOption = False) -> None:
    """Sign a badge for every award that has none yet; 'list' shows the holders' private links."""
    from issuer.badges import issuance
    from issuer.badges import service as badges

    office = open_office(data)
    bureau = office.bureau()
    signed = issuance.issue(bureau, now=office.now, progress=progress("signed"))
    standing = [badge for badge in badges.all_badges(office.engine) if badge.standing and badge.jwt]
    answer(
        json,
        {"signed": signed, "in_force": len(standing)},
        f"{signed} badges signed; {len(standing)} in force. 'list' shows each with its holder's private link.",
    )


def list_(
    what: Annotated[What, typer.Argument(help="What to show.")] = What.BADGES,
    csv: Annotated[bool, typer.Option("--csv", help="For unclaimed: as the draft of a people.csv.")] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show badges with their holders' private links, people, accounts that nobody owns yet, or decisions."""
    office = open_office(data)
    match what:
        case What.BADGES:
            rows, columns = (
                _badge_rows(office),
                ["badge", "title", "achievement", "holder", "state", "private page"],
            )
        case What.PEOPLE:
            rows, columns = _people_rows(office), ["person", "name", "email", "accounts"]
        case What.UNCLAIMED:
            return _list_unclaimed(office, as_csv=csv, as_json=json)
        case What.DECISIONS:
            rows, columns = _decision_rows(office), ["decision", "tier", "grounds", "approved"]
    shown = [{column.replace(" ", "_"): cell for column, cell in zip(columns, row, strict=True)} for row in rows]
    answer(json, {what.value: shown}, table("", columns, rows) if rows else f"There are no {what.value} yet.")
    return None


def export(
    badge: BadgeArgument,
    form: Annotated[Form, typer.Option("--as", help="In which form.")] = Form.JWT,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write ['-': standard output].")
    ] = None,
    in_language: Annotated[
        str, typer.Option("--language", help="In which language words are, in a PDF or an archive: en, fr.")
    ] = "en",
    named: Annotated[
        bool, typer.Option("--named", help="A copy with its holder's name; the badge itself stays as it is.")
    ] = False,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Write a badge as a file: JSON, JWT, picture with the badge inside, QR code (a picture, or its text), a page
    for print, all in one archive; of a published one also HTML to embed, and LinkedIn's link.
    """
    from issuer.badges import service as badges
    from issuer.badges.catalogue import Addresses
    from issuer.delivery import files
    from issuer.delivery import service as delivery
    from issuer.ground import language

    if in_language not in language.known():
        raise CommandError(f"--language: one of {', '.join(language.known())} was expected, not {in_language!r}.")

    office = open_office(data)
    found = badges.find_badge(office.engine, badge)
    if named:
        from issuer.badges import issuance

        bureau = office.bureau()
        holder = delivery.holder_of(bureau, found)
        found = issuance.named_copy(bureau, found, person=holder, now=office.now)
    host = Addresses(office.settings.public_url).base.partition("://")[2]
    say = language.Voice(in_language)
    body = delivery.in_form(office.engine, found, form.value, host=host, say=say)
    if str(output) == "-":
        sys.stdout.buffer.write(body)
        return
    target = output or Path(files.file_name(found, form.value, named=named))
    try:
        target.write_bytes(body)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}.") from error
    answer(json, {"badge": found.id, "form": form.value, "file": str(target)}, f"{target}: {len(body)} bytes.")


def offer(badge: BadgeArgument, data: DataOption = None, json: JsonOption = False) -> None:
    """Offer a badge to a wallet app, for ten minutes and once (OpenID4VCI); 'serve' has to run."""
    from issuer.badges import service as badges
    from issuer.wallets import service as wallets
    from issuer.wallets.errors import OfferError

    office = open_office(data)
    found = badges.find_badge(office.engine, badge)
    try:
        made = wallets.offer(office.bureau(), found, now=office.now)
    except OfferError as error:
        raise CommandError(str(error)) from error
    value = {
        "offer_uri": made.wallet_link,
        "tx_code": made.transaction_code,
        "credential_offer_uri": made.reference,
        "claim_page": made.claim_page,
        "expires_at": made.expires_at.isoformat(),
    }
    text = (
        f"For a wallet:   {made.wallet_link}\nFor a camera:   {made.claim_page}\n"
        f"Its code:       {made.transaction_code}, which goes another way than the link\n"
        f"Both are good until {made.expires_at:%H:%M} (UTC), for one wallet."
    )
    answer(json, value, text)


def revoke(
    badge: BadgeArgument,
    reason: Annotated[str, typer.Option(help="Why; its holder sees it.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Withdraw a badge for ever. Publish afterwards, if documents are served from files."""
    from issuer.badges import service as badges

    office = open_office(data)
    found = badges.find_badge(office.engine, badge)
    changed = badges.revoke(office.engine, found, reason=reason, now=office.now)
    text = f"{found.id} is withdrawn." if changed else f"{found.id} was withdrawn before; nothing changed."
    answer(json, {"badge": found.id, "revoked": True, "changed": changed}, text)


def suspend(
    badge: BadgeArgument,
    reason: Annotated[str, typer.Option(help="Why; its holder sees it.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Let a badge give nothing until 'reinstate' lifts that. Publish afterwards, as after 'revoke'."""
    from issuer.badges import service as badges

    office = open_office(data)
    found = badges.find_badge(office.engine, badge)
    changed = badges.suspend(office.engine, found, reason=reason, now=office.now)
    text = f"{found.id} is suspended." if changed else f"{found.id} was suspended before; nothing changed."
    answer(json, {"badge": found.id, "suspended": True, "changed": changed}, text)


def reinstate(badge: BadgeArgument, data: DataOption = None, json: JsonOption = False) -> None:
    """Lift the suspension of a badge. What was revoked stays revoked."""
    from issuer.badges import service as badges

    office = open_office(data)
    found = badges.find_badge(office.engine, badge)
    changed = badges.reinstate(office.engine, found, now=office.now)
    text = f"{found.id} is in force again." if changed else f"{found.id} is not suspended; nothing changed."
    answer(json, {"badge": found.id, "suspended": False, "changed": changed}, text)


def publish(
    folder: Annotated[Path, typer.Argument(help="Where to write; documents of host H go below DIR/H.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Write every public document as a file, so that badges verify while this office is off."""
    from issuer.badges import publishing
    from issuer.contract import service as contract
    from issuer.ground import stamps

    office = open_office(data)
    bureau = office.bureau()
    lists = contract.public_documents(bureau, now=office.now)
    also = chain(lists, _snapshots(office, bureau))
    done = publishing.publish(bureau, folder, now=office.now, also=also)
    stamps.mark(office.settings.data, "publish", now=office.now)
    value = {"folder": str(done.folder), "documents": done.written, "removed": done.removed}
    removed = f", {done.removed} pages taken back" if done.removed else ""
    answer(json, value, f"{done.written} documents in {done.folder}{removed}.")


def sunset(
    file: Annotated[Path, typer.Argument(help="The archive to write: a .zip file.")],
    reason: Annotated[str, typer.Option(help="Why the programme ends; everybody reads it.")],
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Write the signed final archive: badges verify with it as of now when this issuer is gone."""
    from issuer.badges import ending
    from issuer.contract import service as contract

    office = open_office(data)
    bureau = office.bureau()
    lists = contract.public_documents(bureau, now=office.now, is_last=True)
    also = chain(lists, _snapshots(office, bureau))
    made = ending.sunset(bureau, reason=reason, now=office.now, also=also)
    try:
        file.write_bytes(made.body)
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}.") from error
    ending.note(bureau, made, now=office.now)
    value = {"file": str(file), "sha256": made.sha256, "documents": made.documents, "issuer": bureau.did}
    text = (
        f"{made.documents} documents of {bureau.did} in {file}, with final status lists.\n"
        f"SHA-256 {made.sha256}\n"
        "Announce that number where people will look for it, and hand out the file. Unpacked, it is the folder\n"
        "that any web host can go on serving. Issue nothing any more: who has the archive believes nothing newer."
    )
    answer(json, value, text)


def _snapshots(office: Office, bureau: "Bureau") -> "Iterator[Document]":
    """How the sources stand and who is recognised in numbers, as of now: pages that a server makes anew each time.

    While `sources.yaml` cannot be used, what was published of the sources stays as it is.
    """
    from issuer.badges import documents
    from issuer.badges.documents import JSON
    from issuer.badges.documents import Document as Made
    from issuer.contributions import configuration
    from issuer.contributions import service as contributions
    from issuer.contributions import web as contributions_web
    from issuer.ground import language
    from issuer.recognition import public_web
    from schemas import strict_json

    name, now = bureau.name, office.now
    with suppress(configuration.ConfigurationError):
        health = contributions.health(office.engine, configuration.load(office.settings.data).values(), now=now)
        for code in language.known():
            shown = contributions_web.view(health, community=name, now=now, snapshot=True)
            yield documents.snapshot("/sources", "sources.html", language.Voice(code), **shown)
        body = strict_json.dumps(contributions_web.as_data(health, now))
        yield Made("/sources.json", JSON, body.encode())
    for code in language.known():
        say = language.Voice(code)
        numbers = public_web.view(office.engine, community=name, say=say)
        yield documents.snapshot("/transparency", "transparency.html", say, **numbers)
    yield Made("/transparency.json", JSON, strict_json.dumps(public_web.as_data(office.engine)).encode())


def _badge_rows(office: Office) -> list[list[str]]:
    from issuer.badges import service as badges
    from issuer.delivery import service as delivery

    bureau = office.bureau()
    people, pages = delivery.people(bureau), badges.pages(bureau)
    return [
        [
            badge.short_id,
            delivery.badge_title(badge),
            badge.award.achievement,
            people[badge.award.person].name,
            badge.state,
            bureau.addresses.private_page(pages[badge.award.person]) if badge.award.person in pages else "",
        ]
        for badge in badges.all_badges(office.engine)
        if badge.jwt
    ]


def _people_rows(office: Office) -> list[list[str]]:
    from issuer.ground.database import reading
    from issuer.people.service import all_people

    with reading(office.engine) as connection:
        people = all_people(connection)
    return [[p.id, p.name, p.email or "", " ".join(map(str, p.accounts))] for p in people]


def _decision_rows(office: Office) -> list[list[str]]:
    from issuer.badges import awarding

    return [
        [d.id, d.tier, f"{d.decision}: {d.reason}", "yes" if d.approved_by else "no"]
        for d in awarding.hand_decisions(office.engine)
    ]


def _list_unclaimed(office: Office, *, as_csv: bool, as_json: bool) -> None:
    from issuer.contributions import service as contributions
    from issuer.people import roster

    unclaimed = contributions.unclaimed_accounts(office.engine)
    if as_csv:
        typer.echo(roster.draft_roster(list(unclaimed)), nl=False)
        return
    rows = [[str(account), str(count)] for account, count in unclaimed.items()]
    text = table("", ["account", "contributions"], rows) if rows else "Every account belongs to somebody."
    answer(as_json, {"unclaimed": [{"account": a, "contributions": int(n)} for a, n in rows]}, text)
