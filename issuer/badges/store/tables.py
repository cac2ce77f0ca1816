"""The tables of this room."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from issuer.ground.database import UtcDateTime, metadata

hand_decisions = Table(
    "hand_decisions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tier", String(40), nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", ForeignKey("persons.id"), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
    Column("approved_by", ForeignKey("persons.id")),
    Column("approved_at", UtcDateTime),
)
awards = Table(
    "awards",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", ForeignKey("persons.id"), nullable=False),
    Column("achievement", String(64), nullable=False),
    Column("tier", String(40), nullable=False),  # empty for a badge per kind
    Column("title", Text, nullable=False),
    Column("period_first", String(10), nullable=False),
    Column("period_last", String(10), nullable=False),
    Column("mark", String(40), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("hand_decision", ForeignKey("hand_decisions.id"), index=True),
    Column("thanks", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("intended", Boolean, nullable=False, default=False),  # whether it has a badge, signed or not yet
    UniqueConstraint("person", "achievement", "period_first"),
    Index("ix_awards_waiting", "intended", "made_at", "id"),
)
references = Table(
    "holder_references",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("period_first", String(10), primary_key=True),
    Column("purpose", String(64), primary_key=True),
    Column("reference", String(45), nullable=False, unique=True),
)
badges = Table(
    "badges",
    metadata,
    Column("id", String(45), primary_key=True),
    Column("award", ForeignKey("awards.id"), nullable=False, index=True),  # several, if persons were merged
    Column("reference", String(45), nullable=False),
    Column("salt", String(64), nullable=False),
    Column("shows_name", Boolean, nullable=False, default=False),
    Column("hashes_address", Boolean, nullable=False, default=False),
    Column("shows_evidence", Boolean, nullable=False, default=False),
    Column("published", Boolean, nullable=False, default=False),
    Column("revoked_at", UtcDateTime),
    Column("revoked_for", Text),
    Column("suspended_at", UtcDateTime),
    Column("suspended_for", Text),
    Column("superseded_by", ForeignKey("badges.id")),
    Column("current_version", Integer),  # the newest signed one
    Column("copy_of", ForeignKey("badges.id")),  # of a wallet's copy: the badge that it stands and falls with
    Column("subject", Text),  # and the wallet's DID
    UniqueConstraint("copy_of", "subject"),
)
badge_evidence = Table(  # links to what counted, in the badges of those who want them there
    "badge_evidence",
    metadata,
    Column("badge", ForeignKey("badges.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("link", Text, nullable=False),
)
status_lists = Table(
    "status_lists",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("used", Integer, nullable=False),
    Column("purpose", String(16), nullable=False),
)
status_entries = Table(
    "status_entries",
    metadata,
    Column("list", Integer, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("badge", ForeignKey("badges.id"), nullable=False),
    Column("purpose", String(16), nullable=False),
    UniqueConstraint("badge", "purpose"),
)
suspensions = status_entries.alias("suspensions")
versions = Table(
    "badge_versions",
    metadata,
    Column("badge", ForeignKey("badges.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("claims", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("prepared_at", UtcDateTime, nullable=False),
    Column("jws", Text),  # the token without its payload, which is the claims (RFC 7515, Appendix F)
    Column("signed_at", UtcDateTime),
    Column("proof", Text),  # JSON: what secures the same claims as a document
    Column("proof_kid", Text),
    Column("named_copy", Boolean, nullable=False, default=False),  # with the name, beside the version that stands
    Index("ix_badge_versions_unsigned", "signed_at", "prepared_at"),
)
holder_pages = Table(
    "holder_pages",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("generation", Integer, nullable=False, default=0),  # how often the link was replaced
)
quiet_holders = Table(  # who hid everything: no letter tells them of badges, until they show one again
    "quiet_holders",
    metadata,
    Column("person", ForeignKey("persons.id"), primary_key=True),
)
revocations = Table(
    "revocations",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("badge", ForeignKey("badges.id"), nullable=False, index=True),
    Column("cause", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("needs_two", Boolean, nullable=False),
    Column("opened_by", ForeignKey("persons.id"), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("suspended_until", UtcDateTime),
    Column("agreed_by", ForeignKey("persons.id")),
    Column("agreed_at", UtcDateTime),
    Column("outcome", String(16), index=True),
    Column("ended_at", UtcDateTime),
)
achievement_states = Table(
    "achievement_states",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("achievement", String(64), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_by", ForeignKey("persons.id"), nullable=False),
    Column("decided_at", UtcDateTime, nullable=False),
)
dictionaries = Table(
    "dictionaries",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("achievement", Text, nullable=False),
    Column("kid", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
)
