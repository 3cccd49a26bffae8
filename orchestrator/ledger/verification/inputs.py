"""What verdicts are computed from, found again in evidence, links and pins: the third reading of that rule.

The database's views are the first and what a row says of itself the second; here neither is asked. Each row is held
against what the ledger knew just before the event that the row follows from, so an old verdict stays right when other
evidence came in later, and one that names somebody else's figures is found in whatever place it stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from orchestrator.domain.replication import CLAMP_U6
from orchestrator.domain.verdict import GATE_BIT, Gate, Role
from orchestrator.ledger.dialects.examining import Examined
from orchestrator.ledger.judging import RULE
from orchestrator.ledger.verification.findings import Findings
from orchestrator.ledger.verification.proving import GATE_NUMBERS, POLICY_NUMBERS, Row, all_rows

Course = Sequence[tuple[int, int | None]]
"""The validations of a log in order: step, and loss in micro-nats or None."""

Key = tuple[str, str, str | None]
"""Campaign, stage, configuration."""

_REPLICATED = GATE_BIT[Gate.REPLICATED]
_MEASURED = ("evidence_id", "parser_id", "train_time_ms", "teacher_train_time_ms", *GATE_NUMBERS)


def check_inputs(connection: Examined, found: Findings) -> None:
    """Check the inputs of every verdict, rejudgement and replication, and what was decided from verdicts."""
    known = Known(connection)
    verdicts = sorted(all_rows(connection, "verdicts"), key=lambda row: int(row["event_seq"]))
    for row in verdicts:
        _hold(found, f"verdicts {row['run_id'][:12]} #{row['verdict_no']}", row,
              known.inputs(row, known.pinned(row), replications=True))
    _rules(verdicts, found)
    for row in all_rows(connection, "rejudgements"):
        _hold(found, f"rejudgements {row['run_id'][:12]} under {row['policy_id'][:12]} #{row['rejudgement_no']}", row,
              known.inputs(row, row["policy_id"]))
    for row in all_rows(connection, "replications"):
        # The order in which a database joins the ids is its own.
        ids = " ".join(sorted(row["evidence_ids"].split(" ")))
        _hold(found, f"replications {row['config_id'][:12]} #{row['replication_no']}", {**row, "evidence_ids": ids},
              known.sums(row))
    _decisions(connection, known, verdicts, found)


class Known:
    """What the ledger holds of runs and their evidence, read once; validations only of evidence that needs them."""

    def __init__(self, connection: Examined) -> None:
        self._replications: dict[Key, list[Row]] = defaultdict(list)
        for row in all_rows(connection, "replications"):
            self._replications[row["campaign_id"], row["stage"], row["config_id"]].append(row)
        self._policies = {row["policy_id"]: row for row in all_rows(connection, "policies")}
        self._pins = {(row["campaign_id"], row["stage"]): row for row in all_rows(connection, "stage_policies")}
        self._members = {(row["campaign_id"], row["run_id"]): row for row in all_rows(connection, "campaign_runs")}
        self._configs = {r[0]: r[1] for r in connection.execute("SELECT run_id, config_id FROM runs")}
        self._sets: dict[Key, list[Row]] = defaultdict(list)
        for row in self._members.values():
            self._sets[self._set_of(row)].append(row)
        self._evidence: dict[str, list[Row]] = defaultdict(list)
        for row in connection.execute("SELECT evidence_id, run_id, attempt_no, kind, event_seq FROM evidence"):
            self._evidence[row["run_id"]].append(dict(row))
        self._measured = _accepted(connection)
        self._moved: dict[str, int] = {r[0]: r[1] for r in connection.execute(
            "SELECT subject, min(seq) FROM events WHERE kind = 'attempt_moved' GROUP BY subject")}
        targets = any(row["target_u6"] is not None for row in self._policies.values())
        self._courses = _courses(connection) if targets else {}

    def pinned(self, row: Row) -> str | None:
        """The policy that the row's stage is held to."""
        pin = self._pins.get((row["campaign_id"], row["stage"]))
        return None if pin is None else pin["policy_id"]

    def inputs(self, row: Row, policy_id: str | None, *, replications: bool = False) -> Mapping[str, Any] | None:
        """All that a verdict on the row's membership rests on at its event; None where there is nothing to judge."""
        member = self._members.get((row["campaign_id"], row["run_id"]))
        policy = None if policy_id is None else self._policies.get(policy_id)
        own = self._measurement(row["run_id"], row["event_seq"])
        if member is None or policy is None or own is None:
            return None
        budget = self._budget(member, own, row["event_seq"])
        reference = self._measurement(member["reference_run_id"], row["event_seq"])
        if reference is not None and reference["comparison_key"] is None:
            reference = None
        found = {
            "role": member["role"], "policy_id": policy_id, **{n: policy[n] for n in POLICY_NUMBERS},
            "evidence_id": own["evidence_id"], "parser_id": own["parser_id"], **{n: own[n] for n in GATE_NUMBERS},
            **_from(budget, budget_evidence_id="evidence_id", budget_parser_id="parser_id", budget_train_ms="basis_ms"),
            **_from(reference, reference_evidence_id="evidence_id", reference_parser_id="parser_id",
                    reference_key="comparison_key"),
            "steps_to_target": _steps_to(policy["target_u6"], self._course(own)),
        }
        if replications:
            done = self.replication(member, row["event_seq"]) if policy["gate_mask"] & _REPLICATED else None
            found["replicated"] = None if done is None else done["passed"]
        return found

    def sums(self, row: Row) -> Mapping[str, Any]:
        """What the first fresh seeds of a set come to at the event of its replication."""
        pin = self._pins.get((row["campaign_id"], row["stage"]))
        pinned_seq = 0 if pin is None else pin["event_seq"]
        seeds = [m for m in self._sets[row["campaign_id"], row["stage"], row["config_id"]]
                 if m["event_seq"] < row["event_seq"] and self._moved.get(m["run_id"], pinned_seq) >= pinned_seq]
        seeds.sort(key=lambda m: (m["ordinal"], m["event_seq"], m["run_id"]))
        ids, bad, margins = [], 0, []
        for member in seeds[: row["seeds"]]:
            own = self._measurement(member["run_id"], row["event_seq"])
            if own is None or own["asserted"] != 0 or own["complete"] is None:
                continue
            loss = next((loss for step, loss in reversed(self._course(own)) if step == row["stop_step"]), None)
            bad += own["complete"] != 1 or own["oom_fallback"] != 0 or loss is None
            margins.append(-CLAMP_U6 if loss is None else max(-CLAMP_U6, min(CLAMP_U6, row["target_u6"] - loss)))
            ids.append(own["evidence_id"])
        return {"policy_id": None if pin is None else pin["policy_id"], "found": len(ids), "bad": bad,
                "margin_u6": sum(margins), "squares": sum(m * m for m in margins),
                "evidence_ids": " ".join(sorted(ids))}

    def replication(self, member: Row, before: int) -> Row | None:
        """The last replication of a membership's configuration before an event."""
        done = [r for r in self._replications[self._set_of(member)] if r["event_seq"] < before]
        return max(done, key=lambda r: int(r["replication_no"]), default=None)

    def _set_of(self, member: Row) -> Key:
        return member["campaign_id"], member["stage"], self._configs.get(member["run_id"])

    def _budget(self, member: Row, own: Row, before: int) -> Row | None:
        """Whose train time the budget is about: a teacher's own, a student's teacher's; a typed one only its own."""
        if member["role"] == Role.TEACHER or (member["role"] == Role.KD and own["asserted"] == 1):
            run_id = member["run_id"]
        else:
            run_id = member["teacher_run_id"] if member["role"] == Role.KD else None
        basis = self._measurement(run_id, before)
        if basis is None or basis["basis_ms"] is None:
            return None
        whole = basis["complete"] == 1 and basis["asserted"] == 0
        return basis if whole or basis["evidence_id"] == own["evidence_id"] else None

    def _measurement(self, run_id: str | None, before: int) -> Row | None:
        """The accepted measurement of the evidence that was a run's latest before an event."""
        there = [e for e in self._evidence.get(run_id or "", ()) if e["event_seq"] < before]
        latest = max(there, key=lambda e: int(e["attempt_no"]), default=None)
        return None if latest is None else self._measured.get(latest["evidence_id"])

    def _course(self, measured: Row) -> Course:
        return self._courses.get((measured["evidence_id"], measured["parser_id"]), ())


