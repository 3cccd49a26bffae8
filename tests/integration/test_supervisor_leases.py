"""GPU leases: who gets which GPU, when, and what a run that gets none says."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.wire.spec import Spec
from tests.integration.fake_gpus import FakeGpus
from tests.integration.supervised import HostRoot, Placed, simulated_spec, wait_for
from worker.process import is_alive


@pytest.fixture
def gpus(tmp_path: Path) -> FakeGpus:
    return FakeGpus(tmp_path / "driver")


@pytest.fixture
def stranger() -> Iterator[int]:
    """The pid of a process that is not kdorch's."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process.pid
        process.kill()


def gpu_spec(seed: int, count: int = 1, *, lasting: bool = True) -> Spec:
    short = simulated_spec(seed=seed)
    spec = simulated_spec(seed=seed, fault="hang", fault_step=1) if lasting else short
    return type(short).model_validate(spec.model_dump(by_alias=True) | {"needs": {"gpus": count}})


def launched(host: HostRoot, gpus: FakeGpus, seed: int, count: int = 1, *, lasting: bool = True,
             environment: dict[str, str] | None = None, **dispatch: object) -> Placed:
    attempt = host.place(gpu_spec(seed, count, lasting=lasting), **dispatch)
    assert host.launch(attempt, **{"PATH": gpus.path, **(environment or {})}) == "started"
    return attempt


def running(host: HostRoot, gpus: FakeGpus, seed: int, count: int = 1, **more: object) -> Placed:
    attempt = launched(host, gpus, seed, count, **more)  # type: ignore[arg-type]
    wait_for(lambda: attempt.starts, "the trainer's first line")
    return attempt


def waits_for(attempt: Placed, *words: str) -> str:
    """Wait until the run says that it waits for something with these words in it."""
    def said() -> str | None:
        text = attempt.document("status.json")["waiting_for"] or ""
        return text if all(word in text for word in words) else None
    found: str = wait_for(said, f"'waiting_for' with {words}")
    assert attempt.state == "waiting"
    return found


def held(attempt: Placed) -> list[str]:
    uuids: list[str] = attempt.document("started.json")["gpu_uuids"]
    pid = attempt.document("started.json")["trainer"]["pid"]
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert f"CUDA_VISIBLE_DEVICES={','.join(uuids)}".encode() in environment
    assert attempt.document("started.json")["slots"] == []
    return uuids


def cancel(attempt: Placed) -> None:
    attempt.file("stop.request").write_text("{}")
    attempt.seal()


def test_runs_get_gpus_of_their_own_and_the_third_says_whom_it_waits_for(host: HostRoot, gpus: FakeGpus) -> None:
    first, second = running(host, gpus, 0), running(host, gpus, 1)
    assert (held(first), held(second)) == (["GPU-aaaa"], ["GPU-bbbb"])
    third = launched(host, gpus, 2)
    waits_for(third, f"GPU-aaaa is leased to run {first.run_id[:12]}/1",
              f"GPU-bbbb is leased to run {second.run_id[:12]}/1")
    cancel(second)
    wait_for(lambda: third.starts, "the third's turn")
    assert held(third) == ["GPU-bbbb"]


