"""For which tickets a voucher is, where no quota says it, and how the shop is to write what it gives."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    for column in (
        sa.Column("item", sa.Integer, nullable=True),
        sa.Column("variation", sa.Integer, nullable=True),
        sa.Column("price_mode", sa.String(16), nullable=False, server_default="percent"),
        sa.Column("price", sa.String(20), nullable=True),
    ):
        op.add_column("shop_orders", column)


def downgrade() -> None:
    for column in ("price", "price_mode", "variation", "item"):
        op.drop_column("shop_orders", column)
