"""What holders ask about their decisions, and what they are answered."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "questions",
        sa.Column("id", sa.Integer),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("link", sa.String(2000)),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("due", sa.String(32), nullable=False),
        sa.Column("answered_at", sa.String(32)),
        sa.Column("answered_by", sa.String(32)),
        sa.Column("granted", sa.Boolean),
        sa.Column("answer", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_questions"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_questions_person_persons"),
        sa.ForeignKeyConstraint(["answered_by"], ["persons.id"], name="fk_questions_answered_by_persons"),
    )
    op.create_index("ix_questions_person", "questions", ["person"])


def downgrade() -> None:
    op.drop_table("questions")
