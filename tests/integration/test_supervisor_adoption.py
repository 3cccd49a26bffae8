"""An attempt that lost its supervisor is taken over by the next launch: watched, limited, sealed, never started."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest

from tests.integration.supervised import HostRoot, Placed, answer_of, simulated_spec, wait_for
from worker.adoption import Orphan
from worker.durable import write_atomic
from worker.observe import observe
from worker.process import identity_of, is_alive
from worker.wire import parse, to_bytes


def orphan(host: HostRoot, spec: object | None = None, **dispatch: object) -> Placed:
    """A started attempt whose supervisor is gone while its trainer lives."""
    attempt = host.place(spec or simulated_spec(horizon=100000, real_step_ms=5), **dispatch)  # type: ignore[arg-type]
    assert host.launch(attempt) == "started"
    wait_for(lambda: attempt.log.count("\n") > 3, "the trainer at work")
    attempt.kill_supervisor()
    attempt.until("orphan")
    return attempt


def adopt(host: HostRoot, attempt: Placed) -> None:
    answer = answer_of(host.begin_launch(attempt))
    assert (answer["result"], answer["detail"]) == ("started", "adopted")


def test_an_orphan_is_watched_to_its_end_and_sealed_as_completed(host: HostRoot) -> None:
    attempt = orphan(host, simulated_spec(horizon=300, real_step_ms=5))
    beat = attempt.document("status.json")["beat"]
    adopt(host, attempt)
    assert attempt.until("running")["status"]["beat"] > beat
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["witness"]) == ("completed", 0, "adopter")
    assert (seal["reason"], seal["failure"], seal["signal"]) == (None, None, None)
    assert attempt.starts == 1
    # Its whole life counts, the part before the adoption too: 300 steps of 5 ms at the least.
    assert seal["wall_ms"] >= 1500
    assert seal["started_at"] == attempt.document("started.json")["started_at"] < seal["ended_at"]


def test_of_many_launches_of_an_orphan_one_adopts(host: HostRoot) -> None:
    attempt = orphan(host)
    launchers = [host.begin_launch(attempt) for _ in range(8)]
    assert sorted(answer_of(launcher)["result"] for launcher in launchers) == ["exists"] * 7 + ["started"]
    assert host.launch(attempt) == "exists"
    attempt.file("stop.request").write_text("{}")
    assert attempt.seal()["outcome"] == "cancelled"
    assert attempt.starts == 1


def test_an_adopted_run_can_be_stopped(host: HostRoot) -> None:
    attempt = orphan(host)
    adopt(host, attempt)
    attempt.file("stop.request").write_text(json.dumps({"contract": "v1", "reason": "enough"}))
    seal = attempt.seal()
    assert (seal["outcome"], seal["reason"], seal["exit_code"], seal["witness"]) == (
        "cancelled", "enough", 143, "adopter")


def test_the_deadline_of_an_adopted_run_counts_from_its_start(host: HostRoot) -> None:
    attempt = orphan(host, simulated_spec(fault="ignore_term", fault_step=5, real_step_ms=5), deadline_s=2,
                     grace_s=0.3)
    trainer = attempt.process("started.json", "trainer")
    adopt(host, attempt)
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["witness"]) == ("timed_out", None, "adopter")
    assert 2000 <= seal["wall_ms"] < 30000
    assert not is_alive(trainer)


def test_without_its_monotonic_start_the_start_ticks_tell_the_deadline(host: HostRoot) -> None:
    attempt = orphan(host, deadline_s=3)
    started = attempt.document("started.json")
    known_ms = started.pop("started_monotonic_ms")
    write_atomic(attempt.directory.file("started.json"), to_bytes(started))
    adopt(host, attempt)
    seal = attempt.seal()
    assert seal["outcome"] == "timed_out"
    assert known_ms > 0
    assert 2500 <= seal["wall_ms"] < 30000


def test_the_budget_of_an_adopted_run_is_guarded(host: HostRoot) -> None:
    attempt = orphan(host, simulated_spec(horizon=100000, real_step_ms=5, step_ms=10), budget_ms=20000)
    adopt(host, attempt)
    seal = attempt.seal()
    assert (seal["outcome"], seal["witness"]) == ("over_budget", "adopter")


def test_a_trainer_that_fails_before_its_adopter_is_believed(host: HostRoot) -> None:
    attempt = orphan(host, simulated_spec(horizon=300, real_step_ms=5, fault="oom", fault_step=200))
    adopt(host, attempt)
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["failure"]["class"]) == ("failed", 12, "oom")


def test_a_trainer_that_vanishes_without_a_farewell_has_failed_unseen(host: HostRoot) -> None:
    attempt = orphan(host)
    adopt(host, attempt)
    attempt.until("running")
    os.kill(attempt.process("started.json", "trainer").pid, signal.SIGKILL)
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["signal"]) == ("failed", None, None)
    assert "nobody saw" in seal["reason"]


@pytest.mark.parametrize(("spec", "outcome", "code"), [
    (simulated_spec(horizon=60, real_step_ms=10), "completed", 0),
    (simulated_spec(horizon=60, real_step_ms=10, fault="exit", exit_code=7, fault_step=50), "failed", 7),
    (simulated_spec(horizon=60, real_step_ms=10, fault="torn_line", fault_step=50), "failed", None),
])
def test_a_trainer_that_was_gone_already_is_sealed_at_once_by_its_log(host: HostRoot, spec: object, outcome: str,
                                                                      code: int | None) -> None:
    attempt = orphan(host, spec)
    attempt.until("lost_supervisor")
    adopt(host, attempt)
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["witness"]) == (outcome, code, "adopter")
    assert (seal["failure"] is None) == (code in (0, None)) or seal["failure"]["class"]
    assert seal["wall_ms"] >= 500
    parse("exit", attempt.file("exit.json").read_bytes(), "exit.json")


def test_a_run_that_was_stopped_and_then_lost_its_supervisor_is_cancelled(host: HostRoot) -> None:
    attempt = orphan(host)
    attempt.file("stop.request").write_text(json.dumps({"contract": "v1", "reason": "enough"}))
    os.kill(attempt.process("started.json", "trainer").pid, signal.SIGKILL)
    attempt.until("lost_supervisor")
    adopt(host, attempt)
    assert (attempt.seal()["outcome"], attempt.document("exit.json")["reason"]) == ("cancelled", "enough")


def test_what_an_orphan_left_behind_does_not_outlive_the_seal(host: HostRoot) -> None:
    """A child with a session of its own, of which nothing but its output tells whose it is."""
    attempt = orphan(host, simulated_spec(horizon=300, real_step_ms=5, fault="fork", fault_step=3))
    found = re.search(r"left child (\d+)", attempt.log)
    assert found is not None
    child = identity_of(int(found[1]))
    assert is_alive(child)
    adopt(host, attempt)
    attempt.seal()
    assert not is_alive(child)
    usage = attempt.document("manifest.json")["predicate"]["runDetails"]["byproducts"][0]["content"]
    assert usage["killed_processes"] == 1


def test_who_only_reads_the_log_is_left_alone(host: HostRoot) -> None:
    attempt = orphan(host)
    with attempt.file("train.log").open("rb"):
        Orphan(attempt.process("started.json", "trainer"), attempt.directory.file("train.log"),
               lambda _: None).clear_away()
    attempt.until("lost_supervisor")


def test_an_attempt_of_another_boot_is_not_adopted(host: HostRoot) -> None:
    earlier = host.path / "boot_id_of_an_earlier_boot"
    earlier.write_text("11111111-2222-3333-4444-555555555555\n")
    attempt = host.place(simulated_spec(fault="hang", fault_step=1))
    assert host.launch(attempt, KDORCH_BOOT_ID_FILE=str(earlier)) == "started"
    wait_for(lambda: attempt.starts, "the trainer's first line")
    attempt.kill_supervisor()
    assert attempt.state == "lost_reboot"
    assert host.launch(attempt) == "exists"
    assert observe(attempt.directory)["exit"] is None


def test_an_adopter_that_is_told_to_end_ends_the_trainer_and_seals(host: HostRoot) -> None:
    attempt = orphan(host)
    before = set(host.processes())
    adopt(host, attempt)
    attempt.until("running")
    adopter, = set(host.processes()) - before
    os.kill(adopter, signal.SIGTERM)
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"]) == ("cancelled", 143)
    assert "SIGTERM" in seal["reason"]
