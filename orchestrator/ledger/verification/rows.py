"""Rows that prove themselves: ids that are digests, columns that follow from others, verdicts that follow from inputs.

Stored generated columns are computed when a row is written and read back as bytes ever after, so they are computed
again here; what the domain's rule says of a verdict's inputs is held against what is stored. Whether those inputs are
what the evidence says is asked in ``inputs.py``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from orchestrator.domain.lifecycle import edges
from orchestrator.domain.verdict import GateInputs, Policy, judge
from orchestrator.ledger.dialects.examining import Examined
from orchestrator.ledger.judging import asks_for_fallbacks
from orchestrator.ledger.verification.court import check_court
from orchestrator.ledger.verification.findings import Findings
from orchestrator.ledger.verification.inputs import check_inputs
from orchestrator.ledger.verification.proving import (
    GATE_NUMBERS,
    POLICY_NUMBERS,
    Row,
    all_rows,
    equal,
    joined,
)
from orchestrator.wire.spec import Spec, config_id_of


def check_rows(connection: Examined, found: Findings) -> None:
    """Check every table that can be proved without events and files."""
    policies = _policies(all_rows(connection, "policies"), found)
    for row in all_rows(connection, "runs"):
        _run(row, found)
    for row in all_rows(connection, "measurements"):
        equal(found, f"measurements {row['evidence_id'][:12]}", row, {
            "gate_numbers": joined(row, GATE_NUMBERS),
            "budget_basis_ms": row["train_time_ms"] if row["teacher_train_time_ms"] is None
            else row["teacher_train_time_ms"]})
    for row in all_rows(connection, "verdicts"):
        _verdict(row, policies.get(row["policy_id"]), found)
    check_inputs(connection, found)
    check_court(connection, policies, found)
    _evidence(connection, found)
    have = sorted((r["from_state"], r["to_state"]) for r in all_rows(connection, "attempt_edges"))
    if have != edges():
        found.add("row", "attempt_edges", "the legal moves are not those of the lifecycle")


def policy_of(row: Row) -> Policy:
    """The policy that a row's canonical body says. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    return Policy.from_body(json.loads(row["body"]))


def _policies(rows: Iterable[Row], found: Findings) -> dict[str, Policy]:
    policies: dict[str, Policy] = {}
    for row in rows:
        found.checked["policies"] += 1
        where = f"policies {row['policy_id'][:12]}"
        if hashlib.sha256(row["body"].encode()).hexdigest() != row["policy_id"]:
            found.add("policy", where, "the id is not the sha256 of its body")
            continue
        try:
            policy = policy_of(row)
        except (ValueError, KeyError, TypeError) as error:
            found.add("policy", where, f"its body cannot be read: {error!r}")
            continue
        policies[row["policy_id"]] = policy
        equal(found, where, row, {
            "name": policy.name, "role": policy.role.value, "gate_mask": policy.gate_mask,
            "budget_ms": policy.budget_ms, "trend_points": policy.trend_points,
            "trend_min_drop_u6": policy.trend_min_drop_u6, "target_u6": policy.target_u6,
            "gate_numbers": joined(row, POLICY_NUMBERS)})
    return policies


def _run(row: Row, found: Findings) -> None:
    where = f"runs {row['run_id'][:12]}"
    found.checked["runs"] += 1
    if hashlib.sha256(row["spec_json"].encode()).hexdigest() != row["run_id"]:
        found.add("run", where, "the id is not the sha256 of its spec")
        return
    if row["origin"] == "imported":  # its spec names what was imported, and is no spec of a training
        equal(found, where, row, {"config_id": row["run_id"], "seed": 0})
        return
    try:
        spec = Spec.model_validate_json(row["spec_json"])
    except ValueError as error:
        found.add("run", where, f"its spec cannot be read: {error}")
        return
    equal(found, where, row, {"config_id": config_id_of(spec), "seed": spec.seed})


def _verdict(row: Row, policy: Policy | None, found: Findings) -> None:
    where = f"verdicts {row['run_id'][:12]} #{row['verdict_no']}"
    found.checked["verdicts"] += 1
    equal(found, where, row, {"policy_numbers": joined(row, POLICY_NUMBERS),
                               "measured_numbers": joined(row, GATE_NUMBERS)})
    if policy is None:
        found.add("verdict", where, f"its policy {row['policy_id'][:12]} is not there or not readable")
        return
    inputs = {name: row[name] for name in (
        "budget_train_ms", "val_finite", "val_1_u6", "val_2_u6", "val_3_u6", "val_4_u6", "oom_fallback", "complete",
        "steps_to_target", "comparison_key", "reference_key", "replicated", "asserted")}
    if not asks_for_fallbacks(row.get("rule", 1), policy):
        inputs["oom_fallback"] = None
    told = judge(GateInputs(**inputs), policy)
    for column, value in (("verdict", told.word.value), ("fail_mask", told.fail_mask),
                          ("missing_mask", told.missing_mask), ("budget_result", told.budget)):
        if row[column] != value:
            found.add("verdict", where, f"{column} is {row[column]!r}; the policy says {value!r}")


def _evidence(connection: Examined, found: Findings) -> None:
    files: dict[str, dict[str, tuple[str, int]]] = {}
    for row in all_rows(connection, "evidence_files"):
        files.setdefault(row["evidence_id"], {})[row["path"]] = (row["sha256"], row["size_bytes"])
    for row in all_rows(connection, "evidence"):
        where = f"evidence {row['evidence_id'][:12]}"
        found.checked["evidence"] += 1
        if hashlib.sha256(row["statement"].encode()).hexdigest() != row["evidence_id"]:
            found.add("evidence", where, "the id is not the sha256 of its statement")
        elif files.pop(row["evidence_id"], {}) != _promised(row["statement"]):
            found.add("evidence", where, "its rows in evidence_files are not the files of its statement")
    for evidence_id in files:
        found.add("evidence", f"evidence_files {evidence_id[:12]}", "belongs to no evidence that can be read")


def _promised(statement: str) -> dict[str, tuple[str, int]]:
    """The files of an in-toto statement: name → (sha256, size)."""
    subjects = json.loads(statement).get("subject", [])
    return {s["name"]: (s["digest"]["sha256"], s["annotations"]["size_bytes"]) for s in subjects}
