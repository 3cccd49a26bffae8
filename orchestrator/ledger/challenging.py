"""Challenges: a rerun of a promoted configuration that was rejected. The promotion stays, and is contested."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from orchestrator.domain.errors import LedgerError
from orchestrator.ledger import chain
from orchestrator.ledger.court_rows import ChallengeRow
from orchestrator.ledger.tables import challenges, promotions, runs, verdicts

BY_ITSELF = "kdorch"
"""Who files a challenge when a verdict contradicts a promotion without anybody looking."""


def file_against_promotions(connection: Connection, at: str, verdict: Row[Any]) -> None:
    """File a challenge against every promotion that a new verdict contradicts.

    It contradicts when it rejects, on whole evidence, another seed of a promoted configuration under the very policy
    that the promotion was made under.
    """
    if not _contradicts(verdict):
        return
    promoted, judged, mine = promotions.alias("p"), verdicts.alias("v"), runs.alias("mine")
    query = (
        select(promoted.c.campaign_id, promoted.c.run_id, promoted.c.kind)
        .select_from(promoted.join(runs, runs.c.run_id == promoted.c.run_id)
                     .join(mine, mine.c.config_id == runs.c.config_id)
                     .join(judged, (judged.c.campaign_id == promoted.c.campaign_id)
                           & (judged.c.run_id == promoted.c.run_id)
                           & (judged.c.verdict_no == promoted.c.verdict_no)))
        .where(mine.c.run_id == verdict.run_id, promoted.c.run_id != verdict.run_id,
               judged.c.policy_id == verdict.policy_id)
        .order_by(promoted.c.event_seq))
    for row in connection.execute(query).all():
        write(connection, at, row.campaign_id, row.run_id, row.kind, verdict, BY_ITSELF,
              "another seed of this configuration was rejected under the same policy")


def challenge(connection: Connection, at: str, campaign_id: str, run_id: str, verdict: Row[Any] | None, who: str,
              why: str) -> ChallengeRow:
    """Challenge a run's promotion by another's verdict. Raises :class:`LedgerError` where it contradicts nothing."""
    p = promotions.c
    kinds = connection.execute(select(p.kind).where(p.campaign_id == campaign_id, p.run_id == run_id)
                               .order_by(p.event_seq.desc())).scalars().all()
    if not kinds:
        raise LedgerError(f"run {run_id[:12]} is not promoted; there is nothing to challenge",
                          hint="'kdorch ledger --status promoted' lists runs that passed")
    if verdict is None or not _contradicts(verdict):
        said = "no verdict" if verdict is None else f"the verdict {verdict.verdict}"
        raise LedgerError(f"the rerun has {said}; only a rejection of whole, measured evidence contradicts",
                          hint="judge the rerun under a policy first: it needs a campaign of its own")
    configs = connection.execute(select(runs.c.config_id).where(
        runs.c.run_id.in_([run_id, verdict.run_id]))).scalars().all()
    if len(configs) != 2 or configs[0] != configs[1]:
        raise LedgerError(f"run {verdict.run_id[:12]} is not another seed of the configuration of run {run_id[:12]}",
                          hint="a rerun differs in nothing but its seed")
    return write(connection, at, campaign_id, run_id, str(kinds[0]), verdict, who, why)


def of_run(connection: Connection, campaign_id: str, run_id: str) -> list[ChallengeRow]:
    """The challenges of a run's promotion, oldest first."""
    c = challenges.c
    query = select(challenges).where(c.campaign_id == campaign_id, c.run_id == run_id).order_by(c.challenge_no)
    return [challenge_row(row) for row in connection.execute(query)]


def write(connection: Connection, at: str, campaign_id: str, run_id: str, kind: str, verdict: Row[Any], who: str,
          why: str) -> ChallengeRow:
    """File a challenge, once per verdict that makes it."""
    c = challenges.c
    known = connection.execute(select(challenges).where(
        c.campaign_id == campaign_id, c.run_id == run_id, c.by_campaign_id == verdict.campaign_id,
        c.by_run_id == verdict.run_id, c.by_verdict_no == verdict.verdict_no)).one_or_none()
    if known is not None:
        return challenge_row(known)
    last = connection.execute(select(func.max(c.challenge_no)).where(
        c.campaign_id == campaign_id, c.run_id == run_id)).scalar_one()
    values = {"campaign_id": campaign_id, "kind": kind, "challenge_no": (last or 0) + 1,
              "by_campaign_id": verdict.campaign_id, "by_run_id": verdict.run_id,
              "by_verdict_no": verdict.verdict_no, "by_verdict": verdict.verdict, "who": who, "why": why}
    seq = chain.append(connection, at, "promotion_challenged", run_id, values)
    connection.execute(insert(challenges).values(**values, run_id=run_id, challenged_at=at, event_seq=seq))
    written = connection.execute(select(challenges).where(c.event_seq == seq)).one()
    return challenge_row(written)


def challenge_row(row: Row[Any]) -> ChallengeRow:
    return ChallengeRow(**{n: row._mapping[n] for n in ChallengeRow.__dataclass_fields__})


def _contradicts(verdict: Row[Any]) -> bool:
    return bool(verdict.verdict == "reject" and verdict.complete == 1 and verdict.oom_fallback != 1)
