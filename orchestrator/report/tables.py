"""Ledger rows as a table for people, or as JSON, CSV or Markdown.

JSON and CSV hold every key of :data:`KEYS`, which scripts may rely on; the table and the Markdown hold what a person
compares runs by.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.errors import UsageError

KEYS = (
    "run_id", "name", "campaign", "mode", "host", "status", "labels", "state", "outcome", "verdict", "failed_gates",
    "train_time_ms", "teacher_train_time_ms", "budget_ms", "steps", "best_val", "final_val", "steps_to_target",
    "time_to_target_ms", "alpha", "temperature", "lr_boost", "teacher_params_m", "teacher_steps", "student_steps",
    "artifact_dir",
)
"""The keys of a row in JSON and CSV, in this order. A row is any object that has them as attributes."""
NARROWEST_NAME = 16
_LISTS = ("labels", "failed_gates")
_TEXTS = frozenset({"run_id", "name", "campaign", "mode", "host", "status", "labels", "state", "outcome", "verdict",
                    "failed_gates", "artifact_dir"})


@dataclass(frozen=True)
class _Column:
    title: str
    cell: Callable[[Any], str]
    right: bool = False


def chosen_keys(text: str | None) -> tuple[str, ...] | None:
    """The keys of ``name,final_val``; None for None. Raises :class:`UsageError` for one that rows do not have."""
    if text is None:
        return None
    keys = tuple(k.strip() for k in text.split(","))
    for key in keys:
        if key not in KEYS:
            raise UsageError(f"--columns: there is no key {key[:60]!r}", hint=f"keys are: {', '.join(KEYS)}")
    return keys


def format_rows(rows: Sequence[object], form: str, *, keys: Sequence[str] | None = None,
                width: int | None = None) -> str:
    """``rows`` as ``table``, ``json``, ``csv`` or ``md``, ending with a newline.

    ``keys`` of :data:`KEYS` choose what is shown; None: all of them in JSON and CSV, the usual columns elsewhere.
    ``width`` is the terminal's in characters: the table's names are shortened in their middle, then labels at their
    end, to fit it. None: as wide as it needs. Raises ``ValueError`` for another ``form``.
    """
    columns = _COLUMNS if keys is None else tuple(_plain_column(k) for k in keys)
    if form == "json":
        return json_lines([json.dumps(row_object(r, keys or KEYS), allow_nan=False) for r in rows])
    if form == "csv":
        return _csv(rows, keys or KEYS)
    if form == "md":
        return _markdown(rows, columns)
    if form == "table":
        return _table(rows, columns, width)
    raise ValueError(f"no format {form!r}; there are table, json, csv and md")


def row_object(row: object, keys: Sequence[str] = KEYS) -> dict[str, Any]:
    """One row as plain data with exactly these keys."""
    return {key: list(getattr(row, key)) if key in _LISTS else getattr(row, key) for key in keys}


def json_lines(lines: Sequence[str]) -> str:
    """A JSON list of objects that are JSON already, one a line: read as easily as an indented one, and written five
    times as quickly."""
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def csv_lines(lines: Sequence[str]) -> str:
    """CSV of rows with all keys that are lines of CSV already."""
    return "".join([",".join(KEYS), "\n", *lines])


def _csv(rows: Sequence[object], keys: Sequence[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(keys)
    for row in rows:
        told = row_object(row, keys)
        writer.writerow(["" if (v := told[key]) is None else ";".join(v) if key in _LISTS else v for key in keys])
    return out.getvalue()


def printable(text: str) -> str:
    """``text`` without control characters: an imported name may hold anything."""
    return "".join(c if c.isprintable() else "�" for c in text)


def markdown_cell(text: str) -> str:
    """``text`` so that it stays one cell of a Markdown table."""
    return printable(text).replace("\\", "\\\\").replace("|", "\\|")


def _steps(row: Any) -> str:
    if row.steps_to_target is not None:
        return str(row.steps_to_target)
    # A student that has a budget's and a target's gate and missed says so; others were never asked.
    return "not reached" if "target_reached" in row.failed_gates else "-"


def _loss(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _seconds(value_ms: float | None) -> str:
    return "-" if value_ms is None else f"{value_ms / 1000:.1f}"


def _other_labels(row: Any) -> str:
    return " ".join(label for label in row.labels if label != row.status) or "-"


_COLUMNS = (
    _Column("name", lambda r: str(r.name)),
    _Column("status", lambda r: str(r.status)),
    _Column("also", _other_labels),
    _Column("steps", lambda r: "-" if r.steps is None else str(r.steps), right=True),
    _Column("best val", lambda r: _loss(r.best_val), right=True),
    _Column("final val", lambda r: _loss(r.final_val), right=True),
    _Column("train s", lambda r: _seconds(r.train_time_ms), right=True),
    _Column("to target", _steps, right=True),
)


def _plain_column(key: str) -> _Column:
    """A key's values as they are, numbers to the right."""
    def cell(row: Any) -> str:
        value = getattr(row, key)
        return "-" if value is None else " ".join(value) if key in _LISTS else str(value)

    return _Column(key, cell, right=key not in _TEXTS)


def _table(rows: Sequence[object], columns: Sequence[_Column], width: int | None) -> str:
    if not rows:
        return "no runs\n"
    cells = [[c.title for c in columns]] + [[printable(c.cell(r)) for c in columns] for r in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    if width is not None and columns is _COLUMNS:
        for column, narrowest in ((0, NARROWEST_NAME), (2, 4)):
            over = sum(widths) + 2 * (len(widths) - 1) - width
            widths[column] -= max(0, min(over, widths[column] - narrowest))
    lines = []
    for line in cells:
        shown = line if columns is not _COLUMNS else [
            _middle_out(line[0], widths[0]), line[1], _end_off(line[2], widths[2]), *line[3:]]
        padded = [text.rjust(w) if c.right else text.ljust(w)
                  for text, w, c in zip(shown, widths, columns, strict=True)]
        lines.append("  ".join(padded).rstrip())
    rule = "  ".join("-" * w for w in widths)
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _middle_out(text: str, width: int) -> str:
    """Shorten in the middle: both ends of a run's name tell runs apart."""
    if len(text) <= width:
        return text
    tail = (width - 1) * 2 // 3
    return f"{text[:width - 1 - tail]}…{text[len(text) - tail:]}"


def _end_off(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[:width - 1]}…"


def _markdown(rows: Sequence[object], columns: Sequence[_Column]) -> str:
    lines = ["| " + " | ".join(c.title for c in columns) + " |",
             "|" + "|".join("---:" if c.right else "---" for c in columns) + "|"]
    lines += ["| " + " | ".join(markdown_cell(c.cell(r)) for c in columns) + " |" for r in rows]
    return "\n".join(lines) + "\n"
