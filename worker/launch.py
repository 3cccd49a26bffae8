"""The launch: claims an attempt exactly once and leaves a supervisor behind, however often it is repeated.

Theory of operation. ``launch.lock`` serialises launches of one run. The ``mkdir`` of the attempt's directory is the
claim. The launcher itself takes ``supervisor.lock`` and hands it on by fork, so that from the claim on the lock is
held by the supervisor or by somebody about to become it, and a free lock proves that there is none. The supervisor
says "ok" once ``claim.json`` is durable and it has its place in the queue; only then does the launcher answer and
let go of ``launch.lock``, so that places are given in the order of launches.
A claim without ``started.json`` whose supervisor is gone never ran its trainer: it is started again, whatever boot it
was made in.
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
from worker.durable import read_file, sync_directory, write_atomic
from worker.faults import crash_point
from worker.locks import exclusive_within, is_held, open_lock
from worker.notes import note
from worker.observe import read_document
from worker.paths import AttemptDir, Root
from worker.queue import Ticket
from worker.trainer_command import BUNDLE
from worker.vigil import Vigil
from worker.wire import (
    CONTRACT,
    DOCUMENT_LIMIT_BYTES,
    ContractError,
    Dispatch,
    is_attempt,
    is_digest,
    parse,
    parse_dispatch,
    sha256_hex,
    to_bytes,
    utc,
)

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


@dataclass(frozen=True)
class Order:
    """One launch, its documents read and found in agreement."""

    root: Root
    attempt: AttemptDir
    dispatch_sha256: str
    dispatch: Dispatch
    dispatch_bytes: bytes
    entry: str


class _Refusal(Exception):
    def __init__(self, result: str, detail: str) -> None:
        super().__init__(detail)
        self.answer = Answer(result, detail)


def launch(root: Root, run_id: str, number: int, dispatch_sha256: str) -> Answer:
    """Claim and start the attempt, or say why not. In the supervisor's process this never returns.

    The launch lock is held until this process ends: the answer is printed while no other launch of the run is at work.
    """
    try:
        order = _read_order(root, run_id, number, dispatch_sha256)
        lock = open_lock(root.launch_lock(run_id))
        if not exclusive_within(lock, LOCK_PATIENCE_S):
            raise _Refusal("refused", f"another launch of this run has held its lock for {LOCK_PATIENCE_S:.0f} s")
        _refuse_stale(order)
        supervisor_lock = _claim(order)
        if supervisor_lock is None:
            return Answer("exists", _standing(order.attempt))
        return _leave_supervisor(order, supervisor_lock)
    except _Refusal as refusal:
        return refusal.answer
    except OSError as error:
        return Answer("refused", f"the host could not write: {error}")


def look(root: Root, run_id: str, number: int, dispatch_sha256: str) -> Answer:
    """Say what :func:`launch` would find, and change nothing. ``refused`` where there is no claim to look at."""
    try:
        order = _read_order(root, run_id, number, dispatch_sha256)
        _refuse_stale(order)
        if not order.attempt.exists():
            return Answer("refused", "not claimed")
        _refuse_conflict(order, read_document(order.attempt, "claim"))
        return Answer("exists", _standing(order.attempt))
    except _Refusal as refusal:
        return refusal.answer
    except OSError as error:
        return Answer("refused", f"the host could not read: {error}")


def _read_order(root: Root, run_id: str, number: int, dispatch_sha256: str) -> Order:
    """Hold the documents against their digests and against what was asked. Raises :class:`_Refusal`."""
    for value, name in ((run_id, "--run"), (dispatch_sha256, "--dispatch")):
        if not is_digest(value):
            raise _Refusal("refused", f"{name} is not a sha256 in 64 lower-case hex digits")
    if not is_attempt(number):
        raise _Refusal("refused", f"--attempt {number} is not an attempt's number")
    try:
        spec_path, dispatch_path = root.spec(run_id), root.dispatch(run_id, dispatch_sha256)
        spec = parse("spec", _read_exactly(spec_path, run_id), spec_path)
        data = _read_exactly(dispatch_path, dispatch_sha256)
        dispatch = parse_dispatch(data, dispatch_path)
    except ContractError as error:
        raise _Refusal("refused", str(error)) from None
    _refuse_disagreement(dispatch, spec["needs"]["gpus"], run_id, number, root)
    return Order(root, root.attempt(run_id, number), dispatch_sha256, dispatch, data, spec["entry"])


def _read_exactly(path: str, sha256: str) -> bytes:
    data = read_file(path, DOCUMENT_LIMIT_BYTES + 1)
    if data is None:
        raise _Refusal("refused", f"{path} is missing")
    if sha256_hex(data) != sha256:
        raise _Refusal("refused", f"{path} was altered: its sha256 is {sha256_hex(data)}")
    return data


def _refuse_disagreement(dispatch: Dispatch, spec_gpus: int, run_id: str, number: int, root: Root) -> None:
    for name, said, asked in (("run_id", dispatch.run_id, run_id), ("attempt", dispatch.attempt, number)):
        if said != asked:
            raise _Refusal("refused", f"dispatch.json speaks of {name} {said}, the launch of {asked}")
    if dispatch.gpus < spec_gpus:
        raise _Refusal("refused", f"the spec needs {spec_gpus} GPUs; dispatch.json gives {dispatch.gpus}")
    if max(1, dispatch.gpus) > dispatch.slots:
        raise _Refusal("refused", f"the run needs {dispatch.gpus} slots; the host has {dispatch.slots}")
    # A bundle directory is named by its digest: the manifest must not name code that did not run.
    parent, name = os.path.split(BUNDLE)
    if os.path.realpath(parent) == os.path.join(os.path.realpath(root.path), "bundles") and name != dispatch.bundle:
        raise _Refusal("refused", f"dispatch.json asks for bundle {dispatch.bundle}; this is {name}")


def _refuse_stale(order: Order) -> None:
    with contextlib.suppress(FileNotFoundError):
        numbers = [int(n) for n in os.listdir(order.root.attempts(order.attempt.run_id)) if n.isdigit()]
        if numbers and max(numbers) > order.attempt.number:
            raise _Refusal("stale", f"attempt {max(numbers)} exists")


def _refuse_conflict(order: Order, claim: dict[str, object] | None) -> None:
    if claim is not None and claim["dispatch_sha256"] != order.dispatch_sha256:
        raise _Refusal("conflict", f"the attempt is claimed with dispatch {claim['dispatch_sha256']}")


def _claim(order: Order) -> int | None:
    """The supervisor's lock, held, if this launch is to start a supervisor; None if the attempt has had its start."""
    attempt = order.attempt
    attempts = os.path.dirname(attempt.path)
    os.makedirs(attempts, exist_ok=True)
    try:
        os.mkdir(attempt.path)
    except FileExistsError:
        _refuse_conflict(order, _await_claim(attempt))
        if _has_had_its_start(attempt):
            return None
    else:
        sync_directory(attempts)
        sync_directory(os.path.dirname(attempts))
        crash_point("after_mkdir")
    fd = open_lock(attempt.file("supervisor.lock"))
    # Looked at again under the lock: the supervisor that held it until now may have started its trainer, or sealed.
    if not exclusive_within(fd, SETTLE_PATIENCE_S) or _has_had_its_start(attempt):
        os.close(fd)
        return None
    return fd


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


