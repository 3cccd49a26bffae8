"""Search by Optuna through the real driver and ledger: batches, and the study rebuilt from the ledger alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.planted_runs import ThisProcess
from orchestrator.dispatch.campaign import CampaignDriver
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.knowledge import LedgerKnowledge
from orchestrator.dispatch.plans import plan_for
from orchestrator.dispatch.pool import HostPool
from orchestrator.dispatch.session import inventory_of, this_bundle, utc_now
from orchestrator.ledger.store import Ledger
from orchestrator.planning.campaign_file import CampaignSource, load_campaign
from orchestrator.planning.findings import at
from orchestrator.planning.plan import Plan, PlannedRun

SEARCH = """\
campaign: search
host: local
defaults:
  entry: simulated
  horizon: 60
  validation: {every: 10}
  simulated: {val_start: 5.0, val_floor: 2.0, decay_steps: 30, step_ms: 10, noise: 0.01, boost_gain: 0.3}
stages:
  - name: tries
    role: ce
    search:
      optuna:
        trials: 7
        batch: 3
        seed: 1
        over:
          schedule.boost: {uniform: [1.0, 5.0]}
          schedule.drop_to_base: [0.3, 0.5, 0.7]
    axes: {seed: [0, 1]}
    policy: {name: steady, trend_points: 2}
    select: {top: 1 by final_val}
  - name: again
    role: ce
    settings: {from: tries.top}
    axes: {seed: [7]}
"""
OVER = ("schedule.boost", "schedule.drop_to_base")


class Interrupted(Exception):
    """The process dies."""


class Mortal(ThisProcess):
    """Dies after so many runs."""

    left = 10**6

    def _train(self, run: PlannedRun, attempt: object, plan: Plan) -> None:
        if self.left == 0:
            raise Interrupted
        self.left -= 1
        super()._train(run, attempt, plan)  # type: ignore[arg-type]


def source_of(directory: Path) -> CampaignSource:
    directory.mkdir(exist_ok=True)
    (directory / "search.yaml").write_text(SEARCH)
    return load_campaign("search.yaml", cwd=directory)


def drive(directory: Path, runs: int = 10**6) -> Plan | None:
    """Drive the campaign until it ends, or until the process dies after ``runs`` runs; the plan it ended with."""
    source, home, bundle = source_of(directory), Home(directory / "home"), this_bundle()
    home.root.mkdir(exist_ok=True)
    inventory = inventory_of(home, None)
    with Ledger.open(home.ledger, clock=utc_now) as ledger, \
            HostPool(home, inventory, bundle, ledger, print, monotonic=lambda: 0.0) as pool:
        launcher = Mortal(ledger, directory / "host", "luck")
        launcher.left = runs
        driver = CampaignDriver(
            home, ledger, pool, launcher, lambda _: None,  # type: ignore[arg-type]
            make_plan=lambda knowledge: plan_for(source, inventory, bundle.digest, knowledge),
            source_text=source.text, source_name="search.yaml", overrides_json=json.dumps(source.overrides))
        try:
            return driver.drive().plan
        except Interrupted:
            return None


def replanned(directory: Path) -> Plan:
    """The plan that another process makes with the same ledger."""
    source, home = source_of(directory), Home(directory / "home")
    with Ledger.open(home.ledger, clock=utc_now) as ledger:
        return plan_for(source, inventory_of(home, None), this_bundle().digest, LedgerKnowledge(ledger))


def tried(plan: Plan) -> list[tuple[object, ...]]:
    """What each trial that is settled tries, in order."""
    found = {r.trial: tuple(at(r.spec.model_dump(), path.split(".")) for path in OVER)
             for r in plan.runs if r.trial is not None and not r.trial_is_open}
    return list(found.values())


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    directory = tmp_path_factory.mktemp("search")
    plan = drive(directory)
    assert plan is not None
    return directory, plan


def test_a_search_goes_through_all_its_batches_and_hands_on_what_it_found(searched: tuple[Path, Plan]) -> None:
    directory, plan = searched
    assert len(tried(plan)) == len(set(tried(plan))) == 7
    assert {r.standing for r in replanned(directory).runs} == {"done"}
    (again,) = [r for r in plan.runs if r.stage == "again"]
    source = next(r for r in plan.runs if r.name == again.settings_from)
    assert (again.spec.schedule, again.seed) == (source.spec.schedule, 7)
    assert all(p.name.startswith("ledger.sqlite") for p in (directory / "home").iterdir()), "no second database"


def test_another_process_makes_the_same_plan_of_the_same_ledger(searched: tuple[Path, Plan]) -> None:
    directory, plan = searched
    assert [r.run_id for r in replanned(directory).runs] == [r.run_id for r in plan.runs]
    assert replanned(directory).plan_hash == plan.plan_hash


@pytest.mark.parametrize("runs", [0, 2, 6, 8])
def test_killed_in_or_between_batches_it_comes_to_the_same(runs: int, searched: tuple[Path, Plan],
                                                          tmp_path: Path) -> None:
    assert drive(tmp_path, runs) is None
    carried_on = drive(tmp_path)
    assert carried_on is not None
    assert [r.run_id for r in carried_on.runs] == [r.run_id for r in searched[1].runs]


def test_only_the_first_batch_is_known_before_anything_ran(tmp_path: Path) -> None:
    assert drive(tmp_path, 3) is None
    plan = replanned(tmp_path)
    assert len(tried(plan)) == 3
    assert {r.unresolved for r in plan.runs if r.trial is not None and r.trial > 3} == {("tries.trials",)}
