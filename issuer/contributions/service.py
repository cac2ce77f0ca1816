"""What other rooms ask of this one: keep contributions once each, read them, and who may deliver them.

A use case takes the Engine and owns its transactions. A view that others read together with their own records
takes the Connection of their transaction. Reading sources is the affair of `sources/`; what a contribution is
worth is decided in `issuer.recognition`.
"""

import hmac
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection, Engine

from issuer.contributions import store as tables
from issuer.contributions.health import PUSHED, Health, all_health, matters_of
from issuer.contributions.intake import IntakeError, checked_source
from issuer.contributions.links import beginnings, short
from issuer.contributions.model import Contribution
from issuer.contributions.sources.face import Source
from issuer.ground import news
from issuer.ground.database import reading, writing
from issuer.ground.matters import Matter
from issuer.ground.tokens import hash_of
from issuer.people import service as people
from issuer.people.model import Account

CHUNK = 500  # contributions per transaction: what a crash can cost, and how long other writers wait
TOKEN_BYTES = 32
TOKEN_ID = 8  # hexadecimal digits of its hash: enough to tell a community's tokens apart


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of the delivered contributions were new, and how many were known already."""

    stored: int = 0
    duplicates: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.stored + other.stored, self.duplicates + other.duplicates)


def store(engine: Engine, contributions: Iterable[Contribution], *, now: datetime) -> Counts:
    """Keep each contribution that is not known yet; what is known stays as it was first told.

    Written in whole chunks, so a crash or a source that fails midway loses nothing: the same command again
    finds what is there and adds the rest. Nothing is kept of accounts whose person refused to be recorded.
    """
    total = Counts()
    rest = iter(contributions)
    while chunk := list(islice(rest, CHUNK)):
        with writing(engine) as connection:
            new, known = keep(connection, chunk, now=now)
        total += Counts(len(new), known)
    return total


def keep(
    connection: Connection, chunk: Sequence[Contribution], *, now: datetime
) -> tuple[list[Contribution], int]:
    """Keep those that are not known yet in the caller's transaction: which they were, and how many were known.

    Nothing is kept of accounts whose person refused to be recorded.
    """
    refused = people.refused_accounts(connection, (one.account for one in chunk))
    kept = [one for one in chunk if one.account not in refused]
    new = tables.add_new(connection, kept, now=now)
    _tell(connection, new)
    return new, len(kept) - len(new)


def _tell(connection: Connection, new: Iterable[Contribution]) -> None:
    """The news of records that arrived, for whoever decides about their people."""
    news.tell_all(connection, "record", (str(c.account) for c in new))
    news.tell_all(connection, "revert", (f"{c.source} {c.facts.reverts}"[:600] for c in new if c.facts.reverts))


def all_contributions(connection: Connection) -> Iterator[Contribution]:
    """Everything, streamed, ordered by source and id: the same order whatever came first."""
    return tables.all_contributions(connection)


def contributions_of(connection: Connection, accounts: Iterable[Account]) -> Iterator[Contribution]:
    """All by these accounts, in a stable order."""
    return tables.contributions_of(connection, accounts)


def authors_naming(connection: Connection, account: Account) -> set[Account]:
    """Under which accounts the records stand that name this one as accepting, moving or owning something."""
    return tables.authors_pointing_at(connection, str(account))


def reverting_any(connection: Connection) -> list[Contribution]:
    """Every record that takes something back, with what each of them may mean."""
    reverting = list(tables.by_keys(connection, tables.all_pointing(connection, "reverts")))
    return _with_what_they_mean(connection, reverting)


def reverting(connection: Connection, changes: Iterable[Contribution]) -> list[Contribution]:
    """These changes, what takes them back, what takes that back, and whatever else those may mean."""
    known = {(c.source, c.id): c for c in changes}
    frontier = list(known.values())
    while frontier:
        commits = {short(c.facts.commit) for c in frontier if c.facts.commit}
        twins = tables.pointing_at(connection, "commit", commits)
        ids = {f"{source} {name}" for source, name in twins} | {f"{c.source} {c.id}" for c in frontier}
        keys = tables.pointing_at(connection, "reverts", (b for commit in commits for b in beginnings(commit)))
        keys |= tables.pointing_at(connection, "reverts_id", ids)
        found = _with_what_they_mean(connection, list(tables.by_keys(connection, keys - known.keys())))
        frontier = [c for c in found if (c.source, c.id) in keys]
        known |= {(c.source, c.id): c for c in found}
    return list(known.values())


def taken_back_by(connection: Connection, source: str, reference: str) -> list[Contribution]:
    """The changes that a revert in a source may mean by its reference."""
    keys = {(source, reference)}
    commits = tables.commits_beginning(connection, short(reference)) if reference else []
    keys |= tables.pointing_at(connection, "commit", commits)
    return list(tables.by_keys(connection, keys))


def _with_what_they_mean(connection: Connection, reverting: list[Contribution]) -> list[Contribution]:
    """Records that take something back, and every change that each may mean: by its id, or by its commit."""
    keys = {(c.source, c.facts.reverts) for c in reverting if c.facts.reverts}
    meant = {short(reference) for _, reference in keys}
    commits = {commit for reference in meant for commit in tables.commits_beginning(connection, reference)}
    keys |= tables.pointing_at(connection, "commit", commits)
    known = {(c.source, c.id): c for c in reverting}
    for change in tables.by_keys(connection, keys - known.keys()):
        known[change.source, change.id] = change
    return list(known.values())


def unclaimed_accounts(engine: Engine) -> Mapping[Account, int]:
    """Accounts that nobody has proved, each with how many records name it, most of them first.

    Whoever accepted work counts too: until they are known, what they accepted counts for nobody.
    """
    with reading(engine) as connection:
        owned = people.all_accounts(connection)
        named = Counter(account for c in tables.all_contributions(connection) for account in _named(c))
    unclaimed = [(account, number) for account, number in named.items() if account not in owned]
    return dict(sorted(unclaimed, key=lambda pair: (-pair[1], pair[0])))


def waiting_for(engine: Engine, account: Account) -> int:
    """How many records wait for the owner of an account; 0 if somebody owns it."""
    with reading(engine) as connection:
        owned = people.owners_of(connection, [account])
        return 0 if owned else tables.count_of(connection, account)


def forget(connection: Connection, accounts: Iterable[Account], *, stand_in: Account) -> int:
    """Erase what was recorded of these accounts, in the transaction in which their person leaves.

    Where somebody else's record names one of them as who accepted the work, `stand_in` is named instead: what they
    accepted goes on counting for its author. Comes out: how many records name it.
    """
    gone = set(accounts)
    for account in gone:
        tables.delete_of(connection, account)
    naming = list(tables.by_keys(connection, tables.pointing_at(connection, "names", map(str, gone))))
    for contribution in naming:
        facts = contribution.facts
        named = {
            "accepted_by": tuple(stand_in if one in gone else one for one in facts.accepted_by),
            "moved_by": stand_in if facts.moved_by in gone else facts.moved_by,
            "owner": stand_in if facts.owner in gone else facts.owner,
        }
        tables.correct(connection, replace(contribution, facts=facts.model_copy(update=named)))
    return len(naming)


def _named(contribution: Contribution) -> set[Account]:
    facts = contribution.facts
    return {contribution.account, *facts.accepted_by, *([facts.moved_by] if facts.moved_by else [])}


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. `id` is the beginning of its hash; `webhook`: it opens a webhook only."""

    id: str
    source: str
    webhook: bool
    created_at: datetime
    revoked_at: datetime | None


