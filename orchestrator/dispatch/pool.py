"""Connections to hosts, one per host, with silence kept apart from failure.

A host that does not answer is *silent*: its runs keep their state, and the pool tries again after a growing pause.
A wrong host key or refused authentication is a hard stop and is raised.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.dispatch.agent import HostAgent, connect_agent
from orchestrator.dispatch.bundle import Bundle
from orchestrator.dispatch.events import Emit, HostBack, HostSilent
from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import TransportError
from orchestrator.ledger.store import Ledger
from orchestrator.transport.inventory import Inventory

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass
class _Silence:
    pause_s: float
    next_try: float


class HostPool:
    """Gives agents by host name. ``monotonic`` is a clock in seconds; ``jitter`` a random factor source."""

    def __init__(self, home: Home, inventory: Inventory, bundle: Bundle, ledger: Ledger, emit: Emit, *,
                 monotonic: Callable[[], float], jitter: Callable[[], float] = random.random) -> None:
        self._home, self._inventory, self._bundle, self._ledger = home, inventory, bundle, ledger
        self._emit, self._monotonic, self._jitter = emit, monotonic, jitter
        self._agents: dict[str, HostAgent] = {}
        self._silent: dict[str, _Silence] = {}

    @property
    def silent_hosts(self) -> frozenset[str]:
        return frozenset(self._silent)

    def seconds_to_next_try(self) -> float | None:
        """How long until the next silent host is tried again; None when none is silent."""
        if not self._silent:
            return None
        return max(0.0, min(s.next_try for s in self._silent.values()) - self._monotonic())

    def agent(self, name: str) -> HostAgent | None:
        """An agent for the host, or None while it is silent. Raises what is not transient."""
        if name in self._agents:
            return self._agents[name]
        silence = self._silent.get(name)
        if silence is not None and self._monotonic() < silence.next_try:
            return None
        try:
            agent = connect_agent(self._inventory.host(name), self._home.root, self._bundle)
        except TransportError as error:
            if not error.transient:
                raise
            self.lost(name, error)
            return None
        self._agents[name] = agent
        self._ledger.set_reachability(name, True, "")
        if self._silent.pop(name, None) is not None:
            self._emit(HostBack(name))
        return agent

    def lost(self, name: str, error: TransportError) -> None:
        """Note that a host stopped answering. Never a statement about its runs."""
        agent = self._agents.pop(name, None)
        if agent is not None:
            agent.close()
        before = self._silent.get(name)
        pause = FIRST_PAUSE_S if before is None else min(LONGEST_PAUSE_S, before.pause_s * 2)
        self._silent[name] = _Silence(pause, self._monotonic() + pause * (0.5 + self._jitter()))
        self._ledger.set_reachability(name, False, error.message)
        if before is None:
            self._emit(HostSilent(name, error.message,
                                  "its runs go on there and end by their own deadlines; nothing to do"))

    def close(self) -> None:
        for agent in self._agents.values():
            agent.close()
        self._agents.clear()

    def __enter__(self) -> HostPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
