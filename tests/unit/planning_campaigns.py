"""Campaign files and hosts for the planning tests."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.planning.campaign_file import CampaignSource, load_campaign
from orchestrator.planning.plan import Nothing, Plan, Resolved, make_plan

BUNDLE = "ab" * 32

CE = """\
campaign: base
stages:
  - name: baseline
    role: ce
"""

KD = """\
campaign: demo
deadline: 5m
defaults: {horizon: 200, model: {layers: 2}}
stages:
  - name: baseline
    role: ce
    axes: {seed: [0, 1]}
  - name: teachers
    role: teacher
    runs:
      - {name: small, horizon: 100, model: {layers: 1}}
      - {name: large, horizon: 100}
    policy: {name: teacher-10pct, budget: {fraction: 0.10, of: baseline.first}}
    select: {best: final_val}
  - name: arms
    role: kd
    teacher: {from: teachers.best}
    stop_at_target: true
    compare_with: baseline
    controls: true
    axes:
      schedule.boost: [2.0, 3.0]
      schedule.drop_to_base: [0.4]
      seed: [0, 1]
    select: {best: steps_to_target}
"""


@dataclass(frozen=True)
class PlainHost:
    name: str
    gpus: int = 0
    slots: int = 1
    python: str = "python3"
    root: str = "~/.kdorch-host"
    devices: tuple[str, ...] | None = None
    per_gpu: int = 1
    gpu_memory_mib: int | None = None
    share_gpus: bool = False


@dataclass(frozen=True)
class Past:
    """A past that knows some choices by key, and how some runs stand."""

    choices: dict[str, Resolved] = field(default_factory=dict)
    stands: dict[str, str] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def resolution(self, key: str) -> Resolved | None:
        return self.choices.get(key)

    def standings(self, run_ids: Sequence[str]) -> dict[str, str]:
        return {r: self.stands[r] for r in run_ids if r in self.stands}

    def host_facts(self, host: str) -> dict[str, Any] | None:
        return self.facts.get(host)


LOCAL = {"local": PlainHost("local")}
LANES = {"default": ("local",)}


def load(directory: Path, text: str, *settings: str, host: str | None = None) -> CampaignSource:
    """Write a campaign file and read it."""
    (directory / "c.yaml").write_text(textwrap.dedent(text), encoding="utf-8")
    return load_campaign("c.yaml", overrides=settings, host=host, cwd=directory)


def planned(directory: Path, text: str, *settings: str, past: Past | None = None) -> Plan:
    """The plan of a campaign on this machine alone."""
    return make_plan(load(directory, text, *settings), LOCAL, LANES, BUNDLE, past or Nothing())
