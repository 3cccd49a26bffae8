"""The learning-rate multiplier: boost, hold, drop to base, cool down; and the ramp that the KD stop sets off.

``m(f) = boost`` for ``f < hold``; linear from ``boost`` to 1 on ``[hold, drop_to_base]``; 1 after; linear to ``floor``
over the last ``cooldown`` of the horizon. Source: the KD learning-rate policy (boosted phase, hand-off, CE finish).
A control arm has no KD and therefore never the further ramp. The shape ``legacy`` is :data:`LEGACY` instead.
"""

from __future__ import annotations

from worker.trainer.spec import ScheduleSpec

LEGACY_STEPS = 12_000
LEGACY_RATE = 1e-3
LEGACY = ((0, 1e-3), (2000, 5e-4), (2600, 2e-4), (3200, 1e-4), (3600, 7e-5), (4200, 3e-5), (5200, 1e-5), (6000, 8e-6),
          (7000, 7e-6), (8000, 5e-6), (9000, 3e-6), (10500, 1e-6))
"""The piecewise schedule of the 12,000-step reference run: from which step on, which learning rate. Used as fractions
of any horizon, and as multiples of its first rate: the rates come out where ``optimizer.lr`` is that rate."""


def base_multiplier(s: ScheduleSpec, step: int, horizon: int) -> float:
    """The multiplier of the update that follows ``step`` updates, of ``horizon`` in all, before any KD stop."""
    f = step / horizon
    if s.shape == "legacy":
        m = legacy_multiplier(step, horizon)
    elif f < s.hold:
        m = s.boost
    elif f < s.drop_to_base:
        m = s.boost + (1.0 - s.boost) * (f - s.hold) / (s.drop_to_base - s.hold)
    else:
        m = 1.0
    if s.shape == "policy" and s.cooldown > 0 and f > 1.0 - s.cooldown:
        m *= 1.0 + (s.floor - 1.0) * (f - (1.0 - s.cooldown)) / s.cooldown
    if s.warmup_steps:
        m *= min(1.0, (step + 1) / s.warmup_steps)
    return m


def legacy_multiplier(step: int, horizon: int) -> float:
    """The rate of :data:`LEGACY` in force after ``step`` of ``horizon`` updates, over its first."""
    # In whole numbers: a fraction's rounding must not move a step across an edge.
    return next(rate for since, rate in reversed(LEGACY) if step * LEGACY_STEPS >= since * horizon) / LEGACY_RATE


def multiplier(s: ScheduleSpec, step: int, horizon: int, kd_stopped_at: int | None) -> float:
    """:func:`base_multiplier` times the ramp from 1 to ``finish`` that begins with the first update after the KD stop.

    ``kd_stopped_at`` is the number of updates done when KD stopped. It never becomes None again, so the ramp is
    latched.
    """
    m = base_multiplier(s, step, horizon)
    if kd_stopped_at is not None:
        m *= 1.0 + (s.finish - 1.0) * min(1.0, (step + 1 - kd_stopped_at) / s.finish_ramp_steps)
    return m
