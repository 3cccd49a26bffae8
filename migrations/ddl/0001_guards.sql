-- The rules between tables, as triggers: they hold for every connection, whatever its pragmas. The migration adds the
-- mechanical ones (every CHECK and FOREIGN KEY again; no UPDATE, no DELETE, no INSERT OR REPLACE on record tables).

CREATE TRIGGER events_chain BEFORE INSERT ON events
BEGIN
    SELECT RAISE(ABORT, 'events: the sequence has no gaps')
    WHERE NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM events);
    SELECT RAISE(ABORT, 'events: prev_hash is not the hash of the entry before')
    WHERE NEW.prev_hash IS NOT coalesce((SELECT hash FROM events ORDER BY seq DESC LIMIT 1),
                                        '0000000000000000000000000000000000000000000000000000000000000000');
END;

CREATE TRIGGER policies_body BEFORE INSERT ON policies
BEGIN
    SELECT RAISE(ABORT, 'policies: the columns are not what the body says')
    WHERE NEW.name IS NOT json_extract(NEW.body, '$.name')
       OR NEW.role IS NOT json_extract(NEW.body, '$.role')
       OR NEW.budget_ms IS NOT json_extract(NEW.body, '$.budget_ms')
       OR NEW.trend_points IS NOT json_extract(NEW.body, '$.trend_points')
       OR NEW.trend_min_drop_u6 IS NOT json_extract(NEW.body, '$.trend_min_drop_u6')
       OR NEW.target_u6 IS NOT json_extract(NEW.body, '$.target_u6')
       OR NEW.gate_mask IS NOT (
            SELECT coalesce(sum(CASE value WHEN 'budget' THEN 1 WHEN 'val_trend' THEN 2 WHEN 'no_oom_fallback' THEN 4
                                WHEN 'evidence_complete' THEN 8 WHEN 'target_reached' THEN 16 WHEN 'comparable' THEN 32
                                WHEN 'replicated' THEN 64 ELSE 128 END), 0)
            FROM json_each(NEW.body, '$.gates'));
END;

CREATE TRIGGER stage_policies_role BEFORE INSERT ON stage_policies
BEGIN
    SELECT RAISE(ABORT, 'stage_policies: the stage holds runs of another role than the policy is for')
    WHERE EXISTS (SELECT 1 FROM campaign_runs AS c JOIN policies AS p ON p.policy_id = NEW.policy_id
                  WHERE c.campaign_id = NEW.campaign_id AND c.stage = NEW.stage AND c.role <> p.role);
END;

CREATE TRIGGER campaign_runs_role BEFORE INSERT ON campaign_runs
BEGIN
    SELECT RAISE(ABORT, 'campaign_runs: the policy of this stage is for another role')
    WHERE EXISTS (SELECT 1 FROM stage_policies AS s JOIN policies AS p ON p.policy_id = s.policy_id
                  WHERE s.campaign_id = NEW.campaign_id AND s.stage = NEW.stage AND p.role <> NEW.role);
END;

CREATE TRIGGER campaign_runs_links BEFORE UPDATE ON campaign_runs
BEGIN
    SELECT RAISE(ABORT, 'campaign_runs: a run''s place in a campaign is never changed')
    WHERE NEW.campaign_id IS NOT OLD.campaign_id OR NEW.stage IS NOT OLD.stage OR NEW.run_id IS NOT OLD.run_id
       OR NEW.ordinal IS NOT OLD.ordinal OR NEW.name IS NOT OLD.name OR NEW.role IS NOT OLD.role
       OR NEW.archival IS NOT OLD.archival OR NEW.provisional IS NOT OLD.provisional
       OR NEW.is_slice IS NOT OLD.is_slice OR NEW.event_seq IS NOT OLD.event_seq;
    SELECT RAISE(ABORT, 'campaign_runs: a link is set once')
    WHERE (OLD.teacher_run_id IS NOT NULL AND NEW.teacher_run_id IS NOT OLD.teacher_run_id)
       OR (OLD.reference_run_id IS NOT NULL AND NEW.reference_run_id IS NOT OLD.reference_run_id)
       OR (OLD.twin_run_id IS NOT NULL AND NEW.twin_run_id IS NOT OLD.twin_run_id);
    SELECT RAISE(ABORT, 'campaign_runs: no link is set after the first verdict')
    WHERE EXISTS (SELECT 1 FROM verdicts AS v WHERE v.campaign_id = OLD.campaign_id AND v.run_id = OLD.run_id);
END;

