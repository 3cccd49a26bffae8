"""The only writer of data lines (``tests/contract/v1/train-log.ebnf``). The log is how the trainer speaks."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TextIO

_OF_HORIZON = re.compile(r"\Astep:\d+/\d+ ")
_HISTORY = re.compile(r"(?:kd_stop |profile )?step:(\d+)[/ ]")


class Emit:
    """Writes log lines, each at once, so that whoever follows the log sees them as they happen."""

    def __init__(self, horizon: int, out: TextIO | None = None, *, silent: bool = False) -> None:
        """``silent`` is for the processes of a run that do not speak."""
        self._horizon = horizon
        self._silent = silent
        self._out = out if out is not None else sys.stdout

    def talk(self, text: str) -> None:
        """One line for people; programs do not read it."""
        self._line(" ".join(text.split()))

    def train(self, step: int, loss: float, train_time_ms: float, **tail: float) -> None:
        """``step`` updates are done; ``loss`` is the cross-entropy of the last one's batch, before that update.

        It is cross-entropy with a teacher as well, so that curves with and without one can be laid over each other.
        """
        self._line(f"step:{step}/{self._horizon} train_loss:{loss:.4f} {_times(step, train_time_ms)}{_tail(tail)}")

    def validation(self, step: int, loss: float, train_time_ms: float, **tail: float) -> None:
        """The loss on the validation sequences after ``step`` updates, to the sixth decimal: the ledger counts in
        millionths, and what is decided here must be decided alike from the log."""
        self._line(f"step:{step}/{self._horizon} val_loss:{loss:.6f} {_times(step, train_time_ms)}"
                   f"{_tail(tail)}")

    def peak(self, allocated_mib: int, reserved_mib: int) -> None:
        """The device's memory at its highest; printed where the device keeps count."""
        self._line(f"peak memory allocated: {allocated_mib} MiB reserved: {reserved_mib} MiB")

    def profile(self, step: int, milliseconds: Mapping[str, float]) -> None:
        """What the phases of one step took; printed one step late."""
        self._line(f"profile step:{step}" + "".join(f" {name}_ms:{took:.3f}" for name, took in milliseconds.items()))

    def verdict(self, name: str, passed: bool, text: str) -> None:
        """A falsifier's answer."""
        self._line(" ".join(f"verdict {name} {'PASS' if passed else 'FAIL'} {text}".split()))

    def kd_stop(self, step: int, student_val: float, teacher_val: float, margin: float) -> None:
        """KD ends after ``step`` updates; ``margin`` carries its sign."""
        self._line(f"kd_stop step:{step} student_val:{student_val:.6f} teacher_val:{teacher_val:.6f} "
                   f"margin:{margin:g}")

    def run_end(self, step: int, reason: str) -> None:
        """The last line. ``reason`` is horizon, target_confirmed, nan or stopped."""
        self._line(f"run_end step:{step} reason:{reason}")

    def replay(self, earlier_log: str, step: int) -> None:
        """Repeat the data lines of an earlier attempt's log up to ``step`` updates, as steps of this horizon.

        A resumed attempt is judged by its own log alone, so that log must tell the whole curve.
        """
        for line in earlier_log.splitlines():
            match = _HISTORY.match(line)
            if match is not None and int(match[1]) <= step:
                self._line(_OF_HORIZON.sub(f"step:{match[1]}/{self._horizon} ", line, count=1))

    def _line(self, text: str) -> None:
        if self._silent:
            return
        self._out.write(text + "\n")
        self._out.flush()


def _times(step: int, train_time_ms: float) -> str:
    return f"train_time:{train_time_ms:.2f}ms step_avg:{train_time_ms / max(1, step):.2f}ms"


def _tail(pairs: dict[str, float]) -> str:
    return "".join(f" {key}:{value:g}" for key, value in pairs.items())
