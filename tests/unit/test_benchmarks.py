"""Measurements are honest: what was not measured is called so, with the reason."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchmarks.figures import Figure, table, write
from benchmarks.gpu import figures_apart
from benchmarks.gpu_runs import counting_instead, read_run

ROOT = Path(__file__).parents[2]


def lines(times_ms: list[float]) -> list[str]:
    return [f"step:{step}/{len(times_ms)} train_loss:2.0000 train_time:{at:.2f}ms step_avg:1.00ms"
            for step, at in enumerate(times_ms, 1)]


@pytest.fixture
def attempt(tmp_path: Path) -> Path:
    (tmp_path / "environment.json").write_text('{"corpus_sha256": "ab"}')
    return tmp_path


def test_a_step_time_is_the_median_after_the_first_twenty_steps(attempt: Path) -> None:
    # Twenty slow steps of 100 ms, then steps of 1, 2 and 30 ms.
    times = [100.0 * n for n in range(1, 22)] + [2101.0, 2103.0, 2133.0]
    run = read_run(attempt, 0, ["talk", *lines(times), "peak memory allocated: 7 MiB reserved: 9 MiB"])
    assert run.median_ms() == pytest.approx(2.0)
    assert (run.peak_mib, run.checkpoint, run.why_not) == (7, None, "")


def test_a_run_of_few_steps_has_no_step_time(attempt: Path) -> None:
    run = read_run(attempt, 0, lines([100.0 * n for n in range(1, 20)]))
    assert run.median_ms() is None
    assert "fewer than" in run.why_not


@pytest.mark.parametrize(("code", "log", "why"), [
    (12, ["something"], "out of memory"),
    (3, ["first", "the reason", ""], "exit code 3: the reason"),
    (1, [], "exit code 1: it said nothing"),
])
def test_a_failed_run_says_why_there_is_no_figure(tmp_path: Path, code: int, log: list[str], why: str) -> None:
    assert read_run(tmp_path, code, log).why_not == why


def test_a_run_that_compiles_behind_its_warm_up_is_run_again_and_counted(tmp_path: Path, attempt: Path) -> None:
    strict = {"measure": {"warmup": "auto", "fail_on_recompile": True}}
    ended = read_run(tmp_path, 1, ["step:3/9", "Recompiled: step 4 needs a program that the warm-up did not make: x"])
    assert counting_instead(strict, ended) == {"measure": {"warmup": "auto", "fail_on_recompile": False}}
    assert counting_instead({"measure": {"warmup": "auto"}}, ended) is None
    assert counting_instead(strict, read_run(tmp_path, 1, ["RuntimeError: another"])) is None
    times = [100.0 * n for n in range(1, 30)]
    warned = "warning: step 4 compiled 2 more; 2 programs since the warm-up"
    assert read_run(attempt, 0, [warned, *lines(times)]).later_programs == 2


def part(word: str) -> list[Figure]:
    """What :func:`figures_apart` starts here, in a process of its own."""
    if word == "raises":
        raise KeyError("an unexpected one")
    if word == "dies":
        os._exit(7)
    if word == "hangs":
        threading.Event().wait()
    return [Figure(word, 1.0, "ms")]


@pytest.mark.parametrize(("word", "left_s", "why"), [
    ("raises", 60, "KeyError: 'an unexpected one'"), ("dies", 60, "its process ended with code 7"),
    ("hangs", 0.1, "the time was up"), ("works", 0, "the time was up")])
def test_what_breaks_or_never_ends_costs_its_own_figures_only(word: str, left_s: float, why: str) -> None:
    assert figures_apart(word, left_s, part) == [Figure(word, None, "", why)]
    assert not multiprocessing.active_children()


def test_a_part_that_works_gives_its_figures() -> None:
    assert figures_apart("works", 60, part) == [Figure("works", 1.0, "ms")]


def test_results_name_what_nobody_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUT", str(tmp_path / "out"))
    figures = [Figure("CE step", 12.345678, "ms"), Figure("KD step", None, "ms", "out of memory")]
    as_json, as_table = write("gpu-x", "A machine", {"date": "today", "commit": None}, figures)
    text = as_table.read_text()
    assert text == table("A machine", {"date": "today", "commit": None}, figures)
    assert "| CE step | 12.35 | ms |  |" in text
    assert "| KD step | not measured | ms | out of memory |" in text
    assert "- commit: unknown" in text
    body = json.loads(as_json.read_bytes())
    assert [f["value"] for f in body["figures"]] == [12.345678, None]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["gpu-x.json", "gpu-x.md"]


def test_a_python_without_torch_measures_nothing_and_says_so(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-S", "-I", ROOT / "benchmarks/gpu.py"], capture_output=True, text=True,
                           env={"OUT": str(tmp_path)}, check=False)
    assert ended.returncode == 2
    assert "has no torch" in ended.stderr
    assert "Nothing was measured" in ended.stderr
    assert list(tmp_path.iterdir()) == []
