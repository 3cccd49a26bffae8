"""Plays one schedule: a laptop that drives a campaign on a host, while things happen to both, to the healed end."""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import open_ledger
from tests.faults.disk import Disk
from tests.faults.host_side import POLL_S, FaultyHost
from tests.faults.laptop_side import CAMPAIGN, EXIT_BUG, Laptop
from tests.faults.links import Link, LocalLink, SshLink, ssh_link
from tests.faults.properties import Findings, examine, figures
from tests.faults.schedules import Fault, Schedule

PATIENCE_S = 90.0
"""How long a healed schedule may take; the longest pause between two tries of a silent host is part of it."""

STEPS = 12
LAPTOPS = 8
"""How many laptop processes may end badly, one after the other, before a schedule counts as hung."""

LOW_BYTES = 100 << 20
"""What a disk that runs low has left: less than the floor that supervisors keep."""

TEXT = """
campaign: faults
deadline: 2m
defaults:
  entry: simulated
  horizon: {steps}
  validation: {{every: {every}}}
  simulated: {{step_ms: 10, real_step_ms: {pace}, decay_steps: 60, noise: 0.01}}
stages:
  - {{name: only, role: ce, axes: {{seed: {seeds}}}, policy: ce-baseline}}
"""


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


def play(schedule: Schedule, *, transport: str = "local") -> Findings:
    """Play a schedule from an empty ledger to its healed end, and hold the result against every property."""
    with world(schedule, transport) as w:
        findings = Findings()
        drive(w, schedule, findings)
        if not findings.hung:
            examine([w.host], w.laptop.home, findings, innocent=schedule.innocent)
            if schedule.innocent and not findings.complaints():
                expected = undisturbed(schedule.runs)
                if (found := figures(w.laptop.home)) != expected:
                    findings.changed.append(f"{found} instead of {expected}")
        if findings.complaints():
            findings.broken.append(f"what the laptop said:\n{w.laptop.words()[-6000:]}")
        return findings


def play_fleet(fleet: Sequence[Schedule], *, transport: str = "local", at_once: int = 4) -> list[Findings]:
    """Play schedules side by side, each with a host and a laptop of its own."""
    for runs in {schedule.runs for schedule in fleet}:
        undisturbed(runs)  # here and not in each thread: what is made once is made by one
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(functools.partial(play, transport=transport), fleet))


@functools.cache
def undisturbed(runs: int) -> list[str]:
    """The figures of a campaign of so many runs to which nothing happens."""
    with world(Schedule(runs, ()), "local", fresh=True) as w:
        findings = Findings()
        drive(w, Schedule(runs, ()), findings)
        examine([w.host], w.laptop.home, findings, innocent=False)
        assert findings.complaints() == [], (findings.complaints(), w.laptop.words())
        if not (kept := _made_once() / "bundles").exists():
            shutil.copytree(w.host.seen_root / "bundles", kept)
        return figures(w.laptop.home)


