"""What goes into the ledger (``*Record``) and what comes out of it (``*Row``), as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.domain.lifecycle import Outcome, State
from orchestrator.domain.verdict import Role


@dataclass(frozen=True)
class CampaignRecord:
    """A campaign as it was launched. ``campaign_id`` identifies its content; its name may be shared by others."""

    campaign_id: str
    name: str
    source_name: str
    source_text: str
    overrides_json: str
    plan_hash: str


@dataclass(frozen=True)
class RunRecord:
    """One spec with one seed. ``spec_json`` is the exact text whose sha256 is ``run_id``."""

    run_id: str
    spec_json: str
    config_id: str
    mode: str
    seed: int
    origin: str = "planned"


@dataclass(frozen=True)
class MemberRecord:
    """A run's place in a campaign. A link that is None may be given later, once, before the first verdict."""

    campaign_id: str
    run_id: str
    stage: str
    ordinal: int
    name: str
    role: Role
    teacher_run_id: str | None = None
    reference_run_id: str | None = None
    twin_run_id: str | None = None
    archival: bool = False
    provisional: bool = False
    is_slice: bool = False


@dataclass(frozen=True)
class ResolutionRecord:
    """What a selector was resolved to: ``chosen_run_id`` among ``candidates``, pinned under ``key`` for ever."""

    key: str
    campaign_id: str
    selector: str
    candidates: tuple[str, ...]
    chosen_run_id: str
    checkpoint_sha256: str | None
    final_val_u6: int | None
    reason: str