def test_several_gpus_are_taken_all_or_none_in_the_order_of_their_uuids(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-cccc", "GPU-aaaa", "GPU-bbbb")
    first = running(host, gpus, 0)
    pair = running(host, gpus, 1, 2)
    assert (held(first), held(pair)) == (["GPU-aaaa"], ["GPU-bbbb", "GPU-cccc"])
    cancel(first)
    next_pair = launched(host, gpus, 2, 2)
    waits_for(next_pair, "1 of the 2 GPUs it needs can be had", "GPU-bbbb is leased")
    assert not list((host.path / "leases").glob("GPU-aaaa-*.lock.tmp*"))
    cancel(pair)
    wait_for(lambda: next_pair.starts, "the second pair's turn")
    assert held(next_pair) == ["GPU-aaaa", "GPU-bbbb"]


def test_a_run_that_needs_two_is_not_starved_by_small_ones_behind_it(host: HostRoot, gpus: FakeGpus) -> None:
    first = running(host, gpus, 0)
    pair = launched(host, gpus, 1, 2)
    waits_for(pair, "1 of the 2")
    small = launched(host, gpus, 2)
    wait_for(lambda: small.document("status.json")["queue_position"] == 1, "a place behind")
    cancel(first)
    wait_for(lambda: pair.starts, "the pair's turn")
    assert small.state == "waiting"
    cancel(pair)
    wait_for(lambda: small.starts, "the small one's turn")


def test_a_run_for_another_device_does_not_wait_behind(host: HostRoot, gpus: FakeGpus) -> None:
    running(host, gpus, 0, devices=["GPU-aaaa"])
    waits_for(launched(host, gpus, 1, devices=["GPU-aaaa"]), "is leased")
    other = running(host, gpus, 2, devices=["GPU-bbbb"])
    assert held(other) == ["GPU-bbbb"]
    plain = host.place(simulated_spec(seed=3))
    assert host.launch(plain, PATH=gpus.path) == "started"
    assert plain.seal()["outcome"] == "completed"


def test_a_trainer_that_outlives_its_supervisor_keeps_its_gpu(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa")
    orphan = running(host, gpus, 0)
    trainer = orphan.process("started.json", "trainer")
    orphan.kill_supervisor()
    second = launched(host, gpus, 1)
    waits_for(second, f"GPU-aaaa is leased to run {orphan.run_id[:12]}/1")
    gpus.compute(("GPU-aaaa", trainer.pid, "3000"))
    assert is_alive(trainer)
    os.kill(trainer.pid, signal.SIGKILL)
    gpus.compute()
    wait_for(lambda: second.starts, "the second's turn")


def test_a_gpu_that_a_stranger_computes_on_is_not_taken(host: HostRoot, gpus: FakeGpus, stranger: int) -> None:
    gpus.compute(("GPU-aaaa", stranger, "3120"))
    first = running(host, gpus, 0)
    assert held(first) == ["GPU-bbbb"]
    second = launched(host, gpus, 1)
    waits_for(second, f"GPU-aaaa is used by pid {stranger} (sleep, 3120 MiB), which is not ours")
    gpus.compute()
    wait_for(lambda: second.starts, "its turn, once the stranger is gone")
    assert held(second) == ["GPU-aaaa"]


def test_who_is_told_to_share_with_strangers_does(host: HostRoot, gpus: FakeGpus, stranger: int) -> None:
    gpus.are("GPU-aaaa")
    gpus.compute(("GPU-aaaa", stranger, "[N/A]"))
    assert held(running(host, gpus, 0, share_gpus=True)) == ["GPU-aaaa"]


def test_runs_that_agree_share_a_gpu_and_their_processes_are_no_strangers(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa")
    first = running(host, gpus, 0, per_gpu=2)
    gpus.compute(("GPU-aaaa", first.document("started.json")["trainer"]["pid"], "3000"))
    second = running(host, gpus, 1, per_gpu=2)
    assert (held(first), held(second)) == (["GPU-aaaa"], ["GPU-aaaa"])
    waits_for(launched(host, gpus, 2, per_gpu=2), "is leased to run", " and run ")


def test_who_shares_with_nobody_is_alone_on_its_gpu(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa")
    running(host, gpus, 0, per_gpu=4)
    waits_for(launched(host, gpus, 1, per_gpu=1), "is leased")


def test_a_gpu_with_too_little_memory_is_waited_for(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa", total="24564", used="20000")
    attempt = launched(host, gpus, 0, gpu_memory_mib=8000)
    waits_for(attempt, "GPU-aaaa has 4564 MiB of memory free; the run needs 8000")
    gpus.are("GPU-aaaa", total="24564", used="1000")
    wait_for(lambda: attempt.starts, "its turn")


def test_what_a_sharer_will_use_is_not_free(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa", total="24000", used="0")
    running(host, gpus, 0, per_gpu=3, gpu_memory_mib=10000)
    running(host, gpus, 1, per_gpu=3, gpu_memory_mib=10000)
    waits_for(launched(host, gpus, 2, per_gpu=3, gpu_memory_mib=10000), "4000 MiB of memory free")


def test_where_the_driver_knows_no_memory_the_machine_does(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa", name="NVIDIA GB10", total="[N/A]", used="[N/A]")
    waits_for(launched(host, gpus, 0, gpu_memory_mib=1 << 30), "MiB of memory free; the run needs")
    assert held(running(host, gpus, 1, gpu_memory_mib=1, priority=1)) == ["GPU-aaaa"]


def test_instances_of_a_cut_gpu_are_given_out_one_by_one(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa", mig={"GPU-aaaa": {"MIG-1111": "3g.40gb", "MIG-2222": "1g.10gb"}})
    first = running(host, gpus, 0, gpu_memory_mib=20000)
    assert held(first) == ["MIG-1111"]
    second = launched(host, gpus, 1, gpu_memory_mib=20000)
    waits_for(second, "MIG-1111 is leased", "MIG-2222 has 10240 MiB of memory free")
    cancel(second)
    assert held(running(host, gpus, 2)) == ["MIG-2222"]


def test_instances_of_old_drivers_have_slashes_in_their_names_and_leases_have_none(host: HostRoot,
                                                                                   gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa", mig={"GPU-aaaa": {"MIG-GPU-aaaa/1/0": "3g.40gb", "MIG-GPU-aaaa/2/0": "1g.10gb"}})
    first = running(host, gpus, 0, devices=["MIG-GPU-aaaa/2/0"])
    assert held(first) == ["MIG-GPU-aaaa/2/0"]
    assert sorted(p.name for p in (host.path / "leases").rglob("*")) == [
        "MIG-GPU-aaaa%2F2%2F0-0.json", "MIG-GPU-aaaa%2F2%2F0-0.lock"]
    waits_for(launched(host, gpus, 1, devices=["MIG-GPU-aaaa/2/0"]),
              f"MIG-GPU-aaaa/2/0 is leased to run {first.run_id[:12]}/1")
    assert held(running(host, gpus, 2, devices=["MIG-GPU-aaaa/1/0"])) == ["MIG-GPU-aaaa/1/0"]


def test_a_hosts_own_choice_of_devices_is_kept(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa", "GPU-bbbb", "GPU-cccc")
    assert held(running(host, gpus, 0, environment={"CUDA_VISIBLE_DEVICES": "1"})) == ["GPU-bbbb"]
    assert held(running(host, gpus, 1, devices=["GPU-cccc", "GPU-bbbb"])) == ["GPU-cccc"]


@pytest.mark.parametrize(("count", "dispatch", "says"), [
    (3, {}, "the run needs 3 GPUs; of this host's it may have GPU-aaaa, GPU-bbbb"),
    (1, {"devices": ["GPU-zzzz"]},
     "the run needs 1 GPU; of this host's it may have none ('devices:' in hosts.yaml names GPU-zzzz)"),
])
def test_what_the_host_has_not_is_refused(host: HostRoot, gpus: FakeGpus, count: int, dispatch: dict[str, object],
                                          says: str) -> None:
    seal = launched(host, gpus, 0, count, **dispatch).seal()  # type: ignore[arg-type]
    assert (seal["outcome"], seal["reason"], seal["started_at"]) == ("refused", says, None)


def test_without_a_driver_gpus_must_be_named(host: HostRoot, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    nothing = {"PATH": str(tmp_path / "empty")}
    attempt = host.place(gpu_spec(0))
    assert host.launch(attempt, **nothing) == "started"
    seal = attempt.seal()
    assert seal["outcome"] == "refused"
    assert "there is no nvidia-smi on this host" in seal["reason"]
    named = host.place(gpu_spec(1), devices=["GPU-aaaa"])
    assert host.launch(named, **nothing) == "started"
    wait_for(lambda: named.starts, "the trainer's first line")
    assert held(named) == ["GPU-aaaa"]


def test_a_driver_that_does_not_answer_is_asked_again(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.break_down()
    attempt = launched(host, gpus, 0)
    waits_for(attempt, "nvidia-smi gives no answer", "Unknown Error")
    gpus.break_down(False)
    wait_for(lambda: attempt.starts, "its turn")


def test_who_waits_for_a_lease_does_not_ask_the_driver(host: HostRoot, gpus: FakeGpus) -> None:
    gpus.are("GPU-aaaa")
    first = running(host, gpus, 0)
    second = launched(host, gpus, 1)
    waits_for(second, "is leased")
    asked = gpus.times_asked
    beat = second.document("status.json")["beat"]
    wait_for(lambda: second.document("status.json")["beat"] > beat + 20, "twenty beats")
    assert gpus.times_asked == asked
    cancel(first)
    wait_for(lambda: second.starts, "its turn")


def test_a_run_without_gpus_sees_none(host: HostRoot, gpus: FakeGpus) -> None:
    attempt = host.place(simulated_spec(fault="hang", fault_step=1))
    assert host.launch(attempt, PATH=gpus.path, CUDA_VISIBLE_DEVICES="0") == "started"
    wait_for(lambda: attempt.starts, "the trainer's first line")
    pid = attempt.document("started.json")["trainer"]["pid"]
    assert b"CUDA_VISIBLE_DEVICES=" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert (attempt.document("started.json")["slots"], gpus.times_asked) == ([0], 0)


def test_a_grid_drains_by_itself_and_no_gpu_ever_has_two(host: HostRoot, gpus: FakeGpus) -> None:
    both = [running(host, gpus, seed) for seed in (90, 91)]
    grid = [launched(host, gpus, seed, lasting=False) for seed in range(8)]
    for attempt in both:
        cancel(attempt)
    seals = [attempt.seal() for attempt in grid]
    assert [s["outcome"] for s in seals] == ["completed"] * 8
    assert [a.starts for a in grid] == [1] * 8
    for uuid in ("GPU-aaaa", "GPU-bbbb"):
        mine = sorted((s["started_at"], s["ended_at"]) for a, s in zip(grid, seals, strict=True)
                      if a.document("started.json")["gpu_uuids"] == [uuid])
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(mine))
    assert sorted(s["started_at"] for s in seals) == [s["started_at"] for s in seals], "in the order of launches"
