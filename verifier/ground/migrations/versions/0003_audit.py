"""The audit log, and what keeps its rows as they were written."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SQLITE = (
    """CREATE TRIGGER audit_log_keeps_rows BEFORE UPDATE ON audit_log
       BEGIN SELECT RAISE(ABORT, 'a row of the audit log is never changed'); END""",
    """CREATE TRIGGER audit_log_loses_none BEFORE DELETE ON audit_log
       BEGIN SELECT RAISE(ABORT, 'a row of the audit log is never removed'); END""",
    # Without this INSERT OR REPLACE would put another row in the place of one, and no DELETE trigger is asked.
    """CREATE TRIGGER audit_log_grows_at_its_end BEFORE INSERT ON audit_log
       WHEN NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit_log)
       BEGIN SELECT RAISE(ABORT, 'the audit log grows at its end only'); END""",
)
_POSTGRESQL = (
    """CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'a row of the audit log is never changed or removed'; END $$""",
    """CREATE TRIGGER audit_log_keeps_rows BEFORE UPDATE OR DELETE ON audit_log
       FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE TRIGGER audit_log_loses_none BEFORE TRUNCATE ON audit_log
       FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()""",
)


def upgrade() -> None:
    """Written by hand; a test holds it together with the table in `ground/audit/store.py`."""
    op.create_table(
        "audit_log",
        sa.Column("number", sa.Integer, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("act", sa.String(64), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("details", sa.String(4_000), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_log"),
        sa.UniqueConstraint("previous", name="uq_audit_log_previous"),
        sa.UniqueConstraint("sha256", name="uq_audit_log_sha256"),
    )
    op.create_index("ix_audit_log_event", "audit_log", ["event"])
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit_log")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_refuse()")
