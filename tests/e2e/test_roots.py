"""What is not in a root proves something only of that root: a disk that is not mounted ends no run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts, baselines, trainer_starts, until


def _hosts(laptop: Laptop, root: Path) -> None:
    (laptop.home / "hosts.yaml").write_text(f"hosts:\n  box: {{transport: local, root: {root}, slots: 1}}\n")


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """A laptop whose two runs have ended on a host, and are not collected."""
    laptop = Laptop(tmp_path / "laptop")
    laptop.home.mkdir(parents=True)
    _hosts(laptop, tmp_path / "root")
    (laptop.cwd / "two.yaml").write_text(baselines("two", 2))
    laptop.run("campaign", "launch", "two.yaml", "--detach")
    until(lambda: len(list((tmp_path / "root" / "runs").glob("*/attempts/1/exit.json"))) == 2, "both are sealed")
    return laptop


def test_runs_of_a_root_that_is_not_there_are_neither_lost_nor_run_again(laptop: Laptop, tmp_path: Path) -> None:
    _hosts(laptop, tmp_path / "mountpoint")
    before = {r["name"]: (r["state"], r["outcome"]) for r in laptop.rows()}
    for command in (["watch", "two"], ["campaign", "launch", "two.yaml"]):
        said = laptop.run(*command, code=3).stderr.decode()
        assert "is not there now, and nothing proves that this is the directory it was placed in" in said
        assert "is the root's disk mounted" in said
    assert {r["name"]: (r["state"], r["outcome"]) for r in laptop.rows()} == before
    assert not list(attempts(tmp_path / "mountpoint"))
    assert "nothing proves that it was placed in this one" in laptop.run("why", "two/only-s0").stdout.decode()

    _hosts(laptop, tmp_path / "root")
    laptop.run("campaign", "launch", "two.yaml")
    assert [r["status"] for r in laptop.rows()] == ["baseline", "baseline"]
    assert [trainer_starts(a) for a in attempts(tmp_path / "root")] == [1, 1]


def test_a_root_that_is_gone_for_good_takes_a_persons_word(laptop: Laptop, tmp_path: Path) -> None:
    refused = laptop.run("run", "lost", "two/only-s0", "--why", "no patience", code=2).stderr.decode()
    assert "two/only-s0 is there on box: sealed" in refused
    (tmp_path / "root").rename(tmp_path / "broken-disk")
    laptop.run("run", "lost", "two/only-s0", "--why", "the disk broke")
    assert {r["name"]: r["outcome"] for r in laptop.rows()} == {"two/only-s0": "lost_supervisor", "two/only-s1": None}
    events = json.loads(laptop.run("ledger", "sql", "--format", "json",
                                   "SELECT payload FROM events WHERE payload LIKE '%a person%'").stdout)
    assert json.loads(events[0]["payload"])["detail"] == {"why": "a person's word: the disk broke"}
    laptop.run("run", "lost", "two/only-s1", "--why", "the disk broke")
    laptop.run("campaign", "launch", "two.yaml")
    assert [(r["status"], a.name) for r, a in zip(laptop.rows(), attempts(tmp_path / "root"), strict=True)] == \
        [("baseline", "2")] * 2
    laptop.run("ledger", "verify")


def test_a_directory_that_was_removed_from_its_own_root_is_lost(laptop: Laptop, tmp_path: Path) -> None:
    gone = next(attempts(tmp_path / "root"))
    gone.rename(tmp_path / "taken away")
    said = laptop.run("watch", "two").stderr.decode()
    assert "the attempt's directory is gone from the host" in said
    assert sorted(r["outcome"] for r in laptop.rows()) == ["completed", "lost_supervisor"]
