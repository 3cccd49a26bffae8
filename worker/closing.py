"""The last duty of whoever watched an attempt: say why it failed, and seal it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from worker.beats import Beats
from worker.durable import read_file, write_atomic
from worker.logtail import tail_of
from worker.manifest import Facts
from worker.notes import note
from worker.order import Order
from worker.paths import AttemptDir
from worker.seal import Account, Ending, seal
from worker.wire import ContractError, Document, parse, to_bytes


@dataclass(frozen=True)
class Course:
    """What became of an attempt. ``usage`` goes into the manifest."""

    ending: Ending
    account: Account
    usage: dict[str, Any] = field(default_factory=dict)


def explained(attempt: AttemptDir, ending: Ending, kernel_words: bytes = b"") -> Ending:
    """The ending with the contract's ``failure``; ``kernel_words`` are what the kernel said meanwhile."""
    from worker.failures import TAIL_BYTES, classify  # deferred: most supervisors never need these expressions

    tail = tail_of(attempt.file("train.log"), TAIL_BYTES) + kernel_words
    return replace(ending, failure=classify(ending.outcome, ending.exit_code, ending.signal, tail))


def close(order: Order, beats: Beats, course: Course, monotonic: Callable[[], float]) -> bool:
    """Freeze the status and seal. False when the disk did not let us for long."""
    attempt, account = order.attempt, course.account
    beats.deadline_at = None
    beats.now("sealing")
    frozen = beats.document("sealed")
    usage = {"wall_ms": account.wall_ms, "load": beats.meter.summary(), **course.usage}
    facts = Facts(order.dispatch, order.dispatch_sha256, _environment(attempt), account.started_at, account.ended_at,
                  usage)
    return seal(attempt, course.ending, account, facts, note=note, monotonic=monotonic,
                freeze=lambda: write_atomic(attempt.file("status.json"), to_bytes(frozen)))


def _environment(attempt: AttemptDir) -> Document:
    path = attempt.file("environment.json")
    try:
        return parse("environment", read_file(path, 1 << 20) or b"", path)
    except (OSError, ContractError) as error:
        note(f"no environment in the manifest: {error}")
        return {}
