"""Connections to hosts, one per host, with silence kept apart from failure.

A host that does not answer is *silent*: its runs keep their state, and the pool tries again after a growing pause.
A host with a wrong key, without Python, with another root than the runs were placed in is *unusable* until a person
has seen to it: that is raised to whoever wants this host, and stops nobody who wants another one. Connecting takes
place in a thread per host, so that a host which is down holds up nobody either.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from orchestrator.dispatch.agent import HostAgent, connect_agent
from orchestrator.dispatch.bundle import Bundle
from orchestrator.dispatch.errands import Errands, Result
from orchestrator.dispatch.events import Emit, HostBack, HostSilent, HostUnusable
from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import HostUnreachable, KdorchError, TransportError, UnknownHost
from orchestrator.ledger.store import Ledger
from orchestrator.transport.inventory import Inventory

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
FIRST_WAIT_S = 60.0
"""How long the first connection to a host is waited for: its own deadlines end it long before."""

OTHERS_WAIT_S = 3.0
"""The same while there are other hosts that could be used meanwhile."""

CONNECTING_S = 0.2


@dataclass
class _Silence:
    pause_s: float
    next_try: float


class HostPool:
    """Gives agents by host name. ``monotonic`` is a clock in seconds; ``jitter`` a random factor source.

    One thread uses the pool; it alone touches the ledger and emits events.
    """

    def __init__(self, home: Home, inventory: Inventory, bundle: Bundle, ledger: Ledger, emit: Emit, *,
                 monotonic: Callable[[], float], jitter: Callable[[], float] = random.random) -> None:
        self._home, self._inventory, self._bundle, self._ledger = home, inventory, bundle, ledger
        self._emit, self._monotonic, self._jitter = emit, monotonic, jitter
        self._agents: dict[str, HostAgent] = {}
        self._silent: dict[str, _Silence] = {}
        self._unusable: dict[str, KdorchError] = {}
        self._connecting: set[str] = set()
        self._errands = Errands()
        self._closed = False
        self.on_answer: Callable[[], None] = lambda: None
        """Called from a connecting thread when it is through; whoever waits for something else may want to know."""

        self.forecast: Callable[[str], str] = lambda _: "its runs go on there and end by their own deadlines"
        """What becomes of the runs on a host that fell silent, in words. Whoever follows runs knows more."""

    @property
    def silent_hosts(self) -> frozenset[str]:
        return frozenset(self._silent)

    @property
    def unusable_hosts(self) -> Mapping[str, KdorchError]:
        """Hosts that a person must see to first, each with the reason."""
        return self._unusable

    def require_usable(self) -> None:
        """Raise the reason of an unusable host, if there is one: the first that was met."""
        for error in self._unusable.values():
            raise error

    @property
    def connecting(self) -> frozenset[str]:
        """Hosts that are being connected now."""
        return frozenset(self._connecting)

    def seconds_to_next_try(self) -> float | None:
        """How long until the next silent host is tried again, or may have answered; None when none is silent."""
        if not self._silent:
            return None
        if self._connecting:
            return CONNECTING_S
        return max(0.0, min(s.next_try for s in self._silent.values()) - self._monotonic())

    def warm(self, names: Iterable[str]) -> None:
        """Begin to connect to these hosts, all at once, and return."""
        for name in names:
            self.agent(name, wait=False)

    def agent(self, name: str, *, wait: bool = True) -> HostAgent | None:
        """An agent for the host, or None while it is silent. Raises the reason of one that is unusable.

        The first connection is waited for (for seconds only, where other hosts are in use); with ``wait`` false, or
        once the host was silent, it is made meanwhile and there when it is asked for again.
        """
        self._errands.settle(0.0)
        if name in self._unusable:
            raise self._unusable[name]
        agent = self._agents.get(name)
        if agent is not None and agent.lost:
            self.lost(name, HostUnreachable(f"{name}: the connection was lost"))
            return None
        if agent is not None:
            return agent
        silence = self._silent.get(name)
        if name not in self._connecting:
            if silence is not None and self._monotonic() < silence.next_try:
                return None
            self._connect(name)
        if wait and silence is None:
            others = len(self._agents) + len(self._connecting) > 1
            until = self._monotonic() + (OTHERS_WAIT_S if others else FIRST_WAIT_S)
            while name in self._connecting and (left := until - self._monotonic()) > 0:
                self._errands.settle(left)
        if name in self._unusable:
            raise self._unusable[name]
        return self._agents.get(name)

    def usable(self, name: str, *, wait: bool = True) -> HostAgent | None:
        """:meth:`agent` for whoever goes on with other hosts: None for an unusable one too, which is told once."""
        try:
            return self.agent(name, wait=wait)
        except (TransportError, UnknownHost) as error:
            self.bar(name, error)
            return None

    def bar(self, name: str, error: KdorchError) -> None:
        """Note that a host is of no use until a person has seen to it. Never a statement about its runs."""
        agent = self._agents.pop(name, None)
        if agent is not None:
            agent.abandon()
        if name not in self._unusable:
            self._unusable[name] = error
            self._silent.pop(name, None)
            self._ledger.set_reachability(name, False, error.message)
            self._emit(HostUnusable(name, error.message, error.hint))

    def lost(self, name: str, error: TransportError) -> None:
        """Note that a host stopped answering. Never a statement about its runs."""
        if name in self._unusable:
            return  # its connection was given up
        agent = self._agents.pop(name, None)
        if agent is not None:
            agent.abandon()
        before = self._silent.get(name)
        pause = FIRST_PAUSE_S if before is None else min(LONGEST_PAUSE_S, before.pause_s * 2)
        self._silent[name] = _Silence(pause, self._monotonic() + pause * (0.5 + self._jitter()))
        self._ledger.set_reachability(name, False, error.message)
        if before is None:
            self._emit(HostSilent(name, error.message, self.forecast(name)))

    def close(self) -> None:
        self._closed = True
        self._errands.close()
        for agent in self._agents.values():
            agent.close()
        self._agents.clear()

    def __enter__(self) -> HostPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connect(self, name: str) -> None:
        entry, home, bundle = self._inventory.host(name), self._home.root, self._bundle
        self._connecting.add(name)

        def work() -> HostAgent:
            try:
                agent = connect_agent(entry, home, bundle)
            finally:
                self.on_answer()
            if self._closed:
                agent.close()  # nobody will ask for it any more
            return agent

        self._errands.send(f"connect-{name}", work, lambda result: self._connected(name, result))

    def _connected(self, name: str, result: Result[HostAgent]) -> None:
        self._connecting.discard(name)
        try:
            agent = result.get()
        except TransportError as error:
            if error.transient:
                self.lost(name, error)
            else:
                self.bar(name, error)
            return
        self._agents[name] = agent
        self._ledger.set_reachability(name, True, "")
        if self._silent.pop(name, None) is not None:
            self._emit(HostBack(name))
