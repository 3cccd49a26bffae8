"""How fast a stream goes, how much of it to send ahead, and when to compress it."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable

PIECE_BYTES = 1 << 20
FEWEST_AHEAD = 4
MOST_AHEAD = 32
AHEAD_S = 0.4
"""How much of a stream is under way, in seconds of the line's rate: several round trips; others wait no longer."""

SLOW_BYTES_PER_S = 6e6
"""Below this rate pieces are compressed; above it a small machine's zlib would be the slower part."""

MEASURE_S = 0.5
SAMPLE_BYTES = 64 << 10
WORTH = 0.9


class Pace:
    """The rate of a stream, measured in steps of half a second."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since, self._bytes = monotonic(), 0
        self._rate: float | None = None

    def moved(self, size: int) -> None:
        """Note that so many bytes of the line were used."""
        self._bytes += size
        passed = self._monotonic() - self._since
        if passed >= MEASURE_S:
            self._rate = self._bytes / passed
            self._since, self._bytes = self._monotonic(), 0

    @property
    def slow(self) -> bool:
        """Whether the line is known to be slow enough for compression to pay."""
        return self._rate is not None and self._rate < SLOW_BYTES_PER_S

    def ahead(self) -> int:
        """How many pieces should be under way."""
        if self._rate is None:
            return 2 * FEWEST_AHEAD
        return int(min(MOST_AHEAD, max(FEWEST_AHEAD, self._rate * AHEAD_S / PIECE_BYTES)))


def gets_smaller(data: bytes) -> bool:
    """Whether compression pays, judged by a sample: what is compressed already does not get smaller."""
    sample = data[:SAMPLE_BYTES]
    return len(zlib.compress(sample, 1)) < WORTH * len(sample)
