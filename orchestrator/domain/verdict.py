"""Gates, policies and the verdict.

A policy is a closed set of gates with their numbers, for one role. ``judge`` is the reading of it in Python; the
ledger's generated columns are an independent second reading of the same rule, and a test holds the two equal.

All numbers are integers: times in milliseconds, losses in micro-nats (``*_u6``, loss x 10^6 rounded half even), so
that no comparison depends on a float.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from orchestrator.domain.replication import ReplicationRule


class Role(StrEnum):
    """What a run is for in its campaign; decides which gates apply."""

    CE = "ce"
    TEACHER = "teacher"
    KD = "kd"
    CONTROL = "control"
    MEASUREMENT = "measurement"


class Gate(StrEnum):
    """The closed set of gates."""

    BUDGET = "budget"
    VAL_TREND = "val_trend"
    NO_OOM_FALLBACK = "no_oom_fallback"
    EVIDENCE_COMPLETE = "evidence_complete"
    TARGET_REACHED = "target_reached"
    COMPARABLE = "comparable"
    REPLICATED = "replicated"


GATE_BIT: Mapping[Gate, int] = {gate: 1 << i for i, gate in enumerate(Gate)}
"""The bit of each gate in ``gate_mask``, ``fail_mask`` and ``missing_mask``."""

MAX_TREND_POINTS = 4

DEFAULT_GATES: Mapping[Role, tuple[Gate, ...]] = {
    Role.CE: (Gate.VAL_TREND, Gate.NO_OOM_FALLBACK, Gate.EVIDENCE_COMPLETE),
    Role.CONTROL: (Gate.VAL_TREND, Gate.NO_OOM_FALLBACK, Gate.EVIDENCE_COMPLETE, Gate.COMPARABLE),
    Role.TEACHER: (Gate.BUDGET, Gate.VAL_TREND, Gate.NO_OOM_FALLBACK, Gate.EVIDENCE_COMPLETE),
    Role.KD: (Gate.BUDGET, Gate.VAL_TREND, Gate.NO_OOM_FALLBACK, Gate.EVIDENCE_COMPLETE, Gate.TARGET_REACHED,
              Gate.COMPARABLE),
    Role.MEASUREMENT: (Gate.NO_OOM_FALLBACK, Gate.EVIDENCE_COMPLETE, Gate.COMPARABLE),
}


class Result(StrEnum):
    PASS = "pass"  # noqa: S105 - the word, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    """No evidence either way; never a pass."""
    NOT_ASKED = "not_asked"


class VerdictWord(StrEnum):
    PROMOTE = "promote"
    REJECT = "reject"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Policy:
    """Gates with their numbers, for one role; identified by the sha256 of ``canonical()``.

    ``trend_points`` validations after step 0 (at most 4) must each fall by at least ``trend_min_drop_u6``.
    ``target_u6`` is the loss that two consecutive validations must reach. ``replication`` says what fresh seeds must
    show; a policy that carries it is a test registered beforehand, because it is pinned before the first of them runs.
    """

    name: str
    role: Role
    gates: tuple[Gate, ...]
    budget_ms: int | None = None
    budget_derivation: str = ""
    trend_points: int = 3
    trend_min_drop_u6: int = 1
    target_u6: int | None = None
    replication: ReplicationRule | None = None

    def __post_init__(self) -> None:
        if self.budget_ms is not None and self.budget_ms <= 0:
            raise ValueError(f"policy {self.name}: budget_ms must be positive, not {self.budget_ms}")
        if Gate.BUDGET in self.gates and self.budget_ms is None:
            raise ValueError(f"policy {self.name}: the budget gate needs budget_ms")
        if not 1 <= self.trend_points <= MAX_TREND_POINTS:
            raise ValueError(f"policy {self.name}: trend_points must be 1 to {MAX_TREND_POINTS}")
        if self.trend_min_drop_u6 < 0:
            raise ValueError(f"policy {self.name}: trend_min_drop_u6 must not be negative")
        if Gate.TARGET_REACHED in self.gates and self.target_u6 is None:
            raise ValueError(f"policy {self.name}: the target_reached gate needs target_u6")
        if (Gate.REPLICATED in self.gates) != (self.replication is not None):
            raise ValueError(f"policy {self.name}: the gate replicated and a replication rule go together")
        if self.replication is not None and self.target_u6 is None:
            raise ValueError(f"policy {self.name}: a replication needs target_u6")
        if tuple(sorted(set(self.gates), key=list(Gate).index)) != self.gates:
            raise ValueError(f"policy {self.name}: gates must be distinct and in the order of Gate")

    @property
    def gate_mask(self) -> int:
        return sum(GATE_BIT[g] for g in self.gates)

    def body(self) -> dict[str, Any]:
        """Plain data; what is hashed and stored."""
        return {
            "name": self.name, "role": self.role.value, "gates": [g.value for g in self.gates],
            "budget_ms": self.budget_ms, "budget_derivation": self.budget_derivation,
            "trend_points": self.trend_points, "trend_min_drop_u6": self.trend_min_drop_u6,
            "target_u6": self.target_u6,
            # Left out where there is none: the policies of older ledgers keep their digests.
            **({"replication": self.replication.body()} if self.replication is not None else {}),
        }

    def canonical(self) -> bytes:
        """Canonical bytes. Only strings and integers occur, so sorted compact JSON is the RFC 8785 form."""
        return json.dumps(self.body(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Policy:
        return cls(
            name=body["name"], role=Role(body["role"]), gates=tuple(Gate(g) for g in body["gates"]),
            budget_ms=body["budget_ms"], budget_derivation=body["budget_derivation"],
            trend_points=body["trend_points"], trend_min_drop_u6=body["trend_min_drop_u6"],
            target_u6=body["target_u6"],
            replication=ReplicationRule.from_body(body["replication"]) if "replication" in body else None,
        )


@dataclass(frozen=True)
class GateInputs:
    """Everything that a verdict is computed from; integers and digests only. None means: no evidence.

    ``budget_train_ms`` is the run's own train time for a teacher and its teacher's for a student.
    ``val_*_u6`` are the first four validations after step 0. ``val_finite`` is 0 when any validation was NaN or inf.
    ``complete`` is 1 when the sealed evidence is whole and the run ended by its own rule, 0 when evidence
    contradicts itself or the run was cut short, None when there is none to look at.
    ``asserted`` is 1 for figures that somebody typed (a CSV): they decide the budget gate and never a verdict.
    """

    budget_train_ms: int | None
    val_finite: int | None
    val_1_u6: int | None
    val_2_u6: int | None
    val_3_u6: int | None
    val_4_u6: int | None
    oom_fallback: int | None
    complete: int | None
    steps_to_target: int | None
    comparison_key: str | None
    reference_key: str | None
    replicated: int | None = None
    asserted: int = 0


@dataclass(frozen=True)
class GateResult:
    gate: Gate
    result: Result
    number: str
    limit: str


@dataclass(frozen=True)
class Verdict:
    word: VerdictWord
    gates: tuple[GateResult, ...]

    @property
    def fail_mask(self) -> int:
        return sum(GATE_BIT[g.gate] for g in self.gates if g.result is Result.FAIL)

    @property
    def missing_mask(self) -> int:
        return sum(GATE_BIT[g.gate] for g in self.gates if g.result is Result.UNKNOWN)

    @property
    def budget(self) -> str | None:
        """The budget gate's own result, or None where the policy has no budget."""
        return next((g.result.value for g in self.gates if g.gate is Gate.BUDGET), None)


