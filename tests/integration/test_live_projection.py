"""A teacher under way is projected against its budget, with an interval; it is judged by what was measured alone."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e.kdorch import Laptop

CAMPAIGN = """
campaign: projected
deadline: 2m
defaults: {entry: simulated, horizon: 120, validation: {every: 30}, simulated: {step_ms: 10, decay_steps: 40}}
stages:
  - {name: base, role: ce, axes: {seed: [0, 1]}, policy: ce-baseline}
  - name: teachers
    role: teacher
    after: [base]
    runs:
      - {name: cheap, simulated: {step_ms: 10, real_step_ms: 15}}
      - {name: dear, simulated: {step_ms: 30, real_step_ms: 15}}
    policy: {name: limit, budget_ms: 2000}
"""


def test_a_teacher_under_way_is_projected_and_never_judged_by_it(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    (tmp_path / "projected.yaml").write_text(CAMPAIGN)
    done = laptop.run("campaign", "launch", "projected.yaml", "--json")
    events: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    told = [e for e in events if e["event"] == "projection"]
    assert {e["name"] for e in told} == {"projected/cheap-s0", "projected/dear-s0"}, "only what has a budget of its own"
    for e in told:
        assert e["lower_ms"] <= e["projected_ms"] <= e["upper_ms"]
        assert (e["total_steps"], e["budget_ms"], e["needed"]) == (120, 2000, 19)
        assert f"not calibrated: {e['calibrated_on']} finished runs of 19 needed" in e["words"]
        assert e["outlook"] == ("pass" if e["name"] == "projected/cheap-s0" else "fail"), e
        assert e["projected_ms"] == (1200 if e["name"] == "projected/cheap-s0" else 3600), e
        assert e["calibrated_on"] >= 2
    rows = {row["name"]: row for row in laptop.rows()}
    assert rows["projected/cheap-s0"]["verdict"] == "promote"
    assert rows["projected/dear-s0"]["verdict"] == "reject"
    with closing(sqlite3.connect(laptop.home / "ledger.sqlite")) as connection:
        stored = connection.execute("SELECT step, projected_ms, basis FROM projections").fetchall()
    assert sorted(stored) == sorted((e["step"], e["projected_ms"], "projected") for e in told)
    assert b"everything agrees" in laptop.run("ledger", "verify").stderr


def test_show_tells_the_last_projection_of_what_is_under_way(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    (tmp_path / "projected.yaml").write_text(CAMPAIGN.replace("real_step_ms: 15", "real_step_ms: 200"))
    process = laptop.start("campaign", "launch", "projected.yaml", "--json")
    assert process.stdout is not None
    try:
        assert any(json.loads(line)["event"] == "projection" for line in process.stdout)
        said = laptop.run("campaign", "show", "projected").stdout.decode()
        assert "is projected to" in said
        assert "its budget is 2.0 s: it" in said
        assert re.search(r"machine time: \S+ min used \([0-9,]+\.[0-9]{2}\)",
                         laptop.run("campaign", "show", "projected", "--price", "1000").stdout.decode())
    finally:
        process.kill()
        process.communicate()
        laptop.run("campaign", "cancel", "projected")
