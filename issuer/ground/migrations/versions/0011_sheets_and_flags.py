"""Attestors' sheets, and what people should look at in a statement."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.add_column("attestations", sa.Column("found_false", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "sheet_links",
        sa.Column("attestor", sa.String(32), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("ends", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("attestor", name="pk_sheet_links"),
        sa.ForeignKeyConstraint(["attestor"], ["persons.id"], name="fk_sheet_links_attestor_persons"),
        sa.UniqueConstraint("token_hash", name="uq_sheet_links_token_hash"),
    )
    op.create_table(
        "attestation_flags",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("claim", sa.String(64), nullable=False),
        sa.Column("attestor", sa.String(32), nullable=False),
        sa.Column("rule", sa.String(32), nullable=False),
        sa.Column("sentence", sa.String(300), nullable=False),
        sa.Column("raised_at", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_attestation_flags"),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name="fk_attestation_flags_claim_claims"),
        sa.ForeignKeyConstraint(["attestor"], ["persons.id"], name="fk_attestation_flags_attestor_persons"),
        sa.UniqueConstraint("claim", "attestor", "rule", name="uq_attestation_flags_claim_attestor_rule"),
    )
    op.create_index("ix_attestation_flags_attestor", "attestation_flags", ["attestor"])


def downgrade() -> None:
    op.drop_table("attestation_flags")
    op.drop_table("sheet_links")
    op.drop_column("attestations", "found_false")
