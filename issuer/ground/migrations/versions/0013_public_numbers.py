"""The numbers that are published of each day."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "public_numbers",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("numbers", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("day", name="pk_public_numbers"),
    )


def downgrade() -> None:
    op.drop_table("public_numbers")
