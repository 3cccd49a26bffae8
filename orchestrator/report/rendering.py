"""A page as Markdown beside its figures, or as one HTML file that holds everything. The same page, the same bytes."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.report.document import Page, Span
from orchestrator.report.tables import markdown_cell, printable
from orchestrator.resources import shipped

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_NOT_ANCHOR = re.compile(r"[^a-z0-9]+")
_MARKS = {"strong": "**", "em": "*", "code": "`"}
GOOD = frozenset({"promote", "promoted", "pass", "budget-pass", "yes"})
BAD = frozenset({"reject", "rejected", "fail", "miss", "budget-miss", "failed", "oom", "over-budget", "timed-out"})
OPEN = frozenset({"inconclusive", "unknown", "provisional", "planned", "queued", "running", "unreachable"})
"""Words of a cell that HTML also colours; the word itself always stands there, so colour adds and never carries."""


def markdown(page: Page) -> str:
    """The page as Markdown; pictures are files beside it."""
    environment = _environment(autoescape=False)
    environment.globals.update(words=_markdown_words, plain=_markdown_plain, cell=lambda t: _tamed(markdown_cell(t)))
    lines = environment.get_template("report.md.j2").render(page=page).split("\n")
    kept = [line for i, line in enumerate(lines) if line or i == 0 or lines[i - 1]]
    return "\n".join(kept).rstrip("\n") + "\n"


def html(page: Page, *, language: str = "en") -> str:
    """The page as one HTML file: style and figures inside it, no script, nothing to fetch."""
    environment = _environment(autoescape=True)
    anchors = _anchors([s.title for s in page.sections])
    environment.globals.update(tone=_tone, printable=printable, data=lambda png: base64.b64encode(png).decode())
    told = environment.get_template("report.html.j2").render(
        page=page, language=language, sections=list(zip(page.sections, anchors, strict=True)))
    return "\n".join(line.rstrip() for line in told.split("\n") if line.strip()) + "\n"


def _environment(*, autoescape: bool) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # deferred: the command line starts without it

    return Environment(loader=FileSystemLoader(shipped("templates")), undefined=StrictUndefined, trim_blocks=True,
                       lstrip_blocks=True, keep_trailing_newline=True,
                       autoescape=autoescape)  # noqa: S701 - off for Markdown only, whose cells and words are escaped


def _markdown_words(spans: tuple[Span, ...]) -> str:
    return "".join(f"{_MARKS.get(s.style, '')}{_markdown_plain(s.text, s.style)}{_MARKS.get(s.style, '')}"
                   for s in spans)


def _markdown_plain(words: str, style: str = "") -> str:
    """``words`` so that they stay words: no control characters, and no tags for viewers that let HTML through."""
    kept = printable(words)
    return kept.replace("`", "'") if style == "code" else _tamed(kept)


def _tamed(words: str) -> str:
    return _TAG.sub("&lt;", words)


def _tone(cell: str) -> str:
    for name, known in (("good", GOOD), ("bad", BAD), ("open", OPEN)):
        if cell in known:
            return name
    return ""


def _anchors(titles: list[str]) -> list[str]:
    """An id for each heading: its words, numbered where they repeat."""
    seen: dict[str, int] = {}
    found = []
    for title in titles:
        base = _NOT_ANCHOR.sub("-", title.lower()).strip("-") or "section"
        seen[base] = seen.get(base, 0) + 1
        found.append(base if seen[base] == 1 else f"{base}-{seen[base]}")
    return found


def files(page: Page) -> Mapping[str, bytes]:
    """What Markdown refers to: file name → PNG bytes."""
    return {p.file: p.png for p in page.pictures}
