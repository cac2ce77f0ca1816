"""What people say of a proposed version of the policy."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "policy_comments",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("said_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_policy_comments"),
        sa.ForeignKeyConstraint(
            ["digest"], ["policy_proposals.digest"], name="fk_policy_comments_digest_policy_proposals"
        ),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_policy_comments_person_persons"),
    )
    op.create_index("ix_policy_comments_digest", "policy_comments", ["digest"])


def downgrade() -> None:
    op.drop_index("ix_policy_comments_digest", "policy_comments")
    op.drop_table("policy_comments")
