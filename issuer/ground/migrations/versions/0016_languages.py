"""The language in which a person wants letters, and the one in which they last read a page."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    with op.batch_alter_table("persons") as table:
        table.add_column(sa.Column("language", sa.String(10)))
        table.add_column(sa.Column("page_language", sa.String(10)))


def downgrade() -> None:
    with op.batch_alter_table("persons") as table:
        table.drop_column("page_language")
        table.drop_column("language")
