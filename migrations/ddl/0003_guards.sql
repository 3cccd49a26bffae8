-- The rules between tables of revision 0003. The first two take the place of those of before; the migration adds the
-- mechanical ones.

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
          AND i.steps_to_target IS NEW.steps_to_target AND i.replicated IS NEW.replicated);
    SELECT RAISE(ABORT, 'verdicts: they are judged by the rule of this revision') WHERE NEW.rule IS NOT 2;
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
    SELECT RAISE(ABORT, 'promotions: only what was measured promotes') WHERE NEW.basis IS NOT 'measured';
    SELECT RAISE(ABORT, 'promotions: what is confirmed was replicated under a rule pinned beforehand')
    WHERE NEW.kind IS 'confirmed' AND (
        NOT EXISTS (SELECT 1 FROM verdicts AS v WHERE v.campaign_id = NEW.campaign_id AND v.run_id = NEW.run_id
                    AND v.verdict_no = NEW.verdict_no AND v.gate_mask & 64 <> 0 AND v.replicated = 1
                    AND v.stage = NEW.stage)
        OR NOT EXISTS (SELECT 1 FROM runs AS r WHERE r.run_id = NEW.run_id AND r.config_id = NEW.config_id)
        OR NOT EXISTS (SELECT 1 FROM replications AS x WHERE x.campaign_id = NEW.campaign_id AND x.stage = NEW.stage
                       AND x.config_id = NEW.config_id AND x.replication_no = NEW.replication_no AND x.passed = 1
                       AND NOT EXISTS (SELECT 1 FROM replications AS y WHERE y.campaign_id = x.campaign_id
                                       AND y.stage = x.stage AND y.config_id = x.config_id
                                       AND y.replication_no > x.replication_no)));
END;

CREATE TRIGGER replication_rules_body BEFORE INSERT ON replication_rules
BEGIN
    SELECT RAISE(ABORT, 'replication_rules: the columns are not what the policy says')
    WHERE NOT EXISTS (
        SELECT 1 FROM policies AS p WHERE p.policy_id = NEW.policy_id AND p.gate_mask & 64 <> 0
          AND p.target_u6 IS NEW.target_u6
          AND json_extract(p.body, '$.replication.test') IS NEW.test
          AND json_extract(p.body, '$.replication.seeds') IS NEW.seeds
          AND json_extract(p.body, '$.replication.stop_step') IS NEW.stop_step
          AND json_extract(p.body, '$.replication.limit') IS NEW.limit_number);
END;

CREATE TRIGGER stage_policies_rule BEFORE INSERT ON stage_policies
BEGIN
    SELECT RAISE(ABORT, 'stage_policies: the policy asks for a replication and its rule is not there')
    WHERE EXISTS (SELECT 1 FROM policies AS p WHERE p.policy_id = NEW.policy_id AND p.gate_mask & 64 <> 0)
      AND NOT EXISTS (SELECT 1 FROM replication_rules AS w WHERE w.policy_id = NEW.policy_id);
END;

CREATE TRIGGER replications_follow BEFORE INSERT ON replications
BEGIN
    SELECT RAISE(ABORT, 'replications: the sums are not those of the first fresh seeds of the stage')
    WHERE NOT EXISTS (
        SELECT 1 FROM replication_inputs AS i
        WHERE i.campaign_id = NEW.campaign_id AND i.stage = NEW.stage AND i.config_id = NEW.config_id
          AND i.policy_id IS NEW.policy_id AND i.test IS NEW.test AND i.seeds IS NEW.seeds
          AND i.stop_step IS NEW.stop_step AND i.limit_number IS NEW.limit_number AND i.target_u6 IS NEW.target_u6
          AND i.found IS NEW.found AND i.bad IS NEW.bad AND i.margin_u6 IS NEW.margin_u6
          AND i.squares IS NEW.squares AND i.evidence_ids IS NEW.evidence_ids);
    SELECT RAISE(ABORT, 'replications: a seed has not ended')
    WHERE NEW.found IS NOT NEW.seeds;
    SELECT RAISE(ABORT, 'replications: they are numbered without gaps')
    WHERE NEW.replication_no IS NOT (
        SELECT coalesce(max(replication_no), 0) + 1 FROM replications
        WHERE campaign_id = NEW.campaign_id AND stage = NEW.stage AND config_id = NEW.config_id);
END;

CREATE TRIGGER rejudgements_follow BEFORE INSERT ON rejudgements
BEGIN
    SELECT RAISE(ABORT, 'rejudgements: no verdict, nothing to judge again')
    WHERE NOT EXISTS (SELECT 1 FROM verdicts AS v WHERE v.campaign_id = NEW.campaign_id AND v.run_id = NEW.run_id
                      AND v.evidence_id = NEW.evidence_id AND v.parser_id = NEW.parser_id);
    SELECT RAISE(ABORT, 'rejudgements: the inputs do not follow from the evidence and the policy')
    WHERE NOT EXISTS (
        SELECT 1 FROM rejudgement_inputs AS i
        WHERE i.campaign_id = NEW.campaign_id AND i.run_id = NEW.run_id AND i.policy_id = NEW.policy_id
          AND i.role IS NEW.role AND i.gate_mask IS NEW.gate_mask AND i.budget_ms IS NEW.budget_ms
          AND i.trend_points IS NEW.trend_points AND i.trend_min_drop_u6 IS NEW.trend_min_drop_u6
          AND i.target_u6 IS NEW.target_u6 AND i.evidence_id IS NEW.evidence_id AND i.parser_id IS NEW.parser_id
          AND i.asserted IS NEW.asserted AND i.complete IS NEW.complete AND i.oom_fallback IS NEW.oom_fallback
          AND i.val_finite IS NEW.val_finite AND i.val_1_u6 IS NEW.val_1_u6 AND i.val_2_u6 IS NEW.val_2_u6
          AND i.val_3_u6 IS NEW.val_3_u6 AND i.val_4_u6 IS NEW.val_4_u6 AND i.comparison_key IS NEW.comparison_key
          AND i.budget_evidence_id IS NEW.budget_evidence_id AND i.budget_parser_id IS NEW.budget_parser_id
          AND i.budget_train_ms IS NEW.budget_train_ms AND i.reference_evidence_id IS NEW.reference_evidence_id
          AND i.reference_parser_id IS NEW.reference_parser_id AND i.reference_key IS NEW.reference_key
          AND i.steps_to_target IS NEW.steps_to_target);
    SELECT RAISE(ABORT, 'rejudgements: they are numbered without gaps')
    WHERE NEW.rejudgement_no IS NOT (
        SELECT coalesce(max(rejudgement_no), 0) + 1 FROM rejudgements
        WHERE campaign_id = NEW.campaign_id AND run_id = NEW.run_id AND policy_id = NEW.policy_id);
