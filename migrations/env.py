"""Runs migrations on the connection it is handed, inside the caller's transaction."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("kdorch upgrades a ledger when it opens it; there is nothing to run by hand")
context.configure(connection=connection, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
