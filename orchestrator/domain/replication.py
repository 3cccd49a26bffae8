"""Replication: whether fresh seeds, stopped at a step that was fixed beforehand, reach a target on average.

A rule is two numbers beside the count of seeds and the step: which one-sided test, and its limit. Everything that
decides is an integer, so that the database can compute the same answer from the same numbers:

``z``  the deviation of one run is known from elsewhere. Passed when ``(target - mean) * sqrt(n) >= limit``, with
       ``limit`` in micro-nats. With ``D`` the sum of the margins, that is ``D > 0`` and ``D^2 >= n * limit^2``.
``t``  the deviation is estimated from the same seeds: Student's one-sample test. Passed when ``D > 0`` and
       ``t^2 = D^2 (n - 1) / (n * sum of squares - D^2) >= limit / 1000``; ``limit`` is the square of the critical
       value in thousandths, rounded up, and ``t^2`` is cut to thousandths, so rounding never passes anybody.

A margin is ``target - loss`` of one seed, clamped to one nat either way. A seed without a finite loss at the step
fails the replication: leaving failures out would be picking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Any

MOST_SEEDS = 64
CLAMP_U6 = 1_000_000
"""With these two no product below leaves 64 bits."""
_LARGEST_T2 = 10**9


class Test(StrEnum):
    """Which one-sided test of the mean loss against the target."""

    __test__ = False  # pytest takes classes of this name for its own

    Z = "z"
    T = "t"


@dataclass(frozen=True)
class ReplicationRule:
    """What ``n`` fresh seeds must show. ``stop_step`` is the same for all of them; ``rule`` names where it is from."""

    rule: str
    test: Test
    seeds: int
    stop_step: int
    limit: int

    def __post_init__(self) -> None:
        fewest = 2 if self.test is Test.T else 1
        if not fewest <= self.seeds <= MOST_SEEDS:
            raise ValueError(f"a replication by the {self.test.value}-test takes {fewest} to {MOST_SEEDS} seeds, "
                             f"not {self.seeds}")
        if self.stop_step < 1:
            raise ValueError(f"the stop step must be at least 1, not {self.stop_step}")
        if not 1 <= self.limit <= (CLAMP_U6 if self.test is Test.Z else 2 * _LARGEST_T2):
            raise ValueError(f"the limit of the {self.test.value}-test cannot be {self.limit}")

    def body(self) -> dict[str, Any]:
        """Plain data; part of a policy's canonical bytes."""
        return {"rule": self.rule, "test": self.test.value, "seeds": self.seeds, "stop_step": self.stop_step,
                "limit": self.limit}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> ReplicationRule:
        return cls(body["rule"], Test(body["test"]), body["seeds"], body["stop_step"], body["limit"])

    def words(self, target_u6: int) -> str:
        """The rule as a sentence, from its numbers alone."""
        seeds = f"{self.seeds} fresh seeds" if self.seeds > 1 else "one fresh seed"
        asked = f"{seeds}, all stopped at step {self.stop_step}: "
        if self.test is Test.Z:
            mean = (target_u6 - self.limit / math.sqrt(self.seeds)) / 1e6
            return (f"{asked}({target_u6 / 1e6:.4f} - mean loss) * sqrt({self.seeds}) >= {self.limit / 1e6:g}, "
                    f"a mean of at most {mean:.5f}")
        return (f"{asked}mean loss below {target_u6 / 1e6:.4f} by Student's one-sided t-test, "
                f"t >= {math.sqrt(self.limit / 1000):.3f} with {self.seeds - 1} degrees of freedom")


@dataclass(frozen=True)
class Replication:
    """What the seeds came to. ``bad`` counts those without a finite loss at the step, or that were cut or fell back.

    ``margin_u6`` is the sum of the clamped margins, ``squares`` the sum of their squares.
    """

    seeds: int
    bad: int
    margin_u6: int
    squares: int
    passed: bool


def replicate(rule: ReplicationRule, target_u6: int, losses_u6: Sequence[int | None]) -> Replication:
    """Apply ``rule`` to the losses of its ``n`` seeds at its step; None: no finite loss there.

    Raises ``ValueError`` when there are more or fewer losses than the rule asks for: a test whose size is chosen
    after looking is no test.
    """
    if len(losses_u6) != rule.seeds:
        raise ValueError(f"the rule asks for {rule.seeds} seeds, not {len(losses_u6)}")
    margins = [-CLAMP_U6 if loss is None else max(-CLAMP_U6, min(CLAMP_U6, target_u6 - loss)) for loss in losses_u6]
    bad = sum(loss is None for loss in losses_u6)
    total, squares = sum(margins), sum(m * m for m in margins)
    return Replication(rule.seeds, bad, total, squares, passes(rule, bad, total, squares))


