"""What was signed is stored once: of a token the header and signature; its payload is the claims beside it."""

from base64 import urlsafe_b64encode

from alembic import op
from sqlalchemy import text

from issuer.ground.database import DatabaseError

revision = "0027"
down_revision = "0026"

# The part of a compact JWS that the claims are, and what is left without it (RFC 7515, Appendix F).
_PAYLOAD_AT_SERVER = (
    "rtrim(translate(replace(encode(convert_to(claims, 'UTF8'), 'base64'), chr(10), ''), '+/', '-_'), '=')"
)
_WITHOUT = {
    "postgresql": "split_part(jwt, '.', 1) || '..' || split_part(jwt, '.', 3)",
    "sqlite": "substr(jwt, 1, instr(jwt, '.')) || substr(jwt, instr(jwt, '.') + 1 + length(payload(claims)))",
}


def upgrade() -> None:
    """Frozen: later changes are later files."""
    payload, database = _payload(), op.get_bind().dialect.name
    other = text(f"SELECT count(*) FROM badge_versions WHERE jwt NOT LIKE '%.' || {payload} || '.%'")  # noqa: S608
    if op.get_bind().execute(other).scalar():
        raise DatabaseError(
            "A signed token in badge_versions is not of the claims beside it; nothing was changed."
        )
    op.execute(f"UPDATE badge_versions SET jwt = {_WITHOUT[database]} WHERE jwt IS NOT NULL")  # noqa: S608
    op.execute("ALTER TABLE badge_versions RENAME COLUMN jwt TO jws")


def downgrade() -> None:
    payload = _payload()
    op.execute("ALTER TABLE badge_versions RENAME COLUMN jws TO jwt")
    op.execute(
        f"UPDATE badge_versions SET jwt = replace(jwt, '..', '.' || {payload} || '.') WHERE jwt IS NOT NULL"  # noqa: S608
    )


def _payload() -> str:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        return _PAYLOAD_AT_SERVER
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.create_function("payload", 1, _encoded, deterministic=True)
    return "payload(claims)"


def _encoded(claims: str) -> str:
    return urlsafe_b64encode(claims.encode()).decode().rstrip("=")
