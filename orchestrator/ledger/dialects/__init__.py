"""What SQLite and PostgreSQL do differently: opening, upgrading, guarding, and the words of their errors.

:mod:`sqlite` and :mod:`postgres` each open a place and translate the database's errors; :mod:`examining` reads a ledger
without trusting it; :mod:`wording` holds the few phrases of SQL that differ. Everything else of the ledger speaks
through SQLAlchemy and does not know which of the two it talks to.
"""
