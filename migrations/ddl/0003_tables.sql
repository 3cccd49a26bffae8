-- Revision 0003. Replication by fresh seeds, verdicts under other policies than the pinned one, waivers, challenges,
-- projections and anchors. promotions is made anew, because a promotion can now also be a confirmed one. The rules of
-- 0001_tables.sql for how tables are written hold here too.

-- The numbers of a policy's replication rule. limit_number: for a z-test the margin times the root of n, in micro-nats;
-- for a t-test the square of the critical value, in thousandths. A policy is pinned before the first run of its stage,
-- so that a rule here is a test registered beforehand.
CREATE TABLE replication_rules (
    policy_id TEXT NOT NULL PRIMARY KEY,
    test TEXT NOT NULL,
    seeds INTEGER NOT NULL,
    stop_step INTEGER NOT NULL,
    limit_number INTEGER NOT NULL,
    target_u6 INTEGER NOT NULL,
    rule_numbers TEXT NOT NULL GENERATED ALWAYS AS (
        test || '|' || seeds || '|' || stop_step || '|' || limit_number || '|' || target_u6) STORED,
    CONSTRAINT uq_replication_rules_numbers UNIQUE (policy_id, rule_numbers),
    CONSTRAINT fk_replication_rules_policy FOREIGN KEY (policy_id) REFERENCES policies (policy_id),
    CONSTRAINT ck_replication_rules_test CHECK (test IN ('z', 't')),
    CONSTRAINT ck_replication_rules_seeds CHECK (seeds BETWEEN 1 AND 64 AND (test = 'z' OR seeds >= 2)),
    CONSTRAINT ck_replication_rules_step CHECK (stop_step >= 1),
    CONSTRAINT ck_replication_rules_limit CHECK (limit_number >= 1 AND (test = 't' OR limit_number <= 1000000) AND limit_number <= 2000000000)
) STRICT, WITHOUT ROWID;

-- Every configuration of a stage whose policy has a replication rule, with what its first n fresh seeds in plan order
-- came to. A seed is fresh when nothing of it had moved before the policy was pinned. margin: target less loss at the
-- stop step, clamped to one nat; bad: no finite loss there, or cut short, or fallen back.
CREATE VIEW replication_inputs AS
SELECT campaign_id, stage, config_id, policy_id, test, seeds, stop_step, limit_number, target_u6,
       count(evidence_id) AS found, sum(bad) AS bad, sum(margin) AS margin_u6, sum(margin * margin) AS squares,
       group_concat(evidence_id, ' ') AS evidence_ids
FROM (
    SELECT s.campaign_id, s.stage, r.config_id, s.policy_id, w.test, w.seeds, w.stop_step, w.limit_number, w.target_u6,
           m.evidence_id,
           CASE WHEN m.complete = 1 AND m.oom_fallback = 0 AND v.val_u6 IS NOT NULL THEN 0 ELSE 1 END AS bad,
           CASE WHEN v.val_u6 IS NULL OR w.target_u6 - v.val_u6 < -1000000 THEN -1000000
                WHEN w.target_u6 - v.val_u6 > 1000000 THEN 1000000 ELSE w.target_u6 - v.val_u6 END AS margin,
           row_number() OVER (PARTITION BY s.campaign_id, s.stage, r.config_id
                              ORDER BY c.ordinal, c.event_seq, c.run_id) AS place
    FROM replication_rules AS w
    JOIN stage_policies AS s ON s.policy_id = w.policy_id
    JOIN campaign_runs AS c ON c.campaign_id = s.campaign_id AND c.stage = s.stage
    JOIN runs AS r ON r.run_id = c.run_id
    LEFT JOIN measurements AS m ON m.asserted = 0 AND m.complete IS NOT NULL
        AND m.evidence_id = (
            SELECT e.evidence_id FROM evidence AS e WHERE e.run_id = c.run_id ORDER BY e.attempt_no DESC LIMIT 1)
        AND m.parser_id = (
            SELECT q.parser_id FROM measurements AS n JOIN evidence AS e ON e.evidence_id = n.evidence_id
            JOIN parsers AS q ON q.parser_id = n.parser_id AND q.kind = e.kind
            WHERE n.evidence_id = m.evidence_id ORDER BY q.ordinal DESC LIMIT 1)
    LEFT JOIN validations AS v ON v.evidence_id = m.evidence_id AND v.parser_id = m.parser_id
        AND v.ordinal = (SELECT max(l.ordinal) FROM validations AS l
                         WHERE l.evidence_id = m.evidence_id AND l.parser_id = m.parser_id AND l.step = w.stop_step)
    WHERE NOT EXISTS (SELECT 1 FROM events AS x WHERE x.subject = c.run_id AND x.kind = 'attempt_moved'
                      AND x.seq < s.event_seq))
