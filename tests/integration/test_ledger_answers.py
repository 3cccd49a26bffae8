"""Lists, names and explanations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from orchestrator.domain.errors import LedgerTampered, UnknownRun, UsageError
from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.verdict import Policy, Role
from orchestrator.ledger.listing import SORT_KEYS
from orchestrator.ledger.rows import LedgerRow
from orchestrator.ledger.store import Ledger
from orchestrator.wire.output import LedgerLine
from tests.integration.ledger_kit import CAMPAIGN, CE_POLICY, FALLING, Story, kd_policy, open_ledger, sha, tell


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def story(ledger: Ledger) -> Story:
    return tell(ledger)


def _names(ledger: Ledger, **asked: Any) -> list[str]:
    return [r.name for r in ledger.rows(**asked)]


def test_rows_have_exactly_the_promised_keys(story: Story) -> None:
    assert [f.name for f in fields(LedgerRow)] == list(LedgerLine.model_fields)
    for row in story.ledger.rows():
        LedgerLine.model_validate({f.name: getattr(row, f.name) for f in fields(row)})


def test_a_row_holds_what_a_script_asks_for(story: Story) -> None:
    story.add("spec-arm", Role.KD, "arms", teacher_run_id=story.ids["good"], reference_run_id=story.ids["ce-0"],
              spec={"kd": {"alpha": 0.3, "temperature": 1.5}, "schedule": {"boost": 4.0}})
    story.finish("spec-arm", train_time_ms=650_000)
    (row,) = story.ledger.rows(run_id=story.ids["spec-arm"])
    assert row == LedgerRow(
        run_id=story.ids["spec-arm"], name="spec-arm", campaign="story", mode="kd", host="h100", status="promoted",
        labels=("promoted", "budget-pass", "finished", "uncontrolled"), state="finished", outcome="completed",
        verdict="promote", failed_gates=(), train_time_ms=650_000, teacher_train_time_ms=60_000, budget_ms=69_402,
        steps=125, best_val=4.05, final_val=4.05, steps_to_target=125, time_to_target_ms=50_000, alpha=0.3,
        temperature=1.5, lr_boost=4.0, teacher_params_m=296.389, teacher_steps=125, student_steps=125,
        artifact_dir=f"evidence/{story.ids['spec-arm']}/1")


def test_teacher_and_baseline_rows_leave_out_what_does_not_apply(story: Story) -> None:
    rows = {r.name: r for r in story.ledger.rows()}
    good, ce = rows["good"], rows["ce-0"]
    assert (good.teacher_train_time_ms, good.teacher_params_m, good.teacher_steps) == (60_000, 296.389, 125)
    assert good.student_steps is None
    assert (ce.teacher_train_time_ms, ce.teacher_params_m, ce.budget_ms, ce.student_steps) == (None, None, None, 125)


def test_rows_come_in_plan_order_newest_campaign_last(story: Story) -> None:
    later = Story(story.ledger, campaign_id="a" * 64).begin("later")
    later.add("dear", Role.TEACHER, "teachers", ordinal=1)
    later.add("good", Role.TEACHER, "teachers", ordinal=0)
    assert _names(story.ledger) == ["ce-0", "good", "dear", "twin", "arm", "next", "good", "dear"]


@pytest.mark.parametrize(("status", "names"), [
    ("promoted", ["good", "arm"]), ("rejected", ["dear"]), ("budget-pass", ["good", "arm"]), ("budget-miss", ["dear"]),
    ("over-budget", ["dear"]), ("baseline", ["ce-0"]), ("control", ["twin"]), ("planned", ["next"]),
    ("uncontrolled", ["next"]), ("finished", ["ce-0", "good", "dear", "twin", "arm"]), ("slice", []), ("lost", [])])
def test_status_matches_any_label(story: Story, status: str, names: list[str]) -> None:
    assert _names(story.ledger, status=status) == names


def test_an_unknown_status_or_key_or_campaign_says_which_there_are(story: Story) -> None:
    for asked, known in (({"status": "passed"}, "budget-pass"), ({"sort": "labels"}, "steps_to_target"),
                         ({"campaign": "stories"}, "story")):
        with pytest.raises(UsageError) as refusal:
            story.ledger.rows(**asked)
        assert known in str(refusal.value.hint)


def test_campaigns_are_found_by_name_or_by_the_beginning_of_their_id(story: Story) -> None:
    Story(story.ledger, campaign_id="cd" * 32).begin("story-two")
    assert [c.name for c in story.ledger.campaigns()] == ["story", "story-two"]
    for reference, names in (("story", ["story"]), (CAMPAIGN, ["story"]), ("cd", ["story-two"]), ("cc", ["story"]),
                             ("c", ["story", "story-two"]), ("stor", []), ("", [])):
        assert [c.name for c in story.ledger.find_campaigns(reference)] == names, reference
    assert len(_names(story.ledger, campaign="cc")) == 6


@pytest.mark.parametrize("key", SORT_KEYS)
def test_every_key_sorts_with_the_unknown_last(story: Story, key: str) -> None:
    rows = story.ledger.rows(sort=key)
    values = [getattr(r, key) for r in rows]
    known = [v for v in values if v is not None]
    assert values == sorted(known) + [None] * (len(values) - len(known))
    assert sorted(r.name for r in rows) == sorted(_names(story.ledger))


def test_sorting_keeps_plan_order_among_equals(story: Story) -> None:
    assert _names(story.ledger, sort="campaign") == _names(story.ledger)


def test_the_target_of_baselines_and_controls_is_that_of_the_students(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("ce", CE_POLICY)
    story.add("slow", Role.CE, "ce")
    story.finish("slow", values=(*FALLING[:3], 4_100_000, 4_060_000, 4_080_000, 4_070_000, 4_069_999))
    assert ledger.rows()[0].steps_to_target is None  # no target is known yet
    story.pin("arms", kd_policy(target_u6=4_070_000))
    (row,) = ledger.rows()
    assert (row.steps_to_target, row.time_to_target_ms) == (200, 80_000)  # the hit at 125 was not confirmed
    story.pin("more", kd_policy(target_u6=4_200_000))
    assert ledger.rows()[0].steps_to_target == 200  # the first students' target


def test_a_control_is_held_to_its_own_stages_target(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("first", kd_policy(target_u6=4_500_000))
    story.pin("second", kd_policy(target_u6=4_200_000))
    story.pin("second:control", Policy("control", Role.CONTROL, ()))
    story.add("twin", Role.CONTROL, "second:control")
    story.finish("twin")
    assert ledger.rows()[0].steps_to_target == 100


def test_rows_of_a_live_run_show_its_host_and_whether_it_answers(story: Story) -> None:
    run_id = story.ids["next"]
    story.launch(run_id, host="gb10")
    (row,) = story.ledger.rows(run_id=run_id)
    assert (row.status, row.host, row.labels) == ("running", "gb10", ("running", "provisional", "uncontrolled"))
    story.ledger.set_reachability("gb10", False, "asleep")
    (row,) = story.ledger.rows(run_id=run_id)
    assert (row.status, row.state) == ("unreachable", "running")


def test_a_retry_hides_the_figures_of_the_attempt_before(story: Story) -> None:
    story.add("flaky", Role.TEACHER, "teachers")
    run_id = story.ids["flaky"]
    story.launch(run_id)
    story.end(run_id, outcome=Outcome.FAILED)
    story.settle(run_id, complete=0)
    (row,) = story.ledger.rows(run_id=run_id)
    assert (row.status, row.failed_gates) == ("rejected", ("evidence_complete",))
    story.ledger.new_attempt(run_id, after=1)
    (row,) = story.ledger.rows(run_id=run_id)
    assert (row.status, row.verdict, row.train_time_ms, row.artifact_dir) == ("planned", None, None, None)
    assert {g.result for g in story.ledger.explain(run_id).gates} == {"unknown"}


def test_the_number_of_queries_does_not_grow_with_the_runs(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("arms", kd_policy())
    counted: list[str] = []
    event.listen(ledger._engine, "before_cursor_execute", lambda *call: counted.append(call[2]))

    def queries() -> int:
        counted.clear()
        ledger.rows()
        return len(counted)

    for i in range(3):
        story.add(f"arm-{i}", Role.KD, "arms")
    few = queries()
    for i in range(3, 40):
        story.add(f"arm-{i}", Role.KD, "arms")
    assert len(ledger.rows()) == 40
    assert queries() == few


# Names


def test_runs_are_found_by_id_name_and_unique_beginnings(story: Story) -> None:
    find = story.ledger.find_run
    assert find(story.ids["good"]) == story.ids["good"]
    assert find(story.ids["good"][:12]) == story.ids["good"]
    assert find("dear") == find("dea") == story.ids["dear"]
    assert story.ledger.name_of(story.ids["dear"]) == "dear"
    assert story.ledger.name_of("0" * 64) == "000000000000"


def test_an_exact_name_beats_a_beginning(story: Story) -> None:
    story.add("good@slice177", Role.TEACHER, "teachers")
    assert story.ledger.find_run("good") == story.ids["good"]
    assert story.ledger.find_run("good@") == story.ids["good@slice177"]
    assert len(story.ledger.find_runs("goo")) == 2


def test_what_is_not_unique_shows_candidates(story: Story) -> None:
    for i in range(7):
        story.add(f"many-{i}", Role.TEACHER, "teachers")
    with pytest.raises(UnknownRun, match=r"any of 7 runs: .*many-0.*many-4 and 2 more"):
        story.ledger.find_run("many")
    for reference in ("nobody", "", "%", "_", "go_d"):
        with pytest.raises(UnknownRun, match="no run is called"):
            story.ledger.find_run(reference)


def test_a_name_in_two_editions_of_a_campaign_is_the_newest(story: Story) -> None:
    edition = Story(story.ledger, campaign_id="a" * 64).begin("story")
    edition.add("good", Role.TEACHER, "teachers", spec={"changed": True})
    assert story.ledger.find_run("good") == edition.ids["good"] != story.ids["good"]
    assert story.ledger.find_run("good", campaign=CAMPAIGN) == story.ids["good"]
    foreign = Story(story.ledger, campaign_id="b" * 64).begin("another question")
    foreign.add("good", Role.TEACHER, "teachers", spec={"changed": 2})
    with pytest.raises(UnknownRun, match="any of 2 runs"):
        story.ledger.find_run("good")


# Explanations


def test_every_gate_is_explained_with_its_number_limit_and_line(story: Story) -> None:
    told = story.ledger.explain(story.ids["arm"])
    gates = {g.gate: g for g in told.gates}
    assert list(gates) == ["budget", "val_trend", "no_oom_fallback", "evidence_complete", "target_reached",
                           "comparable"]
    own, teacher = (f"evidence/{story.ids[n]}/1/train.log" for n in ("arm", "good"))
    assert (gates["budget"].number, gates["budget"].limit) == ("60000 ms", "<= 69402 ms")
    assert (gates["budget"].file, gates["budget"].offset) == (teacher, 900)
    assert (gates["target_reached"].number, gates["target_reached"].file) == ("step 125", own)
    assert gates["target_reached"].offset == 600
    assert gates["val_trend"].offset == 400
    assert gates["evidence_complete"].file == f"evidence/{story.ids['arm']}/1/exit.json"
    assert gates["comparable"].file == f"evidence/{story.ids['arm']}/1/environment.json"
    assert {g.result for g in told.gates} == {"pass"}
    assert (told.policy_name, told.attempt_no, told.stage, told.asserted) == ("kd-test", 1, "arms", False)
    assert told.evidence_id == story.evidence(story.ids["arm"]).evidence_id
    assert told.row.name == "arm"


def test_a_failing_trend_points_at_the_line_where_it_failed(story: Story) -> None:
    story.add("rising", Role.TEACHER, "teachers")
    story.finish("rising", values=(5_000_000, 5_000_001, 4_000_000, 3_900_000))
    trend = next(g for g in story.ledger.explain(story.ids["rising"]).gates if g.gate == "val_trend")
    assert (trend.result, trend.offset) == ("fail", 300)


def test_a_run_without_a_verdict_has_unknown_gates(story: Story) -> None:
    told = story.ledger.explain(story.ids["next"])
    assert {g.result for g in told.gates} == {"unknown"}
    assert {g.file for g in told.gates} == {None}
    assert told.evidence_id is None


def test_an_explanation_is_of_the_latest_judgement_or_of_the_campaign_asked_for(story: Story) -> None:
    from tests.integration.ledger_kit import teacher_policy

    other = Story(story.ledger, campaign_id="a" * 64).begin("stricter")
    other.pin("teachers", teacher_policy(34_701))
    run_id = other.add("good", Role.TEACHER, "teachers")
    other.ledger.judge("a" * 64, run_id)
    assert story.ledger.explain(run_id).row.campaign == "stricter"
    assert story.ledger.explain(run_id, "story").row.verdict == "promote"
    with pytest.raises(UnknownRun):
        story.ledger.explain(run_id, "elsewhere")
    with pytest.raises(UnknownRun):
        story.ledger.explain(sha("nobody"))


def test_an_explanation_does_not_repeat_a_lie(story: Story) -> None:
    from contextlib import closing

    from tests.integration.ledger_kit import raw

    with closing(raw(story.ledger.path)) as connection:
        connection.execute("DROP TRIGGER policies_no_update")
        connection.execute("DROP TRIGGER verdicts_no_update")
        connection.execute("UPDATE verdicts SET budget_train_ms = 1 WHERE run_id = ?", [story.ids["dear"]])
        assert connection.execute("SELECT verdict FROM verdicts WHERE run_id = ?",
                                  [story.ids["dear"]]).fetchone() == ("promote",)
        connection.execute("UPDATE policies SET body = replace(body, '69402', '99999') WHERE role = 'teacher'")
    with pytest.raises(LedgerTampered, match="does not have the content"):
        story.ledger.explain(story.ids["dear"])
