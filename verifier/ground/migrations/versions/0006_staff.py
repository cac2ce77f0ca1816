"""Staff: mailed links, log-ins under way, sessions; and desk links that have a name and can be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    op.create_table(
        "staff_links",
        sa.Column("id", sa.Integer),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("member", sa.String(20), nullable=False),
        sa.Column("browser_sha256", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_staff_links"),
        sa.UniqueConstraint("token_sha256", name="uq_staff_links_token_sha256"),
    )
    op.create_index("ix_staff_links_member", "staff_links", ["member"])
    op.create_index("ix_staff_links_expires_at", "staff_links", ["expires_at"])
    op.create_table(
        "staff_challenges",
        sa.Column("id", sa.Integer),
        sa.Column("state_sha256", sa.String(64), nullable=False),
        sa.Column("browser_sha256", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("code_verifier", sa.String(128), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_challenges"),
        sa.UniqueConstraint("state_sha256", name="uq_staff_challenges_state_sha256"),
    )
    op.create_index("ix_staff_challenges_expires_at", "staff_challenges", ["expires_at"])
    op.create_table(
        "staff_sessions",
        sa.Column("id", sa.Integer),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("member", sa.String(20), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_staff_sessions"),
        sa.UniqueConstraint("token_sha256", name="uq_staff_sessions_token_sha256"),
    )
    op.create_index("ix_staff_sessions_member", "staff_sessions", ["member"])
    op.create_index("ix_staff_sessions_expires_at", "staff_sessions", ["expires_at"])
    op.add_column("desk_links", sa.Column("name", sa.String(80), nullable=False, server_default=""))
    op.add_column("desk_links", sa.Column("taken_back_at", sa.String(32), nullable=True))


def downgrade() -> None:
    # An older program would let links in again that were taken back.
    op.execute("DELETE FROM desk_links WHERE taken_back_at IS NOT NULL")
    for column in ("taken_back_at", "name"):
        op.drop_column("desk_links", column)
    for table in ("staff_sessions", "staff_challenges", "staff_links"):
        op.drop_table(table)
