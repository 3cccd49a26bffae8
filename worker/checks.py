"""What single values of the contract's documents must be: predicates that take anything and never raise."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

MAX_ATTEMPT = 10**6
MAX_PRIORITY = 100
MAX_PER_GPU = 64
RESERVED_VARIABLES = frozenset({"PYTHONPATH", "PYTHONHOME", "LD_PRELOAD", "CUDA_VISIBLE_DEVICES"})
"""Environment variables that a dispatch may not set: they are the supervisor's."""

FAILURE_CLASSES = ("oom", "nan", "nccl", "xid", "jit_crash", "disk_full", "missing_backend", "bad_input",
                   "teacher_mismatch", "killed", "code_error")
FAILURE_LINE_LIMIT = 400

Check = Callable[[object], bool]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_DRIVE = re.compile(r"[A-Za-z]:")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_GROUP = re.compile(r"[a-z0-9_-]{1,64}")
_DEVICE = re.compile(r"GPU-[A-Za-z0-9-]{1,120}|MIG-[A-Za-z0-9-]{1,120}(/[0-9]{1,3}/[0-9]{1,3})?")
_SMALLER_BATCH = frozenset({"microbatch_sequences", "batch_sequences"})


def is_digest(value: object) -> bool:
    """Whether ``value`` is a sha256 in 64 lower-case hex digits."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_attempt(value: object) -> bool:
    """Whether ``value`` can number an attempt: an integer from 1."""
    return within(1, MAX_ATTEMPT)(value)


def is_safe_name(value: object) -> bool:
    """Whether ``value`` is a relative path that stays below its directory, in its one normal spelling, on any system.

    What a host lists by other names the laptop would refuse together with all the rest.
    """
    if not isinstance(value, str) or not value or len(value) > 1024 or not value.isprintable():
        return False
    if "\\" in value or _DRIVE.match(value):
        return False
    return all(part not in ("", ".", "..") for part in value.split("/"))


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_natural(value: object) -> bool:
    return within(0, 2**63 - 1)(value)


def is_positive(value: object) -> bool:
    return within(1, 2**63 - 1)(value)


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_seconds(value: object) -> bool:
    return is_number(value) and 0 < float(value) <= 10**9  # type: ignore[arg-type]


def is_grace(value: object) -> bool:
    return is_number(value) and 0 <= float(value) <= 10**6  # type: ignore[arg-type]


def is_flag(value: object) -> bool:
    return isinstance(value, bool)


def is_text(value: object) -> bool:
    return isinstance(value, str)


def is_word(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 4096 and value.isprintable()


def is_time(value: object) -> bool:
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def is_object(value: object) -> bool:
    return isinstance(value, dict)


def is_device(value: object) -> bool:
    """Whether ``value`` names a GPU or a MIG instance as ``nvidia-smi -L`` does.

    Drivers before R470 name an instance by its GPU and two numbers: ``MIG-GPU-<uuid>/1/0``.
    """
    return isinstance(value, str) and _DEVICE.fullmatch(value) is not None


def within(least: int, most: int) -> Check:
    return lambda value: is_integer(value) and least <= value <= most  # type: ignore[operator]


def nullable(check: Check) -> Check:
    return lambda value: value is None or check(value)


def one_of(words: tuple[str, ...]) -> Check:
    return lambda value: isinstance(value, str) and value in words


def list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def is_process(value: object) -> bool:
    return isinstance(value, dict) and is_positive(value.get("pid")) and is_natural(value.get("ticks"))


def is_needs(value: object) -> bool:
    return isinstance(value, dict) and is_natural(value.get("gpus"))


def is_teacher(value: object) -> bool:
    return (isinstance(value, dict) and is_digest(value.get("run_id")) and is_number(value.get("final_val"))
            and nullable(is_digest)(value.get("checkpoint_sha256")))


def is_resolved(value: object) -> bool:
    return (isinstance(value, dict) and nullable(is_teacher)(value.get("teacher"))
            and nullable(is_number)(value.get("target_val")))


def are_variables(value: object) -> bool:
    return isinstance(value, dict) and all(
        _VARIABLE.fullmatch(name) is not None and name not in RESERVED_VARIABLES
        and isinstance(text, str) and len(text) <= 4096 and "\0" not in text
        for name, text in value.items())


def is_group(value: object) -> bool:
    return (isinstance(value, dict) and isinstance(value.get("name"), str)
            and _GROUP.fullmatch(value["name"]) is not None and within(1, 10**6)(value.get("limit")))


def is_override(value: object) -> bool:
    """A smaller batch and nothing else: what an attempt does differently from its spec must be known here."""
    if not isinstance(value, dict) or value.get("reason") != "oom_fallback":
        return False
    spec = value.get("spec")
    data = spec.get("data") if isinstance(spec, dict) and spec.keys() == {"data"} else None
    return isinstance(data, dict) and data.keys() <= _SMALLER_BATCH and all(is_positive(v) for v in data.values())


def is_continuation(value: object) -> bool:
    return isinstance(value, dict) and is_digest(value.get("run_id")) and is_attempt(value.get("attempt")) and \
        is_digest(value.get("sha256"))


def is_failure(value: object) -> bool:
    if not isinstance(value, dict) or not one_of(FAILURE_CLASSES)(value.get("class")):
        return False
    amounts = (value.get(key) for key in ("tried_mib", "free_mib", "shortfall_mib"))
    line = value.get("line")
    return (nullable(is_text)(value.get("phase")) and all(nullable(is_number)(amount) for amount in amounts)
            and (line is None or (isinstance(line, str) and len(line) <= FAILURE_LINE_LIMIT)))


def is_subject(value: object) -> bool:
    if not isinstance(value, dict) or not is_safe_name(value.get("name")):
        return False
    digest, notes = value.get("digest"), value.get("annotations")
    return (isinstance(digest, dict) and is_digest(digest.get("sha256"))
            and isinstance(notes, dict) and is_natural(notes.get("size_bytes")))
