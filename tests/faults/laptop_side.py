"""The laptop's end of a schedule: a real process that drives a campaign, and that may be killed anywhere.

The processes are forked from a server that has imported everything already, so that each costs milliseconds and not
the half second of a new interpreter. What they run is what ``kdorch campaign launch`` runs, but for the report.
"""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path

from orchestrator.dispatch.bundle import Bundle
from orchestrator.dispatch.campaign import CampaignDriver
from orchestrator.dispatch.events import Emit
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.launch import Launcher
from orchestrator.dispatch.plans import plan_for
from orchestrator.dispatch.pool import HostPool
from orchestrator.dispatch.session import Session, inventory_of, open_ledger, this_bundle
from orchestrator.domain.errors import KdorchError
from orchestrator.planning.campaign_file import load_campaign

CAMPAIGN = "campaign.yaml"
PRELOADED = ["orchestrator.cli.campaign", "orchestrator.dispatch.campaign", "orchestrator.dispatch.session",
             "orchestrator.dispatch.watch", "orchestrator.planning.plan", "orchestrator.transport.ssh",
             "tests.faults.play", "tests.faults.warm"]
EXIT_BUG = 70
CLONE_NEWNET = 0x40000000

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(PRELOADED)


class Laptop:
    """One KDORCH_HOME with a campaign file beside it, and at most one process at work in it.

    ``network``: the pid of a process in whose network namespace the laptop is, if that is not everybody's.
    """

    def __init__(self, cwd: Path, network: int | None = None) -> None:
        self.cwd, self._network = cwd, network
        self.home = cwd / ".kdorch"
        self.said = cwd / "said.log"
        self.starts = 0
        self._process: BaseProcess | None = None

    def start(self) -> None:
        """Launch the campaign and follow it, as a person would who gives the same command again."""
        self.starts += 1
        self._process = _processes.Process(target=_live, args=(str(self.cwd), self._network), daemon=True)
        self._process.start()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def exit_code(self) -> int | None:
        """How the last process ended; None while it lives."""
        return None if self._process is None else self._process.exitcode

    def wait(self, seconds: float) -> None:
        """Until the process ends, for so long at most."""
        if self._process is not None:
            self._process.join(seconds)

    def kill(self) -> None:
        """``kill -9``, and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.join()

    def words(self) -> str:
        """What its processes said, for whoever must find out what happened."""
        return self.said.read_text() if self.said.exists() else ""


def _live(cwd: str, network: int | None) -> None:
    """The whole life of a laptop process."""
    if network is not None:
        _enter_network(network)
    os.chdir(cwd)
    with open("said.log", "a", buffering=1, encoding="utf-8") as said:  # noqa: PTH123 - relative on purpose
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        said.write(f"-- laptop process {os.getpid()}\n")
        try:
            code = drive(Path(cwd), lambda event: print(event, file=said))
        except KdorchError as error:
            said.write(f"{type(error).__name__}: {error.message}\n")
            code = error.exit_code
        except BaseException:  # noqa: BLE001 - a bug of kdorch is a finding, with its place
            said.write(traceback.format_exc())
            code = EXIT_BUG
    sys.exit(code)


def _enter_network(pid: int) -> None:
    fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


def drive(cwd: Path, emit: Emit) -> int:
    """Open a session and drive the campaign to its end, like the command without its report."""
    home = Home(cwd / ".kdorch")
    source = load_campaign(CAMPAIGN, host="box", cwd=cwd)
    with _session(home, emit) as session:
        driver = CampaignDriver(
            home, session.ledger, session.pool, Launcher(session, emit), emit,
            make_plan=lambda knowledge: plan_for(source, session.inventory, session.bundle.digest, knowledge),
            source_text=source.text, source_name=CAMPAIGN, overrides_json="{}")
        driver.drive()
    return 0


@contextmanager
def _session(home: Home, emit: Emit) -> Iterator[Session]:
    """As ``open_session``, with the bundle that was packed before this process was forked."""
    inventory = inventory_of(home, None)
    with open_ledger(home) as ledger:
        with HostPool(home, inventory, bundle(), ledger, emit, monotonic=time.monotonic) as pool:
            yield Session(home, inventory, bundle(), ledger, pool)


@functools.cache
def bundle() -> Bundle:
    """The worker code of this checkout, packed once per process."""
    return this_bundle()
