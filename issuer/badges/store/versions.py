"""What was signed of each badge, and what is to be: all SQL on it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    delete,
    select,
    true,
    update,
)

from issuer.badges.garments import Dressed
from issuer.badges.model import Intent
from issuer.badges.store.tables import awards, badges, versions
from issuer.ground.many import among, copy_rows, insert_rows, update_rows
from keys import jws


def add_versions(connection: Connection, intents: Sequence[Intent], *, now: datetime) -> None:
    """Store the intents of new versions."""
    insert_rows(connection, versions, [{**intent._asdict(), "prepared_at": now} for intent in intents])


def add_signed(
    connection: Connection,
    signed: Sequence[tuple[Intent, Dressed]],
    *,
    kid: str,
    proof_kid: str,
    prepared_at: datetime,
    now: datetime,
) -> None:
    """Store new versions with both garments."""
    fixed = {"kid": kid, "proof_kid": proof_kid, "prepared_at": prepared_at, "signed_at": now}
    rows = [
        {**intent._asdict(), "jws": jws.detached(made.jwt), "proof": made.proof, **fixed}
        for intent, made in signed
    ]
    copy_rows(connection, versions, rows)


def unsigned_versions(
    connection: Connection, *, limit: int, only: Sequence[str] = (), before: datetime | None = None
) -> list[Intent]:
    """Unsigned intents (`only` of these badges, or from before then), oldest first."""
    query = (
        select(versions.c.badge, versions.c.version, versions.c.claims, versions.c.kid, versions.c.named_copy)
        .where(versions.c.signed_at.is_(None), among(versions.c.badge, only) if only else true())
        .where(true() if before is None else versions.c.prepared_at < before)
        .order_by(versions.c.prepared_at, versions.c.badge, versions.c.version)
        .limit(limit)
    )
    return [Intent(*row) for row in connection.execute(query)]


def unsigned_among(connection: Connection, badge_ids: Collection[str]) -> set[tuple[str, int]]:
    """(badge, version) of the intents of these badges that carry no signature yet."""
    chosen = among(versions.c.badge, badge_ids) & versions.c.signed_at.is_(None)
    rows = connection.execute(select(versions.c.badge, versions.c.version).where(chosen)).all()
    return {(row.badge, row.version) for row in rows}


def forget_lost_versions(connection: Connection) -> int:
    """Let no badge point at a version that is not there any more; of how many badges one was."""
    named = (versions.c.badge == badges.c.id) & (versions.c.version == badges.c.current_version)
    lost = badges.c.current_version.is_not(None) & ~select(versions.c.badge).where(named).exists()
    return connection.execute(update(badges).where(lost).values(current_version=None)).rowcount


def set_signatures(
    connection: Connection,
    signed: Sequence[tuple[Intent, Dressed]],
    *,
    kid: str,
    proof_kid: str,
    now: datetime,
) -> None:
    """Keep both garments of versions that had none, each as the newest of its badge."""
    if not signed:
        return
    fixed = {"kid": kid, "proof_kid": proof_kid, "signed_at": now}
    garments = [
        {
            "badge": intent.badge,
            "version": intent.version,
            "jws": jws.detached(made.jwt),
            "proof": made.proof,
            **fixed,
        }
        for intent, made in signed
    ]
    update_rows(connection, versions, garments, key=("badge", "version"))
    newest = {intent.badge: intent.version for intent, _ in sorted(signed, key=_version) if not intent.named_copy}
    standing = [{"id": badge, "current_version": version} for badge, version in newest.items()]
    update_rows(connection, badges, standing, key=("id",), grows="current_version")


def _version(signed: tuple[Intent, Dressed]) -> int:
    return signed[0].version


def newest_version(connection: Connection, badge_id: str) -> tuple[int, datetime] | None:
    """The number of a badge's newest version, signed or not, and from when it is valid."""
    mine = select(versions.c.version, versions.c.prepared_at).where(versions.c.badge == badge_id)
    row = connection.execute(mine.order_by(versions.c.version.desc()).limit(1)).first()
    return (row.version, row.prepared_at) if row else None


def named_copy(connection: Connection, badge_id: str, *, kid: str, proof_kid: str) -> tuple[str, str] | None:
    """(token, proof) of the copy with the name that these keys signed since the badge's present version."""
    query = (
        select(versions.c.claims, versions.c.jws, versions.c.proof)
        .join(badges, badges.c.id == versions.c.badge)
        .where(versions.c.badge == badge_id, versions.c.named_copy, versions.c.signed_at.is_not(None))
        .where(versions.c.version > badges.c.current_version)
        .where(versions.c.kid == kid, versions.c.proof_kid == proof_kid)
        .order_by(versions.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else (str(token_in(row)), row.proof)


def token_in(row: "Row[*tuple[Any, ...]]") -> str | None:
    """The token that a version's `claims` and `jws` are; None if it is not signed."""
    fields = row._mapping
    signed = fields[versions.c.jws]
    return None if signed is None else jws.attached(signed, fields[versions.c.claims])


def forget_named_copies(connection: Connection, kids: Sequence[str]) -> None:
    """Erase the copies with a name that these keys signed: each is made anew when its holder asks for it."""
    signed_by = among(versions.c.kid, kids) | among(versions.c.proof_kid, kids)
    connection.execute(delete(versions).where(versions.c.named_copy & signed_by))


def forget_former_versions(connection: Connection, person: str) -> None:
    """Erase what a person's badges said before their present version, and their copies with a name."""
    theirs = (
        select(badges.c.id, badges.c.current_version)
        .join(awards, awards.c.id == badges.c.award)
        .where(awards.c.person == person, badges.c.current_version.is_not(None))
    )
    for row in connection.execute(theirs).all():
        former = (versions.c.version < row.current_version) | versions.c.named_copy
        connection.execute(delete(versions).where((versions.c.badge == row.id) & former))
