"""Reads training logs of the modded-nanogpt family, kdorch's own among them (``tests/contract/v1/train-log.ebnf``).

Theory of operation. Bytes go through one :class:`LogFollower`, at once (:func:`parse_log`) or as they arrive, so that
what is watched live and what is measured in the end cannot differ. It cuts lines, cleans them, and asks for each
whether it is a data line; everything else is talk. Work is linear in the size of the log and memory is bounded by the
longest accepted line plus the points found: logs are written by programs that may be broken or hostile.

* A data line starts its line: source code printed before the run, quoted lines and ``tailavg step:…`` are talk.
* A data line whose loss, step or time does not read is talk as a whole; half of it is never used.
* Lines longer than 64 KiB are skipped. ANSI colours are removed. Of a line with carriage returns the last part counts.
* An unterminated last line is torn and not data, unless it is a step line complete to the unit of its last time.
* Times are in ``ms`` or ``s``; ``nanms`` is an unknown time. Non-finite losses are kept: they are evidence.
* A step that goes back starts a new run if it goes back to where the run began (or before); an exact repetition is
  ignored; any other step back is a resumption, and what it overwrites is dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from orchestrator.domain.metrics import Curve, Marker, OomReport, TrainPoint, ValPoint
from orchestrator.wire.loglines import Item, Line, classify, clean, whole_step_line

PARSER_ID = "modded-nanogpt/1"
LINE_LIMIT_BYTES = 64 << 10
TALK_MARKER_LIMIT = 1000
"""How many panic and error lines are kept per run; a log may consist of nothing else."""

PROFILE_LIMIT = 100_000
"""How many profiles of steps are kept per run."""


@dataclass
class _Run:
    """A run while it is being read."""

    total: int | None = None
    train: list[TrainPoint] = field(default_factory=list)
    validations: list[ValPoint] = field(default_factory=list)
    train_at: dict[int, TrainPoint] = field(default_factory=dict)
    validation_at: dict[int, ValPoint] = field(default_factory=dict)
    markers: list[Marker] = field(default_factory=list)
    talk_markers: int = 0
    profiles: int = 0
    not_finite: bool = False
    allocated_mib: int | None = None
    reserved_mib: int | None = None
    oom: OomReport | None = None
    torn: bool = False

    def curve(self) -> Curve:
        resets = sum(
            1 for a, b in zip(self.train, self.train[1:], strict=False)
            if a.train_time_ms is not None and b.train_time_ms is not None and b.train_time_ms < a.train_time_ms
        )
        kd_stop = next((m.step for m in self.markers if m.kind == "kd_stop"), None)
        end = next((m for m in reversed(self.markers) if m.kind == "run_end"), None)
        return Curve(
            total_steps=self.total, train=tuple(self.train), validations=tuple(self.validations),
            peak_allocated_mib=self.allocated_mib, peak_reserved_mib=self.reserved_mib, kd_stop_step=kd_stop,
            end_reason=None if end is None else end.text.rpartition("reason:")[2], timer_resets=resets, oom=self.oom,
            torn=self.torn, markers=tuple(self.markers),
        )


def parse_log(data: bytes) -> Curve:
    """The last run of a log that has any step line; an empty curve when there is none.

    kdorch's own logs hold exactly one run. Of a foreign log with several, :func:`parse_runs` gives all.
    """
    runs = parse_runs(data)
    with_points = [r for r in runs if r.train or r.validations]
    return with_points[-1] if with_points else runs[-1]


def parse_runs(data: bytes) -> list[Curve]:
    """Every run of a log, in order; at least one, which may be empty."""
    follower = LogFollower()
    follower.feed(data)
    follower.finish()
    return follower.runs()


class LogFollower:
    """Reads a log as it grows; chunks may be cut anywhere. ``total_steps`` is that of the current run, once known."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._rest_offset = 0
        self._scanned = 0
        self._skipping = False
        self._runs: list[_Run] = [_Run()]

    @property
    def total_steps(self) -> int | None:
        return self._runs[-1].total

    def feed(self, data: bytes) -> list[Item]:
        """The items of the lines that ``data`` completes, in order."""
        found: list[Item] = []
        self._rest += data
        start = 0
        while (end := self._rest.find(b"\n", max(start, self._scanned))) >= 0:
            if not self._skipping and end - start <= LINE_LIMIT_BYTES:
                self._take(bytes(self._rest[start:end]), self._rest_offset + start, found)
            self._skipping = False
            start = end + 1
            self._scanned = start
        if len(self._rest) - start > LINE_LIMIT_BYTES:
            self._skipping = True
            start = len(self._rest)
        del self._rest[:start]
        self._rest_offset += start
        self._scanned = len(self._rest)
        return found

    def finish(self) -> list[Item]:
        """Say that nothing more will come. An unterminated step line counts only if it is complete to its last unit."""
        found: list[Item] = []
        line = bytes(self._rest)
        torn = bool(line.strip()) or self._skipping
        if not self._skipping and whole_step_line(line):
            self._take(line, self._rest_offset, found)
        self._rest.clear()
        self._scanned = 0
        self._skipping = False
        self._runs[-1].torn = torn
        return found

    def runs(self) -> list[Curve]:
        """The runs read so far; the last one may be under way."""
        return [r.curve() for r in self._runs]

    def _take(self, raw: bytes, offset: int, found: list[Item]) -> None:
        read = classify(clean(raw), offset)
        if read is None:
            return
        if isinstance(read.item, Marker):
            self._take_marker(read, read.item, found)
        else:
            self._take_point(read, read.item, found)

    def _take_marker(self, read: Line, marker: Marker, found: list[Item]) -> None:
        run = self._runs[-1]
        if marker.kind in ("panic", "error"):
            run.talk_markers += 1
            if run.talk_markers > TALK_MARKER_LIMIT:
                return
        if marker.kind == "profile":  # one a step: they must not push out the marks that a run ends with
            if run.profiles >= PROFILE_LIMIT:
                return
            run.profiles += 1
        if marker.kind == "peak":
            run.allocated_mib, run.reserved_mib = read.allocated_mib, read.reserved_mib
        if read.oom is not None and (run.oom is None or run.oom.tried_bytes is None):
            run.oom = read.oom
        if marker.kind == "profile" or len(run.markers) - run.profiles < 10 * TALK_MARKER_LIMIT:
            run.markers.append(marker)
            found.append(marker)

    def _take_point(self, read: Line, point: TrainPoint | ValPoint, found: list[Item]) -> None:
        run = self._runs[-1]
        own: list[TrainPoint] | list[ValPoint] = run.train if isinstance(point, TrainPoint) else run.validations
        if own and point.step <= own[-1].step:
            if point.step <= own[0].step < own[-1].step:
                run = _Run()
                self._runs.append(run)
            else:
                seen = (run.train_at if isinstance(point, TrainPoint) else run.validation_at).get(point.step)
                if seen is not None and _same(seen, point):
                    return
                _rewind(run, point)
        if read.total is not None:
            run.total = read.total
        loss: float | None
        if isinstance(point, TrainPoint):
            run.train.append(point)
            run.train_at[point.step] = point
            loss = point.train_loss
        else:
            run.validations.append(point)
            run.validation_at[point.step] = point
            loss = point.val_loss
        found.append(point)
        if loss is not None and not math.isfinite(loss) and not run.not_finite:
            run.not_finite = True
            kind = "train" if isinstance(point, TrainPoint) else "validation"
            marker = Marker("nan", f"step {point.step}: {kind} loss is {loss}", point.offset, point.step)
            run.markers.append(marker)
            found.append(marker)


def _same(seen: TrainPoint | ValPoint, new: TrainPoint | ValPoint) -> bool:
    def facts(point: TrainPoint | ValPoint) -> tuple[str, float | None]:
        # NaN differs from itself; its print does not.
        loss = point.train_loss if isinstance(point, TrainPoint) else point.val_loss
        return repr(loss), point.train_time_ms

    return facts(seen) == facts(new)


def _rewind(run: _Run, point: TrainPoint | ValPoint) -> None:
    """Drop what a resumption at ``point`` overwrites: later points and marks, and those of its own kind at its step.

    A validation of step n follows n updates, so a train line of step n overwrites that validation too.
    """
    is_train = isinstance(point, TrainPoint)
    while run.train and (run.train[-1].step > point.step or (is_train and run.train[-1].step == point.step)):
        del run.train_at[run.train.pop().step]
    while run.validations and run.validations[-1].step >= point.step:
        del run.validation_at[run.validations.pop().step]
    while run.markers and (run.markers[-1].step or 0) > point.step:
        run.markers.pop()
