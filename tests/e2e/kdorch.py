"""Runs the real command in real processes, and counts what hosts did by looking at their directories."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.forked.nurseries import nursery, through_the_door

COMMAND = Path(__file__).with_name("command.py")
DATA = Path(__file__).parent / "data"
REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 240.0


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Poll for a condition; fail by name when it does not come."""
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, f"waited {patience_s:.0f} s in vain for: {what}"
        time.sleep(0.02)  # the pause of a poll, not a guess at how long something takes


def baselines(name: str, seeds: int) -> str:
    """A campaign file: so many simulated CE runs, named ``NAME/only-sN``, each over as soon as it begins."""
    return f"""
campaign: {name}
deadline: 5m
defaults:
  entry: simulated
  horizon: 100
  simulated: {{step_ms: 10, real_step_ms: 0, decay_steps: 60}}
stages:
  - {{name: only, role: ce, axes: {{seed: {list(range(seeds))}}}, policy: ce-baseline}}
"""


@dataclass(frozen=True)
class Laptop:
    """One working directory with its own KDORCH_HOME."""

    cwd: Path

    @property
    def home(self) -> Path:
        return self.cwd / ".kdorch"

    def environment(self) -> dict[str, str]:
        return {**os.environ, "KDORCH_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"}

    def start(self, *arguments: str, forked: bool = False) -> subprocess.Popen[bytes]:
        """The command in a Python of its own, as a person starts it; or ``forked`` from a process that has imported
        it, which saves most of what a command costs."""
        command = [sys.executable, "-m", "orchestrator.cli.app", *arguments]
        if forked:
            command = through_the_door(nursery(COMMAND), *arguments)
        return subprocess.Popen(command, cwd=self.cwd, env=self.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments: str, code: int = 0, forked: bool = True) -> subprocess.CompletedProcess[bytes]:
        """The command to its end, which must be this exit code."""
        process = self.start(*arguments, forked=forked)
        out, err = process.communicate(timeout=PATIENCE_S)
        said = f"{err.decode()[-3000:]}\n{out.decode()[-500:]}"
        assert process.returncode == code, f"exit {process.returncode}, wanted {code}\n{said}"
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("ledger", "--format", "json", *arguments).stdout)
        return found


def attempts(host_root: Path) -> Iterator[Path]:
    """Every attempt's directory on a host."""
    yield from sorted((host_root / "runs").glob("*/attempts/*"))


def trainer_starts(attempt: Path) -> int:
    """How often a trainer began in this attempt: each start validates at step 0 exactly once."""
    log = attempt / "train.log"
    return sum(line.startswith(b"step:0/") for line in log.read_bytes().splitlines()) if log.exists() else 0
