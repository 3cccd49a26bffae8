"""The in-toto Statement that describes what an attempt left: names, sizes, digests, what was asked, where it ran."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from worker.environment import environment_of
from worker.wire import CONTRACT, PREDICATE_TYPE, STATEMENT_TYPE, Dispatch, Document, is_digest, is_safe_name

BUILD_TYPE = "https://kdorch.dev/run/v1"
NOT_EVIDENCE = frozenset({"manifest.json", "exit.json", "supervisor.lock", "stop.request", "supervisor.log"})
"""Files at the top of the attempt's directory that the manifest does not list."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Subject:
    """One file: its name below the attempt's directory, sha256 and size."""

    name: str
    sha256: str
    size_bytes: int

    def document(self) -> Document:
        return {"name": self.name, "digest": {"sha256": self.sha256}, "annotations": {"size_bytes": self.size_bytes}}


@dataclass(frozen=True)
class Inventory:
    """What lies in a directory: files in order of their names, and what was left out, with the reason."""

    subjects: tuple[Subject, ...]
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Facts:
    """What the statement says beside the files. Times are UTC ISO-8601; ``started_on`` None: it never ran."""

    dispatch: Dispatch
    dispatch_sha256: str
    environment: Document
    started_on: str | None
    finished_on: str
    usage: Document = field(default_factory=dict)


def take_inventory(directory: str) -> Inventory:
    """Hash every regular file below ``directory`` and make it durable.

    Symbolic links are not followed; they and whatever is no regular file, or has a name that cannot be written in
    one way, are left out and named. Raises ``OSError``.
    """
    subjects: list[Subject] = []
    left_out: list[tuple[str, str]] = []
    _collect(directory, "", subjects, left_out)
    return Inventory(tuple(sorted(subjects, key=lambda s: s.name)), tuple(sorted(left_out)))


def statement(facts: Facts, inventory: Inventory) -> Document:
    """The statement over this inventory."""
    d = facts.dispatch
    byproducts: list[Document] = [{"name": "usage", "content": facts.usage}]
    if inventory.left_out:
        byproducts.append({"name": "left_out", "content": dict(inventory.left_out)})
    return {
        "contract": CONTRACT,
        "_type": STATEMENT_TYPE,
        "subject": [s.document() for s in inventory.subjects],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {"run_id": d.run_id, "attempt": d.attempt, "spec_sha256": d.run_id,
                                       "dispatch_sha256": facts.dispatch_sha256},
                "internalParameters": facts.environment,
                "resolvedDependencies": _dependencies(d, facts.environment),
            },
            "runDetails": {
                "builder": {"id": d.host},
                "metadata": {"invocationId": f"{d.run_id}/{d.attempt}", "startedOn": facts.started_on,
                             "finishedOn": facts.finished_on},
                "byproducts": byproducts,
            },
        },
    }


def _dependencies(dispatch: Dispatch, environment: Document) -> list[Document]:
    teacher: dict[str, Any] = dispatch.resolved.get("teacher") or {}
    known: Sequence[tuple[str, object]] = (
        ("bundle", dispatch.bundle),
        ("environment", environment_of(dispatch.python)),
        ("teacher checkpoint", teacher.get("checkpoint_sha256")),
        ("checkpoint to continue from", (dispatch.continue_from or {}).get("sha256")),
        ("corpus", environment.get("corpus_sha256")),
    )
    return [{"name": name, "digest": {"sha256": digest}} for name, digest in known if is_digest(digest)]


def _collect(directory: str, prefix: str, subjects: list[Subject], left_out: list[tuple[str, str]]) -> None:
    with os.scandir(directory) as entries:
        found = sorted(entries, key=lambda e: e.name)
    for entry in found:
        name = prefix + entry.name
        if not prefix and entry.name in NOT_EVIDENCE:
            continue
        if not is_safe_name(name):
            left_out.append((ascii(name), "a name with control characters or bytes that are not UTF-8"))
        elif entry.is_symlink():
            left_out.append((name, "a symbolic link"))
        elif entry.is_dir(follow_symlinks=False):
            _collect(entry.path, name + "/", subjects, left_out)
        elif entry.is_file(follow_symlinks=False):
            subjects.append(_hash(entry.path, name))
        else:
            left_out.append((name, "not a regular file"))
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _hash(path: str, name: str) -> Subject:
    digest = hashlib.sha256()
    size = 0
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{path} changed while it was being sealed")
        while piece := os.read(fd, _CHUNK_BYTES):
            digest.update(piece)
            size += len(piece)
        os.fsync(fd)
    finally:
        os.close(fd)
    return Subject(name, digest.hexdigest(), size)
