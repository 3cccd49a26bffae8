"""The rows that the chain of events implies: played again, event by event, and held against the rows that are there.

An event fixes every column that it or its digests can speak of. Long texts stand in events as digests only; a column
named ``x@sha256`` here is compared with the sha256 of column ``x``. A column that no event speaks of is not compared
here; ``rows.py`` proves those that prove themselves (a run's id is the digest of its spec, and so on).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.ledger.verification.findings import Findings

Row = Mapping[str, Any]
Key = tuple[Any, ...]

KEYS: dict[str, tuple[str, ...]] = {
    "campaigns": ("campaign_id",),
    "stage_policies": ("campaign_id", "stage"),
    "runs": ("run_id",),
    "campaign_runs": ("campaign_id", "run_id"),
    "attempts": ("run_id", "attempt_no"),
    "evidence": ("evidence_id",),
    "measurements": ("evidence_id", "parser_id"),
    "resolutions": ("key",),
    "verdicts": ("campaign_id", "run_id", "verdict_no"),
    "promotions": ("campaign_id", "run_id", "kind"),
    "host_facts": ("host", "fact_no"),
    "asset_names": ("name", "naming_no"),
    "replications": ("campaign_id", "stage", "config_id", "replication_no"),
    "rejudgements": ("campaign_id", "run_id", "policy_id", "rejudgement_no"),
    "waivers": ("campaign_id", "run_id", "waiver_no"),
    "challenges": ("campaign_id", "run_id", "challenge_no"),
    "projections": ("campaign_id", "run_id", "projection_no"),
}
"""The tables whose every row follows from events, with their keys."""

_STAMPS = {"place": "placed_at", "started": "started_at", "ended": "ended_at", "judged": "finished_at",
           "withdraw": "finished_at"}
_NEW_ATTEMPT = {"state": "planned", "host": None, "bundle": None, "dispatch_sha256": None, "outcome": None,
                "override_json": None, "placed_at": None, "started_at": None, "ended_at": None, "finished_at": None}
_ADDED_LATER = {"override_json": None, "rule": 1, "basis": "measured"}
"""Columns that tables of older revisions lack, and what holds of every row of theirs."""
_ABOUT_A_RUN = {"rejudged": ("rejudgements", "decided_at"), "gate_waived": ("waivers", "waived_at"),
                "promotion_challenged": ("challenges", "challenged_at"), "projected": ("projections", "projected_at")}
"""Events whose payload is a row but for its run, its time and its event: the table, and the column of the time."""
_MOVE_WORDS = frozenset({"attempt_no", "event", "from", "to", "detail"})


class Replay:
    """Plays events and then compares. Events of kinds it does not know imply no rows of these tables."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[Key, dict[str, Any]]] = {table: {} for table in KEYS}
        self._players = {
            "campaign_recorded": self._campaign, "policy_pinned": self._pin, "run_recorded": self._run,
            "member_recorded": self._member, "links_set": self._links, "attempt_planned": self._attempt,
            "attempt_moved": self._move, "evidence_recorded": self._evidence, "selector_resolved": self._resolved,
            "verdict_computed": self._verdict, "promoted": self._promoted, "host_observed": self._observed,
            "asset_named": self._named, "replication_computed": self._replicated,
            **dict.fromkeys(_ABOUT_A_RUN, self._about_a_run),
        }

    def play(self, event: Row, found: Findings) -> None:
        """Play one event row. One that cannot be read is a disagreement, and is left out."""
        player = self._players.get(event["kind"])
        if player is None:
            return
        try:
            player(event, json.loads(event["payload"]))
        except (KeyError, TypeError, ValueError) as error:
            found.add("event", f"event {event['seq']}", f"its {event['kind']} cannot be played: {error!r}")

    def compare(self, table: str, rows: Iterable[Row], found: Findings) -> None:
        """Hold the rows of one table against what the events imply, both ways."""
        expected = dict(self._rows[table])
        for row in rows:
            found.checked["rows"] += 1
            key = tuple(row[k] for k in KEYS[table])
            where = f"{table} {_shown(key)}"
            implied = expected.pop(key, None)
            if implied is None:
                found.add("row", where, "no event speaks of this row")
                continue
            for column, value in implied.items():
                have = _value(row, column)
                if have != value:
                    found.add("row", where, f"{column.partition('@')[0]} is {_short(have)}; "
                                            f"the events say {_short(value)}")
        for key in expected:
            found.add("row", f"{table} {_shown(key)}", "the events speak of this row, and it is not there")

    def _put(self, table: str, **columns: Any) -> None:
        self._rows[table][tuple(columns[k] for k in KEYS[table])] = columns

    def _campaign(self, event: Row, payload: Row) -> None:
        columns = {"campaign_id": event["subject"], "name": payload["name"], "plan_hash": payload["plan_hash"],
                   "source_text@sha256": payload["source_sha256"], "recorded_at": event["at"],
                   "event_seq": event["seq"]}
        if "overrides_sha256" in payload:
            columns |= {"overrides_json@sha256": payload["overrides_sha256"], "source_name": payload["source_name"]}
        self._put("campaigns", **columns)

    def _pin(self, event: Row, payload: Row) -> None:
        self._put("stage_policies", campaign_id=event["subject"], stage=payload["stage"],
                  policy_id=payload["policy_id"], pinned_at=event["at"], event_seq=event["seq"])

    def _run(self, event: Row, payload: Row) -> None:
        run_id = event["subject"]
        self._put("runs", run_id=run_id, recorded_at=event["at"],
                  **{k: payload[k] for k in ("config_id", "mode", "seed", "origin")})
        self._put("attempts", run_id=run_id, attempt_no=1, planned_at=event["at"], **_NEW_ATTEMPT)

    def _member(self, event: Row, payload: Row) -> None:
        self._put("campaign_runs", **payload, event_seq=event["seq"])

    def _links(self, event: Row, payload: Row) -> None:
        links = {k: v for k, v in payload.items() if k != "campaign_id"}
        self._rows["campaign_runs"][payload["campaign_id"], event["subject"]].update(links)

    def _attempt(self, event: Row, payload: Row) -> None:
        given = {k: v for k, v in payload.items() if k in ("override_json",)}
        self._put("attempts", run_id=event["subject"], attempt_no=payload["attempt_no"], planned_at=event["at"],
                  **{**_NEW_ATTEMPT, **given})

    def _move(self, event: Row, payload: Row) -> None:
        row = self._rows["attempts"][event["subject"], payload["attempt_no"]]
        if row["state"] != payload["from"]:
            raise ValueError(f"it moves from {payload['from']}, and the attempt was {row['state']}")
        row["state"] = payload["to"]
        if (stamp := _STAMPS.get(payload["event"])) is not None:
            row[stamp] = event["at"]
        for name, value in payload.items():
            if name in _MOVE_WORDS or name in _STAMPS.values():
                continue
            row["exit_json@sha256" if name == "exit_json" else name] = value

    def _evidence(self, event: Row, payload: Row) -> None:
        evidence_id = payload["evidence_id"]
        self._put("evidence", evidence_id=evidence_id, run_id=event["subject"], attempt_no=payload["attempt_no"],
                  kind=payload["kind"], directory=payload["directory"], recorded_at=event["at"],
                  event_seq=event["seq"])
        self._put("measurements", evidence_id=evidence_id, **payload["measurement"])

    def _resolved(self, event: Row, payload: Row) -> None:
        self._put("resolutions", **payload, resolved_at=event["at"], event_seq=event["seq"])

    def _verdict(self, event: Row, payload: Row) -> None:
        # Events of revision 0001 name no rule: they were all judged by the first.
        self._put("verdicts", run_id=event["subject"], decided_at=event["at"], event_seq=event["seq"],
                  **{"rule": 1, **payload})

    def _promoted(self, event: Row, payload: Row) -> None:
        # Before revision 0003 every promotion was of a candidate, and nothing but what was measured promoted.
        self._put("promotions", run_id=event["subject"], promoted_at=event["at"], event_seq=event["seq"],
                  **{"basis": "measured", **payload})

    def _observed(self, event: Row, payload: Row) -> None:
        self._put("host_facts", host=event["subject"], fact_no=payload["fact_no"], observed_at=event["at"],
                  event_seq=event["seq"], **{"facts@sha256": payload["facts_sha256"]})

    def _replicated(self, event: Row, payload: Row) -> None:
        self._put("replications", decided_at=event["at"], event_seq=event["seq"], **payload)

    def _about_a_run(self, event: Row, payload: Row) -> None:
        table, stamp = _ABOUT_A_RUN[event["kind"]]
        self._put(table, run_id=event["subject"], event_seq=event["seq"], **{**payload, stamp: event["at"]})

    def _named(self, event: Row, payload: Row) -> None:
        self._put("asset_names", name=event["subject"], named_at=event["at"], event_seq=event["seq"], **payload)


def _value(row: Row, column: str) -> Any:
    name, _, digest = column.partition("@")
    if name in _ADDED_LATER and name not in row:
        return _ADDED_LATER[name]  # a ledger that was not upgraded yet
    value = row[name]
    return value if not digest or value is None else hashlib.sha256(str(value).encode()).hexdigest()


def _shown(key: Key) -> str:
    return " ".join(str(k)[:12] if isinstance(k, str) and len(k) == 64 else str(k)[:80] for k in key)


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
