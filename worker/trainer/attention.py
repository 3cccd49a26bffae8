"""How attention is computed: what a position may see, and the kernels that a machine may have for it.

A back end makes a *sight* of the tokens once per pass and window, and every layer with that window attends by it. A
window of w lets a position see w positions, itself among them; a document token hides what stands before the last one.
All back ends give the same numbers up to rounding. Shape suffixes as in :mod:`worker.trainer.model`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.hub_kernels import flash_attention_3
from worker.trainer.errors import BadInput

TOKENS_PER_DOCUMENT = 16
"""Documents may be this short in the mean of a microbatch: kernels for ragged sequences take a table of fixed size."""

FLEX_BLOCK = 128


class Attend(Protocol):
    """One way to compute attention."""

    @property
    def name(self) -> str:
        """As the log and ``environment.json`` call it."""
        ...

    def sight(self, tokens_BL: Tensor, window: int | None, document_token: int | None) -> Any:
        """What the positions of these tokens may see."""
        ...

    def __call__(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, sight: Any) -> Tensor:
        """Values mixed as queries and keys say, ``[B, H, L, K]``, in the values' type."""
        ...


class Sdpa:
    """torch's own, on every device. A window or a document token makes it take a mask of ``[B, 1, L, L]``."""

    name = "sdpa"

    def sight(self, tokens_BL: Tensor, window: int | None, document_token: int | None) -> Tensor | None:
        length = tokens_BL.size(1)
        if (window is None or window >= length) and document_token is None:
            return None
        places = torch.arange(length, device=tokens_BL.device)
        back_LL = places[:, None] - places
        seen = back_LL >= 0
        if window is not None:
            seen = seen & (back_LL < window)
        if document_token is not None:
            documents_BL = (tokens_BL == document_token).cumsum(1)
            seen = seen & (documents_BL[:, :, None] == documents_BL[:, None, :])[:, None]
        return seen

    def __call__(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, sight: Tensor | None) -> Tensor:
        return F.scaled_dot_product_attention(q_BHLK, k_BHLK, v_BHLK, attn_mask=sight, is_causal=sight is None)


