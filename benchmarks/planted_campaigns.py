"""Campaign files with a planted truth, and what one campaign of each kind came to."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.planted_runs import campaign
from orchestrator.report.comparisons import Analysis, analyse
from orchestrator.report.effects import pairs_needed
from orchestrator.report.model import CampaignReport

NOISE = 0.01
"""Nats, of every validation: about 1 % of the steps to the target, and 8 times the deviation of a whole speedrun."""
KD_GAIN = 0.115
"""What distillation adds to each step's progress where it is planted: 10 % of the control's steps to the target."""
BOOSTS = (2.5, 3.0, 3.5)
RIGHT_BOOST = "boost3.5"
SEEDS = pairs_needed(arms=len(BOOSTS))
"""The seeds that the exact test asks for with so many arms."""
SHIPPED_SEEDS = 5
"""The seeds that the shipped hill climb gives its one chosen arm."""
RIGHT_SETTING = {"schedule.boost": 4.0, "schedule.hold": 0.3, "schedule.drop_to_base": 0.5}
FULL_GRID_STEPS = 27 * 270
SLACK = 2 * NOISE
"""Nats that the target lies above the true loss where fresh seeds are to confirm it; else it lies on it."""


@dataclass(frozen=True)
class Shape:
    """How a campaign of arms is made. ``trend_points`` 1 asks for no falling validations, which noise would deny."""

    noise: float = NOISE
    every: int = 5
    seeds: int = SEEDS
    boosts: tuple[float, ...] = BOOSTS
    horizon: int = 250
    trend_points: int = 3


ROUGH = Shape(noise=16 * NOISE, every=1, trend_points=1)
"""Noise of several steps, with every step validated: about one pair in twenty ties, so that the exact test comes near
its full size. On a grid of five steps a third of them tie, and it hardly ever claims anything."""
CENSORED = replace(ROUGH, horizon=96)
"""The same, where about half of all runs end before they reach the target."""
SHIPPED = replace(ROUGH, seeds=SHIPPED_SEEDS, boosts=BOOSTS[:1])
"""One arm with the seeds that the hill climb gives it: the test's full size is one in 32."""


@dataclass(frozen=True)
class Arms:
    """One campaign of KD arms beside their controls. ``claims``: arms whose own effect is shown; ``saved`` and
    ``intervals``: by arm, the steps saved against the control, seed by seed and as the report's interval (none where
    all seeds are alike)."""

    claims: tuple[str, ...]
    answer_claims: bool
    right_arm: bool
    right_run: bool
    saved: dict[str, tuple[float, ...]]
    intervals: dict[str, tuple[float, float]]
    control_steps: float


@dataclass(frozen=True)
class Halved:
    """One halving: steps trained, and whether the truly best configuration came out of it."""

    steps: int
    runs: int
    kept_best: bool


def arms_file(kd_gain: float, shape: Shape = Shape()) -> str:
    """CE, a teacher, schedules with and without KD. The boost helps; KD adds ``kd_gain`` to it, or nothing."""
    seeds, noise, trend = list(range(shape.seeds)), shape.noise, shape.trend_points
    return f"""\
campaign: planted
host: local
defaults:
  entry: simulated
  horizon: {shape.horizon}
  validation: {{every: {shape.every}}}
  simulated: {{val_start: 5.0, val_floor: 2.0, decay_steps: 100, step_ms: 10, noise: {noise}, boost_gain: 0.15}}
stages:
  - {{name: baseline, role: ce, axes: {{seed: {seeds}}}, policy: ce-baseline}}
  - name: teachers
    role: teacher
    spec: {{horizon: 130, simulated: {{step_ms: 0.5}}}}
    policy: {{name: teacher, budget: {{fraction: 0.10, of: baseline}}, trend_points: {trend}}}
    select: {{best: final_val}}
  - name: arms
    role: kd
    teacher: {{from: teachers.best}}
    stop_at_target: true
    compare_with: baseline
    controls: true
    spec: {{simulated: {{kd_gain: {kd_gain}}}, schedule: {{hold: 0.2, drop_to_base: 0.35}}}}
    axes: {{schedule.boost: {list(shape.boosts)}, seed: {seeds}}}
    policy: {{name: kd, trend_points: {trend}}}
    select: {{best: steps_to_target}}
"""


