"""Work that waits for hosts, done in threads; what it brings back is handled by the one thread that sent it.

Threads only talk to hosts. The ledger, events and everything else that has an order belong to the thread that calls
:meth:`Errands.settle`, so none of that needs a lock. Errands of one lane are done one after the other; lanes do not
wait for each other, so a host that hangs holds up nothing but its own.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")
_Settle = Callable[[], None]


class Result(Generic[_T]):
    """What an errand came to."""

    def __init__(self, value: _T | None, error: BaseException | None) -> None:
        self._value, self._error = value, error

    def get(self) -> _T:
        """The value, or raises what the work raised."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value] # of that type when there was no error


class Errands:
    """Lanes of work by name. Only one thread may send and settle; any thread may :meth:`nudge`."""

    def __init__(self) -> None:
        self._lanes: dict[str, queue.SimpleQueue[_Settle | None]] = {}
        self._back: queue.SimpleQueue[_Settle] = queue.SimpleQueue()
        self._under_way = 0

    @property
    def under_way(self) -> int:
        """How many errands were sent and not settled."""
        return self._under_way

    def send(self, lane: str, work: Callable[[], _T], then: Callable[[Result[_T]], None]) -> None:
        """Do ``work`` in the lane's thread; ``then`` is called with its result by whoever settles."""

        def run() -> None:
            try:
                result = Result(work(), None)
            except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
                result = Result[_T](None, error)
            self._back.put(lambda: self._settled(lambda: then(result)))

        if lane not in self._lanes:
            self._lanes[lane] = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._lanes[lane],), daemon=True, name=f"kdorch-{lane}").start()
        self._under_way += 1
        self._lanes[lane].put(run)

    def settle(self, wait_s: float) -> bool:
        """Handle what came back, waiting up to ``wait_s`` seconds for the first; False when nothing came.

        What handling it raises is raised here; the rest is handled by the next call.
        """
        until = time.monotonic() + wait_s
        try:
            first = self._back.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return False
        first()
        while True:
            try:
                following = self._back.get_nowait()
            except queue.Empty:
                return True
            following()

    def nudge(self) -> None:
        """Let :meth:`settle` return: something changed elsewhere."""
        self._back.put(lambda: None)

    def close(self) -> None:
        """Let the threads end when they are through with what they do; nobody waits for them."""
        for lane in self._lanes.values():
            lane.put(None)
        self._lanes.clear()

    def _settled(self, then: _Settle) -> None:
        self._under_way -= 1
        then()


def _serve(lane: queue.SimpleQueue[_Settle | None]) -> None:
    while (run := lane.get()) is not None:
        run()
