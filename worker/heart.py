"""Lets the laptop hear that a busy host program lives: a beat now and then while a request is carried out.

The beats come from a thread, because one system call (a sync of a large file, say) may take long. The thread ends
before the answer is sent, so that nobody forks while it runs.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

EVERY_S = 2.0


@contextlib.contextmanager
def beating(beat: Callable[[], None], every_s: float = EVERY_S) -> Iterator[None]:
    """Call ``beat`` every ``every_s`` seconds until the body is through."""
    over = threading.Event()

    def keep_on() -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more; the answer will find that out
            while not over.wait(every_s):
                beat()

    thread = threading.Thread(target=keep_on, daemon=True, name="kdorch-heart")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
