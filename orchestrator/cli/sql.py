"""``kdorch ledger sql``: a person's own question, read-only."""

from __future__ import annotations

import csv
import json
import math
import sys
from typing import Any

import click

MOST_ROWS = 10_000
WIDEST = 2_000


@click.command(epilog="""\b
Examples:
  kdorch ledger sql                                   the tables and their columns
  kdorch ledger sql "SELECT name, verdict FROM verdicts JOIN campaign_runs USING (campaign_id, run_id)"
  kdorch ledger sql "SELECT kind, count(*) FROM events GROUP BY kind" --format csv""")
@click.argument("statement", required=False)
@click.option("--format", "form", type=click.Choice(("table", "json", "csv")), default="table", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10**7), default=MOST_ROWS, show_default=True, help="At most this many.")
def sql(statement: str | None, form: str, limit: int) -> None:
    """Ask the ledger in SQL. It is opened read-only; nothing but reading is allowed.

    In JSON bytes are hexadecimal, and what is no finite number is a text: "Infinity", "-Infinity", "NaN".
    """
    from orchestrator.dispatch.home import Home
    from orchestrator.ledger.read_only_sql import ask, tables

    home = Home.from_environment()
    answer = tables(home.ledger) if statement is None else ask(home.ledger, statement, limit=limit)
    if form == "json":
        rows = [dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows]
        click.echo(json.dumps(rows, indent=2, allow_nan=False))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([v.hex() if isinstance(v, bytes) else v for v in row] for row in answer.rows)
    else:
        _table(answer.columns, answer.rows)


def _table(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> None:
    cells = [[_cell(v) for v in row] for row in rows]
    widths = [max(len(c), *(len(row[i]) for row in cells)) if cells else len(c) for i, c in enumerate(columns)]
    for line in (list(columns), ["-" * w for w in widths], *cells):
        click.echo("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    """Short enough for a table, whose every line is as wide as its widest cell."""
    from orchestrator.report.tables import printable

    text = "-" if value is None else f"x'{value[:WIDEST].hex()}'" if isinstance(value, bytes) else str(value)
    return printable(text if len(text) <= WIDEST else f"{text[:WIDEST - 1]}…")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value.hex() if isinstance(value, bytes) else value
