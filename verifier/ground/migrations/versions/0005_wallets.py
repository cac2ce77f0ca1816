"""Exchanges with wallets that are going on, and codes that were mailed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    op.create_table(
        "wallet_exchanges",
        sa.Column("id", sa.Integer),
        sa.Column("wallet_sha256", sa.String(64), nullable=False),
        sa.Column("browser_sha256", sa.String(64), nullable=False),
        sa.Column("browser_key", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("return_to", sa.String(300), nullable=False),
        sa.Column("achievements", sa.Text, nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("number", sa.String(8), nullable=False),
        sa.Column("begun_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("problem", sa.String(300), nullable=True),
        sa.Column("response_sha256", sa.String(64), nullable=True),
        sa.Column("sealed", sa.Text, nullable=True),
        sa.Column("answered_at", sa.String(32), nullable=True),
        sa.Column("confirmed_at", sa.String(32), nullable=True),
        sa.Column("used_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_wallet_exchanges"),
        sa.UniqueConstraint("wallet_sha256", name="uq_wallet_exchanges_wallet_sha256"),
        sa.UniqueConstraint("browser_sha256", name="uq_wallet_exchanges_browser_sha256"),
        sa.UniqueConstraint("response_sha256", name="uq_wallet_exchanges_response_sha256"),
    )
    op.create_index("ix_wallet_exchanges_expires_at", "wallet_exchanges", ["expires_at"])
    op.create_table(
        "mail_codes",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("holder", sa.String(100), nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("code_sha256", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_mail_codes"),
    )
    op.create_index("ix_mail_codes_holder", "mail_codes", ["holder"])
    op.create_index("ix_mail_codes_expires_at", "mail_codes", ["expires_at"])


def downgrade() -> None:
    for table in ("mail_codes", "wallet_exchanges"):
        op.drop_table(table)
