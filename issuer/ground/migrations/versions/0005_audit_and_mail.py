"""The audit log, and what keeps its rows as they were written; mails on their way to the mail server."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

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
    """Frozen: later changes are later files."""
    op.create_table(
        "audit_log",
        sa.Column("number", sa.Integer, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("act", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("details", sa.String(4_000), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_log"),
        sa.UniqueConstraint("previous", name="uq_audit_log_previous"),
        sa.UniqueConstraint("sha256", name="uq_audit_log_sha256"),
    )
    op.create_index("ix_audit_log_person", "audit_log", ["person"])
    for statement in _POSTGRESQL if op.get_bind().dialect.name == "postgresql" else _SQLITE:
        op.execute(statement)
    op.create_table(
        "mail_outbox",
        sa.Column("id", sa.Integer),
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("entered_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mail_outbox"),
    )
    op.create_index("ix_mail_outbox_expires_at", "mail_outbox", ["expires_at"])
    op.create_index("ix_mail_outbox_next_try_at", "mail_outbox", ["next_try_at"])


def downgrade() -> None:
    op.drop_table("mail_outbox")
    op.drop_table("audit_log")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_log_refuse()")
