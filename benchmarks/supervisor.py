"""Measures what supervisors cost a host: 20 that wait and one that watches a trainer, beside bare ``sleep`` processes.

    python benchmarks/supervisor.py            writes results/supervisor.json and .md
    python benchmarks/supervisor.py --look     measures for ten seconds and writes nothing

Processor time is the kernel's own account in nanoseconds (``/proc/PID/schedstat``), over the same seconds for all;
memory is the resident set, and beside it the proportional share, which counts what processes share only once. The
supervisors beat once a second, as those that the laptop asks for do. The trainer prints a line every 100 ms. The host
has no GPU: of those that wait for one only the first asks the driver.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import ROOT, Figure, machine_facts, table, write
from tests.integration.supervised import HostRoot, Placed, simulated_spec, wait_for

WAITING = 20
SECONDS = 60.0
BEAT_S = 1.0


@dataclass(frozen=True)
class Cost:
    """Of one process: per cent of a core, resident and proportional memory in MiB."""

    cpu_percent: float
    resident_mib: float
    share_mib: float


def measure(pids: Sequence[int], seconds: float) -> list[Cost]:
    """What each process costs during the next ``seconds``."""
    before = {pid: _nanoseconds(pid) for pid in pids}
    begun = time.monotonic()
    time.sleep(seconds)
    passed_ns = (time.monotonic() - begun) * 1e9
    return [Cost(100 * (_nanoseconds(pid) - before[pid]) / passed_ns, _resident_mib(pid), _share_mib(pid))
            for pid in pids]


def by_command(host: HostRoot, attempts: Sequence[Placed]) -> None:
    """Each launched by a Python of its own, as a person would by hand."""
    for attempt in attempts:
        assert host.launch(attempt) == "started"


def by_host_program(host: HostRoot, attempts: Sequence[Placed]) -> None:
    """All launched by one resident program, as the laptop does."""
    request = {"id": 1, "op": "launch", "launches": [
        {"run_id": a.run_id, "attempt": a.number, "dispatch": a.digest} for a in attempts]}
    done = subprocess.run([sys.executable, "-m", "worker.host", "--root", str(host.path)], cwd=ROOT, check=True,
                          input=json.dumps(request).encode() + b"\n", capture_output=True)
    results = json.loads(done.stdout.splitlines()[-1])["results"]
    assert [r["result"] for r in results] == ["started"] * len(attempts), results


@contextmanager
def scene(launch: Callable[[HostRoot, Sequence[Placed]], None]) -> Iterator[tuple[list[int], int]]:
    """The pids of the supervisors that wait, and of the one whose trainer runs."""
    with tempfile.TemporaryDirectory(prefix="kdorch-bench-") as scratch:
        host = HostRoot(Path(scratch))
        try:
            spec = [simulated_spec(seed=k, horizon=10**6, real_step_ms=100) for k in range(WAITING + 1)]
            attempts = [host.place(s, beat_s=BEAT_S, deadline_s=3600, budget_ms=10**9) for s in spec]
            launch(host, attempts)
            wait_for(lambda: attempts[0].starts, "the trainer's first line")
            yield [_supervisor(a) for a in attempts[1:]], _supervisor(attempts[0])
        finally:
            host.close()


def figures_of(name: str, costs: Sequence[Cost]) -> list[Figure]:
    """The median of each quantity, with the highest beside it."""
    def figure(what: str, unit: str, values: list[float]) -> Figure:
        note = f"of {len(values)}; highest {max(values):.3g}" if len(values) > 1 else ""
        return Figure(f"{name}: {what}", statistics.median(values), unit, note)
    return [figure("processor", "% of a core", [c.cpu_percent for c in costs]),
            figure("resident", "MiB", [c.resident_mib for c in costs]),
            figure("proportional share", "MiB", [c.share_mib for c in costs])]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", action="store_true", help="ten seconds; write nothing")
    look = parser.parse_args(argv).look
    seconds = 10.0 if look else SECONDS
    figures: list[Figure] = []
    for how, launch in (("by the host program", by_host_program), ("by the command", by_command)):
        with scene(launch) as (waiting, running):
            peers = [subprocess.Popen(["sleep", "3600"]) for _ in range(WAITING)]
            try:
                costs = measure([*waiting, running, *(p.pid for p in peers)], seconds)
            finally:
                for peer in peers:
                    peer.kill()
                    peer.wait()
        figures += figures_of(f"waiting, launched {how}", costs[:WAITING])
        figures += figures_of(f"running, launched {how}", costs[WAITING:WAITING + 1])
    figures += figures_of("a bare sleep", costs[WAITING + 1:])
    facts = {**machine_facts(), "seconds": seconds, "beat_s": BEAT_S}
    print(table("What supervisors cost", facts, figures), end="")
    if not look:
        for path in write("supervisor", "What supervisors cost", facts, figures):
            print(f"written: {path}", file=sys.stderr)
    return 0


def _supervisor(attempt: Placed) -> int:
    return attempt.process("claim.json", "supervisor").pid


def _nanoseconds(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _share_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    sys.exit(main())
