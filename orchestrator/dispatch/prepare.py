"""Makes a host fit to run: preflight, environment, assets. Each stage may be repeated, and is a no-op where it is done.

The environment is built on the host by a program of its own, so the laptop may sleep or lose the line; whoever asks
again follows the same build. What is here is only the asking, the following, and the record.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from orchestrator.dispatch.agent import HostAgent
from orchestrator.dispatch.asset_transfer import ensure_on_host
from orchestrator.dispatch.environment import Environment, describe, describe_for, driver_of
from orchestrator.dispatch.session import Session
from orchestrator.domain.errors import HostUnfit, HostUnreachable, MalformedDocument, TransportError
from orchestrator.domain.file_systems import NETWORK_FILE_SYSTEMS
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import Plan
from orchestrator.transport.environments import EnvironmentEntry
from orchestrator.transport.inventory import HostEntry, Inventory

LEAST_FREE_BYTES = 2 << 30
"""Below this much free disk, no stage begins: an environment with torch takes 5 to 9 GB."""

ENVIRONMENT_FREE_BYTES = 6 << 30
FOLLOW_S = 4.0
"""How long a poll waits for more of a build's log on the host, and ``ANSWER_S`` how much later its answer may come."""

ANSWER_S = 5.0
FOLLOW_BYTES = 64 << 10
TAIL_LINES = 20
SILENCE_LIMIT_S = 600.0
"""How long a host may be silent during a build before the laptop stops waiting for it; the build goes on."""


class Progress(Protocol):
    """Hears what happens while a host is prepared."""

    def stage(self, report: StageReport) -> None:
        """A stage ended."""

    def line(self, text: str) -> None:
        """A line of a build's log."""

    def moved(self, name: str, done: int, total: int) -> None:
        """Bytes of an asset arrived."""


@dataclass(frozen=True)
class StageReport:
    """``result`` is ``done``, ``cached`` (nothing had to be done) or ``skipped`` (nothing was asked for)."""

    stage: str
    result: str
    detail: str
    seconds: float


