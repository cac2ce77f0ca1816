"""Badges go into wallets: copies of a badge that are bound to a wallet's DID, and the offers of them."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    with op.batch_alter_table("badges") as table:
        table.add_column(sa.Column("copy_of", sa.String(45)))
        table.add_column(sa.Column("subject", sa.Text()))
        table.create_foreign_key("fk_badges_copy_of_badges", "badges", ["copy_of"], ["id"])
        table.create_unique_constraint("uq_badges_copy_of_subject", ["copy_of", "subject"])
    op.create_table(
        "wallet_offers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("badge", sa.String(45), nullable=False),
        sa.Column("handle_hash", sa.String(64), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("wrong_guesses", sa.Integer, nullable=False),
        sa.Column("token_hash", sa.String(64)),
        sa.Column("token_expires_at", sa.String(32)),
        sa.Column("subject", sa.Text),
        sa.Column("copy", sa.String(45)),
        sa.Column("event", sa.String(32)),
        sa.Column("event_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_wallet_offers"),
        sa.UniqueConstraint("handle_hash", name="uq_wallet_offers_handle_hash"),
        sa.UniqueConstraint("code_hash", name="uq_wallet_offers_code_hash"),
        sa.UniqueConstraint("token_hash", name="uq_wallet_offers_token_hash"),
        sa.ForeignKeyConstraint(["badge"], ["badges.id"], name="fk_wallet_offers_badge_badges"),
        sa.ForeignKeyConstraint(["copy"], ["badges.id"], name="fk_wallet_offers_copy_badges"),
    )
    op.create_index("ix_wallet_offers_badge", "wallet_offers", ["badge"])
    op.create_table(
        "wallet_nonces",
        sa.Column("nonce_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("nonce_hash", name="pk_wallet_nonces"),
    )
    op.create_index("ix_wallet_nonces_expires_at", "wallet_nonces", ["expires_at"])


def downgrade() -> None:
    op.drop_index("ix_wallet_nonces_expires_at", "wallet_nonces")
    op.drop_table("wallet_nonces")
    op.drop_index("ix_wallet_offers_badge", "wallet_offers")
    op.drop_table("wallet_offers")
    with op.batch_alter_table("badges") as table:
        table.drop_constraint("uq_badges_copy_of_subject", type_="unique")
        table.drop_constraint("fk_badges_copy_of_badges", type_="foreignkey")
        table.drop_column("subject")
        table.drop_column("copy_of")
