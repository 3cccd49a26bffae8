"""What must hold after every schedule, read from the hosts' files and from the ledger, each by itself."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.verify import verify_ledger
from orchestrator.domain.lifecycle import TERMINAL_STATES, Outcome
from orchestrator.ledger.read_only_sql import ask
from orchestrator.ledger.rows import AttemptRow
from orchestrator.ledger.store import Ledger
from tests.faults.host_side import FaultyHost

LOST = (Outcome.LOST_REBOOT, Outcome.LOST_SUPERVISOR)
_TRAIN_TIME = re.compile(rb"^step:\d+/\d+ .*\btrain_time:(\d+(?:\.\d+)?)ms\b.*\n", re.MULTILINE)


@dataclass
class Findings:
    """What a schedule came to. The lists that ``PROPERTIES`` names must be empty; each line in one says what broke."""

    runs: int = 0
    attempts: int = 0
    starts: int = 0
    """How many trainers were started on the hosts, by their journals."""
    most_starts: int = 0
    outcomes: list[str] = field(default_factory=list)
    """Of every attempt, in order; not a complaint."""
    struck: Counter[str] = field(default_factory=Counter)
    """How often each kind of fault really struck, by its label; not a complaint."""
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    corrupted: list[str] = field(default_factory=list)
    miscounted: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def complaints(self) -> list[str]:
        """Everything that is wrong, with the property it breaks before it."""
        return [f"{name}: {line}" for name in PROPERTIES for line in getattr(self, name)]


PROPERTIES = {
    "doubled": "a run's trainer starts at most once per attempt",
    "lost": "no finished run is called lost",
    "corrupted": "no evidence byte differs",
    "miscounted": "the ledger's seconds equal the hosts'",
    "hung": "once faults are healed, everything comes to a verdict or a named outcome",
    "changed": "faults of the line, the laptop and the clock leave no trace in results",
    "broken": "the ledger's own checks pass, and nothing ends by a bug",
}


def examine(hosts: list[FaultyHost], home: Path, findings: Findings, *, innocent: bool) -> None:
    """Hold hosts and ledger against the properties, and write down what breaks them."""
    for host in hosts:
        for (run_id, number), starts in host.trainer_starts().items():
            findings.starts += starts
            findings.most_starts = max(findings.most_starts, starts)
            if starts > 1:
                findings.doubled.append(f"run {run_id[:12]}/{number}: {starts} starts")
    on_hosts = {(path.parents[1].name, int(path.name)): path for host in hosts for path in host.attempts()}
    with Ledger.open(home / "ledger.sqlite", clock=_no_clock, read_only=True) as ledger:
        found = [a for run_id in _run_ids(ledger) for a in ledger.attempts(run_id)]
        findings.runs, findings.attempts = len({a.run_id for a in found}), len(found)
        findings.outcomes = [str(a.outcome) for a in found]
        for attempt in found:
            _examine_attempt(ledger, home, attempt, on_hosts.get((attempt.run_id, attempt.attempt_no)), findings)
            if innocent and (attempt.attempt_no, attempt.outcome) != (1, Outcome.COMPLETED):
                findings.changed.append(f"{_name(attempt)} ended as {attempt.outcome}")
    told = verify_ledger(Home(home), full=True)
    findings.broken += [f"{d.kind} {d.where}: {d.what}" for d in told.disagreements]


def figures(home: Path) -> list[str]:
    """The ledger's figures of every run but for where it ran: what innocent faults must not change."""
    with Ledger.open(home / "ledger.sqlite", clock=_no_clock, read_only=True) as ledger:
        return sorted(json.dumps({"name": r.name, "status": r.status, "verdict": r.verdict, "final_val": r.final_val,
                                  "best_val": r.best_val, "train_time_ms": r.train_time_ms}) for r in ledger.rows())


