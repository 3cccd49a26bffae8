"""The environment names of the original trainer, by one table both ways.

    python -m worker.trainer.original_names spec.json      the names that make the original trainer do what a spec says
    python -m worker.trainer.original_names --spec         the part of a spec that this environment asks for

Each row ties a name to a key of the spec. Keys without a row (data, optimizer, seed …) the original takes from its own
code. The original knows one length of a run only, so that ``NUM_SCHEDULED_ITERATIONS`` is the horizon: extension steps
that its code adds behind the schedule are its own. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.trainer.errors import BadInput

Json = dict[str, Any]
PREFIXES = ("KD_", "MODEL_")
"""What begins like this is meant for the trainer: a name that the table has not is a mistake."""

HEADER_LIMIT_BYTES = 1 << 26

WORDS = {"1": True, "0": False, "true": True, "false": False}


@dataclass(frozen=True)
class Name:
    """``say`` gives the name's text for the key's value, None where the name is left out; ``hear`` gives the changes of
    the spec, by dotted key. Both raise ``ValueError`` for what cannot be said."""

    name: str
    key: str
    say: Callable[[Any], str | None]
    hear: Callable[[str], Json]


def _integer(name: str, key: str) -> Name:
    return Name(name, key, lambda value: None if value is None else str(value), lambda text: {key: int(text)})


def _number(name: str, key: str) -> Name:
    return Name(name, key, lambda value: f"{value:.15g}", lambda text: {key: float(text)})


def _flag(name: str, key: str, on: Any = True, off: Any = False) -> Name:
    """1 where the key is ``on``."""
    def hear(text: str) -> Json:
        if text.lower() not in WORDS:
            raise ValueError("expected 0 or 1")
        return {key: on if WORDS[text.lower()] else off}

    return Name(name, key, lambda value: str(int(value == on)), hear)


def _say_mode(mode: str) -> str:
    if mode == "infer_only":
        raise ValueError("the original has no mode that asks a teacher without hearing it")
    return str(int(mode != "ce"))


def _hear_bench_only(text: str) -> Json:
    return {"mode": "teacher_only"} if _flag("", "on").hear(text)["on"] else {}


def _say_divergence(kd: Json) -> str:
    if kd["divergence"] == "sampled" or kd["teacher_logits"] == "cached":
        raise ValueError("the original neither draws tokens nor reads kept answers")
    return str(kd["topk"] if kd["divergence"] == "topk" else 0)


def _hear_divergence(text: str) -> Json:
    first = int(text)
    return {"kd.divergence": "topk", "kd.topk": first} if first else {"kd.divergence": "exact"}


TABLE: tuple[Name, ...] = (
    Name("KD_ENABLED", "mode", _say_mode, lambda text: {"mode": _flag("", "m", "kd", "ce").hear(text)["m"]}),
    # Behind KD_ENABLED, whose mode it takes the place of.
    Name("KD_TEACHER_BENCH_ONLY", "mode", lambda mode: str(int(mode == "teacher_only")), _hear_bench_only),
    _flag("KD_RANDOM_MODEL_TEACHER", "kd.random", True, False),
    _integer("KD_TEACHER_NUM_LAYERS", "kd.random_teacher.layers"),
    _integer("KD_TEACHER_NUM_HEADS", "kd.random_teacher.heads"),
    _integer("KD_TEACHER_HEAD_DIM", "kd.random_teacher.head_dim"),
    _integer("KD_TEACHER_MODEL_DIM", "kd.random_teacher.model_dim"),
    _flag("KD_COMPILE_TEACHER", "kd.compile_teacher"),
    _flag("KD_TEACHER_FORCE_SDPA", "kd.teacher_sdpa"),
    _integer("KD_SOFT_LOSS_TOKEN_CHUNK", "kd.token_chunk"),
    Name("KD_SOFT_LOSS_TOPK", "kd", _say_divergence, _hear_divergence),
    _integer("KD_SOFT_LOSS_TOKEN_STRIDE", "kd.token_stride"),
    _integer("KD_APPLY_EVERY_STEPS", "kd.apply_every"),
    Name("KD_MICROBATCHES_PER_STEP", "kd.microbatches", lambda count: str(count or 0),
         lambda text: {"kd.microbatches": int(text) or None}),
    Name("KD_STOP_MODE", "kd.stop.mode", str, lambda text: {"kd.stop.mode": text}),
    _number("KD_STOP_MARGIN", "kd.stop.margin"),
    _integer("KD_STOP_MIN_STEP", "kd.stop.min_step"),
    _number("KD_LR_BOOST_MULT", "schedule.boost"),
    _number("KD_LR_BOOST_HOLD_FRAC", "schedule.hold"),
    _number("KD_LR_BOOST_DROP_TO_BASE_FRAC", "schedule.drop_to_base"),
    _integer("MODEL_NUM_LAYERS", "model.layers"),
    _integer("MODEL_NUM_HEADS", "model.heads"),
    _integer("MODEL_HEAD_DIM", "model.head_dim"),
    _integer("MODEL_DIM", "model.model_dim"),
    _integer("BIGRAM_VOCAB_SIZE", "model.bigram_vocab_size"),
    _flag("REQUIRE_FLASH_ATTN", "attention.require_flash"),
    _flag("DISABLE_COMPILE", "compile", on=False, off=True),
    _flag("SKIP_WARMUP", "measure.warmup", on="off", off="auto"),
    _integer("NUM_SCHEDULED_ITERATIONS", "horizon"),
    _integer("VAL_LOSS_EVERY", "validation.every"),
)
LATER: Json = {"kd.compile_teacher": False, "kd.teacher_sdpa": False, "kd.random_teacher": None,
               "measure.warmup": "auto", "attention.require_flash": False, "model.bigram_vocab_size": 0}
"""What a spec does not write at its default."""


def to_environment(spec: Json, teacher: Json | None = None) -> dict[str, str]:
    """The names that a spec comes down to; those of KD only where it has a teacher.

    ``teacher`` is the shape of a chosen teacher; a random one's is in the spec. Raises :class:`BadInput` for what the
    original cannot do.
    """
    shape = _at(spec, "kd.random_teacher") or teacher
    found = {}
    for row in TABLE:
        if row.key.startswith("kd") and spec.get("kd") is None:
            continue
        if row.key == "kd.random":
            value: Any = _at(spec, "kd.random_teacher") is not None
        elif row.key.startswith("kd.random_teacher."):
            value = None if shape is None else shape[row.key.rpartition(".")[2]]
        else:
            value = _at(spec, row.key)
        try:
            text = row.say(value)
        except ValueError as error:
            raise BadInput(f"{row.key}: {error}") from None
        if text is not None:
            found[row.name] = text
    return found


def from_environment(environment: Mapping[str, str]) -> Json:
    """The part of a spec that the names ask for, to be merged over one. A random teacher is what the model is, but for
    its own names.

    Raises :class:`BadInput` for a text that cannot be read, and for a name that begins as the trainer's and is none.
    """
    known = {row.name for row in TABLE}
    for name in environment:
        if name.startswith(PREFIXES) and name not in known:
            raise BadInput(f"{name}: the original trainer's names do not include it; see the table in "
                           "worker/trainer/original_names.py")
    changes: Json = {}
    for row in TABLE:
        if row.name not in environment:
            continue
        try:
            changes.update(row.hear(environment[row.name]))
        except ValueError as error:
            raise BadInput(f"{row.name}={environment[row.name]!r}: {error}") from None
    random = changes.pop("kd.random", False) and changes.get("mode") != "ce"
    if not random:  # the shape of a chosen teacher is its checkpoint's
        changes = {key: value for key, value in changes.items() if not key.startswith("kd.random_teacher.")}
    else:
        changes = {**{key.replace("model.", "kd.random_teacher.", 1): value for key, value in changes.items()
                      if key.startswith("model.")}, **changes}
    if changes.get("mode") == "ce":
        changes = {key: value for key, value in changes.items() if not key.startswith("kd.")}
    out: Json = {}
    for key, value in changes.items():
        *parents, last = key.split(".")
        at = out
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = value
    if out.get("model", {}).get("bigram_vocab_size"):
        out["model"]["trunk"] = "gated"
    if random and out.setdefault("kd", {}).setdefault("random_teacher", {}).get("bigram_vocab_size"):
        out["kd"]["random_teacher"]["trunk"] = "gated"
    return out


def _at(spec: Json, key: str) -> Any:
    at: Any = spec
    for part in key.split("."):
        if not isinstance(at, dict) or part not in at:
            return LATER.get(key)
        at = at[part]
    return at


def shape_of(checkpoint: str) -> Json:
    """The architecture that a checkpoint of ours describes, from the header of its file. Raises :class:`BadInput`."""
    try:
        with open(checkpoint, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(size, HEADER_LIMIT_BYTES)))
        shape: Json = json.loads(header["__metadata__"]["kdorch"])["model"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{checkpoint} is not a checkpoint to learn from: {type(error).__name__}: {error}") from None
    return shape


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker.trainer.original_names", allow_abbrev=False,
                                     description="The original trainer's environment names, both ways.")
    parser.add_argument("path", nargs="?", metavar="spec.json")
    parser.add_argument("--spec", action="store_true", help="print the part of a spec that the environment asks for")
    parser.add_argument("--teacher", metavar="checkpoint.safetensors", help="whose shape a spec's chosen teacher has")
    asked = parser.parse_args(argv)
    if asked.spec == (asked.path is not None):
        parser.error("give a spec.json, or --spec")
    try:
        if asked.spec:
            print(json.dumps(from_environment(os.environ), indent=1, sort_keys=True))
        else:
            with open(asked.path, encoding="utf-8") as lines:
                spec = json.load(lines)
            if asked.teacher is None and spec.get("kd") is not None and _at(spec, "kd.random_teacher") is None:
                raise BadInput("a chosen teacher's shape is its checkpoint's; name that with --teacher "
                               "checkpoint.safetensors")
            names = to_environment(spec, None if asked.teacher is None else shape_of(asked.teacher))
            print("".join(f"{name}={text}\n" for name, text in names.items()), end="")
    except (BadInput, OSError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return BadInput.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
