"""What scripts read on standard output: rows of ``ledger --format json`` and lines of ``watch --json``.

The models are the promise; JSON Schemas are generated from them and committed under ``tests/contract/cli``. The
programs that print hold plain values of the same shape, and tests hold the two together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from orchestrator.domain.lifecycle import ALL_LABELS, Outcome, State
from orchestrator.domain.verdict import Gate, VerdictWord
from orchestrator.wire.spec import RunId

Loss = Annotated[float, Field(allow_inf_nan=False)]
Milliseconds = Annotated[int, Field(ge=0)]
Steps = Annotated[int, Field(ge=0)]
TrainTime = Annotated[float, Field(ge=0, allow_inf_nan=False, description="milliseconds of training, as logged")]
Label = Annotated[str, Field(json_schema_extra={"enum": list(ALL_LABELS)})]


class Promise(BaseModel):
    """An object with exactly these keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LedgerLine(Promise):
    """One run in one campaign. Losses are in nats; null means: not known, or not reached."""

    run_id: str
    name: str
    campaign: str
    mode: str
    host: str | None
    status: Label
    labels: list[Label]
    state: State
    outcome: Outcome | None
    verdict: VerdictWord | None
    failed_gates: list[Gate]
    train_time_ms: Milliseconds | None
    teacher_train_time_ms: Milliseconds | None
    budget_ms: Milliseconds | None
    steps: Steps | None
    best_val: Loss | None
    final_val: Loss | None
    steps_to_target: Steps | None
    time_to_target_ms: Milliseconds | None
    alpha: float | None
    temperature: float | None
    lr_boost: float | None
    teacher_params_m: float | None
    teacher_steps: Steps | None
    student_steps: Steps | None
    artifact_dir: str | None


class LedgerLines(RootModel[list[LedgerLine]]):
    """What ``kdorch ledger --format json`` prints."""


class StateLine(Promise):
    """A run moved to another state of its life."""

    event: Literal["state"]
    run_id: RunId
    name: str
    state: State
    host: str | None
    detail: str


class StepLine(Promise):
    """The latest training line of a run."""

    event: Literal["step"]
    run_id: RunId
    name: str
    step: Steps
    total_steps: Steps | None
    train_loss: Loss | None
    train_time_ms: TrainTime | None
    step_avg_ms: TrainTime | None
    projected_ms: TrainTime | None
    budget_ms: Milliseconds | None


class ProjectionLine(Promise):
    """What a run under way is projected to take, against its own budget: never a verdict."""

    event: Literal["projection"]
    run_id: RunId
    name: str
    step: Steps
    total_steps: Steps
    train_time_ms: Milliseconds
    projected_ms: Milliseconds
    lower_ms: Milliseconds
    upper_ms: Milliseconds
    calibrated_on: int
    needed: int
    budget_ms: Milliseconds
    outlook: Literal["pass", "fail", "pending"]
    words: str


class ValidationLine(Promise):
    """A validation. ``val_loss`` is null where it was NaN or infinite."""

    event: Literal["validation"]
    run_id: RunId
    name: str
    step: Steps
    total_steps: Steps | None
    val_loss: Loss | None
    train_time_ms: TrainTime | None


class MarkerLine(Promise):
    """A marker line of the log: OOM, NaN, panic, the KD stop, a verdict line, the end."""

    event: Literal["marker"]
    run_id: RunId
    name: str
    kind: str
    text: str


class VerdictLine(Promise):
    """What the ledger says of a run that ended. ``failed`` names gates that failed or have no evidence."""

    event: Literal["verdict"]
    run_id: RunId
    name: str
    status: Label
    verdict: VerdictWord | None
    failed: list[str]
    best_val: Loss | None
    final_val: Loss | None
    steps_to_target: Steps | None
    train_time_ms: Milliseconds | None


class HostSilentLine(Promise):
    """A host does not answer; its runs keep their state."""

    event: Literal["host_silent"]
    host: str
    message: str
    forecast: str


class HostBackLine(Promise):
    """A host answers again."""

    event: Literal["host_back"]
    host: str


class HostUnusableLine(Promise):
    """A person must see to a host first; its runs keep their state."""

    event: Literal["host_unusable"]
    host: str
    message: str
    hint: str | None


class PolicyLine(Promise):
    """A stage's policy became literal and immutable."""

    event: Literal["policy"]
    campaign: str
    stage: str
    policy: str
    budget_ms: Milliseconds | None
    derivation: str
    target: Loss | None


class ChoiceLine(Promise):
    """A selector such as ``teachers.best`` was resolved."""

    event: Literal["choice"]
    campaign: str
    selector: str
    name: str
    reason: str


class NoteLine(Promise):
    """Anything else a person should know."""

    event: Literal["note"]
    text: str


class WatchLine(RootModel[Annotated[
    StateLine | StepLine | ProjectionLine | ValidationLine | MarkerLine | VerdictLine | HostSilentLine | HostBackLine
    | HostUnusableLine | PolicyLine | ChoiceLine | NoteLine, Field(discriminator="event")]]):
    """One line of ``kdorch watch --json`` and of ``kdorch campaign launch --json``."""


class PreparedStage(Promise):
    """One stage of preparing a host: ``cached`` had nothing to do, ``skipped`` was not asked for."""

    stage: Literal["preflight", "environment", "assets"]
    result: Literal["done", "cached", "skipped"]
    detail: str
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PreparedHost(Promise):
    """What ``kdorch host prepare --json`` prints. ``environment`` is a digest, null for the host's own ``python:``."""

    host: str
    python: str
    environment: str | None
    stages: list[PreparedStage]


class AssetEntry(Promise):
    """One named asset. ``here``: whole in this machine's store; ``hosts``: where it was last known to be."""

    name: str
    kind: Literal["checkpoint", "shards", "cache"]
    sha256: str
    size_bytes: Annotated[int, Field(ge=0)]
    here: bool
    hosts: list[str]


class AssetEntries(RootModel[list[AssetEntry]]):
    """What ``kdorch asset list --json`` prints."""


class RemovedThing(Promise):
    """Something that ``kdorch host gc`` removed, or would; ``bytes`` are what that frees."""

    kind: Literal["attempt", "bundle", "asset", "environment", "cache", "ticket", "leftover"]
    name: str
    bytes: Annotated[int, Field(ge=0)]


class KeptThing(Promise):
    """Something that stays, and why."""

    kind: Literal["attempt", "bundle", "asset", "environment", "cache", "ticket", "leftover"]
    name: str
    reason: str


class GcAnswer(Promise):
    """What ``kdorch host gc --json`` prints. ``foreign_attempts`` belong to runs that this ledger does not know."""

    host: str
    dry_run: bool
    freed_bytes: Annotated[int, Field(ge=0)]
    removed: list[RemovedThing]
    kept: list[KeptThing]
    foreign_attempts: Annotated[int, Field(ge=0)]


class DoctorLine(Promise):
    """One line of an examination; ``skip`` was not looked at. ``remedy`` is empty where nothing is to be done."""

    level: Literal["ok", "warn", "fail", "skip"]
    subject: str
    fact: str
    remedy: str


class DoctorAnswer(Promise):
    """What ``kdorch host doctor --json`` prints. ``facts`` are the host's own, null when it could not be asked; which
    keys they have depends on the host."""

    host: str
    where: str
    fit: bool
    findings: list[DoctorLine]
    facts: dict[str, Any] | None
