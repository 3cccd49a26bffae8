"""Whether a run whose attempt ended without a result is tried again by itself, and how. Pure: the same past gives the
same decision in every process.

A decision is made from all attempts of the run and the campaign's rules (``planning.retry_rules``). Ends are counted
over the whole past of the run, so commands that are started again do not begin to count anew; a person who launches
again gets one attempt more than the rules give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.lifecycle import Outcome, State
from orchestrator.ledger.rows import AttemptRow, EventRow
from orchestrator.planning.retry_rules import RetryRule
from orchestrator.wire.spec import DataSpec

_CLASSES = {
    Outcome.LOST_REBOOT: "host_rebooted", Outcome.LOST_SUPERVISOR: "supervisor_lost", Outcome.OOM: "oom",
    Outcome.NCCL: "nccl", Outcome.XID: "xid", Outcome.JIT_CRASH: "jit_crash", Outcome.DISK_FULL: "disk_full",
    Outcome.NAN: "nan", Outcome.TIMED_OUT: "timed_out", Outcome.OVER_BUDGET: "over_budget",
    Outcome.CANCELLED: "cancelled", Outcome.REFUSED: "bad_input",
}
OOM_FALLBACK = "oom_fallback"


@dataclass(frozen=True)
class Retry:
    """A new attempt is due. ``reason`` says why in words; ``override`` is what it is asked for other than its spec."""

    reason: str
    override: Mapping[str, Any] | None = None


def decide(attempts: Sequence[AttemptRow], notes: Sequence[EventRow], rules: Mapping[str, RetryRule], data: DataSpec,
           hosts: Sequence[str]) -> Retry | None:
    """The retry that is due after the last of a run's ``attempts``, or None.

    ``notes`` are the ledger's notes on the run, ``data`` the part of its spec that a smaller batch changes, ``hosts``
    the lane's usable hosts in order.
    """
    last = attempts[-1]
    if last.state is not State.FINISHED:
        return None
    if last.outcome is Outcome.WITHDRAWN:
        note = last_note(notes, last.attempt_no)
        to = None if note is None else note.payload.get("to")
        return None if to is None else Retry(f"withdrawn from {last.host}, to go to {to}", _kept(last))
    failure = failure_class(last)
    rule = rules.get(failure or "")
    if failure is None or rule is None or rule.action == "never":
        return None
    ends = sum(1 for a in attempts if a.state is State.FINISHED and failure_class(a) == failure)
    if ends > rule.times:
        return None
    count = f"{failure} ({ends} of {rule.times})"
    if rule.action == "smaller_batch":
        override = smaller_batch(data, last.override_json)
        return None if override is None else Retry(f"{count}: with a smaller batch, as a fallback", override)
    if rule.action == "next_host":
        others = [h for h in hosts if h not in left_hosts(attempts, rules)]
        return Retry(f"{count}: on the lane's next host", _kept(last)) if others else None
    return Retry(f"{count}: again on {last.host}", _kept(last))


def failure_class(attempt: AttemptRow) -> str | None:
    """The class of failure that an ended attempt ended with; None for a result, and for one that has not ended."""
    if attempt.outcome is None or attempt.outcome in (Outcome.COMPLETED, Outcome.IMPORTED, Outcome.WITHDRAWN):
        return None
    if attempt.outcome in _CLASSES:
        return _CLASSES[attempt.outcome]
    seal = json.loads(attempt.exit_json) if attempt.exit_json else {}
    if seal.get("witness") == "adopter" and seal.get("exit_code") is None and seal.get("signal") is None:
        return "supervisor_lost"  # its end was seen by nobody
    failure = seal.get("failure")
    return str(failure["class"]) if isinstance(failure, dict) and "class" in failure else "code_error"


def left_hosts(attempts: Sequence[AttemptRow], rules: Mapping[str, RetryRule]) -> frozenset[str]:
    """The hosts that a run has left for good: where it ended in a way that calls for another host."""
    return frozenset(
        a.host for a in attempts if a.host is not None and a.state is State.FINISHED
        and (rule := rules.get(failure_class(a) or "")) is not None and rule.action == "next_host")


def stays_on(attempts: Sequence[AttemptRow], rules: Mapping[str, RetryRule]) -> str | None:
    """The host that the run's next attempt belongs on, because its last one ended there and is taken up there."""
    ended = [a for a in attempts if a.state is State.FINISHED and a.host is not None]
    if not ended or ended[-1].outcome is Outcome.WITHDRAWN or ended[-1].host in left_hosts(attempts, rules):
        return None
    return ended[-1].host


def last_note(notes: Sequence[EventRow], attempt_no: int) -> EventRow | None:
    """The last note on where an attempt is to go."""
    found = [n for n in notes if n.payload.get("attempt_no") == attempt_no and n.kind != "lane_fallback"]
    return found[-1] if found else None


def smaller_batch(data: DataSpec, override_json: str | None) -> dict[str, Any] | None:
    """The override that asks for half the memory; None when nothing is left to halve.

    Half the sequences of a forward pass, where the sum of the passes stays the same batch: then only the memory
    changes, and rounding. From one sequence a pass on, half the batch itself. Either way it is a fallback.
    """
    before = json.loads(override_json).get("spec", {}).get("data", {}) if override_json else {}
    batch = int(before.get("batch_sequences", data.batch_sequences))
    micro = int(before.get("microbatch_sequences", data.microbatch_sequences or batch))
    if micro > 1:
        micro = max(n for n in range(1, micro // 2 + 1) if batch % n == 0)
        changed = {**before, "microbatch_sequences": micro}
    elif batch > 1:
        changed = {**before, "batch_sequences": batch // 2}
    else:
        return None
    return {"reason": OOM_FALLBACK, "spec": {"data": changed}}


def _kept(last: AttemptRow) -> Mapping[str, Any] | None:
    """What a fallback was asked for, its next attempt is asked for as well."""
    found: Mapping[str, Any] | None = None if last.override_json is None else json.loads(last.override_json)
    return found
