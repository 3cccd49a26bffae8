"""What a campaign file may say, as typed models. A spec is given in parts here; ``grid`` puts the parts together."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from orchestrator.domain.replication import MOST_SEEDS
from orchestrator.domain.verdict import MAX_TREND_POINTS, Gate
from orchestrator.planning.draws import RandomSearch
from orchestrator.planning.needs import Needs
from orchestrator.planning.piece import Piece
from orchestrator.planning.retry_rules import FailureClass, RetryRule
from orchestrator.planning.search import Search

NAME_PATTERN = r"^[a-z0-9_]+$"
RUN_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+=@-]*$"
DURATION_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,3})?(s|m|h|d)$"
LONGEST_DEADLINE_S = 30 * 86400
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:[A-Z0-9]*(?:SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL)S?|[A-Z0-9]*(?:TOKEN|KEY)S?)(?:_|$)")
_ENV_NAME = re.compile(r"^[A-Z_][A-Z0-9_]*$")
_ENV_REFUSED = re.compile(
    r"^(?:PATH|HOME|SHELL|IFS|ENV|PWD|PYTHON.*|LD_.*|DYLD_.*|BASH_.*|CUDA_VISIBLE_DEVICES|KDORCH_.*)$")
ENV_VALUE_LIMIT = 4096


def parse_duration(value: Any) -> int:
    """Whole seconds of ``90s``, ``30m``, ``2h`` or ``1d``, rounded up; at least a second, at most 30 days."""
    if not isinstance(value, str) or re.fullmatch(DURATION_PATTERN, value) is None:
        raise ValueError("expected a duration with its unit, such as 90s, 30m or 2h")
    seconds = math.ceil(Decimal(value[:-1]) * _UNIT_S[value[-1]])
    if not 1 <= seconds <= LONGEST_DEADLINE_S:
        raise ValueError("expected a duration between 1s and 30d")
    return seconds


def check_environment(environment: dict[str, str]) -> list[tuple[str, str]]:
    """(name, problem) of every variable that may not be set for a trainer."""
    problems = []
    for name, value in environment.items():
        if _ENV_NAME.fullmatch(name) is None:
            problems.append((name, "expected a variable name of capitals, digits and underscores"))
        elif _ENV_REFUSED.fullmatch(name) is not None:
            problems.append((name, "decides which program runs, or on what; a campaign may not set it"))
        elif _SECRET_NAME.search(name) is not None:
            problems.append((name, "looks like a secret; campaign files and their ledgers are kept and shared, so "
                                   "set it in the host's own environment instead"))
        elif len(value) > ENV_VALUE_LIMIT or any(ord(c) < 32 for c in value):
            problems.append((name, f"expected one line of at most {ENV_VALUE_LIMIT} characters"))
    return problems


Duration = Annotated[int, BeforeValidator(parse_duration),
                     WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})]
StageName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]
PartialSpec = dict[str, Any]
Role = Literal["ce", "teacher", "kd", "measurement"]
SelectBy = Literal["final_val", "best_val", "steps_to_target", "train_time"]
StopWord = Literal["teacher_found", "target_compared", "none"]
Expected = Literal["oom"]
TOP_PATTERN = r"^[1-9][0-9]{0,3} by (final_val|best_val|steps_to_target|train_time)$"


class BestOf(Piece):
    """The run that an earlier stage's ``select`` chooses."""

    from_: str = Field(alias="from", pattern=r"^[a-z0-9_]+\.best$", description="STAGE.best, of an earlier stage")

    @property
    def stage(self) -> str:
        return self.from_.partition(".")[0]


class SettingsOf(Piece):
    """The configurations that an earlier stage's ``select`` chooses: their specs, whatever their seeds were."""

    from_: str = Field(alias="from", pattern=r"^[a-z0-9_]+\.(best|top)$",
                       description="STAGE.top or STAGE.best, of an earlier stage of the same role")

    @property
    def stage(self) -> str:
        return self.from_.partition(".")[0]


