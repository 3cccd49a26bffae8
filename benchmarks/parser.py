"""Measures the log parser: throughput per format beside naive parsing of the same text in the same run, and memory.

    python benchmarks/parser.py

Times are processor seconds of one core, the least of several passes, over generated logs that are held in memory. The
naive parser is what one writes in ten minutes: one regular expression, line by line, numbers into lists. The limit that
every figure is set against is finding lines and their digits in the same text, and reading none of them.
"""

from __future__ import annotations

import argparse as a_long_program  # its source stands for that of a trainer
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.figures import ROOT, Figure, machine_facts, table, write
from orchestrator.parsing import parse_bytes
from orchestrator.wire.trainlog import parse_runs

SIZE_BYTES = 32_000_000
PASSES = 6
MEMORY_MB = (64, 1024)


@dataclass(frozen=True)
class Log:
    """A kind of log: its text, and the expression that a naive parser tries on each line."""

    name: str
    lines: Callable[[int], str]
    naive: str


def dense(step: int) -> str:
    return (f"step:{step}/9000000 train_loss:{3 + step % 97 / 100:.4f} train_time:{step * 61}ms "
            f"step_avg:{61 + step % 50 / 100:.2f}ms\n")


def without_loss(step: int) -> str:
    return f"step:{step}/9000000 train_time:{step * 61}ms step_avg:{61 + step % 50 / 100:.2f}ms\n"


def program_and_run(number: int) -> str:
    """One published log: its program between lines of equal signs, the machine, 1,750 steps, 15 validations."""
    rule = "=" * 100 + "\n"
    lines = [rule, Path(a_long_program.__file__).read_text(), rule, "Running PyTorch 2.9\n" * 40, rule]
    for step in range(1, 1751):
        lines.append(f"step:{step}/1750 train_time:{step * 61 + number % 7}ms step_avg:{61 + step % 50 / 100:.2f}ms\n")
        if step % 125 == 0:
            lines.append(f"step:{step}/1750 val_loss:{5 - step / 1000:.4f} train_time:{step * 61 + 9}ms "
                         "step_avg:61.02ms\n")
    return "".join(lines)


def in_seconds(step: int) -> str:
    return (f"step:{25 * step}/99999999 val_loss:{10.8 - step % 135 / 20:.5f} train_time:{step * 0.367:.3f}s "
            f"step_avg:147.02ms\n")


def short_runs(step: int) -> str:
    """135 validations, and the next run."""
    return (f"step:{25 * (step % 135)}/3350 val_loss:{10.8 - step % 135 / 20:.5f} train_time:{step % 135 * 3.667:.3f}s "
            f"step_avg:147.02ms\n")


def short(step: int) -> str:
    return f"s:{step} trl:{3 + step % 97 / 100:.4f} lr:0.000001 norm:0.23\n"


def llmc(step: int) -> str:
    return (f"step {step:4d}/9000000 | loss {3 + step % 97 / 100:.6f} (+0.25z)| norm 0.3235 (-0.50z)| lr 2.86e-04 | "
            f"{2734 + step % 50 / 100:.2f} ms | 43.1% bf16 MFU | 167751 tok/s\n")


def nanochat(step: int) -> str:
    return (f"step {step:05d}/9000000 ({step / 90000:.2f}%) | loss: {3 + step % 97 / 100:.6f} | lrm: 1.00 | "
            f"dt: {240 + step % 50 / 100:.2f}ms | tok/sec: 2,184,533 | bf16_mfu: 39.80 | "
            f"total time: {step / 250:.2f}m\n")


def torchtitan(line: int) -> str:
    step = line // 8
    return (f"[rank{line % 8}]:[titan] 2026-05-18 16:04:46,338 - root - INFO - step: {step:2d}  "
            f"loss: {3 + step % 97 / 100:8.5f}  grad_norm:  0.8319  memory:  9.46GiB(64.99%)  tps: 7,282  "
            "tflops: 0.52  mfu: 0.17%\n")


def hugging_face(step: int) -> str:
    return (f"{{'loss': {3 + step % 97 / 100:.4f}, 'learning_rate': 1.0344827586206896e-06, "
            f"'epoch': {step / 1000:.2f}}}\n")


def rates(step: int) -> str:
    return f"Step {step}/9000000 | Loss: {3 + step % 97 / 100:.4f} | LR: 1.50e-05 | Tokens/sec: 1234\n"


