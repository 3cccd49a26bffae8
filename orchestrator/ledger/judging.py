"""Verdicts: the database computes them, the domain's ``judge`` reads the same inputs, and both must agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select

from orchestrator.domain.errors import LedgerTampered
from orchestrator.domain.verdict import Gate, GateInputs, Policy, Verdict
from orchestrator.domain.verdict import judge as judge_by_domain
from orchestrator.ledger import chain, challenging, queries, replicating
from orchestrator.ledger.rows import VerdictRow
from orchestrator.ledger.tables import VERDICT_INPUTS, campaign_runs, verdict_inputs, verdicts

RULE = 2
"""The rule of today's verdicts. Rule 1 let a policy leave ``no_oom_fallback`` out; its rows keep their words."""


def members_touched(connection: Connection, run_id: str) -> list[tuple[str, str]]:
    """Every membership whose verdict may change when ``run_id`` gets evidence: its own, its students', those compared
    with it, and the other seeds of its configuration where they are replicated together."""
    m = campaign_runs.c
    query = select(m.campaign_id, m.run_id).where(
        or_(m.run_id == run_id, m.teacher_run_id == run_id, m.reference_run_id == run_id)
    ).order_by(m.event_seq)
    found = [(r.campaign_id, r.run_id) for r in connection.execute(query)]
    return list(dict.fromkeys([*found, *replicating.siblings(connection, run_id)]))


def latest_verdict(connection: Connection, campaign_id: str, run_id: str) -> Row[Any] | None:
    """The row of the last verdict on a membership, with all inputs."""
    v = verdicts.c
    return connection.execute(
        select(verdicts).where(v.campaign_id == campaign_id, v.run_id == run_id)
        .order_by(v.verdict_no.desc()).limit(1)
    ).one_or_none()


def is_current(connection: Connection, campaign_id: str, run_id: str) -> bool:
    """Whether the last verdict follows from what is known now, or nothing can be judged yet."""
    if replicating.is_due(connection, campaign_id, run_id):
        return False
    inputs = _inputs(connection, campaign_id, run_id)
    return inputs is None or _same(inputs, latest_verdict(connection, campaign_id, run_id))


def judge_member(connection: Connection, at: str, campaign_id: str, run_id: str) -> VerdictRow | None:
    """Bring the verdict on one membership up to date, in the caller's write transaction.

    None where there is no evidence or no pinned policy. Writes a row only when an input changed since the last one.
    Raises :class:`LedgerTampered` when the database's verdict is not the domain's.
    """
    replicating.refresh(connection, at, campaign_id, run_id)
    inputs = _inputs(connection, campaign_id, run_id)
    if inputs is None:
        return None
    last = latest_verdict(connection, campaign_id, run_id)
    if not _same(inputs, last):
        number = 1 if last is None else last.verdict_no + 1
        seq = chain.append(connection, at, "verdict_computed", run_id, {
            "campaign_id": campaign_id, "stage": inputs.stage, "verdict_no": number, "rule": RULE,
            **{name: inputs._mapping[name] for name in VERDICT_INPUTS}})
        connection.execute(insert(verdicts).values(
            campaign_id=campaign_id, stage=inputs.stage, run_id=run_id, verdict_no=number, rule=RULE, decided_at=at,
            event_seq=seq, **{name: inputs._mapping[name] for name in VERDICT_INPUTS}))
        last = latest_verdict(connection, campaign_id, run_id)
        assert last is not None
        _hold_against_domain(connection, last)
        challenging.file_against_promotions(connection, at, last)
    assert last is not None
    return verdict_row(last)


def judge_all(connection: Connection, at: str, places: Iterable[tuple[str, str]]) -> list[VerdictRow]:
    """Judge several memberships ``(campaign_id, run_id)``; those that cannot be judged yet are left out."""
    found = [judge_member(connection, at, *place) for place in places]
    return [verdict for verdict in found if verdict is not None]


def verdict_row(row: Row[Any]) -> VerdictRow:
    return VerdictRow(row.campaign_id, row.stage, row.run_id, row.verdict_no, row.policy_id, row.evidence_id,
                      row.fail_mask, row.missing_mask, row.budget_result, row.verdict)


def read_by_domain(row: Row[Any], policy: Policy) -> Verdict:
    """What ``domain.verdict.judge`` says of a stored verdict's inputs, by the rule that it was judged by."""
    return judge_by_domain(GateInputs(
        budget_train_ms=row.budget_train_ms, val_finite=row.val_finite, val_1_u6=row.val_1_u6, val_2_u6=row.val_2_u6,
        val_3_u6=row.val_3_u6, val_4_u6=row.val_4_u6, complete=row.complete,
        oom_fallback=row.oom_fallback if asks_for_fallbacks(row.rule, policy) else None,
        steps_to_target=row.steps_to_target, comparison_key=row.comparison_key, reference_key=row.reference_key,
        replicated=row.replicated, asserted=row.asserted), policy)


def asks_for_fallbacks(rule: int, policy: Policy) -> bool:
    """Whether a fallback counts in a verdict of this rule."""
    return rule >= RULE or Gate.NO_OOM_FALLBACK in policy.gates


def _inputs(connection: Connection, campaign_id: str, run_id: str) -> Row[Any] | None:
    i = verdict_inputs.c
    return connection.execute(
        select(verdict_inputs).where(i.campaign_id == campaign_id, i.run_id == run_id)
    ).one_or_none()


def _same(inputs: Row[Any], verdict: Row[Any] | None) -> bool:
    return verdict is not None and all(inputs._mapping[n] == verdict._mapping[n] for n in VERDICT_INPUTS)


def _hold_against_domain(connection: Connection, row: Row[Any]) -> None:
    policy = queries.policy_by_id(connection, row.policy_id)
    ours = read_by_domain(row, policy)
    theirs = (row.verdict, row.fail_mask, row.missing_mask, row.budget_result)
    if (ours.word.value, ours.fail_mask, ours.missing_mask, ours.budget) != theirs:
        raise LedgerTampered(
            f"run {row.run_id[:12]}: the ledger computes {theirs}, the rule says "
            f"{(ours.word.value, ours.fail_mask, ours.missing_mask, ours.budget)}; nothing was written",
            hint="the ledger's schema is not the one this kdorch was built for")
