"""One test for each fault that has a name: what it may cost, and what it must not."""

from __future__ import annotations

import json

import pytest

from tests.faults.disk import can_mount
from tests.faults.links import SshLink
from tests.faults.named import named
from tests.faults.play import Schedule, drive, play, play_fleet, world
from tests.faults.properties import Findings, examine
from tests.faults.schedules import BEFORE_THE_START, Fault
from tests.faults.verdicts import FLEET, TRIES
from tests.integration.supervised import wait_for
from worker.faults import POINTS

needs_mounts = pytest.mark.usefixtures("disks_that_can_be_hurt")


def after(*faults: Fault, transport: str = "local", runs: int = 1) -> Findings:
    """What is left when these faults are over; nothing may be wrong with it."""
    findings = play(Schedule(runs, faults), transport=transport)
    assert findings.complaints() == [], "\n".join(findings.complaints())
    return findings


@pytest.mark.parametrize("operation", ["hello", "place", "launch", "tail", "read", "read_many"])
def test_a_connection_lost_after_the_command_ran_and_before_its_answer_costs_nothing(operation: str) -> None:
    found = after(Fault("message", word=f"{operation}.cut_after"))
    assert (found.outcomes, found.most_starts) == (["completed"], 1)


@pytest.mark.parametrize("effect", ["twice", "twice_late"])
def test_a_launch_that_arrives_twice_starts_once(effect: str) -> None:
    found = after(Fault("message", word=f"launch.{effect}"), runs=2)
    assert (found.outcomes, found.most_starts) == (["completed"] * 2, 1)


def test_every_message_may_arrive_twice() -> None:
    found = after(Fault("twice_always"), runs=2)
    assert (found.outcomes, found.most_starts) == (["completed"] * 2, 1)


@pytest.mark.parametrize("moment", ["placed", "started", "sealed"])
def test_a_cut_line_decides_nothing(moment: str) -> None:
    assert after(Fault("cut", at=moment, number=300)).outcomes == ["completed"]


@pytest.mark.parametrize("moment", ["claimed", "trained"])
def test_a_laptop_killed_at_any_moment_is_replaced_by_the_same_command(moment: str) -> None:
    assert after(Fault("kill_laptop", at=moment), runs=2).outcomes == ["completed"] * 2


@pytest.mark.parametrize("point", POINTS)
def test_a_supervisor_killed_at_a_write_point_never_doubles_a_trainer(point: str) -> None:
    found = after(Fault("crash", word=point))
    assert found.outcomes[-1] == "completed"
    assert found.most_starts == 1
    if point in BEFORE_THE_START:
        assert found.attempts == 1, "no trainer had run: the same attempt is launched again"


def test_a_supervisor_killed_in_the_middle_leaves_its_run_to_be_told_truly() -> None:
    found = after(Fault("kill_supervisor", at="trained"))
    assert found.outcomes[-1] == "completed"


def test_a_killed_trainer_is_a_failure_with_a_name() -> None:
    with world(Schedule(1, ()), "local", pace_ms=200) as w:
        w.laptop.start()
        attempt = wait_for(lambda: [a for a in w.host.attempts() if (a / "started.json").exists()], "the start")[0]
        wait_for(lambda: (attempt / "train.log").stat().st_size > 0, "the first line")
        w.host.kill([json.loads((attempt / "started.json").read_bytes())["trainer"]["pid"]])
        seal = json.loads(wait_for(lambda: _content(attempt / "exit.json"), "the seal"))
        assert (seal["outcome"], seal["signal"]) == ("failed", 9)
        assert "SIGKILL" in seal["reason"]


def test_a_rebooted_host_is_proved_to_be_one_and_the_run_gets_another_attempt() -> None:
    found = after(Fault("reboot", at="trained", number=50))
    assert found.outcomes == ["lost_reboot", "completed"]


@pytest.mark.parametrize("seconds", [-86400, 7200, 10**8])
def test_a_stepped_clock_changes_no_duration_and_no_result(seconds: int) -> None:
    """The clock of the host's programs, by a ``time.time`` of the test's own: see ``clock/sitecustomize.py``."""
    assert after(Fault("step_clock", at="started", number=seconds)).outcomes == ["completed"]


