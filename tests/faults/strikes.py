"""What each kind of fault does to a world: a laptop, a host, and the line between them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from tests.faults.host_side import FaultyHost
from tests.faults.laptop_side import Laptop
from tests.faults.links import KeyedLink, Link, SshLink
from tests.faults.schedules import Fault

LOW_BYTES = 100 << 20
"""What a disk that runs low has left: less than the floor that supervisors keep."""


@dataclass
class World:
    """One laptop, one host, the line between them, and the faults that are still to be healed."""

    laptop: Laptop
    host: FaultyHost
    link: Link
    healing: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    armed: list[tuple[str, Callable[[], bool]]] = field(default_factory=list)
    """Faults that wait for their message or launch, by label, and whether they have struck."""

    def heal_due(self, now: float) -> None:
        """End what has lasted long enough."""
        due = [heal for at, heal in self.healing if at <= now]
        self.healing = [(at, heal) for at, heal in self.healing if at > now]
        for heal in due:
            heal()


def strike(w: World, fault: Fault) -> bool:
    """Do it. Says whether it struck; what waits for a message or a launch says so in ``armed`` later."""
    return STRIKES[fault.kind](w, fault)


def _for_a_while(w: World, fault: Fault, heal: Callable[[], None]) -> bool:
    w.healing.append((time.monotonic() + fault.number / 1000, heal))
    return True


def _message(w: World, fault: Fault) -> bool:
    op, _, effect = fault.word.partition(".")
    w.armed.append((fault.label, w.host.arm(op, effect, fault.number).exists))
    return False


def _twice_always(w: World, _fault: Fault) -> bool:
    w.host.double_everything()
    return True


def _drop(w: World, _fault: Fault) -> bool:
    w.link.drop()
    return True


def _cut(w: World, fault: Fault) -> bool:
    w.link.cut()
    return _for_a_while(w, fault, w.link.heal)


def _freeze(w: World, fault: Fault) -> bool:
    w.link.freeze()
    return _for_a_while(w, fault, w.link.heal)


def _kill_laptop(w: World, _fault: Fault) -> bool:
    was_alive = w.laptop.alive
    w.laptop.kill()
    return was_alive


def _crash(w: World, fault: Fault) -> bool:
    w.armed.append((fault.label, w.host.crash_next_launch_at(fault.word)))
    return False


def _kill(role: str, document: str) -> Callable[[World, Fault], bool]:
    def strike(w: World, _fault: Fault) -> bool:
        """Of the first run that has one."""
        for attempt in w.host.attempts():
            pid = _process_of(w.host, attempt, role, document)
            if pid is not None:
                w.host.kill([pid])
                return True
        return False

    return strike


def _process_of(host: FaultyHost, attempt: Path, role: str, document: str) -> int | None:
    """The pid of an attempt's supervisor or trainer; None where it has none, or none any more."""
    if not (attempt / document).exists() or (attempt / "exit.json").exists():
        return None
    return host.pid_here(int(json.loads((attempt / document).read_bytes())[role]["pid"]))


def _reboot(w: World, fault: Fault) -> bool:
    w.link.reboot(w.host)
    return _for_a_while(w, fault, w.link.heal)


def _step_clock(w: World, fault: Fault) -> bool:
    w.host.step_clock(fault.number)
    return True


def _truncate_log(w: World, _fault: Fault) -> bool:
    """Of the first run whose trainer lives and is held meanwhile: once it is gone its log is evidence, and to cut that
    is forgery, which is refused for ever."""
    for attempt in w.host.attempts():
        pid = _process_of(w.host, attempt, "trainer", "started.json")
        if pid is not None:
            w.host.kill([pid], signal.SIGSTOP)
            struck = w.host.is_stopped(pid) and _halve(attempt / "train.log")
            w.host.kill([pid], signal.SIGCONT)
            if struck:
                return True
    return False


def _halve(log: Path) -> bool:
    try:
        os.truncate(log, log.stat().st_size // 2)
    except OSError:
        return False  # its disk is read-only at the moment
    return True


def _fill_disk(w: World, fault: Fault) -> bool:
    assert w.host.disk is not None
    w.host.disk.fill(leave_bytes=LOW_BYTES if fault.word == "low" else 0)
    return _for_a_while(w, fault, w.host.disk.empty)


def _read_only(w: World, fault: Fault) -> bool:
    assert w.host.disk is not None
    w.host.disk.make_read_only()
    return _for_a_while(w, fault, w.host.disk.make_writable)


def _host_key(w: World, _fault: Fault) -> bool:
    """A new key, and a moment later a person who compared it and trusts it."""
    link = cast("KeyedLink", w.link)
    link.swap_host_key()
    w.healing.append((time.monotonic() + 0.1, link.trust))
    return True


def _drop_inside(w: World, fault: Fault) -> bool:
    assert isinstance(w.link, SshLink)
    w.link.drop_after(fault.number)
    return True


STRIKES: dict[str, Callable[[World, Fault], bool]] = {
    "message": _message, "twice_always": _twice_always, "drop": _drop, "cut": _cut, "freeze": _freeze,
    "kill_laptop": _kill_laptop, "crash": _crash, "kill_supervisor": _kill("supervisor", "claim.json"),
    "kill_trainer": _kill("trainer", "started.json"), "reboot": _reboot, "step_clock": _step_clock,
    "truncate_log": _truncate_log, "fill_disk": _fill_disk, "read_only": _read_only, "host_key": _host_key,
    "drop_inside": _drop_inside,
}
AIMED = {"truncate_log"}
"""Those that need something to hit at their very moment, such as a trainer that lives, and are worth another try."""
