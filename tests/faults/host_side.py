"""A host under test: a root directory, a Python of its own, and every way in which a machine fails its user.

The host's ``python:`` is a small shell program. It writes down each start of a trainer in a journal that no run can
reach, gives the host a boot id of its own, and puts ``message_relay`` before the resident program. So the system under
test is the real one, in real processes, and what happened to it is known without asking it. Most hosts have their
resident programs forked in a nursery (``resident``), which costs a tenth of starting them.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.disk import Disk
from tests.forked.nurseries import DOOR, nursery

RELAY = Path(__file__).with_name("message_relay.py")
RESIDENT = Path(__file__).with_name("resident.py")
CLOCK = Path(__file__).parent / "clock"
HOST_PYTHON = os.environ.get("KDORCH_TEST_HOST_PYTHON", sys.executable)
POLL_S = 0.01
DEATH_PATIENCE_S = 20.0

# Arguments: -m worker.simulated --root ROOT --run ID --attempt N, or -c TEXT serve ROOT DIGEST, or anything else.
# {serve} is a command that takes them.
PROGRAM = """#!/bin/sh
control={control}
python={python}
case "$1 $2" in
    "-m worker.simulated") printf '%s %s\n' "$6" "$8" >>"$control/starts"; exec "$python" -S "$@" ;;
esac
[ ! -e "$control/down" ] || kill -9 $$
export KDORCH_BOOT_ID_FILE="$control/boot_id"
if [ -e "$control/clock" ]; then export PYTHONPATH={clock} KDORCH_TEST_CLOCK="$control/clock"; fi
if [ "$1 $3" = "-c serve" ]; then
    {serve} "$@"
fi
exec {enter}"$python" "$@"
"""
SERVE_STARTED = 'exec {python} -I -S {relay} "$control" {enter}"$python"'
SERVE_FORKED = 'export KDORCH_TEST_DISK={disk}; exec {python} -I -S {door} {nursery} "$control"'


class FaultyHost:
    """One host in ``directory``. Use it with ``with``: at the end every process of the host is killed.

    ``disk`` is a file system of its own for the root; without one it lies in the directory. ``forked``: its resident
    programs come from the nursery, which a host in namespaces of its own cannot reach.
    """

    def __init__(self, directory: Path, *, disk: Disk | None = None, forked: bool = True) -> None:
        self.directory, self.disk, self._forked = directory, disk, forked
        self.control = directory / "control"
        self.root = directory / "disk" / "root"
        """The root as the host's processes name it."""
        self.python = directory / "python3"
        self._faults = 0

    def __enter__(self) -> FaultyHost:
        (self.control / "wire").mkdir(parents=True)
        (self.directory / "disk").mkdir()
        if self.disk is not None:
            self.disk.mount(self.directory / "disk")
        self.renew_boot_id()
        self.python.write_text(self._program())
        self.python.chmod(0o755)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_everything()
        if self.disk is not None:
            self.disk.unmount()

    def _program(self) -> str:
        enter = "" if self.disk is None else " ".join(map(shlex.quote, self.disk.enter)) + " "
        words = {"control": self.control, "python": HOST_PYTHON, "clock": CLOCK, "relay": RELAY, "door": DOOR,
                 "disk": "" if self.disk is None else self.disk.namespace}
        quoted = {name: shlex.quote(str(word)) for name, word in words.items()}
        if self._forked:
            serve = SERVE_FORKED.format(nursery=shlex.quote(str(nursery(RESIDENT, HOST_PYTHON, "-I", "-S"))), **quoted)
        else:
            serve = SERVE_STARTED.format(enter=enter, **quoted)
        return PROGRAM.format(serve=serve, enter=enter, **quoted)

    # What can be seen

    @property
    def seen_root(self) -> Path:
        """The root as this process sees it: a host with a disk of its own has a mount namespace of its own."""
        return self.root if self.disk is None else self.disk.seen(self.root)

    def attempts(self) -> list[Path]:
        """Every attempt's directory."""
        return sorted(self.seen_root.glob("runs/*/attempts/*"))

    def trainer_starts(self) -> Counter[tuple[str, int]]:
        """How often a trainer's program began, by run and attempt, as the journal has it."""
        journal = self.control / "starts"
        lines = journal.read_text().splitlines() if journal.exists() else []
        return Counter((run, int(attempt)) for run, attempt in map(str.split, lines))

    def processes(self, mark: bytes = b"") -> Iterator[int]:
        """Live processes of this host whose command line holds ``mark``."""
        own = f"{self.directory}/".encode()
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and own in (line := (entry / "cmdline").read_bytes()) and mark in line:
                    yield int(entry.name)

    def pid_here(self, pid: int) -> int | None:
        """By which pid this process knows the one that the host calls ``pid``: its own, or another where the host has
        processes of its own. None when it is gone, or when the pid is that of a process of others by now."""
        for here in self.processes():
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{here}/status").read_text()
                seen = next(line for line in status.splitlines() if line.startswith("NSpid:"))
                if int(seen.split()[-1]) == pid:
                    return here
        return None

    def is_stopped(self, pid: int) -> bool:
        """Whether a process that was told to stop has stopped, and has not ended instead."""
        def state() -> str:
            try:
                return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                return "X"

        wait_until(lambda: state() in "TtZXx", f"process {pid} stops or ends", DEATH_PATIENCE_S)
        return state() in "Tt"

    def relays(self) -> list[int]:
        """The relays before the resident programs. When one ends, its program finds its input at an end."""
        return list(self.processes(RELAY.name.encode()))

    # What can be done to it

    def arm(self, op: str, effect: str, after: int = 0) -> Path:
        """Have one message go wrong; see ``message_relay``. The returned file is there once it has."""
        self._faults += 1
        (self.control / "wire" / f"{self._faults:03d}.{op}.{effect}.{after}").touch()
        return self.control / "wire" / f"{self._faults:03d}.fired"

    def double_everything(self) -> None:
        (self.control / "twice_always").touch()

    def crash_next_launch_at(self, point: str) -> Callable[[], bool]:
        """Supervisors of the next launch die at this point of ``worker.faults``; those of later ones do not.

        What is returned tells whether there has been such a launch.
        """
        self._replace("crash_at", point)
        return lambda: not (self.control / "crash_at").exists()

    def step_clock(self, seconds: float) -> None:
        """Move the wall clock of the host's programs, from the next look at it on."""
        self._replace("clock", str(seconds))

    def renew_boot_id(self) -> None:
        self._replace("boot_id", f"{uuid.uuid4()}\n")

    def kill(self, pids: list[int], number: int = signal.SIGKILL) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill_everything(self) -> None:
        """As a power cut: nothing of the host is left, however fast it forks."""
        def none_left() -> bool:
            left = list(self.processes())
            self.kill(left)
            return not left

        wait_until(none_left, f"the end of every process of {self.directory}", DEATH_PATIENCE_S)

    def power_cycle(self) -> None:
        """Kill everything, and come back as another boot. The link must be cut meanwhile."""
        self.kill_everything()
        self.renew_boot_id()

    def _replace(self, name: str, text: str) -> None:
        beside = self.control / f".{name}"
        beside.write_text(text)
        beside.rename(self.control / name)


def wait_until(condition: Callable[[], bool], what: str, patience_s: float) -> None:
    """Poll for a condition. Raises :class:`AssertionError` naming it when it does not come."""
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, f"not within {patience_s:.0f} s: {what}"
        select.select([], [], [], POLL_S)
