-- The ledger, revision 0001. Tables are STRICT, so that a REAL cannot slip into an INTEGER gate, and WITHOUT ROWID, so
-- that INSERT OR REPLACE cannot remove a row by its rowid. Times are UTC ISO-8601 with Z; *_ms whole milliseconds;
-- *_u6 losses x 10^6. Each CONSTRAINT stands on one line: the migration repeats it as a trigger.

-- What happened, in order, each entry bound to the one before by its hash.
CREATE TABLE events (
    seq INTEGER NOT NULL PRIMARY KEY,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    payload TEXT NOT NULL,
    CONSTRAINT uq_events_hash UNIQUE (hash),
    CONSTRAINT ck_events_seq CHECK (seq >= 1),
    CONSTRAINT ck_events_hashes CHECK (length(hash) = 64 AND length(prev_hash) = 64 AND hash NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT ck_events_text CHECK (length(at) BETWEEN 20 AND 32 AND at LIKE '%Z' AND length(kind) BETWEEN 1 AND 64 AND length(subject) <= 512),
    CONSTRAINT ck_events_payload CHECK (length(payload) <= 1048576 AND json_valid(payload))
) STRICT, WITHOUT ROWID;

-- Which parser may read which kind of evidence. A newer one has a higher ordinal. Filled by migrations alone.
CREATE TABLE parsers (
    parser_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (parser_id, kind),
    CONSTRAINT ck_parsers_kind CHECK (kind IN ('sealed', 'log', 'csv'))
) STRICT, WITHOUT ROWID;

-- The lifecycle's table of legal moves. Filled by migrations alone.
CREATE TABLE attempt_edges (
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
) STRICT, WITHOUT ROWID;

-- Gates with their numbers; policy_id is the sha256 of body. gate_mask: 1 budget, 2 val_trend, 4 no_oom_fallback,
-- 8 evidence_complete, 16 target_reached, 32 comparable, 64 replicated.
CREATE TABLE policies (
    policy_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    gate_mask INTEGER NOT NULL,
    budget_ms INTEGER,
    trend_points INTEGER NOT NULL,
    trend_min_drop_u6 INTEGER NOT NULL,
    target_u6 INTEGER,
    body TEXT NOT NULL,
    gate_numbers TEXT NOT NULL GENERATED ALWAYS AS (
        gate_mask || '|' || coalesce(budget_ms, '-') || '|' || trend_points || '|' || trend_min_drop_u6
        || '|' || coalesce(target_u6, '-')) STORED,
    CONSTRAINT uq_policies_numbers UNIQUE (policy_id, gate_numbers),
    CONSTRAINT uq_policies_role UNIQUE (policy_id, role),
    CONSTRAINT ck_policies_id CHECK (length(policy_id) = 64 AND policy_id NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT ck_policies_name CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT ck_policies_role CHECK (role IN ('ce', 'teacher', 'kd', 'control', 'measurement')),
    CONSTRAINT ck_policies_gates CHECK (gate_mask BETWEEN 0 AND 127),
    CONSTRAINT ck_policies_budget CHECK (budget_ms > 0),
    CONSTRAINT ck_policies_budget_needed CHECK (gate_mask & 1 = 0 OR budget_ms IS NOT NULL),
    CONSTRAINT ck_policies_target_needed CHECK (gate_mask & 16 = 0 OR target_u6 IS NOT NULL),
    CONSTRAINT ck_policies_trend CHECK (trend_points BETWEEN 1 AND 4 AND trend_min_drop_u6 >= 0),
    CONSTRAINT ck_policies_body CHECK (length(body) <= 65536 AND json_valid(body))
) STRICT, WITHOUT ROWID;

CREATE TABLE campaigns (
    campaign_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    source_name TEXT NOT NULL,
    source_text TEXT NOT NULL,
    overrides_json TEXT NOT NULL,
    plan_hash TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    CONSTRAINT fk_campaigns_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_campaigns_text CHECK (length(campaign_id) BETWEEN 1 AND 128 AND length(name) BETWEEN 1 AND 200 AND length(source_name) <= 512),
    CONSTRAINT ck_campaigns_source CHECK (length(source_text) <= 4194304 AND length(plan_hash) <= 128),
    CONSTRAINT ck_campaigns_overrides CHECK (length(overrides_json) <= 1048576 AND json_valid(overrides_json))
) STRICT, WITHOUT ROWID;

-- The policy that a stage of a campaign is held to: one, for ever.
CREATE TABLE stage_policies (
    campaign_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    pinned_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, stage),
    CONSTRAINT uq_stage_policies_policy UNIQUE (campaign_id, stage, policy_id),
    CONSTRAINT fk_stage_policies_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (campaign_id),
    CONSTRAINT fk_stage_policies_policy FOREIGN KEY (policy_id) REFERENCES policies (policy_id),
    CONSTRAINT fk_stage_policies_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_stage_policies_stage CHECK (length(stage) BETWEEN 1 AND 200)
) STRICT, WITHOUT ROWID;

-- One spec, one seed; run_id is the sha256 of spec_json.
CREATE TABLE runs (
    run_id TEXT NOT NULL PRIMARY KEY,
    spec_json TEXT NOT NULL,
    config_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    seed INTEGER NOT NULL,
    origin TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    CONSTRAINT ck_runs_id CHECK (length(run_id) = 64 AND run_id NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT ck_runs_spec CHECK (length(spec_json) <= 1048576 AND json_valid(spec_json)),
    CONSTRAINT ck_runs_mode CHECK (mode IN ('ce_baseline', 'teacher', 'teacher_slice', 'kd', 'control', 'measurement')),
    CONSTRAINT ck_runs_text CHECK (length(config_id) BETWEEN 1 AND 128 AND seed >= 0),
    CONSTRAINT ck_runs_origin CHECK (origin IN ('planned', 'imported'))
) STRICT, WITHOUT ROWID;

-- A run's place in a campaign: one, so that it cannot stand in two stages and choose the kinder policy. The three links
-- may be set later, once, and before the first verdict.
CREATE TABLE campaign_runs (
    campaign_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    run_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    teacher_run_id TEXT,
    reference_run_id TEXT,
    twin_run_id TEXT,
    archival INTEGER NOT NULL,
    provisional INTEGER NOT NULL,
    is_slice INTEGER NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, run_id),
    CONSTRAINT uq_campaign_runs_name UNIQUE (campaign_id, name),
    CONSTRAINT uq_campaign_runs_role UNIQUE (campaign_id, stage, run_id, role),
    CONSTRAINT fk_campaign_runs_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (campaign_id),
    CONSTRAINT fk_campaign_runs_run FOREIGN KEY (run_id) REFERENCES runs (run_id),
    CONSTRAINT fk_campaign_runs_teacher FOREIGN KEY (teacher_run_id) REFERENCES runs (run_id),
    CONSTRAINT fk_campaign_runs_reference FOREIGN KEY (reference_run_id) REFERENCES runs (run_id),
    CONSTRAINT fk_campaign_runs_twin FOREIGN KEY (twin_run_id) REFERENCES runs (run_id),
    CONSTRAINT fk_campaign_runs_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_campaign_runs_text CHECK (length(name) BETWEEN 1 AND 512 AND length(stage) BETWEEN 1 AND 200 AND ordinal >= 0),
    CONSTRAINT ck_campaign_runs_role CHECK (role IN ('ce', 'teacher', 'kd', 'control', 'measurement')),
    CONSTRAINT ck_campaign_runs_self CHECK (teacher_run_id <> run_id AND reference_run_id <> run_id AND twin_run_id <> run_id),
    CONSTRAINT ck_campaign_runs_flags CHECK (archival IN (0, 1) AND provisional IN (0, 1) AND is_slice IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_campaign_runs_run ON campaign_runs (run_id);
CREATE INDEX ix_campaign_runs_name ON campaign_runs (name);
CREATE INDEX ix_campaign_runs_teacher ON campaign_runs (teacher_run_id);
CREATE INDEX ix_campaign_runs_reference ON campaign_runs (reference_run_id);

-- The one table whose rows move, along attempt_edges.
CREATE TABLE attempts (
    run_id TEXT NOT NULL,
    attempt_no INTEGER NOT NULL,
    state TEXT NOT NULL,
    host TEXT,
    bundle TEXT,
    dispatch_sha256 TEXT,
    outcome TEXT,
    exit_json TEXT,
    planned_at TEXT NOT NULL,
    placed_at TEXT,
    started_at TEXT,
    ended_at TEXT,
    finished_at TEXT,
    PRIMARY KEY (run_id, attempt_no),
    CONSTRAINT fk_attempts_run FOREIGN KEY (run_id) REFERENCES runs (run_id),
    CONSTRAINT ck_attempts_no CHECK (attempt_no >= 1),
    CONSTRAINT ck_attempts_state CHECK (state IN ('planned', 'staging', 'queued', 'running', 'collecting', 'finished', 'abandoned')),
    CONSTRAINT ck_attempts_outcome CHECK (outcome IN ('completed', 'failed', 'oom', 'nan', 'timed_out', 'cancelled', 'disk_full', 'refused', 'lost_reboot', 'lost_supervisor', 'imported', 'withdrawn')),
    CONSTRAINT ck_attempts_ended CHECK ((outcome IS NULL) = (state IN ('planned', 'staging', 'queued', 'running'))),
    CONSTRAINT ck_attempts_text CHECK (length(host) BETWEEN 1 AND 200 AND length(bundle) <= 128 AND length(dispatch_sha256) <= 128),
    CONSTRAINT ck_attempts_exit CHECK (exit_json IS NULL OR (length(exit_json) <= 1048576 AND json_valid(exit_json)))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ix_attempts_one_open ON attempts (run_id) WHERE state NOT IN ('finished', 'abandoned');

-- evidence_id is the sha256 of statement; directory is relative to the directory of the ledger.
CREATE TABLE evidence (
    evidence_id TEXT NOT NULL PRIMARY KEY,
    run_id TEXT NOT NULL,
    attempt_no INTEGER NOT NULL,
    kind TEXT NOT NULL,
    statement TEXT NOT NULL,
    directory TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    CONSTRAINT uq_evidence_attempt UNIQUE (run_id, attempt_no),
    CONSTRAINT uq_evidence_run UNIQUE (evidence_id, run_id),
    CONSTRAINT fk_evidence_attempt FOREIGN KEY (run_id, attempt_no) REFERENCES attempts (run_id, attempt_no),
    CONSTRAINT fk_evidence_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_evidence_id CHECK (length(evidence_id) = 64 AND evidence_id NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT ck_evidence_kind CHECK (kind IN ('sealed', 'log', 'csv')),
    CONSTRAINT ck_evidence_statement CHECK (length(statement) <= 16777216 AND json_valid(statement)),
    CONSTRAINT ck_evidence_directory CHECK (length(directory) BETWEEN 1 AND 1024)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence_files (
    evidence_id TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (evidence_id, path),
    CONSTRAINT fk_evidence_files_evidence FOREIGN KEY (evidence_id) REFERENCES evidence (evidence_id),
    CONSTRAINT ck_evidence_files_path CHECK (length(path) BETWEEN 1 AND 512),
    CONSTRAINT ck_evidence_files_sha256 CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT ck_evidence_files_size CHECK (size_bytes >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_evidence_files_sha256 ON evidence_files (sha256);

-- What one registered parser read from one piece of evidence. Only integers and digests reach a gate; the step times
-- are shown and never judged. teacher_train_time_ms is what a CSV says of a student's teacher.
CREATE TABLE measurements (
    evidence_id TEXT NOT NULL,
    parser_id TEXT NOT NULL,
    asserted INTEGER NOT NULL,
    complete INTEGER,
    oom_fallback INTEGER,
    train_time_ms INTEGER,
    teacher_train_time_ms INTEGER,
    val_finite INTEGER,
    val_1_u6 INTEGER,
    val_2_u6 INTEGER,
    val_3_u6 INTEGER,
    val_4_u6 INTEGER,
    comparison_key TEXT,
    n_validations INTEGER NOT NULL,
    final_step INTEGER,
    total_steps INTEGER,
    train_time_offset INTEGER,
    best_val_u6 INTEGER,
    final_val_u6 INTEGER,
    median_step_ms REAL,
    p90_step_ms REAL,
    wall_ms INTEGER,
    parameters INTEGER,
    environment_json TEXT NOT NULL,
    usage_json TEXT NOT NULL,
    budget_basis_ms INTEGER GENERATED ALWAYS AS (coalesce(teacher_train_time_ms, train_time_ms)) STORED,
    gate_numbers TEXT NOT NULL GENERATED ALWAYS AS (
        asserted || '|' || coalesce(complete, '-') || '|' || coalesce(oom_fallback, '-') || '|'
        || coalesce(val_finite, '-') || '|' || coalesce(val_1_u6, '-') || '|' || coalesce(val_2_u6, '-') || '|'
        || coalesce(val_3_u6, '-') || '|' || coalesce(val_4_u6, '-') || '|' || coalesce(comparison_key, '-')) STORED,
    PRIMARY KEY (evidence_id, parser_id),
    CONSTRAINT uq_measurements_numbers UNIQUE (evidence_id, parser_id, gate_numbers),
    CONSTRAINT uq_measurements_budget UNIQUE (evidence_id, parser_id, budget_basis_ms),
    CONSTRAINT uq_measurements_comparison UNIQUE (evidence_id, parser_id, comparison_key),
    CONSTRAINT fk_measurements_evidence FOREIGN KEY (evidence_id) REFERENCES evidence (evidence_id),
    CONSTRAINT ck_measurements_flags CHECK (asserted IN (0, 1) AND complete IN (0, 1) AND oom_fallback IN (0, 1) AND val_finite IN (0, 1)),
    CONSTRAINT ck_measurements_times CHECK (train_time_ms >= 0 AND teacher_train_time_ms >= 0 AND wall_ms >= 0),
    CONSTRAINT ck_measurements_step_times CHECK (median_step_ms >= 0 AND p90_step_ms >= 0),
    CONSTRAINT ck_measurements_counts CHECK (n_validations >= 0 AND final_step >= 0 AND total_steps >= 0 AND parameters >= 0 AND train_time_offset >= 0),
    CONSTRAINT ck_measurements_teacher CHECK (teacher_train_time_ms IS NULL OR asserted = 1),
    CONSTRAINT ck_measurements_key CHECK (length(comparison_key) BETWEEN 1 AND 128),
    CONSTRAINT ck_measurements_environment CHECK (length(environment_json) <= 1048576 AND json_valid(environment_json)),
    CONSTRAINT ck_measurements_usage CHECK (length(usage_json) <= 1048576 AND json_valid(usage_json))
) STRICT, WITHOUT ROWID;

-- Every validation of the log, in order; val_u6 is NULL where the loss was NaN or infinite.
CREATE TABLE validations (
    evidence_id TEXT NOT NULL,
    parser_id TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    step INTEGER NOT NULL,
    val_u6 INTEGER,
    train_time_ms INTEGER,
    log_offset INTEGER,
    PRIMARY KEY (evidence_id, parser_id, ordinal),
    CONSTRAINT fk_validations_measurement FOREIGN KEY (evidence_id, parser_id) REFERENCES measurements (evidence_id, parser_id),
    CONSTRAINT ck_validations_numbers CHECK (ordinal >= 0 AND step >= 0 AND train_time_ms >= 0 AND log_offset >= 0)
) STRICT, WITHOUT ROWID;

-- What a selector such as teachers.best was resolved to, once.
CREATE TABLE resolutions (
    key TEXT NOT NULL PRIMARY KEY,
    campaign_id TEXT NOT NULL,
    selector TEXT NOT NULL,
    candidates TEXT NOT NULL,
    chosen_run_id TEXT NOT NULL,
    checkpoint_sha256 TEXT,
    final_val_u6 INTEGER,
    reason TEXT NOT NULL,
    resolved_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    CONSTRAINT fk_resolutions_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (campaign_id),
    CONSTRAINT fk_resolutions_run FOREIGN KEY (chosen_run_id) REFERENCES runs (run_id),
    CONSTRAINT fk_resolutions_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_resolutions_text CHECK (length(key) BETWEEN 1 AND 256 AND length(selector) BETWEEN 1 AND 256 AND length(reason) <= 4096),
    CONSTRAINT ck_resolutions_candidates CHECK (length(candidates) <= 16777216 AND json_valid(candidates)),
    CONSTRAINT ck_resolutions_checkpoint CHECK (length(checkpoint_sha256) = 64)
) STRICT, WITHOUT ROWID;

-- The accepted measurement of a run: its latest evidence, read by the newest parser that has read it.
CREATE VIEW current_measurements AS
SELECT e.run_id, e.attempt_no, e.kind, m.*
FROM evidence AS e
JOIN measurements AS m ON m.evidence_id = e.evidence_id
JOIN parsers AS p ON p.parser_id = m.parser_id AND p.kind = e.kind
WHERE NOT EXISTS (SELECT 1 FROM evidence AS later WHERE later.run_id = e.run_id AND later.attempt_no > e.attempt_no)
  AND NOT EXISTS (
    SELECT 1 FROM measurements AS m2 JOIN parsers AS p2 ON p2.parser_id = m2.parser_id AND p2.kind = e.kind
    WHERE m2.evidence_id = e.evidence_id AND p2.ordinal > p.ordinal);

-- All that a verdict is computed from, for every run that has evidence in a stage that has a policy. A verdict row is
-- accepted only if it equals its row here. Of a student's teacher only whole, measured evidence counts; a figure that
-- somebody typed stands for nobody but the row it was typed for.
CREATE VIEW verdict_inputs AS
SELECT
    c.campaign_id, c.stage, c.run_id, c.role,
    p.policy_id, p.gate_mask, p.budget_ms, p.trend_points, p.trend_min_drop_u6, p.target_u6,
    m.evidence_id, m.parser_id, m.asserted, m.complete, m.oom_fallback,
    m.val_finite, m.val_1_u6, m.val_2_u6, m.val_3_u6, m.val_4_u6, m.comparison_key,
    b.evidence_id AS budget_evidence_id, b.parser_id AS budget_parser_id, b.budget_basis_ms AS budget_train_ms,
    r.evidence_id AS reference_evidence_id, r.parser_id AS reference_parser_id, r.comparison_key AS reference_key,
    (SELECT step FROM (
        SELECT v.ordinal, v.step, v.val_u6 <= p.target_u6 AS hit,
               lag(v.val_u6 <= p.target_u6) OVER (ORDER BY v.ordinal) AS hit_before
        FROM validations AS v WHERE v.evidence_id = m.evidence_id AND v.parser_id = m.parser_id)
     WHERE hit = 1 AND hit_before = 1 ORDER BY ordinal LIMIT 1) AS steps_to_target
FROM campaign_runs AS c
JOIN stage_policies AS s ON s.campaign_id = c.campaign_id AND s.stage = c.stage
JOIN policies AS p ON p.policy_id = s.policy_id
JOIN current_measurements AS m ON m.run_id = c.run_id
-- The accepted measurements of the run that the budget is about and of the reference, as in current_measurements;
-- written out, because SQLite computes a whole view for every LEFT JOIN to it.
LEFT JOIN measurements AS b ON b.budget_basis_ms IS NOT NULL
    AND b.evidence_id = (
        SELECT e.evidence_id FROM evidence AS e
        WHERE e.run_id = CASE WHEN c.role = 'teacher' OR (c.role = 'kd' AND m.asserted = 1) THEN c.run_id
                              WHEN c.role = 'kd' THEN c.teacher_run_id END
        ORDER BY e.attempt_no DESC LIMIT 1)
    AND b.parser_id = (
        SELECT q.parser_id FROM measurements AS n JOIN evidence AS e ON e.evidence_id = n.evidence_id
        JOIN parsers AS q ON q.parser_id = n.parser_id AND q.kind = e.kind
        WHERE n.evidence_id = b.evidence_id ORDER BY q.ordinal DESC LIMIT 1)
    AND (b.evidence_id = m.evidence_id OR (b.complete = 1 AND b.asserted = 0))
LEFT JOIN measurements AS r ON r.comparison_key IS NOT NULL
    AND r.evidence_id = (
        SELECT e.evidence_id FROM evidence AS e WHERE e.run_id = c.reference_run_id ORDER BY e.attempt_no DESC LIMIT 1)
    AND r.parser_id = (
        SELECT q.parser_id FROM measurements AS n JOIN evidence AS e ON e.evidence_id = n.evidence_id
        JOIN parsers AS q ON q.parser_id = n.parser_id AND q.kind = e.kind
        WHERE n.evidence_id = r.evidence_id ORDER BY q.ordinal DESC LIMIT 1);

-- What the evidence says under the pinned policy. The last four columns are computed here and can be written by nobody.
-- A later row (verdict_no) supersedes an earlier one when more evidence came in; none is ever changed.
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
            + CASE WHEN replicated <> 1 THEN 64 ELSE 0 END)) STORED,
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

-- A promoted run that was chosen for what comes next.
CREATE TABLE promotions (
    campaign_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    verdict_no INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    kind TEXT NOT NULL,
    promoted_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, run_id, kind),
    CONSTRAINT fk_promotions_verdict FOREIGN KEY (campaign_id, run_id, verdict_no, verdict) REFERENCES verdicts (campaign_id, run_id, verdict_no, verdict),
    CONSTRAINT fk_promotions_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_promotions_verdict CHECK (verdict = 'promote'),
    CONSTRAINT ck_promotions_kind CHECK (kind = 'candidate')
) STRICT, WITHOUT ROWID;

-- What was last seen of a host. About the observer, not about runs: the one table that is simply overwritten.
CREATE TABLE host_reachability (
    host TEXT NOT NULL PRIMARY KEY,
    reachable INTEGER NOT NULL,
    since TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT ck_host_reachability CHECK (reachable IN (0, 1) AND length(host) BETWEEN 1 AND 200 AND length(detail) <= 4096)
) STRICT, WITHOUT ROWID;
