"""Measures listings of a large ledger, each against the bare SQLite query of the same rows in the same run.

    python benchmarks/listing.py [runs] [directory]

A directory that holds a ledger already is used as it is. Whole commands run in processes of their own and are told
without their start-up, which is what the same command takes on a ledger with no run; the bare query is said by the
sqlite3 module to the ledger's own tables, and fetches the same rows.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.big_ledger import build
from benchmarks.commands import command_cost
from benchmarks.figures import Figure, machine_facts, table, write
from orchestrator.ledger.engine import open_engine
from orchestrator.ledger.listing_cache import forget

TIMES = 3
LIMIT_S = 0.5
_BARE = """
SELECT c.run_id, c.name, k.name, r.mode, a.host, a.state, a.outcome, v.verdict, v.fail_mask, v.budget_result,
       m.train_time_ms, m.final_step, m.best_val_u6, m.final_val_u6, m.parameters, e.directory
FROM campaign_runs AS c
JOIN campaigns AS k ON k.campaign_id = c.campaign_id
JOIN runs AS r ON r.run_id = c.run_id
JOIN attempts AS a ON a.run_id = c.run_id AND a.attempt_no = 1
LEFT JOIN evidence AS e ON e.run_id = c.run_id AND e.attempt_no = 1
LEFT JOIN measurements AS m ON m.evidence_id = e.evidence_id
LEFT JOIN verdicts AS v ON v.campaign_id = c.campaign_id AND v.run_id = c.run_id AND v.verdict_no = 1
"""
LISTINGS: dict[str, tuple[tuple[str, ...], str]] = {
    "the newest 1,000": ((), "ORDER BY k.event_seq DESC, c.ordinal DESC LIMIT 1000"),
    "--status budget-pass": (("--status", "budget-pass"), "WHERE v.budget_result = 'pass' LIMIT 1000"),
    "--campaign": (("--campaign", "grid-001"), "WHERE k.name = 'grid-001'"),
    "--host --since": (("--host", "gb10", "--since", "2026-01-01"),
                       "WHERE a.host = 'gb10' AND a.finished_at >= '2026-01-01' LIMIT 1000"),
    "--where, two keys and a label": (
        ("--where", "final_val < 4.1 and budget_pass and not archival"),
        "WHERE m.final_val_u6 < 4100000 AND v.budget_result = 'pass' AND NOT c.archival LIMIT 1000"),
    "--sort final_val": (("--sort", "final_val"), "ORDER BY m.final_val_u6 IS NULL, m.final_val_u6 LIMIT 1000"),
    "--format json, all": (("--format", "json"), "ORDER BY k.event_seq, c.ordinal"),
    "--format csv, all": (("--format", "csv"), "ORDER BY k.event_seq, c.ordinal"),
}


def bare_cost(ledger: Path, rest: str) -> tuple[float, int]:
    """The least seconds of a processor that the bare query takes, of several runs, and how many rows it gives."""
    taken, rows = [], 0
    for _ in range(TIMES):
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
            begun = time.process_time()
            rows = len(connection.execute(f"{_BARE} {rest}").fetchall())
            taken.append(time.process_time() - begun)
    return min(taken), rows


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    figures = []
    with tempfile.TemporaryDirectory(prefix="kdorch-listing-") as scratch:
        home = Path(sys.argv[2] if len(sys.argv) > 2 else scratch)
        ledger, empty = home / "ledger.sqlite", Path(scratch) / "empty"
        if not ledger.exists():
            build(ledger, runs, lambda done: print(f"{done} runs written", file=sys.stderr))
        empty.mkdir()
        open_engine(empty / "ledger.sqlite", clock=lambda: datetime.now(UTC)).dispose()
        forget(ledger)
        command_cost(home, "ledger", "--limit", "1")  # upgrades a ledger of an earlier kdorch, once
        forget(ledger)
        first = command_cost(home, "ledger", "--limit", "1")
        figures.append(Figure("the first listing after all runs were written at once", first.cpu_s, "s of processor",
                              f"{first.wall_s:.1f} s on the clock; it computes every row, later ones compute what "
                              "happened since"))
        start_up = command_cost(empty, "ledger", times=TIMES)
        for name, (arguments, rest) in LISTINGS.items():
            whole, (bare_s, rows) = command_cost(home, "ledger", *arguments, times=TIMES), bare_cost(ledger, rest)
            cpu_s, wall_s = (max(0.0, a - b) for a, b in (
                (whole.cpu_s, start_up.cpu_s), (whole.wall_s, start_up.wall_s)))
            figures.append(Figure(name, 1000 * cpu_s, "ms of processor",
                                  f"{1000 * wall_s:.0f} ms on the clock; {rows} rows; the bare query "
                                  f"{1000 * bare_s:.0f} ms of processor, {cpu_s / bare_s:.2f} times; start-up "
                                  f"of {1000 * start_up.cpu_s:.0f} ms not counted"))
    facts = machine_facts()
    title = f"Listings of {runs:,} runs"
    print(table(title, facts, figures), end="")
    for path in write("listing", title, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0 if all((f.value or 0) < 1000 * LIMIT_S for f in figures[1:]) else 1


if __name__ == "__main__":
    sys.exit(main())
