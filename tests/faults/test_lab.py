"""Three hosts 50 ms away, and what befalls them while a campaign runs on each. Real commands, real sshd."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.lab import ONE_WAY_MS, Lab, introduce, lab
from tests.faults.lab_play import play_in_lab
from tests.faults.named import named
from tests.faults.properties import Findings, examine
from tests.faults.verdicts import TRIES
from tests.integration.supervised import wait_for

pytestmark = pytest.mark.sshd

_named = list(named(disk=False))  # a mount namespace of the test's is not to be seen from the lab's hosts
ROUNDS = [_named[k : k + 3] for k in range(0, len(_named), 3)]

TEXT = """
campaign: {host}
deadline: 2m
defaults:
  entry: simulated
  horizon: 40
  validation: {{every: 20}}
  simulated: {{step_ms: 10, real_step_ms: 25, decay_steps: 60}}
stages:
  - {{name: only, role: ce, axes: {{seed: {seeds}}}, policy: ce-baseline}}
"""

CONNECT = """
import socket, sys, time
for _ in range(5):
    begun = time.perf_counter()
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 10).close()
    print((time.perf_counter() - begun) * 1000)
"""


@pytest.fixture(scope="module")
def the_lab(sshd_program: str) -> Iterator[Lab]:
    with lab() as made:
        for number, name in enumerate(made.hosts):
            seeds = [2 * number, 2 * number + 1]
            (made.cwd / f"{name}.yaml").write_text(TEXT.format(host=name, seeds=seeds))
        yield made


@pytest.fixture
def separated(the_lab: Lab) -> Lab:
    if not the_lab.enter:
        warnings.warn(f"the lab of three hosts is on {the_lab.where}", stacklevel=1)
    introduce(the_lab)  # a test before this one may have left a host with another key
    return the_lab


def test_the_hosts_are_as_far_away_as_they_say(separated: Lab) -> None:
    least_ms = 2 * ONE_WAY_MS if separated.enter else 0.0
    for host in separated.hosts.values():
        out = subprocess.run([*separated.enter, sys.executable, "-c", CONNECT, str(host.entry.address),
                              str(host.entry.port)], capture_output=True, check=True).stdout
        taken = statistics.median(map(float, out.split()))
        assert least_ms <= taken < 4 * ONE_WAY_MS, taken
        if not separated.enter:
            continue
        with socket.socket() as outside:
            outside.settimeout(0.2)
            assert outside.connect_ex((host.entry.address, host.entry.port)) != 0, "only the laptop has a way there"


def test_a_cut_line_a_reboot_and_a_killed_laptop_at_once(separated: Lab) -> None:
    names = list(separated.hosts)
    launching = [separated.start("campaign", "launch", f"{name}.yaml", "--host", name) for name in names]
    try:
        for name in names:
            wait_for(lambda name=name: _all_started(separated.hosts[name].faulty.seen_root), f"{name} trains")
        far, rebooted = separated.hosts[names[0]], separated.hosts[names[1]]
        far.cut()
        rebooted.power_cut()
        launching[2].kill()
        rebooted.power_on()
        wait_for(lambda: len(list(far.faulty.seen_root.glob("runs/*/attempts/*/exit.json"))) == 2,
                 "the runs behind the cut line end by themselves")
        far.heal()
        assert launching[2].wait(30) != 0
        said = [process.communicate(timeout=240)[0].decode() for process in launching[:2]]
        assert [process.returncode for process in launching[:2]] == [0, 0], said
    finally:
        for process in launching:
            process.kill()
            process.communicate()
    for name in names:
        code, said_again = separated.run("campaign", "launch", f"{name}.yaml", "--host", name)
        assert code == 0, said_again
    findings = Findings()
    examine([host.faulty for host in separated.hosts.values()], separated.home, findings, innocent=False)
    assert findings.complaints() == []
    assert findings.runs == 6
    assert sorted(findings.outcomes) == ["completed"] * 6 + ["lost_reboot"] * 2
    assert findings.most_starts == 1


@pytest.mark.parametrize("number", range(len(ROUNDS)), ids=lambda number: "+".join(name for name, _ in ROUNDS[number]))
def test_three_distant_hosts_suffer_a_named_fault_each_at_once(separated: Lab, number: int) -> None:
    names = [name for name, _ in ROUNDS[number]]
    chosen = {host: schedule for host, (_, schedule) in zip(separated.hosts, ROUNDS[number], strict=False)}
    missed = set(names)
    for _ in range(TRIES):
        found = play_in_lab(separated, chosen)
        for name, findings in zip(names, found.values(), strict=True):
            assert findings.complaints() == [], f"{name}:\n" + "\n".join(findings.complaints())
            if sum(findings.struck.values()):
                missed.discard(name)
        if not missed:
            return
    pytest.fail(f"never struck in {TRIES} tries: {', '.join(missed)}")


def _all_started(root: Path) -> bool:
    logs = list(root.glob("runs/*/attempts/1/train.log"))
    return len(logs) == 2 and all(b"train_loss" in log.read_bytes() for log in logs)
