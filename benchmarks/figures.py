"""Figures with the machine, the date and the commit they belong to, as JSON for programs and a table for people."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Figure:
    """One measured quantity. ``value`` is None where nobody measured it, and ``note`` then says why."""

    name: str
    value: float | None
    unit: str
    note: str = ""


def results_folder() -> Path:
    """Where results go: ``$OUT``, or the committed ``benchmarks/results``."""
    return Path(os.environ.get("OUT") or ROOT / "benchmarks" / "results")


def machine_facts() -> dict[str, Any]:
    """What a figure of this machine, today, at this commit, depends on."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _output("git", "-C", str(ROOT), "rev-parse", "HEAD"),
        "changed_since_commit": bool(_output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no")),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_average_1m": round(os.getloadavg()[0], 2),
    }


def table(title: str, facts: Mapping[str, Any], figures: Sequence[Figure]) -> str:
    """The figures as Markdown."""
    lines = [f"# {title}", "", "| figure | value | unit | note |", "|---|---:|---|---|"]
    lines += [f"| {f.name} | {'not measured' if f.value is None else f'{f.value:.4g}'} | {f.unit} | {f.note} |"
              for f in figures]
    said = {name.replace("_", " "): "unknown" if value is None else value for name, value in facts.items()}
    lines += ["", *(f"- {name}: {value}" for name, value in said.items())]
    return "\n".join(lines) + "\n"


def write(stem: str, title: str, facts: Mapping[str, Any], figures: Sequence[Figure]) -> tuple[Path, Path]:
    """Write ``STEM.json`` and ``STEM.md`` into the results folder and return their paths."""
    folder = results_folder()
    folder.mkdir(parents=True, exist_ok=True)
    body = {"title": title, "machine": dict(facts), "figures": [asdict(f) for f in figures]}
    as_json, as_table = folder / f"{stem}.json", folder / f"{stem}.md"
    for path, text in ((as_json, json.dumps(body, indent=2) + "\n"), (as_table, table(title, facts, figures))):
        temporary = path.with_suffix(path.suffix + ".tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    return as_json, as_table


def _output(*argv: str) -> str | None:
    """What a program prints, or None where it is missing or fails."""
    try:
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    return ended.stdout.strip()


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
