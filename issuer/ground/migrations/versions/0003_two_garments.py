"""A badge is a token and a document; it can be suspended as well as withdrawn, on lists of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.add_column("badge_versions", sa.Column("proof", sa.Text(), nullable=True))
    op.add_column("badge_versions", sa.Column("proof_kid", sa.Text(), nullable=True))
    op.add_column("badges", sa.Column("suspended_at", sa.String(length=32), nullable=True))
    op.add_column("badges", sa.Column("suspended_for", sa.Text(), nullable=True))
    with op.batch_alter_table("status_lists") as table:
        table.add_column(sa.Column("purpose", sa.String(length=16), nullable=False, server_default="revocation"))
    with op.batch_alter_table("status_lists") as table:
        table.alter_column("purpose", server_default=None)
    with op.batch_alter_table("status_entries") as table:
        table.add_column(sa.Column("purpose", sa.String(length=16), nullable=False, server_default="revocation"))
        table.drop_constraint("uq_status_entries_badge", type_="unique")
        table.create_unique_constraint("uq_status_entries_badge_purpose", ["badge", "purpose"])
    with op.batch_alter_table("status_entries") as table:
        table.alter_column("purpose", server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM status_entries WHERE purpose <> 'revocation'")
    op.execute("DELETE FROM status_lists WHERE purpose <> 'revocation'")
    with op.batch_alter_table("status_entries") as table:
        table.drop_constraint("uq_status_entries_badge_purpose", type_="unique")
        table.create_unique_constraint("uq_status_entries_badge", ["badge"])
        table.drop_column("purpose")
    with op.batch_alter_table("status_lists") as table:
        table.drop_column("purpose")
    for column in ("suspended_at", "suspended_for"):
        op.drop_column("badges", column)
    for column in ("proof", "proof_kid"):
        op.drop_column("badge_versions", column)
