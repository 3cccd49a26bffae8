"""Rules of the dry run: the exact documents, a launch script that the host's own parser takes, the same bytes twice."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.errors import UnknownHost, UsageError
from orchestrator.planning.campaign_file import load_campaign
from orchestrator.planning.dry_run import (
    NO_DIGEST,
    DryRunDocument,
    dispatch_bytes,
    dispatch_preview,
    dry_run_document,
    launch_script,
)
from orchestrator.planning.plan import Nothing, Plan, PlannedRun, Resolved, make_plan
from orchestrator.wire.documents import parse_dispatch
from orchestrator.wire.spec import spec_bytes
from tests.unit.planning_campaigns import BUNDLE, CE, KD, LANES, LOCAL, Past, PlainHost, load, planned
from worker.supervisor import build_parser


def document(plan: Plan) -> DryRunDocument:
    return dry_run_document(plan, bundle_size=1000)


def arm_of(plan: Plan) -> PlannedRun:
    return next(r for r in plan.runs if r.stage == "arms")


def resolved(directory: Path) -> Plan:
    choice = planned(directory, KD).stage("teachers").choice
    assert choice is not None
    return planned(directory, KD, past=Past({choice.key: Resolved(choice.selector.among[0], "c" * 64, 1974250)}))


def test_two_dry_runs_are_the_same_bytes(tmp_path: Path) -> None:
    one, two = (document(make_plan(load_campaign("lr_grid", cwd=tmp_path), LOCAL, LANES, BUNDLE, Nothing()))
                .model_dump_json() for _ in range(2))
    assert one == two


def test_the_promised_keys_are_there(tmp_path: Path) -> None:
    body = json.loads(document(planned(tmp_path, KD)).model_dump_json(by_alias=True))
    assert {"plan_hash", "campaign", "runs"} <= set(body)
    first, last = body["runs"][0], body["runs"][-1]
    assert {"run_id", "name", "role", "host", "new", "spec"} <= set(first)
    assert first["new"] is True
    assert (last["run_id"], last["role"], last["unresolved"]) == (None, "control", ["teachers.best"])
    assert last["spec"]["stop_at_target"]["from"] == "teachers.best"


def test_the_spec_shown_is_the_content_of_spec_json(tmp_path: Path) -> None:
    plan = planned(tmp_path, KD)
    for run, shown in zip(plan.runs, document(plan).runs, strict=True):
        assert spec_bytes(shown.spec) == spec_bytes(run.spec)
        assert shown.files[0].size_bytes == len(spec_bytes(run.spec))
        if run.run_id is not None:
            assert shown.files[0].path == f"runs/{run.run_id}/spec.json"
            assert shown.files[0].sha256 == hashlib.sha256(spec_bytes(run.spec)).hexdigest() == run.run_id


def test_the_dispatch_file_shown_is_the_one_that_would_be_placed(tmp_path: Path) -> None:
    plan = resolved(tmp_path)
    for run, shown in zip(plan.runs, document(plan).runs, strict=True):
        data = dispatch_bytes(plan, run, attempt=1, host="local")
        digest = hashlib.sha256(data).hexdigest()
        assert shown.files[1].model_dump() == {
            "path": f"runs/{run.run_id}/dispatch/{digest}.json", "size_bytes": len(data), "sha256": digest}
    assets = {f.path for r in document(plan).runs for f in r.files[2:]}
    assert assets == {f"assets/sha256/{'c' * 64}"}


def test_totals_and_bytes_count_what_is_new_or_to_retry(tmp_path: Path) -> None:
    plan = planned(tmp_path, KD)
    ids = [r.run_id for r in plan.runs if r.run_id]
    past = Past(stands={ids[0]: "done", ids[1]: "running", ids[2]: "retry"})
    shown = document(planned(tmp_path, KD, past=past))
    assert shown.totals.model_dump() == {"runs": 12, "new": 1, "running": 1, "done": 1, "retry": 1, "unresolved": 8}
    files = [f.size_bytes or 0 for r in shown.runs if r.standing in ("new", "retry") for f in r.files]
    assert shown.transfer_bytes == 1000 + sum(files)
    done = Past(stands=dict.fromkeys(ids, "done"))
    assert document(planned(tmp_path, CE, past=Past(stands={planned(tmp_path, CE).runs[0].identity: "done"}))
                    ).transfer_bytes == 0
    assert document(planned(tmp_path, KD, past=done)).totals.done == 4


def test_a_retry_has_no_digest_because_the_ledger_numbers_attempts(tmp_path: Path) -> None:
    first = planned(tmp_path, CE).runs[0].identity
    shown = document(planned(tmp_path, CE, past=Past(stands={first: "retry"}))).runs[0]
    assert (shown.new, shown.files[1].sha256) == (False, None)
    assert shown.files[1].size_bytes is not None


def test_budgets_are_shown_with_their_derivation_before_they_are_literal(tmp_path: Path) -> None:
    shown = {r.name: r.budget for r in document(planned(tmp_path, KD)).runs}
    teacher, arm = shown["demo/small-s0"], shown["demo/boost2-s0"]
    assert shown["demo/baseline-s0"] is None
    assert teacher is not None
    assert (teacher.limit_ms, teacher.derivation[:42]) == (None, "0.1 x the train time of baseline.first, ro")
    assert arm is not None
    assert "stage teachers" in arm.derivation


def test_dispatch_json_says_how_one_attempt_is_run(tmp_path: Path) -> None:
    source = load(tmp_path, "environment: {OMP_WAIT_POLICY: PASSIVE}\n" + KD)
    choice = make_plan(source, LOCAL, LANES, BUNDLE, Nothing()).stage("teachers").choice
    assert choice is not None
    past = Past({choice.key: Resolved(choice.selector.among[0], "c" * 64, 1974250)})
    hosts = {"local": PlainHost("local", gpus=2, slots=2, python="/usr/bin/python3")}
    plan = make_plan(source, hosts, LANES, BUNDLE, past)
    arm = arm_of(plan)
    data = dispatch_bytes(plan, arm, attempt=3, host="local", resume_from=2)
    assert data.endswith(b"}\n")
    assert json.loads(data) == {
        "contract": "v1", "run_id": arm.run_id, "attempt": 3, "host": "local", "bundle": BUNDLE,
        "python": "/usr/bin/python3", "slots": 2, "gpus": 0, "deadline_s": 300.0, "grace_s": 10.0, "beat_s": 1.0,
        "priority": 0, "group": None, "devices": None, "per_gpu": 1, "gpu_memory_mib": None, "share_gpus": False,
        "budget_ms": None, "override": None, "continue_from": None, "disk_floor_bytes": 268435456,
        "trainer_env": {"OMP_WAIT_POLICY": "PASSIVE"}, "resume_from": 2,
        "resolved": {"teacher": {"run_id": choice.selector.among[0], "checkpoint_sha256": "c" * 64,
                                 "final_val": 1.97425}, "target_val": 1.97425}}
    assert parse_dispatch(data, "dispatch.json").attempt == 3


def test_a_run_without_a_stop_gets_no_target_to_stop_at(tmp_path: Path) -> None:
    plan = resolved(tmp_path)
    body = json.loads(dispatch_bytes(plan, plan.runs[0], attempt=1, host="local"))
    assert body["resolved"] == {"teacher": None, "target_val": None}


def test_what_cannot_be_launched_has_no_dispatch_document(tmp_path: Path) -> None:
    plan = planned(tmp_path, KD)
    with pytest.raises(UsageError, match=r"waits for teachers\.best"):
        dispatch_bytes(plan, arm_of(plan), attempt=1, host="local")
    with pytest.raises(UnknownHost, match="no host moon any more"):
        dispatch_bytes(plan, plan.runs[0], attempt=1, host="moon")
    gpu = planned(tmp_path, CE, "defaults.needs.gpus=1")
    with pytest.raises(UsageError, match="needs 1 GPU; host local has 0"):
        dispatch_bytes(gpu, gpu.runs[0], attempt=1, host="local")
    assert json.loads(dispatch_preview(plan, arm_of(plan)))["resolved"] == {"teacher": None, "target_val": None}


def _command(script: str) -> list[str]:
    """The arguments of ``worker.supervisor`` in a script's last line."""
    words = shlex.split(script.splitlines()[-1])
    assert words[0] == "exec"
    assert words[2:4] == ["-m", "worker.supervisor"]
    return words[4:]


