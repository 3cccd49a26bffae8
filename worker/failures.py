"""Names the failure of a trainer from its exit code, its signal and the end of its log.

The last failure counts, with four refinements. A trainer that printed a step after a failure survived it. Exceptions
that Python chains in one traceback are one failure, named by the last of them that says something particular. What is
only seen from elsewhere (a collective that broke because a peer died, a launcher's report) gives way to the cause.
And source code is no message: indented lines, and words that stand behind a quote or a comment sign, prove nothing.

The work is bounded: 64 KiB, lines cut to 2,000 characters, no expression with nested repetition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from worker import failure_patterns as patterns

TAIL_BYTES = 64 << 10
"""How much of the log's end is read."""

LINE_LIMIT = 400
_LONGEST = 2000
_FRAMES = 400

_ESCAPES = re.compile(r"\x1b\[[0-9;?]{0,32}[ -/]{0,8}[@-~]")
_RANK = re.compile(r"\[(?:rank)?\d{1,5}\]:? ?")
_TRACEBACK = "Traceback (most recent call last):"
_CHAIN = ("During handling of the above exception, another exception occurred:",
          "The above exception was the direct cause of the following exception:")
_FRAME = re.compile(r'  File "[^"]{0,1000}", line \d+')
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]{0,200}(?::|$)")
_SOURCE_SIGNS = frozenset("\"'`#")


def classify(outcome: str, exit_code: int | None, signal: int | None, tail: bytes) -> dict[str, Any] | None:
    """The seal's ``failure``: class, phase, memory that was tried, free and short in MiB, and the line that says so.

    ``tail`` is the end of ``train.log``; what the kernel said meanwhile may be appended to it. None where nothing
    failed (an exit of 0, or an end that a limit or a person brought about), and where nobody saw the end and the log
    does not tell.
    """
    if outcome not in ("failed", "disk_full") or (outcome == "failed" and exit_code == 0):
        return None
    log = _read(tail)
    if outcome == "disk_full":
        return _document(log.last_of("disk_full") or _Evidence("disk_full"))
    if signal is None and exit_code is not None and 128 < exit_code <= 192:
        signal = exit_code - 128  # as shells report it
    if exit_code in patterns.CONTRACT_EXITS:
        word = patterns.CONTRACT_EXITS[exit_code]
        return _document(log.last_of(word) or _Evidence(word, log.words))
    if signal is not None and signal not in patterns.CRASH_SIGNALS:
        return _document(log.kernel_oom or _Evidence("killed", log.words))
    if log.cause is not None:
        return _document(log.cause)
    if signal is None and exit_code is None:
        return None
    return _document(_Evidence("code_error", log.words))


@dataclass(frozen=True)
class _Evidence:
    """A line that speaks of a failure. ``group`` numbers tracebacks; those that Python chained share one."""

    word: str
    line: str | None = None
    phase: str | None = None
    symptom: bool = False
    group: int = 0


class _Log:
    """What the end of a log says: the evidence since the last step, in its order."""

    def __init__(self) -> None:
        self.words: str | None = None
        self.cause: _Evidence | None = None
        self.kernel_oom: _Evidence | None = None
        self._last: dict[str, _Evidence] = {}

    def last_of(self, word: str) -> _Evidence | None:
        """The last line that speaks of this class of failure."""
        return self._last.get(word)

    def survived(self) -> None:
        """Training went on: nothing before this ended it."""
        self.cause = None
        self._last.clear()

    def add(self, new: _Evidence) -> None:
        """Weigh one more line against those before it."""
        self._last[new.word] = new
        if new.line is not None and patterns.KERNEL_OOM.search(new.line):
            self.kernel_oom = new
        old = self.cause
        if old is not None:
            if new.symptom and not old.symptom:
                return
            chained = new.group != 0 and new.group == old.group
            if chained and new.word == "code_error" and old.word != "code_error":
                return
        self.cause = new


def _read(tail: bytes) -> _Log:
    log = _Log()
    block = _Traceback()
    for line in _lines(tail):
        if line.startswith(_CHAIN):
            block.chain()
            continue
        if patterns.PROGRESS.match(line):
            log.survived()
            block = _Traceback(block.group)
            continue
        if not line.startswith(("run_end ", "peak memory ", "kd_stop ", "verdict ", "trainer_exit ")):
            log.words = line.strip() or log.words
        ended, disregarded = block.feed(line)
        if disregarded:
            continue
        if ended is not None:
            log.add(_from_exception(ended, block))
        elif not block.open and (found := _from_line(line)) is not None:
            log.add(replace(found, phase=found.phase or block.phase))
    return log


