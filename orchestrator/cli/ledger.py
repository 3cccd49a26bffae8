"""``kdorch ledger``: what the ledger knows, why it says so, and bringing older results in."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli.anchor import anchor
from orchestrator.cli.challenge import challenge
from orchestrator.cli.compare import compare
from orchestrator.cli.ledger_copy import copy, init
from orchestrator.cli.options import say
from orchestrator.cli.parse import parse
from orchestrator.cli.policies import policies
from orchestrator.cli.rejudge import rejudge
from orchestrator.cli.sign import sign
from orchestrator.cli.sql import sql
from orchestrator.cli.stats import stats
from orchestrator.cli.verify import verify
from orchestrator.cli.waive import waive

if TYPE_CHECKING:
    from orchestrator.dispatch.home import Home
    from orchestrator.ledger.listing_cache import Listed
    from orchestrator.ledger.store import Ledger

FORMATS = ("table", "json", "csv", "md", "parquet")
SHOWN = 1000
"""So many rows are shown to a person who names no limit; files get all."""


@click.group(
    invoke_without_command=True,
    epilog="""\b
Examples:
  kdorch ledger                                       every run, newest campaign last
  kdorch ledger --status budget-pass                  what stayed within the teacher budget
  kdorch ledger --campaign quickstart --sort steps_to_target
  kdorch ledger --since 7d --sort -final_val --limit 20
  kdorch ledger --where 'final_val < 4.1 and budget_pass' --columns name,final_val,train_time_ms
  kdorch ledger --format json | jq '.[].name'
  kdorch ledger --format parquet > runs.parquet
  kdorch ledger show quickstart/l1d64-s0              every gate with its number and the line that proves it
  kdorch ledger compare small/baseline-s0 small/b2.0-s0
  kdorch ledger verify                                prove all of it again from the raw evidence
  kdorch ledger import ledger_of_record.csv           figures that somebody wrote down
  kdorch ledger import run.log --mode ce_baseline     a training log""",
)
@click.option("--status", metavar="LABEL", help="Only runs that carry this label (any of them, not just the first).")
@click.option("--campaign", metavar="C", help="Only this campaign, by name or id prefix.")
@click.option("--host", metavar="NAME", help="Only runs whose last attempt was on this host.")
@click.option("--since", "since_text", metavar="TIME",
              help="Only runs that moved since then: 2026-11-01 (UTC), 2026-11-01T12:00Z, or 90m, 12h, 7d, 2w ago.")
@click.option("--where", "where_text", metavar="CONDITION",
              help="Only runs for which this holds: keys of the JSON form and labels, joined by and, or, not.")
@click.option("--columns", metavar="KEY,KEY", help="Show these keys of the JSON form, in this order.")
@click.option("--sort", metavar="[-]KEY", help="Sort by a key of the JSON form, with - from high to low; runs without "
                                               "it come last.")
@click.option("--limit", type=click.IntRange(0), metavar="N",
              help=f"At most N runs, 0 for all: the newest, or the first by --sort. Default: {SHOWN} in table and md, "
                   "all in json, csv and parquet.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.pass_context
def ledger(context: click.Context, status: str | None, campaign: str | None, host: str | None, since_text: str | None,
           where_text: str | None, columns: str | None, sort: str | None, limit: int | None, form: str) -> None:
    """List runs with their labels; 'show' explains one, 'import' brings in older ones."""
    if context.invoked_subcommand is not None:
        return
    from orchestrator.cli.since import since
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import no_ledger_yet, open_ledger, utc_now
    from orchestrator.ledger.engine import utc_text
    from orchestrator.ledger.listing_cache import Asked, Listed
    from orchestrator.ledger.where import condition
    from orchestrator.report.tables import chosen_keys

    keys = chosen_keys(columns)
    if limit is None and form in ("table", "md"):
        limit = SHOWN
    asked = Asked(status=status, campaign=campaign, host=host, sort=sort, limit=limit or None,
                  lines_of=form if form in ("json", "csv") and keys is None else None,
                  where=None if where_text is None else condition(where_text),
                  since=None if since_text is None else utc_text(since(since_text, utc_now())))
    home = Home.from_environment()
    if no_ledger_yet(home):
        found = Listed()
        say(f"no ledger at {home.ledger} yet; 'kdorch campaign launch quickstart.yaml' or 'kdorch ledger import' "
            "makes one")
    else:
        with open_ledger(home, on_upgrade=say, create=False) as opened:
            found = opened.listing(asked, lambda n: say(f"preparing the listing of {n} runs, once"))
            if host is not None and not found.total:
                _check_host(host, home, opened)
    _print(found, form, keys)
    if form in ("table", "md"):
        _warn_of_luck(found.ranked)
    if found.size < found.total:
        say(f"{found.size} of {found.total} runs; --limit 0 shows all")


def _check_host(host: str, home: Home, opened: Ledger) -> None:
    """That no run was on a host is an answer only where there is such a host."""
    from orchestrator.dispatch.session import inventory_of
    from orchestrator.domain.errors import UnknownHost

    known = sorted({*inventory_of(home, None).hosts, *opened.hosts()})
    if host not in known:
        raise UnknownHost(f"there is no host {host[:60]!r} in hosts.yaml, and no run of the ledger was on one",
                          hint=f"hosts are: {', '.join(known)}")


def _warn_of_luck(ranked: int) -> None:
    from orchestrator.domain.luck import winners_curse

    if ranked > 1:
        say(winners_curse(ranked))


def _print(found: Listed, form: str, keys: tuple[str, ...] | None) -> None:
    if form == "parquet":
        from orchestrator.domain.errors import UsageError
        from orchestrator.report.parquet import parquet_bytes

        if sys.stdout.isatty():
            raise UsageError("Parquet is not for a terminal", hint="kdorch ledger --format parquet > runs.parquet")
        sys.stdout.buffer.write(parquet_bytes(found.rows, keys))
        return
    from orchestrator.report.tables import csv_lines, format_rows, json_lines

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if form == "json" and keys is None:
        text = json_lines(found.lines)
    elif form == "csv" and keys is None:
        text = csv_lines(found.lines)
    else:
        text = format_rows(found.rows, form, keys=keys, width=width)
    click.echo(text, nl=False)


ledger.add_command(verify)
ledger.add_command(compare)
ledger.add_command(sql)
ledger.add_command(stats)
ledger.add_command(parse)
ledger.add_command(policies)
ledger.add_command(rejudge)
ledger.add_command(waive)
ledger.add_command(challenge)
ledger.add_command(anchor)
ledger.add_command(sign)
ledger.add_command(copy)
ledger.add_command(init)


@ledger.command(epilog="""\b
Examples:
  kdorch ledger show quickstart/l1d64-s0
  kdorch ledger show 3f9a --json""")
@click.argument("reference", metavar="RUN_ID")
@click.option("--json", "as_json", is_flag=True, help="The explanation as JSON on standard output.")
def show(reference: str, as_json: bool) -> None:
    """Explain one run: every gate with its number, its limit, and the log line that proves it."""
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.proof import explain
    from orchestrator.dispatch.session import open_ledger

    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say, create=False) as opened:
        explanation = explain(home, opened, reference)
    click.echo(explanation.as_json() if as_json else explanation.as_text(), nl=False)


@ledger.command("import", epilog="""\b
Examples:
  kdorch ledger import ledger_of_record.csv
  kdorch ledger import aadab377.txt --mode ce_baseline
  kdorch ledger import teacher.log --mode teacher --name teacher_L3_250
  kdorch ledger import teacher.log --mode teacher --slice 177       as teacher@slice177
  kdorch ledger import kd.log --mode kd --teacher teacher_L3_250     'ledger compare' then counts what it cost
