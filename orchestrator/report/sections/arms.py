"""The KD arms of a stage: ranked, in steps and in time, net of the teacher, and against chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.domain.luck import winners_curse
from orchestrator.report.comparisons import Analysis, Arm, Reached, Savings
from orchestrator.report.configuration import Settings, in_words
from orchestrator.report.document import Bullets, Paragraph, Picture, Section, Table, em, section, strong, table, text
from orchestrator.report.effects import SIGNIFICANT, Effect, pairs_needed
from orchestrator.report.sections.cells import DASH, bootstrap, p_value, per_seed, picked, saved, seed
from orchestrator.report.statistics import Known, Summary, simultaneous
from orchestrator.report.words import amount, counted, in_seconds, loss, number, seconds, uncertainty

UNCONTROLLED = "uncontrolled"


def arms(analysis: Analysis, pictures: Sequence[Picture], settings: Mapping[str, Settings], *,
         named: bool) -> list[Section | None]:
    """The sections of one stage's arms; ``named`` says the stage, where a campaign has several. ``settings`` tell each
    run's configuration apart."""
    if not analysis.arms:
        return []
    where = f" of stage {analysis.stage}" if named else ""
    by_file = {p.file: p for p in pictures}
    return [
        section(f"KD arms{where}, ranked", Paragraph(_RANKING), *_label(analysis), by_file.get("val_vs_steps.png"),
                _ranking(analysis.arms, settings), *_curse(analysis)),
        section("In time, without and with the teacher's cost", Paragraph(text(
            "Each arm is charged its teacher's whole train time. Validation and checkpoints are outside all of these "
            "times.")), by_file.get("val_vs_time.png"), _time(analysis.arms), level=3),
        section("KD's own effect", Paragraph(text(
            "The control is the same schedule without KD, so ", em("control − KD"), " is what distillation itself "
            "saves. p is one-sided and exact, over seeds as pairs; ", em("after all arms"), " raises it for having "
            "looked at every arm (Holm). A test of n pairs cannot fall below 0.5 to the power n.")),
            _effects(analysis.arms), level=3),
        section("How sure is this", Bullets(tuple(text(line) for line in certainty(analysis))), level=3),
        section("At matched steps", Paragraph(text(
            "Where a side has not reached the target, its last validation that both have is compared instead. A trend, "
            "not a saving.")), _matched(analysis), level=3) if _matched_rows(analysis) else None,
    ]


def baselines(analysis: Analysis, *, named: bool) -> Section | None:
    """Plain CE and controls against the same target."""
    if not analysis.baselines:
        return None
    return section(
        f"Plain CE and controls{f', for stage {analysis.stage}' if named else ''}, against the same target",
        table("Runs without KD against the target",
              "run | role | >seed | >steps to target | >train time to target | >final val | >best val",
              [_baseline(b) for b in analysis.baselines]))


def certainty(analysis: Analysis) -> list[str]:
    """What limits the ranking, in sentences."""
    if not analysis.arms:
        return []
    lines = []
    first = analysis.best or analysis.arms[0]
    looked_at = analysis.looked_at
    for what, savings, of in (("plain CE", first.against_ce, looked_at.ce),
                              ("its control", first.against_control, looked_at.control)):
        if savings is None:
            lines.append(f"{first.name} has nothing to be compared with as {what}.")
        else:
            lines.append(f"{first.name} against {what}: {amount(savings.steps.mean)} steps saved, "
                         f"{picked(savings, of)}{_zero(simultaneous(savings.steps, of))}.")
    lines.append(_claim(first, len(analysis.arms)))
    lines += _net(first)
    if any(_of_two_seeds(savings) for savings in (first.against_ce, first.against_control)):
        lines.append("With two seeds the interval is at least 12.7 times as wide as the seeds lie apart; more seeds, "
                     "at a stop step fixed beforehand, narrow it.")
    if len(analysis.arms) > 1:
        lines.append("The winner was chosen and measured by the same runs. It is a candidate; fresh seeds make it "
                     "confirmed.")
    grid = _grid(analysis)
    if grid is not None:
        lines.append(f"Steps are known to the grid of validations, every {grid} steps.")
    if any(a.steps.mean.known is not Known.EXACT for a in analysis.arms):
        lines.append("Means with ≥ or ≤ contain runs that never reached the target, and are bounds.")
    return lines


