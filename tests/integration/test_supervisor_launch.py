"""A launch may be repeated, raced and killed at every point; a trainer runs at most once for each attempt."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.supervised import REPOSITORY, HostRoot, answer_of, simulated_spec, wait_for
from worker.locks import is_held
from worker.process import is_alive


def test_a_launch_runs_to_a_seal_and_later_launches_find_it(host: HostRoot) -> None:
    attempt = host.place()
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["signal"]) == ("completed", 0, None)
    before = {p: p.read_bytes() for p in Path(attempt.directory.path).rglob("*") if p.is_file()}
    assert host.launch(attempt) == "exists"
    after = {p: p.read_bytes() for p in Path(attempt.directory.path).rglob("*") if p.is_file()}
    assert before == after
    assert attempt.starts == 1


def test_of_twenty_launches_at_once_one_starts_the_trainer(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(real_step_ms=5))
    launchers = [host.begin_launch(attempt) for _ in range(20)]
    results = [answer_of(launcher)["result"] for launcher in launchers]
    assert sorted(results) == ["exists"] * 19 + ["started"]
    assert attempt.seal()["outcome"] == "completed"
    assert attempt.starts == 1


def test_two_attempts_of_one_run_never_share_a_directory(host: HostRoot) -> None:
    first, second = host.place(), host.place(attempt=2)
    assert host.launch(first) == "started"
    first.seal()
    assert host.launch(second) == "started"
    second.seal()
    assert (first.starts, second.starts) == (1, 1)


def test_another_dispatch_of_a_claimed_attempt_is_a_conflict(host: HostRoot) -> None:
    first = host.place()
    assert host.launch(first) == "started"
    first.seal()
    assert host.launch(host.place(deadline_s=77)) == "conflict"


def test_an_attempt_below_the_highest_is_stale(host: HostRoot) -> None:
    second, first = host.place(attempt=2), host.place(attempt=1)
    assert host.launch(second) == "started"
    second.seal()
    assert host.launch(first) == "stale"
    assert not first.directory.exists()


@pytest.mark.parametrize("altered", ["spec.json", "dispatch"])
def test_an_altered_document_is_refused_and_nothing_is_claimed(host: HostRoot, altered: str) -> None:
    attempt = host.place()
    run = host.path / "runs" / attempt.run_id
    target = run / "spec.json" if altered == "spec.json" else run / "dispatch" / f"{attempt.digest}.json"
    target.write_bytes(target.read_bytes().replace(b'"v1"', b'"v1" ', 1))
    assert host.launch(attempt) == "refused"
    assert not attempt.directory.exists()


@pytest.mark.parametrize(("change", "says"), [
    ({"run": "f" * 64}, "spec.json is missing"),
    ({"run": "../../etc"}, "--run"),
    ({"dispatch": "F" * 64}, "--dispatch"),
    ({"dispatch": "0" * 64}, "is missing"),
    ({"attempt": "0"}, "--attempt"),
    ({"attempt": "2"}, "speaks of attempt 1"),
])
def test_a_launch_that_asks_for_what_is_not_there_is_refused(host: HostRoot, change: dict[str, str],
                                                             says: str) -> None:
    done = subprocess.run(host.command(host.place(), **change), cwd=REPOSITORY, capture_output=True, check=False)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["result"]) == (3, "refused")
    assert says in answer["detail"]


@pytest.mark.parametrize(("wrong", "says"), [
    ({"slots": 0}, "slots"),
    ({"deadline_s": 0}, "deadline_s"),
    ({"beat_s": "1"}, "beat_s"),
    ({"trainer_env": {"PYTHONPATH": "/tmp"}}, "trainer_env"),
    ({"trainer_env": {"A B": "c"}}, "trainer_env"),
    ({"resolved": {"teacher": {"run_id": "x"}}}, "resolved"),
    ({"contract": "v2"}, "contract 'v2' is unknown"),
    ({"gpus": 3, "devices": ["GPU-1", "GPU-2"]}, "names 2 devices"),
])
def test_a_dispatch_that_breaks_the_contract_is_refused_by_its_key(host: HostRoot, wrong: dict[str, object],
                                                                   says: str) -> None:
    attempt = host.place(**wrong)
    answer = answer_of(host.begin_launch(attempt))
    assert answer["result"] == "refused"
    assert says in answer["detail"]
    assert not attempt.directory.exists()


def test_a_home_relative_root_is_expanded(host: HostRoot) -> None:
    attempt = host.place()
    home, name = str(host.path.parent), host.path.name
    command = host.command(attempt, root=f"~/{name}")
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False, env={**os.environ, "HOME": home})
    assert json.loads(done.stdout)["result"] == "started", done.stderr
    assert attempt.seal()["outcome"] == "completed"


def test_a_trainer_whose_supervisor_dies_at_the_gate_never_runs(host: HostRoot) -> None:
    attempt = host.place()
    host.launch(attempt, crash_at="after_started")
    wait_for(lambda: attempt.file("started.json").exists(), "the start")
    trainer = attempt.process("started.json", "trainer")
    wait_for(lambda: not is_alive(trainer), "the end of the gate")
    assert attempt.log == ""


def test_launchers_killed_at_once_leave_a_claim_that_one_later_launch_completes(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(real_step_ms=2))
    launchers = [host.begin_launch(attempt) for _ in range(8)]
    for launcher in launchers:
        launcher.kill()
        launcher.communicate()
    assert host.launch(attempt) in ("started", "exists")
    assert attempt.seal()["outcome"] == "completed"
    assert attempt.starts == 1


def test_the_supervisor_keeps_nothing_of_the_launcher_open_and_stays_small(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="hang", fault_step=1))
    assert host.launch(attempt) == "started"
    attempt.until("running")
    wait_for(lambda: attempt.starts == 1, "the trainer's first line")
    supervisor = attempt.process("claim.json", "supervisor")
    trainer = attempt.process("started.json", "trainer")
    status = Path(f"/proc/{supervisor.pid}/status").read_text()
    resident_kib = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert resident_kib < 25 * 1024
    assert not is_held(host.root.launch_lock(attempt.run_id))
    held = {str(fd.readlink()) for fd in Path(f"/proc/{trainer.pid}/fd").iterdir()}
    assert held == {"/dev/null", attempt.directory.file("train.log"), str(host.path / "slots" / "slot-0.lock")}
    assert os.getsid(trainer.pid) == trainer.pid != os.getsid(supervisor.pid)
