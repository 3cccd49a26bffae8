"""Rules of the host's housekeeping: whatever a laptop asks for, what something here needs stays."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.supervised import HOST_PYTHON, HostRoot, Placed, simulated_spec, wait_for
from worker.housekeeping import Housekeeping
from worker.locks import open_lock, try_exclusive
from worker.paths import PathRefused, Root
from worker.removal import measure, remove
from worker.requests import Fields
from worker.survey import TOMBSTONE, survey

OLD = 10 * 24 * 3600


def ended(host: HostRoot, *, seed: int = 0, **dispatch: Any) -> Placed:
    placed = host.place(simulated_spec(seed=seed, horizon=50), **dispatch)
    assert host.launch(placed) == "started"
    assert placed.seal()["outcome"] == "completed"
    return placed


def running(host: HostRoot, *, seed: int = 1, **dispatch: Any) -> Placed:
    placed = host.place(simulated_spec(seed=seed, horizon=100_000, real_step_ms=20), **dispatch)
    assert host.launch(placed) == "started"
    placed.until("running")
    return placed


def lost(*attempts: Placed) -> Fields:
    """A request for attempts that left no seal, by what the laptop knows."""
    request = asked(*attempts)
    for item in request.values["attempts"]:
        item["manifest_sha256"] = None
    return request


def asked(*attempts: Placed, keep: tuple[tuple[str, str], ...] = (), dry_run: bool = False, **fields: Any) -> Fields:
    listed = [{"run_id": p.run_id, "attempt": p.number,
               "manifest_sha256": p.document("exit.json")["manifest_sha256"] if p.file("exit.json").exists()
               else "0" * 64, "keep": [{"path": path, "sha256": digest} for path, digest in keep]} for p in attempts]
    return Fields({"attempts": listed, "assets": [], "keep_bundles": [], "keep_environments": [], "older_than_s": 0,
                   "dry_run": dry_run, **fields})


def clean(host: HostRoot, request: Fields) -> tuple[dict[tuple[str, str], int], dict[str, str]]:
    """What went, by kind and name, and the reasons for what stayed, by name."""
    answer = Housekeeping(host.root, bool(request.values["dry_run"])).perform(request)
    return ({(r["kind"], r["name"]): r["bytes"] for r in answer["removed"]},
            {k["name"]: k["reason"] for k in answer["kept"]})


def name_of(placed: Placed) -> str:
    return f"{placed.run_id}/{placed.number}"


def files_of(placed: Placed) -> set[str]:
    return {p.name for p in Path(placed.directory.path).iterdir()}


def age(path: Path, seconds: float = OLD) -> Path:
    at = path.lstat().st_mtime - seconds
    os.utime(path, (at, at), follow_symlinks=False)
    return path


def test_an_emptied_attempt_keeps_its_seal_and_can_never_start_again(host: HostRoot) -> None:
    placed = ended(host)
    before = survey(host.root)["attempts"]
    assert [(a["run_id"], a["emptied"]) for a in before] == [(placed.run_id, False)]
    would, _ = clean(host, asked(placed, dry_run=True))
    assert would == {("attempt", name_of(placed)): before[0]["bytes"]}
    assert placed.file("train.log").exists(), "a dry run removes nothing"

    removed, kept = clean(host, asked(placed))
    assert (removed, kept) == (would, {})
    assert files_of(placed) <= TOMBSTONE
    assert {"exit.json", "claim.json", "manifest.json"} <= files_of(placed)
    assert placed.document("emptied.json")["freed_bytes"] == before[0]["bytes"]
    assert [a["emptied"] for a in survey(host.root)["attempts"]] == [True]
    assert host.launch(placed) == "exists"
    assert placed.state == "sealed"
    assert clean(host, asked(placed)) == ({}, {}), "again there is nothing to do"


def test_what_is_not_sealed_or_sealed_otherwise_stays_whatever_is_asked(host: HostRoot) -> None:
    live, over = running(host), ended(host, seed=2, slots=2)
    request = asked(live, over)
    request.values["attempts"][1]["manifest_sha256"] = "1" * 64
    removed, kept = clean(host, request)
    assert removed == {}
    assert kept == {name_of(live): "it is not sealed",
                    name_of(over): "it is sealed with another manifest than the one that was collected"}
    assert live.state == "running"
    assert over.file("train.log").exists()


def kill(placed: Placed) -> None:
    """Supervisor and trainer at once, as a power cut does."""
    trainer = placed.process("started.json", "trainer") if placed.file("started.json").exists() else None
    placed.kill_supervisor()
    if trainer is not None:
        os.kill(trainer.pid, signal.SIGKILL)


@pytest.fixture
def earlier_boot(host: HostRoot) -> dict[str, str]:
    """For launches that were made before this machine was rebooted."""
    path = host.path / "boot_id_of_an_earlier_boot"
    path.write_text("11111111-2222-3333-4444-555555555555\n")
    return {"KDORCH_BOOT_ID_FILE": str(path)}


def old_bundle(host: HostRoot, digit: str) -> Path:
    (host.path / "bundles" / (digit * 64)).mkdir(parents=True)
    return age(host.path / "bundles" / (digit * 64))


def test_what_a_reboot_ended_needs_nothing_and_can_be_emptied(host: HostRoot, earlier_boot: dict[str, str]) -> None:
    bundle = old_bundle(host, "a")
    placed = host.place(simulated_spec(fault="hang", fault_step=1), bundle=bundle.name)
    assert host.launch(placed, **earlier_boot) == "started"
    wait_for(lambda: placed.starts, "the trainer's first line")
    kill(placed)
    assert placed.state == "lost_reboot"
    assert clean(host, asked(placed))[1] == {name_of(placed): "it is not sealed"}
    assert not bundle.exists(), "nothing of it can run again"

    removed, kept = clean(host, lost(placed))
    assert (set(removed), kept) == ({("attempt", name_of(placed))}, {})
    assert files_of(placed) <= TOMBSTONE
    assert {"claim.json", "started.json", "emptied.json"} <= files_of(placed)
    assert [a["emptied"] for a in survey(host.root)["attempts"]] == [True]
    assert host.launch(placed) == "exists"
    assert placed.state == "lost_reboot"
    assert clean(host, lost(placed)) == ({}, {}), "again there is nothing to do"


def test_what_lost_its_supervisor_is_emptied_once_all_of_its_trainer_is_gone(host: HostRoot) -> None:
    bundle = old_bundle(host, "a")
    placed = running(host, bundle=bundle.name)
    assert clean(host, lost(placed)) == ({}, {name_of(placed): "its supervisor is alive"})
    placed.kill_supervisor()
    assert clean(host, lost(placed)) == ({}, {name_of(placed): "its trainer is alive"})
    # Another process of the trainer's, as a loader of data is: in no session of its, but it writes to the log.
    with placed.file("train.log").open("ab") as log, \
            subprocess.Popen(["sleep", "1000"], stdout=log, start_new_session=True) as left_over:
        os.kill(placed.process("started.json", "trainer").pid, signal.SIGKILL)
        placed.until("lost_supervisor")
        assert clean(host, lost(placed)) == ({}, {name_of(placed): "processes that its trainer started are alive"})
        assert bundle.exists()
        left_over.kill()
    removed, kept = clean(host, lost(placed))
    assert (set(removed), kept) == ({("attempt", name_of(placed)), ("bundle", bundle.name)}, {})
    assert host.launch(placed) == "exists", "it is not adopted either"
    assert not placed.file("exit.json").exists()


def test_a_claim_without_a_start_is_needed_until_it_is_emptied_and_never_starts_after(
        host: HostRoot, earlier_boot: dict[str, str]) -> None:
    bundle = old_bundle(host, "a")
    placed = host.place(bundle=bundle.name)
    host.launch(placed, crash_at="after_claim", **earlier_boot)
    wait_for(lambda: placed.state == "lost_reboot", "the supervisor's end")
    clean(host, asked())
    assert bundle.exists(), "it may be launched again"
    clean(host, lost(placed))
    assert not bundle.exists()
    assert host.launch(placed) == "exists"
    assert placed.log == ""


def test_a_seal_that_the_laptop_has_not_seen_is_kept(host: HostRoot) -> None:
    placed = ended(host)
    assert clean(host, lost(placed)) == ({}, {name_of(placed): "it is sealed, and its evidence was not collected"})


def test_a_start_that_cannot_be_read_proves_no_death(host: HostRoot) -> None:
    placed = running(host)
    trainer = placed.process("started.json", "trainer").pid
    placed.kill_supervisor()
    placed.file("started.json").write_text("{")
    assert clean(host, lost(placed))[1] == {name_of(placed): "nobody can tell which process its trainer was"}
    os.kill(trainer, signal.SIGKILL)


def test_an_attempt_from_which_another_may_continue_stays(host: HostRoot) -> None:
    first = ended(host)
    spec = simulated_spec(horizon=50)
    second = host.place(spec, attempt=2, resume_from=1)
    (host.path / "slots").mkdir(exist_ok=True)
    slot = open_lock(str(host.path / "slots" / "slot-0.lock"))
    assert try_exclusive(slot)
    try:
        assert host.launch(second) == "started"
        second.until("waiting")
        removed, kept = clean(host, asked(first))
    finally:
        os.close(slot)
    assert removed == {}
    assert kept == {name_of(first): "attempt 2 of the run is under way and may continue from it"}


def test_a_launch_at_work_keeps_the_run(host: HostRoot) -> None:
    placed = ended(host)
    lock = open_lock(host.root.launch_lock(placed.run_id))
    assert try_exclusive(lock)
    try:
        assert clean(host, asked(placed))[1] == {name_of(placed): "a launch of the run is at work"}
    finally:
        os.close(lock)


def test_the_best_checkpoint_stays_as_an_asset(host: HostRoot) -> None:
    placed = ended(host)
    path = placed.file("checkpoints") / "best.pt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"weights" * 1000)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    would = clean(host, asked(placed, dry_run=True))[0][("attempt", name_of(placed))]
    removed, kept = clean(host, asked(placed, keep=(("checkpoints/best.pt", digest),)))
    assert kept == {}
    assert (host.path / "assets/sha256" / digest).read_bytes() == b"weights" * 1000
    assert not path.exists()
    kept_blocks = (host.path / "assets/sha256" / digest).stat().st_blocks
    assert removed[("attempt", name_of(placed))] == would - 512 * kept_blocks, "what is still there was not freed"


def test_a_checkpoint_that_is_not_what_it_should_be_keeps_the_attempt(host: HostRoot) -> None:
    placed = ended(host)
    removed, kept = clean(host, asked(placed, keep=(("train.log", "2" * 64),)))
    assert removed == {}
    assert "is not what its digest" in kept[name_of(placed)]
    assert placed.file("train.log").exists()


def test_nothing_is_removed_through_a_link(host: HostRoot, tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "thesis.tex").write_text("all of it")
    placed = ended(host)
    placed.file("checkpoints").mkdir(exist_ok=True)
    (placed.file("checkpoints") / "link").symlink_to(outside)
    placed.file("elsewhere").symlink_to(outside / "thesis.tex")
    (host.path / "cache").mkdir()
    (host.path / "cache" / "linked").symlink_to(outside)
    age(host.path / "cache" / "linked")
    clean(host, asked(placed))
    assert files_of(placed) <= TOMBSTONE
    assert not (host.path / "cache" / "linked").is_symlink(), "the link itself is ours"
    assert (outside / "thesis.tex").read_text() == "all of it"

    other = ended(host, seed=3)
    real = host.path / "runs" / other.run_id
    shutil.move(real, outside / "moved")
    real.symlink_to(outside / "moved")
    before = sorted(p.name for p in (outside / "moved" / "attempts" / "1").iterdir())
    clean(host, asked(other))
    assert sorted(p.name for p in (outside / "moved" / "attempts" / "1").iterdir()) == before
    for place in ("assets", "bundles", "queue", "envs", "data"):
        shutil.rmtree(host.path / place, ignore_errors=True)
        (host.path / place).symlink_to(outside)
    clean(host, asked(assets=["3" * 64]))
    assert (outside / "thesis.tex").exists()


@pytest.mark.parametrize("name", ["../precious", "/etc/hostname", "a/../../precious", "", ".", "linked/thesis.tex"])
def test_removal_takes_no_path_out_of_its_base(tmp_path: Path, name: str) -> None:
    base, outside = tmp_path / "base", tmp_path / "precious"
    base.mkdir()
    outside.mkdir()
    (outside / "thesis.tex").write_text("x" * 5000)
    (base / "linked").symlink_to(outside)
    with pytest.raises(PathRefused):
        remove(str(base), name)
    assert (outside / "thesis.tex").exists()
    assert measure(str(base), "linked") < 5000, "a link is measured as a link"


def test_bundles_that_something_needs_stay_and_old_ones_go(host: HostRoot) -> None:
    live = running(host, bundle="c" * 64)
    for digest in ("a" * 64, "b" * 64, "c" * 64, "d" * 64, "e" * 64):
        directory = host.path / "bundles" / digest / "worker"
        directory.mkdir(parents=True)
        (directory / "code.py").write_text("x = 1\n")
        if digest != "d" * 64:
            age(directory.parent)
    resident = subprocess.Popen([sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()", "serve",
                                 str(host.path), "e" * 64], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert resident.stdout is not None
    assert resident.stdout.readline() == b"up\n"
    try:
        removed, _ = clean(host, asked(keep_bundles=["b" * 64]))
    finally:
        resident.communicate()
    assert {name for kind, name in removed if kind == "bundle"} == {"a" * 64}
    assert {p.name for p in (host.path / "bundles").iterdir()} == {c * 64 for c in "bcde"}
    assert live.state == "running"


def test_assets_that_an_attempt_or_a_directory_needs_stay(host: HostRoot) -> None:
    store = host.path / "assets" / "sha256"
    store.mkdir(parents=True)

    def asset(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (store / digest).write_bytes(data)
        return digest

    teacher, shard, unneeded, unlisted = (asset(b) for b in (b"teacher", b"shard", b"unneeded", b"not asked for"))
    tree = {"contract": "v1", "files": [{"path": "a.bin", "sha256": shard, "size_bytes": 5}], "kind": "tree"}
    directory = asset(json.dumps(tree, separators=(",", ":"), sort_keys=True).encode())
    running(host, resolved={"teacher": {"run_id": "a" * 64, "checkpoint_sha256": teacher, "final_val": 1.5},
                            "target_val": None})
    removed, kept = clean(host, asked(assets=[teacher, shard, unneeded]))
    assert {name for kind, name in removed if kind == "asset"} == {unneeded}
    assert kept == {teacher: "an attempt here needs it", shard: "a directory that stays holds it"}
    assert {p.name for p in store.iterdir()} == {teacher, shard, unlisted, directory}
    removed, _ = clean(host, asked(assets=[shard, directory]))
    assert {name for _, name in removed} == {shard, directory}


def environment(host: HostRoot, digit: str, *, sealed: bool = True) -> Path:
    """What stands for a built environment: this interpreter by a link, and a seal."""
    directory = host.path / "envs" / (digit * 64)
    (directory / "venv/bin").mkdir(parents=True)
    (directory / "venv/bin/python").symlink_to(HOST_PYTHON)
    for path in (directory.with_suffix(".json"), directory.with_suffix(".log")):
        age(_file(path, b"{}"))
    if sealed:
        age(_file(directory / "environment-build.json", b'{"contract":"v1"}'))
    return directory


def test_environments_that_are_used_wanted_young_or_being_built_stay(host: HostRoot) -> None:
    used, wanted, young, old, half, built = (environment(host, d, sealed=d not in "ef") for d in "abcdef")
    os.utime(young / "environment-build.json")
    live = running(host, python=str(used / "venv/bin/python"))
    lock = open_lock(f"{built}.lock")
    assert try_exclusive(lock)
    try:
        removed, kept = clean(host, asked(keep_environments=[wanted.name], older_than_s=24 * 3600))
    finally:
        os.close(lock)
    assert {name for kind, name in removed if kind == "environment"} == {old.name, half.name}
    assert kept == {built.name: "it is being built"}
    assert [d.exists() for d in (used, wanted, young, built)] == [True] * 4
    assert not any(p.name.startswith(old.name) and p.suffix != ".lock" for p in old.parent.iterdir())
    assert live.state == "running"


def test_a_run_on_an_environment_names_it_among_what_it_depended_on(host: HostRoot) -> None:
    directory = environment(host, "a")
    placed = ended(host, python=str(directory / "venv/bin/python"))
    dependencies = placed.document("manifest.json")["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {"name": "environment", "digest": {"sha256": directory.name}} in dependencies


def test_leftovers_go_once_nobody_can_be_at_work_on_them(host: HostRoot) -> None:
    for place in ("assets/sha256", "bundles", "queue", "cache"):
        (host.path / place).mkdir(parents=True)
    old = age(_file(host.path / "assets/sha256" / f".{'a' * 64}.part", b"x" * 9000))
    held = age(_file(host.path / "assets/sha256" / f".{'b' * 64}.part"))
    young = _file(host.path / "assets/sha256" / f".{'c' * 64}.part")
    half = host.path / "bundles" / ".placing-abc"
    half.mkdir()
    _file(half / "x")
    age(half)
    dead = _file(host.path / "queue" / f"{1:012d}-{'d' * 64}-1")
    live = _file(host.path / "queue" / f"{2:012d}-{'e' * 64}-1")
    stale, fresh = age(_file(host.path / "cache" / "old-corpus")), _file(host.path / "cache" / "corpus")
    locks = [open_lock(str(p)) for p in (held, live)]
    assert all(try_exclusive(fd) for fd in locks)
    try:
        removed, _ = clean(host, asked(older_than_s=24 * 3600))
    finally:
        for fd in locks:
            os.close(fd)
    assert {name for _, name in removed} == {old.name, half.name, dead.name, stale.name}
    assert [p.exists() for p in (old, half, dead, stale)] == [False] * 4
    assert [p.exists() for p in (held, young, live, fresh)] == [True] * 4


def test_the_cache_stays_while_an_attempt_may_read_it(host: HostRoot) -> None:
    (host.path / "cache").mkdir()
    corpus = age(_file(host.path / "cache" / "corpus"))
    placed = host.place()
    assert clean(host, asked())[1] == {"corpus": "an attempt here may be reading it"}, "it may be launched any moment"
    assert corpus.exists()
    assert host.launch(placed) == "started"
    placed.seal()
    assert ("cache", "corpus") in clean(host, asked())[0]


def test_an_empty_or_absent_root_is_fine(tmp_path: Path) -> None:
    root = Root.at(str(tmp_path / "root"))
    (tmp_path / "root").mkdir()
    assert survey(root)["attempts"] == []
    assert Housekeeping(root, False).perform(asked()) == {"removed": [], "kept": []}


def _file(path: Path, data: bytes = b"") -> Path:
    path.write_bytes(data)
    return path