CREATE TRIGGER attempts_first BEFORE INSERT ON attempts
BEGIN
    SELECT RAISE(ABORT, 'attempts: an attempt begins as planned, with nothing known of it')
    WHERE NEW.state IS NOT 'planned' OR NEW.outcome IS NOT NULL OR NEW.exit_json IS NOT NULL OR NEW.host IS NOT NULL
       OR NEW.bundle IS NOT NULL OR NEW.dispatch_sha256 IS NOT NULL OR NEW.placed_at IS NOT NULL
       OR NEW.started_at IS NOT NULL OR NEW.ended_at IS NOT NULL OR NEW.finished_at IS NOT NULL;
    SELECT RAISE(ABORT, 'attempts: they are numbered without gaps')
    WHERE NEW.attempt_no IS NOT (SELECT coalesce(max(attempt_no), 0) + 1 FROM attempts WHERE run_id = NEW.run_id);
    SELECT RAISE(ABORT, 'attempts: the attempt before is still open, or gave a result')
    WHERE EXISTS (SELECT 1 FROM attempts WHERE run_id = NEW.run_id AND (state NOT IN ('finished', 'abandoned')
                  OR outcome IN ('completed', 'imported')));
END;

CREATE TRIGGER attempts_move BEFORE UPDATE ON attempts
BEGIN
    SELECT RAISE(ABORT, 'attempts: the lifecycle has no such move')
    WHERE NOT EXISTS (SELECT 1 FROM attempt_edges WHERE from_state = OLD.state AND to_state = NEW.state);
    SELECT RAISE(ABORT, 'attempts: an attempt keeps its run, its number, its host and its outcome')
    WHERE NEW.run_id IS NOT OLD.run_id OR NEW.attempt_no IS NOT OLD.attempt_no OR NEW.planned_at IS NOT OLD.planned_at
       OR (OLD.host IS NOT NULL AND NEW.host IS NOT OLD.host)
       OR (OLD.outcome IS NOT NULL AND NEW.outcome IS NOT OLD.outcome)
       OR (OLD.exit_json IS NOT NULL AND NEW.exit_json IS NOT OLD.exit_json);
    SELECT RAISE(ABORT, 'attempts: what is dispatched is settled when it is placed')
    WHERE NEW.state <> 'staging' AND (NEW.bundle IS NOT OLD.bundle OR NEW.dispatch_sha256 IS NOT OLD.dispatch_sha256);
    SELECT RAISE(ABORT, 'attempts: no policy is pinned for this run yet')
    WHERE OLD.state = 'planned' AND NEW.state = 'staging' AND NOT EXISTS (
        SELECT 1 FROM campaign_runs AS c JOIN stage_policies AS s ON s.campaign_id = c.campaign_id AND s.stage = c.stage
        WHERE c.run_id = OLD.run_id);
    SELECT RAISE(ABORT, 'attempts: no result without evidence')
    WHERE NEW.state = 'finished' AND NEW.outcome IN ('completed', 'imported') AND NOT EXISTS (
        SELECT 1 FROM evidence WHERE run_id = OLD.run_id AND attempt_no = OLD.attempt_no);
END;

CREATE TRIGGER evidence_due BEFORE INSERT ON evidence
BEGIN
    SELECT RAISE(ABORT, 'evidence: it is taken only while its attempt is collecting')
    WHERE NOT EXISTS (SELECT 1 FROM attempts WHERE run_id = NEW.run_id AND attempt_no = NEW.attempt_no
                      AND state = 'collecting');
    SELECT RAISE(ABORT, 'evidence: sealed evidence is of planned runs, logs and CSV rows of imported ones')
    WHERE (NEW.kind = 'sealed') IS NOT ((SELECT origin FROM runs WHERE run_id = NEW.run_id) = 'planned');
END;

CREATE TRIGGER evidence_files_due BEFORE INSERT ON evidence_files
BEGIN
    SELECT RAISE(ABORT, 'evidence_files: evidence is closed once its attempt has finished')
    WHERE NOT EXISTS (SELECT 1 FROM evidence AS e JOIN attempts AS a ON a.run_id = e.run_id AND a.attempt_no = e.attempt_no
                      WHERE e.evidence_id = NEW.evidence_id AND a.state = 'collecting');
END;

