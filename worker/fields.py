"""The keys of every document of contract v1, what each must be, and which a document may lack."""

from __future__ import annotations

from typing import Any

from worker.checks import (
    FAILURE_CLASSES,
    MAX_ATTEMPT,
    MAX_PER_GPU,
    MAX_PRIORITY,
    RESERVED_VARIABLES,
    Check,
    are_variables,
    is_attempt,
    is_continuation,
    is_device,
    is_digest,
    is_failure,
    is_flag,
    is_grace,
    is_group,
    is_natural,
    is_needs,
    is_number,
    is_object,
    is_override,
    is_positive,
    is_process,
    is_resolved,
    is_seconds,
    is_subject,
    is_text,
    is_time,
    is_word,
    list_of,
    nullable,
    one_of,
    within,
)

PHASES = ("waiting", "running", "stopping", "sealing", "sealed")
OUTCOMES = ("completed", "failed", "timed_out", "cancelled", "disk_full", "refused", "over_budget", "withdrawn")
WITNESSES = ("supervisor", "adopter")
ENTRIES = ("gpt", "simulated")
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"

_A_DIGEST = (is_digest, "64 lower-case hex digits")
_AN_ATTEMPT = (is_attempt, f"an integer from 1 to {MAX_ATTEMPT}")
_A_COUNT = (is_natural, "an integer from 0")
_A_TIME = (is_time, "a UTC time like 2026-01-31T12:00:00Z")
_TEXT = (is_text, "a string")
_A_FLAG = (is_flag, "true or false")
_AN_OBJECT = (is_object, "an object")
_A_PROCESS = (is_process, 'an object like {"pid": 812, "ticks": 87200}')
_MAYBE_TEXT = (nullable(is_text), "a string or null")
_MAYBE_COUNT = (nullable(is_natural), "an integer from 0, or null")
_MAYBE_AMOUNT = (nullable(is_positive), "an integer above 0, or null")
_MAYBE_FLAG = (nullable(is_flag), "true, false or null")
_MAYBE_TIME = (nullable(is_time), "a UTC time or null")
_IDENTITY: dict[str, tuple[Check, str]] = {"run_id": _A_DIGEST, "attempt": _AN_ATTEMPT}

