"""Measures what goes over SSH against what people use instead, on loopback and over a line of 50 ms round trip.

    python -m benchmarks.ssh            about six minutes
    python -m benchmarks.ssh --quick    about one; too little to conclude from

Every figure stands beside its rivals' of the same run, and ratios are what counts: the machine is what it is that day.
The line of 50 ms is a small program between two network namespaces (``benchmarks/delay.py``); where none can be made,
loopback alone is measured, and the result says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import ROOT, Figure, machine_facts, table, write
from benchmarks.ssh_lab import MTU, Lab, NoLab, delayed, loopback

TITLE = "Over SSH"


@dataclass(frozen=True)
class Ratio:
    """How much better ours is than a rival's (time over time), and what it should be at least."""

    what: str
    ours: str
    rival: str
    targets: Mapping[str, float]


RATIOS = (
    Ratio("connect", "connect kdorch_ms", "connect fabric_ms", {}),
    Ratio("a command on a standing connection", "command kdorch_ms", "command fabric_ms", {}),
    Ratio("a command on a standing connection", "command kdorch_ms", "command openssh multiplexed_ms", {}),
    Ratio("launch a run", "launch kdorch_ms", "launch fabric_ms", {"loopback": 30.0, "50 ms": 30.0}),
    Ratio("pull a large file, verified", "large kdorch_ms", "large scp_ms", {"loopback": 0.9, "50 ms": 1.0}),
    Ratio("pull a large file, verified", "large kdorch_ms", "large rsync_ms", {}),
    Ratio("pull small files, verified", "small kdorch_ms", "small tar over ssh_ms", {"loopback": 0.9, "50 ms": 0.9}),
    Ratio("pull small files, verified", "small kdorch_ms", "small rsync_ms", {}),
)
LIMITS = {("poll_cpu_ms", "loopback"): 100.0, ("poll_cpu_ms", "50 ms"): 100.0,
          ("log_line_ms", "loopback"): 100.0, ("log_line_ms", "50 ms"): 125.0,
          ("log_line_to_screen_ms", "loopback"): 100.0, ("log_line_to_screen_ms", "50 ms"): 125.0}
"""What a figure may be at most: the log line's hundred milliseconds and one way of the line."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ssh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few tries of small sizes")
    quick: bool = parser.parse_args().quick
    facts = {**machine_facts(), "line of 50 ms": f"a relay between two network namespaces, packets of {MTU} bytes"}
    figures: list[Figure] = []
    labs: dict[str, Callable[[], AbstractContextManager[Lab]]] = {"loopback": loopback, "50 ms": delayed}
    for name, make in labs.items():
        try:
            with make() as lab:
                figures += shown(name, measured(lab, quick=quick))
        except NoLab as error:
            figures.append(Figure(f"{name}", None, "", str(error)))
    print(table(TITLE, facts, figures), end="")
    stem = "ssh-quick" if quick else "ssh"
    for path in write(stem, TITLE, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0


def measured(lab: Lab, *, quick: bool) -> dict[str, Any]:
    """The figures of one line, measured by a process on the client's side of it."""
    with tempfile.TemporaryDirectory(prefix="kdorch-bench-work-") as work:
        told = Path(work) / "lab.json"
        told.write_text(json.dumps({"address": lab.address, "port": lab.port, "identity": str(lab.identity),
                                    "known_hosts": str(lab.known_hosts), "work": work, "quick": quick}))
        ended = subprocess.run([*lab.prefix, sys.executable, "-m", "benchmarks.ssh_measures", str(told)], cwd=ROOT,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        found: dict[str, Any] = json.loads(ended.stdout)
        return found


def shown(line: str, found: Mapping[str, Any]) -> list[Figure]:
    """Ratios first, then what they are made of."""
    values, size = found["figures"], found["size"]
    figures = []
    for ratio in RATIOS:
        value = values[ratio.rival] / values[ratio.ours]
        target = ratio.targets.get(line)
        verdict = "" if target is None else f"; at least {target:g} asked: {'held' if value >= target else 'MISSED'}"
        rival = ratio.rival.removesuffix("_ms").partition(" ")[2]
        figures.append(Figure(f"{line}: {ratio.what}, against {rival}", value, "×",
                              f"{values[ratio.ours]:.1f} against {values[ratio.rival]:.1f} ms{verdict}"))
    for name, value in values.items():
        limit = LIMITS.get((name, line))
        note = "" if limit is None else f"at most {limit:g} asked: {'held' if value <= limit else 'MISSED'}"
        if name.startswith("large"):
            note = f"{size['large_mib'] * 1.048576 / value * 1000.0:.0f} MB/s of {size['large_mib']} MiB"
        if name.startswith("small"):
            note = f"{size['small_files']} files of 4 KiB"
        plain, ms, _ = name.rpartition("_ms")
        figures.append(Figure(f"{line}: {(plain if ms else name).replace('_', ' ')}", value, "ms" if ms else "", note))
    return figures


if __name__ == "__main__":
    sys.exit(main())
