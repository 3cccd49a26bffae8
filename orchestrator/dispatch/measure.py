"""From verified evidence to the numbers that the ledger keeps. Pure: the same evidence gives the same numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.domain import metrics
from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.metrics import Curve
from orchestrator.ledger.rows import MeasurementRecord, ValidationRecord
from orchestrator.wire.documents import DispatchDocument, EnvironmentDocument, ExitDocument
from orchestrator.wire.spec import Spec, canonical_digest
from orchestrator.wire.trainlog import PARSER_ID

_OUTCOMES = {
    "completed": Outcome.COMPLETED, "timed_out": Outcome.TIMED_OUT, "cancelled": Outcome.CANCELLED,
    "disk_full": Outcome.DISK_FULL, "refused": Outcome.REFUSED, "over_budget": Outcome.OVER_BUDGET,
    "withdrawn": Outcome.WITHDRAWN,
}
_TRAINER_EXIT = {11: Outcome.NAN, 12: Outcome.OOM}
_FAILURES = {"oom": Outcome.OOM, "nan": Outcome.NAN, "nccl": Outcome.NCCL, "xid": Outcome.XID,
             "jit_crash": Outcome.JIT_CRASH, "disk_full": Outcome.DISK_FULL}
_RESUMED = re.compile(rb"^resumed after step (\d+);", re.M)


def outcome_of(seal: ExitDocument) -> Outcome:
    """How the attempt ended, from its seal: the supervisor's word, refined by the trainer's exit code, which is the
    trainer's own word, and else by the class of failure that the supervisor recognised."""
    if seal.outcome != "failed":
        return _OUTCOMES[seal.outcome]
    by_code = _TRAINER_EXIT.get(seal.exit_code if seal.exit_code is not None else -1)
    if by_code is not None:
        return by_code
    return _FAILURES.get(seal.failure.kind, Outcome.FAILED) if seal.failure is not None else Outcome.FAILED


@dataclass(frozen=True)
class Repeated:
    """What an attempt's log repeats of another attempt: up to ``step``, trained there in so much train time."""

    step: int
    train_time_ms: float
    run_id: str
    attempt: int


def repeated(dispatch: DispatchDocument | None, log: bytes, curve: Curve) -> Repeated | None:
    """What the log repeats; None for an attempt that began anew.

    The host must have been asked to resume or to continue: a trainer's word alone excuses no train time.
    """
    if dispatch is None or (dispatch.resume_from is None and dispatch.continue_from is None):
        return None  # of most runs; their logs, which may be long, are not searched
    found = _RESUMED.search(log)
    if found is None:
        return None
    step, begun = int(found[1]), dispatch.continue_from
    times = [p.train_time_ms for points in (curve.train, curve.validations) for p in points
             if p.step <= step and p.train_time_ms is not None]
    return Repeated(step, max(times, default=0.0), *(
        (begun.run_id, begun.attempt) if begun is not None else (dispatch.run_id, dispatch.resume_from or 0)))


def comparison_key(spec: Spec, environment: EnvironmentDocument) -> str:
    """Digest of all that must be equal for two runs' figures to be compared.

    Data, seed, batch, its stages, validation and horizon come from the spec; corpus digest, GPU model, precision, torch
    and thread count from what really ran.
    """
    facts: dict[str, Any] = {
        "corpus_sha256": environment.corpus_sha256,
        "gpu_model": environment.gpu_model or environment.device,
        "precision": environment.precision,
        "torch": environment.torch,
        "threads": environment.threads,
        "seed": spec.seed,
        "horizon": spec.horizon,
        "sequence_length": spec.data.sequence_length,
        "batch_sequences": spec.data.batch_sequences,
        "validation": spec.validation.model_dump(mode="json"),
    }
    if spec.stages:
        facts["stages"] = [stage.model_dump(mode="json") for stage in spec.stages]
    return canonical_digest(facts)


def whole(spec: Spec, seal: ExitDocument, curve: Curve, before: Repeated | None = None) -> bool:
    """Whether the run ended by its own rule with evidence that agrees with itself.

    The supervisor's wall clock is a cross-check: training cannot have taken longer than the process lived
    (``tests/contract/v1``). What the log repeats of another attempt was trained before.
    The simulated trainer's clock is not a real one and is exempt.
    """
    if outcome_of(seal) is not Outcome.COMPLETED or curve.end_reason not in ("horizon", "target_confirmed"):
        return False
    train_time = metrics.train_time_ms(curve)
    if train_time is None:
        return False
    trained = train_time - (0.0 if before is None else before.train_time_ms)
    return spec.entry == "simulated" or trained <= seal.wall_ms


def measure(spec: Spec, seal: ExitDocument, environment: EnvironmentDocument | None, curve: Curve,
            *, usage: Mapping[str, Any], before: Repeated | None = None) -> MeasurementRecord:
    """The ledger's measurement of one sealed attempt. ``usage`` is the manifest's, and is kept with what the attempt
    repeats of another."""
    early = [metrics.to_u6(p.val_loss) for p in curve.validations if p.step > 0][:4]
    v1, v2, v3, v4 = [*early, None, None, None, None][:4]
    best, final = metrics.best_val(curve), metrics.final_val(curve)
    timed = metrics.train_time_point(curve)
    return MeasurementRecord(
        parser_id=PARSER_ID,
        complete=int(whole(spec, seal, curve, before)),
        oom_fallback=_fell_back(environment),
        asserted=0,
        final_step=metrics.final_step(curve),
        total_steps=curve.total_steps,
        train_time_ms=metrics.train_time_ms(curve),
        train_time_offset=timed.offset if timed is not None else None,
        best_val_u6=None if best is None else metrics.to_u6(best),
        final_val_u6=None if final is None else metrics.to_u6(final),
        val_finite=int(all(metrics.to_u6(p.val_loss) is not None for p in curve.validations))
        if curve.validations else None,
        val_1_u6=v1, val_2_u6=v2, val_3_u6=v3, val_4_u6=v4,
        n_validations=len(curve.validations),
        median_step_ms=metrics.median_step_ms(curve),
        p90_step_ms=metrics.p90_step_ms(curve),
        wall_ms=seal.wall_ms,
        comparison_key=None if environment is None else comparison_key(spec, environment),
        environment_json="{}" if environment is None else environment.to_bytes().decode(),
        usage_json=json.dumps({**usage, **({} if before is None else {"repeated": asdict(before)})}, sort_keys=True),
        parameters=None if environment is None else environment.parameters,
    )


def _fell_back(environment: EnvironmentDocument | None) -> int | None:
    """1 where the configuration did not run as asked: a smaller batch, or other kernels than the spec names."""
    if environment is None or environment.oom_fallback is None:
        return None
    return int(environment.oom_fallback or bool(environment.attention_fallback))


def validation_records(curve: Curve) -> list[ValidationRecord]:
    """Every validation of the log; the loss is None where it was NaN or infinite."""
    return [
        ValidationRecord(step=p.step, val_u6=metrics.to_u6(p.val_loss),
                         train_time_ms=None if p.train_time_ms is None else metrics.round_half_up(p.train_time_ms),
                         offset=p.offset)
        for p in curve.validations
    ]
