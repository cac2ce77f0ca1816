"""Panels drawn by lot, and what each member decides."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "question_panels",
        sa.Column("question", sa.Integer, nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("candidates", sa.JSON, nullable=False),
        sa.Column("drawn_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("question", name="pk_question_panels"),
        sa.ForeignKeyConstraint(["question"], ["questions.id"], name="fk_question_panels_question_questions"),
    )
    op.create_table(
        "panel_members",
        sa.Column("question", sa.Integer, nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("withdrew", sa.Boolean, nullable=False),
        sa.Column("granted", sa.Boolean),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("question", "person", name="pk_panel_members"),
        sa.ForeignKeyConstraint(
            ["question"], ["question_panels.question"], name="fk_panel_members_question_question_panels"
        ),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_panel_members_person_persons"),
    )


def downgrade() -> None:
    op.drop_table("panel_members")
    op.drop_table("question_panels")
