"""How rows are read and held against what they must be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.ledger.dialects.examining import Examined, table_names
from orchestrator.ledger.verification.findings import Findings

Row = Mapping[str, Any]

POLICY_NUMBERS = ("gate_mask", "budget_ms", "trend_points", "trend_min_drop_u6", "target_u6")
GATE_NUMBERS = ("asserted", "complete", "oom_fallback", "val_finite", "val_1_u6", "val_2_u6", "val_3_u6", "val_4_u6",
                "comparison_key")


def all_rows(connection: Examined, table: str) -> Iterable[Row]:
    """Every row of one of the ledger's own tables; none where an older ledger lacks it."""
    there = table in table_names(connection)
    for row in connection.execute(f'SELECT * FROM "{table}"') if there else ():  # noqa: S608 - our own tables
        yield dict(row)


def joined(row: Row, names: Iterable[str]) -> str:
    """Columns as a generated ``*_numbers`` column joins them."""
    return "|".join("-" if row[n] is None else str(row[n]) for n in names)


def equal(found: Findings, where: str, row: Row, expected: Mapping[str, Any]) -> None:
    """Note every column that is not what it must be."""
    for column, value in expected.items():
        if row[column] != value:
            found.add("row", where, f"{column} is {row[column]!r}; it must be {value!r}")
