"""Rules of the log parser: formats, traps, hostility, and that reading live and reading in the end are one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain import metrics
from orchestrator.domain.metrics import Marker, TrainPoint, ValPoint
from orchestrator.wire.long_lines import LongLines
from orchestrator.wire.trainlog import LINE_LIMIT_BYTES, TALK_MARKER_LIMIT, LogFollower, parse_log, parse_runs

DATA = Path(__file__).parent / "data"
GIB = 1 << 30


def lines(*text: str) -> bytes:
    return ("\n".join(text) + "\n").encode()


@pytest.mark.parametrize(("line", "expected"), [
    ("step:1555/1555 val_loss:3.2777 train_time:96559ms step_avg:62.10ms", ValPoint(1555, 3.2777, 96559.0, 0, "")),
    ("step:13/1480 train_time:427ms step_avg:142.18ms", TrainPoint(13, None, 427.0, 142.18, 0)),
    ("step:125/6000 train_loss:5.8114 train_time:42310ms step_avg:367.91ms",
     TrainPoint(125, 5.8114, 42310.0, 367.91, 0)),
    ("step:1/1480 train_time:23764ms step_avg:nanms", TrainPoint(1, None, 23764.0, None, 0)),
    ("step:125/3350 val_loss:4.66393 train_time:22.870s step_avg:182.95ms", ValPoint(125, 4.66393, 22870.0, 0)),
    ("step:5/10 val_loss:4.1 train_time:9ms step_avg:2ms ema_beta:0 ref_gamma:-0.075 ref_step:2375",
     ValPoint(5, 4.1, 9.0, 0, "ema_beta:0 ref_gamma:-0.075 ref_step:2375")),
    ("step:5/10 val_loss:4.1 val_avg_loss:4.2 val_ema_loss:4.3 train_time:9ms step_avg:2ms",
     ValPoint(5, 4.1, 9.0, 0, "val_avg_loss:4.2 val_ema_loss:4.3")),
    ("s:0 trl:11.0091 lr:0.000001 norm:15.37", TrainPoint(0, 11.0091, None, None, 0, "lr:0.000001 norm:15.37")),
    ("s:19560 tel:3.2722", ValPoint(19560, 3.2722, None, 0)),
    ("s:0 trl:10.965596", TrainPoint(0, 10.965596, None, None, 0)),
    ("step:7/20 train_loss:2.5 train_time:280.25ms step_avg:40.04ms hard:2.4 soft:0.9 s:1.5 lr_mult:3 kd:1",
     TrainPoint(7, 2.5, 280.25, 40.04, 0, "hard:2.4 soft:0.9 s:1.5 lr_mult:3 kd:1")),
])
def test_each_step_line_format_is_read(line, expected):
    curve = parse_log(lines(line))
    assert [*curve.train, *curve.validations] == [expected]


@pytest.mark.parametrize("line", [
    'print0(f"step:{step}/{n} val_loss:{loss:.4f} train_time:{t:.0f}ms step_avg:{t/step:.2f}ms")',
    "step:{step}/{n} val_loss:{loss} train_time:{t}ms",
    "tailavg step:2720 val_loss:3.2 train_time:1ms step_avg:1ms",
    "# step:5/10 val_loss:1.0 train_time:1ms step_avg:1ms",
    "Sampling steps [0, 1, 458, 915] for warmup",
    "step:5/10",
    "step:5/10 lr:0.1 norm:2",
    "step:5/10 val_loss: train_time:1ms step_avg:1ms",
    "step:5/10 val_loss:1_0 train_time:1ms step_avg:1ms",
    "step:5/10 val_loss:0x10 train_time:1ms step_avg:1ms",
    "step:5/10 val_loss:1.0 train_time:-1ms step_avg:1ms",
    "step:5/10 val_loss:1.0 train_time:1 step_avg:1ms",
    "step:5/10 val_loss:1.0 train_time:1minutes step_avg:1ms",
    "step:5/10 val_loss:1.0 val_loss:0.5 train_time:1ms step_avg:1ms",
    "step:-5/10 val_loss:1.0 train_time:1ms step_avg:1ms",
    "step:9999999999999/10 val_loss:1.0 train_time:1ms step_avg:1ms",
    "s:5 loss:1.0",
    "peak memory allocated: {x} MiB reserved: {y} MiB",
    "run_end step:6 reason:bribed",
    "kd_stop step:soon",
    "verdict F-X MAYBE",
])
def test_everything_else_is_talk(line):
    curve = parse_log(lines(line))
    assert (curve.train, curve.validations, curve.markers) == ((), (), ())


def test_kdorchs_own_markers_are_read():
    curve = parse_log(lines(
        "step:100/200 val_loss:2.0 train_time:4000ms step_avg:40ms",
        "kd_stop step:100 student_val:2.0 teacher_val:1.96 margin:0.05",
        "step:125/200 val_loss:1.9 train_time:5000ms step_avg:40ms",
        "peak memory allocated: 31016 MiB reserved: 47038 MiB",
        "verdict F-DISTILL-SMOKE-001 PASS final below first",
        "run_end step:125 reason:target_confirmed",
    ))
    assert (curve.kd_stop_step, curve.end_reason, curve.total_steps) == (100, "target_confirmed", 200)
    assert (curve.peak_allocated_mib, curve.peak_reserved_mib) == (31016, 47038)
    assert [(m.kind, m.step) for m in curve.markers] == [("kd_stop", 100), ("peak", None), ("verdict", None),
                                                         ("run_end", 125)]
    assert curve.markers[2].text == "verdict F-DISTILL-SMOKE-001 PASS final below first"


def test_the_older_peak_line_is_read():
    curve = parse_log(lines("peak memory consumption: 34239 MiB"))
    assert (curve.peak_allocated_mib, curve.peak_reserved_mib) == (34239, None)


@pytest.mark.parametrize(("message", "tried", "free", "total"), [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB. GPU 0 has a total capacity of 79.11 GiB "
     "of which 3.32 GiB is free. Process 1 has 2 GiB in use.", 9.21 * GIB, 3.32 * GIB, 79.11 * GIB),
    ("[rank0]: torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.54 GiB. GPU 0 has a total "
     "capacty of 79.11 GiB of which 298.12 MiB is free.", 1.54 * GIB, 298.12 * (1 << 20), 79.11 * GIB),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 3 has a total capacity of "
     "23.65 GiB of which 0 bytes is free.", 20 * (1 << 20), 0, 23.65 * GIB),
    ("RuntimeError: CUDA out of memory. Tried to allocate 64.00 MiB (GPU 0; 11.17 GiB total capacity; 10.58 GiB "
     "already allocated; 24.81 MiB free; 10.81 GiB reserved in total by PyTorch)",
     64 * (1 << 20), 24.81 * (1 << 20), 11.17 * GIB),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU", 2 * GIB, None, None),
    ("torch.OutOfMemoryError: CUDA out of memory.", None, None, None),
])
def test_three_generations_of_out_of_memory_messages_are_read(message, tried, free, total):
    oom = parse_log(lines(message)).oom
    assert oom is not None
    for got, want in ((oom.tried_bytes, tried), (oom.free_bytes, free), (oom.total_bytes, total)):
        assert got == (None if want is None else round(want))


def test_the_shortfall_of_the_soft_loss_probe_is_5_89_gib():
    oom = parse_log(lines("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB. GPU 0 has a total "
                          "capacity of 79.11 GiB of which 3.32 GiB is free.")).oom
    assert oom is not None
    assert oom.shortfall_bytes is not None
    assert oom.shortfall_bytes / GIB == pytest.approx(5.89, abs=0.001)


def test_panics_and_the_last_line_of_a_traceback_are_marked():
    curve = parse_log(lines("[rank0]: Traceback (most recent call last):", '  File "x.py", line 1, in <module>',
                            "ValueError: shapes do not agree", "thread 'main' panicked at src/main.rs:7",
                            "not an Error: x"))
    assert [(m.kind, m.text) for m in curve.markers] == [
        ("panic", "Traceback (most recent call last):"), ("error", "ValueError: shapes do not agree"),
        ("panic", "thread 'main' panicked at src/main.rs:7")]


def test_a_loss_that_is_not_finite_is_evidence_and_marked_once():
    curve = parse_log(lines("step:1/9 train_loss:nan train_time:1ms step_avg:1ms",
                            "step:2/9 train_loss:nan train_time:2ms step_avg:1ms",
                            "step:2/9 val_loss:-inf train_time:2ms step_avg:1ms"))
    assert curve.train[0].train_loss is not None
    assert math.isnan(curve.train[0].train_loss)
    assert curve.validations[0].val_loss == -math.inf
    assert [(m.kind, m.step) for m in curve.markers] == [("nan", 1)]


def test_offsets_point_at_the_lines():
    data = lines("talk", "step:1/2 train_loss:1.0 train_time:1ms step_avg:1ms", "ünïcode",
                 "step:1/2 val_loss:1.0 train_time:1ms step_avg:1ms")
    curve = parse_log(data)
    assert data[curve.train[0].offset:].startswith(b"step:1/2 train_loss")
    assert data[curve.validations[0].offset:].startswith(b"step:1/2 val_loss")


def test_a_torn_last_line_is_not_data():
    curve = parse_log(b"step:1/2 val_loss:3.2777 train_time:1ms step_avg:1ms\nstep:2/2 val_loss:3.2")
    assert curve.torn
    assert [p.step for p in curve.validations] == [1]


@pytest.mark.parametrize("cut", range(1, 12))
def test_an_unterminated_line_counts_only_when_it_is_whole(cut):
    line = b"step:2/2 val_loss:3.2777 train_time:96559ms step_avg:62.10ms"
    assert parse_log(line).validations[0].val_loss == 3.2777
    assert parse_log(line[:-cut]).validations == ()


def test_a_log_that_ends_with_its_line_is_not_torn():
    assert not parse_log(b"step:1/2 val_loss:3.2777 train_time:1ms step_avg:1ms\n").torn
    assert not parse_log(b"").torn


def test_colours_carriage_returns_and_other_encodings_are_read_through():
    curve = parse_log(b"\x1b[32mstep:1/9 train_loss:5.0 train_time:1ms step_avg:1ms\x1b[0m\r\n"
                      b"\xff\xfe\x80 talk\n"
                      b" 10%|# |\r 20%|##|\rstep:2/9 train_loss:4.0 train_time:2ms step_avg:1ms\n")
    assert [(p.step, p.train_loss) for p in curve.train] == [(1, 5.0), (2, 4.0)]


def test_a_line_of_ten_megabytes_is_skipped_and_the_next_is_read():
    data = (b"x" * (10 << 20) + b"\nstep:1/9 val_loss:5.0 train_time:1ms step_avg:1ms\n"
            + b"\x1b[" + b"1;" * (5 << 20) + b"\nstep:2/9 val_loss:4.0 train_time:2ms step_avg:1ms\n")
    assert [p.step for p in parse_log(data).validations] == [1, 2]


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 50), st.booleans())
def test_lines_too_long_to_be_read_are_counted_however_the_log_is_cut(kinds: list[int], pieces: int,
                                                                      ends: bool) -> None:
    lengths = [(0, 3, LINE_LIMIT_BYTES, LINE_LIMIT_BYTES + 1)[kind] for kind in kinds]
    data = b"\n".join(b"x" * n for n in lengths) + (b"\n" if ends else b"")
    long_lines = LongLines()
    size = len(data) // pieces + 1
    for at in range(0, len(data), size):
        long_lines.feed(data[at:at + size])
    assert long_lines.count == kinds.count(3)


def test_the_longest_line_that_is_read_has_64_kib():
    head = b"step:1/9 val_loss:5.0 train_time:1ms step_avg:1ms "
    fits = head + b"k:" + b"v" * (LINE_LIMIT_BYTES - len(head) - 2)
    assert len(parse_log(fits + b"\n").validations) == 1
    assert parse_log(fits + b"v\n").validations == ()


def test_a_log_of_nothing_but_errors_keeps_a_bounded_number_of_them():
    curve = parse_log(b"RuntimeError: again\n" * (TALK_MARKER_LIMIT + 500))
    assert len(curve.markers) == TALK_MARKER_LIMIT


def test_a_step_that_goes_back_to_the_start_begins_another_run():
    start = "step:0/50 val_loss:5.0 train_time:0ms step_avg:nanms"
    run = (start, "step:25/50 val_loss:4.0 train_time:25ms step_avg:1ms")
    other = (start, "step:25/50 val_loss:3.0 train_time:26ms step_avg:1ms")
    runs = parse_runs(lines(*run, *other))
    assert [[p.val_loss for p in r.validations] for r in runs] == [[5.0, 4.0], [5.0, 3.0]]
    assert metrics.final_val(parse_log(lines(*run, *other))) == 3.0


def test_a_repeated_tail_counts_once():
    tail = ("step:50/75 val_loss:3.0 train_time:50ms step_avg:1ms",
            "step:75/75 val_loss:2.9 train_time:75ms step_avg:1ms")
    runs = parse_runs(lines("step:25/75 val_loss:4.0 train_time:25ms step_avg:1ms", *tail, *tail))
    assert [[p.step for p in r.validations] for r in runs] == [[25, 50, 75]]


def test_a_resumption_overwrites_what_it_repeats():
    curve = parse_log(lines(
        *(f"step:{s}/9 train_loss:{9 - s}.0 train_time:{s}ms step_avg:1ms" for s in range(1, 7)),
        "step:6/9 val_loss:3.0 train_time:6ms step_avg:1ms",
        "kd_stop step:6 student_val:3.0 teacher_val:2.9 margin:0.1",
        *(f"step:{s}/9 train_loss:{9 - s}.5 train_time:{10 + s}ms step_avg:1ms" for s in range(4, 8)),
    ))
    assert [p.step for p in curve.train] == [1, 2, 3, 4, 5, 6, 7]
    assert [p.train_loss for p in curve.train][2:4] == [6.0, 5.5]
    assert curve.validations == ()
    assert curve.kd_stop_step is None


def test_a_timer_that_restarts_is_counted():
    curve = parse_log((DATA / "track1_timer_restart_head.txt").read_bytes())
    assert curve.timer_resets == 1


def test_the_figures_of_a_public_log_with_a_timer_restart():
    curve = parse_log((DATA / "track1_timer_restart_head.txt").read_bytes())
    assert (len(curve.train), curve.total_steps, metrics.final_step(curve)) == (128, 6000, 128)
    assert [(p.step, p.val_loss, p.train_time_ms) for p in curve.validations] == [(0, 11.0149, 305.0),
                                                                                 (125, 5.6402, 42345.0)]
    assert metrics.median_step_ms(curve) == 254.0
    assert metrics.p90_step_ms(curve) == pytest.approx(259.8)
    assert metrics.train_time_ms(curve) == 43081
    assert metrics.final_val(curve) is None


def test_the_figures_of_a_public_log_in_seconds():
    curve = parse_log((DATA / "track3_seconds_extra_keys.txt").read_bytes())
    assert (len(curve.train), len(curve.validations)) == (0, 36)
    assert (metrics.final_step(curve), curve.total_steps) == (2925, 3020)
    assert metrics.final_val(curve) == metrics.best_val(curve) == 3.27793
    assert metrics.train_time_ms(curve) == 4_488_664
    assert metrics.median_step_ms(curve) is None
    near, far = metrics.target_hit(curve.validations, 3.28), metrics.target_hit(curve.validations, 4.0)
    assert (near.first_step, near.steps_to_target, near.time_to_target_ms) == (2895, 2900, 4_450_473.0)
    assert (far.first_step, far.steps_to_target, far.time_to_target_ms) == (375, 500, 830_105.0)


def test_the_twenty_runs_of_a_public_log_are_told_apart():
    runs = parse_runs((DATA / "track3_twenty_runs.txt").read_bytes())
    assert len(runs) == 20
    assert {len(r.validations) for r in runs} == {39}
    assert [(metrics.final_val(r), metrics.train_time_ms(r)) for r in (runs[0], runs[1], runs[-1])] == [
        (3.27874, 496_855), (3.2764, 492_390), (3.27839, 492_485)]


PIECES = st.sampled_from([
    b"step:0/60 val_loss:5.0 train_time:0ms step_avg:nanms\n",
    b"step:1/60 train_loss:4.9 train_time:40ms step_avg:40ms\n",
    b"step:2/60 train_loss:nan train_time:80ms step_avg:40ms\r\n",
    b"step:2/60 val_loss:4.5 train_time:80ms step_avg:40ms\n",
    b"kd_stop step:2 student_val:4 teacher_val:4 margin:0.05\n", b"peak memory allocated: 3 MiB reserved: 4 MiB\n",
    b"run_end step:2 reason:horizon\n", b"\x1b[1mstep:3/60 train_loss:4.8 train_time:120ms step_avg:40ms\x1b[0m\n",
    b"ValueError: no\n", "talk — ünï\n".encode(), b"\xff\xfe\n", b"\n", b"\r", b"step:4/60 val_loss:4.", b"step:",
    b"z" * (LINE_LIMIT_BYTES + 1) + b"\n", b"step:1/60 train_loss:4.9 train_time:41ms step_avg:41ms",
])


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=12), st.data())
def test_chunks_may_be_cut_anywhere(pieces, data):
    whole = b"".join(pieces)
    reference = LogFollower()
    expected = reference.feed(whole) + reference.finish()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    follower = LogFollower()
    got = []
    for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        got += follower.feed(whole[start:end])
    got += follower.finish()
    assert repr(got) == repr(expected)
    assert repr(follower.runs()) == repr(parse_runs(whole))
    assert follower.total_steps == reference.total_steps


def test_byte_by_byte_is_the_same_as_at_once():
    data = lines("step:0/9 val_loss:5.0 train_time:0ms step_avg:nanms", "tälk",
                 "step:1/9 train_loss:4.0 train_time:1ms step_avg:1ms")
    follower = LogFollower()
    items = [item for i in range(len(data)) for item in follower.feed(data[i:i + 1])]
    assert items == LogFollower().feed(data)


def test_a_follower_tells_an_item_as_soon_as_its_line_is_complete():
    follower = LogFollower()
    assert follower.feed(b"step:1/9 train_loss:4.0 train_time:1ms step_avg:1ms") == []
    assert [p.step for p in follower.feed(b"\nstep:2/9") if isinstance(p, TrainPoint)] == [1]
    assert follower.total_steps == 9


NUMBERS = st.floats(0, 1e5, allow_nan=False).map(lambda v: f"{v:.4f}")
WORDS = st.dictionaries(st.sampled_from(["hard", "soft", "s", "lr_mult", "kd", "zeta"]), NUMBERS, max_size=4)


@settings(deadline=None)
@given(step=st.integers(0, 10**6), total=st.integers(1, 10**6),
       loss=st.one_of(NUMBERS, st.sampled_from(["nan", "inf", "-inf"])), time=NUMBERS, average=NUMBERS, tail=WORDS,
       kind=st.sampled_from(["train", "val"]))
def test_every_step_line_of_the_grammar_is_data(step, total, loss, time, average, tail, kind):
    free = "".join(f" {k}:{v}" for k, v in tail.items())
    curve = parse_log(lines(f"step:{step}/{total} {kind}_loss:{loss} train_time:{time}ms step_avg:{average}ms{free}"))
    (point,) = [*curve.train, *curve.validations]
    assert (point.step, curve.total_steps, point.train_time_ms) == (step, total, float(time))
    told = point.train_loss if isinstance(point, TrainPoint) else point.val_loss
    assert repr(told) == repr(float(loss))
    assert isinstance(point, TrainPoint) == (kind == "train")
    assert point.tail == free.strip()


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_at_all_break_the_parser(data):
    curve = parse_log(data)
    assert all(isinstance(m, Marker) for m in curve.markers)
