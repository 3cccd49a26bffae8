"""``--scale NAME``: a variant of a campaign that its own file describes under ``scales:``.

A scale is laid over the file before anything is checked: mappings are merged, everything else is replaced, and under
``stages`` the stages go by name. A scaled campaign is a campaign of its own and carries the scale in its name, so its
runs never stand among those of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.planning.findings import DocPath, Findings

Lines = Mapping[DocPath, int]


def apply_scale(data: dict[str, Any], lines: Lines, scale: str, findings: Findings) -> tuple[dict[str, Any], Lines]:
    """The campaign with a scale laid over it, and the line of every value, wherever it came from.

    Raises :class:`UsageError` when the file has no such scale; what is wrong in it goes to ``findings``.
    """
    scales = data.get("scales")
    if not isinstance(scales, dict) or scale not in scales:
        known = ", ".join(scales) if isinstance(scales, dict) else ""
        raise UsageError(f"{findings.path} has no scale {scale!r}",
                         hint=f"it has {known}" if known else "it has no 'scales:' section")
    at: DocPath = ("scales", scale)
    over = scales[scale]
    if not isinstance(over, dict):
        findings.add(at, "expected a mapping: what is different at this scale")
        findings.check()
    laid = _Laid(dict(lines))
    body = {k: v for k, v in over.items() if k != "stages"}
    changed: dict[str, Any] = laid.over(data, body, (), at)
    if ("host" in over) != ("lane" in over):  # the one that the scale names takes the place of the other
        changed.pop("lane" if "host" in over else "host", None)
    stages = data.get("stages")
    index = {s.get("name"): i for i, s in enumerate(stages) if isinstance(s, dict)} if isinstance(stages, list) else {}
    for name, part in (over.get("stages") or {}).items():
        where = (*at, "stages", name)
        if name not in index or not isinstance(part, dict):
            findings.add(where, f"there is no stage {name!r}; stages: {', '.join(str(n) for n in index)}"
                         if name not in index else "expected a mapping: what is different in this stage")
            continue
        place = index[name]
        changed["stages"] = list(changed["stages"])
        changed["stages"][place] = laid.over(changed["stages"][place], part, ("stages", place), where)
    findings.check()
    if "campaign" not in over and isinstance(data.get("campaign"), str):
        changed["campaign"] = f"{data['campaign']}_{scale}"
    return changed, laid.lines


class _Laid:
    """Lays values over others and keeps, for each, the line it came from."""

    def __init__(self, lines: dict[DocPath, int]) -> None:
        self.lines = lines

    def over(self, base: Any, value: Any, where: DocPath, source: DocPath) -> Any:
        if isinstance(base, dict) and isinstance(value, dict):
            merged = dict(base)
            for key, inner in value.items():
                merged[key] = self.over(base.get(key), inner, (*where, key), (*source, key))
            return merged
        n = len(where)
        for path in [p for p in self.lines if p[:n] == where]:
            del self.lines[path]
        for path, line in [(p, n) for p, n in self.lines.items() if p[: len(source)] == source]:
            self.lines[(*where, *path[len(source):])] = line
        return value