class TargetRule(Piece):
    """The loss that two consecutive validations must reach: a number, or the final loss of a chosen run."""

    from_: str | None = Field(None, alias="from", pattern=r"^[a-z0-9_]+\.best$",
                              description="STAGE.best: its final validation loss")
    value: Annotated[float, Field(gt=0, lt=1000, allow_inf_nan=False)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _number(cls, given: Any) -> Any:
        return given if isinstance(given, dict | TargetRule) else {"value": given}

    @model_validator(mode="after")
    def _one_of_both(self) -> TargetRule:
        if (self.from_ is None) == (self.value is None):
            raise ValueError("expected either a loss, such as 4.07, or {from: STAGE.best}")
        return self


class BudgetRule(Piece):
    """A budget derived from a measured run; literal once that run is sealed."""

    fraction: Annotated[Decimal, Field(gt=0, le=10)]
    of: str = Field(pattern=r"^[a-z0-9_]+(\.first)?$",
                    description="STAGE or STAGE.first: the first run of an earlier CE stage")

    @field_validator("of")
    @classmethod
    def _the_first(cls, given: str) -> str:
        return given if given.endswith(".first") else f"{given}.first"

    @property
    def stage(self) -> str:
        return self.of.partition(".")[0]


class ReplicationAsked(Piece):
    """A test registered beforehand: how many fresh seeds, all stopped at which step, by which rule."""

    rule: str = Field(description="a rule's name: 'kdorch ledger policies' lists them")
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)]
    stop_step: Annotated[int, Field(ge=1, lt=2**53)]


