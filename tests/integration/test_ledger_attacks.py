"""Raw-SQL attacks on the ledger, through ``sqlite3`` and not through the program.

Each attack runs on a fresh plain connection (foreign keys off, as the ``sqlite3`` program has them; where it helps the
attacker also with CHECKs off). Its *twin* is the honest write of the same shape: it must succeed first, so that a
refusal is the refusal of the attack. The attacker commits what he can afterwards; no record may have changed.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.projection import Projection
from orchestrator.domain.verdict import Gate, Role
from orchestrator.ledger import chain
from orchestrator.ledger.rows import MemberRecord, ResolutionRecord, RunRecord
from orchestrator.ledger.tables import METADATA, OVERWRITTEN
from tests.integration.ledger_kit import (
    CAMPAIGN,
    FALLING,
    PARSER,
    Story,
    contents,
    kd_policy,
    open_ledger,
    raw,
    seeds_policy,
    sha,
    spec_text,
    teacher_policy,
    tell,
)

OTHER = "e" * 64
"""A second campaign that holds the same runs under the same policies, pinned but not judged yet."""
NOW = "2026-02-15T00:00:00.000Z"
FLAT = (5_000_000, 4_500_000, 4_200_000, 4_100_000, 4_050_000)
"""Reaches the target once, at the last validation: never confirmed."""
REWRITES = (
    "DELETE FROM {table}", "INSERT OR REPLACE INTO {table} ({names}) SELECT {names} FROM {table}",
    "REPLACE INTO {table} ({names}) SELECT {names} FROM {table} LIMIT 1",
    "UPDATE OR REPLACE {table} SET {first} = 'x'", "UPDATE OR IGNORE {table} SET {first} = {first} || 'x'",
)
"""What changes a record of a table, said with and without the words that silence a conflict."""
CHECKS_OFF = ("PRAGMA ignore_check_constraints = ON",)


@dataclass
class Hand:
    """The attacker's connection, with the honest half of what he needs."""

    sql: sqlite3.Connection
    ids: dict[str, str]

    def event(self) -> int:
        """A correct next entry of the chain: anyone who can write can make one."""
        row = self.sql.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        seq = row[0] + 1
        self.put("events", seq=seq, prev_hash=row[1], at=NOW, kind="by_hand", subject="x", payload="{}",
                 hash=chain.event_hash(seq, row[1], NOW, "by_hand", "x", "{}"))
        return int(seq)

    def put(self, table: str, verb: str = "INSERT", **values: Any) -> None:
        names = ", ".join(values)
        self.sql.execute(f"{verb} INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})",
                         list(values.values()))

    def record(self, table: str, verb: str = "INSERT", **values: Any) -> None:
        if "event_seq" not in values:
            values["event_seq"] = self.event()
        self.put(table, verb, **values)

    def row(self, query: str, *arguments: Any) -> dict[str, Any]:
        cursor = self.sql.execute(query, arguments)
        found = cursor.fetchone()
        assert found is not None, query
        return dict(zip((d[0] for d in cursor.description), found, strict=True))

    def verdict(self, name: str, verb: str = "INSERT", **lies: Any) -> None:
        """The verdict on a run in the second campaign, with these inputs in place of the true ones."""
        truth = self.row("SELECT * FROM verdict_inputs WHERE campaign_id = ? AND run_id = ?", OTHER, self.ids[name])
        self.record("verdicts", verb, **{**truth, "verdict_no": 1, "decided_at": NOW, **lies})

    def stored_verdict(self, name: str) -> dict[str, Any]:
        """The insertable columns of the verdict in the first campaign."""
        row = self.row("SELECT * FROM verdicts WHERE campaign_id = ? AND run_id = ?", CAMPAIGN, self.ids[name])
        computed = ("policy_numbers", "measured_numbers", "fail_mask", "missing_mask", "budget_result", "verdict")
        return {k: v for k, v in row.items() if k not in computed}

    def copy(self, table: str, where: str, *arguments: Any) -> dict[str, Any]:
        row = self.row(f"SELECT * FROM {table} WHERE {where}", *arguments)
        return {k: v for k, v in row.items() if k not in ("budget_basis_ms", "gate_numbers")}

    def policy(self, verb: str = "INSERT", **lies: Any) -> str:
        """A policy with a huge budget; honest in itself."""
        loose = teacher_policy(10**9)
        body = loose.canonical().decode()
        values = {"policy_id": sha(body), "name": loose.name, "role": "teacher", "gate_mask": loose.gate_mask,
                  "budget_ms": loose.budget_ms, "trend_points": loose.trend_points,
                  "trend_min_drop_u6": loose.trend_min_drop_u6, "target_u6": None, "body": body}
        self.put("policies", verb, **{**values, **lies})
        return str({**values, **lies}["policy_id"])

    def evidence(self, name: str = "pending", **lies: Any) -> str:
        """Evidence of the run that is collecting."""
        statement = json.dumps({"of": name})
        values = {"evidence_id": sha(statement), "run_id": self.ids[name], "attempt_no": 1, "kind": "sealed",
                  "statement": statement, "directory": "evidence/x/1", "recorded_at": NOW}
        self.record("evidence", **{**values, **lies})
        return str({**values, **lies}["evidence_id"])

    def measurement(self, evidence_id: str, verb: str = "INSERT", **lies: Any) -> None:
        honest = self.copy("measurements", "evidence_id = (SELECT evidence_id FROM evidence WHERE run_id = ?)",
                           self.ids["good"])
        self.put("measurements", verb, **{**honest, "evidence_id": evidence_id, "parser_id": PARSER, **lies})

    def pin(self, stage: str, policy_id: str, verb: str = "INSERT", **lies: Any) -> None:
        self.record("stage_policies", verb, **{"campaign_id": CAMPAIGN, "stage": stage, "policy_id": policy_id,
                                               "pinned_at": NOW, **lies})

    def promotion(self, name: str, verb: str = "INSERT", **lies: Any) -> None:
        self.record("promotions", verb, **{"campaign_id": CAMPAIGN, "run_id": self.ids[name],
                                           "verdict_no": 1, "verdict": "promote", "kind": "candidate",
                                           "basis": "measured", "promoted_at": NOW, **lies})

    def confirmation(self, name: str, config: str, **lies: Any) -> None:
        """The promotion of a seed by the replication of a configuration."""
        verdict_no = self.row("SELECT max(verdict_no) AS n FROM verdicts WHERE campaign_id = ? AND run_id = ?",
                              CAMPAIGN, self.ids[name])["n"]
        self.promotion(name, **{"verdict_no": verdict_no, "kind": "confirmed", "stage": "seeds",
                                "config_id": sha(f"config of {config}"), "replication_no": 1,
                                "replication_passed": 1, **lies})

    def replication(self, config: str, **lies: Any) -> None:
        """A further replication of a configuration, with these sums in place of the true ones."""
        truth = self.row("SELECT * FROM replication_inputs WHERE campaign_id = ? AND config_id = ?", CAMPAIGN,
                         sha(f"config of {config}"))
        number = self.row("SELECT count(*) + 1 AS n FROM replications WHERE config_id = ?", truth["config_id"])["n"]
        self.record("replications", **{**truth, "replication_no": number, "decided_at": NOW, **lies})

    def rejudgement(self, name: str, **lies: Any) -> None:
        """A verdict under the loose policy, which is not the pinned one."""
        policy_id = self.policy()
        truth = self.row("SELECT * FROM rejudgement_inputs WHERE campaign_id = ? AND run_id = ? AND policy_id = ?",
                         CAMPAIGN, self.ids[name], policy_id)
        self.record("rejudgements", **{**truth, "rejudgement_no": 1, "decided_at": NOW, **lies})

    def waiver(self, name: str, **lies: Any) -> None:
        self.record("waivers", **{"campaign_id": CAMPAIGN, "run_id": self.ids[name], "waiver_no": 2, "verdict_no": 1,
                                  "gate": "budget", "who": "ada", "why": "by hand", "until": "2026-12-31",
                                  "waived_at": NOW, **lies})

    def challenge(self, by: str, **lies: Any) -> None:
        self.record("challenges", **{"campaign_id": CAMPAIGN, "run_id": self.ids["arm"], "kind": "candidate",
                                     "challenge_no": 2, "by_campaign_id": CAMPAIGN, "by_run_id": self.ids[by],
                                     "by_verdict_no": 1, "by_verdict": "reject", "who": "ada", "why": "by hand",
                                     "challenged_at": NOW, **lies})

    def projection(self, name: str = "running", **lies: Any) -> None:
        honest = self.row("SELECT * FROM projections WHERE run_id = ?", self.ids["running"])
        del honest["result"]
        self.record("projections", **{**honest, "run_id": self.ids[name], "projection_no": 2,
                                      "event_seq": self.event(), **lies})

    def resolution(self, name: str, verb: str = "INSERT", **lies: Any) -> None:
        values = {"key": "k2", "campaign_id": CAMPAIGN, "selector": "teachers.best",
                  "candidates": json.dumps(sorted((self.ids["good"], self.ids["dear"]))),
                  "chosen_run_id": self.ids[name], "checkpoint_sha256": None, "final_val_u6": FALLING[-1],
                  "reason": "by hand", "resolved_at": NOW}
        self.record("resolutions", verb, **{**values, **lies})

    def member(self, verb: str = "INSERT", **lies: Any) -> None:
        values = {"campaign_id": OTHER, "stage": "extra", "run_id": self.ids["lone"], "ordinal": 50,
                  "name": "extra", "role": "teacher", "teacher_run_id": None, "reference_run_id": None,
                  "twin_run_id": None, "archival": 0, "provisional": 0, "is_slice": 0}
        self.record("campaign_runs", verb, **{**values, **lies})

    def move(self, name: str, state: str, more: str = "", verb: str = "UPDATE") -> None:
        self.sql.execute(f"{verb} attempts SET state = '{state}'{more} WHERE run_id = ?1 AND attempt_no = "
                         "(SELECT max(attempt_no) FROM attempts WHERE run_id = ?1)", [self.ids[name]])

    def attempt(self, name: str, number: int, verb: str = "INSERT", **lies: Any) -> None:
        self.put("attempts", verb, **{"run_id": self.ids[name], "attempt_no": number, "state": "planned",
                                      "planned_at": NOW, **lies})


