"""What lies below a root, how large it is, and what of it something here still needs. Looks, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from worker import wire
from worker.asset_tree import members_of
from worker.durable import read_file
from worker.ended import EMPTIED, can_never_run
from worker.environment import ENVIRONMENTS, Environment, environment_of, state_of
from worker.observe import read_document
from worker.paths import AttemptDir, PathRefused, Root
from worker.removal import measure, names_in
from worker.requests import RequestRefused
from worker.trainer_command import BUNDLE
from worker.wire import ContractError, is_attempt, is_digest

TOMBSTONE = frozenset({"claim.json", "dispatch.json", "started.json", "manifest.json", "exit.json", "supervisor.lock",
                       "emptied.json"})
"""What stays of an attempt for ever: its claim and its seal, so that it can never be launched a second time."""


@dataclass
class Needs:
    """Digests that documents below this root ask for: those of every attempt that runs, or may yet."""

    bundles: set[str] = field(default_factory=set)
    environments: set[str] = field(default_factory=set)
    assets: set[str] = field(default_factory=set)
    live: bool = False


def survey(root: Root) -> dict[str, Any]:
    """The answer to ``gc_survey``. Bytes are what removing would free; ages are in seconds."""
    now = time.time()

    def aged(place: str, names: list[str]) -> list[dict[str, Any]]:
        return [{"name": n, "bytes": measure(root.path, f"{place}/{n}"), "age_s": age(root, f"{place}/{n}", now)}
                for n in names]

    return {
        "attempts": [_attempt(root, attempt) for attempt in attempts(root)],
        "bundles": aged("bundles", [n for n in ours(root, "bundles") if is_digest(n)]),
        "assets": aged("assets/sha256", [n for n in ours(root, "assets/sha256") if is_digest(n)]),
        "environments": [
            {"name": n, "bytes": measure(root.path, f"{ENVIRONMENTS}/{n}"),
             "age_s": age(root, f"{ENVIRONMENTS}/{n}/environment-build.json", now),
             "state": state_of(Environment.at(root, n))}
            for n in ours(root, ENVIRONMENTS) if is_digest(n)],
        "cache": aged("cache", ours(root, "cache")),
    }


def attempts(root: Root) -> Iterator[AttemptDir]:
    """Every attempt here, in order."""
    for run_id in ours(root, "runs"):
        if is_digest(run_id):
            for name in ours(root, f"runs/{run_id}/attempts"):
                if name.isdecimal() and is_attempt(int(name)) and str(int(name)) == name:
                    yield root.attempt(run_id, int(name))


def needs(root: Root) -> Needs:
    """What is needed here, whatever a laptop knows: by every placed dispatch whose attempt runs, or may yet.

    Also by one that was placed and not launched: it may be launched this very moment. Not by one that is proved dead.
    """
    found = Needs()
    runs = os.path.join(root.path, "runs")
    for run_id in filter(is_digest, _listed(runs)):
        for name in _listed(os.path.join(runs, run_id, "dispatch")):
            digest = name.removesuffix(".json")
            if is_digest(digest):
                _add(found, root, run_id, digest)
    for manifest in sorted(found.assets & set(_listed(root.assets))):
        found.assets |= members(root, manifest)
    return found


def members(root: Root, sha256: str) -> set[str]:
    """Digests of the files of a directory asset; empty for any other."""
    try:
        return {m.sha256 for m in members_of(root, sha256) or ()}
    except (RequestRefused, OSError):
        return set()


def age(root: Root, name: str, now: float) -> float:
    """Seconds since the entry itself changed; 0 where there is none."""
    try:
        return max(0.0, now - os.lstat(os.path.join(root.path, name)).st_mtime)
    except OSError:
        return 0.0


def programs_of(root: Root) -> str:
    """The command lines of all processes that can be seen, to find a resident program by its bundle's digest."""
    lines = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as handle:
                lines.append(handle.read().decode("utf-8", "replace"))
    return "\n".join(lines) + f"\n{BUNDLE}\n{root.path}"


def emptiable(root: Root, attempt: AttemptDir) -> list[str]:
    """The names in an attempt's directory that its tombstone does not keep."""
    return [n for n in names_in(root.path, _below(root, attempt)) if n not in TOMBSTONE]


def ours(root: Root, place: str) -> list[str]:
    """The names in a directory of the root; none where it is a link or no directory: that is not ours to clean."""
    try:
        return names_in(root.path, place)
    except PathRefused:
        return []


def _listed(directory: str) -> list[str]:
    """Names to read by, links followed: what a person has put elsewhere is needed no less."""
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _attempt(root: Root, attempt: AttemptDir) -> dict[str, Any]:
    seal = read_document(attempt, "exit")
    place = _below(root, attempt)
    return {"run_id": attempt.run_id, "attempt": attempt.number,
            "manifest_sha256": None if seal is None else seal["manifest_sha256"],
            "emptied": os.path.lexists(attempt.file(EMPTIED)) and not emptiable(root, attempt),
            "bytes": sum(measure(root.path, f"{place}/{name}") for name in emptiable(root, attempt))}


def _below(root: Root, attempt: AttemptDir) -> str:
    return os.path.relpath(attempt.path, root.path)


def _add(found: Needs, root: Root, run_id: str, digest: str) -> None:
    path = root.dispatch(run_id, digest)
    try:
        dispatch = wire.parse_dispatch(read_file(path, wire.DOCUMENT_LIMIT_BYTES + 1) or b"", path)
    except (OSError, ContractError, PathRefused):
        return
    attempt = root.attempt(run_id, dispatch.attempt)
    if can_never_run(attempt):
        return
    found.live = True
    found.bundles.add(dispatch.bundle)
    environment = environment_of(dispatch.python)
    if environment is not None:
        found.environments.add(environment)
    teacher = dispatch.resolved.get("teacher") or {}
    if is_digest(teacher.get("checkpoint_sha256")):
        found.assets.add(teacher["checkpoint_sha256"])
