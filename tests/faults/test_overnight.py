"""Twenty runs that a host finishes while no laptop process is alive, collected afterwards with one command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts, trainer_starts, until
from tests.faults.host_side import FaultyHost
from tests.faults.links import ssh_link
from tests.faults.properties import Findings, examine

pytestmark = pytest.mark.sshd

RUNS = 20
TEXT = f"""
campaign: overnight
deadline: 5m
defaults:
  entry: simulated
  horizon: 30
  validation: {{every: 15}}
  simulated: {{step_ms: 10, real_step_ms: 5, decay_steps: 60}}
stages:
  - {{name: only, role: ce, axes: {{seed: {list(range(RUNS))}}}, policy: ce-baseline}}
"""


@pytest.mark.parametrize("collect", [("watch", "overnight"), ("campaign", "launch", "overnight.yaml", "--host", "box")],
                         ids=["watch", "launch"])
def test_a_host_finishes_twenty_runs_alone_and_one_command_collects_them(
        sshd_program: str, tmp_path: Path, collect: tuple[str, ...]) -> None:
    laptop = Laptop(tmp_path / "laptop")
    laptop.home.mkdir(parents=True)
    (laptop.cwd / "overnight.yaml").write_text(TEXT)
    with FaultyHost(tmp_path / "host") as host, ssh_link(laptop.home) as link:
        (laptop.home / "hosts.yaml").write_text(link.hosts_yaml(host, slots=2))
        laptop.run("campaign", "launch", "overnight.yaml", "--host", "box", "--detach")
        sealed_by_day = _sealed(host.root)
        link.cut()
        assert not _laptop_processes(laptop.home), "no process of the laptop is left"
        until(lambda: _sealed(host.root) == RUNS, "the host finishes the queue by itself")
        assert sealed_by_day < RUNS, "the campaign must not have been over before the laptop was"
        assert len(laptop.rows("--status", "baseline")) < RUNS
        link.heal()

        laptop.run(*collect)
        assert len(laptop.rows("--status", "baseline")) == RUNS
        assert all(trainer_starts(attempt) == 1 for attempt in attempts(host.root))
        findings = Findings()
        examine([host], laptop.home, findings, innocent=True)
        assert findings.complaints() == []
        assert findings.outcomes == ["completed"] * RUNS


def _sealed(root: Path) -> int:
    return len(list(root.glob("runs/*/attempts/1/exit.json")))


def _laptop_processes(home: Path) -> list[int]:
    """Live processes that were given this KDORCH_HOME."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"KDORCH_HOME={home}\0".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
