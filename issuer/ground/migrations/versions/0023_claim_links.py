"""Claim links, what became of the letters that carry them, private links made anew, and more choices."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "mail_fates",
        sa.Column("reference", sa.String(32), nullable=False),
        sa.Column("way", sa.String(16), nullable=True),
        sa.Column("ended_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("reference", name="pk_mail_fates"),
    )
    op.create_index("ix_mail_outbox_reference", "mail_outbox", ["reference"])
    op.create_table(
        "claim_links",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("badge", sa.String(45), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("mail", sa.String(32), nullable=False),
        sa.Column("address_sha256", sa.String(64), nullable=False),
        sa.Column("elsewhere", sa.Boolean, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32), nullable=True),
        sa.Column("replaced_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_claim_links"),
        sa.UniqueConstraint("token_sha256", name="uq_claim_links_token_sha256"),
        sa.ForeignKeyConstraint(["badge"], ["badges.id"], name="fk_claim_links_badge_badges"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_claim_links_person_persons"),
    )
    for column in ("badge", "person", "address_sha256"):
        op.create_index(f"ix_claim_links_{column}", "claim_links", [column])
    op.create_table(
        "claim_requests",
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_claim_requests"),
    )
    _add("holder_pages", sa.Column("generation", sa.Integer, nullable=False, server_default="0"))
    _add("badges", sa.Column("shows_evidence", sa.Boolean, nullable=False, server_default=sa.false()))
    _add("badge_versions", sa.Column("named_copy", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM badge_versions WHERE named_copy"))
    for table, column in (
        ("badge_versions", "named_copy"),
        ("badges", "shows_evidence"),
        ("holder_pages", "generation"),
    ):
        with op.batch_alter_table(table) as changed:
            changed.drop_column(column)
    op.drop_table("claim_requests")
    op.drop_table("claim_links")
    op.drop_index("ix_mail_outbox_reference", "mail_outbox")
    op.drop_table("mail_fates")


def _add(table: str, column: "sa.Column[object]") -> None:
    """A column that every row has from now on; its default is for the rows that are there."""
    with op.batch_alter_table(table) as changed:
        changed.add_column(column)
    with op.batch_alter_table(table) as changed:
        changed.alter_column(column.name, server_default=None)
