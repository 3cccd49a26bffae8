"""The resident host program: ``python -m worker.host --root ROOT`` answers the laptop's requests on one channel.

It holds no state: everything it says is read from the root when it is asked, so it may be killed and started at any
moment, and many may run at once. One bad request is answered with an error and changes nothing for the next.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from worker.heart import beating
from worker.operations import Operations
from worker.paths import Root
from worker.requests import LineChannel, Request, RequestRefused

BEATS_ITSELF = frozenset({"hello", "ping", "tail", "launch"})
"""What is answered at once or in its own time, or forks: there must be no thread then."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve standard input and output until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m worker.host", description=__doc__, allow_abbrev=False)
    parser.add_argument("--root", required=True, help="the host's root directory; ~ is expanded")
    asked = parser.parse_args(argv)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return serve(Root.at(asked.root), LineChannel(sys.stdin.fileno(), sys.stdout.fileno()))


def serve(root: Root, channel: LineChannel) -> int:
    """Answer requests until the input ends or nobody listens any more. Returns the exit code, 0."""
    operations = Operations(root, channel.waiting, channel.beat)
    while (request := channel.next_request()) is not None:
        with nullcontext() if request.op in BEATS_ITSELF else beating(channel.beat):
            header, body = answer(operations, request)
        try:
            channel.answer(header, body)
        except BrokenPipeError:
            break
    return 0


def answer(operations: Operations, request: Request) -> tuple[dict[str, Any], bytes]:
    """The answer to one request, whatever it is."""
    try:
        header, body = operations.perform(request)
        return {"id": request.id, "ok": True, **header}, body
    except RequestRefused as refusal:
        code, message = refusal.code, refusal.message
    except Exception as error:  # noqa: BLE001 - a mistake in one operation must not end the channel for all others
        code, message = "internal", f"{type(error).__name__}: {error}"
    return {"id": request.id, "ok": False, "error": code, "message": message}, b""


if __name__ == "__main__":
    sys.exit(main())
