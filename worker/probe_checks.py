"""The checks of the GPU probe: each does a thing for real on every device, and holds the result to the right one.

``torch`` is passed in, and typed loosely: these run under whatever interpreter trains, with whatever it has. A check
returns its facts with ``ok``, raises :class:`NotTried` where there is nothing to try, and any other exception is a
failure.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from worker.hub_kernels import flash_attention_3

_FLASH_SHAPE = (2, 256, 4, 64)
"""Sequences, positions, heads, head dimension: enough for every kernel's tiling, small for every GPU."""

_TOLERANCE = 0.05
"""bf16 attention against fp32 attention of the same inputs, as a share of the largest value."""


class NotTried(Exception):
    """There is nothing to check here: no GPU, or a library that is not installed."""


def kernel(torch: Any) -> dict[str, Any]:
    """Allocate, launch, multiply and copy back, on each GPU; on the CPU where torch sees none.

    Warnings are kept as words: torch warns of a GPU whose capability it does not list and may run well on it.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        places, facts = _places(torch), []
        for place in places:
            x = torch.arange(1 << 22, device=place, dtype=torch.float32)
            total = float((x[: 1 << 12] * 2 + 1).sum())
            _require(total == 4096.0**2, f"a sum on {place} is {total}")
            low = torch.bfloat16 if place != "cpu" else torch.float32
            product = torch.ones(512, 512, device=place, dtype=low) @ torch.ones(512, 512, device=place, dtype=low)
            _require(bool((product == 512).all().cpu()), f"a matrix product on {place} is wrong")
            facts.append(_device_facts(torch, place))
    return {"ok": True, "device": places[0].split(":")[0], "devices": facts,
            "warnings": [" ".join(str(w.message).split())[:300] for w in caught][:8]}


def backward(torch: Any) -> dict[str, Any]:
    """A small network, forward and backward, on each device: finite gradients, and the loss falls along them."""
    for place in _places(torch):
        torch.manual_seed(0)
        network = _network(torch, place)
        tokens = torch.randint(0, 64, (8, 32), device=place)
        first = _step(torch, network, tokens)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= 0.05 * parameter.grad
        network.zero_grad()
        second = _step(torch, network, tokens)
        _require(second < first, f"on {place} the loss went from {first} to {second} along its gradient")
    return {"ok": True}


def compiled(torch: Any) -> dict[str, Any]:
    """The same through ``torch.compile``: kernels made just in time, which is what fails in backward on some GPUs."""
    places = _gpus(torch)
    try:
        importlib.import_module("triton")
    except ImportError:
        raise NotTried("triton is not installed") from None
    for place in places:
        torch.manual_seed(0)
        network = torch.compile(_network(torch, place))
        try:
            _step(torch, network, torch.randint(0, 64, (8, 32), device=place))
        except Exception as error:
            if "compiler" in str(error).lower() and "C compiler" in str(error):
                raise NotTried("no C compiler is there for torch.compile to use") from None
            raise
    return {"ok": True}


def sdpa_flash(torch: Any) -> dict[str, Any]:
    """torch's own attention, held to its flash kernel."""
    from torch.nn import attention  # type: ignore[import-not-found, unused-ignore]

    def call(q: Any, k: Any, v: Any) -> Any:
        with attention.sdpa_kernel([attention.SDPBackend.FLASH_ATTENTION]):
            out = torch.nn.functional.scaled_dot_product_attention(
                q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True)
        return out.transpose(1, 2)

    return _attention(torch, call)


def fa2(torch: Any) -> dict[str, Any]:
    """The package ``flash_attn``."""
    _gpus(torch)
    function = _function("flash_attn", "flash_attn_func")
    return _attention(torch, lambda q, k, v: function(q, k, v, causal=True))


def fa3(torch: Any) -> dict[str, Any]:
    """FlashAttention-3: its own package, or the one that ``kernels`` has fetched before."""
    _gpus(torch)
    try:
        function, source = _function("flash_attn_interface", "flash_attn_func"), "flash_attn_interface"
    except NotTried:
        function, source = _hub_kernel(), "kernels"
    return {**_attention(torch, lambda q, k, v: function(q, k, v, causal=True)), "source": source}


def _attention(torch: Any, call: Any) -> dict[str, Any]:
    """Forward and backward of one attention kernel, held to plain attention in fp32."""
    for place in _gpus(torch):
        torch.manual_seed(0)
        q, k, v = (torch.randn(_FLASH_SHAPE, device=place, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
        out = call(q, k, v)
        out = out[0] if isinstance(out, tuple) else out
        out.float().square().mean().backward()
        plain = [t.detach().float().requires_grad_() for t in (q, k, v)]
        want = _plain_attention(torch, *plain)
        want.square().mean().backward()
        for name, got, right in (("output", out, want), *((f"gradient of {n}", t.grad, p.grad)
                                                          for n, t, p in zip("qkv", (q, k, v), plain))):  # noqa: B905 - three of each
            error = float((got.float() - right).abs().max() / right.abs().max())
            _require(error < _TOLERANCE, f"on {place} the {name} is off by {error:.3f} of its largest value")
    return {"ok": True}


def _plain_attention(torch: Any, q: Any, k: Any, v: Any) -> Any:
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    hidden = torch.ones(scores.shape[-2:], device=q.device, dtype=torch.bool).triu(1)
    return (scores.masked_fill(hidden, float("-inf")).softmax(-1) @ v).transpose(1, 2)


def _network(torch: Any, place: str) -> Any:
    nn = torch.nn
    return nn.Sequential(nn.Embedding(64, 64), nn.LayerNorm(64), nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64),
                         nn.LayerNorm(64), nn.Linear(64, 64)).to(place)


def _step(torch: Any, network: Any, tokens: Any) -> float:
    low = "cpu" not in str(tokens.device)
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=low):
        logits = network(tokens)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), tokens.flatten())
    loss.backward()
    for parameter in network.parameters():
        _require(parameter.grad is not None and bool(torch.isfinite(parameter.grad).all().cpu()),
                 "a gradient is not finite")
    return float(loss)


def _places(torch: Any) -> list[str]:
    return [f"cuda:{n}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else ["cpu"]


def _gpus(torch: Any) -> list[str]:
    places = _places(torch)
    if places == ["cpu"]:
        raise NotTried("torch sees no GPU")
    return places


def _device_facts(torch: Any, place: str) -> dict[str, Any]:
    if place == "cpu":
        return {"name": "cpu"}
    properties = torch.cuda.get_device_properties(place)
    free, total = torch.cuda.mem_get_info(place)
    return {"name": properties.name, "compute_capability": f"{properties.major}.{properties.minor}",
            "memory_mib": int(total) >> 20, "free_mib": int(free) >> 20}


def _function(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise NotTried(f"{module} is not installed") from None
        raise


def _hub_kernel() -> Any:
    try:
        return flash_attention_3().flash_attn_func
    except Exception as error:
        raise NotTried(f"neither flash_attn_interface nor a fetched kernel is there: {type(error).__name__}") from error


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)