def _of_two_seeds(savings: Savings | None) -> bool:
    """Whether there is an interval, and it rests on two seeds: none where they are alike or one never arrived."""
    return savings is not None and savings.steps.n == 2 and savings.steps.low != savings.steps.high


def _zero(steps: Summary) -> str:
    if steps.low is None or steps.high is None or steps.low == steps.high or steps.excludes_zero:
        return ""
    return "; it includes zero"


def is_uncontrolled(analysis: Analysis) -> bool:
    return bool(analysis.arms) and all(a.against_control is None for a in analysis.arms)


_RANKING = text(
    "Ranked by the mean steps to the target over seeds, after all whose seeds reached it more often; of equal ones the "
    "smaller spread over seeds comes first, then the lower final loss. ", em("Saved"), " is positive when the arm is "
    "better; brackets are the 95 % t-interval of the mean over paired seeds, for each arm by itself. The control is "
    "the same schedule without KD: what is saved against plain CE and not against the control is the schedule's doing, "
    "not distillation's.")


def _label(analysis: Analysis) -> list[Paragraph]:
    if not is_uncontrolled(analysis):
        return []
    return [Paragraph(text(strong("Uncontrolled."), " No arm has a control of the same schedule without KD, so none of "
                           "these savings can be put down to distillation."), tone="warning")]


def _curse(analysis: Analysis) -> list[Paragraph]:
    """The line that stands under every ranking."""
    luck = analysis.luck
    n = len(analysis.arms)
    seeds = max(1, min(len(a.reached) for a in analysis.arms))
    if luck is None:
        return [Paragraph(text(f"{winners_curse(n, seeds=seeds).capitalize()}."))]
    told = winners_curse(luck.arms, seeds=luck.seeds, sigma=luck.sigma_steps, margin=luck.margin_steps, unit="steps")
    return [Paragraph(text(f"{told[0].upper()}{told[1:]}."))]


def _ranking(found: Sequence[Arm], settings: Mapping[str, Settings]) -> Table:
    return table("KD arms, best first",
                 "># | arm | passed | >reached | >steps to target | >train time to target | >saved against CE | "
                 ">saved against control | >spread | >largest rise | settings",
                 [[*_ranked(i, a), in_words(settings[a.reached[0].run.name]) or DASH]
                  for i, a in enumerate(found, start=1)])


def _ranked(place: int, arm: Arm) -> list[str]:
    passed = sum(1 for r in arm.reached if r.run.verdict == "promote")  # fresh seeds pass, or fail, all together
    times = [in_seconds(r.time_ms) for r in arm.reached]
    return [
        str(place), arm.name, "yes" if arm.promoted else f"{passed} of {len(arm.reached)}",
        f"{arm.arrivals} of {len(arm.reached)}", per_seed(arm.steps, [r.steps for r in arm.reached]),
        f"{per_seed(Summary(arm.time_ms.n, in_seconds(arm.time_ms.mean)), times, decimals=None)} s",
        saved(arm.against_ce.steps if arm.against_ce else None),
        saved(arm.against_control.steps) if arm.against_control else UNCONTROLLED,
        DASH if arm.spread_steps is None or len(arm.reached) < 2 else number(arm.spread_steps), loss(arm.largest_rise),
    ]


def _time(found: Sequence[Arm]) -> Table:
    rows = []
    for arm in found:
        teachers = sorted({r.run.teacher for r in arm.reached if r.run.teacher})
        costs = [r.run.teacher_train_time_ms for r in arm.reached if r.run.teacher_train_time_ms is not None]
        ce, control = arm.against_ce, arm.against_control
        rows.append([
            arm.name, ", ".join(teachers) or DASH, seconds(max(costs)) if costs else DASH,
            saved(ce.time_ms if ce else None, in_s=True), saved(ce.net_time_ms if ce else None, in_s=True),
            saved(control.time_ms, in_s=True) if control else UNCONTROLLED,
            saved(control.net_time_ms, in_s=True) if control else UNCONTROLLED])
    return table("Train time to the target", "arm | teacher | >teacher's time | >saved against CE | "
                 ">the same, teacher counted | >saved against control | >the same, teacher counted", rows)


