"""Rules of what is said of a configuration's fresh seeds: outcome, numbers, and what plain CE does beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.domain.metrics import ValPoint
from orchestrator.domain.replication import NAMED_RULES, replicate
from orchestrator.report.answer import answer
from orchestrator.report.campaign_report import build_report
from orchestrator.report.comparisons import analyse
from orchestrator.report.model import CampaignReport, GateOutcome, Replicated, ReportRun
from tests.unit.test_report import campaign, run

SEEDS = range(5)
RULE = NAMED_RULES["one-sided-t-p05"].at(5, 100)
TARGET_U6 = 4_070_000


def losses(name: str, role: str, seed: int, at_100: float, **changes) -> ReportRun:
    points = tuple(ValPoint(s, v, s * 10.0, s) for s, v in ((50, 5.0), (100, at_100), (150, 3.9), (200, 3.8)))
    return run(f"{name}-s{seed}", role, seed, points, **changes)


def told(kd: float, ce: float, *, control: float = 4.2, found: bool = True, ce_seeds: int = 5) -> CampaignReport:
    """Five seeds about ``kd`` and ``ce`` nats at step 100."""
    spread = (-0.002, -0.001, 0.0, 0.001, 0.002)
    mine = [kd + d for d in spread]
    outcome = replicate(RULE, TARGET_U6, [round(v * 1e6) for v in mine])
    failed = () if outcome.passed else (GateOutcome("replicated", "fail", "failed", "passed"),)
    arms = [losses("b", "kd", s, v, reference=f"ce-s{s}", twin=f"b-twin-s{s}", gates=failed,
                   verdict="reject" if failed else "promote") for s, v in zip(SEEDS, mine, strict=True)]
    plain = [losses("ce", "ce", s, ce + d) for s, d in zip(SEEDS, spread, strict=True)][:ce_seeds]
    twins = [losses("b-twin", "control", s, control + d) for s, d in zip(SEEDS, spread, strict=True)]
    return campaign(*plain, *arms, *twins,
                    replications=(Replicated("kd", "b", RULE, TARGET_U6, outcome if found else None),))


def say(report: CampaignReport) -> str:
    return answer(report, analyse(report))


def test_the_whole_configuration_is_confirmed_with_rule_statistic_and_p() -> None:
    text = say(told(4.0, 4.2))
    assert ("confirmed by one-sided-t-p05, 5 fresh seeds at step 100 (mean loss 4.0000 against 4.0700, t = 98.995, "
            "p < 0.0001), which plain CE over the same seeds does not pass (mean loss 4.2000)") in text


def test_what_plain_ce_passes_too_shows_nothing_of_distillation() -> None:
    assert "which plain CE passes too (mean loss 4.0500), so it shows nothing of distillation" in say(told(4.0, 4.05))


def test_what_the_schedule_passes_without_kd_confirms_the_schedule() -> None:
    text = say(told(4.0, 4.2, control=4.01))
    assert "but the same schedule without KD does (mean loss 4.0100), so it confirms the schedule and not dis" in text


def test_without_all_of_plain_ces_seeds_nothing_is_said_of_it() -> None:
    assert "says nothing of plain CE, whose seeds are not all there" in say(told(4.0, 4.2, ce_seeds=4))


def test_a_rejected_configuration_is_still_answered_with_what_it_came_to() -> None:
    text = say(told(4.0705, 4.2))
    assert text.startswith("The only KD arm, b came to loss 4.0700: 180 steps on average over 5 seeds")
    assert "rejected by one-sided-t-p05, 5 fresh seeds at step 100 (mean loss 4.0705 against 4.0700, t = −0.707" in text


def test_an_arm_that_fails_a_gate_of_its_own_as_well_is_not_the_best() -> None:
    report = told(4.0705, 4.2)
    other = GateOutcome("val_trend", "fail", "rose", "falls")
    runs = tuple(replace(r, gates=(*r.gates, other)) if r.role == "kd" else r for r in report.runs)
    assert analyse(report).best is not None
    assert analyse(replace(report, runs=runs)).best is None


def test_while_a_seed_is_missing_it_is_neither() -> None:
    assert "neither confirmed nor rejected yet by one-sided-t-p05, 5 fresh seeds at step 100" in say(
        told(4.0, 4.2, found=False))


@pytest.mark.parametrize(("kd", "word"), [(4.0, "confirmed"), (4.08, "rejected")])
def test_the_page_holds_plain_ce_and_the_control_to_the_same_rule(kd: float, word: str) -> None:
    page = build_report(told(kd, 4.2)).markdown
    assert "## Confirmed, or rejected" in page
    rows = [line for line in page.splitlines() if "| one-sided-t-p05 |" in line]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows] == ["b", "control of b", "plain CE of b"]
    assert [line.split(" | ")[-1].removesuffix(" |") for line in rows] == [word, "does not pass", "does not pass"]
