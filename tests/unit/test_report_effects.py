"""Rules of the exact tests: what so many seeds can show, what censoring leaves, and what looking at many arms costs."""

from __future__ import annotations

import random

import pytest

from orchestrator.report.effects import SIGNIFICANT, Kind, effect, holm, pairs_needed
from orchestrator.report.statistics import Amount, Known, difference, reached_by
from orchestrator.report.words import amount, less_or_more


def exact(*values: float) -> list[Amount]:
    return [Amount(v) for v in values]


def test_five_pairs_that_all_save_are_the_fewest_that_show_an_effect():
    five, four = effect(exact(25, 25, 50, 25, 75)), effect(exact(25, 25, 50, 25))
    assert five is not None
    assert four is not None
    assert (five.p_value, five.shown) == (1 / 32, True)
    assert (four.p_value, four.best_p, four.shown) == (1 / 16, 1 / 16, False)
    assert pairs_needed() == 5


def test_the_randomisation_test_counts_sign_patterns():
    # Of the 8 sums of ±1 ±2 ±3 those of at least 1 + 2 - 3 = 0 are 6, 4, 2, 0 and 0: -1 -2 +3 is a tie.
    tested = effect(exact(1, 2, -3))
    assert tested is not None
    assert (tested.test, tested.p_value) == (Kind.RANDOMISATION, 5 / 8)


def test_no_difference_at_all_is_no_evidence():
    tested = effect(exact(0, 0, 0, 0, 0, 0))
    assert tested is not None
    assert tested.p_value == 1.0
    assert tested.low is None


def test_a_censored_pair_counts_by_its_direction_alone_and_an_unknown_one_against():
    saves, unknown = Amount(10, Known.AT_LEAST), Amount(-3, Known.AT_LEAST)
    tested = effect([Amount(25), saves, saves, saves, saves])
    assert tested is not None
    assert (tested.test, tested.p_value) == (Kind.SIGN, 1 / 32)
    worse = effect([Amount(25), saves, saves, saves, unknown])
    assert worse is not None
    assert worse.p_value == pytest.approx(6 / 32)
    assert effect([Amount.nothing()] * 3).p_value == 1.0  # type: ignore[union-attr]
    assert effect([]) is None


def test_who_arrives_at_the_step_at_which_the_other_is_censored_wins():
    saving = difference(reached_by(None, 200), reached_by(200, None))
    tested = effect([saving] * 5)
    assert tested is not None
    assert (tested.test, tested.p_value) == (Kind.SIGN, 1 / 32)
    assert effect([difference(reached_by(200, None), reached_by(None, 200))] * 5).p_value == 1.0  # type: ignore[union-attr]
    assert effect([Amount(0), saving, saving, saving, saving]).p_value == 6 / 32  # type: ignore[union-attr]
    assert amount(saving) == "> 0"
    assert less_or_more(saving, "steps", "fewer", "more") == "more than 0 steps fewer than"


def test_looking_at_many_arms_raises_every_p():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
    assert pairs_needed(arms=36) == 10


def test_the_bootstrap_needs_five_seeds_and_repeats():
    values = exact(100, 90, 120, 70, 105, 95)
    one, other = effect(values), effect(values)
    assert one == other
    assert one is not None
    assert one.low is not None
    assert one.high is not None
    assert 70 < one.low < 96.7 < one.high < 120
    assert effect(exact(1, 2, 3, 4)).low is None  # type: ignore[union-attr]


def test_beyond_sixteen_pairs_a_fixed_sample_of_patterns_is_drawn():
    dice = random.Random(7)
    values = exact(*(dice.gauss(2, 2) for _ in range(20)))
    assert effect(values) == effect(values)
    assert effect(values).p_value < 0.01  # type: ignore[union-attr]


def test_without_an_effect_the_claim_is_rarely_made():
    """A fixed sample of 1000 campaigns of six seeds: the exact test's size is at most its level."""
    dice = random.Random(20260213)
    claims = sum(effect(exact(*(25 * round(dice.gauss(0, 50) / 25) for _ in range(6)))).shown  # type: ignore[union-attr]
                 for _ in range(1000))
    assert claims <= SIGNIFICANT * 1000 + 2.33 * (1000 * SIGNIFICANT * (1 - SIGNIFICANT)) ** 0.5
