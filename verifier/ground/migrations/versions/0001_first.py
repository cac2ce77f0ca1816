"""The first tables: redemptions, their holders and answers, and the links of desks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    op.create_table(
        "redemptions",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("entitlement", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("achievement", sa.String(500), nullable=False),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("percent", sa.Integer, nullable=False),
        sa.Column("proof", sa.String(32), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("voucher", sa.String(64), nullable=False),
        sa.Column("granted_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_redemptions"),
        sa.UniqueConstraint("voucher", name="uq_redemptions_voucher"),
    )
    op.create_index("ix_redemptions_event", "redemptions", ["event"])
    op.create_table(
        "redemption_holders",
        sa.Column("id", sa.Integer),
        sa.Column("redemption_id", sa.Integer, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("entitlement", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("holder", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_redemption_holders"),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name="fk_redemption_holders_redemption_id_redemptions"
        ),
        sa.UniqueConstraint(
            *("event", "entitlement", "issuer", "holder"),
            name="uq_redemption_holders_event_entitlement_issuer_holder",
        ),
    )
    op.create_index("ix_redemption_holders_redemption_id", "redemption_holders", ["redemption_id"])
    op.create_table(
        "redemption_answers",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("redemption_id", sa.Integer, nullable=True),
        sa.Column("answered_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_redemption_answers"),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name="fk_redemption_answers_redemption_id_redemptions"
        ),
        sa.UniqueConstraint("event", "request_id", name="uq_redemption_answers_event_request_id"),
    )
    op.create_table(
        "desk_links",
        sa.Column("id", sa.Integer),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_links"),
        sa.UniqueConstraint("token_sha256", name="uq_desk_links_token_sha256"),
    )


def downgrade() -> None:
    """Back to an empty database."""
    for table in ("desk_links", "redemption_answers", "redemption_holders", "redemptions"):
        op.drop_table(table)
