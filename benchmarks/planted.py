"""Campaigns with a known truth: how often kdorch claims what is not so, and how often it finds what is.

    python benchmarks/planted.py [campaigns]      200 without an effect; fewer of what needs fewer

Most campaigns are trained in this process (:mod:`benchmarks.planted_runs`); everything that selects, judges, tests and
reports is the orchestrator's own. Five go through the whole command with supervisors and trainers in processes of their
own, and must come to the same as in here. Takes some forty minutes of two quiet cores.
"""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import ROOT, Figure, machine_facts, table, write
from benchmarks.planted_campaigns import (
    CENSORED,
    FULL_GRID_STEPS,
    KD_GAIN,
    ROUGH,
    SEEDS,
    SHIPPED,
    SHIPPED_SEEDS,
    SLACK,
    Arms,
    Halved,
    Shape,
    arms,
    arms_file,
    confirmed,
    grid_file,
    halved,
)
from benchmarks.planted_runs import campaign
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import open_ledger
from orchestrator.report.gather import gather
from orchestrator.report.model import CampaignReport

T = TypeVar("T")
CAMPAIGNS = 200
LEVEL = 0.05
"""Claims of what is not so may be at most so many."""
POWER = 0.80
CHEAPER = 2.5
LOST = 0.10
DISPATCHED = (0.0, 0.0, KD_GAIN, KD_GAIN, None)
"""The campaigns that go through the whole command, by what distillation adds; None: the halving."""

NULLS = {"with noise of several steps": ROUGH, "with half of the runs censored": CENSORED,
         f"with one arm of {SHIPPED_SEEDS} seeds": SHIPPED}
"""Campaigns without an effect, of other shapes than the first."""


def exceeds(count: int, of: int, level: float) -> float:
    """The exact one-sided p-value that the true rate exceeds ``level``: small where it is shown to."""
    from scipy.stats import binomtest

    return float(binomtest(count, of, level, alternative="greater").pvalue)


def interval(count: int, of: int) -> str:
    """The exact 95 % interval of a rate (Clopper and Pearson)."""
    from scipy.stats import binomtest

    found = binomtest(count, of).proportion_ci(0.95)
    return f"{count} of {of}, 95 % interval {100 * found.low:.1f} to {100 * found.high:.1f} %"


def rate_figure(name: str, count: int, of: int, bound: str) -> Figure:
    return Figure(name, 100 * count / of, "%", f"{interval(count, of)}; {bound}")


def without_effect(found: Sequence[Arms]) -> list[Figure]:
    false = sum(bool(c.claims) for c in found)
    return [
        rate_figure("campaigns that claim an effect of KD where it has none", false, len(found),
                    f"p = {exceeds(false, len(found), LEVEL):.3f} that it is more than {LEVEL:.0%}"),
        rate_figure("of them in the answer's first sentence", sum(c.answer_claims for c in found), len(found),
                    "the best arm's"),
        _coverage("intervals of KD's own effect that hold the truth, without an effect", found,
                  dict.fromkeys(found[0].saved, 0.0)),
    ]


def without_effect_otherwise(what: str, found: Sequence[Arms]) -> list[Figure]:
    """A null of another shape; where runs are censored some arms have no interval to hold anything."""
    false = sum(bool(c.claims) for c in found)
    figures = [rate_figure(f"the same, {what}", false, len(found),
                           f"p = {exceeds(false, len(found), LEVEL):.3f} that it is more than {LEVEL:.0%}")]
    if any(c.intervals for c in found):
        figures.append(_coverage(f"its intervals that hold the truth, {what}", found,
                                 dict.fromkeys({name for c in found for name in c.intervals}, 0.0)))
    return figures


def with_effect(found: Sequence[Arms], truth: float) -> list[Figure]:
    truths = {name: _mean([s for c in found for s in c.saved[name]]) for name in found[0].saved}
    return [
        Figure("what KD saves in truth", 100 * truth, "%", "of its control's steps, from curves without noise"),
        rate_figure("campaigns that find it", sum(bool(c.claims) for c in found), len(found),
                    f"bound {POWER:.0%}; {SEEDS} seeds, what the exact test asks for with three arms"),
        rate_figure("of them in the answer's first sentence", sum(c.answer_claims for c in found), len(found),
                    "the best arm's"),
        rate_figure("reports whose best arm is truly the best", sum(c.right_arm for c in found), len(found),
                    "mean over the seeds"),
        rate_figure("ledgers whose chosen run is of the best arm", sum(c.right_run for c in found), len(found),
                    "select: best, the seed nearest its arm's median"),
        _coverage("intervals of KD's own effect that hold the truth, with an effect", found, truths),
    ]


def by_halving(found: Sequence[Halved]) -> list[Figure]:
    lost = sum(not h.kept_best for h in found)
    return [
        Figure("the full grid's steps over halving's", FULL_GRID_STEPS / max(h.steps for h in found), "times",
               f"bound {CHEAPER}; {FULL_GRID_STEPS} steps of 27 runs against {max(h.steps for h in found)} of "
               f"{found[0].runs}"),
        rate_figure("halvings that lose the true best of 27", lost, len(found), f"bound {LOST:.0%}"),
    ]


