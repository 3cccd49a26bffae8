"""Rules of halving and search without distillation: the last rung answers, and every rung says whom it kept."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.report.campaign_report import build_report
from orchestrator.report.model import CampaignReport, ReportPlace, ReportRun
from tests.unit.test_report import campaign, falling, run, say


def tried(stage: str, arm: str, seed: int, final: float, **changes) -> ReportRun:
    return run(f"h/{arm}-s{seed}", "ce", seed, falling(250), **{"stage": stage, "final_val": final, **changes})


FIRST = [tried("rates_r1", f"lr{n}", s, 2.0 + n + s / 10, horizon=10) for n in range(9) for s in (0, 1)]
SECOND = [tried("rates_r2", f"rates_r2/top{n}", s, 1.5 + n + s / 10, horizon=30) for n in (1, 2, 3) for s in (0, 1)]
LAST = [tried("rates", "rates/top1", s, 1.2 + s / 10, horizon=90) for s in (0, 1)]
KEPT = (ReportPlace("rates_r1", 1, "h/lr4-s0", "place 1 of 9"), ReportPlace("rates_r1", 2, "h/lr0-s0", "place 2 of 9"),
        ReportPlace("rates_r1", 3, "h/lr7-s0", "place 3 of 9"),
        ReportPlace("rates_r2", 1, "h/rates_r2/top2-s0", "place 1 of 3"))


def halved(*runs: ReportRun, places: tuple[ReportPlace, ...] = KEPT, **changes) -> CampaignReport:
    return campaign(*runs, **{"target": None, "roles": ("ce",), "halvings": (("rates", 3),), "places": places,
                              **changes})


def test_halving_is_answered_by_its_last_rung_under_the_name_of_the_first() -> None:
    assert say(halved(*FIRST, *SECOND, *LAST)) == (
        "Of 9 configurations halved over 3 rungs in stage rates lr0 came out first, with loss 1.2500 after 90 steps "
        "(mean over 2 seeds); it was chosen and measured by the same runs, so it is a candidate, not a proof.")


def test_halving_under_way_chooses_nobody() -> None:
    waiting = [replace(r, verdict=None, outcome=None) for r in SECOND]
    assert say(halved(*FIRST, *waiting)).endswith(
        "of 9 configurations halved over 3 rungs in stage rates none is chosen yet: 1 of 3 rungs have ended.")


def test_what_failed_its_gates_is_not_chosen() -> None:
    failed = [replace(r, verdict="reject") for r in LAST]
    assert "none came through: no configuration" in say(halved(*FIRST, *SECOND, *failed))


def test_a_search_is_answered_by_the_run_that_was_pinned_else_by_the_lowest_mean_loss() -> None:
    runs = [tried("hunt", f"t{n}", 0, 3.0 - n / 10) for n in range(4)]
    report = halved(*runs, halvings=(), searches=("hunt",), places=())
    assert say(report).startswith("Of 4 configurations tried in stage hunt t3 came out first, with loss 2.7000 after "
                                  "1,000 steps (one seed)")
    pinned = replace(report, places=(ReportPlace("hunt", None, "h/t1-s0", "fewest steps"),))
    assert "in stage hunt t1 came out first, with loss 2.9000" in say(pinned)


def test_every_rung_says_whom_it_kept_and_why() -> None:
    told = build_report(halved(*FIRST, *SECOND, *LAST)).markdown
    assert "| rates_r1 | 10 | 9 | 18 of 18 | lr4 | place 1 of 9 |" in told
    assert "| rates_r2 | 30 | 3 | 6 of 6 | lr0 | place 1 of 3 |" in told
    assert "| rates | 90 | 1 | 2 of 2 | – | – |" in told