CREATE TRIGGER measurements_due BEFORE INSERT ON measurements
BEGIN
    SELECT RAISE(ABORT, 'measurements: no registered parser reads this kind of evidence')
    WHERE NOT EXISTS (SELECT 1 FROM evidence AS e JOIN parsers AS p ON p.kind = e.kind
                      WHERE e.evidence_id = NEW.evidence_id AND p.parser_id = NEW.parser_id);
    SELECT RAISE(ABORT, 'measurements: evidence is measured only while its attempt is collecting')
    WHERE NOT EXISTS (SELECT 1 FROM evidence AS e JOIN attempts AS a ON a.run_id = e.run_id AND a.attempt_no = e.attempt_no
                      WHERE e.evidence_id = NEW.evidence_id AND a.state = 'collecting');
    SELECT RAISE(ABORT, 'measurements: figures are asserted exactly where the evidence is a CSV')
    WHERE NEW.asserted IS NOT (SELECT kind = 'csv' FROM evidence WHERE evidence_id = NEW.evidence_id);
    SELECT RAISE(ABORT, 'measurements: only sealed evidence of a completed attempt is complete')
    WHERE (NEW.complete IS NOT NULL
           AND (SELECT kind FROM evidence WHERE evidence_id = NEW.evidence_id) IS NOT 'sealed')
       OR (NEW.complete = 1
           AND (SELECT a.outcome FROM evidence AS e JOIN attempts AS a ON a.run_id = e.run_id AND a.attempt_no = e.attempt_no
                WHERE e.evidence_id = NEW.evidence_id) IS NOT 'completed');
END;

CREATE TRIGGER validations_due BEFORE INSERT ON validations
BEGIN
    SELECT RAISE(ABORT, 'validations: evidence is measured only while its attempt is collecting')
    WHERE NOT EXISTS (SELECT 1 FROM evidence AS e JOIN attempts AS a ON a.run_id = e.run_id AND a.attempt_no = e.attempt_no
                      WHERE e.evidence_id = NEW.evidence_id AND a.state = 'collecting');
    SELECT RAISE(ABORT, 'validations: they are numbered without gaps')
    WHERE NEW.ordinal IS NOT (SELECT coalesce(max(ordinal), -1) + 1 FROM validations
                              WHERE evidence_id = NEW.evidence_id AND parser_id = NEW.parser_id);
END;

