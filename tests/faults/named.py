"""A schedule for each fault that has a name, to be played wherever such a fault can be made."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.schedules import Fault, Schedule
from worker.faults import POINTS

ADOPTION = "after_adoption"
assert ADOPTION in POINTS

LINE = {
    "the host's end frozen": Fault("freeze", at="trained", number=400),
    "line cut": Fault("cut", at="started", number=400),
    "connection reset": Fault("drop", at="claimed"),
    "lost after the launch ran, before its answer": Fault("message", word="launch.cut_after"),
    "lost after documents were placed, before the answer": Fault("message", word="place.cut_after"),
    "lost in the middle of an answer": Fault("message", word="tail.cut_inside"),
    "every message twice": Fault("twice_always"),
    "a launch twice, the second answer heard": Fault("message", word="launch.twice_late"),
    "host key swapped": Fault("host_key", at="started"),
    "laptop killed": Fault("kill_laptop", at="started"),
}
HOST = {
    **{f"supervisor killed at {point}": Fault("crash", word=point) for point in POINTS if point != ADOPTION},
    "supervisor killed": Fault("kill_supervisor", at="trained"),
    "trainer killed": Fault("kill_trainer", at="started"),
    "host rebooted": Fault("reboot", at="trained", number=100),
    "clock stepped a day back": Fault("step_clock", at="started", number=-86400),
    "clock stepped three years on": Fault("step_clock", at="started", number=10**8),
    "log truncated": Fault("truncate_log", at="trained", delay_ms=20),
}
DISK = {
    "disk full": Fault("fill_disk", at="started", word="full", number=300),
    "disk low": Fault("fill_disk", at="started", word="low", number=300),
    "disk read-only": Fault("read_only", at="started", number=300),
}


def named(*, disk: bool) -> Iterator[tuple[str, Schedule]]:
    """The name and the schedule of each; faults of the disk only where one can be hurt."""
    for name, fault in {**LINE, **HOST, **(DISK if disk else {})}.items():
        yield name, Schedule(1, (fault,))
    # Whoever adopts can be killed only where somebody is to be adopted.
    yield f"supervisor killed at {ADOPTION}", Schedule(1, (
        Fault("crash", at="claimed", word=ADOPTION), Fault("kill_supervisor", at="started", delay_ms=10)))