class Flex:
    """torch's flex attention: a kernel is made for the mask. ``compiled`` False computes as slowly as on paper."""

    name = "flex"

    def __init__(self, *, compiled: bool) -> None:
        from torch.nn.attention.flex_attention import flex_attention

        attend: Any = flex_attention
        self._attend: Callable[..., Any] = torch.compile(attend, dynamic=False) if compiled else attend

    def sight(self, tokens_BL: Tensor, window: int | None, document_token: int | None) -> Any:
        from torch.nn.attention.flex_attention import create_block_mask

        rows, length = tokens_BL.shape
        documents_BL = None if document_token is None else (tokens_BL == document_token).cumsum(1)

        def seen(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:  # noqa: ARG001 - all heads see alike
            good = q >= k
            if window is not None:
                good = good & (q - k < window)
            if documents_BL is not None:
                good = good & (documents_BL[b, q] == documents_BL[b, k])
            return good

        return create_block_mask(seen, None if documents_BL is None else rows, None, length, length,
                                 device=tokens_BL.device.type, BLOCK_SIZE=FLEX_BLOCK)

    def __call__(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, sight: Any) -> Tensor:
        kind = v_BHLK.dtype
        out_BHLK: Tensor = self._attend(q_BHLK.to(kind), k_BHLK.to(kind), v_BHLK, block_mask=sight)
        return out_BHLK


@dataclass(frozen=True)
class Ragged:
    """Sequences laid end to end: ``begins`` ``[S + 1]`` int32, and none longer than ``longest``. ``reach`` counts the
    positions behind its own that one sees; -1: all. ``begins`` None: every row is one sequence."""

    begins: Tensor | None
    longest: int
    reach: int


class Flash:
    """A flash kernel of its own package. ``fixed`` takes ``[B, L, H, K]``, ``ragged`` ``[N, H, K]`` with the places
    where sequences begin; both are causal."""

    def __init__(self, name: str, fixed: Callable[..., Any], ragged: Callable[..., Any]) -> None:
        self.name, self._fixed, self._ragged = name, fixed, ragged

    def sight(self, tokens_BL: Tensor, window: int | None, document_token: int | None) -> Ragged:
        length = tokens_BL.size(1)
        reach = -1 if window is None or window >= length else window - 1
        return Ragged(None if document_token is None else document_begins(tokens_BL, document_token), length, reach)

    def __call__(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, sight: Ragged) -> Tensor:
        rows, length = v_BHLK.size(0), v_BHLK.size(2)
        q, k, v = (x.to(v_BHLK.dtype).transpose(1, 2) for x in (q_BHLK, k_BHLK, v_BHLK))
        window = (sight.reach, -1 if sight.reach < 0 else 0)
        if sight.begins is None:
            out = self._fixed(q, k, v, causal=True, window_size=window)
        else:
            out = self._ragged(*(x.flatten(0, 1) for x in (q, k, v)), cu_seqlens_q=sight.begins,
                               cu_seqlens_k=sight.begins, max_seqlen_q=sight.longest, max_seqlen_k=sight.longest,
                               causal=True, window_size=window)
        out = out[0] if isinstance(out, tuple) else out  # some releases give the logsumexps as well
        mixed_BLHK: Tensor = out if sight.begins is None else out.unflatten(0, (rows, length))
        return mixed_BLHK.transpose(1, 2)


class Varlen:
    """torch's own flash kernel for ragged sequences (torch 2.10 and newer)."""

    name = "varlen"

    def __init__(self) -> None:
        varlen: Any = importlib.import_module("torch.nn.attention.varlen")
        self._attend = varlen.varlen_attn
        self._windows = "window_size" in inspect.signature(self._attend).parameters

    def sight(self, tokens_BL: Tensor, window: int | None, document_token: int | None) -> Ragged:
        rows, length = tokens_BL.shape
        reach = -1 if window is None or window >= length else window - 1
        begins = (torch.arange(rows + 1, dtype=torch.int32, device=tokens_BL.device) * length
                  if document_token is None else document_begins(tokens_BL, document_token))
        return Ragged(begins, length, reach)

    def __call__(self, q_BHLK: Tensor, k_BHLK: Tensor, v_BHLK: Tensor, sight: Ragged) -> Tensor:
        rows, _, length, _ = v_BHLK.shape
        q, k, v = (x.to(v_BHLK.dtype).transpose(1, 2).flatten(0, 1) for x in (q_BHLK, k_BHLK, v_BHLK))
        if not self._windows and sight.reach >= 0:
            raise NotImplementedError(f"varlen_attn of torch {torch.__version__} has no window")
        how = {"window_size": (sight.reach, 0)} if self._windows else {"is_causal": True}
        out: Any = self._attend(q, k, v, sight.begins, sight.begins, sight.longest, sight.longest, **how)
        mixed_NHK: Tensor = out[0] if isinstance(out, tuple) else out
        return mixed_NHK.view(rows, length, *mixed_NHK.shape[1:]).transpose(1, 2)


def document_begins(tokens_BL: Tensor, document_token: int) -> Tensor:
    """Where documents begin when the rows are laid end to end, then the end as often as it fills the table.

    The table's size depends on the shape only, so that nothing waits for the device and nothing is compiled again.
    More documents than it holds end the run; :func:`check_documents` says so before the device does.
    """
    count, most = tokens_BL.numel(), _documents_held(*tokens_BL.shape)
    first_BL = torch.zeros_like(tokens_BL, dtype=torch.bool)
    first_BL[:, 0] = True
    begins_N = (first_BL | (tokens_BL == document_token)).flatten()
    number_N = begins_N.cumsum(0) - 1
    torch._assert_async(number_N[-1] < most)
    places_N = torch.arange(count, dtype=torch.int32, device=tokens_BL.device)
    table = torch.full((most + 1,), count, dtype=torch.int32, device=tokens_BL.device)
    return table.scatter_(0, torch.where(begins_N, number_N.clamp_max(most), most),
                          torch.where(begins_N, places_N, count))


def check_documents(tokens_BL: Tensor, document_token: int, micro: int, what: str) -> None:
    """Raises :class:`BadInput` where one of the microbatches of ``[B, L + 1]`` tokens has more documents than the
    kernels' table holds; on the host, where a device would only break off. ``what`` names the batch."""
    for number, piece_BL in enumerate(torch.split(tokens_BL[:, :-1], micro)):
        first = piece_BL == document_token
        first[:, 0] = True
        found, most = int(first.sum()), _documents_held(*piece_BL.shape)
        if found > most:
            raise BadInput(f"{what}, microbatch {number}: {found} documents, of which attention's table holds {most}: "
                           f"they are shorter than {TOKENS_PER_DOCUMENT} tokens in the mean. Set attention.backend to "
                           "flex or sdpa, or model.document_token to null")


def _documents_held(rows: int, length: int) -> int:
    return rows * length // TOKENS_PER_DOCUMENT + rows


@functools.cache
def open_backend(name: str) -> Attend:
    """The back end of that name. Raises ``ImportError`` where its package is missing; its kernels may still fail."""
    if name == "sdpa":
        return Sdpa()
    if name == "flex":
        return Flex(compiled=torch.cuda.is_available())
    if name == "varlen":
        return Varlen()
    if name == "fa2":
        package: Any = importlib.import_module("flash_attn")
        return Flash("fa2", package.flash_attn_func, package.flash_attn_varlen_func)
    assert name == "fa3", name
    try:
        package = importlib.import_module("flash_attn_interface")
        return Flash("fa3", package.flash_attn_func, package.flash_attn_varlen_func)
    except ImportError:
        package = flash_attention_3()
        return Flash("fa3_kernels", package.flash_attn_func, package.flash_attn_varlen_func)
