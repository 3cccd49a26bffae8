"""Every state and every event is decided; labels are total."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from orchestrator.domain.errors import IllegalTransition
from orchestrator.domain.lifecycle import (
    ALL_LABELS,
    BESIDE_A_VERDICT,
    LIVE_STATES,
    TERMINAL_STATES,
    TRANSITIONS,
    Event,
    Outcome,
    Standing,
    State,
    advance,
    edges,
    labels,
    mermaid,
    status_label,
)

LEGAL = {
    (State.PLANNED, Event.PLACE): State.STAGING,
    (State.PLANNED, Event.WITHDRAW): State.ABANDONED,
    (State.STAGING, Event.CLAIMED): State.QUEUED,
    (State.STAGING, Event.STARTED): State.RUNNING,
    (State.STAGING, Event.ENDED): State.COLLECTING,
    (State.STAGING, Event.NEVER_STARTED): State.PLANNED,
    (State.STAGING, Event.WITHDRAW): State.ABANDONED,
    (State.QUEUED, Event.STARTED): State.RUNNING,
    (State.QUEUED, Event.ENDED): State.COLLECTING,
    (State.QUEUED, Event.NEVER_STARTED): State.PLANNED,
    (State.RUNNING, Event.ENDED): State.COLLECTING,
    (State.COLLECTING, Event.JUDGED): State.FINISHED,
}
"""The decisions, written out a second time so that a slip in the table shows."""


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)),
                         ids=lambda v: v.value)
def test_every_state_and_event_is_decided(state: State, event: Event) -> None:
    if (state, event) in LEGAL:
        assert advance(state, event) is LEGAL[state, event]
    else:
        with pytest.raises(IllegalTransition, match=f"{state.value}.*{event.value}"):
            advance(state, event)


def test_table_has_a_row_for_every_state() -> None:
    assert set(TRANSITIONS) == set(State)


def test_terminal_states_are_those_with_no_way_out_and_are_not_live() -> None:
    assert {State.FINISHED, State.ABANDONED} == TERMINAL_STATES
    assert not TERMINAL_STATES & LIVE_STATES
    assert set(State) == TERMINAL_STATES | LIVE_STATES | {State.PLANNED}


def test_every_state_can_be_reached_and_can_end() -> None:
    reached, frontier = {State.PLANNED}, [State.PLANNED]
    while frontier:
        for after in TRANSITIONS[frontier.pop()].values():
            if after not in reached:
                reached.add(after)
                frontier.append(after)
    assert reached == set(State)
    for state in State:
        seen, todo = {state}, [state]
        while todo:
            todo += (new := set(TRANSITIONS[todo.pop()].values()) - seen)
            seen |= new
        assert seen & TERMINAL_STATES, f"{state} never ends"


def test_edges_are_the_table_without_its_events() -> None:
    assert edges() == sorted({(a.value, b.value) for (a, _), b in LEGAL.items()})


def test_diagram_has_one_arrow_for_each_legal_move_and_no_other() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): (\w+)$", mermaid(), re.M)
    assert sorted(arrows) == sorted((a.value, b.value, e.value) for (a, e), b in LEGAL.items())
    assert mermaid().startswith("stateDiagram-v2\n    [*] --> planned")
    for state in TERMINAL_STATES:
        assert f"{state.value} --> [*]" in mermaid()


def test_readme_shows_the_diagram_of_the_table() -> None:
    readme = Path(__file__).parents[2] / "README.md"
    assert f"```mermaid\n{mermaid()}\n```" in readme.read_text(encoding="utf-8")


def _standings() -> list[Standing]:
    return [
        Standing(state, outcome, verdict, budget, role, reachable, *flags)
        for state in State
        for outcome in (None, *Outcome)
        for verdict in (None, "promote", "reject", "inconclusive")
        for budget in (None, "pass", "fail", "unknown")
        for role in ("ce", "teacher", "kd", "control", "measurement")
        for reachable in (True, False)
        for flags in ((False,) * 5, (*(True,) * 5, frozenset(BESIDE_A_VERDICT)))
    ]


def test_labels_are_total_known_ordered_and_unique() -> None:
    for standing in _standings():
        found = labels(standing)
        assert found, standing
        assert set(found) <= set(ALL_LABELS)
        assert list(found) == sorted(set(found), key=ALL_LABELS.index)
        assert status_label(standing) == found[0]
        assert status_label(standing) not in BESIDE_A_VERDICT


def test_every_label_can_occur() -> None:
    assert {label for standing in _standings() for label in labels(standing)} == set(ALL_LABELS)


def test_verdict_labels_wait_for_the_end() -> None:
    words = {"promoted", "rejected", "budget-pass", "budget-miss", "inconclusive", "baseline", "over-budget"}
    for standing in _standings():
        if standing.state not in TERMINAL_STATES:
            assert not words & set(labels(standing))


def test_unreachable_is_said_of_live_runs_only() -> None:
    for standing in _standings():
        said = "unreachable" in labels(standing)
        assert said == (not standing.reachable and standing.state in LIVE_STATES)


@pytest.mark.parametrize("role", ["ce", "control"])
def test_baselines_and_controls_are_never_promoted(role: str) -> None:
    for standing in _standings():
        if standing.role == role:
            assert "promoted" not in labels(standing)


@pytest.mark.parametrize(("outcome", "words"), [
    (Outcome.NAN, ("failed", "nan")), (Outcome.NCCL, ("failed", "nccl")), (Outcome.XID, ("failed", "xid")),
    (Outcome.JIT_CRASH, ("failed", "jit-crash")), (Outcome.DISK_FULL, ("failed", "disk-full")),
    (Outcome.OVER_BUDGET, ("over-budget",)), (Outcome.OOM, ("oom",)), (Outcome.FAILED, ("failed",))],
    ids=lambda v: str(v))
def test_a_failure_carries_its_class(outcome: Outcome, words: tuple[str, ...]) -> None:
    assert labels(Standing(State.FINISHED, outcome)) == words


def test_running_is_provisional() -> None:
    assert "provisional" in labels(Standing(State.RUNNING))
    assert "provisional" not in labels(Standing(State.FINISHED, Outcome.COMPLETED, "promote", "pass", "teacher"))


@pytest.mark.parametrize(("standing", "primary"), [
    (Standing(State.FINISHED, Outcome.COMPLETED, "promote", "pass", "teacher"), "promoted"),
    (Standing(State.FINISHED, Outcome.COMPLETED, "reject", "fail", "teacher"), "rejected"),
    (Standing(State.FINISHED, Outcome.IMPORTED, "inconclusive", "fail", "teacher", provisional=True), "budget-miss"),
    (Standing(State.FINISHED, Outcome.IMPORTED, "inconclusive", "pass", "teacher"), "budget-pass"),
    (Standing(State.FINISHED, Outcome.IMPORTED, "inconclusive", None, "ce"), "baseline"),
    (Standing(State.FINISHED, Outcome.OOM), "oom"),
    (Standing(State.FINISHED, Outcome.OVER_BUDGET), "over-budget"),
    (Standing(State.FINISHED, Outcome.XID), "failed"),
    (Standing(State.FINISHED, Outcome.LOST_REBOOT), "lost"),
    (Standing(State.ABANDONED, Outcome.WITHDRAWN), "cancelled"),
    (Standing(State.RUNNING, reachable=False), "unreachable"),
    (Standing(State.STAGING), "queued"),
    (Standing(State.PLANNED), "planned"),
])
def test_primary_label(standing: Standing, primary: str) -> None:
    assert status_label(standing) == primary
