"""A PostgreSQL keeps signed badges as they come: to compress signatures costs time and saves little."""

from alembic import op

revision = "0026"
down_revision = "0025"
WIDE = ("claims", "jwt", "proof")


def upgrade() -> None:
    """Frozen: later changes are later files."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE badge_versions SET (toast_tuple_target = 8160)")  # a row stays in one piece
        for column in WIDE:
            op.execute(f"ALTER TABLE badge_versions ALTER COLUMN {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE badge_versions RESET (toast_tuple_target)")
        for column in WIDE:
            op.execute(f"ALTER TABLE badge_versions ALTER COLUMN {column} SET STORAGE EXTENDED")
