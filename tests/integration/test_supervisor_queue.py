"""Slots and the queue: no more trainers than slots, in the order of launches, and the dead hold up nobody."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.supervised import HostRoot, Placed, simulated_spec, wait_for
from worker.groups import Group
from worker.process import is_alive
from worker.queue import Terms, Ticket
from worker.slots import try_slots


def blocker(host: HostRoot, seed: int = 0, **dispatch: object) -> Placed:
    """A running attempt that holds its slot until it is cancelled."""
    attempt = host.place(simulated_spec(seed=seed, fault="hang", fault_step=1), **dispatch)
    assert host.launch(attempt) == "started"
    wait_for(lambda: attempt.starts, "the trainer's first line")
    return attempt


def waiting(host: HostRoot, seed: int, position: int, **dispatch: object) -> Placed:
    attempt = host.place(simulated_spec(seed=seed), **dispatch)
    assert host.launch(attempt) == "started"
    wait_for(lambda: position_of(attempt) == position, f"place {position} in the queue")
    assert attempt.state == "waiting"
    return attempt


def position_of(attempt: Placed) -> int | None:
    status = attempt.document("status.json")
    assert status["phase"] == "waiting"
    position: int | None = status["queue_position"]
    return position


def cancel(attempt: Placed) -> None:
    attempt.file("stop.request").write_text("{}")


def test_with_one_slot_trainers_run_one_after_the_other_in_the_order_of_launches(host: HostRoot) -> None:
    first = blocker(host)
    queued = [waiting(host, seed, seed - 1) for seed in (1, 2, 3)]
    assert [a.starts for a in queued] == [0, 0, 0]
    cancel(first)
    seals = [a.seal() for a in [first, *queued]]
    times = [(s["started_at"], s["ended_at"]) for s in seals]
    assert times == sorted(times)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(times))
    assert list(Path(host.root.queue).iterdir()) == []


def test_two_slots_run_two_at_once_and_the_third_waits(host: HostRoot) -> None:
    both = [blocker(host, seed, slots=2) for seed in (0, 1)]
    third = waiting(host, 2, 0, slots=2)
    assert [a.document("started.json")["slots"] for a in both] == [[0], [1]]
    cancel(both[1])
    assert third.seal()["outcome"] == "completed"
    assert third.document("started.json")["slots"] == [1]


def test_a_dead_supervisor_in_the_queue_holds_up_nobody_and_its_attempt_may_be_launched_again(
        host: HostRoot) -> None:
    first = blocker(host)
    dead, behind = waiting(host, 1, 0), waiting(host, 2, 1)
    dead.kill_supervisor()
    assert dead.until("claimed")["started"] is None
    wait_for(lambda: position_of(behind) == 0, "the place of the dead")
    assert host.launch(dead) == "started"
    wait_for(lambda: position_of(dead) == 1, "a new place, behind")
    cancel(first)
    assert behind.seal()["ended_at"] <= dead.seal()["started_at"]
    assert (dead.starts, behind.starts) == (1, 1)


def test_a_run_cancelled_while_it_waits_is_sealed_and_never_starts(host: HostRoot) -> None:
    first = blocker(host)
    second, third = waiting(host, 1, 0), waiting(host, 2, 1)
    second.file("stop.request").write_text(json.dumps({"contract": "v1", "reason": "not needed"}))
    seal = second.seal()
    assert (seal["outcome"], seal["reason"], seal["started_at"]) == ("cancelled", "not needed", None)
    assert (second.starts, second.file("started.json").exists()) == (0, False)
    wait_for(lambda: position_of(third) == 0, "the place of the cancelled")
    cancel(first)
    assert third.seal()["outcome"] == "completed"


def test_a_waiting_supervisor_that_is_told_to_end_leaves_an_attempt_that_may_be_launched_again(
        host: HostRoot) -> None:
    first = blocker(host)
    second = waiting(host, 1, 0)
    os.kill(second.document("claim.json")["supervisor"]["pid"], signal.SIGTERM)
    second.until("claimed")
    assert host.launch(second) == "started"
    cancel(first)
    assert second.seal()["outcome"] == "completed"


def test_a_trainer_that_outlives_its_supervisor_keeps_its_slot(host: HostRoot) -> None:
    orphan = blocker(host)
    orphan.kill_supervisor()
    orphan.until("orphan")
    second = waiting(host, 1, 0)
    trainer = orphan.process("started.json", "trainer")
    assert is_alive(trainer)
    os.kill(trainer.pid, signal.SIGKILL)
    assert second.seal()["outcome"] == "completed"
    assert orphan.state == "lost_supervisor"


def test_slots_are_taken_all_or_none(host: HostRoot) -> None:
    one = try_slots(host.root, 1, 3)
    assert one is not None
    assert try_slots(host.root, 3, 3) is None
    two = try_slots(host.root, 2, 3)
    assert two is not None
    assert (one.numbers, two.numbers) == ((0,), (1, 2))
    one.release()
    two.release()
    every = try_slots(host.root, 3, 3)
    assert every is not None
    every.release()


def test_a_new_ticket_stands_behind_all_others_and_dead_ones_are_cleared(host: HostRoot) -> None:
    host.path.joinpath("queue").mkdir()
    host.path.joinpath("queue", f"100-{41:012d}-{'a' * 64}-1").touch()
    tickets = [Ticket.take(host.root, c * 64, 1) for c in "bcd"]
    assert [t.name[:16] for t in tickets] == ["100-000000000001", "100-000000000002", "100-000000000003"]
    assert [t.standing().position for t in tickets] == [0, 1, 2]
    tickets[0].withdraw()
    assert [t.standing().position for t in tickets[1:]] == [0, 1]
    for ticket in tickets[1:]:
        ticket.withdraw()


def test_a_higher_priority_goes_first_and_equals_in_the_order_of_launches(host: HostRoot) -> None:
    first = blocker(host)
    low = waiting(host, 1, 0, priority=-5)
    usual = waiting(host, 2, 0)
    high = waiting(host, 3, 0, priority=7)
    next_high = waiting(host, 4, 1, priority=7)
    cancel(first)
    order = [high, next_high, usual, low]
    times = [a.seal()["started_at"] for a in order]
    assert times == sorted(times)


def test_no_more_of_a_group_train_at_once_than_it_allows_and_others_pass_it_by(host: HostRoot) -> None:
    group = {"name": "grid", "limit": 1}
    first = blocker(host, slots=3, group=group)
    second = waiting(host, 1, 0, slots=3, group=group)
    wait_for(lambda: second.document("status.json")["waiting_for"] is not None, "what it waits for")
    assert second.document("status.json")["waiting_for"] == (
        "as many runs of group grid train here as may at once (1)")
    other = blocker(host, 2, slots=3, group={"name": "other", "limit": 1})
    plain = blocker(host, 3, slots=3)
    assert second.state == "waiting"
    for attempt in (other, plain):
        cancel(attempt)
        attempt.seal()
    assert second.state == "waiting"
    cancel(first)
    assert second.seal()["outcome"] == "completed"


def test_an_orphan_still_counts_in_its_group(host: HostRoot) -> None:
    group = {"name": "grid", "limit": 1}
    orphan = blocker(host, slots=2, group=group)
    orphan.kill_supervisor()
    second = waiting(host, 1, 0, slots=2, group=group)
    os.kill(orphan.process("started.json", "trainer").pid, signal.SIGKILL)
    assert second.seal()["outcome"] == "completed"


def test_a_group_whose_limit_is_raised_lets_more_in(host: HostRoot) -> None:
    blocker(host, slots=3, group={"name": "grid", "limit": 1})
    held_back = waiting(host, 1, 0, slots=3, group={"name": "grid", "limit": 1})
    raised = blocker(host, 2, slots=3, group={"name": "grid", "limit": 2})
    assert (held_back.state, raised.state) == ("waiting", "running")


TWO_GPUS, ONE_GPU, NO_GPU = Terms(gpus=2), Terms(gpus=1), Terms()


@pytest.mark.parametrize(("ahead", "behind", "held_up"), [
    (TWO_GPUS, ONE_GPU, True), (ONE_GPU, TWO_GPUS, True), (NO_GPU, NO_GPU, True),
    (NO_GPU, ONE_GPU, False), (TWO_GPUS, NO_GPU, False),
    (Terms(1, frozenset({"GPU-a"})), Terms(1, frozenset({"GPU-b"})), False),
    (Terms(1, frozenset({"GPU-a", "GPU-b"})), Terms(1, frozenset({"GPU-b"})), True),
    (Terms(1, frozenset({"GPU-a"})), ONE_GPU, True),
    (Terms(group=Group("g", 1)), NO_GPU, True),
])
def test_whoever_competes_waits_for_those_before_it(host: HostRoot, ahead: Terms, behind: Terms,
                                                    held_up: bool) -> None:
    first = Ticket.take(host.root, "a" * 64, 1, ahead)
    second = Ticket.take(host.root, "b" * 64, 1, behind)
    assert (second.standing().position, second.standing().held_up) == (1, held_up)
    assert first.standing().held_up is False
    first.withdraw()
    assert (second.standing().position, second.standing().held_up) == (0, False)
    second.withdraw()


def test_a_ticket_that_cannot_be_read_holds_up_everybody_behind(host: HostRoot) -> None:
    first = Ticket.take(host.root, "a" * 64, 1, ONE_GPU)
    (host.path / "queue" / first.name).write_bytes(b"{")
    second = Ticket.take(host.root, "b" * 64, 1, NO_GPU)
    assert second.standing().held_up
    first.withdraw()
    second.withdraw()


def test_the_dead_are_removed_wherever_they_stand(host: HostRoot) -> None:
    tickets = [Ticket.take(host.root, c * 64, 1, terms) for c, terms in zip("abcd", (ONE_GPU, NO_GPU, ONE_GPU, NO_GPU),
                                                                           strict=True)]
    for dead in (tickets[0], tickets[2]):
        os.close(dead._fd)
        dead._fd = -1
    assert (tickets[3].standing().position, tickets[3].standing().held_up) == (2, True)
    tickets[1].withdraw()
    assert tickets[3].standing().held_up is False
    tickets[3].withdraw()
