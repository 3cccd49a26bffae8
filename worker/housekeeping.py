"""Removes from a root what nothing needs any more. The laptop says what it could do without; this side decides again.

An attempt is emptied only under its run's launch lock, when no supervisor is alive and it is sealed with the very
manifest that the laptop says it has verified, or when it left no seal and is proved dead here (``ended``). Its claim
and its seal stay, so that it can never be launched again.
Nothing is removed by following a link, and nothing outside the root.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from worker import assets
from worker.durable import sync_directory, write_atomic
from worker.ended import EMPTIED, why_alive
from worker.environment import ENVIRONMENTS, Environment, state_of
from worker.locks import exclusive_within, is_held, open_lock
from worker.observe import read_document
from worker.observe import state_of as state_of_attempt
from worker.paths import AttemptDir, PathRefused, Root
from worker.removal import measure, remove, rename
from worker.requests import Fields, RequestRefused
from worker.survey import Needs, age, attempts, emptiable, members, needs, ours, programs_of, survey
from worker.trainer_command import BUNDLE
from worker.wire import CONTRACT, is_digest, to_bytes, utc

LOCK_PATIENCE_S = 1.0
LEFTOVER_AGE_S = 24 * 3600.0
"""How old a half-written file must be before nobody can be at work on it."""

_UNDER_WAY = ("waiting", "running", "orphan", "claimed")

Result = tuple[dict[str, Any], bytes]


def operations(root: Root) -> dict[str, Callable[[Fields, bytes], Result]]:
    """The operations of this module by their names in the contract."""
    return {"gc_survey": lambda _fields, _body: (survey(root), b""),
            "gc": lambda fields, _body: (Housekeeping(root, fields.flag("dry_run", False)).perform(fields), b"")}


@dataclass
class Housekeeping:
    """One round on one root; with ``dry_run`` everything is decided and nothing removed."""

    root: Root
    dry_run: bool
    removed: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)

    def perform(self, asked: Fields) -> dict[str, Any]:
        """Carry out a request: ``attempts`` to empty, ``assets`` to remove, what to keep, and the least age."""
        least_age_s = asked.seconds("older_than_s", most=1e9)
        for item in asked.items("attempts"):
            keep = [(k.text("path"), k.digest("sha256")) for k in item.items("keep")]
            attempt = self.root.attempt(item.digest("run_id"), item.attempt())
            # None: the ledger says that it left no seal.
            manifest = None if item.values.get("manifest_sha256") is None else item.digest("manifest_sha256")
            self._guarded("attempt", f"{attempt.run_id}/{attempt.number}", self._empty, attempt, manifest, keep)
        needed = needs(self.root)
        self._bundles(needed, set(asked.digests("keep_bundles")))
        self._assets(needed, asked.digests("assets"))
        self._environments(needed, set(asked.digests("keep_environments")), least_age_s)
        self._cache(needed, least_age_s)
        self._tickets()
        self._leftovers()
        return {"removed": self.removed, "kept": self.kept}

    def _empty(self, attempt: AttemptDir, manifest: str | None, keep: list[tuple[str, str]]) -> str | None:
        """Why the attempt is kept, or None when it was emptied."""
        if not attempt.exists():
            return None
        lock = open_lock(self.root.launch_lock(attempt.run_id))
        try:
            if not exclusive_within(lock, LOCK_PATIENCE_S):
                return "a launch of the run is at work"
            reason = self._must_stay(attempt, manifest)
            if reason is not None:
                return reason
            place = os.path.relpath(attempt.path, self.root.path)
            names = emptiable(self.root, attempt)
            if not self.dry_run:
                for path, sha256 in keep:
                    if not assets.has(self.root, [sha256]):
                        assets.adopt(self.root, attempt, path, sha256)
            # After the adoption: a file that became an asset has a second name, and frees nothing.
            freed = sum(measure(self.root.path, f"{place}/{name}") for name in names)
            if not self.dry_run:
                note = to_bytes({"contract": CONTRACT, "emptied_at": utc(time.time()), "freed_bytes": freed})
                if manifest is None:  # without a seal it is the note alone that keeps it from being launched again
                    write_atomic(attempt.file(EMPTIED), note)
                for name in names:
                    remove(self.root.path, f"{place}/{name}")
                if manifest is not None:  # afterwards: on a full disk there is no room for a note before
                    write_atomic(attempt.file(EMPTIED), note)
            if names:
                self._gone("attempt", f"{attempt.run_id}/{attempt.number}", freed)
            return None
        finally:
            os.close(lock)

    def _must_stay(self, attempt: AttemptDir, manifest: str | None) -> str | None:
        reason = why_alive(attempt) if manifest is None else _why_not_sealed(attempt, manifest)
        if reason is not None:
            return reason
        # It seals first and lets go of its lock a moment later.
        lock = open_lock(attempt.file("supervisor.lock"))
        try:
            if not exclusive_within(lock, LOCK_PATIENCE_S):
                return "its supervisor is alive"
        finally:
            os.close(lock)
        others = [a for a in attempts(self.root) if a.run_id == attempt.run_id and a.number != attempt.number]
        busy = next((a.number for a in others if state_of_attempt(a) in _UNDER_WAY
                     and not os.path.lexists(a.file(EMPTIED))), None)
        return None if busy is None else f"attempt {busy} of the run is under way and may continue from it"

    def _bundles(self, needed: Needs, keep: set[str]) -> None:
        running = programs_of(self.root)
        for digest in ours(self.root, "bundles"):
            name = f"bundles/{digest}"
            if not is_digest(digest) or digest == os.path.basename(BUNDLE) or digest in keep | needed.bundles:
                continue
            if digest in running or age(self.root, name, time.time()) < LEFTOVER_AGE_S:
                continue
            self._guarded("bundle", digest, self._discard, "bundle", name)

    def _assets(self, needed: Needs, unneeded: list[str]) -> None:
        there = [n for n in ours(self.root, "assets/sha256") if is_digest(n)]
        asked = set(unneeded)
        # A directory that stays keeps its files, whoever put it there.
        kept = needed.assets.union(*(members(self.root, n) for n in there if n not in asked))
        for digest in sorted(asked & set(there)):
            if digest in kept:
                why = "an attempt here needs it" if digest in needed.assets else "a directory that stays holds it"
                self.kept.append({"kind": "asset", "name": digest, "reason": why})
            else:
                self._guarded("asset", digest, self._discard, "asset", f"assets/sha256/{digest}")

    def _environments(self, needed: Needs, keep: set[str], least_age_s: float) -> None:
        stems = {entry.partition(".")[0] for entry in ours(self.root, ENVIRONMENTS)}
        for digest in sorted(stems):
            if is_digest(digest) and digest not in keep | needed.environments:
                self._guarded("environment", digest, self._environment, Environment.at(self.root, digest), least_age_s)

    def _environment(self, environment: Environment, least_age_s: float) -> str | None:
        lock = open_lock(environment.lock)
        try:
            if not exclusive_within(lock, LOCK_PATIENCE_S):
                return "it is being built"
            name = f"{ENVIRONMENTS}/{environment.digest}"
            seal = f"{name}/environment-build.json"
            ready = state_of(environment) == "ready"
            marker, least = (seal, least_age_s) if ready else (f"{name}.json", LEFTOVER_AGE_S)
            if age(self.root, marker, time.time()) < least or not os.path.lexists(environment.description):
                return None
            freed = measure(self.root.path, name)
            if not self.dry_run:
                # The seal goes first, so that what is left of a cut removal is never taken for ready.
                remove(self.root.path, seal)
                with contextlib.suppress(FileNotFoundError):
                    sync_directory(environment.directory)
                for each in (name, f"{name}.status.json", f"{name}.log", f"{name}.json"):
                    remove(self.root.path, each)
            self._gone("environment", environment.digest, freed)
            return None
        finally:
            os.close(lock)

    def _cache(self, needed: Needs, least_age_s: float) -> None:
        for entry in ours(self.root, "cache"):
            if age(self.root, f"cache/{entry}", time.time()) < least_age_s or entry.startswith("."):
                continue
            if needed.live:
                self.kept.append({"kind": "cache", "name": entry, "reason": "an attempt here may be reading it"})
            else:
                self._guarded("cache", entry, self._discard, "cache", f"cache/{entry}")

    def _tickets(self) -> None:
        """Places in the queue whose supervisors are gone. Under the queue's lock, as they are given."""
        lock = None
        try:
            for name in ours(self.root, "queue"):
                if lock is None:
                    lock = open_lock(self.root.queue_lock)
                    if not exclusive_within(lock, LOCK_PATIENCE_S):
                        return
                if not is_held(os.path.join(self.root.queue, name)):
                    self._guarded("ticket", name, self._discard, "ticket", f"queue/{name}")
        finally:
            if lock is not None:
                os.close(lock)

    def _leftovers(self) -> None:
        """What was never finished and got no name: pieces of assets, bundles half placed, directories half removed."""
        for place in ("assets/sha256", "bundles", "data", ENVIRONMENTS, "cache"):
            for entry in ours(self.root, place):
                name = f"{place}/{entry}"
                if not entry.startswith(".") or age(self.root, name, time.time()) < LEFTOVER_AGE_S:
                    continue
                if not is_held(os.path.join(self.root.path, name)):
                    self._guarded("leftover", name, self._discard, "leftover", name)

    def _discard(self, kind: str, name: str) -> str | None:
        """Remove an entry in one step for whoever looks, and then its bytes."""
        freed = measure(self.root.path, name)
        if not self.dry_run:
            place, _, last = name.rpartition("/")
            beside = f".discarded-{last.lstrip('.')}-{os.getpid()}"
            rename(self.root.path, place, last, beside)
            remove(self.root.path, f"{place}/{beside}")
        self._gone(kind, name.rpartition("/")[2], freed)
        return None

    def _gone(self, kind: str, name: str, freed: int) -> None:
        self.removed.append({"kind": kind, "name": name, "bytes": freed})

    def _guarded(self, kind: str, name: str, action: Callable[..., str | None], *given: Any) -> None:
        """One thing that cannot be removed is named and is no reason to stop."""
        try:
            reason = action(*given)
        except (PathRefused, RequestRefused, OSError) as error:
            reason = str(error)
        if reason is not None:
            self.kept.append({"kind": kind, "name": name, "reason": reason})


def _why_not_sealed(attempt: AttemptDir, manifest: str) -> str | None:
    seal = read_document(attempt, "exit")
    if seal is None:
        return "it is not sealed"
    if seal["manifest_sha256"] != manifest:
        return "it is sealed with another manifest than the one that was collected"
    return None