def _nats(u6: int | None) -> str:
    return "none" if u6 is None else f"{u6 / 1e6:.4f}"


def _budget(i: GateInputs, p: Policy) -> GateResult:
    assert p.budget_ms is not None
    if i.budget_train_ms is None:
        result = Result.UNKNOWN
    else:
        result = Result.PASS if i.budget_train_ms <= p.budget_ms else Result.FAIL
    return GateResult(Gate.BUDGET, result, f"{i.budget_train_ms} ms" if i.budget_train_ms is not None else "none",
                      f"<= {p.budget_ms} ms")


def _val_trend(i: GateInputs, p: Policy) -> GateResult:
    points = (i.val_1_u6, i.val_2_u6, i.val_3_u6, i.val_4_u6)[: p.trend_points]
    pairs = list(pairwise(points))
    if i.val_finite == 0 or any(
        a is not None and b is not None and a - b < p.trend_min_drop_u6 for a, b in pairs
    ):
        result = Result.FAIL
    elif i.val_finite is None or any(v is None for v in points):
        result = Result.UNKNOWN
    else:
        result = Result.PASS
    shown = " > ".join(_nats(v) for v in points) if i.val_finite != 0 else "NaN or infinite"
    return GateResult(Gate.VAL_TREND, result, shown,
                      f"each of the first {p.trend_points} falls by >= {p.trend_min_drop_u6 / 1e6:g} nats")


