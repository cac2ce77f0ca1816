"""What becomes of a grant: its state, where its badge can be looked up, withdrawals, cases, totals that stay."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    for column in (
        sa.Column("policy_digest", sa.String(64), nullable=False, server_default=""),
        sa.Column("state", sa.String(16), nullable=False, server_default="granted"),
        sa.Column("released_at", sa.String(32), nullable=True),
        sa.Column("released_because", sa.String(16), nullable=True),
        sa.Column("replaces", sa.Integer, nullable=True),
    ):
        op.add_column("redemptions", column)
    op.add_column("shop_orders", sa.Column("seen_used", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "grant_standings",
        sa.Column("id", sa.Integer),
        sa.Column("redemption_id", sa.Integer, nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("credential_sha256", sa.String(64), nullable=False),
        sa.Column("key_id", sa.String(500), nullable=False),
        sa.Column("kind", sa.String(50), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("list_index", sa.String(20), nullable=False),
        sa.Column("purpose", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_grant_standings"),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name="fk_grant_standings_redemption_id_redemptions"
        ),
    )
    op.create_index("ix_grant_standings_redemption_id", "grant_standings", ["redemption_id"])
    op.create_table(
        "withdrawals",
        sa.Column("id", sa.Integer),
        sa.Column("redemption_id", sa.Integer, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", sa.String(32), nullable=False),
        sa.Column("problem", sa.String(500), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_withdrawals"),
        sa.ForeignKeyConstraint(
            ["redemption_id"], ["redemptions.id"], name="fk_withdrawals_redemption_id_redemptions"
        ),
        sa.UniqueConstraint("redemption_id", name="uq_withdrawals_redemption_id"),
    )
    op.create_index("ix_withdrawals_event", "withdrawals", ["event"])
    op.create_index("ix_withdrawals_next_try_at", "withdrawals", ["next_try_at"])
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("redemption_id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("sentence", sa.String(500), nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("closed_at", sa.String(32), nullable=True),
        sa.Column("closed_by", sa.String(200), nullable=True),
        sa.Column("why", sa.String(500), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("redemption_id", "kind", name="uq_cases_redemption_id_kind"),
    )
    op.create_index("ix_cases_event", "cases", ["event"])
    op.create_table(
        "event_totals",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("achievement", sa.String(500), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("percent", sa.Integer, nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("forgotten_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_totals"),
    )
    op.create_index("ix_event_totals_event", "event_totals", ["event"])


def downgrade() -> None:
    for table in ("event_totals", "cases", "withdrawals", "grant_standings"):
        op.drop_table(table)
    op.drop_column("shop_orders", "seen_used")
    for column in ("replaces", "released_because", "released_at", "state", "policy_digest"):
        op.drop_column("redemptions", column)
