"""When the budget guard stops a run, and when it must not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.budget_guard import CALM, WARMUP_STEPS, WINDOW, BudgetGuard


def lines(times_ms: Iterable[float], horizon: int, first: int = 1) -> Iterator[str]:
    for step, time_ms in enumerate(times_ms, first):
        yield f"step:{step}/{horizon} train_loss:4.0000 train_time:{time_ms:.2f}ms step_avg:1.00ms lr_mult:1.0000"


def guard(budget_ms: int, *, steady: bool = True, distils: bool = False) -> BudgetGuard:
    return BudgetGuard(budget_ms, steady=steady, distils=distils)


def test_a_run_whose_fastest_pace_overdraws_is_stopped_after_the_warm_up() -> None:
    one = guard(50_000)
    one.hear(lines((100.0 * s for s in range(1, WARMUP_STEPS + 1)), 1000))
    assert one.verdict is None, "the warm-up counts steps between two lines"
    one.hear(lines((100.0 * s for s in range(WARMUP_STEPS + 1, 60)), 1000, WARMUP_STEPS + 1))
    assert one.verdict is not None
    assert one.verdict.startswith("its budget is 50000 ms of train time: at step 51 of 1000 it stands at 5100 ms and "
                                  "would need at least ")


def test_a_budget_that_is_used_up_stops_any_run() -> None:
    for one in (guard(1000), guard(1000, steady=False), guard(1000, distils=True)):
        one.hear(lines([990.0, 1000.0], 50))
        assert one.verdict is None, "what is just kept is kept"
        one.hear(lines([1000.01], 50, 3))
        assert one.verdict == "its budget is 1000 ms of train time: at step 3 of 50 it stands at 1000 ms"


def test_the_last_step_is_not_stopped_for() -> None:
    one = guard(1000)
    one.hear(lines([2000.0], 1))
    assert one.verdict is None


def test_where_steps_may_get_fewer_or_faster_nothing_is_projected() -> None:
    for one in (guard(50_000, steady=False), guard(50_000, distils=True)):
        one.hear(lines((100.0 * s for s in range(1, 400)), 1000))
        assert one.verdict is None


def test_once_the_teacher_is_gone_the_steps_without_it_are_the_measure() -> None:
    one = guard(50_000, distils=True)
    one.hear(lines((100.0 * s for s in range(1, 100)), 1000))
    one.hear(["kd_stop step:99 student_val:2.0 teacher_val:2.0 margin:0.05"])
    one.hear(lines((9900 + 30.0 * s for s in range(1, 300)), 1000, 100))
    assert one.verdict is None, "9.9 s and 900 steps of 30 ms are 37 s"
    other = guard(50_000, distils=True)
    other.hear(lines((100.0 * s for s in range(1, 100)), 1000))
    other.hear(["kd_stop step:99 student_val:2.0 teacher_val:2.0 margin:0.05"])
    other.hear(lines((9900 + 60.0 * s for s in range(1, 300)), 1000, 100))
    assert other.verdict is not None


def test_slow_first_steps_do_not_count_against_a_run() -> None:
    one = guard(50_000)
    one.hear(lines([20_000.0 + 20 * s for s in range(900)], 1000))
    assert one.verdict is None


def test_talk_validations_and_torn_lines_are_no_measurements() -> None:
    one = guard(1000)
    one.hear(["", "step:5/9 train_loss:1.0 train_time:99999ms", "words step:5/9 train_loss:1 train_time:99999ms s",
              "step:5/9 train_loss:1.0 train_time:9999e9ms step_avg:1ms",
              "step:0/9 val_loss:4 train_time:0ms step_avg:0"])
    assert one.verdict is None


def test_a_log_that_starts_over_is_measured_anew() -> None:
    one = guard(50_000)
    one.hear(lines((100.0 * s for s in range(1, 45)), 1000))
    one.hear(lines((40.0 * s for s in range(1, 200)), 1000))
    assert one.verdict is None


@given(st.lists(st.floats(0.01, 400.0), min_size=2 * WINDOW, max_size=200), st.integers(1, 60_000))
def test_a_run_that_keeps_its_budget_without_getting_faster_than_it_was_is_never_stopped(steps: list[float],
                                                                                       budget_ms: int) -> None:
    """What is stopped by projection would, at its own fastest window from there on, have missed the budget."""
    times = [sum(steps[:k]) for k in range(1, len(steps) + 1)]
    horizon = 2 * len(steps)
    one = guard(budget_ms)
    at = -1
    for line in lines(times, horizon):
        if one.verdict is None:
            one.hear([line])
            at += 1
    if one.verdict is None:
        return
    if "would need" not in one.verdict:
        assert times[at] > budget_ms - 0.005
        return
    windows = [(times[k + WINDOW] - times[k]) / WINDOW for k in range(at + 1 - WINDOW)]
    assert times[at] + (horizon - at - 1) * min(windows) * CALM > budget_ms - 1


@pytest.mark.parametrize("unit", [1, 10, 100])
def test_rounded_times_are_taken_as_short_as_they_may_have_been(unit: int) -> None:
    """Steps of 4.9 ms, printed in whole milliseconds or coarser, are not taken for 5 ms."""
    one = guard(4_910)
    rounded = (round(4.9 * s / unit) * unit for s in range(1, 999))
    one.hear(f"step:{s}/1000 train_loss:4.0 train_time:{t}ms step_avg:1ms" for s, t in enumerate(rounded, 1))
    assert one.verdict is None
