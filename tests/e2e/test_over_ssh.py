"""The same campaign over a real sshd: the same ledger, but for hosts and times; and silence is never death."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kdorch import DATA, REPOSITORY, Laptop, attempts, trainer_starts, until
from tests.integration.sshd_server import SshServer

pytestmark = pytest.mark.sshd

OBSERVED = ("host", "artifact_dir")
"""What may differ between hosts. The simulated trainer's clock repeats, so even its times are held equal."""


@pytest.fixture
def host_root(tmp_path: Path) -> Path:
    return tmp_path / "remote"


@pytest.fixture
def laptop(tmp_path: Path, sshd: SshServer, host_root: Path) -> Laptop:
    cwd = tmp_path / "laptop"
    (cwd / ".kdorch").mkdir(parents=True)
    shutil.copy(DATA / "small.yaml", cwd / "small.yaml")
    (cwd / ".kdorch" / "hosts.yaml").write_text(sshd.hosts_yaml("box", python=sys.executable, root=str(host_root)))
    return Laptop(cwd)


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in OBSERVED} for row in rows]


def test_over_sshd_the_ledger_is_the_same_as_on_this_machine_but_for_hosts(laptop: Laptop, host_root: Path,
                                                                         tmp_path: Path) -> None:
    refused = laptop.run("campaign", "launch", "small.yaml", "--host", "box", code=3)
    assert b"kdorch host trust box" in refused.stderr
    assert not host_root.exists(), "nothing may reach a host whose key is not trusted"

    unanswered = laptop.run("host", "trust", "box", code=2)  # there is no terminal
    assert b"nobody here to answer; nothing was changed" in unanswered.stderr
    assert b"SHA256:" in unanswered.stdout
    laptop.run("host", "trust", "box", "--yes")
    laptop.run("campaign", "launch", "small.yaml", "--host", "box")
    over_ssh = laptop.rows()
    assert {r["host"] for r in over_ssh} == {"box"}
    assert all(trainer_starts(a) == 1 for a in attempts(host_root))

    here = tmp_path / "here"
    here.mkdir()
    shutil.copy(DATA / "small.yaml", here / "small.yaml")
    local = Laptop(here)
    local.run("campaign", "launch", "small.yaml")
    assert comparable(local.rows()) == comparable(over_ssh)


def test_a_changed_host_key_is_a_hard_stop_that_names_the_way_out(laptop: Laptop, sshd: SshServer) -> None:
    laptop.run("host", "trust", "box", "--yes")
    laptop.run("host", "doctor", "box", "--json")
    sshd.swap_host_key()
    changed = laptop.run("host", "doctor", "box", code=3)
    assert b"fail" in changed.stdout
    assert b"kdorch host trust box" in changed.stdout
    assert laptop.run("host", "trust", "box", "--yes", code=3).stderr
    laptop.run("host", "trust", "box", "--yes", "--replace")
    laptop.run("host", "doctor", "box", "--json")


def test_a_silent_host_is_no_dead_host_and_its_runs_are_collected_when_it_answers(laptop: Laptop, sshd: SshServer,
                                                                                 host_root: Path) -> None:
    laptop.run("host", "trust", "box", "--yes")
    laptop.run("campaign", "launch", "small.yaml", "--host", "box", "--detach")
    sshd.stop()
    until(lambda: len(list(host_root.glob("runs/*/attempts/*/exit.json"))) == 2,
          "the baselines end on the host while nobody can reach it")
    watching = laptop.start("watch", "small", "--json")
    assert watching.stdout is not None
    told = watching.stdout.readline()
    while b"host_silent" not in told:
        assert told, "watch must say that the host is silent, and go on"
        told = watching.stdout.readline()
    assert not any(r["outcome"] for r in laptop.rows()), "silence proves nothing about a run"
    assert {r["status"] for r in laptop.rows() if "unreachable" in r["labels"]} == {"unreachable"}
    sshd.start()
    out, err = watching.communicate(timeout=120)
    assert watching.returncode == 0, err.decode()[-2000:]
    assert b"host_back" in out
    assert {r["status"] for r in laptop.rows() if r["mode"] == "ce_baseline"} == {"baseline"}


@pytest.mark.torch
def test_the_quickstart_over_sshd_tells_the_local_story(laptop: Laptop) -> None:
    """The shipped quickstart, shortened, with the real trainer; a literal budget, so that load decides nothing."""
    laptop.run("host", "trust", "box", "--yes")
    shorter = ["--set", "defaults.horizon=75", "--set", "defaults.validation.sequences=16",
               "--set", "stages.baseline.axes.seed=[0]", "--set", "stages.arms.axes.seed=[0]",
               "--set", "stages.teachers.policy.budget=null", "--set", "stages.teachers.policy.budget_ms=600000"]
    shutil.copy(REPOSITORY / "campaigns" / "quickstart.yaml", laptop.cwd / "quickstart.yaml")
    told = laptop.run("campaign", "launch", "quickstart.yaml", "--host", "box", *shorter).stderr.decode()
    over_ssh = laptop.rows()
    assert len(over_ssh) == 9, told[-3000:]
    other = Laptop(laptop.cwd.parent / "second")
    other.cwd.mkdir()
    shutil.copy(REPOSITORY / "campaigns" / "quickstart.yaml", other.cwd / "quickstart.yaml")
    other.run("campaign", "launch", "quickstart.yaml", *shorter)
    timed = {"train_time_ms", "teacher_train_time_ms", "time_to_target_ms", *OBSERVED}

    def story(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{k: v for k, v in row.items() if k not in timed} for row in rows]

    assert story(other.rows()) == story(over_ssh)
