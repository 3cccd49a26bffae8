"""Plays thousands of schedules of faults and counts what broke: nothing may.

    python -m benchmarks.faults                      5000 schedules on the local transport, 500 over a real sshd
    python -m benchmarks.faults --ci                 what CI plays: 500 and 50
    python -m benchmarks.faults --budget 30m         as many of them as fit, half of the time for each transport
    python -m benchmarks.faults --replay local '{"faults": [...], "runs": 1}'

Then each fault that has a name is played once in the lab: three hosts, 50 ms away where namespaces can be made. The
table says for every kind of fault how many schedules held it, how often it struck, how many trainers started, and how
often each promise was broken. The last form plays one schedule, as a failed test prints it, and shows what it broke.
"""

from __future__ import annotations

import argparse
import json
import math
import os
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
from tests.faults.lab import Lab, lab
from tests.faults.lab_play import play_in_lab
from tests.faults.named import named
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
    starts: int = 0
    most_starts: int = 0
    broken: Counter[str] = field(default_factory=Counter)

    def add(self, found: Findings, struck: int) -> None:
        self.schedules += 1
        self.struck += struck
        self.runs += found.runs
        self.attempts += found.attempts
        self.starts += found.starts
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


def play_all(drawn_schedules: Sequence[Schedule], transport: str, at_once: int,
             budget_s: float) -> list[tuple[Schedule, Findings]]:
    """Play them side by side until the time is up; complaints are shown as they come."""
    for runs in sorted({schedule.runs for schedule in drawn_schedules}):
        undisturbed(runs)
    until = time.monotonic() + budget_s

    def one(schedule: Schedule) -> tuple[Schedule, Findings] | None:
        if time.monotonic() > until:
            return None
        found = play(schedule, transport=transport)
        if found.complaints():
            print(f"BROKEN  --replay {transport} '{schedule.to_json()}'\n" + "\n".join(found.complaints()), flush=True)
        return schedule, found

    with ThreadPoolExecutor(at_once) as pool:
        return [played for played in pool.map(one, drawn_schedules) if played is not None]


def play_named(the_lab: Lab) -> list[tuple[Schedule, Findings]]:
    """Every fault that has a name, once, on the lab's hosts."""
    played = []
    left = list(named(disk=False))
    while left:
        chosen = {host: left.pop(0) for host in list(the_lab.hosts)[: len(left)]}
        found = play_in_lab(the_lab, {host: schedule for host, (_, schedule) in chosen.items()})
        for host, (name, schedule) in chosen.items():
            played.append((schedule, found[host]))
            if found[host].complaints():
                print(f"BROKEN  in the lab: {name}\n" + "\n".join(found[host].complaints()), flush=True)
    return played


def table(parts: Mapping[str, tuple[dict[str, Tally], float]], facts: Mapping[str, Any], notes: Sequence[str]) -> str:
    """The tallies as Markdown."""
    lines = ["# Schedules of faults", ""]
    lines += [f"- *{name}*: violations of \"{rule}\"" for name, rule in PROPERTIES.items()]
    for transport, (counted, seconds) in parts.items():
        lines += ["", f"## {transport}", "",
                  "| fault | schedules | struck | runs | attempts | starts | starts per attempt, most | "
                  + " | ".join(PROPERTIES) + " |", "|---|" + "---:|" * (6 + len(PROPERTIES))]
        for label, t in counted.items():
            counts = (t.schedules, t.struck, t.runs, t.attempts, t.starts, t.most_starts)
            lines.append(f"| {label} | " + " | ".join(map(str, (*counts, *(t.broken[p] for p in PROPERTIES)))) + " |")
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
    parser.add_argument("--ci", action="store_true", help="what CI plays, in a tenth of the time")
    parser.add_argument("--local", type=int, default=LOCAL, help="schedules over the local transport")
    parser.add_argument("--ssh", type=int, default=SSH, help="schedules over a real sshd on loopback")
    parser.add_argument("--budget", type=_seconds, default=math.inf, metavar="TIME", help="such as 90s or 30m")
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
    sizes = {"local": LOCAL // 10, "ssh": SSH // 10} if asked.ci else {"local": asked.local, "ssh": asked.ssh}
    for transport, number in sizes.items():
        if number and _is_there(transport, notes):
            begun = time.monotonic()
            played = play_all(drawn(number, transport, asked.seed), transport, asked.at_once, asked.budget / 2)
            parts[transport] = (tallies(played), time.monotonic() - begun)
            if len(played) < number:
                notes.append(f"{transport}: the time was up after {len(played)} of {number} schedules")
    if sizes["ssh"] and "ssh" in parts:
        begun = time.monotonic()
        with lab() as the_lab:
            parts[f"three hosts ({the_lab.where})"] = (tallies(play_named(the_lab)), time.monotonic() - begun)
    facts["load_average_1m_at_the_end"] = round(os.getloadavg()[0], 2)
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


def _seconds(text: str) -> float:
    """Seconds from such words as 90s, 30m or 2h."""
    return float(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


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
