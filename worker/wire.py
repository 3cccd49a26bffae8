"""The host's codec of contract v1 (``tests/contract/v1``): reading, checking and writing of its documents.

Standard library only. Reading refuses what is not the document it claims to be, naming file, key and what was
expected; unknown keys are ignored, because a newer laptop may write them. Writing emits sorted keys and a newline.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CONTRACT = "v1"
DOCUMENT_LIMIT_BYTES = 8 << 20
MAX_ATTEMPT = 10**6

PHASES = ("waiting", "running", "stopping", "sealing", "sealed")
OUTCOMES = ("completed", "failed", "timed_out", "cancelled", "disk_full", "refused")
ENTRIES = ("gpt", "simulated")
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"

Document = dict[str, Any]
Check = Callable[[Any], bool]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_DRIVE = re.compile(r"[A-Za-z]:")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
RESERVED_VARIABLES = frozenset({"PYTHONPATH", "PYTHONHOME", "LD_PRELOAD", "CUDA_VISIBLE_DEVICES"})


class ContractError(Exception):
    """A document breaks the contract. ``path`` names the file, ``problem`` what is wrong with it."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path, self.problem = path, problem


class UnknownContract(ContractError):
    """The document is of a contract version that this code does not know."""


class MalformedDocument(ContractError):
    """The document is not what its name promises."""


@dataclass(frozen=True)
class Dispatch:
    """``dispatch.json``: how one attempt is to be run. Durations in seconds, sizes in bytes."""

    run_id: str
    attempt: int
    host: str
    bundle: str
    python: str
    slots: int
    gpus: int
    deadline_s: float
    grace_s: float
    beat_s: float
    disk_floor_bytes: int
    resolved: Document
    trainer_env: dict[str, str]
    resume_from: int | None


