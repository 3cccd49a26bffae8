"""What machine time costs. A price is in whatever money a person counts in; nothing here converts any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HOUR_MS = 3_600_000.0


@dataclass(frozen=True)
class Cost:
    """``amount`` is of the hosts that have a price, None where none has; ``unpriced`` names the others that were
    used."""

    amount: float | None
    by_host: tuple[tuple[str, float], ...]
    unpriced: tuple[str, ...]


@dataclass(frozen=True)
class Prices:
    """What an hour of one GPU costs, by host; on a host without GPUs, an hour of one run. ``elsewhere`` is the price
    on every other host, None where that is not known."""

    by_host: Mapping[str, float]
    elsewhere: float | None = None

    def of(self, host: str) -> float | None:
        return self.by_host.get(host, self.elsewhere)

    def cost(self, gpu_ms: Iterable[tuple[str, float]]) -> Cost:
        """What these milliseconds of GPUs (of runs, where there are none) cost, by host."""
        spent: dict[str, float] = {}
        unpriced = []
        for host, ms in gpu_ms:
            price = self.of(host)
            if price is not None:
                spent[host] = spent.get(host, 0.0) + ms / HOUR_MS * price
            elif ms:
                unpriced.append(host)
        return Cost(sum(spent.values()) if spent else None, tuple(sorted(spent.items())),
                    tuple(sorted(set(unpriced))))


NO_PRICES = Prices({})
