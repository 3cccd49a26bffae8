"""Stages and runs as a campaign file settles them, before hosts and the past are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.domain.verdict import Role
from orchestrator.planning.findings import DocPath
from orchestrator.planning.grid import Layer
from orchestrator.planning.needs import Needs
from orchestrator.planning.policy import Choice, PolicyPlan
from orchestrator.planning.search import OptunaSearch
from orchestrator.wire.spec import Spec


@dataclass(frozen=True)
class Ranked:
    """The configuration at place ``rank`` (from 1) of what a stage chooses; pinned under ``key``.

    ``text`` is ``STAGE.top``, or ``STAGE.best`` for the configuration of the best run.
    """

    stage: str
    text: str
    rank: int
    by: str
    key: str


@dataclass(frozen=True)
class OpenSettings:
    """Settings that are those of a configuration still to be chosen, with ``layers`` over them.

    ``possible`` are the specs that can come of it, one for each configuration that may be chosen.
    """

    source: Ranked
    layers: tuple[Layer, ...]
    possible: tuple[Spec, ...]


@dataclass(frozen=True)
class Trial:
    """A run's place in a search: trial ``number`` (from 1) of ``search``. ``possible`` are specs at its corners."""

    search: OptunaSearch
    number: int
    possible: tuple[Spec, ...]

    @property
    def batch(self) -> int:
        return self.search.batch_of(self.number)


@dataclass(frozen=True)
class LaidRun:
    """One run as the file settles it. ``identity`` is the sha256 of its spec, ``size_bytes`` that of ``spec.json``.

    ``reference`` and ``twin`` are names. ``layers`` lead from the spec back to the file (``grid.locate``). A run with
    ``settings`` is ``open`` until these are chosen: its ``spec`` is the first of what is possible, its ``identity``
    its mark. ``source`` is the run whose settings it then took. So is a ``trial`` until its batch is proposed.
    ``mark`` never changes.
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
    settings: OpenSettings | None = None
    trial: Trial | None = None
    open: bool = False
    source: str | None = None
    marked: str | None = None

    @property
    def mark(self) -> str:
        """What identifies the run by the file alone: its identity, or the stand-in for one."""
        return self.marked or self.identity


@dataclass(frozen=True)
class PlannedStage:
    """A stage with its policies by the key each is pinned under, and the choice it offers to later stages.

    ``needs`` names the stages that must end before this one can be judged or started; ``host_needs`` is what its runs
    need of a host. ``top`` are the places that ``select: {top: …}`` offers, ``wants`` those that it takes settings
    from; ``stop`` is what it must have come to (``domain.stopping``), ``expects`` the ends that are its results; it
    starts once the stages in ``after`` have come to theirs. A ``rung`` only ranks configurations for the next one; in
    a ``duel`` configurations are alternatives, of which the quicker wins. With ``search`` its runs are trials. Its
    runs go on, where they can, from those of the rung before, which ended after ``continues_at`` steps.
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
    top: tuple[Ranked, ...] = ()
    wants: tuple[Ranked, ...] = ()
    stop: str = "none"
    expects: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    controls: bool = False
    compare_with: str | None = None
    rung: bool = False
    duel: bool = False
    search: OptunaSearch | None = None
    continues_at: int | None = None


@dataclass(frozen=True)
class Layout:
    stages: tuple[PlannedStage, ...]
    runs: tuple[LaidRun, ...]
