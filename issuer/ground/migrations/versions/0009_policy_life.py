"""Versions of the policy that were proposed, and who approved them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "policy_proposals",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.Column("version", sa.String(100), nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("proposed_by", sa.String(32), nullable=False),
        sa.Column("proposed_at", sa.String(32), nullable=False),
        sa.Column("comments_until", sa.String(32)),
        sa.Column("backtest", sa.Text),
        sa.Column("withdrawn_at", sa.String(32)),
        sa.PrimaryKeyConstraint("digest", name="pk_policy_proposals"),
        sa.ForeignKeyConstraint(["proposed_by"], ["persons.id"], name="fk_policy_proposals_proposed_by_persons"),
    )
    op.create_table(
        "policy_approvals",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("approved_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("digest", "person", name="pk_policy_approvals"),
        sa.ForeignKeyConstraint(
            ["digest"], ["policy_proposals.digest"], name="fk_policy_approvals_digest_policy_proposals"
        ),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_policy_approvals_person_persons"),
    )


def downgrade() -> None:
    op.drop_table("policy_approvals")
    op.drop_table("policy_proposals")
