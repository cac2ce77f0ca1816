"""What a PostgreSQL knows of the sizes of our tables when it plans a statement.

It looks by itself, once a minute. A run that fills empty tables is half done by then, and until then each look at
two tables reads the whole of one. So a long run has the tables looked at that have grown.
"""

from contextlib import closing

from sqlalchemy import Engine

from issuer.ground.database import is_file, plainly

# In pages of 8 KiB: a quarter more than when the table was last looked at.
_GROWN = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
AND pg_relation_size(oid) / 8192 > relpages * 1.25 + 8
"""
_LOOK = "BEGIN; SET LOCAL default_statistics_target = 10; ANALYZE (SKIP_LOCKED) {}; COMMIT"  # 3,000 rows of each


def learn_sizes(engine: Engine) -> None:
    """Have the tables looked at that have grown. SQLite goes by indexes, and needs none of it.

    Raises:
        DatabaseError: the database is gone.
    """
    if is_file(engine):
        return
    with plainly(engine) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(_GROWN)
        grown = [table for (table,) in cursor.fetchall()]
        if grown:
            cursor.execute(_LOOK.format(", ".join(grown)))
