"""Rules of the report: what may be claimed, how censoring and luck are told, and that it is repeatable."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import fields, replace

import pytest

from orchestrator.domain.luck import expected_best_of
from orchestrator.domain.metrics import ValPoint
from orchestrator.ledger.rows import LedgerRow
from orchestrator.report import words
from orchestrator.report.answer import answer
from orchestrator.report.campaign_report import build_report
from orchestrator.report.comparisons import analyse
from orchestrator.report.configuration import in_words
from orchestrator.report.model import CampaignReport, GateOutcome, ReportChoice, ReportPolicy, ReportRun
from orchestrator.report.sections.arms import certainty
from orchestrator.report.statistics import (
    Amount,
    Known,
    difference,
    minus,
    pooled_deviation,
    reached_by,
    simultaneous,
    summarise,
    t_quantile,
)
from orchestrator.report.tables import KEYS, format_rows

TARGET = 4.07
STEP_MS = 100.0
TEACHER_MS = 5_000


def falling(reach_at: int, *, end: int | None = None, step_ms: float = STEP_MS) -> tuple[ValPoint, ...]:
    """Validations every 25 steps that first touch the target 25 steps before ``reach_at``, which confirms it."""
    last = reach_at if end is None else end
    return tuple(ValPoint(s, round(TARGET + 0.001 * (reach_at - 25 - s), 6), s * step_ms, s)
                 for s in range(0, last + 1, 25))


def run(name: str, role: str, seed: int, validations: tuple[ValPoint, ...], **changes) -> ReportRun:
    last = validations[-1] if validations else None
    facts = {
        "run_id": "ab" * 32, "name": name, "stage": role, "role": role, "arm": name.rpartition("-s")[0], "seed": seed,
        "status": "promoted", "outcome": "completed", "verdict": "promote", "host": "local", "horizon": 1000,
        "final_step": last.step if last else None,
        "train_time_ms": round(last.train_time_ms) if last and last.train_time_ms is not None else None,
        "best_val": min((p.val_loss for p in validations), default=None), "final_val": last.val_loss if last else None,
        "other_cpu_fraction": 0.01, "validations": validations,
    }
    return ReportRun(**{**facts, **changes})


def kd(arm: str, seed: int, reach_at: int, *, end: int | None = None, **changes) -> ReportRun:
    return run(f"{arm}-s{seed}", "kd", seed, falling(reach_at, end=end), **{
        "reference": f"ce-s{seed}", "twin": f"{arm}-twin-s{seed}", "teacher": "t-s0",
        "teacher_train_time_ms": TEACHER_MS, **changes})


def campaign(*runs: ReportRun, **changes) -> CampaignReport:
    return CampaignReport(**{
        "campaign": "lr_grid", "campaign_id": "cd" * 32, "source_name": "lr_grid.yaml", "question": "Does KD help?",
        "plan_hash": "ef" * 32, "bundle_digest": "01" * 32, "runs": runs, "target": TARGET,
        "policies": (ReportPolicy("teacher", "teacher-budget-10pct", ("budget",), 69402, "10 % of 694015 ms"),),
        "ledger_head": (7, "fe" * 32), **changes})


TEACHER = run("t-s0", "teacher", 0, falling(250), train_time_ms=66_542)
MISSED = run("t3-s0", "teacher", 0, falling(300), train_time_ms=184_101, verdict="reject", status="budget-miss",
             gates=(GateOutcome("budget", "fail", "184101 ms", "<= 69402 ms"),))
CE = tuple(run(f"ce-s{s}", "ce", s, falling(at)) for s, at in ((0, 650), (1, 700)))
TWINS = tuple(run(f"b3-twin-s{s}", "control", s, falling(at)) for s, at in ((0, 600), (1, 575)))
FULL = campaign(*CE, TEACHER, MISSED, kd("b3", 0, 500), kd("b3", 1, 525), *TWINS, kd("b1", 0, 550), kd("b1", 1, 625),
                choices=(ReportChoice("teachers.best", "t-s0", "lowest final loss"),), target_from="final loss of t-s0")


# Statistics

def test_a_difference_keeps_what_censoring_leaves():
    ten, at_least = Amount(10.0), Amount(30.0, Known.AT_LEAST)
    assert difference(at_least, ten) == Amount(20.0, Known.AT_LEAST)
    assert difference(ten, at_least) == Amount(-20.0, Known.AT_MOST)
    assert difference(at_least, at_least) == Amount.nothing()
    assert difference(ten, Amount.nothing()) == Amount.nothing()
    assert difference(Amount(30.0), ten) == Amount(20.0)


def test_not_reached_is_a_bound_and_never_zero():
    assert reached_by(None, 1000) == Amount(1000, Known.AT_LEAST)
    assert reached_by(650, None) == Amount(650)
    assert reached_by(None, None).value is None


def test_a_cost_is_taken_off_a_bound_too():
    assert minus(Amount(5.0, Known.AT_LEAST), 3.0) == Amount(2.0, Known.AT_LEAST)
    assert minus(Amount(5.0), None) == Amount.nothing()


def test_the_t_interval_of_two_seeds():
    told = summarise([Amount(100.0), Amount(150.0)])
    assert told.mean == Amount(125.0)
    # 12.706 * 35.355 / sqrt(2)
    assert told.low == pytest.approx(125 - 317.66, abs=0.01)
    assert told.high == pytest.approx(125 + 317.66, abs=0.01)
    assert not told.excludes_zero
    assert t_quantile(0.975, 4) == pytest.approx(2.7764, abs=1e-4)


def test_five_seeds_that_agree_exclude_zero():
    assert summarise([Amount(v) for v in (90.0, 100.0, 110.0, 105.0, 95.0)]).excludes_zero


def test_one_seed_has_no_interval():
    told = summarise([Amount(100.0)])
    assert (told.mean.value, told.low, told.high) == (100.0, None, None)


def test_a_mean_with_a_bound_in_it_is_a_bound():
    told = summarise([Amount(100.0), Amount(200.0, Known.AT_LEAST)])
    assert told.mean == Amount(150.0, Known.AT_LEAST)
    assert told.low is None
    assert summarise([Amount(1.0, Known.AT_LEAST), Amount(1.0, Known.AT_MOST)]).mean == Amount.nothing()
    assert summarise([]).mean == Amount.nothing()


def test_the_best_of_36_is_about_2_1_deviations_of_luck():
    assert expected_best_of(36) == pytest.approx(2.118, abs=0.001)
    assert expected_best_of(2) == pytest.approx(1 / math.sqrt(math.pi))
    assert expected_best_of(1) == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(ValueError, match="best of 0"):
        expected_best_of(0)


def test_the_deviation_between_seeds_is_pooled_over_arms():
    assert pooled_deviation([[1.0, 3.0], [10.0, 10.0], [99.0]]) == pytest.approx(1.0)
    assert pooled_deviation([[1.0], [2.0]]) is None


# Comparisons

def test_arms_are_paired_by_seed_and_ranked_by_steps():
    analysis = analyse(FULL)
    assert [a.name for a in analysis.arms] == ["b3", "b1"]
    best = analysis.arms[0]
    assert best.steps.mean == Amount(512.5)
    assert best.against_ce is not None
    assert best.against_ce.steps.mean == Amount(((650 - 500) + (700 - 525)) / 2)
    assert best.against_control is not None
    assert best.against_control.steps.mean == Amount(((600 - 500) + (575 - 525)) / 2)
    assert analysis.arms[1].against_control is None


def test_the_teachers_time_is_charged_in_full():
    savings = analyse(FULL).arms[0].against_ce
    assert savings is not None
    assert savings.time_ms.mean.value == pytest.approx(162.5 * STEP_MS)
    assert savings.net_time_ms.mean.value == pytest.approx(162.5 * STEP_MS - TEACHER_MS)


def test_of_equal_steps_the_steadier_arm_comes_first():
    wild = kd("a", 0, 500), kd("a", 1, 600)
    calm = kd("z", 0, 550), kd("z", 1, 550)
    assert [a.name for a in analyse(campaign(*CE, *wild, *calm)).arms] == ["z", "a"]


def test_an_arm_with_a_seed_that_never_arrives_comes_after_those_that_do():
    runs = kd("a", 0, 100), kd("a", 1, 2000, end=500), kd("b", 0, 900), kd("b", 1, 900)
    analysis = analyse(campaign(*CE, *runs))
    assert [(a.name, a.arrivals) for a in analysis.arms] == [("b", 2), ("a", 1)]
    assert analysis.arms[1].steps.mean == Amount(300.0, Known.AT_LEAST)


def test_a_diverged_seed_counts_as_one_that_never_arrives():
    broken = replace(kd("b3", 1, 525, end=100), outcome="nan", verdict="reject",
                     gates=(GateOutcome("evidence_complete", "fail", "incomplete", "complete"),))
    (arm,) = analyse(campaign(*CE, kd("b3", 0, 500), broken)).arms
    assert (arm.arrivals, len(arm.reached)) == (1, 2)
    assert not arm.promoted


@pytest.mark.parametrize("change", [
    {"labels": ("running", "provisional"), "verdict": None, "outcome": None}, {"labels": ("archival",)},
    {"verdict": None, "outcome": "lost_reboot"},
    {"verdict": "reject", "gates": (GateOutcome("comparable", "fail", "different", "same"),)},
    {"verdict": "inconclusive", "gates": (GateOutcome("comparable", "unknown", "no reference", "same"),)},
    {"verdict": "reject", "gates": (GateOutcome("no_oom_fallback", "fail", "fell back", "as asked"),)},
])
def test_what_may_not_enter_a_claim_is_left_out_and_named(change):
    report = campaign(*CE, kd("b3", 0, 500), kd("b1", 0, 100, **change))
    assert [a.name for a in analyse(report).arms] == ["b3"]
    assert "- b1-s0: " in build_report(report).markdown


def test_a_missed_target_is_a_result_and_stays_in():
    missed = kd("b1", 0, 2000, end=1000, verdict="reject",
                gates=(GateOutcome("target_reached", "fail", "not reached", "two validations"),))
    (arm,) = analyse(campaign(*CE, missed)).arms
    assert arm.steps.mean == Amount(1000.0, Known.AT_LEAST)
    assert arm.against_ce is not None
    assert arm.against_ce.steps.mean == Amount(-350.0, Known.AT_MOST)


def test_without_a_target_nothing_is_compared():
    assert analyse(campaign(*CE, target=None)).arms == ()


def test_luck_is_told_in_steps_once_there_are_two_seeds():
    luck = analyse(FULL).luck
    assert luck is not None
    assert (luck.arms, luck.seeds, luck.margin_steps) == (2, 2, 37.5)
    deviation = math.sqrt((312.5 + 2812.5) / 2)
    assert luck.steps == pytest.approx(expected_best_of(2) * deviation / math.sqrt(2))
    single = analyse(campaign(*CE, kd("b3", 0, 500), kd("b1", 0, 550))).luck
    assert single is not None
    assert single.steps is None


# The answer

def say(report: CampaignReport) -> str:
    text = answer(report, analyse(report))
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_the_answer_tells_both_controls_the_teachers_cost_and_its_own_limits():
    text = say(FULL)
    for wanted in (
        "Among 2 KD arms b3, taught by t-s0, was the quickest to loss 4.0700: 512.5 steps on average over 2 seeds, ",
        "162.5 steps fewer than plain CE (95 % t-interval −156 to 481 over n = 2 paired seeds, simultaneous for 2 "
        "arms; p = 0.5000 after all 2 arms), ",
        "75 steps fewer than the same schedule without KD (95 % t-interval −243 to 393 over n = 2 paired seeds; "
        "p = 0.2500). ",
        "It took 16.3 s less than plain CE in train time and 11.3 s less than it once the teacher's 5.00 s are counted",
    ):
        assert wanted in text
    assert text.endswith(" Candidate, picked from 2; KD's own effect is not shown; conditional on this one teacher; "
                         "one campaign with n = 2 seeds, not a proof.")


def test_the_interval_of_a_picked_arm_does_not_claim_what_its_test_denies():
    ce = [run(f"ce-s{s}", "ce", s, falling(at)) for s, at in ((0, 600), (1, 625), (2, 650))]
    arms = [kd(f"b{i}", s, at) for i in range(9) for s, at in ((0, 575 + 25 * i), (1, 575 + 25 * i), (2, 600 + 25 * i))]
    text = say(campaign(*ce, *arms))
    assert "41.7 steps fewer than plain CE (95 % t-interval −70 to 154 over n = 3 paired seeds, simultaneous for 9 " \
           "arms; p = 1.0000 after all 9 arms)" in text
    assert summarise([Amount(v) for v in (25.0, 50.0, 50.0)]).excludes_zero, "as its own interval alone would"


def test_simultaneous_intervals_are_bonferronis():
    told = summarise([Amount(v) for v in (10.0, 20.0, 40.0)])
    wide = simultaneous(told, 9)
    half = t_quantile(1 - 0.05 / 18, 2) * 15.2753 / math.sqrt(3)
    assert (wide.low, wide.high) == (pytest.approx(70 / 3 - half, rel=1e-4), pytest.approx(70 / 3 + half, rel=1e-4))
    assert simultaneous(told, 1) == told
    assert simultaneous(summarise([Amount(1.0)]), 9).low is None


def test_several_teachers_are_not_one():
    text = say(campaign(*CE, kd("a", 0, 500), kd("b", 0, 525, teacher="u-s0")))
    assert "conditional on this one teacher" not in text


def test_a_slower_arm_is_called_slower():
    text = say(campaign(*CE, kd("b3", 0, 700), kd("b3", 1, 800)))
    assert "75 steps more than plain CE" in text
    assert "12.5 s more than it once the teacher's" in text


def test_who_comes_to_the_target_first_and_ends_behind_is_not_only_praised():
    def over(arm: float, ce: float, stopped: int = 1000) -> str:
        kinds = {"kd": (arm, stopped)}
        runs = [replace(r, horizon=1000, final_val=final, final_step=step)
                for r in (*CE, kd("b", 0, 500)) for final, step in [kinds.get(r.role, (ce, 1000))]]
        return say(campaign(*runs))

    assert over(3.9, 3.7).startswith("The only KD arm, b, taught by t-s0, came to loss 4.0700: 500 steps, ")
    assert "After the whole horizon its loss is 3.9000, worse than plain CE's 3.7000." in over(3.9, 3.7)
    assert "its loss is 3.6000, better than plain CE's 3.7000." in over(3.6, 3.7)
    assert "its loss is 3.7000, level with plain CE's 3.7000." in over(3.70001, 3.7)
    assert "whole horizon" not in over(3.9, 3.7, stopped=500), "it stopped at its target"


def test_an_arm_without_a_control_proves_nothing_and_says_so():
    assert "the schedule alone may explain it" in say(campaign(*CE, kd("b1", 0, 500)))


def test_a_censored_baseline_gives_a_lower_bound():
    never = run("ce-s0", "ce", 0, falling(2000, end=1000))
    text = say(campaign(never, kd("b3", 0, 500)))
    assert "at least 500 steps fewer than plain CE (a bound: not every run reached the target; p = 0.5000)" in text


def test_level_arms_are_called_level():
    assert "was, level with b, the quickest to" in say(campaign(*CE, kd("a", 0, 500), kd("b", 0, 500)))


def test_the_quickest_arm_is_not_claimed_when_it_failed_a_gate():
    failed = kd("a", 0, 400, verdict="reject", gates=(GateOutcome("budget", "fail", "9 ms", "<= 1 ms"),))
    text = say(campaign(*CE, failed, kd("b", 0, 500)))
    assert text.startswith("Among 2 KD arms b, taught by t-s0, was the quickest of those that passed their gates to")


def test_no_arm_that_arrives_is_no_saving():
    text = say(campaign(*CE, kd("b3", 0, 2000, end=1000, verdict="reject")))
    assert text.startswith("No KD arm reached loss 4.0700 within its horizon (the nearest is censored at step 1,000)")


def test_no_teacher_within_the_budget_ends_the_matter():
    text = say(campaign(*CE, MISSED))
    assert text == ("No teacher passed its gates (1 of 1 missed the budget, the cheapest, t3-s0, took 184.1 s), so no "
                    "distillation was admitted.")


def test_a_teacher_that_was_stopped_missed_the_budget_and_its_time_is_none():
    stopped = replace(MISSED, name="t4-s0", outcome="over_budget", train_time_ms=50_000, gates=())
    assert say(campaign(*CE, stopped)) == (
        "No teacher passed its gates (1 of 1 missed the budget, 1 of them stopped when that was certain), so no "
        "distillation was admitted.")
    assert "2 of 2 missed the budget, 1 of them stopped when that was certain, the cheapest, t3-s0, took 184.1 s" in \
        say(campaign(*CE, stopped, MISSED))


def test_teachers_alone_are_answered_with_the_best_one():
    text = say(campaign(TEACHER, MISSED))
    assert text.startswith("1 of 2 teachers passed all gates; the best, t-s0, reached loss")
    assert "in 66.5 s of 69.4 s allowed" in text


def test_a_baseline_alone_is_answered_with_its_time():
    text = say(campaign(run("ce-s0", "ce", 0, falling(650), train_time_ms=694_015, final_val=3.2783)))
    assert text == "Plain CE took 694.0 s and ended at loss 3.2783 over n = 1 seed."


def test_seeds_are_counted_once_each_and_only_where_they_gave_a_figure():
    again = run("long-s0", "ce", 0, falling(650), stage="long_baseline")
    failed = run("long-s1", "ce", 1, (), stage="long_baseline", verdict=None, outcome="oom", status="oom")
    assert say(campaign(run("ce-s0", "ce", 0, falling(650)), again, failed)).endswith(
        "over n = 1 seed; 1 of its 3 runs gave no figure (long-s1: oom).")


def test_an_arm_tells_which_of_its_seeds_failed():
    broken = kd("b3", 2, 500, verdict=None, outcome="oom", status="oom")
    diverged = kd("b3", 3, 525, end=100, outcome="nan", verdict="reject")
    told = say(campaign(*CE, TEACHER, kd("b3", 0, 500), kd("b3", 1, 525), broken, diverged, *TWINS))
    assert "n = 2 seeds, not a proof; 2 of its 4 runs gave no figure (b3-s2: oom, b3-s3: nan)." in told


def test_a_campaign_under_way_is_provisional():
    waiting = run("b9-s0", "kd", 0, (), verdict=None, outcome=None, status="queued")
    assert say(campaign(*FULL.runs, waiting)).startswith("Provisional, 1 of 11 runs without a verdict: among 2 KD arms")
    assert say(campaign(*FULL.runs, waiting, planned=20)).startswith(
        "Provisional, 10 of 20 planned runs without a verdict: among"), "stages that have not begun count too"


def test_no_teacher_is_given_up_before_all_of_them_ended():
    waiting = replace(TEACHER, verdict=None, outcome=None, status="queued")
    assert say(campaign(*CE, waiting)).endswith(
        ": teachers are still under way (none of 1 has ended), so whether one is admitted is open.")
    assert "(1 of 2 ended, none of them within its gates)" in say(campaign(*CE, waiting, MISSED))
    assert "No teacher passed" not in say(campaign(*CE, waiting, MISSED))
    assert say(campaign()).startswith("Nothing was run")


# The page

def test_the_same_campaign_gives_the_same_bytes():
    one, other = build_report(FULL), build_report(FULL)
    assert (one.markdown, one.html, one.csv) == (other.markdown, other.html, other.csv)
    assert one.figures == other.figures


def test_the_page_holds_what_the_answer_rests_on():
    pages = build_report(FULL)
    text = pages.markdown
    first, *others = pages.page.answer
    assert text.startswith(f"# lr_grid\n\n**{first}**\n")
    assert all(f"\n\n{sentence}\n" in text for sentence in others)
    assert pages.answer == " ".join(pages.page.answer)
    for wanted in (
        "| t-s0 | – | 250 | 66,542 ms | 96 % | pass |", "| t3-s0 | – | 300 | 184,101 ms | 265 % | miss |",
        "| t3-s0 | budget | 184101 ms | <= 69402 ms |", "10 % of 694015 ms", "`teachers.best` is **t-s0**",
        "Best of 2 on 2 seeds: 0.4 standard deviations of one seed are luck, ", "every 25 steps",
        "event 7, `" + "fe" * 32 + "`",
        "kdorch campaign launch lr_grid.yaml ", "kdorch ledger show b3-s0 ", "Quiet: other processes used 1 % to 1 %",
    ):
        assert wanted in text, wanted
    assert sorted(pages.figures) == ["budget.png", "val_vs_steps.png", "val_vs_time.png"]
    for name, data in pages.figures.items():
        assert f"]({name})" in text
        assert data.startswith(b"\x89PNG")
    assert "None" not in text
    assert "\n\n\n" not in text


def test_unequal_load_is_said():
    noisy = tuple(replace(r, other_cpu_fraction=0.4) if r.name == "b3-s0" else r for r in FULL.runs)
    text = build_report(replace(FULL, runs=noisy)).markdown
    assert "other processes used 1 % to 40 % of the CPUs, most during b3-s0" in text
    assert "The load was unequal" in text


def test_unknown_load_is_not_called_quiet():
    unknown = tuple(replace(r, other_cpu_fraction=None) for r in FULL.runs)
    assert "was not recorded" in build_report(replace(FULL, runs=unknown)).markdown


def test_overrides_are_part_of_the_commands():
    text = build_report(replace(FULL, overrides=("student.horizon=500", "x=a b"))).markdown
    assert "kdorch campaign launch lr_grid.yaml --set student.horizon=500 --set 'x=a b' --dry-run" in text


def test_names_cannot_break_the_page():
    odd = replace(TEACHER, name="a|b\n# heading\x1b[31m")
    text = build_report(campaign(odd)).markdown
    assert "\x1b" not in text
    assert "a\\|b" in text
    assert "\n# heading" not in text


def test_an_empty_campaign_still_has_a_page():
    pages = build_report(campaign(target=None, ledger_head=None, policies=()))
    assert pages.figures == {}
    assert "Nothing was run" in pages.markdown


def test_the_winning_configuration_is_told_by_its_settings():
    alike = (("model.layers", 4.0), ("optimizer.lr", 0.002), ("schedule.hold", 0.2))
    plain = (("model.layers", 4.0), ("optimizer.lr", 0.002), ("schedule.boost", 1.0), ("schedule.hold", 0.0))

    def with_settings(told: ReportRun) -> ReportRun:
        boost = {"b3": 3.0, "b1": 1.0}.get(told.arm.removesuffix("-twin"))
        return replace(told, settings=plain if boost is None else (*alike, ("schedule.boost", boost)))

    report = replace(FULL, runs=tuple(with_settings(r) for r in FULL.runs),
                     choices=(ReportChoice("kd.best", "b3-s0", "fewest steps"),))
    pages = build_report(report)
    assert "b3 (hold 0.2, boost 3), taught by t-s0, was the quickest" in pages.answer
    assert "`kd.best` is **b3-s0** (hold 0.2, boost 3): fewest steps." in pages.markdown
    assert "| 0.0000 | hold 0.2, boost 1 |" in pages.markdown
    rows = {r["name"]: r["settings"] for r in csv.DictReader(io.StringIO(pages.csv))}
    assert (rows["b3-s1"], rows["ce-s0"]) == ("schedule.hold=0.2;schedule.boost=3", "")


def test_settings_that_end_alike_are_told_in_full():
    assert in_words((("schedule.floor", 0.1), ("kd.floor", 0.5), ("kd.alpha", 0.9))) == \
        "schedule.floor 0.1, kd.floor 0.5, alpha 0.9"


@pytest.mark.parametrize(("second", "end", "said"), [(650, None, True), (625, None, False), (2000, 900, False)])
def test_the_remark_on_two_seeds_stands_only_beside_an_interval(second: int, end: int | None, said: bool):
    ce = run("ce-s0", "ce", 0, falling(600)), run("ce-s1", "ce", 1, falling(second, end=end))
    lines = certainty(analyse(campaign(*ce, kd("b", 0, 500), kd("b", 1, 525))))
    assert any(line.startswith("With two seeds the interval is") for line in lines) is said


# Words

@pytest.mark.parametrize(("told", "text"), [
    (Amount(100.0), "100 steps fewer than"), (Amount(-25.0), "25 steps more than"),
    (Amount(0.0), "no steps fewer than"),
    (Amount(50.0, Known.AT_LEAST), "at least 50 steps fewer than"),
    (Amount(-350.0, Known.AT_MOST), "at least 350 steps more than"),
    (Amount(-50.0, Known.AT_LEAST), "at most 50 steps more than"), (Amount(12.5), "12.5 steps fewer than"),
])
def test_savings_in_words(told, text):
    assert words.less_or_more(told, "steps", "fewer", "more") == text


@pytest.mark.parametrize(("ms", "text"), [
    (1812, "1.81 s"), (2249, "2.25 s"), (437, "0.437 s"), (100, "0.100 s"), (150, "0.150 s"), (12, "0.0120 s"),
    (0.3, "0.0003 s"), (0, "0.0 s"), (9999, "10.00 s"), (69_402, "69.4 s"), (16_250, "16.3 s"), (-437, "−0.437 s")])
def test_seconds_have_three_digits_below_ten(ms, text):
    assert words.seconds(ms) == text


@pytest.mark.parametrize(("low", "high", "decimals", "text"), [
    (-0.04, 0.7, 1, ("−0.1", "0.7")), (3.7, 321.1, 0, ("3", "322")), (-3.2, -1.1, 0, ("−4", "−1")),
    (700 * 0.001, 0.7, 1, ("0.7", "0.7")), (0.0, 5.0, 0, ("0", "5"))])
def test_an_intervals_ends_are_rounded_outwards_and_nothing_else_is(low, high, decimals, text):
    assert words.interval(low, high, decimals) == text


def test_half_is_rounded_up_and_what_is_not_finite_is_said():
    assert (words.number(65.25, 1), words.number(2.5), words.number(-2.5)) == ("65.3", "3", "−3")
    assert words.number(math.inf) == "inf"


def test_numbers_have_real_minus_signs_and_no_negative_zero():
    assert words.number(-1234.5, 1) == "−1,234.5"
    assert words.number(-0.04, 1) == "0.0"


# Tables

def row(**changes) -> LedgerRow:
    return LedgerRow(**{
        "run_id": "ab" * 32, "name": "quickstart/l1d64-s0", "campaign": "quickstart", "mode": "teacher",
        "host": "local", "status": "budget-pass", "labels": ("budget-pass", "finished"), "state": "finished",
        "outcome": "completed", "verdict": "promote", "failed_gates": (), "train_time_ms": 3612,
        "teacher_train_time_ms": 3612, "budget_ms": 6940, "steps": 600, "best_val": 1.9345, "final_val": 1.9401,
        "steps_to_target": None, "time_to_target_ms": None, "alpha": None, "temperature": None, "lr_boost": None,
        "teacher_params_m": 0.12, "teacher_steps": 600, "student_steps": None, "artifact_dir": "evidence/x/1",
        **changes})


def test_the_keys_are_the_ledgers():
    assert tuple(f.name for f in fields(LedgerRow)) == KEYS


def test_json_holds_every_key_of_every_row():
    told = json.loads(format_rows([row()], "json"))
    assert tuple(told[0]) == KEYS
    assert told[0]["labels"] == ["budget-pass", "finished"]
    assert told[0]["steps_to_target"] is None
    assert json.loads(format_rows([], "json")) == []


def test_csv_reads_back():
    told = list(csv.DictReader(io.StringIO(format_rows([row(name='a,"b"')], "csv"))))
    assert tuple(told[0]) == KEYS
    assert (told[0]["name"], told[0]["labels"], told[0]["alpha"]) == ('a,"b"', "budget-pass;finished", "")


def test_the_table_is_aligned():
    lines = format_rows([row(), row(name="x", steps_to_target=425)], "table").splitlines()
    assert lines[0].split("  ")[-5:] == ["steps", "best val", "final val", "train s", "to target"]
    assert lines[2].index("budget-pass") == lines[3].index("budget-pass") == lines[0].index("status")
    assert lines[3].endswith(" 425")
    assert format_rows([], "table") == "no runs\n"


def test_the_table_fits_a_terminal_when_told_its_width():
    rows = [row(name="lr_grid/" + "b3.0-h0.20-d0.35-" * 4 + "s1",
                labels=("budget-pass", "finished", "provisional", "slice"))]
    wide = format_rows(rows, "table")
    narrow = format_rows(rows, "table", width=100)
    assert max(map(len, wide.splitlines())) > 100
    assert max(map(len, narrow.splitlines())) <= 100
    assert "…" in narrow
    assert narrow.splitlines()[2].split()[0].endswith("s1")


def test_an_imported_name_cannot_move_the_cursor():
    assert "\x1b" not in format_rows([row(name="x\x1b[2J")], "table")
    assert "\n| x" in format_rows([row(name="x|y")], "md")
    assert "x\\|y" in format_rows([row(name="x|y")], "md")


def test_a_student_that_missed_its_target_says_so():
    assert "not reached" in format_rows([row(mode="kd", failed_gates=("target_reached",))], "table")


def test_there_are_four_formats():
    with pytest.raises(ValueError, match="table, json, csv and md"):
        format_rows([], "xml")


def test_runs_that_ran_under_other_conditions_are_told_below_the_answer() -> None:
    alike = {"device": "H100", "precision": "bf16", "torch": "2.13.0"}
    same = campaign(*(replace(r, **alike) for r in FULL.runs))
    assert "Not one experiment" not in build_report(same).markdown
    moved = campaign(replace(same.runs[0], device="GB10"), *same.runs[1:])
    told = build_report(moved).markdown
    line, = (x for x in told.splitlines() if "Not one experiment" in x)
    assert "H100 and GB10" in line
    assert "not compared across device" in line
    assert "ce even within themselves" in line
    other = campaign(replace(same.runs[0], torch="2.11.0"), *same.runs[1:])
    assert "torch 2.11.0" in build_report(other).markdown
