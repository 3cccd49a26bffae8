"""What ends a supervisor's sleep: a child that ended, a signal that asks it to end, or time."""

from __future__ import annotations

import contextlib
import os
import select
import signal


class Wakeup:
    """Installs the handlers of this process. ``told`` names the signal that asked it to end, if one did."""

    def __init__(self) -> None:
        self.told: str | None = None
        self._woken, write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)

    def sleep(self, seconds: float) -> None:
        """Until something happens, at most so long."""
        if select.select([self._woken], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 4096)

    def _tell(self, number: int, _frame: object) -> None:
        self.told = signal_name(number)


def signal_name(number: int) -> str:
    """``SIGTERM`` for 15; signals without a name keep their number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
