-- A ledger of schema 0002 as kdorch wrote it: a simulated campaign, a run that fell back to a smaller batch, one that
-- crashed, facts about a host, names of assets, an imported CSV. Made once, by `.dump`; never edited.
PRAGMA application_id = 1801744242;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE asset_locations (
    sha256 TEXT NOT NULL,
    host TEXT NOT NULL,
    present INTEGER NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (sha256, host),
    CONSTRAINT ck_asset_locations_sha256 CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
    CONSTRAINT ck_asset_locations CHECK (present IN (0, 1) AND length(host) BETWEEN 1 AND 200)
) STRICT, WITHOUT ROWID;
INSERT INTO "asset_locations" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','h100',1,'2026-02-14T20:00:00.022Z');
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
INSERT INTO "asset_names" VALUES('teacher',1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'checkpoint','2026-02-14T20:00:00.020Z',117);
INSERT INTO "asset_names" VALUES('teacher',2,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',2,'checkpoint','2026-02-14T20:00:00.021Z',118);
CREATE TABLE attempt_edges (
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
) STRICT, WITHOUT ROWID;
INSERT INTO "attempt_edges" VALUES('collecting','finished');
INSERT INTO "attempt_edges" VALUES('planned','abandoned');
INSERT INTO "attempt_edges" VALUES('planned','staging');
INSERT INTO "attempt_edges" VALUES('queued','collecting');
INSERT INTO "attempt_edges" VALUES('queued','planned');
INSERT INTO "attempt_edges" VALUES('queued','running');
INSERT INTO "attempt_edges" VALUES('running','collecting');
INSERT INTO "attempt_edges" VALUES('staging','abandoned');
INSERT INTO "attempt_edges" VALUES('staging','collecting');
INSERT INTO "attempt_edges" VALUES('staging','planned');
INSERT INTO "attempt_edges" VALUES('staging','queued');
INSERT INTO "attempt_edges" VALUES('staging','running');
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
INSERT INTO "attempts" VALUES('03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
INSERT INTO "attempts" VALUES('32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',1,'finished','local','00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d','3f377b3d2f9fd2cfdb9513839b94cc9df7ef3bf211e942410f314f5684d50652','completed','{"attempt": 1, "boot_id": "ba6d6dc6-b8fe-4e44-96a1-d2e6e93b37ed", "contract": "v1", "cpu_ms": 96, "ended_at": "2026-11-21T11:16:45.500Z", "exit_code": 0, "failure": null, "manifest_sha256": "13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a", "outcome": "completed", "reason": null, "run_id": "32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec", "signal": null, "started_at": "2026-11-21T11:16:45.256Z", "train_log_bytes": 8837, "wall_ms": 215, "witness": "supervisor"}',NULL,'2026-11-21T11:16:45.136Z','2026-11-21T11:16:45.173Z','2026-11-21T11:16:45.270Z','2026-11-21T11:16:45.548Z','2026-11-21T11:16:46.080Z');
INSERT INTO "attempts" VALUES('4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
INSERT INTO "attempts" VALUES('561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'finished','local','00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d','f49801a49d2b41c76bd0265ab0e962f96f34098b1bc9956120a1451e711c8e74','completed','{"attempt": 1, "boot_id": "ba6d6dc6-b8fe-4e44-96a1-d2e6e93b37ed", "contract": "v1", "cpu_ms": 95, "ended_at": "2026-11-21T11:16:44.123Z", "exit_code": 0, "failure": null, "manifest_sha256": "b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00", "outcome": "completed", "reason": null, "run_id": "561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d", "signal": null, "started_at": "2026-11-21T11:16:43.850Z", "train_log_bytes": 6367, "wall_ms": 234, "witness": "supervisor"}',NULL,'2026-11-21T11:16:39.144Z','2026-11-21T11:16:43.751Z','2026-11-21T11:16:43.871Z','2026-11-21T11:16:44.169Z','2026-11-21T11:16:45.085Z');
INSERT INTO "attempts" VALUES('6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
INSERT INTO "attempts" VALUES('88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
INSERT INTO "attempts" VALUES('8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
INSERT INTO "attempts" VALUES('94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868',1,'finished','h100','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','oom','{"outcome":"completed"}',NULL,'2026-02-14T20:00:00.003Z','2026-02-14T20:00:00.004Z','2026-02-14T20:00:00.005Z','2026-02-14T20:00:00.006Z','2026-02-14T20:00:00.007Z');
INSERT INTO "attempts" VALUES('94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868',2,'finished','h100','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','completed','{"outcome":"completed"}','{"reason":"oom_fallback","spec":{"data":{"microbatch_sequences":4}}}','2026-02-14T20:00:00.008Z','2026-02-14T20:00:00.009Z','2026-02-14T20:00:00.010Z','2026-02-14T20:00:00.011Z','2026-02-14T20:00:00.012Z');
INSERT INTO "attempts" VALUES('b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
INSERT INTO "attempts" VALUES('c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
INSERT INTO "attempts" VALUES('d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',1,'finished','local','00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d','3607a62e4c3ae4862a52f29d1549007a75768334dc9a802d9888f2f632f38abf','completed','{"attempt": 1, "boot_id": "ba6d6dc6-b8fe-4e44-96a1-d2e6e93b37ed", "contract": "v1", "cpu_ms": 130, "ended_at": "2026-11-21T11:16:41.571Z", "exit_code": 0, "failure": null, "manifest_sha256": "935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221", "outcome": "completed", "reason": null, "run_id": "d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4", "signal": null, "started_at": "2026-11-21T11:16:40.937Z", "train_log_bytes": 8769, "wall_ms": 587, "witness": "supervisor"}',NULL,'2026-11-21T11:16:39.128Z','2026-11-21T11:16:40.764Z','2026-11-21T11:16:40.966Z','2026-11-21T11:16:41.675Z','2026-11-21T11:16:43.559Z');
INSERT INTO "attempts" VALUES('eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624',1,'finished','h100','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','jit_crash','{"outcome":"completed"}',NULL,'2026-02-14T20:00:00.013Z','2026-02-14T20:00:00.014Z','2026-02-14T20:00:00.015Z','2026-02-14T20:00:00.016Z','2026-02-14T20:00:00.017Z');
INSERT INTO "attempts" VALUES('f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z',NULL,'2026-11-21T11:16:48.445Z','2026-11-21T11:16:48.445Z');
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
INSERT INTO "campaign_runs" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','arms','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',2,'proof/arms-s0','kd','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',NULL,0,0,0,26);
INSERT INTO "campaign_runs" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'proof/quick-s0','teacher',NULL,NULL,NULL,0,0,0,5);
INSERT INTO "campaign_runs" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','base','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',0,'proof/base-s0','ce',NULL,NULL,NULL,0,0,0,3);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',2,'student3l_ce_ckpt_20260214T014707Z_student3l_ce','teacher',NULL,NULL,NULL,0,1,0,53);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',7,'teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z','teacher',NULL,NULL,NULL,0,0,0,88);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','ce','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',0,'aadab377-e981-419d-907b-470c4e770f33','ce',NULL,NULL,NULL,0,0,0,39);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'teacher25m_ce_20260213T2241Z_teacher25m_ce','teacher',NULL,NULL,NULL,1,0,0,46);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',3,'teacher_budget_L12_H6_D8_155_20260214T203704Z','teacher',NULL,NULL,NULL,0,0,0,60);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',6,'teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177','teacher',NULL,NULL,NULL,0,0,1,81);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',4,'teacher_budget_L3_H6_D128_250_20260214T204116Z','teacher',NULL,NULL,NULL,0,0,0,67);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',5,'teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z','teacher',NULL,NULL,NULL,0,0,0,74);
INSERT INTO "campaign_runs" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','ce','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868',0,'fell','ce',NULL,NULL,NULL,0,0,0,97);
INSERT INTO "campaign_runs" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','ce','eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624',1,'over','ce',NULL,NULL,NULL,0,0,0,110);
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
INSERT INTO "campaigns" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','proof','proof.yaml','
campaign: proof
allow: [constant-weight-kd, no-controls]
deadline: 2m
defaults:
  entry: simulated
  horizon: 100
  validation: {every: 25}
  simulated: {step_ms: 10, decay_steps: 40}
stages:
  - {name: base, role: ce, axes: {seed: [0]}, policy: ce-baseline}
  - name: teachers
    role: teacher
    runs: [{name: quick, horizon: 75, simulated: {step_ms: 1}}]
    policy: {name: tenth, budget: {fraction: 0.10, of: base.first}}
    select: {best: final_val}
  - name: arms
    role: kd
    teacher: {from: teachers.best}
    target: {from: teachers.best}
    compare_with: base
    spec: {kd: {alpha: 0.5}, simulated: {kd_gain: 0.5}}
    axes: {seed: [0]}
    policy: {name: student}
','{"set": [], "host": null}','efbc5e6b2abf3a03a8f85a3df49a8b1c241c30b04bd7ff292f1fe1c1b3ba5f14','2026-11-21T11:16:39.108Z',1);
INSERT INTO "campaigns" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','imported','','','[]','','2026-11-21T11:16:48.445Z',35);
INSERT INTO "campaigns" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','fallbacks','story.yaml','campaign: story
','[]','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','2026-02-14T20:00:00.001Z',94);
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
INSERT INTO "events" VALUES(1,'0000000000000000000000000000000000000000000000000000000000000000','268ebd25cb315c3af8bf533c362e7408331e913c59d3c6bcedb3c21c22cfda37','2026-11-21T11:16:39.108Z','campaign_recorded','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"name":"proof","overrides_sha256":"ff4e48bfe8114a647ff6a06b24582d6b90f3fceb29f8f704aff81669c6b03fea","plan_hash":"efbc5e6b2abf3a03a8f85a3df49a8b1c241c30b04bd7ff292f1fe1c1b3ba5f14","source_name":"proof.yaml","source_sha256":"8c5a35c80703ac71ee444ea27860c523be2ef1b17922e89d93b646ef39e61e25"}');
INSERT INTO "events" VALUES(2,'268ebd25cb315c3af8bf533c362e7408331e913c59d3c6bcedb3c21c22cfda37','0f90bbeb00f0ad3a261ce8b6210055f4f3b8a1c74d61a8e8312d78a46759035c','2026-11-21T11:16:39.128Z','run_recorded','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"config_id":"8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173","mode":"ce_baseline","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(3,'0f90bbeb00f0ad3a261ce8b6210055f4f3b8a1c74d61a8e8312d78a46759035c','7b4ea8c80e1cae114a86c67e3dbc4384941a754a03c6a4b1e478810480beadfc','2026-11-21T11:16:39.128Z','member_recorded','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"archival":0,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","is_slice":0,"name":"proof/base-s0","ordinal":0,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4","stage":"base","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(4,'7b4ea8c80e1cae114a86c67e3dbc4384941a754a03c6a4b1e478810480beadfc','93323462c4dd7fd038d24249f3bbf35e1e01fbfbb08194661560ae4aabbffc19','2026-11-21T11:16:39.144Z','run_recorded','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"config_id":"3f591b7d4e25dba5a667e9d28e1f0233b1d4f854af3f50b40ed509169322daac","mode":"teacher","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(5,'93323462c4dd7fd038d24249f3bbf35e1e01fbfbb08194661560ae4aabbffc19','bb0dbf138fb021192e696891b01589f17b206998362bc481ef1c5d70557f5c77','2026-11-21T11:16:39.144Z','member_recorded','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"archival":0,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","is_slice":0,"name":"proof/quick-s0","ordinal":1,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(6,'bb0dbf138fb021192e696891b01589f17b206998362bc481ef1c5d70557f5c77','195d8644e54087a70b677faefaf4e765855f84c3e3c1b358b4b2c812744fb01a','2026-11-21T11:16:39.161Z','policy_pinned','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"policy":{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-baseline","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","stage":"base"}');
INSERT INTO "events" VALUES(7,'195d8644e54087a70b677faefaf4e765855f84c3e3c1b358b4b2c812744fb01a','066afcfdbe4119e23cda13a5f68ffb0a06e1c9e8e6b690f9d4596a81b6b37f4f','2026-11-21T11:16:40.741Z','host_observed','local','{"fact_no":1,"facts_sha256":"bac0eee48ab969c8d1fe469b84ecc5330e572744fa0d3926ccb8e7a1c342f1d1"}');
INSERT INTO "events" VALUES(8,'066afcfdbe4119e23cda13a5f68ffb0a06e1c9e8e6b690f9d4596a81b6b37f4f','ed43a6b3946552746fb197725a414589e946faececd1051604ecea7027e6b838','2026-11-21T11:16:40.764Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"bundle":"00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d","dispatch_sha256":"3607a62e4c3ae4862a52f29d1549007a75768334dc9a802d9888f2f632f38abf","event":"place","from":"planned","host":"local","placed_at":"2026-11-21T11:16:40.764Z","to":"staging"}');
INSERT INTO "events" VALUES(9,'ed43a6b3946552746fb197725a414589e946faececd1051604ecea7027e6b838','0462ba0964172b43fe339d5c9399d23269f464c002300f449dd31ec6b267512a','2026-11-21T11:16:40.907Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"detail":{"launch":"started"},"event":"claimed","from":"staging","to":"queued"}');
INSERT INTO "events" VALUES(10,'0462ba0964172b43fe339d5c9399d23269f464c002300f449dd31ec6b267512a','a107e89255b5dae0ea87b4b2590c505450c02b13ad47acd2df32980f39a89463','2026-11-21T11:16:40.966Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"detail":{"why":"trainer started"},"event":"started","from":"queued","started_at":"2026-11-21T11:16:40.966Z","to":"running"}');
INSERT INTO "events" VALUES(11,'a107e89255b5dae0ea87b4b2590c505450c02b13ad47acd2df32980f39a89463','e881c001cc97cad62a8c27c1b946e0c90b272e93b0a2bafa957c1475571fb00e','2026-11-21T11:16:41.675Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"detail":{"why":"completed"},"ended_at":"2026-11-21T11:16:41.675Z","event":"ended","exit_json":"c35460ef83fb07c0d92cfe6fa005d63fa0b033f2edbef1cbf0c26216ea507dbd","from":"running","outcome":"completed","to":"collecting"}');
INSERT INTO "events" VALUES(12,'e881c001cc97cad62a8c27c1b946e0c90b272e93b0a2bafa957c1475571fb00e','40b07961b3ddcdd86acd4e2ddab5ba5019c0e58cbcc398b1d4edbc040788840f','2026-11-21T11:16:43.559Z','evidence_recorded','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"derived":[{"path":"loss.png","sha256":"e0e151ce6d4d0642584ad54c497d947f14cfa6e5d87c104f1e4474f9e16b3ccc","size_bytes":34139},{"path":"step_delta.png","sha256":"796a1e71f18d7fefa99fcdbb4c55304e70b8ae80b80e6f4e6b0bb84da4771b3c","size_bytes":18460},{"path":"summary.csv","sha256":"ae62c0d49357c034eef11ff044a75e3d96fa1803307488169bd84e5e7a56e9d1","size_bytes":261}],"directory":"evidence/d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4/1","evidence_id":"935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221","kind":"sealed","measurement":{"asserted":0,"best_val_u6":2246300,"comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"environment_json":"{\"attention_backend\":null,\"compiled\":false,\"contract\":\"v1\",\"corpus_sha256\":null,\"cuda\":null,\"device\":\"cpu\",\"driver\":null,\"gpu_model\":null,\"numpy\":null,\"oom_fallback\":false,\"parameters\":null,\"precision\":\"fp32\",\"python\":\"3.11.7\",\"teacher_eval_val\":null,\"threads\":1,\"torch\":null}\n","final_step":100,"final_val_u6":2246300,"median_step_ms":10.0,"n_validations":5,"oom_fallback":0,"p90_step_ms":10.0,"parameters":null,"parser_id":"modded-nanogpt/1","teacher_train_time_ms":null,"total_steps":100,"train_time_ms":1000,"train_time_offset":8628,"usage_json":"{\"cpu_system_s\": 0.028, \"cpu_user_s\": 0.102, \"killed_processes\": 0, \"load\": {\"cores\": 2, \"loadavg_1m\": 7.15, \"other_cpu_fraction\": 0.904, \"other_cpu_fraction_peak\": 0.9}, \"max_rss_kib\": 18360, \"wall_ms\": 587}","val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":2246300,"val_finite":1,"wall_ms":587}}');
INSERT INTO "events" VALUES(13,'40b07961b3ddcdd86acd4e2ddab5ba5019c0e58cbcc398b1d4edbc040788840f','1e9ea2b493d9ae7fd4e1aa96df9a378012dcfcfc2686e445c2d69ba9df3e6251','2026-11-21T11:16:43.559Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:43.559Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(14,'1e9ea2b493d9ae7fd4e1aa96df9a378012dcfcfc2686e445c2d69ba9df3e6251','32d17996ca06b6ff2f7b6cfb95d1deb8a486655fb1c8827fba7b9f8e085edc03','2026-11-21T11:16:43.559Z','verdict_computed','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"asserted":0,"budget_evidence_id":null,"budget_ms":null,"budget_parser_id":null,"budget_train_ms":null,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"evidence_id":"935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221","gate_mask":14,"oom_fallback":0,"parser_id":"modded-nanogpt/1","policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"ce","rule":2,"stage":"base","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":2246300,"val_finite":1,"verdict_no":1}');
INSERT INTO "events" VALUES(15,'32d17996ca06b6ff2f7b6cfb95d1deb8a486655fb1c8827fba7b9f8e085edc03','d6f4e38e30e375eb68c2e0b15a4a99695fd5d737587946046cc9a03cb6e6d0f9','2026-11-21T11:16:43.701Z','policy_pinned','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"policy":{"budget_derivation":"0.1 x 1000 ms of run proof/base-s0 = 100 ms, rounded half up","budget_ms":100,"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"name":"tenth","role":"teacher","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467","stage":"teachers"}');
INSERT INTO "events" VALUES(16,'d6f4e38e30e375eb68c2e0b15a4a99695fd5d737587946046cc9a03cb6e6d0f9','5a9edfe2a2144762b51f19ad1ad3f64cafb87e5ba491d77ece752083854fb0e7','2026-11-21T11:16:43.751Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"bundle":"00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d","dispatch_sha256":"f49801a49d2b41c76bd0265ab0e962f96f34098b1bc9956120a1451e711c8e74","event":"place","from":"planned","host":"local","placed_at":"2026-11-21T11:16:43.751Z","to":"staging"}');
INSERT INTO "events" VALUES(17,'5a9edfe2a2144762b51f19ad1ad3f64cafb87e5ba491d77ece752083854fb0e7','5f7a05c630342f6d336b711012b962d3160e660cb10e80d84f5aeb4c80ad98ef','2026-11-21T11:16:43.843Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"detail":{"launch":"started"},"event":"claimed","from":"staging","to":"queued"}');
INSERT INTO "events" VALUES(18,'5f7a05c630342f6d336b711012b962d3160e660cb10e80d84f5aeb4c80ad98ef','4322b655dbb09f83044777bae99712bacc8b00ac80de27c84c4c5554e4e210b9','2026-11-21T11:16:43.871Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"detail":{"why":"trainer started"},"event":"started","from":"queued","started_at":"2026-11-21T11:16:43.871Z","to":"running"}');
INSERT INTO "events" VALUES(19,'4322b655dbb09f83044777bae99712bacc8b00ac80de27c84c4c5554e4e210b9','a5d580afde873563207ec5d1f5d130370993c18cc6d3ecbd5a8337f9abfd6d4d','2026-11-21T11:16:44.169Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"detail":{"why":"completed"},"ended_at":"2026-11-21T11:16:44.169Z","event":"ended","exit_json":"07c270ffc7ba60dfa5de05e15f3e8d3ffd6dbe1ebadf84b2b4814e536f17ee86","from":"running","outcome":"completed","to":"collecting"}');
INSERT INTO "events" VALUES(20,'a5d580afde873563207ec5d1f5d130370993c18cc6d3ecbd5a8337f9abfd6d4d','95ab5282e721bb58de3f4a47cb58de144f41d5b0ac6eb4ae24d086414190ff04','2026-11-21T11:16:45.085Z','evidence_recorded','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"derived":[{"path":"loss.png","sha256":"a68603c5fffa563c820172aa9035c5049dfe8bb79a31df794c8f78563db26712","size_bytes":37394},{"path":"step_delta.png","sha256":"bee19b26642993e958a7d2d1c08715da8e08ca676ef3ad7c93c1bdd453b8e031","size_bytes":20134},{"path":"summary.csv","sha256":"6b5bf1e0a29f676ef5aaebcea0c1f2df79b4544bd7a200d3c6aeb1e79dcc6eea","size_bytes":208}],"directory":"evidence/561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d/1","evidence_id":"b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00","kind":"sealed","measurement":{"asserted":0,"best_val_u6":2460100,"comparison_key":"79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c","complete":1,"environment_json":"{\"attention_backend\":null,\"compiled\":false,\"contract\":\"v1\",\"corpus_sha256\":null,\"cuda\":null,\"device\":\"cpu\",\"driver\":null,\"gpu_model\":null,\"numpy\":null,\"oom_fallback\":false,\"parameters\":null,\"precision\":\"fp32\",\"python\":\"3.11.7\",\"teacher_eval_val\":null,\"threads\":1,\"torch\":null}\n","final_step":75,"final_val_u6":2460100,"median_step_ms":1.0,"n_validations":4,"oom_fallback":0,"p90_step_ms":1.0,"parameters":null,"parser_id":"modded-nanogpt/1","teacher_train_time_ms":null,"total_steps":75,"train_time_ms":75,"train_time_offset":6232,"usage_json":"{\"cpu_system_s\": 0.011, \"cpu_user_s\": 0.084, \"killed_processes\": 0, \"load\": {\"cores\": 2, \"loadavg_1m\": 7.54, \"other_cpu_fraction\": 0.8113, \"other_cpu_fraction_peak\": 0.7917}, \"max_rss_kib\": 17972, \"wall_ms\": 234}","val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":null,"val_finite":1,"wall_ms":234}}');
INSERT INTO "events" VALUES(21,'95ab5282e721bb58de3f4a47cb58de144f41d5b0ac6eb4ae24d086414190ff04','98a2a176282c573d3f22e757777d09846574d86409320021201cb1a6aeabcd2c','2026-11-21T11:16:45.085Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:45.085Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(22,'98a2a176282c573d3f22e757777d09846574d86409320021201cb1a6aeabcd2c','2ab35e3a8567324df6866e7745d945b610e386d5165169c4cb91fcc40c863052','2026-11-21T11:16:45.085Z','verdict_computed','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"asserted":0,"budget_evidence_id":"b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00","budget_ms":100,"budget_parser_id":"modded-nanogpt/1","budget_train_ms":75,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","comparison_key":"79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c","complete":1,"evidence_id":"b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00","gate_mask":15,"oom_fallback":0,"parser_id":"modded-nanogpt/1","policy_id":"a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":null,"val_finite":1,"verdict_no":1}');
INSERT INTO "events" VALUES(23,'2ab35e3a8567324df6866e7745d945b610e386d5165169c4cb91fcc40c863052','9396ab0d95c84e1ffc65ba1a08a89b9b6dd1965e99052b552a3751b8586e2222','2026-11-21T11:16:45.114Z','selector_resolved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","candidates":"[\"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d\"]","checkpoint_sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f","chosen_run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","final_val_u6":2460100,"key":"d672ae4e45b9346788c427e7755f048698af4840f3c1fd44925a6fb2b76f0a56","reason":"lowest final validation loss (2.4601) of 1 admitted among 1","selector":"teachers.best"}');
INSERT INTO "events" VALUES(24,'9396ab0d95c84e1ffc65ba1a08a89b9b6dd1965e99052b552a3751b8586e2222','61a3433a86bbb6787b028ed848a42f694e7af8119c13d0e35d74256c931b9831','2026-11-21T11:16:45.119Z','promoted','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","kind":"candidate","verdict":"promote","verdict_no":1}');
INSERT INTO "events" VALUES(25,'61a3433a86bbb6787b028ed848a42f694e7af8119c13d0e35d74256c931b9831','890877ea760aada4d236177061c82ea30b0226f62bbdb9975541a1f870ef14ba','2026-11-21T11:16:45.136Z','run_recorded','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"config_id":"43f728ed8279df62fa698e6ba300c2dbeed82449fac45c54383982677f57b380","mode":"kd","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(26,'890877ea760aada4d236177061c82ea30b0226f62bbdb9975541a1f870ef14ba','afa8c09f71a1cfdb5fb27dd790db95c496c909fe00b2ae005d0462b82057eb9a','2026-11-21T11:16:45.136Z','member_recorded','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"archival":0,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","is_slice":0,"name":"proof/arms-s0","ordinal":2,"provisional":0,"reference_run_id":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4","role":"kd","run_id":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec","stage":"arms","teacher_run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","twin_run_id":null}');
INSERT INTO "events" VALUES(27,'afa8c09f71a1cfdb5fb27dd790db95c496c909fe00b2ae005d0462b82057eb9a','6bdd17a6555551259452d59feeb9c04c3c8b76499c5e238021c064976506bd3c','2026-11-21T11:16:45.152Z','policy_pinned','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"policy":{"budget_derivation":"0.1 x 1000 ms of run proof/base-s0 = 100 ms, rounded half up","budget_ms":100,"gates":["budget","val_trend","no_oom_fallback","evidence_complete","target_reached","comparable"],"name":"student","role":"kd","target_u6":2460100,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da","stage":"arms"}');
INSERT INTO "events" VALUES(28,'6bdd17a6555551259452d59feeb9c04c3c8b76499c5e238021c064976506bd3c','79b6f2c4c4ed9c9f91959ca77ae1341e6a00d6896f4a775931d87ee87d334235','2026-11-21T11:16:45.173Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"bundle":"00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d","dispatch_sha256":"3f377b3d2f9fd2cfdb9513839b94cc9df7ef3bf211e942410f314f5684d50652","event":"place","from":"planned","host":"local","placed_at":"2026-11-21T11:16:45.173Z","to":"staging"}');
INSERT INTO "events" VALUES(29,'79b6f2c4c4ed9c9f91959ca77ae1341e6a00d6896f4a775931d87ee87d334235','79ba15842b4479445b36a204808b15fc817943654124ac0c78159bbd7c23be7a','2026-11-21T11:16:45.249Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"detail":{"launch":"started"},"event":"claimed","from":"staging","to":"queued"}');
INSERT INTO "events" VALUES(30,'79ba15842b4479445b36a204808b15fc817943654124ac0c78159bbd7c23be7a','f30b12d93808917d87af2b7fa0e678a2e86b341ef6ffbde5d77d2c061dde50e9','2026-11-21T11:16:45.270Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"detail":{"why":"trainer started"},"event":"started","from":"queued","started_at":"2026-11-21T11:16:45.270Z","to":"running"}');
INSERT INTO "events" VALUES(31,'f30b12d93808917d87af2b7fa0e678a2e86b341ef6ffbde5d77d2c061dde50e9','fa13695950ffb643caef0f54c58700d5b3e56d2738b4cd5027875f9049cc9744','2026-11-21T11:16:45.548Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"detail":{"why":"completed"},"ended_at":"2026-11-21T11:16:45.548Z","event":"ended","exit_json":"5aeee74237db47aed7fbde789f97ccdd3c3546df468e635b7e88bd3d70c3e89d","from":"running","outcome":"completed","to":"collecting"}');
INSERT INTO "events" VALUES(32,'fa13695950ffb643caef0f54c58700d5b3e56d2738b4cd5027875f9049cc9744','caf9bae72787802a2559e77a0c83c416320a3787432f5e7131a0324769e27bb3','2026-11-21T11:16:46.080Z','evidence_recorded','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"derived":[{"path":"loss.png","sha256":"609828567b136d984f611cb216abed14b82b7c3f31c9501b98e7f4e5b5cb7f52","size_bytes":36536},{"path":"step_delta.png","sha256":"3398d31998534b69051ef038518513a58bea46d34246b8537762685c00701a2c","size_bytes":21735},{"path":"summary.csv","sha256":"bf1a35ff4c432619b2cf1438de521edccbee796023db14972185014d21450a94","size_bytes":261}],"directory":"evidence/32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec/1","evidence_id":"13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a","kind":"sealed","measurement":{"asserted":0,"best_val_u6":2131800,"comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"environment_json":"{\"attention_backend\":null,\"compiled\":false,\"contract\":\"v1\",\"corpus_sha256\":null,\"cuda\":null,\"device\":\"cpu\",\"driver\":null,\"gpu_model\":null,\"numpy\":null,\"oom_fallback\":false,\"parameters\":null,\"precision\":\"fp32\",\"python\":\"3.11.7\",\"teacher_eval_val\":null,\"threads\":1,\"torch\":null}\n","final_step":100,"final_val_u6":2131800,"median_step_ms":10.0,"n_validations":5,"oom_fallback":0,"p90_step_ms":10.0,"parameters":null,"parser_id":"modded-nanogpt/1","teacher_train_time_ms":null,"total_steps":100,"train_time_ms":1000,"train_time_offset":8696,"usage_json":"{\"cpu_system_s\": 0.036, \"cpu_user_s\": 0.06, \"killed_processes\": 0, \"load\": {\"cores\": 2, \"loadavg_1m\": 7.54, \"other_cpu_fraction\": 0.8222, \"other_cpu_fraction_peak\": 0.8222}, \"max_rss_kib\": 17892, \"wall_ms\": 215}","val_1_u6":3174800,"val_2_u6":2460100,"val_3_u6":2246300,"val_4_u6":2131800,"val_finite":1,"wall_ms":215}}');
INSERT INTO "events" VALUES(33,'caf9bae72787802a2559e77a0c83c416320a3787432f5e7131a0324769e27bb3','187adb1897bc52415bbfcadd317c0136aff022249261828f1bde26313cba491a','2026-11-21T11:16:46.080Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:46.080Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(34,'187adb1897bc52415bbfcadd317c0136aff022249261828f1bde26313cba491a','1c0b07be10e35266fbdf2c726beff28a5b27a527a142c24da9409123e1a215bc','2026-11-21T11:16:46.080Z','verdict_computed','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"asserted":0,"budget_evidence_id":"b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00","budget_ms":100,"budget_parser_id":"modded-nanogpt/1","budget_train_ms":75,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"evidence_id":"13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a","gate_mask":63,"oom_fallback":0,"parser_id":"modded-nanogpt/1","policy_id":"8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da","reference_evidence_id":"935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221","reference_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","reference_parser_id":"modded-nanogpt/1","role":"kd","rule":2,"stage":"arms","steps_to_target":75,"target_u6":2460100,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":3174800,"val_2_u6":2460100,"val_3_u6":2246300,"val_4_u6":2131800,"val_finite":1,"verdict_no":1}');
INSERT INTO "events" VALUES(35,'1c0b07be10e35266fbdf2c726beff28a5b27a527a142c24da9409123e1a215bc','83fcb5fd073de1b3cf36222feb0123493b3780e209268391dc0eceef973871f0','2026-11-21T11:16:48.445Z','campaign_recorded','46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','{"name":"imported","overrides_sha256":"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","plan_hash":"","source_name":"","source_sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}');
INSERT INTO "events" VALUES(36,'83fcb5fd073de1b3cf36222feb0123493b3780e209268391dc0eceef973871f0','f0de4b3a26f59bd8c90fb6b4ccc0d0daf47ab8a167d96d33eccdc8460b520a48','2026-11-21T11:16:48.445Z','policy_pinned','46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','{"policy":{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-baseline","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","stage":"ce"}');
INSERT INTO "events" VALUES(37,'f0de4b3a26f59bd8c90fb6b4ccc0d0daf47ab8a167d96d33eccdc8460b520a48','5fd2437b20ac38b6b193e510ed9a3b8e9ba8ce03d329178f0003234d2a5675b7','2026-11-21T11:16:48.445Z','policy_pinned','46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','{"policy":{"budget_derivation":"10 % of 694015 ms (run aadab377-e981-419d-907b-470c4e770f33, 1555 steps) = 69401.5 ms, rounded half up","budget_ms":69402,"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"name":"teacher-budget-10pct","role":"teacher","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","stage":"teachers"}');
INSERT INTO "events" VALUES(38,'5fd2437b20ac38b6b193e510ed9a3b8e9ba8ce03d329178f0003234d2a5675b7','a6fb3cc9c1f4ca10468236e4cd2ad6bbdf333aa16053b583217167ace246ca89','2026-11-21T11:16:48.445Z','run_recorded','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"config_id":"6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4","mode":"ce_baseline","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(39,'a6fb3cc9c1f4ca10468236e4cd2ad6bbdf333aa16053b583217167ace246ca89','4245036e45a2e0209a0afcd3198f89829d380e379bbc4fac97aff4e19353c812','2026-11-21T11:16:48.445Z','member_recorded','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"aadab377-e981-419d-907b-470c4e770f33","ordinal":0,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4","stage":"ce","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(40,'4245036e45a2e0209a0afcd3198f89829d380e379bbc4fac97aff4e19353c812','aa2e60a8d3d6f9435677f3eca2c9658ee79a4380b59e4c6e4bf55091c265d5a0','2026-11-21T11:16:48.445Z','attempt_moved','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(41,'aa2e60a8d3d6f9435677f3eca2c9658ee79a4380b59e4c6e4bf55091c265d5a0','dc06813dc39c7609c764a4eb52196174190fc001144f6c4aaf1039e355d17d07','2026-11-21T11:16:48.445Z','attempt_moved','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(42,'dc06813dc39c7609c764a4eb52196174190fc001144f6c4aaf1039e355d17d07','8b9cbf52bd2d7acd28a31e4b1b8a2859fef66cf32d658c241397c5174751b902','2026-11-21T11:16:48.445Z','evidence_recorded','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a","kind":"csv","measurement":{"asserted":1,"best_val_u6":3278300,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":1555,"final_val_u6":3278300,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":null,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":694015,"train_time_offset":133,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(43,'8b9cbf52bd2d7acd28a31e4b1b8a2859fef66cf32d658c241397c5174751b902','7cf510ddada78bb8a046b513d1eaca36b5f85bf0a9684f59839f1691c779873c','2026-11-21T11:16:48.445Z','attempt_moved','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(44,'7cf510ddada78bb8a046b513d1eaca36b5f85bf0a9684f59839f1691c779873c','5f1a074dd3755a29bca3b7560af7587a7f651d550f1b18b6ff4819dd898fb6ee','2026-11-21T11:16:48.445Z','verdict_computed','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"asserted":1,"budget_evidence_id":null,"budget_ms":null,"budget_parser_id":null,"budget_train_ms":null,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a","gate_mask":14,"oom_fallback":null,"parser_id":"csv/1","policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"ce","rule":2,"stage":"ce","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(45,'5f1a074dd3755a29bca3b7560af7587a7f651d550f1b18b6ff4819dd898fb6ee','72ac1e9911cda2191286d9bbf99d9d9b4cf50ef5c7113f2a25ea62402a60b472','2026-11-21T11:16:48.445Z','run_recorded','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"config_id":"88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(46,'72ac1e9911cda2191286d9bbf99d9d9b4cf50ef5c7113f2a25ea62402a60b472','c9c54ea1199d79c7dc3858b9bff497664a0451e4d441e1eb01024d4a68e09c0e','2026-11-21T11:16:48.445Z','member_recorded','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"archival":1,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher25m_ce_20260213T2241Z_teacher25m_ce","ordinal":1,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(47,'c9c54ea1199d79c7dc3858b9bff497664a0451e4d441e1eb01024d4a68e09c0e','28aad1434bf3028bd5d5cad15d5cbaa59e118e9d42226ac0342a3c3f55ed48f2','2026-11-21T11:16:48.445Z','attempt_moved','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(48,'28aad1434bf3028bd5d5cad15d5cbaa59e118e9d42226ac0342a3c3f55ed48f2','85b1ba7e0c44b8593cff9c8691f12dae29a5fb05a7a92242be8bb3161ddcc55e','2026-11-21T11:16:48.445Z','attempt_moved','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(49,'85b1ba7e0c44b8593cff9c8691f12dae29a5fb05a7a92242be8bb3161ddcc55e','5d303db1c058a611be778de6a9684ce3e2d416519b0ebe608c0b378147e21a88','2026-11-21T11:16:48.445Z','evidence_recorded','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28","kind":"csv","measurement":{"asserted":1,"best_val_u6":3872100,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":1555,"final_val_u6":4050000,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":163448000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":362472,"train_time_offset":227,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(50,'5d303db1c058a611be778de6a9684ce3e2d416519b0ebe608c0b378147e21a88','f877c6ef22cec62509091f142a24e60b074e2c9542b8a743c6a48f1bb67ac244','2026-11-21T11:16:48.445Z','attempt_moved','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(51,'f877c6ef22cec62509091f142a24e60b074e2c9542b8a743c6a48f1bb67ac244','e167f60028791c0903a6ad190053486c49bcb930e7e6291fe902796d6458c854','2026-11-21T11:16:48.445Z','verdict_computed','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"asserted":1,"budget_evidence_id":"a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":362472,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(52,'e167f60028791c0903a6ad190053486c49bcb930e7e6291fe902796d6458c854','a3965429c0defa02051cf928e4d78f6f9fe1fc8a1870fac7154bb37496455afc','2026-11-21T11:16:48.445Z','run_recorded','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"config_id":"03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(53,'a3965429c0defa02051cf928e4d78f6f9fe1fc8a1870fac7154bb37496455afc','61fe13b0c308e310e3823b6da90c2540445d15fc9a967b7bcc1171d00442baa1','2026-11-21T11:16:48.445Z','member_recorded','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"student3l_ce_ckpt_20260214T014707Z_student3l_ce","ordinal":2,"provisional":1,"reference_run_id":null,"role":"teacher","run_id":"03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(54,'61fe13b0c308e310e3823b6da90c2540445d15fc9a967b7bcc1171d00442baa1','503c34fad8bdcfc06c97552a76174d60d412981f6859086436ec9d2a066d6e84','2026-11-21T11:16:48.445Z','attempt_moved','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(55,'503c34fad8bdcfc06c97552a76174d60d412981f6859086436ec9d2a066d6e84','34279488fd7ec20de25cb3096b5201f9e35452c377c75e9cf6cdb53c621d6f08','2026-11-21T11:16:48.445Z','attempt_moved','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(56,'34279488fd7ec20de25cb3096b5201f9e35452c377c75e9cf6cdb53c621d6f08','5fc1ee31cabfb1e5d5c74c12b3001acf9fe3bf532f25c572504d0e81c250b999','2026-11-21T11:16:48.445Z','evidence_recorded','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f","kind":"csv","measurement":{"asserted":1,"best_val_u6":3942900,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":1000,"final_val_u6":null,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":489555000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":184101,"train_time_offset":329,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(57,'5fc1ee31cabfb1e5d5c74c12b3001acf9fe3bf532f25c572504d0e81c250b999','9ac50ecd0b9bafb25cb038eb5db8f306b09d5eb7a106a9b7a0de0c65a115a381','2026-11-21T11:16:48.445Z','attempt_moved','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(58,'9ac50ecd0b9bafb25cb038eb5db8f306b09d5eb7a106a9b7a0de0c65a115a381','e62f2a937e91c37e5380220b9ffaa0f74254c50fdf62e2b74bad48338a7d2fbd','2026-11-21T11:16:48.445Z','verdict_computed','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"asserted":1,"budget_evidence_id":"24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":184101,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(59,'e62f2a937e91c37e5380220b9ffaa0f74254c50fdf62e2b74bad48338a7d2fbd','8b96dc040081e32ee25949fc3e4944e73d1b7be4fe82f98056a57e9709ce19c0','2026-11-21T11:16:48.445Z','run_recorded','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"config_id":"8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(60,'8b96dc040081e32ee25949fc3e4944e73d1b7be4fe82f98056a57e9709ce19c0','dbdde70471d1859082896424115fe2c5f695c12dc7d075b296c9e1b6cebf4933','2026-11-21T11:16:48.445Z','member_recorded','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget_L12_H6_D8_155_20260214T203704Z","ordinal":3,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(61,'dbdde70471d1859082896424115fe2c5f695c12dc7d075b296c9e1b6cebf4933','60f9f804ff60058b5ebf2f54f2b3f1e9b18468f21be4571999943ec5b1de6ab1','2026-11-21T11:16:48.445Z','attempt_moved','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(62,'60f9f804ff60058b5ebf2f54f2b3f1e9b18468f21be4571999943ec5b1de6ab1','9ad2cd4265b6f571d01cb56a373b296a7933f506ed08d991ae269d5dba7bc3cc','2026-11-21T11:16:48.445Z','attempt_moved','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(63,'9ad2cd4265b6f571d01cb56a373b296a7933f506ed08d991ae269d5dba7bc3cc','adc92549623bddd4b12d9fe1f11368e09536aa81f6166799106ab88d2d00fd5e','2026-11-21T11:16:48.445Z','evidence_recorded','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1","kind":"csv","measurement":{"asserted":1,"best_val_u6":6473500,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":155,"final_val_u6":6473500,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":14830000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":32917,"train_time_offset":432,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(64,'adc92549623bddd4b12d9fe1f11368e09536aa81f6166799106ab88d2d00fd5e','72a0ab7ba4c847e8b12c4e7a4b080ef6489f5bbe2687c521840a8586242ebcd3','2026-11-21T11:16:48.445Z','attempt_moved','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(65,'72a0ab7ba4c847e8b12c4e7a4b080ef6489f5bbe2687c521840a8586242ebcd3','733df20cb236600f70ce75077736855241e64739ee648397f5118593fffc3d57','2026-11-21T11:16:48.445Z','verdict_computed','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"asserted":1,"budget_evidence_id":"1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":32917,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(66,'733df20cb236600f70ce75077736855241e64739ee648397f5118593fffc3d57','823479ac7d4247ba515d4eacd14dc95c561b0e2da7a7a2272517385e24f04937','2026-11-21T11:16:48.445Z','run_recorded','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"config_id":"c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(67,'823479ac7d4247ba515d4eacd14dc95c561b0e2da7a7a2272517385e24f04937','48b8709bd6d65ced874ccbf0ed7ae9baad3c18ac4c9a22c9f58f18e92b1e15f5','2026-11-21T11:16:48.445Z','member_recorded','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget_L3_H6_D128_250_20260214T204116Z","ordinal":4,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(68,'48b8709bd6d65ced874ccbf0ed7ae9baad3c18ac4c9a22c9f58f18e92b1e15f5','012a45e5e60dd6d3415529a1289799f74533f944429f6269ad34f520db23280e','2026-11-21T11:16:48.445Z','attempt_moved','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(69,'012a45e5e60dd6d3415529a1289799f74533f944429f6269ad34f520db23280e','3961f0a561fe23a76c8b706a12136cf26eece52acc776836fd179f60193e0f97','2026-11-21T11:16:48.445Z','attempt_moved','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(70,'3961f0a561fe23a76c8b706a12136cf26eece52acc776836fd179f60193e0f97','303d00931865286c71934ae529e728e83b36f1493e61e5f52b3319987abb6515','2026-11-21T11:16:48.445Z','evidence_recorded','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7","kind":"csv","measurement":{"asserted":1,"best_val_u6":4068600,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":250,"final_val_u6":4068600,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":66542,"train_time_offset":534,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(71,'303d00931865286c71934ae529e728e83b36f1493e61e5f52b3319987abb6515','82caa492fc49cfe876a2d7ca46c72b90af6335411d6a2e80cd28c2112071a4e7','2026-11-21T11:16:48.445Z','attempt_moved','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(72,'82caa492fc49cfe876a2d7ca46c72b90af6335411d6a2e80cd28c2112071a4e7','f790e905d2d0f8b5b6ba064fc188c22736faa95d6a0be96a919ab1c7cdace23f','2026-11-21T11:16:48.445Z','verdict_computed','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"asserted":1,"budget_evidence_id":"56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":66542,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(73,'f790e905d2d0f8b5b6ba064fc188c22736faa95d6a0be96a919ab1c7cdace23f','adc5cba4c267d0686d786375eb37d9e194e7723b8a48ef183fe62016f0c2b43c','2026-11-21T11:16:48.445Z','run_recorded','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"config_id":"f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(74,'adc5cba4c267d0686d786375eb37d9e194e7723b8a48ef183fe62016f0c2b43c','3c7012875042318380b316ead7f29cfe14f2323b5664824c56d47789c2ce7e2b','2026-11-21T11:16:48.445Z','member_recorded','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z","ordinal":5,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(75,'3c7012875042318380b316ead7f29cfe14f2323b5664824c56d47789c2ce7e2b','bd93a8fe5c9ba0f3404a388a628affbdcae4dc80957aba99f8af3d8376ccbb9c','2026-11-21T11:16:48.445Z','attempt_moved','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(76,'bd93a8fe5c9ba0f3404a388a628affbdcae4dc80957aba99f8af3d8376ccbb9c','477175551d1c048264df7e3b386f19a4d560f4805ae648966a83769eb78bd8cf','2026-11-21T11:16:48.445Z','attempt_moved','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(77,'477175551d1c048264df7e3b386f19a4d560f4805ae648966a83769eb78bd8cf','72258550c9896b981ae2f9f10a258aa67d6841766feb3f458e737704a56a0c23','2026-11-21T11:16:48.445Z','evidence_recorded','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087","kind":"csv","measurement":{"asserted":1,"best_val_u6":4069000,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":true}}","final_step":250,"final_val_u6":4069000,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":56620,"train_time_offset":639,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(78,'72258550c9896b981ae2f9f10a258aa67d6841766feb3f458e737704a56a0c23','ddd25e533d6f85ead4f8908125cf1ee15832d215080bb38bbeeebe0139eb672e','2026-11-21T11:16:48.445Z','attempt_moved','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(79,'ddd25e533d6f85ead4f8908125cf1ee15832d215080bb38bbeeebe0139eb672e','9cf6be0e446d8abb39c58aaed34cb42ea5452e8bae511635654ebea46db6eb13','2026-11-21T11:16:48.445Z','verdict_computed','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"asserted":1,"budget_evidence_id":"39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":56620,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(80,'9cf6be0e446d8abb39c58aaed34cb42ea5452e8bae511635654ebea46db6eb13','ac0906b97acbdfae2ab8102b9bb99fffa7e6a09e60148058ab8c79452376314a','2026-11-21T11:16:48.445Z','run_recorded','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"config_id":"b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7","mode":"teacher_slice","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(81,'ac0906b97acbdfae2ab8102b9bb99fffa7e6a09e60148058ab8c79452376314a','49860947ce383c7bc4a4192424a93919fb7e818e9acea00d8f7e5539274b4ca0','2026-11-21T11:16:48.445Z','member_recorded','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":1,"name":"teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177","ordinal":6,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(82,'49860947ce383c7bc4a4192424a93919fb7e818e9acea00d8f7e5539274b4ca0','ae97abe20adcc747b47a33a32863b12b8d47e3c64d0221a1a5ac948d3c743809','2026-11-21T11:16:48.445Z','attempt_moved','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(83,'ae97abe20adcc747b47a33a32863b12b8d47e3c64d0221a1a5ac948d3c743809','df5c8625bd66aa0cafc7d63097645382765ffb7c60e62f6f3392281150a037e2','2026-11-21T11:16:48.445Z','attempt_moved','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(84,'df5c8625bd66aa0cafc7d63097645382765ffb7c60e62f6f3392281150a037e2','f433143f6e82806748a0a13850d500ddcc022024183948fb4a87b0e17b3eec17','2026-11-21T11:16:48.445Z','evidence_recorded','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770","kind":"csv","measurement":{"asserted":1,"best_val_u6":4373600,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":177,"final_val_u6":4373600,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":34539,"train_time_offset":750,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(85,'f433143f6e82806748a0a13850d500ddcc022024183948fb4a87b0e17b3eec17','27a142a5326558a22fa5df936bffb9008a59ba40e0d0c3df0d7f33ff0f61123d','2026-11-21T11:16:48.445Z','attempt_moved','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(86,'27a142a5326558a22fa5df936bffb9008a59ba40e0d0c3df0d7f33ff0f61123d','6496cf9982e943856547877dc040aed5a7ead9f2b4833402260dec9883d96b30','2026-11-21T11:16:48.445Z','verdict_computed','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"asserted":1,"budget_evidence_id":"dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":34539,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(87,'6496cf9982e943856547877dc040aed5a7ead9f2b4833402260dec9883d96b30','b4feedf01ae47293c8b0160728cb74c6a9c5a7a6143fe8569151be2904c27f1f','2026-11-21T11:16:48.445Z','run_recorded','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"config_id":"4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(88,'b4feedf01ae47293c8b0160728cb74c6a9c5a7a6143fe8569151be2904c27f1f','39e30d2bb52325442c756ce8c0d6f419a5d163632cf1594723bed365979185d2','2026-11-21T11:16:48.445Z','member_recorded','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z","ordinal":7,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(89,'39e30d2bb52325442c756ce8c0d6f419a5d163632cf1594723bed365979185d2','e8523817cc5af7d6f950093b3a32ecd11dca29bc6cc2e88c878bf86269cde209','2026-11-21T11:16:48.445Z','attempt_moved','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T11:16:48.445Z","to":"staging"}');
INSERT INTO "events" VALUES(90,'e8523817cc5af7d6f950093b3a32ecd11dca29bc6cc2e88c878bf86269cde209','47268e44b7fac0a63361bd06c33cde0a2d2b74a65aaccee1de2e0ba3c474d8b5','2026-11-21T11:16:48.445Z','attempt_moved','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"ended_at":"2026-11-21T11:16:48.445Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(91,'47268e44b7fac0a63361bd06c33cde0a2d2b74a65aaccee1de2e0ba3c474d8b5','53cc5d7389c517426e8bc5f4227bc49fc2fbb2be6126fa12276b259d969b69fb','2026-11-21T11:16:48.445Z','evidence_recorded','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610","kind":"csv","measurement":{"asserted":1,"best_val_u6":4247300,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":true}}","final_step":175,"final_val_u6":4247300,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":39767,"train_time_offset":870,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(92,'53cc5d7389c517426e8bc5f4227bc49fc2fbb2be6126fa12276b259d969b69fb','3aa8bef41a15ea2cfee415bea5acb73bc3b676c60e6bb5c7d94671615778b891','2026-11-21T11:16:48.445Z','attempt_moved','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T11:16:48.445Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(93,'3aa8bef41a15ea2cfee415bea5acb73bc3b676c60e6bb5c7d94671615778b891','2709ce9facbd46892b626290b37d8134375c151ec1bdfe2a248ad08a697f6ff1','2026-11-21T11:16:48.445Z','verdict_computed','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"asserted":1,"budget_evidence_id":"fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":39767,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(94,'2709ce9facbd46892b626290b37d8134375c151ec1bdfe2a248ad08a697f6ff1','5a5e0c197c2cbed4a823ef4bec3a2a3a18baad133efe07798e23d0e25ab2e44d','2026-02-14T20:00:00.001Z','campaign_recorded','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"name":"fallbacks","overrides_sha256":"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","plan_hash":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff","source_name":"story.yaml","source_sha256":"8521a495019a90f8a16b71d6c8e8b2b3db57d31bc8498fb214ef4222f069bef2"}');
INSERT INTO "events" VALUES(95,'5a5e0c197c2cbed4a823ef4bec3a2a3a18baad133efe07798e23d0e25ab2e44d','d9379f84157ad2567fb213c866b1848bf0840759042080b27579fdae6006b733','2026-02-14T20:00:00.002Z','policy_pinned','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"policy":{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-test","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"d79a8153b4c0af33c5b7d32aabdcdcf39002a5ff7a9a09b921511eaab4121c25","stage":"ce"}');
INSERT INTO "events" VALUES(96,'d9379f84157ad2567fb213c866b1848bf0840759042080b27579fdae6006b733','a14e805c35ef8255d7158d0382f51c7ae9e941c59dfdf8c60e1949d0d81dc0bc','2026-02-14T20:00:00.003Z','run_recorded','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"config_id":"94fb229670d20c02ee399f876d08a91916d5eb461f3c6ccc46741dd306276d02","mode":"ce_baseline","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(97,'a14e805c35ef8255d7158d0382f51c7ae9e941c59dfdf8c60e1949d0d81dc0bc','936b23ffe7e9e81969d2eaa44fcffc4256419c85e2f5cf58c7d75b858fcf8d26','2026-02-14T20:00:00.003Z','member_recorded','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"archival":0,"campaign_id":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","is_slice":0,"name":"fell","ordinal":0,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868","stage":"ce","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(98,'936b23ffe7e9e81969d2eaa44fcffc4256419c85e2f5cf58c7d75b858fcf8d26','04da3c73d91587fd354bd0bb9217b00c5880a2bab643d17d75081916b59372d0','2026-02-14T20:00:00.004Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":1,"bundle":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","dispatch_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","event":"place","from":"planned","host":"h100","placed_at":"2026-02-14T20:00:00.004Z","to":"staging"}');
INSERT INTO "events" VALUES(99,'04da3c73d91587fd354bd0bb9217b00c5880a2bab643d17d75081916b59372d0','b24732d9b12a9f3e3fe791d178ee71291790954023b563c7e41a8994deb74e18','2026-02-14T20:00:00.005Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":1,"event":"started","from":"staging","started_at":"2026-02-14T20:00:00.005Z","to":"running"}');
INSERT INTO "events" VALUES(100,'b24732d9b12a9f3e3fe791d178ee71291790954023b563c7e41a8994deb74e18','f2de70ede1d87472ed3d64c5d0a143397a716ca39945d0fccf8da77c35bb6869','2026-02-14T20:00:00.006Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":1,"ended_at":"2026-02-14T20:00:00.006Z","event":"ended","exit_json":"12be39fdea3651a12e0975c46c3d4981ae2def5381bc7b330109e36221bb43c4","from":"running","outcome":"oom","to":"collecting"}');
INSERT INTO "events" VALUES(101,'f2de70ede1d87472ed3d64c5d0a143397a716ca39945d0fccf8da77c35bb6869','1121fdea457522658a5ff4dc02851c561d5c435f4fa0a12ab3258d7645bec3d1','2026-02-14T20:00:00.007Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":1,"event":"judged","finished_at":"2026-02-14T20:00:00.007Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(102,'1121fdea457522658a5ff4dc02851c561d5c435f4fa0a12ab3258d7645bec3d1','a2ec7daa06ca2b12f9a6e54df301873f3b069d3da7098d43d8962b96199089ea','2026-02-14T20:00:00.008Z','attempt_planned','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":2,"override_json":"{\"reason\":\"oom_fallback\",\"spec\":{\"data\":{\"microbatch_sequences\":4}}}","reason":"out of memory"}');
INSERT INTO "events" VALUES(103,'a2ec7daa06ca2b12f9a6e54df301873f3b069d3da7098d43d8962b96199089ea','22f914ec86e1f52b214fa33b3201c910c77115e1fbf8c183424e28646e31ec0a','2026-02-14T20:00:00.009Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":2,"bundle":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","dispatch_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","event":"place","from":"planned","host":"h100","placed_at":"2026-02-14T20:00:00.009Z","to":"staging"}');
INSERT INTO "events" VALUES(104,'22f914ec86e1f52b214fa33b3201c910c77115e1fbf8c183424e28646e31ec0a','4264533a8308bbca68ed17be08f52d8dc4816a9e7a7e73a9f57be3349a0f4148','2026-02-14T20:00:00.010Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":2,"event":"started","from":"staging","started_at":"2026-02-14T20:00:00.010Z","to":"running"}');
INSERT INTO "events" VALUES(105,'4264533a8308bbca68ed17be08f52d8dc4816a9e7a7e73a9f57be3349a0f4148','93a47f95695179a4f73f4d4933c58d8c06c7dd92acea51e3a30cf70c4dab763d','2026-02-14T20:00:00.011Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":2,"ended_at":"2026-02-14T20:00:00.011Z","event":"ended","exit_json":"12be39fdea3651a12e0975c46c3d4981ae2def5381bc7b330109e36221bb43c4","from":"running","outcome":"completed","to":"collecting"}');
INSERT INTO "events" VALUES(106,'93a47f95695179a4f73f4d4933c58d8c06c7dd92acea51e3a30cf70c4dab763d','99986e90d7205d539e343458e5c6cfe137ecf88cf32f266e96d5af04221912e3','2026-02-14T20:00:00.012Z','evidence_recorded','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":2,"derived":[],"directory":"evidence/94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868/2","evidence_id":"62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d","kind":"sealed","measurement":{"asserted":0,"best_val_u6":4050000,"comparison_key":"3fc6b7a64db8601e82fd0aca28fe15534d13e38a5c650aa968cae38b066647c6","complete":1,"environment_json":"{}","final_step":125,"final_val_u6":4050000,"median_step_ms":250.5,"n_validations":6,"oom_fallback":1,"p90_step_ms":460.0,"parameters":296389000,"parser_id":"modded-nanogpt/1","teacher_train_time_ms":null,"total_steps":125,"train_time_ms":60000,"train_time_offset":900,"usage_json":"{}","val_1_u6":5000000,"val_2_u6":4500000,"val_3_u6":4200000,"val_4_u6":4060000,"val_finite":1,"wall_ms":70000}}');
INSERT INTO "events" VALUES(107,'99986e90d7205d539e343458e5c6cfe137ecf88cf32f266e96d5af04221912e3','c6f3d9d792e4766ebf89cb9e6612ec0ed8845432c3c267a021f732e285bbdf26','2026-02-14T20:00:00.012Z','attempt_moved','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"attempt_no":2,"event":"judged","finished_at":"2026-02-14T20:00:00.012Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(108,'c6f3d9d792e4766ebf89cb9e6612ec0ed8845432c3c267a021f732e285bbdf26','cb75c1a6496c1d882d0b1f58562c02c9ab1df6e44c126ce9dff32340424419df','2026-02-14T20:00:00.012Z','verdict_computed','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"asserted":0,"budget_evidence_id":null,"budget_ms":null,"budget_parser_id":null,"budget_train_ms":null,"campaign_id":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","comparison_key":"3fc6b7a64db8601e82fd0aca28fe15534d13e38a5c650aa968cae38b066647c6","complete":1,"evidence_id":"62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d","gate_mask":14,"oom_fallback":1,"parser_id":"modded-nanogpt/1","policy_id":"d79a8153b4c0af33c5b7d32aabdcdcf39002a5ff7a9a09b921511eaab4121c25","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"ce","rule":2,"stage":"ce","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":5000000,"val_2_u6":4500000,"val_3_u6":4200000,"val_4_u6":4060000,"val_finite":1,"verdict_no":1}');
INSERT INTO "events" VALUES(109,'cb75c1a6496c1d882d0b1f58562c02c9ab1df6e44c126ce9dff32340424419df','ef4ace188f408ad5a149783d9f2cecd45ec2617bc816f356047288825325f3f5','2026-02-14T20:00:00.013Z','run_recorded','eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624','{"config_id":"5b5eb2115009c70c4d0cdb3d4fd12cd23a32b8ffd454eb2968ccd4b0be2afffc","mode":"ce_baseline","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(110,'ef4ace188f408ad5a149783d9f2cecd45ec2617bc816f356047288825325f3f5','c165380f84f262c61d14909fb8278e596ae032bfb0571a3ca202a04015b76268','2026-02-14T20:00:00.013Z','member_recorded','eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624','{"archival":0,"campaign_id":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","is_slice":0,"name":"over","ordinal":1,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624","stage":"ce","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(111,'c165380f84f262c61d14909fb8278e596ae032bfb0571a3ca202a04015b76268','084677a9aba0af96db9f21f52f7bd4d6baf96146c880852ae33abe4eab19004b','2026-02-14T20:00:00.014Z','attempt_moved','eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624','{"attempt_no":1,"bundle":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","dispatch_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","event":"place","from":"planned","host":"h100","placed_at":"2026-02-14T20:00:00.014Z","to":"staging"}');
INSERT INTO "events" VALUES(112,'084677a9aba0af96db9f21f52f7bd4d6baf96146c880852ae33abe4eab19004b','428a36e15ec1d271b8d2439ce19c40e40268512b5d8e5d192dba061ab96f6a32','2026-02-14T20:00:00.015Z','attempt_moved','eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624','{"attempt_no":1,"event":"started","from":"staging","started_at":"2026-02-14T20:00:00.015Z","to":"running"}');
INSERT INTO "events" VALUES(113,'428a36e15ec1d271b8d2439ce19c40e40268512b5d8e5d192dba061ab96f6a32','db46615aca57d8a073b31300fe91c9fa38bc2604aafa2aeedf429cb2bf90a562','2026-02-14T20:00:00.016Z','attempt_moved','eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624','{"attempt_no":1,"ended_at":"2026-02-14T20:00:00.016Z","event":"ended","exit_json":"12be39fdea3651a12e0975c46c3d4981ae2def5381bc7b330109e36221bb43c4","from":"running","outcome":"jit_crash","to":"collecting"}');
INSERT INTO "events" VALUES(114,'db46615aca57d8a073b31300fe91c9fa38bc2604aafa2aeedf429cb2bf90a562','16e09ea01d4e58d9ba795f9b01033c6951dd8258faebda8ccf0d07550809dfbd','2026-02-14T20:00:00.017Z','attempt_moved','eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624','{"attempt_no":1,"event":"judged","finished_at":"2026-02-14T20:00:00.017Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(115,'16e09ea01d4e58d9ba795f9b01033c6951dd8258faebda8ccf0d07550809dfbd','0815982110cecddc6dc45df5f8abd6ba8750544b2854c0cd258765776014b542','2026-02-14T20:00:00.018Z','host_observed','h100','{"fact_no":1,"facts_sha256":"645d7579770faf695ffd0a64b643fe16799f8b46c48126521dcc58083378b0c1"}');
INSERT INTO "events" VALUES(116,'0815982110cecddc6dc45df5f8abd6ba8750544b2854c0cd258765776014b542','c1721c76e1adbfc64268acab94fa1d61f68f143754cdca77591ad06d8a145365','2026-02-14T20:00:00.019Z','host_observed','h100','{"fact_no":2,"facts_sha256":"7858dacfe1b51a7a317a84ca3f24814c0db7f488eed277850a24e421966f2d40"}');
INSERT INTO "events" VALUES(117,'c1721c76e1adbfc64268acab94fa1d61f68f143754cdca77591ad06d8a145365','a54432d2dd7bfa08494bc8190448c2b7279cf032e9ff7a1dfdc4d18966896940','2026-02-14T20:00:00.020Z','asset_named','teacher','{"kind":"checkpoint","naming_no":1,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size_bytes":1}');
INSERT INTO "events" VALUES(118,'a54432d2dd7bfa08494bc8190448c2b7279cf032e9ff7a1dfdc4d18966896940','422c1e81e1ce1454a942a7b2a0439234f8d64dc33e2a7966f479eb3188c57adb','2026-02-14T20:00:00.021Z','asset_named','teacher','{"kind":"checkpoint","naming_no":2,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","size_bytes":2}');
INSERT INTO "events" VALUES(119,'422c1e81e1ce1454a942a7b2a0439234f8d64dc33e2a7966f479eb3188c57adb','2d365cb7a63de41852ca7379407254f43739949b5aa6606a9caaab3e3ff63adf','2026-02-14T20:00:00.023Z','lane_fallback','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"from":"h100","to":"gb10"}');
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
INSERT INTO "evidence" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',1,'sealed','{"_type":"https://in-toto.io/Statement/v1","contract":"v1","predicate":{"buildDefinition":{"buildType":"https://kdorch.dev/run/v1","externalParameters":{"attempt":1,"dispatch_sha256":"3f377b3d2f9fd2cfdb9513839b94cc9df7ef3bf211e942410f314f5684d50652","run_id":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec","spec_sha256":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec"},"internalParameters":{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null},"resolvedDependencies":[{"digest":{"sha256":"00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d"},"name":"bundle"},{"digest":{"sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f"},"name":"teacher checkpoint"}]},"runDetails":{"builder":{"id":"local"},"byproducts":[{"content":{"cpu_system_s":0.036,"cpu_user_s":0.06,"killed_processes":0,"load":{"cores":2,"loadavg_1m":7.54,"other_cpu_fraction":0.8222,"other_cpu_fraction_peak":0.8222},"max_rss_kib":17892,"wall_ms":215},"name":"usage"}],"metadata":{"finishedOn":"2026-11-21T11:16:45.500Z","invocationId":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec/1","startedOn":"2026-11-21T11:16:45.256Z"}}},"predicateType":"https://slsa.dev/provenance/v1","subject":[{"annotations":{"size_bytes":57},"digest":{"sha256":"7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e"},"name":"checkpoints/best.bin"},{"annotations":{"size_bytes":57},"digest":{"sha256":"7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e"},"name":"checkpoints/last.bin"},{"annotations":{"size_bytes":323},"digest":{"sha256":"5e1d4ff05f4a8b95de7bf93d2eefd5b247ab608ce583bb67185d9301892404eb"},"name":"claim.json"},{"annotations":{"size_bytes":719},"digest":{"sha256":"3f377b3d2f9fd2cfdb9513839b94cc9df7ef3bf211e942410f314f5684d50652"},"name":"dispatch.json"},{"annotations":{"size_bytes":277},"digest":{"sha256":"4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880"},"name":"environment.json"},{"annotations":{"size_bytes":318},"digest":{"sha256":"7701613a083c690d90ad9ff5a9553c62180b0576188f5e44a21b1a1f186dd25e"},"name":"started.json"},{"annotations":{"size_bytes":327},"digest":{"sha256":"2bc7a96f09baba0bf599c152eb4ca88eec0b644d372cbfa723cf216d5cea894c"},"name":"status.json"},{"annotations":{"size_bytes":8837},"digest":{"sha256":"e25f68fb4bfbdab7782328bdd6fe32122a7a6e4c47bb92c83b6b0ea4709acdc4"},"name":"train.log"}]}
','evidence/32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec/1','2026-11-21T11:16:46.080Z',32);
INSERT INTO "evidence" VALUES('1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":5,"mode":"teacher","name":"teacher_budget_L12_H6_D8_155_20260214T203704Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',63);
INSERT INTO "evidence" VALUES('24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":4,"mode":"teacher","name":"student3l_ce_ckpt_20260214T014707Z_student3l_ce"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',56);
INSERT INTO "evidence" VALUES('39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":7,"mode":"teacher","name":"teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',77);
INSERT INTO "evidence" VALUES('56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":6,"mode":"teacher","name":"teacher_budget_L3_H6_D128_250_20260214T204116Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',70);
INSERT INTO "evidence" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868',2,'sealed','{"_type": "https://in-toto.io/Statement/v1", "run": "94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868", "attempt": 2}','evidence/94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868/2','2026-02-14T20:00:00.012Z',106);
INSERT INTO "evidence" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',1,'sealed','{"_type":"https://in-toto.io/Statement/v1","contract":"v1","predicate":{"buildDefinition":{"buildType":"https://kdorch.dev/run/v1","externalParameters":{"attempt":1,"dispatch_sha256":"3607a62e4c3ae4862a52f29d1549007a75768334dc9a802d9888f2f632f38abf","run_id":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4","spec_sha256":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4"},"internalParameters":{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null},"resolvedDependencies":[{"digest":{"sha256":"00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d"},"name":"bundle"}]},"runDetails":{"builder":{"id":"local"},"byproducts":[{"content":{"cpu_system_s":0.028,"cpu_user_s":0.102,"killed_processes":0,"load":{"cores":2,"loadavg_1m":7.15,"other_cpu_fraction":0.904,"other_cpu_fraction_peak":0.9},"max_rss_kib":18360,"wall_ms":587},"name":"usage"}],"metadata":{"finishedOn":"2026-11-21T11:16:41.571Z","invocationId":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4/1","startedOn":"2026-11-21T11:16:40.937Z"}}},"predicateType":"https://slsa.dev/provenance/v1","subject":[{"annotations":{"size_bytes":57},"digest":{"sha256":"0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652"},"name":"checkpoints/best.bin"},{"annotations":{"size_bytes":57},"digest":{"sha256":"0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652"},"name":"checkpoints/last.bin"},{"annotations":{"size_bytes":323},"digest":{"sha256":"5312cad74183ca5899a1b13505bbdd2a134b6ea5cd06605b60eb4db8237b2435"},"name":"claim.json"},{"annotations":{"size_bytes":540},"digest":{"sha256":"3607a62e4c3ae4862a52f29d1549007a75768334dc9a802d9888f2f632f38abf"},"name":"dispatch.json"},{"annotations":{"size_bytes":277},"digest":{"sha256":"4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880"},"name":"environment.json"},{"annotations":{"size_bytes":318},"digest":{"sha256":"724e7bd1c9a719103faf9308d5af2bfdfce588b1e216bffd958addbcefceafec"},"name":"started.json"},{"annotations":{"size_bytes":326},"digest":{"sha256":"30cd5454d31a4ed4eb98307d114c8165ef8cb10b54a48bf3e7bc5f6fe4930cdf"},"name":"status.json"},{"annotations":{"size_bytes":8769},"digest":{"sha256":"bc9e9a0108b5d5e1f92d68c0946d16473df52595bbc48e566c341eb4f9aceeb0"},"name":"train.log"}]}
','evidence/d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4/1','2026-11-21T11:16:43.559Z',12);
INSERT INTO "evidence" VALUES('a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":3,"mode":"teacher","name":"teacher25m_ce_20260213T2241Z_teacher25m_ce"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',49);
INSERT INTO "evidence" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'sealed','{"_type":"https://in-toto.io/Statement/v1","contract":"v1","predicate":{"buildDefinition":{"buildType":"https://kdorch.dev/run/v1","externalParameters":{"attempt":1,"dispatch_sha256":"f49801a49d2b41c76bd0265ab0e962f96f34098b1bc9956120a1451e711c8e74","run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","spec_sha256":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d"},"internalParameters":{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null},"resolvedDependencies":[{"digest":{"sha256":"00ba1c502eced09cea60987dad0410855de0d28f29f88fe4e19e566d8e96a03d"},"name":"bundle"}]},"runDetails":{"builder":{"id":"local"},"byproducts":[{"content":{"cpu_system_s":0.011,"cpu_user_s":0.084,"killed_processes":0,"load":{"cores":2,"loadavg_1m":7.54,"other_cpu_fraction":0.8113,"other_cpu_fraction_peak":0.7917},"max_rss_kib":17972,"wall_ms":234},"name":"usage"}],"metadata":{"finishedOn":"2026-11-21T11:16:44.123Z","invocationId":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d/1","startedOn":"2026-11-21T11:16:43.850Z"}}},"predicateType":"https://slsa.dev/provenance/v1","subject":[{"annotations":{"size_bytes":55},"digest":{"sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f"},"name":"checkpoints/best.bin"},{"annotations":{"size_bytes":55},"digest":{"sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f"},"name":"checkpoints/last.bin"},{"annotations":{"size_bytes":323},"digest":{"sha256":"5cc582db53ad7aa1444c7416e2e3c8fd126442fa3ea7a9cd9a313af2150d7d9b"},"name":"claim.json"},{"annotations":{"size_bytes":540},"digest":{"sha256":"f49801a49d2b41c76bd0265ab0e962f96f34098b1bc9956120a1451e711c8e74"},"name":"dispatch.json"},{"annotations":{"size_bytes":277},"digest":{"sha256":"4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880"},"name":"environment.json"},{"annotations":{"size_bytes":318},"digest":{"sha256":"90d76944be122d53e63058e3e662a54538da41d473b00e2fdfe3fe8064a75f1f"},"name":"started.json"},{"annotations":{"size_bytes":325},"digest":{"sha256":"2a13878a0e9221c7cc8238b1e64f9bc6783097c92af977589e8c5811394ad907"},"name":"status.json"},{"annotations":{"size_bytes":6367},"digest":{"sha256":"5e4057b9e029312ef111834b4569ac1621aed72089d80cd2439fd4f5aae8d1de"},"name":"train.log"}]}
','evidence/561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d/1','2026-11-21T11:16:45.085Z',20);
INSERT INTO "evidence" VALUES('dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":8,"mode":"teacher_slice","name":"teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',84);
INSERT INTO "evidence" VALUES('f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":2,"mode":"ce_baseline","name":"aadab377-e981-419d-907b-470c4e770f33"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',42);
INSERT INTO "evidence" VALUES('fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":9,"mode":"teacher","name":"teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T11:16:48.445Z',91);
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
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','checkpoints/best.bin','7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e',57);
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','checkpoints/last.bin','7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e',57);
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','claim.json','5e1d4ff05f4a8b95de7bf93d2eefd5b247ab608ce583bb67185d9301892404eb',323);
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','dispatch.json','3f377b3d2f9fd2cfdb9513839b94cc9df7ef3bf211e942410f314f5684d50652',719);
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','environment.json','4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880',277);
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','started.json','7701613a083c690d90ad9ff5a9553c62180b0576188f5e44a21b1a1f186dd25e',318);
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','status.json','2bc7a96f09baba0bf599c152eb4ca88eec0b644d372cbfa723cf216d5cea894c',327);
INSERT INTO "evidence_files" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','train.log','e25f68fb4bfbdab7782328bdd6fe32122a7a6e4c47bb92c83b6b0ea4709acdc4',8837);
INSERT INTO "evidence_files" VALUES('1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','checkpoints/best.pt','34c5357bb18dc6480bfb41b323c6c819c70628b6f041d69b2f65f6ee9f37f4d5',4096);
INSERT INTO "evidence_files" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','status.json','073c1634c496cdb649d1afe0a312bbb4b7e1741b271542e4a436c3b8824b1761',100);
INSERT INTO "evidence_files" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','train.log','77902913470adad51ca0d33530825f53fb32a6138a985cc5980217afacec4dec',1000);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','checkpoints/best.bin','0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652',57);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','checkpoints/last.bin','0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652',57);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','claim.json','5312cad74183ca5899a1b13505bbdd2a134b6ea5cd06605b60eb4db8237b2435',323);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','dispatch.json','3607a62e4c3ae4862a52f29d1549007a75768334dc9a802d9888f2f632f38abf',540);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','environment.json','4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880',277);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','started.json','724e7bd1c9a719103faf9308d5af2bfdfce588b1e216bffd958addbcefceafec',318);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','status.json','30cd5454d31a4ed4eb98307d114c8165ef8cb10b54a48bf3e7bc5f6fe4930cdf',326);
INSERT INTO "evidence_files" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','train.log','bc9e9a0108b5d5e1f92d68c0946d16473df52595bbc48e566c341eb4f9aceeb0',8769);
INSERT INTO "evidence_files" VALUES('a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','checkpoints/best.bin','a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f',55);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','checkpoints/last.bin','a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f',55);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','claim.json','5cc582db53ad7aa1444c7416e2e3c8fd126442fa3ea7a9cd9a313af2150d7d9b',323);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','dispatch.json','f49801a49d2b41c76bd0265ab0e962f96f34098b1bc9956120a1451e711c8e74',540);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','environment.json','4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880',277);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','started.json','90d76944be122d53e63058e3e662a54538da41d473b00e2fdfe3fe8064a75f1f',318);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','status.json','2a13878a0e9221c7cc8238b1e64f9bc6783097c92af977589e8c5811394ad907',325);
INSERT INTO "evidence_files" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','train.log','5e4057b9e029312ef111834b4569ac1621aed72089d80cd2439fd4f5aae8d1de',6367);
INSERT INTO "evidence_files" VALUES('dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
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
INSERT INTO "host_facts" VALUES('h100',1,'2026-02-14T20:00:00.018Z','{"torch":"2.9"}',115);
INSERT INTO "host_facts" VALUES('h100',2,'2026-02-14T20:00:00.019Z','{"torch":"2.10"}',116);
INSERT INTO "host_facts" VALUES('local',1,'2026-11-21T11:16:40.741Z','{"disk_free_bytes":79584632832,"driver":null,"fs_type":"ext4","gpus":[],"inodes_free":16262426,"machine":"x86_64","platform":"x86_64-glibc2.36","python":"3.11.7","root":"/tmp/demo/.kdorch/host","root_writable":true}',7);
CREATE TABLE host_reachability (
    host TEXT NOT NULL PRIMARY KEY,
    reachable INTEGER NOT NULL,
    since TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT ck_host_reachability CHECK (reachable IN (0, 1) AND length(host) BETWEEN 1 AND 200 AND length(detail) <= 4096)
) STRICT, WITHOUT ROWID;
INSERT INTO "host_reachability" VALUES('local',1,'2026-11-21T11:16:40.711Z','2026-11-21T11:16:40.711Z','');
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
INSERT INTO "measurements" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','modded-nanogpt/1',0,1,0,1000,NULL,1,3174800,2460100,2246300,2131800,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',5,100,100,8696,2131800,2131800,10.0,10.0,215,NULL,'{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null}
','{"cpu_system_s": 0.036, "cpu_user_s": 0.06, "killed_processes": 0, "load": {"cores": 2, "loadavg_1m": 7.54, "other_cpu_fraction": 0.8222, "other_cpu_fraction_peak": 0.8222}, "max_rss_kib": 17892, "wall_ms": 215}');
INSERT INTO "measurements" VALUES('1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','csv/1',1,NULL,NULL,32917,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,155,NULL,432,6473500,6473500,NULL,NULL,NULL,14830000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','csv/1',1,NULL,NULL,184101,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,1000,NULL,329,3942900,NULL,NULL,NULL,NULL,489555000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','csv/1',1,NULL,NULL,56620,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,250,NULL,639,4069000,4069000,NULL,NULL,NULL,296389000,'{"asserted":{"checkpoint_ready":true}}','{}');
INSERT INTO "measurements" VALUES('56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','csv/1',1,NULL,NULL,66542,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,250,NULL,534,4068600,4068600,NULL,NULL,NULL,296389000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',0,1,1,60000,NULL,1,5000000,4500000,4200000,4060000,'3fc6b7a64db8601e82fd0aca28fe15534d13e38a5c650aa968cae38b066647c6',6,125,125,900,4050000,4050000,250.5,460.0,70000,296389000,'{}','{}');
INSERT INTO "measurements" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1',0,1,0,1000,NULL,1,3605800,2859500,2460100,2246300,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',5,100,100,8628,2246300,2246300,10.0,10.0,587,NULL,'{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null}
','{"cpu_system_s": 0.028, "cpu_user_s": 0.102, "killed_processes": 0, "load": {"cores": 2, "loadavg_1m": 7.15, "other_cpu_fraction": 0.904, "other_cpu_fraction_peak": 0.9}, "max_rss_kib": 18360, "wall_ms": 587}');
INSERT INTO "measurements" VALUES('a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','csv/1',1,NULL,NULL,362472,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,1555,NULL,227,3872100,4050000,NULL,NULL,NULL,163448000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',0,1,0,75,NULL,1,3605800,2859500,2460100,NULL,'79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c',4,75,75,6232,2460100,2460100,1.0,1.0,234,NULL,'{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null}
','{"cpu_system_s": 0.011, "cpu_user_s": 0.084, "killed_processes": 0, "load": {"cores": 2, "loadavg_1m": 7.54, "other_cpu_fraction": 0.8113, "other_cpu_fraction_peak": 0.7917}, "max_rss_kib": 17972, "wall_ms": 234}');
INSERT INTO "measurements" VALUES('dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','csv/1',1,NULL,NULL,34539,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,177,NULL,750,4373600,4373600,NULL,NULL,NULL,296389000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a','csv/1',1,NULL,NULL,694015,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,1555,NULL,133,3278300,3278300,NULL,NULL,NULL,NULL,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','csv/1',1,NULL,NULL,39767,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,175,NULL,870,4247300,4247300,NULL,NULL,NULL,296389000,'{"asserted":{"checkpoint_ready":true}}','{}');
CREATE TABLE parsers (
    parser_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    PRIMARY KEY (parser_id, kind),
    CONSTRAINT ck_parsers_kind CHECK (kind IN ('sealed', 'log', 'csv'))
) STRICT, WITHOUT ROWID;
INSERT INTO "parsers" VALUES('csv/1','csv',1);
INSERT INTO "parsers" VALUES('modded-nanogpt/1','log',1);
INSERT INTO "parsers" VALUES('modded-nanogpt/1','sealed',1);
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
INSERT INTO "policies" VALUES('8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da','student','kd',63,100,3,1,2460100,'{"budget_derivation":"0.1 x 1000 ms of run proof/base-s0 = 100 ms, rounded half up","budget_ms":100,"gates":["budget","val_trend","no_oom_fallback","evidence_complete","target_reached","comparable"],"name":"student","role":"kd","target_u6":2460100,"trend_min_drop_u6":1,"trend_points":3}');
INSERT INTO "policies" VALUES('8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2','teacher-budget-10pct','teacher',15,69402,3,1,NULL,'{"budget_derivation":"10 % of 694015 ms (run aadab377-e981-419d-907b-470c4e770f33, 1555 steps) = 69401.5 ms, rounded half up","budget_ms":69402,"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"name":"teacher-budget-10pct","role":"teacher","target_u6":null,"trend_min_drop_u6":1,"trend_points":3}');
INSERT INTO "policies" VALUES('a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467','tenth','teacher',15,100,3,1,NULL,'{"budget_derivation":"0.1 x 1000 ms of run proof/base-s0 = 100 ms, rounded half up","budget_ms":100,"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"name":"tenth","role":"teacher","target_u6":null,"trend_min_drop_u6":1,"trend_points":3}');
INSERT INTO "policies" VALUES('d79a8153b4c0af33c5b7d32aabdcdcf39002a5ff7a9a09b921511eaab4121c25','ce-test','ce',14,NULL,3,1,NULL,'{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-test","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3}');
INSERT INTO "policies" VALUES('ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783','ce-baseline','ce',14,NULL,3,1,NULL,'{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-baseline","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3}');
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
INSERT INTO "promotions" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'promote','candidate','2026-11-21T11:16:45.119Z',24);
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
INSERT INTO "resolutions" VALUES('d672ae4e45b9346788c427e7755f048698af4840f3c1fd44925a6fb2b76f0a56','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers.best','["561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d"]','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f',2460100,'lowest final validation loss (2.4601) of 1 admitted among 1','2026-11-21T11:16:45.114Z',23);
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
INSERT INTO "runs" VALUES('03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"imported":"student3l_ce_ckpt_20260214T014707Z_student3l_ce","mode":"teacher"}','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','teacher',0,'imported','2026-11-21T11:16:48.445Z');
INSERT INTO "runs" VALUES('32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":100,"kd":{"alpha":0.5,"apply_every":1,"backend":"auto","cache":null,"divergence":"exact","dynamic_norm":"lagged","microbatches":null,"norm_max":10,"samples":50,"stop":{"margin":0.05,"max_fraction":1,"min_step":25,"mode":"val_margin","sign":1},"teacher":{"admitted":{"budget":{"fraction":"0.1","of":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4"},"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"target":null,"trend_min_drop_u6":1,"trend_points":3},"among":["561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d"],"by":"final_val","from":"teachers.best"},"teacher_logits":"live","temperature":1,"token_chunk":null,"token_stride":1,"topk":64},"mode":"kd","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":0,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0.5,"noise":0,"real_step_ms":0,"step_ms":10,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','43f728ed8279df62fa698e6ba300c2dbeed82449fac45c54383982677f57b380','kd',0,'planned','2026-11-21T11:16:45.136Z');
INSERT INTO "runs" VALUES('4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"imported":"teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z","mode":"teacher"}','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','teacher',0,'imported','2026-11-21T11:16:48.445Z');
INSERT INTO "runs" VALUES('561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":75,"kd":null,"mode":"ce","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":0,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0,"noise":0,"real_step_ms":0,"step_ms":1,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','3f591b7d4e25dba5a667e9d28e1f0233b1d4f854af3f50b40ed509169322daac','teacher',0,'planned','2026-11-21T11:16:39.144Z');
INSERT INTO "runs" VALUES('6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"imported":"aadab377-e981-419d-907b-470c4e770f33","mode":"ce_baseline"}','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','ce_baseline',0,'imported','2026-11-21T11:16:48.445Z');
INSERT INTO "runs" VALUES('88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"imported":"teacher25m_ce_20260213T2241Z_teacher25m_ce","mode":"teacher"}','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','teacher',0,'imported','2026-11-21T11:16:48.445Z');
INSERT INTO "runs" VALUES('8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"imported":"teacher_budget_L12_H6_D8_155_20260214T203704Z","mode":"teacher"}','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','teacher',0,'imported','2026-11-21T11:16:48.445Z');
INSERT INTO "runs" VALUES('94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868','{"name_of_test_spec":"fell"}','94fb229670d20c02ee399f876d08a91916d5eb461f3c6ccc46741dd306276d02','ce_baseline',0,'planned','2026-02-14T20:00:00.003Z');
INSERT INTO "runs" VALUES('b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"imported":"teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177","mode":"teacher_slice"}','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','teacher_slice',0,'imported','2026-11-21T11:16:48.445Z');
INSERT INTO "runs" VALUES('c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"imported":"teacher_budget_L3_H6_D128_250_20260214T204116Z","mode":"teacher"}','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','teacher',0,'imported','2026-11-21T11:16:48.445Z');
INSERT INTO "runs" VALUES('d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":100,"kd":null,"mode":"ce","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":0,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0,"noise":0,"real_step_ms":0,"step_ms":10,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173','ce_baseline',0,'planned','2026-11-21T11:16:39.128Z');
INSERT INTO "runs" VALUES('eb868d7f99ca0cd4a1d5f11dd5171c0a953f3ef404db74b39f73817cec471624','{"name_of_test_spec":"over"}','5b5eb2115009c70c4d0cdb3d4fd12cd23a32b8ffd454eb2968ccd4b0be2afffc','ce_baseline',0,'planned','2026-02-14T20:00:00.013Z');
INSERT INTO "runs" VALUES('f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"imported":"teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z","mode":"teacher"}','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','teacher',0,'imported','2026-11-21T11:16:48.445Z');
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
INSERT INTO "stage_policies" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','arms','8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da','2026-11-21T11:16:45.152Z',27);
INSERT INTO "stage_policies" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','base','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783','2026-11-21T11:16:39.161Z',6);
INSERT INTO "stage_policies" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers','a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467','2026-11-21T11:16:43.701Z',15);
INSERT INTO "stage_policies" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','ce','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783','2026-11-21T11:16:48.445Z',36);
INSERT INTO "stage_policies" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2','2026-11-21T11:16:48.445Z',37);
INSERT INTO "stage_policies" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','ce','d79a8153b4c0af33c5b7d32aabdcdcf39002a5ff7a9a09b921511eaab4121c25','2026-02-14T20:00:00.002Z',95);
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
INSERT INTO "validations" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','modded-nanogpt/1',0,0,5000000,0,0);
INSERT INTO "validations" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','modded-nanogpt/1',1,25,3174800,250,2140);
INSERT INTO "validations" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','modded-nanogpt/1',2,50,2460100,500,4302);
INSERT INTO "validations" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','modded-nanogpt/1',3,75,2246300,750,6532);
INSERT INTO "validations" VALUES('13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','modded-nanogpt/1',4,100,2131800,1000,8696);
INSERT INTO "validations" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',0,0,10000000,0,100);
INSERT INTO "validations" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',1,25,5000000,10000,200);
INSERT INTO "validations" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',2,50,4500000,20000,300);
INSERT INTO "validations" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',3,75,4200000,30000,400);
INSERT INTO "validations" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',4,100,4060000,40000,500);
INSERT INTO "validations" VALUES('62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',5,125,4050000,50000,600);
INSERT INTO "validations" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1',0,0,5000000,0,0);
INSERT INTO "validations" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1',1,25,3605800,250,2140);
INSERT INTO "validations" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1',2,50,2859500,500,4302);
INSERT INTO "validations" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1',3,75,2460100,750,6464);
INSERT INTO "validations" VALUES('935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1',4,100,2246300,1000,8628);
INSERT INTO "validations" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',0,0,5000000,0,0);
INSERT INTO "validations" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',1,25,3605800,25,2064);
INSERT INTO "validations" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',2,50,2859500,50,4148);
INSERT INTO "validations" VALUES('b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',3,75,2460100,75,6232);
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
INSERT INTO "verdicts" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','arms','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',1,'kd','8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da',63,100,3,1,2460100,'13ce1fcc5a616f1f3141d8d5953fd16618a5448def8c7a006acef066b14ab36a','modded-nanogpt/1',0,1,0,1,3174800,2460100,2246300,2131800,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d','b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',75,'935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1','28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',75,NULL,2,'2026-11-21T11:16:46.080Z',34);
INSERT INTO "verdicts" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'teacher','a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467',15,100,3,1,NULL,'b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',0,1,0,1,3605800,2859500,2460100,NULL,'79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c','b2212dc9678b7574fa55b7fb90e762098b083523557a48868972252c3a90ba00','modded-nanogpt/1',75,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:45.085Z',22);
INSERT INTO "verdicts" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','base','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',1,'ce','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783',14,NULL,3,1,NULL,'935f9fffe165d67cea11d5880f3a32acc07714bc07b9a3cf824a08fae284b221','modded-nanogpt/1',0,1,0,1,3605800,2859500,2460100,2246300,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:43.559Z',14);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','csv/1',184101,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',58);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','csv/1',39767,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',93);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','ce','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',1,'ce','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783',14,NULL,3,1,NULL,'f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',44);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','csv/1',362472,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',51);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','csv/1',32917,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',65);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','csv/1',34539,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',86);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','csv/1',66542,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',72);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','csv/1',56620,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T11:16:48.445Z',79);
INSERT INTO "verdicts" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','ce','94473cba9720e761766a7643257dc9bd37e45b44ab4a4966ca7cc51769fc9868',1,'ce','d79a8153b4c0af33c5b7d32aabdcdcf39002a5ff7a9a09b921511eaab4121c25',14,NULL,3,1,NULL,'62c280a96a394f940fa07122ad21662f6439a75719e321cce883346fb8848f9d','modded-nanogpt/1',0,1,1,1,5000000,4500000,4200000,4060000,'3fc6b7a64db8601e82fd0aca28fe15534d13e38a5c650aa968cae38b066647c6',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,'2026-02-14T20:00:00.012Z',108);
CREATE INDEX ix_campaign_runs_run ON campaign_runs (run_id);
CREATE INDEX ix_campaign_runs_name ON campaign_runs (name);
CREATE INDEX ix_campaign_runs_teacher ON campaign_runs (teacher_run_id);
CREATE INDEX ix_campaign_runs_reference ON campaign_runs (reference_run_id);
CREATE INDEX ix_evidence_files_sha256 ON evidence_files (sha256);
CREATE VIEW current_measurements AS
SELECT e.run_id, e.attempt_no, e.kind, m.*
FROM evidence AS e
JOIN measurements AS m ON m.evidence_id = e.evidence_id
JOIN parsers AS p ON p.parser_id = m.parser_id AND p.kind = e.kind
WHERE NOT EXISTS (SELECT 1 FROM evidence AS later WHERE later.run_id = e.run_id AND later.attempt_no > e.attempt_no)
  AND NOT EXISTS (
    SELECT 1 FROM measurements AS m2 JOIN parsers AS p2 ON p2.parser_id = m2.parser_id AND p2.kind = e.kind
    WHERE m2.evidence_id = e.evidence_id AND p2.ordinal > p.ordinal);
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
CREATE TRIGGER ck_events_seq_insert BEFORE INSERT ON events WHEN NOT (NEW.seq >= 1)
BEGIN SELECT RAISE(ABORT, 'events: ck_events_seq'); END;
CREATE TRIGGER ck_events_hashes_insert BEFORE INSERT ON events WHEN NOT (length(NEW.hash) = 64 AND length(NEW.prev_hash) = 64 AND NEW.hash NOT GLOB '*[^0-9a-f]*')
BEGIN SELECT RAISE(ABORT, 'events: ck_events_hashes'); END;
CREATE TRIGGER ck_events_text_insert BEFORE INSERT ON events WHEN NOT (length(NEW.at) BETWEEN 20 AND 32 AND NEW.at LIKE '%Z' AND length(NEW.kind) BETWEEN 1 AND 64 AND length(NEW.subject) <= 512)
BEGIN SELECT RAISE(ABORT, 'events: ck_events_text'); END;
CREATE TRIGGER ck_events_payload_insert BEFORE INSERT ON events WHEN NOT (length(NEW.payload) <= 1048576 AND json_valid(NEW.payload))
BEGIN SELECT RAISE(ABORT, 'events: ck_events_payload'); END;
CREATE TRIGGER events_no_replace_0 BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'events: there already, and never replaced'); END;
CREATE TRIGGER events_no_replace_1 BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events AS t WHERE t.hash = NEW.hash)
BEGIN SELECT RAISE(ABORT, 'events: there already, and never replaced'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events WHEN 1
BEGIN SELECT RAISE(ABORT, 'events: nothing is ever deleted'); END;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events WHEN 1
BEGIN SELECT RAISE(ABORT, 'events: nothing is ever changed'); END;
CREATE TRIGGER ck_parsers_kind_insert BEFORE INSERT ON parsers WHEN NOT (NEW.kind IN ('sealed', 'log', 'csv'))
BEGIN SELECT RAISE(ABORT, 'parsers: ck_parsers_kind'); END;
CREATE TRIGGER parsers_no_replace_0 BEFORE INSERT ON parsers WHEN EXISTS (SELECT 1 FROM parsers AS t WHERE t.parser_id = NEW.parser_id AND t.kind = NEW.kind)
BEGIN SELECT RAISE(ABORT, 'parsers: there already, and never replaced'); END;
CREATE TRIGGER parsers_no_delete BEFORE DELETE ON parsers WHEN 1
BEGIN SELECT RAISE(ABORT, 'parsers: nothing is ever deleted'); END;
CREATE TRIGGER parsers_no_update BEFORE UPDATE ON parsers WHEN 1
BEGIN SELECT RAISE(ABORT, 'parsers: nothing is ever changed'); END;
CREATE TRIGGER parsers_closed BEFORE INSERT ON parsers WHEN 1
BEGIN SELECT RAISE(ABORT, 'parsers: filled by migrations alone'); END;
CREATE TRIGGER attempt_edges_no_replace_0 BEFORE INSERT ON attempt_edges WHEN EXISTS (SELECT 1 FROM attempt_edges AS t WHERE t.from_state = NEW.from_state AND t.to_state = NEW.to_state)
BEGIN SELECT RAISE(ABORT, 'attempt_edges: there already, and never replaced'); END;
CREATE TRIGGER attempt_edges_no_delete BEFORE DELETE ON attempt_edges WHEN 1
BEGIN SELECT RAISE(ABORT, 'attempt_edges: nothing is ever deleted'); END;
CREATE TRIGGER attempt_edges_no_update BEFORE UPDATE ON attempt_edges WHEN 1
BEGIN SELECT RAISE(ABORT, 'attempt_edges: nothing is ever changed'); END;
CREATE TRIGGER attempt_edges_closed BEFORE INSERT ON attempt_edges WHEN 1
BEGIN SELECT RAISE(ABORT, 'attempt_edges: filled by migrations alone'); END;
CREATE TRIGGER ck_policies_id_insert BEFORE INSERT ON policies WHEN NOT (length(NEW.policy_id) = 64 AND NEW.policy_id NOT GLOB '*[^0-9a-f]*')
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_id'); END;
CREATE TRIGGER ck_policies_name_insert BEFORE INSERT ON policies WHEN NOT (length(NEW.name) BETWEEN 1 AND 200)
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_name'); END;
CREATE TRIGGER ck_policies_role_insert BEFORE INSERT ON policies WHEN NOT (NEW.role IN ('ce', 'teacher', 'kd', 'control', 'measurement'))
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_role'); END;
CREATE TRIGGER ck_policies_gates_insert BEFORE INSERT ON policies WHEN NOT (NEW.gate_mask BETWEEN 0 AND 127)
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_gates'); END;
CREATE TRIGGER ck_policies_budget_insert BEFORE INSERT ON policies WHEN NOT (NEW.budget_ms > 0)
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_budget'); END;
CREATE TRIGGER ck_policies_budget_needed_insert BEFORE INSERT ON policies WHEN NOT (NEW.gate_mask & 1 = 0 OR NEW.budget_ms IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_budget_needed'); END;
CREATE TRIGGER ck_policies_target_needed_insert BEFORE INSERT ON policies WHEN NOT (NEW.gate_mask & 16 = 0 OR NEW.target_u6 IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_target_needed'); END;
CREATE TRIGGER ck_policies_trend_insert BEFORE INSERT ON policies WHEN NOT (NEW.trend_points BETWEEN 1 AND 4 AND NEW.trend_min_drop_u6 >= 0)
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_trend'); END;
CREATE TRIGGER ck_policies_body_insert BEFORE INSERT ON policies WHEN NOT (length(NEW.body) <= 65536 AND json_valid(NEW.body))
BEGIN SELECT RAISE(ABORT, 'policies: ck_policies_body'); END;
CREATE TRIGGER policies_no_replace_0 BEFORE INSERT ON policies WHEN EXISTS (SELECT 1 FROM policies AS t WHERE t.policy_id = NEW.policy_id)
BEGIN SELECT RAISE(ABORT, 'policies: there already, and never replaced'); END;
CREATE TRIGGER policies_no_replace_1 BEFORE INSERT ON policies WHEN EXISTS (SELECT 1 FROM policies AS t WHERE t.policy_id = NEW.policy_id AND t.role = NEW.role)
BEGIN SELECT RAISE(ABORT, 'policies: there already, and never replaced'); END;
CREATE TRIGGER policies_no_delete BEFORE DELETE ON policies WHEN 1
BEGIN SELECT RAISE(ABORT, 'policies: nothing is ever deleted'); END;
CREATE TRIGGER policies_no_update BEFORE UPDATE ON policies WHEN 1
BEGIN SELECT RAISE(ABORT, 'policies: nothing is ever changed'); END;
CREATE TRIGGER ck_campaigns_text_insert BEFORE INSERT ON campaigns WHEN NOT (length(NEW.campaign_id) BETWEEN 1 AND 128 AND length(NEW.name) BETWEEN 1 AND 200 AND length(NEW.source_name) <= 512)
BEGIN SELECT RAISE(ABORT, 'campaigns: ck_campaigns_text'); END;
CREATE TRIGGER ck_campaigns_source_insert BEFORE INSERT ON campaigns WHEN NOT (length(NEW.source_text) <= 4194304 AND length(NEW.plan_hash) <= 128)
BEGIN SELECT RAISE(ABORT, 'campaigns: ck_campaigns_source'); END;
CREATE TRIGGER ck_campaigns_overrides_insert BEFORE INSERT ON campaigns WHEN NOT (length(NEW.overrides_json) <= 1048576 AND json_valid(NEW.overrides_json))
BEGIN SELECT RAISE(ABORT, 'campaigns: ck_campaigns_overrides'); END;
CREATE TRIGGER fk_campaigns_event_insert AFTER INSERT ON campaigns WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'campaigns: fk_campaigns_event'); END;
CREATE TRIGGER campaigns_no_replace_0 BEFORE INSERT ON campaigns WHEN EXISTS (SELECT 1 FROM campaigns AS t WHERE t.campaign_id = NEW.campaign_id)
BEGIN SELECT RAISE(ABORT, 'campaigns: there already, and never replaced'); END;
CREATE TRIGGER campaigns_no_delete BEFORE DELETE ON campaigns WHEN 1
BEGIN SELECT RAISE(ABORT, 'campaigns: nothing is ever deleted'); END;
CREATE TRIGGER campaigns_no_update BEFORE UPDATE ON campaigns WHEN 1
BEGIN SELECT RAISE(ABORT, 'campaigns: nothing is ever changed'); END;
CREATE TRIGGER campaigns_event BEFORE INSERT ON campaigns WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'campaigns: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_stage_policies_stage_insert BEFORE INSERT ON stage_policies WHEN NOT (length(NEW.stage) BETWEEN 1 AND 200)
BEGIN SELECT RAISE(ABORT, 'stage_policies: ck_stage_policies_stage'); END;
CREATE TRIGGER fk_stage_policies_campaign_insert AFTER INSERT ON stage_policies WHEN NEW.campaign_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns AS t WHERE t.campaign_id = NEW.campaign_id)
BEGIN SELECT RAISE(ABORT, 'stage_policies: fk_stage_policies_campaign'); END;
CREATE TRIGGER fk_stage_policies_policy_insert AFTER INSERT ON stage_policies WHEN NEW.policy_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM policies AS t WHERE t.policy_id = NEW.policy_id)
BEGIN SELECT RAISE(ABORT, 'stage_policies: fk_stage_policies_policy'); END;
CREATE TRIGGER fk_stage_policies_event_insert AFTER INSERT ON stage_policies WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'stage_policies: fk_stage_policies_event'); END;
CREATE TRIGGER stage_policies_no_replace_0 BEFORE INSERT ON stage_policies WHEN EXISTS (SELECT 1 FROM stage_policies AS t WHERE t.campaign_id = NEW.campaign_id AND t.stage = NEW.stage)
BEGIN SELECT RAISE(ABORT, 'stage_policies: there already, and never replaced'); END;
CREATE TRIGGER stage_policies_no_replace_1 BEFORE INSERT ON stage_policies WHEN EXISTS (SELECT 1 FROM stage_policies AS t WHERE t.campaign_id = NEW.campaign_id AND t.stage = NEW.stage AND t.policy_id = NEW.policy_id)
BEGIN SELECT RAISE(ABORT, 'stage_policies: there already, and never replaced'); END;
CREATE TRIGGER stage_policies_no_delete BEFORE DELETE ON stage_policies WHEN 1
BEGIN SELECT RAISE(ABORT, 'stage_policies: nothing is ever deleted'); END;
CREATE TRIGGER stage_policies_no_update BEFORE UPDATE ON stage_policies WHEN 1
BEGIN SELECT RAISE(ABORT, 'stage_policies: nothing is ever changed'); END;
CREATE TRIGGER stage_policies_event BEFORE INSERT ON stage_policies WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'stage_policies: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_runs_id_insert BEFORE INSERT ON runs WHEN NOT (length(NEW.run_id) = 64 AND NEW.run_id NOT GLOB '*[^0-9a-f]*')
BEGIN SELECT RAISE(ABORT, 'runs: ck_runs_id'); END;
CREATE TRIGGER ck_runs_spec_insert BEFORE INSERT ON runs WHEN NOT (length(NEW.spec_json) <= 1048576 AND json_valid(NEW.spec_json))
BEGIN SELECT RAISE(ABORT, 'runs: ck_runs_spec'); END;
CREATE TRIGGER ck_runs_mode_insert BEFORE INSERT ON runs WHEN NOT (NEW.mode IN ('ce_baseline', 'teacher', 'teacher_slice', 'kd', 'control', 'measurement'))
BEGIN SELECT RAISE(ABORT, 'runs: ck_runs_mode'); END;
CREATE TRIGGER ck_runs_text_insert BEFORE INSERT ON runs WHEN NOT (length(NEW.config_id) BETWEEN 1 AND 128 AND NEW.seed >= 0)
BEGIN SELECT RAISE(ABORT, 'runs: ck_runs_text'); END;
CREATE TRIGGER ck_runs_origin_insert BEFORE INSERT ON runs WHEN NOT (NEW.origin IN ('planned', 'imported'))
BEGIN SELECT RAISE(ABORT, 'runs: ck_runs_origin'); END;
CREATE TRIGGER runs_no_replace_0 BEFORE INSERT ON runs WHEN EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'runs: there already, and never replaced'); END;
CREATE TRIGGER runs_no_delete BEFORE DELETE ON runs WHEN 1
BEGIN SELECT RAISE(ABORT, 'runs: nothing is ever deleted'); END;
CREATE TRIGGER runs_no_update BEFORE UPDATE ON runs WHEN 1
BEGIN SELECT RAISE(ABORT, 'runs: nothing is ever changed'); END;
CREATE TRIGGER ck_campaign_runs_text_insert BEFORE INSERT ON campaign_runs WHEN NOT (length(NEW.name) BETWEEN 1 AND 512 AND length(NEW.stage) BETWEEN 1 AND 200 AND NEW.ordinal >= 0)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_text'); END;
CREATE TRIGGER ck_campaign_runs_role_insert BEFORE INSERT ON campaign_runs WHEN NOT (NEW.role IN ('ce', 'teacher', 'kd', 'control', 'measurement'))
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_role'); END;
CREATE TRIGGER ck_campaign_runs_self_insert BEFORE INSERT ON campaign_runs WHEN NOT (NEW.teacher_run_id <> NEW.run_id AND NEW.reference_run_id <> NEW.run_id AND NEW.twin_run_id <> NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_self'); END;
CREATE TRIGGER ck_campaign_runs_flags_insert BEFORE INSERT ON campaign_runs WHEN NOT (NEW.archival IN (0, 1) AND NEW.provisional IN (0, 1) AND NEW.is_slice IN (0, 1))
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_flags'); END;
CREATE TRIGGER fk_campaign_runs_campaign_insert AFTER INSERT ON campaign_runs WHEN NEW.campaign_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns AS t WHERE t.campaign_id = NEW.campaign_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_campaign'); END;
CREATE TRIGGER fk_campaign_runs_run_insert AFTER INSERT ON campaign_runs WHEN NEW.run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_run'); END;
CREATE TRIGGER fk_campaign_runs_teacher_insert AFTER INSERT ON campaign_runs WHEN NEW.teacher_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.teacher_run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_teacher'); END;
CREATE TRIGGER fk_campaign_runs_reference_insert AFTER INSERT ON campaign_runs WHEN NEW.reference_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.reference_run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_reference'); END;
CREATE TRIGGER fk_campaign_runs_twin_insert AFTER INSERT ON campaign_runs WHEN NEW.twin_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.twin_run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_twin'); END;
CREATE TRIGGER fk_campaign_runs_event_insert AFTER INSERT ON campaign_runs WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_event'); END;
CREATE TRIGGER ck_campaign_runs_text_update BEFORE UPDATE ON campaign_runs WHEN NOT (length(NEW.name) BETWEEN 1 AND 512 AND length(NEW.stage) BETWEEN 1 AND 200 AND NEW.ordinal >= 0)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_text'); END;
CREATE TRIGGER ck_campaign_runs_role_update BEFORE UPDATE ON campaign_runs WHEN NOT (NEW.role IN ('ce', 'teacher', 'kd', 'control', 'measurement'))
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_role'); END;
CREATE TRIGGER ck_campaign_runs_self_update BEFORE UPDATE ON campaign_runs WHEN NOT (NEW.teacher_run_id <> NEW.run_id AND NEW.reference_run_id <> NEW.run_id AND NEW.twin_run_id <> NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_self'); END;
CREATE TRIGGER ck_campaign_runs_flags_update BEFORE UPDATE ON campaign_runs WHEN NOT (NEW.archival IN (0, 1) AND NEW.provisional IN (0, 1) AND NEW.is_slice IN (0, 1))
BEGIN SELECT RAISE(ABORT, 'campaign_runs: ck_campaign_runs_flags'); END;
CREATE TRIGGER fk_campaign_runs_campaign_update AFTER UPDATE ON campaign_runs WHEN NEW.campaign_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns AS t WHERE t.campaign_id = NEW.campaign_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_campaign'); END;
CREATE TRIGGER fk_campaign_runs_run_update AFTER UPDATE ON campaign_runs WHEN NEW.run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_run'); END;
CREATE TRIGGER fk_campaign_runs_teacher_update AFTER UPDATE ON campaign_runs WHEN NEW.teacher_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.teacher_run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_teacher'); END;
CREATE TRIGGER fk_campaign_runs_reference_update AFTER UPDATE ON campaign_runs WHEN NEW.reference_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.reference_run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_reference'); END;
CREATE TRIGGER fk_campaign_runs_twin_update AFTER UPDATE ON campaign_runs WHEN NEW.twin_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.twin_run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_twin'); END;
CREATE TRIGGER fk_campaign_runs_event_update AFTER UPDATE ON campaign_runs WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: fk_campaign_runs_event'); END;
CREATE TRIGGER campaign_runs_no_replace_0 BEFORE INSERT ON campaign_runs WHEN EXISTS (SELECT 1 FROM campaign_runs AS t WHERE t.campaign_id = NEW.campaign_id AND t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: there already, and never replaced'); END;
CREATE TRIGGER campaign_runs_no_replace_1 BEFORE INSERT ON campaign_runs WHEN EXISTS (SELECT 1 FROM campaign_runs AS t WHERE t.campaign_id = NEW.campaign_id AND t.name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: there already, and never replaced'); END;
CREATE TRIGGER campaign_runs_no_replace_2 BEFORE INSERT ON campaign_runs WHEN EXISTS (SELECT 1 FROM campaign_runs AS t WHERE t.campaign_id = NEW.campaign_id AND t.stage = NEW.stage AND t.run_id = NEW.run_id AND t.role = NEW.role)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: there already, and never replaced'); END;
CREATE TRIGGER campaign_runs_no_delete BEFORE DELETE ON campaign_runs WHEN 1
BEGIN SELECT RAISE(ABORT, 'campaign_runs: nothing is ever deleted'); END;
CREATE TRIGGER campaign_runs_event BEFORE INSERT ON campaign_runs WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'campaign_runs: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_evidence_id_insert BEFORE INSERT ON evidence WHEN NOT (length(NEW.evidence_id) = 64 AND NEW.evidence_id NOT GLOB '*[^0-9a-f]*')
BEGIN SELECT RAISE(ABORT, 'evidence: ck_evidence_id'); END;
CREATE TRIGGER ck_evidence_kind_insert BEFORE INSERT ON evidence WHEN NOT (NEW.kind IN ('sealed', 'log', 'csv'))
BEGIN SELECT RAISE(ABORT, 'evidence: ck_evidence_kind'); END;
CREATE TRIGGER ck_evidence_statement_insert BEFORE INSERT ON evidence WHEN NOT (length(NEW.statement) <= 16777216 AND json_valid(NEW.statement))
BEGIN SELECT RAISE(ABORT, 'evidence: ck_evidence_statement'); END;
CREATE TRIGGER ck_evidence_directory_insert BEFORE INSERT ON evidence WHEN NOT (length(NEW.directory) BETWEEN 1 AND 1024)
BEGIN SELECT RAISE(ABORT, 'evidence: ck_evidence_directory'); END;
CREATE TRIGGER fk_evidence_attempt_insert AFTER INSERT ON evidence WHEN NEW.run_id IS NOT NULL AND NEW.attempt_no IS NOT NULL AND NOT EXISTS (SELECT 1 FROM attempts AS t WHERE t.run_id = NEW.run_id AND t.attempt_no = NEW.attempt_no)
BEGIN SELECT RAISE(ABORT, 'evidence: fk_evidence_attempt'); END;
CREATE TRIGGER fk_evidence_event_insert AFTER INSERT ON evidence WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'evidence: fk_evidence_event'); END;
CREATE TRIGGER evidence_no_replace_0 BEFORE INSERT ON evidence WHEN EXISTS (SELECT 1 FROM evidence AS t WHERE t.evidence_id = NEW.evidence_id)
BEGIN SELECT RAISE(ABORT, 'evidence: there already, and never replaced'); END;
CREATE TRIGGER evidence_no_replace_1 BEFORE INSERT ON evidence WHEN EXISTS (SELECT 1 FROM evidence AS t WHERE t.run_id = NEW.run_id AND t.attempt_no = NEW.attempt_no)
BEGIN SELECT RAISE(ABORT, 'evidence: there already, and never replaced'); END;
CREATE TRIGGER evidence_no_replace_2 BEFORE INSERT ON evidence WHEN EXISTS (SELECT 1 FROM evidence AS t WHERE t.evidence_id = NEW.evidence_id AND t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'evidence: there already, and never replaced'); END;
CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence WHEN 1
BEGIN SELECT RAISE(ABORT, 'evidence: nothing is ever deleted'); END;
CREATE TRIGGER evidence_no_update BEFORE UPDATE ON evidence WHEN 1
BEGIN SELECT RAISE(ABORT, 'evidence: nothing is ever changed'); END;
CREATE TRIGGER evidence_event BEFORE INSERT ON evidence WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'evidence: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_evidence_files_path_insert BEFORE INSERT ON evidence_files WHEN NOT (length(NEW.path) BETWEEN 1 AND 512)
BEGIN SELECT RAISE(ABORT, 'evidence_files: ck_evidence_files_path'); END;
CREATE TRIGGER ck_evidence_files_sha256_insert BEFORE INSERT ON evidence_files WHEN NOT (length(NEW.sha256) = 64 AND NEW.sha256 NOT GLOB '*[^0-9a-f]*')
BEGIN SELECT RAISE(ABORT, 'evidence_files: ck_evidence_files_sha256'); END;
CREATE TRIGGER ck_evidence_files_size_insert BEFORE INSERT ON evidence_files WHEN NOT (NEW.size_bytes >= 0)
BEGIN SELECT RAISE(ABORT, 'evidence_files: ck_evidence_files_size'); END;
CREATE TRIGGER fk_evidence_files_evidence_insert AFTER INSERT ON evidence_files WHEN NEW.evidence_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM evidence AS t WHERE t.evidence_id = NEW.evidence_id)
BEGIN SELECT RAISE(ABORT, 'evidence_files: fk_evidence_files_evidence'); END;
CREATE TRIGGER evidence_files_no_replace_0 BEFORE INSERT ON evidence_files WHEN EXISTS (SELECT 1 FROM evidence_files AS t WHERE t.evidence_id = NEW.evidence_id AND t.path = NEW.path)
BEGIN SELECT RAISE(ABORT, 'evidence_files: there already, and never replaced'); END;
CREATE TRIGGER evidence_files_no_delete BEFORE DELETE ON evidence_files WHEN 1
BEGIN SELECT RAISE(ABORT, 'evidence_files: nothing is ever deleted'); END;
CREATE TRIGGER evidence_files_no_update BEFORE UPDATE ON evidence_files WHEN 1
BEGIN SELECT RAISE(ABORT, 'evidence_files: nothing is ever changed'); END;
CREATE TRIGGER ck_measurements_flags_insert BEFORE INSERT ON measurements WHEN NOT (NEW.asserted IN (0, 1) AND NEW.complete IN (0, 1) AND NEW.oom_fallback IN (0, 1) AND NEW.val_finite IN (0, 1))
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_flags'); END;
CREATE TRIGGER ck_measurements_times_insert BEFORE INSERT ON measurements WHEN NOT (NEW.train_time_ms >= 0 AND NEW.teacher_train_time_ms >= 0 AND NEW.wall_ms >= 0)
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_times'); END;
CREATE TRIGGER ck_measurements_step_times_insert BEFORE INSERT ON measurements WHEN NOT (NEW.median_step_ms >= 0 AND NEW.p90_step_ms >= 0)
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_step_times'); END;
CREATE TRIGGER ck_measurements_counts_insert BEFORE INSERT ON measurements WHEN NOT (NEW.n_validations >= 0 AND NEW.final_step >= 0 AND NEW.total_steps >= 0 AND NEW.parameters >= 0 AND NEW.train_time_offset >= 0)
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_counts'); END;
CREATE TRIGGER ck_measurements_teacher_insert BEFORE INSERT ON measurements WHEN NOT (NEW.teacher_train_time_ms IS NULL OR NEW.asserted = 1)
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_teacher'); END;
CREATE TRIGGER ck_measurements_key_insert BEFORE INSERT ON measurements WHEN NOT (length(NEW.comparison_key) BETWEEN 1 AND 128)
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_key'); END;
CREATE TRIGGER ck_measurements_environment_insert BEFORE INSERT ON measurements WHEN NOT (length(NEW.environment_json) <= 1048576 AND json_valid(NEW.environment_json))
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_environment'); END;
CREATE TRIGGER ck_measurements_usage_insert BEFORE INSERT ON measurements WHEN NOT (length(NEW.usage_json) <= 1048576 AND json_valid(NEW.usage_json))
BEGIN SELECT RAISE(ABORT, 'measurements: ck_measurements_usage'); END;
CREATE TRIGGER fk_measurements_evidence_insert AFTER INSERT ON measurements WHEN NEW.evidence_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM evidence AS t WHERE t.evidence_id = NEW.evidence_id)
BEGIN SELECT RAISE(ABORT, 'measurements: fk_measurements_evidence'); END;
CREATE TRIGGER measurements_no_replace_0 BEFORE INSERT ON measurements WHEN EXISTS (SELECT 1 FROM measurements AS t WHERE t.evidence_id = NEW.evidence_id AND t.parser_id = NEW.parser_id)
BEGIN SELECT RAISE(ABORT, 'measurements: there already, and never replaced'); END;
CREATE TRIGGER measurements_no_replace_1 BEFORE INSERT ON measurements WHEN EXISTS (SELECT 1 FROM measurements AS t WHERE t.evidence_id = NEW.evidence_id AND t.parser_id = NEW.parser_id AND t.comparison_key = NEW.comparison_key)
BEGIN SELECT RAISE(ABORT, 'measurements: there already, and never replaced'); END;
CREATE TRIGGER measurements_no_delete BEFORE DELETE ON measurements WHEN 1
BEGIN SELECT RAISE(ABORT, 'measurements: nothing is ever deleted'); END;
CREATE TRIGGER measurements_no_update BEFORE UPDATE ON measurements WHEN 1
BEGIN SELECT RAISE(ABORT, 'measurements: nothing is ever changed'); END;
CREATE TRIGGER ck_validations_numbers_insert BEFORE INSERT ON validations WHEN NOT (NEW.ordinal >= 0 AND NEW.step >= 0 AND NEW.train_time_ms >= 0 AND NEW.log_offset >= 0)
BEGIN SELECT RAISE(ABORT, 'validations: ck_validations_numbers'); END;
CREATE TRIGGER fk_validations_measurement_insert AFTER INSERT ON validations WHEN NEW.evidence_id IS NOT NULL AND NEW.parser_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM measurements AS t WHERE t.evidence_id = NEW.evidence_id AND t.parser_id = NEW.parser_id)
BEGIN SELECT RAISE(ABORT, 'validations: fk_validations_measurement'); END;
CREATE TRIGGER validations_no_replace_0 BEFORE INSERT ON validations WHEN EXISTS (SELECT 1 FROM validations AS t WHERE t.evidence_id = NEW.evidence_id AND t.parser_id = NEW.parser_id AND t.ordinal = NEW.ordinal)
BEGIN SELECT RAISE(ABORT, 'validations: there already, and never replaced'); END;
CREATE TRIGGER validations_no_delete BEFORE DELETE ON validations WHEN 1
BEGIN SELECT RAISE(ABORT, 'validations: nothing is ever deleted'); END;
CREATE TRIGGER validations_no_update BEFORE UPDATE ON validations WHEN 1
BEGIN SELECT RAISE(ABORT, 'validations: nothing is ever changed'); END;
CREATE TRIGGER ck_resolutions_text_insert BEFORE INSERT ON resolutions WHEN NOT (length(NEW.key) BETWEEN 1 AND 256 AND length(NEW.selector) BETWEEN 1 AND 256 AND length(NEW.reason) <= 4096)
BEGIN SELECT RAISE(ABORT, 'resolutions: ck_resolutions_text'); END;
CREATE TRIGGER ck_resolutions_candidates_insert BEFORE INSERT ON resolutions WHEN NOT (length(NEW.candidates) <= 16777216 AND json_valid(NEW.candidates))
BEGIN SELECT RAISE(ABORT, 'resolutions: ck_resolutions_candidates'); END;
CREATE TRIGGER ck_resolutions_checkpoint_insert BEFORE INSERT ON resolutions WHEN NOT (length(NEW.checkpoint_sha256) = 64)
BEGIN SELECT RAISE(ABORT, 'resolutions: ck_resolutions_checkpoint'); END;
CREATE TRIGGER fk_resolutions_campaign_insert AFTER INSERT ON resolutions WHEN NEW.campaign_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaigns AS t WHERE t.campaign_id = NEW.campaign_id)
BEGIN SELECT RAISE(ABORT, 'resolutions: fk_resolutions_campaign'); END;
CREATE TRIGGER fk_resolutions_run_insert AFTER INSERT ON resolutions WHEN NEW.chosen_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.chosen_run_id)
BEGIN SELECT RAISE(ABORT, 'resolutions: fk_resolutions_run'); END;
CREATE TRIGGER fk_resolutions_event_insert AFTER INSERT ON resolutions WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'resolutions: fk_resolutions_event'); END;
CREATE TRIGGER resolutions_no_replace_0 BEFORE INSERT ON resolutions WHEN EXISTS (SELECT 1 FROM resolutions AS t WHERE t.key = NEW.key)
BEGIN SELECT RAISE(ABORT, 'resolutions: there already, and never replaced'); END;
CREATE TRIGGER resolutions_no_delete BEFORE DELETE ON resolutions WHEN 1
BEGIN SELECT RAISE(ABORT, 'resolutions: nothing is ever deleted'); END;
CREATE TRIGGER resolutions_no_update BEFORE UPDATE ON resolutions WHEN 1
BEGIN SELECT RAISE(ABORT, 'resolutions: nothing is ever changed'); END;
CREATE TRIGGER resolutions_event BEFORE INSERT ON resolutions WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'resolutions: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_promotions_verdict_insert BEFORE INSERT ON promotions WHEN NOT (NEW.verdict = 'promote')
BEGIN SELECT RAISE(ABORT, 'promotions: ck_promotions_verdict'); END;
CREATE TRIGGER ck_promotions_kind_insert BEFORE INSERT ON promotions WHEN NOT (NEW.kind = 'candidate')
BEGIN SELECT RAISE(ABORT, 'promotions: ck_promotions_kind'); END;
CREATE TRIGGER fk_promotions_verdict_insert AFTER INSERT ON promotions WHEN NEW.campaign_id IS NOT NULL AND NEW.run_id IS NOT NULL AND NEW.verdict_no IS NOT NULL AND NEW.verdict IS NOT NULL AND NOT EXISTS (SELECT 1 FROM verdicts AS t WHERE t.campaign_id = NEW.campaign_id AND t.run_id = NEW.run_id AND t.verdict_no = NEW.verdict_no AND t.verdict = NEW.verdict)
BEGIN SELECT RAISE(ABORT, 'promotions: fk_promotions_verdict'); END;
CREATE TRIGGER fk_promotions_event_insert AFTER INSERT ON promotions WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'promotions: fk_promotions_event'); END;
CREATE TRIGGER promotions_no_replace_0 BEFORE INSERT ON promotions WHEN EXISTS (SELECT 1 FROM promotions AS t WHERE t.campaign_id = NEW.campaign_id AND t.run_id = NEW.run_id AND t.kind = NEW.kind)
BEGIN SELECT RAISE(ABORT, 'promotions: there already, and never replaced'); END;
CREATE TRIGGER promotions_no_delete BEFORE DELETE ON promotions WHEN 1
BEGIN SELECT RAISE(ABORT, 'promotions: nothing is ever deleted'); END;
CREATE TRIGGER promotions_no_update BEFORE UPDATE ON promotions WHEN 1
BEGIN SELECT RAISE(ABORT, 'promotions: nothing is ever changed'); END;
CREATE TRIGGER promotions_event BEFORE INSERT ON promotions WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'promotions: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_host_reachability_insert BEFORE INSERT ON host_reachability WHEN NOT (NEW.reachable IN (0, 1) AND length(NEW.host) BETWEEN 1 AND 200 AND length(NEW.detail) <= 4096)
BEGIN SELECT RAISE(ABORT, 'host_reachability: ck_host_reachability'); END;
CREATE TRIGGER ck_host_reachability_update BEFORE UPDATE ON host_reachability WHEN NOT (NEW.reachable IN (0, 1) AND length(NEW.host) BETWEEN 1 AND 200 AND length(NEW.detail) <= 4096)
BEGIN SELECT RAISE(ABORT, 'host_reachability: ck_host_reachability'); END;
CREATE UNIQUE INDEX ix_attempts_one_open ON attempts (run_id) WHERE state NOT IN ('finished', 'abandoned');
CREATE INDEX ix_asset_names_sha256 ON asset_names (sha256);
CREATE INDEX ix_events_subject ON events (subject);
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
CREATE TRIGGER ck_attempts_no_insert BEFORE INSERT ON attempts WHEN NOT (NEW.attempt_no >= 1)
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_no'); END;
CREATE TRIGGER ck_attempts_state_insert BEFORE INSERT ON attempts WHEN NOT (NEW.state IN ('planned', 'staging', 'queued', 'running', 'collecting', 'finished', 'abandoned'))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_state'); END;
CREATE TRIGGER ck_attempts_outcome_insert BEFORE INSERT ON attempts WHEN NOT (NEW.outcome IN ('completed', 'failed', 'oom', 'nan', 'timed_out', 'cancelled', 'disk_full', 'refused', 'lost_reboot', 'lost_supervisor', 'imported', 'withdrawn', 'over_budget', 'nccl', 'xid', 'jit_crash'))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_outcome'); END;
CREATE TRIGGER ck_attempts_ended_insert BEFORE INSERT ON attempts WHEN NOT ((NEW.outcome IS NULL) = (NEW.state IN ('planned', 'staging', 'queued', 'running')))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_ended'); END;
CREATE TRIGGER ck_attempts_text_insert BEFORE INSERT ON attempts WHEN NOT (length(NEW.host) BETWEEN 1 AND 200 AND length(NEW.bundle) <= 128 AND length(NEW.dispatch_sha256) <= 128)
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_text'); END;
CREATE TRIGGER ck_attempts_override_insert BEFORE INSERT ON attempts WHEN NOT (CASE WHEN NEW.override_json IS NULL THEN 1 WHEN length(NEW.override_json) > 65536 OR NOT json_valid(NEW.override_json) THEN 0 ELSE json_extract(NEW.override_json, '$.reason') IS 'oom_fallback' END)
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_override'); END;
CREATE TRIGGER ck_attempts_exit_insert BEFORE INSERT ON attempts WHEN NOT (NEW.exit_json IS NULL OR (length(NEW.exit_json) <= 1048576 AND json_valid(NEW.exit_json)))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_exit'); END;
CREATE TRIGGER fk_attempts_run_insert AFTER INSERT ON attempts WHEN NEW.run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'attempts: fk_attempts_run'); END;
CREATE TRIGGER ck_attempts_no_update BEFORE UPDATE ON attempts WHEN NOT (NEW.attempt_no >= 1)
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_no'); END;
CREATE TRIGGER ck_attempts_state_update BEFORE UPDATE ON attempts WHEN NOT (NEW.state IN ('planned', 'staging', 'queued', 'running', 'collecting', 'finished', 'abandoned'))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_state'); END;
CREATE TRIGGER ck_attempts_outcome_update BEFORE UPDATE ON attempts WHEN NOT (NEW.outcome IN ('completed', 'failed', 'oom', 'nan', 'timed_out', 'cancelled', 'disk_full', 'refused', 'lost_reboot', 'lost_supervisor', 'imported', 'withdrawn', 'over_budget', 'nccl', 'xid', 'jit_crash'))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_outcome'); END;
CREATE TRIGGER ck_attempts_ended_update BEFORE UPDATE ON attempts WHEN NOT ((NEW.outcome IS NULL) = (NEW.state IN ('planned', 'staging', 'queued', 'running')))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_ended'); END;
CREATE TRIGGER ck_attempts_text_update BEFORE UPDATE ON attempts WHEN NOT (length(NEW.host) BETWEEN 1 AND 200 AND length(NEW.bundle) <= 128 AND length(NEW.dispatch_sha256) <= 128)
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_text'); END;
CREATE TRIGGER ck_attempts_override_update BEFORE UPDATE ON attempts WHEN NOT (CASE WHEN NEW.override_json IS NULL THEN 1 WHEN length(NEW.override_json) > 65536 OR NOT json_valid(NEW.override_json) THEN 0 ELSE json_extract(NEW.override_json, '$.reason') IS 'oom_fallback' END)
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_override'); END;
CREATE TRIGGER ck_attempts_exit_update BEFORE UPDATE ON attempts WHEN NOT (NEW.exit_json IS NULL OR (length(NEW.exit_json) <= 1048576 AND json_valid(NEW.exit_json)))
BEGIN SELECT RAISE(ABORT, 'attempts: ck_attempts_exit'); END;
CREATE TRIGGER fk_attempts_run_update AFTER UPDATE ON attempts WHEN NEW.run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS t WHERE t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'attempts: fk_attempts_run'); END;
CREATE TRIGGER attempts_no_replace_0 BEFORE INSERT ON attempts WHEN EXISTS (SELECT 1 FROM attempts AS t WHERE t.run_id = NEW.run_id AND t.attempt_no = NEW.attempt_no)
BEGIN SELECT RAISE(ABORT, 'attempts: there already, and never replaced'); END;
CREATE TRIGGER attempts_no_delete BEFORE DELETE ON attempts WHEN 1
BEGIN SELECT RAISE(ABORT, 'attempts: nothing is ever deleted'); END;
CREATE TRIGGER ck_verdicts_no_insert BEFORE INSERT ON verdicts WHEN NOT (NEW.verdict_no >= 1)
BEGIN SELECT RAISE(ABORT, 'verdicts: ck_verdicts_no'); END;
CREATE TRIGGER ck_verdicts_budget_insert BEFORE INSERT ON verdicts WHEN NOT ((NEW.budget_evidence_id IS NULL) = (NEW.budget_train_ms IS NULL) AND (NEW.budget_parser_id IS NULL) = (NEW.budget_train_ms IS NULL))
BEGIN SELECT RAISE(ABORT, 'verdicts: ck_verdicts_budget'); END;
CREATE TRIGGER ck_verdicts_reference_insert BEFORE INSERT ON verdicts WHEN NOT ((NEW.reference_evidence_id IS NULL) = (NEW.reference_key IS NULL) AND (NEW.reference_parser_id IS NULL) = (NEW.reference_key IS NULL))
BEGIN SELECT RAISE(ABORT, 'verdicts: ck_verdicts_reference'); END;
CREATE TRIGGER fk_verdicts_member_insert AFTER INSERT ON verdicts WHEN NEW.campaign_id IS NOT NULL AND NEW.stage IS NOT NULL AND NEW.run_id IS NOT NULL AND NEW.role IS NOT NULL AND NOT EXISTS (SELECT 1 FROM campaign_runs AS t WHERE t.campaign_id = NEW.campaign_id AND t.stage = NEW.stage AND t.run_id = NEW.run_id AND t.role = NEW.role)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_member'); END;
CREATE TRIGGER fk_verdicts_pin_insert AFTER INSERT ON verdicts WHEN NEW.campaign_id IS NOT NULL AND NEW.stage IS NOT NULL AND NEW.policy_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM stage_policies AS t WHERE t.campaign_id = NEW.campaign_id AND t.stage = NEW.stage AND t.policy_id = NEW.policy_id)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_pin'); END;
CREATE TRIGGER fk_verdicts_policy_insert AFTER INSERT ON verdicts WHEN NEW.policy_id IS NOT NULL AND NEW.policy_numbers IS NOT NULL AND NOT EXISTS (SELECT 1 FROM policies AS t WHERE t.policy_id = NEW.policy_id AND t.gate_numbers = NEW.policy_numbers)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_policy'); END;
CREATE TRIGGER fk_verdicts_role_insert AFTER INSERT ON verdicts WHEN NEW.policy_id IS NOT NULL AND NEW.role IS NOT NULL AND NOT EXISTS (SELECT 1 FROM policies AS t WHERE t.policy_id = NEW.policy_id AND t.role = NEW.role)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_role'); END;
CREATE TRIGGER fk_verdicts_evidence_insert AFTER INSERT ON verdicts WHEN NEW.evidence_id IS NOT NULL AND NEW.run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM evidence AS t WHERE t.evidence_id = NEW.evidence_id AND t.run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_evidence'); END;
CREATE TRIGGER fk_verdicts_measurement_insert AFTER INSERT ON verdicts WHEN NEW.evidence_id IS NOT NULL AND NEW.parser_id IS NOT NULL AND NEW.measured_numbers IS NOT NULL AND NOT EXISTS (SELECT 1 FROM measurements AS t WHERE t.evidence_id = NEW.evidence_id AND t.parser_id = NEW.parser_id AND t.gate_numbers = NEW.measured_numbers)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_measurement'); END;
CREATE TRIGGER fk_verdicts_budget_insert AFTER INSERT ON verdicts WHEN NEW.budget_evidence_id IS NOT NULL AND NEW.budget_parser_id IS NOT NULL AND NEW.budget_train_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM measurements AS t WHERE t.evidence_id = NEW.budget_evidence_id AND t.parser_id = NEW.budget_parser_id AND t.budget_basis_ms = NEW.budget_train_ms)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_budget'); END;
CREATE TRIGGER fk_verdicts_reference_insert AFTER INSERT ON verdicts WHEN NEW.reference_evidence_id IS NOT NULL AND NEW.reference_parser_id IS NOT NULL AND NEW.reference_key IS NOT NULL AND NOT EXISTS (SELECT 1 FROM measurements AS t WHERE t.evidence_id = NEW.reference_evidence_id AND t.parser_id = NEW.reference_parser_id AND t.comparison_key = NEW.reference_key)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_reference'); END;
CREATE TRIGGER fk_verdicts_event_insert AFTER INSERT ON verdicts WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'verdicts: fk_verdicts_event'); END;
CREATE TRIGGER verdicts_no_replace_0 BEFORE INSERT ON verdicts WHEN EXISTS (SELECT 1 FROM verdicts AS t WHERE t.campaign_id = NEW.campaign_id AND t.run_id = NEW.run_id AND t.verdict_no = NEW.verdict_no)
BEGIN SELECT RAISE(ABORT, 'verdicts: there already, and never replaced'); END;
CREATE TRIGGER verdicts_no_delete BEFORE DELETE ON verdicts WHEN 1
BEGIN SELECT RAISE(ABORT, 'verdicts: nothing is ever deleted'); END;
CREATE TRIGGER verdicts_no_update BEFORE UPDATE ON verdicts WHEN 1
BEGIN SELECT RAISE(ABORT, 'verdicts: nothing is ever changed'); END;
CREATE TRIGGER verdicts_event BEFORE INSERT ON verdicts WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'verdicts: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_host_facts_text_insert BEFORE INSERT ON host_facts WHEN NOT (length(NEW.host) BETWEEN 1 AND 200 AND NEW.fact_no >= 1)
BEGIN SELECT RAISE(ABORT, 'host_facts: ck_host_facts_text'); END;
CREATE TRIGGER ck_host_facts_json_insert BEFORE INSERT ON host_facts WHEN NOT (length(NEW.facts) <= 1048576 AND json_valid(NEW.facts))
BEGIN SELECT RAISE(ABORT, 'host_facts: ck_host_facts_json'); END;
CREATE TRIGGER fk_host_facts_event_insert AFTER INSERT ON host_facts WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'host_facts: fk_host_facts_event'); END;
CREATE TRIGGER host_facts_no_replace_0 BEFORE INSERT ON host_facts WHEN EXISTS (SELECT 1 FROM host_facts AS t WHERE t.host = NEW.host AND t.fact_no = NEW.fact_no)
BEGIN SELECT RAISE(ABORT, 'host_facts: there already, and never replaced'); END;
CREATE TRIGGER host_facts_no_delete BEFORE DELETE ON host_facts WHEN 1
BEGIN SELECT RAISE(ABORT, 'host_facts: nothing is ever deleted'); END;
CREATE TRIGGER host_facts_no_update BEFORE UPDATE ON host_facts WHEN 1
BEGIN SELECT RAISE(ABORT, 'host_facts: nothing is ever changed'); END;
CREATE TRIGGER host_facts_event BEFORE INSERT ON host_facts WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'host_facts: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_asset_names_name_insert BEFORE INSERT ON asset_names WHEN NOT (length(NEW.name) BETWEEN 1 AND 200 AND NEW.naming_no >= 1)
BEGIN SELECT RAISE(ABORT, 'asset_names: ck_asset_names_name'); END;
CREATE TRIGGER ck_asset_names_sha256_insert BEFORE INSERT ON asset_names WHEN NOT (NEW.sha256 IS NULL OR (length(NEW.sha256) = 64 AND NEW.sha256 NOT GLOB '*[^0-9a-f]*'))
BEGIN SELECT RAISE(ABORT, 'asset_names: ck_asset_names_sha256'); END;
CREATE TRIGGER ck_asset_names_whole_insert BEFORE INSERT ON asset_names WHEN NOT ((NEW.sha256 IS NULL) = (NEW.size_bytes IS NULL) AND (NEW.sha256 IS NULL) = (NEW.kind IS NULL))
BEGIN SELECT RAISE(ABORT, 'asset_names: ck_asset_names_whole'); END;
CREATE TRIGGER ck_asset_names_kind_insert BEFORE INSERT ON asset_names WHEN NOT (NEW.kind IS NULL OR length(NEW.kind) BETWEEN 1 AND 64)
BEGIN SELECT RAISE(ABORT, 'asset_names: ck_asset_names_kind'); END;
CREATE TRIGGER ck_asset_names_size_insert BEFORE INSERT ON asset_names WHEN NOT (NEW.size_bytes IS NULL OR NEW.size_bytes >= 0)
BEGIN SELECT RAISE(ABORT, 'asset_names: ck_asset_names_size'); END;
CREATE TRIGGER fk_asset_names_event_insert AFTER INSERT ON asset_names WHEN NEW.event_seq IS NOT NULL AND NOT EXISTS (SELECT 1 FROM events AS t WHERE t.seq = NEW.event_seq)
BEGIN SELECT RAISE(ABORT, 'asset_names: fk_asset_names_event'); END;
CREATE TRIGGER asset_names_no_replace_0 BEFORE INSERT ON asset_names WHEN EXISTS (SELECT 1 FROM asset_names AS t WHERE t.name = NEW.name AND t.naming_no = NEW.naming_no)
BEGIN SELECT RAISE(ABORT, 'asset_names: there already, and never replaced'); END;
CREATE TRIGGER asset_names_no_delete BEFORE DELETE ON asset_names WHEN 1
BEGIN SELECT RAISE(ABORT, 'asset_names: nothing is ever deleted'); END;
CREATE TRIGGER asset_names_no_update BEFORE UPDATE ON asset_names WHEN 1
BEGIN SELECT RAISE(ABORT, 'asset_names: nothing is ever changed'); END;
CREATE TRIGGER asset_names_event BEFORE INSERT ON asset_names WHEN NEW.event_seq IS NOT (SELECT max(seq) FROM events)
BEGIN SELECT RAISE(ABORT, 'asset_names: a record goes under the event that is written with it'); END;
CREATE TRIGGER ck_asset_locations_sha256_insert BEFORE INSERT ON asset_locations WHEN NOT (length(NEW.sha256) = 64 AND NEW.sha256 NOT GLOB '*[^0-9a-f]*')
BEGIN SELECT RAISE(ABORT, 'asset_locations: ck_asset_locations_sha256'); END;
CREATE TRIGGER ck_asset_locations_insert BEFORE INSERT ON asset_locations WHEN NOT (NEW.present IN (0, 1) AND length(NEW.host) BETWEEN 1 AND 200)
BEGIN SELECT RAISE(ABORT, 'asset_locations: ck_asset_locations'); END;
CREATE TRIGGER ck_asset_locations_sha256_update BEFORE UPDATE ON asset_locations WHEN NOT (length(NEW.sha256) = 64 AND NEW.sha256 NOT GLOB '*[^0-9a-f]*')
BEGIN SELECT RAISE(ABORT, 'asset_locations: ck_asset_locations_sha256'); END;
CREATE TRIGGER ck_asset_locations_update BEFORE UPDATE ON asset_locations WHEN NOT (NEW.present IN (0, 1) AND length(NEW.host) BETWEEN 1 AND 200)
BEGIN SELECT RAISE(ABORT, 'asset_locations: ck_asset_locations'); END;
COMMIT;
