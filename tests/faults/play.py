"""Plays one schedule: a laptop that drives a campaign on a host, while things happen to both, to the healed end."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import open_ledger
from orchestrator.domain.lifecycle import TERMINAL_STATES
from orchestrator.ledger.store import Ledger
from tests.faults.disk import Disk
from tests.faults.host_side import FaultyHost
from tests.faults.laptop_side import CAMPAIGN, EXIT_BUG, Laptop
from tests.faults.links import Link, LocalLink, ssh_link
from tests.faults.properties import Findings, examine, figures
from tests.faults.schedules import Fault, Schedule
from tests.faults.strikes import AIMED, World, strike

PATIENCE_S = 90.0
"""How long a healed schedule may take; the longest pause between two tries of a silent host is part of it."""

POLL_S = 0.01
IDLE_S = 0.5
"""How long the end of the laptop is waited for at a time, while something is still to happen and afterwards."""

MISSED_S = 1.0
"""How long a strike is tried again that found nothing to hit."""

STEPS = 12
LAPTOPS = 8
"""How many laptop processes may end badly, one after the other, before a schedule counts as hung."""

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


def play(schedule: Schedule, *, transport: str = "local") -> Findings:
    """Play a schedule from an empty ledger to its healed end, and hold the result against every property."""
    with world(schedule, transport) as w:
        return play_in(w, schedule)


def play_in(w: World, schedule: Schedule) -> Findings:
    """The same in a world that is there already, and new."""
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
        laptop = equip(Laptop(place / "laptop"), schedule.runs, pace_ms, steps)
        disk = Disk() if schedule.needs_disk else None
        host = stack.enter_context(FaultyHost(place / "host", disk=disk))
        if any(fault.kind == "step_clock" for fault in schedule.faults):
            host.step_clock(0)
        if not fresh:
            give_bundle(host)
        link: Link = LocalLink(host) if transport == "local" else stack.enter_context(ssh_link(laptop.home))
        (laptop.home / "hosts.yaml").write_text(link.hosts_yaml(host))
        stack.callback(laptop.kill)
        yield World(laptop, host, link)


def equip(laptop: Laptop, runs: int, pace_ms: float = 4.0, steps: int = STEPS) -> Laptop:
    """Give a laptop an empty ledger and a campaign of so many runs."""
    laptop.home.mkdir(parents=True)
    shutil.copy(empty_ledger(), laptop.home / "ledger.sqlite")
    (laptop.cwd / CAMPAIGN).write_text(TEXT.format(steps=steps, every=steps // 2, pace=pace_ms,
                                                   seeds=list(range(runs))))
    return laptop


def give_bundle(host: FaultyHost) -> None:
    """Let a host have this bundle from an earlier campaign."""
    undisturbed(1)
    shutil.copytree(_made_once() / "bundles", host.seen_root / "bundles")


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
        if waiting:
            for moment in _moments(w.host):
                reached.setdefault(moment, now)
            _strike_due(w, waiting, reached, findings)
        if now > until:
            findings.hung.append(f"not at its end after {PATIENCE_S:.0f} s")
            break
        w.laptop.wait(POLL_S if waiting or w.healing else IDLE_S)
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
        if since is None or now < (due := since + fault.delay_ms / 1000):
            continue
        struck = strike(w, fault)
        findings.struck[fault.label] += struck
        if struck or fault.kind not in AIMED or now > due + MISSED_S:
            waiting.remove(fault)


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
    with Ledger.open(home / "ledger.sqlite", clock=_never, read_only=True) as ledger:
        runs = [m.run_id for c in ledger.campaigns() for m in ledger.members(c.campaign_id)]
        return bool(runs) and all(a.state in TERMINAL_STATES for a in ledger.current_attempts(runs))


def _never() -> datetime:
    raise AssertionError("reading a ledger needs no clock")