CREATE TRIGGER verdicts_follow BEFORE INSERT ON verdicts
BEGIN
    SELECT RAISE(ABORT, 'verdicts: no evidence, no verdict')
    WHERE NOT EXISTS (SELECT 1 FROM evidence AS e JOIN attempts AS a ON a.run_id = e.run_id AND a.attempt_no = e.attempt_no
                      WHERE e.evidence_id = NEW.evidence_id AND e.run_id = NEW.run_id AND a.state = 'finished');
    SELECT RAISE(ABORT, 'verdicts: the evidence has no training log')
    WHERE NOT EXISTS (SELECT 1 FROM evidence AS e JOIN evidence_files AS f ON f.evidence_id = e.evidence_id
                      WHERE e.evidence_id = NEW.evidence_id AND (e.kind <> 'sealed' OR f.path = 'train.log'));
    SELECT RAISE(ABORT, 'verdicts: another policy is pinned, or none')
    WHERE NEW.policy_id IS NOT (SELECT policy_id FROM stage_policies
                                WHERE campaign_id = NEW.campaign_id AND stage = NEW.stage);
    SELECT RAISE(ABORT, 'verdicts: the validations are not those of the measurement')
    WHERE EXISTS (
        SELECT 1 FROM measurements AS m
        WHERE m.evidence_id = NEW.evidence_id AND m.parser_id = NEW.parser_id AND m.asserted = 0 AND NOT (
            m.n_validations = (SELECT count(*) FROM validations AS v
                               WHERE v.evidence_id = m.evidence_id AND v.parser_id = m.parser_id)
            AND m.val_finite IS (SELECT min(v.val_u6 IS NOT NULL) FROM validations AS v
                                 WHERE v.evidence_id = m.evidence_id AND v.parser_id = m.parser_id)
            AND m.val_1_u6 IS (SELECT v.val_u6 FROM validations AS v WHERE v.evidence_id = m.evidence_id
                               AND v.parser_id = m.parser_id AND v.step > 0 ORDER BY v.ordinal LIMIT 1)
            AND m.val_2_u6 IS (SELECT v.val_u6 FROM validations AS v WHERE v.evidence_id = m.evidence_id
                               AND v.parser_id = m.parser_id AND v.step > 0 ORDER BY v.ordinal LIMIT 1 OFFSET 1)
            AND m.val_3_u6 IS (SELECT v.val_u6 FROM validations AS v WHERE v.evidence_id = m.evidence_id
                               AND v.parser_id = m.parser_id AND v.step > 0 ORDER BY v.ordinal LIMIT 1 OFFSET 2)
            AND m.val_4_u6 IS (SELECT v.val_u6 FROM validations AS v WHERE v.evidence_id = m.evidence_id
                               AND v.parser_id = m.parser_id AND v.step > 0 ORDER BY v.ordinal LIMIT 1 OFFSET 3)));
    SELECT RAISE(ABORT, 'verdicts: the inputs do not follow from the evidence and the pinned policy')
    WHERE NOT EXISTS (
        SELECT 1 FROM verdict_inputs AS i
        WHERE i.campaign_id = NEW.campaign_id AND i.stage = NEW.stage AND i.run_id = NEW.run_id AND i.role IS NEW.role
          AND i.policy_id IS NEW.policy_id AND i.gate_mask IS NEW.gate_mask AND i.budget_ms IS NEW.budget_ms
          AND i.trend_points IS NEW.trend_points AND i.trend_min_drop_u6 IS NEW.trend_min_drop_u6
          AND i.target_u6 IS NEW.target_u6 AND i.evidence_id IS NEW.evidence_id AND i.parser_id IS NEW.parser_id
          AND i.asserted IS NEW.asserted AND i.complete IS NEW.complete AND i.oom_fallback IS NEW.oom_fallback
          AND i.val_finite IS NEW.val_finite AND i.val_1_u6 IS NEW.val_1_u6 AND i.val_2_u6 IS NEW.val_2_u6
          AND i.val_3_u6 IS NEW.val_3_u6 AND i.val_4_u6 IS NEW.val_4_u6 AND i.comparison_key IS NEW.comparison_key
          AND i.budget_evidence_id IS NEW.budget_evidence_id AND i.budget_parser_id IS NEW.budget_parser_id
          AND i.budget_train_ms IS NEW.budget_train_ms AND i.reference_evidence_id IS NEW.reference_evidence_id
          AND i.reference_parser_id IS NEW.reference_parser_id AND i.reference_key IS NEW.reference_key
          AND i.steps_to_target IS NEW.steps_to_target);
    SELECT RAISE(ABORT, 'verdicts: nothing has been replicated yet') WHERE NEW.replicated IS NOT NULL;
    SELECT RAISE(ABORT, 'verdicts: they are numbered without gaps')
    WHERE NEW.verdict_no IS NOT (SELECT coalesce(max(verdict_no), 0) + 1 FROM verdicts
                                 WHERE campaign_id = NEW.campaign_id AND run_id = NEW.run_id);
END;

CREATE TRIGGER promotions_earned BEFORE INSERT ON promotions
BEGIN
    SELECT RAISE(ABORT, 'promotions: the run''s last verdict is not promote')
    WHERE NOT EXISTS (SELECT 1 FROM verdicts AS v WHERE v.campaign_id = NEW.campaign_id AND v.run_id = NEW.run_id
                      AND v.verdict_no = NEW.verdict_no AND v.verdict = 'promote')
       OR EXISTS (SELECT 1 FROM verdicts AS v WHERE v.campaign_id = NEW.campaign_id AND v.run_id = NEW.run_id
                  AND v.verdict_no > NEW.verdict_no);
END;

CREATE TRIGGER resolutions_earned BEFORE INSERT ON resolutions
BEGIN
    SELECT RAISE(ABORT, 'resolutions: the chosen run is not among the candidates')
    WHERE NOT EXISTS (SELECT 1 FROM json_each(NEW.candidates) WHERE value = NEW.chosen_run_id);
    SELECT RAISE(ABORT, 'resolutions: the chosen run is not promoted in this campaign')
    WHERE NOT EXISTS (
        SELECT 1 FROM verdicts AS v
        WHERE v.campaign_id = NEW.campaign_id AND v.run_id = NEW.chosen_run_id AND v.verdict = 'promote'
          AND NOT EXISTS (SELECT 1 FROM verdicts AS w WHERE w.campaign_id = v.campaign_id AND w.run_id = v.run_id
                          AND w.verdict_no > v.verdict_no));
    SELECT RAISE(ABORT, 'resolutions: the final loss is not the measured one')
    WHERE NEW.final_val_u6 IS NOT NULL AND NEW.final_val_u6 IS NOT (
        SELECT final_val_u6 FROM current_measurements WHERE run_id = NEW.chosen_run_id);
END;
