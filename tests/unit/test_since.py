"""``--since``: what a person may write, and that everything is read as UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.cli.since import since
from orchestrator.domain.errors import UsageError
from orchestrator.ledger.engine import utc_text

NOW = datetime(2026, 11, 8, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(("text", "moment"), [
    ("7d", "2026-11-01T12:30:00.000Z"), ("90m", "2026-11-08T11:00:00.000Z"), ("12h", "2026-11-08T00:30:00.000Z"),
    ("2w", "2026-10-25T12:30:00.000Z"), ("0d", "2026-11-08T12:30:00.000Z"),
    ("2026-11-01", "2026-11-01T00:00:00.000Z"), ("2026-11-01T12:00", "2026-11-01T12:00:00.000Z"),
    ("2026-11-01T12:00Z", "2026-11-01T12:00:00.000Z"), (" 2026-11-01T12:00+02:00 ", "2026-11-01T10:00:00.000Z"),
])
def test_a_date_a_time_or_so_long_ago(text: str, moment: str) -> None:
    assert utc_text(since(text, NOW)) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7y", "-7d", "2026-13-01", "1.5h", "9999999d",
                                  "2026-11-01'; DROP TABLE runs; --", "x" * 10_000_000])
def test_anything_else_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="--since: ") as told:
        since(text, NOW)
    assert len(told.value.message) < 200
