"""Whether a run over a longer horizon may begin where the same run over a shorter one ended.

It may where nothing that it does looks at the horizon: then the shorter run is its beginning, step for step. The
trainer holds the two against each other once more and refuses what it finds different (``worker.continuing``).
"""

from __future__ import annotations

from orchestrator.wire.spec import Spec, run_id_of


def horizon_matters(spec: Spec, steps: int) -> str:
    """Why the first ``steps`` steps of a run are not those of the run over that horizon; empty where they are."""
    schedule, kd = spec.schedule, spec.kd
    boosted = schedule.boost != 1.0 and schedule.drop_to_base > 0.0
    if schedule.shape == "legacy" or boosted or schedule.cooldown > 0.0:
        what = "shape: legacy" if schedule.shape == "legacy" else "boost" if boosted else "cooldown"
        return f"schedule.{what} is in fractions of the horizon"
    if spec.stages:
        return "stages end at fractions of the horizon"
    if spec.stop_at_target is not None:
        return "a run that stops at its target may have come to it earlier"
    if kd is not None and kd.stop.max_fraction < 1.0:
        return "kd.stop.max_fraction is a fraction of the horizon"
    if kd is not None and kd.teacher_logits == "cached":
        return "the teacher's cached answers are those of one horizon"
    if spec.checkpoint.keep_every:
        return "checkpoint.keep_every asks for weights that the shorter run keeps"
    if not spec.checkpoint.keep_last:
        return "checkpoint.keep_last is false, so that the shorter run leaves nothing to go on from"
    if steps % spec.validation.every:
        return f"validation.every {spec.validation.every} does not divide the shorter horizon {steps}"
    return ""


def beginning_of(spec: Spec, steps: int) -> str | None:
    """The id of the run that trains the first ``steps`` steps of this one; None where none does."""
    if steps >= spec.horizon or horizon_matters(spec, steps):
        return None
    return run_id_of(spec.model_copy(update={"horizon": steps}))
