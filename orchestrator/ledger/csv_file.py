"""Reads a CSV of runs that somebody wrote down. Every complaint names file, line and column."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path

from orchestrator.domain.errors import CampaignFileError

COLUMNS = ("run_id", "mode", "teacher_params_m", "teacher_steps", "teacher_train_time_ms", "student_steps", "best_val",
           "final_val", "complete", "archival", "checkpoint_ready")
MODES = ("ce_baseline", "teacher", "teacher_slice", "kd", "control", "measurement")
_MAX_INTEGER = 2**53 - 1
NAME_LIMIT = 512


@dataclass(frozen=True)
class CsvRun:
    """One row. ``train_time_ms`` is the column ``teacher_train_time_ms``: the run's own, or a student's teacher's.
    ``line`` counts from 1; ``offset`` is the byte at which it starts."""

    name: str
    mode: str
    teacher_parameters: int | None
    teacher_steps: int | None
    train_time_ms: int | None
    student_steps: int | None
    best_val_u6: int | None
    final_val_u6: int | None
    complete: bool
    archival: bool
    checkpoint_ready: bool
    line: int
    offset: int


def read_csv(path: Path, data: bytes) -> list[CsvRun]:
    """The runs of a CSV. Raises :class:`CampaignFileError` at the first thing that is wrong."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CampaignFileError(path, "not UTF-8", line=line, hint="save the file as UTF-8") from None
    offsets = [0]
    for raw in data.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(raw))
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[CsvRun] = []
    seen: dict[str, int] = {}
    try:
        header = next(reader, [])
        _check_header(path, header)
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not cells:
                continue
            if len(cells) != len(header):
                raise CampaignFileError(path, f"{len(cells)} cells under {len(header)} columns", line=line)
            run = _Row(path, line, dict(zip(header, cells, strict=True))).run(offsets[line - 1])
            if run.name in seen:
                raise CampaignFileError(path, f"{run.name!r} is on line {seen[run.name]} too", key="run_id", line=line,
                                        hint="every run has one row")
            seen[run.name] = line
            found.append(run)
    except csv.Error as error:
        raise CampaignFileError(path, f"not a CSV: {error}", line=reader.line_num) from None
    if not found:
        raise CampaignFileError(path, "it holds no run")
    return found


def _check_header(path: Path, header: list[str]) -> None:
    missing = [c for c in COLUMNS if c not in header]
    if missing:
        raise CampaignFileError(path, f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
                                key=missing[0], line=1, hint=f"the columns are: {', '.join(COLUMNS)}")
    twice = sorted({c for c in header if header.count(c) > 1})
    if twice:
        raise CampaignFileError(path, "the column is there twice", key=twice[0], line=1)


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    cells: dict[str, str]

    def run(self, offset: int) -> CsvRun:
        parameters = self._decimal("teacher_params_m", 6)
        return CsvRun(
            name=self._name(), mode=self._one_of("mode", MODES),
            teacher_parameters=parameters, teacher_steps=self._integer("teacher_steps"),
            train_time_ms=self._integer("teacher_train_time_ms"), student_steps=self._integer("student_steps"),
            best_val_u6=self._decimal("best_val", 6), final_val_u6=self._decimal("final_val", 6),
            complete=self._flag("complete"), archival=self._flag("archival"),
            checkpoint_ready=self._flag("checkpoint_ready"), line=self.line, offset=offset)

    def _wrong(self, column: str, expected: str) -> CampaignFileError:
        return CampaignFileError(self.path, f"expected {expected}, found {self.cells[column]!r}", key=column,
                                 line=self.line)

    def _name(self) -> str:
        name = self.cells["run_id"].strip()
        if not name or len(name) > NAME_LIMIT or not name.isprintable():
            raise self._wrong("run_id", f"a name of 1 to {NAME_LIMIT} printable characters")
        return name

    def _one_of(self, column: str, known: tuple[str, ...]) -> str:
        value = self.cells[column].strip()
        if value not in known:
            raise self._wrong(column, f"one of {', '.join(known)}")
        return value

    def _flag(self, column: str) -> bool:
        return self._one_of(column, ("true", "false")) == "true"

    def _decimal(self, column: str, places: int) -> int | None:
        """A finite number, not negative, in units of 10**-places (rounded half even); None for an empty cell."""
        value = self.cells[column].strip()
        if not value:
            return None
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise self._wrong(column, "a number") from None
        if not number.is_finite() or number < 0 or number.adjusted() > 12:
            raise self._wrong(column, "a finite number, not negative")
        return int((number * 10**places).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))

    def _integer(self, column: str) -> int | None:
        value = self.cells[column].strip()
        if not value:
            return None
        if not (value.isascii() and value.isdigit()) or int(value[:32]) > _MAX_INTEGER:
            raise self._wrong(column, "a whole number, not negative")
        return int(value)
