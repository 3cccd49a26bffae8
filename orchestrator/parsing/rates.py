"""Lines of the tokens-per-second family, and the batch-size tables that such programs print.

    step 100 | loss 3.456 | tokens/sec: 125000
    Step 25/500 | Loss: 2.3456 | LR: 1.50e-05 | Tokens/sec: 1234
    | 8 | 15.016 | 8,734M | 34 | 8.09 | OK |
"""

from __future__ import annotations

import re

from orchestrator.parsing.format import (
    COUNT,
    INTEGER,
    LOSS,
    NUMBER,
    OOM_ANCHORS,
    FactPattern,
    Format,
    Pattern,
    Reading,
    pattern_format,
    read_oom,
    scaled,
)
from orchestrator.parsing.points import TRAIN, VALIDATION, Fact, TableRow

_HEAD = rb"[Ss]tep:? +(?P<step>" + INTEGER + rb")(?:/(?P<total>" + INTEGER + rb"))? *+\| "
_OTHER = rb"\|[^|]*+"
_TRAIN = re.compile(
    _HEAD + rb"(?:[Tt]rain )?[Ll]oss:? (?P<loss>" + LOSS + rb") *+(?:(?!\| [Tt]okens/sec)" + _OTHER + rb"){0,8}"
    + rb"\| [Tt]okens/sec:? (?:" + COUNT + rb")(?:\.[0-9]{1,30})?(?: *+\|[^\n]*)?")
_VALIDATION = re.compile(
    _HEAD + rb"[Vv]al(?:idation)? [Ll]oss:? (?P<loss>" + LOSS + rb")(?: *+\|[^\n]*)?")
_WALL = re.compile(rb"Total wall clock time: (?:[0-9]{1,9}(?:\.[0-9]{1,9})?[hms] ?){1,3}")

TOKENS_PER_SECOND = pattern_format("tokens-per-second", "step | loss | tokens/sec lines", (
    Pattern(b"okens/sec", TRAIN, _TRAIN),
    *(Pattern(anchor, VALIDATION, _VALIDATION) for anchor in (b"al loss", b"al Loss", b"ion loss", b"ion Loss")),
), (
    # The wall clock holds validation and checkpoints, so it is no train time; it says that the run came to its end.
    FactPattern(b"Total wall clock time: ", _WALL, lambda _: Fact(complete=True), closed=True),
))

_CELL = re.compile(rb"[*` ]{0,8}([^*` ]{1,40})[*` ]{0,8}")
_MEMORY = re.compile(rb"((?:" + COUNT + rb")(?:\.[0-9]{1,9})?)M")
_STATUS = (b"OK", b"MAX", b"OOM")


def _read_row(line: bytes) -> Reading | None:
    """A row: its last six cells are batch, seconds per step, memory, tokens per second, loss and status."""
    if len(line) > 400:
        return None
    cells = line.strip(b"| \t").split(b"|") if b"|" in line else line.split()
    words = [m[1] for c in cells[-6:] if (m := _CELL.fullmatch(c)) is not None]
    if len(words) != 6 or words[5] not in _STATUS or re.fullmatch(rb"[0-9]{1,9}\+?", words[0]) is None:
        return read_oom(line)
    memory = _MEMORY.fullmatch(words[2])
    if not all(w == b"-" or re.fullmatch(NUMBER, w) for w in (words[1], words[3])) or (
            memory is None and words[2] != b"-") or (words[4] != b"-" and re.fullmatch(LOSS, words[4]) is None):
        return None
    return Fact(row=TableRow(
        step_ms=None if words[1] == b"-" else scaled(words[1], 1e3),
        memory_mib=None if memory is None else float(memory[1].replace(b",", b"")), status=words[5].decode()))


def _whole_row(line: bytes) -> bool:
    return line.endswith(b"|")


BATCH_TABLE = Format(
    "batch-table", "batch-table/1", "Anemll's table of batch sizes: batch, step seconds, memory, t/s, loss, status",
    (b"OK", b"MAX", b"OOM", *OOM_ANCHORS), _read_row, None, _whole_row)
