"""Rules of the log parser's formats: which lines are data, and what they say."""

from __future__ import annotations

import pytest

from orchestrator.cli.parse import FORMAT_NAMES
from orchestrator.domain.errors import UsageError
from orchestrator.parsing import FORMATS, Record, parse_bytes
from tests.unit.parsing_logs import EXAMPLES, PROGRAM, SEPARATOR, modded, seconds, with_program

KEYS = ["format", "complete", "total_steps", "final_step", "n_train_lines", "n_validations", "final_val_loss",
        "best_val_loss", "final_train_time_ms", "latest_step_avg_ms", "median_step_ms", "p90_step_ms",
        "steps_to_target", "time_to_target_ms", "timer_resets", "peak_allocated_mib", "peak_reserved_mib", "oom"]
NOTHING = {key: 0 if key in ("n_train_lines", "n_validations", "timer_resets") else None for key in KEYS}


def only(text: str | bytes, **how: object) -> Record:
    (record,) = parse_bytes(text if isinstance(text, bytes) else text.encode(), **how)  # type: ignore[arg-type]
    return record


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_figures_of_a_log_of_each_format(name):
    example = EXAMPLES[name]()
    got = only(example.text, target=example.target).as_json()
    assert got == {**NOTHING, "format": example.format, **example.figures}


@pytest.mark.parametrize("name", EXAMPLES)
def test_asking_for_the_format_gives_what_finding_it_gives(name):
    example = EXAMPLES[name]()
    assert only(example.text, format_name=example.format) == only(example.text)


def test_a_record_has_these_keys_in_this_order():
    assert list(only(modded()).as_json()) == KEYS
    assert list(only(modded(), target=2.0).as_json()) == [*KEYS, "single_hit_step"]


def test_each_format_has_a_parser_id_and_a_place_in_the_help():
    assert tuple(FORMATS) == FORMAT_NAMES
    ids = [f.parser_id for f in FORMATS.values()]
    assert len(set(ids)) == len(ids)
    versions = {"modded-nanogpt": 2}
    assert ids == [f"{name}/{versions.get(name, 1)}" for name in FORMATS]


def test_several_runs_in_one_file_are_a_list():
    first, second = parse_bytes(seconds().encode(), target=3.28)
    assert (first.steps_to_target, first.time_to_target_ms, first.final_train_time_ms) == (50, 7350, 7350)
    assert (second.steps_to_target, second.single_hit_step, second.final_val_loss) == (None, 50, 3.26)


def test_logs_one_after_the_other_are_as_many_runs():
    records = parse_bytes(with_program(modded()).encode() * 3, target=3.0)
    assert len(records) == 3
    assert len(set(map(repr, records))) == 1


@pytest.mark.parametrize(("line", "figures"), [
    ("step 00050/21400 (0.23%) | loss: 5.123456 | grad norm: 0.1234 | lrm: 1.00 | dt: 240.12ms | tok/sec: 2,184,533 | "
     "mfu: 39.80 | total time: 1.20m", ("nanochat", 50, 21400, 1, 0)),
    ("step 00050 (0.23%) | loss: 5.123456 | lrm: 1.00 | dt: 240.12ms | tok/sec: 2,184,533 | mfu: 39.80 | epoch: 1 | "
     "total time: 1.20m", ("nanochat", 50, None, 1, 0)),
    ("Step 00010/00700 | Training loss: 0.123456| lrm: 1.000000| num_tokens: 12,345", ("nanochat", 10, 700, 1, 0)),
    ("Step 00010 | Validation loss: 1.234567", ("nanochat", 10, None, 0, 1)),
    ("Step 3/467 | Average reward: 0.25 | Average sequence length: 12", ("nanochat", 3, 467, 1, 0)),
    ("step    1/18865 | train loss 10.9932 | norm 15.37 | lr 4.30e-07 | (1234.5 ms | 424637 tok/s)",
     ("llm.c", 1, 18865, 1, 0)),
    ("step:14  loss:  3.24405  grad_norm:  0.8319  memory:  9.46GiB(64.99%)  tps: 7,282  tflops: 0.52  mfu: 0.17%",
     None),
    ("step: 14  loss:  3.24405  grad_norm:  0.8319  memory:  9.46GiB(64.99%)  tps: 7,282  tflops: 0.52  mfu: 0.17%",
     ("torchtitan", 14, None, 1, 0)),
    ("step 100 | loss 3.456 | tokens/sec: 125000", ("tokens-per-second", 100, None, 1, 0)),
    ("step:125/3350 val_loss:4.66393 train_time:22.870s step_avg:182.95ms val_avg_loss:4.7 val_ema_loss:4.6",
     ("modded-nanogpt", 125, 3350, 0, 1)),
    ("{'loss': 2.5, 'step': 7, 'epoch': 0.0}", ("hf-trainer", 7, None, 1, 0)),
    ("tailavg step:2720 val_loss:3.2 train_time:1ms step_avg:1ms", None),
    ("Sampling steps [0, 1, 458, 915] for warmup", None),
    ('print0(f"step {step:05d} ({pct:.2f}%) | loss: {loss:.6f} | dt: {dt:.2f}ms | tok/sec: {tps:,} | eta: {t}m")',
     None),
    ("logger.info(f'step: {step}  loss: {loss}  grad_norm: {g}  memory: {m}GiB(1%)  tps: {tps}')", None),
    ("{'loss': 2.5, 'learning_rate': 1e-06, 'epoch': {}}", None),
    ("{'loss': '2.5', 'note': 'never closed}", None),
    ("val loss = 3.2", None),
])
def test_each_line_format_is_read_and_what_only_looks_like_one_is_not(line, figures):
    if figures is None:
        with pytest.raises(UsageError):
            parse_bytes(f"{line}\n".encode())
    else:
        r = only(f"{line}\n")
        assert (r.format, r.final_step, r.total_steps, r.n_train_lines, r.n_validations) == figures