def _accepted(connection: Examined) -> dict[str, Row]:
    """The measurement of each evidence by the newest parser of its kind."""
    names = ", ".join(f"m.{name}" for name in _MEASURED)
    found: dict[str, Row] = {}
    for row in connection.execute(  # the columns are named above
            f"SELECT {names} FROM evidence AS e JOIN measurements AS m ON m.evidence_id = e.evidence_id "  # noqa: S608
            "JOIN parsers AS p ON p.parser_id = m.parser_id AND p.kind = e.kind ORDER BY p.ordinal"):
        typed = row["teacher_train_time_ms"]
        found[row["evidence_id"]] = {**dict(row), "basis_ms": row["train_time_ms"] if typed is None else typed}
    return found


def _courses(connection: Examined) -> dict[tuple[str, str], Course]:
    rows = connection.execute("SELECT evidence_id, parser_id, step, val_u6 FROM validations "
                              "ORDER BY evidence_id, parser_id, ordinal")
    return {key: [(row[2], row[3]) for row in course] for key, course in groupby(rows, key=lambda r: (r[0], r[1]))}


def _steps_to(target_u6: int | None, course: Course) -> int | None:
    """The step of the second of the first two validations in a row that reach the target."""
    if target_u6 is None:
        return None
    return next((step for (_, before), (step, loss) in pairwise(course)
                 if before is not None and loss is not None and max(before, loss) <= target_u6), None)


