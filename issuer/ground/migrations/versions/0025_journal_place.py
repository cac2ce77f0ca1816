"""Where the journal stands, in the database itself, so that a PostgreSQL has one, too."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Frozen: later changes are later files. A file of SQLite counted its transactions in `user_version`; the hash
    of the newest one is in the journal only. Whatever has no journal yet begins one behind a hash of its own, so
    that it continues no copy that was made before.
    """
    place = op.create_table(
        "journal_place",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal_place"),
    )
    number = 0
    if op.get_bind().dialect.name == "sqlite":
        number = op.get_bind().execute(sa.text("PRAGMA user_version")).scalar_one()
    op.bulk_insert(place, [{"id": 1, "number": number, "sha256": "" if number else secrets.token_hex(32)}])


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        number = op.get_bind().execute(sa.text("SELECT number FROM journal_place")).scalar_one()
        op.execute(f"PRAGMA user_version = {int(number)}")
    op.drop_table("journal_place")
