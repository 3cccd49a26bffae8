"""The verbs of the court through the real command: policies, rejudge, promote, waive, challenge, anchor."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop

CSV = Path(__file__).parent / "data" / "ledger_of_record.csv"
CAMPAIGN = """
campaign: confirm
deadline: 2m
defaults:
  entry: simulated
  horizon: 100
  validation: {every: 25}
  simulated: {step_ms: 2, decay_steps: 40, noise: 0.001}
stages:
  - name: grid
    role: ce
    axes: {seed: [0, 1]}
    policy: {name: grid, gates: [evidence_complete]}
  - name: seeds
    role: ce
    axes: {seed: [11, 12, 13]}
    target: 2.5
    policy:
      name: three-seeds
      gates: [evidence_complete]
      replication: {rule: one-sided-t-p05, seeds: 3, stop_step: 100}
  - name: strict
    role: ce
    axes: {seed: [14]}
    target: 1.0
    policy: {name: strict, gates: [target_reached]}
"""


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    laptop = Laptop(tmp_path_factory.mktemp("court"))
    (laptop.cwd / "confirm.yaml").write_text(CAMPAIGN)
    laptop.run("campaign", "launch", "confirm.yaml")
    laptop.run("ledger", "import", str(CSV))
    return laptop


def test_seeds_that_were_registered_in_the_campaign_file_are_confirmed(laptop: Laptop) -> None:
    told = json.loads(laptop.run("campaign", "promote", "confirm", "confirm/seeds-s11", "confirm/seeds-s12",
                                 "--json").stdout)
    assert {t["name"]: t["kind"] for t in told} == {"confirm/seeds-s11": "confirmed", "confirm/seeds-s12": "confirmed"}
    assert {r["name"] for r in laptop.rows("--status", "confirmed")} >= {"confirm/seeds-s11", "confirm/seeds-s12"}
    shown = laptop.run("ledger", "show", "confirm/seeds-s11").stdout.decode()
    assert re.search(r"replication +passed: mean loss 2\.\d+ over 3 fresh seeds; asked: 3 fresh seeds, all stopped at "
                     r"step 100: mean loss below 2\.5000 by Student's one-sided t-test, t >= 2\.9", shown)
    assert re.search(r"PASS +replicated", shown)


def test_a_candidate_comes_with_the_winners_curse(laptop: Laptop) -> None:
    done = laptop.run("campaign", "promote", "confirm", "confirm/grid-s0")
    assert done.stdout == b"confirm/grid-s0: candidate\n"
    assert b"one configuration: nothing was picked" in done.stderr, "its two seeds are no rivals of each other"


def test_a_ranking_says_how_much_of_it_is_luck(laptop: Laptop) -> None:
    assert b"best of 6 on one seed: 1.3 standard deviations of one seed are luck" in laptop.run(
        "ledger", "--campaign", "confirm", "--sort", "final_val").stderr
    assert b"best of 6 on one seed" in laptop.run(
        "ledger", "--campaign", "confirm", "--sort", "final_val", "--limit", "2").stderr
    assert b"luck" not in laptop.run("ledger", "--campaign", "confirm", "--sort", "-final_val").stderr
    assert b"luck" not in laptop.run("ledger", "--campaign", "confirm", "--sort", "name").stderr


def test_what_was_rejected_is_not_promoted_whatever_is_waived(laptop: Laptop) -> None:
    words = ("--who", "ada", "--why", "the target was a guess", "--until", "2999-12-31")
    done = laptop.run("ledger", "waive", "confirm/strict-s14", "--gate", "target_reached", *words)
    assert b"the verdict stays" in done.stdout
    refused = laptop.run("campaign", "promote", "confirm", "confirm/strict-s14", code=4).stderr
    assert b"it is reject (target_reached)" in refused
    assert b"promotes nothing" in refused
    row, = laptop.rows("--status", "waived")
    assert (row["name"], row["verdict"], row["failed_gates"]) == ("confirm/strict-s14", "reject", ["target_reached"])
    assert b"does not stand" in laptop.run("ledger", "waive", "confirm/strict-s14", "--gate", "budget", *words,
                                           code=4).stderr


def test_a_rerun_contests_a_promotion(laptop: Laptop) -> None:
    laptop.run("campaign", "promote", "confirm", "confirm/seeds-s13")
    laptop.run("ledger", "challenge", "confirm/seeds-s13", "--by", "confirm/strict-s14", "--who", "ada", "--why",
               "never below 1.0")
    assert [r["name"] for r in laptop.rows("--status", "contested")] == ["confirm/seeds-s13"]
    assert b"ada" in laptop.run("ledger", "show", "confirm/seeds-s13").stdout


def test_judging_again_by_five_percent_appends_beside_the_five_that_pass(laptop: Laptop) -> None:
    told = json.loads(laptop.run("ledger", "rejudge", "--policy", "teacher-budget-5pct", "--campaign", "imported",
                                 "--json").stdout)
    assert sorted((t["budget_result"], t["pinned_budget_result"]) for t in told) == sorted(
        [("pass", "pass")] * 2 + [("fail", "pass")] * 3 + [("fail", "fail")] * 2)
    assert all(t["is_new"] and t["counts"] == "teacher-budget-10pct" for t in told)
    again = json.loads(laptop.run("ledger", "rejudge", "--policy", "teacher-budget-5pct", "--json").stdout)
    assert [t["is_new"] for t in again] == [False] * 7
    said = laptop.run("ledger", "rejudge", "--policy", "teacher-budget-10pct").stderr
    assert b"0 runs of role teacher that are held to another policy, 0 verdicts appended; 7 are judged by this very " \
           b"policy and keep their verdict" in said
    assert len(laptop.rows("--status", "budget-pass")) == 5
    laptop.run("ledger", "verify", "--fast")


def test_a_policy_file_that_is_wrong_is_refused_with_its_line(laptop: Laptop) -> None:
    (laptop.cwd / "bad.yaml").write_text("name: bad\nrole: teacher\nbudget_ms: -7\ngates: [budget, magic]\n")
    said = laptop.run("ledger", "rejudge", "--policy", "bad.yaml", code=2).stderr
    assert b"bad.yaml:3: budget_ms: " in said
    assert b"bad.yaml:4: gates[1]: " in said
    assert b"there is no policy 'nothing'" in laptop.run("ledger", "rejudge", "--policy", "nothing", code=2).stderr


def test_policies_are_printed_as_rules_also_without_a_ledger(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    told = json.loads(laptop.run("ledger", "policies", "--json").stdout)
    ten = next(p for p in told["shipped"] if p["name"] == "teacher-budget-10pct")
    assert ten["budget_ms"] == 69402
    assert "at most 69402 ms" in ten["rules"]["budget"]
    assert {r["name"] for r in told["replication_rules"]} >= {"modded-nanogpt-track-1", "modded-nanogpt-track-3"}
    shown = laptop.run("ledger", "policies", "teacher-budget-10pct").stdout.decode()
    assert ten["rules"]["budget"] in shown
    assert ten["policy_id"] in shown
    assert not laptop.home.exists()


def test_the_anchor_line_is_the_head_of_the_chain(laptop: Laptop) -> None:
    line = laptop.run("ledger", "anchor").stdout.decode().strip()
    head = json.loads(laptop.run("ledger", "verify", "--fast", "--json").stdout)["head"]
    assert line == f"kdorch-anchor v1 event={head['seq']} sha256={head['hash']}"
    (laptop.cwd / "kept.txt").write_text(line.replace(head["hash"], "0" * 64))
    assert b"made anew" in laptop.run("ledger", "verify", "--fast", "--anchor", "kept.txt", code=4).stdout
