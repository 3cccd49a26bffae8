"""The anchors that the laptop left here: where its ledger's chain stood when evidence had been collected.

A host only keeps them. Whoever changes the ledger's file does not change these with it.
"""

from __future__ import annotations

import os
from typing import Any

from worker.durable import read_file
from worker.paths import Root
from worker.survey import ours
from worker.wire import is_digest

LIMIT = 1000
"""How many are given back, the newest."""

LIMIT_BYTES = 4096
"""A longer document is no anchor."""


def kept(root: Root) -> tuple[dict[str, Any], bytes]:
    """The answer to ``anchors``: the newest documents, each under its path below the root, oldest of them first."""
    found = []
    for run_id in ours(root, "runs"):
        folder = f"runs/{run_id}/anchors"
        for name in ours(root, folder):
            if name.endswith(".json") and is_digest(name[:-5]):
                path = f"{folder}/{name}"
                found.append((os.stat(os.path.join(root.path, path)).st_mtime, path))
    documents, body = [], b""
    for _, path in sorted(found)[-LIMIT:]:
        data = read_file(os.path.join(root.path, path), LIMIT_BYTES)
        if data is not None:
            documents.append({"path": path, "bytes": len(data)})
            body += data
    return {"documents": documents}, body
