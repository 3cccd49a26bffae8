"""Search by Optuna: trials are proposed batch by batch, each from what the ones before came to.

There is no database beside the ledger. The study lives in memory and is rebuilt from what the ledger holds of earlier
trials whenever a plan is made, with a sampler seeded by the campaign file and the number of trials that it was told
of: the same ledger gives the same next proposals, in every process. Trials that are recorded already are what the
ledger says, whatever a later version of Optuna would have proposed.
"""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field, field_validator

from orchestrator.domain.errors import UsageError
from orchestrator.planning.draws import RandomSearch, Range
from orchestrator.planning.piece import Piece

MAX_TRIALS = 1000
_TRIES = 100
Params = Mapping[str, Any]
Simple = bool | int | float | str


class OptunaSearch(Piece):
    """``trials`` configurations, ``batch`` at a time, each with a value for every path in ``over``."""

    trials: Annotated[int, Field(ge=1, le=MAX_TRIALS)]
    batch: Annotated[int, Field(ge=1, le=MAX_TRIALS, description="proposed at once and run side by side")] = 6
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    by: Annotated[str, Field(pattern=r"^(final_val|best_val|steps_to_target|train_time)$",
                             description="what is to be small, on average over the seeds of a trial")] = "final_val"
    over: Annotated[dict[str, Range | tuple[Simple, ...]], Field(min_length=1)]

    @field_validator("over")
    @classmethod
    def _several(cls, given: dict[str, Range | tuple[Simple, ...]]) -> dict[str, Range | tuple[Simple, ...]]:
        for path, among in given.items():
            if not isinstance(among, Range) and len({repr(v) for v in among}) < max(1, len(among)):
                raise ValueError(f"{path}: expected different values")
        return given

    def corners(self) -> tuple[dict[str, Any], ...]:
        """The configurations at both ends of everything: what can be checked before anything is proposed."""
        low = {p: among.at(0.0) if isinstance(among, Range) else among[0] for p, among in self.over.items()}
        high = {p: among.at(1.0) if isinstance(among, Range) else among[-1] for p, among in self.over.items()}
        return (low,) if low == high else (low, high)

    def different(self) -> float:
        """How many configurations there are; infinite with a range."""
        return math.prod(math.inf if isinstance(a, Range) else len(a) for a in self.over.values())

    def batch_of(self, number: int) -> int:
        """The batch, from 1, that trial ``number`` (from 1) belongs to."""
        return (number - 1) // self.batch + 1


class Search(Piece):
    """How configurations are looked for while the stage runs."""

    optuna: OptunaSearch


@dataclass(frozen=True)
class Told:
    """A trial that is over. ``score`` None: a run of it gave no figure; such a trial teaches the sampler nothing."""

    params: Params
    score: float | None


def propose(search: OptunaSearch, told: Sequence[Told], known: Sequence[Params], count: int) -> list[dict[str, Any]]:
    """The next ``count`` configurations, none of them among ``told`` and ``known``.

    Raises :class:`UsageError` where Optuna is not installed.
    """
    optuna = _optuna()
    distributions = {path: optuna.distributions.FloatDistribution(*_bounds(among), log=among.log_uniform is not None)
                     if isinstance(among, Range) else optuna.distributions.CategoricalDistribution(
                         tuple(range(len(among)))) for path, among in search.over.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that constant_liar is experimental is no news to a campaign's reader
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(
            seed=search.seed * MAX_TRIALS + len(told), n_startup_trials=search.batch, constant_liar=True))
    for trial in told:
        state = optuna.trial.TrialState.FAIL if trial.score is None else optuna.trial.TrialState.COMPLETE
        study.add_trial(optuna.trial.create_trial(
            state=state, value=trial.score, params={p: _coded(search, p, v) for p, v in trial.params.items()},
            distributions=distributions))
    taken = {_key(search, p) for p in (*(t.params for t in told), *known)}
    found: list[dict[str, Any]] = []
    for _ in range(count):
        found.append(_untaken(search, study, distributions, taken, optuna.trial.TrialState.FAIL))
        taken.add(_key(search, found[-1]))
    return found


def _untaken(search: OptunaSearch, study: Any, distributions: Mapping[str, Any], taken: set[tuple[Any, ...]],
             refused: Any) -> dict[str, Any]:
    """A proposal that is not taken; after many in vain the first of a fixed random sequence that is not."""
    for _ in range(_TRIES):
        trial = study.ask(dict(distributions))
        params = {p: among.rounded(trial.params[p]) if isinstance(among, Range) else among[trial.params[p]]
                  for p, among in search.over.items()}
        if _key(search, params) not in taken:
            return params
        study.tell(trial, state=refused)
    draws = RandomSearch(draws=min(10_000, len(taken) + 1), seed=search.seed, over=dict(search.over)).columns()
    rows = (dict(zip(draws, row, strict=True)) for row in zip(*draws.values(), strict=True))
    return next(row for row in rows if _key(search, row) not in taken)


def _key(search: OptunaSearch, params: Params) -> tuple[Any, ...]:
    return tuple(repr(_coded(search, p, params[p])) for p in search.over)


def _coded(search: OptunaSearch, path: str, value: Any) -> float | int:
    """A value as the study knows it: a number of a range, or its place in a list."""
    among = search.over[path]
    if isinstance(among, Range):
        low, high = _bounds(among)
        return min(high, max(low, float(value)))
    return next(i for i, v in enumerate(among) if v == value and isinstance(v, bool) == isinstance(value, bool))


def _bounds(among: Range) -> tuple[float, float]:
    low, high = among.uniform or among.log_uniform or (0.0, 0.0)
    return low, high


def _optuna() -> ModuleType:
    try:
        optuna = importlib.import_module("optuna")
    except ImportError:
        raise UsageError("this campaign searches with Optuna, which is not installed here",
                         hint="pip install 'kdorch[optuna]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