END;

CREATE TRIGGER waivers_due BEFORE INSERT ON waivers
BEGIN
    SELECT RAISE(ABORT, 'waivers: that gate does not stand against the run''s last verdict')
    WHERE NOT EXISTS (
        SELECT 1 FROM verdicts AS v
        WHERE v.campaign_id = NEW.campaign_id AND v.run_id = NEW.run_id AND v.verdict_no = NEW.verdict_no
          AND (v.fail_mask | v.missing_mask) & CASE NEW.gate
                WHEN 'budget' THEN 1 WHEN 'val_trend' THEN 2 WHEN 'no_oom_fallback' THEN 4
                WHEN 'evidence_complete' THEN 8 WHEN 'target_reached' THEN 16 WHEN 'comparable' THEN 32
                WHEN 'replicated' THEN 64 ELSE 0 END <> 0
          AND NOT EXISTS (SELECT 1 FROM verdicts AS w WHERE w.campaign_id = v.campaign_id AND w.run_id = v.run_id
                          AND w.verdict_no > v.verdict_no));
    SELECT RAISE(ABORT, 'waivers: they are numbered without gaps')
    WHERE NEW.waiver_no IS NOT (SELECT coalesce(max(waiver_no), 0) + 1 FROM waivers
                                WHERE campaign_id = NEW.campaign_id AND run_id = NEW.run_id);
END;

CREATE TRIGGER challenges_due BEFORE INSERT ON challenges
BEGIN
    SELECT RAISE(ABORT, 'challenges: a challenge is made by another seed of the same configuration')
    WHERE NOT EXISTS (SELECT 1 FROM runs AS a JOIN runs AS b ON b.config_id = a.config_id
                      WHERE a.run_id = NEW.run_id AND b.run_id = NEW.by_run_id AND a.run_id <> b.run_id);
    SELECT RAISE(ABORT, 'challenges: only a rejection of whole, measured evidence contradicts')
    WHERE NOT EXISTS (
        SELECT 1 FROM verdicts AS v
        WHERE v.campaign_id = NEW.by_campaign_id AND v.run_id = NEW.by_run_id AND v.verdict_no = NEW.by_verdict_no
          AND v.verdict = 'reject' AND v.complete = 1 AND v.oom_fallback IS NOT 1
          AND NOT EXISTS (SELECT 1 FROM verdicts AS w WHERE w.campaign_id = v.campaign_id AND w.run_id = v.run_id
                          AND w.verdict_no > v.verdict_no));
    SELECT RAISE(ABORT, 'challenges: they are numbered without gaps')
    WHERE NEW.challenge_no IS NOT (SELECT coalesce(max(challenge_no), 0) + 1 FROM challenges
                                   WHERE campaign_id = NEW.campaign_id AND run_id = NEW.run_id);
END;

CREATE TRIGGER projections_due BEFORE INSERT ON projections
BEGIN
    SELECT RAISE(ABORT, 'projections: they are of the attempt that is under way')
    WHERE NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.run_id = NEW.run_id AND a.attempt_no = NEW.attempt_no
                      AND a.state NOT IN ('planned', 'finished', 'abandoned'));
    SELECT RAISE(ABORT, 'projections: the budget is not the pinned one')
    WHERE NOT EXISTS (
        SELECT 1 FROM campaign_runs AS c
        JOIN stage_policies AS s ON s.campaign_id = c.campaign_id AND s.stage = c.stage
        JOIN policies AS p ON p.policy_id = s.policy_id
        WHERE c.campaign_id = NEW.campaign_id AND c.run_id = NEW.run_id AND c.stage = NEW.stage
          AND s.policy_id = NEW.policy_id AND p.gate_mask & 1 <> 0 AND p.budget_ms = NEW.budget_ms);
    SELECT RAISE(ABORT, 'projections: they are numbered without gaps')
    WHERE NEW.projection_no IS NOT (SELECT coalesce(max(projection_no), 0) + 1 FROM projections
                                    WHERE campaign_id = NEW.campaign_id AND run_id = NEW.run_id);
END;

CREATE TRIGGER anchors_due BEFORE INSERT ON anchors
BEGIN
    SELECT RAISE(ABORT, 'anchors: the chain has no such entry')
    WHERE NOT EXISTS (SELECT 1 FROM events AS e WHERE e.seq = NEW.seq AND e.hash = NEW.hash);
END;
