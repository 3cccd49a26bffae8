"""What the ledger keeps, refuses and answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.errors import (
    IllegalTransition,
    LedgerError,
    LedgerTampered,
    StaleRun,
    UnknownRun,
)
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.verdict import DEFAULT_GATES, Policy, Role
from orchestrator.ledger.rows import MemberRecord, ResolutionRecord, RunRecord
from orchestrator.ledger.store import Ledger
from tests.integration.ledger_kit import (
    CAMPAIGN,
    CE_POLICY,
    CONTROL_POLICY,
    FALLING,
    Story,
    campaign,
    contents,
    kd_policy,
    measurement,
    open_ledger,
    points,
    raw,
    sha,
    spec_text,
    teacher_policy,
    tell,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture
def story(ledger: Ledger) -> Story:
    """A campaign with a teacher that waits."""
    told = Story(ledger).begin()
    told.pin("teachers", teacher_policy())
    told.add("t", Role.TEACHER, "teachers")
    return told


# What is recorded twice is recorded once


def test_recording_again_changes_nothing(story: Story) -> None:
    before = contents(story.ledger.path)
    story.begin()
    story.pin("teachers", teacher_policy())
    text = spec_text("t")
    story.ledger.record_run(RunRecord(sha(text), text, sha("config of t"), "teacher", 0),
                            MemberRecord(CAMPAIGN, sha(text), "teachers", 0, "t", Role.TEACHER))
    assert contents(story.ledger.path) == before


def test_a_run_in_two_campaigns_is_one_run_with_two_places(story: Story) -> None:
    other = Story(story.ledger, campaign_id="a" * 64).begin("other")
    other.add("t", Role.TEACHER, "teachers")
    run_id = story.ids["t"]
    assert [m.campaign_id for m in story.ledger.memberships(run_id)] == [CAMPAIGN, "a" * 64]
    assert len(story.ledger.attempts(run_id)) == 1
    assert [r.campaign for r in story.ledger.rows(run_id=run_id)] == ["story", "other"]


def test_a_run_id_is_the_digest_of_its_spec(story: Story) -> None:
    with pytest.raises(LedgerError, match="not the sha256 of its spec"):
        story.ledger.record_run(RunRecord("a" * 64, "{}", "c", "teacher", 0),
                                MemberRecord(CAMPAIGN, "a" * 64, "teachers", 1, "x", Role.TEACHER))


@pytest.mark.parametrize(("changes", "message"), [
    ({"stage": "others"}, "stage"), ({"ordinal": 7}, "ordinal"), ({"name": "u"}, "name"),
    ({"archival": True}, "archival"),
], ids=lambda v: str(v))
def test_a_place_is_never_changed(story: Story, changes: dict[str, Any], message: str) -> None:
    text = spec_text("t")
    member = MemberRecord(CAMPAIGN, sha(text), "teachers", 0, "t", Role.TEACHER)
    with pytest.raises(LedgerError, match=f"with {message}"):
        story.ledger.record_run(RunRecord(sha(text), text, "c", "teacher", 0), replace(member, **changes))


def test_two_runs_of_one_name_are_refused_by_name(story: Story) -> None:
    text = spec_text("another")
    with pytest.raises(LedgerError, match="already has a run of that name"):
        story.ledger.record_run(RunRecord(sha(text), text, "c", "teacher", 0),
                                MemberRecord(CAMPAIGN, sha(text), "teachers", 1, "t", Role.TEACHER))


def test_links_that_were_open_are_set_once(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    for name, role in (("ce", Role.CE), ("t", Role.TEACHER), ("arm", Role.KD)):
        story.add(name, role, name)
    links = {"teacher_run_id": story.ids["t"], "reference_run_id": story.ids["ce"]}
    story.add("arm", Role.KD, "arm", ordinal=2, **links)
    (member,) = ledger.memberships(story.ids["arm"])
    assert (member.teacher_run_id, member.reference_run_id, member.twin_run_id) == (*links.values(), None)
    story.add("arm", Role.KD, "arm", ordinal=2)  # nothing said takes nothing back
    assert ledger.memberships(story.ids["arm"]) == [member]
    with pytest.raises(LedgerError, match="cannot become"):
        story.add("arm", Role.KD, "arm", ordinal=2, teacher_run_id=story.ids["ce"])


def test_a_stage_is_held_to_one_policy(story: Story) -> None:
    assert story.ledger.pinned_policy(CAMPAIGN, "teachers") == teacher_policy()
    assert story.ledger.pinned_policy(CAMPAIGN, "elsewhere") is None
    with pytest.raises(LedgerError, match="cannot be changed") as refusal:
        story.pin("teachers", teacher_policy(10**9))
    assert "new campaign" in str(refusal.value.hint)
    assert story.ledger.pinned_policy(CAMPAIGN, "teachers") == teacher_policy()


def test_a_policy_for_another_role_is_refused(story: Story) -> None:
    story.add("u", Role.TEACHER, "more")
    with pytest.raises(LedgerError, match="another role"):
        story.pin("more", CE_POLICY)
    with pytest.raises(LedgerError, match="another role"):
        story.add("k", Role.KD, "teachers")


# Attempts


def test_an_attempt_goes_through_its_life(story: Story) -> None:
    run_id = story.ids["t"]
    assert story.ledger.current_attempt(run_id).state is State.PLANNED
    story.launch(run_id)
    story.end(run_id)
    story.settle(run_id)
    attempt = story.ledger.current_attempt(run_id)
    assert (attempt.state, attempt.outcome, attempt.host) == (State.FINISHED, Outcome.COMPLETED, "h100")
    assert (attempt.bundle, attempt.dispatch_sha256) == ("b" * 64, "d" * 64)
    times = [attempt.planned_at, attempt.placed_at, attempt.started_at, attempt.ended_at, attempt.finished_at]
    assert None not in times
    assert times == sorted(times, key=str)
    assert attempt.evidence_id == story.evidence(run_id).evidence_id
    moves = [e.payload["event"] for e in story.ledger.events() if e.kind == "attempt_moved"]
    assert moves == ["place", "started", "ended", "judged"]


def test_the_second_of_two_is_stale(story: Story) -> None:
    story.launch(story.ids["t"])
    with pytest.raises(StaleRun, match="is running, not planned"):
        story.launch(story.ids["t"])
    with pytest.raises(StaleRun, match="unknown"):
        story.ledger.advance(story.ids["t"], 9, Event.PLACE, expect=State.PLANNED)


def test_an_illegal_move_is_a_bug_and_writes_nothing(story: Story) -> None:
    before = contents(story.ledger.path)
    with pytest.raises(IllegalTransition):
        story.ledger.advance(story.ids["t"], 1, Event.JUDGED, expect=State.PLANNED)
    with pytest.raises(ValueError, match="outcome"):
        story.ledger.advance(story.ids["t"], 1, Event.ENDED, expect=State.STAGING)
    assert contents(story.ledger.path) == before


def test_nothing_starts_before_its_policy_is_pinned(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.add("t", Role.TEACHER, "teachers")
    with pytest.raises(LedgerError, match="no policy is pinned"):
        story.launch(story.ids["t"])
    story.pin("teachers", teacher_policy())
    story.launch(story.ids["t"])


def test_an_attempt_that_never_started_is_placed_again_on_its_host(story: Story) -> None:
    run_id = story.ids["t"]
    story.ledger.advance(run_id, 1, Event.PLACE, expect=State.PLANNED, host="h100", bundle="b", dispatch_sha256="d")
    story.ledger.advance(run_id, 1, Event.NEVER_STARTED, expect=State.STAGING)
    with pytest.raises(LedgerError, match="keeps its run, its number, its host"):
        story.ledger.advance(run_id, 1, Event.PLACE, expect=State.PLANNED, host="gb10")
    story.ledger.advance(run_id, 1, Event.PLACE, expect=State.PLANNED, host="h100", bundle="b2", dispatch_sha256="d2")
    assert story.ledger.current_attempt(run_id).dispatch_sha256 == "d2"


def test_what_is_noted_with_a_move_stands_or_falls_with_it(story: Story) -> None:
    run_id, told = story.ids["t"], ("lane_fallback", {"attempt_no": 1, "from": "h100", "to": "gb10"})
    head = story.ledger.head()
    with pytest.raises(ValueError, match="none of the ledger's notes"):
        story.ledger.advance(run_id, 1, Event.PLACE, expect=State.PLANNED, host="gb10", note=("rumour", {}))
    with pytest.raises(StaleRun):
        story.ledger.advance(run_id, 1, Event.CLAIMED, expect=State.STAGING, note=told)
    assert story.ledger.head() == head
    story.ledger.advance(run_id, 1, Event.PLACE, expect=State.PLANNED, host="gb10", note=told)
    assert [e.kind for e in story.ledger.events()][-2:] == ["attempt_moved", "lane_fallback"]


def test_a_retry_is_a_new_attempt_and_one_only(story: Story) -> None:
    run_id = story.ids["t"]
    with pytest.raises(LedgerError, match="has not ended"):
        story.ledger.new_attempt(run_id, after=1)
    story.launch(run_id)
    story.end(run_id, outcome=Outcome.LOST_REBOOT)
    assert story.ledger.settle(run_id, 1, None, None, ()) == []
    assert story.ledger.new_attempt(run_id, after=1) == 2
    with pytest.raises(StaleRun, match="already has attempt 2"):
        story.ledger.new_attempt(run_id, after=1)
    story.launch(run_id, 2)
    story.end(run_id, 2)
    (verdict,) = story.settle(run_id, 2)
    assert verdict.verdict == "promote"
    assert [a.outcome for a in story.ledger.attempts(run_id)] == [Outcome.LOST_REBOOT, Outcome.COMPLETED]
    with pytest.raises(LedgerError, match="nothing to retry"):
        story.ledger.new_attempt(run_id, after=2)


def test_a_withdrawn_attempt_can_be_followed_by_another(story: Story) -> None:
    run_id = story.ids["t"]
    assert story.ledger.advance(run_id, 1, Event.WITHDRAW, expect=State.PLANNED) is State.ABANDONED
    assert story.ledger.current_attempt(run_id).outcome is Outcome.WITHDRAWN
    assert story.ledger.new_attempt(run_id, after=1) == 2


def test_current_attempts_come_in_the_order_asked_for(ledger: Ledger) -> None:
    story = tell(ledger)
    asked = [story.ids["twin"], "0" * 64, story.ids["ce-0"], story.ids["twin"]]
    assert [a.run_id for a in ledger.current_attempts(asked)] == [story.ids["twin"], story.ids["ce-0"]]
    assert ledger.current_attempts([]) == []
    with pytest.raises(UnknownRun):
        ledger.current_attempt("0" * 64)


# Evidence and verdicts


@pytest.mark.parametrize(("train_time", "verdict", "failed"), [
    (69_401, "promote", ()), (69_402, "promote", ()), (69_403, "reject", ("budget",))])
def test_the_database_passes_69402_and_not_69403(story: Story, train_time: int, verdict: str,
                                                 failed: tuple[str, ...]) -> None:
    (row,) = story.finish("t", train_time_ms=train_time)
    assert row.verdict == verdict
    (shown,) = story.ledger.rows()
    assert (shown.verdict, shown.failed_gates, shown.budget_ms) == (verdict, failed, 69_402)


def test_a_story_is_judged_as_it_should_be(ledger: Ledger) -> None:
    tell(ledger)
    found = {r.name: (r.status, r.verdict, r.failed_gates) for r in ledger.rows()}
    assert found == {
        "ce-0": ("baseline", "promote", ()), "good": ("promoted", "promote", ()),
        "dear": ("rejected", "reject", ("budget",)), "twin": ("finished", "promote", ()),
        "arm": ("promoted", "promote", ()), "next": ("planned", None, ())}
    ledger.verify_chain()


def test_a_students_budget_is_its_teachers_time(ledger: Ledger) -> None:
    story = tell(ledger)
    (row,) = story.finish("next", train_time_ms=1)
    assert (row.verdict, row.budget_result) == ("reject", "fail")
    (shown,) = ledger.rows(run_id=story.ids["next"])
    assert (shown.train_time_ms, shown.teacher_train_time_ms) == (1, 69_403)
    assert "budget-miss" in shown.labels


@pytest.mark.parametrize("teacher", ["unmeasured", "broken"])
def test_a_teacher_without_whole_evidence_proves_no_budget(ledger: Ledger, teacher: str) -> None:
    story = tell(ledger)
    story.add(teacher, Role.TEACHER, "teachers")
    if teacher == "broken":
        run_id = story.ids[teacher]
        story.launch(run_id)
        story.end(run_id, outcome=Outcome.FAILED)
        story.settle(run_id, complete=0, train_time_ms=5)
    story.add("taught", Role.KD, "arms", teacher_run_id=story.ids[teacher], reference_run_id=story.ids["ce-0"])
    (row,) = story.finish("taught")
    assert (row.verdict, row.budget_result) == ("inconclusive", "unknown")


def test_a_verdict_is_superseded_when_its_reference_comes_in_later(ledger: Ledger) -> None:
    story = tell(ledger)
    story.add("late-ce", Role.CE, "ce")
    story.add("early-arm", Role.KD, "arms", teacher_run_id=story.ids["good"], reference_run_id=story.ids["late-ce"])
    (first,) = story.finish("early-arm")
    assert (first.verdict, first.verdict_no) == ("inconclusive", 1)
    verdicts = {v.run_id: v for v in story.finish("late-ce")}
    second = verdicts[story.ids["early-arm"]]
    assert (second.verdict, second.verdict_no) == ("promote", 2)
    assert ledger.rows(run_id=story.ids["early-arm"])[0].verdict == "promote"
    assert len([e for e in ledger.events() if e.kind == "verdict_computed"
                and e.subject == story.ids["early-arm"]]) == 2


def test_a_run_compared_under_other_conditions_is_rejected(ledger: Ledger) -> None:
    story = tell(ledger)
    story.add("elsewhere", Role.KD, "arms", teacher_run_id=story.ids["good"], reference_run_id=story.ids["ce-0"])
    story.finish("elsewhere", comparison_key=sha("another machine"))
    assert ledger.rows(run_id=story.ids["elsewhere"])[0].failed_gates == ("comparable",)


def test_nan_is_stored_as_nothing_and_rejects(story: Story) -> None:
    story.finish("t", values=(5_000_000, None, 4_000_000, 3_000_000))
    (row,) = story.ledger.rows()
    assert (row.verdict, row.failed_gates) == ("reject", ("val_trend",))
    assert [p.val_u6 for p in story.ledger.validations(story.ids["t"])] == [
        10_000_000, 5_000_000, None, 4_000_000, 3_000_000]
    proof = next(g for g in story.ledger.explain(story.ids["t"]).gates if g.gate == "val_trend")
    assert (proof.result, proof.offset) == ("fail", 300)


def test_a_run_judged_before_its_policy_is_pinned_has_no_verdict_until_then(ledger: Ledger) -> None:
    first = tell(ledger)
    second = Story(ledger, campaign_id="a" * 64).begin("stricter")
    second.add("good", Role.TEACHER, "teachers")
    assert ledger.judge("a" * 64, first.ids["good"]) is None
    assert ledger.rows(campaign="stricter")[0].verdict is None
    second.pin("teachers", teacher_policy(34_701))
    found = ledger.judge("a" * 64, first.ids["good"])
    assert found is not None
    assert (found.verdict, found.budget_result) == ("reject", "fail")
    before = contents(ledger.path)
    assert ledger.judge("a" * 64, first.ids["good"]) == found
    assert contents(ledger.path) == before
    assert {r.campaign: r.verdict for r in ledger.rows(run_id=first.ids["good"])} == {
        "story": "promote", "stricter": "reject"}


def test_settling_twice_is_stale(story: Story) -> None:
    story.finish("t")
    before = contents(story.ledger.path)
    with pytest.raises(StaleRun, match="finished, not collecting"):
        story.settle(story.ids["t"])
    assert contents(story.ledger.path) == before


@pytest.mark.parametrize(("changes", "message"), [
    ({"train_time_ms": -1}, "ck_measurements_times"),
    ({"parser_id": "generous/1"}, "no registered parser"),
    ({"n_validations": 3}, "validations are not those"),
    ({"val_2_u6": 1}, "validations are not those"),
    ({"asserted": 1}, "asserted exactly"),
    ({"train_time_ms": 2**70}, "too large"),
], ids=lambda v: str(v))
def test_a_measurement_that_makes_no_sense_leaves_everything_as_it_was(story: Story, changes: dict[str, Any],
                                                                       message: str) -> None:
    run_id = story.ids["t"]
    story.launch(run_id)
    story.end(run_id)
    before = contents(story.ledger.path)
    with pytest.raises(LedgerError, match=message):
        story.settle(run_id, **changes)
    assert contents(story.ledger.path) == before
    assert story.settle(run_id)[0].verdict == "promote"


def test_evidence_is_named_by_its_statement(story: Story) -> None:
    run_id = story.ids["t"]
    story.launch(run_id)
    story.end(run_id)
    forged = replace(story.evidence(run_id), evidence_id=sha("another statement"))
    with pytest.raises(LedgerError, match="not the sha256 of its statement"):
        story.ledger.settle(run_id, 1, forged, measurement(), points())
    without_log = replace(story.evidence(run_id), files=story.evidence(run_id).files[1:])
    with pytest.raises(LedgerError, match="no training log"):
        story.ledger.settle(run_id, 1, without_log, measurement(), points())
    other = replace(story.evidence(run_id), attempt_no=2)
    with pytest.raises(LedgerError, match="another attempt"):
        story.ledger.settle(run_id, 1, other, measurement(), points())


def test_a_measurement_comes_back_as_it_went_in(story: Story) -> None:
    story.finish("t", median_step_ms=123.456, environment_json='{"torch":"2.9"}')
    assert story.ledger.measured(story.ids["t"]) == measurement(
        median_step_ms=123.456, environment_json='{"torch":"2.9"}')
    assert story.ledger.validations(story.ids["t"]) == points()
    assert story.ledger.spec_json(story.ids["t"]) == spec_text("t")


def test_checkpoints_are_found_by_run_and_by_digest(story: Story) -> None:
    run_id = story.ids["t"]
    assert story.ledger.best_checkpoint(run_id) is None
    story.finish("t")
    best = sha(f"best {run_id} 1")
    assert story.ledger.best_checkpoint(run_id) == best
    source = story.ledger.checkpoint_source(best)
    assert (source.host, source.run_id, source.attempt_no, source.path) == ("h100", run_id, 1, "checkpoints/best.pt")
    with pytest.raises(UnknownRun):
        story.ledger.checkpoint_source(sha("nowhere"))


# Choices and promotions


def _choice(story: Story, name: str, **changes: Any) -> ResolutionRecord:
    record = ResolutionRecord("key", CAMPAIGN, "teachers.best", (story.ids["good"], story.ids["dear"]),
                              story.ids[name], sha("checkpoint"), FALLING[-1], "lowest final loss")
    return replace(record, **changes)


def test_the_first_choice_stays(ledger: Ledger) -> None:
    story = tell(ledger)
    assert ledger.resolution("key") is None
    first = ledger.resolve(_choice(story, "good"))
    assert first.candidates == tuple(sorted((story.ids["good"], story.ids["dear"])))
    assert ledger.resolve(_choice(story, "good", reason="another reason", final_val_u6=None)) == first
    assert ledger.resolution("key") == first


@pytest.mark.parametrize(("name", "changes", "message"), [
    ("dear", {}, "not promoted"), ("twin", {}, "not among the candidates"), ("good", {"final_val_u6": 1}, "measured")])
def test_only_a_promoted_candidate_is_chosen(ledger: Ledger, name: str, changes: dict[str, Any], message: str) -> None:
    story = tell(ledger)
    with pytest.raises(LedgerError, match=message):
        ledger.resolve(_choice(story, name, **changes))
    assert ledger.resolution("key") is None


def test_a_choice_and_its_candidate_are_written_at_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    story = tell(ledger)
    before = contents(ledger.path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as between:
        between.setattr("orchestrator.ledger.promoting.promote", die)
        with pytest.raises(KeyboardInterrupt):
            ledger.resolve(_choice(story, "good"), as_candidate=True)
    assert contents(ledger.path) == before, "whoever carries on must find both or neither"
    ledger.resolve(_choice(story, "good"), as_candidate=True)
    assert ledger.resolution("key") is not None
    assert [row[1] for row in contents(ledger.path)["promotions"]] == [story.ids["good"]]


def test_only_a_promoted_run_becomes_a_candidate(ledger: Ledger) -> None:
    story = tell(ledger)
    ledger.promote(CAMPAIGN, [story.ids["good"]])
    before = contents(ledger.path)
    ledger.promote(CAMPAIGN, [story.ids["good"]])
    for name in ("dear", "next"):
        with pytest.raises(LedgerError, match="no verdict 'promote'"):
            ledger.promote(CAMPAIGN, [story.ids[name]])
    assert contents(ledger.path) == before
    assert [row[1] for row in before["promotions"]] == [story.ids["good"]]


# Two readings of one rule


def test_a_database_that_judges_otherwise_than_the_rule_is_not_believed(
        story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrator.ledger import judging

    honest = judging.judge_by_domain
    monkeypatch.setattr(judging, "judge_by_domain",
                        lambda inputs, policy: honest(replace(inputs, budget_train_ms=10**9), policy))
    run_id = story.ids["t"]
    story.launch(run_id)
    story.end(run_id)
    before = contents(story.ledger.path)
    with pytest.raises(LedgerTampered, match="the rule says"):
        story.settle(run_id)
    assert contents(story.ledger.path) == before


# The chain and the observer (names, lists and explanations are in test_ledger_answers.py)


def test_the_chain_shows_what_was_altered(ledger: Ledger) -> None:
    tell(ledger)
    seq, head = ledger.verify_chain()
    assert (seq, head) == ledger.head()
    with closing(raw(ledger.path)) as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET payload = ? WHERE seq = 5", [json.dumps({"forged": True})])
    with pytest.raises(LedgerTampered, match="entry 5"):
        ledger.verify_chain()


def test_the_chain_shows_what_is_missing(ledger: Ledger) -> None:
    tell(ledger)
    with closing(raw(ledger.path)) as connection:
        connection.execute("DROP TRIGGER events_no_delete")
        connection.execute("DELETE FROM events WHERE seq = 7")
    with pytest.raises(LedgerTampered, match="breaks at entry 8"):
        ledger.verify_chain()


def test_the_policy_is_in_the_chain_before_the_first_run_starts(ledger: Ledger) -> None:
    tell(ledger)
    events = ledger.events()
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    pinned = {e.payload["stage"]: e.seq for e in events if e.kind == "policy_pinned"}
    for member in ledger.members(CAMPAIGN):
        starts = [e.seq for e in events if e.kind == "attempt_moved" and e.subject == member.run_id]
        assert all(pinned[member.stage] < seq for seq in starts)
    assert ledger.events(since=3, limit=2) == events[3:5]


def test_reachability_says_since_when(ledger: Ledger) -> None:
    ledger.set_reachability("h100", False, "no route")
    first = ledger.reachability()["h100"]
    ledger.set_reachability("h100", False, "timeout")
    second = ledger.reachability()["h100"]
    assert (second.since, second.reachable, second.detail) == (first.since, False, "timeout")
    assert second.checked_at > first.checked_at
    ledger.set_reachability("h100", True)
    assert ledger.reachability()["h100"].since > second.checked_at
    assert ledger.head()[0] == 0  # about the observer: no entry in the chain


def test_policies_without_a_target_still_judge(ledger: Ledger) -> None:
    story = tell(ledger)
    story.pin("free", Policy("free", Role.KD, tuple(g for g in DEFAULT_GATES[Role.KD] if g != "target_reached"),
                             budget_ms=69_402))
    story.add("free-arm", Role.KD, "free", teacher_run_id=story.ids["good"], reference_run_id=story.ids["ce-0"])
    assert story.finish("free-arm")[0].verdict == "promote"


def test_the_kit_tells_the_same_story_each_time(tmp_path: Path) -> None:
    heads = []
    for name in ("one", "two"):
        with open_ledger(tmp_path / f"{name}.sqlite") as ledger:
            tell(ledger)
            ledger.record_campaign(campaign("9" * 64, "last"))
            heads.append(ledger.head())
    assert heads[0] == heads[1]
    assert kd_policy().canonical() != CONTROL_POLICY.canonical()
