"""What happens while runs are followed, as values. The command line turns them into bars, lines or JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class RunState:
    """A run moved: ``state`` is the lifecycle state, ``detail`` a few words on why."""

    run_id: str
    name: str
    state: str
    host: str | None
    detail: str = ""


@dataclass(frozen=True)
class StepSeen:
    """The latest training line of a run. Times are None where the log has none.

    ``projected_ms`` is the train time at the horizon if steps go on as they did; ``budget_ms`` what a teacher's train
    time is held to, None for other roles.
    """

    run_id: str
    name: str
    step: int
    total_steps: int | None
    train_loss: float | None
    train_time_ms: float | None
    step_avg_ms: float | None
    projected_ms: float | None
    budget_ms: int | None


@dataclass(frozen=True)
class ProjectionSeen:
    """What the train time of a run under way will come to, with one-sided bounds, against its own budget.

    ``calibrated_on`` finished runs gave the bounds; fewer than ``needed`` and they are widened instead. ``outlook`` is
    pass (even the upper bound fits), fail (even the lower one does not) or pending, and never a verdict.
    """

    run_id: str
    name: str
    step: int
    total_steps: int
    train_time_ms: int
    projected_ms: int
    lower_ms: int
    upper_ms: int
    calibrated_on: int
    needed: int
    budget_ms: int
    outlook: str
    words: str


@dataclass(frozen=True)
class ValidationSeen:
    run_id: str
    name: str
    step: int
    total_steps: int | None
    val_loss: float
    train_time_ms: float | None


@dataclass(frozen=True)
class MarkerSeen:
    """A marker line of the log: OOM, NaN, the KD stop, a verdict line, the end."""

    run_id: str
    name: str
    kind: str
    text: str


@dataclass(frozen=True)
class VerdictReached:
    """The ledger's verdict on a run. ``failed`` names the gates that failed or have no evidence."""

    run_id: str
    name: str
    status: str
    verdict: str | None
    failed: tuple[str, ...]
    best_val: float | None
    final_val: float | None
    steps_to_target: int | None
    train_time_ms: int | None


@dataclass(frozen=True)
class HostSilent:
    """A host does not answer. Its runs keep their state; they do not need the laptop."""

    host: str
    message: str
    forecast: str


@dataclass(frozen=True)
class HostUnusable:
    """A host answers, or refuses to, in a way that only a person can change. Its runs keep their state."""

    host: str
    message: str
    hint: str | None = None


@dataclass(frozen=True)
class HostBack:
    host: str


@dataclass(frozen=True)
class PolicyPinned:
    """A stage's policy became literal and immutable."""

    campaign: str
    stage: str
    policy: str
    budget_ms: int | None
    derivation: str
    target: float | None


@dataclass(frozen=True)
class ChoiceMade:
    """A selector such as ``teachers.best`` was resolved, once and for all."""

    campaign: str
    selector: str
    name: str
    reason: str


@dataclass(frozen=True)
class Note:
    """Anything else a person should know."""

    text: str


FollowEvent = (
    RunState | StepSeen | ProjectionSeen | ValidationSeen | MarkerSeen | VerdictReached | HostSilent | HostBack
    | HostUnusable | PolicyPinned | ChoiceMade | Note
)
Emit = Callable[[FollowEvent], None]
