"""How much of a ranking is luck: the figures that the project's own notes state."""

from __future__ import annotations

import pytest

from orchestrator.domain.luck import expected_best_of, winners_curse


@pytest.mark.parametrize(("k", "deviations"), [(1, 0.0), (2, 0.5642), (36, 2.1181), (108, 2.535)])
def test_the_best_of_k_is_lucky_by_so_much(k: int, deviations: float) -> None:
    assert abs(expected_best_of(k) - deviations) < 5e-4


def test_the_line_says_what_is_known_and_nothing_more() -> None:
    assert winners_curse(36) == ("best of 36 on one seed: 2.1 standard deviations of one seed are luck; a candidate, "
                                 "until fresh seeds confirm it")
    told = winners_curse(36, seeds=4, sigma=10.0, margin=25.0, unit="steps")
    assert told == ("best of 36 on 4 seeds: 1.1 standard deviations of one seed are luck, 10.59 steps; measured lead "
                    "25 steps")
    assert "nothing was picked" in winners_curse(1)


@pytest.mark.parametrize("arguments", [{"k": 0}, {"k": 3, "seeds": 0}])
def test_no_configuration_and_no_seed_is_no_ranking(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"not defined|none"):
        winners_curse(**arguments)
