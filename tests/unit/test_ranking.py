"""Rules of the one order in which configurations stand."""

from __future__ import annotations

import pytest

from orchestrator.domain.ranking import Score, in_order, representative


def scores(*values: float | None, final: float | None = 2.0) -> list[Score]:
    return [Score(v, final) for v in values]


def test_the_mean_over_seeds_counts_and_not_the_luckiest_seed() -> None:
    assert in_order({"lucky": scores(50, 150), "steady": scores(90, 90)}) == ["steady", "lucky"]


def test_who_never_arrived_comes_last_by_the_share_of_its_seeds_and_is_not_dropped() -> None:
    assert in_order({"never": scores(None, None), "half": scores(10, None), "late": scores(900, 900)}) == [
        "late", "half", "never"]
    assert in_order({"one of one": scores(None), "two of ten": scores(*[50.0] * 8, None, None)}) == [
        "two of ten", "one of one"]
    assert in_order({"far": scores(None, final=3.0), "near": scores(None, final=2.5)}) == ["near", "far"]


def test_ties_go_to_the_steadier_then_to_the_better_loss_then_to_the_name() -> None:
    assert in_order({"wild": scores(50, 150), "calm": scores(100, 100)}) == ["calm", "wild"]
    assert in_order({"a": scores(100, final=2.0), "b": scores(100, final=1.9)}) == ["b", "a"]
    assert in_order({"b": scores(100), "a": scores(100)}) == ["a", "b"]
    assert in_order({"a": scores(100, final=None), "b": scores(100)}) == ["b", "a"]
    assert in_order({"a": scores(100, final=float("nan")), "b": scores(100)}) == ["b", "a"]
    assert in_order({"none": [], "never": scores(None)}) == ["never", "none"]


def test_the_seed_nearest_the_median_stands_for_all() -> None:
    assert representative([50, 90, 200]) == 1
    assert representative([80, 100]) == 0, "the earlier of two as near"
    assert representative([None, 120, 60, 70]) == 3
    with pytest.raises(ValueError, match="no seed"):
        representative([None])
