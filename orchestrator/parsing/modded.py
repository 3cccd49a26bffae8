"""modded-nanogpt across its history, and kdorch's own logs (``tests/contract/v1/train-log.ebnf``), which extend it.

What a line means is decided by ``wire.loglines``, the same grammar that the ledger's registered parser uses; this
module adds where its numbers stand. Beside ``modded-nanogpt/1`` this parser leaves out source code and takes a carriage
return as the end of a line, hence its number 2.
"""

from __future__ import annotations

import re

from orchestrator.domain.metrics import Marker, TrainPoint, ValPoint
from orchestrator.parsing.format import LOSS, OOM_ANCHORS, Format, Reading, Shape
from orchestrator.parsing.points import ABSENT, TRAIN, UNKNOWN_TOTAL, VALIDATION, Fact, Point
from orchestrator.wire.loglines import classify, whole_step_line

_TIME = rb"(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|nan|inf)"
_COMMON = re.compile(
    rb"step:(?P<step>[0-9]{1,12})(?:/(?P<total>[0-9]{1,12}))?"
    rb"(?: (?P<name>train_loss|val_loss):(?P<loss>" + LOSS + rb"))?"
    rb"(?: train_time:(?:(?P<time>" + _TIME + rb")ms|(?P<time_s>" + _TIME + rb")s))?"
    rb"(?: step_avg:(?P<average>" + _TIME + rb")ms)?(?: .*)?")
_SHORT = re.compile(rb"s:(?P<step>[0-9]{1,12}) (?P<name>tel|trl):(?P<loss>" + LOSS + rb")(?: .*)?")
_AVERAGE = re.compile(rb"(?:^| )step_avg:(" + _TIME + rb")(ms|s)(?: |$)")
_WHOLE_PEAK = re.compile(rb"peak memory .* MiB")
_ENDS_WELL = (b"reason:horizon", b"reason:target_confirmed")


def read(line: bytes) -> Reading | None:
    said = classify(line, 0)
    if said is None:
        return None
    item = said.item
    total = UNKNOWN_TOTAL if said.total is None else said.total
    if isinstance(item, TrainPoint):
        return Point(TRAIN, item.step, _known(item.train_loss), total, _known(item.train_time_ms),
                     _known(item.step_avg_ms))
    if isinstance(item, ValPoint):
        return Point(VALIDATION, item.step, item.val_loss, total, _known(item.train_time_ms), _average(line))
    return _fact(item, line, said.allocated_mib, said.reserved_mib) if said.oom is None else Fact(oom=said.oom)


def shape(line: bytes) -> Shape | None:
    match = _COMMON.fullmatch(line) or _SHORT.fullmatch(line)
    if match is None:
        return None
    kind = VALIDATION if match["name"] in (b"val_loss", b"tel") else TRAIN
    return Shape(kind, {k: match.span(k) for k, v in match.groupdict().items() if v is not None and k != "name"})


def whole(line: bytes) -> bool:
    return whole_step_line(line) or _WHOLE_PEAK.fullmatch(line) is not None


def _known(value: float | None) -> float:
    return ABSENT if value is None else value


def _average(line: bytes) -> float:
    match = _AVERAGE.search(line)
    if match is None or match[1] in (b"nan", b"inf"):
        return ABSENT
    return float(match[1]) if match[2] == b"ms" else round(float(match[1]) * 1e3, 6)


def _fact(marker: Marker, line: bytes, allocated: int | None, reserved: int | None) -> Fact | None:
    if marker.kind == "peak":
        return Fact(allocated_mib=allocated, reserved_mib=reserved)
    if marker.kind == "run_end":
        return Fact(complete=line.endswith(_ENDS_WELL), ours=True)
    return Fact(ours=True) if marker.kind in ("kd_stop", "verdict") else None


MODDED = Format(
    "modded-nanogpt", "modded-nanogpt/2", "modded-nanogpt records of every year, in ms or s, and its s:N trl: logs",
    (b"step:", b" trl:", b" tel:", b"peak memory ", b"run_end step:", b"kd_stop step:", *OOM_ANCHORS),
    read, shape, whole)
KDORCH = Format("kdorch", "kdorch/1", "what kdorch's own trainer writes", MODDED.anchors, read, shape, whole)
