"""Badges that are withdrawn by the policy's table, with notice."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "revocations",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("badge", sa.String(45), nullable=False),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("needs_two", sa.Boolean, nullable=False),
        sa.Column("opened_by", sa.String(32), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("ends_at", sa.String(32), nullable=False),
        sa.Column("suspended_until", sa.String(32)),
        sa.Column("agreed_by", sa.String(32)),
        sa.Column("agreed_at", sa.String(32)),
        sa.Column("outcome", sa.String(16)),
        sa.Column("ended_at", sa.String(32)),
        sa.PrimaryKeyConstraint("number", name="pk_revocations"),
        sa.ForeignKeyConstraint(["badge"], ["badges.id"], name="fk_revocations_badge_badges"),
        sa.ForeignKeyConstraint(["opened_by"], ["persons.id"], name="fk_revocations_opened_by_persons"),
        sa.ForeignKeyConstraint(["agreed_by"], ["persons.id"], name="fk_revocations_agreed_by_persons"),
    )
    op.create_index("ix_revocations_badge", "revocations", ["badge"])
    op.create_index("ix_revocations_outcome", "revocations", ["outcome"])


def downgrade() -> None:
    op.drop_table("revocations")
