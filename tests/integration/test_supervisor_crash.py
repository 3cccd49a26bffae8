"""A supervisor may die at every point at which it writes; whoever comes next finishes its work, and no trainer runs
twice."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from orchestrator.wire.documents import PARSERS
from tests.integration.supervised import HostRoot, Placed, simulated_spec, wait_for
from worker.faults import POINTS

BEFORE_THE_START = ("after_mkdir", "after_dispatch", "after_claim", "after_ticket", "after_lease", "after_spawn",
                    "before_started")
"""It is certain that no trainer ran: the same attempt is launched again."""

AFTER_THE_START = ("after_started", "after_gate", "before_manifest", "before_exit")
"""The attempt has had its start: it is adopted."""

SEALED = ("after_exit",)
WHEN_ADOPTED = ("after_adoption",)


def test_every_point_is_tried() -> None:
    assert {*BEFORE_THE_START, *AFTER_THE_START, *SEALED, *WHEN_ADOPTED} == set(POINTS)


@pytest.mark.parametrize("point", BEFORE_THE_START)
def test_killed_before_the_start_it_leaves_an_attempt_that_is_launched_again(host: HostRoot, point: str) -> None:
    attempt = host.place()
    host.launch(attempt, crash_at=point)
    assert attempt.until("claimed")["exit"] is None
    assert attempt.starts == 0
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert (seal["outcome"], seal["witness"], attempt.starts) == ("completed", "supervisor", 1)
    assert list(Path(host.root.queue).iterdir()) == []


@pytest.mark.parametrize("point", AFTER_THE_START)
def test_killed_after_the_start_it_leaves_an_attempt_that_is_adopted(host: HostRoot, point: str) -> None:
    attempt = host.place()
    host.launch(attempt, crash_at=point)
    attempt.until("orphan", "lost_supervisor")
    attempt.until("lost_supervisor")
    ran = attempt.starts
    assert ran == (0 if point == "after_started" else 1)
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert (seal["outcome"], seal["witness"]) == ("failed" if point == "after_started" else "completed", "adopter")
    assert attempt.starts == ran
    assert host.launch(attempt) == "exists"


@pytest.mark.parametrize("point", SEALED)
def test_killed_after_the_seal_it_leaves_nothing_to_do(host: HostRoot, point: str) -> None:
    attempt = host.place()
    host.launch(attempt, crash_at=point)
    assert attempt.seal()["outcome"] == "completed"
    before = snapshot(attempt)
    assert host.launch(attempt) == "exists"
    assert snapshot(attempt) == before


@pytest.mark.parametrize("point", [*WHEN_ADOPTED, "before_manifest", "before_exit"])
def test_an_adopter_that_is_killed_too_is_followed_by_another(host: HostRoot, point: str) -> None:
    attempt = host.place(simulated_spec(horizon=30, real_step_ms=5))
    host.launch(attempt, crash_at="after_gate")
    attempt.until("orphan", "lost_supervisor")
    host.launch(attempt, crash_at=point)
    attempt.until("lost_supervisor")
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["witness"], attempt.starts) == ("completed", 0, "adopter", 1)


@pytest.mark.parametrize("point", POINTS)
def test_what_lies_there_after_a_crash_is_whole(host: HostRoot, point: str) -> None:
    """A reader never meets a part of a document, nor evidence of a trainer that has not run."""
    attempt = host.place()
    host.launch(attempt, crash_at=point)
    attempt.until("claimed", "orphan", "lost_supervisor", "sealed")
    for path in Path(attempt.directory.path).glob("*.json"):
        PARSERS[path.stem](path.read_bytes(), path.name)
    if point in BEFORE_THE_START:
        assert not attempt.file("started.json").exists()
        assert attempt.log == ""


def test_a_launcher_that_is_killed_leaves_a_supervisor_that_stays(host: HostRoot) -> None:
    attempt = host.place()
    launcher = host.begin_launch(attempt, KDORCH_PAUSE_AT="after_claim")
    supervisor = wait_for(lambda: paused(attempt), "the pause")
    launcher.kill()
    launcher.communicate()
    os.kill(supervisor, signal.SIGCONT)
    assert attempt.seal()["outcome"] == "completed"


def paused(attempt: Placed) -> int | None:
    """The pid of the attempt's supervisor, once it has stopped at its point."""
    if not attempt.file("claim.json").exists():
        return None
    pid: int = json.loads(attempt.file("claim.json").read_bytes())["supervisor"]["pid"]
    return pid if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T" else None


def snapshot(attempt: Placed) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in Path(attempt.directory.path).rglob("*") if p.is_file()}