\b
Logs may be of any format that 'kdorch ledger parse' reads. Of several runs in a file each gets its number: NAME#2.
A run that stopped before its announced end is provisional.""")
@click.argument("files", metavar="FILE...", nargs=-1, required=True,
                type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mode", type=click.Choice(("ce_baseline", "teacher", "kd", "control", "measurement")),
              help="What a training log was run for.  [ce_baseline]")
@click.option("--name", help="Name for an imported log; default the file's stem.")
@click.option("--policy", default="teacher-budget-10pct", show_default=True, metavar="P",
              help="Policy for teachers, or for the mode's role: a shipped one, the ledger's, or a policy file.")
@click.option("--teacher", metavar="RUN", help="The run of the ledger that taught a student (--mode kd).")
@click.option("--campaign", default="imported", show_default=True, help="Campaign to file them under.")
@click.option("--slice", "slice_step", type=click.IntRange(1), metavar="STEP",
              help="Import a log as if it had been cut at this step.")
@click.option("--archival", is_flag=True, help="Label it archival: kept and shown, never part of a claim.")
@click.option("--provisional", is_flag=True, help="Label it provisional: a run that is live or partial.")
def import_(files: tuple[Path, ...], mode: str | None, name: str | None, policy: str, teacher: str | None,
            campaign: str, slice_step: int | None, archival: bool, provisional: bool) -> None:
    """Import training logs, or CSV files of runs. Importing the same file again changes nothing."""
    from orchestrator.cli.policy_reference import chosen_policy
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.domain.errors import UsageError
    from orchestrator.ledger.imports import import_csv, import_log

    if name is not None and len(files) > 1:
        raise UsageError("--name goes with one file only", hint="import the files one by one to name them")
    tables = [file for file in files if file.suffix.lower() == ".csv"]
    if tables and (mode or name or slice_step or archival or provisional or teacher):
        raise UsageError(f"{tables[0]}: a CSV says of each run itself what its name, its mode, its teacher and its "
                         "labels are", hint="leave out --mode, --name, --slice, --teacher, --archival and "
                                            "--provisional")
    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say) as opened:
        chosen = chosen_policy(policy, opened, Path.cwd())
        for file in files:
            if file in tables:
                new = import_csv(opened, file, policy=chosen, campaign=campaign)
                say(f"{file}: {len(new)} runs new to the ledger")
                continue
            for run in import_log(opened, file, mode=mode or "ce_baseline", name=name, policy=chosen,
                                  teacher=teacher, campaign=campaign, slice_step=slice_step, archival=archival,
                                  provisional=provisional):
                say(f"{file}: {'imported as' if run.is_new else 'is in the ledger as'} {run.name} ({run.parser_id})"
                    f"{f'; {run.note}' if run.note else ''}")
