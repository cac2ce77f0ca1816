"""Rules of the policy that fell silent or burst, as the last nightly run found them."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "rule_alarms",
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("alarm", sa.String(16), nullable=False),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("found", sa.Integer, nullable=False),
        sa.Column("usual", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_rule_alarms"),
    )


def downgrade() -> None:
    op.drop_table("rule_alarms")
