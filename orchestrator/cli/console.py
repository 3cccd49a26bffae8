"""How followed runs look: bars on a terminal, plain lines elsewhere, JSON lines for programs.

Talk goes to standard error; only JSON lines are data and go to standard output.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol, TextIO

from orchestrator.dispatch.events import (
    ChoiceMade,
    FollowEvent,
    HostBack,
    HostSilent,
    HostUnusable,
    MarkerSeen,
    Note,
    PolicyPinned,
    ProjectionSeen,
    RunState,
    StepSeen,
    ValidationSeen,
    VerdictReached,
)

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_EVENT_NAMES: dict[type, str] = {
    RunState: "state", StepSeen: "step", ProjectionSeen: "projection", ValidationSeen: "validation",
    MarkerSeen: "marker", VerdictReached: "verdict", HostSilent: "host_silent", HostBack: "host_back",
    HostUnusable: "host_unusable",
    PolicyPinned: "policy", ChoiceMade: "choice", Note: "note",
}
_OUTLOOKS = {"pass": "it should fit, and is judged when it has ended", "pending": "open",
             "fail": "it cannot fit, and ends at its budget"}
QUIET_STEP_SECONDS = 5.0


def seconds(ms: float | None) -> str:
    """A train time for people: ``12.3 s``."""
    return "-" if ms is None else f"{ms / 1000:.1f} s"


def nats(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


class View(Protocol):
    """Takes events and shows them until closed."""

    def __call__(self, event: FollowEvent) -> None: ...

    def close(self) -> None: ...


class JsonView:
    """One JSON object a line, flushed, so that a reader sees each as it happens."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: FollowEvent) -> None:
        body = {"event": _EVENT_NAMES[type(event)], **asdict(event)}
        # JSON has no NaN: a loss that is none is null.
        finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in body.items()}
        self._out.write(json.dumps(finite, sort_keys=True, allow_nan=False) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing to put away."""


def sentence(event: FollowEvent) -> str:
    """One line about an event."""
    match event:
        case RunState(name=name, state=state, host=host, detail=detail):
            return f"{name}: {state}{f' on {host}' if host else ''}{f' ({detail})' if detail else ''}"
        case ValidationSeen(name=name, step=step, total_steps=total, val_loss=val, train_time_ms=ms):
            return f"{name}: step {step}/{total or '?'} val {val:.4f} after {seconds(ms)}"
        case StepSeen(name=name, step=step, total_steps=total, train_time_ms=ms):
            return f"{name}: step {step}/{total or '?'} after {seconds(ms)}"
        case ProjectionSeen(name=name, step=step, budget_ms=budget, outlook=outlook, words=words):
            return f"{name}: projected at step {step}: {words}; budget {seconds(budget)}: {_OUTLOOKS[outlook]}"
        case MarkerSeen(name=name, text=text):
            return f"{name}: {text}"
        case VerdictReached(name=name, status=status, failed=failed, final_val=final, steps_to_target=target,
                            train_time_ms=ms):
            reason = f" [{', '.join(failed)}]" if failed else ""
            hit = f", target at step {target}" if target is not None else ""
            return f"{name}: {status}{reason}, final val {nats(final)} in {seconds(ms)}{hit}"
        case HostSilent(host=host, message=message, forecast=forecast):
            return f"host {host} is silent ({message}); {forecast}"
        case HostUnusable(message=message, hint=hint):
            return f"{message}; its runs keep their state, and other hosts go on{f'. Next: {hint}' if hint else ''}"
        case HostBack(host=host):
            return f"host {host} answers again"
        case PolicyPinned(stage=stage, policy=policy, budget_ms=budget, derivation=derivation, target=target):
            limit = f", budget {budget} ms ({derivation})" if budget is not None else ""
            aim = f", target val {target:.4f}" if target is not None else ""
            return f"stage {stage}: policy {policy} pinned{limit}{aim}"
        case ChoiceMade(selector=selector, name=name, reason=reason):
            return f"{selector} is {name}: {reason}"
        case Note(text=text):
            return text


def _dull(event: FollowEvent) -> bool:
    """Markers that programs want and people do not."""
    return isinstance(event, MarkerSeen) and event.kind in ("peak", "profile")


class LineView:
    """Plain lines; steps are thinned so that a log file stays readable."""

    def __init__(self, out: TextIO, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._out, self._monotonic = out, monotonic
        self._last_step = -QUIET_STEP_SECONDS
        self._last_validation: dict[str, float] = {}

    def __call__(self, event: FollowEvent) -> None:
        now = self._monotonic()
        if _dull(event):
            return
        if isinstance(event, StepSeen):
            if now - self._last_step < QUIET_STEP_SECONDS:
                return
            self._last_step = now
        if isinstance(event, ValidationSeen):
            final = event.total_steps is not None and event.step >= event.total_steps
            if not final and now - self._last_validation.get(event.run_id, -1e9) < QUIET_STEP_SECONDS / 2:
                return
            self._last_validation[event.run_id] = self._last_step = now
        self._out.write(sentence(event) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Nothing to put away."""


class BarView:
    """Live bars on a terminal: step, last validation, train time against budget, time left."""

    def __init__(self, out: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = Console(file=out)
        self._progress: Progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), TaskProgressColumn(),
            TextColumn("val {task.fields[val]}"), TextColumn("{task.fields[time]}"), TimeRemainingColumn(),
            console=self._console, transient=True,
        )
        self._bars: dict[str, TaskID] = {}
        self._progress.start()

    def _bar(self, run_id: str, name: str, total: int | None) -> TaskID:
        if run_id not in self._bars:
            self._bars[run_id] = self._progress.add_task(name, total=total, val="-", time="")
        return self._bars[run_id]

    def __call__(self, event: FollowEvent) -> None:
        if _dull(event):
            return
        match event:
            case StepSeen(run_id=run_id, name=name, step=step, total_steps=total, train_time_ms=ms,
                          projected_ms=projected, budget_ms=budget):
                shown = seconds(ms) + (f" of ~{seconds(projected)}" if projected is not None else "")
                shown += f" (budget {seconds(budget)})" if budget is not None else ""
                self._progress.update(self._bar(run_id, name, total), completed=step, total=total, time=shown)
            case ValidationSeen(run_id=run_id, name=name, total_steps=total, val_loss=val):
                self._progress.update(self._bar(run_id, name, total), val=f"{val:.4f}", total=total)
            case _:
                if isinstance(event, VerdictReached) and event.run_id in self._bars:
                    self._progress.remove_task(self._bars.pop(event.run_id))
                self._console.print(sentence(event), markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()


def make_view(*, as_json: bool) -> View:
    """The view that fits where the output goes."""
    if as_json:
        return JsonView(sys.stdout)
    if sys.stderr.isatty():
        return BarView(sys.stderr)
    return LineView(sys.stderr)
