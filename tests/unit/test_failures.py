"""What a trainer's end is called: worker/failures.py on messages as they really look."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.unit import failure_logs as logs
from worker.failures import LINE_LIMIT, TAIL_BYTES, classify

STEP = "step:12/100 train_loss:4.2 train_time:120ms step_avg:10.0ms\n"


def failure(text: str, exit_code: int | None = 1, signal: int | None = None) -> dict[str, Any]:
    found = classify("failed", exit_code, signal, text.encode())
    assert found is not None
    assert set(found) == {"class", "phase", "tried_mib", "free_mib", "shortfall_mib", "line"}
    return found


@pytest.mark.parametrize(("line", "tried", "free", "short"), [
    (logs.OOM_FIRST, 9.21 * 1024, 3.32 * 1024, 5.89 * 1024),
    (logs.OOM_FIRST_CACHED, 1.0, 0.5625, 0.4375),
    (logs.OOM_MIDDLE, 1.54 * 1024, 298.12, 1.54 * 1024 - 298.12),
    (logs.OOM_OWN_PROCESS, 3072.0, 1.66 * 1024, 1.34 * 1024),
    (logs.OOM_NEWEST, 20.0, 7.25, 12.75),
    (logs.OOM_NOTHING_FREE, 512 / 2**20, 0.0, 512 / 2**20),
    (logs.OOM_FRAGMENTED, 2.26 * 1024, 3.03 * 1024, None),
    (logs.OOM_CPU, 132426121216 / 2**20, None, None),
    (logs.OOM_NUMPY, 9.21 * 1024, None, None),
    ("RuntimeError: CUDA error: out of memory", None, None, None),
])
@pytest.mark.parametrize("exit_code", [1, 12])
def test_memory_that_ran_out_is_told_in_mib(line: str, tried: float | None, free: float | None, short: float | None,
                                            exit_code: int) -> None:
    found = failure(logs.FRAMES + line + "\n", exit_code)
    assert found["class"] == "oom"
    for key, want in (("tried_mib", tried), ("free_mib", free), ("shortfall_mib", short)):
        assert found[key] == (None if want is None else pytest.approx(want, abs=1e-5)), key
    assert found["line"] == line[:LINE_LIMIT]


@pytest.mark.parametrize(("text", "word"), [
    (logs.NCCL_WATCHDOG, "nccl"),
    (logs.NCCL_ERROR, "nccl"),
    (logs.XID_79, "xid"),
    (logs.XID_31, "xid"),
    (logs.ECC, "xid"),
    (logs.LAUNCH_FAILURE, "code_error"),
    (logs.PTXAS, "jit_crash"),
    (logs.NO_KERNEL_IMAGE, "jit_crash"),
    (logs.SHARED_MEMORY, "jit_crash"),
    (logs.DISK_FULL, "disk_full"),
    (logs.CODE_ERROR, "code_error"),
    ("run_end step:40 reason:nan\n", "nan"),
    (logs.FRAMES + "RuntimeError: Function 'MulBackward0' returned nan values in its 0th output.\n", "nan"),
    (logs.FRAMES + "ModuleNotFoundError: No module named 'flash_attn_interface'\n", "missing_backend"),
    (logs.FRAMES + "ModuleNotFoundError: No module named 'my_package'\n", "code_error"),
    (logs.FRAMES + "ImportError: libcudart.so.12: cannot open shared object file: No such file\n", "missing_backend"),
    (logs.FRAMES + "RuntimeError: No CUDA GPUs are available\n", "missing_backend"),
    ("train.py: error: unrecognized arguments: --kd-stop-mode\n", "bad_input"),
    ("nothing that anybody knows\n", "code_error"),
])
def test_the_log_names_the_failure(text: str, word: str) -> None:
    assert failure(STEP + text)["class"] == word


@pytest.mark.parametrize(("code", "word"), [
    (10, "bad_input"), (11, "nan"), (12, "oom"), (13, "missing_backend"), (14, "teacher_mismatch"),
])
def test_the_contract_s_exit_codes_stand_above_the_log(code: int, word: str) -> None:
    found = failure(logs.NCCL_ERROR + "\nBadInput: what it said last", code)
    assert (found["class"], found["line"]) == (word, "BadInput: what it said last")


@pytest.mark.parametrize(("outcome", "code"), [
    ("completed", 0), ("failed", 0), ("cancelled", 143), ("timed_out", None), ("over_budget", 143), ("refused", None),
    ("withdrawn", None),
])
def test_an_end_that_is_no_failure_has_none(outcome: str, code: int | None) -> None:
    assert classify(outcome, code, None, (logs.FRAMES + logs.OOM_FIRST).encode()) is None


def test_nobody_saw_the_end_and_the_log_is_silent() -> None:
    assert classify("failed", None, None, b"hello\n") is None
    assert failure(logs.FRAMES + logs.OOM_FIRST, None)["class"] == "oom"


@pytest.mark.parametrize(("signal", "code", "text", "word"), [
    (9, None, STEP, "killed"),
    (None, 137, STEP, "killed"),
    (9, None, STEP + logs.OOM_KILLER, "oom"),
    (None, 137, STEP + logs.OOM_KILLER, "oom"),
    (9, None, logs.FRAMES + logs.OOM_FIRST, "killed"),
    (15, None, STEP, "killed"),
    (11, None, STEP, "code_error"),
    (6, None, STEP + logs.NCCL_WATCHDOG, "nccl"),
    (11, None, "LLVM ERROR: Cannot select: intrinsic %llvm.nvvm.shfl.sync.bfly.i32\n", "jit_crash"),
])
def test_signals_tell_a_crash_from_a_kill(signal: int | None, code: int | None, text: str, word: str) -> None:
    assert failure(text, code, signal)["class"] == word


def test_a_full_disk_that_the_supervisor_saw_needs_no_words() -> None:
    found = classify("disk_full", 1, None, logs.CODE_ERROR.encode())
    assert found is not None
    assert (found["class"], found["line"]) == ("disk_full", None)


def test_the_last_failure_wins() -> None:
    survivor = logs.FRAMES + logs.OOM_FIRST + "\ntrying a smaller batch\n"
    assert failure(survivor + logs.CODE_ERROR)["class"] == "code_error"
    assert failure(logs.CODE_ERROR + logs.FRAMES + logs.OOM_FIRST)["class"] == "oom"


def test_a_failure_that_training_survived_is_not_its_end() -> None:
    found = failure(logs.FRAMES + logs.OOM_FIRST + "\n" + STEP + "giving up\n", 3)
    assert (found["class"], found["line"]) == ("code_error", "giving up")


@pytest.mark.parametrize("source", [
    '    raise RuntimeError("CUDA out of memory. Tried to allocate 1.00 GiB")\n',
    '# torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB\n',
    'if "CUDA out of memory" in str(error):\n',
    "print('No space left on device')\n",
    "see `ptxas fatal` in the notes\n",
])
def test_source_code_in_the_log_proves_nothing(source: str) -> None:
    found = failure(source + "stopping now\n")
    assert (found["class"], found["line"]) == ("code_error", "stopping now")


def test_a_printed_program_is_survived_with_its_first_step() -> None:
    program = '"""\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB. is what torch says\n"""\n'
    assert failure(program + STEP + logs.CODE_ERROR)["line"].startswith("ValueError: Expected more than 1 value")


def test_what_breaks_because_a_peer_died_gives_way_to_the_cause() -> None:
    text = logs.FRAMES + logs.OOM_FIRST + "\n" + logs.NCCL_WATCHDOG + "\n" + logs.LAUNCHER_REPORT
    assert failure(text)["class"] == "oom"


def test_a_hardware_xid_explains_a_launch_failure_and_an_application_s_does_not() -> None:
    assert failure(logs.LAUNCH_FAILURE + logs.XID_79)["class"] == "xid"
    assert failure(logs.CODE_ERROR + logs.XID_31)["class"] == "code_error"


def test_tracebacks_behind_a_prefix_are_read() -> None:
    prefixed = "".join(f"worker-0: {line}\n" for line in logs.CODE_ERROR.splitlines())
    assert failure(prefixed)["line"].startswith("ValueError: Expected more than 1 value per channel")
    ranked = "".join(f"[rank1]: {line}\n" for line in (logs.FRAMES + logs.OOM_FIRST).splitlines())
    assert failure(ranked)["tried_mib"] == pytest.approx(9431.04)


@pytest.mark.parametrize("noise", [
    "Exception ignored in: <function Session.__del__ at 0x7f>\n" + logs.FRAMES + "TypeError: 'NoneType' object\n",
    "Exception in thread Thread-3:\n" + logs.FRAMES + "OSError: [Errno 9] Bad file descriptor\n",
])
def test_tracebacks_that_end_no_program_do_not_count(noise: str) -> None:
    assert failure(logs.CODE_ERROR + noise)["line"].startswith("ValueError: Expected")


@pytest.mark.parametrize(("text", "phase"), [
    (logs.FRAMES + logs.OOM_FIRST, "soft"),
    (logs.PTXAS, "backward"),
    (logs.DISK_FULL, "checkpoint"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB phase:teacher\n", "teacher"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB\n", None),
])
def test_the_phase_is_read_from_the_frames_or_from_the_line(text: str, phase: str | None) -> None:
    assert failure(text)["phase"] == phase


def test_the_line_is_fit_to_be_shown() -> None:
    line = failure("\x1b[31mgone\x07 " + "x" * 5000 + "\x1b[0m\n")["line"]
    assert line is not None
    assert len(line) <= LINE_LIMIT
    assert line.isprintable()


@pytest.mark.parametrize("hostile", [
    b"a" * (1 << 22),
    b"CUDA out of memory. Tried to allocate " * 100_000,
    b"1" * (1 << 20),
    b"\n".join([b"Traceback (most recent call last):"] * 50_000),
    b"\r".join([b"step 1: \x1b["] * 200_000),
    b"\x00\xff\xfe" * 300_000,
    b'  File "' + b"x" * (1 << 20),
    b"NVRM: Xid (PCI:" * 80_000,
    (logs.FRAMES + "E." * 100 + "\n").encode() * 3000,
], ids=range(9))
def test_no_log_is_slow_to_read(hostile: bytes) -> None:
    began = time.process_time()
    classify("failed", 1, None, hostile)
    assert time.process_time() - began < 1.0


def test_a_line_cut_at_the_window_s_edge_is_not_believed() -> None:
    quoted = b'raise E("CUDA out of memory. Tried to allocate 1.00 GiB")\n'
    rest = b"end\n"
    filler = b"x\n" * ((TAIL_BYTES - len(quoted) - len(rest)) // 2 + 4)
    tail = quoted + filler + rest
    cut = tail[len(tail) - TAIL_BYTES - 1:]
    found = classify("failed", 1, None, cut)
    assert found is not None
    assert found["class"] == "code_error"
