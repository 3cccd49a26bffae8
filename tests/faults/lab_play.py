"""Plays schedules in the lab: each of its hosts has one, at the same time as the others."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.transport.trust import trust_keys
from tests.faults.host_side import FaultyHost
from tests.faults.lab import Lab, LabHost
from tests.faults.laptop_side import Laptop
from tests.faults.links import SLOTS
from tests.faults.play import equip, give_bundle, play_in, undisturbed
from tests.faults.properties import Findings
from tests.faults.schedules import Schedule
from tests.faults.strikes import World


class LabLink:
    """The line to a host of the lab, with the programs below ``faulty`` at its end."""

    def __init__(self, there: LabHost, faulty: FaultyHost, home: Path) -> None:
        self._there, self._home, self._off = there, home, False
        self._entry = replace(there.entry, name="box", python=str(faulty.python), root=str(faulty.root))
        self.trust()

    def hosts_yaml(self, host: FaultyHost, slots: int = SLOTS) -> str:
        keys = {"address": self._entry.address, "port": self._entry.port, "user": self._entry.user,
                "identity": self._entry.identity, "ssh_config": "none", "python": host.python, "root": host.root,
                "slots": slots}
        return "hosts:\n  box:\n" + "".join(f"    {key}: {value}\n" for key, value in keys.items())

    def trust(self) -> None:
        trust_keys(self._entry, self._home, self._there.host_keys(), replace=True)

    def swap_host_key(self) -> None:
        self._there.swap_host_key()

    def cut(self) -> None:
        self._there.cut()

    def drop(self) -> None:
        self._there.drop()

    def freeze(self) -> None:
        self._there.freeze()

    def silence(self) -> None:
        self._there.cut()

    def reboot(self, host: FaultyHost) -> None:
        self._there.power_cut()
        host.power_cycle()
        self._off = True

    def heal(self) -> None:
        if self._off:
            self._there.power_on()
            self._off = False
        self._there.heal()


def play_in_lab(lab: Lab, schedules: Mapping[str, Schedule]) -> dict[str, Findings]:
    """Play these schedules, by the names of the lab's hosts, side by side."""
    for runs in {schedule.runs for schedule in schedules.values()}:
        undisturbed(runs)

    def one(name: str) -> Findings:
        with lab_world(lab, name, schedules[name]) as w:
            return play_in(w, schedules[name])

    with ThreadPoolExecutor(len(schedules)) as pool:
        return dict(zip(schedules, pool.map(one, schedules), strict=True))


@contextmanager
def lab_world(lab: Lab, name: str, schedule: Schedule) -> Iterator[World]:
    """A new laptop in the lab's network, and a host of the lab with a new root."""
    place = Path(tempfile.mkdtemp(prefix="kdorch-faults-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        laptop = equip(Laptop(place / "laptop", lab.network), schedule.runs)
        # A nursery here would be on another machine.
        host = stack.enter_context(FaultyHost(place / "host", forked=lab.network is None))
        if any(fault.kind == "step_clock" for fault in schedule.faults):
            host.step_clock(0)
        give_bundle(host)
        link = LabLink(lab.hosts[name], host, laptop.home)
        stack.callback(link.heal)
        (laptop.home / "hosts.yaml").write_text(link.hosts_yaml(host))
        stack.callback(laptop.kill)
        yield World(laptop, host, link)
