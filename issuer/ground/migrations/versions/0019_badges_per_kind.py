"""Badges per kind of work: what they are called, a holder's reference for each, and the catalogue's states."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    with op.batch_alter_table("awards") as table:
        table.add_column(sa.Column("title", sa.Text, nullable=False, server_default=""))
    with op.batch_alter_table("awards") as table:
        table.alter_column("title", server_default=None)
    with op.batch_alter_table("holder_references") as table:
        table.alter_column("purpose", type_=sa.String(64), existing_type=sa.String(16), existing_nullable=False)
    op.create_table(
        "achievement_states",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("achievement", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_by", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_achievement_states"),
        sa.ForeignKeyConstraint(["decided_by"], ["persons.id"], name="fk_achievement_states_decided_by_persons"),
    )
    op.create_index("ix_achievement_states_achievement", "achievement_states", ["achievement"])


def downgrade() -> None:
    op.drop_index("ix_achievement_states_achievement", "achievement_states")
    op.drop_table("achievement_states")
    with op.batch_alter_table("holder_references") as table:
        table.alter_column("purpose", type_=sa.String(16), existing_type=sa.String(64), existing_nullable=False)
    with op.batch_alter_table("awards") as table:
        table.drop_column("title")
