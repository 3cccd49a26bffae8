"""A run that only waits may be taken back: it is sealed as withdrawn, or it has started; never both, never neither."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.supervised import HostRoot, Placed, answer_of, simulated_spec, wait_for
from worker.limits import ask_to_stop, stop_request


def blocker(host: HostRoot) -> Placed:
    attempt = host.place(simulated_spec(seed=99, fault="hang", fault_step=1))
    assert host.launch(attempt) == "started"
    wait_for(lambda: attempt.starts, "the trainer's first line")
    return attempt


def withdraw(attempt: Placed) -> None:
    ask_to_stop(attempt.directory, "moved to gb10", only_waiting=True)


def test_a_waiting_run_is_sealed_as_withdrawn(host: HostRoot) -> None:
    blocker(host)
    attempt = host.place()
    assert host.launch(attempt) == "started"
    withdraw(attempt)
    seal = attempt.seal()
    assert (seal["outcome"], seal["reason"], seal["started_at"], seal["wall_ms"]) == (
        "withdrawn", "moved to gb10", None, 0)
    assert not attempt.file("started.json").exists()
    assert host.launch(attempt) == "exists"
    assert attempt.starts == 0


def test_a_started_run_goes_on(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(horizon=60, real_step_ms=10))
    assert host.launch(attempt) == "started"
    wait_for(lambda: attempt.starts, "the trainer's first line")
    withdraw(attempt)
    assert not attempt.file("stop.request").exists(), "a request that came too late is not left lying about"
    attempt.file("stop.request").write_text('{"contract":"v1","reason":"x","only_waiting":true}')
    assert attempt.seal()["outcome"] == "completed"


@pytest.mark.parametrize(("point", "outcome"), [
    ("after_claim", "withdrawn"), ("after_ticket", "withdrawn"), ("after_lease", "withdrawn"),
    ("after_spawn", "withdrawn"), ("before_started", "completed"), ("after_started", "completed"),
    ("after_gate", "completed"),
])
def test_whoever_asks_at_any_moment_gets_one_of_the_two(host: HostRoot, point: str, outcome: str) -> None:
    attempt = host.place()
    with pausing(host, attempt, point) as supervisor:
        withdraw(attempt)
        os.kill(supervisor, signal.SIGCONT)
        seal = attempt.seal()
    assert seal["outcome"] == outcome
    assert (seal["started_at"] is None) == (outcome == "withdrawn")
    assert attempt.file("started.json").exists() == (outcome == "completed")
    assert attempt.starts == (1 if outcome == "completed" else 0)


def test_a_started_run_may_still_be_cancelled_after_that(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="hang", fault_step=1))
    with pausing(host, attempt, "before_started") as supervisor:
        withdraw(attempt)
        ask_to_stop(attempt.directory, "cancelled by user", only_waiting=False)
        os.kill(supervisor, signal.SIGCONT)
        seal = attempt.seal()
    assert (seal["outcome"], seal["reason"]) == ("cancelled", "cancelled by user")


@pytest.mark.parametrize("point", ["after_claim", "after_lease", "after_spawn"])
def test_a_supervisor_that_dies_over_a_withdrawal_leaves_it_to_the_next(host: HostRoot, point: str) -> None:
    attempt = host.place()
    host.launch(attempt, crash_at=point)
    attempt.until("claimed")
    withdraw(attempt)
    assert host.launch(attempt) == "started"
    assert attempt.seal()["outcome"] == "withdrawn"
    assert attempt.starts == 0


def test_requests_do_not_take_each_others_place_but_to_ask_for_more(tmp_path: Path) -> None:
    attempt = HostRoot(tmp_path).place().directory
    Path(attempt.path).mkdir(parents=True)

    def standing() -> tuple[str, bool]:
        found = stop_request(attempt)
        assert found is not None
        return found.reason, found.only_waiting

    for reason, only_waiting, then in (("a", True, ("a", True)), ("b", True, ("a", True)), ("c", False, ("c", False)),
                                       ("d", True, ("c", False)), ("e", False, ("c", False))):
        ask_to_stop(attempt, reason, only_waiting=only_waiting)
        assert standing() == then
    assert [p.name for p in Path(attempt.path).iterdir()] == ["stop.request"]


class pausing:
    """Launch the attempt; inside, its supervisor stands still at ``point``. Yields its pid."""

    def __init__(self, host: HostRoot, attempt: Placed, point: str) -> None:
        self._attempt = attempt
        self._launcher: subprocess.Popen[bytes] = host.begin_launch(attempt, KDORCH_PAUSE_AT=point)

    def __enter__(self) -> int:
        return int(wait_for(self._stopped, "the supervisor's pause"))

    def __exit__(self, *_: object) -> None:
        assert answer_of(self._launcher)["result"] == "started"

    def _stopped(self) -> int | None:
        if not self._attempt.file("claim.json").exists():
            return None
        pid: int = self._attempt.document("claim.json")["supervisor"]["pid"]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return pid if state == "T" else None
