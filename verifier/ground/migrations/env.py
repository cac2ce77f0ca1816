"""How Alembic runs our migrations: always on the connection that `database.open_database` hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
context.run_migrations()
