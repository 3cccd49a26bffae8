"""Plays thousands of schedules of faults and counts what broke: nothing may.

    python -m benchmarks.faults                      5000 schedules on the local transport, 500 over a real sshd
    python -m benchmarks.faults --local 500 --ssh 50
    python -m benchmarks.faults --replay local '{"faults": [...], "runs": 1}'

The last form plays one schedule, as a failed test prints it, and shows what it broke.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from benchmarks.figures import machine_facts, results_folder
from tests.faults.disk import can_mount
from tests.faults.play import play, undisturbed
from tests.faults.properties import PROPERTIES, Findings
from tests.faults.schedules import (
    DISK_FAULTS,
    HOST_FAULTS,
    LAPTOP_FAULTS,
    LINE_FAULTS,
    SSH_FAULTS,
    Schedule,
    from_json,
    schedules,
)
from tests.integration.sshd_server import NoSshServer, find_sshd

LOCAL, SSH = 5000, 500
ALL = "all schedules"


@dataclass
class Tally:
    """What the schedules came to that hold one kind of fault."""

    schedules: int = 0
    struck: int = 0
    runs: int = 0
    attempts: int = 0
    most_starts: int = 0
    broken: Counter[str] = field(default_factory=Counter)

    def add(self, found: Findings, struck: int) -> None:
        self.schedules += 1
        self.struck += struck
        self.runs += found.runs
        self.attempts += found.attempts
        self.most_starts = max(self.most_starts, found.most_starts)
        self.broken.update({name: len(getattr(found, name)) for name in PROPERTIES})


def drawn(number: int, transport: str, chance: int) -> list[Schedule]:
    """So many schedules, the same ones for the same ``chance``."""
    families = [LINE_FAULTS, LAPTOP_FAULTS, HOST_FAULTS, SSH_FAULTS if transport == "ssh" else {}]
    if transport == "local" and can_mount():
        families.append(DISK_FAULTS)
    found: list[Schedule] = []

    @seed(chance)
    @settings(max_examples=number, database=None, deadline=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(schedules(*families))
    def draw(schedule: Schedule) -> None:
        found.append(schedule)

    draw()
    return found


def tallies(played: Iterable[tuple[Schedule, Findings]]) -> dict[str, Tally]:
    """By kind of fault, and for all together."""
    counted: dict[str, Tally] = {ALL: Tally()}
    for schedule, found in played:
        counted[ALL].add(found, sum(found.struck.values()))
        for label in sorted({fault.label for fault in schedule.faults}):
            counted.setdefault(label, Tally()).add(found, found.struck[label])
    return dict(sorted(counted.items()))


def play_all(drawn_schedules: Sequence[Schedule], transport: str, at_once: int) -> list[tuple[Schedule, Findings]]:
    """Play them side by side; complaints are shown as they come."""
    for runs in sorted({schedule.runs for schedule in drawn_schedules}):
        undisturbed(runs)

    def one(schedule: Schedule) -> tuple[Schedule, Findings]:
        found = play(schedule, transport=transport)
        if found.complaints():
            print(f"BROKEN  --replay {transport} '{schedule.to_json()}'\n" + "\n".join(found.complaints()), flush=True)
        return schedule, found

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, drawn_schedules))


def table(parts: Mapping[str, tuple[dict[str, Tally], float]], facts: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The tallies as Markdown."""
    lines = ["# Schedules of faults", ""]
    lines += [f"- *{name}*: violations of \"{rule}\"" for name, rule in PROPERTIES.items()]
    for transport, (counted, seconds) in parts.items():
        lines += ["", f"## {transport}", "",
                  "| fault | schedules | struck | runs | attempts | starts per attempt, most | "
                  + " | ".join(PROPERTIES) + " |", "|---|" + "---:|" * (5 + len(PROPERTIES))]
        for label, t in counted.items():
            lines.append(f"| {label} | {t.schedules} | {t.struck} | {t.runs} | {t.attempts} | {t.most_starts} | "
                         + " | ".join(str(t.broken[name]) for name in PROPERTIES) + " |")
        every = counted[ALL]
        lines.append(f"\n{every.schedules} schedules in {seconds:.0f} s, "
                     f"{seconds / max(1, every.schedules):.2f} s each.")
    lines += ["", *(f"- {note}" for note in notes)]
    lines += [f"- {name.replace('_', ' ')}: {'unknown' if value is None else value}" for name, value in facts.items()]
    return "\n".join(lines) + "\n"


def replay(transport: str, text: str) -> int:
    """Play one schedule and show what it broke."""
    found = play(from_json(text), transport=transport)
    print("\n".join(found.complaints()) or f"nothing broke; outcomes: {', '.join(found.outcomes)}")
    return 1 if found.complaints() else 0


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--local", type=int, default=LOCAL, help="schedules over the local transport")
    parser.add_argument("--ssh", type=int, default=SSH, help="schedules over a real sshd on loopback")
    parser.add_argument("--seed", type=int, default=1, help="another number draws other schedules")
    parser.add_argument("--at-once", type=int, default=6, help="schedules side by side; most of each is waiting")
    parser.add_argument("--replay", nargs=2, metavar=("TRANSPORT", "SCHEDULE"), help="play one schedule")
    asked = parser.parse_args(argv)
    if asked.replay:
        return replay(*asked.replay)
    notes = ["the wall clock of hosts is stepped by a time.time of the tests' own; no clock of this machine moves"]
    if not can_mount():
        notes.append("no mount namespace can be made here: no schedule holds a fault of a disk")
    facts = machine_facts()
    parts: dict[str, tuple[dict[str, Tally], float]] = {}
    for transport, number in (("local", asked.local), ("ssh", asked.ssh)):
        if number and _is_there(transport, notes):
            begun = time.monotonic()
            played = play_all(drawn(number, transport, asked.seed), transport, asked.at_once)
            parts[transport] = (tallies(played), time.monotonic() - begun)
    text = table(parts, facts, notes)
    print(text, end="")
    folder = results_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.md").write_text(text, encoding="utf-8")
    body = {"machine": facts, "notes": notes, "seed": asked.seed, "parts": {
        transport: {"seconds": round(seconds, 1), "faults": {label: vars(t) for label, t in counted.items()}}
        for transport, (counted, seconds) in parts.items()}}
    (folder / "faults.json").write_text(json.dumps(body, indent=2, default=dict) + "\n", encoding="utf-8")
    return 1 if any(sum(counted[ALL].broken.values()) for counted, _ in parts.values()) else 0


def _is_there(transport: str, notes: list[str]) -> bool:
    if transport == "ssh":
        try:
            find_sshd()
        except NoSshServer as error:
            notes.append(f"not measured over ssh: {error}")
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
