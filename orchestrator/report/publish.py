"""Writes a campaign's report; an earlier one is replaced whole, file by file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.domain.errors import UsageError
from orchestrator.ledger.reads import Reads
from orchestrator.report.campaign_report import ReportPages, build_report
from orchestrator.report.gather import gather
from orchestrator.report.progress import mark, progress

FILES = {"md": "report.md", "html": "report.html", "csv": "runs.csv"}
"""Format → the file it is written to. Only Markdown has figures beside it; HTML holds them."""


def render(ledger: Reads, root: Path, reference: str, open_stages: Mapping[str, str] | None = None) -> ReportPages:
    """The newest campaign that answers to ``reference``, in every form. Raises :class:`UsageError` for none."""
    found = ledger.find_campaigns(reference)
    if not found:
        raise UsageError(f"the ledger knows no campaign {reference!r}",
                         hint="'kdorch campaign list' names those it knows")
    campaign = found[-1]
    told = gather(ledger, root, campaign, open_stages)
    before = [c for c in ledger.campaigns() if c.event_seq < campaign.event_seq]
    own = mark(told)
    marks = () if own is None else (*progress(ledger, root, before), own)
    return build_report(replace(told, progress=marks))


def publish(ledger: Reads, root: Path, reference: str, open_stages: Mapping[str, str] | None = None, *,
            formats: Sequence[str] = ("md", "html", "csv"), directory: Path | None = None) -> tuple[str, Path]:
    """Write the report in each of ``formats`` (:data:`FILES`); its answer and the path of the first.

    ``directory`` None: ``reports/<campaign>`` below ``root``. Raises :class:`UsageError` when there is no such
    campaign.
    """
    pages = render(ledger, root, reference, open_stages)
    directory = root / "reports" / pages.report.campaign if directory is None else directory
    directory.mkdir(parents=True, exist_ok=True)
    for form in formats:
        for name, data in pages.figures.items() if form == "md" else ():
            _replace(directory / name, data)
        _replace(directory / FILES[form], as_text(pages, form).encode())
    return pages.answer, directory / FILES[formats[0]]


def as_text(pages: ReportPages, form: str) -> str:
    """The report in one format, as it would stand in its file."""
    return {"md": lambda: pages.markdown, "html": lambda: pages.html, "csv": lambda: pages.csv}[form]()


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
