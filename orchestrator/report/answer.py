"""The campaign's answer in one sentence, with its uncertainty. It never claims more than the evidence carries."""

from __future__ import annotations

import math

from orchestrator.report import replicated
from orchestrator.report.chosen_answer import chosen_answer
from orchestrator.report.comparisons import Analysis, Arm, Savings, seeds_of
from orchestrator.report.configuration import in_words, settings_told
from orchestrator.report.measured_answer import measured_answer
from orchestrator.report.model import CampaignReport, ReportRun
from orchestrator.report.sections.cells import picked
from orchestrator.report.statistics import Known
from orchestrator.report.words import (
    amount,
    counted,
    in_seconds,
    less_or_more,
    loss,
    seconds,
)


def answer(report: CampaignReport, analysis: Analysis) -> str:
    """The answer, in as many sentences as :func:`answers` has."""
    return " ".join(answers(report, analysis))


def answers(report: CampaignReport, analysis: Analysis) -> tuple[str, ...]:
    """The answer in one sentence, and after it what it costs and how sure it is; provisional while runs of the campaign
    have no verdict."""
    sentence, *more = _sentences(report, analysis)
    over = sum(1 for r in report.runs if r.over)
    if over < len(report.runs):
        of = max(report.planned or 0, len(report.runs))
        planned = " planned" if report.planned is not None else ""
        sentence = f"Provisional, {of - over} of {of}{planned} {'run' if of == 1 else 'runs'} without a verdict: " \
                   f"{sentence[0].lower()}{sentence[1:]}"
    return sentence, *more


def _sentences(report: CampaignReport, analysis: Analysis) -> list[str]:
    teachers = [r for r in report.runs if r.role == "teacher"]
    admitted = not teachers or any(r.verdict == "promote" for r in teachers)
    if report.runs and admitted and not report.measures and analysis.best is not None:
        return _best_arm(report, analysis, analysis.best)
    return [_sentence(report, analysis)]


def _sentence(report: CampaignReport, analysis: Analysis) -> str:
    if not report.runs:
        return "Nothing was run, so there is nothing to say."
    teachers = [r for r in report.runs if r.role == "teacher"]
    wants_kd = any(r.role == "kd" for r in report.runs)
    if teachers and not any(r.verdict == "promote" for r in teachers):
        return _no_teacher(teachers) if all(r.over for r in teachers) else _no_teacher_yet(teachers)
    if report.measures:
        return measured_answer(report)
    if analysis.arms:
        return _no_arm(report, analysis)
    if wants_kd:
        return "No KD run can be compared yet, so whether distillation helps is open."
    if report.halvings or report.searches:
        return chosen_answer(report)
    if teachers:
        return _teachers(report, teachers)
    ended = [r for r in report.runs if r.role == "ce" and (r.finished or r.outcome is not None)]
    if any(_timed(r) for r in ended):
        return _baseline(ended)
    return "No run produced evidence that can be compared."


def _best_arm(report: CampaignReport, analysis: Analysis, best: Arm) -> list[str]:
    n, looked_at = best.seeds, analysis.looked_at
    assert analysis.target is not None
    teacher = best.reached[0].run.teacher
    cost = best.reached[0].run.teacher_train_time_ms
    level = [a.name for a in analysis.arms if a is not best and a.promoted and a.steps.mean == best.steps.mean]
    tie = f", level with {' and '.join(level[:2])}{' and others' if len(level) > 2 else ''}," if level else ""
    passing = "" if best is analysis.arms[0] else " of those that passed their gates"
    what = in_words(settings_told(report).get(best.reached[0].run.name, ()))
    who = f"{best.name}{f' ({what})' if what else ''}{f', taught by {teacher},' if teacher else ''}"
    led = f"The only KD arm, {who} came" if len(analysis.arms) == 1 else \
        f"Among {len(analysis.arms)} KD arms {who} was{tie} the quickest{passing}"
    parts = [f"{led} to loss {loss(analysis.target)}: {amount(best.steps.mean)} steps{_mean(n)}"]
    if best.against_ce is not None:
        parts.append(_against("plain CE", best.against_ce, looked_at.ce))
    else:
        parts.append("no plain CE run to compare with")
    if best.against_control is not None:
        parts.append(_against("the same schedule without KD", best.against_control, looked_at.control))
    else:
        parts.append("uncontrolled: no control of the same schedule, so the schedule alone may explain it")
    timed = best.against_ce is not None and best.against_ce.time_ms.mean.value is not None
    standing = [_picked(report, analysis, best), _shown(best), _one_teacher(analysis),
                "" if _is_shown(best) else _honesty(n)]
    lines = [", ".join(parts), _time(best.against_ce, cost) if timed and best.against_ce is not None else "",
             _at_the_end(report, best), _confirmed(report, analysis, best), "; ".join(s for s in standing if s),
             _lost(report, analysis, best).removeprefix("; ")]
    return [f"{line[0].upper()}{line[1:]}." for line in lines if line]