def by_fresh_seeds(on_target: Sequence[bool], below: Sequence[bool]) -> list[Figure]:
    false = sum(on_target)
    return [
        rate_figure("false promotions by fresh seeds whose true loss is the target", false, len(on_target),
                    f"p = {exceeds(false, len(on_target), LEVEL):.3f} that it is more than {LEVEL:.0%}"),
        rate_figure(f"promotions where it lies {SLACK:g} nats below", sum(below), len(below),
                    f"one-sided t-test, {SEEDS} seeds"),
    ]


def holds(figures: Sequence[Figure], nulls: Sequence[Sequence[Arms]], false_promotions: Sequence[bool]) -> bool:
    """Whether every bound is kept."""
    value = {f.name: f.value or 0.0 for f in figures}
    return (all(exceeds(sum(bool(c.claims) for c in null), len(null), LEVEL) > LEVEL for null in nulls)
            and exceeds(sum(false_promotions), len(false_promotions), LEVEL) > LEVEL
            and value["campaigns that find it"] >= 100 * POWER
            and value["the full grid's steps over halving's"] >= CHEAPER
            and value["halvings that lose the true best of 27"] <= 100 * LOST)


def true_saving() -> float:
    """What KD saves of its control's steps, from one campaign without noise that validates every step."""
    told = arms(KD_GAIN, None, Shape(noise=0.0, every=1))
    return _mean([s for arm in told.saved.values() for s in arm]) / told.control_steps


def dispatched(kd_gain: float | None) -> bool:
    """Whether a campaign through the whole command comes to what the same one comes to in this process."""
    text = grid_file() if kd_gain is None else arms_file(kd_gain)
    with tempfile.TemporaryDirectory(prefix="kdorch-planted-") as scratch:
        cwd = Path(scratch) / "whole"
        cwd.mkdir()
        (cwd / "planted.yaml").write_text(text, encoding="utf-8")
        home = Home(cwd / "home")
        subprocess.run([sys.executable, "-m", "orchestrator.cli.app", "campaign", "launch", "planted.yaml"], cwd=cwd,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
                       env={**os.environ, "PYTHONPATH": str(ROOT), "KDORCH_HOME": str(home.root)})
        with open_ledger(home) as ledger:
            whole = gather(ledger, home.root, ledger.campaigns()[-1], logs=False)
        here, _ = campaign(text, Path(scratch) / "here", luck=None)
    return came_to(whole) == came_to(here)


def came_to(report: CampaignReport) -> list[tuple[object, ...]]:
    """Every run of a campaign with its figures and its verdict, but for what clocks and machines say."""
    return [(r.name, r.run_id, r.verdict, r.gates, r.final_step, r.train_time_ms, r.final_val,
             tuple((p.step, p.val_loss, p.train_time_ms) for p in r.validations), r.twin, r.reference)
            for r in report.runs]


def _coverage(name: str, found: Sequence[Arms], truths: Mapping[str, float]) -> Figure:
    """``truths``: by arm, the steps saved on average over all campaigns, or what was planted."""
    held = [low <= truths[arm] <= high for c in found for arm, (low, high) in c.intervals.items()]
    words = " and ".join(f"{truth:.1f}" for truth in dict.fromkeys(truths.values()))
    return Figure(name, 100 * sum(held) / len(held), "%",
                  f"{sum(held)} of {len(held)}, promised 95 %; truth {words} steps; seeds that are all alike give none")


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _several(pool: ProcessPoolExecutor, what: str, one: Callable[[str], T], count: int) -> list[T]:
    begun, found = time.monotonic(), []
    for told in pool.map(one, [f"{what} {n}" for n in range(count)]):
        found.append(told)
        if len(found) % 20 == 0:
            print(f"{what}: {len(found)} of {count}, {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return found


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CAMPAIGNS
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        null = _several(pool, "no effect", functools.partial(arms, 0.0), count)
        others = {what: _several(pool, what, functools.partial(arms, 0.0, shape=shape), count // 2)
                  for what, shape in NULLS.items()}
        effect = _several(pool, "an effect", functools.partial(arms, KD_GAIN), count // 2)
        halvings = _several(pool, "halving", halved, count // 4)
        on_target = _several(pool, "on the target", functools.partial(confirmed, 0.0), count)
        below = _several(pool, "below the target", functools.partial(confirmed, SLACK), count // 4)
    same = [dispatched(kd_gain) for kd_gain in DISPATCHED]
    figures = [*without_effect(null),
               *(f for what, found in others.items() for f in without_effect_otherwise(what, found)),
               *with_effect(effect, true_saving()), *by_halving(halvings), *by_fresh_seeds(on_target, below),
               Figure("campaigns through the whole command that come to the same", float(sum(same)), "campaigns",
                      f"of {len(same)}: run by run, validation by validation, verdict by verdict")]
    facts, title = machine_facts(), "Campaigns with a planted truth"
    print(table(title, facts, figures), end="")
    for path in write("planted", title, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0 if all(same) and holds(figures, (null, *others.values()), on_target) else 1


if __name__ == "__main__":
    sys.exit(main())
