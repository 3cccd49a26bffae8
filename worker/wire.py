"""The host's codec of contract v1 (``tests/contract/v1``): reading, checking and writing of its documents.

Standard library only. Reading refuses what is not the document it claims to be, naming file, key and what was
expected; unknown keys are ignored, because a newer laptop may write them. Writing emits sorted keys and a newline.
What each key must be stands in ``worker/fields.py``.
"""

from __future__ import annotations

import calendar
import hashlib
import json
import math
import time
from dataclasses import dataclass, fields
from typing import Any

from worker.checks import MAX_ATTEMPT, RESERVED_VARIABLES, is_attempt, is_digest, is_safe_name
from worker.fields import DEFAULTS, ENTRIES, FIELDS, OUTCOMES, PHASES, PREDICATE_TYPE, STATEMENT_TYPE

__all__ = [
    "CONTRACT", "DOCUMENT_LIMIT_BYTES", "ENTRIES", "KINDS", "MAX_ATTEMPT", "OUTCOMES", "PHASES", "PREDICATE_TYPE",
    "RESERVED_VARIABLES", "STATEMENT_TYPE", "ContractError", "Dispatch", "Document", "MalformedDocument",
    "UnknownContract", "is_attempt", "is_digest", "is_safe_name", "parse", "parse_dispatch", "parse_object",
    "seconds_of", "sha256_hex", "to_bytes", "utc",
]

CONTRACT = "v1"
DOCUMENT_LIMIT_BYTES = 8 << 20
KINDS = tuple(FIELDS)

Document = dict[str, Any]


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
    priority: int = 0
    group: Document | None = None
    """``name`` and ``limit``: how many of the group's trainers may run at once on this host."""
    devices: list[str] | None = None
    per_gpu: int = 1
    gpu_memory_mib: int | None = None
    share_gpus: bool = False
    budget_ms: int | None = None
    override: Document | None = None
    continue_from: Document | None = None
    """``run_id``, ``attempt`` and ``sha256`` of the checkpoint of a shorter run that this one begins with."""


def sha256_hex(data: bytes) -> str:
    """The digest that names documents and assets."""
    return hashlib.sha256(data).hexdigest()


def utc(seconds: float) -> str:
    """Seconds since the epoch as UTC ISO-8601 with milliseconds and ``Z``."""
    whole = math.floor(seconds)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{int((seconds - whole) * 1000):03d}Z"


def seconds_of(moment: str) -> float:
    """Seconds since the epoch of a time as the contract has it."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


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
    may_lack = DEFAULTS.get(kind, {})
    for key, (check, expected) in FIELDS[kind].items():
        if key not in document:
            if key in may_lack:
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
    document = {**DEFAULTS["dispatch"], **parse("dispatch", data, path)}
    for key in ("deadline_s", "grace_s", "beat_s"):
        document[key] = float(document[key])
    return Dispatch(**{field.name: document[field.name] for field in fields(Dispatch)})


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
