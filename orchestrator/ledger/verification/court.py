"""What stands beside verdicts, proved again: replications, other policies' verdicts, forecasts, anchors.

What replications and rejudgements are computed from, and what promotions rest on, is asked in ``inputs.py``. Waivers
and challenges follow from events and from verdicts and have nothing of their own to compute.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.domain.replication import ReplicationRule, Test, passes
from orchestrator.domain.verdict import Policy
from orchestrator.ledger.anchors import anchor_id
from orchestrator.ledger.dialects.examining import Examined
from orchestrator.ledger.rejudging import read_by_domain
from orchestrator.ledger.verification.findings import Findings
from orchestrator.ledger.verification.proving import (
    GATE_NUMBERS,
    POLICY_NUMBERS,
    Row,
    all_rows,
    equal,
    joined,
)

_RULE_NUMBERS = ("test", "seeds", "stop_step", "limit_number", "target_u6")


def check_court(connection: Examined, policies: Mapping[str, Policy], found: Findings) -> None:
    """Check every table of this kind. ``policies`` are those that could be read, by id."""
    asked = {row["policy_id"]: row for row in all_rows(connection, "replication_rules")}
    for policy_id, policy in policies.items():
        if policy.replication is not None and policy_id not in asked:
            found.add("row", f"replication_rules {policy_id[:12]}", "its policy asks for one, and it is not there")
    for policy_id, row in asked.items():
        _rule(row, policies.get(policy_id), found)
    for row in all_rows(connection, "replications"):
        _replication(connection, row, found)
    for row in all_rows(connection, "rejudgements"):
        _rejudgement(row, policies.get(row["policy_id"]), found)
    for row in all_rows(connection, "projections"):
        result = "fail" if row["lower_ms"] > row["budget_ms"] else (
            "pass" if row["upper_ms"] <= row["budget_ms"] else "pending")
        equal(found, f"projections {row['run_id'][:12]} #{row['projection_no']}", row, {"result": result})
    for row in all_rows(connection, "anchors"):
        _anchor(connection, row, found)


def _rule(row: Row, policy: Policy | None, found: Findings) -> None:
    where = f"replication_rules {row['policy_id'][:12]}"
    if policy is None or policy.replication is None:
        found.add("row", where, "its policy asks for no replication, or cannot be read")
        return
    rule = policy.replication
    equal(found, where, row, {
        "test": rule.test.value, "seeds": rule.seeds, "stop_step": rule.stop_step, "limit_number": rule.limit,
        "target_u6": policy.target_u6, "rule_numbers": joined(row, _RULE_NUMBERS)})


def _replication(connection: Examined, row: Row, found: Findings) -> None:
    where = f"replications {row['config_id'][:12]} #{row['replication_no']}"
    found.checked["replications"] += 1
    rule = ReplicationRule("", Test(row["test"]), row["seeds"], row["stop_step"], row["limit_number"])
    equal(found, where, row, {
        "rule_numbers": joined(row, _RULE_NUMBERS),
        "spread": row["seeds"] * row["squares"] - row["margin_u6"] ** 2,
        "passed": int(passes(rule, row["bad"], row["margin_u6"], row["squares"]))})
    for evidence_id in row["evidence_ids"].split(" "):
        if connection.execute("SELECT 1 FROM evidence WHERE evidence_id = ?", (evidence_id,)).fetchone() is None:
            found.add("row", where, f"evidence {evidence_id[:12]} is not in the ledger")


def _rejudgement(row: Row, policy: Policy | None, found: Findings) -> None:
    where = f"rejudgements {row['run_id'][:12]} under {row['policy_id'][:12]} #{row['rejudgement_no']}"
    found.checked["rejudgements"] += 1
    equal(found, where, row, {"policy_numbers": joined(row, POLICY_NUMBERS),
                              "measured_numbers": joined(row, GATE_NUMBERS)})
    if policy is None:
        found.add("verdict", where, "its policy is not there or not readable")
        return
    columns = ("verdict", "fail_mask", "missing_mask", "budget_result")
    for column, value in zip(columns, read_by_domain(row, policy), strict=True):
        if row[column] != value:
            found.add("verdict", where, f"{column} is {row[column]!r}; the policy says {value!r}")


def _anchor(connection: Examined, row: Row, found: Findings) -> None:
    where = f"anchors {row['anchor_id'][:12]}"
    found.checked["anchors"] += 1
    if row["anchor_id"] != anchor_id((row["seq"], row["hash"]), row["place"], row["anchored_at"]):
        found.add("anchor", where, "the id is not the sha256 of the other columns")
    check_head(connection, (row["seq"], row["hash"]), f"{where}, written down at {row['place']}", found)


def check_head(connection: Examined, head: tuple[int, str], where: str, found: Findings) -> None:
    """Hold a head that was written down outside against the chain as it is now."""
    row = connection.execute("SELECT hash FROM events WHERE seq = ?", (head[0],)).fetchone()
    if row is None:
        found.add("anchor", where, f"it names event {head[0]}, and the chain ends before: its end was cut off")
    elif row[0] != head[1]:
        found.add("anchor", where, f"event {head[0]} had the hash {head[1][:12]} and now has {row[0][:12]}: the chain "
                                   "was made anew")
