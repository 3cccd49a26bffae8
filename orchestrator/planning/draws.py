"""Random search: so many configurations drawn from ranges and lists, the same ones wherever and whenever it is planned.

Every value follows from the seed, its path and its number by SHA-256, not from a generator's state, so no library
version can change a plan. Configurations that come out equal are drawn again.
"""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Any

from pydantic import Field, model_validator

from orchestrator.planning.piece import Piece

MAX_DRAWS = 10_000
_TRIES = 100


class Range(Piece):
    """Numbers between two bounds, rounded to ``digits`` significant digits."""

    uniform: tuple[float, float] | None = None
    log_uniform: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] | None = None
    digits: Annotated[int, Field(ge=1, le=9)] = 3

    @model_validator(mode="after")
    def _one_range(self) -> Range:
        if (self.uniform is None) == (self.log_uniform is None):
            raise ValueError("expected either 'uniform: [low, high]' or 'log_uniform: [low, high]'")
        low, high = self.uniform or self.log_uniform or (0.0, 0.0)
        if not low < high or not math.isfinite(high - low):
            raise ValueError("expected [low, high] with low below high")
        return self

    def at(self, fraction: float) -> float:
        """The value at a fraction of the range."""
        if self.uniform is not None:
            low, high = self.uniform
            value = low + fraction * (high - low)
        else:
            assert self.log_uniform is not None
            low, high = self.log_uniform
            value = math.exp(math.log(low) + fraction * (math.log(high) - math.log(low)))
        return self.rounded(value)

    def rounded(self, value: float) -> float:
        """``value`` with as many digits as asked for, inside the range."""
        low, high = self.uniform or self.log_uniform or (value, value)
        return min(high, max(low, float(f"{value:.{self.digits}g}")))


class RandomSearch(Piece):
    """``draws`` configurations, each with a value for every path in ``over``: from a range, or from a list."""

    draws: Annotated[int, Field(ge=1, le=MAX_DRAWS)]
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    over: Annotated[dict[str, Range | tuple[Any, ...]], Field(min_length=1)]

    def columns(self) -> dict[str, tuple[Any, ...]]:
        """Spec path → the drawn values, as zipped lists. Raises ``ValueError`` where too few differ."""
        rows: list[tuple[Any, ...]] = []
        seen: set[str] = set()
        for number in range(self.draws * _TRIES):
            row = tuple(self._value(path, number) for path in self.over)
            if repr(row) not in seen:
                seen.add(repr(row))
                rows.append(row)
            if len(rows) == self.draws:
                return {path: tuple(row[i] for row in rows) for i, path in enumerate(self.over)}
        raise ValueError(f"only {len(rows)} different configurations came out of {self.draws * _TRIES} draws; ask for "
                         "fewer, or use axes")

    def _value(self, path: str, number: int) -> Any:
        digest = hashlib.sha256(f"{self.seed}:{path}:{number}".encode()).digest()
        fraction = int.from_bytes(digest[:8], "big") / 2**64
        among = self.over[path]
        return among.at(fraction) if isinstance(among, Range) else among[int(fraction * len(among))]
