"""An edited campaign file against the one that was launched before: which runs are kept, new, or orphaned.

Runs are compared by what the file alone says of them (their marks), so runs whose settings are still to be chosen are
compared as well. A kept run stands with all its evidence; an orphaned one stays in the ledger, and what runs goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.planning.stages import LaidRun, Layout


@dataclass(frozen=True)
class Changes:
    """``kept`` as they are called now. ``policies`` names stages whose policies are other ones now: their kept runs
    are judged again, under the new campaign, and keep their old verdicts in the old one."""

    kept: tuple[LaidRun, ...]
    new: tuple[LaidRun, ...]
    orphaned: tuple[LaidRun, ...]
    policies: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        return not (self.new or self.orphaned or self.policies)


def compare(before: Layout, after: Layout) -> Changes:
    """What an edit does to the runs of a campaign."""
    old, now = {r.mark for r in before.runs}, {r.mark for r in after.runs}
    policies = {key: policy.body() for stage in before.stages for key, policy in stage.policies.items()}
    return Changes(
        kept=tuple(r for r in after.runs if r.mark in old), new=tuple(r for r in after.runs if r.mark not in old),
        orphaned=tuple(r for r in before.runs if r.mark not in now),
        policies=tuple(key for stage in after.stages for key, policy in stage.policies.items()
                       if key in policies and policies[key] != policy.body()))
