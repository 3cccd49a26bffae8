"""Policies as rows: stored once under the digest of their canonical bytes, and pinned to stages."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from orchestrator.domain.errors import LedgerError
from orchestrator.domain.policy_words import policy_id as policy_id_of
from orchestrator.domain.verdict import Policy
from orchestrator.ledger import chain, queries
from orchestrator.ledger.tables import policies, replication_rules, stage_policies


def store(connection: Connection, policy: Policy) -> str:
    """Keep a policy, once; returns its id. A policy proves itself, so no event speaks of it."""
    policy_id = policy_id_of(policy)
    if connection.execute(select(policies.c.policy_id).where(policies.c.policy_id == policy_id)).first() is None:
        connection.execute(insert(policies).values(
            policy_id=policy_id, name=policy.name, role=policy.role.value, gate_mask=policy.gate_mask,
            budget_ms=policy.budget_ms, trend_points=policy.trend_points, trend_min_drop_u6=policy.trend_min_drop_u6,
            target_u6=policy.target_u6, body=policy.canonical().decode()))
        if (rule := policy.replication) is not None:
            connection.execute(insert(replication_rules).values(
                policy_id=policy_id, test=rule.test.value, seeds=rule.seeds, stop_step=rule.stop_step,
                limit_number=rule.limit, target_u6=policy.target_u6))
    return policy_id


def pin(connection: Connection, now: str, campaign_id: str, stage: str, policy: Policy) -> str:
    """Hold a stage to a policy, once. Raises :class:`LedgerError` for another one."""
    policy_id = policy_id_of(policy)
    pinned = queries.pinned_policy_id(connection, campaign_id, stage)
    if pinned == policy_id:
        return policy_id
    if pinned is not None:
        before = queries.policy_by_id(connection, pinned)
        raise LedgerError(f"stage {stage} is held to policy {before.name} ({pinned[:12]}); it cannot be changed to "
                          f"{policy.name} ({policy_id[:12]})",
                          hint="a pinned policy binds the whole campaign; ask the new question in a new campaign, or "
                               "see what another policy would say with 'kdorch ledger rejudge'")
    store(connection, policy)
    seq = chain.append(connection, now, "policy_pinned", campaign_id, {
        "stage": stage, "policy_id": policy_id, "policy": policy.body()})
    connection.execute(insert(stage_policies).values(
        campaign_id=campaign_id, stage=stage, policy_id=policy_id, pinned_at=now, event_seq=seq))
    return policy_id
