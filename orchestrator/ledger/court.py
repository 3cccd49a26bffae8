"""The ledger as a court of record: promotions, waivers, challenges, other policies, forecasts, anchors.

What is written here stands beside verdicts. Nothing here can change one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from orchestrator.domain.errors import LedgerError, UsageError
from orchestrator.domain.projection import Projection
from orchestrator.domain.verdict import Gate, Policy
from orchestrator.ledger import anchors, challenging, judging, projecting, promoting, rejudging
from orchestrator.ledger.court_rows import (
    AnchorRow,
    ChallengeRow,
    ProjectionRow,
    PromotionRow,
    RejudgedRow,
    WaiverRow,
)
from orchestrator.ledger.writing import Writing


class Court(Writing):
    """The half of :class:`orchestrator.ledger.store.Ledger` that is about verdicts already given."""

    def promote(self, campaign_id: str, run_ids: Sequence[str]) -> list[PromotionRow]:
        """Promote runs to what their verdicts have earned, all or none; see :func:`promoting.promote`."""
        with self._writing() as (connection, now):
            return [promoting.promote(connection, now, campaign_id, run_id) for run_id in run_ids]

    def promotions(self, campaign_id: str, run_id: str) -> list[PromotionRow]:
        """A run's promotions in a campaign, oldest first."""
        with self._reading() as connection:
            return promoting.of_run(connection, campaign_id, run_id)

    def waive(self, campaign_id: str, run_id: str, gate: Gate, *, who: str, why: str, until: str) -> WaiverRow:
        """Excuse a gate until a day; the verdict stays. See :func:`promoting.waive`."""
        with self._writing() as (connection, now):
            return promoting.waive(connection, now, campaign_id, run_id, gate, who, why, until)

    def waivers(self, campaign_id: str, run_id: str) -> list[WaiverRow]:
        """A run's waivers in a campaign, oldest first, with those that have ended."""
        with self._reading() as connection:
            return promoting.waivers_of(connection, campaign_id, run_id)

    def challenge(self, campaign_id: str, run_id: str, by_campaign_id: str, by_run_id: str, *, who: str,
                  why: str) -> ChallengeRow:
        """Challenge a promotion by a rerun that was rejected. See :func:`challenging.challenge`."""
        if not who.strip() or not why.strip():
            raise UsageError("a challenge says who makes it and why")
        with self._writing() as (connection, now):
            verdict = judging.latest_verdict(connection, by_campaign_id, by_run_id)
            return challenging.challenge(connection, now, campaign_id, run_id, verdict, who, why)

    def challenges(self, campaign_id: str, run_id: str) -> list[ChallengeRow]:
        """The challenges of a run's promotion, oldest first."""
        with self._reading() as connection:
            return challenging.of_run(connection, campaign_id, run_id)

    def contested(self) -> dict[tuple[str, str], int]:
        """Promotions (campaign, run) with the number of their challenges that no later confirmation has answered."""
        with self._reading() as connection:
            return {(r.campaign_id, r.run_id): r.challenges for r in promoting.contested(connection)}

    def rejudge(self, policy: Policy, campaign_ids: Collection[str] | None = None) -> list[RejudgedRow]:
        """Judge every judged run of the policy's role under it as well; see :func:`rejudging.rejudge`."""
        with self._writing() as (connection, now):
            return rejudging.rejudge(connection, now, policy, campaign_ids)

    def passed_over(self, policy: Policy, campaign_ids: Collection[str] | None = None) -> tuple[int, int]:
        """How many runs :meth:`rejudge` leaves alone; see :func:`rejudging.passed_over`."""
        with self._reading() as connection:
            return rejudging.passed_over(connection, policy, campaign_ids)

    def rejudgements(self, campaign_id: str, run_id: str) -> list[RejudgedRow]:
        """What policies other than the pinned one say of a run."""
        with self._reading() as connection:
            return rejudging.of_run(connection, campaign_id, run_id)

    def policies(self) -> list[Policy]:
        """Every policy that the ledger holds, by name."""
        with self._reading() as connection:
            return rejudging.every_policy(connection)

    def policy(self, reference: str) -> Policy | None:
        """The stored policy with this name or id or beginning of an id; None for none.

        Raises :class:`UsageError` when several answer.
        """
        with self._reading() as connection:
            found = rejudging.stored_policies(connection, reference)
        if len(found) > 1:
            raise UsageError(f"{len(found)} policies answer to {reference!r}", hint="give the beginning of an id")
        return found[0] if found else None

    def project(self, campaign_id: str, run_id: str, projection: Projection) -> ProjectionRow:
        """Record what a run under way is projected to take against its pinned budget.

        Raises :class:`LedgerError` where no budget is pinned for it or it is not under way.
        """
        with self._writing() as (connection, now):
            return projecting.record(connection, now, campaign_id, run_id, projection)

    def projection(self, campaign_id: str, run_id: str) -> ProjectionRow | None:
        """The last projection of a run, or None."""
        with self._reading() as connection:
            return projecting.latest(connection, campaign_id, run_id)

    def finished_logs(self) -> list[str]:
        """The logs of the latest whole runs, relative to :attr:`root`, for :func:`projecting.ratios`."""
        with self._reading() as connection:
            return projecting.finished_logs(connection)

    def calibration(self, fraction: float) -> tuple[float, ...]:
        """Actual over projected train time of finished runs, projected at this fraction of theirs: see
        :func:`projecting.ratios`."""
        return projecting.ratios(self.root, self.finished_logs(), fraction)

    def anchor(self, place: str, head: anchors.Head | None = None) -> AnchorRow:
        """Note that this head of the chain, else today's, is written down at ``place``; once per head and place.

        Raises :class:`LedgerError` where nothing has happened yet.
        """
        with self._writing() as (connection, now):
            found = anchors.record(connection, now, place, head)
        if found is None:
            raise LedgerError("the ledger is empty: its chain has no head to anchor")
        return found

    def anchors(self) -> list[AnchorRow]:
        """Where heads were written down, oldest first."""
        with self._reading() as connection:
            return anchors.recorded(connection)