class _Traceback:
    """Follows Python's tracebacks line by line, also behind a prefix such as ``worker-0: ``."""

    def __init__(self, group: int = 0) -> None:
        self.open = False
        self.phase: str | None = None
        self.group = group
        self._chained = self._ignored = self._introduced = False
        self._indent = 0
        self._frames: list[str] = []

    def chain(self) -> None:
        """The next traceback belongs to the failure of the one before."""
        self._chained = True

    def feed(self, line: str) -> tuple[str | None, bool]:
        """The line with which a traceback ended, if this is one; and whether the line is of no account at all."""
        at = line.find(_TRACEBACK)
        if at >= 0 and (at == 0 or not _SOURCE_SIGNS.intersection(line[:at])):
            self._begin(at)
            return None, self._ignored
        if not self.open and _FRAME.match(line):
            self._begin(0)
        if not self.open:
            self._introduced = patterns.DISREGARDED.match(line) is not None
            return None, self._introduced
        text = line[self._indent:]
        if text.startswith((" ", "\t")) or not text:
            if ", in " in text and len(self._frames) < _FRAMES:
                self._frames.append(text.rstrip())
            return None, True
        self.open = False
        self.phase = _phase(self._frames)
        ignored, self._ignored = self._ignored, False
        if ignored or not _EXCEPTION.match(text):
            return None, ignored
        return text, False

    def _begin(self, indent: int) -> None:
        if not self._chained:
            self.group += 1
            self._ignored = self._introduced
        self.open, self._indent, self._frames = True, indent, []
        self._chained = self._introduced = False


def _from_exception(text: str, block: _Traceback) -> _Evidence:
    """A traceback's last line: a known failure, or an error of the code."""
    found = _from_line(text) or _Evidence("code_error", text, symptom=patterns.REPORTERS.search(text[:200]) is not None)
    return replace(found, phase=found.phase or block.phase, group=block.group)


def _from_line(line: str) -> _Evidence | None:
    """What one line says by itself. Source code that quotes a message says nothing."""
    if line.startswith(("    ", "\t")):
        return None
    for shape in patterns.SHAPES:
        match = shape.expression.search(line)
        if match is None or _SOURCE_SIGNS.intersection(line[:match.start()]):
            continue
        symptom = shape.symptom
        if (xid := patterns.XID_NUMBER.search(line)) is not None:
            symptom = int(xid[1]) in patterns.APPLICATION_XIDS
        named = patterns.NAMED_PHASE.search(line)
        return _Evidence(shape.word, line.strip(), named[1] if named else None, symptom)
    return None


def _phase(frames: list[str]) -> str | None:
    return next((name for name, shape in patterns.PHASES if any(shape.search(f) for f in frames)), None)


def _document(evidence: _Evidence) -> dict[str, Any]:
    tried = free = None
    if evidence.word == "oom" and evidence.line is not None:
        tried = _mib(patterns.TRIED.search(evidence.line))
        free = next((_mib(m) for shape in patterns.FREE if (m := shape.search(evidence.line)) is not None), None)
    # With more free than was asked for, memory was in pieces or capped: how much was short is not known.
    short = round(tried - free, 6) if tried is not None and free is not None and tried > free else None
    line = None if evidence.line is None else evidence.line[:LINE_LIMIT]
    return {"class": evidence.word, "phase": evidence.phase, "tried_mib": tried, "free_mib": free,
            "shortfall_mib": short, "line": line}


def _mib(match: re.Match[str] | None) -> float | None:
    return None if match is None else round(float(match[1]) * patterns.MIB_PER_UNIT[match[2]], 6)


def _lines(tail: bytes) -> Iterator[str]:
    """The lines, fit to be shown: no escape sequences, no control characters, no rank in front."""
    cut = len(tail) > TAIL_BYTES
    text = _ESCAPES.sub("", tail[-TAIL_BYTES:].decode("utf-8", "replace")).replace("\r", "\n")
    for number, line in enumerate(text.split("\n")):
        if number == 0 and cut:
            continue  # a line without its beginning may be source that quotes a message
        line = "".join(c if c.isprintable() else " " for c in line[:_LONGEST])
        yield _RANK.sub("", line, count=1) if line.startswith("[") and _RANK.match(line) else line
