"""Frees a host of what the ledger no longer needs. This side says what it could do without; the host decides again.

Never asked for: a run that this ledger does not know, an attempt that is on its way, evidence that is not here whole.
What was lost left no seal: it is offered as such, and the host empties it only where it has proof that it is dead.
The best checkpoint of every teacher and every promoted run stays on its host, as an asset; so do all named assets.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from orchestrator.dispatch.asset_store import listed
from orchestrator.dispatch.asset_transfer import agent_of
from orchestrator.dispatch.environment import describe_for
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import Session, utc_now
from orchestrator.domain.errors import KdorchError, MalformedDocument, UnknownRun
from orchestrator.domain.lifecycle import LIVE_STATES, Outcome, State
from orchestrator.domain.verdict import Role
from orchestrator.ledger.evidence_bytes import KEPT_ON_HOST
from orchestrator.ledger.read_only_sql import ask
from orchestrator.ledger.rows import AttemptRow
from orchestrator.transport.inventory import HostEntry
from orchestrator.wire.documents import parse_manifest

KEEP_DAYS = 14
_MANY = 10**7
_NOTHING_TO_COLLECT = (Outcome.LOST_REBOOT, Outcome.LOST_SUPERVISOR, Outcome.WITHDRAWN)
"""The ends that leave no evidence, or none that says anything: its trainer never ran."""


@dataclass(frozen=True)
class Removed:
    """One thing that is gone, or would be: an attempt's files, a bundle, an asset, an environment, …"""

    kind: str
    name: str
    bytes: int


@dataclass(frozen=True)
class Kept:
    """One thing that stays, and why."""

    kind: str
    name: str
    reason: str


@dataclass(frozen=True)
class GcReport:
    """What a round came to. ``foreign_attempts`` are of runs that this ledger does not know; they are not touched."""

    host: str
    dry_run: bool
    freed_bytes: int
    removed: tuple[Removed, ...]
    kept: tuple[Kept, ...]
    foreign_attempts: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def count(self) -> Mapping[str, tuple[int, int]]:
        """Per kind of what was removed: how many, and their bytes."""
        numbers, sizes = Counter(r.kind for r in self.removed), Counter[str]()
        for each in self.removed:
            sizes[each.kind] += each.bytes
        return {kind: (numbers[kind], sizes[kind]) for kind in sorted(numbers)}


def collect_garbage(session: Session, host: str, *, dry_run: bool = False, keep_days: float = KEEP_DAYS,
                    now: Callable[[], datetime] = utc_now) -> GcReport:
    """Free a host of what is not needed and older than ``keep_days``; with ``dry_run`` only say what would go.

    Raises :class:`HostUnreachable`, or :class:`MalformedDocument` for an answer that is none.
    """
    entry = session.inventory.host(host)
    agent = agent_of(session, host)
    facts, _ = agent.request("preflight")
    seen, _ = agent.request("gc_survey")
    request, kept, foreign = _decide(session, entry, seen, facts, now() - timedelta(days=keep_days))
    answer, _ = agent.request("gc", dry_run=dry_run, older_than_s=keep_days * 86400.0, **request)
    try:
        removed = tuple(Removed(str(r["kind"]), str(r["name"]), int(r["bytes"])) for r in answer["removed"])
        kept += [Kept(str(k["kind"]), str(k["name"]), str(k["reason"])) for k in answer["kept"]]
    except (KeyError, TypeError, ValueError):
        raise MalformedDocument(f"{host}: answer to gc", "it does not say what was removed") from None
    for gone in removed:
        if gone.kind == "asset" and not dry_run:
            session.ledger.record_asset_location(gone.name, host, present=False)
    return GcReport(host, dry_run, sum(r.bytes for r in removed), removed, tuple(kept), foreign)


