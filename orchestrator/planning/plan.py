"""The plan: a laid-out campaign with hosts, and with what is known of each run already. A value; nothing is opened.

``plan_hash`` covers what would be done (runs, specs, first-choice hosts, bundle, policies, overrides) and not what is
done already, so it stays the same while the campaign runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from orchestrator.domain.errors import UnknownHost, UsageError
from orchestrator.domain.verdict import Role
from orchestrator.planning.campaign_file import CampaignSource
from orchestrator.planning.continuing import beginning_of
from orchestrator.planning.lane import Candidate, HostFacts, Lane, equals, lane_for, shares, without_share
from orchestrator.planning.policy import Choice, PolicyPlan
from orchestrator.planning.retry_rules import RetryRule, effective
from orchestrator.planning.settings import settle
from orchestrator.planning.stages import LaidRun, PlannedStage, Ranked
from orchestrator.planning.trials import TrialRun, settle_trials
from orchestrator.wire.spec import Spec, canonical_digest

__all__ = ["Candidate", "Choice", "HostFacts", "Knowledge", "Nothing", "Plan", "PlannedRun", "PlannedStage",
           "PolicyPlan", "Resolved", "make_plan", "require_placeable"]

NO_PATIENCE: Mapping[str, Mapping[str, int]] = MappingProxyType({})
LOCAL_HOST = "local"
DEFAULT_LANE = "default"


@dataclass(frozen=True)
class Resolved:
    """What a selector was resolved to. ``final_val_u6`` is the chosen run's final validation loss in micro-nats."""

    run_id: str
    checkpoint_sha256: str | None
    final_val_u6: int | None


class Knowledge(Protocol):
    """What planning may ask of the past."""

    def resolution(self, key: str) -> Resolved | None:
        """What the choice pinned under ``key`` was resolved to; None while it is open."""

    def standings(self, run_ids: Sequence[str]) -> Mapping[str, str]:
        """``new``, ``running``, ``done``, ``retry`` or ``oom`` for each run; those that are missing are new."""

    def host_facts(self, host: str) -> Mapping[str, Any] | None:
        """What was recorded of a host; None where nobody has looked."""

    def trials(self, campaign_id: str) -> Mapping[str, TrialRun]:
        """The runs that are recorded of a campaign, by name, with what a search learns from. Asked of searches only."""