WHERE place <= seeds
GROUP BY campaign_id, stage, config_id, policy_id, test, seeds, stop_step, limit_number, target_u6;

-- The verdict on a configuration as a set of seeds. The last three columns are computed here and can be written by
-- nobody. A later row supersedes an earlier one when a seed left other evidence; none is ever changed.
CREATE TABLE replications (
    campaign_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    config_id TEXT NOT NULL,
    replication_no INTEGER NOT NULL,
    policy_id TEXT NOT NULL,
    test TEXT NOT NULL,
    seeds INTEGER NOT NULL,
    stop_step INTEGER NOT NULL,
    limit_number INTEGER NOT NULL,
    target_u6 INTEGER NOT NULL,
    found INTEGER NOT NULL,
    bad INTEGER NOT NULL,
    margin_u6 INTEGER NOT NULL,
    squares INTEGER NOT NULL,
    evidence_ids TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    rule_numbers TEXT NOT NULL GENERATED ALWAYS AS (
        test || '|' || seeds || '|' || stop_step || '|' || limit_number || '|' || target_u6) STORED,
    spread INTEGER NOT NULL GENERATED ALWAYS AS (seeds * squares - margin_u6 * margin_u6) STORED,
    passed INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE WHEN bad > 0 OR margin_u6 <= 0 THEN 0
             WHEN test = 'z' THEN
                 CASE WHEN margin_u6 * margin_u6 >= seeds * limit_number * limit_number THEN 1 ELSE 0 END
             WHEN spread <= 0 THEN 1
             WHEN margin_u6 * margin_u6 * (seeds - 1) / spread >= 1000000000 THEN 1
             WHEN margin_u6 * margin_u6 * (seeds - 1) / spread * 1000
                  + margin_u6 * margin_u6 * (seeds - 1) % spread * 1000 / spread >= limit_number THEN 1
             ELSE 0 END) STORED,
    PRIMARY KEY (campaign_id, stage, config_id, replication_no),
    CONSTRAINT uq_replications_passed UNIQUE (campaign_id, stage, config_id, replication_no, passed),
    CONSTRAINT fk_replications_pin FOREIGN KEY (campaign_id, stage, policy_id) REFERENCES stage_policies (campaign_id, stage, policy_id),
    CONSTRAINT fk_replications_rule FOREIGN KEY (policy_id, rule_numbers) REFERENCES replication_rules (policy_id, rule_numbers),
    CONSTRAINT fk_replications_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_replications_no CHECK (replication_no >= 1),
    CONSTRAINT ck_replications_found CHECK (found = seeds AND bad BETWEEN 0 AND seeds),
    CONSTRAINT ck_replications_margin CHECK (margin_u6 BETWEEN -1000000 * seeds AND 1000000 * seeds),
    CONSTRAINT ck_replications_squares CHECK (squares BETWEEN 0 AND 1000000000000 * seeds)
) STRICT, WITHOUT ROWID;

-- As in 0001_tables.sql, with the last column new: whether the run's configuration was replicated.
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
     WHERE hit = 1 AND hit_before = 1 ORDER BY ordinal LIMIT 1) AS steps_to_target,
    CASE WHEN p.gate_mask & 64 <> 0 THEN (
        SELECT x.passed FROM replications AS x JOIN runs AS y ON y.config_id = x.config_id
        WHERE y.run_id = c.run_id AND x.campaign_id = c.campaign_id AND x.stage = c.stage
        ORDER BY x.replication_no DESC LIMIT 1) END AS replicated
FROM campaign_runs AS c
JOIN stage_policies AS s ON s.campaign_id = c.campaign_id AND s.stage = c.stage
JOIN policies AS p ON p.policy_id = s.policy_id
JOIN current_measurements AS m ON m.run_id = c.run_id
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

-- The same for every policy of the run's role, pinned or not. Nothing is replicated here: a rule that was not pinned
-- beforehand registers no test.
CREATE VIEW rejudgement_inputs AS
SELECT
    c.campaign_id, c.run_id, c.role,
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
JOIN policies AS p ON p.role = c.role
JOIN current_measurements AS m ON m.run_id = c.run_id
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

