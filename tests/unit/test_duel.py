"""Rules of duels: runs are what counts and not steps, repeats are compared with themselves, and chance is told."""

from __future__ import annotations

import math
import random

import pytest

from orchestrator.domain.duel import duel
from orchestrator.domain.measured import Figures


def one(arm: str, repeat: int | None, *deltas: float) -> Figures:
    return Figures(f"{arm}-s{repeat}", arm, "completed", 1000, deltas, {}, None, None, None, None, (), repeat)


def repeats(a: list[float], b: list[float]) -> list[Figures]:
    return [f for i, (x, y) in enumerate(zip(a, b, strict=True)) for f in (one("A", i, x), one("B", i, y))]


def test_the_winner_is_quickest_within_repeats_and_told_by_its_runs_medians() -> None:
    found = duel([one("A_default", 0, 60.0, 60.0, 60.0), one("B_sdpa", 0, 424.0, 424.0),
                  one("A_default", 1, 74.0, 74.0, 105.0), one("B_sdpa", 1, 424.0)])
    assert found.line() == "winner=A_default median_ms=67.00 p90_ms=79.40"


def test_a_long_run_weighs_no_more_than_a_short_one() -> None:
    long = one("A", 0, *[10.0] * 500)
    others = [one("A", 1, 30.0), one("A", 2, 32.0), *(one("B", i, 20.0) for i in range(3))]
    assert duel([long, *others]).line() == "winner=B median_ms=20.00 p90_ms=20.00"


def test_a_repeat_that_was_disturbed_does_not_decide() -> None:
    found = duel(repeats([5.9, 12.3, 14.6], [6.1, 6.1, 14.9]))
    assert found.ranked[0].arm == "A", "B has the lower median over all, and lost two of three repeats"
    assert found.margins[0].ratio > 1.0


def test_repeats_are_compared_with_themselves_so_what_drifts_cancels() -> None:
    drift = [100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0]
    (margin,) = duel(repeats(drift, [1.1 * x for x in drift])).margins
    assert (margin.arm, round(margin.ratio, 6), margin.low, margin.high) == ("B", 1.1, 1.1, 1.1)
    assert margin.p_value == 2 / 2**6
    assert margin.words() == "shown: p = 0.0312 over 6 repeats"


def test_fewer_than_six_repeats_cannot_show_anything() -> None:
    (margin,) = duel(repeats([1.0] * 5, [9.0] * 5)).margins
    assert (margin.p_value, margin.shown) == (2 / 2**5, False)
    assert margin.words() == "not shown: 5 repeats cannot, 6 could"
    assert duel([one("A", 0, 1.0), one("B", 0, 2.0)]).margins[0].words() == "not shown: 1 repeat cannot, 6 could"


def test_alternatives_that_take_turns_in_winning_are_not_told_apart() -> None:
    (margin,) = duel(repeats([1.0, 1.2, 1.0, 1.2, 1.0, 1.0], [1.2, 1.0, 1.2, 1.0, 1.2, 1.0])).margins
    assert margin.low < 1.0 < margin.high
    assert not margin.shown


def test_the_range_is_rounded_outwards() -> None:
    (margin,) = duel(repeats([1000.0, 1000.0], [999.9, 1000.6])).margins
    assert (margin.low, margin.high) == (0.999, 1.001)


def test_of_three_alternatives_p_is_raised_for_the_pairs_looked_at() -> None:
    times = {"A": 1.0, "B": 2.0, "C": 3.0}
    found = duel([one(arm, i, t) for i in range(8) for arm, t in times.items()])
    assert [(m.arm, m.p_value) for m in found.margins] == [("B", 3 * 2 / 2**8), ("C", 3 * 2 / 2**8)]
    assert found.margins[0].needed == 7


@pytest.mark.parametrize("n", [6, 20])
def test_without_a_difference_one_is_rarely_shown(n: int) -> None:
    dice = random.Random(6)
    shown = sum(duel(repeats([math.exp(dice.gauss(0, 0.1)) for _ in range(n)],
                             [math.exp(dice.gauss(0, 0.1)) for _ in range(n)])).margins[0].shown for _ in range(400))
    assert shown <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)


def test_the_lines_tell_each_arm_the_winner_and_how_far_behind_the_others_are() -> None:
    assert duel(repeats([67.0, 67.0], [424.0, 402.0])).lines() == (
        "arm=A median_ms=67.00 p90_ms=67.00 steps=2", "arm=B median_ms=413.00 p90_ms=413.00 steps=2",
        "winner=A median_ms=67.00 p90_ms=67.00",
        "behind=B ratio=6.164 range=6.000..6.329 not shown: 2 repeats cannot, 6 could")


def test_an_alternative_without_times_leaves_no_winner() -> None:
    found = duel([one("A", 0, 60.0), one("B", 0)])
    assert found.line() == "winner=none missing=B"
    assert found.lines()[-1] == found.line()
    assert duel([]).line() == "winner=none missing=all"


def test_runs_of_different_repeats_are_no_pair() -> None:
    assert duel([one("A", 0, 60.0), one("B", 1, 70.0)]).margins == ()
