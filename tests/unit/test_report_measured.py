"""Rules of a measuring campaign's report: the answer is about what was measured, and so are the figures."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.domain.measured import Figures, Shortage
from orchestrator.report.campaign_report import build_report
from orchestrator.report.model import CampaignReport, GateOutcome, ReportRun
from tests.unit.test_report import CE, TEACHER, campaign, falling, run, say

SHORT = Shortage("soft", 9431.0, 3400.0, 6031.0)
PASS = ("F-DISTILL-SMOKE-001", True, "val_0=4.9 val_end=4.2")


def measured(arm: str, median: float, repeat: int = 0, *, shortage: Shortage | None = None,
             claims: tuple[tuple[str, bool, str], ...] = (), reserved: int | None = 2048, **changes) -> ReportRun:
    name = f"m/{arm}-s{repeat}"
    outcome = "oom" if shortage else "completed"
    figures = Figures(name, arm, outcome, 65_536, () if shortage else (median,) * 30, {}, 1024 if reserved else None,
                      reserved, 4.5, shortage, claims, repeat)
    return run(name, "measurement", repeat, falling(250), **{
        "stage": "ab", "figures": figures, "device": "NVIDIA H100", "outcome": outcome, **changes})


def sized(sequences: int, median: float, **changes) -> ReportRun:
    settings = (("data.batch_sequences", float(sequences)), ("data.sequence_length", 1024.0))
    return measured(f"b{sequences}", median, settings=settings, **changes)


def measuring(*runs: ReportRun, **changes) -> CampaignReport:
    return campaign(*runs, **{"target": None, "roles": ("teacher", "measurement"), **changes})


def test_an_ab_is_answered_with_its_winner_the_ratio_its_range_and_whether_that_is_shown() -> None:
    runs = [measured(arm, t, i) for i in range(2) for arm, t in (("A_default", 67.0 + i), ("B_sdpa", 424.0))]
    assert say(measuring(TEACHER, *runs, duels=("ab",))) == (
        "Of 2 alternatives A_default comes out ahead with a median step of 67.5 ms (p90 67.5 ms); B_sdpa takes 6.28 "
        "times as long (6.235 to 6.329), which is not shown: 2 repeats cannot, 6 could; on NVIDIA H100.")
    six = [measured(arm, t, i) for i in range(6) for arm, t in (("A_default", 67.0), ("B_sdpa", 424.0))]
    assert "which is shown: p = 0.0312 over 6 repeats; on" in say(measuring(TEACHER, *six, duels=("ab",)))


def test_a_probe_is_answered_with_what_fits_and_what_was_missing() -> None:
    assert say(measuring(TEACHER, measured("chunk0", 0.0, shortage=SHORT), measured("chunk1024", 3359.0))) == (
        "1 of 2 configurations fits: chunk0 ran out of memory in soft: tried 9.21 GiB, free 3.32 GiB, shortfall "
        "5.89 GiB, chunk1024 takes 3,359.0 ms a step (19,511 tokens/s, peak 1.00 GiB allocated and 2.00 GiB reserved); "
        "on NVIDIA H100.")


def test_batches_are_answered_with_the_largest_that_fits_and_the_first_that_does_not() -> None:
    sizes = [sized(32, 10.0), sized(64, 20.0, reserved=None), sized(128, 0.0, shortage=SHORT),
             sized(256, 0.0, shortage=SHORT)]
    assert say(measuring(*sizes)).startswith(
        "The largest batch that fits has 64 sequences of 1,024 tokens: 20.0 ms a step (3,276,800 tokens/s); the first "
        "that does not has 128 and ran out of memory in soft: tried 9.21 GiB,")
    assert "no larger one was tried, so the boundary was not found" in say(measuring(*sizes[:2]))
    assert say(measuring(*sizes[2:])).startswith("No batch that was tried fits; the first that does not has 128")


def test_isolates_are_answered_as_multiples_of_plain_ce() -> None:
    ce = replace(CE[0], median_step_ms=50.0)
    runs = [measured(arm, t, reference="ce-s0") for arm, t in (("infer_only", 60.0), ("dense", 125.0))]
    assert say(measuring(ce, TEACHER, *runs)).startswith(
        "As multiples of plain CE's median step of 50.0 ms: infer_only 1.20, dense 2.50; one run each, so how far")


def test_a_smoke_test_is_answered_by_its_falsifier() -> None:
    assert say(measuring(TEACHER, measured("smoke", 10.0, claims=(PASS,)))).startswith(
        "The claim holds: F-DISTILL-SMOKE-001 PASS (val_0=4.9 val_end=4.2); on")
    refuted = (PASS, ("F-OTHER", False, "1 > 0"))
    assert say(measuring(TEACHER, measured("smoke", 10.0, claims=refuted))).startswith(
        "1 of 2 claims failed: F-OTHER FAIL (1 > 0); on")


def test_what_gave_no_figure_is_told_and_what_has_not_ended_says_nothing() -> None:
    broken = measured("B", 0.0)
    assert broken.figures is not None
    broken = replace(broken, figures=replace(broken.figures, deltas=(), outcome="crashed"))
    assert say(measuring(measured("A", 5.0), broken)).endswith("; 1 run gave no figure (B: crashed).")
    waiting = replace(measured("A", 5.0), figures=None, verdict=None, outcome=None)
    assert say(measuring(waiting)) == "Provisional, 1 of 1 run without a verdict: no measurement of stage ab has ended."
    assert say(measuring(TEACHER)) == "Nothing was measured yet."


def test_bars_of_time_and_memory_stand_where_flat_losses_would() -> None:
    pages = build_report(measuring(TEACHER, measured("A", 67.0), measured("C", 0.0, shortage=SHORT)))
    assert set(pages.figures) == {"measured.png"}
    assert "## Curves" not in pages.markdown
    assert "![Step times and peak memory. Medians: m/A-s0 67.0 ms; m/C-s0 out of memory.](measured.png)" in \
        pages.markdown
    claimed = build_report(measuring(TEACHER, measured("A", 67.0, claims=(PASS,)))).figures
    assert set(claimed) == {"measured.png", "val_vs_steps.png"}, "its losses are what it is about"


INCOMPLETE = (GateOutcome("evidence_complete", "fail", "incomplete", "sealed, verified, ran to its own end"),)


def test_an_end_that_was_asked_about_is_a_result_and_no_failure() -> None:
    facts = {"shortage": SHORT, "verdict": "reject", "status": "rejected", "labels": ("rejected", "oom"),
             "gates": INCOMPLETE, "failure": "out of memory"}
    told = build_report(measuring(sized(64, 10.0), sized(128, 0.0, answered=True, **facts))).markdown
    assert "| m/b128-s0 | answered: OOM | – | out of memory | measurement |" in told
    assert "Rejected, and why" not in told
    assert "Not in any claim" not in told
    unasked = build_report(measuring(sized(64, 10.0), sized(128, 0.0, **facts))).markdown
    assert "## Rejected, and why" in unasked
    assert "- m/b128-s0: evidence_complete: incomplete" in unasked


def test_the_machine_says_what_the_trainers_recorded_and_each_measurement_its_device() -> None:
    facts = {"torch": "2.5.1+cu124", "precision": "bf16", "entry": "gpt"}
    told = build_report(measuring(measured("A", 67.0, **facts), measured("B", 80.0, **facts),
                                  measured("C", 70.0, device="NVIDIA GB10", **facts))).markdown
    assert "- local: NVIDIA H100, torch 2.5.1+cu124, bf16, trainer gpt (2 runs)." in told
    assert "- local: NVIDIA GB10, torch 2.5.1+cu124, bf16, trainer gpt (1 run)." in told
    assert "| m/C-s0 | NVIDIA GB10 | 65,536 |" in told
    assert "Simulated" not in told


def test_a_rehearsal_says_that_no_model_was_trained() -> None:
    played = build_report(measuring(measured("A", 67.0, entry="simulated"))).markdown
    assert played.index("> **Simulated:** No model was trained.") < played.index("## What was asked")
    mixed = build_report(measuring(TEACHER, measured("A", 67.0, entry="simulated"))).markdown
    assert "**Simulated:** In 1 of 2 runs no model was trained." in mixed


def test_a_campaign_that_distils_is_not_answered_by_its_measurements() -> None:
    assert not measuring(*CE, measured("A", 67.0), roles=("ce", "kd", "measurement")).measures