_STEP = r"step:(\d+)/(\d+) (?:(?:train|val)_loss:([\d.]+) )?train_time:([\d.]+)m?s step_avg:([\d.]+)ms"
LOGS = (
    Log("modded-nanogpt, logs with their programs", program_and_run, _STEP),
    Log("modded-nanogpt, dense step lines", dense, _STEP),
    Log("modded-nanogpt, dense, no train loss", without_loss, _STEP),
    Log("modded-nanogpt, validations in seconds", in_seconds, _STEP),
    Log("modded-nanogpt, thousands of short runs in one file", short_runs, _STEP),
    Log("modded-nanogpt, s: lines", short, r"s:(\d+) t[re]l:([\d.]+)"),
    Log("llm.c", llmc, r"step +(\d+)/(\d+) \| loss ([\d.]+).* \| ([\d.]+) ms"),
    Log("nanochat", nanochat, r"step (\d+)/(\d+) .*\| loss: ([\d.]+) .*\| dt: ([\d.]+)ms"),
    Log("torchtitan, 8 ranks", torchtitan, r".*step: +(\d+) +loss: +([\d.]+) .*memory: +([\d.]+)GiB"),
    Log("Hugging Face Trainer", hugging_face, r"\{'loss': ([\d.]+),.*'epoch': ([\d.]+)\}"),
    Log("tokens per second", rates, r"Step (\d+)/(\d+) \| Loss: ([\d.]+) "),
)


def text_of(log: Log) -> bytes:
    parts: list[bytes] = []
    size = 0
    for number in range(1, 10**9):
        parts.append(log.lines(number).encode())
        size += len(parts[-1])
        if size >= SIZE_BYTES:
            break
    return b"".join(parts)


def naive(text: bytes, pattern: str) -> int:
    """How many lines match; their numbers are kept as a parser would keep them."""
    line_of_interest = re.compile(pattern)
    rows = []
    for line in text.decode().splitlines():
        match = line_of_interest.match(line)
        if match:
            rows.append([float(word) for word in match.groups() if word is not None])
    return len(rows)


def floor(text: bytes) -> int:
    """What reading in columns cannot do without: lines without their digits, and where their digits are."""
    shapes = text.translate(None, b"0123456789").split(b"\n")
    digit = np.frombuffer(text, np.uint8) - np.uint8(48) < 10
    return len(shapes) + len(np.flatnonzero(digit[1:] != digit[:-1]))


def mb_per_second(read: Callable[[], object], size_bytes: int, passes: int = PASSES) -> float:
    taken = []
    for _ in range(passes):
        begun = time.process_time()
        read()
        taken.append(time.process_time() - begun)
    return size_bytes / 1e6 / min(taken)


def throughput() -> Iterator[Figure]:
    for log in LOGS:
        text = text_of(log)
        records = parse_bytes(text)
        lines = sum(r.n_train_lines + r.n_validations for r in records)
        ours = mb_per_second(partial(parse_bytes, text), len(text))
        plain = mb_per_second(partial(naive, text, log.naive), len(text), 2)
        least = mb_per_second(partial(floor, text), len(text))
        note = (f"{len(text) / max(lines, 1):.0f} bytes a data line; {ours / plain:.1f} times naive, "
                f"{ours / least:.2f} of the {least:.0f} MB/s at which lines and digits are found alone")
        if len(records) > 1:
            note += f"; {len(records)} runs, each with a record of its own"
        if log.name.startswith("modded"):
            part = text[:text.rfind(b"\n", 0, SIZE_BYTES // 8) + 1]
            kept = mb_per_second(partial(parse_runs, part), len(part), 1)
            note += f"; the ledger's registered parser, which keeps every line as evidence: {kept:.1f} MB/s"
        yield Figure(log.name, ours, "MB/s", note)
        yield Figure(f"{log.name}: naive", plain, "MB/s")


class Endless:
    """A stream of so many MB of step lines of one run, made while it is read."""

    def __init__(self, size_mb: int) -> None:
        self._left = size_mb * 1_000_000
        self._step = 0

    def read(self, _: int) -> bytes:
        if self._left <= 0:
            return b""
        chunk = "".join(dense(step) for step in range(self._step + 1, self._step + 5001)).encode()
        self._step += 5000
        self._left -= len(chunk)
        return chunk


def memory() -> Iterator[Figure]:
    for size_mb in MEMORY_MB:
        # The kernel's high-water mark of the address space: ru_maxrss would hold that of the process that forked.
        program = ("from benchmarks.parser import Endless; from orchestrator.parsing import parse_stream; "
                   f"parse_stream(Endless({size_mb})); print(open('/proc/self/status').read())")
        ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
        peak = re.search(r"VmHWM:\s+(\d+)", ended.stdout)
        value = None if peak is None else int(peak[1]) / 1024
        yield Figure(f"peak memory of the process, {size_mb} MB of one run", value, "MiB",
                     "the interpreter and numpy included" if value is not None else ended.stderr.strip()[-200:])


def main() -> int:
    figures = [*throughput(), *memory()]
    facts = machine_facts()
    print(table("The log parser", facts, figures), end="")
    for path in write("parser", "The log parser", facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0 if all(f.value is not None for f in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
