"""Fills a :class:`CampaignReport` from the ledger and from verified evidence. Read-only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.domain.failure_words import failure_words
from orchestrator.domain.measured import Figures, Shortage, figures_of
from orchestrator.domain.metrics import Curve, ValPoint
from orchestrator.domain.moves import move_words
from orchestrator.domain.replication import Replication
from orchestrator.domain.verdict import Role
from orchestrator.ledger.evidence_bytes import LOG, log_bytes
from orchestrator.ledger.reads import PERSON_NOTE, Reads
from orchestrator.ledger.rows import AttemptRow, CampaignRow, LedgerRow, MemberRow, ResolutionRecord
from orchestrator.report.asking import asking, launched_with, planned_runs
from orchestrator.report.courses import course, numbers
from orchestrator.report.model import (
    CampaignReport,
    Course,
    GateOutcome,
    PersonNote,
    Replicated,
    ReportChoice,
    ReportPlace,
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
    attempts, pinned = ledger.current_attempts(names), ledger.resolutions()
    launched, asked = launched_with(campaign), asking(campaign)
    runs = tuple(_run(ledger, root if logs else None, m, rows[m.run_id], specs[m.run_id], names,
                      rows[m.run_id].outcome in asked.expects.get(m.stage, ())) for m in members
                 if m.run_id in rows)
    return CampaignReport(
        campaign=campaign.name, campaign_id=campaign.campaign_id, source_name=campaign.source_name,
        question=asked.question, plan_hash=campaign.plan_hash,
        bundle_digest=next((a.bundle for a in attempts if a.bundle), ""),
        runs=runs, planned=planned_runs(asked) if any(not r.over for r in runs) else None,
        policies=tuple(policies), choices=_choices(pinned, campaign, members, specs, names),
        target=target.target if target is not None else None,
        target_from=target.target_from if target is not None else "",
        overrides=tuple(launched.get("set") or ()), host_override=launched.get("host"), scale=launched.get("scale"),
        recorded_at=campaign.recorded_at, open_stages=tuple(sorted((open_stages or {}).items())),
        ledger_head=ledger.head(), roles=asked.roles, duels=asked.duels, halvings=asked.halvings,
        searches=asked.searches, places=_places(pinned, names) if asked.halvings or asked.searches else (),
        replications=_replications(ledger, campaign, members))


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


def _choices(pinned: Sequence[ResolutionRecord], campaign: CampaignRow, members: Sequence[MemberRow],
             specs: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> tuple[ReportChoice, ...]:
    """The choices that this campaign made or rests on, as they were pinned, oldest first.

    A choice among the same runs is pinned once for all campaigns, so one that an earlier campaign pinned counts too:
    where a spec refers to it, or where it chose among all runs of one of this campaign's stages.
    """
    referred = {canonical_digest(selector) for spec in specs.values()
                for selector in ((spec.get("kd") or {}).get("teacher"), spec.get("stop_at_target"))
                if selector is not None}
    stages: dict[str, set[str]] = {}
    for member in members:
        stages.setdefault(member.stage, set()).add(member.run_id)
    own = {r.selector for r in pinned if r.key in referred or r.campaign_id == campaign.campaign_id}
    return tuple(ReportChoice(r.selector, names.get(r.chosen_run_id, r.chosen_run_id[:12]), r.reason) for r in pinned
                 if r.key in referred or r.campaign_id == campaign.campaign_id
                 or (r.selector not in own and set(r.candidates) == stages.get(r.selector.partition(".")[0])))


def _replications(ledger: Reads, campaign: CampaignRow, members: Sequence[MemberRow]) -> tuple[Replicated, ...]:
    """Every configuration of the stages whose policy asks for fresh seeds, by the first of its runs."""
    found: dict[tuple[str, str], Replicated] = {}
    policies = {stage: ledger.pinned_policy(campaign.campaign_id, stage) for stage in {m.stage for m in members}}
    for member in members:
        policy, key = policies[member.stage], (member.stage, _SEED.sub("", member.name))
        if policy is None or policy.replication is None or policy.target_u6 is None or key in found:
            continue
        row = ledger.replication(campaign.campaign_id, member.run_id)
        told = None if row is None else Replication(row.seeds, row.bad, row.margin_u6, row.squares, row.passed)
        found[key] = Replicated(*key, policy.replication, policy.target_u6, told)
    return tuple(found.values())


def _places(resolutions: Sequence[ResolutionRecord], names: Mapping[str, str]) -> tuple[ReportPlace, ...]:
    """What was chosen among this campaign's runs alone, whichever campaign had it pinned first."""
    found = []
    for pinned in resolutions:
        if pinned.chosen_run_id in names and set(pinned.candidates) <= set(names):
            stage, _, place = pinned.selector.partition(".")
            rank = place.partition("#")[2]
            found.append(ReportPlace(stage, int(rank) if rank else None, names[pinned.chosen_run_id], pinned.reason))
    return tuple(found)


