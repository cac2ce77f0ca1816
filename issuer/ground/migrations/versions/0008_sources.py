"""Sources have a state, a rate and webhooks; tokens can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("webhook", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("revoked_at", sa.String(32)))
    with op.batch_alter_table("tokens") as table:
        table.alter_column("webhook", server_default=None)
    op.create_table(
        "source_states",
        sa.Column("name", sa.String(48), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("tried_at", sa.String(32)),
        sa.Column("succeeded_at", sa.String(32)),
        sa.Column("newest", sa.String(32)),
        sa.Column("not_before", sa.String(32)),
        sa.Column("fault", sa.String(16)),
        sa.Column("error", sa.String(1000)),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("refused", sa.JSON(), nullable=False),
        sa.Column("lease", sa.String(32)),
        sa.Column("lease_until", sa.String(32)),
        sa.Column("knocked_at", sa.String(32)),
        sa.PrimaryKeyConstraint("name", name="pk_source_states"),
    )
    op.create_table(
        "source_days",
        sa.Column("name", sa.String(48), nullable=False),
        sa.Column("record", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", "record", "day", name="pk_source_days"),
    )
    op.create_table(
        "source_deliveries",
        sa.Column("name", sa.String(48), nullable=False),
        sa.Column("delivery", sa.String(64), nullable=False),
        sa.Column("received_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("name", "delivery", name="pk_source_deliveries"),
    )


def downgrade() -> None:
    for table in ("source_deliveries", "source_days", "source_states"):
        op.drop_table(table)
    with op.batch_alter_table("tokens") as tokens:
        tokens.drop_column("revoked_at")
        tokens.drop_column("webhook")
