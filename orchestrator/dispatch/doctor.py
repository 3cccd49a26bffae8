"""Examines one host, from here to its kernels: can it be reached, is it safe to reach, and is it fit to run?

Each step is a line, and a step that fails ends the examination: what could not be looked at is said to be so. Nothing
on the host is changed, but for the bundle, which any command places.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.dispatch.agent import HostAgent, connect_agent
from orchestrator.dispatch.bundle import Bundle
from orchestrator.dispatch.doctor_ssh import judge_key, judge_python, judge_refusal, judge_ssh
from orchestrator.dispatch.environment import python_of
from orchestrator.dispatch.finding import Finding, fail, ok, skip, warn
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.judge_gpu import judge_gpus
from orchestrator.dispatch.judge_system import judge_system
from orchestrator.domain.errors import TransportError, UsageError
from orchestrator.transport.connect import connect
from orchestrator.transport.inventory import HostEntry

__all__ = ["Examination", "examine", "judge", "remembered"]

CLOCK_SKEW_S = 5.0
CLOCK_LOOKS = 5
BEHIND_PROGRAM = ("clock", "root", "disk", "gpus", "torch")
_PASSING = frozenset({"now", "loadavg_1m", "memory_available_bytes", "gpu_processes"})
"""Facts that say how things are this minute; planning has no use for them later."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Examination:
    """All lines about one host, and its facts where it could be asked."""

    host: str
    where: str
    findings: tuple[Finding, ...]
    facts: Mapping[str, Any] | None = field(repr=False, default=None)

    @property
    def fit(self) -> bool:
        return not any(f.level == "fail" for f in self.findings)

    def as_dict(self) -> dict[str, Any]:
        return {"host": self.host, "where": self.where, "fit": self.fit,
                "findings": [f.as_dict() for f in self.findings],
                "facts": None if self.facts is None else dict(self.facts)}


def examine(home: Home, entry: HostEntry, bundle: Bundle, *, kernels: bool = True,
            progress: Progress = lambda _: None) -> Examination:
    """Connect and look. A host that cannot be reached or is unfit gives a ``fail`` line, not an exception.

    With ``kernels`` the interpreter that trains there is made to run kernels on every GPU, which takes a while.
    """
    findings: list[Finding] = []
    facts: dict[str, Any] | None = None
    try:
        for finding in _way_in(home, entry, progress):
            findings.append(finding)
        progress("asking what the host is and has")
        facts = _ask(home, entry, bundle, findings, kernels=kernels, progress=progress)
    except _Stop:
        pass
    except TransportError as error:
        findings += judge_refusal(error)
    except UsageError as error:
        findings.append(fail("ssh", error.message, error.hint or ""))
    if facts is not None:
        findings += judge(entry, facts)
    else:
        seen = {f.subject for f in findings}
        findings += [skip(subject, "the host could not be asked") for subject in BEHIND_PROGRAM if subject not in seen]
    return Examination(entry.name, entry.where, tuple(findings), facts)


def judge(entry: HostEntry, facts: Mapping[str, Any]) -> list[Finding]:
    """What the facts mean for runs on this host."""
    return [*judge_system(entry, facts), *judge_gpus(entry, facts)]


def remembered(known: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the ledger keeps: the new facts, and those older ones that were not looked at this time."""
    new = {key: value for key, value in facts.items() if key not in _PASSING}
    checked = bool((facts.get("trainer") or {}).get("checks"))
    if checked or known is None:
        return {**(known or {}), **new}
    # Kernels were not tried now; what was found before holds as long as torch and driver are the same.
    same = all(known.get(key) == facts.get(key) for key in ("torch", "driver"))
    kept = {key: known[key] for key in ("kernel_ok", "backward_ok", "flash") if same and key in known}
    return {**known, **new, **kept}


class _Stop(Exception):
    """A line failed behind which nothing can be looked at."""


def _way_in(home: Home, entry: HostEntry, progress: Progress) -> Iterator[Finding]:
    """SSH as resolved, the key, the login, and a Python that can carry kdorch."""
    yield judge_ssh(entry)
    progress("connecting")
    began = time.monotonic()
    host = connect(entry, home.root)
    try:
        if entry.transport == "ssh":
            yield judge_key(entry, home)
            yield ok("login", f"in {time.monotonic() - began:.2f} s")
        python = judge_python(entry, host)
        yield python
        if python.level == "fail":
            raise _Stop
    finally:
        host.close()


def _ask(home: Home, entry: HostEntry, bundle: Bundle, findings: list[Finding], *, kernels: bool,
         progress: Progress) -> dict[str, Any]:
    with connect_agent(entry, home.root, bundle) as agent:
        findings.append(ok("host program", f"answers from bundle {bundle.digest[:12]} below {entry.root}"))
        findings.append(_clock(agent))
        python = entry.python
        if entry.environment is not None:
            # Which build of torch the environment has hangs on the platform and the driver.
            python = python_of(entry, agent.request("preflight")[0])
        progress("trying locks, limits and kernels there" if kernels else "trying locks and limits there")
        answer, _ = agent.request("doctor", python=python, kernels=kernels)
    return {key: value for key, value in answer.items() if key not in ("id", "ok", "body_bytes")}


def _clock(agent: HostAgent) -> Finding:
    """The host's clock against ours: half of the round trip lies before its answer. The quickest look counts."""
    best: tuple[float, float] | None = None
    for _ in range(CLOCK_LOOKS):
        before, began = datetime.now(UTC), time.monotonic()
        told = agent.hello().now
        trip = time.monotonic() - began
        ahead = (datetime.fromisoformat(told.replace("Z", "+00:00")) - before).total_seconds() - trip / 2
        if best is None or trip < best[0]:
            best = trip, ahead
    assert best is not None
    trip, ahead = best
    side = "ahead of" if ahead > 0 else "behind"
    fact = f"{_duration(abs(ahead))} {side} this machine's, round trip {trip * 1000:.1f} ms"
    if abs(ahead) > CLOCK_SKEW_S + trip / 2:
        return warn("clock", fact, "let NTP set both clocks (timedatectl set-ntp true); deadlines and budgets hold "
                    "all the same, but times in evidence do not agree")
    return ok("clock", fact)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"

