"""What must hold of the log parser for any bytes at all. Shared by the fuzz target and by the replay of its corpus."""

from __future__ import annotations

import json

from orchestrator.domain.errors import UsageError
from orchestrator.parsing import FORMATS
from orchestrator.parsing.blocks import blocks
from orchestrator.parsing.curves import read_runs
from orchestrator.parsing.dense import DenseReader
from orchestrator.parsing.format import clean
from orchestrator.parsing.points import Columns, Said
from orchestrator.parsing.reader import parse_chunks

CHOICES = (None, *FORMATS)


def check(data: bytes) -> None:
    """Raises ``AssertionError`` where a rule is broken, or whatever the parser should not have raised.

    The first byte chooses the format, the second the length of chunks, the rest is the log.
    """
    if len(data) < 2:
        return
    form, size, log = CHOICES[data[0] % len(CHOICES)], data[1] + 1, data[2:]
    at_once = _outcome([log], form)
    assert at_once == _outcome([log[i:i + size] for i in range(0, len(log), size)], form), "chunks made a difference"
    _check_curves(log, form)
    if form is not None:
        _check_columns(log, form)


def _outcome(chunks: list[bytes], form: str | None) -> str:
    try:
        records = parse_chunks(chunks, name="log", format_name=form, target=3.28)
    except UsageError as error:
        return error.message
    return json.dumps([record.as_json() for record in records], allow_nan=False)


def _check_curves(log: bytes, form: str | None) -> None:
    """What the ledger imports has the figures that are printed, and each of its lines begins where it says."""
    try:
        runs = read_runs(log, name="log", format_name=form)
    except UsageError:
        return
    printed = [r for r in parse_chunks([log], name="log", format_name=form) if r.n_train_lines or r.n_validations]
    assert repr([run.record for run in runs]) == repr(printed), "curves differ"
    starts = {0, *(i + 1 for i, byte in enumerate(log) if byte in b"\r\n")}
    for run in runs:
        assert {p.offset for points in (run.curve.train, run.curve.validations) for p in points} <= starts, "offsets"


def _check_columns(log: bytes, form: str) -> None:
    """Lines read in columns say what they say alone. Each is repeated, so that it is worth columns."""
    for block in blocks([log]):
        if not block.torn:
            text = b"".join(line * 20 for line in block.data.splitlines(keepends=True) if line.endswith(b"\n"))
            alone = [r for line in text.split(b"\n")[:-1] if (r := FORMATS[form].read(clean(line))) is not None]
            if text:
                assert repr(_points(DenseReader(FORMATS[form]).read(text)[0])) == repr(alone), "columns differ"


def _points(said: list[Said]) -> list[object]:
    found: list[object] = []
    for one in said:
        found += [one.at(i) for i in range(len(one))] if isinstance(one, Columns) else [one]
    return found
