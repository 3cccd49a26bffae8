-- Revision 0002. attempts and verdicts are made anew, because SQLite cannot alter a CHECK or a generated column; their
-- rows are carried over as they are. The rules of 0001_tables.sql for how tables are written hold here too.

-- The one table whose rows move, along attempt_edges. New: outcomes over_budget, nccl, xid and jit_crash, and
-- override_json, what an attempt was asked to do other than its spec says.
CREATE TABLE attempts (
    run_id TEXT NOT NULL,
    attempt_no INTEGER NOT NULL,
    state TEXT NOT NULL,
    host TEXT,
    bundle TEXT,
    dispatch_sha256 TEXT,
    outcome TEXT,
    exit_json TEXT,
    override_json TEXT,
    planned_at TEXT NOT NULL,
    placed_at TEXT,
    started_at TEXT,
    ended_at TEXT,
    finished_at TEXT,
    PRIMARY KEY (run_id, attempt_no),
    CONSTRAINT fk_attempts_run FOREIGN KEY (run_id) REFERENCES runs (run_id),
    CONSTRAINT ck_attempts_no CHECK (attempt_no >= 1),
    CONSTRAINT ck_attempts_state CHECK (state IN ('planned', 'staging', 'queued', 'running', 'collecting', 'finished', 'abandoned')),
    CONSTRAINT ck_attempts_outcome CHECK (outcome IN ('completed', 'failed', 'oom', 'nan', 'timed_out', 'cancelled', 'disk_full', 'refused', 'lost_reboot', 'lost_supervisor', 'imported', 'withdrawn', 'over_budget', 'nccl', 'xid', 'jit_crash')),
    CONSTRAINT ck_attempts_ended CHECK ((outcome IS NULL) = (state IN ('planned', 'staging', 'queued', 'running'))),
    CONSTRAINT ck_attempts_text CHECK (length(host) BETWEEN 1 AND 200 AND length(bundle) <= 128 AND length(dispatch_sha256) <= 128),
    CONSTRAINT ck_attempts_override CHECK (CASE WHEN override_json IS NULL THEN 1 WHEN length(override_json) > 65536 OR NOT json_valid(override_json) THEN 0 ELSE json_extract(override_json, '$.reason') IS 'oom_fallback' END),
    CONSTRAINT ck_attempts_exit CHECK (exit_json IS NULL OR (length(exit_json) <= 1048576 AND json_valid(exit_json)))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ix_attempts_one_open ON attempts (run_id) WHERE state NOT IN ('finished', 'abandoned');

-- What the evidence says under the pinned policy; the last four columns are computed here and can be written by nobody.
-- rule 1: as revision 0001 judged; those rows keep the words they were given. rule 2: no_oom_fallback is asked of every
-- run, also where the policy does not name it, so that a fallback is never promoted.
CREATE TABLE verdicts (
    campaign_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    run_id TEXT NOT NULL,
    verdict_no INTEGER NOT NULL,
    role TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    gate_mask INTEGER NOT NULL,
    budget_ms INTEGER,
    trend_points INTEGER NOT NULL,
    trend_min_drop_u6 INTEGER NOT NULL,
    target_u6 INTEGER,
    evidence_id TEXT NOT NULL,
    parser_id TEXT NOT NULL,
    asserted INTEGER NOT NULL,
    complete INTEGER,
    oom_fallback INTEGER,
    val_finite INTEGER,
    val_1_u6 INTEGER,
    val_2_u6 INTEGER,
    val_3_u6 INTEGER,
    val_4_u6 INTEGER,
    comparison_key TEXT,
    budget_evidence_id TEXT,
    budget_parser_id TEXT,
    budget_train_ms INTEGER,
    reference_evidence_id TEXT,
    reference_parser_id TEXT,
    reference_key TEXT,
    steps_to_target INTEGER,
    replicated INTEGER,
    rule INTEGER NOT NULL DEFAULT 2,
    decided_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    policy_numbers TEXT NOT NULL GENERATED ALWAYS AS (
        gate_mask || '|' || coalesce(budget_ms, '-') || '|' || trend_points || '|' || trend_min_drop_u6
        || '|' || coalesce(target_u6, '-')) STORED,
    measured_numbers TEXT NOT NULL GENERATED ALWAYS AS (
        asserted || '|' || coalesce(complete, '-') || '|' || coalesce(oom_fallback, '-') || '|'
        || coalesce(val_finite, '-') || '|' || coalesce(val_1_u6, '-') || '|' || coalesce(val_2_u6, '-') || '|'
        || coalesce(val_3_u6, '-') || '|' || coalesce(val_4_u6, '-') || '|' || coalesce(comparison_key, '-')) STORED,
    fail_mask INTEGER NOT NULL GENERATED ALWAYS AS (
        gate_mask & (
              CASE WHEN budget_train_ms > budget_ms THEN 1 ELSE 0 END
            + CASE WHEN val_finite = 0
                     OR (trend_points >= 2 AND val_1_u6 - val_2_u6 < trend_min_drop_u6)
                     OR (trend_points >= 3 AND val_2_u6 - val_3_u6 < trend_min_drop_u6)
                     OR (trend_points >= 4 AND val_3_u6 - val_4_u6 < trend_min_drop_u6) THEN 2 ELSE 0 END
            + CASE WHEN oom_fallback <> 0 THEN 4 ELSE 0 END
            + CASE WHEN complete <> 1 THEN 8 ELSE 0 END
            + CASE WHEN steps_to_target IS NULL AND complete IS NOT NULL THEN 16 ELSE 0 END
            + CASE WHEN comparison_key <> reference_key THEN 32 ELSE 0 END
            + CASE WHEN replicated <> 1 THEN 64 ELSE 0 END)
        | CASE WHEN rule >= 2 AND oom_fallback <> 0 THEN 4 ELSE 0 END) STORED,
    missing_mask INTEGER NOT NULL GENERATED ALWAYS AS (
        gate_mask & ~fail_mask & (
              CASE WHEN budget_train_ms IS NULL THEN 1 ELSE 0 END
            + CASE WHEN val_finite IS NULL OR val_1_u6 IS NULL
                     OR (trend_points >= 2 AND val_2_u6 IS NULL)
                     OR (trend_points >= 3 AND val_3_u6 IS NULL)
                     OR (trend_points >= 4 AND val_4_u6 IS NULL) THEN 2 ELSE 0 END
            + CASE WHEN oom_fallback IS NULL THEN 4 ELSE 0 END
            + CASE WHEN complete IS NULL THEN 8 ELSE 0 END
            + CASE WHEN steps_to_target IS NULL AND complete IS NULL THEN 16 ELSE 0 END
            + CASE WHEN comparison_key IS NULL OR reference_key IS NULL THEN 32 ELSE 0 END
            + CASE WHEN replicated IS NULL THEN 64 ELSE 0 END)) STORED,
    budget_result TEXT GENERATED ALWAYS AS (
        CASE WHEN gate_mask & 1 = 0 THEN NULL WHEN fail_mask & 1 THEN 'fail'
             WHEN missing_mask & 1 THEN 'unknown' ELSE 'pass' END) STORED,
    verdict TEXT NOT NULL GENERATED ALWAYS AS (
        CASE WHEN asserted <> 0 THEN 'inconclusive' WHEN fail_mask <> 0 THEN 'reject'
             WHEN missing_mask <> 0 THEN 'inconclusive' ELSE 'promote' END) STORED,
    PRIMARY KEY (campaign_id, run_id, verdict_no),
    CONSTRAINT uq_verdicts_word UNIQUE (campaign_id, run_id, verdict_no, verdict),
    CONSTRAINT fk_verdicts_member FOREIGN KEY (campaign_id, stage, run_id, role) REFERENCES campaign_runs (campaign_id, stage, run_id, role),
    CONSTRAINT fk_verdicts_pin FOREIGN KEY (campaign_id, stage, policy_id) REFERENCES stage_policies (campaign_id, stage, policy_id),
    CONSTRAINT fk_verdicts_policy FOREIGN KEY (policy_id, policy_numbers) REFERENCES policies (policy_id, gate_numbers),
    CONSTRAINT fk_verdicts_role FOREIGN KEY (policy_id, role) REFERENCES policies (policy_id, role),
    CONSTRAINT fk_verdicts_evidence FOREIGN KEY (evidence_id, run_id) REFERENCES evidence (evidence_id, run_id),
    CONSTRAINT fk_verdicts_measurement FOREIGN KEY (evidence_id, parser_id, measured_numbers) REFERENCES measurements (evidence_id, parser_id, gate_numbers),
    CONSTRAINT fk_verdicts_budget FOREIGN KEY (budget_evidence_id, budget_parser_id, budget_train_ms) REFERENCES measurements (evidence_id, parser_id, budget_basis_ms),
    CONSTRAINT fk_verdicts_reference FOREIGN KEY (reference_evidence_id, reference_parser_id, reference_key) REFERENCES measurements (evidence_id, parser_id, comparison_key),
    CONSTRAINT fk_verdicts_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_verdicts_no CHECK (verdict_no >= 1),
    CONSTRAINT ck_verdicts_budget CHECK ((budget_evidence_id IS NULL) = (budget_train_ms IS NULL) AND (budget_parser_id IS NULL) = (budget_train_ms IS NULL)),
    CONSTRAINT ck_verdicts_reference CHECK ((reference_evidence_id IS NULL) = (reference_key IS NULL) AND (reference_parser_id IS NULL) = (reference_key IS NULL))
) STRICT, WITHOUT ROWID;

-- What a host was found to have and to be able to do; the latest row of a host counts.
CREATE TABLE host_facts (
    host TEXT NOT NULL,
    fact_no INTEGER NOT NULL,
    observed_at TEXT NOT NULL,
    facts TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (host, fact_no),
    CONSTRAINT fk_host_facts_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_host_facts_text CHECK (length(host) BETWEEN 1 AND 200 AND fact_no >= 1),
    CONSTRAINT ck_host_facts_json CHECK (length(facts) <= 1048576 AND json_valid(facts))
) STRICT, WITHOUT ROWID;

-- Names that people give to assets. The latest naming of a name counts; one without a digest takes the name back.
CREATE TABLE asset_names (
    name TEXT NOT NULL,
    naming_no INTEGER NOT NULL,
    sha256 TEXT,
    size_bytes INTEGER,
    kind TEXT,
    named_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (name, naming_no),
    CONSTRAINT fk_asset_names_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_asset_names_name CHECK (length(name) BETWEEN 1 AND 200 AND naming_no >= 1),
    CONSTRAINT ck_asset_names_sha256 CHECK (sha256 IS NULL OR (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*')),
    CONSTRAINT ck_asset_names_whole CHECK ((sha256 IS NULL) = (size_bytes IS NULL) AND (sha256 IS NULL) = (kind IS NULL)),
    CONSTRAINT ck_asset_names_kind CHECK (kind IS NULL OR length(kind) BETWEEN 1 AND 64),
    CONSTRAINT ck_asset_names_size CHECK (size_bytes IS NULL OR size_bytes >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_asset_names_sha256 ON asset_names (sha256);

-- Where an asset was last known to lie: a hint for whoever looks for it, simply overwritten.
CREATE TABLE asset_locations (
    sha256 TEXT NOT NULL,
    host TEXT NOT NULL,
    present INTEGER NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (sha256, host),
    CONSTRAINT ck_asset_locations_sha256 CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT ck_asset_locations CHECK (present IN (0, 1) AND length(host) BETWEEN 1 AND 200)
) STRICT, WITHOUT ROWID;

-- What was decided about a run is looked up by the run.
CREATE INDEX ix_events_subject ON events (subject);
