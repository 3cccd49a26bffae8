"""Rules of the schedule, of the KD stop, of the target, and of the train clock."""

from __future__ import annotations

import pytest

from worker.trainer.clock import TrainClock
from worker.trainer.kd.control import KdControl, TargetWatch
from worker.trainer.schedule import base_multiplier, multiplier
from worker.trainer.spec import KdStopSpec, ScheduleSpec

PLAIN = ScheduleSpec(boost=1.0, hold=0.0, drop_to_base=0.0, cooldown=0.0, floor=0.1, finish=1.0, finish_ramp_steps=25,
                     warmup_steps=0)
BOOSTED = ScheduleSpec(boost=3.0, hold=0.2, drop_to_base=0.4, cooldown=0.2, floor=0.1, finish=0.5,
                       finish_ramp_steps=10, warmup_steps=0)
STOP = KdStopSpec(mode="val_margin", margin=0.05, sign=1, min_step=25, max_fraction=1.0)


def changed(rule: KdStopSpec, **values: object) -> KdStopSpec:
    return KdStopSpec(**{**rule.__dict__, **values})  # type: ignore[arg-type]


def test_a_plain_schedule_is_constant() -> None:
    assert {base_multiplier(PLAIN, step, 100) for step in range(100)} == {1.0}


@pytest.mark.parametrize(("step", "expected"), [
    (0, 3.0), (19, 3.0), (20, 3.0), (25, 2.5), (30, 2.0), (39, 1.1), (40, 1.0), (80, 1.0), (90, 0.55), (99, 0.145),
])
def test_boost_hold_drop_and_cooldown_follow_the_fraction_of_the_horizon(step: int, expected: float) -> None:
    assert base_multiplier(BOOSTED, step, 100) == pytest.approx(expected)
    assert base_multiplier(BOOSTED, step * 10, 1000) == pytest.approx(expected)


def test_warmup_ends_at_its_last_step() -> None:
    warm = ScheduleSpec(**{**PLAIN.__dict__, "warmup_steps": 4})
    assert [base_multiplier(warm, step, 100) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_a_drop_without_width_does_not_divide_by_zero() -> None:
    steep = ScheduleSpec(**{**BOOSTED.__dict__, "drop_to_base": 0.2})
    assert [base_multiplier(steep, step, 100) for step in (19, 20)] == [3.0, 1.0]


LEGACY = ScheduleSpec(**{**PLAIN.__dict__, "shape": "legacy", "cooldown": 0.5})
OF_OLD = [(0, 1e-3), (1999, 1e-3), (2000, 5e-4), (2600, 2e-4), (3200, 1e-4), (3600, 7e-5), (4200, 3e-5), (5200, 1e-5),
          (6000, 8e-6), (7000, 7e-6), (8000, 5e-6), (9000, 3e-6), (10499, 3e-6), (10500, 1e-6), (11999, 1e-6)]


@pytest.mark.parametrize(("step", "rate"), OF_OLD)
def test_the_legacy_schedule_is_the_12000_step_references_as_fractions_of_any_horizon(step: int, rate: float) -> None:
    assert 1e-3 * base_multiplier(LEGACY, step, 12_000) == pytest.approx(rate)
    if step % 100 == 0:
        assert 1e-3 * base_multiplier(LEGACY, step // 100, 120) == pytest.approx(rate)


def test_the_legacy_schedule_knows_warmup_and_the_kd_stop() -> None:
    assert multiplier(ScheduleSpec(**{**LEGACY.__dict__, "warmup_steps": 4}), 1, 120, None) == 0.5
    assert multiplier(ScheduleSpec(**{**LEGACY.__dict__, "finish": 0.5, "finish_ramp_steps": 1}), 20, 120, 20) == 0.25


def test_the_kd_stop_ramps_to_the_finish_and_stays_there() -> None:
    assert multiplier(BOOSTED, 50, 100, None) == 1.0
    assert multiplier(BOOSTED, 50, 100, 50) == pytest.approx(0.95)
    assert multiplier(BOOSTED, 54, 100, 50) == pytest.approx(0.75)
    assert multiplier(BOOSTED, 59, 100, 50) == pytest.approx(0.5)
    assert multiplier(BOOSTED, 75, 100, 50) == pytest.approx(0.5)


def test_kd_stops_within_the_margin_of_the_teacher_and_never_comes_back() -> None:
    control = KdControl(STOP, teacher_val=2.0, horizon=100)
    assert not control.after_validation(25, 2.0501)
    assert control.on
    assert control.after_validation(50, 2.05)
    assert not control.after_validation(75, 9.0)
    assert (control.on, control.stopped_at) == (False, 50)


def test_kd_does_not_stop_by_the_margin_before_its_first_step() -> None:
    control = KdControl(STOP, teacher_val=2.0, horizon=100)
    assert not control.after_validation(24, 1.0)
    assert control.after_validation(25, 1.0)


def test_with_a_negative_sign_the_student_must_beat_the_teacher_by_the_margin() -> None:
    control = KdControl(changed(STOP, sign=-1), teacher_val=2.0, horizon=100)
    assert control.margin == -0.05
    assert not control.after_validation(25, 1.951)
    assert control.after_validation(50, 1.95)


def test_kd_ends_at_its_share_of_the_horizon_even_without_a_margin() -> None:
    control = KdControl(changed(STOP, mode="never", max_fraction=0.3), teacher_val=2.0, horizon=100)
    assert not control.after_validation(25, 0.0)
    assert not control.after_step(29)
    assert control.after_step(30)
    assert control.stopped_at == 30


def test_the_whole_horizon_under_kd_is_no_stop() -> None:
    assert not KdControl(changed(STOP, mode="never"), 2.0, 100).after_step(100)


def test_a_target_takes_two_validations_in_a_row() -> None:
    watch = TargetWatch(2.0)
    seen = []
    for loss in (2.1, 2.0, 2.01, 1.99, 2.0, 2.5):
        watch.after_validation(loss)
        seen.append(watch.confirmed)
    assert seen == [False, False, False, False, True, True]


def test_without_a_target_nothing_is_confirmed() -> None:
    watch = TargetWatch(None)
    for _ in range(3):
        watch.after_validation(0.0)
    assert not watch.confirmed


class HandClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.settled = 0

    def now(self) -> float:
        return self.seconds

    def settle(self) -> None:
        self.settled += 1


def test_the_clock_counts_what_it_is_not_held_for() -> None:
    hand = HandClock()
    clock = TrainClock(hand.now, hand.settle, already_ms=500.0)
    hand.seconds += 7
    assert clock.milliseconds() == 500.0
    clock.start()
    hand.seconds += 2
    with clock.held():
        hand.seconds += 50
    hand.seconds += 1
    assert clock.milliseconds() == pytest.approx(3500.0)
    clock.stop()
    hand.seconds += 9
    with clock.held():
        hand.seconds += 9
    hand.seconds += 9
    assert clock.milliseconds() == pytest.approx(3500.0)


def test_the_clock_waits_for_the_device_whenever_it_starts_or_stops() -> None:
    hand = HandClock()
    clock = TrainClock(hand.now, hand.settle)
    clock.start()
    clock.stop()
    assert hand.settled == 2