@dataclass(frozen=True)
class FileRecord:
    """A file of the evidence, as the statement promises it."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class EvidenceRecord:
    """Verified evidence of one attempt. ``evidence_id`` is the sha256 of ``statement`` (the manifest's text);
    ``kind`` is sealed, log or csv; ``directory`` is relative to the ledger's own directory. ``derived`` are the files
    that were computed from it on this machine."""

    evidence_id: str
    run_id: str
    attempt_no: int
    kind: str
    statement: str
    directory: str
    files: tuple[FileRecord, ...]
    derived: tuple[FileRecord, ...] = ()


@dataclass(frozen=True)
class KeptFile:
    """A file that recorded evidence lists; ``directory`` is relative to the ledger's own. Checkpoints stay on their
    host."""

    directory: str
    path: str
    sha256: str


@dataclass(frozen=True)
class MeasurementRecord:
    """What a registered parser read from evidence. Gate inputs as in ``domain.verdict.GateInputs``; the others are
    shown and never judged. ``train_time_offset`` is the byte of the line that states the train time."""

    parser_id: str
    complete: int | None
    oom_fallback: int | None
    asserted: int
    final_step: int | None
    total_steps: int | None
    train_time_ms: int | None
    best_val_u6: int | None
    final_val_u6: int | None
    val_finite: int | None
    val_1_u6: int | None
    val_2_u6: int | None
    val_3_u6: int | None
    val_4_u6: int | None
    n_validations: int
    median_step_ms: float | None = None
    p90_step_ms: float | None = None
    wall_ms: int | None = None
    comparison_key: str | None = None
    environment_json: str = "{}"
    usage_json: str = "{}"
    parameters: int | None = None
    train_time_offset: int | None = None
    teacher_train_time_ms: int | None = None


@dataclass(frozen=True)
class ValidationRecord:
    """One validation; ``val_u6`` is None where the loss was NaN or infinite. ``offset`` is its line's byte."""

    step: int
    val_u6: int | None
    train_time_ms: int | None
    offset: int | None = None


@dataclass(frozen=True)
class ImportRecord:
    """A run that happened elsewhere: its place, its evidence and what was read from it."""

    run: RunRecord
    member: MemberRecord
    evidence: EvidenceRecord
    measurement: MeasurementRecord
    validations: tuple[ValidationRecord, ...] = ()


@dataclass(frozen=True)
class CampaignRow:
    """A recorded campaign; ``event_seq`` orders campaigns by when they were recorded."""

    campaign_id: str
    name: str
    source_name: str
    source_text: str
    overrides_json: str
    plan_hash: str
    recorded_at: str
    event_seq: int


@dataclass(frozen=True)
class MemberRow:
    """A run's place in a campaign, as recorded."""

    campaign_id: str
    run_id: str
    stage: str
    ordinal: int
    name: str
    role: Role
    teacher_run_id: str | None
    reference_run_id: str | None
    twin_run_id: str | None
    archival: bool
    provisional: bool
    is_slice: bool


@dataclass(frozen=True)
class AttemptRow:
    """One attempt as it stands. Times are ISO-8601 with Z; ``evidence_id`` is set once evidence was recorded.

    ``override_json`` is the dispatch document's ``override`` where the attempt is asked for other than its spec.
    """

    run_id: str
    attempt_no: int
    state: State
    outcome: Outcome | None
    host: str | None
    bundle: str | None
    dispatch_sha256: str | None
    exit_json: str | None
    planned_at: str
    placed_at: str | None
    started_at: str | None
    ended_at: str | None
    finished_at: str | None
    evidence_id: str | None
    override_json: str | None = None


@dataclass(frozen=True)
class VerdictRow:
    """What the database computed for one membership; masks as in ``domain.verdict.GATE_BIT``."""

    campaign_id: str
    stage: str
    run_id: str
    verdict_no: int
    policy_id: str
    evidence_id: str
    fail_mask: int
    missing_mask: int
    budget_result: str | None
    verdict: str


@dataclass(frozen=True)
class EventRow:
    """One entry of the chain."""

    seq: int
    prev_hash: str
    hash: str
    at: str
    kind: str
    subject: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class HostSeen:
    """What was last seen of a host; ``since`` is when that began."""

    host: str
    reachable: bool
    since: str
    checked_at: str
    detail: str


@dataclass(frozen=True)
class HostFactsRow:
    """What a host was last found to have and to be able to do, as ``kdorch host doctor`` recorded it."""

    host: str
    observed_at: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class AssetRow:
    """A name and the asset that it stands for."""

    name: str
    sha256: str
    size_bytes: int
    kind: str
    named_at: str


@dataclass(frozen=True)
class CheckpointSource:
    """A checkpoint by its digest, and where it lies: on ``host``, in the attempt's directory, at ``path``."""

    sha256: str
    host: str
    run_id: str
    attempt_no: int
    path: str
    size_bytes: int | None = None


@dataclass(frozen=True)
class LedgerRow:
    """One membership as ``kdorch ledger --format json`` shows it; the keys are a promise to scripts.

    Losses are in nats, times in whole milliseconds. ``teacher_train_time_ms`` is the run's own for a teacher and its
    teacher's for a student. ``steps_to_target`` is against the policy's target or, where that names none, against
    the one of the campaign's students; None means censored, or no target.
    """

    run_id: str
    name: str
    campaign: str
    mode: str
    host: str | None
    status: str
    labels: tuple[str, ...]
    state: str
    outcome: str | None
    verdict: str | None
    failed_gates: tuple[str, ...]
    train_time_ms: int | None
    teacher_train_time_ms: int | None
    budget_ms: int | None
    steps: int | None
    best_val: float | None
    final_val: float | None
    steps_to_target: int | None
    time_to_target_ms: int | None
    alpha: float | None
    temperature: float | None
    lr_boost: float | None
    teacher_params_m: float | None
    teacher_steps: int | None
    student_steps: int | None
    artifact_dir: str | None


@dataclass(frozen=True)
class GateProof:
    """One gate: its number, its limit, and where the number stands. ``offset`` is a byte of ``file``, which is
    relative to the ledger's directory; both are None where nothing was measured."""

    gate: str
    result: str
    number: str
    limit: str
    file: str | None
    offset: int | None


@dataclass(frozen=True)
class Explanation:
    """Why a run stands where it stands."""

    row: LedgerRow
    campaign_id: str
    stage: str
    attempt_no: int | None
    policy_name: str | None
    policy_id: str | None
    budget_derivation: str | None
    evidence_id: str | None
    asserted: bool
    gates: tuple[GateProof, ...]
