"""Verdicts under another policy than the pinned one: appended beside what is there, and never in its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from orchestrator.domain.errors import LedgerTampered
from orchestrator.domain.policy_words import policy_id as policy_id_of
from orchestrator.domain.verdict import GateInputs, Policy, judge
from orchestrator.ledger import chain, judging, listing, pinning, queries
from orchestrator.ledger.court_rows import RejudgedRow
from orchestrator.ledger.tables import (
    REJUDGED_INPUTS,
    campaign_runs,
    campaigns,
    policies,
    rejudgement_inputs,
    rejudgements,
    verdicts,
)


def rejudge(connection: Connection, at: str, policy: Policy, campaign_ids: Collection[str] | None) -> list[RejudgedRow]:
    """Judge every judged run of the policy's role again under it, in the caller's write transaction.

    A row is written only where none with the same inputs is there. Runs whose own pinned policy it is keep their
    verdict and get no second one. Raises :class:`LedgerTampered` when the database and the domain disagree.
    """
    policy_id = pinning.store(connection, policy)
    i, c = rejudgement_inputs.c, campaign_runs.c
    places = select(c.campaign_id, c.run_id).where(c.role == policy.role.value).order_by(
        c.campaign_id, c.ordinal, c.event_seq)
    found = []
    for campaign_id, run_id in connection.execute(places).all():
        if campaign_ids is not None and campaign_id not in campaign_ids:
            continue
        verdict = judging.latest_verdict(connection, campaign_id, run_id)
        if verdict is None or verdict.policy_id == policy_id:
            continue
        inputs = connection.execute(select(rejudgement_inputs).where(
            i.campaign_id == campaign_id, i.run_id == run_id, i.policy_id == policy_id)).one_or_none()
        if inputs is None or inputs.evidence_id != verdict.evidence_id:
            continue  # other evidence came in that has not been judged by the pinned policy yet
        found.append(_append(connection, at, inputs, policy))
    return [_shown(connection, row, policy, is_new=is_new) for row, is_new in found]


def passed_over(connection: Connection, policy: Policy, campaign_ids: Collection[str] | None) -> tuple[int, int]:
    """Runs of the policy's role that :func:`rejudge` leaves alone: (how many are judged by this very policy, how many
    are not judged yet)."""
    c, v = campaign_runs.c, verdicts.c
    latest = select(v.policy_id).where(v.campaign_id == c.campaign_id, v.run_id == c.run_id).order_by(
        v.verdict_no.desc()).limit(1).scalar_subquery()
    found = [policy_id for campaign_id, policy_id in connection.execute(
        select(c.campaign_id, latest).where(c.role == policy.role.value))
        if campaign_ids is None or campaign_id in campaign_ids]
    return found.count(policy_id_of(policy)), found.count(None)


def of_run(connection: Connection, campaign_id: str, run_id: str) -> list[RejudgedRow]:
    """What other policies say of a run: the latest row of each, oldest policy first."""
    r = rejudgements.c
    query = select(rejudgements).where(r.campaign_id == campaign_id, r.run_id == run_id).order_by(r.event_seq)
    latest = {row.policy_id: row for row in connection.execute(query)}
    return [_shown(connection, row, queries.policy_by_id(connection, policy_id))
            for policy_id, row in latest.items()]


def stored_policies(connection: Connection, reference: str) -> list[Policy]:
    """Policies in the ledger with this name or id, else those whose id begins so, by id."""
    p = policies.c
    known = connection.execute(select(p.policy_id, p.name).order_by(p.policy_id)).all()
    found = [i for i, name in known if reference in (i, name)] or [i for i, _ in known if i.startswith(reference)]
    return [queries.policy_by_id(connection, policy_id) for policy_id in found]


def every_policy(connection: Connection) -> list[Policy]:
    """Every policy that the ledger holds, by name and id."""
    p = policies.c
    found = connection.execute(select(p.policy_id).order_by(p.name, p.policy_id)).scalars().all()
    return [queries.policy_by_id(connection, policy_id) for policy_id in found]


def read_by_domain(row: Any, policy: Policy) -> tuple[str, int, int, str | None]:
    """What ``domain.verdict.judge`` says of a row's inputs, as the database's own four columns."""
    told = judge(GateInputs(
        budget_train_ms=row["budget_train_ms"], val_finite=row["val_finite"], val_1_u6=row["val_1_u6"],
        val_2_u6=row["val_2_u6"], val_3_u6=row["val_3_u6"], val_4_u6=row["val_4_u6"],
        oom_fallback=row["oom_fallback"], complete=row["complete"], steps_to_target=row["steps_to_target"],
        comparison_key=row["comparison_key"], reference_key=row["reference_key"], replicated=None,
        asserted=row["asserted"]), policy)
    return told.word.value, told.fail_mask, told.missing_mask, told.budget


def _append(connection: Connection, at: str, inputs: Row[Any], policy: Policy) -> tuple[Row[Any], bool]:
    r = rejudgements.c
    latest = (select(rejudgements)
              .where(r.campaign_id == inputs.campaign_id, r.run_id == inputs.run_id, r.policy_id == inputs.policy_id)
              .order_by(r.rejudgement_no.desc()).limit(1))
    last = connection.execute(latest).one_or_none()
    if last is not None and all(inputs._mapping[n] == last._mapping[n] for n in REJUDGED_INPUTS):
        return last, False
    values = {"campaign_id": inputs.campaign_id, "rejudgement_no": 1 if last is None else last.rejudgement_no + 1,
              **{name: inputs._mapping[name] for name in REJUDGED_INPUTS}}
    seq = chain.append(connection, at, "rejudged", inputs.run_id, values)
    connection.execute(insert(rejudgements).values(**values, run_id=inputs.run_id, decided_at=at, event_seq=seq))
    written = connection.execute(latest).one()
    theirs = (written.verdict, written.fail_mask, written.missing_mask, written.budget_result)
    if read_by_domain(written._mapping, policy) != theirs:
        raise LedgerTampered(f"run {inputs.run_id[:12]}: under {policy.name} the ledger computes {theirs}, the rule "
                             f"says {read_by_domain(written._mapping, policy)}; nothing was written",
                             hint="the ledger's schema is not the one this kdorch was built for")
    return written, True


def _shown(connection: Connection, row: Row[Any], policy: Policy, *, is_new: bool = False) -> RejudgedRow:
    c = campaign_runs.c
    place = connection.execute(
        select(c.name, campaigns.c.name.label("campaign")).select_from(
            campaign_runs.join(campaigns, campaigns.c.campaign_id == c.campaign_id))
        .where(c.campaign_id == row.campaign_id, c.run_id == row.run_id)).one()
    verdict = judging.latest_verdict(connection, row.campaign_id, row.run_id)
    return RejudgedRow(
        campaign_id=row.campaign_id, campaign=place.campaign, run_id=row.run_id, name=place.name,
        policy_id=row.policy_id, policy=policy.name, rejudgement_no=row.rejudgement_no, verdict=row.verdict,
        budget_result=row.budget_result, failed_gates=listing.gate_names(row.fail_mask),
        missing_gates=listing.gate_names(row.missing_mask),
        counts=None if verdict is None else queries.policy_by_id(connection, verdict.policy_id).name,
        pinned_verdict=None if verdict is None else verdict.verdict,
        pinned_budget_result=None if verdict is None else verdict.budget_result, decided_at=row.decided_at,
        is_new=is_new)