@contextmanager
def world(schedule: Schedule, transport: str, *, pace_ms: float = 4.0, steps: int = STEPS,
          fresh: bool = False) -> Iterator[World]:
    """A laptop with an empty ledger, a host, and the line between them.

    The host has had this bundle from an earlier campaign, unless it is ``fresh``.
    """
    place = Path(tempfile.mkdtemp(prefix="kdorch-faults-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        laptop = Laptop(place / "laptop")
        laptop.home.mkdir(parents=True)
        shutil.copy(empty_ledger(), laptop.home / "ledger.sqlite")
        (laptop.cwd / CAMPAIGN).write_text(TEXT.format(steps=steps, every=steps // 2, pace=pace_ms,
                                                       seeds=list(range(schedule.runs))))
        disk = Disk() if schedule.needs_disk else None
        host = stack.enter_context(FaultyHost(place / "host", disk=disk))
        if any(fault.kind == "step_clock" for fault in schedule.faults):
            host.step_clock(0)
        if not fresh:
            undisturbed(1)
            shutil.copytree(_made_once() / "bundles", host.seen_root / "bundles")
        link: Link = LocalLink(host) if transport == "local" else stack.enter_context(ssh_link(laptop.home))
        (laptop.home / "hosts.yaml").write_text(link.hosts_yaml(host))
        stack.callback(laptop.kill)
        yield World(laptop, host, link)


@functools.cache
def empty_ledger() -> Path:
    """A new ledger, made once per process: the migrations are not what is tested here."""
    with open_ledger(Home(_made_once())):
        pass
    return _made_once() / "ledger.sqlite"


@functools.cache
def _made_once() -> Path:
    """Where this process keeps what all of its schedules begin with."""
    place = Path(tempfile.mkdtemp(prefix="kdorch-faults-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def drive(w: World, schedule: Schedule, findings: Findings) -> None:
    """Let faults strike at their moments until the campaign ends and nothing is left to heal."""
    waiting = list(schedule.faults)
    reached = {"begin": time.monotonic()}
    _strike_due(w, waiting, reached, findings)
    w.laptop.start()
    until = time.monotonic() + PATIENCE_S
    while not _is_over(w, findings):
        now = time.monotonic()
        w.heal_due(now)
        for moment in _moments(w.host):
            reached.setdefault(moment, now)
        _strike_due(w, waiting, reached, findings)
        if now > until:
            findings.hung.append(f"not at its end after {PATIENCE_S:.0f} s")
            break
        select.select([], [], [], POLL_S)
    findings.struck.update(label for label, has_struck in w.armed if has_struck())


def _is_over(w: World, findings: Findings) -> bool:
    """Whether the campaign has come to an end, good or bad. A laptop process that ended too early is replaced."""
    if w.laptop.alive:
        return False
    code = w.laptop.exit_code
    assert code is not None
    if code == EXIT_BUG:
        findings.broken.append("a laptop process ended by a bug")
        return True
    if w.healing and code >= 0:
        return False  # it gave up, and a person would wait for the host before trying again
    if code == 0 and not w.healing and _all_ended(w.laptop.home):
        return True
    if w.laptop.starts >= LAPTOPS:
        findings.hung.append(f"{LAPTOPS} laptop processes ended and the campaign did not; the last with {code}")
        return True
    w.laptop.start()
    return False


def _strike_due(w: World, waiting: list[Fault], reached: dict[str, float], findings: Findings) -> None:
    now = time.monotonic()
    for fault in list(waiting):
        since = reached.get(fault.at)
        if since is not None and now >= since + fault.delay_ms / 1000:
            waiting.remove(fault)
            findings.struck[fault.label] += STRIKES[fault.kind](w, fault)


def _moments(host: FaultyHost) -> Iterator[str]:
    """How far the furthest run has come, by its host's files."""
    root = host.seen_root
    if any(root.glob("runs/*/spec.json")):
        yield "placed"
    for attempt in root.glob("runs/*/attempts/*"):
        for moment, name in (("claimed", "claim.json"), ("started", "started.json"), ("sealed", "exit.json")):
            if (attempt / name).exists():
                yield moment
        log = attempt / "train.log"
        if log.exists() and log.stat().st_size > 0:
            yield "trained"


def _all_ended(home: Path) -> bool:
    """Whether the ledger says of every run that it ended."""
    from orchestrator.domain.lifecycle import TERMINAL_STATES
    from orchestrator.ledger.store import Ledger

    with Ledger.open(home / "ledger.sqlite", clock=_never, read_only=True) as ledger:
        runs = [m.run_id for c in ledger.campaigns() for m in ledger.members(c.campaign_id)]
        return bool(runs) and all(a.state in TERMINAL_STATES for a in ledger.current_attempts(runs))


def _never() -> None:
    raise AssertionError("reading a ledger needs no clock")


# What each kind of fault does. Each says whether it struck; what waits for a message or a launch says so in ``armed``.


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
        """Of the first run that has one. A pid that has passed to a process of others is left alone."""
        for attempt in w.host.attempts():
            if (attempt / document).exists() and not (attempt / "exit.json").exists():
                pid = int(json.loads((attempt / document).read_bytes())[role]["pid"])
                if pid in set(w.host.processes()):
                    w.host.kill([pid])
                    return True
        return False

    return strike


def _reboot(w: World, fault: Fault) -> bool:
    w.link.cut()
    w.host.power_cycle()
    return _for_a_while(w, fault, w.link.heal)


def _step_clock(w: World, fault: Fault) -> bool:
    w.host.step_clock(fault.number)
    return True


def _truncate_log(w: World, _fault: Fault) -> bool:
    for attempt in w.host.attempts():
        log = attempt / "train.log"
        if log.exists() and not (attempt / "exit.json").exists():
            os.truncate(log, log.stat().st_size // 2)
            return True
    return False


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
    assert isinstance(w.link, SshLink)
    w.link.server.swap_host_key()
    w.healing.append((time.monotonic() + 0.1, w.link.trust))
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