def _flag(gate: Gate, value: int | None, passing: int, words: tuple[str, str], limit: str) -> GateResult:
    if value is None:
        return GateResult(gate, Result.UNKNOWN, "none", limit)
    good = value == passing
    return GateResult(gate, Result.PASS if good else Result.FAIL, words[0] if good else words[1], limit)


def _comparable(i: GateInputs) -> GateResult:
    limit = "same data, batch, validation, horizon, hardware, precision and torch as the reference"
    if i.comparison_key is None or i.reference_key is None:
        return GateResult(Gate.COMPARABLE, Result.UNKNOWN, "no reference", limit)
    same = i.comparison_key == i.reference_key
    return GateResult(Gate.COMPARABLE, Result.PASS if same else Result.FAIL, "same" if same else "different", limit)


def _target(i: GateInputs, p: Policy) -> GateResult:
    limit = f"two consecutive validations <= {_nats(p.target_u6)}"
    if i.steps_to_target is not None:
        return GateResult(Gate.TARGET_REACHED, Result.PASS, f"step {i.steps_to_target}", limit)
    result = Result.UNKNOWN if i.complete is None else Result.FAIL
    return GateResult(Gate.TARGET_REACHED, result, "not reached", limit)


def _replication_words(p: Policy) -> str:
    if p.replication is None or p.target_u6 is None:
        return "n fresh seeds at a stop step fixed beforehand"
    return p.replication.words(p.target_u6)


def judge(inputs: GateInputs, policy: Policy) -> Verdict:
    """Apply every gate of ``policy``. Any fail rejects; else any unknown is inconclusive; else promote.

    Asserted inputs (typed by somebody, not measured from a log) are always inconclusive. A fallback fails
    ``no_oom_fallback`` also where the policy leaves that gate out: it is not the configuration that was asked for.
    """
    decide = {
        Gate.BUDGET: lambda: _budget(inputs, policy),
        Gate.VAL_TREND: lambda: _val_trend(inputs, policy),
        Gate.NO_OOM_FALLBACK: lambda: _flag(Gate.NO_OOM_FALLBACK, inputs.oom_fallback, 0,
                                            ("ran as asked", "fell back"), "the configuration ran as asked"),
        Gate.EVIDENCE_COMPLETE: lambda: _flag(Gate.EVIDENCE_COMPLETE, inputs.complete, 1,
                                              ("complete", "incomplete"), "sealed, verified, ran to its own end"),
        Gate.TARGET_REACHED: lambda: _target(inputs, policy),
        Gate.COMPARABLE: lambda: _comparable(inputs),
        Gate.REPLICATED: lambda: _flag(Gate.REPLICATED, inputs.replicated, 1, ("replicated", "not replicated"),
                                       _replication_words(policy)),
    }
    asked = set(policy.gates) | ({Gate.NO_OOM_FALLBACK} if inputs.oom_fallback else set())
    gates = tuple(decide[g]() for g in Gate if g in asked)
    results = {g.result for g in gates}
    if inputs.asserted:
        word = VerdictWord.INCONCLUSIVE
    elif Result.FAIL in results:
        word = VerdictWord.REJECT
    elif Result.UNKNOWN in results:
        word = VerdictWord.INCONCLUSIVE
    else:
        word = VerdictWord.PROMOTE
    return Verdict(word, gates)


SHIPPED_POLICIES: Mapping[str, Policy] = {
    p.name: p
    for p in (
        Policy("teacher-budget-10pct", Role.TEACHER, DEFAULT_GATES[Role.TEACHER], budget_ms=69402,
               budget_derivation="10 % of 694015 ms (run aadab377-e981-419d-907b-470c4e770f33, 1555 steps) = "
                                 "69401.5 ms, rounded half up"),
        Policy("teacher-budget-5pct", Role.TEACHER, DEFAULT_GATES[Role.TEACHER], budget_ms=34701,
               budget_derivation="5 % of 694015 ms (run aadab377-e981-419d-907b-470c4e770f33, 1555 steps) = "
                                 "34700.75 ms, rounded half up"),
        Policy("ce-baseline", Role.CE, DEFAULT_GATES[Role.CE]),
        Policy("control", Role.CONTROL, DEFAULT_GATES[Role.CONTROL]),
        Policy("measurement", Role.MEASUREMENT, DEFAULT_GATES[Role.MEASUREMENT]),
    )
}
