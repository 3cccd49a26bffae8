"""What holds of the log parser for every log: what surrounds the lines, how the stream is cut, and which of its two
ways a line is read make no difference; and it says what the ledger's registered parser says."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain import metrics
from orchestrator.domain.errors import UsageError
from orchestrator.domain.metrics import WARM_UP_DELTAS, Curve, TrainPoint
from orchestrator.parsing import FORMATS, Record, parse_bytes, series
from orchestrator.parsing.curves import read_runs
from orchestrator.parsing.dense import DenseReader
from orchestrator.parsing.format import clean
from orchestrator.parsing.points import Columns, Fact, Point, Said
from orchestrator.parsing.reader import parse_chunks
from orchestrator.parsing.run import rounded
from orchestrator.parsing.runs import RunBuilder
from orchestrator.parsing.scan import Scanner
from orchestrator.parsing.series import StepTimes
from orchestrator.wire.loglines import classify, step_line
from orchestrator.wire.trainlog import parse_runs
from tests.unit.parsing_logs import EXAMPLES, modded, seconds

LOGS = {name: example().text.encode() for name, example in EXAMPLES.items()} | {"seconds": seconds().encode()}

JUNK = st.sampled_from([
    b"", b" ", b"talk", "tälk — ünïcode".encode(), b"\xff\xfe\x80 not utf-8", b"\0\0\0", b"step:", b"step:{step}/{n}",
    b"import os", b"from torch import nn", b"=" * 100, b"=" * 99, b"def main():", b"step 5 of 9", b"loss: 3.2",
    b"tailavg step:2720 val_loss:3.2 train_time:1ms", b"# step:1/2 val_loss:0.1 train_time:1ms step_avg:1ms",
    b"| N/A   34C    P0             118W /  700W |    1519MiB /  81559MiB |      0%      Default |",
    b"UserWarning: tok/sec: is slow", b"\x1b[31mred\x1b[0m", b"\x1b]0;title\x07", b"x" * 70_000, b"{'loss': }",
    b"'loss': 3", b"Sampling steps [0, 1, 458] for warmup", b"val loss", b"| Validation",
    b"peak memory allocated: many MiB",
])


def lines_of(log: bytes) -> list[bytes]:
    return log.replace(b"\r", b"\n").splitlines(keepends=True)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(set(LOGS) - {"modded with its program"})),
       st.lists(st.tuples(st.integers(0, 400), JUNK), max_size=30))
def test_junk_between_the_lines_changes_nothing(name, junk):
    lines = lines_of(LOGS[name])
    # Statements with a line of 100 equal signs after them are a printed program; that is another test's matter.
    is_program = b"=" * 100 in (text for _, text in junk)
    for at, text in junk:
        if not (is_program and text.startswith((b"import", b"from", b"def"))):
            lines.insert(min(at, len(lines)), text + b"\n")
    assert parse_bytes(b"".join(lines), target=3.0) == parse_bytes(LOGS[name], target=3.0)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(LOGS)), st.lists(st.integers(0, 10_000), max_size=12))
def test_where_the_stream_is_cut_changes_nothing(name, cuts):
    log = LOGS[name]
    edges = [0, *sorted(min(c, len(log)) for c in cuts), len(log)]
    chunks = [log[a:b] for a, b in pairwise(edges)]
    assert parse_chunks(chunks, name="", target=3.0) == parse_bytes(log, target=3.0)


@pytest.mark.parametrize("name", sorted(LOGS))
def test_byte_by_byte_is_the_same_as_at_once(name):
    log = LOGS[name]
    assert parse_chunks((log[i:i + 1] for i in range(len(log))), name="") == parse_bytes(log)


@pytest.mark.parametrize("name", sorted(LOGS))
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_any_line_ending_will_do(name, ending):
    log = LOGS[name].replace(b"\r", b"\n")
    assert parse_bytes(log.replace(b"\n", ending)) == parse_bytes(log)


def points(said: list[Said]) -> list[Point | Fact]:
    found: list[Point | Fact] = []
    for one in said:
        found += [one.at(i) for i in range(len(one))] if isinstance(one, Columns) else [one]
    return found


DIGITS = st.text("0123456789", min_size=0, max_size=18)
NUMBER = st.one_of(
    st.floats(0, 1e6, allow_nan=False).map(lambda v: f"{v:.4f}"), st.integers(0, 10**7).map(str),
    st.builds("{}.{}".format, DIGITS, DIGITS),
    st.sampled_from(["nan", "inf", "-inf", "-1.5", "1e-3", "5.", ".5", "", "0x1"]))
STEP = st.one_of(st.integers(0, 5000).map(str), DIGITS)
TAIL = st.sampled_from(["", " kd:1", " ref_gamma:-0.075 ref_step:2375", " extrap_rel:1.000e-03", " val_loss:1.0",
                        " talk", " lr_mult:1.0000 kd:0", " hard:3.1 soft:2.9 s:0.5 lr_mult:0.1 kd:1", " kd:1 kd:x",
                        " lr_mult:1.0 kd:1 step_avg:1ms", " s:", "  kd:1"])
STEP_LINES = st.one_of(
    st.builds("step:{}/{} {}_loss:{} train_time:{}{} step_avg:{}ms{}".format, STEP, STEP,
              st.sampled_from(["train", "val"]), NUMBER, NUMBER, st.sampled_from(["ms", "s"]), NUMBER, TAIL),
    st.builds("step:{}/{} train_time:{}ms step_avg:{}ms".format, STEP, STEP, NUMBER, NUMBER),
    st.builds("step:{} val_loss:{}".format, STEP, NUMBER), st.builds("s:{} trl:{} lr:0.1".format, STEP, NUMBER),
    st.builds("peak memory allocated: {} MiB reserved: {} MiB".format, DIGITS, DIGITS),
    st.builds("step {}/{} ({}%) | loss: {} | dt: {}ms | tok/sec: 1,234 | total time: {}m".format,
              STEP, STEP, NUMBER, NUMBER, NUMBER, NUMBER),
    st.builds("step {}/9 | loss {} (+nanz)| norm {} (-1.2z)| lr 2e-06 | {} ms | 3.0% bf16 MFU | 167 tok/s".format,
              STEP, NUMBER, NUMBER, NUMBER),
    st.builds("{{'{}': {}, 'learning_rate': {}e-06, 'epoch': '{}'{}}}".format, st.sampled_from(["loss", "eval_loss"]),
              NUMBER, NUMBER, NUMBER, st.one_of(st.just(""), st.builds(", 'step': {}".format, STEP))),
    st.builds("step: {}  loss: {}  grad_norm: {}  memory: {}GiB({}%)  tps: 7,282".format,
              STEP, NUMBER, NUMBER, NUMBER, NUMBER),
).map(str.encode)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(STEP_LINES, JUNK), max_size=40), st.sampled_from(sorted(FORMATS)))
def test_columns_say_what_the_lines_say_one_by_one(lines, name):
    # Each line many times, so that it is worth columns; with other digits, so that the columns are its skeleton's.
    lines = [line for line in lines if len(line) < 1000]
    text = b"".join(b"".join(line.replace(b"7", b"%d" % (n % 10)) + b"\n" for n in range(18)) for line in lines)
    form = FORMATS[name]
    alone = [r for line in text.splitlines() if (r := form.read(clean(line))) is not None]
    said, _ = DenseReader(form).read(text) if text else ([], 0)
    assert repr(points(said)) == repr(alone)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(STEP_LINES, st.just(b"{'train_runtime': 12.5, 'epoch': 3.0}")), min_size=1, max_size=20))
def test_dictionaries_without_steps_are_counted_alike_in_columns_and_one_by_one(lines):
    text = b"".join(line + b"\n" for line in lines for _ in range(18))

    def records(form):
        builder = RunBuilder(form, target=3.0)
        for said in Scanner(form).scan(text):
            builder.take(said)
        return repr(builder.records())

    form = FORMATS["hf-trainer"]
    assert records(form) == records(replace(form, shape=None))


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP_LINES, max_size=30))
def test_the_quick_reading_of_a_step_line_is_the_general_one(lines):
    for line in lines:
        if line.startswith(b"step:"):
            assert repr(classify(line, 7)) == repr(step_line(line, 7))


def as_registered(log: bytes, target: float) -> list[Record]:
    """What the ledger's parser measures, in the names of a record."""
    records = []
    for curve in parse_runs(log):
        if not (curve.train or curve.validations or curve.oom):
            continue
        hit = metrics.target_hit(curve.validations, target)
        median, p90 = metrics.median_step_ms(curve), metrics.p90_step_ms(curve)
        records.append(Record(
            None, total_steps=curve.total_steps, final_step=metrics.final_step(curve), n_train_lines=len(curve.train),
            n_validations=len(curve.validations), final_val_loss=metrics.final_val(curve),
            best_val_loss=metrics.best_val(curve), final_train_time_ms=metrics.train_time_ms(curve),
            median_step_ms=None if median is None else round(median, 6),
            p90_step_ms=None if p90 is None else round(p90, 6),
            steps_to_target=hit.steps_to_target, time_to_target_ms=rounded(hit.time_to_target_ms),
            timer_resets=curve.timer_resets, peak_allocated_mib=curve.peak_allocated_mib,
            peak_reserved_mib=curve.peak_reserved_mib, single_hit_step=hit.single_hit_step))
    return records


