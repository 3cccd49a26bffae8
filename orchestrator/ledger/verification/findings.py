"""What a verification found: each disagreement by its place, and how much was looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

LIMIT_PER_KIND = 200
"""More disagreements of one kind than this are counted and not listed one by one."""


@dataclass(frozen=True)
class Disagreement:
    """``kind`` is the check's word, ``where`` a row, file or event, ``what`` a sentence."""

    kind: str
    where: str
    what: str


@dataclass
class Findings:
    """Collects while checks run. ``checked`` counts what was looked at, by its word (``events``, ``files``, …)."""

    disagreements: list[Disagreement] = field(default_factory=list)
    checked: Counter[str] = field(default_factory=Counter)
    not_listed: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, where: str, what: str) -> None:
        """Note one disagreement."""
        if sum(d.kind == kind for d in self.disagreements[-LIMIT_PER_KIND:]) >= LIMIT_PER_KIND:
            self.not_listed[kind] += 1
            return
        self.disagreements.append(Disagreement(kind, where, what))

    @property
    def agree(self) -> bool:
        return not self.disagreements
