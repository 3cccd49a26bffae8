"""The learning-rate multiplier: boost, hold, drop to base, cool down; and the ramp that the KD stop sets off.

``m(f) = boost`` for ``f < hold``; linear from ``boost`` to 1 on ``[hold, drop_to_base]``; 1 after; linear to ``floor``
over the last ``cooldown`` of the horizon. Source: the KD learning-rate policy (boosted phase, hand-off, CE finish).
A control arm has no KD and therefore never the further ramp.
"""

from __future__ import annotations

from worker.trainer.spec import ScheduleSpec


def base_multiplier(s: ScheduleSpec, step: int, horizon: int) -> float:
    """The multiplier of the update that follows ``step`` updates, of ``horizon`` in all, before any KD stop."""
    f = step / horizon
    if f < s.hold:
        m = s.boost
    elif f < s.drop_to_base:
        m = s.boost + (1.0 - s.boost) * (f - s.hold) / (s.drop_to_base - s.hold)
    else:
        m = 1.0
    if s.cooldown > 0 and f > 1.0 - s.cooldown:
        m *= 1.0 + (s.floor - 1.0) * (f - (1.0 - s.cooldown)) / s.cooldown
    if s.warmup_steps:
        m *= min(1.0, (step + 1) / s.warmup_steps)
    return m


def multiplier(s: ScheduleSpec, step: int, horizon: int, kd_stopped_at: int | None) -> float:
    """:func:`base_multiplier` times the ramp from 1 to ``finish`` that begins with the first update after the KD stop.

    ``kd_stopped_at`` is the number of updates done when KD stopped. It never becomes None again, so the ramp is
    latched.
    """
    m = base_multiplier(s, step, horizon)
    if kd_stopped_at is not None:
        m *= 1.0 + (s.finish - 1.0) * min(1.0, (step + 1 - kd_stopped_at) / s.finish_ramp_steps)
    return m
