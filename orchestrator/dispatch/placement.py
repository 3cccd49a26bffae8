"""Which host a planned attempt goes to. Pure: decided from the plan, the run's past and what is known of hosts now.

The first host of the lane that is fit, answers, and has not used up the run's patience. A host that does not answer
keeps its place for as long as its ``max_wait`` says, for ever without one. Hosts of the same kind (the same GPUs, the
same torch) are equally good: among those goes first the one whose checkpoint the run can go on from, then the one with
the shortest queue, and of these the one that holds the run's teacher already, because it need not be sent.
Measurements are not spread: their figures are of one host. Every answer carries its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.dispatch.retries import left_hosts, stays_on
from orchestrator.ledger.rows import AttemptRow, EventRow, HostSeen
from orchestrator.planning.lane import Candidate, equals
from orchestrator.planning.retry_rules import RetryRule

MAX_WAIT = "max_wait"
"""The reason of a withdrawal because a run waited too long in one host's queue."""


@dataclass(frozen=True)
class Surroundings:
    """What is known of hosts now.

    ``silent`` hosts do not answer at present, ``seen`` says since when; ``unusable`` ones wait for a person, with why.
    ``kinds`` name what makes hosts equally good;
    a host of unknown kind is like no other. ``load`` is the share of a host's slots that live runs take, 1 for all.
    ``holders`` are the hosts where the run's teacher lies, ``teacher_bytes`` its size where that is known;
    ``begun_on`` is the host where the run that it goes on from ended.
    """

    now: datetime
    silent: frozenset[str] = frozenset()
    unusable: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, HostSeen] | None = None
    kinds: Mapping[str, str] | None = None
    load: Mapping[str, float] | None = None
    holders: frozenset[str] = frozenset()
    teacher_bytes: int | None = None
    begun_on: str | None = None


@dataclass(frozen=True)
class Place:
    """Where the attempt goes: ``host``, or None while it waits. ``passed`` are hosts of the lane before it, with the
    reason why each was passed over. ``spread``: it is as good as the lane's first, which is only busier."""

    host: str | None
    reason: str
    passed: tuple[tuple[str, str], ...] = ()
    spread: bool = False


def place(candidates: Sequence[Candidate], attempts: Sequence[AttemptRow], notes: Sequence[EventRow],
          rules: Mapping[str, RetryRule], around: Surroundings, *, spread: bool = True) -> Place:
    """Choose the host of a run's last attempt, which is planned. Without ``spread`` no queue is looked at."""
    current = attempts[-1]
    if current.host is not None:
        return Place(current.host, "an attempt keeps the host that it was meant for")
    moved = [n for n in notes if n.kind == "run_moved" and n.payload.get("attempt_no") in
             (current.attempt_no, current.attempt_no - 1)]
    if moved:
        return Place(str(moved[-1].payload["to"]), "a person moved it there")
    passed: list[tuple[str, str]] = [(c.host, "; ".join(c.reasons)) for c in candidates if not c.usable]
    left, waited = left_hosts(attempts, rules), waited_out(notes)
    passed += [(c.host, around.unusable[c.host]) for c in candidates if c.usable and c.host in around.unusable]
    open_ = [c for c in candidates if c.usable and c.host not in left and c.host not in around.unusable]
    patient = [c for c in open_ if c.host not in waited] or open_
    passed += [(c.host, "the run left it after a failure there") for c in candidates if c.usable and c.host in left]
    passed += [(c.host, "the run waited long enough in its queue") for c in open_ if c not in patient]
    ordered, words, is_spread = _ordered(patient, stays_on(attempts, rules), around, spread)
    for i, candidate in enumerate(ordered):
        if candidate.host not in around.silent:
            reason = words if i == 0 and words else candidate_words(candidate)
            return Place(candidate.host, reason, tuple(passed), is_spread and i == 0)
        silence = _silence_s(candidate.host, current, around)
        if candidate.max_wait_s is None or silence < candidate.max_wait_s:
            limit = "" if candidate.max_wait_s is None else f" for up to {candidate.max_wait_s} s"
            return Place(None, f"{candidate.host} does not answer; the run waits for it{limit}", tuple(passed))
        passed.append((candidate.host, f"it has not answered for {silence:.0f} s"))
    return Place(None, "no host of the lane is left" if not ordered else "no host of the lane answers", tuple(passed))


def next_after(host: str, candidates: Sequence[Candidate], attempts: Sequence[AttemptRow], notes: Sequence[EventRow],
               rules: Mapping[str, RetryRule], silent: frozenset[str]) -> str | None:
    """Where a run goes that waits too long at ``host``: the next host of the lane that answers and that the run has
    neither left nor waited at, or None."""
    tried = left_hosts(attempts, rules) | waited_out(notes) | silent | {host}
    names = [c.host for c in candidates]
    after = candidates[names.index(host) + 1:] if host in names else candidates
    return next((c.host for c in after if c.usable and c.host not in tried), None)


def waited_out(notes: Sequence[EventRow]) -> frozenset[str]:
    """The hosts whose queue a run has left because it waited too long there."""
    return frozenset(str(n.payload["host"]) for n in notes
                     if n.kind == "withdrawal_asked" and n.payload.get("reason") == MAX_WAIT)


def candidate_words(candidate: Candidate) -> str:
    """Why a candidate is taken, as far as its fitness goes."""
    unknown = f" ({'; '.join(candidate.reasons)}, so it is tried)" if candidate.reasons else ""
    return f"the first of its lane that is left and answers{unknown}"


def _ordered(candidates: Sequence[Candidate], stays: str | None, around: Surroundings,
             spread: bool) -> tuple[list[Candidate], str, bool]:
    """The candidates in order of preference, with words where that is not the lane's order, and whether that is only
    because an equal of the lane's first has the shorter queue, or the teacher."""
    ordered = list(candidates)
    home = next((c for c in ordered if c.host == stays), None)
    if home is not None:
        return [home, *(c for c in ordered if c is not home)], "its last attempt ended there", False
    if not spread or not ordered or ordered[0].host in around.silent:
        return ordered, "", False
    load, first = around.load or {}, ordered[0]
    equal = equals([c for c in ordered if c.host not in around.silent], around.kinds or {})
    best = min(equal, key=lambda c: (c.host != around.begun_on, load.get(c.host, 0.0), c.host not in around.holders),
               default=first)
    if best is first:
        return ordered, "", False
    if best.host == around.begun_on:
        words = f"as good as {first.host}, and the run that it goes on from ended there"
        return [best, *(c for c in ordered if c is not best)], words, True
    queue = "a shorter" if load.get(best.host, 0.0) < load.get(first.host, 0.0) else "no longer a"
    words = f"as good as {first.host}, with {queue} queue"
    if best.host in around.holders:
        size = "" if around.teacher_bytes is None else f" ({around.teacher_bytes / 1e6:.1f} MB need not be sent)"
        words += f", and the teacher lies there already{size}"
    return [best, *(c for c in ordered if c is not best)], words, True


def _silence_s(host: str, attempt: AttemptRow, around: Surroundings) -> float:
    """How long this attempt has been waiting for a host that does not answer."""
    since = [datetime.fromisoformat(attempt.planned_at)]
    seen = (around.seen or {}).get(host)
    if seen is not None and not seen.reachable:
        since.append(datetime.fromisoformat(seen.since))
    return max(0.0, (around.now - max(since)).total_seconds())
