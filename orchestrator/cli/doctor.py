"""``kdorch host doctor``: whether a host is fit to run, line by line, each with its remedy."""

from __future__ import annotations

import json
import sys
import textwrap
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from orchestrator.cli.options import hosts_option, json_option, say
from orchestrator.domain.errors import LedgerError

if TYPE_CHECKING:
    from orchestrator.dispatch.doctor import Examination
    from orchestrator.dispatch.finding import Finding
    from orchestrator.dispatch.home import Home

UNFIT = 3
WARNED = 1
QUIET_S = 2.0
_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}


@click.command(epilog="""\b
Examples:
  kdorch host doctor h100                 is it fit to run?
  kdorch host doctor gb10 --quick         without trying kernels on its GPUs
  kdorch host doctor h100 --json | jq '.findings[] | select(.level != "ok")'
Exit code 3 when a line fails; with --exit-status also 1 when a line warns.""")
@click.argument("name")
@click.option("--quick", is_flag=True, help="Try no kernels; what was found before is kept.")
@click.option("--exit-status", is_flag=True, help="Exit 1 when a line warns.")
@json_option("Findings and facts as JSON.")
@hosts_option
def doctor(name: str, quick: bool, exit_status: bool, as_json: bool, hosts_file: Path | None) -> int:
    """Examine a host: SSH, key, clock, Python, disk, locks, limits, GPUs, kernels. Records what it found."""
    from orchestrator.dispatch.doctor import examine
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import inventory_of, this_bundle

    home = Home.from_environment()
    entry = inventory_of(home, hosts_file).host(name)
    with _Patience(name) as patience:
        found = examine(home, entry, this_bundle(), kernels=not quick, progress=patience)
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2, sort_keys=True))
    else:
        for line in lines(found.findings, colour=sys.stdout.isatty(), width=_width()):
            click.echo(line, color=sys.stdout.isatty())
    _record(home, found)
    if not found.fit:
        return UNFIT
    return WARNED if exit_status and any(f.level == "warn" for f in found.findings) else 0


def lines(findings: tuple[Finding, ...], *, colour: bool = False, width: int | None = None) -> list[str]:
    """The findings in aligned columns, a remedy below its line; wrapped to ``width`` columns where one is given."""
    across = max((len(f.subject) for f in findings), default=0)
    indent = " " * (6 + across + 2)
    shown = []
    for finding in findings:
        level = click.style(f"{finding.level:<4}", fg=_COLOURS[finding.level]) if colour else f"{finding.level:<4}"
        head = f"{level}  {finding.subject:<{across}}  "
        shown += _wrapped(finding.fact, head, indent, width)
        if finding.remedy and finding.level in ("warn", "fail"):
            shown += _wrapped(finding.remedy, f"{indent}-> ", f"{indent}   ", width)
    return shown


class _Patience:
    """Says on standard error what is being done, once that takes longer than two seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._cancel()

    def __call__(self, doing: str) -> None:
        self._cancel()
        self._timer = threading.Timer(QUIET_S, say, (f"{self._name}: {doing}...",))
        self._timer.daemon = True
        self._timer.start()

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _record(home: Home, found: Examination) -> None:
    """Put the facts into the ledger, where planning looks. A ledger that does not take them is said, and no more."""
    from orchestrator.dispatch.doctor import remembered
    from orchestrator.dispatch.session import open_ledger

    if found.facts is None:
        return
    try:
        with open_ledger(home, on_upgrade=say) as ledger:
            ledger.record_host_facts(found.host, remembered(ledger.host_facts(found.host), found.facts))
    except LedgerError as error:
        say(f"the facts were not recorded: {error.message}{f' ({error.hint})' if error.hint else ''}")


def _wrapped(text: str, head: str, indent: str, width: int | None) -> list[str]:
    if width is None:
        return [head + text]
    # Styles take no columns: wrap behind as many blanks as the head shows.
    found = textwrap.wrap(text, max(width - len(indent), 30), break_long_words=False, break_on_hyphens=False) or [""]
    return [head + found[0], *(indent + more for more in found[1:])]


def _width() -> int | None:
    """Columns of the terminal; None where lines go to a file or a pipe, which want them whole."""
    import shutil

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
