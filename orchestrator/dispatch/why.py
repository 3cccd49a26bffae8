"""Why a run is where it is: the chain of proofs from the ledger to the host's locks, and what happens next.

Every step names its source, and nothing is concluded that no step proves. A host that does not answer adds no proof
at all: what was true when it was last heard is shown as just that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from orchestrator.dispatch.last_seen import LastSeen, parse_utc
from orchestrator.domain.failure_words import failure_words
from orchestrator.domain.lifecycle import LIVE_STATES, State
from orchestrator.domain.moves import move_words
from orchestrator.ledger.rows import AttemptRow, EventRow, HostSeen, LedgerRow
from orchestrator.wire.documents import ClaimDocument, ExitDocument, Observation


@dataclass(frozen=True)
class Proof:
    """One step: what holds, by what it is proved, and who says so (``ledger``, ``host`` or ``last heard``)."""

    fact: str
    proof: str
    source: str


@dataclass(frozen=True)
class Why:
    """The chain about one run. ``conclusion`` and ``next`` are sentences for a person."""

    run_id: str
    name: str
    attempt: int
    state: str
    host: str | None
    proofs: tuple[Proof, ...]
    conclusion: str
    next: str


@dataclass(frozen=True)
class Known:
    """All that the chain is made from. ``seen`` is what the host says now; None where it was not asked (``asked`` is
    False then) or is silent. ``in_its_root``: whether it says so of the root that the attempt was placed in."""

    name: str
    attempts: Sequence[AttemptRow]
    row: LedgerRow | None = None
    reach: HostSeen | None = None
    seen: Observation | None = None
    claim: ClaimDocument | None = None
    in_its_root: bool = True
    notes: Sequence[EventRow] = ()
    last: LastSeen | None = None
    asked: bool = True
    now: datetime = datetime.min.replace(tzinfo=UTC)


def why(known: Known) -> Why:
    """The chain for the run's current attempt. Pure."""
    attempt = known.attempts[-1]
    proofs = [_earlier(a) for a in known.attempts[:-1]]
    proofs += [Proof(f"it {words}", f"written into the chain at {note.at}, event {note.seq}", "ledger")
               for note in known.notes if (words := move_words(note.kind, note.payload)) is not None]
    proofs.append(_recorded(attempt))
    if attempt.state not in LIVE_STATES:
        proofs += _sealed_on_record(attempt)
        conclusion, following = _at_rest(known, attempt)
    elif known.seen is None:
        proofs += _silence(known, attempt)
        conclusion, following = _unheard(known, attempt)
    else:
        proofs += _observed(known, known.seen)
        conclusion, following = _conclusions(known, known.seen)
    return Why(attempt.run_id, known.name, attempt.attempt_no, attempt.state.value, attempt.host, tuple(proofs),
               conclusion, following)


def forecast(last: LastSeen | None, now: datetime) -> str:
    """What will become of a run whose host is silent, from what was last heard. Never a guess about its state."""
    if last is None:
        return "its own deadline ends it on its host; nothing to do"
    if last.observation.state == "sealed":
        return "it had ended already; its evidence waits on the host; nothing to do"
    if last.deadline_at is not None:
        if last.deadline_at <= now:
            return (f"its own deadline ended it at {_clock(last.deadline_at, now)} at the latest; "
                    "its evidence waits on the host; nothing to do")
        return f"its own deadline ends it at {_clock(last.deadline_at, now)}; nothing to do"
    if last.observation.state == "waiting":
        return "it waits in the host's own queue and starts there when its turn comes; nothing to do"
    return "its own deadline ends it on its host; nothing to do"


def forecast_of_all(lasts: Sequence[LastSeen | None], now: datetime) -> str:
    """The forecast for all runs on one silent host: the one of a single run, else when the last of them is over."""
    if len(lasts) == 1:
        return forecast(lasts[0], now)
    deadlines = [s.deadline_at for s in lasts if s is not None and s.deadline_at is not None and s.deadline_at > now]
    if not deadlines:
        return "its runs go on there and end by their own deadlines; nothing to do"
    return (f"its {len(lasts)} runs go on there; those that train now end by their own deadlines, the last at "
            f"{_clock(max(deadlines), now)}; nothing to do")


def ago(seconds: float) -> str:
    """A span for a person: ``8 s``, ``41 min``, ``3.2 h``."""
    if seconds < 90:
        return f"{max(0.0, seconds):.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _clock(at: datetime, now: datetime) -> str:
    """The local time of day; with the date where that is another day."""
    local, today = at.astimezone(), now.astimezone()
    return local.strftime("%H:%M" if local.date() == today.date() else "%Y-%m-%d %H:%M")