def comparable(records: list[Record]) -> list[str]:
    """Without what the registered parser does not measure."""
    left_out = {"format", "complete", "latest_step_avg_ms", "oom"}
    return [repr({k: v for k, v in vars(r).items() if k not in left_out}) for r in records]


def same_as_registered(log: bytes, target: float) -> None:
    try:
        records = parse_bytes(log, target=target, format_name="modded-nanogpt")
    except UsageError:
        records = []
    assert comparable(records) == comparable(as_registered(log, target))


@pytest.mark.parametrize("name", ["modded", "modded, timer restart", "modded, s: lines", "kdorch", "seconds"])
def test_it_measures_what_the_registered_parser_measures(name):
    same_as_registered(LOGS[name], 3.0)


LOSSES = st.sampled_from(["3.1000", "3.0000", "2.9000", "nan", "inf", "12.5"])
RUN_LINES = st.one_of(
    st.builds("step:{}/9 train_loss:{} train_time:{}ms step_avg:2ms".format, st.integers(0, 9), LOSSES,
              st.integers(0, 50)),
    st.builds("step:{}/{} val_loss:{} train_time:{}ms step_avg:2ms".format, st.integers(0, 9), st.integers(8, 9),
              LOSSES, st.sampled_from(["3", "5", "nan", "0.5"])),
    st.builds("step:{} train_loss:{}".format, st.integers(0, 9), LOSSES), st.just("talk"),
    st.just("peak memory allocated: 3 MiB reserved: 4 MiB"), st.just("CUDA out of memory. Tried to allocate 2.00 GiB."),
).map(str.encode)
RISING = st.lists(RUN_LINES, min_size=8, max_size=30).map(lambda lines: b"\n".join(sorted(lines)))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(RUN_LINES, RISING), max_size=60))
def test_resumptions_repetitions_and_new_runs_are_told_as_the_registered_parser_tells_them(lines):
    same_as_registered(b"".join(line + b"\n" for line in lines), 3.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 80)), min_size=1, max_size=6))
