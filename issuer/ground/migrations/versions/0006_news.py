"""What happened and was not handled yet; what each record points at, also of records that are there already."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ROWS = 1_000


def upgrade() -> None:
    """Frozen: later changes are later files."""
    op.create_table(
        "news",
        sa.Column("number", sa.Integer, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(600), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_news"),
        sqlite_autoincrement=True,
    )
    links = op.create_table(
        "contribution_links",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.String(600), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("id", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("kind", "target", "source", "id", name="pk_contribution_links"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT source, id, facts FROM contributions"))
    while some := rows.fetchmany(_ROWS):
        made = [link for row in some for link in _links(*row)]
        if made:
            connection.execute(sa.insert(links), made)


def _links(source: str, record: str, facts: str | dict[str, object]) -> list[dict[str, str]]:
    told = json.loads(facts) if isinstance(facts, str) else facts
    accepted = told.get("accepted_by")
    named = [*(accepted if isinstance(accepted, list) else []), told.get("moved_by"), told.get("owner")]
    pairs = {("names", str(account)) for account in named if account}
    if told.get("commit"):
        pairs.add(("commit", str(told["commit"])[:12].lower()))
    if told.get("reverts"):
        pairs.add(("reverts", str(told["reverts"])[:12].lower()))
        pairs.add(("reverts_id", f"{source} {told['reverts']}"[:600]))
    return [{"kind": kind, "target": target, "source": source, "id": record} for kind, target in pairs]


def downgrade() -> None:
    op.drop_table("contribution_links")
    op.drop_table("news")