def _earlier(attempt: AttemptRow) -> Proof:
    where = f" on {attempt.host}" if attempt.host else ""
    return Proof(f"attempt {attempt.attempt_no} ended: {attempt.outcome or attempt.state}{where}",
                 f"its row is closed since {attempt.finished_at or attempt.ended_at or attempt.planned_at}", "ledger")


def _recorded(attempt: AttemptRow) -> Proof:
    since = {State.STAGING: attempt.placed_at, State.RUNNING: attempt.started_at, State.COLLECTING: attempt.ended_at,
             State.FINISHED: attempt.finished_at}.get(attempt.state) or attempt.placed_at or attempt.planned_at
    host = f" on host {attempt.host}" if attempt.host else ""
    meant = f"; dispatch {attempt.dispatch_sha256[:12]}" if attempt.dispatch_sha256 else ""
    return Proof(f"attempt {attempt.attempt_no} is {attempt.state.value}{host}", f"recorded {since}{meant}", "ledger")


def _at_rest(known: Known, attempt: AttemptRow) -> tuple[str, str]:
    row = known.row
    if attempt.state is State.PLANNED:
        return "nothing was placed on any host", "'kdorch campaign launch FILE' launches it"
    if attempt.state is State.ABANDONED:
        return "it was withdrawn before its trainer started", "'kdorch run retry' gives it another attempt"
    failure = failure_words(attempt.exit_json) or _reason(attempt)
    ended = f"it ended: {attempt.outcome}{f' ({failure})' if failure else ''}"
    if row is None or row.verdict is None:
        return f"{ended}, and there is no verdict", "'kdorch run retry' gives it another attempt"
    failed = f" ({', '.join(row.failed_gates)})" if row.failed_gates else ""
    return f"{ended}; verdict {row.verdict}{failed}", f"'kdorch ledger show {known.name}' proves every gate"


def _forecast_of(known: Known, attempt: AttemptRow) -> str:
    if known.last is None and attempt.state is State.QUEUED:
        return "it waits in the host's own queue and starts there when its turn comes; nothing to do"
    return forecast(known.last, known.now)


def _sealed_on_record(attempt: AttemptRow) -> list[Proof]:
    """What the host's seal said when it was read, for an attempt that is over."""
    if attempt.exit_json is None:
        return []
    return [_seal(ExitDocument.model_validate_json(attempt.exit_json), "ledger")]


def _reason(attempt: AttemptRow) -> str:
    """The supervisor's own words for an end that is no failure of the trainer's: a deadline, a budget, a person."""
    return str(json.loads(attempt.exit_json).get("reason") or "") if attempt.exit_json else ""


def _silence(known: Known, attempt: AttemptRow) -> list[Proof]:
    proofs = []
    if not known.asked:
        proofs.append(Proof(f"host {attempt.host} was not asked", "--offline", "laptop"))
    elif known.reach is not None and not known.reach.reachable:
        silent = (known.now - parse_utc(known.reach.since)).total_seconds()
        proofs.append(Proof(f"host {attempt.host} has been silent for {ago(silent)}",
                            f"{known.reach.detail}; last tried {known.reach.checked_at}", "ledger"))
    else:
        proofs.append(Proof(f"host {attempt.host} was not heard just now", "no answer to this command", "laptop"))
    if known.last is not None:
        heard = ago((known.now - known.last.heard_at).total_seconds())
        proofs.append(Proof(f"when last heard, {heard} ago, it was {known.last.observation.state}",
                            _beat(known.last.observation), "last heard"))
    return proofs


def _unheard(known: Known, attempt: AttemptRow) -> tuple[str, str]:
    if not known.asked:
        return (f"by what this machine knows it is {attempt.state.value} on {attempt.host}",
                f"{_forecast_of(known, attempt)}; without --offline the host is asked")
    return (f"unreachable: that says something of the line to {attempt.host}, and nothing of the run; "
            f"it is still {attempt.state.value} as far as anybody can prove", _forecast_of(known, attempt))


