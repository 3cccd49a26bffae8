"""A host that a person must see to stops nothing that goes on elsewhere, and is told at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts, baselines, trainer_starts, until


def _hosts(laptop: Laptop, *names: str, lane: str = "good", python: str = "") -> None:
    lines = {"good": f"good: {{transport: local, root: {laptop.cwd / 'good'}, slots: 1}}",
             "bad": f"bad: {{transport: local, root: {laptop.cwd / 'bad'}, slots: 1{python}}}"}
    (laptop.home / "hosts.yaml").write_text(
        "hosts:\n" + "".join(f"  {lines[n]}\n" for n in names) + f"lanes: {{default: [{lane}]}}\n")


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    laptop = Laptop(tmp_path)
    laptop.home.mkdir(parents=True)
    (laptop.cwd / "four.yaml").write_text(baselines("four", 4))
    return laptop


NO_PYTHON = ", python: /nowhere/python3"


@pytest.mark.parametrize(("trouble", "code"), [("no python", 3), ("no entry", 2)])
def test_the_runs_of_other_hosts_are_collected_and_the_unusable_one_is_told_at_the_end(
        laptop: Laptop, trouble: str, code: int) -> None:
    _hosts(laptop, "good", "bad", lane="bad")
    laptop.run("campaign", "launch", "four.yaml", "--detach")
    until(lambda: len(list((laptop.cwd / "bad" / "runs").glob("*/attempts/1/exit.json"))) == 4, "all are sealed")
    # A second campaign shares two of the runs, and has two of its own on the other host.
    (laptop.cwd / "more.yaml").write_text(baselines("more", 4).replace("2, 3", "4, 5"))
    if trouble == "no python":
        _hosts(laptop, "good", "bad", python=NO_PYTHON)
        reason = "/nowhere/python3"
    else:
        _hosts(laptop, "good")
        reason = "there is no host 'bad'"
    said = laptop.run("campaign", "launch", "more.yaml", code=code).stderr.decode()
    assert reason in said
    assert {r["name"]: (r["host"], r["status"]) for r in laptop.rows("--campaign", "more")
            if r["name"] in ("more/only-s4", "more/only-s5")} == {
        "more/only-s4": ("good", "baseline"), "more/only-s5": ("good", "baseline")}
    assert reason in laptop.run("watch", "four", code=code).stderr.decode()
    chain = laptop.run("why", "four/only-s0").stdout.decode()
    assert "as far as anybody can prove" in chain

    _hosts(laptop, "good", "bad")
    laptop.run("watch", "four")
    assert {r["status"] for r in laptop.rows()} == {"baseline"}
    assert [trainer_starts(a) for root in ("bad", "good") for a in attempts(laptop.cwd / root)] == [1] * 6


def test_a_run_goes_past_an_unusable_host_to_the_next_of_its_lane(laptop: Laptop) -> None:
    _hosts(laptop, "good", "bad", lane="bad, good", python=NO_PYTHON)
    laptop.run("campaign", "launch", "four.yaml")
    assert {(r["host"], r["status"]) for r in laptop.rows()} == {("good", "baseline")}
    told = laptop.run("ledger", "sql", "SELECT payload FROM events WHERE kind = 'lane_fallback'").stdout.decode()
    assert told.count("python3 cannot be run there") == 4


def test_where_no_host_is_usable_nothing_is_run_and_the_reason_is_the_commands(laptop: Laptop) -> None:
    _hosts(laptop, "bad", lane="bad", python=NO_PYTHON)
    for command in (["campaign", "launch", "four.yaml", "--detach"], ["campaign", "launch", "four.yaml"],
                    ["run", "retry", "four/only-s0"]):
        assert "/nowhere/python3" in laptop.run(*command, code=3).stderr.decode()
    assert {r["state"] for r in laptop.rows()} == {"planned"}
