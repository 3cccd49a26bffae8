"""Hostile trainers, deadlines, cancellation and full disks: every attempt that started ends with a true seal."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.supervised import REPOSITORY, HostRoot, Placed, simulated_spec, wait_for
from worker.process import Identity, identity_of, is_alive, stat_of


def hang(fault: str = "hang") -> object:
    return simulated_spec(fault=fault, fault_step=3)


def cancel(attempt: Placed, reason: str = "cancelled by user") -> None:
    attempt.file("stop.request").write_text(json.dumps({"contract": "v1", "reason": reason}))


@pytest.mark.parametrize(("fault", "exit_code", "number", "reason"), [
    ({"fault": "exit", "exit_code": 7}, 7, None, "exit code 7: the simulated trainer was told to fail"),
    ({"fault": "nan"}, 11, None, "loss became NaN or infinite"),
    ({"fault": "oom"}, 12, None, "out of memory: torch.OutOfMemoryError"),
    ({"fault": "torn_line"}, None, 9, "killed by SIGKILL"),
])
def test_a_trainer_that_fails_is_sealed_with_what_the_kernel_saw_and_its_last_words(
        host: HostRoot, fault: dict[str, object], exit_code: int | None, number: int | None, reason: str) -> None:
    attempt = host.place(simulated_spec(fault_step=3, **fault))
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["signal"]) == ("failed", exit_code, number)
    assert seal["reason"].startswith(reason)
    assert seal["train_log_bytes"] == attempt.file("train.log").stat().st_size


def test_losses_that_are_not_numbers_are_printed_as_nan(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="nan", fault_step=3))
    host.launch(attempt)
    attempt.seal()
    assert re.search(r"^step:3/50 train_loss:nan .*\nstep|run_end step:3 reason:nan$", attempt.log, re.MULTILINE)


def test_bad_input_is_named(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(), resume_from=1)
    host.launch(attempt)
    seal = attempt.seal()
    assert (seal["exit_code"], seal["outcome"]) == (10, "failed")
    assert seal["reason"].startswith("bad spec or input: the simulated trainer cannot resume")


def test_a_python_that_is_not_there_is_refused_before_anything_ran(host: HostRoot) -> None:
    attempt = host.place(python="python-of-another-age")
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert (seal["outcome"], seal["started_at"], seal["wall_ms"]) == ("refused", None, 0)
    assert "python-of-another-age" in seal["reason"]
    assert not attempt.file("started.json").exists()
    assert {s["name"] for s in attempt.document("manifest.json")["subject"]} >= {"train.log", "status.json"}


def test_the_deadline_ends_a_trainer_that_obeys(host: HostRoot) -> None:
    attempt = host.place(hang(), deadline_s=1.0, grace_s=30)
    host.launch(attempt)
    seal = attempt.seal()
    assert (seal["outcome"], seal["signal"]) == ("timed_out", 15)
    assert "deadline of 1 s" in seal["reason"]
    assert seal["wall_ms"] >= 1000


def test_a_trainer_that_ignores_sigterm_is_killed_after_its_grace(host: HostRoot) -> None:
    attempt = host.place(hang("ignore_term"), deadline_s=1.0, grace_s=0.5)
    host.launch(attempt)
    assert "SIGTERM will be ignored" in wait_for(lambda: attempt.log if attempt.log.count("\n") > 3 else "", "the log")
    seal = attempt.seal()
    assert (seal["outcome"], seal["signal"]) == ("timed_out", 9)
    assert seal["wall_ms"] >= 1500


def test_a_trainer_that_is_stopped_in_time_ends_by_its_own_hand(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(horizon=100000, real_step_ms=5))
    host.launch(attempt)
    wait_for(lambda: "step:3/" in attempt.log, "three steps")
    cancel(attempt, "changed my mind")
    seal = attempt.seal()
    assert (seal["outcome"], seal["reason"], seal["exit_code"]) == ("cancelled", "changed my mind", 143)
    assert attempt.log.endswith("reason:stopped\ntrainer_exit code=143\n")


@pytest.mark.parametrize("content", ["", "not json", '{"reason": 5}'])
def test_a_stop_request_counts_whatever_it_says(host: HostRoot, content: str) -> None:
    attempt = host.place(hang())
    host.launch(attempt)
    attempt.until("running")
    attempt.file("stop.request").write_text(content)
    seal = attempt.seal()
    assert (seal["outcome"], seal["reason"]) == ("cancelled", "stop requested")


def test_a_child_that_detached_itself_does_not_outlive_the_attempt(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="fork", fault_step=3, real_step_ms=2))
    host.launch(attempt)
    child = wait_for(lambda: re.search(r"left child (\d+)", attempt.log), "the child")
    seen = stat_of(int(child[1]))
    seal = attempt.seal()
    assert seal["outcome"] == "completed"
    assert seen is None or not is_alive(Identity(seen.pid, seen.start_ticks))
    usage = attempt.document("manifest.json")["predicate"]["runDetails"]["byproducts"][0]
    assert usage["content"]["killed_processes"] == 1
    assert not list(host.processes())


def test_megabytes_of_talk_are_kept_and_the_last_data_line_is_still_found(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(fault="flood", fault_step=49))
    host.launch(attempt)
    seal = attempt.seal()
    assert seal["outcome"] == "completed"
    assert seal["train_log_bytes"] == attempt.file("train.log").stat().st_size > 4 << 20
    assert attempt.document("status.json")["last_line"] == "run_end step:50 reason:horizon"


def test_a_floor_above_the_free_space_keeps_a_trainer_from_starting(host: HostRoot) -> None:
    attempt = host.place(disk_floor_bytes=1 << 60)
    host.launch(attempt)
    seal = attempt.seal()
    assert (seal["outcome"], seal["started_at"]) == ("disk_full", None)
    assert str(1 << 60) in seal["reason"]


def test_a_supervisor_that_is_told_to_end_ends_its_trainer_and_seals(host: HostRoot) -> None:
    attempt = host.place(hang())
    host.launch(attempt)
    attempt.until("running")
    supervisor = attempt.process("claim.json", "supervisor")
    assert supervisor == identity_of(supervisor.pid)
    os.kill(supervisor.pid, signal.SIGTERM)
    seal = attempt.seal()
    assert seal["outcome"] == "cancelled"
    assert "SIGTERM" in seal["reason"]


def test_the_environment_of_a_trainer_is_small_and_as_dispatched(host: HostRoot) -> None:
    attempt = host.place(hang(), trainer_env={"OMP_WAIT_POLICY": "PASSIVE"})
    host.launch(attempt, SECRET_OF_THE_LAUNCHER="x")
    wait_for(lambda: attempt.starts, "the trainer's first line")
    pid = attempt.document("started.json")["trainer"]["pid"]
    pairs = dict(p.split("=", 1) for p in Path(f"/proc/{pid}/environ").read_text().split("\0") if p)
    assert pairs["OMP_WAIT_POLICY"] == "PASSIVE"
    assert pairs["PYTHONPATH"] == str(REPOSITORY)
    assert "SECRET_OF_THE_LAUNCHER" not in pairs


FULL_DISK = """
import sys
sys.path.insert(0, {repository!r})
from pathlib import Path
from tests.integration.supervised import HostRoot, simulated_spec
host = HostRoot(Path({root!r}))
try:
    attempt = host.place(simulated_spec(fault="flood", fault_step=3), disk_floor_bytes={floor})
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    names = [s["name"] for s in attempt.document("manifest.json")["subject"]]
    print(seal["outcome"], seal["train_log_bytes"] == attempt.file("train.log").stat().st_size, "status.json" in names)
finally:
    host.close()
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to mount a small file system")
@pytest.mark.parametrize("floor", [0, 300 << 10])
def test_a_disk_that_fills_up_ends_in_a_whole_seal(tmp_path: Path, floor: int) -> None:
    root = tmp_path / "small"
    root.mkdir()
    program = FULL_DISK.format(repository=str(REPOSITORY), root=str(root), floor=floor)
    mount = 'mount -t tmpfs -o size=2m tmpfs "$1" && exec "$2" -c "$3"'
    done = subprocess.run(["unshare", "-rm", "sh", "-c", mount, "sh", str(root), sys.executable, program],
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.split() == ["disk_full", "True", "True"], done.stderr
