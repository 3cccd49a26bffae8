"""What runs need of a host, matched against what ``kdorch host doctor`` recorded of it.

Three answers: the host is fit; it is provably not, for these reasons; or too little is known. A host is skipped only
for what is proved: an unknown one is tried in its turn, and the plan says so.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from orchestrator.planning.piece import Piece

VERSION_PATTERN = r"^(>=|<=|==|>|<)?\s*[0-9]+(\.[0-9]+){0,2}$"
MEMORY_PATTERN = r"^[0-9]{1,7}(\.[0-9]{1,3})?\s*(MiB|GiB)$"
NOT_PATTERN = r"^sm_[0-9]{2,4}( backward)?$"
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt}


def parse_memory(value: Any) -> int:
    """Whole MiB of ``70GiB`` or ``512MiB``; at least 1."""
    if not isinstance(value, str) or re.fullmatch(MEMORY_PATTERN, value) is None:
        raise ValueError("expected an amount of memory with its unit, such as 70GiB or 512MiB")
    mib = round(float(value[:-3]) * (1024 if value.endswith("GiB") else 1))
    if mib < 1:
        raise ValueError("expected at least 1MiB")
    return mib


def _condition(value: Any) -> Any:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or re.fullmatch(VERSION_PATTERN, text) is None:
        raise ValueError("expected a version with an optional comparison, such as '>=9.0'")
    return text


Memory = Annotated[int, BeforeValidator(parse_memory), WithJsonSchema({"type": "string", "pattern": MEMORY_PATTERN})]
Version = Annotated[str, BeforeValidator(_condition),
                    WithJsonSchema({"type": ["string", "number"], "pattern": VERSION_PATTERN})]


def _known_word(value: str) -> str:
    if re.fullmatch(NOT_PATTERN, value) is None:
        raise ValueError("expected an architecture to stay away from, such as sm_121 or 'sm_121 backward'")
    return value


Architecture = Annotated[str, AfterValidator(_known_word), WithJsonSchema({"type": "string", "pattern": NOT_PATTERN})]


class Needs(Piece):
    """What every run of a campaign, or of a stage, needs of its host. The number of GPUs stands in the spec.

    ``compute_capability`` and ``vram`` are asked of as many GPUs as a run takes. ``flash``: true for any of the
    fast attention kernels. ``not``: architectures that are not wanted; with ``backward`` only where the probe did not
    see a backward pass succeed.
    """

    compute_capability: Version | None = None
    vram: Memory | None = Field(None, description="memory of each GPU, such as 70GiB")
    flash: Literal["fa3", "fa2"] | bool | None = None
    torch: Version | None = None
    not_: tuple[Architecture, ...] = Field((), alias="not")

    def merged(self, over: Needs | None) -> Needs:
        """These needs with those of a stage in front; what a stage does not say, the campaign says."""
        if over is None:
            return self
        return self.model_copy(update={name: getattr(over, name) for name in over.model_fields_set})

    def words(self) -> tuple[str, ...]:
        """Each need in a few words."""
        found = []
        if self.compute_capability is not None:
            found.append(f"compute capability {self.compute_capability}")
        if self.vram is not None:
            found.append(f"{_memory(self.vram)} of GPU memory")
        if self.flash:
            found.append("flash attention" if self.flash is True else f"flash attention {self.flash}")
        if self.torch is not None:
            found.append(f"torch {self.torch}")
        return (*found, *(f"not {word}" for word in self.not_))


class Fitness(StrEnum):
    FIT = "fit"
    UNFIT = "unfit"
    UNKNOWN = "unknown"
    """Too little is known; the host is tried in its turn."""


@dataclass(frozen=True)
class Match:
    """Whether a host meets needs, with the reasons where it does not, or with what is not known."""

    fitness: Fitness
    reasons: tuple[str, ...] = ()


def match(needs: Needs, gpus: int, facts: Mapping[str, Any] | None) -> Match:
    """Hold a run's needs, and its number of GPUs, against the recorded facts of a host."""
    if not needs.words():
        return Match(Fitness.FIT)
    if facts is None:
        return Match(Fitness.UNKNOWN, ("nothing is recorded of it",))
    answers = list(_answers(needs, max(1, gpus), facts))
    unfit = tuple(words for fits, words in answers if fits is False)
    if unfit:
        return Match(Fitness.UNFIT, unfit)
    unknown = tuple(words for fits, words in answers if fits is None)
    return Match(Fitness.UNKNOWN, unknown) if unknown else Match(Fitness.FIT)


