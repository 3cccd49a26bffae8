"""Runs against the first of them, in steps and in time, with the teacher's cost; or a refusal.

Figures of runs that differ in host, its model, driver, precision, library or data are not set against each other: what
differs is named instead, and only the figures that do not depend on it are compared. What weakens a comparison without
forbidding it, another seed or a busier machine, is said beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.domain.metrics import Curve, TargetHit, net_time_saved, steps_saved, target_hit
from orchestrator.ledger.evidence_bytes import log_bytes
from orchestrator.ledger.imports import imported_curve
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import LedgerRow
from orchestrator.report.step_times import StepTimeRatio, StepTimes, compare_step_times, step_times
from orchestrator.wire.trainlog import parse_log

TIMES = ("gpu_model", "cpu_model", "device", "driver", "cuda", "torch", "precision", "threads", "attention_backend",
         "compiled")
"""Environment facts that must be equal for times to be compared."""

LEARNING = ("corpus_sha256",)
SPEC = ("data", "validation", "horizon")
"""Facts that must be equal for steps to be compared; of an imported log its own horizon and validations instead."""

UNEQUAL_LOAD = 0.05
"""Other processes' shares of two machines that differ by more than this are told."""


@dataclass(frozen=True)
class Compared:
    """One run: its own figures, and against the first one. ``refused_steps`` and ``refused_times`` name what differs
    from the first; a figure against the first is None where it is refused or unknown."""

    name: str
    run_id: str
    mode: str
    labels: tuple[str, ...]
    hit: TargetHit | None
    train_time_ms: int | None
    teacher_train_time_ms: int | None
    final_val: float | None
    steps: StepTimes | None
    steps_saved: int | None = None
    time_saved_ms: float | None = None
    net_time_saved_ms: float | None = None
    step_time: StepTimeRatio | None = None
    matched: tuple[int, float, float] | None = None
    refused_steps: tuple[str, ...] = ()
    refused_times: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    """What else differs from the first and weakens what is compared."""


@dataclass(frozen=True)
class Comparison:
    """All runs, the first being the one compared with. ``target`` is None where none was given and none is pinned."""

    target: float | None
    target_from: str
    runs: tuple[Compared, ...]
    assumed: bool = False
    """Whether a person vouched for what no environment document says: that the runs shared a machine, or had two
    that are alike."""


@dataclass(frozen=True)
class _Side:
    row: LedgerRow
    curve: Curve
    environment: Mapping[str, Any]
    spec: Mapping[str, Any]
    busy: float | None = None
    """The share of the machine that other processes took, where the host measured it."""


def compare(ledger: Reads, root: Path, references: Sequence[str], *, target: float | None = None,
            assume_same: bool = False) -> Comparison:
    """Compare runs by name or id. Without ``target`` the one that the last run's policy pins is used.

    ``assume_same`` takes a person's word that runs whose environment is unknown shared one machine and one setting, and
    that hosts of different names are alike. It overrules nothing else that is known to differ.
    Raises :class:`UnknownRun`, :class:`UsageError` for a run without evidence, and :class:`LedgerError` for evidence
    that is gone or was altered.
    """
    sides = [_side(ledger, root, reference) for reference in references]
    words = "given with --target"
    if target is None:
        target, words = _pinned_target(ledger, sides)
    first = sides[0]
    return Comparison(target, words, tuple(_compared(first, side, target, assume_same) for side in sides),
                      assumed=assume_same)


def _side(ledger: Reads, root: Path, reference: str) -> _Side:
    run_id = ledger.find_run(reference)
    name = ledger.name_of(run_id)
    row = next(r for r in ledger.rows(run_id=run_id) if r.name == name)
    evidence = ledger.evidence(run_id)
    spec = json.loads(ledger.spec_json(run_id))
    if evidence is not None and evidence.kind == "log":
        # It may hold other runs too, and this one may be a slice; its environment is not known.
        return _Side(row, imported_curve(ledger, root, evidence), {}, spec)
    log = None if evidence is None else log_bytes(ledger, root, run_id, evidence.evidence_id)
    if log is None:
        raise UsageError(f"{name} has no training log in the ledger's evidence, so there is nothing to compare",
                         hint="'kdorch watch' collects a run's evidence; 'kdorch ledger import' brings in a log")
    measured = ledger.measured(run_id)
    environment = json.loads(measured.environment_json) if measured is not None else {}
    usage = json.loads(measured.usage_json) if measured is not None else {}
    return _Side(row, parse_log(log), environment, spec, (usage.get("load") or {}).get("other_cpu_fraction"))


def _pinned_target(ledger: Reads, sides: Sequence[_Side]) -> tuple[float | None, str]:
    for side in reversed(sides):
        for member in ledger.memberships(side.row.run_id):
            policy = ledger.pinned_policy(member.campaign_id, member.stage)
            if policy is not None and policy.target_u6 is not None:
                return policy.target_u6 / 1e6, f"the pinned policy of {side.row.name}"
    return None, "no target given, and no policy of these runs names one"