@needs_mounts
def test_a_disk_that_runs_low_stops_the_run_and_is_its_named_end() -> None:
    with world(Schedule(1, (Fault("fill_disk"),)), "local", pace_ms=100) as w:
        assert w.host.disk is not None
        w.laptop.start()
        attempt = wait_for(lambda: [a for a in w.host.attempts() if (a / "started.json").exists()], "the start")[0]
        w.host.disk.fill(leave_bytes=50 << 20)
        seal = json.loads(wait_for(lambda: _content(attempt / "exit.json"), "the seal"))
        assert seal["outcome"] == "disk_full"
        assert "bytes are free" in seal["reason"]


@needs_mounts
@pytest.mark.parametrize("moment", ["begin", "started", "trained", "sealed"])
@pytest.mark.parametrize("how", ["low", "full"])
def test_a_filled_disk_costs_no_truth_and_hangs_nothing(moment: str, how: str) -> None:
    after(Fault("fill_disk", at=moment, word=how, number=300))


@needs_mounts
@pytest.mark.parametrize("moment", ["begin", "started", "sealed"])
def test_a_disk_that_turns_read_only_costs_no_truth_and_hangs_nothing(moment: str) -> None:
    after(Fault("read_only", at=moment, number=300))


def test_a_log_truncated_while_it_grows_is_sealed_and_collected_as_it_stands() -> None:
    after(Fault("truncate_log", at="trained", delay_ms=20))


# Over a real sshd

_named = list(named(disk=can_mount()))


@pytest.mark.sshd
@pytest.mark.parametrize("first", range(0, len(_named), FLEET))
def test_no_named_fault_breaks_a_promise_over_ssh(sshd_program: str, first: int) -> None:
    fleet = _named[first : first + FLEET]
    for _ in range(TRIES):
        missed = []
        for (name, schedule), found in zip(fleet, play_fleet([s for _, s in fleet], transport="ssh"), strict=True):
            assert found.complaints() == [], f"{name}:\n" + "\n".join(found.complaints())
            if not sum(found.struck.values()):
                missed.append((name, schedule))
        if not (fleet := missed):
            return
    pytest.fail(f"never struck in {TRIES} tries: {', '.join(name for name, _ in fleet)}")


@pytest.mark.sshd
def test_a_frozen_sshd_is_no_dead_host(sshd_program: str) -> None:
    assert after(Fault("freeze", at="trained", number=400), transport="ssh").outcomes == ["completed"]


@pytest.mark.sshd
def test_a_line_cut_under_a_running_run_is_no_end_of_it(sshd_program: str) -> None:
    assert after(Fault("cut", at="started", number=400), transport="ssh").outcomes == ["completed"]


@pytest.mark.sshd
@pytest.mark.parametrize("bytes_more", [1, 100, 1500])
def test_an_answer_torn_in_the_middle_is_asked_for_again(sshd_program: str, bytes_more: int) -> None:
    found = after(Fault("drop_inside", at="placed", number=bytes_more), transport="ssh")
    assert found.outcomes == ["completed"]


@pytest.mark.sshd
def test_a_swapped_host_key_is_a_hard_stop_and_its_runs_are_untouched(sshd_program: str) -> None:
    with world(Schedule(1, ()), "ssh", pace_ms=50) as w:
        assert isinstance(w.link, SshLink)
        w.laptop.start()
        wait_for(lambda: any((a / "started.json").exists() for a in w.host.attempts()), "the start")
        w.link.swap_host_key()
        wait_for(lambda: not w.laptop.alive, "the hard stop")
        assert w.laptop.exit_code == 3
        assert "HostKeyChanged" in w.laptop.words()
        wait_for(lambda: all((a / "exit.json").exists() for a in w.host.attempts()), "the run's own end")
        w.link.trust()
        findings = Findings()
        drive(w, Schedule(1, ()), findings)
        examine([w.host], w.laptop.home, findings, innocent=True)
        assert findings.complaints() == []


@pytest.mark.sshd
def test_a_rebooted_host_behind_ssh_is_told_from_a_silent_one(sshd_program: str) -> None:
    assert after(Fault("reboot", at="trained", number=300), transport="ssh").outcomes == ["lost_reboot", "completed"]


def _content(path):  # type: ignore[no-untyped-def]
    return path.read_bytes() if path.exists() else b""
