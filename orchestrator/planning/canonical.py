"""Canonical bytes of many specs that share most of their parts: the bytes of ``wire.spec.canonical_bytes``, sooner.

An RFC 8785 object is its members, sorted, each in canonical form, so a part that was put into that form once need not
be again. Parts are recognised by their marshalled form, which tells apart all that plain JSON data tells apart, and 1
from 1.0 and True. A test holds the two equal.
"""

from __future__ import annotations

import marshal
from functools import cache
from typing import Any

from orchestrator.wire.spec import canonical_bytes

_PARTS_KEPT = 1 << 14
_WITHOUT_REFERENCES = 2
"""Of marshal's formats the last whose bytes follow from the value alone."""
_parts: dict[bytes, bytes] = {}


def shared_canonical_bytes(value: dict[str, Any]) -> bytes:
    """The RFC 8785 bytes of a plain JSON object whose keys are ASCII words."""
    return b"{" + b",".join([_name(key) + _part(value[key]) for key in sorted(value)]) + b"}"


@cache
def _name(key: str) -> bytes:
    return canonical_bytes(key) + b":"


def _part(value: Any) -> bytes:
    known = marshal.dumps(value, _WITHOUT_REFERENCES)
    found = _parts.get(known)
    if found is None:
        if len(_parts) >= _PARTS_KEPT:
            _parts.clear()
        found = _parts[known] = canonical_bytes(value)
    return found
