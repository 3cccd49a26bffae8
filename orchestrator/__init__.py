"""The laptop side of kdorch: plans campaigns, dispatches runs, keeps the ledger. Needs no torch."""

__version__ = "0.1.0"
