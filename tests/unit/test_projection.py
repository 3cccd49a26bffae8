"""Projected train times: exact where nothing is left, bounded by what was spent, calibrated where enough runs ended."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.metrics import Curve, TrainPoint
from orchestrator.domain.projection import NEEDED, Outlook, Projection, bounds, project, ratio


def curve(deltas: list[float]) -> Curve:
    times = [sum(deltas[:n + 1]) for n in range(len(deltas))]
    return Curve(total_steps=len(deltas), train=tuple(
        TrainPoint(n + 1, 3.0, t, t / (n + 1), 100 * n) for n, t in enumerate(times)))


def noisy(dice: random.Random, steps: int) -> list[float]:
    """Step times with what a bootstrap misses: neighbours are alike, and one in a hundred is a spike."""
    drift, found = 0.0, []
    for _ in range(steps):
        drift = 0.9 * drift + dice.gauss(0, 2)
        found.append(100 + drift + (400 if dice.random() < 0.01 else 0))
    return found


def test_steady_steps_project_to_what_they_will_take() -> None:
    told = project(curve([100.0] * 50), 200, [1.0] * NEEDED)
    assert told == Projection(50, 200, 5_000, 20_000, 20_000, 20_000, NEEDED)


def test_a_run_at_its_horizon_is_measured() -> None:
    told = project(curve([100.0] * 50), 50, [])
    assert told is not None
    assert told.lower_ms == told.projected_ms == told.upper_ms == 5_000


def test_too_few_runs_widen_the_interval_and_say_so() -> None:
    told = project(curve([100.0] * 50), 200, [0.9, 1.1])
    assert told is not None
    assert (told.is_calibrated, told.lower_ms, told.upper_ms) == (False, 14_400, 27_500)
    assert "not calibrated: 2 finished runs of 19 needed, so widened by 1.25" in told.words()
    assert "95 % each way, calibrated on 19 finished runs" in Projection(1, 2, 1, 1, 1, 1, 19).words()


def test_before_the_first_steady_step_there_is_nothing_to_project() -> None:
    assert project(curve([100.0] * 20), 200, []) is None


def test_what_was_spent_bounds_from_below() -> None:
    told = project(curve([1000.0] * 25 + [1.0] * 25), 51, [0.1] * NEEDED)
    assert told is not None
    assert told.lower_ms == told.train_time_ms == 25_025


@given(st.lists(st.floats(0.5, 2.0), min_size=0, max_size=60))
def test_bounds_are_in_order_and_wider_with_fewer_runs(ratios: list[float]) -> None:
    low, high = bounds(ratios)
    assert 0 < low <= high
    if len(ratios) < NEEDED:
        assert low < min([1.0, *ratios])
        assert high > max([1.0, *ratios])


def test_nineteen_ratios_are_the_fewest_whose_largest_is_a_bound() -> None:
    ratios = [1 + n / 100 for n in range(NEEDED)]
    assert bounds(ratios) == (1.0, 1.18)
    assert bounds([*ratios, 9.0]) == (1.0, 9.0)  # ceil(21 * 0.95) = 20
    assert bounds([1 + n / 100 for n in range(39)]) == (1.01, 1.37)


@pytest.mark.parametrize(("lower", "upper", "outlook"), [
    (69_403, 80_000, Outlook.FAIL), (60_000, 69_402, Outlook.PASS), (69_402, 69_403, Outlook.PENDING),
    (60_000, 80_000, Outlook.PENDING)])
def test_it_fails_by_its_lower_bound_and_passes_by_its_upper_one(lower: int, upper: int, outlook: Outlook) -> None:
    middle = (lower + upper) // 2
    assert Projection(50, 100, 30_000, middle, lower, upper, 19).against(69_402) is outlook


def test_calibrated_bounds_cover_what_they_promise() -> None:
    """Autocorrelated step times with spikes: the upper bound holds in about 95 of 100 runs, each way."""
    dice = random.Random(3)
    over = under = 0
    rounds = 120
    for _ in range(rounds):
        others = [ratio(curve(noisy(dice, 300)), 0.25) for _ in range(24)]
        run = curve(noisy(dice, 300))
        told = project(Curve(total_steps=300, train=run.train[:75]), 300, [r for r in others if r is not None])
        assert told is not None
        actual = run.train[-1].train_time_ms or 0.0
        over += actual > told.upper_ms
        under += actual < told.lower_ms
    assert over / rounds <= 0.11
    assert under / rounds <= 0.11


def test_the_ratio_of_a_run_is_of_its_own_projection() -> None:
    assert ratio(curve([100.0] * 100), 0.5) == pytest.approx(1.0)
    assert ratio(curve([100.0] * 50 + [200.0] * 50), 0.5) == pytest.approx(1.5)
    assert ratio(curve([100.0] * 100), 0.1) is None  # no steady delta yet
    assert ratio(Curve(), 0.5) is None
