"""The form of the ledger's times."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_text(moment: datetime) -> str:
    """UTC ISO-8601 with milliseconds and Z. Raises ``ValueError`` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("the ledger's clock must know its time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
