"""Launches that a host refused: asked again after growing pauses, and then left to the next command.

A refusal often passes: a supervisor was killed before it could claim, a disk was full for a while. Launching is safe to
repeat, so it is repeated. What is still refused after that is given up for this process, so that nobody follows for
ever what was never launched; the attempt stays in staging, and launching the campaign again asks once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

Key = tuple[str, int]
"""Run id and number of the attempt."""


@dataclass
class _Refusal:
    times: int
    next_try: float


class Refusals:
    """What was refused in this process. ``monotonic`` is a clock in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._refused: dict[Key, _Refusal] = {}

    @property
    def pending(self) -> bool:
        """Whether something that was refused will be asked again."""
        return any(not self.given_up(key) for key in self._refused)

    def may_ask(self, key: Key) -> bool:
        """Whether the attempt may be launched now: it was not refused, or its pause is over."""
        found = self._refused.get(key)
        return found is None or (not self.given_up(key) and self._monotonic() >= found.next_try)

    def add(self, key: Key) -> int:
        """Take note of a refusal; returns how many the attempt has had."""
        times = self._refused[key].times + 1 if key in self._refused else 1
        pause = PAUSES_S[min(times, len(PAUSES_S)) - 1]
        self._refused[key] = _Refusal(times, self._monotonic() + pause)
        return times

    def forget(self, key: Key) -> None:
        """The attempt was launched after all."""
        self._refused.pop(key, None)

    def given_up(self, key: Key) -> bool:
        """Whether this process will not ask again."""
        found = self._refused.get(key)
        return found is not None and found.times > len(PAUSES_S)
