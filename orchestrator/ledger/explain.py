"""Why a verdict is what it is: every gate with its number, its limit, and the line where the number stands."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from orchestrator.domain.errors import LedgerTampered, UnknownRun
from orchestrator.domain.verdict import Gate, GateResult, Policy, Result
from orchestrator.ledger import judging, listing, queries
from orchestrator.ledger.rows import Explanation, GateProof, LedgerRow, MemberRow
from orchestrator.ledger.tables import evidence, evidence_files, measurements, validations


@dataclass(frozen=True)
class _Place:
    """A line of a file; ``offset`` None means the file as a whole."""

    file: str | None
    offset: int | None


_NOWHERE = _Place(None, None)


def explain(connection: Connection, run_id: str, campaign: str | None = None) -> Explanation:
    """Explain a run in ``campaign``, or where it was judged last. Raises :class:`UnknownRun`."""
    places = queries.memberships(connection, run_id)
    if campaign is not None:
        ids = {c.campaign_id for c in queries.find_campaigns(connection, campaign)}
        places = [m for m in places if m.campaign_id in ids]
    if not places:
        raise UnknownRun(f"run {run_id[:12]} is not in the ledger" + (f" under {campaign!r}" if campaign else ""))
    judged = [(v, m) for m in places
              if (v := judging.latest_verdict(connection, m.campaign_id, m.run_id)) is not None]
    if judged:
        verdict, member = max(judged, key=lambda pair: pair[0].event_seq)
    else:
        verdict, member = None, places[-1]
    row = listing.keyed_rows(connection, run_id=run_id)[member.campaign_id, run_id]
    attempt = queries.current_attempt(connection, run_id)
    if verdict is not None and verdict.evidence_id != attempt.evidence_id:
        verdict = None  # it is about an earlier attempt; the present one has not been judged
    policy_id = queries.pinned_policy_id(connection, member.campaign_id, member.stage)
    policy = None if policy_id is None else queries.policy_by_id(connection, policy_id)
    return _explanation(connection, member, row, attempt.attempt_no, attempt.evidence_id, policy_id, policy, verdict)


def _explanation(connection: Connection, member: MemberRow, row: LedgerRow, attempt_no: int, evidence_id: str | None,
                 policy_id: str | None, policy: Policy | None, verdict: Row[Any] | None) -> Explanation:
    if policy is None:
        gates: tuple[GateProof, ...] = ()
    elif verdict is None:
        gates = tuple(GateProof(g.value, "unknown", "no verdict yet", "", None, None) for g in policy.gates)
    else:
        told = judging.read_by_domain(verdict, policy)
        if (told.word.value, told.fail_mask, told.missing_mask) != (
                verdict.verdict, verdict.fail_mask, verdict.missing_mask):
            raise LedgerTampered(f"run {member.run_id[:12]}: the stored verdict is {verdict.verdict}, but its inputs "
                                 f"say {told.word.value}", hint="the ledger was changed by hand; restore a backup")
        gates = tuple(_proof(connection, verdict, policy, g) for g in told.gates)
    return Explanation(
        row=row, campaign_id=member.campaign_id, stage=member.stage, attempt_no=attempt_no,
        policy_name=None if policy is None else policy.name,
        policy_id=policy_id, budget_derivation=None if policy is None else policy.budget_derivation or None,
        evidence_id=evidence_id, asserted=bool(verdict is not None and verdict.asserted), gates=gates)


def _proof(connection: Connection, verdict: Row[Any], policy: Policy, gate: GateResult) -> GateProof:
    # What is unknown was read nowhere.
    place = _NOWHERE if gate.result is Result.UNKNOWN else _place(connection, verdict, policy, gate.gate)
    return GateProof(gate.gate.value, gate.result.value, gate.number, gate.limit, place.file, place.offset)


def _place(connection: Connection, verdict: Row[Any], policy: Policy, gate: Gate) -> _Place:
    own = (verdict.evidence_id, verdict.parser_id)
    if gate is Gate.BUDGET:
        if verdict.budget_evidence_id is None:
            return _NOWHERE
        return _train_time_line(connection, verdict.budget_evidence_id, verdict.budget_parser_id)
    if gate is Gate.TARGET_REACHED:
        return _validation_line(connection, own, step=verdict.steps_to_target)
    if gate is Gate.VAL_TREND:
        if verdict.val_finite == 0:
            return _validation_line(connection, own, broken=True)
        return _validation_line(connection, own, number=_telling_point(verdict, policy))
    name = {Gate.EVIDENCE_COMPLETE: "exit.json", Gate.NO_OOM_FALLBACK: "environment.json",
            Gate.COMPARABLE: "environment.json"}.get(gate)
    known = connection.execute(select(evidence.c.kind, evidence.c.directory).where(
        evidence.c.evidence_id == verdict.evidence_id)).one()
    # Only sealed evidence has these documents beside the log.
    return _Place(f"{known.directory}/{name}", None) if name is not None and known.kind == "sealed" else _NOWHERE


def _telling_point(verdict: Row[Any], policy: Policy) -> int:
    """The validation after which the trend was decided: the first that did not fall enough, else the last asked."""
    early = (verdict.val_1_u6, verdict.val_2_u6, verdict.val_3_u6, verdict.val_4_u6)[:policy.trend_points]
    for number, (before, after) in enumerate(itertools.pairwise(early), start=2):
        if before is not None and after is not None and before - after < policy.trend_min_drop_u6:
            return number
    return policy.trend_points


def _log_of(connection: Connection, evidence_id: str) -> str | None:
    """The file that the numbers were read from: ``train.log``, or the imported file."""
    row = connection.execute(select(evidence.c.kind, evidence.c.directory).where(
        evidence.c.evidence_id == evidence_id)).one()
    if row.kind == "sealed":
        return f"{row.directory}/train.log"
    path = connection.execute(select(evidence_files.c.path).where(
        evidence_files.c.evidence_id == evidence_id).order_by(evidence_files.c.path).limit(1)).scalar_one_or_none()
    return None if path is None else f"{row.directory}/{path}"


def _train_time_line(connection: Connection, evidence_id: str, parser_id: str) -> _Place:
    m = measurements.c
    offset = connection.execute(select(m.train_time_offset).where(
        m.evidence_id == evidence_id, m.parser_id == parser_id)).scalar_one()
    return _Place(_log_of(connection, evidence_id), offset)


def _validation_line(connection: Connection, own: tuple[str, str], *, step: int | None = None, broken: bool = False,
                     number: int | None = None) -> _Place:
    """The validation at ``step``, the first broken one, or the ``number``-th after step 0; else the last there is."""
    v = validations.c
    points = connection.execute(select(v.step, v.val_u6, v.log_offset).where(
        v.evidence_id == own[0], v.parser_id == own[1]).order_by(v.ordinal)).all()
    if not points:
        return _NOWHERE
    if broken:
        chosen = next(p for p in points if p.val_u6 is None)
    elif number is not None:
        early = [p for p in points if p.step > 0][:number]
        chosen = early[-1] if early else points[-1]
    else:
        chosen = next((p for p in points if p.step == step), points[-1])
    return _Place(_log_of(connection, own[0]), chosen.log_offset)
