"""Links to what counted, in the badges of those who want them there."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "badge_evidence",
        sa.Column("badge", sa.String(45), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("badge", "number", name="pk_badge_evidence"),
        sa.ForeignKeyConstraint(["badge"], ["badges.id"], name="fk_badge_evidence_badge_badges"),
    )


def downgrade() -> None:
    op.drop_table("badge_evidence")
