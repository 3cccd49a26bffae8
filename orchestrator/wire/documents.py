"""The laptop's codec of contract v1: the JSON documents of a run directory and two answers of the host program.

Reading is strict in types (``true`` is no integer, ``"7"`` is no number, NaN is no number, a key may not occur twice)
and ignores unknown keys, because a newer host may write them. Every ``parse_*`` takes bytes, or plain data that came
inside another message, and a path to name in errors; it raises :class:`MalformedDocument` naming the key, or
:class:`UnknownContract`. ``to_bytes`` of equal documents is equal: sorted keys, compact, ASCII, one newline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from orchestrator.wire.codec import (
    CONTRACT,
    DEVICE,
    AttemptNumber,
    Count,
    Digest,
    Document,
    Finite,
    Part,
    Seconds,
    UtcTime,
    parse,
    parse_object,
)
from orchestrator.wire.manifest import Manifest, ManifestFile, parse_manifest

__all__ = [
    "CONTRACT", "DOCUMENTS", "PARSERS", "ClaimDocument", "Continuation", "DispatchDocument", "Document",
    "EnvironmentDocument", "ExitDocument", "Failure", "Hello", "Load", "Manifest", "ManifestFile", "Observation",
    "Process", "Resolved", "ResolvedTeacher", "StartedDocument", "StatusDocument", "parse_claim", "parse_dispatch",
    "parse_environment", "parse_exit", "parse_hello", "parse_manifest", "parse_object", "parse_observation",
    "parse_started", "parse_status",
]

EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


class ResolvedTeacher(Part):
    """The pinned choice of a teacher. ``checkpoint_sha256`` is null where the trainer needs no weights."""

    run_id: Digest
    checkpoint_sha256: Digest | None
    final_val: Finite


class Resolved(Part):
    """What selectors of the spec came out as."""

    teacher: ResolvedTeacher | None = None
    target_val: Finite | None = None


class Group(Part):
    """A name that runs share of which at most ``limit`` train at once on the host."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
    limit: Annotated[int, Field(ge=1, le=10**6)]


class SmallerBatch(Part):
    """The part of ``spec.data`` that an override may change."""

    model_config = ConfigDict(extra="forbid")

    microbatch_sequences: Annotated[int, Field(ge=1)] | None = None
    batch_sequences: Annotated[int, Field(ge=1)] | None = None

    @model_serializer(mode="wrap")
    def _only_what_changes(self, as_usual: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # The trainer merges it over the spec, so a key that changes nothing must not be there.
        return {key: value for key, value in as_usual(self).items() if value is not None}


class OverriddenSpec(Part):
    """The part of a spec that an override may change."""

    model_config = ConfigDict(extra="forbid")

    data: SmallerBatch


class Override(Part):
    """What an attempt is asked for other than its spec: only a smaller batch, and it is a fallback for ever."""

    reason: Literal["oom_fallback"]
    spec: OverriddenSpec


class Continuation(Part):
    """The attempt of a shorter run that this run begins with, by its last checkpoint's digest."""

    run_id: Digest
    attempt: AttemptNumber
    sha256: Digest


class DispatchDocument(Document):
    """``dispatch.json``: how one attempt of one run is run on one host. No times, no random values."""

    run_id: Digest
    attempt: AttemptNumber
    host: Annotated[str, Field(min_length=1, max_length=4096)]
    bundle: Digest
    python: Annotated[str, Field(min_length=1, max_length=4096)]
    slots: Annotated[int, Field(ge=1, le=1024)]
    gpus: Count
    deadline_s: Seconds
    grace_s: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)]
    beat_s: Seconds
    disk_floor_bytes: Count
    resolved: Resolved
    trainer_env: dict[EnvName, str]
    resume_from: AttemptNumber | None
    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    group: Group | None = None
    devices: tuple[Annotated[str, Field(pattern=rf"^({DEVICE})$")], ...] | None = None
    per_gpu: Annotated[int, Field(ge=1, le=64)] = 1
    gpu_memory_mib: Annotated[int, Field(ge=1)] | None = None
    share_gpus: bool = False
    budget_ms: Annotated[int, Field(ge=1)] | None = None
    override: Override | None = None
    continue_from: Continuation | None = None


class Process(Part):
    """A process that cannot be mistaken for a later one with the same number: pid and start ticks."""

    pid: Annotated[int, Field(ge=1)]
    ticks: Count


class ClaimDocument(Document):
    """``claim.json``: who claimed the attempt."""

    run_id: Digest
    attempt: AttemptNumber
    dispatch_sha256: Digest
    boot_id: str
    claimed_at: UtcTime
    supervisor: Process


class StartedDocument(Document):
    """``started.json``: before it exists the trainer has not run."""

    run_id: Digest
    attempt: AttemptNumber
    boot_id: str
    started_at: UtcTime
    supervisor: Process
    trainer: Process
    pgid: Annotated[int, Field(ge=1)]
    slots: tuple[Count, ...]
    gpu_uuids: tuple[str, ...]
    started_monotonic_ms: Count | None = None
    """The host's monotonic clock at ``started_at``, which holds for one boot."""


class Load(Part):
    """What else used the host. ``other_cpu_fraction`` is the share of all CPUs taken by other processes, 0 to 1."""

    loadavg_1m: Finite | None = None
    other_cpu_fraction: Finite | None = None