def test_a_table_of_batch_sizes_is_a_run_a_row():
    text = ("| Batch | Step(s) | Memory | t/s | Loss | Status |\n|-------|---------|--------|-----|------|--------|\n"
            "| 8 | 15.016 | 8,734M | 34 | 8.09 | OK |\n"
            "| **144** | **53.245** | **29,951M** | **173** | 7.68 | **MAX** |\n"
            "| 152+ | - | - | - | - | OOM |\nL64 16 16.787 9983M 61 7.99 OK\n")
    rows = parse_bytes(text.encode())
    assert [(r.median_step_ms, r.peak_allocated_mib, r.complete, r.oom is None) for r in rows] == [
        (15016.0, 8734, True, True), (53245.0, 29951, True, True), (None, None, False, False),
        (16787.0, 9983, True, True)]


@pytest.mark.parametrize(("message", "oom"), [
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB. GPU 0 has a total capacity of 79.11 GiB "
     "of which 3.32 GiB is free. Process 1 has 2 GiB in use.", (9431.04, 3399.68, 6031.36)),
    ("[rank0]: torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.54 GiB. GPU 0 has a total "
     "capacty of 79.11 GiB of which 298.12 MiB is free.", (1576.96, 298.12, 1278.84)),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 3 has a total capacity of 23.65 GiB "
     "of which 0 bytes is free.", (20.0, 0.0, 20.0)),
    ("RuntimeError: CUDA out of memory. Tried to allocate 64.00 MiB (GPU 0; 11.17 GiB total capacity; 10.58 GiB "
     "already allocated; 24.81 MiB free; 10.81 GiB reserved in total by PyTorch)", (64.0, 24.81, 39.19)),
    ("RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 11.17 GiB total capacity; 10.58 GiB "
     "already allocated; 24.81 MiB free; 10.81 GiB reserved in total by PyTorch)", (20.0, 24.81, None)),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU", (2048.0, None, None)),
])
@pytest.mark.parametrize("name", [None, "modded", "nanochat", "torchtitan", "Hugging Face 4", "tokens per second"])
def test_out_of_memory_messages_of_every_generation_are_read_in_every_format(name, message, oom):
    record = only((EXAMPLES[name]().text if name else "") + message + "\n")
    assert record.oom is not None
    assert tuple(record.oom[k] for k in ("tried_mib", "free_mib", "shortfall_mib")) == oom
    assert record.format == (EXAMPLES[name]().format if name else None)


@pytest.mark.parametrize(("steps", "time_ms"), [
    ((498, 499), 898_200), ((499, 500), 900_000), ((1,), None), ((1, 498), None)])
