"""``kdorch ledger compare``: two or more runs side by side."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import FiniteFloat, json_option, say

if TYPE_CHECKING:
    from orchestrator.report.compare import Compared, Comparison


@click.command(epilog="""\b
Examples:
  kdorch ledger compare small/baseline-s0 small/b2.0-s0
  kdorch ledger compare ce_reference kd_sparse --target 4.07
  kdorch ledger compare A_default B_sdpa --same-machine      imported logs: their environment is not known""")
@click.argument("references", metavar="A B...", nargs=-1, required=True)
@click.option("--target", type=FiniteFloat(), metavar="LOSS",
              help="Default: the target that the last run's policy pins.")
@click.option("--same-machine", is_flag=True, help="Vouch that runs of unknown environment shared a machine, and that "
                                                   "hosts of other names are alike.")
@json_option("Everything as JSON on standard output.")
def compare(references: tuple[str, ...], target: float | None, same_machine: bool, as_json: bool) -> None:
    """Compare runs with the first of them: steps and time to a target, what is saved, and step times.

    Where hosts, drivers, precision or data differ, the figures that depend on them are refused and the difference is
    named.
    """
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.session import open_ledger
    from orchestrator.domain.errors import UsageError
    from orchestrator.domain.metrics import to_u6
    from orchestrator.report.compare import compare as compare_runs

    if len(references) < 2:
        raise UsageError("one run cannot be compared with itself", hint="name two or more runs")
    if target is not None and (to_u6(target) is None or target <= 0):
        raise UsageError(f"a target must be a finite loss above 0, not {target:g}")
    home = Home.from_environment()
    with open_ledger(home, on_upgrade=say, create=False) as ledger:
        named: dict[str, str] = {}
        for reference in references:
            if (other := named.setdefault(ledger.find_run(reference), reference)) is not reference:
                raise UsageError(f"{other[:60]!r} and {reference[:60]!r} are one run, and it cannot be compared with "
                                 "itself", hint="name two or more runs")
        told = compare_runs(ledger, home.root, references, target=target, assume_same=same_machine)
    click.echo(json.dumps(asdict(told), indent=2, sort_keys=True) if as_json else as_text(told), nl=as_json)


def as_text(told: Comparison) -> str:
    """The comparison for a terminal."""
    from orchestrator.report.words import loss

    head = f"target {loss(told.target)} ({told.target_from})" if told.target is not None else told.target_from
    lines = [head]
    if told.assumed:
        lines.append("environments that are not recorded are taken to be equal, on the word of whoever asks")
    for run in told.runs:
        lines += ["", *_run(run, is_first=run is told.runs[0])]
    return "\n".join(lines) + "\n"


def _run(run: Compared, *, is_first: bool) -> list[str]:
    from orchestrator.report.words import loss, number, seconds

    lines = [f"{run.name}  ({run.mode}; {', '.join(run.labels)})", f"  final val   {loss(run.final_val)}",
             f"  train time  {seconds(run.train_time_ms)}"
             + (f", and its teacher's {seconds(run.teacher_train_time_ms)}"
                if run.teacher_train_time_ms is not None else "")]
    if run.hit is not None:
        lines.append(f"  to target   {_hit(run)}")
    if run.steps is not None:
        s = run.steps
        lines.append(f"  step        median {number(s.median_ms, 2)} ms, p90 {number(s.p90_ms, 2)}, "
                     f"p99 {number(s.p99_ms, 2)} ({s.n} steady steps)")
    return lines if is_first else lines + _against(run)


def _hit(run: Compared) -> str:
    from orchestrator.report.words import seconds

    assert run.hit is not None
    if run.hit.steps_to_target is not None:
        return f"step {run.hit.steps_to_target}, {seconds(run.hit.time_to_target_ms)}"
    if run.hit.single_hit_step is not None:
        return f"a single hit at step {run.hit.single_hit_step}, unconfirmed"
    if run.hit.censored_at_step is None:
        return "no validation"
    return f"not reached by step {run.hit.censored_at_step}"


def _against(run: Compared) -> list[str]:
    from orchestrator.report.words import loss, number, seconds

    lines = []
    if run.steps_saved is not None:
        lines.append(f"  saves       {number(run.steps_saved)} steps")
    if run.time_saved_ms is not None:
        net = "" if run.net_time_saved_ms is None else f"; {seconds(run.net_time_saved_ms)} once its teacher is paid"
        lines.append(f"  saves       {seconds(run.time_saved_ms)}{net}")
    if run.matched is not None:
        step, first, own = run.matched
        lines.append(f"  at step {step:<4} {loss(own)} against {loss(first)}")
    if (t := run.step_time) is not None:
        sure = "" if t.low is None or t.high is None or t.p_value is None else (
            f", 95 % interval {t.low:.3f} to {t.high:.3f}, Mann–Whitney p {t.p_value:.2g} over blocks of steps")
        lines.append(f"  step time   {t.ratio:.3f} of the first{sure}: {t.words} (one process a side)")
    lines += [f"  note        {words}" for words in run.noted]
    lines += [f"  steps not compared: {why}" for why in run.refused_steps]
    lines += [f"  times not compared: {why}" for why in run.refused_times]
    return lines