def _decide(session: Session, entry: HostEntry, seen: Mapping[str, Any], facts: Mapping[str, Any],
            before: datetime) -> tuple[dict[str, Any], list[Kept], int]:
    """The request to the host, what is kept from this side, and how many attempts are not this ledger's."""
    kept: list[Kept] = []
    give_up: list[dict[str, Any]] = []
    foreign, stays = 0, _Stays(session)
    histories: dict[str, list[AttemptRow]] = {}
    for item in seen.get("attempts", ()):
        run_id, number = str(item["run_id"]), int(item["attempt"])
        history = histories.setdefault(run_id, session.ledger.attempts(run_id))
        row = next((a for a in history if a.attempt_no == number), None)
        if row is None:
            foreign += 1
            continue
        if item.get("emptied"):
            stays.of_run(run_id)
            continue
        reason = _why_kept(session.home, entry.name, row, history, before)
        if reason is None:
            give_up.append({"run_id": run_id, "attempt": number, "manifest_sha256": row.evidence_id or _seal_of(row),
                            "keep": stays.of_run(run_id, number)})
        else:
            kept.append(Kept("attempt", f"{run_id}/{number}", reason))
            stays.of_run(run_id)
    bundles = {a.bundle for history in histories.values() for a in history if a.state in LIVE_STATES and a.bundle}
    environment = describe_for(entry, facts)
    there = [str(a["name"]) for a in seen.get("assets", ())]
    request = {
        "attempts": give_up, "assets": [a for a in there if stays.may_go(a)],
        "keep_bundles": sorted(bundles | {session.bundle.digest}),
        "keep_environments": [environment.digest] if environment is not None else [],
    }
    return request, kept, foreign


def _why_kept(home: Home, host: str, row: AttemptRow, history: Iterable[AttemptRow], before: datetime) -> str | None:
    """The reason that this side has to keep an attempt, or None."""
    if any(a.state in LIVE_STATES or a.state is State.PLANNED for a in history):
        return "an attempt of the run is on its way"
    if row.host != host:
        return f"the ledger has it on {row.host}"
    if row.finished_at is None or (row.evidence_id is None and row.outcome not in _NOTHING_TO_COLLECT):
        return "its evidence was not collected"
    if datetime.fromisoformat(row.finished_at) > before:
        return "it ended not long ago"
    return None if row.evidence_id is None else _what_is_wrong_with(home, row)


def _seal_of(row: AttemptRow) -> str | None:
    """The manifest that the seal of a withdrawn attempt names; None for one that left no seal."""
    return None if row.exit_json is None else str(json.loads(row.exit_json)["manifest_sha256"])


def _what_is_wrong_with(home: Home, row: AttemptRow) -> str | None:
    """Hold the evidence on this machine against its manifest, byte for byte; None when all of it is here."""
    directory = home.evidence(row.run_id, row.attempt_no)
    try:
        data = (directory / "manifest.json").read_bytes()
        if hashlib.sha256(data).hexdigest() != row.evidence_id:
            return "its manifest on this machine is not the one that was recorded"
        for file in parse_manifest(data, "manifest.json").files:
            if file.name.startswith(KEPT_ON_HOST):
                continue
            with (directory / file.name).open("rb") as handle:
                if hashlib.file_digest(handle, "sha256").hexdigest() != file.sha256:
                    return f"{file.name} on this machine was altered"
    except (OSError, KdorchError) as error:
        return f"its evidence on this machine cannot be read: {error}"
    return None


class _Stays:
    """Digests of assets that must stay on hosts, and those that this ledger knows at all."""

    def __init__(self, session: Session) -> None:
        self._ledger = session.ledger
        chosen = ask(session.home.ledger, "SELECT chosen_run_id, checkpoint_sha256 FROM resolutions", limit=_MANY)
        self._chosen = {str(run_id) for run_id, _ in chosen.rows}
        self._needed = {str(sha256) for _, sha256 in chosen.rows if sha256 is not None}
        for asset in self._ledger.assets():
            self._needed.add(asset.sha256)
            if (whole := listed(session.home, asset.sha256)) is not None:
                self._needed.update(f.sha256 for f in whole.files)
        files = ask(session.home.ledger, "SELECT DISTINCT sha256 FROM evidence_files WHERE path LIKE 'checkpoints/%'",
                    limit=_MANY)
        self._known = {str(row[0]) for row in files.rows}

    def of_run(self, run_id: str, attempt: int | None = None) -> list[dict[str, str]]:
        """Note the checkpoint of a run that must stay; for that very attempt, the file to keep as an asset."""
        if run_id not in self._chosen and not any(
                r.verdict == "promote" or r.mode == Role.TEACHER.value for r in self._ledger.rows(run_id=run_id)):
            return []
        best = self._ledger.best_checkpoint(run_id)
        if best is None:
            return []
        self._needed.add(best)
        try:
            source = self._ledger.checkpoint_source(best)
        except UnknownRun:
            return []
        here = (source.run_id, source.attempt_no) == (run_id, attempt)
        return [{"path": source.path, "sha256": best}] if here else []

    def may_go(self, sha256: str) -> bool:
        """Whether an asset is this ledger's and nothing here needs it."""
        if sha256 in self._needed:
            return False
        return sha256 in self._known or bool(self._ledger.asset_locations(sha256))
