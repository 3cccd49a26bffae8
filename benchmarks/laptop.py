"""Measures the laptop side as a person meets it: whole commands in processes of their own, medians of several.

    python benchmarks/laptop.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import ROOT, Figure, machine_facts, table, write

COMMANDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "kdorch --help": (9, ("--help",)),
    "plan of lr_grid (36 arms, their twins)": (5, ("campaign", "launch", str(ROOT / "campaigns" / "lr_grid.yaml"),
                                                  "--dry-run", "--json")),
    "an empty ledger": (5, ("ledger", "--format", "json")),
}


def median_ms(arguments: tuple[str, ...], times: int, cwd: Path) -> tuple[float | None, str]:
    """The median of ``times`` calls after one that warms the caches, and a note; None where a call fails."""
    taken = []
    for _ in range(times + 1):
        begun = time.perf_counter()
        ended = subprocess.run([sys.executable, "-m", "orchestrator.cli.app", *arguments], cwd=cwd, capture_output=True,
                               text=True, stdin=subprocess.DEVNULL, check=False,
                               env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "KDORCH_HOME": str(cwd / "home")})
        taken.append((time.perf_counter() - begun) * 1000.0)
        if ended.returncode != 0:
            return None, f"exit code {ended.returncode}: {ended.stderr.strip().splitlines()[-1:]}"
    return statistics.median(taken[1:]), f"median of {times}, slowest {max(taken[1:]):.0f}"


def main() -> int:
    figures = []
    with tempfile.TemporaryDirectory(prefix="kdorch-bench-") as scratch:
        (Path(scratch) / "home").mkdir()
        (Path(scratch) / "home" / "hosts.yaml").write_text("hosts: {local: {gpus: 1}}\n", encoding="utf-8")
        for name, (times, arguments) in COMMANDS.items():
            value, note = median_ms(arguments, times, Path(scratch))
            figures.append(Figure(name, value, "ms", note))
    facts = machine_facts()
    print(table("The laptop side", facts, figures), end="")
    for path in write("laptop", "The laptop side", facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0 if all(f.value is not None for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
