"""Runs as a Process Run Crate 0.6 (an RO-Crate 1.3): a ``CreateAction`` for each, with the files that it left.

The crate carries the evidence itself with the digest of every file, so that who receives it can hold one against the
other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.ledger.evidence_bytes import KEPT_ON_HOST, read_kept
from orchestrator.report.exports.gather import ExportedRun
from orchestrator.report.exports.writing import needed

PROFILE = "https://w3id.org/ro/wfrun/process/0.6"
_DONE = ("completed", "imported")


def writer() -> Callable[[Sequence[ExportedRun], Path, Path], None]:
    """The function that writes this form. Raises :class:`UsageError` without rocrate."""
    crates = needed("rocrate.rocrate", "rocrate")
    models = needed("rocrate.model", "rocrate")

    def write(runs: Sequence[ExportedRun], partial: Path, path: Path) -> None:
        crate = crates.ROCrate()
        crate.name = f"Distillation runs in {path.name}"
        crate.description = f"{len(runs)} runs with their evidence, exported from a kdorch ledger"
        latest = max(r.ended_ms or r.started_ms for r in runs)
        crate.datePublished = _utc(latest)
        crate.root_dataset["conformsTo"] = crate.add(models.ContextEntity(crate, PROFILE, properties={
            "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.6"}))
        trainers: dict[str, Any] = {}
        for run in runs:
            bundle = run.attempt.bundle or "elsewhere"
            if bundle not in trainers:
                trainers[bundle] = crate.add(models.ContextEntity(crate, f"#trainer-{bundle}", properties={
                    "@type": "SoftwareApplication", "name": "kdorch trainer", "softwareVersion": bundle}))
            _add(crate, models, trainers[bundle], run)
        crate.write(partial)

    return write


def _add(crate: Any, models: Any, trainer: Any, run: ExportedRun) -> None:
    action_id = f"#{run.row.campaign}/{run.row.name}/{run.attempt.attempt_no}"
    values = [crate.add(models.ContextEntity(crate, f"{action_id}/{key}", properties={
        "@type": "PropertyValue", "name": key, "value": value})) for key, value in run.spec.items()]
    figures = [crate.add(models.ContextEntity(crate, f"{action_id}/{key}", properties={
        "@type": "PropertyValue", "name": key, "value": value})) for key, value in run.figures.items()]
    done = run.attempt.outcome is not None and run.attempt.outcome.value in _DONE
    properties = {"name": run.row.name, "startTime": _utc(run.started_ms), "identifier": run.row.run_id,
                  "description": "; ".join(f"{k}: {v}" for k, v in run.facts.items())}
    if run.ended_ms is not None:
        status = "CompletedActionStatus" if done else "FailedActionStatus"
        properties |= {"endTime": _utc(run.ended_ms), "actionStatus": f"http://schema.org/{status}"}
    crate.add_action(trainer, identifier=action_id, object=values, result=[*_files(crate, run), *figures],
                     properties=properties)


def _files(crate: Any, run: ExportedRun) -> list[Any]:
    """The evidence, each file once, however many campaigns hold the run. Raises :class:`LedgerError` where a file is
    not what the ledger recorded."""
    directory = run.directory
    if directory is None:
        return []
    recorded = {f.path: f for f in run.files if not f.path.startswith(KEPT_ON_HOST)}
    beside = {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}
    found = []
    for name in sorted(recorded.keys() | beside):
        path, place = directory / name, f"{run.row.artifact_dir}/{name}"
        data = read_kept(directory, recorded[name], run.row.run_id) if name in recorded else path.read_bytes()
        found.append(crate.get(place) or crate.add_file(path, place, properties={
            "contentSize": str(len(data)), "sha256": hashlib.sha256(data).hexdigest()}))
    return found


def _utc(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="milliseconds")