def _compared(first: _Side, side: _Side, target: float | None, assume_same: bool) -> Compared:
    hit = None if target is None else target_hit(side.curve.validations, target)
    own = Compared(
        name=side.row.name, run_id=side.row.run_id, mode=side.row.mode, labels=side.row.labels, hit=hit,
        train_time_ms=side.row.train_time_ms,
        teacher_train_time_ms=side.row.teacher_train_time_ms if side.row.mode == "kd" else None,
        final_val=side.row.final_val, steps=step_times(side.curve))
    if side is first:
        return own
    learning, timing = _differences(first, side, assume_same)
    own = replace(own, refused_steps=learning, refused_times=(*learning, *timing), noted=_noted(first, side))
    base = None if target is None else target_hit(first.curve.validations, target)
    if not learning:
        own = replace(own, matched=_matched(first.curve, side.curve))
        if base is not None and hit is not None:
            own = replace(own, steps_saved=steps_saved(base, hit))
    if not own.refused_times:
        own = replace(own, step_time=compare_step_times(first.curve, side.curve))
        if base is not None and hit is not None:
            own = replace(own, time_saved_ms=net_time_saved(base, hit, 0.0), net_time_saved_ms=_net(base, hit, own))
    return own


def _net(base: TargetHit, hit: TargetHit, own: Compared) -> float | None:
    """Only a student has a teacher to pay for, and only one whose cost is known can be charged."""
    if own.mode != "kd" or own.teacher_train_time_ms is None:
        return None
    return net_time_saved(base, hit, own.teacher_train_time_ms)


def _matched(first: Curve, side: Curve) -> tuple[int, float, float] | None:
    """The last step at which both have a validation: (step, the first's loss, this one's)."""
    losses = {p.step: p.val_loss for p in first.validations}
    common = [p for p in side.validations if p.step in losses and p.step > 0]
    return (common[-1].step, losses[common[-1].step], common[-1].val_loss) if common else None


def _differences(first: _Side, side: _Side, assume_same: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What forbids comparing steps, and what besides forbids comparing times. What is unknown is not equal."""
    imported = "imported" in {*first.spec, *side.spec}
    steps = _course_differences(first.curve, side.curve) if imported else [
        _named(key, first.spec.get(key), side.spec.get(key)) for key in SPEC
        if first.spec.get(key) != side.spec.get(key)]
    for keys, found in ((LEARNING, steps), (TIMES, times := [])):
        for key in keys:
            one, other = first.environment.get(key), side.environment.get(key)
            if one != other and not (assume_same and None in (one, other)):
                found.append(_named(key, one, other))
    if first.row.host != side.row.host and not assume_same:
        times.append(f"{_named('host', first.row.host, side.row.host)}; --same-machine vouches that they are alike")
    if not (assume_same or (first.environment and side.environment)):
        times.append("the environment of an imported log is unknown; --same-machine vouches for it")
    return tuple(steps), tuple(times)


def _course_differences(first: Curve, side: Curve) -> list[str]:
    """What of two logs themselves forbids comparing steps: another horizon, or validations at other steps as far as
    both go. A schedule that ends later is another schedule from its first step on."""
    found = []
    if first.total_steps != side.total_steps:
        found.append(_named("horizon", first.total_steps, side.total_steps))
    one, other = ({p.step for p in curve.validations} for curve in (first, side))
    end = min(max(one, default=0), max(other, default=0))
    one, other = ({step for step in steps if step <= end} for steps in (one, other))
    if one != other:
        found.append(f"validations at other steps, up to step {end}: {_steps(one - other)} against "
                     f"{_steps(other - one)}")
    return found


def _steps(steps: set[int]) -> str:
    shown = ", ".join(map(str, sorted(steps)[:4]))
    return (shown + (", …" if len(steps) > 4 else "")) or "none besides"


def _noted(first: _Side, side: _Side) -> tuple[str, ...]:
    """What does not forbid a comparison, and what a person should know of it."""
    found = []
    one, other = first.spec.get("seed"), side.spec.get("seed")
    if one != other:
        found.append(f"seed: {_short(one)} against {_short(other)}; one seed a side cannot tell a gain from luck")
    if first.busy is not None and side.busy is not None and abs(first.busy - side.busy) > UNEQUAL_LOAD:
        found.append(f"load: other processes took {first.busy:.0%} of the machine, here {side.busy:.0%}; times suffer "
                     "from it")
    return tuple(found)


def _named(key: str, one: Any, other: Any) -> str:
    return f"{key}: {_short(one)} against {_short(other)}"


def _short(value: Any) -> str:
    text = "unknown" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
