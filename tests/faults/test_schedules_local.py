"""Hypothesis looks for a schedule of faults that breaks a promise, over the local transport: at least 500 schedules."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

from tests.faults.disk import can_mount
from tests.faults.play import play_fleet
from tests.faults.schedules import (
    DISK_FAULTS,
    HOST_FAULTS,
    LAPTOP_FAULTS,
    LINE_FAULTS,
    Fault,
    Schedule,
    fleets,
    schedules,
)
from tests.faults.verdicts import FLEET, in_ci, verdict_on

FLEETS = 16
FEWEST = 500 // 4
"""How many schedules each of the four tests must have played."""


def look_for_trouble(*families: dict[str, SearchStrategy[Fault]]) -> None:
    played = 0

    @settings(in_ci, max_examples=FLEETS)
    @given(fleets(schedules(*families), FLEET))
    def nothing_breaks(fleet: Sequence[Schedule]) -> None:
        nonlocal played
        verdict_on(fleet, play_fleet(fleet), "local")
        played += len(fleet)

    nothing_breaks()
    assert played >= FEWEST, f"only {played} schedules were played"


def test_the_line_and_the_laptop_decide_nothing() -> None:
    look_for_trouble(LINE_FAULTS, LAPTOP_FAULTS, {"step_clock": HOST_FAULTS["step_clock"]})


def test_a_host_that_fails_costs_attempts_and_never_truth() -> None:
    look_for_trouble(HOST_FAULTS)


def test_a_disk_in_trouble_costs_attempts_and_never_truth() -> None:
    if not can_mount():
        warnings.warn("no mount namespace can be made here: these schedules hold no fault of a disk", stacklevel=1)
        look_for_trouble(HOST_FAULTS, LAPTOP_FAULTS)
        return
    look_for_trouble(DISK_FAULTS, LAPTOP_FAULTS, HOST_FAULTS)


def test_everything_may_go_wrong_at_once() -> None:
    look_for_trouble(LINE_FAULTS, LAPTOP_FAULTS, HOST_FAULTS)
