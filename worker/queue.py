"""Who runs next on this host: tickets, and the rule by which they are served.

A ticket is a file that tells its place by its name and what its run asks for by its content; its supervisor holds a
lock on it, so a ticket whose lock is free belongs to nobody and is removed by whoever comes across it. The queue's
order is by priority, higher first, and among equals by the order of launches.

The rule: *a run goes when no run before it waits for something that it would take, and all that it needs is free.*
Two runs compete when both need slots, or both need GPUs and some device may be given to either. So one that needs many
GPUs is not starved by small ones behind it; they stand still until it has them. A run does not hold up those behind it
where it waits for its group alone (it would not go even if a device came free), nor those that it does not compete
with. A run whose GPU somebody else uses does hold up its competitors: they would be given the next free device before
it.

Whether a run may go is decided, and what it needs is taken, under ``queue.lock``, so two cannot both be next.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from worker.checks import MAX_PRIORITY
from worker.durable import read_file, write_all
from worker.groups import Group, is_full
from worker.locks import exclusive_within, is_held, open_lock
from worker.paths import Root
from worker.wire import ContractError, Dispatch, Document, parse_object, to_bytes

LOCK_PATIENCE_S = 10.0
_TICKET = re.compile(r"(\d{3})-(\d{12})-[0-9a-f]{64}-\d+")
_TICKET_LIMIT_BYTES = 1 << 16


class QueueBusy(Exception):
    """The queue's lock was not to be had; whoever holds it hangs."""


@dataclass(frozen=True)
class Terms:
    """What a run waits for, as far as it matters to those behind it."""

    gpus: int = 0
    devices: frozenset[str] | None = None
    """The devices that it may be given; None: any."""
    group: Group | None = None

    @classmethod
    def of(cls, dispatch: Dispatch) -> Terms:
        devices = None if dispatch.devices is None else frozenset(dispatch.devices)
        return cls(dispatch.gpus, devices, Group.of(dispatch.group))

    def competes_with(self, other: Terms) -> bool:
        if not self.gpus or not other.gpus:
            return not self.gpus and not other.gpus
        return self.devices is None or other.devices is None or not self.devices.isdisjoint(other.devices)

    def document(self) -> Document:
        group = None if self.group is None else {"name": self.group.name, "limit": self.group.limit}
        return {"gpus": self.gpus, "devices": None if self.devices is None else sorted(self.devices), "group": group}


@dataclass(frozen=True)
class Standing:
    """A ticket's place: how many stand before it, and whether one of them must go first."""

    position: int
    held_up: bool


class Ticket:
    """A place in the queue, held until :meth:`withdraw` or the end of this process."""

    def __init__(self, root: Root, name: str, fd: int, terms: Terms) -> None:
        self._root, self.name, self._fd, self._terms = root, name, fd, terms
        self._known: dict[str, Terms] = {}

    @classmethod
    def take(cls, root: Root, run_id: str, attempt: int, terms: Terms | None = None, priority: int = 0) -> Ticket:
        """The next place of this priority. Raises :class:`QueueBusy` or ``OSError``."""
        terms = terms or Terms()
        os.makedirs(root.queue, exist_ok=True)
        with queue_lock(root):
            numbers = [0]
            for name in _names(root):
                if is_held(os.path.join(root.queue, name)):
                    numbers.append(int(name[4:16]))
                else:
                    os.unlink(os.path.join(root.queue, name))
            name = f"{MAX_PRIORITY - priority:03d}-{max(numbers) + 1:012d}-{run_id}-{attempt}"
            fd = open_lock(os.path.join(root.queue, name))
            # Nobody else can hold it: the name is new, and names are made and removed under the queue's lock only.
            exclusive_within(fd, LOCK_PATIENCE_S)
            write_all(fd, to_bytes(terms.document()))
        return cls(root, name, fd, terms)

    def standing(self, *, locked: bool = False) -> Standing:
        """Where this ticket stands now. ``locked``: the caller holds the queue's lock. Removes the dead it meets."""
        ahead = [n for n in _names(self._root) if n < self.name]
        self._known = {n: t for n, t in self._known.items() if n in ahead} if self._known else {}
        held_up = False
        full: dict[Group, bool] = {}
        for name in list(ahead):
            terms = self._terms_of(name)
            if terms is not None and not terms.competes_with(self._terms):
                continue
            if terms is not None and terms.group is not None:
                if terms.group not in full:
                    full[terms.group] = is_full(self._root, terms.group)
                if full[terms.group]:
                    continue
            if self._is_alive(name, locked):
                held_up = True
                break
            ahead.remove(name)
        # The neighbour too, so that a place is told truly although one in the middle died.
        while ahead and not self._is_alive(ahead[-1], locked):
            ahead.pop()
        return Standing(len(ahead), held_up and bool(ahead))

    def withdraw(self) -> None:
        """Leave the queue. Safe to call twice."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._root.queue, self.name))
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _is_alive(self, name: str, locked: bool) -> bool:
        path = os.path.join(self._root.queue, name)
        if is_held(path):
            return True
        with contextlib.nullcontext() if locked else queue_lock(self._root):
            # Looked at again under the lock, under which tickets are made: it may have been new.
            if is_held(path):
                return True
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return False

    def _terms_of(self, name: str) -> Terms | None:
        """What the run of that ticket asks for; None where that is not known, which may be anything."""
        terms = self._known.get(name) or _read_terms(os.path.join(self._root.queue, name))
        if terms is not None:
            self._known[name] = terms
        return terms


@contextlib.contextmanager
def queue_lock(root: Root) -> Iterator[None]:
    """Nobody else takes a place, or what a place gives a right to. Raises :class:`QueueBusy` or ``OSError``."""
    fd = open_lock(root.queue_lock)
    try:
        if not exclusive_within(fd, LOCK_PATIENCE_S):
            raise QueueBusy(f"{root.queue_lock} is held by another process for more than {LOCK_PATIENCE_S:.0f} s")
        yield
    finally:
        os.close(fd)


def _names(root: Root) -> list[str]:
    return sorted(name for name in os.listdir(root.queue) if _TICKET.fullmatch(name))


def _read_terms(path: str) -> Terms | None:
    try:
        d = parse_object(read_file(path, _TICKET_LIMIT_BYTES) or b"", path)
        devices = d["devices"]
        return Terms(int(d["gpus"]), None if devices is None else frozenset(map(str, devices)), Group.of(d["group"]))
    except (OSError, ContractError, KeyError, TypeError, ValueError):
        return None
