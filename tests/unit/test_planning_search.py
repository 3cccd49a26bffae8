"""Rules of a search by Optuna: proposals repeat, never come twice, and what cannot be searched is said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.planning.search import OptunaSearch, Told, propose
from orchestrator.planning.trials import TrialRun, settle_trials
from tests.unit.planning_campaigns import load

SEARCH = OptunaSearch.model_validate({
    "trials": 9, "batch": 3, "seed": 5, "by": "final_val",
    "over": {"schedule.boost": {"uniform": [1.0, 5.0]}, "optimizer.kind": ["adamw", "muon"]}})
FILE = """\
campaign: demo
stages:
  - name: tries
    role: ce
    search: {optuna: {trials: 4, batch: 2, over: {schedule.boost: {uniform: [1.0, 5.0]}}}}
"""


def told(n: int) -> list[Told]:
    first = propose(SEARCH, [], [], n)
    return [Told(p, abs(p["schedule.boost"] - 4.0)) for p in first]


def test_the_same_results_give_the_same_proposals() -> None:
    known = told(6)
    assert propose(SEARCH, known, [], 3) == propose(SEARCH, known, [], 3)
    assert propose(SEARCH, known, [], 3) != propose(SEARCH, known[:5], [], 3)


def test_nothing_is_proposed_twice_even_where_little_is_left() -> None:
    small = OptunaSearch.model_validate({"trials": 4, "batch": 4, "over": {"kd.alpha": [0.1, 0.2, 0.3, 0.4]}})
    known = [Told({"kd.alpha": 0.2}, 1.0), Told({"kd.alpha": 0.4}, None)]
    assert sorted(p["kd.alpha"] for p in propose(small, known, [{"kd.alpha": 0.1}], 1)) == [0.3]
    assert sorted(p["kd.alpha"] for p in propose(small, [], [], 4)) == [0.1, 0.2, 0.3, 0.4]


def test_proposals_learn_from_what_came_before() -> None:
    boosts = [1.0 + i / 5 for i in range(20)]
    known = [Told({"schedule.boost": b, "optimizer.kind": "adamw"}, abs(b - 4.0)) for b in boosts]
    after = [p["schedule.boost"] for p in propose(SEARCH, known, [], 6)]
    assert sum(abs(b - 4.0) for b in after) / 6 < 0.8


def test_without_optuna_the_search_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match="not installed here") as caught:
        propose(SEARCH, [], [], 1)
    assert caught.value.hint == "pip install 'kdorch[optuna]'"


def test_a_file_with_a_search_is_checked_without_optuna(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    source = load(tmp_path, FILE)
    assert [r.name for r in source.layout.runs] == [f"demo/trial{n}-s0" for n in (1, 2, 3, 4)]
    assert all(r.open for r in source.layout.runs)


def test_a_recorded_trial_is_what_the_ledger_says_whatever_would_be_proposed(tmp_path: Path) -> None:
    source = load(tmp_path, FILE)
    first = settle_trials(source.layout.runs, {})[0]
    spec = first.spec.model_copy(update={"schedule": first.spec.schedule.model_copy(update={"boost": 1.75})})
    known = {"demo/trial1-s0": TrialRun(spec.model_dump_json(by_alias=True), False, {})}
    settled = settle_trials(source.layout.runs, known)
    assert settled[0].spec.schedule.boost == 1.75
    assert [r.open for r in settled] == [False, False, True, True]
    assert [r.mark for r in settled] == [r.mark for r in source.layout.runs]


def test_a_trial_that_failed_does_not_hold_up_the_next_batch(tmp_path: Path) -> None:
    source = load(tmp_path, FILE)
    first = settle_trials(source.layout.runs, {})
    known = {r.name: TrialRun(r.spec.model_dump_json(by_alias=True), True, {"final_val": None}) for r in first[:2]}
    assert not any(r.open for r in settle_trials(source.layout.runs, known))


@pytest.mark.parametrize(("change", "message"), [
    ("    axes: {schedule.hold: [0.1, 0.2]}\n", "axes.schedule.hold cannot stand beside it"),
    ("    names: x\n", "names cannot stand beside it"),
])
def test_a_search_makes_its_own_configurations(change: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CampaignFileError, match=message):
        load(tmp_path, FILE + change)


@pytest.mark.parametrize(("over", "message"), [
    ("{schedule.boost: [1.5, 2.0]}", "only 2 different configurations"),
    ("{schedule.boost: {uniform: [-5.0, 5.0]}}", "schedule.boost"),
    ("{schedule.bost: [1, 2, 3, 4]}", "bost"),
])
def test_what_cannot_be_searched_is_said_before_anything_runs(over: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CampaignFileError, match=message):
        load(tmp_path, FILE.replace("{schedule.boost: {uniform: [1.0, 5.0]}}", over))
