"""The server's reading of the rule and the domain's are held equal over random inputs and policies, as on a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import example, given

from orchestrator.domain.metrics import ValPoint, target_hit
from orchestrator.domain.replication import Replication, ReplicationRule, replicate
from orchestrator.domain.verdict import GateInputs, Policy, judge
from orchestrator.ledger.rejudging import read_by_domain
from tests.integration.ledger_kit import PARSER, open_ledger, tell
from tests.integration.postgres_server import PostgresServer, connected
from tests.integration.test_ledger_verdict import (
    ALL,
    AT_THE_LIMIT,
    FEW,
    TRACK_3,
    gate_inputs,
    policies,
    seeds_and_sums,
    st,
)

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def bare(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A ledger without guards, so that any row can be put under the computed columns and the view."""
    with postgres_server.ledger(tmp_path_factory.mktemp("home")) as made:
        with open_ledger(made.app) as ledger:
            tell(ledger)
        with connected(made.admin) as connection:
            for table, name in connection.execute(
                    "SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal").fetchall():
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
            connection.execute("SET session_replication_role = replica")  # foreign keys too
            yield connection


def _put(connection: Any, table: str, row: dict[str, Any], asked: str) -> Any:
    connection.execute("BEGIN")
    try:
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
                           list(row.values()))
        return connection.execute(f"SELECT {asked} FROM {table} WHERE campaign_id = 'x'").fetchone()
    finally:
        connection.execute("ROLLBACK")


def _row(inputs: GateInputs, policy: Policy, **more: Any) -> dict[str, Any]:
    return {**asdict(inputs), "gate_mask": policy.gate_mask, "budget_ms": policy.budget_ms,
            "trend_points": policy.trend_points, "trend_min_drop_u6": policy.trend_min_drop_u6,
            "target_u6": policy.target_u6, "campaign_id": "x", "run_id": "x", "role": "kd", "policy_id": "x",
            "evidence_id": "x", "parser_id": "x", "decided_at": "x", "event_seq": 1, **more}


_WORDS = "verdict, fail_mask, missing_mask, budget_result"


@FEW
@given(inputs=gate_inputs(), policy=policies())
@example(inputs=AT_THE_LIMIT, policy=ALL)
@example(inputs=GateInputs(69403, 1, 5, 4, 3, None, 0, 1, 650, "k", "k", 1, 0), policy=ALL)
@example(inputs=GateInputs(*[None] * 11), policy=ALL)
@example(inputs=GateInputs(69402, 1, 5, 4, 3, None, 0, 1, 650, "k", "k", 1, 1), policy=ALL)
def test_the_server_and_the_domain_judge_alike(bare: Any, inputs: GateInputs, policy: Policy) -> None:
    budget, reference = (None if v is None else "x" for v in (inputs.budget_train_ms, inputs.reference_key))
    found = _put(bare, "verdicts", _row(
        inputs, policy, stage="x", verdict_no=1, budget_evidence_id=budget, budget_parser_id=budget,
        reference_evidence_id=reference, reference_parser_id=reference), _WORDS)
    told = judge(inputs, policy)
    assert found == (told.word.value, told.fail_mask, told.missing_mask, told.budget)


@FEW
@given(inputs=gate_inputs(), policy=policies())
@example(inputs=AT_THE_LIMIT, policy=ALL)
def test_the_server_and_the_domain_judge_alike_under_other_policies(bare: Any, inputs: GateInputs,
                                                                    policy: Policy) -> None:
    row = _row(inputs, policy, rejudgement_no=1)
    del row["replicated"]
    assert _put(bare, "rejudgements", row, _WORDS) == read_by_domain(row, policy)


@FEW
@given(case=seeds_and_sums())
@example(case=(TRACK_3.at(4, 1), replicate(TRACK_3.at(4, 1), 3_280_000, [3_278_000] * 3 + [3_278_001])))
@example(case=(TRACK_3.at(64, 1), replicate(TRACK_3.at(64, 1), 3_280_000, [0] * 64)))
def test_the_server_and_the_domain_replicate_alike(bare: Any, case: tuple[ReplicationRule, Replication]) -> None:
    rule, sums = case
    (passed,) = _put(bare, "replications", {
        "campaign_id": "x", "stage": "x", "config_id": "x", "replication_no": 1, "policy_id": "x",
        "test": rule.test.value, "seeds": rule.seeds, "stop_step": 100, "limit_number": rule.limit,
        "target_u6": 3_280_000, "found": rule.seeds, "bad": sums.bad, "margin_u6": sums.margin_u6,
        "squares": sums.squares, "evidence_ids": "", "decided_at": "x", "event_seq": 1}, "passed")
    assert passed == int(sums.passed)


@FEW
@given(target=st.integers(0, 4), values=st.lists(st.none() | st.integers(0, 5), max_size=12))
def test_the_server_and_the_domain_confirm_targets_alike(bare: Any, target: int, values: list[int | None]) -> None:
    (run_id,) = bare.execute("SELECT run_id FROM campaign_runs WHERE name = 'arm'").fetchone()
    (evidence,) = bare.execute("SELECT evidence_id FROM evidence WHERE run_id = %s", [run_id]).fetchone()
    bare.execute("BEGIN")
    try:
        bare.execute("UPDATE policies SET target_u6 = %s WHERE role = 'kd'", [target])
        bare.execute("DELETE FROM validations WHERE evidence_id = %s", [evidence])
        for i, value in enumerate(values):
            bare.execute("INSERT INTO validations (evidence_id, parser_id, ordinal, step, val_u6) "
                         "VALUES (%s, %s, %s, %s, %s)", [evidence, PARSER, i, 25 * i, value])
        (found,) = bare.execute("SELECT steps_to_target FROM verdict_inputs WHERE run_id = %s", [run_id]).fetchone()
    finally:
        bare.execute("ROLLBACK")
    points = [ValPoint(25 * i, float("nan") if v is None else v / 1e6, None, 0) for i, v in enumerate(values)]
    assert found == target_hit(points, target / 1e6).steps_to_target
