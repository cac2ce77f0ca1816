"""A badge may carry a hash of its holder's mail address."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    with op.batch_alter_table("badges") as table:
        table.add_column(sa.Column("hashes_address", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("badges") as table:
        table.alter_column("hashes_address", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("badges") as table:
        table.drop_column("hashes_address")
