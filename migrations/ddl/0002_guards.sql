-- The rules between tables of revision 0002. The first three take the place of those of 0001, which went with their
-- tables; the migration adds the mechanical ones.

CREATE TRIGGER attempts_first BEFORE INSERT ON attempts
BEGIN
    SELECT RAISE(ABORT, 'attempts: an attempt begins as planned, with nothing known of it')
    WHERE NEW.state IS NOT 'planned' OR NEW.outcome IS NOT NULL OR NEW.exit_json IS NOT NULL OR NEW.host IS NOT NULL
       OR NEW.bundle IS NOT NULL OR NEW.dispatch_sha256 IS NOT NULL OR NEW.placed_at IS NOT NULL
       OR NEW.started_at IS NOT NULL OR NEW.ended_at IS NOT NULL OR NEW.finished_at IS NOT NULL;
    SELECT RAISE(ABORT, 'attempts: only a retry can be asked for something else than the spec')
    WHERE NEW.override_json IS NOT NULL AND NEW.attempt_no = 1;
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
    SELECT RAISE(ABORT, 'attempts: an attempt keeps its run, its number, its host, its outcome and its override')
    WHERE NEW.run_id IS NOT OLD.run_id OR NEW.attempt_no IS NOT OLD.attempt_no OR NEW.planned_at IS NOT OLD.planned_at
       OR NEW.override_json IS NOT OLD.override_json
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
    SELECT RAISE(ABORT, 'verdicts: they are judged by the rule of this revision') WHERE NEW.rule IS NOT 2;
    SELECT RAISE(ABORT, 'verdicts: nothing has been replicated yet') WHERE NEW.replicated IS NOT NULL;
    SELECT RAISE(ABORT, 'verdicts: they are numbered without gaps')
    WHERE NEW.verdict_no IS NOT (SELECT coalesce(max(verdict_no), 0) + 1 FROM verdicts
                                 WHERE campaign_id = NEW.campaign_id AND run_id = NEW.run_id);
END;

CREATE TRIGGER measurements_override BEFORE INSERT ON measurements
BEGIN
    SELECT RAISE(ABORT, 'measurements: an attempt with an override is a fallback, whatever its evidence says')
    WHERE NEW.oom_fallback IS NOT 1 AND EXISTS (
        SELECT 1 FROM evidence AS e JOIN attempts AS a ON a.run_id = e.run_id AND a.attempt_no = e.attempt_no
        WHERE e.evidence_id = NEW.evidence_id AND a.override_json IS NOT NULL);
END;

CREATE TRIGGER verdicts_override AFTER INSERT ON verdicts
BEGIN
    SELECT RAISE(ABORT, 'verdicts: a fallback is never promoted')
    WHERE NEW.verdict = 'promote' AND (NEW.oom_fallback IS 1 OR EXISTS (
        SELECT 1 FROM evidence AS e JOIN attempts AS a ON a.run_id = e.run_id AND a.attempt_no = e.attempt_no
        WHERE e.evidence_id = NEW.evidence_id AND a.override_json IS NOT NULL));
END;

CREATE TRIGGER host_facts_next BEFORE INSERT ON host_facts
BEGIN
    SELECT RAISE(ABORT, 'host_facts: they are numbered without gaps')
    WHERE NEW.fact_no IS NOT (SELECT coalesce(max(fact_no), 0) + 1 FROM host_facts WHERE host = NEW.host);
END;

CREATE TRIGGER asset_names_next BEFORE INSERT ON asset_names
BEGIN
    SELECT RAISE(ABORT, 'asset_names: they are numbered without gaps')
    WHERE NEW.naming_no IS NOT (SELECT coalesce(max(naming_no), 0) + 1 FROM asset_names WHERE name = NEW.name);
    SELECT RAISE(ABORT, 'asset_names: one digest has one size')
    WHERE EXISTS (SELECT 1 FROM asset_names WHERE sha256 = NEW.sha256 AND size_bytes IS NOT NEW.size_bytes);
END;
