"""What the ledger says beside verdicts: promotions, replications, waivers, challenges, other policies' verdicts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PromotionRow:
    """A promoted run. ``kind`` is candidate or confirmed; ``basis`` is always measured."""

    campaign_id: str
    run_id: str
    kind: str
    verdict_no: int
    basis: str
    stage: str | None
    config_id: str | None
    replication_no: int | None
    promoted_at: str
    event_seq: int


@dataclass(frozen=True)
class ReplicationRow:
    """What the fresh seeds of a configuration came to; sums as in ``domain.replication.Replication``."""

    campaign_id: str
    stage: str
    config_id: str
    replication_no: int
    policy_id: str
    test: str
    seeds: int
    stop_step: int
    limit_number: int
    target_u6: int
    bad: int
    margin_u6: int
    squares: int
    passed: bool
    decided_at: str

    @property
    def mean_loss(self) -> float:
        """The seeds' mean loss at the stop step in nats, each clamped to one nat from the target."""
        return (self.target_u6 - self.margin_u6 / self.seeds) / 1e6


@dataclass(frozen=True)
class RejudgedRow:
    """What a policy that is not the pinned one says of a run, beside what the pinned one says, which alone counts.

    ``is_new`` is whether this call wrote it. ``counts`` names the pinned policy.
    """

    campaign_id: str
    campaign: str
    run_id: str
    name: str
    policy_id: str
    policy: str
    rejudgement_no: int
    verdict: str
    budget_result: str | None
    failed_gates: tuple[str, ...]
    missing_gates: tuple[str, ...]
    counts: str | None
    pinned_verdict: str | None
    pinned_budget_result: str | None
    decided_at: str
    is_new: bool = False


@dataclass(frozen=True)
class WaiverRow:
    """Who excused a gate, why, and until which day (``YYYY-MM-DD``, that day included)."""

    campaign_id: str
    run_id: str
    waiver_no: int
    verdict_no: int
    gate: str
    who: str
    why: str
    until: str
    waived_at: str


@dataclass(frozen=True)
class ChallengeRow:
    """A rejected rerun that contradicts a promotion."""

    campaign_id: str
    run_id: str
    kind: str
    challenge_no: int
    by_campaign_id: str
    by_run_id: str
    by_verdict_no: int
    who: str
    why: str
    challenged_at: str
    event_seq: int


@dataclass(frozen=True)
class ProjectionRow:
    """What a run under way was projected to take. ``result`` is pass, fail or pending, and never a verdict."""

    campaign_id: str
    run_id: str
    projection_no: int
    attempt_no: int
    budget_ms: int
    basis: str
    step: int
    horizon: int
    train_time_ms: int
    projected_ms: int
    lower_ms: int
    upper_ms: int
    calibrated_on: int
    result: str
    projected_at: str


@dataclass(frozen=True)
class AnchorRow:
    """Where the head of the chain was written down outside of the ledger's file."""

    anchor_id: str
    seq: int
    hash: str
    place: str
    anchored_at: str
