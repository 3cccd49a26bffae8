"""A stage's policy as far as a file can say it: literal, or with numbers that follow from runs still to come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestrator.domain.metrics import to_u6
from orchestrator.domain.replication import NAMED_RULES, ReplicationRule
from orchestrator.domain.verdict import DEFAULT_GATES, SHIPPED_POLICIES, Gate, Role
from orchestrator.planning.campaign_model import PolicyRule, Stage
from orchestrator.planning.findings import DocPath, Findings
from orchestrator.wire.spec import Selector


@dataclass(frozen=True)
class Choice:
    """What ``STAGE.best`` stands for: chosen once among known runs, and pinned under ``key``.

    ``key`` is the sha256 of the canonical selector.
    """

    stage: str
    key: str
    by: str
    selector: Selector

    @property
    def text(self) -> str:
        return self.selector.from_


@dataclass(frozen=True)
class PolicyPlan:
    """A policy before it is pinned.

    The budget is one of: literal (``budget_ms`` with its derivation); ``budget_fraction`` of the train time of
    ``budget_of`` (``STAGE.first``), rounded half up; that of another pinned policy (``budget_like``, a stage); none.
    The target is literal (``target_u6``), the final loss of the run pinned under ``target_key``, or none.
    ``admits`` says the same in canonical plain data, with runs by their identity and without names: what a selector
    states about the runs it may choose.
    """

    name: str
    role: Role
    gates: tuple[Gate, ...]
    budget_ms: int | None
    budget_derivation: str
    budget_fraction: Decimal | None
    budget_of: str | None
    budget_like: str | None
    trend_points: int
    trend_min_drop_u6: int
    target_u6: int | None
    target_key: str | None
    target_of: str | None
    admits: Mapping[str, Any]
    replication: ReplicationRule | None = None

    def body(self) -> dict[str, Any]:
        """Plain data for hashing and showing; numbers that are still open stay open."""
        return {
            "name": self.name, "role": self.role.value, "gates": [g.value for g in self.gates],
            "budget_ms": self.budget_ms, "budget_derivation": self.budget_derivation,
            "budget_fraction": None if self.budget_fraction is None else f"{self.budget_fraction.normalize():f}",
            "budget_of": self.budget_of, "budget_like": self.budget_like, "trend_points": self.trend_points,
            "trend_min_drop_u6": self.trend_min_drop_u6, "target_u6": self.target_u6, "target_key": self.target_key,
            "target_of": self.target_of,
            # Left out where there is none, so that campaigns of before keep their identity.
            **({"replication": self.replication.body()} if self.replication is not None else {}),
        }

    def budget_words(self) -> str:
        """Where the budget comes from, or will come from; empty without one."""
        if self.budget_of is not None:
            assert self.budget_fraction is not None
            return (f"{self.budget_fraction.normalize():f} x the train time of {self.budget_of}, rounded half up, "
                    "once that run is sealed")
        if self.budget_like is not None:
            return f"that of stage {self.budget_like}, once it is pinned"
        return self.budget_derivation


@dataclass(frozen=True)
class Earlier:
    """What a policy may refer to: earlier stages by name, with their roles, policies, choices and first run."""

    roles: Mapping[str, Role]
    policies: Mapping[str, PolicyPlan]
    choices: Mapping[str, Choice]
    first_runs: Mapping[str, str]


def known_stage(name: str, stage: Stage, earlier: Earlier, all_stages: frozenset[str], where: DocPath,
                findings: Findings) -> bool:
    """Whether ``name`` is an earlier stage; says why not."""
    if name in earlier.roles:
        return True
    if name == stage.name:
        findings.add(where, f"stage {name!r} refers to itself")
    elif name in all_stages:
        findings.add(where, f"stage {name!r} comes later; a stage can only refer to earlier ones")
    else:
        known = ", ".join(earlier.roles) or "none"
        findings.add(where, f"there is no stage {name!r}; earlier stages: {known}")
    return False


def plan_policies(stage: Stage, doc: DocPath, earlier: Earlier, target: Choice | None, all_stages: frozenset[str],
                  findings: Findings) -> dict[str, PolicyPlan]:
    """The stage's policies by the key under which each is pinned: the stage's, and ``STAGE:control`` for its twins.

    ``target`` is the choice behind ``target: {from: …}``. Nothing is returned when something was wrong.
    """
    where = (*doc, "policy")
    role = Role(stage.role)
    rule = stage.policy
    if rule is None:
        rule = _default_rule(role)
        if rule is None:
            findings.add(doc, "a teacher stage needs a policy with a budget, for example "
                              "'policy: teacher-budget-10pct' or one with 'budget: {fraction: 0.10, of: STAGE.first}'")
            return {}
    if rule.use is not None:
        plan = _shipped(rule.use, role, stage, target, where, findings)
    else:
        plan = _written(rule, role, stage, doc, earlier, target, all_stages, findings)
    if plan is None:
        return {}
    plans = {stage.name: plan}
    if stage.controls:
        plans[f"{stage.name}:control"] = _plan(
            f"{plan.name}-control", Role.CONTROL, DEFAULT_GATES[Role.CONTROL], plan.trend_points,
            plan.trend_min_drop_u6, target_u6=plan.target_u6, target=target)
    return plans


def _default_rule(role: Role) -> PolicyRule | None:
    return {
        Role.CE: PolicyRule(use="ce-baseline"), Role.MEASUREMENT: PolicyRule(use="measurement"),
        Role.KD: PolicyRule(name="kd"), Role.TEACHER: None,
    }[role]


def _shipped(name: str, role: Role, stage: Stage, target: Choice | None, where: DocPath,
             findings: Findings) -> PolicyPlan | None:
    policy = SHIPPED_POLICIES.get(name)
    fitting = ", ".join(n for n, p in SHIPPED_POLICIES.items() if p.role is role) or "none; write one here"
    if policy is None or policy.role is not role:
        why = f"there is no shipped policy {name!r}" if policy is None else f"{name!r} is for role {policy.role.value}"
        findings.add(where, f"{why}; shipped for role {role.value}: {fitting}")
        return None
    literal = to_u6(stage.target.value) if stage.target is not None and stage.target.value is not None else None
    return _plan(policy.name, role, policy.gates, policy.trend_points, policy.trend_min_drop_u6,
                 budget_ms=policy.budget_ms, budget_derivation=policy.budget_derivation, target_u6=literal,
                 target=target)


def _written(rule: PolicyRule, role: Role, stage: Stage, doc: DocPath, earlier: Earlier, target: Choice | None,
             all_stages: frozenset[str], findings: Findings) -> PolicyPlan | None:
    where = (*doc, "policy")
    gates = _gates(rule, role, where, findings)
    literal = stage.target.value if stage.target is not None else None
    if rule.target is not None:
        if stage.target is not None:
            findings.add((*where, "target"), "the stage has a target already; give it once")
        elif rule.target.from_ is not None:
            findings.add((*where, "target"), "write 'target: {from: …}' on the stage itself")
        literal = rule.target.value
    aims = stage.target.from_ if stage.target is not None else stage.teacher
    if Gate.TARGET_REACHED in gates and literal is None and target is None:
        if aims is not None:
            return None  # it aims at a choice that is wrong, and that is said already
        findings.add(where, "the gate target_reached needs a target: 'target: {from: STAGE.best}' or a loss")
        return None
    replication, own_target = _replication(rule, stage, where, findings)
    if literal is None and target is None and own_target is not None:
        literal = own_target / 1e6
    if replication is not None and literal is None and target is None:
        findings.add((*where, "replication"), f"the rule {replication.rule} has no target of its own; give the stage "
                                              "one: 'target: {from: STAGE.best}' or a loss")
        return None
    drop = to_u6(rule.trend_min_drop)
    assert drop is not None
    common: dict[str, Any] = {"target_u6": None if literal is None else to_u6(literal), "target": target,
                              "replication": replication}
    name = rule.name or "policy"
    if rule.budget_ms is not None:
        words = f"{rule.budget_ms} ms, written in the campaign file"
        return _plan(name, role, gates, rule.trend_points, drop, budget_ms=rule.budget_ms, budget_derivation=words,
                     **common)
    if rule.budget is not None:
        spot = (*where, "budget", "of")
        if not known_stage(rule.budget.stage, stage, earlier, all_stages, spot, findings):
            return None
        if earlier.roles[rule.budget.stage] is not Role.CE:
            findings.add(spot, f"a budget is a fraction of a CE run; stage {rule.budget.stage!r} has role "
                               f"{earlier.roles[rule.budget.stage].value}")
            return None
        return _plan(name, role, gates, rule.trend_points, drop, fraction=rule.budget.fraction, of=rule.budget.of,
                     of_run=earlier.first_runs.get(rule.budget.stage), **common)
    if Gate.BUDGET not in gates:
        return _plan(name, role, gates, rule.trend_points, drop, **common)
    teachers = stage.teacher.stage if stage.teacher is not None and role is Role.KD else ""
    like = earlier.policies.get(teachers)
    if like is None or Gate.BUDGET not in like.gates:
        shared = f"; the policy of stage {teachers!r} has no budget to share" if like is not None else ""
        findings.add(where, f"the gate budget needs budget_ms, or budget: {{fraction: 0.10, of: STAGE.first}}{shared}")
        return None
    if like.budget_ms is not None:
        return _plan(name, role, gates, rule.trend_points, drop, budget_ms=like.budget_ms,
                     budget_derivation=like.budget_derivation, **common)
    return _plan(name, role, gates, rule.trend_points, drop, like=teachers, like_plan=like, **common)


def _gates(rule: PolicyRule, role: Role, where: DocPath, findings: Findings) -> tuple[Gate, ...]:
    """The gates that a written policy asks, in their order. A replication brings its own gate along."""
    asked = set(rule.gates if rule.gates is not None else DEFAULT_GATES[role])
    if rule.replication is not None:
        asked.add(Gate.REPLICATED)
    elif Gate.REPLICATED in asked:
        findings.add((*where, "gates"), "the gate replicated needs 'replication: {rule: …, seeds: …, stop_step: …}'")
        asked.discard(Gate.REPLICATED)
    return tuple(g for g in Gate if g in asked)


def _replication(rule: PolicyRule, stage: Stage, where: DocPath,
                 findings: Findings) -> tuple[ReplicationRule | None, int | None]:
    """The replication that a written policy asks, with the target that its rule was written for."""
    asked = rule.replication
    if asked is None:
        return None, None
    spot = (*where, "replication")
    named = NAMED_RULES.get(asked.rule)
    if named is None:
        findings.add((*spot, "rule"), f"there is no replication rule {asked.rule!r}; expected one of: "
                                      f"{', '.join(NAMED_RULES)}")
        return None, None
    if stage.stop_at_target:
        findings.add(spot, "every seed must run to the same step, fixed beforehand; 'stop_at_target' lets each stop at "
                           "its own validation loss")
    try:
        return named.at(asked.seeds, asked.stop_step), named.target_u6
    except ValueError as error:
        findings.add((*spot, "seeds"), str(error))
        return None, None


def _plan(name: str, role: Role, gates: tuple[Gate, ...], trend_points: int, drop: int, *,
          budget_ms: int | None = None, budget_derivation: str = "", fraction: Decimal | None = None,
          of: str | None = None, of_run: str | None = None, like: str | None = None,
          like_plan: PolicyPlan | None = None, target_u6: int | None = None,
          target: Choice | None = None, replication: ReplicationRule | None = None) -> PolicyPlan:
    budget: Any = budget_ms
    if fraction is not None:
        budget = {"fraction": f"{fraction.normalize():f}", "of": of_run}
    elif like_plan is not None:
        budget = like_plan.admits["budget"]
    admits = {
        "gates": [g.value for g in gates], "trend_points": trend_points, "trend_min_drop_u6": drop, "budget": budget,
        "target": target.key if target is not None else target_u6,
        **({"replication": replication.body()} if replication is not None else {}),
    }
    return PolicyPlan(
        name=name, role=role, gates=gates, budget_ms=budget_ms, budget_derivation=budget_derivation,
        budget_fraction=fraction, budget_of=of, budget_like=like, trend_points=trend_points, trend_min_drop_u6=drop,
        target_u6=target_u6, target_key=target.key if target is not None else None,
        target_of=target.text if target is not None else None, admits=admits, replication=replication)