FIELDS: dict[str, dict[str, tuple[Check, str]]] = {
    "spec": {
        "entry": (one_of(ENTRIES), f"one of {', '.join(ENTRIES)}"),
        "needs": (is_needs, 'an object like {"gpus": 0}'),
    },
    "dispatch": {
        **_IDENTITY,
        "host": (is_word, "a name"),
        "bundle": _A_DIGEST,
        "python": (is_word, "a program's name or path"),
        "slots": (within(1, 1024), "an integer from 1 to 1024"),
        "gpus": _A_COUNT,
        "deadline_s": (is_seconds, "a number of seconds above 0"),
        "grace_s": (is_grace, "a number of seconds from 0"),
        "beat_s": (is_seconds, "a number of seconds above 0"),
        "disk_floor_bytes": _A_COUNT,
        "resolved": (is_resolved, "an object with 'teacher' and 'target_val'"),
        "trainer_env": (are_variables, f"an object of environment variables, none of {sorted(RESERVED_VARIABLES)}"),
        "resume_from": (nullable(is_attempt), "an attempt's number or null"),
        "priority": (within(-MAX_PRIORITY, MAX_PRIORITY), f"an integer from -{MAX_PRIORITY} to {MAX_PRIORITY}"),
        "group": (nullable(is_group), 'an object like {"name": "grid", "limit": 2}, or null'),
        "devices": (nullable(list_of(is_device)), "a list of GPU-… and MIG-… UUIDs, or null"),
        "per_gpu": (within(1, MAX_PER_GPU), f"an integer from 1 to {MAX_PER_GPU}"),
        "gpu_memory_mib": _MAYBE_AMOUNT,
        "share_gpus": _A_FLAG,
        "budget_ms": _MAYBE_AMOUNT,
        "override": (nullable(is_override), 'an object like {"reason": "oom_fallback", "spec": {"data": '
                                            '{"microbatch_sequences": 4}}}, or null'),
        "continue_from": (nullable(is_continuation), 'an object like {"run_id": "<sha256>", "attempt": 1, "sha256": '
                                                     '"<sha256>"}, or null'),
    },
    "claim": {
        **_IDENTITY, "dispatch_sha256": _A_DIGEST, "boot_id": _TEXT, "claimed_at": _A_TIME, "supervisor": _A_PROCESS,
    },
    "started": {
        **_IDENTITY, "boot_id": _TEXT, "started_at": _A_TIME, "supervisor": _A_PROCESS, "trainer": _A_PROCESS,
        "pgid": (is_positive, "a process group's id"),
        "slots": (list_of(is_natural), "a list of slot numbers"),
        "gpu_uuids": (list_of(is_text), "a list of GPU UUIDs"),
        "started_monotonic_ms": _MAYBE_COUNT,
    },
    "status": {
        **_IDENTITY,
        "phase": (one_of(PHASES), f"one of {', '.join(PHASES)}"),
        "beat": _A_COUNT, "at": _A_TIME, "queue_position": _MAYBE_COUNT, "waiting_for": _MAYBE_TEXT,
        "train_log_bytes": _A_COUNT, "last_line": _MAYBE_TEXT, "deadline_at": _MAYBE_TIME, "load": _AN_OBJECT,
    },
    "stop": {"reason": _TEXT, "only_waiting": _A_FLAG},
    "environment": dict.fromkeys(("python", "torch", "numpy", "device", "gpu_model", "cpu_model", "driver", "cuda",
                                  "precision", "corpus_sha256", "attention_backend"), _MAYBE_TEXT) | {
        "threads": _MAYBE_COUNT, "parameters": _MAYBE_COUNT, "compiled": _MAYBE_FLAG, "oom_fallback": _MAYBE_FLAG,
        "attention_fallback": _MAYBE_FLAG, "teacher_eval_val": (nullable(is_number), "a number or null"),
    },
    "manifest": {
        "_type": (one_of((STATEMENT_TYPE,)), STATEMENT_TYPE),
        "predicateType": (one_of((PREDICATE_TYPE,)), PREDICATE_TYPE),
        "subject": (list_of(is_subject), "a list of files with name, digest and size_bytes"),
        "predicate": _AN_OBJECT,
    },
    "exit": {
        **_IDENTITY,
        "outcome": (one_of(OUTCOMES), f"one of {', '.join(OUTCOMES)}"),
        "exit_code": _MAYBE_COUNT, "signal": _MAYBE_COUNT, "reason": _MAYBE_TEXT,
        "failure": (nullable(is_failure), f"an object whose 'class' is one of {', '.join(FAILURE_CLASSES)}, or null"),
        "witness": (one_of(WITNESSES), f"one of {', '.join(WITNESSES)}"), "boot_id": _TEXT,
        "started_at": _MAYBE_TIME, "ended_at": _A_TIME, "wall_ms": _A_COUNT, "cpu_ms": _A_COUNT,
        "manifest_sha256": _A_DIGEST, "train_log_bytes": _A_COUNT,
    },
}
"""What each key of each kind must be: a predicate, and the words that say what it asks for."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "dispatch": {"priority": 0, "group": None, "devices": None, "per_gpu": 1, "gpu_memory_mib": None,
                 "share_gpus": False, "budget_ms": None, "override": None, "continue_from": None},
    "started": {"started_monotonic_ms": None},
    "status": {"waiting_for": None},
    "stop": {"only_waiting": False},
    # What a trainer does not know it may also leave out.
    "environment": dict.fromkeys(FIELDS["environment"]),
    "exit": {"failure": None},
}
"""The keys that may be missing, and what that means."""
