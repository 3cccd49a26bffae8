"""What the ledger's notes say of where a run went, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def move_words(kind: str, payload: Mapping[str, Any]) -> str | None:
    """A note's words, such as ``went to gb10 and not to h100: it has not answered for 1800 s``; None for a note that
    is not about where a run goes."""
    if kind == "lane_fallback":
        reason = payload.get("reason")
        return f"went to {payload.get('to')} and not to {payload.get('from')}{f': {reason}' if reason else ''}"
    if kind == "withdrawal_asked" and payload.get("waited_s") is not None:
        return (f"was asked back from {payload.get('host')} to go to {payload.get('to')}: it had waited "
                f"{payload['waited_s']} s of at most {payload.get('max_wait_s')} s there")
    if kind == "run_moved":
        return f"was moved by a person from {payload.get('from') or 'its place in the plan'} to {payload.get('to')}"
    return None