@dataclass(frozen=True)
class Attack:
    """``says`` is part of the refusal's message: that it was refused for the right reason."""

    name: str
    twin: Callable[[Hand], object]
    attack: Callable[[Hand], object]
    says: str
    pragmas: tuple[str, ...] = field(default=())


def _run(statement: str) -> Callable[[Hand], object]:
    return lambda hand: hand.sql.execute(statement)


def _of(statement: str, name: str) -> Callable[[Hand], object]:
    return lambda hand: hand.sql.execute(statement, [hand.ids[name]])


def _shadowed(hand: Hand) -> None:
    """Temporary tables in the place of the view and the tables that the guards read."""
    for table in ("verdict_inputs", "stage_policies", "measurements", "evidence", "attempts"):
        hand.sql.execute(f"CREATE TEMP TABLE {table} AS SELECT * FROM main.{table}")
    hand.sql.execute("UPDATE temp.verdict_inputs SET budget_train_ms = 1")
    hand.sql.execute("UPDATE temp.measurements SET train_time_ms = 1")
    hand.verdict("dear")


def _second_measurement(hand: Hand) -> None:
    hand.measurement(hand.row("SELECT evidence_id FROM evidence WHERE run_id = ?", hand.ids["dear"])["evidence_id"],
                     parser_id="csv/1", train_time_ms=1)


def _second_stage(hand: Hand) -> None:
    hand.pin("kinder", hand.policy(), campaign_id=OTHER)
    hand.member(stage="kinder", run_id=hand.ids["dear"], name="dear-again")


def _honest_event(hand: Hand) -> None:
    hand.event()


def _broken_event(hand: Hand, **lies: Any) -> None:
    row = hand.sql.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    values = {"seq": row[0] + 1, "prev_hash": row[1], "hash": sha("any"), "at": NOW, "kind": "by_hand", "subject": "x",
              "payload": "{}"}
    hand.put("events", lies.pop("verb", "INSERT"), **{**values, **lies})