def _curve(ledger: Reads, root: Path | None, row: LedgerRow) -> Curve | None:
    if root is None or row.artifact_dir is None or not (root / row.artifact_dir / LOG).is_file():
        return None  # a report says less where a log was taken away, and nothing that an altered one says
    evidence = ledger.evidence(row.run_id)
    log = None if evidence is None else log_bytes(ledger, root, row.run_id, evidence.evidence_id)
    return None if log is None else parse_log(log)


def _run(ledger: Reads, root: Path | None, member: MemberRow, row: LedgerRow, spec: Mapping[str, Any],
         names: Mapping[str, str], answered: bool) -> ReportRun:
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
    seed, notes = spec.get("seed"), ledger.notes(member.run_id)
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
        torch=environment.get("torch"), entry=str(spec.get("entry", "")),
        other_cpu_fraction=(usage.get("load") or {}).get("other_cpu_fraction"), validations=points,
        settings=numbers(spec), course=Course() if curve is None else course(curve, spec),
        figures=_figures(member, row, spec, curve, failed) if root is not None else None,
        failure=failure_words(attempts[-1].exit_json if attempts else None),
        spent=_spent(attempts, row.outcome if answered else None), gone_on_ms=_gone_on_ms(member, usage),
        answered=answered,
        notes=tuple(PersonNote(n.at, str(n.payload.get("words", ""))) for n in notes if n.kind == PERSON_NOTE),
        moves=tuple(words for n in notes if (words := move_words(n.kind, n.payload)) is not None))


def _figures(member: MemberRow, row: LedgerRow, spec: Mapping[str, Any], curve: Curve | None,
             failed: Mapping[str, Any]) -> Figures | None:
    """What a measurement showed, once it has ended."""
    if member.role is not Role.MEASUREMENT or row.outcome is None:
        return None
    data = spec.get("data") or {}
    shortage = Shortage(failed.get("phase"), failed.get("tried_mib"), failed.get("free_mib"),
                        failed.get("shortfall_mib")) if failed.get("class") == "oom" else None
    tokens = int(data.get("batch_sequences") or 0) * int(data.get("sequence_length") or 0)
    arm = _SEED.sub("", member.name).rpartition("/")[2]
    return figures_of(member.name, arm, row.outcome, tokens, curve or Curve(), shortage, spec.get("seed"))


def _gone_on_ms(member: MemberRow, usage: Mapping[str, Any]) -> float | None:
    told = usage.get("repeated")
    if told is None or told["run_id"] == member.run_id:  # an attempt that resumed an earlier one of its own run
        return None
    return float(told["train_time_ms"])


def _failure(attempt: AttemptRow) -> Mapping[str, Any]:
    told = json.loads(attempt.exit_json).get("failure") if attempt.exit_json else None
    return told if isinstance(told, dict) else {}


def _spent(attempts: Sequence[AttemptRow], answer: str | None) -> Spent:
    """``answer`` is the end that was asked about: time up to it gave a result."""
    walls = [(int(json.loads(a.exit_json).get("wall_ms") or 0), a.outcome) for a in attempts if a.exit_json]
    return Spent(len(attempts), sum(ms for ms, _ in walls),
                 sum(ms for ms, outcome in walls if outcome not in ("completed", answer)))