@pytest.mark.parametrize("campaign", ["lr_grid", "teacher_budget", "ce_baseline", "quickstart"])
def test_the_supervisors_parser_takes_every_rendered_launch(tmp_path: Path, campaign: str) -> None:
    hosts = {"local": PlainHost("local", gpus=1)}
    plan = make_plan(load_campaign(campaign, cwd=tmp_path), hosts, LANES, BUNDLE, Nothing())
    for run in plan.runs:
        script = launch_script(plan, run, attempt=2)
        asked = build_parser().parse_args(_command(script))
        assert (asked.command, asked.run, asked.attempt) == ("launch", run.identity, 2)
        expected = NO_DIGEST if run.run_id is None else \
            hashlib.sha256(dispatch_bytes(plan, run, attempt=2, host="local")).hexdigest()
        assert asked.dispatch == expected
        assert ("Not launchable" in script) == (run.run_id is None)


@pytest.mark.parametrize("root", ["~/.kdorch-host", "~", "/srv/kd", "/srv/my runs/it's", "/srv/$(id)/`id`/\"x"])
def test_the_script_runs_the_launch_command_in_the_bundle_wherever_the_root_is(tmp_path: Path, root: str) -> None:
    """A program in the place of python says where it was started, and with what."""
    real = root.replace("~", str(tmp_path / "home")) if root.startswith("~") else str(tmp_path) + root
    given = root if root.startswith("~") else real
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\npwd\nprintf '%s\\n' \"$@\"\n")
    python.chmod(0o755)
    bundle = Path(real) / "bundles" / BUNDLE
    bundle.mkdir(parents=True)
    hosts = {"local": replace(LOCAL["local"], root=given, python=str(python))}
    plan = make_plan(load(tmp_path, CE), hosts, LANES, BUNDLE, Nothing())
    script = launch_script(plan, plan.runs[0])
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True,
                          env={"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]})
    where, *arguments = done.stdout.splitlines()
    assert where == str(bundle)
    asked = build_parser().parse_args(arguments[2:])
    assert (asked.root, asked.run) == (real, plan.runs[0].run_id)


def test_the_script_passes_shellcheck(tmp_path: Path) -> None:
    shellcheck = shutil.which("shellcheck") or str(Path(sys.executable).with_name("shellcheck"))
    plan = planned(tmp_path, KD)
    for run in (plan.runs[0], arm_of(plan)):
        done = subprocess.run([shellcheck, "--shell=sh", "--severity=style", "-"], input=launch_script(plan, run),
                              text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("root", ["relative/x", "~kd/x", "/a/../b", "/a\nrm -rf b", "", "~/../x"])
def test_a_root_that_is_no_plain_path_never_reaches_a_script(tmp_path: Path, root: str) -> None:
    plan = make_plan(load(tmp_path, CE), {"local": replace(LOCAL["local"], root=root)}, LANES, BUNDLE, Nothing())
    with pytest.raises(UsageError, match="is not a path that can stand in a launch script"):
        launch_script(plan, plan.runs[0])
