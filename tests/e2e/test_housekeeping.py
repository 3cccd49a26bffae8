"""Housekeeping through the real command: what is collected goes, what is needed stays, the ledger's answer does not
change."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from orchestrator.wire.output import AssetEntries, GcAnswer
from tests.e2e.kdorch import DATA, Laptop, attempts, trainer_starts, until
from tests.e2e.test_failures import ONE
from tests.e2e.test_main_job import RUNS
from worker.survey import TOMBSTONE


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    shutil.copy(DATA / "small.yaml", tmp_path / "small.yaml")
    return Laptop(tmp_path)


def gc(laptop: Laptop, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(laptop.run("host", "gc", "local", "--json", *arguments).stdout)
    GcAnswer.model_validate(found)
    return found


def digests(place: Path) -> dict[str, str]:
    return {str(p.relative_to(place)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(place.rglob("*")) if p.is_file()}


def test_a_finished_campaign_is_cleared_away_and_nothing_that_counts_is_lost(finished: Laptop) -> None:
    laptop = finished
    root, rows = laptop.home / "host", laptop.rows()

    assert [k["reason"] for k in gc(laptop)["kept"] if k["kind"] == "attempt"] == ["it ended not long ago"] * RUNS
    before = digests(root)
    would = gc(laptop, "--keep-days", "0", "--dry-run")
    assert digests(root) == before, "a dry run touches nothing"
    assert sum(r["kind"] == "attempt" for r in would["removed"]) == RUNS

    teachers = [r for r in rows if r["mode"] == "teacher"]
    altered = laptop.home / str(rows[0]["artifact_dir"]) / "train.log"
    text = altered.read_bytes()
    altered.write_bytes(text.replace(b"0", b"1", 1))
    first = gc(laptop, "--keep-days", "0")
    assert [k["reason"] for k in first["kept"]] == ["train.log on this machine was altered"]
    altered.write_bytes(text)
    second = gc(laptop, "--keep-days", "0")
    assert [r["kind"] for r in second["removed"]] == ["attempt"]
    assert first["freed_bytes"] + second["freed_bytes"] <= would["freed_bytes"]
    assert gc(laptop, "--keep-days", "0")["freed_bytes"] == 0

    found = list(attempts(root))
    assert len(found) == RUNS
    assert all({p.name for p in a.iterdir()} <= TOMBSTONE and (a / "exit.json").exists() for a in found)
    assert len(list((root / "assets" / "sha256").iterdir())) >= len(teachers), "teachers' best checkpoints stay"

    laptop.run("campaign", "launch", "small.yaml")
    assert laptop.rows() == rows
    assert len(list(attempts(root))) == RUNS, "nothing was launched a second time"
    laptop.run("ledger", "verify")


def test_what_a_reboot_ended_goes_too(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = laptop.cwd / "boot_id"
    boot.write_text("11111111-2222-3333-4444-555555555555\n")
    monkeypatch.setenv("KDORCH_BOOT_ID_FILE", str(boot))
    (laptop.cwd / "one.yaml").write_text(ONE.format(fault="hang", pace=0.2, deadline="5m"))
    laptop.run("campaign", "launch", "one.yaml", "--detach", forked=False)
    until(lambda: any(trainer_starts(a) for a in attempts(laptop.home / "host")), "the trainer's first line")
    attempt, = attempts(laptop.home / "host")
    started = json.loads((attempt / "started.json").read_bytes())
    for role in ("supervisor", "trainer"):
        os.kill(started[role]["pid"], signal.SIGKILL)
    boot.write_text("66666666-7777-8888-9999-000000000000\n")
    laptop.run("watch", "one", forked=False)
    assert [r["outcome"] for r in laptop.rows()] == ["lost_reboot"]
    assert [r["kind"] for r in gc(laptop, "--keep-days", "0")["removed"]] == ["attempt"]
    assert {p.name for p in attempt.iterdir()} <= TOMBSTONE
    assert gc(laptop, "--keep-days", "0")["kept"] == []
    laptop.run("ledger", "verify")


def test_runs_of_another_ledger_are_counted_and_never_touched(finished: Laptop, tmp_path: Path) -> None:
    root = finished.home / "host"
    other = Laptop(tmp_path / "elsewhere")
    other.home.mkdir(parents=True)
    (other.home / "hosts.yaml").write_text(f"hosts:\n  local: {{root: {root}}}\n")
    before = digests(root / "runs")
    answer = gc(other, "--keep-days", "0")
    assert answer["foreign_attempts"] == RUNS
    assert {r["kind"] for r in answer["removed"]} <= {"cache", "bundle"}
    assert digests(root / "runs") == before


def test_an_asset_travels_once_and_an_altered_copy_is_replaced(laptop: Laptop) -> None:
    shards = laptop.cwd / "fineweb"
    (shards / "sub").mkdir(parents=True)
    (shards / "train_0.bin").write_bytes(b"tokens" * 50_000)
    (shards / "sub" / "val.bin").write_bytes(b"validation" * 1000)
    laptop.run("asset", "add", "fineweb", "fineweb", "--kind", "shards")
    laptop.run("asset", "add", "fineweb", "fineweb", "--kind", "shards")
    [entry] = json.loads(laptop.run("asset", "list", "--json").stdout)
    AssetEntries.model_validate([entry])
    assert (entry["name"], entry["here"], entry["hosts"], entry["size_bytes"]) == ("fineweb", True, [], 310_000)

    root = laptop.home / "host"
    assert b"was sent to local" in laptop.run("asset", "push", "fineweb", "local").stderr
    assert (root / "data/fineweb/sub/val.bin").read_bytes() == b"validation" * 1000
    assert b"is already on local" in laptop.run("asset", "push", entry["sha256"][:12], "local").stderr
    assert json.loads(laptop.run("asset", "list", "--json").stdout)[0]["hosts"] == ["local"]

    digest = hashlib.sha256((shards / "train_0.bin").read_bytes()).hexdigest()
    copy = root / "assets/sha256" / digest
    copy.chmod(0o644)
    copy.write_bytes(b"Tokens" * 50_000)
    shutil.rmtree(root / "data")
    assert b"was sent to local" in laptop.run("asset", "push", "fineweb", "local").stderr
    assert (root / "data/fineweb/train_0.bin").read_bytes() == b"tokens" * 50_000

    laptop.run("asset", "rm", "fineweb")
    assert json.loads(laptop.run("asset", "list", "--json").stdout) == []
    assert not any((laptop.home / "assets/sha256").iterdir())
    into = laptop.cwd / "back"
    assert laptop.run("asset", "pull", entry["sha256"], "--from", "local", "--into", str(into)).stdout
    assert digests(into) == digests(shards)
    laptop.run("asset", "pull", "nobody-knows", code=2)


def test_an_altered_asset_here_is_refused_and_named(laptop: Laptop) -> None:
    (laptop.cwd / "best.pt").write_bytes(b"weights" * 1000)
    laptop.run("asset", "add", "best", "best.pt", "--link")
    (laptop.cwd / "best.pt").write_bytes(b"Weights" * 1000)
    answer = laptop.run("asset", "push", "best", "local", code=3)
    assert b"(removed)" in answer.stderr
    assert (laptop.cwd / "best.pt").exists()
    other = laptop.cwd / "other.pt"
    other.write_bytes(b"else")
    assert b"is already the name of" in laptop.run("asset", "add", "best", "other.pt", code=2).stderr
