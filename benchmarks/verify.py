"""Measures ``kdorch ledger verify`` of many runs, beside reading and hashing the same files with nothing else.

    python benchmarks/verify.py [runs] [directory]

A directory that holds a ledger already is used as it is. Whole commands, each in a process of its own, start-up
included; every run has a log of a thousand steps.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.commands import command_cost
from benchmarks.evidence_ledger import build
from benchmarks.figures import Figure, machine_facts, table, write
from orchestrator.dispatch.home import Home

LIMIT_S = 60.0
"""Within this a full verification of 1,000 runs must be done."""
TIMES = 2


def hashing_cost(home: Path) -> tuple[float, int, int]:
    """Seconds that hashing every file of evidence takes, and how many files and bytes they are."""
    files = [p for p in (home / "evidence").rglob("*") if p.is_file()]
    size, begun = 0, time.perf_counter()
    for path in files:
        with path.open("rb") as handle:
            hashlib.file_digest(handle, "sha256")
            size += handle.tell()
    return time.perf_counter() - begun, len(files), size


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory(prefix="kdorch-verify-") as scratch:
        home = Path(sys.argv[2] if len(sys.argv) > 2 else scratch)
        if not (home / "ledger.sqlite").exists():
            build(Home(home), runs)
        hashing_s, files, size = hashing_cost(home)
        full = command_cost(home, "ledger", "verify", times=TIMES)
        fast = command_cost(home, "ledger", "verify", "--fast", times=TIMES)
    figures = [
        Figure("verify --full", full.wall_s, "s",
               f"{full.cpu_s:.1f} s of processor; at most {LIMIT_S:.0f} s are asked for"),
        Figure("verify --fast", fast.wall_s, "s", f"{fast.cpu_s:.1f} s of processor; files by size only"),
        Figure("reading and hashing the files alone", hashing_s, "s", f"{files} files, {size / 1e6:.0f} MB"),
    ]
    facts = machine_facts()
    title = f"Verifying {runs:,} runs"
    print(table(title, facts, figures), end="")
    for path in write("verify", title, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0 if full.wall_s < LIMIT_S else 1


if __name__ == "__main__":
    sys.exit(main())
