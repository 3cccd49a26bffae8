"""The kernel's words: worker/kernel_witness.py on records as /dev/kmsg gives them and on a cgroup's counters."""

from __future__ import annotations

from pathlib import Path

from worker.failures import classify
from worker.kernel_witness import KernelWitness

RECORD = b"3,1042,8123450001,-;Memory cgroup out of memory: Killed process 4711 (python3) total-vm:26184840kB\n"


def kmsg(path: Path) -> Path:
    """A file stands in for the device: one read gives what was appended since the witness came."""
    path.write_bytes(b"6,1,1,-;NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.\n")
    return path


def test_only_what_was_said_meanwhile_counts(tmp_path: Path) -> None:
    device = kmsg(tmp_path / "kmsg")
    witness = KernelWitness(str(device), str(tmp_path))
    assert witness.words() == b""
    with device.open("ab") as handle:
        handle.write(RECORD)
    assert classify("failed", None, 9, b"step\n" + witness.words(frozenset({4711})))["class"] == "oom"  # type: ignore[index]
    witness.close()
    witness.close()


def test_another_s_process_that_was_killed_is_not_ours(tmp_path: Path) -> None:
    device = kmsg(tmp_path / "kmsg")
    witness = KernelWitness(str(device), str(tmp_path))
    with device.open("ab") as handle:
        handle.write(RECORD)
    assert witness.words(frozenset({12})) == b""
    witness.close()


def test_a_cgroup_s_counter_speaks_where_the_log_is_closed(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\noom 1\noom_kill 2\noom_group_kill 0\n")
    witness = KernelWitness(str(tmp_path / "no such device"), str(tmp_path))
    assert classify("failed", None, 9, witness.words())["class"] == "killed"  # type: ignore[index]
    events.write_text("low 0\noom 2\noom_kill 3\noom_group_kill 0\n")
    assert classify("failed", None, 9, witness.words())["class"] == "oom"  # type: ignore[index]
