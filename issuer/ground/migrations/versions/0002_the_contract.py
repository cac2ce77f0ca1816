"""The tables of the HTTP contract: what was issued over it, and its status lists."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "contract_credentials",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contract_credentials")),
    )
    op.create_table(
        "contract_status_lists",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_contract_status_lists")),
    )
    op.create_table(
        "contract_status_bits",
        sa.Column("list", sa.String(length=100), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("set_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["list"],
            ["contract_status_lists.name"],
            name=op.f("fk_contract_status_bits_list_contract_status_lists"),
        ),
        sa.PrimaryKeyConstraint("list", "index", name=op.f("pk_contract_status_bits")),
    )


def downgrade() -> None:
    for table in ("contract_status_bits", "contract_status_lists", "contract_credentials"):
        op.drop_table(table)
