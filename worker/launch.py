"""The launch: claims an attempt exactly once and leaves a supervisor behind, however often it is repeated.

Theory of operation. ``launch.lock`` serialises launches of one run. The ``mkdir`` of the attempt's directory is the
claim. The launcher itself takes ``supervisor.lock`` and hands it on by fork, so that from the claim on the lock is
held by the supervisor or by somebody about to become it, and a free lock proves that there is none. The supervisor
says "ok" once ``claim.json`` is durable and it has its place in the queue; only then does the launcher answer and
let go of ``launch.lock``, so that places are given in the order of launches.
A claim without ``started.json`` whose supervisor is gone never ran its trainer: it is started again, whatever boot it
was made in. One with ``started.json`` of this boot, whose supervisor is gone and that has no seal, is adopted: a
supervisor is left behind that watches the trainer and seals, and starts nothing (``adoption``).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass

from worker import process
from worker.adoption import Adopter, adoptable
from worker.durable import sync_directory, write_atomic
from worker.faults import crash_point
from worker.locks import exclusive_within, is_held, open_lock
from worker.notes import note
from worker.observe import read_document
from worker.order import BadOrder, Order, read_order
from worker.paths import AttemptDir, Root
from worker.queue import Terms, Ticket
from worker.vigil import Vigil
from worker.wire import CONTRACT, Document, to_bytes, utc

LOCK_PATIENCE_S = 60.0
READY_PATIENCE_S = 30.0
SETTLE_PATIENCE_S = 1.0
"""How long a lock that should be free may be seen held: a prober's look, or the last breath of a killed process."""

CLAIM_PATIENCE_S = 5.0
_OK = b"ok"


@dataclass(frozen=True)
class Answer:
    """What the launch command prints: ``started``, ``exists``, ``conflict``, ``stale`` or ``refused``, and why."""

    result: str
    detail: str

    @property
    def good(self) -> bool:
        return self.result in ("started", "exists")


class _Refusal(Exception):
    def __init__(self, result: str, detail: str) -> None:
        super().__init__(detail)
        self.answer = Answer(result, detail)


def launch(root: Root, run_id: str, number: int, dispatch_sha256: str) -> Answer:
    """Claim and start the attempt, or say why not. In the supervisor's process this never returns.

    The launch lock is held until this process ends: the answer is printed while no other launch of the run is at work.
    """
    try:
        order = read_order(root, run_id, number, dispatch_sha256)
        lock = open_lock(root.launch_lock(run_id))
        if not exclusive_within(lock, LOCK_PATIENCE_S):
            raise _Refusal("refused", f"another launch of this run has held its lock for {LOCK_PATIENCE_S:.0f} s")
        _refuse_stale(order)
        claim = _claim(order)
        if claim is None:
            return Answer("exists", _standing(order.attempt))
        return _leave_supervisor(order, claim)
    except _Refusal as refusal:
        return refusal.answer
    except BadOrder as error:
        return Answer("refused", str(error))
    except OSError as error:
        return Answer("refused", f"the host could not write: {error}")


def look(root: Root, run_id: str, number: int, dispatch_sha256: str) -> Answer:
    """Say what :func:`launch` would find, and change nothing. ``refused`` where there is no claim to look at."""
    try:
        order = read_order(root, run_id, number, dispatch_sha256)
        _refuse_stale(order)
        if not order.attempt.exists():
            return Answer("refused", "not claimed")
        _refuse_conflict(order, read_document(order.attempt, "claim"))
        return Answer("exists", _standing(order.attempt))
    except _Refusal as refusal:
        return refusal.answer
    except BadOrder as error:
        return Answer("refused", str(error))
    except OSError as error:
        return Answer("refused", f"the host could not read: {error}")


def _refuse_stale(order: Order) -> None:
    with contextlib.suppress(FileNotFoundError):
        numbers = [int(n) for n in os.listdir(order.root.attempts(order.attempt.run_id)) if n.isdigit()]
        if numbers and max(numbers) > order.attempt.number:
            raise _Refusal("stale", f"attempt {max(numbers)} exists")


def _refuse_conflict(order: Order, claim: dict[str, object] | None) -> None:
    if claim is not None and claim["dispatch_sha256"] != order.dispatch_sha256:
        raise _Refusal("conflict", f"the attempt is claimed with dispatch {claim['dispatch_sha256']}")


@dataclass(frozen=True)
class _Claim:
    """The supervisor's lock, held for whom this launch is to leave behind. ``started``: it adopts what that tells."""

    lock_fd: int
    started: Document | None = None


def _claim(order: Order) -> _Claim | None:
    """What is left to do for this attempt; None where it has a supervisor, or needs none any more."""
    attempt = order.attempt
    attempts = os.path.dirname(attempt.path)
    os.makedirs(attempts, exist_ok=True)
    try:
        os.mkdir(attempt.path)
    except FileExistsError:
        _refuse_conflict(order, _await_claim(attempt))
        if _has_had_its_start(attempt):
            return _adoption(attempt)
    else:
        sync_directory(attempts)
        sync_directory(os.path.dirname(attempts))
        crash_point("after_mkdir")
    fd = open_lock(attempt.file("supervisor.lock"))
    # Looked at again under the lock: the supervisor that held it until now may have started its trainer, or sealed.
    if not exclusive_within(fd, SETTLE_PATIENCE_S) or _has_had_its_start(attempt):
        os.close(fd)
        return None
    return _Claim(fd)


