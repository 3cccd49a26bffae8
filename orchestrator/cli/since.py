"""``--since``: a date, a time, or so long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from orchestrator.domain.errors import UsageError

_AGO = re.compile(r"([0-9]{1,5})([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def since(text: str, now: datetime) -> datetime:
    """The moment that ``2026-11-01``, ``2026-11-01T12:00``, ``90m``, ``12h``, ``7d`` or ``2w`` means.

    A date begins at midnight, and what names no zone is UTC, as all times of the ledger are. Raises
    :class:`UsageError` for anything else.
    """
    try:
        ago = _AGO.fullmatch(text.strip())
        if ago is not None:
            return now - int(ago[1]) * _UNITS[ago[2]]
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"--since: {text[:60]!r} is no time",
                         hint="give a date such as 2026-11-01, a time such as 2026-11-01T12:00Z, or so long ago: 90m, "
                              "12h, 7d, 2w") from None