def _effects(found: Sequence[Arm]) -> Table:
    rows = []
    for arm in found:
        for what, savings in (("plain CE − KD", arm.against_ce), ("control − KD", arm.against_control)):
            if savings is None:
                rows.append([arm.name, what, DASH, UNCONTROLLED if what.startswith("control") else DASH, *[DASH] * 4])
                continue
            tested = savings.effect
            rows.append([
                arm.name, what, str(savings.steps.n), saved(savings.steps), bootstrap(tested),
                DASH if tested is None else tested.test.value, p_value(None if tested is None else tested.p_value),
                p_value(None if tested is None else tested.adjusted_p)])
    return table("Steps saved, against chance", "arm | difference | >n | >steps saved [t-interval] | "
                 ">bootstrap interval | test | >p | >p after all arms", rows)


def _claim(arm: Arm, n_arms: int) -> str:
    """Whether KD's own effect is shown: by the control, never by plain CE alone."""
    savings: Savings | None = arm.against_control
    if savings is None:
        return f"{arm.name} is {UNCONTROLLED}: no effect of distillation itself can be claimed."
    tested = savings.effect
    if tested is None or savings.steps.mean.value is None:
        return f"Whether KD itself saves steps in {arm.name} is open: neither it nor its control reached the target."
    if tested.shown:
        return (f"KD's own effect in {arm.name} is shown: {amount(savings.steps.mean)} steps against its control, "
                f"p = {p_value(tested.adjusted_p)} by the {tested.test.value}"
                f"{f' after looking at {n_arms} arms' if n_arms > 1 else ''}.")
    return f"KD's own effect in {arm.name} is not shown: {_too_few(tested, n_arms)}."


def _net(arm: Arm) -> list[str]:
    """What is left of the time saved against plain CE once the teacher is paid for."""
    savings = arm.against_ce
    if savings is None or savings.net_time_ms.mean.value is None:
        return []
    net = savings.net_time_ms
    p = "" if savings.net_effect is None else f", p = {p_value(savings.net_effect.adjusted_p)}"
    return [f"Net of its teacher, {arm.name} saves {amount(in_seconds(net.mean), ' s', decimals=None)} of train time "
            f"against plain CE ({uncertainty(net, in_s=True)}{p}). Times, unlike steps, depend on what "
            "else the machine did."]


def _too_few(tested: Effect, n_arms: int) -> str:
    needed = pairs_needed(arms=n_arms)
    if tested.n < needed:
        looked = f" after looking at {n_arms} arms" if n_arms > 1 else ""
        return (f"{counted(tested.n, 'pair', 'pairs')} of seeds cannot reach p ≤ {SIGNIFICANT:g}{looked}, which takes "
                f"{needed}")
    return f"p = {p_value(tested.adjusted_p)} by the {tested.test.value}, over n = {tested.n} pairs"


def _grid(analysis: Analysis) -> int | None:
    gaps = sorted(b.step - a.step for arm in analysis.arms for r in arm.reached
                  for a, b in zip(r.run.validations, r.run.validations[1:], strict=False))
    return gaps[len(gaps) // 2] if gaps else None


def _baseline(told: Reached) -> list[str]:
    hit = told.hit
    single = f" (single hit at {hit.single_hit_step}, unconfirmed)" if hit.single_hit_step is not None else ""
    return [told.run.name, told.run.role, seed(told.run), f"{amount(told.steps)}{single}",
            amount(in_seconds(told.time_ms), " s", decimals=None), loss(told.run.final_val), loss(told.run.best_val)]


def _matched(analysis: Analysis) -> Table:
    return table("Losses at the last step that both validated at",
                 "KD run | without KD | >step | >KD val | >val without KD | >difference", _matched_rows(analysis))


def _matched_rows(analysis: Analysis) -> list[list[str]]:
    others = {b.run.name: b for b in analysis.baselines}
    rows = []
    for arm in analysis.arms:
        for told in arm.reached:
            for other in (others.get(told.run.reference or ""), others.get(told.run.twin or "")):
                if other is None or (told.hit.reached and other.hit.reached):
                    continue
                losses = {p.step: p.val_loss for p in other.run.validations}
                common = [p for p in told.run.validations if p.step in losses and p.step > 0]
                if common:
                    at = common[-1]
                    rows.append([told.run.name, other.run.name, number(at.step), loss(at.val_loss),
                                 loss(losses[at.step]), number(losses[at.step] - at.val_loss, 4)])
    return rows
