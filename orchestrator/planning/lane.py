"""Which hosts of its lane a run may go to, in order, and how a campaign's parallelism is split over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from orchestrator.planning.needs import Fitness, Needs, kind_of, match


class HostFacts(Protocol):
    """What planning needs to know of a host, all of it from the hosts file."""

    @property
    def name(self) -> str: ...
    @property
    def gpus(self) -> int: ...
    @property
    def slots(self) -> int: ...
    @property
    def python(self) -> str: ...
    @property
    def root(self) -> str: ...
    @property
    def devices(self) -> tuple[str, ...] | None: ...
    @property
    def per_gpu(self) -> int: ...
    @property
    def gpu_memory_mib(self) -> int | None: ...
    @property
    def share_gpus(self) -> bool: ...


@dataclass(frozen=True)
class Candidate:
    """A host of the lane as a run sees it. ``reasons`` say why it is not fit, or what of it is not known.

    ``max_wait_s`` is how long a run waits in its queue before it goes to the next; None: as long as it takes.
    ``kind`` is equal for hosts that are as good as each other; None where that is not known.
    """

    host: str
    fitness: Fitness
    reasons: tuple[str, ...] = ()
    max_wait_s: int | None = None
    kind: str | None = None

    @property
    def usable(self) -> bool:
        return self.fitness is not Fitness.UNFIT


@dataclass(frozen=True)
class Lane:
    """The candidates of all runs that need the same, in order of preference; ``misfit`` says why none is usable."""

    candidates: tuple[Candidate, ...]
    misfit: str = ""

    @property
    def usable(self) -> tuple[Candidate, ...]:
        return tuple(c for c in self.candidates if c.usable)

    @property
    def first(self) -> str:
        """The first choice; where none is usable, the lane's first host, so that the plan can name one."""
        return (self.usable or self.candidates)[0].host


def lane_for(stage: str, gpus: int, needs: Needs, hosts: Sequence[HostFacts], patience: Mapping[str, int],
             facts: Mapping[str, Mapping[str, Any] | None]) -> Lane:
    """Hold what a stage's runs need against each host of a lane. ``facts`` are those recorded, by host."""
    found = []
    for host in hosts:
        if host.gpus < gpus:
            found.append(Candidate(host.name, Fitness.UNFIT, (f"has {host.gpus} of {gpus} GPUs",),
                                   patience.get(host.name)))
            continue
        told = match(needs, gpus, facts.get(host.name))
        found.append(Candidate(host.name, told.fitness, told.reasons, patience.get(host.name),
                               kind_of(facts.get(host.name))))
    lane = Lane(tuple(found))
    return lane if lane.usable else replace(lane, misfit=_misfit(stage, gpus, hosts, lane.candidates))


def shares(limit: int, lanes: Sequence[Lane], hosts: Mapping[str, HostFacts]) -> dict[str, int]:
    """How many runs of a campaign may train on each host at once, so that the sum never exceeds ``limit``.

    One for the first choice of each kind of run, as far as the limit goes; the rest in the order of the lane, to each
    host as many as it has slots. A host that gets none is not used.
    """
    wanted = list(dict.fromkeys(c.host for lane in lanes for c in lane.usable))
    given: dict[str, int] = {}
    for host in dict.fromkeys(lane.first for lane in lanes if lane.usable):
        if sum(given.values()) < limit:
            given[host] = 1
    for host in wanted:
        more = min(hosts[host].slots - given.get(host, 0), limit - sum(given.values()))
        if more > 0:
            given[host] = given.get(host, 0) + more
    return given


def equals(candidates: Sequence[Candidate], kinds: Mapping[str, str | None]) -> tuple[Candidate, ...]:
    """Those of fit candidates that are as good as the first of them, itself among them: as fit, and of the same kind.
    None where the first one's kind is not known."""
    if not candidates or kinds.get(candidates[0].host) is None:
        return ()
    first = candidates[0]
    return tuple(c for c in candidates if c.fitness is first.fitness and kinds.get(c.host) == kinds[first.host])


def without_share(lane: Lane, stage: str, limit: int, given: Mapping[str, int]) -> Lane:
    """The lane without the hosts that got no share of ``max_parallel``."""
    used = ", ".join(f"{n} on {host}" for host, n in given.items())
    why = f"max_parallel {limit} is used up: {used}"
    candidates = tuple(c if not c.usable or c.host in given else replace(c, fitness=Fitness.UNFIT, reasons=(why,))
                       for c in lane.candidates)
    cut = replace(lane, candidates=candidates)
    if lane.usable and not cut.usable:
        return replace(cut, misfit=f"a run of stage {stage} fits only {', '.join(c.host for c in lane.usable)}, and "
                                   f"{why}; raise max_parallel")
    return cut


def _misfit(stage: str, gpus: int, hosts: Sequence[HostFacts], candidates: Sequence[Candidate]) -> str:
    if all(h.gpus < gpus for h in hosts):
        has = ", ".join(f"{h.name} has {h.gpus}" for h in hosts)
        return f"a run of stage {stage} needs {gpus} GPU{'s' if gpus > 1 else ''}; {has}"
    return f"no host meets the needs of stage {stage}: " + "; ".join(
        f"{c.host}: {', '.join(c.reasons)}" for c in candidates)
