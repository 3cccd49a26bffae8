"""What lies where under ``KDORCH_HOME`` on the laptop."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.ledger.place import LedgerPlace


@dataclass(frozen=True)
class Home:
    """The laptop's directory. One object owns every path below it."""

    root: Path
    ledger_given: str | None = field(default=None, repr=False)
    """What ``KDORCH_LEDGER`` said; it may hold a password."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Home:
        """``$KDORCH_HOME``, or ``.kdorch`` in the working directory; the ledger is where ``$KDORCH_LEDGER`` says, or in
        it. Nothing is created."""
        environ = os.environ if environ is None else environ
        given = environ.get("KDORCH_HOME")
        base = cwd or Path.cwd()
        root = (base / Path(given).expanduser()).resolve() if given else base / ".kdorch"
        return cls(root, environ.get("KDORCH_LEDGER") or None)

    @property
    def ledger(self) -> LedgerPlace:
        """The ledger's file, or its place on a PostgreSQL server. Raises :class:`UsageError` for a URL that is none."""
        from orchestrator.ledger.place import ledger_place  # imported where it is needed: it brings SQLAlchemy

        return ledger_place(self.ledger_given, self.root)

    @property
    def hosts_file(self) -> Path:
        return self.root / "hosts.yaml"

    @property
    def config_file(self) -> Path:
        """What a person set for this machine: where notices go."""
        return self.root / "config.yaml"

    @property
    def known_hosts(self) -> Path:
        return self.root / "known_hosts"

    @property
    def local_host_root(self) -> Path:
        """Where the implicit host ``local`` keeps its runs."""
        return self.root / "host"

    def evidence(self, run_id: str, attempt: int) -> Path:
        """The directory of one attempt's verified evidence; it appears whole or not at all."""
        return self.root / "evidence" / run_id / str(attempt)

    def evidence_lock(self, run_id: str) -> Path:
        """Held by the process that collects this run, so that two commands do not pull the same files."""
        return self.root / "evidence" / run_id / "collect.lock"

    def evidence_in_progress(self, run_id: str, attempt: int) -> Path:
        """Where files arrive before they are verified; what is there already is not pulled again."""
        return self.root / "evidence" / run_id / f"{attempt}.partial"

    def log(self, run_id: str, attempt: int) -> Path:
        """This machine's copy of a log that is still being followed."""
        return self.root / "logs" / run_id / f"{attempt}.log"

    def seen(self, run_id: str, attempt: int) -> Path:
        """What the attempt's host was last heard to say about it."""
        return self.root / "seen" / run_id / f"{attempt}.json"

    def asset(self, sha256: str) -> Path:
        """An asset on this machine: one that a person added, or a checkpoint on its way from one host to another."""
        return self.root / "assets" / "sha256" / sha256

    def environment(self, digest: str) -> Path:
        """The evidence of how a host's environment was built."""
        return self.root / "environments" / f"{digest}.json"

    def notice(self, sha256: str) -> Path:
        """An empty file that says that this notice of a campaign's end was sent."""
        return self.root / "notices" / sha256

    def report(self, campaign: str) -> Path:
        return self.root / "reports" / campaign
