"""Ledger rows become tables, figures and pages. Read-only: nothing here decides or changes anything."""