def test_long_stretches_that_resume_and_restart_are_told_the_same(stretches):
    lines = []
    for begin, length in stretches:
        for n in range(begin, begin + length):
            lines.append(b"step:%d/99 train_loss:3.%04d train_time:%dms step_avg:2ms\n" % (n, (n * 7) % 9973, 40 * n))
            if n % 9 == 0:
                lines.append(b"step:%d/99 val_loss:3.0 train_time:%dms step_avg:2ms\n" % (n, 40 * n))
    same_as_registered(b"".join(lines), 3.0)


TIMES = st.lists(st.one_of(st.integers(0, 40).map(float), st.floats(0, 100, width=32), st.just(math.nan)), max_size=90)


@settings(max_examples=200, deadline=None)
@given(TIMES, st.lists(st.integers(1, 3), max_size=90))
def test_step_times_counted_are_the_step_times_of_the_metrics(times, gaps):
    steps = np.cumsum([1, *gaps, *[1] * len(times)])[:len(times)].tolist()
    curve = Curve(train=tuple(TrainPoint(int(s), None, None if math.isnan(t) else t, None, 0)
                              for s, t in zip(steps, times, strict=True)))
    run = series.TrainSeries()
    nothing = np.full(len(times), np.nan)
    run.extend(np.array(steps, float), nothing, np.array(times, float), nothing)
    counted = run.step_times()
    assert (counted.median(), counted.p90()) == (metrics.median_step_ms(curve), metrics.p90_step_ms(curve))


@settings(max_examples=100, deadline=None)
@given(TIMES, st.lists(st.integers(0, 90), max_size=4))
def test_step_times_may_be_counted_in_parts(times, cuts):
    clean_times = [t for t in times if not math.isnan(t)]
    edges = [0, *sorted(min(c, len(clean_times)) for c in cuts), len(clean_times)]
    parts = StepTimes()
    for a, b in pairwise(edges):
        parts = parts.plus(np.array(clean_times[a:b]))
    whole = StepTimes().plus(np.array(clean_times))
    assert (parts.median(), parts.p90(), parts.seen) == (whole.median(), whole.p90(), len(clean_times))
    assert int(parts.counts.sum()) == max(0, len(clean_times) - WARM_UP_DELTAS)


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 400), st.integers(8, 60))
def test_folding_old_lines_changes_no_figure(steps, kept):
    log = modded(steps, every=7, ms=33).encode()
    whole = parse_bytes(log, target=3.0)
    before, series.KEPT_POINTS = series.KEPT_POINTS, kept
    try:
        assert parse_bytes(log, target=3.0) == whole
        assert parse_bytes(LOGS["modded, timer restart"]) == parse_bytes(LOGS["modded, timer restart"])
    finally:
        series.KEPT_POINTS = before


# Curves: the lines behind the figures


@pytest.mark.parametrize("name", EXAMPLES)
def test_curves_have_the_figures_of_records_and_know_where_each_line_begins(name):
    log = EXAMPLES[name]().text.encode()
    (run,) = read_runs(log)
    (record,) = parse_bytes(log)
    assert run.record == record
    assert (len(run.curve.train), len(run.curve.validations)) == (record.n_train_lines, record.n_validations)
    for point in run.curve.validations:
        said = log[point.offset:].split(b"\n")[0].split(b"\r")[0]
        assert f"{point.val_loss:g}" in said.decode()


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(EXAMPLES)), st.binary(max_size=60), st.integers(0, 40))
def test_curves_stay_the_records_with_colours_and_junk_between_the_lines(name, junk, where):
    lines = EXAMPLES[name]().text.encode().split(b"\n")
    lines[where % len(lines):0] = [b"\x1b[32m" + junk.replace(b"\n", b"") + b"\x1b[0m"]
    log = b"\n".join(lines)
    printed = [r for r in parse_bytes(log) if r.n_train_lines or r.n_validations]
    assert repr([run.record for run in read_runs(log)]) == repr(printed)
