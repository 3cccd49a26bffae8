"""Logs of every known format, made to numbers that are worked out here by hand and not by the parser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SEPARATOR = "=" * 100
PROGRAM = f'''import os
import sys
from torch import nn

def main():
    """An older run printed
step:5/10 val_loss:0.0001 train_time:1ms step_avg:1ms
step:6/10 val_loss:0.0001 train_time:2ms step_avg:1ms
    """
    print0(f"step:{{step}}/{{steps}} val_loss:{{val:.4f}} train_time:{{t:.0f}}ms step_avg:{{t/step:.2f}}ms")
    print0("{"=" * 20}")
'''


@dataclass(frozen=True)
class Example:
    """A log, its format, and the figures that it says; figures that are not named are null or 0."""

    format: str
    text: str
    figures: dict[str, Any]
    target: float | None = None


def with_program(text: str) -> str:
    """The log as modded-nanogpt writes it: its own source code, the machine, the run."""
    machine = "Running Python 3.12.7\nRunning PyTorch 2.6.0\n|  GPU  Name   Persistence-M|\n|=========+=========|"
    return f"{SEPARATOR}\n{PROGRAM}\n{SEPARATOR}\n{machine}\n{SEPARATOR}\n{text}"


def modded(steps: int = 60, every: int = 20, ms: int = 40) -> str:
    """Validation n has the loss ``5 - n / 20``; each step takes ``ms``, the 31st twice as long."""
    lines = [f"step:0/{steps} val_loss:5.0000 train_time:0ms step_avg:nanms"]
    at = 0
    for step in range(1, steps + 1):
        at += 2 * ms if step == 31 else ms
        clock = f"train_time:{at}ms step_avg:{at / step:.2f}ms"
        lines.append(f"step:{step}/{steps} train_loss:{5 - step / 20 + 0.01:.4f} {clock}")
        if step % every == 0:
            lines.append(f"step:{step}/{steps} val_loss:{5 - step / 20:.4f} {clock}")
    return "\n".join([*lines, "peak memory allocated: 31016 MiB reserved: 47038 MiB"]) + "\n"


MODDED = {
    "complete": True, "total_steps": 60, "final_step": 60, "n_train_lines": 60, "n_validations": 4,
    "final_val_loss": 2.0, "best_val_loss": 2.0, "final_train_time_ms": 2440, "latest_step_avg_ms": 40.67,
    "median_step_ms": 40.0, "p90_step_ms": 40.0, "peak_allocated_mib": 31016, "peak_reserved_mib": 47038,
    "steps_to_target": 60, "time_to_target_ms": 2440,
}


def timer_restart() -> str:
    """2024: the clock starts again between the steps 10 and 11, and the average is that since then."""
    lines = ["step:0/40 val_loss:10.8258 train_time:0ms step_avg:nanms"]
    for step in range(1, 41):
        time = 25_000 + 100 * step if step <= 10 else 140 * (step - 10)
        average = "nan" if step <= 11 else f"{time / (step - 10):.2f}"
        lines.append(f"step:{step}/40 train_time:{time}ms step_avg:{average}ms")
    return "\n".join([*lines, "step:40/40 val_loss:3.2800 train_time:4207ms step_avg:140.23ms"]) + "\n"


def seconds() -> str:
    """Track 3: validations only, in seconds, two runs in one file."""
    run = [f"step:{step}/50 val_loss:{loss} train_time:{step * 0.147:.3f}s step_avg:147.00ms "
           "extrap_rel:1.000e-03 handoff:keep"
           for step, loss in ((0, 10.82584), (25, 3.28), (50, 3.27))]
    other = [line.replace("3.28 ", "3.29 ").replace("3.27 ", "3.26 ") for line in run]
    return "\n".join(["trial:1/2 seed:1", *run, "trial:2/2 seed:2", *other]) + "\n"


def llmc() -> str:
    steps = [f"step {step:4d}/40 | loss {11 - step / 10:.6f} ({'+nan' if step < 3 else '-1.25'}z)| "
             f"norm 16.3235 (+nanz)| lr 2.86e-06 | {2000 + step:.2f} ms | -100.0% bf16 MFU | 167751 tok/s"
             for step in range(1, 41)]
    return "\n".join(["val loss 11.009", *steps[:20], "val loss 9.1", "HellaSwag: 1/10042 = 0.000100", *steps[20:],
                      "val loss 7.2"]) + "\n"


def nanochat() -> str:
    steps = [f"step {step:05d}/00030 ({step / 0.3:.2f}%) | loss: {5 - step / 10:.6f} | lrm: 1.00 | "
             f"dt: {240 + step:.2f}ms | tok/sec: 2,184,533 | bf16_mfu: 39.80 | epoch: 1 pq: 3 rg: 12 | "
             f"total time: {step * 0.01:.2f}m"
             f"{f' | eta: {30 - step}.0m' if step else ''}" for step in range(30)]
    return "\n".join(["Step 00000 | Validation bpb: 3.3", *steps[:20], "Step 00020 | Validation bpb: 0.9", *steps[20:],
                      "Step 00030 | Validation bpb: 0.8", "Step 00030 | CORE metric: 0.2219",
                      "Peak memory usage: 75422.02MiB", "Total training time: 0.31m"]) + "\n"


def autoresearch() -> str:
    steps = "".join(f"\rstep {step:05d} ({step / 0.3:.1f}%) | loss: {5 - step / 10:.6f} | lrm: 1.00 | "
                    f"dt: {240 + step}ms | tok/sec: 2,184,533 | mfu: 39.8% | epoch: 1 | "
                    f"remaining: {30 - step}s    " for step in range(30))
    return (f"Vocab size: 8,192{steps}\n---\nval_bpb:          0.997900\ntraining_seconds: 300.1\n"
            "total_seconds:    325.9\npeak_vram_mb:     45060.2\nnum_steps:        30\n")


def torchtitan() -> str:
    head = "[titan] 2026-05-18 16:04:46,338 - root - INFO - "
    lines = [f"[rank0]:{head}Training starts at step 1, with local batch size 8, total steps 30 (warmup 2)"]
    for step in range(1, 31):
        lines += [f"[rank{rank}]:{head}\x1b[31mstep: {step:2d}  \x1b[32mloss: {4 - step / 10:8.5f}  "
                  f"\x1b[38;2;180;60;0mgrad_norm:  0.8319  \x1b[36mmemory: {9 + step / 100:5.2f}GiB(64.99%)  "
                  "\x1b[34mtps: 7,282  \x1b[36mtflops: 0.52  \x1b[35mmfu: 0.17%\x1b[39m"
                  for rank in range(2)]
    lines.append(f"[rank0]:{head}validate step: 30  loss:  1.0500  memory:  8.00GiB(50.00%)  tps: 7,282")
    return "\n".join([*lines, f"[rank0]:{head}Training completed"]) + "\n"


def hugging_face(version: int) -> str:
    def value(number: float) -> str:
        return repr(number) if version < 5 else f"'{number:.4g}'"

    bar = "  {done:3d}%|█████     | {step}/40 [00:12<00:12,  2.03it/s]"
    logs = "".join(f"{bar.format(done=step * 100 // 40, step=step)}\r{' ' * 40}\r"
                   f"{{'loss': {value(3 - step / 40)}, 'learning_rate': {value(1.0344827586206896e-06)}, "
                   f"'epoch': {value(step / 40)}}}\n"
                   for step in range(10, 41, 10))
    return (f"{logs}{{'eval_loss': {value(2.25)}, 'eval_runtime': {value(3.5)}, 'epoch': {value(1.0)}}}\n"
            f"{{'train_runtime': {value(123.4)}, 'train_samples_per_second': {value(1.2)}, 'train_loss': {value(2.4)}, "
            f"'epoch': {value(1.0)}}}\n")


def rates() -> str:
    lines = [f"Step {step}/500 | Loss: {3 - step / 500:.4f} | LR: 1.50e-05 | Tokens/sec: 1234"
             for step in range(25, 501, 25)]
    return "\n".join([*lines, "Step 500/500 | Val Loss: 2.1000", "Total wall clock time: 1h 5m"]) + "\n"


def kdorch() -> str:
    return modded().replace("step_avg:40.00ms", "step_avg:40.00ms hard:2.4 soft:0.9 s:1.5 lr_mult:3 kd:1") + (
        "run_end step:60 reason:horizon\n")


EXAMPLES: dict[str, Callable[[], Example]] = {
    "modded": lambda: Example("modded-nanogpt", modded(), MODDED, 3.0),
    "modded with its program": lambda: Example("modded-nanogpt", with_program(modded()), MODDED, 3.0),
    "modded, timer restart": lambda: Example("modded-nanogpt", timer_restart(), {
        "complete": True, "total_steps": 40, "final_step": 40, "n_train_lines": 40, "n_validations": 2,
        "final_val_loss": 3.28, "best_val_loss": 3.28, "final_train_time_ms": 4207, "latest_step_avg_ms": 140.23,
        "median_step_ms": 140.0, "p90_step_ms": 140.0, "timer_resets": 1, "single_hit_step": 40}, 3.28),
    "modded, s: lines": lambda: Example("modded-nanogpt", "s:0 tel:11.0092\n" + "".join(
        f"s:{n} trl:{11 - n / 10:.4f} lr:0.000001 norm:15.37\n" for n in range(50)) + "s:50 tel:5.5\n", {
        "final_step": 50, "n_train_lines": 50, "n_validations": 2, "final_val_loss": 5.5, "best_val_loss": 5.5}),
    "kdorch": lambda: Example("kdorch", kdorch(), MODDED, 3.0),
    "llm.c": lambda: Example("llm.c", llmc(), {
        "complete": True, "total_steps": 40, "final_step": 40, "n_train_lines": 40, "n_validations": 3,
        "final_val_loss": 7.2, "best_val_loss": 7.2, "median_step_ms": 2030.5, "p90_step_ms": 2038.1,
        "steps_to_target": 40}, 9.1),
    "nanochat": lambda: Example("nanochat", nanochat(), {
        "complete": True, "total_steps": 30, "final_step": 30, "n_train_lines": 30, "n_validations": 3,
        "final_val_loss": 0.8, "best_val_loss": 0.8, "final_train_time_ms": 18600, "median_step_ms": 264.5,
        "p90_step_ms": 268.1, "peak_allocated_mib": 75422.02, "steps_to_target": 30, "time_to_target_ms": 17400}, 0.9),
    "autoresearch": lambda: Example("autoresearch", autoresearch(), {
        "complete": True, "total_steps": 30, "final_step": 29, "n_train_lines": 30, "n_validations": 1,
        "final_val_loss": 0.9979, "best_val_loss": 0.9979, "final_train_time_ms": 300100, "median_step_ms": 264.5,
        "p90_step_ms": 268.1, "peak_allocated_mib": 45060.2}),
    "torchtitan": lambda: Example("torchtitan", torchtitan(), {
        "complete": True, "total_steps": 30, "final_step": 30, "n_train_lines": 30, "n_validations": 1,
        "final_val_loss": 1.05, "best_val_loss": 1.05, "peak_reserved_mib": 9523.2}),
    "Hugging Face 4": lambda: Example("hf-trainer", hugging_face(4), {
        "complete": True, "total_steps": 40, "final_step": 40, "n_train_lines": 4, "n_validations": 1,
        "final_val_loss": 2.25, "best_val_loss": 2.25, "final_train_time_ms": 123400}, 2.5),
    "Hugging Face 5": lambda: Example("hf-trainer", hugging_face(5), {
        "complete": True, "total_steps": 40, "final_step": 40, "n_train_lines": 4, "n_validations": 1,
        "final_val_loss": 2.25, "best_val_loss": 2.25, "final_train_time_ms": 123400}, 2.5),
    "tokens per second": lambda: Example("tokens-per-second", rates(), {
        "complete": True, "total_steps": 500, "final_step": 500, "n_train_lines": 20, "n_validations": 1,
        "final_val_loss": 2.1, "best_val_loss": 2.1}),
}
"""One run each; :func:`seconds` holds two."""