def _leave_supervisor(order: Order, supervisor_lock: int) -> Answer:
    """Fork the supervisor off for good and wait for its word."""
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        # Twice, so that the supervisor is nobody's child here and can never get a terminal.
        os.setsid()
        if os.fork() == 0:
            _be_supervisor(order, supervisor_lock, write_fd)
        os._exit(0)
    os.close(write_fd)
    os.waitpid(child, 0)
    return _hear(read_fd)


def _hear(read_fd: int) -> Answer:
    """The supervisor's word on the pipe. A pipe that closes without one proves that it died."""
    said = b""
    until = time.monotonic() + READY_PATIENCE_S
    while (left := until - time.monotonic()) > 0:
        if not select.select([read_fd], [], [], left)[0]:
            continue
        piece = os.read(read_fd, 4096)
        said += piece
        if said == _OK:
            return Answer("started", "claimed")
        if not piece:
            return Answer("refused", said.decode("utf-8", "replace") or
                          "the supervisor died before it was ready; launching again is safe")
    return Answer("started", "claimed; its supervisor lives but is slow to report")


def _be_supervisor(order: Order, supervisor_lock: int, ready_fd: int) -> None:
    """In the supervisor's process, never returns: cut all ties, claim, say so, and keep the vigil."""
    code = 70
    try:
        try:
            _cut_ties(order.attempt, keep=(supervisor_lock, ready_fd))
            vigil = _take_up(order)
        except Exception as error:
            with contextlib.suppress(BrokenPipeError):
                os.write(ready_fd, f"the supervisor could not claim the attempt: {error}".encode())
            raise
        with contextlib.suppress(BrokenPipeError):  # the launcher may be gone; the claim stands all the same
            os.write(ready_fd, _OK)
        os.close(ready_fd)
        code = 0 if vigil.keep() else 75
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
    claim = {
        "contract": CONTRACT, "run_id": attempt.run_id, "attempt": attempt.number,
        "dispatch_sha256": order.dispatch_sha256, "boot_id": process.boot_id(), "claimed_at": utc(time.time()),
        "supervisor": process.identity_of(os.getpid()).document(),
    }
    write_atomic(attempt.file("claim.json"), to_bytes(claim))
    crash_point("after_claim")
    ticket = Ticket.take(order.root, attempt.run_id, attempt.number)
    vigil = Vigil(order.root, attempt, order.dispatch, order.dispatch_sha256, order.entry, ticket)
    vigil.announce()
    return vigil
