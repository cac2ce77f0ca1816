"""The first tables: people, contributions, attestations, policies, awards and badges."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Frozen: later changes are later files. A test holds the sum of all to the tables in `store.py` files."""
    op.create_table(
        "claims",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.String(length=32), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("event", sa.String(length=200), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("credits", sa.String(length=40), nullable=True),
        sa.Column("opened_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_event"), "claims", ["event"], unique=False)
    op.create_table(
        "contributions",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=500), nullable=False),
        sa.Column("record", sa.String(length=64), nullable=False),
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=320), nullable=False),
        sa.Column("happened_at", sa.String(length=32), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.String(length=2000), nullable=True),
        sa.Column("received_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", name=op.f("pk_contributions")),
    )
    op.create_index("ix_contributions_account", "contributions", ["system", "name"], unique=False)
    op.create_table(
        "dictionaries",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("achievement", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictionaries")),
    )
    op.create_table(
        "persons",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=True),
        sa.Column("bot", sa.Boolean(), nullable=False),
        sa.Column("manager", sa.String(length=32), nullable=True),
        sa.Column("household", sa.String(length=100), nullable=True),
        sa.Column("key", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["manager"], ["persons.id"], name=op.f("fk_persons_manager_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
        sa.UniqueConstraint("key", name=op.f("uq_persons_key")),
    )
    op.create_index(op.f("ix_persons_email"), "persons", ["email"], unique=False)
    op.create_index(op.f("ix_persons_name"), "persons", ["name"], unique=False)
    op.create_table(
        "policies",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=100), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("adopted_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_policies")),
    )
    op.create_table(
        "status_lists",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_status_lists")),
    )
    op.create_table(
        "tokens",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_tokens")),
    )
    op.create_table(
        "accounts",
        sa.Column("system", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=320), nullable=False),
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("proof", sa.String(length=20), nullable=False),
        sa.Column("proved_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_accounts_person_id_persons")),
        sa.PrimaryKeyConstraint("system", "name", name=op.f("pk_accounts")),
    )
    op.create_index(op.f("ix_accounts_person_id"), "accounts", ["person_id"], unique=False)
    op.create_table(
        "affiliations",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("organisation", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_affiliations_person_id_persons")),
        sa.PrimaryKeyConstraint("person_id", "since", name=op.f("pk_affiliations")),
    )
    op.create_table(
        "attestations",
        sa.Column("claim", sa.String(length=64), nullable=False),
        sa.Column("attestor", sa.String(length=32), nullable=False),
        sa.Column("seen", sa.Boolean(), nullable=False),
        sa.Column("statements", sa.Text(), nullable=False),
        sa.Column("attendees", sa.Integer(), nullable=True),
        sa.Column("answered_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["attestor"], ["persons.id"], name=op.f("fk_attestations_attestor_persons")),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_attestations_claim_claims")),
        sa.PrimaryKeyConstraint("claim", "attestor", name=op.f("pk_attestations")),
    )
    op.create_table(
        "claim_subjects",
        sa.Column("claim", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_claim_subjects_claim_claims")),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_claim_subjects_person_persons")),
        sa.PrimaryKeyConstraint("claim", "person", name=op.f("pk_claim_subjects")),
    )
    op.create_index(op.f("ix_claim_subjects_person"), "claim_subjects", ["person"], unique=False)
    op.create_table(
        "delegations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("attestor", sa.String(length=32), nullable=False),
        sa.Column("kinds", sa.Text(), nullable=False),
        sa.Column("region", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=64), nullable=True),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["attestor"], ["persons.id"], name=op.f("fk_delegations_attestor_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
    )
    op.create_index(op.f("ix_delegations_attestor"), "delegations", ["attestor"], unique=False)
    op.create_table(
        "hand_decisions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.String(length=32), nullable=False),
        sa.Column("decided_at", sa.String(length=32), nullable=False),
        sa.Column("approved_by", sa.String(length=32), nullable=True),
        sa.Column("approved_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["persons.id"], name=op.f("fk_hand_decisions_approved_by_persons")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["persons.id"], name=op.f("fk_hand_decisions_decided_by_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_decisions")),
    )
    op.create_table(
        "holder_pages",
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_holder_pages_person_persons")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_holder_pages")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_holder_pages_token_hash")),
    )
    op.create_table(
        "holder_references",
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("period_first", sa.String(length=10), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("reference", sa.String(length=45), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_holder_references_person_persons")),
        sa.PrimaryKeyConstraint("person", "period_first", "purpose", name=op.f("pk_holder_references")),
        sa.UniqueConstraint("reference", name=op.f("uq_holder_references_reference")),
    )
    op.create_table(
        "invitations",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("claim", sa.String(length=64), nullable=False),
        sa.Column("attestor", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["attestor"], ["persons.id"], name=op.f("fk_invitations_attestor_persons")),
        sa.ForeignKeyConstraint(["claim"], ["claims.id"], name=op.f("fk_invitations_claim_claims")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invitations")),
    )
    op.create_table(
        "pauses",
        sa.Column("person_id", sa.String(length=32), nullable=False),
        sa.Column("begins", sa.String(length=32), nullable=False),
        sa.Column("ends", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_pauses_person_id_persons")),
        sa.PrimaryKeyConstraint("person_id", "begins", name=op.f("pk_pauses")),
    )
    op.create_table(
        "awards",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("achievement", sa.String(length=64), nullable=False),
        sa.Column("tier", sa.String(length=40), nullable=False),
        sa.Column("period_first", sa.String(length=10), nullable=False),
        sa.Column("period_last", sa.String(length=10), nullable=False),
        sa.Column("mark", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.String(length=32), nullable=False),
        sa.Column("policy_digest", sa.String(length=64), nullable=False),
        sa.Column("hand_decision", sa.String(length=32), nullable=True),
        sa.Column("thanks", sa.Text(), nullable=False),
        sa.Column("intended", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hand_decision"], ["hand_decisions.id"], name=op.f("fk_awards_hand_decision_hand_decisions")
        ),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_awards_person_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awards")),
        sa.UniqueConstraint(
            "person", "achievement", "period_first", name=op.f("uq_awards_person_achievement_period_first")
        ),
    )
    op.create_index(op.f("ix_awards_hand_decision"), "awards", ["hand_decision"], unique=False)
    op.create_index("ix_awards_waiting", "awards", ["intended", "made_at", "id"], unique=False)
    op.create_table(
        "badges",
        sa.Column("id", sa.String(length=45), nullable=False),
        sa.Column("award", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=45), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("shows_name", sa.Boolean(), nullable=False),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.Column("revoked_at", sa.String(length=32), nullable=True),
        sa.Column("revoked_for", sa.Text(), nullable=True),
        sa.Column("superseded_by", sa.String(length=45), nullable=True),
        sa.Column("current_version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["award"], ["awards.id"], name=op.f("fk_badges_award_awards")),
        sa.ForeignKeyConstraint(["superseded_by"], ["badges.id"], name=op.f("fk_badges_superseded_by_badges")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_badges")),
        sa.UniqueConstraint("award", name=op.f("uq_badges_award")),
    )
    op.create_table(
        "badge_versions",
        sa.Column("badge", sa.String(length=45), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("prepared_at", sa.String(length=32), nullable=False),
        sa.Column("jwt", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["badge"], ["badges.id"], name=op.f("fk_badge_versions_badge_badges")),
        sa.PrimaryKeyConstraint("badge", "version", name=op.f("pk_badge_versions")),
    )
    op.create_index("ix_badge_versions_unsigned", "badge_versions", ["signed_at", "prepared_at"], unique=False)
    op.create_table(
        "status_entries",
        sa.Column("list", sa.Integer(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("badge", sa.String(length=45), nullable=False),
        sa.ForeignKeyConstraint(["badge"], ["badges.id"], name=op.f("fk_status_entries_badge_badges")),
        sa.PrimaryKeyConstraint("list", "index", name=op.f("pk_status_entries")),
        sa.UniqueConstraint("badge", name=op.f("uq_status_entries_badge")),
    )


def downgrade() -> None:
    """Back to an empty database."""

    op.drop_table("status_entries")
    op.drop_index("ix_badge_versions_unsigned", table_name="badge_versions")
    op.drop_table("badge_versions")
    op.drop_table("badges")
    op.drop_index("ix_awards_waiting", table_name="awards")
    op.drop_index(op.f("ix_awards_hand_decision"), table_name="awards")
    op.drop_table("awards")
    op.drop_table("pauses")
    op.drop_table("invitations")
    op.drop_table("holder_references")
    op.drop_table("holder_pages")
    op.drop_table("hand_decisions")
    op.drop_index(op.f("ix_delegations_attestor"), table_name="delegations")
    op.drop_table("delegations")
    op.drop_index(op.f("ix_claim_subjects_person"), table_name="claim_subjects")
    op.drop_table("claim_subjects")
    op.drop_table("attestations")
    op.drop_table("affiliations")
    op.drop_index(op.f("ix_accounts_person_id"), table_name="accounts")
    op.drop_table("accounts")
    op.drop_table("tokens")
    op.drop_table("status_lists")
    op.drop_table("policies")
    op.drop_index(op.f("ix_persons_name"), table_name="persons")
    op.drop_index(op.f("ix_persons_email"), table_name="persons")
    op.drop_table("persons")
    op.drop_table("dictionaries")
    op.drop_index("ix_contributions_account", table_name="contributions")
    op.drop_table("contributions")
    op.drop_index(op.f("ix_claims_event"), table_name="claims")
    op.drop_table("claims")
