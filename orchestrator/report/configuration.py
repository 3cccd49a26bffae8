"""What makes a configuration what it is: the settings in which it differs from the others of its stage, and from CE.

A name such as ``top1`` says nothing by itself; these numbers do.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.report.model import CampaignReport, ReportRun

SCHEDULES = ("schedule.", "optimizer.")
"""Where a KD run differs from its plain CE run on purpose, whether or not its stage varies it."""

Settings = tuple[tuple[str, float], ...]


def settings_told(report: CampaignReport) -> Mapping[str, Settings]:
    """By the name of each run, the settings that tell its configuration apart, by their dotted names.

    Those that vary among the runs of its stage (its control's too), and for a KD run those of its schedule and its
    optimizer that its plain CE run does not have.
    """
    stages: dict[str, list[dict[str, float]]] = {}
    for run in report.runs:
        stages.setdefault(_stage(run), []).append(dict(run.settings))
    varying = {stage: _varying(found) for stage, found in stages.items()}
    by_name = {run.name: run for run in report.runs}
    with_kd = {_stage(r): r for r in report.runs if r.role == "kd"}
    told = {}
    for run in report.runs:
        pattern = run if run.role == "kd" else with_kd.get(_stage(run))
        reference = by_name.get((pattern.reference if pattern is not None else None) or "")
        plain = dict(reference.settings) if reference is not None else None
        told[run.name] = tuple((name, value) for name, value in run.settings if name in varying[_stage(run)]
                               or (plain is not None and name.startswith(SCHEDULES) and plain.get(name) != value))
    return told


def in_words(settings: Settings) -> str:
    """``boost 2, hold 0.25``: the last part of each name, or all of it where two share that."""
    lasts = [name.rpartition(".")[2] for name, _ in settings]
    return ", ".join(f"{last if lasts.count(last) == 1 else name} {value:g}"
                     for (name, value), last in zip(settings, lasts, strict=True))


def _stage(run: ReportRun) -> str:
    """A control belongs to the stage of the arm that it controls."""
    return run.stage.removesuffix(":control")


def _varying(runs: list[dict[str, float]]) -> frozenset[str]:
    """The settings that all of several runs have, and not all alike."""
    shared = set.intersection(*(set(s) for s in runs))
    return frozenset(name for name in shared if len({s[name] for s in runs}) > 1)