def test_nanochats_validations_have_the_time_of_the_step_before_or_none(steps, time_ms):
    lines = [f"step {step:05d}/01000 (1.00%) | loss: 5.0 | dt: 240.00ms | tok/sec: 2,184,533 | "
             f"total time: {step * 0.03:.2f}m" for step in steps]
    record = only("\n".join(["Step 00000 | Validation bpb: 0.8", *lines, "Step 00500 | Validation bpb: 0.9", ""]),
                  target=1.0)
    assert (record.steps_to_target, record.time_to_target_ms) == (500, time_ms)


def test_a_run_that_stopped_early_is_not_complete_and_has_no_final_validation():
    text = "".join(line + "\n" for line in modded().splitlines() if not line.startswith(("step:6", "step:5")))
    record = only(text)
    assert (record.complete, record.final_step, record.final_val_loss, record.best_val_loss) == (False, 49, None, 3.0)


@pytest.mark.parametrize(("reason", "complete"), [("horizon", True), ("target_confirmed", True), ("nan", False),
                                                  ("stopped", False)])
def test_a_log_of_ours_says_itself_whether_it_is_complete(reason, complete):
    record = only(modded(40) + f"run_end step:40 reason:{reason}\n")
    assert (record.format, record.complete) == ("kdorch", complete)


def test_log_lines_in_a_printed_program_are_not_read():
    assert only(f"{PROGRAM}{SEPARATOR}\n{modded()}") == only(modded())
    docstring = f'"""\nstep:5/60 val_loss:0.1 train_time:1ms step_avg:1ms\n"""\n{PROGRAM}'
    assert only(f"{SEPARATOR}\n{docstring}{SEPARATOR}\n{modded()}") == only(modded())


def test_a_sample_of_code_in_the_middle_of_a_run_costs_it_nothing():
    begin, end = modded()[:2000], modded()[2000:]
    begin, end = begin[:begin.rindex("\n") + 1], begin[begin.rindex("\n") + 1:] + end
    assert only(f"{begin}import os\n{end}{SEPARATOR}\n") == only(modded())


def test_a_loss_that_is_no_number_is_counted_and_shown_as_null():
    record = only("step:1/2 val_loss:5.0 train_time:1ms step_avg:1ms\n"
                  "step:2/2 val_loss:nan train_time:2ms step_avg:1ms\n")
    assert (record.n_validations, record.best_val_loss, record.as_json()["final_val_loss"]) == (2, 5.0, None)


@pytest.mark.parametrize("line", [
    "step 00050/21400 (0.23%) | loss: 5.1 | dt: 1e999ms | tok/sec: 2,184,533 | total time: 9e999m",
    "Step 00001 | Validation bpb: 1e999\nTotal training time: 1e9999m\nPeak memory usage: 1e999MiB",
    "step: 14  loss:  1e999  grad_norm:  0.8  memory:  9e9999GiB(64.99%)  tps: 7,282",
    "{'loss': 1e999, 'epoch': 1}\n{'train_runtime': 1e999, 'epoch': 1.0}",
    "step:1/2 val_loss:1e999 train_time:nanms step_avg:infms",
    "| 8 | 1e9999 | - | 34 | 8.09 | OK |",
])
def test_numbers_too_large_for_a_float_are_null_and_no_error(line):
    for figures in (r.as_json() for r in parse_bytes(f"{line}\n".encode(), target=3.0)):
        for key in ("final_val_loss", "best_val_loss", "final_train_time_ms", "latest_step_avg_ms", "median_step_ms",
                    "peak_allocated_mib", "peak_reserved_mib"):
            assert figures[key] is None


@pytest.mark.parametrize("text", [b"", b"\n", b"hello\n", b"\0" * 1000, bytes(range(256)) * 50, b"step:1/2\n"])
def test_what_is_no_log_is_refused_with_the_reason(text):
    with pytest.raises(UsageError, match=r"x\.log: .*(empty|none of its)"):
        parse_bytes(text, name="x.log")


def test_an_unknown_format_and_a_target_that_is_no_loss_are_refused():
    with pytest.raises(UsageError, match="no log format is called"):
        parse_bytes(b"", format_name="nanogpt")
    with pytest.raises(UsageError, match="finite"):
        parse_bytes(modded().encode(), target=float("nan"))
    with pytest.raises(UsageError, match=r"of the format llm\.c"):
        parse_bytes(modded().encode(), format_name="llm.c")
