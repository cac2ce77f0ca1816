"""Ticket shops: vouchers on their way into one, and codes that one made before."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    op.create_table(
        "shop_orders",
        sa.Column("id", sa.Integer),
        sa.Column("redemption_id", sa.Integer, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("url", sa.String(300), nullable=False),
        sa.Column("organizer", sa.String(100), nullable=False),
        sa.Column("shop_event", sa.String(100), nullable=False),
        sa.Column("quota", sa.Integer, nullable=False),
        sa.Column("tag", sa.String(500), nullable=False),
        sa.Column("voucher", sa.String(64), nullable=False),
        sa.Column("percent", sa.Integer, nullable=False),
        sa.Column("valid_until", sa.String(32), nullable=False),
        sa.Column("comment", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.String(32), nullable=False),
        sa.Column("problem", sa.String(300), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_shop_orders"),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name="fk_shop_orders_redemption_id_redemptions"
        ),
        sa.UniqueConstraint("redemption_id", name="uq_shop_orders_redemption_id"),
        sa.UniqueConstraint("voucher", name="uq_shop_orders_voucher"),
    )
    op.create_index("ix_shop_orders_event", "shop_orders", ["event"])
    op.create_index("ix_shop_orders_next_try_at", "shop_orders", ["next_try_at"])
    op.create_table(
        "shop_codes",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("percent", sa.Integer, nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("redemption_id", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_shop_codes"),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name="fk_shop_codes_redemption_id_redemptions"
        ),
        sa.UniqueConstraint("redemption_id", name="uq_shop_codes_redemption_id"),
        sa.UniqueConstraint("code", name="uq_shop_codes_code"),
    )


def downgrade() -> None:
    for table in ("shop_codes", "shop_orders"):
        op.drop_table(table)
