"""Writes a campaign's report beside its figures; an earlier one is replaced whole, file by file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator.domain.errors import UsageError
from orchestrator.ledger.reads import Reads
from orchestrator.report.campaign_report import build_report
from orchestrator.report.gather import gather


def publish(ledger: Reads, root: Path, reference: str, open_stages: Mapping[str, str]) -> tuple[str, Path]:
    """Render the newest campaign that answers to ``reference``; its answer and the path of ``report.md``.

    Raises :class:`UsageError` when there is none.
    """
    found = ledger.find_campaigns(reference)
    if not found:
        raise UsageError(f"the ledger knows no campaign {reference!r}",
                         hint="'kdorch campaign list' names those it knows")
    campaign = found[-1]
    pages = build_report(gather(ledger, root, campaign, open_stages))
    directory = root / "reports" / campaign.name
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in pages.figures.items():
        _replace(directory / name, data)
    path = directory / "report.md"
    _replace(path, pages.markdown.encode())
    return pages.answer, path


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)
