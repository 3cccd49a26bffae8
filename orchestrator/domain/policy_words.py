"""A policy in words: every sentence is made from the policy's own numbers, so that it cannot say anything else."""

from __future__ import annotations

import hashlib

from orchestrator.domain.replication import NAMED_RULES
from orchestrator.domain.verdict import Gate, Policy, Role

_SUBJECT = {
    Role.CE: "a CE baseline", Role.TEACHER: "a teacher", Role.KD: "a student", Role.CONTROL: "a control arm",
    Role.MEASUREMENT: "a measurement",
}


def policy_id(policy: Policy) -> str:
    """The sha256 of the policy's canonical bytes: what it is pinned as."""
    return hashlib.sha256(policy.canonical()).hexdigest()


def rules(policy: Policy) -> tuple[tuple[Gate, str], ...]:
    """The sentence of each gate that the policy asks, in the order of :class:`Gate`."""
    return tuple((gate, _sentence(gate, policy)) for gate in policy.gates)


def in_words(policy: Policy) -> str:
    """The whole policy as lines of text."""
    lines = [f"{policy.name}: {_SUBJECT[policy.role]} is promoted only if all of this holds:"]
    lines += [f"  {gate.value:<18} {sentence}" for gate, sentence in rules(policy)]
    if Gate.NO_OOM_FALLBACK not in policy.gates:
        lines.append("  (a run that fell back to another configuration is rejected under every policy)")
    lines.append("It is rejected if any of it is violated; where evidence is missing the verdict is inconclusive.")
    named = NAMED_RULES.get(policy.replication.rule) if policy.replication is not None else None
    if named is not None:
        lines.append(f"The replication's rule is {named.name} ({named.source}).")
        lines += [f"  It also asks, beyond what is tested here: {more}." for more in named.also]
    return "\n".join(lines)


def _sentence(gate: Gate, policy: Policy) -> str:
    match gate:
        case Gate.BUDGET:
            whose = "its teacher's train time" if policy.role is Role.KD else "its train time"
            derived = f" ({policy.budget_derivation})" if policy.budget_derivation else ""
            return f"{whose} is at most {policy.budget_ms} ms{derived}"
        case Gate.VAL_TREND:
            if policy.trend_points == 1:
                return "the first validation after step 0 exists, and none is NaN or infinite"
            drop = policy.trend_min_drop_u6 / 1e6
            fall = f"falls by at least {drop:g} nats" if policy.trend_min_drop_u6 else "does not rise"
            return (f"of the first {policy.trend_points} validations after step 0 each {fall} against the one before, "
                    "and none is NaN or infinite")
        case Gate.NO_OOM_FALLBACK:
            return "it ran as asked: no smaller batch, no other kernel"
        case Gate.EVIDENCE_COMPLETE:
            return "its evidence is sealed and verified, and it ran to its own end"
        case Gate.TARGET_REACHED:
            assert policy.target_u6 is not None
            return f"two consecutive validations are at most {policy.target_u6 / 1e6:.4f} nats"
        case Gate.COMPARABLE:
            return ("data, seed, batch, validation, horizon, hardware, precision and torch are those of the run it is "
                    "compared with")
        case Gate.REPLICATED:
            assert policy.replication is not None
            assert policy.target_u6 is not None
            return policy.replication.words(policy.target_u6)
