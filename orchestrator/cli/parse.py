"""``kdorch ledger parse``: the figures of a training log of any known format. Needs no ledger and no home."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import FiniteFloat, say

if TYPE_CHECKING:
    from orchestrator.parsing import Record

FORMAT_NAMES = ("modded-nanogpt", "kdorch", "llm.c", "nanochat", "autoresearch", "torchtitan", "hf-trainer",
                "tokens-per-second", "batch-table")
"""What ``orchestrator.parsing`` knows, written down so that ``--help`` need not load it; a test holds them equal."""
QUIET_SECONDS = 2.0
_TERMINAL_SECONDS, _FILE_SECONDS = 0.2, 10.0


@click.command(epilog="""\b
Examples:
  kdorch ledger parse train.log                      what the log says
  kdorch ledger parse train.log --target 3.28 --json
  kdorch ledger parse logs/*.txt --target 3.28       a table, one line a run
  ssh h100.example cat run/train.log | kdorch ledger parse - --json
\b
--json prints one object, or a list where there are several runs; of several files each object names its 'file'.
What a log does not say is null. A target that only the last validation reached is 'single_hit_step', not reached.""")
@click.argument("files", metavar="FILE...", nargs=-1, required=True,
                type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=str))
@click.option("--target", type=FiniteFloat(), metavar="LOSS",
              help="When was this validation loss reached, twice in a row?")
@click.option("--format", "form", type=click.Choice(FORMAT_NAMES), help="The log's format; default: found out.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON on standard output.")
@click.option("--figures", is_flag=True, help="Say on standard error how long the reading took.")
def parse(files: tuple[str, ...], target: float | None, form: str | None, as_json: bool, figures: bool) -> None:
    """Read training logs and print their figures; '-' is standard input."""
    found: list[tuple[str, Record]] = []
    for file in files:
        found += [(file, record) for record in _records(file, target, form, figures)]
    if as_json:
        click.echo(json.dumps(_json(found, several=len(files) > 1), indent=2, allow_nan=False))
    elif len(found) == 1:
        click.echo(_sheet(found[0][1]), nl=False)
    else:
        click.echo(_table(found), nl=False)


def _records(file: str, target: float | None, form: str | None, figures: bool) -> list[Record]:
    from orchestrator.parsing import parse_stream
    from orchestrator.wire.long_lines import LongLines, unread_words

    name = "standard input" if file == "-" else file
    with ExitStack() as stack:
        stream: Any = sys.stdin.buffer if file == "-" else stack.enter_context(Path(file).open("rb", buffering=0))
        unread = LongLines()
        progress = _Progress(name, None if file == "-" else Path(file).stat().st_size)
        try:
            records = parse_stream(stream, name=name, target=target, format_name=form, progress=progress,
                                   unread=unread)
        finally:
            progress.close()
    if unread.count:
        say(f"{name}: {unread_words(unread.count)}")
    if figures:
        say(progress.figures())
    return records


class _Progress:
    """Says on standard error how far the reading is, once it takes longer than a moment."""

    def __init__(self, name: str, size_bytes: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._size_bytes, self._clock = name, size_bytes, clock
        self._begun = clock()
        self._next = self._begun + QUIET_SECONDS
        self._done_bytes = 0
        self._is_terminal = sys.stderr.isatty()
        self._shown = False

    def __call__(self, more_bytes: int) -> None:
        self._done_bytes += more_bytes
        now = self._clock()
        if now < self._next:
            return
        self._next = now + (_TERMINAL_SECONDS if self._is_terminal else _FILE_SECONDS)
        share = f" of {self._size_bytes / 1e6:.0f}" if self._size_bytes else ""
        text = f"{self._name}: {self._done_bytes / 1e6:.0f}{share} MB read"
        click.echo(f"\r{text}" if self._is_terminal else text, err=True, nl=not self._is_terminal)
        self._shown = True

    def close(self) -> None:
        if self._shown and self._is_terminal:
            click.echo("", err=True)

    def figures(self) -> str:
        took, read_mb = max(self._clock() - self._begun, 1e-9), self._done_bytes / 1e6
        return f"{self._name}: {read_mb:.1f} MB in {took:.2f} s, {read_mb / took:.0f} MB/s"


def _json(found: Sequence[tuple[str, Record]], *, several: bool) -> Any:
    bodies = [{"file": file, **record.as_json()} if several else record.as_json() for file, record in found]
    return bodies[0] if len(bodies) == 1 and not several else bodies


def _sheet(record: Record) -> str:
    """One run, a figure a line."""
    rows = [(key.replace("_", " "), _shown(key, value)) for key, value in record.as_json().items()]
    width = max(len(key) for key, _ in rows)
    return "".join(f"{key:<{width}}  {value}\n" for key, value in rows)


def _table(found: Sequence[tuple[str, Record]]) -> str:
    """Several runs, one a line."""
    head = ("run", "format", "step", "val", "best", "time", "median", "p90", "target", "peak MiB", "")
    lines = [head]
    for n, (file, record) in enumerate(found, 1):
        total = "" if record.total_steps is None else f"/{record.total_steps}"
        hit = f"step {record.steps_to_target}" if record.steps_to_target is not None else \
            f"once, at {record.single_hit_step}" if record.single_hit_step is not None else "-"
        name = "stdin" if file == "-" else Path(file).name
        lines.append((f"{n} {name[:40]}", record.format or "-", f"{_plain(record.final_step)}{total}",
                      _plain(record.final_val_loss), _plain(record.best_val_loss),
                      "-" if record.final_train_time_ms is None else f"{record.final_train_time_ms / 1e3:.1f} s",
                      _plain(record.median_step_ms), _plain(record.p90_step_ms), hit,
                      _plain(record.peak_allocated_mib), "out of memory" if record.oom is not None else ""))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
                   for line in lines)


def _shown(key: str, value: Any) -> str:
    if key == "oom" and value is not None:
        told = ", ".join(f"{k.removesuffix('_mib')} {v} MiB" for k, v in value.items() if v is not None)
        in_pieces = value["tried_mib"] is not None and value["free_mib"] is not None and value["shortfall_mib"] is None
        return f"yes{f': {told}' if told else ''}{'; enough was free, in pieces or capped' if in_pieces else ''}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _plain(value)


def _plain(value: Any) -> str:
    return "-" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)
