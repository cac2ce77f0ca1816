"""A case may be about something else than a grant of this office: what it is about has a name of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Written by hand; a test holds it together with the tables in the rooms' `store.py`."""
    op.add_column("cases", sa.Column("subject", sa.String(250), nullable=False, server_default=""))
    op.execute("UPDATE cases SET subject = 'grant ' || redemption_id")
    with op.batch_alter_table("cases") as table:
        table.drop_constraint("uq_cases_redemption_id_kind", type_="unique")
        table.alter_column("redemption_id", existing_type=sa.Integer(), nullable=True)
        table.create_unique_constraint("uq_cases_event_kind_subject", ["event", "kind", "subject"])


def downgrade() -> None:
    # An older program knows no cases of desks, and one case of each kind for a grant.
    op.execute("DELETE FROM cases WHERE redemption_id IS NULL")
    op.execute("DELETE FROM cases WHERE id NOT IN (SELECT min(id) FROM cases GROUP BY redemption_id, kind)")
    with op.batch_alter_table("cases") as table:
        table.drop_constraint("uq_cases_event_kind_subject", type_="unique")
        table.alter_column("redemption_id", existing_type=sa.Integer(), nullable=False)
        table.create_unique_constraint("uq_cases_redemption_id_kind", ["redemption_id", "kind"])
    op.drop_column("cases", "subject")