class StatusDocument(Document):
    """``status.json``: the supervisor's latest beat."""

    run_id: Digest
    attempt: AttemptNumber
    phase: Literal["waiting", "running", "stopping", "sealing", "sealed"]
    beat: Count
    at: UtcTime
    queue_position: Count | None
    waiting_for: str | None = None
    """Why a run whose turn it is does not start yet, in words."""
    train_log_bytes: Count
    last_line: Annotated[str, Field(max_length=400)] | None
    deadline_at: UtcTime | None
    load: Load


class EnvironmentDocument(Document):
    """``environment.json``: what the trainer really ran on. None where unknown."""

    python: str | None = None
    torch: str | None = None
    numpy: str | None = None
    device: str | None = None
    gpu_model: str | None = None
    cpu_model: str | None = None
    """Of a run that trained on the processor."""
    driver: str | None = None
    cuda: str | None = None
    precision: str | None = None
    threads: Count | None = None
    corpus_sha256: Digest | None = None
    parameters: Count | None = None
    attention_backend: str | None = None
    compiled: bool | None = None
    oom_fallback: bool | None = None
    attention_fallback: bool | None = None
    teacher_eval_val: Finite | None = None

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, as_usual: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What the ledger holds of documents without the key is read again to the same bytes.
        return {key: value for key, value in as_usual(self).items() if key != "cpu_model" or value is not None}


class Failure(Part):
    """What went wrong in a trainer, and the line of its log that says so. Memory in MiB where the log tells it."""

    kind: Annotated[Literal["oom", "nan", "nccl", "xid", "jit_crash", "disk_full", "missing_backend", "bad_input",
                            "teacher_mismatch", "killed", "code_error"], Field(alias="class")]
    phase: str | None = None
    tried_mib: Finite | None = None
    free_mib: Finite | None = None
    shortfall_mib: Finite | None = None
    line: Annotated[str, Field(max_length=400)] | None = None


class ExitDocument(Document):
    """``exit.json``: the seal. Its presence means that nothing in the attempt's directory changes any more."""

    run_id: Digest
    attempt: AttemptNumber
    outcome: Literal["completed", "failed", "timed_out", "cancelled", "disk_full", "refused", "over_budget",
                     "withdrawn"]
    exit_code: Count | None
    signal: Count | None
    reason: str | None
    failure: Failure | None = None
    witness: Literal["supervisor", "adopter"]
    boot_id: str
    started_at: UtcTime | None
    ended_at: UtcTime
    wall_ms: Count
    cpu_ms: Count
    manifest_sha256: Digest
    train_log_bytes: Count


class Observation(Part):
    """What can be proved on the host about one attempt. A ``sealed`` one carries its seal."""

    run_id: Digest
    attempt: AttemptNumber
    state: Literal["absent", "sealed", "lost_reboot", "waiting", "running", "orphan", "claimed", "lost_supervisor"]
    exit: ExitDocument | None = None
    status: StatusDocument | None = None
    started: StartedDocument | None = None
    boot_id: str | None = None
    train_log_bytes: Count | None = None

    @model_validator(mode="after")
    def _speaks_of_one_attempt(self) -> Self:
        if (self.state == "sealed") != (self.exit is not None):
            raise ValueError("state 'sealed' and an 'exit' document go together")
        for name, part in (("exit", self.exit), ("status", self.status), ("started", self.started)):
            if part is not None and (part.run_id, part.attempt) != (self.run_id, self.attempt):
                raise ValueError(f"its {name!r} document speaks of another attempt")
        return self


class Hello(Document):
    """The host program's first answer. ``root_id`` tells its root from any other directory; None where it has none."""

    python: str
    boot_id: str
    now: UtcTime
    root: str
    root_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    pid: Annotated[int, Field(ge=1)]


DOCUMENTS: Mapping[str, type[Document]] = {
    "dispatch": DispatchDocument, "claim": ClaimDocument, "started": StartedDocument, "status": StatusDocument,
    "environment": EnvironmentDocument, "manifest": Manifest, "exit": ExitDocument,
}
"""The run directory's documents by the stem of their file's name; ``spec.json`` is in ``wire.spec``."""

def parse_dispatch(data: bytes | Mapping[str, Any], path: str) -> DispatchDocument:
    return parse(DispatchDocument, data, path)


def parse_claim(data: bytes | Mapping[str, Any], path: str) -> ClaimDocument:
    return parse(ClaimDocument, data, path)


def parse_started(data: bytes | Mapping[str, Any], path: str) -> StartedDocument:
    return parse(StartedDocument, data, path)


def parse_status(data: bytes | Mapping[str, Any], path: str) -> StatusDocument:
    return parse(StatusDocument, data, path)


def parse_environment(data: bytes | Mapping[str, Any], path: str) -> EnvironmentDocument:
    return parse(EnvironmentDocument, data, path)


def parse_exit(data: bytes | Mapping[str, Any], path: str) -> ExitDocument:
    return parse(ExitDocument, data, path)


def parse_observation(data: bytes | Mapping[str, Any], path: str) -> Observation:
    return parse(Observation, data, path)


def parse_hello(data: bytes | Mapping[str, Any], path: str) -> Hello:
    return parse(Hello, data, path)


Parser = Callable[[bytes | Mapping[str, Any], str], Document]
PARSERS: Mapping[str, Parser] = {
    "dispatch": parse_dispatch, "claim": parse_claim, "started": parse_started, "status": parse_status,
    "environment": parse_environment, "manifest": parse_manifest, "exit": parse_exit,
}
"""The reader of each document, by the stem of its file's name."""
