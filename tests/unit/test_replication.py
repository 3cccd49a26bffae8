"""Fresh seeds against a target: the exact rules of the speedrun's tracks, in whole numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from orchestrator.domain.replication import (
    CLAMP_U6,
    MOST_SEEDS,
    NAMED_RULES,
    ReplicationRule,
    Test,
    p_value,
    replicate,
    statistic,
    t_critical,
    t_limit,
    t_tail,
    z_limit,
)

TARGET = 3_280_000
TRACK_1, TRACK_3 = NAMED_RULES["modded-nanogpt-track-1"], NAMED_RULES["modded-nanogpt-track-3"]


@pytest.mark.parametrize(("mean_u6", "seeds", "passed"), [
    (3_276_000, 1, True), (3_276_001, 1, False), (3_278_000, 4, True), (3_278_001, 4, False),
    (3_279_000, 16, True), (3_279_001, 16, False), (3_279_500, 64, True), (3_279_501, 64, False)])
def test_track_3_asks_four_thousandths_over_the_root_of_n(mean_u6: int, seeds: int, passed: bool) -> None:
    assert replicate(TRACK_3.at(seeds, 2690), TARGET, [mean_u6] * seeds).passed is passed


@given(st.lists(st.integers(3_270_000, 3_285_000), min_size=1, max_size=MOST_SEEDS))
def test_track_3_is_the_formula_that_its_readme_states(losses: list[int]) -> None:
    margin = (3.28 - sum(losses) / len(losses) / 1e6) * len(losses) ** 0.5
    if abs(margin - 0.004) > 1e-9:  # nearer than that the formula itself is rounded
        assert replicate(TRACK_3.at(len(losses), 1), TARGET, losses).passed is (margin >= 0.004)


@given(st.lists(st.integers(3_270_000, 3_285_000), min_size=2, max_size=20))
def test_track_1_is_scipys_one_sided_t_test(losses: list[int]) -> None:
    rule = TRACK_1.at(len(losses), 1555)
    found = replicate(rule, TARGET, losses)
    if len(set(losses)) == 1:
        assert found.passed is (losses[0] < TARGET)
        return
    p = float(stats.ttest_1samp([v / 1e6 for v in losses], 3.28, alternative="less").pvalue)
    if abs(p - 0.01) > 1e-5:
        assert found.passed is (p < 0.01)
    ours = p_value(rule, found)
    assert ours is not None
    assert math.isclose(ours, p, rel_tol=1e-6, abs_tol=1e-9)


def test_the_example_of_track_1_passes() -> None:
    """Eighty runs with a mean of 3.2791 and a deviation of 0.0019 were p = 0.0001; half of them are enough here."""
    losses = [3_279_100 + (1_900 if n % 2 else -1_900) for n in range(40)]
    assert replicate(TRACK_1.at(40, 1390), TARGET, losses).passed


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 12, 63])
def test_students_t_is_scipys(degrees: int) -> None:
    for t in (-2.0, 0.0, 0.5, 3.1, 31.8):
        assert math.isclose(t_tail(t, degrees), float(stats.t.sf(t, degrees)), rel_tol=1e-9, abs_tol=1e-14)
    for p in (0.05, 0.01, 0.001):
        assert math.isclose(t_critical(p, degrees), float(stats.t.isf(p, degrees)), rel_tol=1e-8)
        assert t_limit(p, degrees + 1) >= float(stats.t.isf(p, degrees)) ** 2 * 1000


def test_the_literal_of_track_3_is_a_rounded_z_test() -> None:
    assert z_limit(0.001, 1_300) == 4_018
    assert TRACK_3.at(1, 1).limit == 4_000


def test_a_seed_without_a_loss_fails_however_good_the_others_are() -> None:
    found = replicate(TRACK_3.at(4, 100), TARGET, [2_000_000, 2_000_000, 2_000_000, None])
    assert (found.bad, found.passed) == (1, False)


def test_more_or_fewer_seeds_than_registered_are_no_test() -> None:
    with pytest.raises(ValueError, match="asks for 4 seeds, not 5"):
        replicate(TRACK_3.at(4, 100), TARGET, [3_270_000] * 5)


@given(st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=MOST_SEEDS, max_size=MOST_SEEDS),
       st.sampled_from(list(Test)))
def test_no_sum_leaves_64_bits(losses: list[int | None], test: Test) -> None:
    rule = ReplicationRule("wide", test, MOST_SEEDS, 1, CLAMP_U6)
    found = replicate(rule, TARGET, losses)
    spread = rule.seeds * found.squares - found.margin_u6**2
    for number in (found.margin_u6**2 * (rule.seeds - 1), rule.seeds * rule.limit**2, rule.seeds * found.squares,
                   max(spread, 1) * 1000):
        assert abs(number) < 2**63


@pytest.mark.parametrize("wrong", [
    {"seeds": 0}, {"seeds": 65}, {"seeds": 1, "test": Test.T}, {"stop_step": 0}, {"limit": 0}, {"limit": 1_000_001}])
def test_a_rule_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"seeds|stop step|limit"):
        ReplicationRule(**{"rule": "r", "test": Test.Z, "seeds": 4, "stop_step": 10, "limit": 4_000,  # type: ignore[arg-type]
                           **wrong})


def test_the_statistic_is_what_the_rule_holds_against_its_limit() -> None:
    rule = TRACK_1.at(4, 100)
    found = replicate(rule, TARGET, [TARGET - m for m in (1_000, 2_000, 3_000, 4_000)])
    assert statistic(rule, found) == pytest.approx(2_500 / (1_290.994 / 2), rel=1e-5)
    assert statistic(rule, replicate(rule, TARGET, [TARGET - 5] * 4)) is None
    assert statistic(TRACK_3.at(4, 1), replicate(TRACK_3.at(4, 1), TARGET, [3_278_000] * 4)) == pytest.approx(0.004)


def test_a_rule_says_its_own_numbers() -> None:
    assert "sqrt(4) >= 0.004" in TRACK_3.at(4, 2690).words(TARGET)
    assert "a mean of at most 3.27800" in TRACK_3.at(4, 2690).words(TARGET)
    assert "t >= 3.747 with 4 degrees of freedom" in TRACK_1.at(5, 1555).words(TARGET)
