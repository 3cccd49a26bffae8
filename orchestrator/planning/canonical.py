"""Canonical bytes of many specs that share most of their parts: the bytes of ``wire.spec.canonical_bytes``, sooner.

An RFC 8785 object is its members, sorted, each in canonical form, so a part that was put into that form once need not
be again. Parts are recognised by their JSON text, which is exact for what a spec holds. A test holds the two equal.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from orchestrator.wire.spec import canonical_bytes

_PARTS_KEPT = 1 << 14


def shared_canonical_bytes(value: dict[str, Any]) -> bytes:
    """The RFC 8785 bytes of a plain JSON object whose keys are ASCII words."""
    return b"{" + b",".join(_part(f'"{key}"') + b":" + _part(json.dumps(value[key])) for key in sorted(value)) + b"}"


@lru_cache(maxsize=_PARTS_KEPT)
def _part(text: str) -> bytes:
    return canonical_bytes(json.loads(text))