class PolicyRule(Piece):
    """Gates with their numbers. A bare word, or ``use``, names a shipped policy."""

    use: str | None = None
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)] | None = None
    gates: tuple[Gate, ...] | None = None
    budget_ms: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    budget: BudgetRule | None = None
    trend_points: Annotated[int, Field(ge=1, le=MAX_TREND_POINTS)] = 3
    trend_min_drop: Annotated[float, Field(ge=0, lt=100, allow_inf_nan=False)] = Field(
        1e-6, description="nats by which each of the first trend_points validations must fall")
    target: TargetRule | None = None
    replication: ReplicationAsked | None = None

    @model_validator(mode="before")
    @classmethod
    def _word(cls, given: Any) -> Any:
        return {"use": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _agree(self) -> PolicyRule:
        if self.use is not None and self.model_fields_set != {"use"}:
            raise ValueError("'use' names a shipped policy and stands alone")
        if self.use is None and self.name is None:
            raise ValueError("a policy written here needs a name")
        if self.budget_ms is not None and self.budget is not None:
            raise ValueError("give budget_ms or budget, not both")
        return self


class Select(Piece):
    """What a stage hands on: ``best`` one run (``STAGE.best``), ``top`` so many configurations (``STAGE.top``)."""

    best: SelectBy | None = Field(
        None, description="of the configuration that is the best by its mean over seeds, the seed nearest the median")
    top: Annotated[str, Field(pattern=TOP_PATTERN)] | None = Field(
        None, description="N by KEY, such as '4 by steps_to_target': configurations are ranked by the mean over their "
                          "seeds, and every seed must pass the gates")

    @model_validator(mode="after")
    def _something(self) -> Select:
        if self.best is None and self.top is None:
            raise ValueError("expected 'best: KEY' or 'top: N by KEY'")
        return self

    @property
    def count(self) -> int:
        """How many configurations ``top`` asks for; 0 without it."""
        return int(self.top.partition(" ")[0]) if self.top is not None else 0

    @property
    def top_by(self) -> SelectBy:
        assert self.top is not None
        return cast(SelectBy, self.top.rpartition(" ")[2])


class Halving(Piece):
    """Successive halving over the horizon: each rung keeps one in ``eta``, over a horizon ``eta`` times as long."""

    eta: Annotated[int, Field(ge=2, le=10)] = 3
    rungs: Annotated[int, Field(ge=2, le=8)] = 3
    by: SelectBy = "final_val"
    resume: bool = Field(False, description="go on from the checkpoint of the rung before, on its host, where nothing "
                                            "in the schedule depends on the horizon")


class Stage(Piece):
    """Runs of one role, with the policy that judges them."""

    name: StageName
    role: Role
    description: str = ""
    settings: SettingsOf | None = Field(
        None, description="take the settings of chosen runs: the stage's spec and axes are laid over each of them")
    spec: PartialSpec = Field({})
    runs: tuple[PartialSpec, ...] | None = Field(None, description="explicit list of partial specs, each with a name")
    zip: dict[str, tuple[Any, ...]] | None = Field(None, description="spec path: values; lists advance together")
    axes: dict[str, tuple[Any, ...]] | None = Field(
        None, description="spec path: values; their product, in the order written, the last axis fastest")
    random: RandomSearch | None = Field(None, description="configurations drawn from ranges and lists, once for all")
    search: Search | None = Field(None, description="configurations proposed batch by batch, from what came of the "
                                                    "ones before")
    halving: Halving | None = Field(None, description="try all over a short horizon and only the best over the whole")
    names: Annotated[str, Field(max_length=200)] | None = Field(
        None, description="run names with {spec.path:format} fields; '-s<seed>' is added")
    policy: PolicyRule | None = None
    select: Select | None = None
    stop: StopWord | None = Field(
        None, description="what the stage must have come to; without it the campaign ends there, with the reason. "
                          "Default: teacher_found for teachers, target_compared for kd with compare_with")
    duel: bool = Field(False, description="the configurations of this measurement are alternatives: their repeats "
                                          "interleave, and the one with the lowest median step time wins")
    after: tuple[StageName, ...] = Field((), description="start once these stages have come to what they must have "
                                                         "come to; a stage that takes something of another waits for "
                                                         "it anyhow")
    expects: tuple[Expected, ...] = Field((), description="ends that this stage asks about: results, not failures")
    teacher: BestOf | None = None
    target: TargetRule | None = None
    stop_at_target: bool = False
    compare_with: StageName | None = None
    controls: bool = Field(False, description="a CE twin for each schedule: everything the same, without KD")
    deadline: Duration | None = None
    needs: Needs | None = Field(None, description="what the stage's runs need of a host, over the campaign's needs")
    budget_guard: bool | None = Field(None, description="as the campaign's, for this stage")


class Campaign(Piece):
    """A whole campaign file."""

    campaign: Annotated[str, Field(pattern=NAME_PATTERN, max_length=60)]
    description: str = ""
    lane: str | None = None
    host: str | None = None
    deadline: Duration = Field(3600, description="the longest a run may live on its host; default 1h")
    needs: Needs = Field(Needs(), description="what every run needs of a host")
    priority: Annotated[int, Field(ge=-100, le=100)] = Field(
        0, description="higher goes first where runs wait for a host; equal: in launch order")
    max_parallel: Annotated[int, Field(ge=1, le=10000)] | None = Field(
        None, description="at most so many runs of the campaign train at once, over all hosts")
    retries: dict[FailureClass, RetryRule] = Field(
        {}, description="failure class: what to do about it; lost is short for host_rebooted and supervisor_lost")
    budget_guard: bool = Field(
        False, description="let the host stop a run that is certain to overrun its own train-time budget")
    allow: tuple[str, ...] = ()
    defaults: PartialSpec = Field({})
    environment: dict[str, str] = Field({})
    scales: dict[StageName, dict[str, Any]] = Field(
        {}, description="variants by name, for --scale NAME: what is different there; stages go by name")
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)]

    @field_validator("environment", mode="before")
    @classmethod
    def _numbers_are_words(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {k: str(v) if isinstance(v, int | float) and not isinstance(v, bool) else v for k, v in given.items()}

    @model_validator(mode="after")
    def _lane_or_host(self) -> Campaign:
        if self.lane is not None and self.host is not None:
            raise ValueError("give 'lane' or 'host', not both")
        return self
