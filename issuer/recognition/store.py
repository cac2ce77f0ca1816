"""The table of policy versions, and all SQL on it."""

from datetime import datetime

from sqlalchemy import Column, Connection, LargeBinary, String, Table, insert, select

from issuer.ground.database import UtcDateTime, metadata

policies = Table(
    "policies",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("policy", String(100), nullable=False),
    Column("version", String(100), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("adopted_at", UtcDateTime, nullable=False),
)


def document(connection: Connection, digest: str) -> bytes | None:
    return connection.execute(select(policies.c.document).where(policies.c.digest == digest)).scalar()


def digest_of(connection: Connection, policy: str, version: str) -> str | None:
    chosen = (policies.c.policy == policy) & (policies.c.version == version)
    return connection.execute(select(policies.c.digest).where(chosen)).scalar()


def all_documents(connection: Connection) -> list[bytes]:
    return list(connection.execute(select(policies.c.document).order_by(policies.c.adopted_at)).scalars())


def add(connection: Connection, *, digest: str, policy: str, version: str, data: bytes, now: datetime) -> None:
    connection.execute(
        insert(policies).values(digest=digest, policy=policy, version=version, document=data, adopted_at=now)
    )
