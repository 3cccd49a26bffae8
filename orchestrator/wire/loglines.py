"""What one line of a training log says (``tests/contract/v1/train-log.ebnf`` and its relatives).

Everything is decided at the start of the line: source code printed before the run, quoted lines and ``tailavg step:…``
are talk. A data line whose loss, step or time does not read is talk as a whole; half of it is never used. The patterns
have bounded repetitions or disjoint alternatives, so that no line costs more than its length.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.domain.metrics import Marker, OomReport, TrainPoint, ValPoint

Item = TrainPoint | ValPoint | Marker
TEXT_LIMIT = 400
"""How many bytes of a marker or of a line's free words are kept."""

_ANSI = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_NUMBER = re.compile(rb"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_NOT_FINITE = re.compile(rb"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_STEP = re.compile(rb"step:([0-9]{1,12})(?:/([0-9]{1,12}))?")
# A step line whose words stand as every trainer of the family prints them, with no others after them but those of our
# own trainers. It says what the general reading says (a property test holds them equal), in a quarter of the time.
_LOSS_WORD = rb"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|nan|inf)"
_TIME_WORD = rb"([0-9]{1,15}(?:\.[0-9]{0,15})?|nan|inf)(ms|s)"
_PLAIN_STEP = re.compile(
    rb"step:([0-9]{1,12})(?:/([0-9]{1,12}))?(?: (train|val)_loss:(" + _LOSS_WORD + rb"))? train_time:" + _TIME_WORD
    + rb" step_avg:" + _TIME_WORD + rb"(?: ((?:hard|soft|s|lr_mult|kd|teacher|stage):[0-9.e+-]{1,24}"
    rb"(?: (?:hard|soft|s|lr_mult|kd|teacher|stage):[0-9.e+-]{1,24}){0,7}))?")
_SHORT_STEP = re.compile(rb"s:([0-9]{1,12})")
_TIME = re.compile(rb"([0-9]{1,15}(?:\.[0-9]{0,15})?|nan|inf)(ms|s)")
_PEAK = re.compile(rb"peak memory (?:allocated: ([0-9]{1,9}) MiB(?: reserved: ([0-9]{1,9}) MiB)?|"
                   rb"consumption: ([0-9]{1,9}) MiB)")
_KD_STOP = re.compile(rb"kd_stop step:([0-9]{1,12})(?: .*)?")
_RUN_END = re.compile(rb"run_end step:([0-9]{1,12}) reason:(horizon|target_confirmed|nan|stopped)")
_PROFILE = re.compile(rb"profile step:([0-9]{1,12})((?: [a-z]{1,20}_ms:[0-9]{1,12}\.[0-9]{1,6}){1,10})")
_VERDICT = re.compile(rb"(?:verdict [^ ]+|F-[A-Z0-9-]+:?) (?:PASS|FAIL)(?: .*)?")
_RANK = re.compile(rb"\[(?:rank|default)[0-9]{1,6}\]:\s?")
_OOM_START = re.compile(rb"torch\.(?:cuda\.)?OutOfMemoryError|"
                        rb"(?:RuntimeError: )?(?:CUDA|HIP|MPS backend) out of memory")
_TRIED = re.compile(rb"Tried to allocate ([0-9]{1,12}(?:\.[0-9]{1,6})?) (bytes|KiB|MiB|GiB|TiB)")
_FREE = re.compile(rb"(?:of which |; )([0-9]{1,12}(?:\.[0-9]{1,6})?) (bytes|KiB|MiB|GiB|TiB) (?:is )?free")
_TOTAL = re.compile(rb"(?:total capaci?ty of |GPU [0-9]{1,3}; )([0-9]{1,12}(?:\.[0-9]{1,6})?) (bytes|KiB|MiB|GiB|TiB)")
_PANIC = re.compile(rb"Traceback \(most recent call last\):|panic(?:ked)?\b|thread '[^']{0,200}' panicked|"
                    rb"Segmentation fault|Fatal Python error")
_ERROR = re.compile(rb"[A-Za-z_][A-Za-z0-9_.]{0,120}(?::|$)")
_UNIT = {b"bytes": 1, b"KiB": 1 << 10, b"MiB": 1 << 20, b"GiB": 1 << 30, b"TiB": 1 << 40}


@dataclass(frozen=True)
class Line:
    """What one data line says. ``total`` is the run's length where the line tells it."""

    item: Item
    total: int | None = None
    allocated_mib: int | None = None
    reserved_mib: int | None = None
    oom: OomReport | None = None


def clean(raw: bytes) -> bytes:
    """The line without ANSI sequences, surrounding blanks, and what carriage returns overwrote."""
    line = raw.rstrip(b"\r \t")
    if b"\x1b" in line:
        line = _ANSI.sub(b"", line).rstrip()
    if b"\r" in line:
        line = line.rpartition(b"\r")[2]
    return line.lstrip(b" \t")


def whole_step_line(raw: bytes) -> bool:
    """Whether an unterminated line is a step line complete to the unit of its last time."""
    line = clean(raw)
    words = line.split(b" ")
    return line.startswith(b"step:") and words[-1].startswith(b"step_avg:") and words[-1].endswith(b"ms")


def classify(line: bytes, offset: int) -> Line | None:
    """What a cleaned line says, or None for talk."""
    if line.startswith(b"step:"):
        plain = _PLAIN_STEP.fullmatch(line)
        return step_line(line, offset) if plain is None else _plain_step(plain, offset)
    if line.startswith(b"s:"):
        return _short_line(line, offset)
    for start, read in _MARKERS:
        if line.startswith(start):
            return read(line, offset)
    return _trouble(line, offset)


def _plain_step(match: re.Match[bytes], offset: int) -> Line:
    step, total, kind, loss, time, unit, average, average_unit, words = match.groups()
    train_time = _time(time, unit)
    length = None if total is None else int(total)
    tail = "" if words is None else _text(words)
    if kind == b"val":
        return Line(ValPoint(int(step), float(loss), train_time, offset, tail), length)
    return Line(TrainPoint(int(step), None if loss is None else float(loss), train_time, _time(average, average_unit),
                           offset, tail), length)


def step_line(line: bytes, offset: int) -> Line | None:
    """What a line that starts with ``step:`` says, whatever the order of its words; None for talk."""
    words = line.split()
    head = _STEP.fullmatch(words[0])
    if head is None:
        return None
    read = _words(words[1:], (b"val_loss", b"train_loss", b"train_time", b"step_avg"))
    if read is None:
        return None
    told, tail = read
    step = int(head[1])
    total = int(head[2]) if head[2] is not None else None
    loss_word = told.get(b"val_loss", told.get(b"train_loss"))
    loss = None if loss_word is None else _loss(loss_word)
    if (loss_word is not None and loss is None) or (loss_word is None and b"train_time" not in told):
        return None
    times: list[float | None] = []
    for key in (b"train_time", b"step_avg"):
        word = told.get(key)
        match = None if word is None else _TIME.fullmatch(word)
        if word is not None and match is None:
            return None
        times.append(None if match is None else _time(match[1], match[2]))
    if b"val_loss" in told:
        assert loss is not None
        return Line(ValPoint(step, loss, times[0], offset, tail), total)
    return Line(TrainPoint(step, loss, times[0], times[1], offset, tail), total)


def _short_line(line: bytes, offset: int) -> Line | None:
    """llm.c's ``main.log``: ``s:N trl:…`` for training, ``s:N tel:…`` for validation; it prints no times."""
    words = line.split()
    head = _SHORT_STEP.fullmatch(words[0])
    if head is None:
        return None
    read = _words(words[1:], (b"tel", b"trl"))
    if read is None:
        return None
    told, tail = read
    word = told.get(b"tel", told.get(b"trl"))
    loss = None if word is None else _loss(word)
    if loss is None:
        return None
    step = int(head[1])
    if b"tel" in told:
        return Line(ValPoint(step, loss, None, offset, tail))
    return Line(TrainPoint(step, loss, None, None, offset, tail))


def _words(words: list[bytes], keys: tuple[bytes, ...]) -> tuple[dict[bytes, bytes], str] | None:
    """The values of ``keys`` and all other words as text; None when a key occurs twice."""
    told: dict[bytes, bytes] = {}
    rest = []
    for word in words:
        key, colon, value = word.partition(b":")
        if not colon or key not in keys:
            rest.append(word)
        elif key in told:
            return None
        else:
            told[key] = value
    return told, _text(b" ".join(rest))


def _loss(word: bytes) -> float | None:
    """A loss, or None when the word is no number. Numbers too large for a float are infinite."""
    if _NUMBER.fullmatch(word) or _NOT_FINITE.fullmatch(word):
        return float(word)
    return None


def _time(word: bytes, unit: bytes) -> float | None:
    """A time in ms, None for one that is not known (``nanms``)."""
    value = float(word)
    if not math.isfinite(value):
        return None
    # Seconds are printed with three decimals; rounding takes away what binary floats add (0.1 + 0.2).
    return value if unit == b"ms" else round(value * 1000.0, 6)


def _text(raw: bytes) -> str:
    return raw[:TEXT_LIMIT].decode("utf-8", "replace")


def _peak(line: bytes, offset: int) -> Line | None:
    match = _PEAK.fullmatch(line)
    if match is None:
        return None
    allocated = int(match[1] if match[1] is not None else match[3])
    reserved = None if match[2] is None else int(match[2])
    return Line(Marker("peak", _text(line), offset), allocated_mib=allocated, reserved_mib=reserved)


def _stepped(kind: str, pattern: re.Pattern[bytes]) -> Callable[[bytes, int], Line | None]:
    def read(line: bytes, offset: int) -> Line | None:
        match = pattern.fullmatch(line)
        return None if match is None else Line(Marker(kind, _text(line), offset, int(match[1])))

    return read


def _verdict(line: bytes, offset: int) -> Line | None:
    return Line(Marker("verdict", _text(line), offset)) if _VERDICT.fullmatch(line) else None


_MARKERS: tuple[tuple[bytes, Callable[[bytes, int], Line | None]], ...] = (
    (b"peak memory ", _peak),
    (b"kd_stop ", _stepped("kd_stop", _KD_STOP)),
    (b"run_end ", _stepped("run_end", _RUN_END)),
    (b"profile ", _stepped("profile", _PROFILE)),
    (b"verdict ", _verdict),
    (b"F-", _verdict),
)


def _trouble(line: bytes, offset: int) -> Line | None:
    """Out of memory, a panic, or the last line of a traceback; the prefix that torchrun adds is left aside."""
    rank = _RANK.match(line)
    body = line[rank.end():] if rank else line
    tried = _bytes(_TRIED, body) if b"Tried to allocate" in body else None
    if tried is not None or _OOM_START.match(body):
        return Line(Marker("oom", _text(body), offset), oom=OomReport(
            tried_bytes=tried, free_bytes=_bytes(_FREE, body), total_bytes=_bytes(_TOTAL, body), offset=offset))
    if _PANIC.match(body):
        return Line(Marker("panic", _text(body), offset))
    error = _ERROR.match(body)
    if error is not None and error[0].rstrip(b":").endswith((b"Error", b"Exception", b"KeyboardInterrupt")):
        return Line(Marker("error", _text(body), offset))
    return None


def _bytes(pattern: re.Pattern[bytes], line: bytes) -> int | None:
    match = pattern.search(line)
    return None if match is None else round(float(match[1]) * _UNIT[match[2]])
