"""What one ``kdorch`` command costs, in a process of its own, as the kernel accounts for it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import ROOT


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of a processor (on a machine that others use as well the second says more), and the
    peak of resident memory."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def command_cost(home: Path, *words: str, times: int = 1, cwd: Path | None = None,
                 good: tuple[int, ...] = (0,)) -> Cost:
    """The least of several calls of ``kdorch WORDS``. Raises ``RuntimeError`` with its last words where it ends with
    another exit code than the ``good`` ones."""
    taken = [_once(home, words, cwd, good) for _ in range(times)]
    return Cost(min(c.wall_s for c in taken), min(c.cpu_s for c in taken), min(c.peak_mib for c in taken))


def _once(home: Path, words: tuple[str, ...], cwd: Path | None, good: tuple[int, ...]) -> Cost:
    with tempfile.TemporaryFile() as said:
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "orchestrator.cli.app", *words], cwd=cwd,
                                   stdout=subprocess.DEVNULL, stderr=said, stdin=subprocess.DEVNULL,
                                   env={**os.environ, "PYTHONPATH": str(ROOT), "KDORCH_HOME": str(home)})
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in good:
            said.seek(0)
            raise RuntimeError(f"kdorch {' '.join(words)}: exit {process.returncode}\n"
                               f"{said.read().decode(errors='replace')[-2000:]}")
    return Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024.0)