def _honest_verdict(hand: Hand) -> None:
    hand.verdict("dear")


def _honest_measurement(hand: Hand) -> None:
    hand.measurement(hand.evidence())


def _honest_pin(hand: Hand) -> None:
    hand.pin("fresh", hand.policy())


def _honest_promotion(hand: Hand) -> None:
    hand.promotion("good")


def _honest_resolution(hand: Hand) -> None:
    hand.resolution("good")


def _honest_member(hand: Hand) -> None:
    hand.member()


def _honest_move(hand: Hand) -> None:
    hand.move("ready", "staging", ", host = 'h100'")


def _honest_attempt(hand: Hand) -> None:
    hand.attempt("lost", 2)


def _honest_link(hand: Hand) -> None:
    hand.sql.execute("UPDATE campaign_runs SET twin_run_id = ? WHERE run_id = ? AND campaign_id = ?",
                     [hand.ids["twin"], hand.ids["ready"], CAMPAIGN])


OVERRIDE = '{"reason":"oom_fallback","spec":{"data":{"microbatch_sequences":4}}}'


def _honest_override(hand: Hand) -> None:
    hand.attempt("lost", 2, override_json=OVERRIDE)


def _measured_fallback(hand: Hand, **lies: Any) -> None:
    """The evidence of a second attempt, which was asked for a smaller batch, is measured."""
    hand.measurement(hand.evidence("smaller", attempt_no=2), **lies)


def _facts(hand: Hand, verb: str = "INSERT", **lies: Any) -> None:
    hand.record("host_facts", verb, **{"host": "h100", "fact_no": 2, "observed_at": NOW, "facts": "{}", **lies})


def _naming(hand: Hand, **lies: Any) -> None:
    hand.record("asset_names", **{"name": "other", "naming_no": 1, "sha256": sha("teacher"), "size_bytes": 1,
                                  "kind": "checkpoint", "named_at": NOW, **lies})


def _honest_confirmation(hand: Hand) -> None:
    hand.confirmation("seed-2", "seeded")


def _rule(hand: Hand, *, stored: bool = True, **lies: Any) -> str:
    """A policy that asks for fresh seeds, with its rule."""
    policy = seeds_policy(seeds=3)
    body = policy.canonical().decode()
    policy_id = hand.policy(policy_id=sha(body), name=policy.name, role="kd", gate_mask=policy.gate_mask,
                            budget_ms=None, target_u6=policy.target_u6, body=body)
    if stored:
        hand.put("replication_rules", **{"policy_id": policy_id, "test": "z", "seeds": 3, "stop_step": 125,
                                         "limit_number": 4000, "target_u6": policy.target_u6, **lies})
    return policy_id


def _honest_rule(hand: Hand) -> None:
    hand.pin("fresh", _rule(hand))


