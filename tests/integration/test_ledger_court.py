"""Beside verdicts: other policies, promotions, fresh seeds, waivers, challenges, projections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain.errors import LedgerError, UsageError
from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.projection import NEEDED, Projection
from orchestrator.domain.verdict import SHIPPED_POLICIES, Gate, Policy, Role
from orchestrator.ledger.imports import import_csv
from orchestrator.ledger.standing import standing
from orchestrator.ledger.store import Ledger
from orchestrator.ledger.verification.database import check_chain, examined
from orchestrator.ledger.verification.findings import Findings
from tests.integration.ledger_kit import CAMPAIGN, FALLING, Story, contents, open_ledger, seeds_policy, tell

CSV = Path(__file__).parent / "data" / "ledger_of_record.csv"
FIVE = SHIPPED_POLICIES["teacher-budget-5pct"]
GOOD, POOR = FALLING, (*FALLING[:-1], 4_069_000)
NEVER = (5_000_000, 4_900_000, 4_800_000, 4_700_000, 4_600_000)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened
    found = Findings()
    with examined(tmp_path / "ledger.sqlite") as connection:
        check_chain(connection, found)
    assert found.disagreements == []  # every row that a test wrote follows from events


# Other policies


def test_the_five_percent_policy_judges_the_ledger_of_record_again(ledger: Ledger) -> None:
    import_csv(ledger, CSV)
    before = contents(ledger.path)
    told = {r.name: r for r in ledger.rejudge(FIVE)}
    assert {name.split("_")[-2] + "_" + name.split("_")[-1] for name, r in told.items()
            if r.budget_result == "pass"} == {"155_20260214T203704Z", "250_20260214T204116Z@slice177"}
    small = told["teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z"]
    assert (small.budget_result, small.pinned_budget_result, small.counts) == ("fail", "pass", "teacher-budget-10pct")
    cut = told["teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177"]
    assert (cut.budget_result, cut.pinned_budget_result) == ("pass", "pass")
    after = contents(ledger.path)
    assert after["verdicts"] == before["verdicts"]
    assert sum("budget-pass" in r.labels for r in ledger.rows()) == 5  # the listing goes by the pinned policy


def test_judging_again_appends_once_and_only_for_the_policys_role(ledger: Ledger) -> None:
    tell(ledger)
    first = ledger.rejudge(FIVE)
    assert {r.name: (r.verdict, r.failed_gates) for r in first} == {
        "good": ("reject", ("budget",)), "dear": ("reject", ("budget",))}
    assert all(r.is_new for r in first)
    head = ledger.head()
    assert not any(r.is_new for r in ledger.rejudge(FIVE))
    assert ledger.head() == head
    assert ledger.rejudge(FIVE, campaign_ids=["another"]) == []


def test_the_pinned_policy_gives_no_second_verdict(ledger: Ledger) -> None:
    story = tell(ledger)
    pinned = ledger.pinned_policy(CAMPAIGN, "teachers")
    assert pinned is not None
    assert ledger.rejudge(pinned) == []
    assert ledger.rejudgements(CAMPAIGN, story.ids["good"]) == []


def test_a_kinder_policy_promotes_nothing(ledger: Ledger) -> None:
    story = tell(ledger)
    kinder = Policy("kinder", Role.TEACHER, (Gate.BUDGET,), budget_ms=10**6)
    told = {r.name: r.verdict for r in ledger.rejudge(kinder)}
    assert told["dear"] == "promote"
    with pytest.raises(LedgerError, match="it is reject \\(budget\\)"):
        ledger.promote(CAMPAIGN, [story.ids["dear"]])
    row, = ledger.rows(run_id=story.ids["dear"])
    assert (row.verdict, row.status) == ("reject", "rejected")
    said = standing(ledger, CAMPAIGN, story.ids["dear"], today="2026-02-14")["other_policies"]
    assert said[0].startswith("kinder (")
    assert "the pinned policy counts" in said[0]


# Promotions and fresh seeds


def test_a_run_that_passed_becomes_a_candidate_once(ledger: Ledger) -> None:
    story = tell(ledger)
    first, = ledger.promote(CAMPAIGN, [story.ids["good"]])
    assert (first.kind, first.basis, first.replication_no) == ("candidate", "measured", None)
    head = ledger.head()
    assert ledger.promote(CAMPAIGN, [story.ids["good"]]) == [first]
    assert ledger.head() == head


def test_of_several_all_are_promoted_or_none(ledger: Ledger) -> None:
    story = tell(ledger)
    with pytest.raises(LedgerError, match="dear"):
        ledger.promote(CAMPAIGN, [story.ids["good"], story.ids["dear"]])
    assert ledger.promotions(CAMPAIGN, story.ids["good"]) == []
    with pytest.raises(LedgerError, match="it has not been judged"):
        ledger.promote(CAMPAIGN, [story.ids["next"]])


def seeds(story: Story, config: str, finals: tuple[int, ...], stage: str = "seeds") -> list[str]:
    """Record so many seeds of a configuration."""
    return [story.add(f"{config}-{n}", Role.KD, stage, config=config, seed=n) for n, _ in enumerate(finals)]


def test_fresh_seeds_confirm_together_and_not_before_the_last(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("seeds", seeds_policy(3))
    ids = seeds(story, "b3", (0, 0, 0))
    for n in range(2):
        assert {v.verdict for v in story.finish(f"b3-{n}")} == {"inconclusive"}
        assert ledger.replication(CAMPAIGN, ids[0]) is None
    verdicts = {v.run_id: v.verdict for v in story.finish("b3-2")}
    assert verdicts == dict.fromkeys(ids, "promote")  # the last seed decides for all of them
    told = ledger.replication(CAMPAIGN, ids[0])
    assert told is not None
    assert (told.passed, told.seeds, told.margin_u6, told.mean_loss) == (True, 3, 60_000, 4.05)
    promoted = ledger.promote(CAMPAIGN, ids)
    assert {p.kind for p in promoted} == {"confirmed"}
    assert {p.replication_no for p in promoted} == {1}
    words = standing(ledger, CAMPAIGN, ids[0], today="2026-02-14")
    assert words["replication"][0].startswith("passed: mean loss 4.05000 over 3 fresh seeds; asked: 3 fresh seeds")
    assert words["promoted_as"] == ["confirmed, by verdict 2, measured"]


def test_seeds_that_miss_by_a_hair_reject_all_of_them(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("seeds", seeds_policy(2))
    ids = seeds(story, "weak", (0, 0))
    story.finish("weak-0", values=POOR)
    assert {v.verdict for v in story.finish("weak-1", values=POOR)} == {"reject"}
    with pytest.raises(LedgerError, match="replicated"):
        ledger.promote(CAMPAIGN, ids)


def test_a_seed_that_was_cut_short_fails_until_it_is_run_again(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("seeds", seeds_policy(2))
    ids = seeds(story, "b3", (0, 0))
    story.finish("b3-0")
    story.launch(ids[1])
    story.end(ids[1], outcome=Outcome.TIMED_OUT)
    assert {v.verdict for v in story.settle(ids[1], complete=0)} == {"reject"}
    ledger.new_attempt(ids[1], after=1)
    story.launch(ids[1], attempt=2)
    story.end(ids[1], attempt=2)
    assert {v.verdict for v in story.settle(ids[1], attempt=2)} == {"promote"}
    told = ledger.replication(CAMPAIGN, ids[0])
    assert told is not None
    assert (told.replication_no, told.passed) == (2, True)


def test_a_seed_that_ran_before_the_rule_was_pinned_is_not_fresh(ledger: Ledger) -> None:
    """The best of a grid cannot confirm itself: only what begins after the rule counts."""
    story = Story(ledger).begin()
    story.pin("grid", Policy("grid", Role.KD, (Gate.EVIDENCE_COMPLETE,)))
    story.add("b3-0", Role.KD, "grid", config="b3", seed=0)
    story.finish("b3-0")
    second = Story(ledger, campaign_id="d" * 64).begin("confirming")
    second.pin("seeds", seeds_policy(2))
    old = second.add("b3-0", Role.KD, "seeds", config="b3", seed=0)
    assert old == story.ids["b3-0"]
    second.add("b3-1", Role.KD, "seeds", config="b3", seed=1)
    second.finish("b3-1")
    assert ledger.replication(second.campaign_id, old) is None
    second.add("b3-2", Role.KD, "seeds", config="b3", seed=2)
    second.finish("b3-2")
    told = ledger.replication(second.campaign_id, old)
    assert told is not None
    assert (told.seeds, told.passed) == (2, True)


def test_the_first_seeds_of_the_plan_count_however_well_later_ones_do(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("seeds", seeds_policy(2))
    ids = seeds(story, "b3", (0, 0, 0, 0))
    for n in (3, 2, 1, 0):  # the good ones end first
        story.finish(f"b3-{n}", values=GOOD if n >= 2 else POOR)
    told = ledger.replication(CAMPAIGN, ids[3])
    assert told is not None
    assert (told.passed, told.margin_u6) == (False, 2_000)


def test_arms_of_one_stage_are_replicated_apart(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("seeds", seeds_policy(2))
    for config, values in (("b2", POOR), ("b3", GOOD)):
        seeds(story, config, (0, 0))
        for n in range(2):
            story.finish(f"{config}-{n}", values=values)
    told = {c: ledger.replication(CAMPAIGN, story.ids[f"{c}-0"]) for c in ("b2", "b3")}
    assert {c: r is not None and r.passed for c, r in told.items()} == {"b2": False, "b3": True}


# Waivers and challenges


def test_a_waiver_is_shown_until_its_day_and_changes_no_verdict(ledger: Ledger) -> None:
    story = tell(ledger)
    waiver = ledger.waive(CAMPAIGN, story.ids["dear"], Gate.BUDGET, who="ada", why="timed beside a compile",
                          until="2026-03-01")
    assert (waiver.waiver_no, waiver.verdict_no, waiver.until) == (1, 1, "2026-03-01")
    said = {day: standing(ledger, CAMPAIGN, story.ids["dear"], today=day)["waivers"][0]
            for day in ("2026-03-01", "2026-03-02")}
    assert "until 2026-03-01: timed beside a compile; the verdict stays" in said["2026-03-01"]
    assert "ended 2026-03-01" in said["2026-03-02"]
    row, = ledger.rows(run_id=story.ids["dear"])
    assert row.verdict == "reject"
    with pytest.raises(LedgerError, match="budget") as error:
        ledger.promote(CAMPAIGN, [story.ids["dear"]])
    assert error.value.hint is not None
    assert "promotes nothing" in error.value.hint


@pytest.mark.parametrize(("gate", "words", "says"), [
    (Gate.VAL_TREND, {}, "does not stand"), (Gate.BUDGET, {"until": "2020-01-01"}, "past"),
    (Gate.BUDGET, {"until": "soon"}, "no day"), (Gate.BUDGET, {"until": "2026-02-31"}, "no day"),
    (Gate.BUDGET, {"who": " "}, "who gives it and why"), (Gate.BUDGET, {"why": ""}, "who gives it and why"),
    (Gate.BUDGET, {"why": "x" * 5000}, "takes 200 characters")])
def test_a_waiver_that_cannot_be_is_refused(ledger: Ledger, gate: Gate, words: dict[str, str], says: str) -> None:
    story = tell(ledger)
    head = ledger.head()
    with pytest.raises((LedgerError, UsageError), match=says):
        ledger.waive(CAMPAIGN, story.ids["dear"], gate, **{"who": "ada", "why": "why", "until": "2026-12-31", **words})
    assert ledger.head() == head


def test_a_rerun_that_is_rejected_under_the_same_policy_challenges_by_itself(ledger: Ledger) -> None:
    story = tell(ledger)
    arm = story.ids["arm"]
    ledger.promote(CAMPAIGN, [arm])
    assert ledger.contested() == {}
    links = {"teacher_run_id": story.ids["good"], "reference_run_id": story.ids["ce-0"]}
    story.add("arm-again", Role.KD, "arms", config="arm", seed=1, **links)
    story.finish("arm-again", values=NEVER)
    filed, = ledger.challenges(CAMPAIGN, arm)
    assert (filed.by_run_id, filed.who, filed.kind) == (story.ids["arm-again"], "kdorch", "candidate")
    assert ledger.contested() == {(CAMPAIGN, arm): 1}
    assert "contested by 1 challenge" in standing(ledger, CAMPAIGN, arm, today="2026-02-14")["promoted_as"][1]
    story.add("other", Role.KD, "arms", **links)
    story.finish("other", values=NEVER)  # of another configuration
    assert ledger.contested() == {(CAMPAIGN, arm): 1}

    confirming = Story(ledger, campaign_id="d" * 64).begin("confirming")
    confirming.pin("seeds", seeds_policy(2))
    for n in (7, 8):
        confirming.add(f"arm-{n}", Role.KD, "seeds", config="arm", seed=n)
        confirming.finish(f"arm-{n}")
    ledger.promote(confirming.campaign_id, [confirming.ids["arm-7"]])
    assert ledger.contested() == {}  # answered by fresh seeds of the same configuration


def test_a_challenge_by_hand_needs_a_contradiction(ledger: Ledger) -> None:
    story = tell(ledger)
    links = {"teacher_run_id": story.ids["good"], "reference_run_id": story.ids["ce-0"]}
    story.add("arm-old", Role.KD, "arms", config="arm", seed=1, **links)
    story.finish("arm-old", values=NEVER)
    words = {"who": "ada", "why": "another seed never arrives"}
    arm, old = story.ids["arm"], story.ids["arm-old"]
    with pytest.raises(LedgerError, match="is not promoted"):
        ledger.challenge(CAMPAIGN, arm, CAMPAIGN, old, **words)
    ledger.promote(CAMPAIGN, [arm])
    with pytest.raises(LedgerError, match="only a rejection"):
        ledger.challenge(CAMPAIGN, arm, CAMPAIGN, story.ids["good"], **words)
    with pytest.raises(LedgerError, match="not another seed"):
        ledger.challenge(CAMPAIGN, arm, CAMPAIGN, story.ids["dear"], **words)
    filed = ledger.challenge(CAMPAIGN, arm, CAMPAIGN, old, **words)
    assert ledger.challenge(CAMPAIGN, arm, CAMPAIGN, old, **words) == filed


# Projections


def test_a_projected_pass_promotes_nothing_and_the_measured_verdict_decides(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("teachers", SHIPPED_POLICIES["teacher-budget-10pct"])
    run_id = story.add("t", Role.TEACHER, "teachers")
    fits = Projection(50, 125, 30_000, 60_000, 58_000, 62_000, NEEDED)
    with pytest.raises(LedgerError, match="under way"):
        ledger.project(CAMPAIGN, run_id, fits)
    story.launch(run_id)
    told = ledger.project(CAMPAIGN, run_id, fits)
    assert (told.result, told.basis, told.projection_no) == ("pass", "projected", 1)
    with pytest.raises(LedgerError, match="not been judged"):
        ledger.promote(CAMPAIGN, [run_id])
    story.end(run_id)
    verdict, = story.settle(run_id, train_time_ms=69_403)
    assert (verdict.verdict, verdict.budget_result) == ("reject", "fail")
    with pytest.raises(LedgerError, match="budget"):
        ledger.promote(CAMPAIGN, [run_id])
    with pytest.raises(LedgerError, match="under way"):
        ledger.project(CAMPAIGN, run_id, fits)
    assert "only the measured verdict counts" in standing(ledger, CAMPAIGN, run_id, today="2026-02-14")["projection"][0]


@pytest.mark.parametrize(("lower", "upper", "result"), [
    (69_403, 90_000, "fail"), (69_402, 90_000, "pending"), (60_000, 69_403, "pending"), (60_000, 69_402, "pass")])
def test_the_database_reads_a_projection_as_the_domain_does(ledger: Ledger, lower: int, upper: int,
                                                            result: str) -> None:
    story = Story(ledger).begin()
    story.pin("teachers", SHIPPED_POLICIES["teacher-budget-10pct"])
    run_id = story.add("t", Role.TEACHER, "teachers")
    story.launch(run_id)
    projection = Projection(50, 125, 30_000, lower, lower, upper, 3)
    assert ledger.project(CAMPAIGN, run_id, projection).result == result == projection.against(69_402).value


def test_only_what_has_a_budget_is_projected(ledger: Ledger) -> None:
    story = tell(ledger)
    with pytest.raises(LedgerError, match="no budget"):
        ledger.project(CAMPAIGN, story.ids["ce-0"], Projection(1, 2, 1, 1, 1, 1, 0))


def test_an_empty_ledger_has_nothing_to_anchor(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="no head to anchor"):
        ledger.anchor("printed")
    Story(ledger).begin()
    first = ledger.anchor("printed")
    assert ledger.anchor("printed") == first
    assert (first.seq, first.hash) == ledger.head()
    assert ledger.anchors() == [first]
