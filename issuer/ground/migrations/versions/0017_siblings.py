"""An award may have a second badge: after a merge a new one takes the place of those of both persons."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    with op.batch_alter_table("badges") as table:
        table.drop_constraint("uq_badges_award", type_="unique")
        table.create_index("ix_badges_award", ["award"])


def downgrade() -> None:
    with op.batch_alter_table("badges") as table:
        table.drop_index("ix_badges_award")
        table.create_unique_constraint("uq_badges_award", ["award"])
