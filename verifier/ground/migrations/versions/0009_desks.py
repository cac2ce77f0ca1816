"""Who decides about an event and what others gave; desks' bundles, devices, requests, journals, epochs."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    op.create_table(
        "event_authority",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("statement_hash", sa.String(43), nullable=False),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("is_here", sa.Boolean, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event_authority"),
        sa.UniqueConstraint("event", name="uq_event_authority_event"),
    )
    op.create_table(
        "claim_salts",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("salt", sa.String(43), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_claim_salts"),
        sa.UniqueConstraint("event", name="uq_claim_salts_event"),
    )
    op.create_table(
        "claims_elsewhere",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(43), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_claims_elsewhere"),
        sa.UniqueConstraint("event", "hash", name="uq_claims_elsewhere_event_hash"),
    )
    op.create_table(
        "desk_bundles",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("payload_sha256", sa.String(43), nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("pinned", sa.String(43), nullable=False),
        sa.Column("is_imported", sa.Boolean, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_bundles"),
        sa.UniqueConstraint("event", name="uq_desk_bundles_event"),
    )
    op.create_table(
        "desk_devices",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("desk", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("jwk", sa.String(500), nullable=False),
        sa.Column("rights", sa.String(32), nullable=False),
        sa.Column("cap", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("enrolled_at", sa.String(32), nullable=False),
        sa.Column("revoked_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_desk_devices"),
        sa.UniqueConstraint("event", "desk", name="uq_desk_devices_event_desk"),
    )
    op.create_table(
        "desk_enrolments",
        sa.Column("id", sa.Integer),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("rights", sa.String(32), nullable=False),
        sa.Column("cap", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("desk", sa.String(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_desk_enrolments"),
        sa.UniqueConstraint("secret_sha256", name="uq_desk_enrolments_secret_sha256"),
    )
    op.create_index("ix_desk_enrolments_event", "desk_enrolments", ["event"])
    op.create_table(
        "desk_requests",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("desk", sa.String(64), nullable=False),
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("request_key", sa.String(200), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_requests"),
        sa.UniqueConstraint("event", "desk", "jti", name="uq_desk_requests_event_desk_jti"),
    )
    op.create_index("ix_desk_requests_at", "desk_requests", ["at"])
    op.create_table(
        "desk_entries",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("desk", sa.String(64), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(43), nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("taken_in_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_entries"),
        sa.UniqueConstraint("event", "desk", "seq", "hash", name="uq_desk_entries_event_desk_seq_hash"),
    )
    op.create_table(
        "epoch_statements",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(43), nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_epoch_statements"),
        sa.UniqueConstraint("event", "hash", name="uq_epoch_statements_event_hash"),
    )
    op.create_table(
        "desk_roll",
        sa.Column("id", sa.Integer),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("desk", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_roll"),
        sa.UniqueConstraint("event", "epoch", "desk", name="uq_desk_roll_event_epoch_desk"),
    )


def downgrade() -> None:
    tables = ("desk_roll", "epoch_statements", "desk_entries", "desk_requests", "desk_enrolments", "desk_devices")
    for table in (*tables, "desk_bundles", "claims_elsewhere", "claim_salts", "event_authority"):
        op.drop_table(table)
