"""Everything wrong with a campaign file, collected, so that one reading tells a person all of it.

A finding stands at a *document path* (keys and indexes from the top of the file) and is shown with file, line, and a
dotted key in which stages and runs go by their names: the same key that ``--set`` takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from orchestrator.domain.errors import CampaignFileError

DocPath = tuple[str | int, ...]
SHOWN = 20


def at(value: Any, path: Sequence[str | int]) -> Any:
    """The value below ``path`` in plain data; None where there is none."""
    for token in path:
        inside = token in value if isinstance(value, Mapping) else \
            isinstance(value, list) and isinstance(token, int) and 0 <= token < len(value)
        if not inside:
            return None
        value = value[token]
    return value


@dataclass
class Findings:
    """Collects findings about one file. ``overridden`` maps document paths to the ``--set`` that put a value there."""

    path: str
    lines: Mapping[DocPath, int] = field(default_factory=dict)
    data: Any = None
    overridden: Mapping[DocPath, str] = field(default_factory=dict)
    _found: dict[tuple[str, int | None, str, str], None] = field(default_factory=dict)

    def add(self, where: DocPath, message: str) -> None:
        """Note a problem at a document path."""
        override = self.override_at(where)
        if override is not None:
            self._found[(f"--set {override}", None, self.key(where), message)] = None
        else:
            self._found[(self.path, self.line_of(where), self.key(where), message)] = None

    def add_line(self, line: int, where: DocPath, message: str) -> None:
        """Note a problem at a known line, while the file is still being read."""
        self._found[(self.path, line, self.key(where), message)] = None

    def stop(self, message: str, *, where: DocPath = (), line: int | None = None, hint: str | None = None) -> NoReturn:
        """Raise at once: nothing after this could be judged."""
        if where:
            self.add(where, message)
            self.check()
        raise CampaignFileError(self.path, message, line=line, hint=hint)

    def check(self) -> None:
        """Raise one error that lists everything found so far, in the order of the file."""
        if not self._found:
            return
        found = sorted(self._found, key=lambda f: (f[1] is None, f[1] or 0))
        place, line, key, message = found[0]
        rest = [str(CampaignFileError(p, m, key=k, line=n)) for p, n, k, m in found[1:SHOWN]]
        if len(found) > SHOWN:
            rest.append(f"and {len(found) - SHOWN} more")
        raise CampaignFileError(place, "\n".join([message, *rest]), key=key, line=line)

    def override_at(self, where: DocPath) -> str | None:
        """The ``--set`` that decides the value at this path, if one does."""
        for n in range(len(where), 0, -1):
            if where[:n] in self.overridden:
                return self.overridden[where[:n]]
        return None

    def line_of(self, where: DocPath) -> int | None:
        """The line of the path, or of the nearest thing around it that has one."""
        for n in range(len(where), 0, -1):
            if where[:n] in self.lines:
                return self.lines[where[:n]]
        return 1 if self.lines else None

    def key(self, where: DocPath) -> str:
        """``stages.arms.spec.kd.alpha``: list items with a name go by it, others by ``[index]``."""
        shown = ""
        for n, token in enumerate(where):
            if isinstance(token, int):
                name = at(self.data, (*where[:n], token, "name"))
                shown += f".{name}" if isinstance(name, str) and name else f"[{token}]"
            else:
                shown += f".{token}" if shown else token
        return shown
