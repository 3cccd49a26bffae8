"""Runs as a fresh MLflow tracking store in one SQLite file: ``mlflow ui --backend-store-uri sqlite:///PATH``.

A campaign is an experiment. MLflow gives its runs ids of its own, so ours is the tag ``kdorch.run_id``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orchestrator.report.exports.gather import ExportedRun
from orchestrator.report.exports.writing import needed

METRICS_AT_ONCE, PARAMS_AT_ONCE = 1000, 100
"""MLflow takes no more of them in one call."""

VALUE_LIMIT = 5000
"""A longer value of a parameter or a tag is cut; MLflow would refuse the run."""

_STATUS = {"completed": "FINISHED", "imported": "FINISHED", "cancelled": "KILLED", "withdrawn": "KILLED"}


def writer() -> Callable[[Sequence[ExportedRun], Path, Path], None]:
    """The function that writes this form. Raises :class:`UsageError` without MLflow."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing of an export leaves this machine
    tracking = needed("mlflow.tracking", "mlflow")
    entities = needed("mlflow.entities", "mlflow")

    def write(runs: Sequence[ExportedRun], partial: Path, path: Path) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        client = tracking.MlflowClient(tracking_uri=f"sqlite:///{partial.resolve()}")
        experiments: dict[str, str] = {}
        for run in runs:
            campaign = run.row.campaign
            if campaign not in experiments:
                experiments[campaign] = client.create_experiment(
                    campaign, artifact_location=f"{path.resolve()}.artifacts")
            _log(client, entities, experiments[campaign], run)
        _let_go(client)

    return write


def _log(client: Any, entities: Any, experiment: str, run: ExportedRun) -> None:
    tags = {f"kdorch.{key}": value[:VALUE_LIMIT] for key, value in run.facts.items()}
    made = client.create_run(experiment, start_time=run.started_ms, tags=tags, run_name=run.row.name)
    run_id = made.info.run_id
    params = [entities.Param(key, value[:VALUE_LIMIT]) for key, value in run.spec.items()]
    for at in range(0, len(params), PARAMS_AT_ONCE):
        client.log_batch(run_id, params=params[at:at + PARAMS_AT_ONCE])
    metrics = _metrics(entities, run)
    for at in range(0, len(metrics), METRICS_AT_ONCE):
        client.log_batch(run_id, metrics=metrics[at:at + METRICS_AT_ONCE])
    if run.attempt.outcome is not None:
        client.set_terminated(run_id, _STATUS.get(run.attempt.outcome.value, "FAILED"), run.ended_ms)


def _metrics(entities: Any, run: ExportedRun) -> list[Any]:
    def at(train_time_ms: float | None) -> int:
        return run.started_ms + round(train_time_ms or 0)

    found = [entities.Metric("train_loss", p.train_loss, at(p.train_time_ms), p.step)
             for p in run.curve.train if p.train_loss is not None]
    found += [entities.Metric("val_loss", p.val_loss, at(p.train_time_ms), p.step) for p in run.curve.validations]
    end = run.ended_ms or run.started_ms
    return found + [entities.Metric(name, value, end, 0) for name, value in run.figures.items()]


def _let_go(client: Any) -> None:
    """Close the store's connections, so that the file is whole when it gets its name."""
    engine = getattr(getattr(getattr(client, "_tracking_client", None), "store", None), "engine", None)
    if engine is not None:
        engine.dispose()
