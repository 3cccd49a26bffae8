"""What roles of a PostgreSQL server can try on a ledger there, and what comes of it.

Each is a script that the program ``psql`` runs in the role's name. *Refused*: the server says no, and nothing has
changed; before it the role's honest ``twin`` succeeds. *Found*: the owner of the tables cannot be stopped, and
``kdorch ledger verify`` names it by a disagreement of this ``kind``; where it is of the schema, no command opens the
ledger for writing any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Text

from orchestrator.ledger.tables import verdicts

Role = Literal["app", "owner", "administrator"]

_NEXT = ("SELECT seq + 1, hash, kd_sha256('[' || seq + 1 || ',\"' || hash || '\",\"' || at || '\",\"by_hand\",\"x\",' "
         "|| kd_json_string({payload}) || ']'), at, 'by_hand', 'x', {payload} FROM events ORDER BY seq DESC LIMIT 1")
HONEST_EVENT = f"INSERT INTO events {_NEXT.format(payload=chr(39) + '{}' + chr(39))}"
"""A correct next entry of the chain: any role that may write can make one."""
_NO_GUARD = "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"


@dataclass(frozen=True)
class ServerAttack:
    """``says`` is a pattern of the server's refusal, or of what verify says."""

    name: str
    role: Role
    statement: str
    outcome: Literal["refused", "found"]
    says: str
    kind: str = ""
    twin: str = HONEST_EVENT


def _refused(role: Role, name: str, statement: str, says: str, twin: str = HONEST_EVENT) -> ServerAttack:
    return ServerAttack(name, role, statement, "refused", says, twin=twin)


def _found(name: str, statement: str, kind: str, says: str) -> ServerAttack:
    return ServerAttack(name, "owner", statement, "found", says, kind)


def _behind(table: str, statement: str) -> str:
    """A statement with the guards of a table away, which are put back as they were."""
    guards = (f"SELECT format('ALTER TABLE {table} {{verb}} TRIGGER %I', tgname) FROM pg_trigger "
              f"WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal \\gexec")
    return f"{guards.replace('{verb}', 'DISABLE')}\n{statement};\n{guards.replace('{verb}', 'ENABLE ALWAYS')}"


def _appended(lies: str) -> str:
    """An honest event and the verdict that follows from it: the student's again, but for the lies."""
    names = [c.name for c in verdicts.columns if c.computed is None]
    given = {"run_id": "subject", "decided_at": "at", "event_seq": "seq"}
    values = ", ".join(given.get(n, f"(payload::jsonb ->> '{n}')::{'text' if _is_text(n) else 'integer'}")
                       for n in names)
    return f"""INSERT INTO events
        SELECT l.seq + 1, l.hash, kd_sha256('[' || l.seq + 1 || ',"' || l.hash || '","' || l.at
               || '","verdict_computed","' || w.subject || '",' || kd_json_string(w.payload) || ']'), l.at,
               'verdict_computed', w.subject, w.payload
        FROM (SELECT * FROM events ORDER BY seq DESC LIMIT 1) AS l,
             (SELECT subject, (payload::jsonb || '{lies}')::text AS payload FROM events
              WHERE kind = 'verdict_computed' AND payload::jsonb ->> 'role' = 'kd' ORDER BY seq DESC LIMIT 1) AS w;
    INSERT INTO verdicts ({', '.join(names)}) SELECT {values} FROM events ORDER BY seq DESC LIMIT 1"""


def _is_text(column: str) -> bool:
    return isinstance(verdicts.c[column].type, Text)


