"""Stages and runs as a campaign file settles them, before hosts and the past are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.domain.verdict import Role
from orchestrator.planning.findings import DocPath
from orchestrator.planning.grid import Layer
from orchestrator.planning.needs import Needs
from orchestrator.planning.policy import Choice, PolicyPlan
from orchestrator.wire.spec import Spec


@dataclass(frozen=True)
class LaidRun:
    """One run as the file settles it. ``identity`` is the sha256 of its spec, ``size_bytes`` that of ``spec.json``.

    ``reference`` and ``twin`` are names. ``layers`` lead from the spec back to the file (``grid.locate``).
    """

    stage: str
    role: Role
    name: str
    spec: Spec
    identity: str
    size_bytes: int
    layers: tuple[Layer, ...]
    doc: DocPath
    reference: str | None = None
    twin: str | None = None
    teacher: Choice | None = None
    stop_target: Choice | None = None


@dataclass(frozen=True)
class PlannedStage:
    """A stage with its policies by the key each is pinned under, and the choice it offers to later stages.

    ``needs`` names the stages that must end before this one can be judged or started; ``host_needs`` is what its runs
    need of a host.
    """

    name: str
    role: Role
    policies: dict[str, PolicyPlan]
    choice: Choice | None
    needs: tuple[str, ...]
    deadline_s: int
    doc: DocPath
    host_needs: Needs = Needs()
    budget_guard: bool = False


@dataclass(frozen=True)
class Layout:
    stages: tuple[PlannedStage, ...]
    runs: tuple[LaidRun, ...]
