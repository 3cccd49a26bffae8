"""The teacher budget is a literal, and what it is derived from is rounded half up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.budget import (
    EARLIER_TEACHER_BUDGET_MS,
    REFERENCE_RUN,
    REFERENCE_TRAIN_TIME_MS,
    TEACHER_BUDGET_MS,
    Budget,
    derive_budget,
)
from orchestrator.domain.verdict import SHIPPED_POLICIES


@pytest.mark.parametrize(("fraction", "literal"), [("0.10", 69402), ("0.05", 34701)])
def test_locked_literals_follow_from_the_reference_run(fraction: str, literal: int) -> None:
    assert derive_budget(Decimal(fraction), REFERENCE_RUN, REFERENCE_TRAIN_TIME_MS).limit_ms == literal


def test_locked_literals_are_what_the_shipped_policies_hold() -> None:
    assert SHIPPED_POLICIES["teacher-budget-10pct"].budget_ms == TEACHER_BUDGET_MS == 69402
    assert SHIPPED_POLICIES["teacher-budget-5pct"].budget_ms == EARLIER_TEACHER_BUDGET_MS == 34701


def test_derivation_names_fraction_source_exact_value_and_rounding() -> None:
    words = derive_budget(Decimal("0.10"), REFERENCE_RUN, REFERENCE_TRAIN_TIME_MS).derivation
    for part in ("0.1 ", "694015", REFERENCE_RUN, "69401.5", "half up"):
        assert part in words


@pytest.mark.parametrize(("train_time", "limit"), [(5, 1), (14, 1), (15, 2), (24, 2), (25, 3), (1000, 100)])
def test_halves_round_up_and_not_to_even(train_time: int, limit: int) -> None:
    assert derive_budget(Decimal("0.10"), "r", train_time).limit_ms == limit


@given(st.integers(1, 10**9), st.integers(1, 1000))
def test_rounding_moves_by_at_most_half_a_millisecond(train_time: int, thousandths: int) -> None:
    exact = Decimal(thousandths) / 1000 * train_time
    if exact < Decimal("0.5"):
        with pytest.raises(ValueError, match="positive"):
            derive_budget(Decimal(thousandths) / 1000, "r", train_time)
        return
    limit = derive_budget(Decimal(thousandths) / 1000, "r", train_time).limit_ms
    assert Decimal("-0.5") < limit - exact <= Decimal("0.5")


@pytest.mark.parametrize("limit", [0, -1])
def test_budget_of_nothing_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Budget(limit, "")
