"""The only writer of data lines (``tests/contract/v1/train-log.ebnf``). The log is how the trainer speaks."""

from __future__ import annotations

import sys
from typing import TextIO


class Emit:
    """Writes log lines, each at once, so that whoever follows the log sees them as they happen."""

    def __init__(self, horizon: int, out: TextIO | None = None) -> None:
        self._horizon = horizon
        self._out = out if out is not None else sys.stdout

    def talk(self, text: str) -> None:
        """A line for people; never read by programs."""
        self._line(text)

    def train(self, step: int, loss: float, train_time_ms: float, steps_timed: int, **tail: float) -> None:
        """``step`` updates are done; ``loss`` is the last one's."""
        average = train_time_ms / max(1, steps_timed)
        self._line(f"step:{step}/{self._horizon} train_loss:{loss:.4f} train_time:{train_time_ms:.2f}ms "
                   f"step_avg:{average:.2f}ms{_tail(tail)}")

    def validation(self, step: int, loss: float, train_time_ms: float, **tail: float) -> None:
        """The loss on the validation sequences after ``step`` updates."""
        average = train_time_ms / max(1, step)
        self._line(f"step:{step}/{self._horizon} val_loss:{loss:.6f} train_time:{train_time_ms:.2f}ms "
                   f"step_avg:{average:.2f}ms{_tail(tail)}")

    def peak(self, allocated_mib: int, reserved_mib: int) -> None:
        self._line(f"peak memory allocated: {allocated_mib} MiB reserved: {reserved_mib} MiB")

    def kd_stop(self, step: int, student_val: float, teacher_val: float, margin: float) -> None:
        self._line(f"kd_stop step:{step} student_val:{student_val:.6f} teacher_val:{teacher_val:.6f} "
                   f"margin:{margin:g}")

    def run_end(self, step: int, reason: str) -> None:
        """``reason`` is horizon, target_confirmed, nan or stopped."""
        self._line(f"run_end step:{step} reason:{reason}")

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


def _tail(pairs: dict[str, float]) -> str:
    return "".join(f" {key}:{value:g}" for key, value in pairs.items())
