"""A campaign's runs as CSV: one row per run, in plan order, for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io

from orchestrator.domain.metrics import TargetHit, target_hit
from orchestrator.report.configuration import settings_told
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.sections.runs import why

Cell = str | int | float | None
COLUMNS: tuple[tuple[str, str], ...] = (
    ("run_id", "sha256 of the run's spec"),
    ("name", "the run's name in this campaign"),
    ("campaign", "the campaign's name"),
    ("stage", "the stage it belongs to"),
    ("role", "ce, teacher, kd, control or measurement"),
    ("arm", "the configuration without its seed"),
    ("seed", "the seed; empty where the run has none"),
    ("status", "the label that stands first in `kdorch ledger`"),
    ("labels", "all labels, separated by ;"),
    ("outcome", "how its last attempt ended; empty while it goes on"),
    ("verdict", "promote, reject or inconclusive; empty before it is judged"),
    ("why", "the reason for the verdict or for there being none, in words"),
    ("failed_gates", "gates that failed, separated by ;"),
    ("unknown_gates", "gates without evidence, separated by ;"),
    ("counted", "1 where the run may enter a claim, else 0"),
    ("not_counted_because", "why it may not; empty where it may"),
    ("controlled", "1 for a KD run with a control of the same schedule, 0 without; empty for other roles"),
    ("host", "the host of its last attempt"),
    ("device", "the GPU's model, or cpu"),
    ("precision", "fp32, bf16, …"),
    ("attempts", "how many attempts it took"),
    ("horizon", "steps that were asked for"),
    ("steps", "steps that were made"),
    ("train_time_ms", "train time by the log, ms; validation and checkpoints are not in it"),
    ("teacher", "the teacher's name, for a KD run"),
    ("teacher_train_time_ms", "the teacher's own train time, ms"),
    ("budget_ms", "the budget of its stage's policy, ms"),
    ("best_val", "lowest validation loss, nats per token"),
    ("final_val", "validation loss at the last step, nats per token"),
    ("target", "the loss it is compared by, nats per token"),
    ("steps_to_target", "step of the second of two consecutive validations at or below the target; empty: censored"),
    ("time_to_target_ms", "train time at that step, ms; empty: censored"),
    ("censored_at_step", "last validation of a run that never reached the target"),
    ("single_hit_step", "the last validation, where only it was at or below the target: unconfirmed"),
    ("kd_stop_step", "the step at which KD was switched off for good"),
    ("median_step_ms", "median of the step times after the first 20, ms"),
    ("p90_step_ms", "their 90th percentile, ms"),
    ("reference", "the plain CE run of the same seed that it is compared with"),
    ("control", "its control: the same schedule without KD"),
    ("notes", "what people said of it, separated by ' / '"),
    ("settings", "what tells its configuration apart in its stage and from plain CE, as key=value, separated by ;"),
)
"""Every column and what it means, in order; a promise to scripts."""


def runs_csv(report: CampaignReport) -> str:
    """The whole file. Empty cells are unknown; numbers are as exact as the ledger holds them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([name for name, _ in COLUMNS])
    settings = settings_told(report)
    for run in report.runs:
        told = {**_row(report, run), "settings": ";".join(f"{k}={v:g}" for k, v in settings[run.name])}
        writer.writerow(["" if told[name] is None else told[name] for name, _ in COLUMNS])
    return out.getvalue()


def columns_text() -> str:
    """The columns for a person: one a line with its meaning."""
    wide = max(len(name) for name, _ in COLUMNS)
    return "".join(f"{name:<{wide}}  {meaning}\n" for name, meaning in COLUMNS)


def _row(report: CampaignReport, run: ReportRun) -> dict[str, Cell]:
    policy = next((p for p in report.policies if p.stage == run.stage), None)
    target = policy.target if policy is not None and policy.target is not None else report.target
    hit = target_hit(run.validations, target) if target is not None and run.validations else None
    failed, unknown = (";".join(g.gate for g in run.gates if g.result == result) for result in ("fail", "unknown"))
    return {
        "run_id": run.run_id, "name": run.name, "campaign": report.campaign, "stage": run.stage, "role": run.role,
        "arm": run.arm, "seed": run.seed, "status": run.status, "labels": ";".join(run.labels),
        "outcome": run.outcome, "verdict": run.verdict, "why": why(run), "failed_gates": failed,
        "unknown_gates": unknown, "counted": int(run.why_not_counted is None),
        "not_counted_because": run.why_not_counted, "controlled": _controlled(run), "host": run.host,
        "device": run.device, "precision": run.precision, "attempts": run.spent.attempts or None,
        "horizon": run.horizon, "steps": run.final_step, "train_time_ms": run.train_time_ms, "teacher": run.teacher,
        "teacher_train_time_ms": run.teacher_train_time_ms, "budget_ms": None if policy is None else policy.budget_ms,
        "best_val": run.best_val, "final_val": run.final_val, "target": target, **_hit(hit),
        "kd_stop_step": run.kd_stop_step, "median_step_ms": run.median_step_ms, "p90_step_ms": run.p90_step_ms,
        "reference": run.reference, "control": run.twin, "notes": " / ".join(n.words for n in run.notes),
    }


def _hit(hit: TargetHit | None) -> dict[str, Cell]:
    if hit is None:
        return dict.fromkeys(("steps_to_target", "time_to_target_ms", "censored_at_step", "single_hit_step"))
    return {"steps_to_target": hit.steps_to_target, "time_to_target_ms": hit.time_to_target_ms,
            "censored_at_step": hit.censored_at_step, "single_hit_step": hit.single_hit_step}


def _controlled(run: ReportRun) -> int | None:
    return int(not run.uncontrolled) if run.role == "kd" else None
