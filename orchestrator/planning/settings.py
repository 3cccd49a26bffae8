"""Runs that take the settings of configurations still to be chosen: ``settings: {from: STAGE.top}``.

Until the choice is pinned such a run has no spec, and so no run id. What stands for it is its *mark*: the digest of the
choice, of its rank, and of what the stage lays over it. Marks follow from the file alone, so the campaign, its choices
and its plan hash keep their identity while the choices are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from pydantic import BaseModel

from orchestrator.domain.verdict import Role
from orchestrator.planning.grid import Layer, assemble
from orchestrator.planning.pairing import twin_body
from orchestrator.planning.stages import LaidRun, OpenSettings, Ranked
from orchestrator.wire.spec import Spec, canonical_bytes, canonical_digest, config_id_of

__all__ = ["Chosen", "OpenSettings", "Ranked", "distinct", "mark_of", "plain", "raw_over", "renamed", "settle"]


class Chosen(Protocol):
    """What a choice was resolved to, as far as settings are concerned."""

    @property
    def run_id(self) -> str: ...


def raw_over(source: Spec, layers: Sequence[Layer], *, control: bool) -> dict[str, Any]:
    """The raw spec of a run that takes the settings of ``source``: everything but its teacher and its target."""
    base = source.model_dump(mode="json", by_alias=True)
    base.pop("stop_at_target", None)
    if base.get("kd"):
        base["kd"].pop("teacher")
    raw: dict[str, Any] = assemble(base, layers)
    return twin_body(raw) if control else raw


def mark_of(source: Ranked, layers: Sequence[Layer], *, control: bool) -> str:
    """What stands for the run until it has a spec (64 hex digits, as a run id)."""
    return canonical_digest({"settings": source.key, "over": plain(assemble({}, layers)), "control": control})


def distinct(specs: Sequence[Spec]) -> list[Spec]:
    """One spec of every configuration, the first of its seeds."""
    found: dict[str, Spec] = {}
    for spec in specs:
        found.setdefault(config_id_of(spec), spec)
    return list(found.values())


def settle(runs: Sequence[LaidRun], resolution: Callable[[str], Chosen | None]) -> tuple[LaidRun, ...]:
    """The runs, those with pinned settings with the spec that follows from them.

    Where two runs come to ask for exactly the same (two chosen schedules may share a control arm) the first stands for
    both.
    """
    by_id: dict[str, LaidRun] = {}
    instead: dict[str, str] = {}
    settled: list[LaidRun] = []
    for run in runs:
        chosen = resolution(run.settings.source.key) if run.settings is not None else None
        if run.settings is not None and chosen is not None and chosen.run_id in by_id:
            run = _from(run, run.settings, by_id[chosen.run_id])
        known = by_id.setdefault(run.identity, run)
        if known is not run:
            instead[run.name] = known.name
        else:
            settled.append(run)
    return tuple(settled) if not instead else tuple(renamed(r, instead) for r in settled)


def _from(run: LaidRun, settings: OpenSettings, source: LaidRun) -> LaidRun:
    spec = Spec.model_validate(raw_over(source.spec, settings.layers, control=run.role is Role.CONTROL))
    data = canonical_bytes(spec.model_dump(mode="json", by_alias=True))
    return replace(run, spec=spec, identity=hashlib.sha256(data).hexdigest(), size_bytes=len(data), open=False,
                   source=source.name)


def renamed(run: LaidRun, instead: Mapping[str, str]) -> LaidRun:
    """The run, pointing at those that stand for its twin and its reference."""
    return replace(run, twin=instead.get(run.twin or "", run.twin),
                   reference=instead.get(run.reference or "", run.reference))


def plain(value: Any) -> Any:
    """``value`` with the models in it as plain data."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