def _examine_attempt(ledger: Ledger, home: Path, attempt: AttemptRow, there: Path | None, findings: Findings) -> None:
    name = _name(attempt)
    if attempt.state not in TERMINAL_STATES:
        findings.hung.append(f"{name} is still {attempt.state}")
        return
    seal_path = None if there is None else there / "exit.json"
    if there is None or seal_path is None or not seal_path.exists():
        if attempt.outcome not in LOST and attempt.exit_json is not None:
            findings.broken.append(f"{name} is {attempt.outcome} without a seal on its host")
        if attempt.outcome is Outcome.LOST_SUPERVISOR and there is not None and _has_finished(there / "train.log"):
            findings.lost.append(f"{name} is {attempt.outcome} and its trainer had come to its end")
        return
    seal = json.loads(seal_path.read_bytes())
    if attempt.outcome in LOST:
        findings.lost.append(f"{name} is {attempt.outcome} and its host sealed it as {seal['outcome']}")
        return
    if attempt.exit_json is None or json.loads(attempt.exit_json)["outcome"] != seal["outcome"]:
        findings.broken.append(f"{name}: the ledger's seal is not the host's")
    evidence = home / "evidence" / attempt.run_id / str(attempt.attempt_no)
    if not evidence.is_dir():
        findings.hung.append(f"{name} is finished and its evidence was never collected")
        return
    findings.corrupted += [f"{name}: {line}" for line in _differences(evidence, there, seal)]
    findings.miscounted += [f"{name}: {line}" for line in _miscounted(ledger, attempt, there, seal)]


def _has_finished(log: Path) -> bool:
    return log.exists() and b"trainer_exit code=0\n" in log.read_bytes()


def _differences(evidence: Path, there: Path, seal: dict[str, object]) -> Iterator[str]:
    manifest_bytes = (there / "manifest.json").read_bytes()
    if hashlib.sha256(manifest_bytes).hexdigest() != seal["manifest_sha256"]:
        yield "the host's manifest is not the one its seal names"
    promised = {s["name"]: s["digest"]["sha256"] for s in json.loads(manifest_bytes)["subject"]}
    for name, digest in promised.items():
        if _sha256(there / name) != digest:
            yield f"{name} on the host is not what the manifest promises"
    for path in sorted(p for p in evidence.rglob("*") if p.is_file()):
        name = path.relative_to(evidence).as_posix()
        if name.partition("/")[0] != "derived" and path.read_bytes() != (there / name).read_bytes():
            yield f"{name} differs from the host's"
    for name in promised:
        if not name.startswith("checkpoints/") and not (evidence / name).is_file():
            yield f"{name} was promised and not collected"


def _miscounted(ledger: Ledger, attempt: AttemptRow, there: Path, seal: dict[str, object]) -> Iterator[str]:
    """Where the seconds of a sealed attempt, however it ended, are not what its host's files say."""
    credited = json.loads(attempt.exit_json or "{}").get("wall_ms")
    if credited != seal["wall_ms"]:
        yield f"{credited} ms are credited by the ledger's seal, {seal['wall_ms']} by the host's"
    measured = ask(ledger.path, "SELECT wall_ms, train_time_ms FROM measurements "
                                f"WHERE evidence_id = '{attempt.evidence_id}'", limit=10).rows
    if len(measured) != 1:
        yield f"it is sealed and measured {len(measured)} times"
        return
    wall_ms, train_time_ms = measured[0]
    if wall_ms != seal["wall_ms"]:
        yield f"{wall_ms} ms of wall time by the ledger, {seal['wall_ms']} by the seal"
    said = _TRAIN_TIME.findall((there / "train.log").read_bytes())
    last = math.floor(float(said[-1]) + 0.5) if said else None
    if train_time_ms != last:
        yield f"{train_time_ms} ms of training by the ledger, {last} by the host's log"


def _run_ids(ledger: Ledger) -> list[str]:
    return [m.run_id for c in ledger.campaigns() for m in ledger.members(c.campaign_id)]


def _name(attempt: AttemptRow) -> str:
    return f"run {attempt.run_id[:12]}/{attempt.attempt_no}"


def _sha256(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _no_clock() -> datetime:
    raise AssertionError("reading a ledger needs no clock")
