"""Ledger rows as Parquet, for notebooks. Needs pyarrow, which nothing else of kdorch does."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.ledger.rows import LedgerRow
from orchestrator.report.tables import KEYS, row_object


def parquet_bytes(rows: Sequence[LedgerRow], keys: Sequence[str] | None = None, *,
                  asked_with: str = "--format parquet") -> bytes:
    """A Parquet file with a column for each key. A column's type is its key's, whatever the rows hold: text, a list of
    texts, whole numbers or floats, each of which may be null. ``asked_with`` is the option that a person gave. Raises
    :class:`UsageError` without pyarrow."""
    try:
        arrow: Any = importlib.import_module("pyarrow")
        files: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError(f"{asked_with} needs pyarrow, which is not installed",
                         hint=f"pip install pyarrow, or use {asked_with.replace('parquet', 'csv')}") from None
    types = {"str": arrow.string(), "int": arrow.int64(), "float": arrow.float64(),
             "tuple": arrow.list_(arrow.string())}
    chosen = tuple(keys or KEYS)
    schema = arrow.schema([(key, types[_kind(key)]) for key in chosen])
    table = arrow.Table.from_pylist([row_object(r, chosen) for r in rows], schema=schema)
    out: Any = io.BytesIO()
    files.write_table(table, out)
    found: bytes = out.getvalue()
    return found


def _kind(key: str) -> str:
    (annotation,) = (str(f.type) for f in fields(LedgerRow) if f.name == key)
    return next(kind for kind in ("tuple", "str", "float", "int") if annotation.startswith(kind))
