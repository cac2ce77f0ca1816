"""Log-ins, sessions and roles; persons who are merged, told and gone; what they ask the manager to decide."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "login_links",
        sa.Column("id", sa.Integer),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("browser_sha256", sa.String(64), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_login_links"),
        sa.UniqueConstraint("token_sha256", name="uq_login_links_token_sha256"),
    )
    op.create_index("ix_login_links_address", "login_links", ["address"])
    op.create_index("ix_login_links_expires_at", "login_links", ["expires_at"])
    op.create_table(
        "login_challenges",
        sa.Column("id", sa.Integer),
        sa.Column("state_sha256", sa.String(64), nullable=False),
        sa.Column("browser_sha256", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("code_verifier", sa.String(128), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_challenges"),
        sa.UniqueConstraint("state_sha256", name="uq_login_challenges_state_sha256"),
    )
    op.create_index("ix_login_challenges_expires_at", "login_challenges", ["expires_at"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("token_sha256", name="uq_sessions_token_sha256"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "roles",
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("given_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("person", "role", name="pk_roles"),
    )
    with op.batch_alter_table("persons") as table:
        table.add_column(sa.Column("told_at", sa.String(32)))
        table.add_column(sa.Column("keeps_own", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("merged_into", sa.String(32)))
        table.add_column(sa.Column("left_at", sa.String(32)))
        table.create_foreign_key("fk_persons_merged_into_persons", "persons", ["merged_into"], ["id"])
    with op.batch_alter_table("persons") as table:
        table.alter_column("keeps_own", server_default=None)
    op.create_index("ix_persons_merged_into", "persons", ["merged_into"])
    op.create_table(
        "merges",
        sa.Column("id", sa.Integer),
        sa.Column("kept", sa.String(32), nullable=False),
        sa.Column("gone", sa.String(32), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.Column("moved", sa.Text, nullable=False),
        sa.Column("undone_at", sa.String(32)),
        sa.ForeignKeyConstraint(["kept"], ["persons.id"], name="fk_merges_kept_persons"),
        sa.ForeignKeyConstraint(["gone"], ["persons.id"], name="fk_merges_gone_persons"),
        sa.PrimaryKeyConstraint("id", name="pk_merges"),
    )
    op.create_index("ix_merges_kept", "merges", ["kept"])
    op.create_index("ix_merges_gone", "merges", ["gone"])
    op.create_table(
        "merge_offers",
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("other", sa.String(32), nullable=False),
        sa.Column("accounts", sa.Text, nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_merge_offers_person_persons"),
        sa.ForeignKeyConstraint(["other"], ["persons.id"], name="fk_merge_offers_other_persons"),
        sa.PrimaryKeyConstraint("person", "other", name="pk_merge_offers"),
    )
    op.create_table(
        "profile_texts",
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("system", sa.String(40), nullable=False),
        sa.Column("name", sa.String(320), nullable=False),
        sa.Column("text", sa.String(200), nullable=False),
        sa.Column("made_at", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_profile_texts_person_persons"),
        sa.PrimaryKeyConstraint("person", "system", "name", name="pk_profile_texts"),
    )
    op.create_table(
        "person_requests",
        sa.Column("id", sa.Integer),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("about", sa.String(400), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("opened_at", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.String(32)),
        sa.Column("granted", sa.Boolean),
        sa.Column("answer", sa.Text),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_person_requests_person_persons"),
        sa.PrimaryKeyConstraint("id", name="pk_person_requests"),
    )
    op.create_index("ix_person_requests_person", "person_requests", ["person"])
    op.create_table(
        "refusals",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_refusals"),
    )


def downgrade() -> None:
    for name in ("refusals", "person_requests", "profile_texts", "merge_offers", "merges"):
        op.drop_table(name)
    op.drop_index("ix_persons_merged_into", table_name="persons")
    with op.batch_alter_table("persons") as table:
        table.drop_constraint("fk_persons_merged_into_persons", type_="foreignkey")
        for name in ("left_at", "merged_into", "keeps_own", "told_at"):
            table.drop_column(name)
    for name in ("roles", "sessions", "login_challenges", "login_links"):
        op.drop_table(name)
