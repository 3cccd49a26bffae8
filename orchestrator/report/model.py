"""What a campaign's report is made of: plain values, filled from ledger rows and evidence by whoever may read those.

The report computes from these alone, so that the same values give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.domain.measured import Figures
from orchestrator.domain.metrics import ValPoint
from orchestrator.domain.replication import Replication, ReplicationRule

NOT_COUNTED_LABELS = ("provisional", "archival")
"""Runs with these labels are shown and never enter a claim."""
DISQUALIFYING_GATES = ("evidence_complete", "no_oom_fallback", "comparable")
"""A run that fails one of these, or has no evidence for it, cannot be compared with anything."""


SIMULATED = "simulated"
"""The trainer that plays known curves and known noise."""


@dataclass(frozen=True)
class GateOutcome:
    """A gate that did not pass: ``result`` is ``fail`` or ``unknown``; ``number`` against ``limit`` in words."""

    gate: str
    result: str
    number: str
    limit: str


@dataclass(frozen=True)
class Sample:
    """One point of a training curve, thinned for drawing; times in ms."""

    step: int
    value: float
    train_time_ms: float | None


@dataclass(frozen=True)
class Course:
    """What a run's log says between its validations. ``train`` are losses, ``deltas`` step times in ms, each thinned
    to medians of neighbouring steps; ``parts`` are the steps at which another batch begins, with its tokens a step."""

    train: tuple[Sample, ...] = ()
    deltas: tuple[Sample, ...] = ()
    parts: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class PersonNote:
    """What a person said of a run, and when (UTC)."""

    at: str
    words: str


@dataclass(frozen=True)
class Spent:
    """What a run took of hosts, over all its attempts: wall time of supervisors, and the part that gave no result."""

    attempts: int = 0
    host_ms: int = 0
    wasted_ms: int = 0


@dataclass(frozen=True)
class ReportRun:
    """One run of the campaign.

    ``arm`` names the configuration without its seed; runs of one arm differ in nothing but their seed.
    ``twin`` is the name of its control (the same schedule without KD) and ``reference`` that of the plain CE run, both
    of the same seed. ``gates`` holds the gates that did not pass. ``target`` is the loss its stage asks for.
    ``device`` (the GPU's model, or ``cpu``), ``precision`` and ``torch`` are what the trainer recorded of itself,
    ``entry`` which trainer it was: ``simulated`` plays a curve and trains nothing.
    ``other_cpu_fraction`` is the mean share of all CPUs that other processes used while it ran, 0 to 1.
    ``settings`` are the numbers of its spec by dotted name (``schedule.boost``), for tables and heat maps.
    ``failure`` says in words why it gave no result. ``figures`` are what a measurement showed. ``gone_on_ms`` is
    the train time of the shorter run whose checkpoint it went on from, None where it trained all of its steps.
    ``answered`` says that it ended as its stage asks about: running out of memory is then its result.
    """

    run_id: str
    name: str
    stage: str
    role: str
    arm: str
    seed: int | None
    status: str
    labels: tuple[str, ...] = ()
    outcome: str | None = None
    verdict: str | None = None
    gates: tuple[GateOutcome, ...] = ()
    host: str | None = None
    horizon: int | None = None
    final_step: int | None = None
    train_time_ms: int | None = None
    teacher_train_time_ms: int | None = None
    best_val: float | None = None
    final_val: float | None = None
    median_step_ms: float | None = None
    p90_step_ms: float | None = None
    kd_stop_step: int | None = None
    parameters: int | None = None
    teacher: str | None = None
    twin: str | None = None
    reference: str | None = None
    other_cpu_fraction: float | None = None
    device: str | None = None
    precision: str | None = None
    torch: str | None = None
    entry: str = ""
    validations: tuple[ValPoint, ...] = ()
    settings: tuple[tuple[str, float], ...] = ()
    course: Course = Course()
    figures: Figures | None = None
    failure: str = ""
    spent: Spent = Spent()
    gone_on_ms: float | None = None
    answered: bool = False
    notes: tuple[PersonNote, ...] = ()
    moves: tuple[str, ...] = ()

    @property
    def uncontrolled(self) -> bool:
        """A KD run without a twin: what it saves may be its schedule's doing."""
        return self.role == "kd" and self.twin is None

    @property
    def over(self) -> bool:
        """Whether it ended, with a verdict or without."""
        return self.finished or self.outcome is not None

    @property
    def has_numbers(self) -> bool:
        """Whether anything of it can be shown."""
        return any(n is not None for n in (self.final_step, self.train_time_ms, self.best_val, self.median_step_ms))

    @property
    def finished(self) -> bool:
        """Whether it has a verdict; everything else is under way, planned, or ended without evidence."""
        return self.verdict is not None

    @property
    def standing(self) -> str:
        """Its status, or the end that was asked about."""
        return f"answered: {(self.outcome or '').upper()}" if self.answered else self.status

    @property
    def why_not_counted(self) -> str | None:
        """Why this run may not enter a claim; None when it may. A diverged run counts: as one that never arrives."""
        for label in NOT_COUNTED_LABELS:
            if label in self.labels:
                return label
        if self.outcome == "nan" or self.answered:
            return None
        if self.verdict is None:
            return "not finished" if self.outcome is None else f"ended as {self.outcome}, without a verdict"
        broken = [g for g in self.gates if g.gate in DISQUALIFYING_GATES]
        return ", ".join(f"{g.gate}: {g.number}" for g in broken) or None


@dataclass(frozen=True)
class ReportPolicy:
    """A stage's pinned policy. ``target`` in nats; ``derivation`` says where the budget came from."""

    stage: str
    name: str
    gates: tuple[str, ...]
    budget_ms: int | None = None
    derivation: str = ""
    target: float | None = None
    target_from: str = ""


@dataclass(frozen=True)
class Replicated:
    """What the fresh seeds of one configuration were asked under a rule pinned before they ran, and what they came to;
    ``found`` is None while one of them has no result."""

    stage: str
    arm: str
    rule: ReplicationRule
    target_u6: int
    found: Replication | None


@dataclass(frozen=True)
class ReportChoice:
    """A selector such as ``teachers.best`` as it was pinned."""

    selector: str
    chosen: str
    reason: str


@dataclass(frozen=True)
class ReportPlace:
    """What a stage chose: its best run, or with a ``rank`` (from 1) the configuration that took that place; ``run`` is
    the name of the chosen one, or of the first of its seeds."""

    stage: str
    rank: int | None
    run: str
    reason: str


@dataclass(frozen=True)
class Mark:
    """A campaign's best counted KD arm against plain CE, as fractions of plain CE's own figures: below 1 is better.

    ``steps`` and ``time`` are to the target, ``time_with_teacher`` counts the teacher's train time too. ``seeds`` is
    how many pairs stand behind them. None where a side never arrived or a cost is unknown.
    """

    campaign: str
    recorded_at: str
    arm: str
    seeds: int
    steps: float | None
    time: float | None
    time_with_teacher: float | None
    controlled: bool


@dataclass(frozen=True)
class CampaignReport:
    """Everything the report says. ``target`` is the loss that arms are compared by, None while it is not pinned; a
    stage whose policy has a target of its own is compared by that.

    ``overrides`` are the ``--set`` values, ``host_override`` the ``--host`` and ``scale`` the ``--scale`` that it was
    launched with; ``recorded_at`` is when (UTC).
    ``open_stages`` maps stages that could not start to the reason. ``ledger_head`` is the (sequence, hash) of the
    ledger's chain when the report was made. ``progress`` holds this and other campaigns of the ledger, oldest first.
    ``roles`` are those of the file's stages, whether they have begun or not;
    ``planned`` is how many runs it comes to in all, None where that is not known or all are recorded;
    ``duels`` are the measurement stages whose configurations are alternatives, ``halvings`` the stages that were halved
    with their number of rungs, ``searches`` the others whose configurations were drawn or proposed, and ``places`` what
    these chose.
    """

    campaign: str
    campaign_id: str
    source_name: str
    question: str
    plan_hash: str
    bundle_digest: str
    runs: tuple[ReportRun, ...]
    policies: tuple[ReportPolicy, ...] = ()
    choices: tuple[ReportChoice, ...] = ()
    target: float | None = None
    target_from: str = ""
    overrides: tuple[str, ...] = ()
    host_override: str | None = None
    scale: str | None = None
    recorded_at: str = ""
    open_stages: tuple[tuple[str, str], ...] = ()
    ledger_head: tuple[int, str] | None = None
    notes: tuple[str, ...] = field(default=())
    progress: tuple[Mark, ...] = ()
    roles: tuple[str, ...] = ()
    planned: int | None = None
    duels: tuple[str, ...] = ()
    halvings: tuple[tuple[str, int], ...] = ()
    searches: tuple[str, ...] = ()
    places: tuple[ReportPlace, ...] = ()
    replications: tuple[Replicated, ...] = ()

    @property
    def measures(self) -> bool:
        """Whether it asks for step times and memory, and not for the worth of distillation."""
        roles = {*self.roles, *(r.role for r in self.runs)}
        return "measurement" in roles and "kd" not in roles

    @property
    def simulated(self) -> tuple[ReportRun, ...]:
        """The runs in which no model was trained."""
        return tuple(r for r in self.runs if r.entry == SIMULATED)
