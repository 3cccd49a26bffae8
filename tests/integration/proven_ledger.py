"""A small ledger with one of everything that can be proved, made by the real commands and the simulated trainer."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.domain.projection import Projection
from orchestrator.domain.verdict import SHIPPED_POLICIES, Role
from orchestrator.ledger.rows import MemberRecord, RunRecord
from orchestrator.ledger.store import Ledger
from orchestrator.wire.spec import Spec, config_id_of
from tests.e2e.kdorch import Laptop
from tests.integration.ledger_kit import Story, open_ledger

CAMPAIGN = """
campaign: proof
allow: [constant-weight-kd, no-controls]
deadline: 2m
defaults:
  entry: simulated
  horizon: 100
  validation: {every: 25}
  simulated: {step_ms: 10, decay_steps: 40}
stages:
  - {name: base, role: ce, axes: {seed: [0]}, policy: ce-baseline}
  - name: teachers
    role: teacher
    runs: [{name: quick, horizon: 75, simulated: {step_ms: 1}}]
    policy: {name: tenth, budget: {fraction: 0.10, of: base.first}}
    select: {best: final_val}
  - name: arms
    role: kd
    teacher: {from: teachers.best}
    target: {from: teachers.best}
    compare_with: base
    spec: {kd: {alpha: 0.5}, simulated: {kd_gain: 0.5}}
    axes: {seed: [0]}
    policy: {name: student}
"""
CONFIRMING = """
campaign: confirm
deadline: 2m
defaults: {entry: simulated, horizon: 100, validation: {every: 25}, simulated: {step_ms: 2, decay_steps: 40}}
stages:
  - name: seeds
    role: ce
    axes: {seed: [11, 12]}
    target: 3.0
    policy:
      name: two-seeds
      gates: [evidence_complete]
      replication: {rule: modded-nanogpt-track-3, seeds: 2, stop_step: 100}
  - name: kind
    role: ce
    axes: {seed: [21], horizon: [120]}
    policy: {name: kind, gates: [evidence_complete]}
  - name: strict
    role: ce
    axes: {seed: [22], horizon: [120]}
    target: 1.0
    policy: {name: strict, gates: [target_reached]}
"""


def build_proof(directory: Path) -> Home:
    """Two campaigns, a promotion, a confirmation, a challenge, a waiver, an import and an anchor in ``directory``."""
    laptop = Laptop(directory)
    (laptop.cwd / "proof.yaml").write_text(CAMPAIGN)
    laptop.run("campaign", "launch", "proof.yaml")
    laptop.run("ledger", "import", str(Path(__file__).parent / "data" / "ledger_of_record.csv"))
    (laptop.cwd / "confirm.yaml").write_text(CONFIRMING)
    laptop.run("campaign", "launch", "confirm.yaml")
    laptop.run("campaign", "promote", "confirm", "confirm/seeds-s11", "confirm/kind-s21")
    laptop.run("ledger", "rejudge", "--policy", "teacher-budget-5pct")
    words = ("--who", "ada", "--why", "for a test")
    laptop.run("ledger", "challenge", "confirm/kind-s21", "--by", "confirm/strict-s22", *words)
    laptop.run("ledger", "waive", "confirm/strict-s22", "--gate", "target_reached", "--until", "2999-12-31", *words)
    laptop.run("ledger", "anchor")
    home = Home(laptop.home)
    with open_ledger(home.ledger) as ledger:
        _project(ledger)
        ledger.record_host_facts("local", {"torch": None})
        ledger.name_asset("teacher", "a" * 64, 1, "checkpoint")
    with closing(sqlite3.connect(home.ledger)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    shutil.rmtree(home.local_host_root)
    return home


def _project(ledger: Ledger) -> None:
    """A teacher under way, with a forecast of its train time."""
    text = json.dumps({**json.loads(ledger.spec_json(ledger.find_run("proof/quick-s0"))), "seed": 5}, sort_keys=True,
                      separators=(",", ":"))
    run_id = hashlib.sha256(text.encode()).hexdigest()
    story = Story(ledger, campaign_id="a" * 64).begin("under way")
    story.pin("teachers", SHIPPED_POLICIES["teacher-budget-10pct"])
    ledger.record_run(
        RunRecord(run_id, text, config_id_of(Spec.model_validate_json(text)), "teacher", 5),
        MemberRecord(story.campaign_id, run_id, "teachers", 0, "under-way", Role.TEACHER))
    story.launch(run_id)
    ledger.project(story.campaign_id, run_id, Projection(50, 75, 500, 750, 700, 800, 20))


def without_guards(connection: sqlite3.Connection, table: str) -> list[str]:
    """Drop the table's triggers; returns what makes them again."""
    guards = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?",
                                (table,)).fetchall()
    for name, _ in guards:
        connection.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in guards]
