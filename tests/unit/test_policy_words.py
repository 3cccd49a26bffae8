"""A policy's rules in words come from its numbers: change a number and the words change with it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.domain.policy_words import in_words, policy_id, rules
from orchestrator.domain.replication import NAMED_RULES
from orchestrator.domain.verdict import SHIPPED_POLICIES, Gate, Policy, Role
from orchestrator.planning.policy_file import load_policy

TEN = SHIPPED_POLICIES["teacher-budget-10pct"]
FULL = Policy("full", Role.KD, tuple(Gate), budget_ms=69402, budget_derivation="a tenth", target_u6=4_070_000,
              replication=NAMED_RULES["modded-nanogpt-track-3"].at(4, 2690))


def test_the_shipped_budget_is_the_literal_with_its_derivation() -> None:
    words = dict(rules(TEN))[Gate.BUDGET]
    assert "at most 69402 ms" in words
    assert "10 % of 694015 ms" in words
    assert "69401.5 ms, rounded half up" in words


@pytest.mark.parametrize("policy", [*SHIPPED_POLICIES.values(), FULL], ids=lambda p: p.name)
def test_every_gate_has_its_sentence_and_no_other(policy: Policy) -> None:
    assert tuple(gate for gate, _ in rules(policy)) == policy.gates
    for _, sentence in rules(policy):
        assert sentence in in_words(policy)
    assert policy_id(policy) == hashlib.sha256(policy.canonical()).hexdigest()


@pytest.mark.parametrize("change", [
    {"budget_ms": 69403}, {"budget_derivation": "a guess"}, {"trend_points": 4}, {"trend_points": 1},
    {"trend_min_drop_u6": 0}, {"trend_min_drop_u6": 10_000}, {"target_u6": 4_080_000}, {"role": Role.TEACHER},
    {"replication": NAMED_RULES["modded-nanogpt-track-1"].at(4, 2690)},
    {"replication": NAMED_RULES["modded-nanogpt-track-3"].at(5, 2690)},
    {"replication": NAMED_RULES["modded-nanogpt-track-3"].at(4, 2691)}, {"name": "other"}], ids=str)
def test_a_changed_number_changes_the_words_and_the_digest(change: dict[str, object]) -> None:
    changed = replace(FULL, **change)  # type: ignore[arg-type]
    assert in_words(changed) != in_words(FULL)
    assert policy_id(changed) != policy_id(FULL)
    assert Policy.from_body(changed.body()) == changed


def test_what_a_named_rule_asks_beyond_the_test_is_said() -> None:
    told = in_words(FULL)
    assert "records/track_3_optimization" in told
    assert "the stop step is common to all seeds" in told


def test_a_policy_file_is_read_with_literal_numbers(tmp_path: Path) -> None:
    path = tmp_path / "strict.yaml"
    path.write_text("name: strict\nrole: teacher\nbudget_ms: 30000\ntrend_points: 2\n")
    policy = load_policy(path)
    assert (policy.name, policy.role, policy.budget_ms, policy.trend_points) == ("strict", Role.TEACHER, 30_000, 2)
    assert policy.budget_derivation == "30000 ms, written in strict.yaml"


@pytest.mark.parametrize(("text", "line", "key", "says"), [
    ("name: a\nrole: teacher\nbudget_ms: -1\n", 3, "budget_ms", "greater than or equal to 1"),
    ("name: a\nrole: teacher\nbudget_ms: 0.5\n", 3, "budget_ms", "integer"),
    ("name: a\nrole: teacher\nbudget_ms: 5\ngates: [budget, magic]\n", 4, r"gates\[1\]", "not 'magic'"),
    ("name: a\nrole: judge\nbudget_ms: 5\n", 2, "role", "'ce', 'teacher'"),
    ("name: a\nrole: teacher\nbudget: 5\n", 3, "budget", "did you mean"),
    ("name: a\nrole: kd\ntarget: .nan\nbudget_ms: 4\n", 3, "target", "finite|greater"),
    ("name: a\nrole: kd\nbudget_ms: 4\ngates: [replicated]\ntarget: 3.28\n", 4, "gates", "after the fact"),
    ("name: a\nrole: teacher\n", 1, "", "needs budget_ms"),
    ("role: teacher\nbudget_ms: 4\n", 1, "", "'name' is missing"),
    ("- 1\n", 1, "", "no mapping")])
def test_a_wrong_policy_file_is_refused_with_file_line_and_key(tmp_path: Path, text: str, line: int, key: str,
                                                               says: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(CampaignFileError, match=says) as error:
        load_policy(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    if key:
        assert error.match(rf":{line}: {key}: ")


def test_a_policy_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nowhere\.yaml"):
        load_policy(tmp_path / "nowhere.yaml")