-- What the evidence would say under another policy than the pinned one. It stands beside the verdict, never in its
-- place: nothing refers to a row here, so nothing is promoted by it.
CREATE TABLE rejudgements (
    campaign_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    rejudgement_no INTEGER NOT NULL,
    role TEXT NOT NULL,
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
            + CASE WHEN comparison_key <> reference_key THEN 32 ELSE 0 END)
        | CASE WHEN oom_fallback <> 0 THEN 4 ELSE 0 END) STORED,
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
            + 64)) STORED,
    budget_result TEXT GENERATED ALWAYS AS (
        CASE WHEN gate_mask & 1 = 0 THEN NULL WHEN fail_mask & 1 THEN 'fail'
             WHEN missing_mask & 1 THEN 'unknown' ELSE 'pass' END) STORED,
    verdict TEXT NOT NULL GENERATED ALWAYS AS (
        CASE WHEN asserted <> 0 THEN 'inconclusive' WHEN fail_mask <> 0 THEN 'reject'
             WHEN missing_mask <> 0 THEN 'inconclusive' ELSE 'promote' END) STORED,
    PRIMARY KEY (campaign_id, run_id, policy_id, rejudgement_no),
    CONSTRAINT fk_rejudgements_member FOREIGN KEY (campaign_id, run_id) REFERENCES campaign_runs (campaign_id, run_id),
    CONSTRAINT fk_rejudgements_policy FOREIGN KEY (policy_id, policy_numbers) REFERENCES policies (policy_id, gate_numbers),
    CONSTRAINT fk_rejudgements_role FOREIGN KEY (policy_id, role) REFERENCES policies (policy_id, role),
    CONSTRAINT fk_rejudgements_evidence FOREIGN KEY (evidence_id, run_id) REFERENCES evidence (evidence_id, run_id),
    CONSTRAINT fk_rejudgements_measurement FOREIGN KEY (evidence_id, parser_id, measured_numbers) REFERENCES measurements (evidence_id, parser_id, gate_numbers),
    CONSTRAINT fk_rejudgements_budget FOREIGN KEY (budget_evidence_id, budget_parser_id, budget_train_ms) REFERENCES measurements (evidence_id, parser_id, budget_basis_ms),
    CONSTRAINT fk_rejudgements_reference FOREIGN KEY (reference_evidence_id, reference_parser_id, reference_key) REFERENCES measurements (evidence_id, parser_id, comparison_key),
    CONSTRAINT fk_rejudgements_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_rejudgements_no CHECK (rejudgement_no >= 1)
) STRICT, WITHOUT ROWID;

-- A promoted run. A candidate passed its own gates; a confirmed one belongs to a configuration that was replicated.
-- basis says that only what was measured promotes; a projection never does.
CREATE TABLE promotions (
    campaign_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    verdict_no INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    kind TEXT NOT NULL,
    basis TEXT NOT NULL,
    stage TEXT,
    config_id TEXT,
    replication_no INTEGER,
    replication_passed INTEGER,
    promoted_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, run_id, kind),
    CONSTRAINT fk_promotions_verdict FOREIGN KEY (campaign_id, run_id, verdict_no, verdict) REFERENCES verdicts (campaign_id, run_id, verdict_no, verdict),
    CONSTRAINT fk_promotions_replication FOREIGN KEY (campaign_id, stage, config_id, replication_no, replication_passed) REFERENCES replications (campaign_id, stage, config_id, replication_no, passed),
    CONSTRAINT fk_promotions_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_promotions_verdict CHECK (verdict = 'promote'),
    CONSTRAINT ck_promotions_kind CHECK (kind IN ('candidate', 'confirmed')),
    CONSTRAINT ck_promotions_basis CHECK (basis = 'measured'),
    CONSTRAINT ck_promotions_candidate CHECK (kind = 'confirmed' OR (stage IS NULL AND config_id IS NULL AND replication_no IS NULL AND replication_passed IS NULL)),
    CONSTRAINT ck_promotions_confirmed CHECK (kind = 'candidate' OR (stage IS NOT NULL AND config_id IS NOT NULL AND replication_no IS NOT NULL AND replication_passed IS NOT NULL AND replication_passed = 1))
) STRICT, WITHOUT ROWID;

-- Who excused which gate of a verdict, why, and until which day. The verdict stays as it is.
CREATE TABLE waivers (
    campaign_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    waiver_no INTEGER NOT NULL,
    verdict_no INTEGER NOT NULL,
    gate TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    until TEXT NOT NULL,
    waived_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, run_id, waiver_no),
    CONSTRAINT fk_waivers_verdict FOREIGN KEY (campaign_id, run_id, verdict_no) REFERENCES verdicts (campaign_id, run_id, verdict_no),
    CONSTRAINT fk_waivers_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_waivers_gate CHECK (gate IN ('budget', 'val_trend', 'no_oom_fallback', 'evidence_complete', 'target_reached', 'comparable', 'replicated')),
    CONSTRAINT ck_waivers_text CHECK (waiver_no >= 1 AND length(who) BETWEEN 1 AND 200 AND length(why) BETWEEN 1 AND 4096),
    CONSTRAINT ck_waivers_until CHECK (until GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]' AND until >= substr(waived_at, 1, 10))
) STRICT, WITHOUT ROWID;

