"""From a line in a trainer's log on the host to the line that ``kdorch watch --json`` prints: all that lies between."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import ROOT
from orchestrator.transport.inventory import HostEntry

_PATIENCE_S = 60.0
_CAMPAIGN = """
campaign: lines
lane: bench
deadline: 10m
defaults:
  entry: simulated
  horizon: 100000
  simulated: {fault: hang, fault_step: 1}
stages:
  - {name: only, role: ce, axes: {seed: [424242]}, policy: ce-baseline}
"""
_WRITER = """
import os, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
for step in range(100, 100 + int(sys.argv[2])):
    time.sleep(0.13 + 0.037 * (step % 7))
    line = b"step:%d/100000 val_loss:4.0000 train_time:%dms step_avg:10.00ms\\n" % (step, 10 * step)
    at = time.monotonic()
    os.write(log, line)
    print(step, at, flush=True)
"""


def log_lines_on_screen(entry: HostEntry, home: Path, lines: int) -> list[float]:
    """How many milliseconds each of so many lines took, by the one monotonic clock of this machine.

    The run is a real one whose trainer hangs after its first step, so that all further lines are this benchmark's.
    ``home`` has the host's key; the host's root must lie on this machine's disk.
    """
    place = home.parent / "screen"
    place.mkdir()
    keys = {"address": entry.address, "port": entry.port, "user": entry.user, "identity": entry.identity,
            "ssh_config": "none", "root": entry.root, "python": entry.python}
    (home / "hosts.yaml").write_text("hosts:\n  bench:\n" + "".join(f"    {k}: {v}\n" for k, v in keys.items())
                                     + "lanes: {bench: [bench]}\n")
    (place / "lines.yaml").write_text(_CAMPAIGN)
    before = set(_logs(entry))
    subprocess.run(_words("campaign", "launch", "lines.yaml", "--detach"), cwd=place, env=_environment(home),
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    try:
        return _late(place, home, _first_line_in(entry, before), lines)
    finally:
        for end in (("run", "cancel", "lines/only-s424242"), ("watch", "lines")):  # nothing of it goes on afterwards
            subprocess.run(_words(*end), cwd=place, env=_environment(home), stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, check=True)


def _late(place: Path, home: Path, log: Path, lines: int) -> list[float]:
    with _watching(place, home) as screen:
        while b'"validation"' not in _next(screen):  # from then on it follows the log
            pass
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(log), str(lines)], stdout=subprocess.PIPE)
        shown: dict[int, float] = {}
        while len(shown) < lines:
            said, now = _next(screen), time.monotonic()
            event = json.loads(said)
            if event["event"] == "validation" and event["step"] >= 100:
                shown[event["step"]] = now
        written, _ = writer.communicate()
    pairs = (line.split() for line in written.decode().splitlines())
    return [(shown[int(step)] - float(at)) * 1000.0 for step, at in pairs]


def _next(screen: Iterator[bytes]) -> bytes:
    said = next(screen, None)
    if said is None:
        raise RuntimeError("kdorch watch ended before all lines were shown")
    return said


@contextlib.contextmanager
def _watching(place: Path, home: Path) -> Iterator[Iterator[bytes]]:
    """The lines of standard output of a ``kdorch watch``, each as it comes."""
    watch = subprocess.Popen(_words("watch", "lines", "--json"), cwd=place, env=_environment(home),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert watch.stdout is not None
    try:
        yield iter(watch.stdout.readline, b"")
    finally:
        watch.terminate()
        watch.communicate()


def _first_line_in(entry: HostEntry, before: set[Path]) -> Path:
    """The log of the run that was launched just now, once its trainer has begun."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        for log in set(_logs(entry)) - before:
            if b"step:0/" in log.read_bytes():
                return log
        time.sleep(0.05)
    raise RuntimeError("the run of the benchmark did not begin")


def _logs(entry: HostEntry) -> list[Path]:
    return list(Path(entry.root).glob("runs/*/attempts/1/train.log"))


def _words(*words: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator.cli.app", *words]


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "KDORCH_HOME": str(home)}
