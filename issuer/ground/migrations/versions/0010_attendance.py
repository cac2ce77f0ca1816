"""Gatherings, who was counted at them, cards, and lists at the door."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "gatherings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("event", sa.String(200), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("region", sa.String(64), nullable=False),
        sa.Column("starts", sa.String(32), nullable=False),
        sa.Column("ends", sa.String(32), nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("room_hash", sa.String(64), nullable=False),
        sa.Column("turned_away", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gatherings"),
        sa.UniqueConstraint("event", name="uq_gatherings_event"),
        sa.UniqueConstraint("room_hash", name="uq_gatherings_room_hash"),
    )
    op.create_table(
        "visitors",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("gathering", sa.String(32), nullable=False),
        sa.Column("visitor", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_visitors"),
        sa.ForeignKeyConstraint(["gathering"], ["gatherings.id"], name="fk_visitors_gathering_gatherings"),
        sa.UniqueConstraint("gathering", "visitor", name="uq_visitors_gathering_visitor"),
    )
    op.create_table(
        "attendance_cards",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("gathering", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("code_hash", name="pk_attendance_cards"),
        sa.ForeignKeyConstraint(["gathering"], ["gatherings.id"], name="fk_attendance_cards_gathering_gatherings"),
    )
    op.create_index("ix_attendance_cards_gathering", "attendance_cards", ["gathering"])
    op.create_table(
        "door_lists",
        sa.Column("event", sa.String(200), nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("photo", sa.LargeBinary, nullable=True),
        sa.Column("media_type", sa.String(40), nullable=True),
        sa.Column("added_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("event", name="pk_door_lists"),
    )


def downgrade() -> None:
    for table in ("door_lists", "attendance_cards", "visitors", "gatherings"):
        op.drop_table(table)
