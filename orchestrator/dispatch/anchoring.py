"""Leaves the head of the chain on hosts, beside evidence that was collected there, and asks hosts for what they keep.

An anchor is worth having and not worth waiting for: it travels in a thread, at most one after each batch of evidence
of a host, and when it does not arrive nothing else changes and the next batch brings another.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.dispatch.agent import HostAgent, Placement
from orchestrator.dispatch.answers import count, objects, text
from orchestrator.dispatch.errands import Errands, Result
from orchestrator.dispatch.session import utc_now
from orchestrator.domain.errors import KdorchError
from orchestrator.ledger.anchors import Head, host_document, host_place
from orchestrator.ledger.engine import utc_text
from orchestrator.ledger.store import Ledger
from orchestrator.ledger.verification.anchors import HostAnchors

PAUSE_S = 30.0
"""The least time between two anchors on one host; the last of a command is left all the same."""

GIVEN_BACK = 1000
"""How many anchors a host gives back at most, the newest; the contract's number."""

PATIENCE_S = 2.0
"""How long a command that is through waits for its last anchors, in all."""


@dataclass(frozen=True)
class _Due:
    agent: HostAgent
    run_id: str
    attempt_no: int


class Anchors:
    """Belongs to the thread that settles ``errands``; only that one touches the ledger."""

    def __init__(self, ledger: Ledger, errands: Errands, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._errands, self._monotonic = ledger, errands, monotonic
        self._collecting: Counter[str] = Counter()
        self._due: dict[str, _Due] = {}
        self._left_at: dict[str, float] = {}
        self._under_way = 0

    def begun(self, host: str) -> None:
        """Evidence begins to come from this host."""
        self._collecting[host] += 1

    def ended(self, agent: HostAgent, run_id: str, attempt_no: int, *, settled: bool) -> None:
        """It came, or did not; with the last of what was under way, the host is due for an anchor."""
        self._collecting[agent.name] -= 1
        if settled:
            self._due[agent.name] = _Due(agent, run_id, attempt_no)
        last = self._left_at.get(agent.name)
        if not self._collecting[agent.name] and (last is None or self._monotonic() - last >= PAUSE_S):
            self._leave(agent.name)

    def finish(self) -> None:
        """Leave what is due still, and wait a little for what is under way; never raises for a host's sake."""
        until = self._monotonic() + PATIENCE_S
        for host in list(self._due):
            self._leave(host)
        while self._under_way and (left := until - self._monotonic()) > 0:
            self._errands.settle(left)

    def _leave(self, host: str) -> None:
        due = self._due.pop(host, None)
        if due is None or due.agent.lost:
            return
        head = self._ledger.head()
        data = host_document(head, due.run_id, due.attempt_no, utc_text(utc_now()))
        placement = Placement("", data)
        placement = Placement(f"runs/{due.run_id}/anchors/{placement.sha256}.json", data)
        self._left_at[host] = self._monotonic()
        self._under_way += 1
        self._errands.send(f"anchor-{host}", lambda: due.agent.place([placement]),
                           lambda result: self._placed(host, placement.path, head, result))

    def _placed(self, host: str, path: str, head: Head, result: Result[tuple[int, int]]) -> None:
        self._under_way -= 1
        try:
            result.get()
            self._ledger.anchor(host_place(host, path), head)
        except KdorchError:
            return  # the host is gone, full or unwilling; what was collected is safe without it


def kept_on(agent: HostAgent) -> HostAnchors:
    """The anchors that a host keeps beside evidence, the newest of them."""
    answer, body = agent.request("anchors")
    found: dict[str, str] = {}
    at = 0
    for item in objects(answer, "documents", agent.name):
        size = count(item, "bytes", agent.name)
        found[host_place(agent.name, text(item, "path", agent.name))] = body[at : at + size].decode("utf-8", "replace")
        at += size
    return HostAnchors(host_place(agent.name), found, all=len(found) < GIVEN_BACK)
