"""The launch: claims attempts exactly once and leaves a supervisor behind for each, however often it is repeated.

Theory of operation. ``launch.lock`` serialises launches of one run. The ``mkdir`` of the attempt's directory is the
claim. The launcher itself takes ``supervisor.lock`` and hands it on by fork, so that from the claim on the lock is
held by the supervisor or by somebody about to become it, and a free lock proves that there is none. The supervisor
says "ok" once ``claim.json`` is durable and it has its place in the queue; only then is the launch answered and
``launch.lock`` let go.
Supervisors of one request come up side by side, for most of it is waiting for the disk. Places in the queue follow
the order of the request all the same: each takes its own when the one before it has, which a pipe between the two
tells; the end of the one before tells it too.
A claim without ``started.json`` whose supervisor is gone never ran its trainer: it is started again, whatever boot it
was made in. One with ``started.json`` of this boot, whose supervisor is gone and that has no seal, is adopted: a
supervisor is left behind that watches the trainer and seals, and starts nothing (``adoption``). One that housekeeping
has emptied is neither started nor adopted.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worker import process
from worker.adoption import Adopter, adoptable
from worker.durable import sync_directory, write_atomic
from worker.ended import EMPTIED
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
TURN_PATIENCE_S = 10.0
"""How long the one before may be late: then a place out of order is better than none."""

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


@dataclass(frozen=True)
class Asked:
    """One launch of a request: which attempt, and the sha256 of its ``dispatch.json``."""

    run_id: str
    number: int
    dispatch_sha256: str


def launch_all(root: Root, asked: Sequence[Asked], say: Callable[[int, Answer], None]) -> None:
    """Claim and start the attempts, in this order, and say of each, by its index, what came of it.

    To be called in a process without a terminal that ends soon afterwards: it keeps the runs' launch locks until then,
    and supervisors are its children. In a supervisor's process this never returns.
    """
    upcoming = _Upcoming(say)
    locks: dict[str, int] = {}
    for index, one in enumerate(asked):
        try:
            order = read_order(root, one.run_id, one.number, one.dispatch_sha256)
            if one.run_id not in locks:  # a second lock of one's own would wait for the first
                locks[one.run_id] = open_lock(root.launch_lock(one.run_id))
            if not exclusive_within(locks[one.run_id], LOCK_PATIENCE_S):
                raise _Refusal("refused", f"another launch of this run has held its lock for {LOCK_PATIENCE_S:.0f} s")
            _refuse_stale(order)
            claim = _claim(order)
            if claim is None:
                say(index, Answer("exists", _standing(order.attempt)))
            else:
                upcoming.leave(index, order, claim)
        except _Refusal as refusal:
            say(index, refusal.answer)
        except BadOrder as error:
            say(index, Answer("refused", str(error)))
        except OSError as error:
            say(index, Answer("refused", f"the host could not launch it: {error}"))
        upcoming.hear(0.0)
    upcoming.hear(READY_PATIENCE_S)


def look(root: Root, asked: Asked) -> Answer:
    """Say what a launch would find, and change nothing. ``refused`` where there is no claim to look at."""
    try:
        order = read_order(root, asked.run_id, asked.number, asked.dispatch_sha256)
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
    if started is None or is_held(lock) or any(os.path.lexists(attempt.file(n)) for n in ("exit.json", EMPTIED)):
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
    return any(os.path.lexists(attempt.file(name)) for name in ("exit.json", "started.json", EMPTIED))


def _standing(attempt: AttemptDir) -> str:
    if os.path.lexists(attempt.file("exit.json")):
        return "sealed"
    if os.path.lexists(attempt.file(EMPTIED)):
        return "given up, and emptied"
    held = is_held(attempt.file("supervisor.lock"))
    if os.path.lexists(attempt.file("started.json")):
        return "running" if held else "started earlier; its supervisor is gone"
    return "waiting" if held else "claimed; its supervisor is gone and the trainer never ran"


class _Upcoming:
    """The supervisors of one request that are coming up: forked off in order, heard as they speak."""

    def __init__(self, say: Callable[[int, Answer], None]) -> None:
        self._say = say
        self._unheard: dict[int, tuple[int, str]] = {}
        self._said: dict[int, bytes] = {}
        self._before: int | None = None

    def leave(self, index: int, order: Order, claim: _Claim) -> None:
        """Fork a supervisor off for good. Raises ``OSError`` where that cannot be done."""
        ready, say_ready = os.pipe2(os.O_CLOEXEC)
        placed, say_placed = os.pipe2(os.O_CLOEXEC)
        try:
            if os.fork() == 0:
                _be_supervisor(order, claim, say_ready, _Turn(self._before, say_placed))
        except OSError:
            os.close(ready)
            os.close(placed)
            raise
        finally:
            for fd in (say_ready, say_placed, claim.lock_fd):
                os.close(fd)
        if self._before is not None:
            os.close(self._before)
        self._before = placed
        self._unheard[ready] = (index, "claimed" if claim.started is None else "adopted")

    def hear(self, patience_s: float) -> None:
        """Pass on what supervisors say; waits until all have spoken, or for ``patience_s`` without a word."""
        until = time.monotonic() + patience_s
        while self._unheard:
            speaking = select.select(list(self._unheard), [], [], max(0.0, until - time.monotonic()))[0]
            for fd in speaking:
                self._listen(fd)
                until = time.monotonic() + patience_s
            if not speaking:
                break
        if patience_s > 0:
            for index, what in self._unheard.values():
                self._say(index, Answer("started", f"{what}; its supervisor lives but is slow to report"))

    def _listen(self, fd: int) -> None:
        """A word on a supervisor's pipe. A pipe that closes without one proves that it died."""
        piece = os.read(fd, 4096)
        said = self._said[fd] = self._said.get(fd, b"") + piece
        if piece and said != _OK:
            return
        index, what = self._unheard.pop(fd)
        os.close(fd)
        del self._said[fd]
        self._say(index, Answer("started", what) if said == _OK else
                  Answer("refused", said.decode("utf-8", "replace") or
                         "the supervisor died before it was ready; launching again is safe"))


