"""Measures what a large campaign costs the laptop: memory and time of placing and of following, by the number of runs.

    python -m benchmarks.scale            250 and 1000 runs on three hosts; some minutes
    python -m benchmarks.scale --quick    30 and 90 runs

The hosts are three directories behind one real sshd on loopback, each with one slot, so that all runs but three wait
in their supervisors. The campaign is launched with ``--detach``, cancelled, and followed to its end by one ``kdorch
watch``. Memory is the peak of the command's process, time that of the whole command, as the kernel accounts for both.
"""

from __future__ import annotations

import argparse
import base64
import getpass
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.commands import Cost, command_cost
from benchmarks.figures import Figure, machine_facts, table, write
from benchmarks.ssh_lab import Lab, loopback
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import HostKey
from orchestrator.transport.trust import trust_keys

TITLE = "A large campaign"
HOSTS = ("a", "b", "c")
LIMIT_MIB = 300.0
CAMPAIGN = """
campaign: large
deadline: 1h
lane: all
defaults:
  entry: simulated
  horizon: 100000
  validation: {{every: 1000}}
  simulated: {{real_step_ms: 500}}
stages:
  - {{name: only, role: ce, axes: {{seed: {seeds}}}, policy: ce-baseline}}
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few runs; too few to conclude from")
    quick = parser.parse_args().quick
    facts, figures = machine_facts(), []
    per_run: dict[int, float] = {}
    with loopback() as lab:
        for runs in (30, 90) if quick else (250, 1000):
            print(f"{runs} runs", file=sys.stderr)
            for what, cost in measured(lab, runs).items():
                held = "held" if cost.peak_mib <= LIMIT_MIB else "MISSED"
                figures += [Figure(f"{runs} runs: {what}, peak memory", cost.peak_mib, "MiB",
                                   f"at most {LIMIT_MIB:g} asked: {held}"),
                            Figure(f"{runs} runs: {what}, time per run", cost.wall_s / runs * 1000.0, "ms",
                                   f"{cost.wall_s:.1f} s in all, {cost.cpu_s:.1f} s of the laptop's processor")]
                if what == "place":
                    per_run[runs] = cost.cpu_s / runs
    first, *_, last = per_run
    figures.append(Figure(f"processor time per run placed, of {last} runs over of {first}",
                          per_run[last] / per_run[first], "×", "1 is linear"))
    print(table(TITLE, facts, figures), end="")
    for path in write("scale-quick" if quick else "scale", TITLE, facts, figures):
        print(f"written: {path}", file=sys.stderr)
    return 0


def measured(lab: Lab, runs: int) -> dict[str, Cost]:
    """What the commands cost with so many runs, from an empty ledger and empty hosts."""
    with tempfile.TemporaryDirectory(prefix="kdorch-bench-") as place:
        cwd = Path(place)
        home = cwd / "home"
        home.mkdir()
        (home / "hosts.yaml").write_text(_hosts_yaml(lab, cwd))
        kind, blob = lab.known_hosts.read_text().split()[1:3]
        for name in HOSTS:
            trust_keys(HostEntry(name, "ssh", address=lab.address, port=lab.port, root=str(cwd / name)), home,
                       [HostKey(kind, base64.b64decode(blob))])
        (cwd / "large.yaml").write_text(CAMPAIGN.format(seeds=list(range(runs))))
        found = {}
        for name in HOSTS:
            command(cwd, "host", "doctor", name)
        try:
            found["place"] = command(cwd, "campaign", "launch", "large.yaml", "--detach")
        finally:
            command(cwd, "campaign", "cancel", "large")
        found["follow to the end"] = command(cwd, "watch", "large")
        return found


def command(cwd: Path, *words: str) -> Cost:
    """One command of this benchmark; some runs not passing is what it asks for."""
    return command_cost(cwd / "home", *words, cwd=cwd, good=(0, 1))


def _hosts_yaml(lab: Lab, cwd: Path) -> str:
    lines = ["hosts:"]
    for name in HOSTS:
        keys = {"address": lab.address, "port": lab.port, "user": getpass.getuser(), "identity": lab.identity,
                "ssh_config": "none", "python": sys.executable, "root": cwd / name, "slots": 1}
        lines += [f"  {name}:", *(f"    {key}: {value}" for key, value in keys.items())]
    return "\n".join([*lines, "lanes:", f"  all: [{', '.join(HOSTS)}]", ""])


if __name__ == "__main__":
    sys.exit(main())
