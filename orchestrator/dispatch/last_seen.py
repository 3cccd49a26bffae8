"""The last thing a host was heard to say about an attempt, kept on the laptop for the time when the host is silent.

It decides nothing: the ledger does. It only lets a person be told what was true when the host was last heard, and when
the run's own deadline will end it.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError

from orchestrator.dispatch.home import Home
from orchestrator.wire.documents import Observation

EVERY_S = 15.0
"""How old a note may grow before an observation that says nothing new is noted again."""


@dataclass(frozen=True)
class LastSeen:
    """An observation and when this machine heard it (UTC)."""

    heard_at: datetime
    observation: Observation

    @property
    def deadline_at(self) -> datetime | None:
        """When the supervisor ends the run by itself, as it said; None while it waits, or where it never said."""
        status = self.observation.status
        return None if status is None or status.deadline_at is None else parse_utc(status.deadline_at)


def remember(home: Home, seen: Observation, now: datetime) -> None:
    """Note what was heard. A note that cannot be written is no reason to stop following."""
    known = recall(home, seen.run_id, seen.attempt)
    if known is not None and _says(known.observation) == _says(seen) \
            and now - known.heard_at < timedelta(seconds=EVERY_S):
        return
    path = home.seen(seen.run_id, seen.attempt)
    text = json.dumps({"heard_at": now.isoformat(), "observation": seen.model_dump(mode="json")})
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)


def recall(home: Home, run_id: str, attempt: int) -> LastSeen | None:
    """What was noted, or None where there is nothing that can be read."""
    try:
        noted = json.loads(home.seen(run_id, attempt).read_text(encoding="utf-8"))
        return LastSeen(datetime.fromisoformat(noted["heard_at"]), _observation(noted["observation"]))
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None


def parse_utc(text: str) -> datetime:
    """A time of the contract's documents as an aware datetime."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _observation(noted: Any) -> Observation:
    # Read as JSON: the strict models take lists for tuples from there only.
    return Observation.model_validate_json(json.dumps(noted))


def _says(seen: Observation) -> tuple[str, str | None, str | None]:
    return (seen.state, seen.status.phase if seen.status else None, seen.status.deadline_at if seen.status else None)
