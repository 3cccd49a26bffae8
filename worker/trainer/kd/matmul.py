"""The two products of a chunk that plain ``torch.mm`` does not give as they are needed."""

from __future__ import annotations

import functools

import torch
from torch import Tensor


def into(buffer_CV: Tensor, rows_CD: Tensor, head_VD: Tensor) -> Tensor:
    """The rows' logits, in the first rows of ``buffer_CV``."""
    return torch.mm(rows_CD, head_VD.T, out=buffer_CV[:len(rows_CD)])


def add_outer_(sum_VD: Tensor, rows_CV: Tensor, rows_CD: Tensor) -> None:
    """``sum_VD += rows_CV^T rows_CD``, summed in the sum's own type, however narrow the rows are.

    Chunks summed in bfloat16 would lose what each but the first adds.
    """
    if sum_VD.dtype == rows_CV.dtype:
        torch.addmm(sum_VD, rows_CV.T, rows_CD, out=sum_VD)
    elif sum_VD.is_cuda and sums_wide(sum_VD.device):
        torch.ops.aten.addmm.dtype_out(sum_VD, rows_CV.T, rows_CD, sum_VD.dtype, out=sum_VD)
    elif sum_VD.is_cuda:
        sum_VD.add_(torch.mm(rows_CV.T, rows_CD))  # each chunk is rounded once; their sum is not
    else:
        torch.addmm(sum_VD, rows_CV.T.to(sum_VD.dtype), rows_CD.to(sum_VD.dtype), out=sum_VD)


@functools.cache
def sums_wide(device: torch.device) -> bool:
    """Whether this torch multiplies bfloat16 into a float32 sum on the device (2.8 and newer do on NVIDIA GPUs)."""
    if not hasattr(torch.ops.aten.addmm, "dtype_out"):
        return False
    narrow = torch.ones(16, 16, dtype=torch.bfloat16, device=device)
    total = torch.ones(16, 16, dtype=torch.float32, device=device)
    try:
        torch.ops.aten.addmm.dtype_out(total, narrow.T, narrow, torch.float32, out=total)
    except (RuntimeError, NotImplementedError):
        return False
    return bool((total == 17.0).all())