@dataclass(frozen=True)
class Prepared:
    """A host that is ready. ``environment`` is the digest of the one it trains in, None for its own ``python:``."""

    host: str
    python: str
    environment: str | None
    stages: tuple[StageReport, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class EnvironmentFailed(HostUnfit):
    """A build failed. ``log_tail`` are the last lines of its log."""

    def __init__(self, message: str, log_tail: Sequence[str], *, hint: str | None) -> None:
        super().__init__(message, hint=hint)
        self.log_tail = tuple(log_tail)


def prepare_host(session: Session, name: str, environment: EnvironmentEntry | None, assets: Sequence[str],
                 progress: Progress) -> Prepared:
    """Prepare one host: look at it, have its environment built, and bring the assets (by digest) that it lacks.

    Raises :class:`HostUnfit` with the remedy, :class:`EnvironmentFailed` with the end of the build's log,
    :class:`HostUnreachable` when the host is silent for long; what was begun goes on there.
    """
    entry = session.inventory.host(name)
    stages: list[StageReport] = []

    def ended(stage: str, result: str, detail: str, began: float) -> None:
        stages.append(StageReport(stage, result, detail, round(time.monotonic() - began, 3)))
        progress.stage(stages[-1])

    began = time.monotonic()
    facts = preflight(_agent(session, name), entry)
    _remember(session, name, facts)
    ended("preflight", "done", _facts_words(facts), began)
    python, digest = entry.python, None
    began = time.monotonic()
    if environment is None:
        ended("environment", "skipped", f"trains on {entry.python}", began)
    else:
        wanted = describe(environment, str(facts["platform"]), driver_of(facts))
        result, python = _ensure_environment(session, entry, wanted, facts, progress)
        digest = wanted.digest
        ended("environment", result, f"{wanted.name} {digest[:12]}, {wanted.packages} pinned, index {wanted.index}",
              began)
    began = time.monotonic()
    sent = [a for a in dict.fromkeys(assets) if ensure_on_host(session, name, a, progress.moved)]
    result = "skipped" if not assets else "done" if sent else "cached"
    ended("assets", result, f"{len(sent)} sent, {len(set(assets)) - len(sent)} there already", began)
    return Prepared(name, python, digest, tuple(stages))


def preparation_lines(entry: HostEntry, facts: Mapping[str, Any] | None, assets: Sequence[str] = ()) -> list[str]:
    """What preparing the host would do, for a dry run: opens nothing. ``facts`` are those on record, None for none."""
    lines = [f"{entry.name}: preflight: Python, disk, file system of {entry.root}, GPUs"]
    if entry.environment is None:
        lines.append(f"{entry.name}: environment: none to build; trains on {entry.python}")
    else:
        known = describe_for(entry, facts)
        what = entry.environment
        source = f"{what.requirements.name if what.requirements else 'no requirements'}, index {what.index}"
        if what.checkout is not None:
            source += f", {what.checkout.repository} at {what.checkout.commit[:12]}"
        where = f"{entry.root}/envs/{known.digest}" if known else "under a digest that the host's platform decides"
        lines.append(f"{entry.name}: environment {what.name}: {source}; {where}, built unless it is there")
    lines += [f"{entry.name}: asset {digest}, sent unless it is there" for digest in assets]
    return lines


def planned_preparations(plan: Plan, inventory: Inventory, ledger: Ledger | None) -> list[str]:
    """What a launch of the plan would do to make its hosts fit, for a dry run: every usable host, in the lanes' order.

    A host that was looked at before and has no environment is used as it is.
    """
    hosts = dict.fromkeys(c.host for r in plan.runs if r.standing != "done" for c in r.candidates if c.usable)
    lines = []
    for name in hosts:
        entry = inventory.host(name)
        facts = None if ledger is None else ledger.host_facts(name)
        if entry.environment is not None or facts is None:
            lines += preparation_lines(entry, facts)
    return lines


def preflight(agent: HostAgent, entry: HostEntry) -> dict[str, Any]:
    """The host's cheap facts. Raises :class:`HostUnfit` for what no stage could mend."""
    answer, _ = agent.request("preflight")
    facts = {k: v for k, v in answer.items() if k not in ("id", "ok", "body_bytes")}
    if not isinstance(facts.get("platform"), str):
        raise MalformedDocument(f"{entry.name}: preflight", "the host does not say what platform it is")
    if not facts.get("root_writable", True):
        raise HostUnfit(f"{entry.name}: {entry.root} cannot be written",
                        hint="set 'root:' of this host in hosts.yaml to a directory that its user may write")
    if facts.get("fs_type") in NETWORK_FILE_SYSTEMS:
        raise HostUnfit(f"{entry.name}: {entry.root} lies on {facts['fs_type']}, where locks are not reliable",
                        hint="set 'root:' to a directory on a local disk")
    free = facts.get("disk_free_bytes")
    if isinstance(free, int) and free < LEAST_FREE_BYTES:
        raise HostUnfit(f"{entry.name}: {free / (1 << 30):.1f} GiB are free below {entry.root}",
                        hint=f"free some space there; 'kdorch host gc {entry.name}' may find some")
    if len(facts.get("gpus") or []) < entry.gpus:
        raise HostUnfit(f"{entry.name}: {len(facts.get('gpus') or [])} GPUs found, hosts.yaml says {entry.gpus}",
                        hint="check nvidia-smi there, or correct 'gpus:'")
    return facts


def _ensure_environment(session: Session, entry: HostEntry, wanted: Environment, facts: Mapping[str, Any],
                        progress: Progress) -> tuple[str, str]:
    """``cached`` or ``done``, and the interpreter's path."""
    seen, _ = _agent(session, entry.name).request("env_look", digest=wanted.digest)
    if seen.get("state") == "ready":
        _record(session, wanted, seen)
        return "cached", str(seen["python"])
    free = facts.get("disk_free_bytes")
    if wanted.packages and isinstance(free, int) and free < ENVIRONMENT_FREE_BYTES and wanted.index != "none":
        progress.line(f"only {free / (1 << 30):.1f} GiB are free there; an environment with torch takes 5 to 9")
    # Also where a builder is at work: asking again starts no second one, and ends what a killed one left behind.
    answer, _ = _agent(session, entry.name).request(
        "env_build", body=wanted.document, digest=wanted.digest, builder=wanted.builder)
    if answer.get("result") == "refused":
        raise HostUnfit(f"{entry.name}: the environment cannot be built: {answer.get('detail')}")
    return "done", _follow(session, entry, wanted, progress)


def _follow(session: Session, entry: HostEntry, wanted: Environment, progress: Progress) -> str:
    """Show the build's log until it ends. A lost line is taken up again; the build does not need it."""
    name, digest = entry.name, wanted.digest
    offset, pending, tail = 0, b"", list[str]()
    while True:
        try:
            answer, data = _agent(session, name, patience_s=SILENCE_LIMIT_S).request(
                "env_follow", timeout_s=FOLLOW_S + ANSWER_S, digest=digest, offset=offset, limit=FOLLOW_BYTES,
                wait_s=FOLLOW_S)
        except HostUnreachable as error:
            session.pool.lost(name, error)
            continue
        if answer.get("offset") != offset:
            offset, pending = 0, b""
        offset += len(data)
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            text = "".join(c if c.isprintable() else " " for c in line.decode("utf-8", "replace")).rstrip()
            tail = [*tail, text][-TAIL_LINES:]
            progress.line(text)
        state = answer.get("state")
        if state == "building" or data:
            continue
        if state == "ready":
            seen, _ = _agent(session, name).request("env_look", digest=digest)
            _record(session, wanted, seen)
            return str(seen["python"])
        status = answer.get("status")
        status = status if isinstance(status, dict) else {}
        log = f"{entry.root}/envs/{digest}.log"
        reason = status.get("reason") if state == "failed" else "the builder was ended from outside"
        raise EnvironmentFailed(
            f"{name}: environment {wanted.name}: {status.get('phase') or 'building'}: {reason or state}", tail,
            hint=str(status.get("remedy") or "run the same command again, or read the log")
            + f" (the whole log is {log} on {name})")


def _agent(session: Session, name: str, *, patience_s: float = 0.0) -> HostAgent:
    """An agent; a host that is silent is waited for so long. Raises :class:`HostUnreachable` in the end."""
    until = time.monotonic() + patience_s
    while (agent := session.pool.agent(name)) is None:
        if time.monotonic() >= until:
            seen = session.ledger.reachability().get(name)
            raise HostUnreachable(f"{name} does not answer{f': {seen.detail}' if seen and seen.detail else ''}",
                                  hint="what was begun there goes on; run the same command again later")
        time.sleep(min(max(session.pool.seconds_to_next_try() or 0.0, 0.05), 1.0))
    return agent


def _record(session: Session, wanted: Environment, seen: Mapping[str, Any]) -> None:
    """Keep the host's evidence of the build on this machine too."""
    build = seen.get("build")
    if not isinstance(build, dict) or build.get("digest") != wanted.digest:
        raise TransportError(f"environment {wanted.digest[:12]} has no evidence of how it was built",
                             hint="remove it with 'kdorch host gc', and prepare the host again")
    path = session.home.environment(wanted.digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(build, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(path)


def _remember(session: Session, host: str, facts: Mapping[str, Any]) -> None:
    """Put what planning needs into the ledger, once: which environment a run on this host gets hangs on it."""
    known = session.ledger.host_facts(host) or {}
    if known.get("platform") != facts["platform"] or driver_of(known) != driver_of(facts):
        session.ledger.record_host_facts(host, {**known, **facts})


def _facts_words(facts: Mapping[str, Any]) -> str:
    free = facts.get("disk_free_bytes")
    room = f", {free / (1 << 30):.0f} GiB free" if isinstance(free, int) else ""
    return f"{facts['platform']}, Python {facts.get('python')}, {len(facts.get('gpus') or [])} GPUs{room}"
