"""Runs inside the transaction of `store.migrate`; there is no other way to call it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
context.run_migrations()
