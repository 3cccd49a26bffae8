"""A planted truth in small: the real driver, ledger and report over curves whose truth is known.

``benchmarks/planted.py`` does the same two hundred times. Fixed luck, so these are rules and not rates; the rates are
the benchmark's.
"""

from __future__ import annotations

import pytest

from benchmarks.planted import exceeds, true_saving
from benchmarks.planted_campaigns import FULL_GRID_STEPS, KD_GAIN, SLACK, arms, confirmed, halved


def test_a_schedule_that_helps_by_itself_is_not_credited_to_distillation() -> None:
    told = arms(0.0, "one")
    assert told.claims == ()
    assert not told.answer_claims


def test_a_saving_of_a_tenth_is_found_with_the_seeds_that_the_test_asks_for() -> None:
    assert true_saving() == pytest.approx(0.10, abs=0.005)
    told = arms(KD_GAIN, "one")
    assert len(told.claims) == 3
    assert told.right_arm
    assert all(len(seeds) == 6 for seeds in told.saved.values())


def test_halving_keeps_the_best_of_27_for_a_third_of_the_steps() -> None:
    told = halved("one")
    assert told.kept_best
    assert FULL_GRID_STEPS / told.steps >= 2.5


def test_fresh_seeds_confirm_what_is_below_the_target_and_not_what_is_on_it() -> None:
    assert confirmed(SLACK, "one")
    assert not confirmed(0.0, "one")


def test_a_rate_is_shown_to_exceed_a_level_by_the_exact_binomial_test() -> None:
    assert exceeds(10, 200, 0.05) > 0.5
    assert exceeds(20, 200, 0.05) < 0.01
