"""The next batch, read and put together while the device works on this one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """``batch_of``, which is pure in the step, with the step after the last one asked for computed by a thread.

    So what is given does not depend on when, and a run that is resumed sees the batches it would have seen. ``last`` is
    the last step that is worth looking ahead to; ``place`` takes a batch to the device, in the caller's thread. What
    the thread raised is raised by the call that asks for that step.
    """

    def __init__(self, batch_of: Callable[[int], T], place: Callable[[T], T], *, last: int) -> None:
        self._batch_of, self._place, self._last = batch_of, place, last
        self._thread = ThreadPoolExecutor(1, "next-batch")
        self._next: tuple[int, Future[T]] | None = None

    def __call__(self, step: int) -> T:
        ready, self._next = self._next, None
        batch = ready[1].result() if ready is not None and ready[0] == step else self._batch_of(step)
        if step < self._last:
            self._next = (step + 1, self._thread.submit(self._batch_of, step + 1))
        return self._place(batch)
