"""The formats that are known, in the order in which a tie between them is decided."""

from __future__ import annotations

from orchestrator.domain.errors import UsageError
from orchestrator.parsing.format import Format
from orchestrator.parsing.hugging_face import HUGGING_FACE
from orchestrator.parsing.llmc import LLMC
from orchestrator.parsing.modded import KDORCH, MODDED
from orchestrator.parsing.nanochat import AUTORESEARCH, NANOCHAT
from orchestrator.parsing.rates import BATCH_TABLE, TOKENS_PER_SECOND
from orchestrator.parsing.torchtitan import TORCHTITAN

FORMATS: dict[str, Format] = {f.name: f for f in (
    MODDED, KDORCH, LLMC, NANOCHAT, AUTORESEARCH, TORCHTITAN, HUGGING_FACE, TOKENS_PER_SECOND, BATCH_TABLE)}
"""By name. ``kdorch`` reads what ``modded-nanogpt`` reads; a log is called so when a line in it is kdorch's alone."""


def format_named(name: str) -> Format:
    """Raises ``UsageError`` with the names that exist."""
    try:
        return FORMATS[name]
    except KeyError:
        raise UsageError(f"no log format is called {name!r}", hint=f"one of: {', '.join(FORMATS)}") from None
