"""How long work looks: a count or a bar on a terminal, a line now and then elsewhere, nothing where it is quick."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

QUIET_S = 2.0


class CountView:
    """Takes (done, total) of work that may take long; says how far it is every ``QUIET_S`` seconds."""

    def __init__(self, what: str, out: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._what, self._out, self._monotonic = what, sys.stderr if out is None else out, monotonic
        self._said = monotonic()
        self._open_line = False

    def __call__(self, done: int, total: int) -> None:
        now = self._monotonic()
        if now - self._said < QUIET_S:
            return
        self._said = now
        self._open_line = self._out.isatty()
        self._out.write(f"{self._what}: {done} of {total}" + ("\r" if self._open_line else "\n"))
        self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if self._open_line:
            self._out.write("\n")


class TransferView:
    """Takes (name, bytes so far, bytes in all). Use it with ``with``."""

    def __init__(self, out: TextIO | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._out = sys.stderr if out is None else out
        self._monotonic = monotonic
        self._begun = self._said = monotonic()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._whole: set[str] = set()

    def __call__(self, name: str, done: int, total: int) -> None:
        now = self._monotonic()
        if now - self._begun < QUIET_S:
            return
        if self._out.isatty():
            self._bar(name, done, total)
        elif name not in self._whole and (now - self._said >= QUIET_S or done == total):
            self._said = now
            if done == total:
                self._whole.add(name)  # both ends may say so; once is enough
            self._out.write(f"{name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB\n")
            self._out.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _bar(self, name: str, done: int, total: int) -> None:
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

            self._progress = Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
                                      TransferSpeedColumn(), console=Console(file=self._out))
            self._progress.start()
        task = self._tasks.get(name)
        if task is None:
            task = self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(task, completed=done, total=total)