def kind_of(facts: Mapping[str, Any] | None) -> str | None:
    """What makes hosts equally good: GPU models and torch. None where that is not recorded."""
    if facts is None:
        return None
    models = sorted(str(g.get("name")) for g in facts.get("gpus") or ())
    return f"{models or facts.get('machine')} torch {facts.get('torch')}"


def _answers(needs: Needs, gpus: int, facts: Mapping[str, Any]) -> Iterator[tuple[bool | None, str]]:
    """For each need: whether it is met (None: not known), and in words what there is."""
    devices = [g for g in facts.get("gpus") or () if isinstance(g, dict)]
    if needs.compute_capability is not None:
        has = [_text(g.get("compute_capability")) for g in devices]
        yield _enough([_satisfies(h, needs.compute_capability) for h in has], gpus), \
            f"needs compute capability {needs.compute_capability}; {_has(has)}"
    if needs.vram is not None:
        sizes = [_size(g, facts) for g in devices]
        yield _enough([None if s is None else s >= needs.vram for s in sizes], gpus), \
            f"needs {_memory(needs.vram)} of GPU memory; {_has([None if s is None else _memory(s) for s in sizes])}"
    if needs.flash:
        yield _flash(needs.flash, facts.get("flash"))
    if needs.torch is not None:
        torch = _text(facts.get("torch"))
        known = "torch" in facts
        yield (_satisfies(torch, needs.torch) if torch is not None else False if known else None), \
            f"needs torch {needs.torch}; it has {torch or ('none' if known else 'an unknown one')}"
    for word in needs.not_:
        architecture, _, backward = word.partition(" ")
        there = {"sm_" + (_text(g.get("compute_capability")) or "?").replace(".", "") for g in devices}
        if architecture in there and not (backward and facts.get("backward_ok") is True):
            shown = "; no backward pass was seen to succeed there" if backward else ""
            yield False, f"its GPU is {architecture}{shown}"


def _enough(met: list[bool | None], gpus: int) -> bool | None:
    """Whether ``gpus`` devices meet a need; None when that hangs on devices of which too little is known."""
    if met.count(True) >= gpus:
        return True
    return None if met.count(True) + met.count(None) >= gpus else False


def _flash(wanted: str | bool, flash: Any) -> tuple[bool | None, str]:
    name = "flash attention" if wanted is True else f"flash attention {wanted}"
    if not isinstance(flash, dict):
        return None, f"needs {name}; whether it has it is not known"
    there = sorted(k for k, v in flash.items() if v is True)
    met = bool(there) if wanted is True else wanted in there
    return met, f"needs {name}; it has {', '.join(there) or 'none'}"


def _size(device: Mapping[str, Any], facts: Mapping[str, Any]) -> int | None:
    """A device's memory in MiB; where the driver does not say, it shares the host's."""
    for value in (device.get("memory_mib"), facts.get("memory_mib")):
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _satisfies(found: str | None, condition: str) -> bool | None:
    if found is None or (have := _numbers(found)) is None:
        return None
    sign = re.match(r"[<>=]+", condition)
    wanted = _numbers(condition[len(sign[0]) if sign else 0:].strip())
    assert wanted is not None
    width = max(len(have), len(wanted))
    return _COMPARE[sign[0] if sign else ">="](_padded(have, width), _padded(wanted, width))


def _numbers(text: str) -> tuple[int, ...] | None:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", text)
    return tuple(int(n) for n in found[0].split(".")) if found else None


def _padded(numbers: tuple[int, ...], width: int) -> tuple[int, ...]:
    return numbers + (0,) * (width - len(numbers))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _has(values: list[str | None]) -> str:
    return "it has " + ", ".join(v or "an unknown one" for v in values) if values else "it has no GPU"


def _memory(mib: int) -> str:
    return f"{mib / 1024:g}GiB" if mib >= 1024 else f"{mib}MiB"
