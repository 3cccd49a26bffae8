"""What a stage, and a whole campaign, must have come to, with the reason in words when it has not.

Three conditions (domain: stop conditions). A teacher search is over once one candidate is within budget and learns
steadily. A distillation stage is over once steps to the target are compared with plain cross-entropy, be it with a
bound where that never arrived, or with the reason why they cannot be. The whole is over once both answers stand. Where
a condition can no longer be met, the campaign ends there: nothing that comes after could answer its question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.ranking import Score, in_order
from orchestrator.domain.verdict import Role

SHOWN = 6
Word = Literal["teacher_found", "target_compared", "none"]
State = Literal["met", "missed", "open"]


@dataclass(frozen=True)
class EndedRun:
    """A run as far as conditions are concerned. ``over``: it ended for good, with or without a result.

    Seeds of one ``configuration`` share it; empty: a run of its own. Times are in milliseconds. ``steps_to_target``
    None means not reached within ``horizon``, or no target.
    """

    name: str
    role: Role
    over: bool
    verdict: str | None
    failed_gates: tuple[str, ...]
    outcome: str | None
    horizon: int
    train_time_ms: int | None
    budget_ms: int | None
    steps_to_target: int | None
    time_to_target_ms: int | None
    final_val: float | None
    reference: str | None = None
    configuration: str = ""


@dataclass(frozen=True)
class Condition:
    """How one condition stands. ``stage`` is None for the campaign as a whole."""

    stage: str | None
    word: str
    state: State
    reason: str


def stage_condition(stage: str, word: str, runs: Sequence[EndedRun], references: Mapping[str, EndedRun]) -> Condition:
    """How a stage's condition stands. ``references`` are the runs that others are compared with, by name."""
    if word == "teacher_found":
        return Condition(stage, word, *_teacher_found(runs))
    if word == "target_compared":
        arms = [r for r in runs if r.role is Role.KD]
        return Condition(stage, word, *_target_compared(arms, references))
    left = sum(1 for r in runs if not r.over)
    return Condition(stage, "none", "open", f"{left} of {len(runs)} runs have not ended") if left or not runs else \
        Condition(stage, "none", "met", f"all {len(runs)} runs have ended")


def whole_condition(stages: Sequence[Condition]) -> Condition:
    """How the campaign stands as a whole: met once every stage is, missed as soon as one is."""
    missed = [c for c in stages if c.state == "missed"]
    if missed:
        return Condition(None, "answered", "missed", f"ended at stage {missed[0].stage}: {missed[0].reason}")
    still = [c for c in stages if c.state == "open"]
    if still:
        return Condition(None, "answered", "open", f"stage {still[0].stage}: {still[0].reason}")
    asked = [c for c in stages if c.word != "none"] or list(stages)
    return Condition(None, "answered", "met", "; ".join(f"{c.stage}: {c.reason}" for c in asked))


def _teacher_found(runs: Sequence[EndedRun]) -> tuple[State, str]:
    found = [r for r in runs if r.verdict == "promote"]
    over = all(r.over for r in runs)
    if found:
        what = "passed their gates" if found[0].budget_ms is None else "are within budget and learn steadily"
        words = f"{len(found)} of {len(runs)} teachers {what} ({_names(found)})"
        return "met", words if over else f"{words}; {sum(not r.over for r in runs)} still to end"
    if not over or not runs:
        return "open", f"{sum(r.over for r in runs)} of {len(runs)} teachers have ended, and none has passed yet"
    return "missed", f"none of {len(runs)} teachers passed: {_listed(runs, _why_not)}"


