"""Rules of ``orchestrator.domain.metrics``; the figures are those of the original runs."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain import metrics
from orchestrator.domain.metrics import Curve, Marker, OomReport, TargetHit, TrainPoint, ValPoint


def timed(times: list[float], *, first: int = 1, total: int | None = None) -> Curve:
    """A curve whose train lines print these times."""
    points = tuple(TrainPoint(first + i, None, t, None, offset=100 * i) for i, t in enumerate(times))
    return Curve(total_steps=total, train=points)


def summed(deltas: list[float]) -> list[float]:
    """Train times with these differences, beginning at 100 ms."""
    return [100.0 + sum(deltas[:i]) for i in range(len(deltas) + 1)]


def validated(*points: tuple[int, float, float | None]) -> tuple[ValPoint, ...]:
    return tuple(ValPoint(step, loss, time, offset=10 * i) for i, (step, loss, time) in enumerate(points))


CE_REFERENCE = validated((575, 4.0921, 187_400.0), (600, 4.0712, 195_900.0), (625, 4.0655, 204_310.0),
                         (650, 4.0577, 212_851.0), (675, 4.0300, 221_460.0))


def test_the_reference_reaches_4_07_at_step_650_after_212_851_seconds():
    hit = metrics.target_hit(CE_REFERENCE, 4.07)
    assert (hit.steps_to_target, hit.time_to_target_ms, hit.first_step) == (650, 212_851.0, 625)
    assert hit.reached
    assert hit.single_hit_step is None
    assert hit.censored_at_step is None


def test_a_hit_that_the_next_validation_loses_does_not_count():
    hit = metrics.target_hit(validated((25, 4.0, 1.0), (50, 4.2, 2.0), (75, 4.0, 3.0), (100, 3.9, 4.0)), 4.07)
    assert (hit.first_step, hit.steps_to_target) == (75, 100)


def test_hit_once_at_the_last_validation_is_its_own_outcome():
    hit = metrics.target_hit(validated((1530, 3.2811, None), (1555, 3.2777, None)), 3.28)
    assert hit == TargetHit(None, None, single_hit_step=1555, censored_at_step=1555)
    assert not hit.reached


def test_not_reached_is_censored_at_the_last_validation():
    assert metrics.target_hit(CE_REFERENCE, 3.28) == TargetHit(None, None, None, censored_at_step=675)


def test_without_validations_nothing_is_known_about_a_target():
    assert metrics.target_hit((), 4.0) == TargetHit(None, None, None)


def test_the_target_itself_is_a_hit():
    assert metrics.target_hit(validated((1, 4.07, None), (2, 4.07, None)), 4.07).steps_to_target == 2


def test_losses_are_compared_as_micro_nats():
    # 1.2345674 and a target of 1.234567 are the same number in the ledger.
    assert metrics.target_hit(validated((1, 1.2345674, None), (2, 1.2345674, None)), 1.234567).steps_to_target == 2
    assert metrics.target_hit(validated((1, 1.2345676, None), (2, 1.2345676, None)), 1.234567).steps_to_target is None


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_never_hits(loss):
    assert not metrics.target_hit(validated((1, 1.0, None), (2, loss, None), (3, 1.0, None)), 2.0).reached


@pytest.mark.parametrize("target", [math.nan, math.inf, -math.inf])
def test_a_target_must_be_finite(target):
    with pytest.raises(ValueError, match="finite"):
        metrics.target_hit(CE_REFERENCE, target)


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=12))
def test_the_confirming_validation_is_the_second_of_the_first_neighbouring_pair(tenths):
    points = validated(*((25 * (i + 1), t / 10, float(i)) for i, t in enumerate(tenths)))
    pairs = [i for i in range(len(points) - 1) if points[i].val_loss <= 0.2 and points[i + 1].val_loss <= 0.2]
    hit = metrics.target_hit(points, 0.2)
    assert hit.steps_to_target == (points[pairs[0] + 1].step if pairs else None)
    assert hit.first_step == (points[pairs[0]].step if pairs else None)


def test_step_deltas_are_differences_of_neighbouring_steps():
    curve = Curve(train=(TrainPoint(1, None, 10.0, None, 0), TrainPoint(2, None, 25.0, None, 1),
                         TrainPoint(4, None, 60.0, None, 2), TrainPoint(5, None, None, None, 3),
                         TrainPoint(6, None, 90.0, None, 4), TrainPoint(7, None, 97.0, None, 5)))
    assert metrics.step_delta_points(curve) == ((2, 15.0), (7, 7.0))


def test_a_delta_never_crosses_a_restart_of_the_timer():
    curve = timed([24_179.0, 24_523.0, 26_562.0, 1_539.0, 1_800.0])
    assert metrics.step_deltas(curve) == (344.0, 2039.0, 261.0)


def test_the_restart_is_one_of_the_twenty_deltas_left_out():
    times = [26_000.0 + i for i in range(10)] + [100.0 * i for i in range(1, 25)]
    deltas = metrics.steady_deltas(timed(times))
    assert len(deltas) == len(times) - 1 - 20


def test_the_steady_window_leaves_out_the_first_twenty_deltas():
    curve = timed(summed([9000.0] * 20 + [float(n) for n in range(1, 11)]))
    assert metrics.steady_deltas(curve) == tuple(float(n) for n in range(1, 11))
    assert metrics.median_step_ms(curve) == 5.5
    assert metrics.p90_step_ms(curve) == pytest.approx(9.1)


def test_without_a_steady_delta_there_is_no_median():
    curve = timed(summed([40.0] * 20))
    assert metrics.median_step_ms(curve) is None
    assert metrics.p90_step_ms(curve) is None


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=60))
def test_p90_interpolates_linearly(values):
    assert metrics.percentile(values, 0.9) == pytest.approx(statistics.quantiles(values, n=10, method="inclusive")[8])


def test_the_train_time_is_the_last_printed_one():
    curve = Curve(train=(TrainPoint(1, None, 40.0, None, 10), TrainPoint(2, None, 80.4, None, 30)),
                  validations=validated((0, 5.5, 0.0)))
    assert metrics.train_time_ms(curve) == 80
    later = ValPoint(2, 5.0, 82.5, offset=40)
    assert metrics.train_time_ms(Curve(train=curve.train, validations=(later,))) == 83
    assert metrics.train_time_point(Curve(train=curve.train, validations=(later,))) is later


def test_a_log_without_times_has_no_train_time():
    assert metrics.train_time_ms(Curve(train=(TrainPoint(1, 5.0, None, None, 0),))) is None
    assert metrics.train_time_ms(Curve()) is None


def test_the_final_loss_is_the_one_at_the_final_step():
    curve = Curve(train=(TrainPoint(1555, None, 1.0, None, 9),), validations=validated((1500, 3.29, None)))
    assert metrics.final_step(curve) == 1555
    assert metrics.final_val(curve) is None
    assert metrics.best_val(curve) == 3.29
    assert metrics.final_val(Curve(validations=validated((1500, 3.29, None), (1555, 3.2783, None)))) == 3.2783


def test_the_best_loss_leaves_out_what_is_not_finite():
    points = validated((1, math.nan, None), (2, 3.5, None), (3, -math.inf, None))
    assert metrics.best_val(Curve(validations=points)) == 3.5
    assert metrics.best_val(Curve(validations=validated((1, math.nan, None)))) is None


def test_the_reference_run_is_projected_from_its_first_hundred_steps():
    curve = timed([446.31 * step for step in range(1, 101)], total=1555)
    assert metrics.projected_train_time(curve, 1555) == pytest.approx(446.31 * 1555)


def test_a_finished_run_is_projected_as_what_it_took():
    curve = timed(summed([10.0] * 40))
    assert metrics.projected_train_time(curve, 41) == 500.0
    assert metrics.projected_train_time(curve, 30) == 500.0


def test_before_a_steady_delta_nothing_is_projected():
    assert metrics.projected_train_time(timed(summed([10.0] * 5)), 1000) is None
    assert metrics.projected_train_time(Curve(), 1000) is None


def test_savings_need_both_sides_to_arrive():
    ce, kd = TargetHit(650, 212_851.0, None), TargetHit(550, 190_000.0, None)
    missed = TargetHit(None, None, None, censored_at_step=625)
    assert metrics.steps_saved(ce, kd) == 100
    assert metrics.net_time_saved(ce, kd, 56_620) == 212_851 - (190_000 + 56_620)
    assert metrics.steps_saved(ce, missed) is None
    assert metrics.net_time_saved(missed, kd, 56_620) is None


def test_a_slice_is_the_run_cut_at_a_step():
    whole = Curve(
        total_steps=250,
        train=tuple(TrainPoint(s, 4.5, 195.1356 * s, None, s) for s in range(1, 251)),
        validations=validated((150, 4.5512, 29_270.0), (177, 4.3736, 34_539.0), (250, 4.0690, 48_784.0)),
        peak_allocated_mib=31_016, kd_stop_step=200, end_reason="horizon",
        oom=OomReport(1, 0, None, 5), markers=(Marker("kd_stop", "", 3, step=200), Marker("peak", "", 4)),
    )
    cut = metrics.slice_curve(whole, 177)
    assert metrics.final_val(cut) == 4.3736
    assert metrics.train_time_ms(cut) == 34_539
    assert metrics.final_step(cut) == cut.total_steps == 177
    assert (cut.peak_allocated_mib, cut.kd_stop_step, cut.end_reason, cut.oom) == (None, None, None, None)
    assert cut.markers == ()
    assert metrics.slice_curve(whole, 250).kd_stop_step == 200


@pytest.mark.parametrize(("loss", "u6"), [
    (3.2783, 3_278_300), (4.0686, 4_068_600), (0.0, 0), (-1.5, -1_500_000), (1.0000005, 1_000_000),
    (1.0000015, 1_000_002), (math.nan, None), (math.inf, None), (-math.inf, None), (1e300, None),
])
def test_a_loss_in_micro_nats_is_rounded_half_to_even(loss, u6):
    assert metrics.to_u6(loss) == u6


@settings(deadline=None)
@given(st.integers(0, 20_000_000))
def test_a_loss_printed_with_six_decimals_survives(u6):
    assert metrics.to_u6(float(f"{Decimal(u6).scaleb(-6):.6f}")) == u6
    assert metrics.to_u6(u6 / 1e6) == u6


@pytest.mark.parametrize(("value", "whole"), [(69_401.5, 69_402), (34_700.75, 34_701), (0.5, 1), (1.5, 2), (2.5, 3),
                                               (2.4999999, 2), (694_015.0, 694_015)])
def test_milliseconds_are_rounded_half_up(value, whole):
    assert metrics.round_half_up(value) == whole


def test_what_is_not_finite_cannot_be_rounded():
    with pytest.raises(ValueError, match="cannot be rounded"):
        metrics.round_half_up(math.nan)


def test_the_shortfall_is_tried_minus_free():
    gib = 1 << 30
    assert OomReport(9 * gib, 3 * gib, None, 0).shortfall_bytes == 6 * gib
    assert OomReport(9 * gib, None, None, 0).shortfall_bytes is None


def test_where_enough_was_free_in_pieces_no_shortfall_is_known():
    assert OomReport(20 << 20, 26_015_171, None, 0).shortfall_bytes is None
    assert OomReport(20 << 20, 20 << 20, None, 0).shortfall_bytes is None


# The figures of the original runs


def shaped(median: float, p90: float, n: int = 155) -> list[float]:
    """``n`` step times with exactly this median and this 90th percentile, after 20 of the warm-up."""
    low, high = n // 2 - 1, n // 10 + 2
    return [8370.0] * 20 + [median - 1.0] * low + [median] * (n - low - high) + [p90] * high


@pytest.mark.parametrize(("median", "p90"), [
    (67.0, 101.0), (424.0, 728.0), (476.0, 679.0), (251.0, 462.0), (768.0, 769.0), (768.0, 1746.0), (252.0, 254.0),
    (3359.0, 6624.0)],
    ids=["A default", "B sdpa", "CE student", "CE reference", "V01", "F01", "sparse KD, start-up", "soft loss 1024"])
def test_medians_and_90th_percentiles_of_the_original_tables(median, p90):
    curve = timed(summed(shaped(median, p90)))
    assert (metrics.median_step_ms(curve), metrics.p90_step_ms(curve)) == (median, p90)


def test_the_locked_numbers_follow_from_the_reference_run():
    per_step = 694_015 / 1555
    assert round(per_step, 2) == 446.31
    assert metrics.round_half_up(694_015 * 0.10) == 69_402
    assert round(69_402 / 1555, 2) == 44.63
    assert metrics.round_half_up(694_015 * 0.05) == 34_701
    curve = Curve(total_steps=1555, train=(TrainPoint(1555, None, 694_015.0, 446.31, 0),),
                  validations=(ValPoint(1555, 3.2783, 694_015.0, 9),))
    assert (metrics.train_time_ms(curve), metrics.final_val(curve), metrics.best_val(curve)) == (
        694_015, 3.2783, 3.2783)


def test_the_live_runs_of_record_are_censored_where_they_stood():
    v01 = metrics.target_hit(validated((250, 4.5601, 205_000.0), (275, 4.5282, 224_465.0)), 4.07)
    f01 = metrics.target_hit(validated((600, 4.2310, 580_000.0), (625, 4.2231, 605_279.0)), 4.07)
    assert (v01.steps_to_target, v01.censored_at_step, f01.censored_at_step) == (None, 275, 625)
    ce = metrics.target_hit(CE_REFERENCE, 4.07)
    assert metrics.steps_saved(ce, v01) is None
    assert metrics.net_time_saved(ce, f01, 56_620) is None


def test_better_a_step_may_be_worse_a_second():
    """The best sparse KD run of 155 steps came close to CE's loss there, and took 28 s longer."""
    ce = metrics.target_hit(validated((125, 4.30, 86_000.0), (150, 4.13, 103_782.0), (155, 4.1248, 107_242.0)), 4.13)
    kd = metrics.target_hit(validated((125, 4.30, 109_000.0), (150, 4.13, 131_006.0), (155, 4.1295, 135_373.0)), 4.13)
    assert metrics.steps_saved(ce, kd) == 0
    assert metrics.net_time_saved(ce, kd, 0) == 107_242 - 135_373
    assert metrics.net_time_saved(ce, kd, 56_620) == 107_242 - 135_373 - 56_620


def test_the_whole_rows_of_logits_did_not_fit():
    tried = 49_152 * 50_304 * 4
    assert round(tried / 2**30, 2) == 9.21
    oom = OomReport(tried, round(3.32 * 2**30), None, 0)
    assert oom.shortfall_bytes is not None
    assert round(oom.shortfall_bytes / 2**30, 2) == 5.89


def test_the_teacher_of_record_is_held_to_the_literal_and_to_no_fraction():
    slice_177 = Curve(train=(TrainPoint(177, None, 34_539.0, None, 0),))
    times = [metrics.train_time_ms(slice_177), 39_767, 69_402, 69_403]
    assert [t is not None and t <= 69_402 for t in times] == [True, True, True, False]
    assert [t is not None and t <= 34_701 for t in times] == [True, False, False, False]
