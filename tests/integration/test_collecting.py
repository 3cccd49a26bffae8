"""Collecting evidence: it is on this machine's disk before it has its name, and its name before anybody is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.dispatch.agent import HostAgent, connect_agent
from orchestrator.dispatch.bundle import build_bundle
from orchestrator.dispatch.collect import collect
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.logs import LogCopy
from orchestrator.resources import worker_source
from orchestrator.transport.inventory import HostEntry
from tests.integration.supervised import HostRoot, Placed, simulated_spec

SPEC = simulated_spec(horizon=50)


@pytest.fixture
def sealed(host: HostRoot) -> Placed:
    placed = host.place(SPEC)
    assert host.launch(placed) == "started"
    placed.seal()
    return placed


@pytest.fixture
def agent(host: HostRoot, home: Path) -> Iterator[HostAgent]:
    entry = HostEntry("here", "local", python=sys.executable, root=str(host.path))
    with connect_agent(entry, home, build_bundle(worker_source())) as agent:
        yield agent


class DiskDiary:
    """What is asked of the disk, in order: ``("sync", PATH)`` and ``("rename", NEW PATH)``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entries: list[tuple[str, Path]] = []
        fsync, rename = os.fsync, os.rename

        def note_sync(fd: int) -> None:
            fsync(fd)
            self.entries.append(("sync", Path(f"/proc/self/fd/{fd}").readlink()))

        def note_rename(source: Path, target: Path) -> None:
            rename(source, target)
            self.entries.append(("rename", Path(target)))

        monkeypatch.setattr(os, "fsync", note_sync)
        monkeypatch.setattr(os, "rename", note_rename)

    def synced(self, entries: list[tuple[str, Path]]) -> set[Path]:
        return {path for what, path in entries if what == "sync"}


def test_evidence_is_on_the_disk_before_it_has_its_name(sealed: Placed, agent: HostAgent, home: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    place = Home(home.resolve())
    LogCopy(place, sealed.run_id, 1).append(sealed.file("train.log").read_bytes())  # followed, as a rule
    diary = DiskDiary(monkeypatch)
    settled = collect(agent, place, sealed.run_id, 1, SPEC)
    final, partial = place.evidence(sealed.run_id, 1), place.evidence_in_progress(sealed.run_id, 1)
    named = diary.entries.index(("rename", final))
    inside = {partial / p.relative_to(final) for p in final.rglob("*")}
    assert {partial / name for name in ("train.log", "exit.json", "manifest.json", "derived/summary.csv")} < inside
    assert inside | {partial} <= diary.synced(diary.entries[:named])
    assert set(final.parents[:3]) <= diary.synced(diary.entries[named:])

    diary.entries.clear()
    assert collect(agent, place, sealed.run_id, 1, SPEC) == settled
    assert set(final.parents[:3]) <= diary.synced(diary.entries), "whoever named it may have died right afterwards"
