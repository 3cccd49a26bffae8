"""A dry run is quiet: no socket, no file; and repeatable to the byte."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.e2e.kdorch import DATA, REPOSITORY, Laptop
from worker.supervisor import build_parser

SCHEMAS = REPOSITORY / "tests" / "contract" / "cli"

WATCHDOG = """
import sys
def refuse(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise SystemExit(f"a dry run opened a socket: {event} {args}")
sys.addaudithook(refuse)
from orchestrator.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    shutil.copy(DATA / "small.yaml", tmp_path / "small.yaml")
    return Laptop(tmp_path)


def tree(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "-"
            for p in sorted(root.rglob("*"))}


def quiet(laptop: Laptop, *arguments: str, code: int = 0) -> bytes:
    ended = subprocess.run([sys.executable, "-c", WATCHDOG, *arguments], cwd=laptop.cwd, env=laptop.environment(),
                           capture_output=True, check=False)
    assert ended.returncode == code, ended.stderr.decode()
    return ended.stdout


def test_lr_grid_lists_36_students_and_their_controls_twice_the_same(laptop: Laptop) -> None:
    laptop.home.mkdir()
    (laptop.home / "hosts.yaml").write_text("hosts: {local: {gpus: 1}}\n")
    before = tree(laptop.cwd)
    first = quiet(laptop, "campaign", "launch", "lr_grid.yaml", "--dry-run", "--json")
    second = quiet(laptop, "campaign", "launch", "lr_grid.yaml", "--dry-run", "--json")
    assert first == second
    assert tree(laptop.cwd) == before
    plan = json.loads(first)
    jsonschema.validate(plan, json.loads((SCHEMAS / "plan.schema.json").read_text()))
    roles = [r["role"] for r in plan["runs"]]
    assert (roles.count("kd"), roles.count("control")) == (36, 36)
    names = {r["name"] for r in plan["runs"]}
    assert "lr_grid/b3.0-h0.20-d0.35-s0" in names
    assert "lr_grid/b3.0-h0.20-d0.35-s0-twin" in names


def test_a_dry_run_beside_a_used_ledger_changes_no_file(finished: Laptop) -> None:
    before = tree(finished.cwd)
    plan = json.loads(quiet(finished, "campaign", "launch", "small.yaml", "--dry-run", "--json"))
    assert tree(finished.cwd) == before
    assert {r["standing"] for r in plan["runs"]} == {"done"}
    assert not any(r["new"] for r in plan["runs"])
    assert all(r["run_id"] for r in plan["runs"])


def test_the_shown_script_is_what_the_real_parser_takes(laptop: Laptop) -> None:
    shown = json.loads(quiet(laptop, "campaign", "launch", "small.yaml", "--dry-run", "--json", "--show", "quick"))
    launch = next(line for line in shown["launch_script"].splitlines() if "worker.supervisor" in line)
    words = launch.split("worker.supervisor", 1)[1].replace("'", "").replace('"', "").split()
    asked = build_parser().parse_args(words)
    assert asked.run == shown["run_id"]
    assert any(asked.dispatch in f["path"] for f in shown["files"])


def test_a_plan_that_changed_is_not_launched(laptop: Laptop) -> None:
    plan = json.loads(quiet(laptop, "campaign", "launch", "small.yaml", "--dry-run", "--json"))
    refused = laptop.run("campaign", "launch", "small.yaml", "--plan", plan["plan_hash"], "--set",
                         "defaults.horizon=225", code=2)
    assert b"the plan is now" in refused.stderr
    assert not (laptop.home / "host" / "runs").exists()
    laptop.run("campaign", "launch", "small.yaml", "--plan", plan["plan_hash"][:12], "--detach")
    assert len(list((laptop.home / "host" / "runs").iterdir())) == 2


def test_what_scripts_read_keeps_its_schema(laptop: Laptop) -> None:
    told = laptop.run("campaign", "launch", "small.yaml", "--json").stdout.splitlines()
    line_schema = json.loads((SCHEMAS / "watch-line.schema.json").read_text())
    for line in told:
        jsonschema.validate(json.loads(line), line_schema)
    kinds = {json.loads(line)["event"] for line in told}
    assert {"state", "validation", "marker", "verdict", "policy", "choice"} <= kinds
    jsonschema.validate(laptop.rows(), json.loads((SCHEMAS / "ledger.schema.json").read_text()))


def test_a_plan_with_a_run_that_no_host_can_take_is_shown_and_exits_with_2(laptop: Laptop) -> None:
    told = quiet(laptop, "campaign", "launch", "lr_grid.yaml", "--dry-run", code=2)
    assert b"problem: a run of stage baseline needs 1 GPU; local has 0" in told
