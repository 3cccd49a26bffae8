"""What a test does with played schedules: fail with the schedule that broke a promise, ready to be played again."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hypothesis import HealthCheck, settings

from tests.faults.properties import Findings
from tests.faults.schedules import Schedule

FLEET = 8
TRIES = 3
"""How often a fault is played before it counts as one that never strikes: on a busy machine a run may be through before
the moment that the fault waits for."""

# A schedule is real processes: it takes its time, and no two of them take the same.
in_ci = settings(deadline=None, derandomize="CI" in os.environ, print_blob=True, report_multiple_bugs=False,
                 suppress_health_check=list(HealthCheck))


def verdict_on(fleet: Sequence[Schedule], found: Sequence[Findings], transport: str) -> None:
    """Raise :class:`AssertionError` for the schedules that broke something, with the words that repeat them."""
    broken = [(schedule, findings) for schedule, findings in zip(fleet, found, strict=True) if findings.complaints()]
    assert not broken, "\n".join(
        f"\nplay it again: python -m benchmarks.faults --replay {transport} '{schedule.to_json()}'\n"
        + "\n".join(findings.complaints()) for schedule, findings in broken)
