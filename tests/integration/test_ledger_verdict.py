"""The database's reading of the rule and the domain's are held equal over random inputs and policies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.domain.metrics import ValPoint, target_hit
from orchestrator.domain.replication import NAMED_RULES, Replication, ReplicationRule, Test, replicate
from orchestrator.domain.verdict import Gate, GateInputs, Policy, Role, judge
from orchestrator.ledger.rejudging import read_by_domain
from tests.integration.ledger_kit import (
    CAMPAIGN,
    PARSER,
    Story,
    open_ledger,
    raw,
    teacher_policy,
    tell,
)

RULE = NAMED_RULES["modded-nanogpt-track-3"].at(4, 100)
FEW = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """A ledger without its triggers, so that any row can be put under the generated columns and the view."""
    path = tmp_path_factory.mktemp("bare") / "ledger.sqlite"
    with open_ledger(path) as ledger:
        tell(ledger)
    with closing(raw(path)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        yield connection


numbers = st.none() | st.integers(0, 6) | st.integers(0, 2**62)
flags = st.none() | st.sampled_from([0, 1])
keys = st.none() | st.sampled_from(["k", "l"])


@st.composite
def gate_inputs(draw: st.DrawFn) -> GateInputs:
    return GateInputs(
        budget_train_ms=draw(numbers), val_finite=draw(flags), val_1_u6=draw(numbers), val_2_u6=draw(numbers),
        val_3_u6=draw(numbers), val_4_u6=draw(numbers), oom_fallback=draw(flags), complete=draw(flags),
        steps_to_target=draw(st.none() | st.integers(0, 5)), comparison_key=draw(keys), reference_key=draw(keys),
        replicated=draw(flags), asserted=draw(st.sampled_from([0, 0, 0, 1])))


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    gates = tuple(g for g in Gate if draw(st.booleans()))
    return Policy("drawn", Role.KD, gates, budget_ms=draw(st.integers(1, 6) | st.integers(1, 2**62)),
                  trend_points=draw(st.integers(1, 4)), trend_min_drop_u6=draw(st.integers(0, 3)),
                  target_u6=draw(st.integers(0, 6)), replication=RULE if Gate.REPLICATED in gates else None)


ALL = Policy("all", Role.KD, tuple(Gate), budget_ms=69402, trend_points=3, target_u6=1, replication=RULE)
AT_THE_LIMIT = GateInputs(69402, 1, 5, 4, 3, None, 0, 1, 650, "k", "k", 1, 0)


@FEW
@given(inputs=gate_inputs(), policy=policies())
@example(inputs=AT_THE_LIMIT, policy=ALL)
@example(inputs=GateInputs(69403, 1, 5, 4, 3, None, 0, 1, 650, "k", "k", 1, 0), policy=ALL)
@example(inputs=GateInputs(*[None] * 11), policy=ALL)
@example(inputs=GateInputs(69402, 1, 5, 4, 3, None, 0, 1, 650, "k", "k", 1, 1), policy=ALL)
def test_the_database_and_the_domain_judge_alike(bare: sqlite3.Connection, inputs: GateInputs, policy: Policy) -> None:
    row = {
        **asdict(inputs), "gate_mask": policy.gate_mask, "budget_ms": policy.budget_ms,
        "trend_points": policy.trend_points, "trend_min_drop_u6": policy.trend_min_drop_u6,
        "target_u6": policy.target_u6, "campaign_id": "x", "stage": "x", "run_id": "x", "verdict_no": 1, "role": "kd",
        "policy_id": "x", "evidence_id": "x", "parser_id": "x", "decided_at": "x", "event_seq": 1,
        "budget_evidence_id": None if inputs.budget_train_ms is None else "x",
        "budget_parser_id": None if inputs.budget_train_ms is None else "x",
        "reference_evidence_id": None if inputs.reference_key is None else "x",
        "reference_parser_id": None if inputs.reference_key is None else "x"}
    bare.execute("BEGIN")
    try:
        bare.execute(f"INSERT INTO verdicts ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                     list(row.values()))
        found = bare.execute("SELECT verdict, fail_mask, missing_mask, budget_result FROM verdicts "
                             "WHERE run_id = 'x'").fetchone()
    finally:
        bare.execute("ROLLBACK")
    told = judge(inputs, policy)
    assert found == (told.word.value, told.fail_mask, told.missing_mask, told.budget)


@FEW
@given(inputs=gate_inputs(), policy=policies())
@example(inputs=AT_THE_LIMIT, policy=ALL)
def test_the_database_and_the_domain_judge_alike_under_other_policies(bare: sqlite3.Connection, inputs: GateInputs,
                                                                      policy: Policy) -> None:
    given_ = {k: v for k, v in asdict(inputs).items() if k != "replicated"}
    row = {
        **given_, "gate_mask": policy.gate_mask, "budget_ms": policy.budget_ms, "trend_points": policy.trend_points,
        "trend_min_drop_u6": policy.trend_min_drop_u6, "target_u6": policy.target_u6, "campaign_id": "x",
        "run_id": "x", "rejudgement_no": 1, "role": "kd", "policy_id": "x", "evidence_id": "x", "parser_id": "x",
        "decided_at": "x", "event_seq": 1}
    bare.execute("BEGIN")
    try:
        bare.execute(f"INSERT INTO rejudgements ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
                     list(row.values()))
        found = bare.execute("SELECT verdict, fail_mask, missing_mask, budget_result FROM rejudgements "
                             "WHERE run_id = 'x'").fetchone()
    finally:
        bare.execute("ROLLBACK")
    assert found == read_by_domain(row, policy)


@st.composite
def seeds_and_sums(draw: st.DrawFn) -> tuple[ReplicationRule, Replication]:
    """A rule and what seeds came to under it, near the limit often enough."""
    test = draw(st.sampled_from(list(Test)))
    rule = ReplicationRule("drawn", test, draw(st.integers(2, 8) | st.integers(2, 64)), 100,
                           draw(st.integers(1, 10_000) | st.integers(1, 1_000_000)))
    spread = st.none() | st.integers(-5_000, 5_000) | st.integers(-2_000_000, 2_000_000)
    margins = draw(st.lists(spread, min_size=rule.seeds, max_size=rule.seeds))
    return rule, replicate(rule, 3_280_000, [None if m is None else 3_280_000 - m for m in margins])


TRACK_3 = NAMED_RULES["modded-nanogpt-track-3"]


@FEW
@given(case=seeds_and_sums())
@example(case=(TRACK_3.at(1, 1), replicate(TRACK_3.at(1, 1), 3_280_000, [3_276_000])))
@example(case=(TRACK_3.at(4, 1), replicate(TRACK_3.at(4, 1), 3_280_000, [3_278_000] * 4)))
@example(case=(TRACK_3.at(4, 1), replicate(TRACK_3.at(4, 1), 3_280_000, [3_278_000] * 3 + [3_278_001])))
@example(case=(TRACK_3.at(64, 1), replicate(TRACK_3.at(64, 1), 3_280_000, [0] * 64)))
def test_the_database_and_the_domain_replicate_alike(bare: sqlite3.Connection,
                                                     case: tuple[ReplicationRule, Replication]) -> None:
    rule, sums = case
    bare.execute("BEGIN")
    try:
        bare.execute(
            "INSERT INTO replications (campaign_id, stage, config_id, replication_no, policy_id, test, seeds, "
            "stop_step, limit_number, target_u6, found, bad, margin_u6, squares, evidence_ids, decided_at, event_seq) "
            "VALUES ('x', 'x', 'x', 1, 'x', ?, ?, 100, ?, 3280000, ?, ?, ?, ?, '', 'x', 1)",
            [rule.test.value, rule.seeds, rule.limit, rule.seeds, sums.bad, sums.margin_u6, sums.squares])
        passed, kind = bare.execute("SELECT passed, typeof(spread) FROM replications WHERE campaign_id = 'x'"
                                    ).fetchone()
    finally:
        bare.execute("ROLLBACK")
    assert (passed, kind) == (int(sums.passed), "integer")


@FEW
@given(target=st.integers(0, 4), values=st.lists(st.none() | st.integers(0, 5), max_size=12))
def test_the_database_and_the_domain_confirm_targets_alike(bare: sqlite3.Connection, target: int,
                                                           values: list[int | None]) -> None:
    (run_id,) = bare.execute("SELECT run_id FROM campaign_runs WHERE name = 'arm'").fetchone()
    (evidence,) = bare.execute("SELECT evidence_id FROM evidence WHERE run_id = ?", [run_id]).fetchone()
    bare.execute("BEGIN")
    try:
        bare.execute("UPDATE policies SET target_u6 = ? WHERE role = 'kd'", [target])
        bare.execute("DELETE FROM validations WHERE evidence_id = ?", [evidence])
        bare.executemany("INSERT INTO validations (evidence_id, parser_id, ordinal, step, val_u6) "
                         "VALUES (?, ?, ?, ?, ?)",
                         [(evidence, PARSER, i, 25 * i, v) for i, v in enumerate(values)])
        (found,) = bare.execute("SELECT steps_to_target FROM verdict_inputs WHERE run_id = ?", [run_id]).fetchone()
    finally:
        bare.execute("ROLLBACK")
    points = [ValPoint(25 * i, float("nan") if v is None else v / 1e6, None, 0) for i, v in enumerate(values)]
    assert found == target_hit(points, target / 1e6).steps_to_target


@pytest.mark.parametrize("teacher_ms", [1, 69_401, 69_402, 69_403, 10**9])
def test_no_row_of_a_real_ledger_is_promoted_over_its_budget(tmp_path: Path, teacher_ms: int) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        tell(ledger, teacher_ms=teacher_ms)
        for row in ledger.rows():
            if row.verdict == "promote" and row.budget_ms is not None:
                assert row.teacher_train_time_ms is not None
                assert row.teacher_train_time_ms <= row.budget_ms
        promoted = {r.name for r in ledger.rows(status="promoted")}
    assert promoted == ({"good", "arm"} if teacher_ms <= 69_402 else set())


@pytest.mark.parametrize(("train_time", "word"), [(69_401, "promote"), (69_402, "promote"), (69_403, "reject")])
def test_the_limit_itself_passes_through_the_whole_ledger(tmp_path: Path, train_time: int, word: str) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        story = Story(ledger, campaign_id=CAMPAIGN).begin()
        story.pin("teachers", teacher_policy(69_402))
        story.add("t", Role.TEACHER, "teachers")
        (verdict,) = story.finish("t", train_time_ms=train_time)
    assert verdict.verdict == word
