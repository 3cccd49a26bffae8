"""The same promises over a real sshd on loopback, behind a wire that can be cut: at least 50 schedules."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings

from tests.faults.play import play_fleet
from tests.faults.schedules import (
    HOST_FAULTS,
    LAPTOP_FAULTS,
    LINE_FAULTS,
    SSH_FAULTS,
    Schedule,
    fleets,
    schedules,
)
from tests.faults.verdicts import FLEET, in_ci, verdict_on

pytestmark = pytest.mark.sshd

FLEETS = 4


@settings(in_ci, max_examples=FLEETS)
@given(fleets(schedules(LINE_FAULTS, SSH_FAULTS, LAPTOP_FAULTS), FLEET))
def _the_line_decides_nothing(fleet: Sequence[Schedule]) -> None:
    verdict_on(fleet, play_fleet(fleet, transport="ssh"), "ssh")


@settings(in_ci, max_examples=FLEETS)
@given(fleets(schedules(LINE_FAULTS, SSH_FAULTS, LAPTOP_FAULTS, HOST_FAULTS), FLEET))
def _everything_may_go_wrong(fleet: Sequence[Schedule]) -> None:
    verdict_on(fleet, play_fleet(fleet, transport="ssh"), "ssh")


def test_over_ssh_the_line_and_the_laptop_decide_nothing(sshd_program: str) -> None:
    _the_line_decides_nothing()


def test_over_ssh_everything_may_go_wrong_at_once(sshd_program: str) -> None:
    _everything_may_go_wrong()
