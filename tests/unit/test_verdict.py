"""What each gate says, and what the gates together say."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.replication import NAMED_RULES
from orchestrator.domain.verdict import (
    DEFAULT_GATES,
    GATE_BIT,
    SHIPPED_POLICIES,
    Gate,
    GateInputs,
    Policy,
    Result,
    Role,
    VerdictWord,
    judge,
)

TEACHER = SHIPPED_POLICIES["teacher-budget-10pct"]
STUDENT = Policy("student", Role.KD, DEFAULT_GATES[Role.KD], budget_ms=69402, target_u6=4_070_000)
GOOD = GateInputs(
    budget_train_ms=60_000, val_finite=1, val_1_u6=5_000_000, val_2_u6=4_500_000, val_3_u6=4_200_000,
    val_4_u6=4_100_000, oom_fallback=0, complete=1, steps_to_target=650, comparison_key="k", reference_key="k",
    replicated=1)
FOUR_SEEDS = NAMED_RULES["modded-nanogpt-track-3"].at(4, 2690)
UNKNOWN_OF: dict[Gate, dict[str, Any]] = {
    Gate.BUDGET: {"budget_train_ms": None},
    Gate.VAL_TREND: {"val_2_u6": None},
    Gate.NO_OOM_FALLBACK: {"oom_fallback": None},
    Gate.EVIDENCE_COMPLETE: {"complete": None},
    Gate.TARGET_REACHED: {"steps_to_target": None, "complete": None},
    Gate.COMPARABLE: {"reference_key": None},
    Gate.REPLICATED: {"replicated": None},
}
FAILING: dict[Gate, dict[str, Any]] = {
    Gate.BUDGET: {"budget_train_ms": 69_403},
    Gate.VAL_TREND: {"val_2_u6": 5_000_000},
    Gate.NO_OOM_FALLBACK: {"oom_fallback": 1},
    Gate.EVIDENCE_COMPLETE: {"complete": 0},
    Gate.TARGET_REACHED: {"steps_to_target": None},
    Gate.COMPARABLE: {"reference_key": "other"},
    Gate.REPLICATED: {"replicated": 0},
}


def only(gate: Gate) -> Policy:
    return Policy("only", Role.KD, (gate,), budget_ms=69402, target_u6=4_070_000,
                  replication=FOUR_SEEDS if gate is Gate.REPLICATED else None)


@pytest.mark.parametrize(("train_time", "word"), [
    (0, "promote"), (69_401, "promote"), (69_402, "promote"), (69_403, "reject"), (10**12, "reject")])
def test_69402_passes_and_69403_does_not(train_time: int, word: str) -> None:
    assert judge(replace(GOOD, budget_train_ms=train_time), TEACHER).word == word


@pytest.mark.parametrize(("train_time", "ten", "five"), [(39_767, "pass", "fail"), (34_539, "pass", "pass"),
                                                         (34_701, "pass", "pass"), (34_702, "pass", "fail")])
def test_the_earlier_policy_judges_otherwise(train_time: int, ten: str, five: str) -> None:
    inputs = replace(GOOD, budget_train_ms=train_time)
    assert judge(inputs, TEACHER).budget == ten
    assert judge(inputs, SHIPPED_POLICIES["teacher-budget-5pct"]).budget == five


@pytest.mark.parametrize("gate", list(Gate), ids=lambda g: g.value)
def test_each_gate_passes_fails_and_is_unknown(gate: Gate) -> None:
    policy = only(gate)
    assert judge(GOOD, policy).word is VerdictWord.PROMOTE
    failed = judge(replace(GOOD, **FAILING[gate]), policy)
    assert (failed.word, failed.fail_mask, failed.missing_mask) == (VerdictWord.REJECT, GATE_BIT[gate], 0)
    unknown = judge(replace(GOOD, **UNKNOWN_OF[gate]), policy)
    assert (unknown.word, unknown.fail_mask, unknown.missing_mask) == (VerdictWord.INCONCLUSIVE, 0, GATE_BIT[gate])


@pytest.mark.parametrize("gate", [g for g in Gate if g is not Gate.NO_OOM_FALLBACK], ids=lambda g: g.value)
def test_a_gate_that_is_not_asked_decides_nothing(gate: Gate) -> None:
    others = Policy("others", Role.KD, tuple(g for g in Gate if g is not gate), budget_ms=69402, target_u6=4_070_000,
                    replication=FOUR_SEEDS if gate is not Gate.REPLICATED else None)
    changes = {k: v for k, v in FAILING[gate].items() if k != "complete" or gate is Gate.EVIDENCE_COMPLETE}
    assert judge(replace(GOOD, **changes), others).word is VerdictWord.PROMOTE


def test_a_fallback_is_rejected_also_where_its_gate_is_not_asked() -> None:
    others = Policy("others", Role.KD, tuple(g for g in Gate if g is not Gate.NO_OOM_FALLBACK), budget_ms=69402,
                    target_u6=4_070_000, replication=FOUR_SEEDS)
    fallback = judge(replace(GOOD, oom_fallback=1), others)
    assert (fallback.word, fallback.fail_mask) == (VerdictWord.REJECT, GATE_BIT[Gate.NO_OOM_FALLBACK])
    assert judge(replace(GOOD, oom_fallback=None), others).word is VerdictWord.PROMOTE


def test_all_failing_gates_are_named_not_only_the_first() -> None:
    verdict = judge(replace(GOOD, budget_train_ms=70_000, oom_fallback=1, comparison_key=None), STUDENT)
    assert verdict.fail_mask == GATE_BIT[Gate.BUDGET] | GATE_BIT[Gate.NO_OOM_FALLBACK]
    assert verdict.missing_mask == GATE_BIT[Gate.COMPARABLE]
    assert verdict.word is VerdictWord.REJECT


def test_nothing_known_is_never_a_pass() -> None:
    nothing = GateInputs(*[None] * 11)
    for policy in SHIPPED_POLICIES.values():
        verdict = judge(nothing, policy)
        assert verdict.word is VerdictWord.INCONCLUSIVE
        assert {g.result for g in verdict.gates} == {Result.UNKNOWN}


@pytest.mark.parametrize("change", [{}, {"budget_train_ms": 70_000}, {"complete": None}], ids=str)
def test_asserted_figures_never_decide_a_verdict(change: dict[str, Any]) -> None:
    verdict = judge(replace(GOOD, asserted=1, **change), TEACHER)
    assert verdict.word is VerdictWord.INCONCLUSIVE
    assert verdict.budget == ("fail" if change.get("budget_train_ms") else "pass")


@pytest.mark.parametrize(("values", "points", "drop", "result"), [
    ((5, 4, 3, 2), 3, 1, "pass"),
    ((5, 5, 3, 2), 3, 1, "fail"),
    ((5, 5, 3, 2), 3, 0, "pass"),
    ((5, 4, 4, 2), 2, 1, "pass"),
    ((5, 4, 6, 2), 4, 1, "fail"),
    ((5, 4, None, None), 2, 1, "pass"),
    ((5, 4, None, None), 3, 1, "unknown"),
    ((5, 6, None, None), 4, 1, "fail"),
    ((5, None, None, None), 1, 1, "pass"),
    ((5, 4, 3, 3), 4, 1, "fail"),
])
def test_the_trend_looks_at_the_first_points_only(values: tuple[int | None, ...], points: int, drop: int,
                                                  result: str) -> None:
    policy = Policy("trend", Role.CE, (Gate.VAL_TREND,), trend_points=points, trend_min_drop_u6=drop)
    v1, v2, v3, v4 = values
    found = judge(replace(GOOD, val_1_u6=v1, val_2_u6=v2, val_3_u6=v3, val_4_u6=v4), policy)
    assert found.gates[0].result == result


def test_nan_rejects_whatever_else_fell() -> None:
    assert judge(replace(GOOD, val_finite=0), TEACHER).word is VerdictWord.REJECT


def test_gates_report_their_number_and_limit() -> None:
    budget = judge(replace(GOOD, budget_train_ms=69_403), TEACHER).gates[0]
    assert (budget.number, budget.limit) == ("69403 ms", "<= 69402 ms")


@pytest.mark.parametrize(("name", "digest"), [
    ("teacher-budget-10pct", "8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2"),
    ("ce-baseline", "ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783"),
])
def test_canonical_bytes_of_shipped_policies_never_change(name: str, digest: str) -> None:
    assert hashlib.sha256(SHIPPED_POLICIES[name].canonical()).hexdigest() == digest


@pytest.mark.parametrize("policy", SHIPPED_POLICIES.values(), ids=lambda p: p.name)
def test_a_policy_comes_back_from_its_body(policy: Policy) -> None:
    assert Policy.from_body(json.loads(policy.canonical())) == policy
    assert policy.gates == DEFAULT_GATES[policy.role]


def test_gate_bits_are_distinct_powers_of_two_in_the_order_the_ledger_stores() -> None:
    assert [GATE_BIT[g] for g in Gate] == [1, 2, 4, 8, 16, 32, 64]
    assert [g.value for g in Gate] == ["budget", "val_trend", "no_oom_fallback", "evidence_complete",
                                       "target_reached", "comparable", "replicated"]


@pytest.mark.parametrize(("changes", "message"), [
    ({"budget_ms": 0}, "budget_ms must be positive"),
    ({"gates": (Gate.BUDGET,), "budget_ms": None}, "needs budget_ms"),
    ({"gates": (Gate.TARGET_REACHED,)}, "needs target_u6"),
    ({"trend_points": 0}, "trend_points"),
    ({"trend_points": 5}, "trend_points"),
    ({"trend_min_drop_u6": -1}, "trend_min_drop_u6"),
    ({"gates": (Gate.VAL_TREND, Gate.BUDGET)}, "order"),
    ({"gates": (Gate.BUDGET, Gate.BUDGET)}, "distinct"),
])
def test_policies_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TEACHER, **changes)


@given(st.integers(0, 200_000), st.integers(0, 200_000))
def test_a_cheaper_teacher_is_never_judged_worse(one: int, other: int) -> None:
    cheap, dear = sorted((one, other))
    order = [VerdictWord.REJECT, VerdictWord.PROMOTE]
    assert order.index(judge(replace(GOOD, budget_train_ms=cheap), TEACHER).word) >= \
        order.index(judge(replace(GOOD, budget_train_ms=dear), TEACHER).word)
