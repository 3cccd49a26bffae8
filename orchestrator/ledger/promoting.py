"""Promotions and waivers. A promotion refers to a verdict that passed; a waiver excuses and changes no verdict."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from orchestrator.domain.errors import LedgerError, UsageError
from orchestrator.domain.verdict import GATE_BIT, Gate
from orchestrator.ledger import chain, judging, listing, replicating
from orchestrator.ledger.court_rows import PromotionRow, WaiverRow
from orchestrator.ledger.tables import campaign_runs, challenges, promotions, runs, waivers

CANDIDATE, CONFIRMED = "candidate", "confirmed"
_REPLICATED = GATE_BIT[Gate.REPLICATED]
LONGEST_WORDS = 4096
LONGEST_NAME = 200


def promote(connection: Connection, at: str, campaign_id: str, run_id: str) -> PromotionRow:
    """Promote a run to what its last verdict has earned: confirmed under a policy with a replication, else candidate.

    Idempotent. Raises :class:`LedgerError` where the verdict is not promote, naming the gates that stand against it.
    """
    verdict = judging.latest_verdict(connection, campaign_id, run_id)
    if verdict is None or verdict.verdict != "promote":
        raise _refused(connection, campaign_id, run_id, verdict)
    kind = CONFIRMED if verdict.gate_mask & _REPLICATED else CANDIDATE
    p = promotions.c
    asked = select(promotions).where(p.campaign_id == campaign_id, p.run_id == run_id, p.kind == kind)
    if (known := connection.execute(asked).one_or_none()) is not None:
        return promotion_row(known)
    values: dict[str, Any] = {"campaign_id": campaign_id, "verdict_no": verdict.verdict_no,
                              "verdict": verdict.verdict, "kind": kind, "basis": "measured"}
    if kind == CONFIRMED:
        key = replicating.key_of(connection, campaign_id, run_id)
        replication = None if key is None else replicating.latest(connection, key)
        assert key is not None
        assert replication is not None
        values |= {"stage": key[1], "config_id": key[2], "replication_no": replication.replication_no,
                   "replication_passed": replication.passed}
    seq = chain.append(connection, at, "promoted", run_id, values)
    connection.execute(insert(promotions).values(**values, run_id=run_id, promoted_at=at, event_seq=seq))
    return promotion_row(connection.execute(asked).one())


def promote_unless(connection: Connection, at: str, campaign_id: str, run_id: str) -> None:
    """:func:`promote`, for a run that has no promotion in the campaign yet."""
    if not of_run(connection, campaign_id, run_id):
        promote(connection, at, campaign_id, run_id)


def of_run(connection: Connection, campaign_id: str, run_id: str) -> list[PromotionRow]:
    """A run's promotions in a campaign, oldest first."""
    p = promotions.c
    query = select(promotions).where(p.campaign_id == campaign_id, p.run_id == run_id).order_by(p.event_seq)
    return [promotion_row(row) for row in connection.execute(query)]


def promotion_row(row: Row[Any]) -> PromotionRow:
    return PromotionRow(**{n: row._mapping[n] for n in PromotionRow.__dataclass_fields__})


def contested(connection: Connection) -> list[Row[Any]]:
    """Promotions with challenges that no later confirmation of the same configuration has answered.

    Rows of campaign_id, run_id, kind and the number of challenges.
    """
    c, later, other = challenges.c, promotions.alias("later"), runs.alias("other")
    answered = (select(later.c.run_id)
                .select_from(later.join(other, other.c.run_id == later.c.run_id))
                .where(later.c.kind == CONFIRMED, later.c.event_seq > c.event_seq,
                       other.c.config_id == runs.c.config_id)).exists()
    return list(connection.execute(
        select(c.campaign_id, c.run_id, c.kind, func.count().label("challenges"))
        .select_from(challenges.join(runs, runs.c.run_id == c.run_id)).where(~answered)
        .group_by(c.campaign_id, c.run_id, c.kind).order_by(func.min(c.event_seq))).all())


def waive(connection: Connection, at: str, campaign_id: str, run_id: str, gate: Gate, who: str, why: str,
          until: str) -> WaiverRow:
    """Excuse a gate that stands against a run's last verdict, up to and with the day ``until``.

    Raises :class:`UsageError` for a day that is none or is past and for missing words, :class:`LedgerError` where the
    gate does not stand against the verdict.
    """
    if not who.strip() or not why.strip():
        raise UsageError("a waiver says who gives it and why")
    if len(who) > LONGEST_NAME or len(why) > LONGEST_WORDS:
        raise UsageError(f"'who' takes {LONGEST_NAME} characters and 'why' {LONGEST_WORDS}")
    try:
        day = date.fromisoformat(until).isoformat()
    except ValueError:
        raise UsageError(f"{until!r} is no day; write it as 2026-12-31") from None
    if day < at[:10]:
        raise UsageError(f"{day} is past; a waiver ends on a day that is still to come")
    verdict = judging.latest_verdict(connection, campaign_id, run_id)
    against = 0 if verdict is None else verdict.fail_mask | verdict.missing_mask
    if verdict is None or not against & GATE_BIT[gate]:
        standing = ", ".join(listing.gate_names(against)) or "none"
        raise LedgerError(f"the gate {gate.value} does not stand against run {run_id[:12]}",
                          hint=f"gates that do: {standing}")
    w = waivers.c
    last = connection.execute(select(func.max(w.waiver_no)).where(
        w.campaign_id == campaign_id, w.run_id == run_id)).scalar_one()
    values = {"campaign_id": campaign_id, "waiver_no": (last or 0) + 1, "verdict_no": verdict.verdict_no,
              "gate": gate.value, "who": who, "why": why, "until": day}
    seq = chain.append(connection, at, "gate_waived", run_id, values)
    connection.execute(insert(waivers).values(**values, run_id=run_id, waived_at=at, event_seq=seq))
    return waivers_of(connection, campaign_id, run_id)[-1]


def waivers_of(connection: Connection, campaign_id: str, run_id: str) -> list[WaiverRow]:
    """A run's waivers in a campaign, oldest first; those that have ended too."""
    w = waivers.c
    query = select(waivers).where(w.campaign_id == campaign_id, w.run_id == run_id).order_by(w.waiver_no)
    return [WaiverRow(**{n: row._mapping[n] for n in WaiverRow.__dataclass_fields__})
            for row in connection.execute(query)]


def _refused(connection: Connection, campaign_id: str, run_id: str, verdict: Row[Any] | None) -> LedgerError:
    name = connection.execute(select(campaign_runs.c.name).where(
        campaign_runs.c.campaign_id == campaign_id, campaign_runs.c.run_id == run_id)).scalar_one_or_none()
    shown = f"run {run_id[:12]}" + (f" ({name})" if name else "")
    if verdict is None:
        return LedgerError(f"{shown} has no verdict 'promote' in this campaign: it has not been judged",
                           hint="'kdorch why' says what it waits for")
    gates = [*listing.gate_names(verdict.fail_mask), *(f"{g} (no evidence)"
                                                      for g in listing.gate_names(verdict.missing_mask))]
    excused = [w for w in waivers_of(connection, campaign_id, run_id) if w.verdict_no == verdict.verdict_no]
    hint = "'kdorch ledger show' gives each gate with the line that proves it"
    if excused:
        hint += "; a waiver lets people go on, and promotes nothing"
    return LedgerError(f"{shown} has no verdict 'promote' in this campaign: it is {verdict.verdict}"
                       f" ({', '.join(gates) or 'asserted figures'})", hint=hint)
