"""The Hugging Face Trainer's dictionaries: ``{'loss': 2.5234, …}``, and since version 5 ``{'loss': '2.523', …}``.

They name no step (unless a callback adds one), so the record's step figures stay null; the progress bar between them
tells the total and how far the run came, too coarsely to number the dictionaries by.
"""

from __future__ import annotations

import re

from orchestrator.parsing.format import LOSS, NUMBER, OOM_ANCHORS, Format, Reading, Shape, read_oom, scaled
from orchestrator.parsing.points import TRAIN, UNNUMBERED, VALIDATION, Fact, Point

_ENTRY = rb"""['"][^'"]{1,100}+['"]: (?:'[^']{0,100}+'|"[^"]{0,100}+"|[^,'"\[\]{}]{1,100}+)"""
_DICTIONARY = re.compile(rb"\{" + _ENTRY + rb"(?:, " + _ENTRY + rb")*+\}")
_ENTRIES = re.compile(rb"""['"](loss|eval_loss|train_runtime|step)['"]: ['"]?([^,'"}]*)""")
_FIELD, _MOST_DIGITS = 100, 20  # 17 digits tell any float
_FIELDS = re.compile(rb"""[^,:'"{}]+""")
_DIGITS = re.compile(rb"[0-9]+")
_LOSS = re.compile(LOSS)
_NUMBER = re.compile(NUMBER)
_STEP = re.compile(rb"[0-9]{1,12}")
_BAR = re.compile(rb"(?:[^|:]{0,80}+: )? {0,3}[0-9]{1,3}%\|[^|]{0,400}+\| ([0-9]{1,12})/([0-9]{1,12}) \[[^\n]*")


def read(line: bytes) -> Reading | None:
    if b"%|" in line:
        bar = _BAR.fullmatch(line)
        return None if bar is None else Fact(bar_step=int(bar[1]), total=int(bar[2]))
    if _DICTIONARY.fullmatch(line) is None:
        return read_oom(line)
    entries: dict[bytes, bytes] = dict(_ENTRIES.findall(line))
    runtime = entries.get(b"train_runtime")
    if runtime is not None:
        return Fact(train_time_ms=scaled(runtime, 1e3), complete=True) if _NUMBER.fullmatch(runtime) else None
    kind, loss = (VALIDATION, entries.get(b"eval_loss")) if b"eval_loss" in entries else (TRAIN, entries.get(b"loss"))
    if loss is None or _LOSS.fullmatch(loss) is None:
        return None
    step = entries.get(b"step", b"")
    return Point(kind, int(step) if _STEP.fullmatch(step) else UNNUMBERED, float(loss))


def _shape(line: bytes) -> Shape | None:
    """Where the loss stands, and the step if there is one."""
    entries = {m[1]: m.span(2) for m in _ENTRIES.finditer(line)} if _DICTIONARY.fullmatch(line) is not None else {}
    key = b"eval_loss" if b"eval_loss" in entries else b"loss"
    if key not in entries or b"train_runtime" in entries or len(_ENTRIES.findall(line)) > len(entries):
        return None
    # Whatever digits another line of this skeleton has, its fields must stay as long as fields may be.
    if any(len(m[0]) + _MOST_DIGITS * len(_DIGITS.findall(m[0])) > _FIELD for m in _FIELDS.finditer(line)):
        return None
    step = entries.get(b"step")
    numbered = step is not None and _STEP.fullmatch(line[slice(*step)]) is not None
    spans = {"loss": entries[key], **({"step": step} if numbered and step is not None else {})}
    return Shape(VALIDATION if key == b"eval_loss" else TRAIN, spans, None if numbered else UNNUMBERED, _MOST_DIGITS)


def _whole(line: bytes) -> bool:
    return _DICTIONARY.fullmatch(line) is not None


HUGGING_FACE = Format(
    "hf-trainer", "hf-trainer/1", "Hugging Face Trainer dictionaries, of version 4 and before and of version 5",
    (b"'loss': ", b'"loss": ', b"eval_loss", b"train_runtime", b"%|", *OOM_ANCHORS), read, _shape, _whole)