def _picked(report: CampaignReport, analysis: Analysis, best: Arm) -> str:
    """That the arm was chosen by the runs that measure it, until fresh seeds have spoken."""
    if len(analysis.arms) < 2:
        return ""
    candidate = "" if replicated.of_arm(report, analysis.stage, best.name) is not None else "candidate, "
    return f"{candidate}picked from {len(analysis.arms)}"


def _one_teacher(analysis: Analysis) -> str:
    """Another teacher may help more, or less: nothing here varies it."""
    teachers = {r.run.teacher for a in analysis.arms for r in a.reached}
    return "conditional on this one teacher" if len(teachers) == 1 and teachers != {None} else ""


def _confirmed(report: CampaignReport, analysis: Analysis, best: Arm) -> str:
    """What fresh seeds said of the whole configuration, where its stage asked them."""
    asked = replicated.of_arm(report, analysis.stage, best.name)
    return "" if asked is None else f"it is {replicated.sentence(report, asked)}"


def _at_the_end(report: CampaignReport, best: Arm) -> str:
    """Where the arm and plain CE stood after the whole horizon: who comes to a target first may end behind."""
    by_name = {r.name: r for r in report.runs}
    pairs = [(arm.final_val, ce.final_val) for arm in (r.run for r in best.reached)
             if (ce := by_name.get(arm.reference or "")) is not None and arm.final_val is not None
             and ce.final_val is not None and arm.final_step == ce.final_step == arm.horizon]
    if not pairs:
        return ""
    theirs, plain = (math.fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    how = "level with" if loss(theirs) == loss(plain) else "worse than" if theirs > plain else "better than"
    return f"after the whole horizon its loss is {loss(theirs)}, {how} plain CE's {loss(plain)}"


def _shown(best: Arm) -> str:
    """Whether KD itself saves, by the exact test against the control after all arms were looked at."""
    tested = best.against_control.effect if best.against_control is not None else None
    if tested is None:
        return ""
    if not tested.shown:
        return "KD's own effect is not shown"
    return f"KD's own effect is shown against its control ({tested.test.value}, n = {tested.n} pairs)"


def _is_shown(best: Arm) -> bool:
    tested = best.against_control.effect if best.against_control is not None else None
    return tested is not None and tested.shown


def _mean(n: int) -> str:
    return "" if n == 1 else f" on average over {n} seeds"


def _against(what: str, savings: Savings, of: int) -> str:
    told = savings.steps
    if told.mean.value is None:
        return f"not comparable with {what}, which never reached it either"
    return f"{less_or_more(told.mean, 'steps', 'fewer', 'more')} {what} ({picked(savings, of)})"


def _time(savings: Savings, teacher_ms: int | None) -> str:
    told = less_or_more(in_seconds(savings.time_ms.mean), "s", "less", "more", decimals=None)
    words = f"it took {told} plain CE in train time"
    if savings.net_time_ms.mean.value is None:
        return f"{words}, the teacher's own time unknown"
    net = less_or_more(in_seconds(savings.net_time_ms.mean), "s", "less", "more", decimals=None)
    return f"{words} and {net} it once the teacher's {seconds(teacher_ms)} are counted"


def _honesty(n: int) -> str:
    return f"one campaign with n = {n} {'seed' if n == 1 else 'seeds'}, not a proof"


def _no_arm(report: CampaignReport, analysis: Analysis) -> str:
    first = analysis.arms[0]
    lost = _lost(report, analysis, first)
    assert analysis.target is not None
    if all(a.arrivals == 0 for a in analysis.arms):
        return (f"No KD arm reached loss {loss(analysis.target)} within its horizon "
                f"(the nearest is censored at step {amount(first.steps.mean).lstrip('≥> ')}), "
                f"so no steps were saved that can be counted; {_honesty(first.seeds)}{lost}.")
    reached = "" if first.steps.mean.known is Known.EXACT else ", not by every seed"
    return (f"No KD arm passed all of its gates; the best measured, {first.name}, reached loss "
            f"{loss(analysis.target)} in {amount(first.steps.mean)} steps{reached}; {_honesty(first.seeds)}{lost}.")


def _no_teacher(teachers: list[ReportRun]) -> str:
    stopped = [r for r in teachers if r.outcome == "over_budget"]
    timed = [r for r in teachers if r.train_time_ms is not None and r not in stopped]
    missed = [*stopped, *(r for r in timed if any(g.gate == "budget" and g.result == "fail" for g in r.gates))]
    words = f"{len(missed)} of {len(teachers)} missed the budget" if missed else "none has complete evidence"
    cheapest = min(timed, key=lambda r: r.train_time_ms or 0, default=None)
    if stopped:
        words += f", {len(stopped)} of them stopped when that was certain"
    tail = "" if cheapest is None else f", the cheapest, {cheapest.name}, took {seconds(cheapest.train_time_ms)}"
    return f"No teacher passed its gates ({words}{tail}), so no distillation was admitted."


def _no_teacher_yet(teachers: list[ReportRun]) -> str:
    ended = sum(1 for r in teachers if r.over)
    far = f"{ended} of {len(teachers)} ended, none of them within its gates" if ended else \
        f"none of {len(teachers)} has ended"
    return f"Teachers are still under way ({far}), so whether one is admitted is open."


def _teachers(report: CampaignReport, teachers: list[ReportRun]) -> str:
    passed = [r for r in teachers if r.verdict == "promote" and r.why_not_counted is None]
    best = min(passed, key=lambda r: (r.final_val if r.final_val is not None else float("inf"), r.name), default=None)
    if best is None:
        return "Teachers passed their gates, but none may enter a claim."
    limit = next((p.budget_ms for p in report.policies if p.stage == best.stage), None)
    within = "" if limit is None else f" of {seconds(limit)} allowed"
    seed = "" if best.seed is None else f" with seed {best.seed}"
    return (f"{len(passed)} of {counted(len(teachers), 'teacher', 'teachers')} passed all gates; the best, "
            f"{best.name}, reached loss {loss(best.final_val)}{seed} in {seconds(best.train_time_ms)}{within}; "
            f"{_honesty(1)}.")


def _lost(report: CampaignReport, analysis: Analysis, arm: Arm) -> str:
    """The arm's runs that ended without a figure: they are no seeds, and not hidden either."""
    figures = {r.run.name for r in arm.reached if r.run.outcome != "nan"}
    own = [r for r in report.runs if r.role == arm.role and r.arm == arm.name and r.stage == analysis.stage]
    return _without_figure(len(own), [r for r in own if r.name not in figures and (r.outcome or r.finished)])


def _without_figure(of: int, runs: list[ReportRun]) -> str:
    if not runs:
        return ""
    named = ", ".join(f"{r.name}: {r.outcome if r.outcome not in (None, 'completed') else r.why_not_counted}"
                      for r in runs[:3])
    more = f" and {len(runs) - 3} more" if len(runs) > 3 else ""
    return f"; {len(runs)} of its {counted(of, 'run', 'runs')} gave no figure ({named}{more})"


def _timed(run: ReportRun) -> bool:
    return run.finished and run.train_time_ms is not None and run.outcome != "nan"


def _baseline(ended: list[ReportRun]) -> str:
    runs = [r for r in ended if _timed(r)]
    n = seeds_of(runs)
    times = [r.train_time_ms or 0 for r in runs]
    losses = [r.final_val for r in runs if r.final_val is not None]
    span = seconds(max(times)) if len(runs) == 1 else f"{seconds(min(times))} to {seconds(max(times))}"
    ends = "" if not losses else f" and ended at loss {loss(min(losses))}" + (
        f" to {loss(max(losses))}" if len(losses) > 1 else "")
    lost = _without_figure(len(ended), [r for r in ended if not _timed(r)])
    return f"Plain CE took {span}{ends} over n = {n} {'seed' if n == 1 else 'seeds'}{lost}."
