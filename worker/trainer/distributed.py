"""One run on several GPUs of a machine: processes with the same weights, each with its share of every batch.

``torchrun`` starts them (here through its own Python interface, so that the exit code of the rank that failed first
becomes the run's). Microbatch i of a step belongs to rank ``i % world``; gradients are averaged by
``DistributedDataParallel`` with the last microbatch of a step, losses once a step. Everything that decides (losses,
validation, a request to stop) is the same number on every rank. Rank 0 alone writes log, checkpoints and documents.
"""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from worker.trainer.errors import BadInput


@dataclass(frozen=True)
class Ranks:
    """This process among those of its run; alone by default."""

    rank: int = 0
    world: int = 1

    @property
    def main(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    def own(self, pieces: Sequence[Tensor]) -> list[tuple[int, Tensor]]:
        """This rank's share, with the numbers that the pieces have among all."""
        return [*enumerate(pieces)][self.rank::self.world]

    def total(self, values: Tensor) -> Tensor:
        """The sum over all ranks, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def any(self, asked: bool) -> bool:
        """Whether it holds on one of the ranks."""
        if self.world == 1:
            return asked
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return bool(self.total(torch.tensor(int(asked), device=device)))

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module whose gradients are averaged over the ranks."""
        if self.world == 1:
            return module
        distributed: Any = nn.parallel.DistributedDataParallel
        # Buffers are constants, and a pass that synchronised them would wait for ranks that have no such pass. The
        # option has a new name since torch 2.13.
        named = "forward_sync_buffers" in inspect.signature(distributed).parameters
        wrapped: nn.Module = distributed(module, gradient_as_bucket_view=True,
                                         **{"forward_sync_buffers" if named else "broadcast_buffers": False})
        return wrapped

    def check(self, pieces: int, what: str) -> None:
        """Raises :class:`BadInput` where the ranks would have unequal shares."""
        if pieces % self.world:
            raise BadInput(f"{what}: {pieces} microbatches cannot be shared equally by {self.world} processes; set "
                           "data.microbatch_sequences so that their number is a multiple")


def apart(module: nn.Module) -> AbstractContextManager[Any]:
    """Within, gradients are only added up here and not averaged over the ranks."""
    return module.no_sync() if isinstance(module, nn.parallel.DistributedDataParallel) else nullcontext()


def bare(module: nn.Module) -> nn.Module:
    """The module itself, without what :meth:`Ranks.wrap` put around it."""
    inner: nn.Module = module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module
    return inner


def is_rank(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether ``torchrun`` started this process."""
    return int(environment.get("WORLD_SIZE", "1")) > 1


def join(environment: Mapping[str, str] = os.environ) -> Ranks:
    """Meet the other processes of this run, if there are any, and take the GPU of this rank."""
    if not is_rank(environment):
        return Ranks()
    if torch.cuda.is_available():
        torch.cuda.set_device(int(environment["LOCAL_RANK"]))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Ranks(dist.get_rank(), dist.get_world_size())


def leave() -> None:
    """Part from the other processes."""
    if dist.is_initialized():
        dist.destroy_process_group()


def run_ranks(count: int, arguments: Sequence[str]) -> int:
    """Run ``python -m worker.trainer arguments`` in ``count`` processes; the exit code of the first that failed."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # Why a rank failed it says itself; the launcher's report after it would be taken for the run's last words.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=count, max_restarts=0, rdzv_backend="c10d",
                          rdzv_endpoint="127.0.0.1:0", local_addr="127.0.0.1", run_id=str(os.getpid()))
    try:
        elastic_launch(config, sys.executable)("-m", "worker.trainer", *arguments)
    except SignalException as stopped:
        return 128 + int(stopped.sigval)
    except ChildFailedError as failed:
        # The peers of a rank that failed break as well, and may be seen first: an exit code of the contract explains
        # more than theirs.
        codes = [failed.get_first_failure()[1].exitcode, *(f.exitcode for f in failed.failures.values())]
        code = next((c for c in codes if 10 <= c <= 14), codes[0])
        return 128 - code if code < 0 else code
    return 0
