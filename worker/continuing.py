"""Runs that begin where a shorter run ended: the same spec but for the horizon, on the same host.

With a schedule that does not look at the horizon the shorter run is, step for step, the beginning of the longer one;
successive halving trains it once. What could make the two differ is refused here, whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from worker.durable import read_file
from worker.paths import AttemptDir, Root
from worker.wire import DOCUMENT_LIMIT_BYTES, ContractError, Dispatch, Document, parse, sha256_hex

Multiplier = Callable[[int, int], float]
"""The learning-rate multiplier of the update that follows so many updates, for a horizon of so many in all."""


class NotABeginning(ContractError):
    """What ``continue_from`` names is not the beginning of the run."""


@dataclass(frozen=True)
class Beginning:
    """The attempt that trained the first ``steps`` steps, and the sha256 of the checkpoint it left."""

    attempt: AttemptDir
    sha256: str
    steps: int


def beginning_of(root: Root, dispatch: Dispatch, spec: Document, multiplier: Multiplier) -> Beginning | None:
    """What ``continue_from`` names, once it is sure to be a beginning of the run; None where nothing is named.

    ``spec`` is this run's. Raises :class:`NotABeginning` naming what makes the two runs differ.
    """
    asked = dispatch.continue_from
    if asked is None:
        return None
    path = root.spec(asked["run_id"])
    data = read_file(path, DOCUMENT_LIMIT_BYTES + 1)
    if data is None or sha256_hex(data) != asked["run_id"]:
        raise NotABeginning(path, "missing, or not the spec of that run; dispatch.json asks to continue from it")
    other = parse("spec", data, path)
    reason = difference(other, spec, multiplier)
    if reason:
        raise NotABeginning(path, f"the run cannot continue from run {asked['run_id'][:12]}: {reason}")
    return Beginning(root.attempt(asked["run_id"], asked["attempt"]), asked["sha256"], int(other["horizon"]))


def difference(short: Document, long: Document, multiplier: Multiplier) -> str:
    """Why the run of ``short`` is not the beginning of that of ``long``; empty where it is."""
    if {**short, "horizon": 0} != {**long, "horizon": 0}:
        keys = sorted(k for k in {*short, *long} - {"horizon"} if short.get(k) != long.get(k))
        return f"its {' and '.join(keys)} differ"
    steps, horizon, kd = int(short["horizon"]), int(long["horizon"]), long.get("kd")
    if not steps < horizon:
        return f"it has {steps} steps, and this run {horizon}"
    if long.get("stages"):
        return "stages end at fractions of the horizon"
    if long.get("stop_at_target") is not None:
        return "the run stops at a target, which it may have come to earlier"
    if kd is not None and kd["stop"]["max_fraction"] < 1.0:
        return "kd.stop.max_fraction ends KD at a fraction of the horizon"
    if kd is not None and kd["teacher_logits"] == "cached":
        return "the teacher's cached answers are of one horizon"
    if long["checkpoint"].get("keep_every"):
        return "checkpoint.keep_every asks for weights that the shorter run did not leave here"
    if long["checkpoint"].get("keep_last") is False:
        return "checkpoint.keep_last is false, so that the shorter run left nothing to go on from"
    if steps % long["validation"]["every"]:
        return f"it validated at its end, after step {steps}, where this run does not"
    changed = next((n for n in range(steps) if multiplier(n, steps) != multiplier(n, horizon)), None)
    return "" if changed is None else f"the learning rate of step {changed + 1} depends on the horizon"
