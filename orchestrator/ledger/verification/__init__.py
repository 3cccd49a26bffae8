"""Proving a ledger again from what it holds: the chain of events, the rows that follow from it, every verdict."""
