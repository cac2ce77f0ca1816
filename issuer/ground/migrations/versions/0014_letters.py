"""What letters about awards need, and who wants none."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    with op.batch_alter_table("awards") as table:
        table.add_column(sa.Column("reasons", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("awards") as table:
        table.alter_column("reasons", server_default=None)
    op.create_table(
        "quiet_holders",
        sa.Column("person", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("person", name="pk_quiet_holders"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_quiet_holders_person_persons"),
    )


def downgrade() -> None:
    op.drop_table("quiet_holders")
    with op.batch_alter_table("awards") as table:
        table.drop_column("reasons")