def create_token(engine: Engine, source: str, *, now: datetime, webhook: bool = False) -> str:
    """A new bearer token that may deliver contributions of one source; only its hash is kept.

    `webhook`: instead it may only knock at the webhook of the source of this name in `sources.yaml`.

    Raises:
        IntakeError: `source` is no name that a policy's `from` could list.
    """
    checked_source(source)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with writing(engine) as connection:
        tables.add_token(connection, sha256=hash_of(token), source=source, webhook=webhook, now=now)
    return token


def source_of_token(engine: Engine, token: str, *, webhook: bool = False) -> str | None:
    """The source for which a token speaks, or None for a token that was never made here or was revoked.

    Each hash is compared, and in constant time, so that how long it takes tells nothing about any of them.
    """
    given = hash_of(token)
    with reading(engine) as connection:
        known = tables.standing_tokens(connection, webhook=webhook)
    matching = [source for sha256, source in known if hmac.compare_digest(sha256, given)]
    return matching[0] if matching else None


def all_tokens(engine: Engine) -> list[Token]:
    """Every token that there ever was, the oldest first."""
    with reading(engine) as connection:
        rows = tables.all_tokens(connection)
    return [Token(r.sha256[:TOKEN_ID], r.source, r.webhook, r.created_at, r.revoked_at) for r in rows]


def revoke_token(engine: Engine, token_id: str, *, now: datetime) -> Token:
    """Take a token back: from now on it opens nothing.

    Raises:
        IntakeError: no token, or more than one, begins like this.
    """
    with writing(engine) as connection:
        found = [r for r in tables.all_tokens(connection) if len(token_id) >= 4 and r.sha256.startswith(token_id)]
        if len(found) != 1:
            raise IntakeError(
                "token", f"{token_id!r} is the id of no token: 'badge-issuer tokens list' shows them."
            )
        tables.revoke_token(connection, sha256=found[0].sha256, now=now)
    row = found[0]
    return Token(row.sha256[:TOKEN_ID], row.source, row.webhook, row.created_at, row.revoked_at or now)


def deliver(engine: Engine, contributions: Sequence[Contribution], *, source: str, now: datetime) -> Counts:
    """Keep what a system with a token delivered, and that it did: its health shows it like any other source."""
    name = f"{source}{PUSHED}"
    total = Counts()
    for start in range(0, max(len(contributions), 1), CHUNK):
        chunk = contributions[start : start + CHUNK]
        with writing(engine) as connection:
            new, known = keep(connection, chunk, now=now)
            state = tables.state_of(connection, name)
            tables.add_to_days(
                connection, name, Counter((c.record, c.happened_at.date().isoformat()) for c in new)
            )
            moments = [m for m in (state.newest if state else None, *(c.happened_at for c in new)) if m]
            tables.set_state(
                connection,
                name,
                kind="cloudevents",
                tried_at=now,
                succeeded_at=now,
                newest=max(moments, default=None),
                stored=(state.stored if state else 0) + len(new),
            )
        total += Counts(len(new), known)
    return total


def health(engine: Engine, sources: Iterable[Source], *, now: datetime) -> list[Health]:
    """How each source stands."""
    with reading(engine) as connection:
        return all_health(connection, sources, now=now)


def matters(engine: Engine, sources: Iterable[Source], *, now: datetime) -> list[Matter]:
    """Sources that a person of the team should look at: late, silent, or bursting."""
    return matters_of(health(engine, sources, now=now))
