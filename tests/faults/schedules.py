"""Schedules of faults as values: what happens to a host, its line and the laptop, and when. Hypothesis draws them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hypothesis import strategies as st

from tests.faults.message_relay import EFFECTS
from worker.faults import POINTS

MOMENTS = ("begin", "placed", "claimed", "started", "trained", "sealed")
"""When a fault strikes: as soon as any run of the schedule has come so far, as its host's files show."""

OPERATIONS = ("any", "hello", "place", "launch", "tail", "read", "read_many")
BEFORE_THE_START = frozenset({"after_mkdir", "after_claim", "after_spawn"})
"""Crash points at which it is certain that no trainer has run: the same attempt is launched again."""


@dataclass(frozen=True)
class Fault:
    """One fault. ``word`` and ``number`` are its arguments; ``delay_ms`` counts from the moment ``at``."""

    kind: str
    at: str = "begin"
    delay_ms: int = 0
    word: str = ""
    number: int = 0

    @property
    def label(self) -> str:
        """What kind of fault this is, in the words of the tables."""
        if self.kind == "crash":
            return f"supervisor killed at {self.word}"
        return LABELS[self.word.partition(".")[2] if self.kind == "message" else self.kind]

    @property
    def innocent(self) -> bool:
        """Whether results must be as if it had not happened: the line, the laptop and the clock decide nothing."""
        return self.kind in INNOCENT or (self.kind == "crash" and self.word in BEFORE_THE_START)


@dataclass(frozen=True)
class Schedule:
    """Runs on one host, and what happens meanwhile."""

    runs: int
    faults: tuple[Fault, ...]

    @property
    def innocent(self) -> bool:
        return all(fault.innocent for fault in self.faults)

    @property
    def needs_disk(self) -> bool:
        return any(fault.kind in DISK_KINDS for fault in self.faults)

    def to_json(self) -> str:
        """One line from which :func:`from_json` makes the same schedule."""
        return json.dumps({"runs": self.runs, "faults": [asdict(fault) for fault in self.faults]}, sort_keys=True)


def from_json(text: str) -> Schedule:
    """The schedule that a failure printed."""
    found = json.loads(text)
    return Schedule(found["runs"], tuple(Fault(**fault) for fault in found["faults"]))


INNOCENT = frozenset({"message", "twice_always", "drop", "cut", "freeze", "kill_laptop", "step_clock", "host_key",
                      "drop_inside"})
DISK_KINDS = frozenset({"fill_disk", "read_only"})

LABELS = {
    "cut_before": "connection lost before the command ran",
    "cut_after": "connection lost after the command ran and before its answer",
    "cut_inside": "connection lost in the middle of an answer",
    "twice": "one message twice",
    "twice_late": "one message twice, the second answer heard",
    "stall": "one message held back",
    "twice_always": "every message twice",
    "drop": "connection reset",
    "drop_inside": "connection reset in the middle of an answer, at any byte",
    "cut": "line cut",
    "freeze": "host's end of the line frozen (SIGSTOP)",
    "host_key": "host key swapped",
    "kill_laptop": "laptop process killed",
    "kill_supervisor": "supervisor killed",
    "kill_trainer": "trainer killed",
    "reboot": "host rebooted",
    "step_clock": "host's wall clock stepped",
    "truncate_log": "log truncated while it grows",
    "fill_disk": "disk full or low",
    "read_only": "disk read-only",
}

_moments = st.sampled_from(MOMENTS)
_later = st.sampled_from(MOMENTS[1:])
_delays = st.integers(0, 40)
_pauses_ms = st.integers(20, 400)
_timed = {"at": _moments, "delay_ms": _delays}
_running = {"at": st.sampled_from(("started", "trained")), "delay_ms": _delays}


def _fault(kind: str, **parts: st.SearchStrategy[object]) -> st.SearchStrategy[Fault]:
    return st.builds(Fault, kind=st.just(kind), **parts)


LINE_FAULTS = {
    "message": _fault("message", word=st.builds("{}.{}".format, st.sampled_from(OPERATIONS), st.sampled_from(EFFECTS)),
                      number=st.integers(0, 3)),
    "twice_always": _fault("twice_always"),
    "drop": _fault("drop", **_timed),
    "cut": _fault("cut", **_timed, number=_pauses_ms),
    "freeze": _fault("freeze", **_timed, number=_pauses_ms),
}
LAPTOP_FAULTS = {"kill_laptop": _fault("kill_laptop", **_timed)}
HOST_FAULTS = {
    "crash": _fault("crash", at=st.sampled_from(("begin", "started")), word=st.sampled_from(POINTS)),
    "kill_supervisor": _fault("kill_supervisor", at=_later, delay_ms=_delays),
    "kill_trainer": _fault("kill_trainer", **_running),
    "reboot": _fault("reboot", at=_later, delay_ms=_delays, number=_pauses_ms),
    "step_clock": _fault("step_clock", **_timed, number=st.sampled_from((-86400, -7200, -3, 3, 7200, 10**8))),
    "truncate_log": _fault("truncate_log", **_running),
}
DISK_FAULTS = {
    "fill_disk": _fault("fill_disk", **_timed, number=_pauses_ms, word=st.sampled_from(("low", "full"))),
    "read_only": _fault("read_only", **_timed, number=_pauses_ms),
}
SSH_FAULTS = {
    "drop_inside": _fault("drop_inside", **_timed, number=st.integers(1, 4000)),
    "host_key": _fault("host_key", **_timed),
}


def schedules(*families: dict[str, st.SearchStrategy[Fault]], runs: Sequence[int] = (1, 1, 1, 2),
              faults: int = 3) -> st.SearchStrategy[Schedule]:
    """Schedules with one of these numbers of ``runs`` and one to ``faults`` faults of these families."""
    kinds = [strategy for family in families for strategy in family.values()]
    return st.builds(Schedule, runs=st.sampled_from(runs),
                     faults=st.lists(st.one_of(*kinds), min_size=1, max_size=faults).map(tuple))


def fleets(one: st.SearchStrategy[Schedule], size: int) -> st.SearchStrategy[Sequence[Schedule]]:
    """So many schedules at once, on hosts and laptops of their own: a schedule mostly waits, and cores should not."""
    return st.lists(one, min_size=size, max_size=size)