def _adoption(attempt: AttemptDir) -> _Claim | None:
    """The lock of a started attempt that lost its supervisor in this boot."""
    started = adoptable(attempt)
    lock = attempt.file("supervisor.lock")
    # Most that are launched again are well looked after: no need to wait for their locks.
    if started is None or os.path.lexists(attempt.file("exit.json")) or is_held(lock):
        return None
    fd = open_lock(lock)
    if not exclusive_within(fd, SETTLE_PATIENCE_S) or os.path.lexists(attempt.file("exit.json")):
        os.close(fd)
        return None
    return _Claim(fd, started)


def _await_claim(attempt: AttemptDir) -> dict[str, object] | None:
    """The claim; None if it was never finished. Gives a supervisor that is just about to write it a moment."""
    until = time.monotonic() + CLAIM_PATIENCE_S
    while True:
        claim = read_document(attempt, "claim")
        if claim is not None or not is_held(attempt.file("supervisor.lock")) or time.monotonic() > until:
            return claim
        time.sleep(0.01)


def _has_had_its_start(attempt: AttemptDir) -> bool:
    return any(os.path.lexists(attempt.file(name)) for name in ("exit.json", "started.json"))


def _standing(attempt: AttemptDir) -> str:
    if os.path.lexists(attempt.file("exit.json")):
        return "sealed"
    held = is_held(attempt.file("supervisor.lock"))
    if os.path.lexists(attempt.file("started.json")):
        return "running" if held else "started earlier; its supervisor is gone"
    return "waiting" if held else "claimed; its supervisor is gone and the trainer never ran"


def _leave_supervisor(order: Order, claim: _Claim) -> Answer:
    """Fork the supervisor off for good and wait for its word."""
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        # Twice, so that the supervisor is nobody's child here and can never get a terminal.
        os.setsid()
        if os.fork() == 0:
            _be_supervisor(order, claim, write_fd)
        os._exit(0)
    os.close(write_fd)
    os.waitpid(child, 0)
    return _hear(read_fd, "claimed" if claim.started is None else "adopted")


def _hear(read_fd: int, what: str) -> Answer:
    """The supervisor's word on the pipe. A pipe that closes without one proves that it died."""
    said = b""
    until = time.monotonic() + READY_PATIENCE_S
    while (left := until - time.monotonic()) > 0:
        if not select.select([read_fd], [], [], left)[0]:
            continue
        piece = os.read(read_fd, 4096)
        said += piece
        if said == _OK:
            return Answer("started", what)
        if not piece:
            return Answer("refused", said.decode("utf-8", "replace") or
                          "the supervisor died before it was ready; launching again is safe")
    return Answer("started", f"{what}; its supervisor lives but is slow to report")


def _be_supervisor(order: Order, claim: _Claim, ready_fd: int) -> None:
    """In the supervisor's process, never returns: cut all ties, claim, say so, and keep the vigil."""
    code = 70
    try:
        try:
            _cut_ties(order.attempt, keep=(claim.lock_fd, ready_fd))
            watcher = _take_up(order) if claim.started is None else Adopter(order, claim.started)
            watcher.announce()
        except Exception as error:
            with contextlib.suppress(BrokenPipeError):
                os.write(ready_fd, f"the supervisor could not claim the attempt: {error}".encode())
            raise
        with contextlib.suppress(BrokenPipeError):  # the launcher may be gone; the claim stands all the same
            os.write(ready_fd, _OK)
        os.close(ready_fd)
        code = 0 if watcher.keep() else 75
    except BaseException:  # noqa: BLE001 - the last line of defence writes down what happened
        note(traceback.format_exc())
    finally:
        os._exit(code)


def _cut_ties(attempt: AttemptDir, keep: tuple[int, ...]) -> None:
    """Point the standard descriptors away from the launcher's and close all others, the launch lock among them."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    silence = os.open(os.devnull, os.O_RDONLY)
    log = os.open(attempt.file("supervisor.log"), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    for source, target in ((silence, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in keep:
            with contextlib.suppress(OSError):
                os.close(fd)
    os.chdir("/")


def _take_up(order: Order) -> Vigil:
    """Describe the claim durably and take a place in the queue."""
    attempt = order.attempt
    write_atomic(attempt.file("dispatch.json"), order.dispatch_bytes)
    crash_point("after_dispatch")
    claim = {
        "contract": CONTRACT, "run_id": attempt.run_id, "attempt": attempt.number,
        "dispatch_sha256": order.dispatch_sha256, "boot_id": process.boot_id(), "claimed_at": utc(time.time()),
        "supervisor": process.identity_of(os.getpid()).document(),
    }
    write_atomic(attempt.file("claim.json"), to_bytes(claim))
    crash_point("after_claim")
    ticket = Ticket.take(order.root, attempt.run_id, attempt.number, Terms.of(order.dispatch), order.dispatch.priority)
    crash_point("after_ticket")
    return Vigil(order, ticket)
