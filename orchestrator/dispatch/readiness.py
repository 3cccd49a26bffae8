"""Has each host prepared before this process launches the first run there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from orchestrator.dispatch.prepare import Progress, StageReport, prepare_host
from orchestrator.dispatch.session import Session
from orchestrator.planning.plan import Plan


class Unseen:
    """Hears how a host is prepared, and tells nobody."""

    def stage(self, report: StageReport) -> None:
        """Nothing is shown."""

    def line(self, text: str) -> None:
        """Nothing is shown."""

    def moved(self, name: str, done: int, total: int) -> None:
        """Nothing is shown."""


class Readiness:
    """Prepares hosts, each once. A host without an environment that was looked at before is ready as it is."""

    def __init__(self, session: Session, progress: Progress) -> None:
        self._session, self._progress = session, progress
        self._pythons: dict[str, str] = {}

    def prepare(self, host: str, assets: Iterable[str] = ()) -> None:
        """Prepare the host unless that was done. Raises as :func:`prepare_host` does."""
        if host in self._pythons:
            return
        entry = self._session.inventory.host(host)
        if entry.environment is None and self._session.ledger.host_facts(host) is not None:
            self._pythons[host] = entry.python
        else:
            done = prepare_host(self._session, host, entry.environment, list(assets), self._progress)
            self._pythons[host] = done.python

    def settled(self, plan: Plan) -> Plan:
        """The plan with the interpreters of the hosts that were prepared."""
        known = self._session.inventory.facts()
        changed = {name: replace(known[name], python=python) for name, python in self._pythons.items()
                   if name in plan.hosts and plan.hosts[name].python != python}
        return replace(plan, hosts={**plan.hosts, **changed}) if changed else plan
