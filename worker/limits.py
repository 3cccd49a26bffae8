"""What may end a run before its trainer does: a request, the supervisor's own end, deadline, disk and budget."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from worker.budget_guard import BudgetGuard
from worker.durable import create_atomic, read_file, write_atomic
from worker.order import Order
from worker.paths import AttemptDir
from worker.seal import Ending
from worker.wakeup import Wakeup
from worker.wire import CONTRACT, ContractError, parse, to_bytes

_REQUEST_LIMIT_BYTES = 1 << 16
_REASON_LIMIT = 200


@dataclass(frozen=True)
class StopRequest:
    """What ``stop.request`` asks for; whatever cannot be read asks for a stop all the same."""

    reason: str = "stop requested"
    only_waiting: bool = False
    """Only a run whose trainer was not started is meant."""


def stop_request(attempt: AttemptDir) -> StopRequest | None:
    """The request that lies there now."""
    path = attempt.file("stop.request")
    if not os.path.lexists(path):
        return None
    with contextlib.suppress(OSError, ContractError):
        said = parse("stop", read_file(path, _REQUEST_LIMIT_BYTES) or b"", path)
        return StopRequest(str(said["reason"])[:_REASON_LIMIT] or StopRequest.reason, said.get("only_waiting", False))
    return StopRequest()


def ask_to_stop(attempt: AttemptDir, reason: str, *, only_waiting: bool) -> None:
    """Write the request. Asking again changes nothing, but that one for any run takes the place of one for a waiting
    run only, and never the other way round, whoever asks at the same time. Raises ``OSError``."""
    path = attempt.file("stop.request")
    data = to_bytes({"contract": CONTRACT, "reason": reason, "only_waiting": only_waiting})
    if only_waiting:
        if os.path.lexists(attempt.file("started.json")):
            return  # too late to matter, and better not left lying about
        with contextlib.suppress(FileExistsError):
            create_atomic(path, data)
        return
    standing = stop_request(attempt)
    if standing is None or standing.only_waiting:
        write_atomic(path, data)


class Limits:
    """The limits of one attempt, in the order in which they are asked."""

    def __init__(self, order: Order, wakeup: Wakeup) -> None:
        self._attempt, self._dispatch, self._wakeup = order.attempt, order.dispatch, wakeup
        self._budget: BudgetGuard | None = None
        if order.dispatch.budget_ms is not None:
            self._budget = BudgetGuard(order.dispatch.budget_ms, steady=order.steady, distils=order.distils)

    def hear(self, lines: Sequence[str]) -> None:
        """What the trainer says, for the budget."""
        if self._budget is not None:
            self._budget.hear(lines)

    def while_waiting(self) -> Ending | None:
        """Why the run must not start: it is withdrawn or cancelled."""
        asked = stop_request(self._attempt)
        if asked is None:
            return None
        return Ending("withdrawn" if asked.only_waiting else "cancelled", asked.reason)

    def while_running(self, now: float, deadline: float) -> Ending | None:
        """Why the trainer must end; times by the monotonic clock."""
        if (asked := self.stop_asked()) is not None:
            return asked
        if now >= deadline:
            return Ending("timed_out", f"ran longer than its deadline of {self._dispatch.deadline_s:g} s")
        if self._budget is not None and self._budget.verdict is not None:
            return Ending("over_budget", self._budget.verdict)
        return self.disk_is_low()

    def stop_asked(self) -> Ending | None:
        """Whether a started run is to be cancelled."""
        if self._wakeup.told is not None:
            return Ending("cancelled", f"the supervisor was told to end ({self._wakeup.told})")
        asked = stop_request(self._attempt)
        return None if asked is None or asked.only_waiting else Ending("cancelled", asked.reason)

    def disk_is_low(self, at_least: int = 0) -> Ending | None:
        """Whether less is free than the floor, or than ``at_least`` bytes."""
        floor = max(at_least, self._dispatch.disk_floor_bytes)
        try:
            found = os.statvfs(self._attempt.path)
        except OSError:
            return None
        free = found.f_bavail * found.f_frsize
        if free >= floor:
            return None
        return Ending("disk_full", f"{free} bytes are free on the host; the floor is {floor}")