def _observed(known: Known, seen: Observation) -> list[Proof]:
    if seen.state == "absent":
        return [Proof("there is no directory for this attempt", "attempts/<n> is not on the host", "host")]
    proofs = []
    if seen.exit is not None:
        return [_seal(seen.exit, "host")]
    proofs.append(Proof("there is no seal", "exit.json is absent", "host"))
    if known.claim is not None and seen.boot_id is not None:
        same = known.claim.boot_id == seen.boot_id
        since = "has not rebooted" if same else "rebooted"
        proofs.append(Proof(f"the host {since} since the claim",
                            f"boot id {known.claim.boot_id[:8]} {'=' if same else '≠'} {seen.boot_id[:8]}", "host"))
        if not same:
            return proofs
    if seen.state in ("running", "waiting"):
        # Not "held by": whoever adopted the attempt holds it since.
        who = known.claim.supervisor if known.claim is not None else None
        pid = f"; the attempt was claimed by pid {who.pid} with start ticks {who.ticks}" if who is not None else ""
        proofs.append(Proof("its supervisor lives", f"supervisor.lock is held{pid}", "host"))
    else:
        proofs.append(Proof("its supervisor is gone", "supervisor.lock is free", "host"))
    if seen.started is None:
        proofs.append(Proof("the trainer has not run", "started.json is absent, and the gate opens after it", "host"))
    else:
        process = f"pid {seen.started.trainer.pid} with start ticks {seen.started.trainer.ticks}"
        alive = "lives" if seen.state == "orphan" else "was started"
        proofs.append(Proof(f"the trainer {alive}", f"started.json of {seen.started.started_at}: {process}", "host"))
    proofs.append(Proof("its last beat", _beat(seen), "host"))
    return proofs


def _seal(seal: ExitDocument, source: str) -> Proof:
    """The seal. A trainer that was never started has no exit code, and one that was killed has a signal instead."""
    if seal.started_at is None:
        end = "the trainer never ran"
    elif seal.signal is not None:
        end = f"ended by signal {seal.signal}"
    else:
        end = f"exit code {seal.exit_code}" if seal.exit_code is not None else "exit code unknown"
    return Proof(f"sealed as {seal.outcome} at {seal.ended_at}",
                 f"exit.json: {end}, manifest {seal.manifest_sha256[:12]}, "
                 f"train.log {seal.train_log_bytes} bytes, witness {seal.witness}", source)


def _beat(seen: Observation) -> str:
    status = seen.status
    if status is None:
        return "no status.json"
    parts = [f"beat {status.beat} at {status.at}, {status.phase}", f"train.log {seen.train_log_bytes or 0} bytes"]
    if status.queue_position is not None:
        parts.append(f"{status.queue_position} before it in the queue")
    if status.waiting_for is not None:
        parts.append(f"waits: {status.waiting_for}")
    if status.last_line:
        parts.append(f"last line: {status.last_line[:100]}")
    return "; ".join(parts)


_CONCLUSIONS = {
    "absent": ("nothing of this attempt is on the host: it never arrived, or its directory was removed",
               "launching again, in this root, is safe: the host's claim decides"),
    "sealed": ("it has ended; its evidence is whole on the host", "'kdorch watch' collects and judges it"),
    "lost_reboot": ("the host rebooted: supervisor and trainer are gone, without a seal",
                    "a new attempt is made by the campaign, or with 'kdorch run retry'"),
    "waiting": ("it waits for its turn on the host", "it starts there by itself; the laptop may sleep"),
    "claimed": ("its supervisor died before the trainer ran", "launching again starts the same attempt safely"),
    "lost_supervisor": ("supervisor and trainer are gone without a seal",
                        "a new attempt is made by the campaign, or with 'kdorch run retry'"),
    "orphan": ("the trainer goes on without its supervisor; its GPU stays reserved for it",
               "'kdorch campaign launch' or 'kdorch watch' leaves a new supervisor with it"),
}


def _conclusions(known: Known, seen: Observation) -> tuple[str, str]:
    if seen.state == "waiting" and seen.status is not None and seen.status.waiting_for is not None:
        return (f"it waits on the host: {seen.status.waiting_for}",
                f"it starts there by itself once that is over; 'kdorch run move {known.name} --to HOST' takes it "
                "elsewhere")
    if seen.state == "absent" and not known.in_its_root:
        return ("nothing of this attempt is in this root, and nothing proves that it was placed in this one",
                "mount the root's disk, or put 'root:' and 'address:' in hosts.yaml back; if what was there is gone "
                f"for good, 'kdorch run lost {known.name}' ends the run as lost")
    if seen.state != "running":
        return _CONCLUSIONS[seen.state]
    deadline = seen.status.deadline_at if seen.status is not None else None
    ends = "its own deadline ends it" if deadline is None else \
        f"its own deadline ends it at {_clock(parse_utc(deadline), known.now)} at the latest"
    return "it runs", f"{ends}; the laptop may sleep"