def passes(rule: ReplicationRule, bad: int, margin_u6: int, squares: int) -> bool:
    """The test itself, on the sums."""
    if bad > 0 or margin_u6 <= 0:
        return False
    if rule.test is Test.Z:
        return margin_u6**2 >= rule.seeds * rule.limit**2
    spread = rule.seeds * squares - margin_u6**2
    if spread <= 0:  # all seeds alike: any margin is infinitely many deviations
        return True
    return min(margin_u6**2 * (rule.seeds - 1) * 1000 // spread, 1000 * _LARGEST_T2) >= rule.limit


def p_value(rule: ReplicationRule, found: Replication) -> float | None:
    """The one-sided p of a t-test, for showing; None for a z-test (its deviation is folded into the limit)."""
    if rule.test is Test.Z or found.bad:
        return None
    t = statistic(rule, found)
    if t is None:
        return 0.0 if found.margin_u6 > 0 else 1.0
    return t_tail(t, rule.seeds - 1)


def statistic(rule: ReplicationRule, found: Replication) -> float | None:
    """Student's t, or for a z-test ``(target - mean) * sqrt(n)`` in nats; None where a t of seeds that are all alike
    has no deviation to be measured in."""
    if rule.test is Test.Z:
        return found.margin_u6 / math.sqrt(rule.seeds) / 1e6
    spread = rule.seeds * found.squares - found.margin_u6**2
    return found.margin_u6 * math.sqrt((rule.seeds - 1) / spread) if spread > 0 else None


def t_tail(t: float, degrees: int) -> float:
    """P(T >= t) of Student's t with a whole number of degrees of freedom.

    The finite sums of Abramowitz and Stegun 26.7.3 and 26.7.4. Raises ``ValueError`` below one degree.
    """
    if degrees < 1:
        raise ValueError(f"Student's t needs at least one degree of freedom, not {degrees}")
    angle = math.atan2(abs(t), math.sqrt(degrees))
    cosine, sine = math.cos(angle), math.sin(angle)
    odd = degrees % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(2 + odd, degrees + 1, 2):
        total += term
        term *= cosine * cosine * (k - 1) / k
    inside = 2 / math.pi * (angle + sine * total) if odd else sine * total
    upper = (1 - inside) / 2
    return upper if t >= 0 else 1 - upper


def t_critical(p: float, degrees: int) -> float:
    """The t whose upper tail is ``p`` (0 < p < 0.5), by bisection."""
    low, high = 0.0, 1.0
    while t_tail(high, degrees) > p:
        high *= 2
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, degrees) > p else (low, middle)
    return high


def t_limit(p: float, seeds: int) -> int:
    """The limit of a t-test at significance ``p``: its critical value squared, in thousandths, rounded up."""
    return math.ceil(t_critical(p, seeds - 1) ** 2 * 1000)


def z_limit(p: float, sigma_u6: int) -> int:
    """The limit of a z-test at significance ``p`` with a known deviation, in micro-nats, rounded up."""
    return math.ceil(NormalDist().inv_cdf(1 - p) * sigma_u6)


@dataclass(frozen=True)
class NamedRule:
    """A rule that people refer to by name. ``limit_u6`` is the z-test's literal limit, ``p`` the t-test's level.

    ``target_u6`` is the target that it was written for, used where a campaign names none. ``also`` is what the rule
    asks beyond the test, in words: what no statistic can check.
    """

    name: str
    test: Test
    limit_u6: int | None
    p: float
    target_u6: int | None
    source: str
    also: tuple[str, ...] = ()

    def at(self, seeds: int, stop_step: int) -> ReplicationRule:
        """The rule for so many seeds stopped at this step. Raises ``ValueError`` where it cannot be."""
        if self.test is Test.Z:
            assert self.limit_u6 is not None
            return ReplicationRule(self.name, self.test, seeds, stop_step, self.limit_u6)
        if not 2 <= seeds <= MOST_SEEDS:
            raise ValueError(f"the rule {self.name} takes 2 to {MOST_SEEDS} seeds, not {seeds}")
        return ReplicationRule(self.name, self.test, seeds, stop_step, t_limit(self.p, seeds))


_SPEEDRUN = ("the data pipelines of training and validation are as they were",
             "no further torch._inductor.config or torch.compile flags",
             "faster than the record before, run again on the same hardware")

NAMED_RULES: Mapping[str, NamedRule] = {
    r.name: r for r in (
        NamedRule("modded-nanogpt-track-1", Test.T, None, 0.01, 3_280_000,
                  "github.com/KellerJordan/modded-nanogpt, README, Rules: p < 0.01 that the mean loss is <= 3.28",
                  _SPEEDRUN),
        NamedRule("modded-nanogpt-track-2", Test.T, None, 0.01, 2_920_000,
                  "github.com/KellerJordan/modded-nanogpt, README, track 2: as track 1, with the target 2.92",
                  _SPEEDRUN),
        NamedRule("modded-nanogpt-track-3", Test.Z, 4_000, 0.001, 3_280_000,
                  "github.com/KellerJordan/modded-nanogpt, records/track_3_optimization: "
                  "(3.28 - avg_loss) * num_runs**0.5 >= 0.004, from sigma = 0.0013 and p < 0.001",
                  ("data, batch size and architecture are as they were",
                   "one forward and backward pass for each step",
                   "no decision of a single run rests on its validation loss: the stop step is common to all seeds")),
        NamedRule("one-sided-t-p05", Test.T, None, 0.05, None, "Student's one-sample test at p < 0.05"),
    )
}
"""Rules by name."""
