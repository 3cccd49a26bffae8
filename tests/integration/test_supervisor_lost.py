"""What is proved about an attempt whose supervisor or machine is gone."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.integration.supervised import HOST_PYTHON, HostRoot, simulated_spec, wait_for
from worker.process import identity_of, is_alive, stat_of


def test_what_was_never_launched_is_absent(host: HostRoot) -> None:
    assert host.place().state == "absent"


def test_a_killed_supervisor_leaves_an_orphan_and_then_a_lost_attempt(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(horizon=100000, real_step_ms=5))
    host.launch(attempt)
    wait_for(lambda: attempt.starts, "the trainer's first line")
    attempt.kill_supervisor()
    orphan = attempt.until("orphan")
    assert orphan["started"]["trainer"]["pid"] == attempt.process("started.json", "trainer").pid
    wait_for(lambda: attempt.file("train.log").stat().st_size > orphan["train_log_bytes"], "the orphan's next line")
    os.kill(attempt.process("started.json", "trainer").pid, signal.SIGKILL)
    assert attempt.until("lost_supervisor")["exit"] is None
    assert attempt.starts == 1


def test_after_a_reboot_what_ran_is_lost_and_what_waited_may_be_launched_again(host: HostRoot) -> None:
    earlier = host.path / "boot_id_of_an_earlier_boot"
    earlier.write_text("11111111-2222-3333-4444-555555555555\n")
    ran = host.place(simulated_spec(fault="hang", fault_step=1))
    waited = host.place(simulated_spec(seed=1))
    for attempt in (ran, waited):
        assert host.launch(attempt, KDORCH_BOOT_ID_FILE=str(earlier)) == "started"
    wait_for(lambda: ran.starts, "the trainer's first line")
    trainer = ran.process("started.json", "trainer")
    for attempt in (waited, ran):
        attempt.kill_supervisor()
    os.kill(trainer.pid, signal.SIGKILL)
    assert (ran.state, waited.state) == ("lost_reboot", "lost_reboot")
    assert host.launch(ran) == "exists"
    assert host.launch(waited) == "started"
    assert waited.seal()["outcome"] == "completed"
    assert (ran.state, ran.starts, waited.starts) == ("lost_reboot", 1, 1)


def test_a_program_may_be_called_what_it_likes(host: HostRoot) -> None:
    named = host.path / "a ) S 1 (b"
    named.symlink_to(Path(HOST_PYTHON).resolve())
    attempt = host.place(simulated_spec(fault="hang", fault_step=1), python=str(named))
    host.launch(attempt)
    wait_for(lambda: attempt.starts, "the trainer's first line")
    trainer = attempt.process("started.json", "trainer")
    assert Path(f"/proc/{trainer.pid}/comm").read_text() == "a ) S 1 (b\n"
    assert identity_of(trainer.pid) == trainer
    attempt.kill_supervisor()
    assert attempt.until("orphan")["started"]["pgid"] == trainer.pid
    os.kill(trainer.pid, signal.SIGKILL)
    attempt.until("lost_supervisor")


def test_a_process_of_the_same_pid_and_other_ticks_is_another(host: HostRoot) -> None:
    me = identity_of(os.getpid())
    assert is_alive(me)
    assert not is_alive(type(me)(me.pid, me.ticks + 1))
    child = os.fork()
    if child == 0:
        os._exit(0)
    wait_for(lambda: (s := stat_of(child)) is not None and s.dead, "a zombie")
    assert not is_alive(identity_of(child))
    os.waitpid(child, 0)


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"contract":"v9"}'])
def test_a_started_document_that_cannot_be_read_does_not_hide_that_the_trainer_may_have_run(
        host: HostRoot, broken: str) -> None:
    attempt = host.place()
    host.launch(attempt, crash_at="after_claim")
    attempt.until("claimed")
    attempt.file("started.json").write_text(broken)
    assert attempt.state == "lost_supervisor"
    assert host.launch(attempt) == "exists"
    assert attempt.log == ""