def _from(row: Row | None, **columns: str) -> dict[str, Any]:
    return {name: None if row is None else row[column] for name, column in columns.items()}


def _hold(found: Findings, where: str, row: Row, expected: Mapping[str, Any] | None) -> None:
    if expected is None:
        found.add("verdict", where, "there was nothing to judge when it was written: no evidence, or no policy")
        return
    for column, value in expected.items():
        if row[column] != value:
            found.add("verdict", where, f"{column} is {row[column]!r}; evidence, links and pins of that moment say "
                                        f"{value!r}")


def _rules(verdicts: Iterable[Row], found: Findings) -> None:
    """A verdict by an older rule cannot follow one by a newer."""
    newest = 0
    for row in verdicts:
        rule = row.get("rule", 1)  # a ledger that was not upgraded yet
        if not max(newest, 1) <= rule <= RULE:
            found.add("verdict", f"verdicts {row['run_id'][:12]} #{row['verdict_no']}",
                      f"it is judged by rule {rule}, and there was rule {max(newest, 1)} already")
        newest = max(newest, min(rule, RULE))


def _decisions(connection: Examined, known: Known, verdicts: Iterable[Row], found: Findings) -> None:
    """Promotions and choices rest on what was the last verdict, and the last replication, when they were made."""
    of_member: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in verdicts:
        of_member[row["campaign_id"], row["run_id"]].append(row)

    def last(campaign_id: str, run_id: str, before: int) -> Row | None:
        there = [v for v in of_member[campaign_id, run_id] if v["event_seq"] < before]
        return max(there, key=lambda v: int(v["verdict_no"]), default=None)

    for row in all_rows(connection, "promotions"):
        where = f"promotions {row['run_id'][:12]} {row['kind']}"
        verdict = last(row["campaign_id"], row["run_id"], row["event_seq"])
        if verdict is None or (verdict["verdict_no"], verdict["verdict"]) != (row["verdict_no"], "promote"):
            found.add("verdict", where, "the run's last verdict was not that promotion's, or was no promote")
        elif row["kind"] == "confirmed":
            _confirmed(known, row, verdict, where, found)
    for row in all_rows(connection, "resolutions"):
        verdict = last(row["campaign_id"], row["chosen_run_id"], row["event_seq"])
        if verdict is None or verdict["verdict"] != "promote":
            found.add("verdict", f"resolutions {row['key'][:80]}", "the chosen run's last verdict was no promote")


def _confirmed(known: Known, row: Row, verdict: Row, where: str, found: Findings) -> None:
    replication = known.replication(verdict, row["event_seq"])
    numbers = ("stage", "config_id", "replication_no")
    if verdict["replicated"] != 1 or replication is None or any(row[n] != replication[n] for n in numbers):
        found.add("verdict", where, "the run's configuration had no such replication when it was confirmed")
