"""``kdorch ledger parse``, as a person or a script meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cli.parse import QUIET_SECONDS, _Progress
from tests.unit.parsing_logs import MODDED, kdorch, modded, seconds

ROOT = Path(__file__).parents[2]
Kdorch = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def parse(tmp_path: Path) -> Kdorch:
    """Runs the command where there is no ledger, and sees to it that there is none afterwards."""
    def run(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("KDORCH_")}
        ended = subprocess.run([sys.executable, "-m", "orchestrator.cli.app", "ledger", "parse", *words], cwd=tmp_path,
                               env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, input=text,
                               check=False, timeout=120)
        assert not (tmp_path / ".kdorch").exists()
        return ended

    (tmp_path / "run.log").write_text(modded())
    (tmp_path / "own.log").write_text(kdorch())
    (tmp_path / "two.log").write_text(seconds())
    (tmp_path / "notes.txt").write_text("nothing to see\n")
    return run


def test_json_of_one_run_is_an_object(parse: Kdorch) -> None:
    ended = parse("run.log", "--target", "3.0", "--json")
    body = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert {k: body[k] for k in MODDED} == MODDED
    assert (body["format"], body["oom"]) == ("modded-nanogpt", None)


def test_json_of_several_runs_is_a_list(parse: Kdorch) -> None:
    runs = json.loads(parse("two.log", "--target", "3.28", "--json").stdout)
    assert [(r["steps_to_target"], r.get("single_hit_step")) for r in runs] == [(50, None), (None, 50)]


def test_several_files_are_a_list_that_names_them(parse: Kdorch) -> None:
    runs = json.loads(parse("run.log", "own.log", "--json").stdout)
    assert [(r["file"], r["format"]) for r in runs] == [("run.log", "modded-nanogpt"), ("own.log", "kdorch")]


def test_a_person_gets_a_sheet_for_one_run_and_a_table_for_several(parse: Kdorch) -> None:
    sheet = parse("run.log", "--target", "3.0").stdout
    assert "steps to target      60\n" in sheet
    assert "final val loss       2\n" in sheet
    table = parse("two.log", "--target", "3.28").stdout.splitlines()
    assert len(table) == 3
    assert "step 50" in table[1]
    assert "once, at 50" in table[2]


def test_standard_input_is_read(parse: Kdorch) -> None:
    assert json.loads(parse("-", "--json", text=modded()).stdout)["final_step"] == 60


@pytest.mark.parametrize(("words", "reason"), [
    (("notes.txt",), "notes.txt: none of its 15 bytes are a line of a known log format; it begins with b'nothing "),
    (("run.log", "notes.txt"), "notes.txt: none of its 15 bytes"),
    (("run.log", "--format", "llm.c"), "run.log: none of its"),
    (("run.log", "--target", "nan"), "'nan' is not a finite number"),
    (("run.log", "--format", "nanogpt"), "'nanogpt' is not one of"),
    (("missing.log",), "'missing.log' does not exist"),
    (("-",), "standard input: it is empty"),
])
def test_what_cannot_be_read_is_named_with_the_reason(parse: Kdorch, words: tuple[str, ...], reason: str) -> None:
    ended = parse(*words)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert reason in ended.stderr


def test_figures_say_what_the_reading_cost(parse: Kdorch) -> None:
    ended = parse("run.log", "--figures", "--json")
    assert "MB/s" in ended.stderr
    assert json.loads(ended.stdout)["final_step"] == 60


def test_progress_is_told_only_when_it_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    progress = _Progress("big.log", 8_000_000, clock=lambda: now[0])
    for now[0] in (0.5, QUIET_SECONDS - 0.1):
        progress(1_000_000)
    assert capsys.readouterr().err == ""
    now[0] = QUIET_SECONDS
    progress(1_000_000)
    now[0] += 1
    progress(1_000_000)
    progress.close()
    assert capsys.readouterr().err == "big.log: 3 of 8 MB read\n"
