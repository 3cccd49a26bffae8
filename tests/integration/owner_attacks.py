"""What the owner of a ledger's files can do to them, and which check of ``kdorch ledger verify`` then finds it.

A trigger cannot stop who owns the file: it can be dropped, and the file is bytes. So these attacks all succeed, and
each leaves the guards exactly as they were unless the guard itself is what it is after. Those in SQL are run by the
``sqlite3`` program on the ledger's file. In them ``{off:TABLE}`` drops every trigger of a table and ``{on:TABLE}``
makes them again, as they stand in the file.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.ledger.chain import event_hash
from orchestrator.ledger.listing_cache import Asked, cache_path
from tests.integration.ledger_kit import open_ledger
from tests.integration.proven_ledger import without_guards


@dataclass(frozen=True)
class OwnerAttack:
    """``does`` is SQL, or a function of the ledger's home. ``kind`` and ``says`` are of the disagreement that must be
    among those found. ``needs_anchor``: only a head of the chain that was kept elsewhere finds it."""

    name: str
    does: str | Callable[[Home], object]
    kind: str
    says: str
    needs_anchor: bool = False

    def run(self, home: Home) -> None:
        """Do it to the files of ``home``."""
        if not isinstance(self.does, str):
            self.does(home)
            return
        run_sql(home.ledger, filled(home.ledger, self.does))


def filled(path: Path, script: str) -> str:
    """The script with the guards' own statements in it."""
    with closing(sqlite3.connect(path)) as connection:
        guards = connection.execute("SELECT tbl_name, name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()

    def statements(found: re.Match[str]) -> str:
        mine = [(name, sql) for table, name, sql in guards if table == found[2]]
        assert mine, f"{found[2]} has no guard"
        return "\n".join(f"DROP TRIGGER {name};" if found[1] == "off" else f"{sql};" for name, sql in mine)

    return re.sub(r"\{(off|on):(\w+)\}", statements, script)


def run_sql(path: Path, script: str) -> None:
    """By the ``sqlite3`` program where there is one, else by Python's own SQLite, which is the same library."""
    program = shutil.which("sqlite3")
    if program is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        return
    done = subprocess.run([program, "-bail", str(path)], input=script.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _every_log_line_cheaper(home: Home) -> None:
    log = _log(home)
    log.write_bytes(log.read_bytes().replace(b"train_time:1", b"train_time:0"))


def _log_and_manifest(home: Home) -> None:
    """The log, its line in the manifest, and the ledger's row of it: all but the ids that are digests."""
    log = _log(home)
    before = log.read_bytes()
    _every_log_line_cheaper(home)
    old, new = (_digest(data) for data in (before, log.read_bytes()))
    manifest = log.with_name("manifest.json")
    manifest.write_bytes(manifest.read_bytes().replace(old.encode(), new.encode()))
    run_sql(home.ledger, filled(home.ledger, f"""
        {{off:evidence_files}} {{off:evidence}}
        UPDATE evidence_files SET sha256 = '{new}' WHERE sha256 = '{old}';
        UPDATE evidence SET statement = replace(statement, '{old}', '{new}');
        {{on:evidence_files}} {{on:evidence}}"""))


def _swap_evidence(home: Home) -> None:
    one, other = sorted(p for p in (home.root / "evidence").glob("*/1") if (p / "train.log").exists())[:2]
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def _remove_evidence(home: Home) -> None:
    shutil.rmtree(_log(home).parent)


def _better_seal(home: Home) -> None:
    seal = _log(home).with_name("exit.json")
    body = json.loads(seal.read_bytes())
    seal.write_text(json.dumps({**body, "wall_ms": body["wall_ms"] + 1}, sort_keys=True, separators=(",", ":")) + "\n")


def _new_ledger(home: Home) -> None:
    """A ledger without any run in the place of the one that was judged against its owner."""
    assert isinstance(home.ledger, Path)
    home.ledger.unlink()
    with open_ledger(home.root / "new.sqlite", root=home.root / "nowhere"):
        pass
    (home.root / "new.sqlite").rename(home.ledger)


def _kinder_listing(home: Home) -> None:
    """What listings are answered from is a file of its own, and no record."""
    with open_ledger(home.ledger) as ledger:
        ledger.listing(Asked())
        place = cache_path(home.ledger)
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("UPDATE listed SET verdict = 'promote', final_val = 1.0 WHERE name = 'confirm/strict-s22'")
        connection.commit()


def _other_summary(home: Home) -> None:
    summary = _log(home).parent / "derived" / "summary.csv"
    summary.write_bytes(summary.read_bytes().replace(b",", b", ", 1))


def _patch_the_bytes(home: Home) -> None:
    """A stored generated column is plain bytes of the file to whoever opens it without SQLite."""
    data = home.ledger.read_bytes()
    with closing(sqlite3.connect(home.ledger)) as connection:
        numbers, = connection.execute(
            "SELECT measured_numbers FROM verdicts WHERE measured_numbers LIKE '0|1|%' LIMIT 1").fetchone()
    home.ledger.write_bytes(data.replace(numbers.encode(), b"0|0|" + numbers[4:].encode()))


def _chain_made_anew(home: Home) -> None:
    """Rewrite an event and the row that follows from it, then every hash after it: nothing inside disagrees."""
    with closing(sqlite3.connect(home.ledger)) as connection:
        guards = [sql for table in ("events", "asset_names", "anchors", *_referring(connection))
                  for sql in without_guards(connection, table)]
        connection.execute("UPDATE asset_names SET size_bytes = 2")
        prev = "0" * 64
        anew: dict[str, str] = {}
        for seq, was, at, kind, subject, payload in connection.execute(
                "SELECT seq, hash, at, kind, subject, payload FROM events ORDER BY seq").fetchall():
            text = payload.replace('"size_bytes":1', '"size_bytes":2') if kind == "asset_named" else payload
            now = event_hash(seq, prev, at, kind, subject, text)
            connection.execute("UPDATE events SET payload = ?, prev_hash = ?, hash = ? WHERE seq = ?",
                               (text, prev, now, seq))
            prev = anew[was] = now
        for sql in guards:
            connection.execute(sql)
        connection.commit()


def _referring(connection: sqlite3.Connection) -> list[str]:
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return [t for t in tables if t not in ("events", "asset_names", "anchors") and any(
        row[2:5] == ("events", "hash", "hash") for row in connection.execute(f"PRAGMA foreign_key_list({t})"))]


def _append(connection: sqlite3.Connection, table: str, kind: str, run: str, **lies: object) -> None:
    """Append an honest event and the row that follows from it, as the last of its kind but for the lies, with the
    guards of the table away meanwhile: the chain only grows, and nothing that was there changes."""
    connection.row_factory = sqlite3.Row
    was = connection.execute(
        "SELECT subject, payload FROM events WHERE kind = ? AND subject LIKE (SELECT coalesce((SELECT run_id FROM "
        "campaign_runs WHERE name = ?), '%')) ORDER BY seq DESC LIMIT 1", (kind, run)).fetchone()
    payload = {**json.loads(was["payload"]), **lies}
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    last = connection.execute("SELECT seq + 1 AS seq, hash, at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    head = (last["seq"], last["hash"], last["at"], kind, was["subject"], text)
    connection.execute("INSERT INTO events (seq, prev_hash, at, kind, subject, payload, hash) "
                       "VALUES (?, ?, ?, ?, ?, ?, ?)", (*head, event_hash(*head)))
    row = {**({"run_id": was["subject"]} if table == "verdicts" else {}), **payload, "decided_at": last["at"],
           "event_seq": last["seq"]}
    guards = without_guards(connection, table)
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
    for sql in guards:
        connection.execute(sql)
    connection.commit()


def _budget_of_another(home: Home) -> None:
    """A second verdict on the teacher, by what another run was measured to take."""
    with closing(sqlite3.connect(home.ledger)) as connection:
        other = connection.execute(
            "SELECT m.evidence_id, m.parser_id, m.budget_basis_ms FROM measurements AS m JOIN evidence AS e "
            "ON e.evidence_id = m.evidence_id JOIN campaign_runs AS c ON c.run_id = e.run_id "
            "WHERE c.name = 'confirm/kind-s21'").fetchone()
        _append(connection, "verdicts", "verdict_computed", "proof/quick-s0", verdict_no=2,
                **dict(zip(("budget_evidence_id", "budget_parser_id", "budget_train_ms"), other, strict=True)))


def _target_reached(home: Home) -> None:
    """A second verdict on the run that missed its target, and it says promote."""
    with closing(sqlite3.connect(home.ledger)) as connection:
        _append(connection, "verdicts", "verdict_computed", "confirm/strict-s22", verdict_no=2, steps_to_target=25)
        assert connection.execute("SELECT verdict FROM verdicts ORDER BY event_seq DESC").fetchone()[0] == "promote"


def _older_rule(home: Home) -> None:
    with closing(sqlite3.connect(home.ledger)) as connection:
        _append(connection, "verdicts", "verdict_computed", "confirm/kind-s21", verdict_no=2, rule=1)


def _better_seeds(home: Home) -> None:
    with closing(sqlite3.connect(home.ledger)) as connection:
        _append(connection, "replications", "replication_computed", "", replication_no=2, margin_u6=900_000,
                squares=500_000_000_000)


def _log(home: Home) -> Path:
    return min((home.root / "evidence").glob("*/1/train.log"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_ONE_VERDICT = "event_seq = (SELECT max(event_seq) FROM verdicts)"

OWNER_ATTACKS = [
    # Guards
    OwnerAttack("drop_a_guard", "DROP TRIGGER verdicts_no_update;", "schema", "not those of this revision"),
    OwnerAttack("put_an_empty_guard_in_its_place", """
        DROP TRIGGER verdicts_no_update;
        CREATE TRIGGER verdicts_no_update BEFORE UPDATE ON verdicts WHEN 1 BEGIN SELECT 1; END;""",
                "schema", "not those of this revision"),
    OwnerAttack("edit_a_check_in_the_stored_schema", """
        PRAGMA writable_schema = ON;
        UPDATE sqlite_schema SET sql = replace(sql, 'ck_promotions_verdict CHECK (verdict = ''promote'')',
            'ck_promotions_verdict CHECK (verdict = ''reject'')') WHERE name = 'promotions';
        PRAGMA writable_schema = RESET;""", "schema", "not those of this revision"),
    OwnerAttack("put_a_view_in_the_place_of_a_rule", """
        DROP VIEW verdict_inputs;
        CREATE VIEW verdict_inputs AS SELECT 1 AS campaign_id;""", "schema", "not those of this revision"),
    OwnerAttack("claim_an_older_revision", "UPDATE alembic_version SET version_num = '0001';", "schema",
                "not those of this revision"),
    OwnerAttack("claim_a_revision_that_never_was", "UPDATE alembic_version SET version_num = '9999';", "schema",
                "does not know it"),
    # Rows, with the guards away and back again
    OwnerAttack("turn_a_rejection_into_a_promotion", f"""
        {{off:verdicts}} PRAGMA ignore_check_constraints = ON;
        UPDATE verdicts SET budget_train_ms = 1, val_1_u6 = 1, complete = 1, gate_mask = 0 WHERE {_ONE_VERDICT};
        {{on:verdicts}}""", "row", "the events say"),
    OwnerAttack("delete_a_verdict", f"{{off:verdicts}} DELETE FROM verdicts WHERE {_ONE_VERDICT}; {{on:verdicts}}",
                "row", "it is not there"),
    OwnerAttack("loosen_a_pinned_policy", """
        {off:policies} UPDATE policies SET budget_ms = 1000000000 WHERE budget_ms IS NOT NULL; {on:policies}""",
                "row", "budget_ms is 1000000000"),
    OwnerAttack("loosen_a_pinned_policy_and_its_body", """
        {off:policies}
        UPDATE policies SET budget_ms = 1000000000, body = replace(body, budget_ms, 1000000000)
            WHERE budget_ms IS NOT NULL;
        {on:policies}""", "policy", "not the sha256 of its body"),
    OwnerAttack("pin_another_policy", """
        {off:stage_policies}
        UPDATE stage_policies SET policy_id = (SELECT policy_id FROM policies WHERE name = 'two-seeds')
            WHERE stage = 'kind';
        {on:stage_policies}""", "row", "policy_id is"),
    OwnerAttack("promote_what_was_rejected", """
        {off:promotions} PRAGMA ignore_check_constraints = ON;
        UPDATE promotions SET run_id = (SELECT run_id FROM verdicts WHERE verdict <> 'promote' LIMIT 1)
            WHERE event_seq = (SELECT max(event_seq) FROM promotions);
        {on:promotions}""", "row", "no event speaks of this row"),
    OwnerAttack("write_that_a_replication_passed", """
        {off:replications} PRAGMA ignore_check_constraints = ON;
        UPDATE replications SET margin_u6 = 900000; {on:replications}""", "row", "margin_u6 is 900000"),
    # An honest event and a row that follows from it, appended, with the guards away meanwhile
    OwnerAttack("append_a_verdict_by_another_runs_budget", _budget_of_another, "verdict",
                "links and pins of that moment say"),
    OwnerAttack("append_a_verdict_that_the_target_was_reached", _target_reached, "verdict", "steps_to_target is 25"),
    OwnerAttack("append_a_verdict_by_a_rule_of_before", _older_rule, "verdict", "there was rule 2 already"),
    OwnerAttack("append_a_replication_with_better_sums", _better_seeds, "verdict", "margin_u6 is 900000"),
    OwnerAttack("shorten_a_measured_train_time", """
        {off:measurements} UPDATE measurements SET train_time_ms = 1; {on:measurements}""",
                "row", "train_time_ms is 1"),
    OwnerAttack("lower_a_validation_that_no_gate_reads", """
        {off:validations} UPDATE validations SET val_u6 = 1000000 WHERE ordinal = 4; {on:validations}""",
                "measurement", "validations are stored that are not"),
    OwnerAttack("edit_a_spec", """
        {off:runs} UPDATE runs SET spec_json = replace(spec_json, '"seed":0', '"seed":9'); {on:runs}""",
                "run", "not the sha256 of its spec"),
    OwnerAttack("rewrite_an_outcome", """
        {off:attempts} UPDATE attempts SET outcome = 'oom' WHERE outcome = 'completed'; {on:attempts}""",
                "row", "outcome is 'oom'"),
    OwnerAttack("prolong_a_waiver", "{off:waivers} UPDATE waivers SET until = '9999-12-31'; {on:waivers}", "row",
                "until is '9999-12-31'"),
    OwnerAttack("unmake_a_challenge", "{off:challenges} DELETE FROM challenges; {on:challenges}", "row",
                "it is not there"),
    OwnerAttack("add_a_legal_move", """
        {off:attempt_edges} INSERT INTO attempt_edges VALUES ('planned', 'finished'); {on:attempt_edges}""",
                "row", "not those of the lifecycle"),
    OwnerAttack("patch_a_generated_column_in_the_bytes", _patch_the_bytes, "row", "measured_numbers is"),
    # The chain
    OwnerAttack("edit_an_event", """
        {off:events} UPDATE events SET payload = replace(payload, 'completed', 'cancelled'); {on:events}""",
                "chain", "was altered after it was written"),
    OwnerAttack("delete_an_event_in_the_middle", "{off:events} DELETE FROM events WHERE seq = 9; {on:events}", "chain",
                "does not follow"),
    OwnerAttack("delete_a_verdict_and_its_event", f"""
        {{off:events}} {{off:verdicts}}
        DELETE FROM events WHERE seq = (SELECT max(event_seq) FROM verdicts);
        DELETE FROM verdicts WHERE {_ONE_VERDICT};
        {{on:events}} {{on:verdicts}}""", "chain", "does not follow"),
    OwnerAttack("cut_off_the_end_of_the_chain", """
        {off:events} DELETE FROM events WHERE seq > (SELECT max(seq) FROM events) - 3; {on:events}""",
                "row", "no event speaks of this row"),
    OwnerAttack("cut_off_the_end_with_all_that_follows_from_it", """
        {off:events} {off:asset_names}
        DELETE FROM asset_names; DELETE FROM events WHERE seq = (SELECT max(seq) FROM events);
        {on:events} {on:asset_names}""", "anchor", "cut off", needs_anchor=True),
    OwnerAttack("make_the_whole_chain_anew", _chain_made_anew, "anchor", "made anew", needs_anchor=True),
    # Evidence
    OwnerAttack("edit_a_log", _every_log_line_cheaper, "file", "has sha256"),
    OwnerAttack("edit_a_log_with_manifest_and_rows", _log_and_manifest, "evidence", "not the sha256 of its statement"),
    OwnerAttack("swap_the_evidence_of_two_runs", _swap_evidence, "file", "the evidence says"),
    OwnerAttack("remove_evidence", _remove_evidence, "file", "cannot be read"),
    OwnerAttack("begin_a_new_ledger_beside_the_evidence", _new_ledger, "evidence", "no row of the ledger names it"),
    OwnerAttack("edit_a_seal", _better_seal, "file", "not the seal that the ledger holds"),
    OwnerAttack("show_a_better_run_in_listings", _kinder_listing, "listing", "the ledger says 'reject'"),
    OwnerAttack("edit_a_derived_summary", _other_summary, "file", "the evidence says"),
]
