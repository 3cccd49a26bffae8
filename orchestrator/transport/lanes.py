"""Lanes of the hosts file: ordered hosts to choose from, and how long a run waits at each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from orchestrator.transport.hosts_file import HostsFile

LOCAL = "local"
DEFAULT_LANE = "default"
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: Any) -> int:
    """Whole seconds of ``90s``, ``30m``, ``2h`` or ``1d``."""
    found = re.fullmatch(r"([0-9]{1,7})(s|m|h|d)", value) if isinstance(value, str) else None
    if found is None or int(found[1]) < 1:
        raise ValueError("expected a duration with its unit, such as 90s, 30m or 2h")
    return int(found[1]) * _UNIT_S[found[2]]


class LaneItem(BaseModel):
    """A host of a lane: its name, or ``{host: NAME, max_wait: 30m}``.

    ``max_wait`` (seconds) is the longest that a run waits in the host's queue before it goes to the next.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    host: str
    max_wait: Annotated[int, BeforeValidator(_duration)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name(cls, given: Any) -> Any:
        if isinstance(given, str):
            return {"host": given}
        if not isinstance(given, dict):
            raise ValueError("expected a host's name, or {host: NAME, max_wait: 30m}")
        return given


def lanes_of(file: HostsFile, given: Mapping[str, Sequence[LaneItem]],
             hosts: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The lanes as host names in order; ``default`` holds every named host where the file has no such lane."""
    for lane, items in given.items():
        if not items:
            file.refuse(("lanes", lane), "a lane needs at least one host")
        names = [item.host for item in items]
        for i, name in enumerate(names):
            if name not in hosts:
                file.refuse(("lanes", lane, i), f"there is no host {name!r}; known: {', '.join(sorted(hosts))}")
            if name in names[:i]:
                file.refuse(("lanes", lane, i), f"host {name!r} stands here twice")
    lanes = {lane: tuple(item.host for item in items) for lane, items in given.items()}
    named = tuple(name for name in hosts if name != LOCAL) or (LOCAL,)
    return lanes if DEFAULT_LANE in lanes else {**lanes, DEFAULT_LANE: named}


def patience_of(given: Mapping[str, Sequence[LaneItem]]) -> dict[str, dict[str, int]]:
    """By lane and host, how long a run waits there; only where the file says so."""
    found = {lane: {item.host: item.max_wait for item in items if item.max_wait is not None}
             for lane, items in given.items()}
    return {lane: waits for lane, waits in found.items() if waits}
