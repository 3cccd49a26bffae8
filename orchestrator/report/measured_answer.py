"""The answer of a campaign that measures: who is the quicker, what fits, what each part costs, which claims hold."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from orchestrator.domain.duel import duel
from orchestrator.domain.measured import Figures
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.sections.cells import gib, milliseconds
from orchestrator.report.words import counted, number

_BATCH, _LENGTH = "data.batch_sequences", "data.sequence_length"

Measured = Sequence[tuple[ReportRun, Figures]]


def measured_answer(report: CampaignReport) -> str:
    """One sentence for each stage that measures, in the order of the file."""
    stages = dict.fromkeys(r.stage for r in report.runs if r.role == "measurement")
    if not stages:
        return "Nothing was measured yet."
    return " ".join(_stage(report, stage) for stage in stages)


def _stage(report: CampaignReport, stage: str) -> str:
    runs = [r for r in report.runs if r.stage == stage and r.role == "measurement"]
    found = [(r, r.figures) for r in runs if r.figures is not None]
    if not found:
        return f"No measurement of stage {stage} has ended."
    bases = _plain_ce(report, found)
    if stage in report.duels:
        words = _quicker([f for _, f in found])
    elif any(f.claims for _, f in found):
        words = _claims([f for _, f in found])
    elif bases:
        words = _isolates(found, bases)
    elif len({_batch(r) for r, _ in found}) > 1:
        words = _batches(found)
    else:
        words = _probes([f for _, f in found])
    return f"{words}{_where(runs)}{_lost(found)}."


def _quicker(figures: Sequence[Figures]) -> str:
    """The winner of a duel, how far the others are behind, and whether that is shown."""
    found = duel(figures)
    if found.missing or not found.ranked:
        return f"There is no winner: {', '.join(found.missing) or 'no alternative'} gave no step times"
    first = found.ranked[0]
    words = f"Of {len(found.ranked)} alternatives {first.arm} comes out ahead with a median step of " \
            f"{milliseconds(first.median_ms)} (p90 {milliseconds(first.p90_ms)})"
    for margin in found.margins:
        span = "" if margin.repeats == 1 else f" ({margin.low:.3f} to {margin.high:.3f})"
        words += f"; {margin.arm} takes {margin.ratio:.3g} times as long{span}, which is {margin.words()}"
    return words


def _claims(figures: Sequence[Figures]) -> str:
    """Falsifiers by name, those that fail first."""
    claims = [c for f in figures for c in f.claims]
    failed = [c for c in claims if not c[1]]
    if failed:
        told = ", ".join(f"{name} FAIL ({words})" for name, _, words in failed)
        return f"{len(failed)} of {counted(len(claims), 'claim', 'claims')} failed: {told}"
    told = ", ".join(f"{name} PASS ({words})" for name, _, words in claims)
    return f"{'The claim holds' if len(claims) == 1 else f'All {len(claims)} claims hold'}: {told}"


def _plain_ce(report: CampaignReport, found: Measured) -> Mapping[str, float]:
    """The median step of the plain CE run that each run is compared with, by the run's name."""
    medians = {r.name: r.median_step_ms for r in report.runs if r.role == "ce"}
    return {r.name: base for r, _ in found if (base := medians.get(r.reference or ""))}


def _isolates(found: Measured, bases: Mapping[str, float]) -> str:
    """Each configuration's step as a multiple of plain CE's, in the order of the file."""
    ratios: dict[str, list[float]] = {}
    for run, figures in found:
        if figures.median_ms is not None and run.name in bases:
            ratios.setdefault(figures.arm, []).append(figures.median_ms / bases[run.name])
    if not ratios:
        return "No run gave step times to set beside plain CE's"
    told = ", ".join(f"{arm} {statistics.median(r):.2f}" + ("" if len(r) == 1 else f" ({min(r):.2f} to {max(r):.2f})")
                     for arm, r in ratios.items())
    once = "; one run each, so how far runs differ by themselves is not known" if \
        all(len(r) == 1 for r in ratios.values()) else ""
    return f"As multiples of plain CE's median step of {milliseconds(statistics.median(bases.values()))}: {told}{once}"


def _batches(found: Measured) -> str:
    """The largest batch that fits, and the smallest that does not."""
    short = {size: f for r, f in found if (size := _batch(r)) is not None and f.shortage is not None}
    fits = {size: (r, f) for r, f in found if (size := _batch(r)) is not None and f.median_ms is not None
            and size not in short}
    words = ["No batch that was tried fits"]
    if fits:
        size = max(fits)
        run, figures = fits[size]
        words = [f"The largest batch that fits has {number(size)} sequences of {number(_setting(run, _LENGTH) or 0)} "
                 f"tokens: {_cost(figures)}"]
    if not short:
        return f"{words[0]}; no larger one was tried, so the boundary was not found"
    first = min(short)
    return f"{words[0]}; the first that does not has {number(first)} and {_shortage(short[first])}"


def _probes(figures: Sequence[Figures]) -> str:
    """What each configuration costs, or what it was short of."""
    told = [f"{f.arm} {_shortage(f) if f.shortage is not None else f'takes {_cost(f)}'}" for f in figures
            if f.shortage is not None or f.median_ms is not None]
    if not told:
        return "No run gave step times"
    fit = sum(1 for f in figures if f.shortage is None and f.median_ms is not None)
    return f"{fit} of {counted(len(figures), 'configuration', 'configurations')} {'fits' if fit == 1 else 'fit'}: " \
           f"{', '.join(told)}"


def _cost(figures: Figures) -> str:
    words = f"{milliseconds(figures.median_ms)} a step"
    if figures.tokens_per_second is not None:
        words += f" ({number(figures.tokens_per_second)} tokens/s"
        if figures.peak_reserved_mib:
            words += f", peak {gib(figures.peak_allocated_mib)} allocated and {gib(figures.peak_reserved_mib)} reserved"
        words += ")"
    return words


def _shortage(figures: Figures) -> str:
    assert figures.shortage is not None
    return f"ran {figures.shortage.words()}"


def _where(runs: Sequence[ReportRun]) -> str:
    devices = sorted({r.device for r in runs if r.device})
    return f"; on {' and '.join(devices)}" if devices else ""


def _lost(found: Measured) -> str:
    """Runs that gave neither figures nor the end that was asked about."""
    lost = [(r, f) for r, f in found if not f.deltas and not f.claims and f.shortage is None]
    named = ", ".join(f"{f.arm}: {f.outcome}" for _, f in lost[:3])
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    return f"; {counted(len(lost), 'run', 'runs')} gave no figure ({named}{more})" if lost else ""


def _batch(run: ReportRun) -> int | None:
    size = _setting(run, _BATCH)
    return None if size is None else int(size)


def _setting(run: ReportRun, name: str) -> float | None:
    return dict(run.settings).get(name)
