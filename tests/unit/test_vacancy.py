"""Which GPUs would do for a run, from what the driver said and who holds leases."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest

from worker.gpu import Device, Gpu, GpuProcess
from worker.leases import Claimant, Owner
from worker.paths import AttemptDir
from worker.vacancy import Look, judge

H100 = Device("GPU-a", Gpu("GPU-a", "NVIDIA H100", 80_000, 30_000, "570", "9.0"))
GB10 = Device("GPU-g", Gpu("GPU-g", "NVIDIA GB10", None, None, "580", "12.1"))
WHOLE = Gpu("GPU-m", "NVIDIA H100", 80_000, 10_000, "570", "9.0")
INSTANCE, NEIGHBOUR = Device("MIG-1", WHOLE, 40_960), Device("MIG-2", WHOLE, 10_240)
ME = frozenset({os.getpid()})
NOBODY = 2**22 + 1
"""Above every pid that a kernel gives."""


def claimant(memory_mib: int | None = None, per_gpu: int = 4, count: int = 1) -> Claimant:
    return Claimant(AttemptDir("a" * 64, 1, "/nowhere"), count, per_gpu, memory_mib)


def usable(device: Device, owners: Sequence[Owner] = (), *, need: int | None = None, per_gpu: int = 4,
           processes: Sequence[GpuProcess] = (), share: bool = False, machine_free_mib: int | None = None) -> bool:
    look = Look({device.uuid: device}, processes, machine_free_mib)
    found = judge(look, owners, claimant(need, per_gpu), share=share)
    assert len(found.usable) + len(found.refused) == 1
    return bool(found.usable)


def owner(device: Device, *, per_gpu: int = 4, memory_mib: int | None = None, pids: frozenset[int] = ME) -> Owner:
    return Owner(device.uuid, 0, per_gpu, memory_mib, "run x/1", pids)


@pytest.mark.parametrize(("holders", "per_gpu", "room"), [
    ([], 1, True), ([4], 4, True), ([4], 1, False), ([1], 4, False), ([2, 2], 4, False), ([4, 4, 4], 4, True),
    ([4, 4, 4, 4], 4, False),
])
def test_a_gpu_is_shared_as_far_as_everybody_on_it_agreed(holders: list[int], per_gpu: int, room: bool) -> None:
    assert usable(H100, [owner(H100, per_gpu=n) for n in holders], per_gpu=per_gpu) is room


@pytest.mark.parametrize(("holder_mib", "uses_mib", "need", "fits"), [
    (None, None, 50_000, True), (None, None, 50_001, False),
    (20_000, None, 30_000, True), (20_000, None, 30_001, False),     # nothing taken yet: 20,000 are to come
    (20_000, 15_000, 45_000, True), (20_000, 15_000, 45_001, False),  # 5,000 are to come
    (20_000, 25_000, 50_000, True),                                   # it took more than it said
])
def test_what_a_sharer_said_it_will_use_is_kept_free(holder_mib: int | None, uses_mib: int | None, need: int,
                                                     fits: bool) -> None:
    processes = [] if uses_mib is None else [GpuProcess("GPU-a", os.getpid(), uses_mib)]
    assert usable(H100, [owner(H100, memory_mib=holder_mib)], need=need, processes=processes) is fits


def test_where_the_driver_tells_no_memory_the_machines_counts() -> None:
    assert usable(GB10, need=90_000, machine_free_mib=100_000)
    assert not usable(GB10, need=110_000, machine_free_mib=100_000)
    assert usable(GB10, need=110_000, machine_free_mib=None), "what nobody knows forbids nothing"
    seen = [GpuProcess("GPU-g", os.getpid(), None)]
    holder = [owner(GB10, memory_mib=60_000)]
    assert not usable(GB10, holder, need=50_000, machine_free_mib=100_000)
    assert usable(GB10, holder, need=50_000, machine_free_mib=100_000, processes=seen), "it has taken its share"


def test_an_instances_memory_is_its_profiles() -> None:
    assert usable(INSTANCE, need=40_960)
    assert not usable(NEIGHBOUR, need=10_241)
    assert not usable(INSTANCE, [owner(INSTANCE, memory_mib=30_000)], need=20_000)


def test_a_stranger_counts_where_it_computes_and_where_that_is_not_known() -> None:
    assert not usable(H100, processes=[GpuProcess("GPU-a", NOBODY, 5)])
    assert usable(H100, processes=[GpuProcess("GPU-a", NOBODY, 5)], share=True)
    assert usable(H100, processes=[GpuProcess("GPU-b", NOBODY, 5)])
    assert usable(INSTANCE, processes=[GpuProcess("MIG-2", NOBODY, 5)]), "an instance is not disturbed by another"
    assert not usable(INSTANCE, processes=[GpuProcess("GPU-m", NOBODY, 5)]), "it may be on this one"


def test_who_descends_from_a_leaseholder_is_no_stranger() -> None:
    parent = frozenset({os.getppid()})
    assert usable(H100, [owner(H100, pids=parent)], processes=[GpuProcess("GPU-a", os.getpid(), 5)])
    assert not usable(H100, [owner(H100, pids=frozenset())], processes=[GpuProcess("GPU-a", os.getpid(), 5)])


def test_who_is_refused_is_told_why() -> None:
    look = Look({"GPU-a": H100, "GPU-g": GB10}, [GpuProcess("GPU-a", NOBODY, 3120)], 10, {NOBODY: "python"})
    found = judge(look, [], claimant(20), share=False)
    assert found.refused == (f"GPU-a is used by pid {NOBODY} (python, 3120 MiB), which is not ours",
                             "GPU-g has 10 MiB of memory free; the run needs 20")