_APP = [
    _refused("app", "truncate_the_chain", "TRUNCATE events CASCADE", "permission denied"),
    _refused("app", "delete_a_rejection", "DELETE FROM verdicts WHERE verdict = 'reject'", "permission denied"),
    _refused("app", "merge_a_rejection_away",
             "MERGE INTO verdicts USING runs ON runs.run_id = verdicts.run_id WHEN MATCHED THEN DELETE",
             "permission denied"),
    _refused("app", "switch_a_guard_off", "ALTER TABLE verdicts DISABLE TRIGGER USER", "must be owner"),
    _refused("app", "drop_a_guard", "DROP TRIGGER verdicts_no_update ON verdicts", "must be owner"),
    _refused("app", "drop_a_table", "DROP TABLE verdicts CASCADE", "must be owner"),
    _refused("app", "drop_a_check", "ALTER TABLE policies DROP CONSTRAINT ck_policies_budget", "must be owner"),
    _refused("app", "make_the_verdict_an_ordinary_column",
             "ALTER TABLE verdicts ALTER COLUMN verdict DROP EXPRESSION", "must be owner"),
    _refused("app", "write_the_word_of_a_verdict", "UPDATE verdicts SET verdict = 'promote'",
             "permission denied|can only be updated to DEFAULT"),
    _refused("app", "insert_the_word_of_a_verdict",
             "INSERT INTO verdicts (verdict) OVERRIDING SYSTEM VALUE VALUES ('promote')",
             "cannot insert a non-DEFAULT value"),
    _refused("app", "replace_a_guards_function", f"CREATE OR REPLACE FUNCTION verdicts_follow() {_NO_GUARD}",
             "permission denied|must be owner"),
    _refused("app", "replace_a_view", "CREATE OR REPLACE VIEW verdict_inputs AS SELECT * FROM verdicts",
             "permission denied|must be owner"),
    _refused("app", "put_a_rule_before_a_guard", "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING",
             "must be owner"),
    _refused("app", "put_a_trigger_before_a_guard",
             "CREATE TRIGGER a BEFORE INSERT ON verdicts FOR EACH ROW EXECUTE FUNCTION kd_one_writer()",
             "permission denied"),
    _refused("app", "make_a_table_beside_the_ledgers", "CREATE TABLE more (x integer)", "permission denied"),
    _refused("app", "add_rows_by_a_child_table", "CREATE TEMP TABLE more () INHERITS (verdicts)", "must be owner"),
    _refused("app", "hide_the_legal_moves_behind_a_temporary_table",
             "CREATE TEMP TABLE attempt_edges AS SELECT * FROM attempt_edges; "
             "INSERT INTO attempt_edges VALUES ('planned', 'finished'); "
             "UPDATE public.attempts SET state = 'finished', outcome = 'completed' WHERE state = 'planned'",
             "attempts: the lifecycle has no such move"),
    _refused("app", "hide_a_function_behind_a_temporary_one",
             "CREATE FUNCTION pg_temp.kd_json_valid(body text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; "
             "SET search_path = pg_temp, public; "
             f"INSERT INTO events {_NEXT.format(payload=chr(39) + '{' + chr(39))}", "ck_events_payload"),
    _refused("app", "set_replica_mode", "SET session_replication_role = replica", "permission denied"),
    _refused("app", "become_the_owner", "SET ROLE kd_owner", "permission denied"),
    _refused("app", "grant_oneself_more", "GRANT UPDATE ON verdicts TO kd_app; UPDATE verdicts SET run_id = run_id",
             "permission denied"),
    _refused("app", "load_rows_by_a_program", "COPY verdicts FROM PROGRAM 'echo'", "permission denied|superuser"),
    _refused("app", "read_the_servers_files", "SELECT pg_read_file('/etc/hostname')", "permission denied"),
    _refused("app", "lock_everybody_out", "LOCK TABLE events IN ACCESS EXCLUSIVE MODE", "permission denied"),
    _refused("app", "pretend_another_revision", "UPDATE alembic_version SET version_num = '0001'",
             "permission denied"),
    _refused("app", "rename_a_host_that_was_seen", "UPDATE host_reachability SET host = 'elsewhere'",
             "permission denied"),
    _refused("app", "move_an_attempt_to_another_run", "UPDATE attempts SET run_id = repeat('a', 64)",
             "permission denied"),
    _refused("app", "register_a_parser", "INSERT INTO parsers VALUES ('generous/1', 'sealed', 9)",
             "permission denied"),
    _refused("app", "forge_the_hash_of_an_event",
             "INSERT INTO events SELECT seq + 1, hash, repeat('a', 64), at, 'by_hand', 'x', '{}' FROM events "
             "ORDER BY seq DESC LIMIT 1", "events: the hash is not that of the entry"),
    _refused("app", "change_an_event_under_its_hash",
             HONEST_EVENT.replace("'by_hand', 'x'", "'by_hand', 'y'"), "events: the hash is not that of the entry"),
    _refused("app", "call_a_policy_what_it_is_not",
             "INSERT INTO policies (policy_id, name, role, gate_mask, budget_ms, trend_points, trend_min_drop_u6, "
             "target_u6, body) SELECT repeat('a', 64), name, role, gate_mask, budget_ms, trend_points, "
             "trend_min_drop_u6, target_u6, body FROM policies LIMIT 1", "policies: the id is not the sha256 of body"),
    _refused("app", "call_a_run_what_it_is_not",
             "INSERT INTO runs SELECT repeat('b', 64), spec_json, config_id, mode, seed, origin, recorded_at "
             "FROM runs LIMIT 1", "runs: the id is not the sha256 of spec_json"),
    _refused("app", "decide_from_an_old_snapshot",
             f"COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; {HONEST_EVENT}", "read committed"),
]
_OWNER_REFUSED = [
    _refused("owner", "truncate_everything_as_the_owner", "TRUNCATE events CASCADE", "nothing is ever deleted"),
    _refused("owner", "truncate_the_waivers_as_the_owner", "TRUNCATE waivers", "waivers: nothing is ever deleted"),
    _refused("owner", "delete_a_rejection_as_the_owner", "DELETE FROM verdicts", "verdicts: nothing is ever deleted"),
    _refused("owner", "edit_an_event_as_the_owner", "UPDATE events SET at = 'x'", "events: nothing is ever changed"),
    _refused("owner", "write_the_word_of_a_verdict_as_the_owner", "UPDATE verdicts SET verdict = 'promote'",
             "can only be updated to DEFAULT"),
    _refused("owner", "register_a_parser_as_the_owner", "INSERT INTO parsers VALUES ('generous/1', 'sealed', 9)",
             "filled by migrations alone"),
    _refused("owner", "set_replica_mode_as_the_owner", "SET session_replication_role = replica", "permission denied"),
    _refused("owner", "forge_the_hash_of_an_event_as_the_owner",
             "INSERT INTO events SELECT seq + 1, hash, repeat('a', 64), at, 'by_hand', 'x', '{}' FROM events "
             "ORDER BY seq DESC LIMIT 1", "events: the hash is not that of the entry"),
    _refused("administrator", "edit_a_verdict_in_replica_mode",
             "SET session_replication_role = replica; UPDATE verdicts SET budget_train_ms = 1",
             "verdicts: nothing is ever changed"),
    _refused("administrator", "refer_to_nothing_in_replica_mode",
             "SET session_replication_role = replica; INSERT INTO anchors VALUES "
             "(repeat('a', 64), 1, repeat('b', 64), 'nowhere', '2026-01-01T00:00:00Z')",
             "anchors: "),
]
_OWNER_FOUND = [
    _found("leave_a_guard_switched_off", "ALTER TABLE verdicts DISABLE TRIGGER verdicts_no_update", "schema",
           "triggers are not those"),
    _found("leave_a_guard_that_replica_mode_skips", "ALTER TABLE verdicts ENABLE TRIGGER verdicts_no_update",
           "schema", "triggers are not those"),
    _found("drop_a_guard_for_good", "DROP TRIGGER promotions_earned ON promotions", "schema", "triggers are not those"),
    _found("empty_a_guards_function", f"CREATE OR REPLACE FUNCTION verdicts_follow() {_NO_GUARD}", "schema",
           "triggers are not those"),
    _found("let_temporary_tables_stand_in", "ALTER FUNCTION verdicts_follow() RESET search_path", "schema",
           "triggers are not those"),
    _found("put_a_trigger_of_ones_own",
           f"CREATE FUNCTION kinder() {_NO_GUARD}; "
           "CREATE TRIGGER a BEFORE INSERT ON measurements FOR EACH ROW EXECUTE FUNCTION kinder()",
           "schema", "triggers are not those"),
    _found("put_a_rule_in_the_way", "CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING", "schema",
           "triggers are not those"),
    _found("drop_a_check_for_good", "ALTER TABLE measurements DROP CONSTRAINT ck_measurements_times", "schema",
           "triggers are not those"),
    _found("widen_a_check", "ALTER TABLE measurements DROP CONSTRAINT ck_measurements_times, "
           "ADD CONSTRAINT ck_measurements_times CHECK (train_time_ms >= -5 AND teacher_train_time_ms >= 0 AND "
           "wall_ms >= 0)", "schema", "triggers are not those"),
    _found("choose_a_kinder_view",
           "CREATE OR REPLACE VIEW current_measurements AS SELECT e.run_id, e.attempt_no, e.kind, m.* "
           "FROM evidence AS e JOIN measurements AS m ON m.evidence_id = e.evidence_id", "schema",
           "triggers are not those"),
    _found("hide_rows_by_a_policy", "ALTER TABLE challenges ENABLE ROW LEVEL SECURITY", "schema",
           "triggers are not those"),
    _found("add_rows_by_a_child_table_elsewhere",
           "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.more () INHERITS (waivers)", "schema",
           "triggers are not those"),
    _found("let_the_app_update_verdicts", "GRANT UPDATE ON verdicts TO kd_app", "schema",
           "kd_app has the right UPDATE on verdicts"),
    _found("let_everybody_delete", "GRANT DELETE ON events TO PUBLIC", "schema",
           "PUBLIC has the right DELETE on events"),
    _found("let_the_app_make_functions", "GRANT CREATE ON SCHEMA public TO kd_app", "schema",
           "kd_app may create tables and functions"),
    _found("write_the_word_of_a_verdict_for_good",
           "ALTER TABLE verdicts ALTER COLUMN verdict DROP EXPRESSION;\n"
           + _behind("verdicts", "UPDATE verdicts SET verdict = 'promote' WHERE verdict = 'reject' "
                     "AND run_id NOT IN (SELECT by_run_id FROM challenges)"),
           "verdict", "verdict is 'promote'; the policy says 'reject'"),
    _found("edit_an_event_behind_its_guards",
           _behind("events", "UPDATE events SET payload = '{\"kinder\":1}' WHERE seq = 3"), "chain",
           "altered after it was written"),
    _found("cut_out_an_event", _behind("events", "DELETE FROM events WHERE kind = 'person_note'"), "chain",
           "does not follow"),
    _found("drop_a_waiver_behind_its_guards", _behind("waivers", "DELETE FROM waivers"), "row", ""),
    _found("improve_a_measurement_behind_its_guards",
           _behind("measurements", "UPDATE measurements SET best_val_u6 = 1"), "row", ""),
    _found("rewrite_an_outcome_behind_its_guards",
           _behind("attempts", "UPDATE attempts SET outcome = 'completed' WHERE outcome = 'lost_reboot'"), "row", ""),
    _found("rename_a_policy_behind_its_guards", _behind("policies", "UPDATE policies SET name = 'strict'"), "row",
           "name"),
    _found("append_a_verdict_by_hand", _behind("verdicts", _appended('{"verdict_no":2,"steps_to_target":25}')),
           "verdict", "steps_to_target is 25"),
    _found("move_an_anchor_behind_its_guards",
           _behind("anchors", "UPDATE anchors SET place = 'elsewhere'"), "anchor", "not the sha256"),
]
SERVER_ATTACKS = [*_APP, *_OWNER_REFUSED, *_OWNER_FOUND]
"""Every attack of this page, in order; names are unique."""
