"""Lays out the trials of a search, and settles those whose turn has come.

Until a batch is proposed its runs have no spec. What stands for them are marks that follow from the file alone (as
with chosen settings, :mod:`orchestrator.planning.settings`), so campaign and plan keep their identity meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.domain.verdict import Role
from orchestrator.planning.building import Builder, lay_run, owns, reference_mark
from orchestrator.planning.campaign_model import Stage
from orchestrator.planning.findings import DocPath, at
from orchestrator.planning.grid import Cell, Layer, assemble, cells, check_layer
from orchestrator.planning.names import TWIN_SUFFIX
from orchestrator.planning.pairing import twin_body
from orchestrator.planning.policy import Choice
from orchestrator.planning.search import OptunaSearch, Params, Told, propose
from orchestrator.planning.settings import plain, renamed
from orchestrator.planning.stages import LaidRun, Trial
from orchestrator.wire.spec import Spec, canonical_bytes, canonical_digest


@dataclass(frozen=True)
class TrialRun:
    """What the ledger holds of one run of a search. ``over``: it ended, and was judged if it can be.

    ``figures`` holds the value of each key that a search may go by, None where the run gave none.
    """

    spec_json: str
    over: bool
    figures: Mapping[str, float | None]


def check_search(stage: Stage, doc: DocPath, builder: Builder) -> bool:
    """Say what does not go with a search; whether there is a search to lay out."""
    if stage.search is None:
        return False
    where, search, findings = (*doc, "search"), stage.search.optuna, builder.findings
    others = [k for k in ("runs", "zip", "random", "halving", "settings", "names") if getattr(stage, k) is not None]
    others += [f"axes.{path}" for path in stage.axes or {} if path != "seed"]
    if others:
        findings.add(where, f"a search makes its own configurations and names; {', '.join(others)} cannot stand beside "
                            "it, only 'axes: {seed: [...]}'")
    for path, among in search.over.items():
        if among == ():
            findings.add((*where, "optuna", "over", path), "expected at least one value")
    if others or () in search.over.values():
        return False
    if search.different() < search.trials:
        findings.add((*where, "optuna", "trials"), f"there are only {search.different()} different configurations; "
                                                   "list them as axes, or ask for fewer trials")
    return True


def expand_trials(builder: Builder, stage: Stage, doc: DocPath, base: tuple[Layer, ...], teacher: Choice | None,
                  stop: Choice | None) -> list[LaidRun]:
    """All runs of the search in plan order: trial by trial, seed by seed, each arm followed by its twin."""
    assert stage.search is not None
    search = stage.search.optuna
    corners = [_layers(search, params, doc) for params in search.corners()]
    for layer in (layer for corner in corners for layer in corner):
        check_layer(layer, builder.findings)
    seeds = [(cell, [_laid(builder, stage, doc, cell, (*base, *cell.layers, *c), control=False) for c in corners])
             for cell in cells(stage, doc, builder.findings)]
    runs: list[LaidRun] = []
    for number in range(1, search.trials + 1):
        for cell, arms in seeds:
            possible = [a for a in arms if a is not None]
            if len(possible) < len(corners):
                return []  # said already, and the same for every trial
            layers = (*base, *cell.layers)
            arm = _open(search, number, possible, layers, stage.name, control=False)
            arm = replace(arm, stop_target=stop, teacher=teacher if arm.spec.kd is not None else None)
            if not owns(builder, arm, doc):
                continue
            if not stage.controls:
                runs.append(arm)
                continue
            twins = [t for c in corners if (t := _laid(builder, stage, doc, cell, (*layers, *c), control=True))]
            if len(twins) < len(corners):
                return []
            twin = _open(search, number, twins, layers, stage.name, control=True)
            runs += [replace(arm, twin=reference_mark(twin)), replace(twin, stop_target=stop)]
    return runs


def settle_trials(runs: Sequence[LaidRun], known: Mapping[str, TrialRun]) -> tuple[LaidRun, ...]:
    """The runs, with the specs of all trials that the ledger knows (by name) and of the batch that comes next."""
    chosen: dict[tuple[str, int], Params] = {}
    for stage in dict.fromkeys(r.stage for r in runs if r.trial is not None):
        for number, params in _params([r for r in runs if r.stage == stage], known).items():
            chosen[(stage, number)] = params
    settled: list[LaidRun] = []
    by_id: dict[str, LaidRun] = {}
    instead: dict[str, str] = {}
    for run in runs:
        asked = chosen.get((run.stage, run.trial.number)) if run.trial is not None else None
        if asked is not None:
            run = _proposed(run, asked)
        first = by_id.setdefault(run.identity, run)
        if first is run:
            settled.append(run)
        else:  # two trials may share a control arm
            instead[run.name] = first.name
    return tuple(renamed(r, instead) for r in settled) if instead else tuple(settled)


def _params(runs: Sequence[LaidRun], known: Mapping[str, TrialRun]) -> dict[int, Params]:
    """The configuration of each trial as far as it is settled, by number; asks the study for one batch at most."""
    arms: dict[int, list[LaidRun]] = {}
    for run in runs:
        if run.trial is not None and run.role is not Role.CONTROL:
            arms.setdefault(run.trial.number, []).append(run)
    first = next(iter(arms.values()))[0].trial
    assert first is not None
    search, found, told = first.search, dict[int, Params](), list[Told]()
    for begin in range(1, search.trials + 1, search.batch):
        numbers = [n for n in range(begin, begin + search.batch) if n in arms]
        recorded = {n: p for n in numbers if (p := _recorded(search, arms[n], known)) is not None}
        missing = [n for n in numbers if n not in recorded]
        found |= recorded
        if missing:
            asked = propose(search, told, list(recorded.values()), len(missing))
            found |= dict(zip(missing, asked, strict=True))
            return found
        results = {n: [known.get(r.name) for r in arms[n]] for n in numbers}
        if not all(r is not None and r.over for each in results.values() for r in each):
            return found
        told += [Told(recorded[n], _score(search, [r for r in results[n] if r is not None])) for n in numbers]
    return found


def _recorded(search: OptunaSearch, arms: Sequence[LaidRun], known: Mapping[str, TrialRun]) -> Params | None:
    run = next((known[r.name] for r in arms if r.name in known), None)
    if run is None:
        return None
    spec = json.loads(run.spec_json)
    return {path: at(spec, path.split(".")) for path in search.over}


def _score(search: OptunaSearch, runs: Sequence[TrialRun]) -> float | None:
    values = [v for r in runs if (v := r.figures.get(search.by)) is not None]
    return sum(values) / len(values) if len(values) == len(runs) else None


def _layers(search: OptunaSearch, params: Params, doc: DocPath) -> tuple[Layer, ...]:
    return tuple(Layer(tuple(path.split(".")), params[path], (*doc, "search", "optuna", "over", path))
                 for path in search.over)


def _laid(builder: Builder, stage: Stage, doc: DocPath, cell: Cell, layers: tuple[Layer, ...], *,
          control: bool) -> LaidRun | None:
    raw: dict[str, Any] = assemble({}, layers)
    return lay_run(builder, stage, doc, replace(cell, name="trial", words=()), layers,
                   twin_body(raw) if control else raw, Role.CONTROL if control else Role(stage.role))


def _open(search: OptunaSearch, number: int, possible: Sequence[LaidRun], layers: tuple[Layer, ...], stage: str, *,
          control: bool) -> LaidRun:
    mark = canonical_digest({"search": search.model_dump(mode="json"), "stage": stage, "trial": number,
                             "over": plain(assemble({}, layers)), "control": control})
    name = f"trial{number}-s{possible[0].spec.seed}{TWIN_SUFFIX if control else ''}"
    return replace(possible[0], name=name, identity=mark, marked=mark, layers=layers, open=True,
                   trial=Trial(search, number, tuple(r.spec for r in possible)))


def _proposed(run: LaidRun, params: Params) -> LaidRun:
    assert run.trial is not None
    raw: dict[str, Any] = assemble({}, (*run.layers, *_layers(run.trial.search, params, run.doc)))
    spec = Spec.model_validate(twin_body(raw) if run.role is Role.CONTROL else raw)
    data = canonical_bytes(spec.model_dump(mode="json", by_alias=True))
    return replace(run, spec=spec, identity=hashlib.sha256(data).hexdigest(), size_bytes=len(data), open=False)
