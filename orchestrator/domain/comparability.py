"""Which finished runs of a campaign ran under the same conditions, and which may not be compared with each other.

The ``comparable`` gate holds one run against its reference; this is the statement about a campaign as a whole.
Conditions are the GPU's model (the device, where there is none), the precision and the version of torch, as the
trainer recorded them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Ran:
    """One finished run: its name, the arm it belongs to (its stage, or what the report groups by), its conditions.

    ``device`` is the GPU's model, or ``cpu``; None stands for what was not recorded.
    """

    name: str
    arm: str
    device: str | None
    precision: str | None
    torch: str | None


@dataclass(frozen=True)
class Group:
    """Runs under the same conditions."""

    device: str
    precision: str
    torch: str
    runs: tuple[str, ...]
    arms: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"{self.device}, {self.precision}, torch {self.torch}"


@dataclass(frozen=True)
class Comparability:
    """``groups``, the largest first; ``statement`` is empty where all runs may be compared."""

    groups: tuple[Group, ...]
    statement: str

    @property
    def comparable(self) -> bool:
        return not self.statement


def comparability(rows: Iterable[Ran]) -> Comparability:
    """Group finished runs by their conditions and say what may not be compared.

    Runs of which a condition was not recorded are a group of their own: nothing shows that they are like others.
    """
    found: dict[tuple[str, str, str], list[Ran]] = {}
    for row in rows:
        found.setdefault((row.device or UNKNOWN, row.precision or UNKNOWN, row.torch or UNKNOWN), []).append(row)
    groups = tuple(sorted((
        Group(*key, runs=tuple(r.name for r in runs), arms=tuple(dict.fromkeys(r.arm for r in runs)))
        for key, runs in found.items()), key=lambda g: (-len(g.runs), g.words)))
    return Comparability(groups, _statement(groups))


def _statement(groups: tuple[Group, ...]) -> str:
    if len(groups) < 2:
        return ""
    differ = [name for name, values in (
        ("device", {g.device for g in groups}), ("precision", {g.precision for g in groups}),
        ("torch", {g.torch for g in groups})) if len(values) > 1]
    where = " and ".join(g.device for g in groups) if differ == ["device"] else "; ".join(g.words for g in groups)
    arms = dict.fromkeys(arm for g in groups for arm in g.arms)
    divided = [arm for arm in arms if sum(arm in g.arms for g in groups) > 1]
    inside = f"; {', '.join(divided)} even within themselves" if divided else ""
    return f"the runs ran on {where}: not compared across {' and '.join(differ)}{inside}"
