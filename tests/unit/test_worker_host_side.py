"""Pure rules of the host side: processes, GPUs, commands, schedule."""

from __future__ import annotations

import pytest

from worker.gpu import Gpu, parse_query
from worker.manifest import Facts, Inventory, Subject, statement
from worker.paths import PathRefused, Root
from worker.process import ProcessStat, family, parse_stat
from worker.simulated import Schedule
from worker.supervisor import build_parser
from worker.trainer_command import describe_failure, trainer_argv, trainer_environment
from worker.wire import Dispatch

STAT = b"812 (%s) S 811 812 812 0 -1 4194304 1 2 3 4 50 60 7 8 20 0 1 0 87200 1000 200 18446744073709551615\n"


@pytest.mark.parametrize("name", [b"python3", b"a ) b", b") S 1 1 1", b"((", b"))"])
def test_start_ticks_are_counted_after_the_last_parenthesis(name: bytes) -> None:
    found = parse_stat(STAT % name)
    assert found == ProcessStat(pid=812, state="S", ppid=811, pgrp=812, session=812, own_ticks=110, children_ticks=15,
                                start_ticks=87200)


def process(pid: int, ppid: int, session: int = 1) -> ProcessStat:
    return ProcessStat(pid, "S", ppid, session, session, 0, 0, 0)


def test_a_family_is_all_descendants_and_all_members_of_the_session() -> None:
    everyone = [process(1, 0), process(10, 1), process(11, 10, 11), process(12, 11, 11), process(13, 10, 13),
                process(20, 1, 11), process(30, 1)]
    assert sorted(p.pid for p in family(10, 11, everyone)) == [11, 12, 13, 20]
    assert sorted(p.pid for p in family(10, 0, everyone)) == [11, 12, 13]


def test_a_family_does_not_run_in_circles() -> None:
    # Two looks at one pid, taken while it was given anew, can make the table circular.
    assert [p.pid for p in family(10, 0, [process(10, 11), process(11, 10)])] == [11]


def test_gpus_are_read_as_nvidia_smi_lists_them() -> None:
    text = ("GPU-1, NVIDIA H100 80GB HBM3, 81559, 4, 570.10, 9.0\n"
            "GPU-2, NVIDIA GB10, [N/A], [N/A], [Not Supported], 12.1\n"
            "No devices were found\n")
    assert parse_query(text) == [Gpu("GPU-1", "NVIDIA H100 80GB HBM3", 81559, 4, "570.10", "9.0"),
                                 Gpu("GPU-2", "NVIDIA GB10", None, None, None, "12.1")]


@pytest.mark.parametrize("run_id", ["", "..", "a" * 63, "A" * 64, "a" * 63 + "/", "a" * 64 + "\n"])
def test_no_path_is_made_of_what_is_not_a_run_id(run_id: str) -> None:
    with pytest.raises(PathRefused):
        Root("/r").run(run_id)


@pytest.mark.parametrize("number", [0, -1, 10**7])
def test_no_path_is_made_of_what_is_not_an_attempt(number: int) -> None:
    with pytest.raises(PathRefused):
        Root("/r").attempt("a" * 64, number)


DISPATCH = Dispatch(run_id="a" * 64, attempt=2, host="h100", bundle="b" * 64, python="python3", slots=1, gpus=1,
                    deadline_s=1.0, grace_s=1.0, beat_s=1.0, disk_floor_bytes=0,
                    resolved={"teacher": None, "target_val": None}, trainer_env={"LANG": "C", "X": "1"},
                    resume_from=None)


def test_the_trainer_is_called_by_its_entry() -> None:
    root = Root("/r")
    assert trainer_argv("/usr/bin/python3", "gpt", root, root.attempt("a" * 64, 2)) == [
        "/usr/bin/python3", "-m", "worker.trainer", "--root", "/r", "--run", "a" * 64, "--attempt", "2"]


