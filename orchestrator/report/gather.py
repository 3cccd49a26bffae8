"""Fills a :class:`CampaignReport` from the ledger and from verified evidence. Read-only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from orchestrator.domain.failure_words import failure_words
from orchestrator.domain.measured import Figures, Shortage, figures_of
from orchestrator.domain.metrics import Curve, ValPoint
from orchestrator.domain.verdict import Role
from orchestrator.ledger.evidence_bytes import LOG, log_bytes
from orchestrator.ledger.reads import PERSON_NOTE, Reads
from orchestrator.ledger.rows import AttemptRow, CampaignRow, LedgerRow, MemberRow
from orchestrator.planning.campaign_model import Halving
from orchestrator.report.courses import course, numbers
from orchestrator.report.model import (
    CampaignReport,
    Course,
    GateOutcome,
    PersonNote,
    ReportChoice,
    ReportPolicy,
    ReportRun,
    Spent,
)
from orchestrator.wire.spec import canonical_digest
from orchestrator.wire.trainlog import parse_log

_SEED = re.compile(r"-s\d+(?=$|-twin$)")


def gather(ledger: Reads, root: Path, campaign: CampaignRow, open_stages: Mapping[str, str] | None = None, *,
           logs: bool = True) -> CampaignReport:
    """What the report says about ``campaign``, but for its place among others (:mod:`orchestrator.report.progress`).

    ``root`` is the directory that evidence is relative to. Without ``logs`` no file is read, and what only logs tell
    is left out.
    """
    members = ledger.members(campaign.campaign_id)
    rows = {r.run_id: r for r in ledger.rows(campaign=campaign.campaign_id)}
    names = {m.run_id: m.name for m in members}
    specs = {m.run_id: json.loads(ledger.spec_json(m.run_id)) for m in members}
    policies = _policies(ledger, campaign, members)
    target = next((p for p in policies if p.target is not None and not p.stage.endswith(":control")), None)
    attempts = ledger.current_attempts(names)
    launched = _launched(campaign.overrides_json)
    source = _source(campaign.source_text)
    return CampaignReport(
        campaign=campaign.name, campaign_id=campaign.campaign_id, source_name=campaign.source_name,
        question=_question(source), plan_hash=campaign.plan_hash,
        bundle_digest=next((a.bundle for a in attempts if a.bundle), ""),
        runs=tuple(_run(ledger, root if logs else None, m, rows[m.run_id], specs[m.run_id], names) for m in members
                   if m.run_id in rows),
        policies=tuple(policies), choices=_choices(ledger, specs, names),
        target=target.target if target is not None else None,
        target_from=target.target_from if target is not None else "",
        overrides=tuple(launched.get("set") or ()), host_override=launched.get("host"), scale=launched.get("scale"),
        recorded_at=campaign.recorded_at, open_stages=tuple(sorted((open_stages or {}).items())),
        ledger_head=ledger.head(), duels=_duels(source), halvings=_halvings(source))


def _source(text: str) -> Mapping[str, Any]:
    try:
        body = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return body if isinstance(body, dict) else {}


def _launched(overrides_json: str) -> Mapping[str, Any]:
    """What it was launched with; imported campaigns hold an empty list."""
    told = json.loads(overrides_json)
    return told if isinstance(told, dict) else {}


def _question(source: Mapping[str, Any]) -> str:
    return str(source.get("description", ""))


def _stages(source: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    stages = source.get("stages")
    return [s for s in stages if isinstance(s, dict)] if isinstance(stages, list) else []


def _duels(source: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(s.get("name")) for s in _stages(source) if s.get("duel") is True)


def _halvings(source: Mapping[str, Any]) -> tuple[tuple[str, int], ...]:
    return tuple((str(s.get("name")), int(s["halving"].get("rungs", Halving().rungs))) for s in _stages(source)
                 if isinstance(s.get("halving"), dict))


def _policies(ledger: Reads, campaign: CampaignRow, members: list[MemberRow]) -> list[ReportPolicy]:
    found = []
    for stage in dict.fromkeys(m.stage for m in members):
        policy = ledger.pinned_policy(campaign.campaign_id, stage)
        if policy is not None:
            found.append(ReportPolicy(
                stage=stage, name=policy.name, gates=tuple(g.value for g in policy.gates), budget_ms=policy.budget_ms,
                derivation=policy.budget_derivation,
                target=None if policy.target_u6 is None else policy.target_u6 / 1e6))
    return found


def _choices(ledger: Reads, specs: Mapping[str, Mapping[str, Any]],
             names: Mapping[str, str]) -> tuple[ReportChoice, ...]:
    """The choices that this campaign's specs rest on, as they were pinned."""
    found: dict[str, ReportChoice] = {}
    for spec in specs.values():
        for selector in ((spec.get("kd") or {}).get("teacher"), spec.get("stop_at_target")):
            if selector is None:
                continue
            pinned = ledger.resolution(canonical_digest(selector))
            if pinned is not None:
                chosen = names.get(pinned.chosen_run_id, pinned.chosen_run_id[:12])
                found[pinned.key] = ReportChoice(pinned.selector, chosen, pinned.reason)
    return tuple(found.values())


