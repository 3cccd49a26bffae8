"""The ledger's tables as SQLAlchemy Core sees them: names and types, for building queries.

Constraints, generated expressions and triggers live in ``migrations/`` alone, where a release freezes them; a test
holds the columns here against a freshly migrated ledger.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Computed, Float, Integer, MetaData, Table, Text

METADATA = MetaData()
_WHOLE = Integer().with_variant(BigInteger(), "postgresql")
"""64 bits on both."""


def _table(name: str, keys: str, *, text: str = "", integer: str = "", real: str = "", computed: str = "") -> Table:
    """A table from blank-separated column names; ``computed`` ones are written by the database only."""
    primary = keys.split()
    columns: list[Column[object]] = []
    for kind, names in ((Text(), text), (_WHOLE, integer), (Float(), real)):
        columns += [Column(n, kind, primary_key=n in primary) for n in names.split()]
    for entry in computed.split():
        column, _, kind_name = entry.partition(":")
        columns.append(Column(column, _WHOLE if kind_name == "integer" else Text(), Computed("")))
    return Table(name, METADATA, *columns)


events = _table("events", "seq", integer="seq", text="prev_hash hash at kind subject payload")
parsers = _table("parsers", "parser_id kind", text="parser_id kind", integer="ordinal")
attempt_edges = _table("attempt_edges", "from_state to_state", text="from_state to_state")
policies = _table(
    "policies", "policy_id", text="policy_id name role body",
    integer="gate_mask budget_ms trend_points trend_min_drop_u6 target_u6", computed="gate_numbers:text")
campaigns = _table(
    "campaigns", "campaign_id",
    text="campaign_id name source_name source_text overrides_json plan_hash recorded_at", integer="event_seq")
stage_policies = _table(
    "stage_policies", "campaign_id stage", text="campaign_id stage policy_id pinned_at", integer="event_seq")
runs = _table("runs", "run_id", text="run_id spec_json config_id mode origin recorded_at", integer="seed")
campaign_runs = _table(
    "campaign_runs", "campaign_id run_id",
    text="campaign_id stage run_id name role teacher_run_id reference_run_id twin_run_id",
    integer="ordinal archival provisional is_slice event_seq")
attempts = _table(
    "attempts", "run_id attempt_no", integer="attempt_no",
    text="run_id state host bundle dispatch_sha256 outcome exit_json override_json planned_at placed_at "
         "started_at ended_at finished_at")
evidence = _table(
    "evidence", "evidence_id", text="evidence_id run_id kind statement directory recorded_at",
    integer="attempt_no event_seq")
evidence_files = _table("evidence_files", "evidence_id path", text="evidence_id path sha256", integer="size_bytes")
measurements = _table(
    "measurements", "evidence_id parser_id",
    text="evidence_id parser_id comparison_key environment_json usage_json",
    integer="asserted complete oom_fallback train_time_ms teacher_train_time_ms val_finite val_1_u6 val_2_u6 val_3_u6 "
            "val_4_u6 n_validations final_step total_steps train_time_offset best_val_u6 final_val_u6 wall_ms "
            "parameters",
    real="median_step_ms p90_step_ms", computed="budget_basis_ms:integer gate_numbers:text")
validations = _table(
    "validations", "evidence_id parser_id ordinal", text="evidence_id parser_id",
    integer="ordinal step val_u6 train_time_ms log_offset")
resolutions = _table(
    "resolutions", "key",
    text="key campaign_id selector candidates chosen_run_id checkpoint_sha256 reason resolved_at",
    integer="final_val_u6 event_seq")
verdicts = _table(
    "verdicts", "campaign_id run_id verdict_no",
    text="campaign_id stage run_id role policy_id evidence_id parser_id comparison_key budget_evidence_id "
         "budget_parser_id reference_evidence_id reference_parser_id reference_key decided_at",
    integer="verdict_no gate_mask budget_ms trend_points trend_min_drop_u6 target_u6 asserted complete oom_fallback "
            "val_finite val_1_u6 val_2_u6 val_3_u6 val_4_u6 budget_train_ms steps_to_target replicated rule event_seq",
    computed="policy_numbers:text measured_numbers:text fail_mask:integer missing_mask:integer budget_result:text "
             "verdict:text")
replication_rules = _table(
    "replication_rules", "policy_id", text="policy_id test", integer="seeds stop_step limit_number target_u6",
    computed="rule_numbers:text")
replications = _table(
    "replications", "campaign_id stage config_id replication_no",
    text="campaign_id stage config_id policy_id test evidence_ids decided_at",
    integer="replication_no seeds stop_step limit_number target_u6 found bad margin_u6 squares event_seq",
    computed="rule_numbers:text spread:integer passed:integer")
rejudgements = _table(
    "rejudgements", "campaign_id run_id policy_id rejudgement_no",
    text="campaign_id run_id policy_id role evidence_id parser_id comparison_key budget_evidence_id "
         "budget_parser_id reference_evidence_id reference_parser_id reference_key decided_at",
    integer="rejudgement_no gate_mask budget_ms trend_points trend_min_drop_u6 target_u6 asserted complete "
            "oom_fallback val_finite val_1_u6 val_2_u6 val_3_u6 val_4_u6 budget_train_ms steps_to_target event_seq",
    computed="policy_numbers:text measured_numbers:text fail_mask:integer missing_mask:integer budget_result:text "
             "verdict:text")
promotions = _table(
    "promotions", "campaign_id run_id kind",
    text="campaign_id run_id verdict kind basis stage config_id promoted_at",
    integer="verdict_no replication_no replication_passed event_seq")
waivers = _table(
    "waivers", "campaign_id run_id waiver_no", text="campaign_id run_id gate who why until waived_at",
    integer="waiver_no verdict_no event_seq")
challenges = _table(
    "challenges", "campaign_id run_id challenge_no",
    text="campaign_id run_id kind by_campaign_id by_run_id by_verdict who why challenged_at",
    integer="challenge_no by_verdict_no event_seq")
projections = _table(
    "projections", "campaign_id run_id projection_no",
    text="campaign_id run_id stage policy_id basis projected_at",
    integer="projection_no attempt_no budget_ms step horizon train_time_ms projected_ms lower_ms upper_ms "
            "calibrated_on event_seq", computed="result:text")
anchors = _table("anchors", "anchor_id", text="anchor_id hash place anchored_at", integer="seq")
host_reachability = _table(
    "host_reachability", "host", text="host since checked_at detail", integer="reachable")

host_facts = _table(
    "host_facts", "host fact_no", text="host observed_at facts", integer="fact_no event_seq")
asset_names = _table(
    "asset_names", "name naming_no", text="name sha256 kind named_at", integer="naming_no size_bytes event_seq")
asset_locations = _table(
    "asset_locations", "sha256 host", text="sha256 host seen_at", integer="present")
OVERWRITTEN = ("host_reachability", "asset_locations")
"""Tables that hold no records: what was last seen, about which no event speaks."""

# Views, read like tables. They are kept out of METADATA's tables on purpose: nothing creates them from here.
_VIEWS = MetaData()
VERDICT_INPUTS = (
    "role", "policy_id", "gate_mask", "budget_ms", "trend_points", "trend_min_drop_u6", "target_u6", "evidence_id",
    "parser_id", "asserted", "complete", "oom_fallback", "val_finite", "val_1_u6", "val_2_u6", "val_3_u6", "val_4_u6",
    "comparison_key", "budget_evidence_id", "budget_parser_id", "budget_train_ms", "reference_evidence_id",
    "reference_parser_id", "reference_key", "steps_to_target", "replicated",
)
"""The columns that the view ``verdict_inputs`` and the table ``verdicts`` share, beside the membership."""
REJUDGED_INPUTS = tuple(name for name in VERDICT_INPUTS if name != "replicated")
"""The same of ``rejudgement_inputs`` and ``rejudgements``: what was not pinned beforehand replicates nothing."""
REPLICATION_INPUTS = (
    "policy_id", "test", "seeds", "stop_step", "limit_number", "target_u6", "found", "bad", "margin_u6", "squares",
    "evidence_ids",
)
"""The columns that the view ``replication_inputs`` and the table ``replications`` share, beside the set's name."""
verdict_inputs = Table(
    "verdict_inputs", _VIEWS, *[Column(n, Text) for n in ("campaign_id", "stage", "run_id")],
    *[Column(n, verdicts.c[n].type) for n in VERDICT_INPUTS])
current_measurements = Table(
    "current_measurements", _VIEWS, Column("run_id", Text), Column("attempt_no", _WHOLE), Column("kind", Text),
    *[Column(c.name, c.type) for c in measurements.columns])
rejudgement_inputs = Table(
    "rejudgement_inputs", _VIEWS, Column("campaign_id", Text), Column("run_id", Text),
    *[Column(n, rejudgements.c[n].type) for n in REJUDGED_INPUTS])
replication_inputs = Table(
    "replication_inputs", _VIEWS, *[Column(n, Text) for n in ("campaign_id", "stage", "config_id")],
    *[Column(n, replications.c[n].type) for n in REPLICATION_INPUTS])
VIEWS = ("verdict_inputs", "current_measurements", "rejudgement_inputs", "replication_inputs")