def test_the_trainers_environment_is_the_hosts_needful_part_then_the_dispatch_then_ours() -> None:
    host = {"PATH": "/bin", "LANG": "de", "AWS_SECRET": "s", "PYTHONPATH": "/evil", "CUDA_HOME": "/cuda",
            "TRITON_PTXAS_PATH": "/cuda/bin/ptxas", "HF_HOME": "/hf", "HF_HUB_OFFLINE": "1", "HF_TOKEN": "s",
            "CUDA_VISIBLE_DEVICES": "7", "KDORCH_CRASH_AT": "after_gate"}
    got = trainer_environment(host, DISPATCH, ["GPU-1", "GPU-2"])
    assert got.pop("PYTHONPATH") != "/evil"
    assert got == {"PATH": "/bin", "LANG": "C", "X": "1", "CUDA_HOME": "/cuda", "HF_HOME": "/hf",
                   "HF_HUB_OFFLINE": "1", "TRITON_PTXAS_PATH": "/cuda/bin/ptxas", "PYTHONUNBUFFERED": "1",
                   "CUDA_VISIBLE_DEVICES": "GPU-1,GPU-2"}


@pytest.mark.parametrize(("code", "signal", "words", "text"), [
    (3, None, None, "exit code 3"), (3, None, "why", "exit code 3: why"), (12, None, "CUDA", "out of memory: CUDA"),
    (13, None, None, "a required back end is missing"), (None, "SIGSEGV", "x", "killed by SIGSEGV: x"),
])
def test_a_failure_is_described_in_one_line(code: int | None, signal: str | None, words: str | None,
                                            text: str) -> None:
    assert describe_failure(code, signal, words) == text


def test_the_statement_names_only_dependencies_that_are_known() -> None:
    facts = Facts(DISPATCH, "d" * 64, {"corpus_sha256": "c" * 64}, None, "2026-01-01T00:00:00Z")
    made = statement(facts, Inventory((Subject("train.log", "e" * 64, 5),)))
    build = made["predicate"]["buildDefinition"]
    assert build["resolvedDependencies"] == [{"name": "bundle", "digest": {"sha256": "b" * 64}},
                                             {"name": "corpus", "digest": {"sha256": "c" * 64}}]
    assert made["subject"] == [{"name": "train.log", "digest": {"sha256": "e" * 64}, "annotations": {"size_bytes": 5}}]
    assert [b["name"] for b in made["predicate"]["runDetails"]["byproducts"]] == ["usage"]


def test_the_launch_command_knows_its_four_words_and_no_abbreviations() -> None:
    words = ["launch", "--root", "~/.kdorch-host", "--run", "a" * 64, "--attempt", "1", "--dispatch", "b" * 64]
    assert vars(build_parser().parse_args(words)) == {
        "command": "launch", "root": "~/.kdorch-host", "run": "a" * 64, "attempt": 1, "dispatch": "b" * 64}
    for wrong in (words[:-2], [*words, "--force"], [w.replace("--dispatch", "--disp") for w in words]):
        with pytest.raises(SystemExit):
            build_parser().parse_args(wrong)


PLAIN = {"boost": 1.0, "hold": 0.0, "drop_to_base": 0.0, "cooldown": 0.0, "floor": 0.1, "finish": 1.0,
         "finish_ramp_steps": 10, "warmup_steps": 0}


def test_the_schedule_boosts_drops_and_cools_down() -> None:
    schedule = Schedule({**PLAIN, "boost": 3.0, "hold": 0.2, "drop_to_base": 0.4, "cooldown": 0.2}, 100)
    assert [round(schedule.at(step), 6) for step in (1, 20, 21, 31, 41, 80, 91)] == [3.0, 3.0, 3.0, 2.0, 1.0, 1.0, 0.55]


def test_the_finish_ramp_is_set_off_once() -> None:
    schedule = Schedule({**PLAIN, "finish": 0.5}, 100)
    assert schedule.at(50) == 1.0
    schedule.finish(50)
    schedule.finish(90)
    assert [schedule.at(step) for step in (50, 55, 60, 99)] == [1.0, 0.75, 0.5, 0.5]