def _curve(ledger: Reads, root: Path | None, row: LedgerRow) -> Curve | None:
    if root is None or row.artifact_dir is None or not (root / row.artifact_dir / LOG).is_file():
        return None  # a report says less where a log was taken away, and nothing that an altered one says
    evidence = ledger.evidence(row.run_id)
    log = None if evidence is None else log_bytes(ledger, root, row.run_id, evidence.evidence_id)
    return None if log is None else parse_log(log)


def _run(ledger: Reads, root: Path | None, member: MemberRow, row: LedgerRow, spec: Mapping[str, Any],
         names: Mapping[str, str]) -> ReportRun:
    measured = ledger.measured(member.run_id)
    curve = _curve(ledger, root, row)
    attempts = ledger.attempts(member.run_id)
    failed = _failure(attempts[-1]) if attempts else {}
    points = tuple(
        ValPoint(v.step, float("nan") if v.val_u6 is None else v.val_u6 / 1e6, v.train_time_ms, v.offset or 0)
        for v in ledger.validations(member.run_id))
    gates = tuple(GateOutcome(g.gate, g.result, g.number, g.limit)
                  for g in ledger.explain(member.run_id, campaign=member.campaign_id).gates
                  if g.result in ("fail", "unknown"))
    usage = json.loads(measured.usage_json) if measured is not None else {}
    environment = json.loads(measured.environment_json) if measured is not None else {}
    seed = spec.get("seed")
    return ReportRun(
        run_id=member.run_id, name=member.name, stage=member.stage, role=member.role.value,
        arm=_SEED.sub("", member.name), seed=seed if isinstance(seed, int) else None, status=row.status,
        labels=row.labels, outcome=row.outcome, verdict=row.verdict, gates=gates, host=row.host,
        horizon=spec.get("horizon"), final_step=row.steps, train_time_ms=row.train_time_ms,
        teacher_train_time_ms=row.teacher_train_time_ms if member.role is Role.KD else None,
        best_val=row.best_val, final_val=row.final_val,
        median_step_ms=measured.median_step_ms if measured is not None else None,
        p90_step_ms=measured.p90_step_ms if measured is not None else None,
        kd_stop_step=curve.kd_stop_step if curve is not None else None,
        parameters=measured.parameters if measured is not None else None,
        teacher=names.get(member.teacher_run_id or ""), twin=names.get(member.twin_run_id or ""),
        reference=names.get(member.reference_run_id or ""),
        device=environment.get("gpu_model") or environment.get("device"), precision=environment.get("precision"),
        torch=environment.get("torch"),
        other_cpu_fraction=(usage.get("load") or {}).get("other_cpu_fraction"), validations=points,
        settings=numbers(spec), course=Course() if curve is None else course(curve, spec),
        figures=_figures(member, row, spec, curve, failed) if root is not None else None,
        failure=failure_words(attempts[-1].exit_json if attempts else None), spent=_spent(attempts),
        gone_on_ms=_gone_on_ms(member, usage),
        notes=tuple(PersonNote(n.at, str(n.payload.get("words", ""))) for n in ledger.notes(member.run_id)
                    if n.kind == PERSON_NOTE))


def _figures(member: MemberRow, row: LedgerRow, spec: Mapping[str, Any], curve: Curve | None,
             failed: Mapping[str, Any]) -> Figures | None:
    """What a measurement showed, once it has ended."""
    if member.role is not Role.MEASUREMENT or row.outcome is None:
        return None
    data = spec.get("data") or {}
    shortage = Shortage(failed.get("phase"), failed.get("tried_mib"), failed.get("free_mib"),
                        failed.get("shortfall_mib")) if failed.get("class") == "oom" else None
    tokens = int(data.get("batch_sequences") or 0) * int(data.get("sequence_length") or 0)
    return figures_of(member.name, _SEED.sub("", member.name), row.outcome, tokens, curve or Curve(), shortage)


def _gone_on_ms(member: MemberRow, usage: Mapping[str, Any]) -> float | None:
    told = usage.get("repeated")
    if told is None or told["run_id"] == member.run_id:  # an attempt that resumed an earlier one of its own run
        return None
    return float(told["train_time_ms"])


def _failure(attempt: AttemptRow) -> Mapping[str, Any]:
    told = json.loads(attempt.exit_json).get("failure") if attempt.exit_json else None
    return told if isinstance(told, dict) else {}


def _spent(attempts: Sequence[AttemptRow]) -> Spent:
    walls = [(int(json.loads(a.exit_json).get("wall_ms") or 0), a.outcome) for a in attempts if a.exit_json]
    return Spent(len(attempts), sum(ms for ms, _ in walls), sum(ms for ms, outcome in walls if outcome != "completed"))
