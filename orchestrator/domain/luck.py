"""The winner's curse: how good the best of many single-seed runs looks by chance alone.

Whoever ranks k configurations by one noisy number each and takes the first has, among the reasons for its lead, the
largest of k draws of noise. This module says how large that is, in the numbers that the ranking is made of.
"""

from __future__ import annotations

import math


def expected_best_of(k: int) -> float:
    """The expected maximum of ``k`` independent standard normal draws: 2.12 for 36.

    ``E = integral of x k phi(x) Phi(x)^(k-1) dx`` (the mean of the largest order statistic: David and Nagaraja,
    *Order Statistics*, 3rd ed., 3.1), by Simpson's rule on [-9, 9]. Raises ``ValueError`` below 1.
    """
    if k < 1:
        raise ValueError(f"the best of {k} is not defined")
    n, a, b = 1800, -9.0, 9.0
    h = (b - a) / n

    def f(x: float) -> float:
        phi = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return x * k * phi * (0.5 * math.erfc(-x / math.sqrt(2))) ** (k - 1)

    inner = math.fsum((4 if i % 2 else 2) * f(a + i * h) for i in range(1, n))
    return h / 3 * (f(a) + inner + f(b))


def winners_curse(k: int, *, seeds: int = 1, sigma: float | None = None, margin: float | None = None,
                  unit: str = "") -> str:
    """The line that stands under every ranking of ``k`` configurations with ``seeds`` seeds each.

    ``sigma`` is the deviation of one seed's number and ``margin`` the winner's measured lead over the middle of the
    field, both in ``unit`` (``steps``, ``nats``, …); each is left out where nobody measured it. Raises ``ValueError``
    below one configuration or seed.
    """
    if seeds < 1:
        raise ValueError(f"{seeds} seeds are none")
    if k == 1:
        return "one configuration: nothing was picked, and nothing compared"
    each = "one seed" if seeds == 1 else f"{seeds} seeds"
    expected = expected_best_of(k)
    deviations = expected / math.sqrt(seeds)
    said = f"best of {k} on {each}: {deviations:.1f} standard deviations of one seed are luck"
    if sigma is not None:
        said += f", {deviations * sigma:.4g} {unit}".rstrip()
    if margin is not None:
        said += f"; measured lead {margin:.4g} {unit}".rstrip()
    if seeds == 1:
        said += "; a candidate, until fresh seeds confirm it"
    return said