class Nothing:
    """Knowledge of an empty past."""

    def resolution(self, key: str) -> Resolved | None:  # noqa: ARG002 - the protocol's name
        return None

    def standings(self, run_ids: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's name
        return {}

    def host_facts(self, host: str) -> Mapping[str, Any] | None:  # noqa: ARG002 - the protocol's name
        return None

    def trials(self, campaign_id: str) -> Mapping[str, TrialRun]:  # noqa: ARG002 - the protocol's name
        return {}


@dataclass(frozen=True)
class PlannedRun:
    """One run of the plan.

    ``identity`` is the sha256 of ``spec.json`` and always known; ``run_id`` is the same, and None while the spec's
    selectors are ``unresolved``: until then it cannot be launched. ``host`` is the first choice of ``candidates``, the
    lane's hosts in order; ``misfit`` says why none of them can take the run, and is empty otherwise. ``ordinal`` is
    its place in the plan, from 0. With ``budget_guard`` its host stops it once it is certain to overrun its budget.
    ``target_val`` is the loss at which the run stops itself; None where it does not, or not yet. A run that takes the
    settings of a chosen configuration names the choice in ``settings``; until that is pinned its ``spec`` is one of
    those that may come of it, afterwards ``settings_from`` names the run that was chosen. Of a search it is ``trial``
    so and so, whose spec is open until its batch is proposed. ``continues`` is the run that trains its first steps,
    and whose last checkpoint it may go on from.
    """

    name: str
    stage: str
    ordinal: int
    role: Role
    seed: int
    spec: Spec
    identity: str
    size_bytes: int
    run_id: str | None
    unresolved: tuple[str, ...]
    host: str
    lane: str | None
    candidates: tuple[Candidate, ...]
    misfit: str
    gpus: int
    deadline_s: int
    budget_guard: bool
    reference_name: str | None
    twin_name: str | None
    teacher_selector_key: str | None
    teacher: Resolved | None
    target_val: float | None
    standing: str
    settings: Ranked | None = None
    settings_from: str | None = None
    trial: int | None = None
    trial_is_open: bool = False
    continues: str | None = None

    @property
    def spec_is_open(self) -> bool:
        """Whether the spec hangs on settings that are still to be chosen, or on a trial still to be proposed."""
        return (self.settings is not None and self.settings_from is None) or self.trial_is_open

    @property
    def equals(self) -> tuple[Candidate, ...]:
        """The hosts over which runs such as this one are spread, as far as was known when it was planned: those that
        are as good as the first fit one. None for a measurement, whose figures are of one host."""
        if self.role is Role.MEASUREMENT:
            return ()
        equal = equals([c for c in self.candidates if c.usable], {c.host: c.kind for c in self.candidates})
        return equal if len(equal) > 1 else ()

    @property
    def teacher_checkpoint_sha256(self) -> str | None:
        """The checkpoint that must lie on the host before this run can start."""
        return self.teacher.checkpoint_sha256 if self.teacher is not None else None


@dataclass(frozen=True)
class Plan:
    """A whole campaign, ready to be shown or launched. ``hosts`` are the facts the plan was made with.

    ``shares`` are, with ``max_parallel``, how many of its runs may train on each host at once. ``retries`` holds the
    rules in force by class of failure.
    """

    campaign: str
    campaign_id: str
    stages: tuple[PlannedStage, ...]
    runs: tuple[PlannedRun, ...]
    plan_hash: str
    bundle_digest: str
    hosts: Mapping[str, HostFacts]
    environment: Mapping[str, str]
    priority: int
    max_parallel: int | None
    shares: Mapping[str, int]
    retries: Mapping[str, RetryRule]

    def stage(self, name: str) -> PlannedStage:
        return next(s for s in self.stages if s.name == name)

    def policy_of(self, run: PlannedRun) -> PolicyPlan:
        """The policy that judges a run: control arms have one of their own."""
        key = f"{run.stage}:control" if run.role is Role.CONTROL else run.stage
        return self.stage(run.stage).policies[key]

    @property
    def misfits(self) -> tuple[str, ...]:
        """Why runs have no host that can take them, each reason once."""
        return tuple(dict.fromkeys(r.misfit for r in self.runs if r.misfit))


def make_plan(source: CampaignSource, hosts: Mapping[str, HostFacts], lanes: Mapping[str, Sequence[str]],
              bundle_digest: str, knowledge: Knowledge, *,
              patience: Mapping[str, Mapping[str, int]] = NO_PATIENCE) -> Plan:
    """Plan a campaign on these hosts. Deterministic: the same arguments give an equal plan.

    ``patience``: by lane and host, the seconds that a run waits in that host's queue before it goes to the next.

    A run that no host of its lane can take is planned all the same, with the reason (``misfits``), so that a plan can
    be looked at anywhere; :func:`require_placeable` refuses to go on with it. Raises :class:`UnknownHost` and
    :class:`UsageError` for hosts and lanes that do not exist.
    """
    name, among = _candidates(source, hosts, lanes)
    ways = _ways(source, among, patience.get(name or "", {}), knowledge)
    limit = source.campaign.max_parallel
    given = shares(limit, list(ways.values()), hosts) if limit is not None else {}
    if limit is not None:
        ways = {key: without_share(way, key[0], limit, given) for key, way in ways.items()}
    stages = {s.name: s for s in source.layout.stages}
    past = _Past(knowledge)
    laid = source.layout.runs
    if any(run.trial is not None for run in laid):
        laid = settle_trials(laid, knowledge.trials(source.campaign_id))
    settled = settle(laid, past.pinned)
    past.look_up([r.identity for r in settled])
    places = {run.mark: i for i, run in enumerate(source.layout.runs)}
    runs = tuple(_planned(run, places[run.mark], name, _way(ways, run), stages[run.stage], past) for run in settled)
    retries = effective(source.campaign.retries)
    return Plan(
        campaign=source.campaign.campaign, campaign_id=source.campaign_id, stages=source.layout.stages, runs=runs,
        plan_hash=_plan_hash(source, ways, bundle_digest, given, retries), bundle_digest=bundle_digest,
        hosts=dict(hosts), environment=dict(sorted(source.campaign.environment.items())),
        priority=source.campaign.priority, max_parallel=limit, shares=given, retries=retries)


def require_placeable(plan: Plan) -> None:
    """Raise :class:`UsageError` when some run has no host that can take it."""
    if plan.misfits:
        count = sum(1 for r in plan.runs if r.misfit)
        raise UsageError(f"{count} of {len(plan.runs)} runs cannot be placed: {'; '.join(plan.misfits)}",
                         hint="choose another host with --host NAME, or give the lane one in hosts.yaml")


class _Past:
    """Knowledge, asked once for each choice, and once for all runs."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._choices: dict[str, Resolved | None] = {}
        self._standings: Mapping[str, str] = {}

    def look_up(self, run_ids: Sequence[str]) -> None:
        self._standings = self._knowledge.standings(run_ids)

    def resolution(self, choice: Choice) -> Resolved | None:
        return self.pinned(choice.key)

    def pinned(self, key: str) -> Resolved | None:
        if key not in self._choices:
            self._choices[key] = self._knowledge.resolution(key)
        return self._choices[key]

    def standing(self, run_id: str, expects: Sequence[str]) -> str:
        """``new``, ``running``, ``done`` or ``retry``. An end that the stage asks about is done, not to be retried."""
        found = self._standings.get(run_id, "new")
        return found if found != "oom" else "done" if "oom" in expects else "retry"


def _candidates(source: CampaignSource, hosts: Mapping[str, HostFacts],
                lanes: Mapping[str, Sequence[str]]) -> tuple[str | None, tuple[HostFacts, ...]]:
    """The lane (None for a named host) and its hosts in order of preference."""
    named = source.host if source.host is not None else source.campaign.host
    if named is not None:
        return None, (_host(named, hosts),)
    lane = source.campaign.lane if source.campaign.lane is not None else DEFAULT_LANE
    if lane in lanes:
        if not lanes[lane]:
            raise UsageError(f"lane {lane} has no hosts", hint="name some in hosts.yaml, or use --host NAME")
        return lane, tuple(_host(name, hosts) for name in lanes[lane])
    if lane == DEFAULT_LANE:
        return None, (_host(LOCAL_HOST, hosts),)
    raise UsageError(f"there is no lane {lane}; lanes: {', '.join(sorted(lanes)) or 'none'}",
                     hint="name it in hosts.yaml, or use --host NAME")


def _host(name: str, hosts: Mapping[str, HostFacts]) -> HostFacts:
    if name not in hosts:
        raise UnknownHost(f"there is no host {name}; hosts: {', '.join(sorted(hosts)) or 'none'}",
                          hint="name it in hosts.yaml under KDORCH_HOME, or give another file with --hosts")
    return hosts[name]


def _ways(source: CampaignSource, hosts: Sequence[HostFacts], patience: Mapping[str, int],
          knowledge: Knowledge) -> dict[tuple[str, int], Lane]:
    """The lane as the runs of a stage with so many GPUs see it, by (stage, GPUs), in plan order."""
    facts = {h.name: knowledge.host_facts(h.name) for h in hosts}
    needs = {s.name: s.host_needs for s in source.layout.stages}
    kinds = dict.fromkeys((run.stage, run.spec.needs.gpus) for run in source.layout.runs)
    return {(stage, gpus): lane_for(stage, gpus, needs[stage], hosts, patience, facts) for stage, gpus in kinds}


def _way(ways: Mapping[tuple[str, int], Lane], run: LaidRun) -> Lane:
    """The run's lane. Settings that were chosen may ask for other GPUs than the first that could have been."""
    found = ways.get((run.stage, run.spec.needs.gpus))
    return found if found is not None else next(way for (stage, _), way in ways.items() if stage == run.stage)


def _planned(run: LaidRun, ordinal: int, lane: str | None, way: Lane, stage: PlannedStage, past: _Past) -> PlannedRun:
    choices = [c for c in (run.teacher, run.stop_target) if c is not None]
    waits = {c.text for c in choices if past.resolution(c) is None}
    if run.open:
        waits |= {run.settings.source.text} if run.settings is not None else {f"{run.stage}.trials"}
    unresolved = tuple(sorted(waits))
    teacher = past.resolution(run.teacher) if run.teacher is not None else None
    stop = past.resolution(run.stop_target) if run.stop_target is not None else None
    continues = beginning_of(run.spec, stage.continues_at) \
        if stage.continues_at is not None and not unresolved and run.role is not Role.CONTROL else None
    return PlannedRun(
        name=run.name, stage=run.stage, ordinal=ordinal, role=run.role, seed=run.spec.seed, spec=run.spec,
        identity=run.identity, size_bytes=run.size_bytes, run_id=None if unresolved else run.identity,
        unresolved=unresolved, host=way.first, lane=lane, candidates=way.candidates, misfit=way.misfit,
        gpus=run.spec.needs.gpus, deadline_s=stage.deadline_s,
        budget_guard=stage.budget_guard and run.role is Role.TEACHER, reference_name=run.reference, twin_name=run.twin,
        teacher_selector_key=run.teacher.key if run.teacher is not None else None, teacher=teacher,
        target_val=stop.final_val_u6 / 1e6 if stop is not None and stop.final_val_u6 is not None else None,
        standing="new" if unresolved else past.standing(run.identity, stage.expects),
        settings=run.settings.source if run.settings is not None else None, settings_from=run.source,
        trial=run.trial.number if run.trial is not None else None, trial_is_open=run.trial is not None and run.open,
        continues=continues)


def _plan_hash(source: CampaignSource, ways: Mapping[tuple[str, int], Lane], bundle_digest: str,
               given: Mapping[str, int], retries: Mapping[str, RetryRule]) -> str:
    """From the layout, not from the runs as chosen: the hash stays while the campaign goes on."""
    deadlines = {s.name: s.deadline_s for s in source.layout.stages}
    body = {
        "campaign": source.campaign_id,
        "bundle": bundle_digest,
        "runs": [[r.name, r.role.value, r.mark, _way(ways, r).first, deadlines[r.stage]] for r in source.layout.runs],
        "policies": {k: p.body() for s in source.layout.stages for k, p in s.policies.items()},
        "overrides": source.overrides,
        "priority": source.campaign.priority,
        "shares": dict(given),
        "guarded": [s.name for s in source.layout.stages if s.budget_guard],
        "retries": {failure: rule.words() for failure, rule in retries.items()},
    }
    return canonical_digest(body)
