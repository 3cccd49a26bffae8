"""What a recorded campaign file asks: its question, the kinds of its stages, and how many runs it plans.

The file is read as it was launched, with its scale and its ``--set`` values. What cannot be read asks nothing: a
report is made of imported campaigns too, and of files that an older version took.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from orchestrator.domain.errors import KdorchError
from orchestrator.ledger.rows import CampaignRow
from orchestrator.planning.campaign_model import Campaign, Halving
from orchestrator.planning.findings import Findings
from orchestrator.planning.layout import lay_out
from orchestrator.planning.overrides import apply_overrides
from orchestrator.planning.scales import apply_scale
from orchestrator.planning.yaml_lines import read_yaml


@dataclass(frozen=True)
class Asking:
    """``roles`` are those of the stages; ``duels`` the stages whose configurations are alternatives; ``halvings`` the
    halved stages with their number of rungs; ``searches`` the others that draw or propose configurations; ``expects``
    the ends that a stage asks about. ``body`` is the file."""

    question: str
    roles: tuple[str, ...]
    duels: tuple[str, ...]
    halvings: tuple[tuple[str, int], ...]
    searches: tuple[str, ...]
    expects: Mapping[str, tuple[str, ...]]
    body: Mapping[str, Any]


def launched_with(campaign: CampaignRow) -> Mapping[str, Any]:
    """What the command line changed; imported campaigns hold an empty list."""
    told = json.loads(campaign.overrides_json)
    return told if isinstance(told, dict) else {}


def asking(campaign: CampaignRow) -> Asking:
    """What the campaign's file asks."""
    body = _as_launched(campaign)
    given = body.get("stages")
    stages = [s for s in given if isinstance(s, dict)] if isinstance(given, list) else []
    return Asking(
        question=str(body.get("description", "")), roles=tuple(dict.fromkeys(str(s.get("role")) for s in stages)),
        duels=tuple(str(s.get("name")) for s in stages if s.get("duel") is True),
        halvings=tuple((str(s.get("name")), int(s["halving"].get("rungs", Halving().rungs))) for s in stages
                       if isinstance(s.get("halving"), dict)),
        searches=tuple(str(s.get("name")) for s in stages if (s.get("search") or s.get("random")) and
                       not s.get("halving")),
        expects={str(s.get("name")): tuple(s["expects"]) for s in stages if isinstance(s.get("expects"), list)},
        body=body)


def planned_runs(asked: Asking) -> int | None:
    """How many runs the file comes to, control arms and those that wait for a choice among them; None when it cannot
    be laid out."""
    try:
        return len(lay_out(Campaign.model_validate(asked.body), Findings("")).runs)
    except (KdorchError, ValidationError):
        return None


def _as_launched(campaign: CampaignRow) -> dict[str, Any]:
    launched = launched_with(campaign)
    name = campaign.source_name
    try:
        located = read_yaml(campaign.source_text.encode(), Findings(name))
        if not isinstance(located.value, dict):
            return {}
        body, lines = located.value, located.lines
        if launched.get("scale") is not None:
            body, _ = apply_scale(body, lines, launched["scale"], Findings(name, lines, body))
        changed: dict[str, Any] = apply_overrides(body, launched.get("set") or ())[0]
        return changed
    except KdorchError:
        return {}