def grid_file() -> str:
    """27 schedules by halving, of which :data:`RIGHT_SETTING` is truly the best by 3.6 deviations of one run."""
    return f"""\
campaign: planted_grid
host: local
defaults:
  entry: simulated
  horizon: 270
  validation: {{every: 5}}
  simulated: {{val_start: 5.0, val_floor: 2.0, decay_steps: 300, step_ms: 10, noise: {NOISE}, boost_gain: 0.3}}
stages:
  - name: grid
    role: ce
    axes: {{schedule.boost: [1.0, 2.0, 4.0], schedule.hold: [0.1, 0.2, 0.3], schedule.drop_to_base: [0.3, 0.4, 0.5]}}
    policy: {{name: steady, trend_points: 2, trend_min_drop: 0.000001}}
    select: {{best: final_val}}
    halving: {{eta: 3, rungs: 3, by: final_val}}
"""


def fresh_file(slack: float) -> str:
    """Fresh seeds held to a target that lies ``slack`` nats above their true loss at the stop step."""
    return f"""\
campaign: planted_fresh
host: local
defaults:
  entry: simulated
  horizon: 100
  validation: {{every: 25}}
  simulated: {{val_start: 5.0, val_floor: 2.0, decay_steps: 100, step_ms: 10, noise: {NOISE}}}
stages:
  - name: fresh
    role: ce
    axes: {{seed: {list(range(10, 10 + SEEDS))}}}
    policy:
      name: fresh
      gates: [evidence_complete, no_oom_fallback, replicated]
      target: {round(2.0 + 3.0 * math.exp(-1.0) + slack, 6)}
      replication: {{rule: one-sided-t-p05, seeds: {SEEDS}, stop_step: 100}}
"""


def arms(kd_gain: float, luck: str | None, shape: Shape = Shape()) -> Arms:
    """One campaign of arms. ``luck`` tells campaigns apart; None: the trainer's own noise."""
    report, chosen = _driven(arms_file(kd_gain, shape), luck)
    analysis = analyse(report)
    controls = [b.steps.value for b in analysis.baselines if b.run.role == "control" and b.steps.value is not None]
    best = analysis.best
    return Arms(
        claims=claims(analysis),
        answer_claims=best is not None and best.name in claims(analysis),
        right_arm=best is not None and best.name.endswith(RIGHT_BOOST),
        right_run=f"{RIGHT_BOOST}-" in chosen.get("arms.best", ""),
        saved={a.name: _saved(analysis, a.name) for a in analysis.arms},
        intervals={a.name: (s.low, s.high) for a in analysis.arms if a.against_control is not None
                   and (s := a.against_control.steps).low is not None and s.high is not None and s.low < s.high},
        control_steps=sum(controls) / len(controls) if controls else math.nan)


def halved(luck: str) -> Halved:
    """One successive halving of the 27."""
    report, chosen = _driven(grid_file(), luck)
    return Halved(sum(r.final_step or 0 for r in report.runs), len(report.runs),
                  _settings(report, chosen["grid.best"]) == RIGHT_SETTING)


def confirmed(slack: float, luck: str) -> bool:
    """Whether the ledger promoted fresh seeds whose true loss lies ``slack`` below the target."""
    report, _ = _driven(fresh_file(slack), luck)
    return all(r.verdict == "promote" for r in report.runs)


def claims(analysis: Analysis) -> tuple[str, ...]:
    """The arms whose own effect against their control the report calls shown."""
    return tuple(a.name for a in analysis.arms if a.against_control is not None
                 and a.against_control.effect is not None and a.against_control.effect.shown)


def _driven(text: str, luck: str | None) -> tuple[CampaignReport, dict[str, str]]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="kdorch-planted-", dir=memory if memory.is_dir() else None) as place:
        return campaign(text, Path(place) / "campaign", luck=luck)


def _saved(analysis: Analysis, name: str) -> tuple[float, ...]:
    """The arm's saved steps against its control, seed by seed, where both arrived."""
    arm = next(a for a in analysis.arms if a.name == name)
    steps = {b.run.name: b.steps for b in analysis.baselines}
    return tuple(other.value - r.steps.value for r in arm.reached
                 if (other := steps.get(r.run.twin or "")) is not None and other.value is not None
                 and r.steps.value is not None and r.hit.reached)


def _settings(report: CampaignReport, name: str) -> dict[str, float]:
    run = next(r for r in report.runs if r.name.partition("/")[2] == name)
    return {key: value for key, value in run.settings if key in RIGHT_SETTING}
