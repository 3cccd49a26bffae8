"""A run's turn: taking its place in its group and its slots or GPUs, all or none, once it may go.

What costs little is looked at first: the run's place in the queue, its group, the leases. Only who has all those asks
``nvidia-smi``, and that ever more rarely, down to once in ``LOOK_EVERY_S``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from worker.gpu import GpusUnknown
from worker.groups import Group, is_full, try_join
from worker.leases import Claimant, Leases, held_locks, owners, try_leases
from worker.paths import AttemptDir, Root
from worker.process import identity_of
from worker.queue import Ticket, queue_lock
from worker.slots import Slots, try_slots
from worker.vacancy import Look, Vacancies, judge
from worker.wire import Dispatch

LOOK_SOON_S = 0.5
"""The first wait after a refusal, doubled with each: a GPU that was just given back may show its memory as used."""

LOOK_EVERY_S = 5.0
READ_EVERY_S = 2.0
"""How old what is known of the leases' holders may get while the same leases are held."""

_WORDS_LIMIT = 400


@dataclass(frozen=True)
class Taken:
    """What this run holds: the locks of all of it, to be inherited by its trainer, are ``fds``."""

    claimant: Claimant
    slots: Slots = Slots()
    leases: Leases = Leases()
    group_fd: int | None = None

    @property
    def fds(self) -> tuple[int, ...]:
        return self.slots.fds + self.leases.fds + (() if self.group_fd is None else (self.group_fd,))

    def release(self) -> None:
        """Let go of this process's share. A trainer that inherited the descriptors still holds them."""
        for fd in self.fds:
            os.close(fd)


@dataclass(frozen=True)
class Waiting:
    """Not yet: how many stand before it, and what it waits for if not for those."""

    position: int
    waiting_for: str | None = None


class Turn:
    """One waiting run. :meth:`try_take` until it gives what the run needs."""

    def __init__(self, root: Root, attempt: AttemptDir, dispatch: Dispatch, ticket: Ticket, *,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._root, self._dispatch, self._ticket, self._monotonic = root, dispatch, ticket, monotonic
        self._group = Group.of(dispatch.group)
        self._claimant = Claimant(attempt, dispatch.gpus, dispatch.per_gpu, dispatch.gpu_memory_mib)
        self._pool: tuple[str, ...] | None = None
        self._held: list[str] = []
        self._read_again = 0.0
        self._leased_words: str | None = None
        self._look_again = 0.0
        self._patience = LOOK_SOON_S
        self._refusal: str | None = None

    def try_take(self) -> Taken | Waiting:
        """Take all that the run needs and give up its ticket, or say why not yet.

        Raises :class:`~worker.vacancy.NeverHere`, :class:`~worker.queue.QueueBusy` or ``OSError``.
        """
        standing = self._ticket.standing()
        if standing.held_up:
            return Waiting(standing.position)
        if self._group is not None and is_full(self._root, self._group):
            return Waiting(standing.position, f"as many runs of group {self._group.name} train here as may at once "
                                              f"({self._group.limit})")
        if not self._dispatch.gpus:
            taken = self._take(self._slots)
            return taken or Waiting(standing.position)
        taken, refusal = self._try_gpus()
        return taken or Waiting(standing.position, refusal)

    def _try_gpus(self) -> tuple[Taken | None, str | None]:
        """First the leases, which cost nothing to look at; then what the driver says, unless it was just asked."""
        leased = self._leased()
        if leased is not None:
            self._look_again, self._patience = 0.0, LOOK_SOON_S
            return None, leased
        now = self._monotonic()
        if now < self._look_again:
            return None, self._refusal
        try:
            look = Look.now(self._dispatch)
            self._pool = tuple(look.devices)
            taken = self._take(lambda: self._leases(look))
            self._refusal = self._why_none(look) if taken is None else None
        except GpusUnknown as error:
            taken, self._refusal = None, f"nvidia-smi gives no answer: {error}"
        self._look_again = self._monotonic() + self._patience
        self._patience = min(2 * self._patience, LOOK_EVERY_S)
        return taken, self._refusal

    def _leased(self) -> str | None:
        """Why the leases alone keep it waiting. None: they do not, or it is not known yet of which devices."""
        if self._pool is None:
            return None
        held, now = held_locks(self._root), self._monotonic()
        if held != self._held or now >= self._read_again:
            # The records cost ten times what the locks do, and hardly ever change without them.
            self._held, self._read_again = held, now + READ_EVERY_S
            by_name = Look(dict.fromkeys(self._pool))
            claimant = replace(self._claimant, memory_mib=None)
            self._leased_words = self._words(judge(by_name, owners(self._root), claimant, share=True))
        return self._leased_words

    def _take(self, what: Callable[[], Slots | Leases | None]) -> Taken | None:
        with queue_lock(self._root):
            if self._ticket.standing(locked=True).held_up:
                return None
            group_fd = None
            if self._group is not None and (group_fd := try_join(self._root, self._group)) is None:
                return None
            found = what()
            if found is None:
                if group_fd is not None:
                    os.close(group_fd)
                return None
            self._ticket.withdraw()
        if isinstance(found, Slots):
            return Taken(self._claimant, slots=found, group_fd=group_fd)
        return Taken(self._claimant, leases=found, group_fd=group_fd)

    def _slots(self) -> Slots | None:
        return try_slots(self._root, 1, self._dispatch.slots)

    def _leases(self, look: Look) -> Leases | None:
        usable = judge(look, owners(self._root), self._claimant, share=self._dispatch.share_gpus).usable
        found = try_leases(self._root, usable, self._claimant)
        if found is not None:
            # Under the lock still: whoever counts the leases next knows whose they are.
            found.record(self._claimant, identity_of(os.getpid()), None)
        return found

    def _why_none(self, look: Look) -> str | None:
        return self._words(judge(look, owners(self._root), self._claimant, share=self._dispatch.share_gpus))

    def _words(self, found: Vacancies) -> str | None:
        if len(found.usable) >= self._dispatch.gpus:
            return None
        words = "; ".join(found.refused)
        if found.usable:
            words = f"{len(found.usable)} of the {self._dispatch.gpus} GPUs it needs can be had; {words}"
        return words if len(words) <= _WORDS_LIMIT else words[:_WORDS_LIMIT - 1] + "…"
