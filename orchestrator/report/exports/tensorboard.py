"""Runs as TensorBoard event files, a folder each: ``tensorboard --logdir PATH``. Every point, none thinned out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orchestrator.domain.metrics import step_delta_points
from orchestrator.report.exports.gather import ExportedRun
from orchestrator.report.exports.writing import needed


def writer() -> Callable[[Sequence[ExportedRun], Path, Path], None]:
    """The function that writes this form. Raises :class:`UsageError` without tensorboardX."""
    package = needed("tensorboardX", "tensorboard")

    def write(runs: Sequence[ExportedRun], partial: Path, _path: Path) -> None:
        for run in runs:
            folder = partial / _folder(run.row.campaign, run.row.name)
            with package.SummaryWriter(logdir=str(folder)) as events:
                _write(events, run)

    return write


def _write(events: Any, run: ExportedRun) -> None:
    begun = run.started_ms / 1000

    def scalar(tag: str, value: float, step: int, train_time_ms: float | None) -> None:
        if math.isfinite(value):
            events.add_scalar(tag, value, step, walltime=begun + (train_time_ms or 0) / 1000)

    for point in run.curve.train:
        if point.train_loss is not None:
            scalar("loss/train", point.train_loss, point.step, point.train_time_ms)
    for validation in run.curve.validations:
        scalar("loss/val", validation.val_loss, validation.step, validation.train_time_ms)
    times = {p.step: p.train_time_ms for p in run.curve.train}
    for step, delta_ms in step_delta_points(run.curve):
        scalar("step_ms", delta_ms, step, times.get(step))
    facts = "\n".join(f"    {key}: {value}" for key, value in run.facts.items())
    events.add_text("kdorch", facts, 0, walltime=begun)


def _folder(campaign: str, name: str) -> Path:
    """``campaign/run``, with nothing in it that leaves the folder."""
    parts = [campaign, *name.removeprefix(f"{campaign}/").split("/")]
    return Path(*(p.replace("\\", "_").strip(".") or "_" for p in parts))
