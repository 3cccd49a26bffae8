"""One run from the command line: why it is where it is, trying it again, and fetching what it left."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kdorch import Laptop, attempts, until

ONE = """
campaign: one
deadline: 2m
defaults:
  entry: simulated
  horizon: 100
  simulated: {{step_ms: 10, real_step_ms: {pace}, decay_steps: 60, fault: "{fault}", fault_step: 30}}
stages:
  - {{name: only, role: ce, axes: {{seed: [0]}}, policy: ce-baseline}}
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def write(laptop: Laptop, *, fault: str = "none", pace: float = 0.2) -> None:
    (laptop.cwd / "one.yaml").write_text(ONE.format(fault=fault, pace=pace))


def told(laptop: Laptop, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(laptop.run("why", "one/only-s0", "--json", *options).stdout)
    return found


def facts(chain: dict[str, Any]) -> str:
    return "\n".join(f"{p['fact']}: {p['proof']}" for p in chain["proofs"])


def test_why_proves_a_running_run_by_its_lock_and_says_that_the_laptop_may_sleep(laptop: Laptop) -> None:
    write(laptop, pace=100)
    laptop.run("campaign", "launch", "one.yaml", "--detach")
    until(lambda: b"train_loss" in b"".join(p.read_bytes() for p in laptop.home.rglob("train.log")), "it trains")
    chain = told(laptop)
    assert "supervisor.lock is held; the attempt was claimed by pid" in facts(chain)
    assert "boot id" in facts(chain)
    assert "the laptop may sleep" in chain["next"]
    words = laptop.run("why", "one/only-s0").stdout.decode()
    assert words.startswith("one/only-s0")
    assert "next: its own deadline ends it at" in words
    offline = told(laptop, "--offline")
    assert "when last heard" in facts(offline)
    laptop.run("run", "cancel", "one/only-s0")
    laptop.run("watch", "one")
    assert "cancelled" in told(laptop)["conclusion"]


def test_why_names_a_run_whose_processes_are_gone(laptop: Laptop) -> None:
    write(laptop, pace=100)
    laptop.run("campaign", "launch", "one.yaml", "--detach")
    host = laptop.home / "host"
    until(lambda: any(host.glob("runs/*/attempts/1/started.json")), "it starts")
    attempt = next(attempts(host))
    until(lambda: b"train_loss" in (attempt / "train.log").read_bytes(), "it trains")
    started = json.loads((attempt / "started.json").read_text())
    for who in ("supervisor", "trainer"):
        os.kill(started[who]["pid"], signal.SIGKILL)
    until(lambda: not Path(f"/proc/{started['trainer']['pid']}").exists(), "it is gone")
    assert "supervisor.lock is free" in facts(told(laptop))


def test_a_failed_run_is_tried_again_by_name_and_one_with_a_result_is_not(laptop: Laptop) -> None:
    write(laptop, fault="exit")
    laptop.run("campaign", "launch", "one.yaml")
    assert b"attempt 2 is placed" in laptop.run("run", "retry", "one/only-s0").stderr
    laptop.run("watch", "one")
    assert [a.name for a in attempts(laptop.home / "host")] == ["1", "2"]
    assert "attempt 1 ended: failed" in facts(told(laptop))

    other = Laptop(laptop.cwd / "other")
    other.cwd.mkdir()
    write(other)
    other.run("campaign", "launch", "one.yaml")
    refused = other.run("run", "retry", "one/only-s0", code=2).stderr
    assert b"has its result" in refused
    assert b"another seed is another run" in refused


def test_what_a_run_left_on_its_host_is_fetched_and_verified(laptop: Laptop) -> None:
    write(laptop)
    laptop.run("campaign", "launch", "one.yaml")
    manifest = json.loads(next(laptop.home.glob("evidence/*/1/manifest.json")).read_text())
    promised = {s["name"]: s["annotations"]["size_bytes"] for s in manifest["subject"]
                if s["name"].startswith("checkpoints/")}
    assert promised
    where = laptop.cwd / laptop.run("run", "pull", "one/only-s0", "--into", "fetched").stdout.decode().strip()
    assert {str(p.relative_to(where)): p.stat().st_size for p in where.rglob("*") if p.is_file()} == promised
    laptop.run("run", "pull", "one/only-s0", "--into", "fetched")


def test_what_a_clean_host_kept_is_fetched_and_what_it_has_no_longer_is_named(laptop: Laptop) -> None:
    write(laptop)
    laptop.run("campaign", "launch", "one.yaml")
    laptop.run("host", "gc", "local", "--keep-days", "0")
    laptop.run("run", "pull", "one/only-s0", "--into", "fetched")  # a baseline's checkpoint stays there as an asset
    assert (laptop.cwd / "fetched" / "checkpoints" / "best.bin").is_file()
    for asset in (laptop.home / "host" / "assets" / "sha256").iterdir():
        asset.unlink()
    said = laptop.run("run", "pull", "one/only-s0", "--into", "again", code=3).stderr.decode()
    assert "local has checkpoints/best.bin and checkpoints/last.bin of one/only-s0 no longer" in said
    assert "'kdorch host gc' frees a host of such files" in said