def _target_compared(arms: Sequence[EndedRun], references: Mapping[str, EndedRun]) -> tuple[State, str]:
    if not arms or not all(a.over for a in arms):
        return "open", f"{sum(a.over for a in arms)} of {len(arms)} KD arms have ended"
    waiting = sorted({a.reference for a in arms if a.reference and not _over(references.get(a.reference))})
    if waiting:
        return "open", f"the runs to compare with have not ended: {', '.join(waiting[:SHOWN])}"
    reached = [a for a in arms if a.steps_to_target is not None]
    if not reached:
        return "missed", f"no KD arm reached the target: {_listed(arms, _short_of)}"
    compared = [a for a in arms if (r := references.get(a.reference or "")) is not None and _ran(r)]
    arrived = [a for a in compared if a.steps_to_target is not None]
    if not arrived:
        return "missed", f"{len(reached)} KD arms reached the target, and none has a CE run to compare with"
    best = _best(compared)
    beside = {a.reference: references[a.reference] for a in best if a.reference}
    return "met", (f"steps to the target are compared for {len(arrived)} of {len(arms)} KD arms; fewest: "
                   f"{_steps(best)}, {_plain(list(beside.values()))}")


def _best(arms: Sequence[EndedRun]) -> list[EndedRun]:
    """The runs of the best configuration: of those that passed their gates with every seed, if any did and arrived."""
    found: dict[str, list[EndedRun]] = {}
    for arm in sorted(arms, key=lambda a: a.name):
        found.setdefault(arm.configuration or arm.name, []).append(arm)
    named = {runs[0].name: runs for runs in found.values() if any(r.steps_to_target is not None for r in runs)}
    passed = {name: runs for name, runs in named.items() if all(r.verdict == "promote" for r in runs)}
    order = in_order({name: [Score(r.steps_to_target, r.final_val) for r in runs]
                      for name, runs in (passed or named).items()})
    return named[order[0]]


def _over(run: EndedRun | None) -> bool:
    return run is None or run.over


def _ran(run: EndedRun) -> bool:
    """Whether the run says something of the target: one that completed or diverged without it never arrived."""
    return run.steps_to_target is not None or run.outcome in (Outcome.COMPLETED, Outcome.NAN)


def _plain(runs: Sequence[EndedRun]) -> str:
    late = [r for r in runs if r.steps_to_target is None]
    if not late:
        return f"plain CE ({_steps(runs)})"
    return f"plain CE not always, so only a bound of the saving is known ({_listed(late, _short_of)})"


def _steps(runs: Sequence[EndedRun]) -> str:
    """The one run, or what its seeds came to on average."""
    arrived = [r for r in runs if r.steps_to_target is not None]
    if len(runs) == 1:
        time = "" if runs[0].time_to_target_ms is None else f" in {runs[0].time_to_target_ms} ms"
        return f"{runs[0].name} with {runs[0].steps_to_target} steps{time}"
    mean = sum(r.steps_to_target or 0 for r in arrived) / len(arrived)
    over = f"{len(runs)} seeds" if len(arrived) == len(runs) else \
        f"the {len(arrived)} of {len(runs)} seeds that arrived"
    return f"{runs[0].name} and its other seeds with {mean:.6g} steps on average over {over}"


def _why_not(run: EndedRun) -> str:
    if run.outcome == Outcome.OVER_BUDGET:
        limit = "its budget" if run.budget_ms is None else f"its budget of {run.budget_ms} ms"
        after = "" if run.train_time_ms is None else f" after {run.train_time_ms} ms"
        return f"stopped{after}, certain to overrun {limit}"
    if "budget" in run.failed_gates and run.train_time_ms is not None and run.budget_ms is not None and \
            run.train_time_ms > run.budget_ms:
        return f"took {run.train_time_ms} ms of a budget of {run.budget_ms} ms"
    return ", ".join(run.failed_gates) or run.outcome or "no result"


def _short_of(run: EndedRun) -> str:
    if run.outcome not in (None, "completed"):
        return str(run.outcome)
    final = "" if run.final_val is None else f", final loss {run.final_val:.4f}"
    return f"not within {run.horizon} steps{final}"


def _listed(runs: Sequence[EndedRun], words: Callable[[EndedRun], str]) -> str:
    found = list(dict.fromkeys(f"{r.name}: {words(r)}" for r in runs))
    return "; ".join(found[:SHOWN]) + (f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")


def _names(runs: Sequence[EndedRun]) -> str:
    return ", ".join(r.name for r in runs[:SHOWN]) + (", …" if len(runs) > SHOWN else "")
