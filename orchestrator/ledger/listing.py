"""The ledger as a list: one row per membership, in a fixed number of queries however many runs there are.

This is the whole truth and the slow way to it; ``listing_cache`` keeps its answers ready. Every lookup is by a key, so
that the rows of one run cost the same in a ledger of a hundred thousand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Row

from orchestrator.domain.errors import UsageError
from orchestrator.domain.lifecycle import ALL_LABELS, Outcome, Standing, State, labels
from orchestrator.domain.verdict import GATE_BIT, Role
from orchestrator.ledger import queries
from orchestrator.ledger.dialects.wording import said
from orchestrator.ledger.rows import LedgerRow

SORT_KEYS = tuple(f.name for f in fields(LedgerRow) if f.name not in ("labels", "failed_gates"))


@dataclass(frozen=True)
class Placed:
    """A row with what it is ordered by, ``(campaign_seq, ordinal, event_seq)``, and when its run last moved."""

    row: LedgerRow
    campaign_id: str
    campaign_seq: int
    ordinal: int
    event_seq: int
    changed_at: str


def _measured(evidence: str, kind: str) -> str:
    """The newest parser that has read a piece of evidence; written out, because SQLite computes the whole view
    ``current_measurements`` for every LEFT JOIN to it."""
    return (f"(SELECT n.parser_id FROM measurements AS n JOIN parsers AS q ON q.parser_id = n.parser_id "  # noqa: S608
            f"AND q.kind = {kind} WHERE n.evidence_id = {evidence} ORDER BY q.ordinal DESC LIMIT 1)")


# The target of a row is its own policy's; where that names none, the one of the students it is compared with.
_LISTED = """
WITH listed AS (
    SELECT c.campaign_id, c.stage, c.run_id, c.ordinal, c.name, c.role, c.teacher_run_id, c.twin_run_id, c.archival,
           c.provisional, c.is_slice, c.event_seq, k.name AS campaign, k.event_seq AS campaign_seq, p.budget_ms,
           a.attempt_no, a.state, a.outcome, a.host, a.override_json, e.evidence_id, e.directory, e.kind,
           coalesce(a.finished_at, a.ended_at, a.started_at, a.placed_at, a.planned_at) AS changed_at,
           coalesce(p.target_u6, (
               -- The order is computed one level down: SQLite's ORDER BY does not see the columns outside.
               SELECT target_u6 FROM (
                   SELECT q.target_u6, q.role = 'kd' AS student, t.event_seq,
                          t.stage = substr(c.stage, 1, instr(c.stage || ':', ':') - 1) AS twin
                   FROM stage_policies AS t JOIN policies AS q ON q.policy_id = t.policy_id
                   WHERE t.campaign_id = c.campaign_id AND q.target_u6 IS NOT NULL)
               ORDER BY twin DESC, student DESC, event_seq LIMIT 1)) AS target_u6
    FROM campaign_runs AS c
    JOIN campaigns AS k ON k.campaign_id = c.campaign_id
    LEFT JOIN stage_policies AS s ON s.campaign_id = c.campaign_id AND s.stage = c.stage
    LEFT JOIN policies AS p ON p.policy_id = s.policy_id
    JOIN attempts AS a ON a.run_id = c.run_id
        AND a.attempt_no = (SELECT max(attempt_no) FROM attempts WHERE run_id = c.run_id)
    LEFT JOIN evidence AS e ON e.run_id = a.run_id AND e.attempt_no = a.attempt_no
    {among}
)
"""
_ROWS = _LISTED + f"""
SELECT l.*, r.mode, r.origin, r.spec_json, m.asserted, m.train_time_ms, m.teacher_train_time_ms, m.final_step,
       m.best_val_u6, m.final_val_u6, m.parameters, m.environment_json, v.verdict, v.fail_mask, v.budget_result,
       t.train_time_ms AS teacher_ms, t.parameters AS teacher_parameters, t.final_step AS teacher_step,
       (SELECT group_concat(p.kind, ' ') FROM promotions AS p
        WHERE p.campaign_id = l.campaign_id AND p.run_id = l.run_id) AS promoted_as,
       EXISTS (SELECT 1 FROM waivers AS w WHERE w.campaign_id = l.campaign_id AND w.run_id = l.run_id) AS is_waived,
       EXISTS (SELECT 1 FROM challenges AS h WHERE h.campaign_id = l.campaign_id AND h.run_id = l.run_id
               -- A later confirmation of the same configuration answers a challenge.
               AND NOT EXISTS (SELECT 1 FROM promotions AS o JOIN runs AS y ON y.run_id = o.run_id
                               WHERE o.kind = 'confirmed' AND o.event_seq > h.event_seq
                                 AND y.config_id = r.config_id)) AS is_contested
