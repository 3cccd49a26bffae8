"""Which attention a run gets: a table by GPU, a pure choice, and a trial of the real kernels before the first step."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from worker.trainer.attention import FLEX_BLOCK, Attend, Sdpa, open_backend
from worker.trainer.errors import BackendMissing, BadInput
from worker.trainer.spec import AttentionSpec, ModelSpec

FLASH = ("fa3", "fa2", "varlen")
"""Flash kernels proper: what ``require_flash`` means. They take 16-bit numbers only."""

TRIAL_TOLERANCE = 0.05
"""bf16 attention against float32 attention of the same inputs, as a share of the largest value."""


@dataclass(frozen=True)
class Row:
    """GPUs by compute capability, and what they may use, the best first."""

    first: tuple[int, int]
    last: tuple[int, int]
    chips: str
    order: tuple[str, ...]


TABLE = (
    Row((8, 0), (8, 9), "A100, RTX 3090, RTX 4090", ("fa2", "fa3", "varlen", "flex", "sdpa")),
    Row((9, 0), (9, 0), "H100, H200", ("fa3", "fa2", "varlen", "flex", "sdpa")),
    Row((10, 0), (11, 9), "B200, GB300", ("fa2", "varlen", "flex", "sdpa")),
    # sm_120 and sm_121 have neither wheels of flash-attn nor kernels for FA3. A kernel made just in time may work
    # forward and crash backward there, so that even flex has to pass the trial first.
    Row((12, 0), (12, 9), "RTX 5090, GB10", ("flex", "sdpa")),
)
ELSEWHERE = ("sdpa",)


@dataclass(frozen=True)
class Place:
    """What the choice depends on. ``capability`` None is a CPU; ``packages`` are the back ends that can be imported."""

    capability: tuple[int, int] | None
    precision: str
    packages: frozenset[str]


@dataclass(frozen=True)
class Chosen:
    """The back end of a run. ``note`` says what was asked for and is not here; empty where it got what it asked."""

    attend: Attend
    flash: bool
    note: str = ""

    @property
    def marker(self) -> str:
        """The log's line of the original trainer."""
        return f"FLASH_ATTN_BACKEND={self.attend.name} HAS_FLASH_ATTN={self.flash}"


def candidates(place: Place, spec: AttentionSpec) -> tuple[list[str], list[str]]:
    """Back ends to try in this order, and why those that come before the end of it are not among them.

    ``auto`` takes the table's order. A named one stands alone, or before that order where a fallback may be recorded.
    """
    order = ELSEWHERE if place.capability is None else next(
        (row.order for row in TABLE if row.first <= place.capability <= row.last), ELSEWHERE)
    asked = list(order) if spec.backend == "auto" else [spec.backend]
    if spec.backend != "auto" and spec.fallback == "record":
        asked += [name for name in order if name != spec.backend]
    usable, problems = [], []
    for name in asked:
        problem = _problem(name, place, order)
        if spec.require_flash and name not in FLASH:
            continue
        if problem is None:
            usable.append(name)
        else:
            problems.append(problem)
    return usable, problems


def choose(spec: AttentionSpec, precision: str, device: torch.device) -> Chosen:
    """The first back end that computes a real forward and backward pass here.

    Raises :class:`BackendMissing` where none does that the spec admits.
    """
    usable, problems = candidates(place_of(device, precision), spec)
    for name in usable:
        problem = trial(name, device)
        if problem is None:
            fell = spec.backend not in ("auto", name)
            return Chosen(open_backend(name), name in FLASH,
                          f"attention {spec.backend} was asked for: {'; '.join(problems)}" if fell else "")
        problems.append(problem)
    asked = "attention.require_flash asks for a flash kernel" if spec.require_flash else \
        f"attention.backend is '{spec.backend}'"
    way_out = "set attention.require_flash to false" if spec.require_flash else "set it to 'auto'"
    raise BackendMissing(f"{asked}, and there is none that works: {'; '.join(problems) or 'this device has none'}; "
                         f"install it on this host, or {way_out}")