def _anchor(hand: Hand, **lies: Any) -> None:
    head = hand.row("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
    hand.put("anchors", **{**head, "anchor_id": sha("anchor"), "place": "a notebook", "anchored_at": NOW, **lies})


GOOD_EVIDENCE = "(SELECT evidence_id FROM evidence WHERE run_id = ?)"
CHANGED, DELETED, REPLACED = "nothing is ever changed", "nothing is ever deleted", "never replaced"

_THE_VERDICT = [
    Attack("write_the_word_of_a_verdict", _honest_verdict, _run("UPDATE verdicts SET verdict = 'promote'"),
           "cannot UPDATE generated column"),
    Attack("clear_the_mask_of_a_verdict", _honest_verdict, _run("UPDATE verdicts SET fail_mask = 0"),
           "cannot UPDATE generated column"),
    Attack("insert_a_verdict_with_its_word", _honest_verdict, lambda h: h.verdict("dear", verdict="promote"),
           "cannot INSERT into generated column"),
    Attack("make_a_verdicts_input_cheaper", _honest_verdict,
           _of("UPDATE verdicts SET budget_train_ms = 1 WHERE run_id = ?", "dear"), CHANGED, CHECKS_OFF),
    Attack("make_a_verdicts_input_cheaper_or_replace", _honest_verdict,
           _of("UPDATE OR REPLACE verdicts SET budget_train_ms = 1 WHERE run_id = ?", "dear"), CHANGED),
    Attack("move_a_verdict_to_another_run", _honest_verdict,
           lambda h: h.sql.execute("UPDATE OR REPLACE verdicts SET run_id = ? WHERE run_id = ?",
                                   [h.ids["dear"], h.ids["good"]]), CHANGED),
    Attack("delete_a_rejection", _honest_verdict, _of("DELETE FROM verdicts WHERE run_id = ?", "dear"), DELETED),
    Attack("replace_a_rejection", _honest_verdict,
           lambda h: h.record("verdicts", "INSERT OR REPLACE", **{
               **h.stored_verdict("dear"), "event_seq": h.event(), "budget_train_ms": 1}),
           f"{REPLACED}|do not follow"),
    Attack("upsert_over_a_rejection", _honest_verdict,
           lambda h: h.sql.execute(
               "INSERT INTO verdicts SELECT campaign_id, stage, run_id, verdict_no, role, policy_id, gate_mask, "
               "budget_ms, trend_points, trend_min_drop_u6, target_u6, evidence_id, parser_id, asserted, complete, "
               "oom_fallback, val_finite, val_1_u6, val_2_u6, val_3_u6, val_4_u6, comparison_key, budget_evidence_id, "
               "budget_parser_id, budget_train_ms, reference_evidence_id, reference_parser_id, reference_key, "
               "steps_to_target, replicated, rule, decided_at, event_seq FROM verdicts WHERE run_id = ? "
               "ON CONFLICT DO UPDATE SET budget_train_ms = 1", [h.ids["dear"]]),
           "refused|never|event|without gaps"),
]
_WHAT_IT_RESTS_ON = [
    Attack("verdict_without_evidence", _honest_verdict, lambda h: h.verdict("dear", evidence_id=sha("invented")),
           "no evidence, no verdict", CHECKS_OFF),
    Attack("verdict_on_another_runs_evidence", _honest_verdict,
           lambda h: h.verdict("dear", evidence_id=h.row(f"SELECT {GOOD_EVIDENCE} AS e", h.ids["good"])["e"]),
           "no evidence, no verdict"),
    Attack("verdict_on_a_run_that_never_ended", _honest_verdict,
           lambda h: h.verdict("dear", run_id=h.ids["ready"]), "no evidence, no verdict"),
    Attack("verdict_with_a_cheaper_train_time", _honest_verdict, lambda h: h.verdict("dear", budget_train_ms=60_000),
           "do not follow"),
    Attack("verdict_one_millisecond_cheaper", _honest_verdict, lambda h: h.verdict("dear", budget_train_ms=69_402),
           "do not follow"),
    Attack("verdict_that_hides_the_train_time", _honest_verdict,
           lambda h: h.verdict("dear", budget_train_ms=None, budget_evidence_id=None, budget_parser_id=None),
           "do not follow"),
    Attack("verdict_ignoring_conflicts", _honest_verdict,
           lambda h: h.verdict("dear", "INSERT OR IGNORE", budget_train_ms=60_000), "do not follow", CHECKS_OFF),
    Attack("verdict_with_a_real_number_in_a_gate", _honest_verdict,
           lambda h: h.verdict("dear", budget_train_ms=69_402.5), "do not follow|cannot store REAL"),
    Attack("verdict_with_a_looser_copy_of_the_budget", _honest_verdict, lambda h: h.verdict("dear", budget_ms=10**9),
           "do not follow"),
    Attack("verdict_with_fewer_gates", _honest_verdict, lambda h: h.verdict("dear", gate_mask=0), "do not follow"),
    Attack("verdict_under_another_role", _honest_verdict, lambda h: h.verdict("dear", role="ce"), "do not follow"),
    Attack("verdict_under_a_looser_policy", _honest_verdict,
           lambda h: h.verdict("dear", policy_id=h.policy(), budget_ms=10**9), "another policy is pinned"),
    Attack("verdict_that_is_already_replicated", _honest_verdict, lambda h: h.verdict("dear", replicated=1),
           "do not follow"),
    Attack("verdict_out_of_turn", _honest_verdict, lambda h: h.verdict("dear", verdict_no=7), "without gaps"),
    Attack("student_with_somebody_elses_cheap_teacher", lambda h: h.verdict("costly-arm"),
           lambda h: h.verdict("costly-arm", budget_train_ms=60_000, budget_evidence_id=h.row(
               f"SELECT {GOOD_EVIDENCE} AS e", h.ids["good"])["e"]), "do not follow"),
    Attack("student_with_a_forged_steps_to_target", lambda h: h.verdict("unconfirmed"),
           lambda h: h.verdict("unconfirmed", steps_to_target=125), "do not follow"),
    Attack("student_compared_with_itself", lambda h: h.verdict("elsewhere"),
           lambda h: h.verdict("elsewhere", reference_key=h.row(
               "SELECT comparison_key AS k FROM current_measurements WHERE run_id = ?", h.ids["elsewhere"])["k"],
               reference_evidence_id=h.row(f"SELECT {GOOD_EVIDENCE} AS e", h.ids["elsewhere"])["e"]), "do not follow"),
    Attack("verdict_behind_temporary_tables", _honest_verdict, _shadowed, "do not follow"),
]
_POLICIES = [
    Attack("loosen_a_policy", _honest_pin, _run("UPDATE policies SET budget_ms = 1000000000"), CHANGED),
    Attack("replace_a_policy", _honest_pin,
           lambda h: h.policy("INSERT OR REPLACE", policy_id=sha(teacher_policy().canonical().decode())), REPLACED),
    Attack("policy_that_is_looser_than_its_body", _honest_pin, lambda h: h.policy(budget_ms=2 * 10**9),
           "not what the body says", CHECKS_OFF),
    Attack("pin_a_second_policy", _honest_pin, lambda h: h.pin("teachers", h.policy()), REPLACED),
    Attack("replace_a_pin", _honest_pin, lambda h: h.pin("teachers", h.policy(), "INSERT OR REPLACE"), REPLACED),
    Attack("edit_a_pin", _honest_pin,
           lambda h: h.sql.execute("UPDATE stage_policies SET policy_id = ?", [h.policy()]), CHANGED),
    Attack("delete_a_pin", _honest_pin, _run("DELETE FROM stage_policies"), DELETED),
    Attack("backdate_a_pin", _honest_pin, lambda h: h.pin("fresh", h.policy(), event_seq=1), "under the event"),
    Attack("pin_a_policy_that_does_not_exist", _honest_pin, lambda h: h.pin("fresh", sha("no policy")), "fk_stage"),
    Attack("pin_a_baselines_policy_on_teachers", _honest_pin,
           lambda h: h.pin("pending", h.row("SELECT policy_id AS p FROM policies WHERE role = 'ce'")["p"]),
           "another role"),
]
_EVIDENCE = [
    Attack("edit_a_measurement", _honest_measurement,
           _run("UPDATE measurements SET train_time_ms = 1"), CHANGED),
    Attack("delete_a_measurement", _honest_measurement, _run("DELETE FROM measurements"), DELETED),
    Attack("replace_a_measurement", _honest_measurement,
           lambda h: h.measurement(h.row(f"SELECT {GOOD_EVIDENCE} AS e", h.ids["dear"])["e"], "INSERT OR REPLACE",
                                   train_time_ms=1), REPLACED),
    Attack("measure_with_an_invented_parser", _honest_measurement,
           lambda h: h.measurement(h.evidence(), parser_id="generous/1"), "no registered parser"),
    Attack("measure_with_another_kinds_parser", _honest_measurement, _second_measurement, "no registered parser"),
    Attack("register_a_parser", _honest_measurement,
           lambda h: h.put("parsers", parser_id="generous/1", kind="sealed", ordinal=9), "migrations alone"),
    Attack("measure_a_negative_train_time", _honest_measurement,
           lambda h: h.measurement(h.evidence(), train_time_ms=-1), "ck_measurements_times", CHECKS_OFF),
    Attack("measure_a_fraction_of_a_millisecond", _honest_measurement,
           lambda h: h.measurement(h.evidence(), train_time_ms=1.5), "cannot store REAL", CHECKS_OFF),
    Attack("measure_a_word", _honest_measurement,
           lambda h: h.measurement(h.evidence(), train_time_ms="cheap"), "cannot store TEXT", CHECKS_OFF),
    Attack("measure_more_than_completeness", _honest_measurement,
           lambda h: h.measurement(h.evidence(), complete=2), "ck_measurements_flags", CHECKS_OFF),
    Attack("measure_a_run_again", _honest_measurement,
           lambda h: h.measurement(h.row(f"SELECT {GOOD_EVIDENCE} AS e", h.ids["dear"])["e"], train_time_ms=1),
           "never replaced|only while its attempt is collecting"),
    Attack("bring_evidence_for_a_lost_attempt", _honest_measurement, lambda h: h.evidence("lost"),
           "only while its attempt is collecting"),
    Attack("measure_evidence_that_is_not_there", _honest_measurement,
           lambda h: h.measurement(sha("invented")), "no registered parser"),
    Attack("replace_evidence", _honest_measurement,
           lambda h: h.record("evidence", "INSERT OR REPLACE", **{
               **h.copy("evidence", "run_id = ?", h.ids["dear"]), "event_seq": h.event()}), REPLACED),
    Attack("delete_evidence", _honest_measurement, _run("DELETE FROM evidence"), DELETED),
    Attack("call_a_csv_sealed", _honest_measurement, lambda h: h.evidence(kind="csv"), "sealed evidence is of planned"),
    Attack("add_a_file_to_closed_evidence", lambda h: h.put(
               "evidence_files", evidence_id=h.evidence(), path="train.log", sha256=sha("log"), size_bytes=1),
           lambda h: h.put("evidence_files", evidence_id=h.row(f"SELECT {GOOD_EVIDENCE} AS e", h.ids["dear"])["e"],
                           path="better.log", sha256=sha("log"), size_bytes=1), "closed"),
    Attack("add_a_validation_after_the_end", lambda h: (_honest_measurement(h), h.put(
               "validations", evidence_id=sha('{"of": "pending"}'), parser_id=PARSER, ordinal=0, step=0, val_u6=1)),
           lambda h: h.put("validations", evidence_id=h.row(f"SELECT {GOOD_EVIDENCE} AS e", h.ids["unconfirmed"])["e"],
                           parser_id=PARSER, ordinal=6, step=150, val_u6=4_000_000), "only while its attempt"),
    Attack("edit_a_validation", _honest_measurement, _run("UPDATE validations SET val_u6 = 1"), CHANGED),
]
_CHOICES = [
    Attack("promote_a_run_over_budget", _honest_promotion, lambda h: h.promotion("dear"),
           "last verdict is not promote", CHECKS_OFF),
    Attack("promote_a_run_over_budget_by_its_true_word", _honest_promotion,
           lambda h: h.promotion("dear", verdict="reject"), "ck_promotions_verdict|not promote",
           CHECKS_OFF),
    Attack("promote_without_a_verdict", _honest_promotion, lambda h: h.promotion("ready"),
           "last verdict is not promote", CHECKS_OFF),
    Attack("promote_or_ignore", _honest_promotion,
           lambda h: h.promotion("dear", "INSERT OR IGNORE"), "last verdict is not promote", CHECKS_OFF),
    Attack("choose_a_rejected_teacher", _honest_resolution, lambda h: h.resolution("dear"), "not promoted"),
    Attack("choose_a_run_that_was_no_candidate", _honest_resolution,
           lambda h: h.resolution("ce-0", final_val_u6=None), "not among the candidates"),
    Attack("choose_with_an_easier_target", _honest_resolution,
           lambda h: h.resolution("good", final_val_u6=9_000_000), "not the measured one"),
    Attack("choose_again", _honest_resolution,
           lambda h: h.resolution("good", "INSERT OR REPLACE", key="k1"), REPLACED),
    Attack("edit_a_choice", _honest_resolution, _run("UPDATE resolutions SET final_val_u6 = 9000000"), CHANGED),
]
_RUNS = [
    Attack("give_a_student_another_teacher", _honest_link,
           lambda h: h.sql.execute("UPDATE campaign_runs SET teacher_run_id = ? WHERE run_id = ?",
                                   [h.ids["good"], h.ids["ready"]]), "a link is set once"),
    Attack("link_after_the_verdict", _honest_link,
           lambda h: h.sql.execute("UPDATE campaign_runs SET twin_run_id = ? WHERE run_id = ?",
                                   [h.ids["twin"], h.ids["lone"]]), "after the first verdict"),
    Attack("turn_a_teacher_into_a_baseline", _honest_link,
           _of("UPDATE campaign_runs SET role = 'ce' WHERE run_id = ?", "dear"), "never changed"),
    Attack("move_a_run_to_another_stage", _honest_link,
           _of("UPDATE OR REPLACE campaign_runs SET stage = 'ce' WHERE run_id = ?", "dear"), "never changed"),
    Attack("replace_a_membership", _honest_member,
           lambda h: h.member("INSERT OR REPLACE", stage="kinder", run_id=h.ids["dear"], name="dear"), REPLACED),
    Attack("stand_among_teachers_as_a_baseline", _honest_member, lambda h: h.member(stage="teachers", role="ce"),
           "another role"),
    Attack("stand_in_a_second_stage_with_a_kinder_policy", _honest_member, _second_stage, REPLACED),
    Attack("take_over_a_name", _honest_member, lambda h: h.member("INSERT OR REPLACE", name="dear"), REPLACED),
    Attack("delete_a_membership", _honest_member, _of("DELETE FROM campaign_runs WHERE run_id = ?", "dear"), DELETED),
    Attack("edit_a_spec", _honest_member, _run("UPDATE runs SET spec_json = '{}'"), CHANGED),
    Attack("edit_a_campaign", _honest_member, _run("UPDATE campaigns SET source_text = ''"), CHANGED),
]
_ATTEMPTS = [
    Attack("jump_from_planned_to_finished", _honest_move,
           lambda h: h.move("ready", "finished", ", outcome = 'completed'"), "no such move"),
    Attack("jump_or_ignore", _honest_move,
           lambda h: h.move("ready", "finished", ", outcome = 'completed'", "UPDATE OR IGNORE"), "no such move"),
    Attack("invent_a_state", _honest_move, lambda h: h.move("ready", "promoted", ", outcome = 'completed'"),
           "no such move|ck_attempts_state", CHECKS_OFF),
    Attack("add_an_edge", _honest_move,
           lambda h: h.put("attempt_edges", from_state="planned", to_state="finished"), "migrations alone"),
    Attack("revive_a_finished_attempt", _honest_move,
           lambda h: h.move("dear", "running", ", outcome = NULL"), "no such move"),
    Attack("touch_a_finished_attempt", _honest_move,
           lambda h: h.move("dear", "finished", ", outcome = 'imported'"), "no such move"),
    Attack("finish_without_evidence", _honest_move, lambda h: h.move("pending", "finished"),
           "no result without evidence"),
    Attack("rewrite_an_outcome", _honest_move,
           lambda h: h.move("failing", "finished", ", outcome = 'completed'"), "keeps its run"),
    Attack("start_a_run_without_a_policy", _honest_move,
           lambda h: h.move("unpinned", "staging", ", host = 'h100'"), "no policy is pinned"),
    Attack("move_an_attempt_to_another_host", lambda h: h.move("running", "collecting", ", outcome = 'failed'"),
           lambda h: h.move("running", "collecting", ", outcome = 'failed', host = 'elsewhere'"), "keeps its run"),
    Attack("second_attempt_beside_a_live_one", _honest_attempt, lambda h: h.attempt("running", 2), "still open"),
    Attack("retry_a_result", _honest_attempt, lambda h: h.attempt("dear", 2), "gave a result"),
    Attack("leave_out_an_attempt", _honest_attempt, lambda h: h.attempt("lost", 3), "without gaps"),
    Attack("insert_a_finished_attempt", _honest_attempt,
           lambda h: h.attempt("lost", 2, state="finished", outcome="completed"), "begins as planned"),
    Attack("replace_an_attempt", _honest_attempt, lambda h: h.attempt("dear", 1, "INSERT OR REPLACE"),
           "never replaced|without gaps"),
    Attack("delete_an_attempt", _honest_attempt, _run("DELETE FROM attempts"), DELETED),
]
_OVERRIDES = [
    Attack("call_a_fallback_what_was_asked_for", lambda h: _measured_fallback(h, oom_fallback=1),
           lambda h: _measured_fallback(h, oom_fallback=0), "a fallback, whatever its evidence says"),
    Attack("leave_open_whether_it_was_a_fallback", lambda h: _measured_fallback(h, oom_fallback=1),
           lambda h: _measured_fallback(h, oom_fallback=None), "a fallback, whatever its evidence says", CHECKS_OFF),
    Attack("promote_a_fallback_by_an_older_rule", _honest_verdict, lambda h: h.verdict("dear", rule=1),
           "the rule of this revision", CHECKS_OFF),
    Attack("begin_with_an_override", _honest_override, lambda h: h.put(
        "attempts", run_id=sha("a run"), attempt_no=1, state="planned", planned_at=NOW, override_json=OVERRIDE),
           "only a retry"),
    Attack("override_for_another_reason", _honest_override,
           lambda h: h.attempt("lost", 2, override_json='{"reason": "because"}'), "ck_attempts_override", CHECKS_OFF),
    Attack("override_that_is_no_document", _honest_override,
           lambda h: h.attempt("lost", 2, override_json="{"), "ck_attempts_override", CHECKS_OFF),
    Attack("take_an_override_back", lambda h: h.move("smallest", "collecting", ", outcome = 'failed'"),
           lambda h: h.move("smallest", "collecting", ", outcome = 'failed', override_json = NULL"), "keeps its run"),
]
_AROUND = [
    Attack("edit_a_hosts_facts", lambda h: _facts(h), _run("UPDATE host_facts SET facts = '{}'"), CHANGED),
    Attack("replace_a_hosts_facts", lambda h: _facts(h), lambda h: _facts(h, "INSERT OR REPLACE", fact_no=1),
           f"{REPLACED}|without gaps"),
    Attack("backdate_a_hosts_facts", lambda h: _facts(h), lambda h: _facts(h, event_seq=1), "under the event"),
    Attack("edit_a_name", lambda h: _naming(h), _run("UPDATE asset_names SET sha256 = NULL"), CHANGED),
    Attack("name_a_digest_with_another_size", lambda h: _naming(h), lambda h: _naming(h, size_bytes=2),
           "one digest has one size"),
]
_REPLICATIONS = [
    Attack("promote_on_a_projection", _honest_promotion, lambda h: h.promotion("good", basis="projected"),
           "ck_promotions_basis|only what was measured", CHECKS_OFF),
    Attack("confirm_a_candidate", _honest_confirmation, lambda h: h.promotion("good", kind="confirmed"),
           "ck_promotions_confirmed|was replicated", CHECKS_OFF),
    Attack("confirm_by_another_configuration", _honest_confirmation, lambda h: h.confirmation("good", "seeded"),
           "was replicated", CHECKS_OFF),
    Attack("confirm_by_a_failed_replication", _honest_confirmation, lambda h: h.confirmation("weak-1", "weak"),
           "not promote", CHECKS_OFF),
    Attack("confirm_by_a_replication_that_never_was", _honest_confirmation,
           lambda h: h.confirmation("seed-2", "seeded", replication_no=7), "was replicated", CHECKS_OFF),
    Attack("write_that_a_replication_passed", _honest_confirmation, _run("UPDATE replications SET passed = 1"),
           "cannot UPDATE generated column"),
    Attack("replicate_with_better_sums", _honest_confirmation, lambda h: h.replication("weak", margin_u6=40_000),
           "not those of the first fresh seeds"),
    Attack("replicate_with_fewer_seeds", _honest_confirmation, lambda h: h.replication("open", seeds=1),
           "not those of the first fresh seeds|ck_replications"),
    Attack("replicate_before_the_seeds_ended", _honest_confirmation, lambda h: h.replication("open"),
           "has not ended|ck_replications_found"),
    Attack("loosen_a_replication_rule", _honest_rule, lambda h: _rule(h, limit_number=1), "not what the policy says"),
    Attack("pin_a_policy_without_its_rule", _honest_rule, lambda h: h.pin("fresh", _rule(h, stored=False)),
           "its rule is not there"),
    Attack("edit_a_replication_rule", _honest_rule, _run("UPDATE replication_rules SET limit_number = 1"), CHANGED),
]
_COURT = [
    Attack("rejudge_a_cheaper_run", lambda h: h.rejudgement("dear"), lambda h: h.rejudgement("dear", budget_train_ms=1),
           "do not follow"),
    Attack("write_the_word_of_a_rejudgement", lambda h: h.rejudgement("dear"),
           _run("UPDATE rejudgements SET verdict = 'promote'"), "cannot UPDATE generated column"),
    Attack("rejudge_as_replicated", lambda h: h.rejudgement("dear"),
           lambda h: h.rejudgement("dear", gate_mask=64), "do not follow"),
    Attack("rejudge_what_was_never_judged", lambda h: h.rejudgement("dear"),
           lambda h: h.rejudgement("dear", run_id=h.ids["ready"]), "nothing to judge again"),
    Attack("waive_a_gate_that_does_not_stand", lambda h: h.waiver("dear"),
           lambda h: h.waiver("dear", gate="val_trend"), "does not stand"),
    Attack("prolong_a_waiver", lambda h: h.waiver("dear"), _run("UPDATE waivers SET until = '2099-12-31'"), CHANGED),
    Attack("waive_until_yesterday", lambda h: h.waiver("dear"), lambda h: h.waiver("dear", until="2020-01-01"),
           "ck_waivers_until", CHECKS_OFF),
    Attack("drop_a_challenge", lambda h: h.challenge("arm-old"), _run("DELETE FROM challenges"), DELETED),
    Attack("challenge_by_a_run_that_passed", lambda h: h.challenge("arm-old"),
           lambda h: h.challenge("lone"), "another seed|only a rejection"),
    Attack("challenge_by_another_configuration", lambda h: h.challenge("arm-old"),
           lambda h: h.challenge("unconfirmed"), "another seed of the same configuration"),
    Attack("write_that_a_projection_passes", lambda h: h.projection(),
           _run("UPDATE projections SET result = 'pass'"), "cannot UPDATE generated column"),
    Attack("project_against_another_budget", lambda h: h.projection(), lambda h: h.projection(budget_ms=10**9),
           "not the pinned one"),
    Attack("project_a_run_that_ended", lambda h: h.projection(), lambda h: h.projection("good"), "under way"),
    Attack("call_a_projection_measured", lambda h: h.projection(), lambda h: h.projection(basis="measured"),
           "ck_projections_basis", CHECKS_OFF),
    Attack("anchor_what_never_was", lambda h: _anchor(h), lambda h: _anchor(h, hash=sha("elsewhere")),
           "no such entry", CHECKS_OFF),
]
_CHAIN = [
    Attack("edit_an_event", _honest_event, _run("UPDATE events SET payload = '{}' WHERE seq = 3"), CHANGED),
    Attack("delete_the_last_event", _honest_event,
           _run("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)"), DELETED),
    Attack("replace_an_event", _honest_event, lambda h: _broken_event(h, verb="INSERT OR REPLACE", seq=3),
           "never replaced|no gaps"),
    Attack("leave_a_gap_in_the_chain", _honest_event, lambda h: _broken_event(h, seq=10**6), "no gaps"),
    Attack("branch_the_chain", _honest_event, lambda h: _broken_event(h, prev_hash=sha("elsewhere")),
           "not the hash of the entry before"),
    Attack("event_with_a_broken_payload", _honest_event, lambda h: _broken_event(h, payload="{"), "ck_events_payload",
           CHECKS_OFF),
]
GROUPS: dict[str, list[Attack]] = {
    "The verdict itself": _THE_VERDICT,
    "What a verdict rests on": _WHAT_IT_RESTS_ON,
    "Policies and pins": _POLICIES,
    "Measurements and evidence": _EVIDENCE,
    "Promotions and choices": _CHOICES,
    "Runs and their places": _RUNS,
    "Attempts": _ATTEMPTS,
    "Overrides: what ran as a fallback stays one": _OVERRIDES,
    "What is known around the runs": _AROUND,
    "Promotions, replications": _REPLICATIONS,
    "Other policies, waivers, challenges, forecasts, anchors": _COURT,
    "The chain": _CHAIN,
}
"""Every attack, under the heading of what it is after."""
ATTACKS = [attack for group in GROUPS.values() for attack in group]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A ledger with one run in each situation that an attack needs, closed, to be copied."""
    path = tmp_path_factory.mktemp("attacked") / "ledger.sqlite"
    with open_ledger(path) as ledger:
        story = tell(ledger)
        links = {"teacher_run_id": story.ids["good"], "reference_run_id": story.ids["ce-0"]}
        story.add("costly-arm", Role.KD, "arms", **{**links, "teacher_run_id": story.ids["dear"]})
        story.finish("costly-arm")
        story.add("unconfirmed", Role.KD, "arms", **links)
        story.finish("unconfirmed", values=FLAT)
        story.add("elsewhere", Role.KD, "arms", **links)
        story.finish("elsewhere", comparison_key=sha("another machine"))
        story.add("lone", Role.KD, "arms", **links)
        story.finish("lone")
        story.add("ready", Role.KD, "arms", **{**links, "teacher_run_id": story.ids["dear"]})
        for name in ("pending", "failing", "lost", "running"):
            story.add(name, Role.TEACHER, "teachers")
            story.launch(story.ids[name])
        story.end(story.ids["pending"])
        for name in ("failing", "lost"):
            story.end(story.ids[name], outcome=Outcome.LOST_REBOOT)
        ledger.settle(story.ids["lost"], 1, None, None, ())
        for name in ("smaller", "smallest"):
            run_id = story.add(name, Role.TEACHER, "teachers")
            story.launch(run_id)
            story.end(run_id, outcome=Outcome.OOM)
            ledger.settle(run_id, 1, None, None, ())
            ledger.new_attempt(run_id, after=1, override=json.loads(OVERRIDE))
            story.launch(run_id, attempt=2)
        story.end(story.ids["smaller"], attempt=2)
        ledger.record_host_facts("h100", {"torch": "2.6"})
        ledger.name_asset("cheap-teacher", sha("teacher"), 1, "checkpoint")
        story.add("unpinned", Role.TEACHER, "later")
        story.add("pending-again", Role.TEACHER, "pending")
        _second_campaign(story)
        ledger.resolve(ResolutionRecord(
            "k1", CAMPAIGN, "teachers.best", (story.ids["good"], story.ids["dear"]), story.ids["good"], None,
            FALLING[-1], "lowest final loss"))
        _court(story, links)
    connection = raw(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path, story.ids


def _court(story: Story, links: dict[str, str]) -> None:
    """Promotions with a challenge, replications that passed, failed and wait, and whatever else stands beside them."""
    ledger = story.ledger
    story.add("arm-old", Role.KD, "arms", config="arm", seed=1, **links)
    story.finish("arm-old", values=FLAT)
    ledger.promote(CAMPAIGN, [story.ids["arm"]])
    story.add("arm-again", Role.KD, "arms", config="arm", seed=2, **links)
    story.finish("arm-again", values=FLAT)
    story.pin("seeds", seeds_policy())
    for config, final in (("seed", 4_050_000), ("weak", 4_069_000), ("open", 4_050_000)):
        for number in (1, 2):
            story.add(f"{config}-{number}", Role.KD, "seeds", config={"seed": "seeded"}.get(config, config),
                      seed=number, **links)
            if (config, number) != ("open", 2):
                story.finish(f"{config}-{number}", values=(*FALLING[:-1], final))
    ledger.promote(CAMPAIGN, [story.ids["seed-1"]])
    ledger.rejudge(teacher_policy(60_000))
    ledger.waive(CAMPAIGN, story.ids["dear"], Gate.BUDGET, who="ada", why="one millisecond", until="2026-12-31")
    ledger.project(CAMPAIGN, story.ids["running"], Projection(50, 250, 10_000, 50_000, 45_000, 60_000, 20))
    ledger.anchor("printed")


def _second_campaign(story: Story) -> None:
    """The same runs under the same policies in another campaign, pinned and not judged."""
    other = Story(story.ledger, campaign_id=OTHER).begin("other")
    other.pin("teachers", teacher_policy())
    other.pin("arms", kd_policy())
    first = {m.run_id: m for m in story.ledger.members(CAMPAIGN)}
    for name in ("good", "dear", "costly-arm", "unconfirmed", "elsewhere"):
        member, text = first[story.ids[name]], spec_text(name)
        story.ledger.record_run(
            RunRecord(member.run_id, text, sha(f"config of {name}"), "teacher", 0),
            MemberRecord(OTHER, member.run_id, member.stage, member.ordinal, name, member.role, member.teacher_run_id,
                         member.reference_run_id, member.twin_run_id))


@pytest.fixture
def ledger_file(scene: tuple[Path, dict[str, str]], tmp_path: Path) -> Path:
    target = tmp_path / "ledger.sqlite"
    shutil.copyfile(scene[0], target)
    return target


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_attack_is_refused_and_changes_nothing(attack: Attack, ledger_file: Path,
                                               scene: tuple[Path, dict[str, str]]) -> None:
    connection = raw(ledger_file)
    assert connection.execute("PRAGMA foreign_keys").fetchone() == (0,)
    for pragma in attack.pragmas:
        connection.execute(pragma)
    hand = Hand(connection, scene[1])

    connection.execute("BEGIN IMMEDIATE")
    attack.twin(hand)
    connection.execute("ROLLBACK")

    before = contents(ledger_file)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.DatabaseError, match=attack.says):
        attack.attack(hand)
    if connection.in_transaction:
        connection.execute("COMMIT")
    connection.close()

    after = contents(ledger_file)
    events_before, events_after = sorted(before.pop("events")), sorted(after.pop("events"))
    assert events_after[:len(events_before)] == events_before
    # Honest rows that the attack was built on may have stayed: a policy, a stage without runs that is held to it,
    # evidence that was due and that nobody measured. They count for nothing, and none that was there is gone.
    for table in ("policies", "evidence", "stage_policies", "replication_rules"):
        assert set(before.pop(table)) <= set(after.pop(table))
    assert after == before
    with open_ledger(ledger_file) as ledger:
        ledger.verify_chain()
        (dear,) = ledger.rows(campaign=CAMPAIGN, run_id=scene[1]["dear"])
        assert (dear.verdict, dear.status) == ("reject", "rejected")


@pytest.mark.parametrize("table", sorted(set(METADATA.tables) - set(OVERWRITTEN)))
def test_no_record_is_updated_deleted_or_replaced(table: str, ledger_file: Path) -> None:
    before = contents(ledger_file)
    assert before[table], "the scene has a row in every table"
    connection = raw(ledger_file)
    for pragma in CHECKS_OFF:
        connection.execute(pragma)
    names = ", ".join(c.name for c in METADATA.tables[table].columns if c.computed is None)
    first = next(iter(METADATA.tables[table].primary_key)).name
    statements = [rewrite.format(table=table, names=names, first=first) for rewrite in REWRITES]
    for statement in statements:
        with pytest.raises(sqlite3.DatabaseError):
            connection.execute(statement)
    connection.close()
    assert contents(ledger_file) == before


def test_attacks_are_many_and_named_once() -> None:
    names = [a.name for a in ATTACKS]
    assert len(names) == len(set(names)) >= 90


def test_the_honest_verdict_of_69403_by_hand_is_a_rejection(ledger_file: Path,
                                                            scene: tuple[Path, dict[str, str]]) -> None:
    connection = raw(ledger_file)
    Hand(connection, scene[1]).verdict("dear")
    found = connection.execute("SELECT verdict, fail_mask, budget_train_ms, budget_ms FROM verdicts "
                               "WHERE campaign_id = ?", [OTHER]).fetchall()
    connection.close()
    assert found == [("reject", 1, 69_403, 69_402)]
