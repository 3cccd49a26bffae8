"""Measures planning at its largest: a campaign of 5,000 runs, as a whole command.

    python benchmarks/plan.py

The bound is 3 s and 500 MB for ``campaign launch --dry-run``: reading, checking, laying out, lints, the plan with what
the ledger knows, and the document. Measured with an empty ledger, and with one that knows every run.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import ROOT, Figure, machine_facts, table, write

TIMES = 5
CAMPAIGN = f"""\
campaign: large
defaults: {{entry: simulated, simulated: {{}}, horizon: 200}}
host: local
stages:
  - {{name: baseline, role: ce, axes: {{seed: [0, 1]}}}}
  - {{name: teachers, role: teacher, spec: {{horizon: 100}}, policy: teacher-budget-10pct, select: {{best: final_val}}}}
  - name: arms
    role: kd
    teacher: {{from: teachers.best}}
    compare_with: baseline
    controls: true
    axes:
      schedule.boost: {[round(1.5 + i / 100, 2) for i in range(50)]}
      schedule.drop_to_base: {[round(0.2 + i / 100, 2) for i in range(25)]}
      seed: [0, 1]
"""


def dry_run(cwd: Path) -> tuple[float, float, float]:
    """Seconds, seconds of processor time, and MB of one dry run in a process of its own."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator.cli.app", "campaign", "launch", "large.yaml", "--dry-run"],
        cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "KDORCH_HOME": str(cwd / "home")})
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the dry run failed: {said.decode()[-500:]}")
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6


def fill_ledger(cwd: Path) -> int:
    """Record every run of the campaign, still to start; returns how many."""
    from orchestrator.ledger.rows import CampaignRecord, MemberRecord, RunRecord
    from orchestrator.ledger.store import Ledger
    from orchestrator.planning.campaign_file import load_campaign
    from orchestrator.wire.spec import config_id_of, spec_bytes

    source = load_campaign("large.yaml", cwd=cwd)
    (cwd / "home").mkdir()
    with Ledger.open(cwd / "home" / "ledger.sqlite", clock=lambda: datetime.now(UTC)) as ledger:
        ledger.record_campaign(CampaignRecord(source.campaign_id, "large", "large.yaml", source.text, "{}", "0" * 64))
        for ordinal, run in enumerate(source.layout.runs):
            ledger.record_run(
                RunRecord(run.identity, spec_bytes(run.spec).decode(), config_id_of(run.spec), run.role.value
                          if run.role.value != "ce" else "ce_baseline", run.spec.seed),
                MemberRecord(source.campaign_id, run.identity, run.stage, ordinal, run.name, run.role))
    return len(source.layout.runs)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="kdorch-bench-") as scratch:
        cwd = Path(scratch)
        (cwd / "large.yaml").write_text(CAMPAIGN, encoding="utf-8")
        figures = []
        for name, prepare in (("into an empty ledger", None), ("over a ledger that knows all of them", fill_ledger)):
            if prepare is not None:
                prepare(cwd)
            taken = [dry_run(cwd) for _ in range(TIMES)]
            seconds, busy = statistics.median(t for t, _, _ in taken), statistics.median(c for _, c, _ in taken)
            figures += [Figure(f"dry run of 5,003 runs, {name}", seconds * 1000.0, "ms",
                               f"median of {TIMES}, slowest {max(t for t, _, _ in taken):.2f} s; bound 3 s"),
                        Figure(f"its processor time, {name}", busy * 1000.0, "ms",
                               "this process alone; a busy neighbour on the same core lengthens it too"),
                        Figure(f"its memory, {name}", max(m for _, _, m in taken), "MB", "bound 500 MB")]
    facts = machine_facts()
    print(table("Planning 5,000 runs", facts, figures), end="")
    for path in write("plan", "Planning 5,000 runs", facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
