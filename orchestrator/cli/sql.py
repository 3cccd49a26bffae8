"""``kdorch ledger sql``: a person's own question, read-only."""

from __future__ import annotations

import csv
import json
import sys
from typing import Any

import click

MOST_ROWS = 10_000


@click.command(epilog="""\b
Examples:
  kdorch ledger sql                                   the tables and their columns
  kdorch ledger sql "SELECT name, verdict FROM verdicts JOIN campaign_runs USING (campaign_id, run_id)"
  kdorch ledger sql "SELECT kind, count(*) FROM events GROUP BY kind" --format csv""")
@click.argument("statement", required=False)
@click.option("--format", "form", type=click.Choice(("table", "json", "csv")), default="table", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10**7), default=MOST_ROWS, show_default=True, help="At most this many.")
def sql(statement: str | None, form: str, limit: int) -> None:
    """Ask the ledger in SQL. It is opened read-only; nothing but reading is allowed."""
    from orchestrator.dispatch.home import Home
    from orchestrator.ledger.read_only_sql import ask, tables

    home = Home.from_environment()
    answer = tables(home.ledger) if statement is None else ask(home.ledger, statement, limit=limit)
    if form == "json":
        rows = [dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows]
        click.echo(json.dumps(rows, indent=2))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([answer.columns, *answer.rows])
    else:
        _table(answer.columns, answer.rows)


def _table(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]) -> None:
    from orchestrator.report.tables import printable

    cells = [[printable("-" if v is None else str(v)) for v in row] for row in rows]
    widths = [max(len(c), *(len(row[i]) for row in cells)) if cells else len(c) for i, c in enumerate(columns)]
    for line in (list(columns), ["-" * w for w in widths], *cells):
        click.echo("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip())


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