def is_digest(value: object) -> bool:
    """Whether ``value`` is a sha256 in 64 lower-case hex digits."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_attempt(value: object) -> bool:
    """Whether ``value`` can number an attempt: an integer from 1."""
    return _natural(value) and 1 <= int(value) <= MAX_ATTEMPT  # type: ignore[call-overload]


def is_safe_name(value: object) -> bool:
    """Whether ``value`` is a relative path that stays below its directory, in its one normal spelling, on any system.

    What a host lists by other names the laptop would refuse together with all the rest.
    """
    if not isinstance(value, str) or not value or len(value) > 1024 or not value.isprintable():
        return False
    if "\\" in value or _DRIVE.match(value):
        return False
    return all(part not in ("", ".", "..") for part in value.split("/"))


def sha256_hex(data: bytes) -> str:
    """The digest that names documents and assets."""
    return hashlib.sha256(data).hexdigest()


def utc(seconds: float) -> str:
    """Seconds since the epoch as UTC ISO-8601 with milliseconds and ``Z``."""
    whole = math.floor(seconds)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((seconds - whole) * 1000):03d}Z"


def to_bytes(document: Document) -> bytes:
    """One object, keys sorted, one newline at the end. NaN and infinity raise ``ValueError``."""
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode()


def parse(kind: str, data: bytes, path: str) -> Document:
    """The checked document of this ``kind`` (``spec``, ``dispatch``, ``claim``, ``started``, ``status``, ``stop``,
    ``environment``, ``manifest`` or ``exit``).

    Raises :class:`MalformedDocument` or :class:`UnknownContract`; ``path`` is what they call the document.
    """
    document = parse_object(data, path)
    version = document.get("contract")
    if version != CONTRACT:
        raise UnknownContract(path, f"contract {version!r} is unknown; this host speaks {CONTRACT!r}")
    for key, (check, expected) in _FIELDS[kind].items():
        if key not in document:
            if kind in _LENIENT:
                continue
            raise MalformedDocument(path, f"key {key!r} is missing; expected {expected}")
        if not check(document[key]):
            raise MalformedDocument(path, f"key {key!r} is {_short(document[key])}; expected {expected}")
    return document


def parse_object(data: bytes, path: str) -> Document:
    """``data`` as one JSON object: UTF-8, finite numbers, no key twice. Raises :class:`MalformedDocument`."""
    if len(data) > DOCUMENT_LIMIT_BYTES:
        raise MalformedDocument(path, f"{len(data)} bytes; at most {DOCUMENT_LIMIT_BYTES} are read")
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise MalformedDocument(path, "nested too deeply") from None
    except ValueError as error:
        raise MalformedDocument(path, f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise MalformedDocument(path, "not a JSON object")
    return value


def parse_dispatch(data: bytes, path: str) -> Dispatch:
    """``dispatch.json`` as a value. Raises as :func:`parse` does."""
    d = parse("dispatch", data, path)
    return Dispatch(
        run_id=d["run_id"], attempt=d["attempt"], host=d["host"], bundle=d["bundle"], python=d["python"],
        slots=d["slots"], gpus=d["gpus"], deadline_s=float(d["deadline_s"]), grace_s=float(d["grace_s"]),
        beat_s=float(d["beat_s"]), disk_floor_bytes=d["disk_floor_bytes"], resolved=d["resolved"],
        trainer_env=d["trainer_env"], resume_from=d["resume_from"],
    )


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> Document:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("an object has one key twice")
    return document


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _natural(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _positive(value: object) -> bool:
    return _natural(value) and value != 0


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _seconds(value: object) -> bool:
    return _number(value) and 0 < float(value) <= 10**9  # type: ignore[arg-type]


def _grace(value: object) -> bool:
    return _number(value) and 0 <= float(value) <= 10**6  # type: ignore[arg-type]


def _slots(value: object) -> bool:
    return _positive(value) and int(value) <= 1024  # type: ignore[call-overload]


def _text(value: object) -> bool:
    return isinstance(value, str)


def _word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 4096 and value.isprintable()


def _time(value: object) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _object(value: object) -> bool:
    return isinstance(value, dict)


def _nullable(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _one_of(words: tuple[str, ...]) -> Check:
    return lambda value: isinstance(value, str) and value in words


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _process(value: object) -> bool:
    return isinstance(value, dict) and _positive(value.get("pid")) and _natural(value.get("ticks"))


def _needs(value: object) -> bool:
    return isinstance(value, dict) and _natural(value.get("gpus"))


def _teacher(value: object) -> bool:
    return (isinstance(value, dict) and is_digest(value.get("run_id")) and _number(value.get("final_val"))
            and _nullable(is_digest)(value.get("checkpoint_sha256")))


def _resolved(value: object) -> bool:
    return (isinstance(value, dict) and _nullable(_teacher)(value.get("teacher"))
            and _nullable(_number)(value.get("target_val")))


def _variables(value: object) -> bool:
    return isinstance(value, dict) and all(
        _VARIABLE.fullmatch(name) is not None and name not in RESERVED_VARIABLES
        and isinstance(text, str) and len(text) <= 4096 and "\0" not in text
        for name, text in value.items())


def _subject(value: object) -> bool:
    if not isinstance(value, dict) or not is_safe_name(value.get("name")):
        return False
    digest, notes = value.get("digest"), value.get("annotations")
    return (isinstance(digest, dict) and is_digest(digest.get("sha256"))
            and isinstance(notes, dict) and _natural(notes.get("size_bytes")))


_A_DIGEST = (is_digest, "64 lower-case hex digits")
_AN_ATTEMPT = (is_attempt, f"an integer from 1 to {MAX_ATTEMPT}")
_A_COUNT = (_natural, "an integer from 0")
_A_TIME = (_time, "a UTC time like 2026-01-31T12:00:00Z")
_TEXT = (_text, "a string")
_AN_OBJECT = (_object, "an object")
_A_PROCESS = (_process, 'an object like {"pid": 812, "ticks": 87200}')
_MAYBE_TEXT = (_nullable(_text), "a string or null")
_MAYBE_COUNT = (_nullable(_natural), "an integer from 0, or null")
_MAYBE_TIME = (_nullable(_time), "a UTC time or null")
_IDENTITY: dict[str, tuple[Check, str]] = {"run_id": _A_DIGEST, "attempt": _AN_ATTEMPT}

_FIELDS: dict[str, dict[str, tuple[Check, str]]] = {
    "spec": {
        "entry": (_one_of(ENTRIES), f"one of {', '.join(ENTRIES)}"),
        "needs": (_needs, 'an object like {"gpus": 0}'),
    },
    "dispatch": {
        **_IDENTITY,
        "host": (_word, "a name"),
        "bundle": _A_DIGEST,
        "python": (_word, "a program's name or path"),
        "slots": (_slots, "an integer from 1 to 1024"),
        "gpus": _A_COUNT,
        "deadline_s": (_seconds, "a number of seconds above 0"),
        "grace_s": (_grace, "a number of seconds from 0"),
        "beat_s": (_seconds, "a number of seconds above 0"),
        "disk_floor_bytes": _A_COUNT,
        "resolved": (_resolved, "an object with 'teacher' and 'target_val'"),
        "trainer_env": (_variables, f"an object of environment variables, none of {sorted(RESERVED_VARIABLES)}"),
        "resume_from": (_nullable(is_attempt), "an attempt's number or null"),
    },
    "claim": {
        **_IDENTITY, "dispatch_sha256": _A_DIGEST, "boot_id": _TEXT, "claimed_at": _A_TIME, "supervisor": _A_PROCESS,
    },
    "started": {
        **_IDENTITY, "boot_id": _TEXT, "started_at": _A_TIME, "supervisor": _A_PROCESS, "trainer": _A_PROCESS,
        "pgid": (_positive, "a process group's id"),
        "slots": (_list_of(_natural), "a list of slot numbers"),
        "gpu_uuids": (_list_of(_text), "a list of GPU UUIDs"),
    },
    "status": {
        **_IDENTITY,
        "phase": (_one_of(PHASES), f"one of {', '.join(PHASES)}"),
        "beat": _A_COUNT, "at": _A_TIME, "queue_position": _MAYBE_COUNT, "train_log_bytes": _A_COUNT,
        "last_line": _MAYBE_TEXT, "deadline_at": _MAYBE_TIME, "load": _AN_OBJECT,
    },
    "stop": {"reason": _TEXT},
    "environment": dict.fromkeys(("python", "torch", "numpy", "device", "gpu_model", "driver", "cuda", "precision",
                                  "corpus_sha256", "attention_backend"), _MAYBE_TEXT) | {
        "threads": _MAYBE_COUNT, "parameters": _MAYBE_COUNT,
        "compiled": (_nullable(lambda v: isinstance(v, bool)), "true, false or null"),
        "oom_fallback": (_nullable(lambda v: isinstance(v, bool)), "true, false or null"),
        "teacher_eval_val": (_nullable(_number), "a number or null"),
    },
    "manifest": {
        "_type": (_one_of((STATEMENT_TYPE,)), STATEMENT_TYPE),
        "predicateType": (_one_of((PREDICATE_TYPE,)), PREDICATE_TYPE),
        "subject": (_list_of(_subject), "a list of files with name, digest and size_bytes"),
        "predicate": _AN_OBJECT,
    },
    "exit": {
        **_IDENTITY,
        "outcome": (_one_of(OUTCOMES), f"one of {', '.join(OUTCOMES)}"),
        "exit_code": _MAYBE_COUNT, "signal": _MAYBE_COUNT, "reason": _MAYBE_TEXT, "witness": _TEXT, "boot_id": _TEXT,
        "started_at": _MAYBE_TIME, "ended_at": _A_TIME, "wall_ms": _A_COUNT, "cpu_ms": _A_COUNT,
        "manifest_sha256": _A_DIGEST, "train_log_bytes": _A_COUNT,
    },
}
KINDS = tuple(_FIELDS)
_LENIENT = frozenset({"environment"})
"""Kinds in which a key that is missing reads as null: what a trainer does not know it may also leave out."""