FROM listed AS l
JOIN runs AS r ON r.run_id = l.run_id
LEFT JOIN measurements AS m ON m.evidence_id = l.evidence_id
    AND m.parser_id = {_measured("l.evidence_id", "l.kind")}
LEFT JOIN evidence AS te ON te.run_id = l.teacher_run_id
    AND te.attempt_no = (SELECT max(attempt_no) FROM evidence WHERE run_id = l.teacher_run_id)
LEFT JOIN measurements AS t ON t.evidence_id = te.evidence_id
    AND t.parser_id = {_measured("te.evidence_id", "te.kind")}
LEFT JOIN verdicts AS v ON v.campaign_id = l.campaign_id AND v.run_id = l.run_id AND v.evidence_id = l.evidence_id
    AND v.verdict_no = (SELECT max(verdict_no) FROM verdicts AS w
                        WHERE w.campaign_id = l.campaign_id AND w.run_id = l.run_id)
ORDER BY l.campaign_seq, l.ordinal, l.event_seq, l.name
"""  # noqa: S608 - constants of this module
# SQLite takes the bare columns beside min() from the row that holds the minimum.
_HITS = _LISTED + f""",
steps AS (
    SELECT l.campaign_id, l.run_id, v.ordinal, v.step, v.train_time_ms, v.val_u6 <= l.target_u6 AS hit,
           lag(v.val_u6 <= l.target_u6) OVER (
               PARTITION BY l.campaign_id, l.run_id ORDER BY v.ordinal) AS hit_before
    FROM listed AS l
    JOIN validations AS v ON v.evidence_id = l.evidence_id AND v.parser_id = {_measured("l.evidence_id", "l.kind")}
    WHERE l.target_u6 IS NOT NULL
)
SELECT campaign_id, run_id, min(ordinal), step, train_time_ms FROM steps WHERE hit = 1 AND hit_before = 1
GROUP BY campaign_id, run_id
"""  # noqa: S608 - constants of this module
_AMONG = {"all": "", "campaigns": "WHERE c.campaign_id IN (SELECT value FROM json_each(:ids))",
          "runs": "WHERE c.run_id IN (SELECT value FROM json_each(:ids))"}
_QUERIES = {name: (_ROWS.replace("{among}", among), _HITS.replace("{among}", among))
            for name, among in _AMONG.items()}


def rows(connection: Connection, *, status: str | None = None, campaign: str | None = None, sort: str | None = None,
         run_id: str | None = None) -> list[LedgerRow]:
    """Memberships that carry the label ``status``, in the campaigns called ``campaign``, of the run ``run_id``.

    In plan order, newest campaign last, or by ``sort`` with None last. Raises :class:`UsageError` for a label, a
    campaign or a key that does not exist.
    """
    check_status(status)
    check_sort(sort)
    found = list(keyed_rows(connection, campaign=campaign, run_id=run_id).values())
    if status is not None:
        found = [row for row in found if status in row.labels]
    if sort is not None:
        key: str = sort
        known = [row for row in found if getattr(row, key) is not None]
        found = [*sorted(known, key=lambda row: getattr(row, key)), *(r for r in found if getattr(r, key) is None)]
    return found


def check_status(status: str | None) -> None:
    """Raises :class:`UsageError` for a label that does not exist."""
    if status is not None and status not in ALL_LABELS:
        raise UsageError(f"there is no status {status[:60]!r}", hint=f"labels are: {', '.join(ALL_LABELS)}")


def check_sort(sort: str | None) -> None:
    """Raises :class:`UsageError` for a key that rows cannot be sorted by."""
    if sort is not None and sort not in SORT_KEYS:
        raise UsageError(f"cannot sort by {sort[:60]!r}", hint=f"keys are: {', '.join(SORT_KEYS)}")


def keyed_rows(connection: Connection, *, campaign: str | None = None,
               run_id: str | None = None) -> dict[tuple[str, str], LedgerRow]:
    """Rows by ``(campaign_id, run_id)``, in plan order."""
    campaigns = None if campaign is None else campaign_ids(connection, campaign)
    if run_id is not None:
        found = [p for p in placed(connection, runs=[run_id]) if campaigns is None or p.campaign_id in campaigns]
    else:
        found = placed(connection, campaigns=campaigns)
    return {(p.campaign_id, p.row.run_id): p.row for p in found}


def placed(connection: Connection, *, campaigns: Iterable[str] | None = None,
           runs: Iterable[str] | None = None) -> list[Placed]:
    """The rows of these campaigns or of these runs, by their ids; of all where neither is given. In plan order."""
    among = "runs" if runs is not None else "campaigns" if campaigns is not None else "all"
    ids = runs if runs is not None else campaigns
    wanted = {} if ids is None else {"ids": json.dumps(list(ids))}
    rows_query, hits_query = _QUERIES[among]
    hits = {(h.campaign_id, h.run_id): (h.step, h.train_time_ms)
            for h in connection.execute(said(connection, hits_query), wanted)}
    reachable = {host: seen.reachable for host, seen in queries.reachability(connection).items()}
    return [Placed(_row(r, hits.get((r.campaign_id, r.run_id), (None, None)), reachable.get(r.host, True)),
                   r.campaign_id, r.campaign_seq, r.ordinal, r.event_seq, r.changed_at)
            for r in connection.execute(said(connection, rows_query), wanted)]


def campaign_ids(connection: Connection, reference: str) -> list[str]:
    """The campaigns that answer to a name or to the beginning of an id. Raises :class:`UsageError` for none."""
    found = [c.campaign_id for c in queries.find_campaigns(connection, reference)]
    if not found:
        names = sorted({c.name for c in queries.all_campaigns(connection)})
        raise UsageError(f"no campaign is called {reference[:60]!r}, and no campaign's id begins so",
                         hint=f"the ledger knows: {', '.join(names) or 'none yet'}")
    return found


def _nats(u6: int | None) -> float | None:
    return None if u6 is None else u6 / 1e6


def _millions(parameters: int | None) -> float | None:
    return None if parameters is None else parameters / 1e6


def _row(r: Row[Any], hit: tuple[int | None, int | None], reachable: bool) -> LedgerRow:
    role = Role(r.role)
    words = labels(Standing(
        state=State(r.state), outcome=None if r.outcome is None else Outcome(r.outcome), verdict=r.verdict,
        budget=r.budget_result, role=role.value, reachable=reachable, provisional=bool(r.provisional),
        archival=bool(r.archival), is_slice=bool(r.is_slice),
        uncontrolled=role is Role.KD and r.twin_run_id is None, fallback=r.override_json is not None,
        beside=_beside(r)))
    spec = json.loads(r.spec_json) if r.origin == "planned" else {}
    kd = spec.get("kd") or {}
    teacher_ms, teacher_parameters, teacher_steps = _teacher(r, role)
    return LedgerRow(
        run_id=r.run_id, name=r.name, campaign=r.campaign, mode=r.mode, host=r.host, status=words[0], labels=words,
        state=r.state, outcome=r.outcome, verdict=r.verdict, failed_gates=gate_names(r.fail_mask or 0),
        train_time_ms=r.train_time_ms, teacher_train_time_ms=teacher_ms, budget_ms=r.budget_ms, steps=r.final_step,
        best_val=_nats(r.best_val_u6), final_val=_nats(r.final_val_u6), steps_to_target=hit[0],
        time_to_target_ms=hit[1], alpha=kd.get("alpha"), temperature=kd.get("temperature"),
        lr_boost=(spec.get("schedule") or {}).get("boost"), teacher_params_m=_millions(teacher_parameters),
        teacher_steps=teacher_steps, student_steps=None if role is Role.TEACHER else r.final_step,
        artifact_dir=r.directory)


def _beside(r: Row[Any]) -> frozenset[str]:
    """The labels of what stands beside the verdict. A waiver is labelled also after its day; ``show`` says when."""
    found = set((r.promoted_as or "").split())
    return frozenset(found | ({"waived"} if r.is_waived else set()) | ({"contested"} if r.is_contested else set()))


def _teacher(r: Row[Any], role: Role) -> tuple[int | None, int | None, int | None]:
    """Train time, parameters and steps of the teacher: the run itself, or the one behind a student."""
    if role is Role.TEACHER:
        return r.train_time_ms, r.parameters, r.final_step
    if role is Role.KD and r.asserted:
        said = json.loads(r.environment_json).get("asserted", {})
        return r.teacher_train_time_ms, said.get("teacher_parameters"), said.get("teacher_steps")
    if role is Role.KD:
        return r.teacher_ms, r.teacher_parameters, r.teacher_step
    return None, None, None


def gate_names(mask: int) -> tuple[str, ...]:
    """The gates whose bits are set, in the order of ``Gate``."""
    return tuple(gate.value for gate, bit in GATE_BIT.items() if mask & bit)