@dataclass(frozen=True)
class _Turn:
    """The right to take a place in the queue. ``before``: closes when the launch before has its own; None: there is
    none. ``after``: closed when this one has its place."""

    before: int | None
    after: int

    def wait(self) -> None:
        if self.before is not None:
            select.select([self.before], [], [], TURN_PATIENCE_S)

    def end(self) -> None:
        os.close(self.after)

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.after,) if self.before is None else (self.before, self.after)


def _be_supervisor(order: Order, claim: _Claim, ready_fd: int, turn: _Turn) -> None:
    """In the supervisor's process, never returns: cut all ties, claim, say so, and keep the vigil."""
    code = 70
    try:
        try:
            os.setsid()  # so that no signal to a group reaches siblings, and none is sent when the launcher ends
            _cut_ties(order.attempt, keep=(claim.lock_fd, ready_fd, *turn.fds))
            watcher = _take_up(order, turn) if claim.started is None else Adopter(order, claim.started)
            turn.end()
            watcher.announce()
        except Exception as error:
            with contextlib.suppress(BrokenPipeError):
                os.write(ready_fd, f"the supervisor could not claim the attempt: {error}".encode())
            raise
        with contextlib.suppress(BrokenPipeError):  # the launcher may be gone; the claim stands all the same
            os.write(ready_fd, _OK)
        os.close(ready_fd)
        if turn.before is not None:
            os.close(turn.before)
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


def _take_up(order: Order, turn: _Turn) -> Vigil:
    """Describe the claim durably and, when it is its turn, take a place in the queue."""
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
    turn.wait()
    ticket = Ticket.take(order.root, attempt.run_id, attempt.number, Terms.of(order.dispatch), order.dispatch.priority)
    crash_point("after_ticket")
    return Vigil(order, ticket)
