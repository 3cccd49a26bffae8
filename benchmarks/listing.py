"""Measures listings of a large ledger, each against the bare SQLite query of the same rows in the same run.

    python benchmarks/listing.py [runs] [directory]

A directory that holds a ledger already is used as it is. Whole commands run in processes of their own and are told
without their start-up, which is what the same command takes on a ledger with no run; the bare query is said by the
sqlite3 module to the ledger's own tables, and fetches the same rows.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.big_ledger import build
from benchmarks.figures import ROOT, Figure, machine_facts, table, write
from orchestrator.ledger.engine import open_engine
from orchestrator.ledger.listing_cache import forget

TIMES = 5
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


def command_s(arguments: tuple[str, ...], home: Path) -> float:
    """The median wall time of ``kdorch ledger`` in processes of its own."""
    taken = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "orchestrator.cli.app", "ledger", *arguments], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                       env={**os.environ, "PYTHONPATH": str(ROOT), "KDORCH_HOME": str(home)})
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def bare_s(ledger: Path, rest: str) -> tuple[float, int]:
    """The median time of the bare query, and how many rows it gives."""
    taken, rows = [], 0
    for _ in range(TIMES):
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
            begun = time.perf_counter()
            rows = len(connection.execute(f"{_BARE} {rest}").fetchall())
            taken.append(time.perf_counter() - begun)
    return statistics.median(taken), rows


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
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-m", "orchestrator.cli.app", "ledger", "--limit", "1"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, "PYTHONPATH": str(ROOT), "KDORCH_HOME": str(home)})
        figures.append(Figure("the first listing after all runs were written at once", time.perf_counter() - begun, "s",
                              "computes every row; the next ones compute what happened since"))
        for name, (arguments, rest) in LISTINGS.items():
            start_up, whole = command_s(arguments, empty) if "--campaign" not in arguments else command_s((), empty), \
                command_s(arguments, home)
            (bare, rows), beyond = bare_s(ledger, rest), max(0.0, whole - start_up)
            figures.append(Figure(name, 1000 * beyond, "ms", f"beyond {1000 * start_up:.0f} ms of start-up; "
                                  f"{rows} rows; the bare query {1000 * bare:.0f} ms, {beyond / bare:.2f} times"))
    facts = machine_facts()
    title = f"Listings of {runs:,} runs"
    print(table(title, facts, figures), end="")
    for path in write("listing", title, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0 if all((f.value or 0) < 1000 * LIMIT_S for f in figures[1:]) else 1


if __name__ == "__main__":
    sys.exit(main())
