"""Receipts of verdicts, for who asks for one; the budget factor of each event, fixed with its first discount."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    op.create_table(
        "receipts",
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("kept_until", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_receipts"),
    )
    op.create_index("ix_receipts_kept_until", "receipts", ["kept_until"])
    op.create_table(
        "event_budgets",
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("factor", sa.String(20), nullable=False),
        sa.Column("fixed_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("event", name="pk_event_budgets"),
    )


def downgrade() -> None:
    for table in ("event_budgets", "receipts"):
        op.drop_table(table)