def check_shapes(name: str, model: ModelSpec, windows: Sequence[int | None]) -> None:
    """Raises :class:`BadInput` for a shape that the kernels of this back end refuse, by key."""
    problems = [*_shape_problems(name, model, windows)]
    if problems:
        raise BadInput("; ".join(problems))


def slow_shapes(model: ModelSpec) -> list[str]:
    """What GPUs compute, and slowly."""
    found = []
    if model.heads % 2:
        found.append(f"model.heads is {model.heads}; kernels want an even number")
    if model.head_dim % 4:
        found.append(f"model.head_dim is {model.head_dim}; kernels want a multiple of 4")
    if model.vocab_size % 64:
        found.append(f"model.vocab_size is {model.vocab_size}, no multiple of 64; pad it to "
                     f"{-(-model.vocab_size // 64) * 64} and set model.real_vocab to {model.vocab_size}")
    return found


def place_of(device: torch.device, precision: str) -> Place:
    """The facts of this machine."""
    there = {"sdpa", *(["flex"] if device.type == "cuda" and _found("triton") else [])}
    if _found("torch.nn.attention.varlen"):
        there.add("varlen")
    if _found("flash_attn"):
        there.add("fa2")
    if _found("flash_attn_interface") or _found("kernels"):
        there.add("fa3")
    capability = torch.cuda.get_device_capability(device) if device.type == "cuda" else None
    return Place(capability, precision, frozenset(there))


@functools.cache
def trial(name: str, device: torch.device) -> str | None:
    """What went wrong in a real forward and backward pass, held to float32; None where all went well."""
    try:
        return wrong_result(name, device)
    except Exception as error:  # noqa: BLE001 - whatever a kernel's package raises, the run may do without it
        return f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:160]}"


def wrong_result(name: str, device: torch.device) -> str | None:
    """What a back end computes wrongly, or None. Raises whatever it raises where it cannot be had or does not run.

    Not asked of torch's own attention, which every other one is held to. Windows and documents are tried too.
    """
    if name == "sdpa":
        return None
    generator = torch.Generator(device).manual_seed(0)
    tokens_BL = torch.randint(40, (2, 2 * FLEX_BLOCK), generator=generator, device=device)
    drawn = [torch.randn(2, 2, 2 * FLEX_BLOCK, 64, generator=generator, device=device) for _ in range(4)]
    for window, document in ((None, None), (FLEX_BLOCK, 0)):
        results = []
        for attend, kind in ((open_backend(name), torch.bfloat16), (Sdpa(), torch.float32)):
            q, k, v = (x.to(kind).requires_grad_() for x in drawn[:3])
            out = attend(q, k, v, attend.sight(tokens_BL, window, document))
            results.append([out, *torch.autograd.grad(out, (q, k, v), drawn[3].to(kind))])
        for what, found, wanted in zip(("output", "dQ", "dK", "dV"), *results, strict=True):
            off = float((found.float() - wanted).abs().max() / wanted.abs().max())
            if not off < TRIAL_TOLERANCE:
                return f"{name}: its {what} is off by {off:.3f} of the largest value"
    return None


def _problem(name: str, place: Place, order: Sequence[str]) -> str | None:
    if place.capability is None and name != "sdpa":
        return f"{name}: the device is a CPU"
    if name not in order:
        assert place.capability is not None
        return f"{name}: not for sm_{place.capability[0]}{place.capability[1]}"
    if name in FLASH and place.precision != "bf16":
        return f"{name}: takes bf16 and not {place.precision}"
    if name not in place.packages:
        return f"{name}: not installed"
    return None


def _shape_problems(name: str, model: ModelSpec, windows: Sequence[int | None]) -> Iterator[str]:
    if name in FLASH and (model.head_dim % 8 or model.head_dim > 256):
        yield f"model.head_dim is {model.head_dim}; {name} takes multiples of 8 up to 256"
    if name == "flex" and model.head_dim < 16:
        yield f"model.head_dim is {model.head_dim}; flex takes 16 and more"
    if name == "flex":
        for window in windows:
            if window is not None and window % FLEX_BLOCK:
                yield f"a window of {window} tokens; flex takes multiples of {FLEX_BLOCK}"


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
