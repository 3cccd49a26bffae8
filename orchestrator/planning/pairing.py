"""What a run is compared with: the CE run of the same seed, and its own twin without KD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orchestrator.wire.spec import Spec


def comparison_facts(spec: Spec) -> dict[str, Any]:
    """What must be equal for two runs to be compared, by the words a person uses for it."""
    data = spec.data
    return {
        "data": (data.corpus, data.train, data.validation, data.sha256),
        "batch": (data.batch_sequences, data.sequence_length, [(s.until, s.batch_sequences) for s in spec.stages]),
        "validation": spec.validation,
        "horizon": spec.horizon,
        "seed": spec.seed,
    }


def differences(one: Spec, other: Spec) -> tuple[str, ...]:
    """The words of :func:`comparison_facts` in which two specs differ."""
    theirs = comparison_facts(other)
    return tuple(word for word, value in comparison_facts(one).items() if value != theirs[word])


def twin_body(raw: dict[str, Any]) -> dict[str, Any]:
    """The same run without KD: same schedule, seed, data, horizon and stop."""
    return {**{k: v for k, v in raw.items() if k != "kd"}, "mode": "ce"}


def reference_for(spec: Spec, candidates: Sequence[tuple[str, Spec]]) -> tuple[str | None, int]:
    """The candidate to compare with, and how many fit equally well.

    Of the candidates with the same seed the one that is comparable in everything; failing that the first of them,
    so that the lint can say in what they differ.
    """
    same_seed = [(name, s) for name, s in candidates if s.seed == spec.seed]
    fitting = [name for name, s in same_seed if not differences(spec, s)]
    if fitting:
        return fitting[0], len(fitting)
    return (same_seed[0][0], 1) if same_seed else (None, 0)