-- A rerun of a promoted configuration that was rejected. The promotion stays, and is contested from then on.
CREATE TABLE challenges (
    campaign_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    challenge_no INTEGER NOT NULL,
    by_campaign_id TEXT NOT NULL,
    by_run_id TEXT NOT NULL,
    by_verdict_no INTEGER NOT NULL,
    by_verdict TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    challenged_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    PRIMARY KEY (campaign_id, run_id, challenge_no),
    CONSTRAINT uq_challenges_by UNIQUE (campaign_id, run_id, by_campaign_id, by_run_id, by_verdict_no),
    CONSTRAINT fk_challenges_promotion FOREIGN KEY (campaign_id, run_id, kind) REFERENCES promotions (campaign_id, run_id, kind),
    CONSTRAINT fk_challenges_verdict FOREIGN KEY (by_campaign_id, by_run_id, by_verdict_no, by_verdict) REFERENCES verdicts (campaign_id, run_id, verdict_no, verdict),
    CONSTRAINT fk_challenges_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_challenges_text CHECK (challenge_no >= 1 AND length(who) BETWEEN 1 AND 200 AND length(why) BETWEEN 1 AND 4096),
    CONSTRAINT ck_challenges_verdict CHECK (by_verdict = 'reject'),
    CONSTRAINT ck_challenges_other CHECK (by_run_id <> run_id)
) STRICT, WITHOUT ROWID;

-- What a run that is still under way will have taken, with an interval, against its pinned budget. result is computed
-- here: fail when even the lower bound is over the budget, pass when even the upper bound fits, else pending. It is
-- never more than a forecast; the measured verdict decides.
CREATE TABLE projections (
    campaign_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    projection_no INTEGER NOT NULL,
    attempt_no INTEGER NOT NULL,
    stage TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    budget_ms INTEGER NOT NULL,
    basis TEXT NOT NULL,
    step INTEGER NOT NULL,
    horizon INTEGER NOT NULL,
    train_time_ms INTEGER NOT NULL,
    projected_ms INTEGER NOT NULL,
    lower_ms INTEGER NOT NULL,
    upper_ms INTEGER NOT NULL,
    calibrated_on INTEGER NOT NULL,
    projected_at TEXT NOT NULL,
    event_seq INTEGER NOT NULL,
    result TEXT NOT NULL GENERATED ALWAYS AS (
        CASE WHEN lower_ms > budget_ms THEN 'fail' WHEN upper_ms <= budget_ms THEN 'pass' ELSE 'pending' END) STORED,
    PRIMARY KEY (campaign_id, run_id, projection_no),
    CONSTRAINT fk_projections_member FOREIGN KEY (campaign_id, run_id) REFERENCES campaign_runs (campaign_id, run_id),
    CONSTRAINT fk_projections_attempt FOREIGN KEY (run_id, attempt_no) REFERENCES attempts (run_id, attempt_no),
    CONSTRAINT fk_projections_pin FOREIGN KEY (campaign_id, stage, policy_id) REFERENCES stage_policies (campaign_id, stage, policy_id),
    CONSTRAINT fk_projections_event FOREIGN KEY (event_seq) REFERENCES events (seq),
    CONSTRAINT ck_projections_basis CHECK (basis = 'projected'),
    CONSTRAINT ck_projections_steps CHECK (projection_no >= 1 AND step BETWEEN 0 AND horizon AND calibrated_on >= 0),
    CONSTRAINT ck_projections_times CHECK (train_time_ms BETWEEN 0 AND lower_ms AND lower_ms <= projected_ms AND projected_ms <= upper_ms)
) STRICT, WITHOUT ROWID;

-- Where the head of the chain was written down outside of this file; anchor_id is the sha256 of the other columns.
CREATE TABLE anchors (
    anchor_id TEXT NOT NULL PRIMARY KEY,
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL,
    place TEXT NOT NULL,
    anchored_at TEXT NOT NULL,
    CONSTRAINT uq_anchors_place UNIQUE (seq, place),
    CONSTRAINT fk_anchors_event FOREIGN KEY (hash) REFERENCES events (hash),
    CONSTRAINT ck_anchors_text CHECK (length(anchor_id) = 64 AND anchor_id NOT GLOB '*[^0-9a-f]*' AND length(place) BETWEEN 1 AND 1024),
    CONSTRAINT ck_anchors_at CHECK (length(anchored_at) BETWEEN 20 AND 32 AND anchored_at LIKE '%Z')
) STRICT, WITHOUT ROWID;
