"""Groups: names that runs share, of which at most so many train at once on this host.

Each trainer of a group inherits one of the group's locks, ``ROOT/groups/<name>-<k>.lock``, so one that outlives its
supervisor still counts. Runs may name the same group with other limits (a campaign that is launched again with more
at once); each is held to its own.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from worker.locks import is_held, open_lock, try_exclusive
from worker.paths import Root
from worker.wire import Document

_LOCK = re.compile(r"(.+)-\d+\.lock")


@dataclass(frozen=True)
class Group:
    """A group's name and how many of it may train at once."""

    name: str
    limit: int

    @classmethod
    def of(cls, document: Document | None) -> Group | None:
        return None if document is None else cls(document["name"], document["limit"])


def is_full(root: Root, group: Group) -> bool:
    """Whether as many of the group train now as ``group`` allows."""
    return len(_held(root, group.name)) >= group.limit


def try_join(root: Root, group: Group) -> int | None:
    """A place in the group, as the descriptor of its lock, or None when it is full.

    To be called under the queue's lock: nobody else joins between the count and the taking.
    """
    os.makedirs(root.groups, exist_ok=True)
    held = _held(root, group.name)
    if len(held) >= group.limit:
        return None
    for number in range(group.limit):
        name = f"{group.name}-{number}.lock"
        if name in held:
            continue
        fd = open_lock(os.path.join(root.groups, name))
        if try_exclusive(fd):
            return fd
        os.close(fd)
    return None


def _held(root: Root, name: str) -> set[str]:
    try:
        names = os.listdir(root.groups)
    except FileNotFoundError:
        return set()
    mine = (n for n in names if (match := _LOCK.fullmatch(n)) is not None and match[1] == name)
    return {n for n in mine if is_held(os.path.join(root.groups, n))}
