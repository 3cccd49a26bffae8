-- A ledger of schema 0002 as kdorch wrote it: a simulated campaign, a run that failed twice, the second time with a
-- smaller batch, one that crashed, facts about a host, names of assets, an imported CSV. Made once, by `.dump`; never
-- edited.
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
INSERT INTO "asset_locations" VALUES('a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f','local',1,'2026-11-21T12:49:01.111Z');
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
INSERT INTO "asset_names" VALUES('teacher',1,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',1,'checkpoint','2026-02-14T20:00:00.020Z',114);
INSERT INTO "asset_names" VALUES('teacher',2,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',2,'checkpoint','2026-02-14T20:00:00.021Z',115);
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
INSERT INTO "attempts" VALUES('03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
INSERT INTO "attempts" VALUES('32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',1,'finished','local','14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4','2e4266ea0a720db412141352b3eaf24ecd370ee7a7ff1abd5a819419a1bf4385','completed','{"attempt": 1, "boot_id": "ba6d6dc6-b8fe-4e44-96a1-d2e6e93b37ed", "contract": "v1", "cpu_ms": 111, "ended_at": "2026-11-21T12:49:01.483Z", "exit_code": 0, "failure": null, "manifest_sha256": "638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4", "outcome": "completed", "reason": null, "run_id": "32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec", "signal": null, "started_at": "2026-11-21T12:49:01.186Z", "train_log_bytes": 8837, "wall_ms": 270, "witness": "supervisor"}',NULL,'2026-11-21T12:49:01.031Z','2026-11-21T12:49:01.087Z','2026-11-21T12:49:01.220Z','2026-11-21T12:49:01.556Z','2026-11-21T12:49:02.447Z');
INSERT INTO "attempts" VALUES('42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd',1,'finished','h100','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','jit_crash','{"outcome":"completed"}',NULL,'2026-02-14T20:00:00.013Z','2026-02-14T20:00:00.014Z','2026-02-14T20:00:00.015Z','2026-02-14T20:00:00.016Z','2026-02-14T20:00:00.017Z');
INSERT INTO "attempts" VALUES('4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
INSERT INTO "attempts" VALUES('561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'finished','local','14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4','07f0c40059f27c16fc5285e9c3bee4ea0fb93de58029f43d5d696b495a83dc34','completed','{"attempt": 1, "boot_id": "ba6d6dc6-b8fe-4e44-96a1-d2e6e93b37ed", "contract": "v1", "cpu_ms": 104, "ended_at": "2026-11-21T12:48:59.753Z", "exit_code": 0, "failure": null, "manifest_sha256": "513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f", "outcome": "completed", "reason": null, "run_id": "561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d", "signal": null, "started_at": "2026-11-21T12:48:59.512Z", "train_log_bytes": 6367, "wall_ms": 216, "witness": "supervisor"}',NULL,'2026-11-21T12:48:57.429Z','2026-11-21T12:48:59.465Z','2026-11-21T12:48:59.533Z','2026-11-21T12:48:59.817Z','2026-11-21T12:49:00.927Z');
INSERT INTO "attempts" VALUES('6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
INSERT INTO "attempts" VALUES('7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215',1,'finished','h100','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','oom','{"outcome":"completed"}',NULL,'2026-02-14T20:00:00.003Z','2026-02-14T20:00:00.004Z','2026-02-14T20:00:00.005Z','2026-02-14T20:00:00.006Z','2026-02-14T20:00:00.007Z');
INSERT INTO "attempts" VALUES('7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215',2,'finished','h100','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','oom','{"outcome":"completed"}','{"reason":"oom_fallback","spec":{"data":{"microbatch_sequences":4}}}','2026-02-14T20:00:00.008Z','2026-02-14T20:00:00.009Z','2026-02-14T20:00:00.010Z','2026-02-14T20:00:00.011Z','2026-02-14T20:00:00.012Z');
INSERT INTO "attempts" VALUES('88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
INSERT INTO "attempts" VALUES('8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
INSERT INTO "attempts" VALUES('b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
INSERT INTO "attempts" VALUES('c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
INSERT INTO "attempts" VALUES('d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',1,'finished','local','14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4','eafa44c72f617eb95d251e473bb97d7e599081e2a2ffa09d4c61897f21171536','completed','{"attempt": 1, "boot_id": "ba6d6dc6-b8fe-4e44-96a1-d2e6e93b37ed", "contract": "v1", "cpu_ms": 122, "ended_at": "2026-11-21T12:48:58.286Z", "exit_code": 0, "failure": null, "manifest_sha256": "ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed", "outcome": "completed", "reason": null, "run_id": "d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4", "signal": null, "started_at": "2026-11-21T12:48:58.001Z", "train_log_bytes": 8769, "wall_ms": 248, "witness": "supervisor"}',NULL,'2026-11-21T12:48:57.417Z','2026-11-21T12:48:57.931Z','2026-11-21T12:48:58.047Z','2026-11-21T12:48:58.331Z','2026-11-21T12:48:59.382Z');
INSERT INTO "attempts" VALUES('f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',1,'finished',NULL,NULL,NULL,'imported',NULL,NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z',NULL,'2026-11-21T12:49:07.229Z','2026-11-21T12:49:07.229Z');
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
INSERT INTO "campaign_runs" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','arms','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',2,'proof/arms-s0','kd','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',NULL,0,0,0,25);
INSERT INTO "campaign_runs" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'proof/quick-s0','teacher',NULL,NULL,NULL,0,0,0,5);
INSERT INTO "campaign_runs" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','base','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',0,'proof/base-s0','ce',NULL,NULL,NULL,0,0,0,3);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',2,'student3l_ce_ckpt_20260214T014707Z_student3l_ce','teacher',NULL,NULL,NULL,0,1,0,52);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',7,'teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z','teacher',NULL,NULL,NULL,0,0,0,87);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','ce','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',0,'aadab377-e981-419d-907b-470c4e770f33','ce',NULL,NULL,NULL,0,0,0,38);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'teacher25m_ce_20260213T2241Z_teacher25m_ce','teacher',NULL,NULL,NULL,1,0,0,45);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',3,'teacher_budget_L12_H6_D8_155_20260214T203704Z','teacher',NULL,NULL,NULL,0,0,0,59);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',6,'teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177','teacher',NULL,NULL,NULL,0,0,1,80);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',4,'teacher_budget_L3_H6_D128_250_20260214T204116Z','teacher',NULL,NULL,NULL,0,0,0,66);
INSERT INTO "campaign_runs" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',5,'teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z','teacher',NULL,NULL,NULL,0,0,0,73);
INSERT INTO "campaign_runs" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','ce','42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd',8,'over','ce',NULL,NULL,NULL,0,0,0,107);
INSERT INTO "campaign_runs" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','ce','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215',7,'fell','ce',NULL,NULL,NULL,0,0,0,96);
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
','{"set": [], "host": null}','0c2af50ecf66d6659acb723a349923828365f92203ddd2a20180f6994cd7c5cc','2026-11-21T12:48:57.406Z',1);
INSERT INTO "campaigns" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','imported','','','[]','','2026-11-21T12:49:07.229Z',34);
INSERT INTO "campaigns" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','fallbacks','story.yaml','campaign: story
','[]','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff','2026-02-14T20:00:00.001Z',93);
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
INSERT INTO "events" VALUES(1,'0000000000000000000000000000000000000000000000000000000000000000','400d4014e08625839e8713c198be688fd6efdb7df929bab86a72090155751365','2026-11-21T12:48:57.406Z','campaign_recorded','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"name":"proof","overrides_sha256":"ff4e48bfe8114a647ff6a06b24582d6b90f3fceb29f8f704aff81669c6b03fea","plan_hash":"0c2af50ecf66d6659acb723a349923828365f92203ddd2a20180f6994cd7c5cc","source_name":"proof.yaml","source_sha256":"8c5a35c80703ac71ee444ea27860c523be2ef1b17922e89d93b646ef39e61e25"}');
INSERT INTO "events" VALUES(2,'400d4014e08625839e8713c198be688fd6efdb7df929bab86a72090155751365','f1b2475f8423fbe8bc6fccbe3bde9f5940e6c90db1dc769d6fa58020a5d6f11a','2026-11-21T12:48:57.417Z','run_recorded','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"config_id":"8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173","mode":"ce_baseline","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(3,'f1b2475f8423fbe8bc6fccbe3bde9f5940e6c90db1dc769d6fa58020a5d6f11a','85db48271ea5bb243a745680a7294393411d685f2a9a4491b1dbb8408b878cfe','2026-11-21T12:48:57.417Z','member_recorded','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"archival":0,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","is_slice":0,"name":"proof/base-s0","ordinal":0,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4","stage":"base","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(4,'85db48271ea5bb243a745680a7294393411d685f2a9a4491b1dbb8408b878cfe','a1f00b6f69a14ff3f52751765fa86370c0bf17a9de7359228ea3dae52851c917','2026-11-21T12:48:57.429Z','run_recorded','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"config_id":"3f591b7d4e25dba5a667e9d28e1f0233b1d4f854af3f50b40ed509169322daac","mode":"teacher","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(5,'a1f00b6f69a14ff3f52751765fa86370c0bf17a9de7359228ea3dae52851c917','e9c28c3252eda8c4c96866529a4e9a2dc588670ef7807ee5f72cfed29365855e','2026-11-21T12:48:57.429Z','member_recorded','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"archival":0,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","is_slice":0,"name":"proof/quick-s0","ordinal":1,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(6,'e9c28c3252eda8c4c96866529a4e9a2dc588670ef7807ee5f72cfed29365855e','d8869bbc9d075d6eb5a7ac2a872359e8ffae63b209497d0809a526c439e3cec3','2026-11-21T12:48:57.441Z','policy_pinned','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"policy":{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-baseline","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","stage":"base"}');
INSERT INTO "events" VALUES(7,'d8869bbc9d075d6eb5a7ac2a872359e8ffae63b209497d0809a526c439e3cec3','fbae920bb41c53f02036ae19aff1b7704dbdaa3ce0d12a5ac325bea32907d028','2026-11-21T12:48:57.931Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"bundle":"14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4","dispatch_sha256":"eafa44c72f617eb95d251e473bb97d7e599081e2a2ffa09d4c61897f21171536","event":"place","from":"planned","host":"local","placed_at":"2026-11-21T12:48:57.931Z","to":"staging"}');
INSERT INTO "events" VALUES(8,'fbae920bb41c53f02036ae19aff1b7704dbdaa3ce0d12a5ac325bea32907d028','485ef8e66d8a177289b62613fc2c6daff13fa6e69778f3af042baa6b51c373c8','2026-11-21T12:48:58.003Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"detail":{"launch":"started"},"event":"claimed","from":"staging","to":"queued"}');
INSERT INTO "events" VALUES(9,'485ef8e66d8a177289b62613fc2c6daff13fa6e69778f3af042baa6b51c373c8','1ba1614c87d6e984985c3ca97d9269d7357d69fea0ee7749d3ce5a138f230f72','2026-11-21T12:48:58.047Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"detail":{"why":"trainer started"},"event":"started","from":"queued","started_at":"2026-11-21T12:48:58.047Z","to":"running"}');
INSERT INTO "events" VALUES(10,'1ba1614c87d6e984985c3ca97d9269d7357d69fea0ee7749d3ce5a138f230f72','cccb7efa77aedafdef77f4a818ad823fc4854597dfe38998bd1bf505abf20d92','2026-11-21T12:48:58.331Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"detail":{"why":"completed"},"ended_at":"2026-11-21T12:48:58.331Z","event":"ended","exit_json":"6030565d9b9c6dc99d086d822ff64cd06267bbd44b749ba16c0baecc1d960c9b","from":"running","outcome":"completed","to":"collecting"}');
INSERT INTO "events" VALUES(11,'cccb7efa77aedafdef77f4a818ad823fc4854597dfe38998bd1bf505abf20d92','980587a33db3ac030a3f6652f09f5f1fdded4f9ae8191d22c6b26d6481c7ea89','2026-11-21T12:48:59.382Z','evidence_recorded','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"derived":[{"path":"loss.png","sha256":"e0e151ce6d4d0642584ad54c497d947f14cfa6e5d87c104f1e4474f9e16b3ccc","size_bytes":34139},{"path":"step_delta.png","sha256":"796a1e71f18d7fefa99fcdbb4c55304e70b8ae80b80e6f4e6b0bb84da4771b3c","size_bytes":18460},{"path":"summary.csv","sha256":"ae62c0d49357c034eef11ff044a75e3d96fa1803307488169bd84e5e7a56e9d1","size_bytes":261}],"directory":"evidence/d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4/1","evidence_id":"ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed","kind":"sealed","measurement":{"asserted":0,"best_val_u6":2246300,"comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"environment_json":"{\"attention_backend\":null,\"compiled\":false,\"contract\":\"v1\",\"corpus_sha256\":null,\"cuda\":null,\"device\":\"cpu\",\"driver\":null,\"gpu_model\":null,\"numpy\":null,\"oom_fallback\":false,\"parameters\":null,\"precision\":\"fp32\",\"python\":\"3.11.7\",\"teacher_eval_val\":null,\"threads\":1,\"torch\":null}\n","final_step":100,"final_val_u6":2246300,"median_step_ms":10.0,"n_validations":5,"oom_fallback":0,"p90_step_ms":10.0,"parameters":null,"parser_id":"modded-nanogpt/1","teacher_train_time_ms":null,"total_steps":100,"train_time_ms":1000,"train_time_offset":8628,"usage_json":"{\"cpu_system_s\": 0.042, \"cpu_user_s\": 0.08, \"killed_processes\": 0, \"load\": {\"cores\": 2, \"loadavg_1m\": 4.72, \"other_cpu_fraction\": 0.807, \"other_cpu_fraction_peak\": 0.7963}, \"max_rss_kib\": 18328, \"wall_ms\": 248}","val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":2246300,"val_finite":1,"wall_ms":248}}');
INSERT INTO "events" VALUES(12,'980587a33db3ac030a3f6652f09f5f1fdded4f9ae8191d22c6b26d6481c7ea89','b419d737939462b2e1352bfb07f9b3cdf114746e8fdf8abece6540fc00b141a5','2026-11-21T12:48:59.382Z','attempt_moved','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:48:59.382Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(13,'b419d737939462b2e1352bfb07f9b3cdf114746e8fdf8abece6540fc00b141a5','264fe3c7d421f14d71772d328fabfa890bf229f2e7a43705d0ac8ca03a8341fa','2026-11-21T12:48:59.382Z','verdict_computed','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"asserted":0,"budget_evidence_id":null,"budget_ms":null,"budget_parser_id":null,"budget_train_ms":null,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"evidence_id":"ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed","gate_mask":14,"oom_fallback":0,"parser_id":"modded-nanogpt/1","policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"ce","rule":2,"stage":"base","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":2246300,"val_finite":1,"verdict_no":1}');
INSERT INTO "events" VALUES(14,'264fe3c7d421f14d71772d328fabfa890bf229f2e7a43705d0ac8ca03a8341fa','cadcba368777e0fc288b98a07feb5a6e831024853bf0953e2fc3a9d21cb8fc0a','2026-11-21T12:48:59.444Z','policy_pinned','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"policy":{"budget_derivation":"0.1 x 1000 ms of run proof/base-s0 = 100 ms, rounded half up","budget_ms":100,"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"name":"tenth","role":"teacher","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467","stage":"teachers"}');
INSERT INTO "events" VALUES(15,'cadcba368777e0fc288b98a07feb5a6e831024853bf0953e2fc3a9d21cb8fc0a','e2d4f2600b6d9c3ea34e20d0722078bb26b51b00f08ae181fd56fb9c3412280d','2026-11-21T12:48:59.465Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"bundle":"14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4","dispatch_sha256":"07f0c40059f27c16fc5285e9c3bee4ea0fb93de58029f43d5d696b495a83dc34","event":"place","from":"planned","host":"local","placed_at":"2026-11-21T12:48:59.465Z","to":"staging"}');
INSERT INTO "events" VALUES(16,'e2d4f2600b6d9c3ea34e20d0722078bb26b51b00f08ae181fd56fb9c3412280d','25f5a4141f4bb4c3b6a63b38187d32f063f0530cebc1557fbda493f0f2da905a','2026-11-21T12:48:59.512Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"detail":{"launch":"started"},"event":"claimed","from":"staging","to":"queued"}');
INSERT INTO "events" VALUES(17,'25f5a4141f4bb4c3b6a63b38187d32f063f0530cebc1557fbda493f0f2da905a','53d96bb6602b7a8a29792badcd5403ecca92d28644906364944a077c3771ed7a','2026-11-21T12:48:59.533Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"detail":{"why":"trainer started"},"event":"started","from":"queued","started_at":"2026-11-21T12:48:59.533Z","to":"running"}');
INSERT INTO "events" VALUES(18,'53d96bb6602b7a8a29792badcd5403ecca92d28644906364944a077c3771ed7a','26858b002e215896aa633defaa56eebf3f8eab8f91c25f678c43bb5d45450a1d','2026-11-21T12:48:59.817Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"detail":{"why":"completed"},"ended_at":"2026-11-21T12:48:59.817Z","event":"ended","exit_json":"bccb485a221cfd99c98acf682f8e2d1862a07bf7170ec3c6db08398d776da3d0","from":"running","outcome":"completed","to":"collecting"}');
INSERT INTO "events" VALUES(19,'26858b002e215896aa633defaa56eebf3f8eab8f91c25f678c43bb5d45450a1d','98e660e9110a086e41d42eb142a795c7e03e78be7ebdb69c3acd2994fa65b8d9','2026-11-21T12:49:00.927Z','evidence_recorded','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"derived":[{"path":"loss.png","sha256":"a68603c5fffa563c820172aa9035c5049dfe8bb79a31df794c8f78563db26712","size_bytes":37394},{"path":"step_delta.png","sha256":"bee19b26642993e958a7d2d1c08715da8e08ca676ef3ad7c93c1bdd453b8e031","size_bytes":20134},{"path":"summary.csv","sha256":"6b5bf1e0a29f676ef5aaebcea0c1f2df79b4544bd7a200d3c6aeb1e79dcc6eea","size_bytes":208}],"directory":"evidence/561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d/1","evidence_id":"513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f","kind":"sealed","measurement":{"asserted":0,"best_val_u6":2460100,"comparison_key":"79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c","complete":1,"environment_json":"{\"attention_backend\":null,\"compiled\":false,\"contract\":\"v1\",\"corpus_sha256\":null,\"cuda\":null,\"device\":\"cpu\",\"driver\":null,\"gpu_model\":null,\"numpy\":null,\"oom_fallback\":false,\"parameters\":null,\"precision\":\"fp32\",\"python\":\"3.11.7\",\"teacher_eval_val\":null,\"threads\":1,\"torch\":null}\n","final_step":75,"final_val_u6":2460100,"median_step_ms":1.0,"n_validations":4,"oom_fallback":0,"p90_step_ms":1.0,"parameters":null,"parser_id":"modded-nanogpt/1","teacher_train_time_ms":null,"total_steps":75,"train_time_ms":75,"train_time_offset":6232,"usage_json":"{\"cpu_system_s\": 0.005, \"cpu_user_s\": 0.099, \"killed_processes\": 0, \"load\": {\"cores\": 2, \"loadavg_1m\": 4.72, \"other_cpu_fraction\": 0.7778, \"other_cpu_fraction_peak\": 0.7727}, \"max_rss_kib\": 17936, \"wall_ms\": 216}","val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":null,"val_finite":1,"wall_ms":216}}');
INSERT INTO "events" VALUES(20,'98e660e9110a086e41d42eb142a795c7e03e78be7ebdb69c3acd2994fa65b8d9','cbfe9139cdff37c13b54931de5a38a0b85df36b3c5d233239d571a8580570857','2026-11-21T12:49:00.927Z','attempt_moved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:00.927Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(21,'cbfe9139cdff37c13b54931de5a38a0b85df36b3c5d233239d571a8580570857','36b67dc088f46cd0ffcb69cebb978ed4f0a148b8b0ac807921c956a191018de4','2026-11-21T12:49:00.927Z','verdict_computed','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"asserted":0,"budget_evidence_id":"513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f","budget_ms":100,"budget_parser_id":"modded-nanogpt/1","budget_train_ms":75,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","comparison_key":"79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c","complete":1,"evidence_id":"513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f","gate_mask":15,"oom_fallback":0,"parser_id":"modded-nanogpt/1","policy_id":"a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":3605800,"val_2_u6":2859500,"val_3_u6":2460100,"val_4_u6":null,"val_finite":1,"verdict_no":1}');
INSERT INTO "events" VALUES(22,'36b67dc088f46cd0ffcb69cebb978ed4f0a148b8b0ac807921c956a191018de4','e2cd6f4fef9e43335179c310ef5904892a536be2fee26bf1d47ffe22c83e8dee','2026-11-21T12:49:00.971Z','selector_resolved','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","candidates":"[\"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d\"]","checkpoint_sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f","chosen_run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","final_val_u6":2460100,"key":"d672ae4e45b9346788c427e7755f048698af4840f3c1fd44925a6fb2b76f0a56","reason":"lowest final validation loss (2.4601) of 1 admitted among 1","selector":"teachers.best"}');
INSERT INTO "events" VALUES(23,'e2cd6f4fef9e43335179c310ef5904892a536be2fee26bf1d47ffe22c83e8dee','a538ce53de86742ab3e8c102152441a9d6e320151845f05c50b820094925b50b','2026-11-21T12:49:00.987Z','promoted','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","kind":"candidate","verdict":"promote","verdict_no":1}');
INSERT INTO "events" VALUES(24,'a538ce53de86742ab3e8c102152441a9d6e320151845f05c50b820094925b50b','54519fcd1ceb3396a176f52a86a2eb984f5f625260fa54de075b4fcd0bbcc20d','2026-11-21T12:49:01.031Z','run_recorded','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"config_id":"43f728ed8279df62fa698e6ba300c2dbeed82449fac45c54383982677f57b380","mode":"kd","origin":"planned","seed":0}');
INSERT INTO "events" VALUES(25,'54519fcd1ceb3396a176f52a86a2eb984f5f625260fa54de075b4fcd0bbcc20d','e11d8aabda74df0f923b16d81281f1772d5668ad0c91eebb6aa7230b19c62ae5','2026-11-21T12:49:01.031Z','member_recorded','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"archival":0,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","is_slice":0,"name":"proof/arms-s0","ordinal":2,"provisional":0,"reference_run_id":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4","role":"kd","run_id":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec","stage":"arms","teacher_run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","twin_run_id":null}');
INSERT INTO "events" VALUES(26,'e11d8aabda74df0f923b16d81281f1772d5668ad0c91eebb6aa7230b19c62ae5','e37c4386f0bc9ad379c639c73a8c4879e748463721e808787ad19d0640886d21','2026-11-21T12:49:01.052Z','policy_pinned','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','{"policy":{"budget_derivation":"0.1 x 1000 ms of run proof/base-s0 = 100 ms, rounded half up","budget_ms":100,"gates":["budget","val_trend","no_oom_fallback","evidence_complete","target_reached","comparable"],"name":"student","role":"kd","target_u6":2460100,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da","stage":"arms"}');
INSERT INTO "events" VALUES(27,'e37c4386f0bc9ad379c639c73a8c4879e748463721e808787ad19d0640886d21','f749c57361368656586c154abfd4d1b68adc356d37bdca651e2124f6970ebf7d','2026-11-21T12:49:01.087Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"bundle":"14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4","dispatch_sha256":"2e4266ea0a720db412141352b3eaf24ecd370ee7a7ff1abd5a819419a1bf4385","event":"place","from":"planned","host":"local","placed_at":"2026-11-21T12:49:01.087Z","to":"staging"}');
INSERT INTO "events" VALUES(28,'f749c57361368656586c154abfd4d1b68adc356d37bdca651e2124f6970ebf7d','87db3aad9b7affb01c4ea39fc411c258863ca8cc40be2a282cb6c8ae8bab9ea3','2026-11-21T12:49:01.185Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"detail":{"launch":"started"},"event":"claimed","from":"staging","to":"queued"}');
INSERT INTO "events" VALUES(29,'87db3aad9b7affb01c4ea39fc411c258863ca8cc40be2a282cb6c8ae8bab9ea3','c663def4dc480c3a0dd2ee72e848fe90eb011bc383707bb0dd87ec865a5768d1','2026-11-21T12:49:01.220Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"detail":{"why":"trainer started"},"event":"started","from":"queued","started_at":"2026-11-21T12:49:01.220Z","to":"running"}');
INSERT INTO "events" VALUES(30,'c663def4dc480c3a0dd2ee72e848fe90eb011bc383707bb0dd87ec865a5768d1','10773ce2b4624761c155f54e572cb47fd7fdee9e937a2fd347e891d6827ab6a7','2026-11-21T12:49:01.556Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"detail":{"why":"completed"},"ended_at":"2026-11-21T12:49:01.556Z","event":"ended","exit_json":"88ab4cd52865d0df57e38a918477b65fef0093b63011730f04a0a7dfc0e20277","from":"running","outcome":"completed","to":"collecting"}');
INSERT INTO "events" VALUES(31,'10773ce2b4624761c155f54e572cb47fd7fdee9e937a2fd347e891d6827ab6a7','e5f26aae2ee12448f931e2965d677da9da01c92e426a57c1971f743f2b36864e','2026-11-21T12:49:02.447Z','evidence_recorded','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"derived":[{"path":"loss.png","sha256":"609828567b136d984f611cb216abed14b82b7c3f31c9501b98e7f4e5b5cb7f52","size_bytes":36536},{"path":"step_delta.png","sha256":"3398d31998534b69051ef038518513a58bea46d34246b8537762685c00701a2c","size_bytes":21735},{"path":"summary.csv","sha256":"bf1a35ff4c432619b2cf1438de521edccbee796023db14972185014d21450a94","size_bytes":261}],"directory":"evidence/32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec/1","evidence_id":"638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4","kind":"sealed","measurement":{"asserted":0,"best_val_u6":2131800,"comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"environment_json":"{\"attention_backend\":null,\"compiled\":false,\"contract\":\"v1\",\"corpus_sha256\":null,\"cuda\":null,\"device\":\"cpu\",\"driver\":null,\"gpu_model\":null,\"numpy\":null,\"oom_fallback\":false,\"parameters\":null,\"precision\":\"fp32\",\"python\":\"3.11.7\",\"teacher_eval_val\":null,\"threads\":1,\"torch\":null}\n","final_step":100,"final_val_u6":2131800,"median_step_ms":10.0,"n_validations":5,"oom_fallback":0,"p90_step_ms":10.0,"parameters":null,"parser_id":"modded-nanogpt/1","teacher_train_time_ms":null,"total_steps":100,"train_time_ms":1000,"train_time_offset":8696,"usage_json":"{\"cpu_system_s\": 0.013, \"cpu_user_s\": 0.098, \"killed_processes\": 0, \"load\": {\"cores\": 2, \"loadavg_1m\": 4.72, \"other_cpu_fraction\": 0.8136, \"other_cpu_fraction_peak\": 0.8036}, \"max_rss_kib\": 17928, \"wall_ms\": 270}","val_1_u6":3174800,"val_2_u6":2460100,"val_3_u6":2246300,"val_4_u6":2131800,"val_finite":1,"wall_ms":270}}');
INSERT INTO "events" VALUES(32,'e5f26aae2ee12448f931e2965d677da9da01c92e426a57c1971f743f2b36864e','2968b54b5af8e36bb0c5271a98e98f73272f88568185d31e269ec92ad54dfb29','2026-11-21T12:49:02.447Z','attempt_moved','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:02.447Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(33,'2968b54b5af8e36bb0c5271a98e98f73272f88568185d31e269ec92ad54dfb29','e3376978e377d61e8aa88dd4dcc522f4a440f7ef93cfcb7f2905def5db08bf6e','2026-11-21T12:49:02.447Z','verdict_computed','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"asserted":0,"budget_evidence_id":"513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f","budget_ms":100,"budget_parser_id":"modded-nanogpt/1","budget_train_ms":75,"campaign_id":"1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a","comparison_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","complete":1,"evidence_id":"638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4","gate_mask":63,"oom_fallback":0,"parser_id":"modded-nanogpt/1","policy_id":"8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da","reference_evidence_id":"ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed","reference_key":"28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d","reference_parser_id":"modded-nanogpt/1","role":"kd","rule":2,"stage":"arms","steps_to_target":75,"target_u6":2460100,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":3174800,"val_2_u6":2460100,"val_3_u6":2246300,"val_4_u6":2131800,"val_finite":1,"verdict_no":1}');
INSERT INTO "events" VALUES(34,'e3376978e377d61e8aa88dd4dcc522f4a440f7ef93cfcb7f2905def5db08bf6e','11241654574afec130795da971fa58c5869fe9e14687521eb1ec3c4a9d5aad9a','2026-11-21T12:49:07.229Z','campaign_recorded','46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','{"name":"imported","overrides_sha256":"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","plan_hash":"","source_name":"","source_sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}');
INSERT INTO "events" VALUES(35,'11241654574afec130795da971fa58c5869fe9e14687521eb1ec3c4a9d5aad9a','6ac970c85df2108d49561a13016a4e5ea92da6e42276e6e53290db833c1f700d','2026-11-21T12:49:07.229Z','policy_pinned','46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','{"policy":{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-baseline","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","stage":"ce"}');
INSERT INTO "events" VALUES(36,'6ac970c85df2108d49561a13016a4e5ea92da6e42276e6e53290db833c1f700d','30aeb7ee333b1b7d7cfd6bd68e794a948933264ac0979b8f1fef4eb0e82a45a8','2026-11-21T12:49:07.229Z','policy_pinned','46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','{"policy":{"budget_derivation":"10 % of 694015 ms (run aadab377-e981-419d-907b-470c4e770f33, 1555 steps) = 69401.5 ms, rounded half up","budget_ms":69402,"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"name":"teacher-budget-10pct","role":"teacher","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","stage":"teachers"}');
INSERT INTO "events" VALUES(37,'30aeb7ee333b1b7d7cfd6bd68e794a948933264ac0979b8f1fef4eb0e82a45a8','9b71f5a9659f1bff01e3f8f1f6e5eb0f4e4a280e1d064869f486589ea8c81494','2026-11-21T12:49:07.229Z','run_recorded','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"config_id":"6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4","mode":"ce_baseline","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(38,'9b71f5a9659f1bff01e3f8f1f6e5eb0f4e4a280e1d064869f486589ea8c81494','b1caa20f24e50589b841615dad940ecdfe442f8b75f802cabcc2edeb11ef92ac','2026-11-21T12:49:07.229Z','member_recorded','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"aadab377-e981-419d-907b-470c4e770f33","ordinal":0,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4","stage":"ce","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(39,'b1caa20f24e50589b841615dad940ecdfe442f8b75f802cabcc2edeb11ef92ac','f527cf5002819c87bb8e6c472b48067bd3599ec543917aa1369633056c8bea85','2026-11-21T12:49:07.229Z','attempt_moved','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(40,'f527cf5002819c87bb8e6c472b48067bd3599ec543917aa1369633056c8bea85','8fc03ee37413b3c9d13d2007e58ed4573c240fb82cb55aa64bbf1e4684a9620d','2026-11-21T12:49:07.229Z','attempt_moved','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(41,'8fc03ee37413b3c9d13d2007e58ed4573c240fb82cb55aa64bbf1e4684a9620d','9302b993695cbc81619dc8489a8b8493cedca2d512d26cd31e326c8f5b15e1aa','2026-11-21T12:49:07.229Z','evidence_recorded','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a","kind":"csv","measurement":{"asserted":1,"best_val_u6":3278300,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":1555,"final_val_u6":3278300,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":null,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":694015,"train_time_offset":133,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(42,'9302b993695cbc81619dc8489a8b8493cedca2d512d26cd31e326c8f5b15e1aa','52b03337df6989057f7f19ea8a03938e4877f1390cd9f37c8a3ae6b520fcbec5','2026-11-21T12:49:07.229Z','attempt_moved','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(43,'52b03337df6989057f7f19ea8a03938e4877f1390cd9f37c8a3ae6b520fcbec5','67b75f8df3f4e4821aaad4fa4d5d47b03a7f16e94347ad2af77d24cb880d20ab','2026-11-21T12:49:07.229Z','verdict_computed','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"asserted":1,"budget_evidence_id":null,"budget_ms":null,"budget_parser_id":null,"budget_train_ms":null,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a","gate_mask":14,"oom_fallback":null,"parser_id":"csv/1","policy_id":"ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"ce","rule":2,"stage":"ce","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(44,'67b75f8df3f4e4821aaad4fa4d5d47b03a7f16e94347ad2af77d24cb880d20ab','373a9620ffc3be53dc60732dc522772f13ca3badb5ceb54951864655a922c669','2026-11-21T12:49:07.229Z','run_recorded','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"config_id":"88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(45,'373a9620ffc3be53dc60732dc522772f13ca3badb5ceb54951864655a922c669','5e85effe76f9dfcc7ff19cfacc6e0e5368e99d5ab6d47c4c3418d44700c9e632','2026-11-21T12:49:07.229Z','member_recorded','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"archival":1,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher25m_ce_20260213T2241Z_teacher25m_ce","ordinal":1,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(46,'5e85effe76f9dfcc7ff19cfacc6e0e5368e99d5ab6d47c4c3418d44700c9e632','3fcdc0a4070cdf1da271c3c212d18ef1357eb5a80eac8c489899f84b4ddd086f','2026-11-21T12:49:07.229Z','attempt_moved','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(47,'3fcdc0a4070cdf1da271c3c212d18ef1357eb5a80eac8c489899f84b4ddd086f','1cf9fbb1b0bfb043153a7857b88b7de534f8bd8a0e877f1d45f94db2eb39785c','2026-11-21T12:49:07.229Z','attempt_moved','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(48,'1cf9fbb1b0bfb043153a7857b88b7de534f8bd8a0e877f1d45f94db2eb39785c','c139cee128739f1872e26ac28eb18c3c2504f5a33d98d6cfc5aba23e611cd445','2026-11-21T12:49:07.229Z','evidence_recorded','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28","kind":"csv","measurement":{"asserted":1,"best_val_u6":3872100,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":1555,"final_val_u6":4050000,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":163448000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":362472,"train_time_offset":227,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(49,'c139cee128739f1872e26ac28eb18c3c2504f5a33d98d6cfc5aba23e611cd445','ec41288aa90bbe13d7688b79b532b1a314644f4b6bb85a2eeb8800dee77973f8','2026-11-21T12:49:07.229Z','attempt_moved','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(50,'ec41288aa90bbe13d7688b79b532b1a314644f4b6bb85a2eeb8800dee77973f8','60d97aeae8e2f0f140131f61c4fec32754380f9cffe35be0dcfe71f9620418fa','2026-11-21T12:49:07.229Z','verdict_computed','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"asserted":1,"budget_evidence_id":"a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":362472,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(51,'60d97aeae8e2f0f140131f61c4fec32754380f9cffe35be0dcfe71f9620418fa','5ed9bc168f7b7a0feeb38aca2870a74c6701fa0cc0831aad8257811b7c86a9e9','2026-11-21T12:49:07.229Z','run_recorded','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"config_id":"03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(52,'5ed9bc168f7b7a0feeb38aca2870a74c6701fa0cc0831aad8257811b7c86a9e9','541437fcdc4c9b67da755e71a1f5247bc20f4358e49c7c9335c331488bbea4f0','2026-11-21T12:49:07.229Z','member_recorded','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"student3l_ce_ckpt_20260214T014707Z_student3l_ce","ordinal":2,"provisional":1,"reference_run_id":null,"role":"teacher","run_id":"03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(53,'541437fcdc4c9b67da755e71a1f5247bc20f4358e49c7c9335c331488bbea4f0','72977db7a010c127aa1952ff900ffb7b97bb75962e856fe030dc9be1ee3503c6','2026-11-21T12:49:07.229Z','attempt_moved','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(54,'72977db7a010c127aa1952ff900ffb7b97bb75962e856fe030dc9be1ee3503c6','7b5be79505494e8de3b05c0e92155302eea1b12ad0db6ebb00c27266b1867dfe','2026-11-21T12:49:07.229Z','attempt_moved','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(55,'7b5be79505494e8de3b05c0e92155302eea1b12ad0db6ebb00c27266b1867dfe','443703b6e4f8001f2ab6e2a1bd0cc324217f68eb11e1fc4a9a11a5e0a3adcb9b','2026-11-21T12:49:07.229Z','evidence_recorded','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f","kind":"csv","measurement":{"asserted":1,"best_val_u6":3942900,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":1000,"final_val_u6":null,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":489555000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":184101,"train_time_offset":329,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(56,'443703b6e4f8001f2ab6e2a1bd0cc324217f68eb11e1fc4a9a11a5e0a3adcb9b','61de7bbdd3e2f08d1cdf0f4e7acba8791ec4248c9f6f3e1ff1899d13dd9bedf4','2026-11-21T12:49:07.229Z','attempt_moved','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(57,'61de7bbdd3e2f08d1cdf0f4e7acba8791ec4248c9f6f3e1ff1899d13dd9bedf4','204f1cefc99fb5d1e39927e45d2ac511bfa197c20a2aad48811eaca56d1091c4','2026-11-21T12:49:07.229Z','verdict_computed','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"asserted":1,"budget_evidence_id":"24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":184101,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(58,'204f1cefc99fb5d1e39927e45d2ac511bfa197c20a2aad48811eaca56d1091c4','50fa88084e46d07507122885461972a73ae14b2b605af91c5155db27f5db390d','2026-11-21T12:49:07.229Z','run_recorded','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"config_id":"8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(59,'50fa88084e46d07507122885461972a73ae14b2b605af91c5155db27f5db390d','541eab68a329c50f7582a626b5a217cb1ef97551df07f3fad5b964e82636ef8b','2026-11-21T12:49:07.229Z','member_recorded','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget_L12_H6_D8_155_20260214T203704Z","ordinal":3,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(60,'541eab68a329c50f7582a626b5a217cb1ef97551df07f3fad5b964e82636ef8b','a135f5a23ae1e8a84622fc741219cc1acd8689c171af58ffb43bae6e094b1fd7','2026-11-21T12:49:07.229Z','attempt_moved','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(61,'a135f5a23ae1e8a84622fc741219cc1acd8689c171af58ffb43bae6e094b1fd7','bc7ecb508aef9fddb4d5d2640d26d7039310bb93946e0571dffccb28d81fc2c3','2026-11-21T12:49:07.229Z','attempt_moved','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(62,'bc7ecb508aef9fddb4d5d2640d26d7039310bb93946e0571dffccb28d81fc2c3','6080857bf9c6d2c97d18a6da64b20166b27456bec9f721e40e0d9ed60fe10f57','2026-11-21T12:49:07.229Z','evidence_recorded','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1","kind":"csv","measurement":{"asserted":1,"best_val_u6":6473500,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":155,"final_val_u6":6473500,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":14830000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":32917,"train_time_offset":432,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(63,'6080857bf9c6d2c97d18a6da64b20166b27456bec9f721e40e0d9ed60fe10f57','ca8c9de068347881bc15b9f8a32a1bfec5d055d25d8cfeb219e47fdc09c3414a','2026-11-21T12:49:07.229Z','attempt_moved','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(64,'ca8c9de068347881bc15b9f8a32a1bfec5d055d25d8cfeb219e47fdc09c3414a','c77d60d67125bea36ad25b4e77efb716e0a68803dc0335656c2e00dd02cc530c','2026-11-21T12:49:07.229Z','verdict_computed','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"asserted":1,"budget_evidence_id":"1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":32917,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(65,'c77d60d67125bea36ad25b4e77efb716e0a68803dc0335656c2e00dd02cc530c','a8aebbfa215a9cc11502c44b1787cb3416c8738c2b4cb926f0148aa34385c334','2026-11-21T12:49:07.229Z','run_recorded','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"config_id":"c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(66,'a8aebbfa215a9cc11502c44b1787cb3416c8738c2b4cb926f0148aa34385c334','5d5eb1ffe21c1161f8bd0ce48a8ab440c427d10fb4a48d2488e9ebabaaa89f42','2026-11-21T12:49:07.229Z','member_recorded','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget_L3_H6_D128_250_20260214T204116Z","ordinal":4,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(67,'5d5eb1ffe21c1161f8bd0ce48a8ab440c427d10fb4a48d2488e9ebabaaa89f42','fdc0358be104e3c4e176280b139211bee776895c45bbcaa58217783c7423a496','2026-11-21T12:49:07.229Z','attempt_moved','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(68,'fdc0358be104e3c4e176280b139211bee776895c45bbcaa58217783c7423a496','7d2fd612cbff451272e32a93e786a9a266fd5dc0cd469035bf837bc3ab5cdbbd','2026-11-21T12:49:07.229Z','attempt_moved','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(69,'7d2fd612cbff451272e32a93e786a9a266fd5dc0cd469035bf837bc3ab5cdbbd','a02eda44a3dbf049866d2820ceb0edbac9cc1673a69bf2849d0016182ee9bf10','2026-11-21T12:49:07.229Z','evidence_recorded','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7","kind":"csv","measurement":{"asserted":1,"best_val_u6":4068600,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":250,"final_val_u6":4068600,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":66542,"train_time_offset":534,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(70,'a02eda44a3dbf049866d2820ceb0edbac9cc1673a69bf2849d0016182ee9bf10','e6e5e20baeba40012288f5524a4526c83ef72e2a43b8489fab5143fc156faf6a','2026-11-21T12:49:07.229Z','attempt_moved','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(71,'e6e5e20baeba40012288f5524a4526c83ef72e2a43b8489fab5143fc156faf6a','02bf8123e259b229d085a167ff7ac61aee450ded6be1be75996632fcd7352631','2026-11-21T12:49:07.229Z','verdict_computed','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"asserted":1,"budget_evidence_id":"56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":66542,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(72,'02bf8123e259b229d085a167ff7ac61aee450ded6be1be75996632fcd7352631','084f7ecff96aae0b0cf75fe7c74e56f463fbd00b067234498db1b85d5b72f0cd','2026-11-21T12:49:07.229Z','run_recorded','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"config_id":"f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(73,'084f7ecff96aae0b0cf75fe7c74e56f463fbd00b067234498db1b85d5b72f0cd','e6e2ccd21c47276a4f7c5832f116e34c1b05b9e8a1cf37554d1a79399538be86','2026-11-21T12:49:07.229Z','member_recorded','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z","ordinal":5,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(74,'e6e2ccd21c47276a4f7c5832f116e34c1b05b9e8a1cf37554d1a79399538be86','9ce9ad847056a5c719d16af0bf88971c31b54427ff5842b3eacd1969436ab777','2026-11-21T12:49:07.229Z','attempt_moved','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(75,'9ce9ad847056a5c719d16af0bf88971c31b54427ff5842b3eacd1969436ab777','535ce4211d651407151f96ab7b6115c642be3e860d4200ccfbcd57eb4970b702','2026-11-21T12:49:07.229Z','attempt_moved','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(76,'535ce4211d651407151f96ab7b6115c642be3e860d4200ccfbcd57eb4970b702','6a8463363a2798add1d8f6e01fcd430bbd5d3ad0f1b04598b8fe6689fec11ce7','2026-11-21T12:49:07.229Z','evidence_recorded','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087","kind":"csv","measurement":{"asserted":1,"best_val_u6":4069000,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":true}}","final_step":250,"final_val_u6":4069000,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":56620,"train_time_offset":639,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(77,'6a8463363a2798add1d8f6e01fcd430bbd5d3ad0f1b04598b8fe6689fec11ce7','d4f1af232667d397224def2a139dccea9945c274c80c07452c070220abf69c95','2026-11-21T12:49:07.229Z','attempt_moved','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(78,'d4f1af232667d397224def2a139dccea9945c274c80c07452c070220abf69c95','2d5beccbd2eba6a2738265897d44d8459075f48a06a5a2b198a3a5656cf39a6f','2026-11-21T12:49:07.229Z','verdict_computed','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"asserted":1,"budget_evidence_id":"39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":56620,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(79,'2d5beccbd2eba6a2738265897d44d8459075f48a06a5a2b198a3a5656cf39a6f','13588ff5949e0a46620a1db4e39114044ac4e5d930f8f89a47aaa6b1f017d2ba','2026-11-21T12:49:07.229Z','run_recorded','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"config_id":"b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7","mode":"teacher_slice","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(80,'13588ff5949e0a46620a1db4e39114044ac4e5d930f8f89a47aaa6b1f017d2ba','be3c7468a669de0c5a2393ee923138a1ea9b200bbdb7b32d7caa057ad8317d9d','2026-11-21T12:49:07.229Z','member_recorded','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":1,"name":"teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177","ordinal":6,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(81,'be3c7468a669de0c5a2393ee923138a1ea9b200bbdb7b32d7caa057ad8317d9d','42579471faa59af4d19ca8ad1306c70b846279e906d5d414d1194bff6b261882','2026-11-21T12:49:07.229Z','attempt_moved','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(82,'42579471faa59af4d19ca8ad1306c70b846279e906d5d414d1194bff6b261882','bfd3c8fd67e1fb84eb61d5120c1617c7df09948758d0228334de0db87bda5366','2026-11-21T12:49:07.229Z','attempt_moved','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(83,'bfd3c8fd67e1fb84eb61d5120c1617c7df09948758d0228334de0db87bda5366','690789c6cd4df7b9dd45328d8563126a96d46a01670ce64d098598d10837ed0f','2026-11-21T12:49:07.229Z','evidence_recorded','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770","kind":"csv","measurement":{"asserted":1,"best_val_u6":4373600,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":false}}","final_step":177,"final_val_u6":4373600,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":34539,"train_time_offset":750,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(84,'690789c6cd4df7b9dd45328d8563126a96d46a01670ce64d098598d10837ed0f','65a32d031af3fb58d697fae7cf1400aad6b1a5e8bb4c751c47e59de5dcbfa326','2026-11-21T12:49:07.229Z','attempt_moved','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(85,'65a32d031af3fb58d697fae7cf1400aad6b1a5e8bb4c751c47e59de5dcbfa326','738dcf8d96db460d3ee9a3ff6a02f59a8734463dcd81ced94ad62516901eaa97','2026-11-21T12:49:07.229Z','verdict_computed','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"asserted":1,"budget_evidence_id":"dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":34539,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(86,'738dcf8d96db460d3ee9a3ff6a02f59a8734463dcd81ced94ad62516901eaa97','b449c635b5c78a8eec0783c44dfc19841f5db0e38eb1b54ac76bb1ee1d4c3bc0','2026-11-21T12:49:07.229Z','run_recorded','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"config_id":"4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53","mode":"teacher","origin":"imported","seed":0}');
INSERT INTO "events" VALUES(87,'b449c635b5c78a8eec0783c44dfc19841f5db0e38eb1b54ac76bb1ee1d4c3bc0','e82b40cf684e34f1eef144de8394f25417e5c8581859357d58d063b6a1af61c3','2026-11-21T12:49:07.229Z','member_recorded','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"archival":0,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","is_slice":0,"name":"teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z","ordinal":7,"provisional":0,"reference_run_id":null,"role":"teacher","run_id":"4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53","stage":"teachers","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(88,'e82b40cf684e34f1eef144de8394f25417e5c8581859357d58d063b6a1af61c3','555e0505bc12290ef8720064f65594ddbc30b9fa841bb9b83df84ee91bd62fd3','2026-11-21T12:49:07.229Z','attempt_moved','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"event":"place","from":"planned","placed_at":"2026-11-21T12:49:07.229Z","to":"staging"}');
INSERT INTO "events" VALUES(89,'555e0505bc12290ef8720064f65594ddbc30b9fa841bb9b83df84ee91bd62fd3','c59a8b9462505ac024dc9fc9469af7dfce6ee897cc243b940302203c3cb50ae1','2026-11-21T12:49:07.229Z','attempt_moved','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"ended_at":"2026-11-21T12:49:07.229Z","event":"ended","from":"staging","outcome":"imported","to":"collecting"}');
INSERT INTO "events" VALUES(90,'c59a8b9462505ac024dc9fc9469af7dfce6ee897cc243b940302203c3cb50ae1','9dac427eb313fd8e9dd4eed34804a0f65c8a43d6a945f4da0f264a1a76c7ea2f','2026-11-21T12:49:07.229Z','evidence_recorded','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"derived":[],"directory":"evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce","evidence_id":"fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610","kind":"csv","measurement":{"asserted":1,"best_val_u6":4247300,"comparison_key":null,"complete":null,"environment_json":"{\"asserted\":{\"checkpoint_ready\":true}}","final_step":175,"final_val_u6":4247300,"median_step_ms":null,"n_validations":0,"oom_fallback":null,"p90_step_ms":null,"parameters":296389000,"parser_id":"csv/1","teacher_train_time_ms":null,"total_steps":null,"train_time_ms":39767,"train_time_offset":870,"usage_json":"{}","val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"wall_ms":null}}');
INSERT INTO "events" VALUES(91,'9dac427eb313fd8e9dd4eed34804a0f65c8a43d6a945f4da0f264a1a76c7ea2f','084c9d461cc0ba84d3123c89a2fa715f760e3d6b59d646a24c7cd6317aeecec3','2026-11-21T12:49:07.229Z','attempt_moved','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"attempt_no":1,"event":"judged","finished_at":"2026-11-21T12:49:07.229Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(92,'084c9d461cc0ba84d3123c89a2fa715f760e3d6b59d646a24c7cd6317aeecec3','1ce7f14ae68d3920dced4bcd5c30d0701e91d71e0fe63803ae25d5f891cf5866','2026-11-21T12:49:07.229Z','verdict_computed','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"asserted":1,"budget_evidence_id":"fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610","budget_ms":69402,"budget_parser_id":"csv/1","budget_train_ms":39767,"campaign_id":"46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815","comparison_key":null,"complete":null,"evidence_id":"fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610","gate_mask":15,"oom_fallback":null,"parser_id":"csv/1","policy_id":"8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2","reference_evidence_id":null,"reference_key":null,"reference_parser_id":null,"role":"teacher","rule":2,"stage":"teachers","steps_to_target":null,"target_u6":null,"trend_min_drop_u6":1,"trend_points":3,"val_1_u6":null,"val_2_u6":null,"val_3_u6":null,"val_4_u6":null,"val_finite":null,"verdict_no":1}');
INSERT INTO "events" VALUES(93,'1ce7f14ae68d3920dced4bcd5c30d0701e91d71e0fe63803ae25d5f891cf5866','2eb7ca63276f9de66a1a705fc32ea65084089d109880b5b1b1687bcd230aae8c','2026-02-14T20:00:00.001Z','campaign_recorded','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"name":"fallbacks","overrides_sha256":"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945","plan_hash":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff","source_name":"story.yaml","source_sha256":"8521a495019a90f8a16b71d6c8e8b2b3db57d31bc8498fb214ef4222f069bef2"}');
INSERT INTO "events" VALUES(94,'2eb7ca63276f9de66a1a705fc32ea65084089d109880b5b1b1687bcd230aae8c','8b807d432474dccf7683dc3a4546462e36e40be35aff4df845397f1c0ab62a84','2026-02-14T20:00:00.002Z','policy_pinned','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"policy":{"budget_derivation":"","budget_ms":null,"gates":["val_trend","no_oom_fallback","evidence_complete"],"name":"ce-test","role":"ce","target_u6":null,"trend_min_drop_u6":1,"trend_points":3},"policy_id":"d79a8153b4c0af33c5b7d32aabdcdcf39002a5ff7a9a09b921511eaab4121c25","stage":"ce"}');
INSERT INTO "events" VALUES(95,'8b807d432474dccf7683dc3a4546462e36e40be35aff4df845397f1c0ab62a84','3ddd397a262e481e0025d7e68369bf9e707df7973a6305757a23bbc0b47d22c0','2026-02-14T20:00:00.003Z','run_recorded','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"config_id":"8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173","mode":"ce_baseline","origin":"planned","seed":7}');
INSERT INTO "events" VALUES(96,'3ddd397a262e481e0025d7e68369bf9e707df7973a6305757a23bbc0b47d22c0','2cbb51d46ca5fd6e96c26a82e01e2228ec03de6dab08c85f1e7dadfa178df328','2026-02-14T20:00:00.003Z','member_recorded','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"archival":0,"campaign_id":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","is_slice":0,"name":"fell","ordinal":7,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215","stage":"ce","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(97,'2cbb51d46ca5fd6e96c26a82e01e2228ec03de6dab08c85f1e7dadfa178df328','b9a9d3628b0adf8c971f82615140c1bffdef45b4d6c98d76cd126b3ab2163c6c','2026-02-14T20:00:00.004Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":1,"bundle":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","dispatch_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","event":"place","from":"planned","host":"h100","placed_at":"2026-02-14T20:00:00.004Z","to":"staging"}');
INSERT INTO "events" VALUES(98,'b9a9d3628b0adf8c971f82615140c1bffdef45b4d6c98d76cd126b3ab2163c6c','01bf1cc2f678e4ed2471c853ad920949df3b8535647b3169e69391dc8b64f7d6','2026-02-14T20:00:00.005Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":1,"event":"started","from":"staging","started_at":"2026-02-14T20:00:00.005Z","to":"running"}');
INSERT INTO "events" VALUES(99,'01bf1cc2f678e4ed2471c853ad920949df3b8535647b3169e69391dc8b64f7d6','849694331f70a76240d06d5228dbc626ce457379440fc90f7f22155d182406d0','2026-02-14T20:00:00.006Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":1,"ended_at":"2026-02-14T20:00:00.006Z","event":"ended","exit_json":"12be39fdea3651a12e0975c46c3d4981ae2def5381bc7b330109e36221bb43c4","from":"running","outcome":"oom","to":"collecting"}');
INSERT INTO "events" VALUES(100,'849694331f70a76240d06d5228dbc626ce457379440fc90f7f22155d182406d0','de2c0a2827418e2a52c124cf1bed3c8085bd21b5a88a19303988a51484223436','2026-02-14T20:00:00.007Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":1,"event":"judged","finished_at":"2026-02-14T20:00:00.007Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(101,'de2c0a2827418e2a52c124cf1bed3c8085bd21b5a88a19303988a51484223436','4ad3a3a388ad38d8921abc5b8403cd41a55e33d723e8823ccbad579ab191dbc5','2026-02-14T20:00:00.008Z','attempt_planned','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":2,"override_json":"{\"reason\":\"oom_fallback\",\"spec\":{\"data\":{\"microbatch_sequences\":4}}}","reason":"out of memory"}');
INSERT INTO "events" VALUES(102,'4ad3a3a388ad38d8921abc5b8403cd41a55e33d723e8823ccbad579ab191dbc5','43f16ff3b862622f1def57c7033d4c5e52808dd70fde6ea3e52260a0e0124baa','2026-02-14T20:00:00.009Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":2,"bundle":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","dispatch_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","event":"place","from":"planned","host":"h100","placed_at":"2026-02-14T20:00:00.009Z","to":"staging"}');
INSERT INTO "events" VALUES(103,'43f16ff3b862622f1def57c7033d4c5e52808dd70fde6ea3e52260a0e0124baa','a47ac47bb4813de891dc94c4a7fb492f7cab6add628f082322c4831b6a62115b','2026-02-14T20:00:00.010Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":2,"event":"started","from":"staging","started_at":"2026-02-14T20:00:00.010Z","to":"running"}');
INSERT INTO "events" VALUES(104,'a47ac47bb4813de891dc94c4a7fb492f7cab6add628f082322c4831b6a62115b','c8b8d2cceb247626996c2085d3ddc4e8e3861c70f24d389f132d8881933e1a9c','2026-02-14T20:00:00.011Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":2,"ended_at":"2026-02-14T20:00:00.011Z","event":"ended","exit_json":"12be39fdea3651a12e0975c46c3d4981ae2def5381bc7b330109e36221bb43c4","from":"running","outcome":"oom","to":"collecting"}');
INSERT INTO "events" VALUES(105,'c8b8d2cceb247626996c2085d3ddc4e8e3861c70f24d389f132d8881933e1a9c','a96e13a78ecb974b4bc4e517232bf11c8f6887735ebe298b5d02f01dc40c25c2','2026-02-14T20:00:00.012Z','attempt_moved','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"attempt_no":2,"event":"judged","finished_at":"2026-02-14T20:00:00.012Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(106,'a96e13a78ecb974b4bc4e517232bf11c8f6887735ebe298b5d02f01dc40c25c2','9251238550a7dee761690f7276200bff9102ff3f37e6beb1d355fa1158529382','2026-02-14T20:00:00.013Z','run_recorded','42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd','{"config_id":"8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173","mode":"ce_baseline","origin":"planned","seed":8}');
INSERT INTO "events" VALUES(107,'9251238550a7dee761690f7276200bff9102ff3f37e6beb1d355fa1158529382','6734c7375113b78ee5d74dd0423bfc300f941617def8f151aa47d339fa484070','2026-02-14T20:00:00.013Z','member_recorded','42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd','{"archival":0,"campaign_id":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","is_slice":0,"name":"over","ordinal":8,"provisional":0,"reference_run_id":null,"role":"ce","run_id":"42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd","stage":"ce","teacher_run_id":null,"twin_run_id":null}');
INSERT INTO "events" VALUES(108,'6734c7375113b78ee5d74dd0423bfc300f941617def8f151aa47d339fa484070','f9d0442f9846f205a2abcfa9d4db19c8aace110cecd415c6eee648ae7af51f96','2026-02-14T20:00:00.014Z','attempt_moved','42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd','{"attempt_no":1,"bundle":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","dispatch_sha256":"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd","event":"place","from":"planned","host":"h100","placed_at":"2026-02-14T20:00:00.014Z","to":"staging"}');
INSERT INTO "events" VALUES(109,'f9d0442f9846f205a2abcfa9d4db19c8aace110cecd415c6eee648ae7af51f96','562aae9d86ea64d33a71a17c0d36e1e742c09c400f81fd1077e9ce4aa22aac9c','2026-02-14T20:00:00.015Z','attempt_moved','42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd','{"attempt_no":1,"event":"started","from":"staging","started_at":"2026-02-14T20:00:00.015Z","to":"running"}');
INSERT INTO "events" VALUES(110,'562aae9d86ea64d33a71a17c0d36e1e742c09c400f81fd1077e9ce4aa22aac9c','2236e974a14189537fa1ed4e4e3944820b0700b81c8adeedbf189c8da9d2e378','2026-02-14T20:00:00.016Z','attempt_moved','42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd','{"attempt_no":1,"ended_at":"2026-02-14T20:00:00.016Z","event":"ended","exit_json":"12be39fdea3651a12e0975c46c3d4981ae2def5381bc7b330109e36221bb43c4","from":"running","outcome":"jit_crash","to":"collecting"}');
INSERT INTO "events" VALUES(111,'2236e974a14189537fa1ed4e4e3944820b0700b81c8adeedbf189c8da9d2e378','a485863e94c2cfc5bc6728f8ad921f8df25be0437f1587172c11d8f38071d3c2','2026-02-14T20:00:00.017Z','attempt_moved','42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd','{"attempt_no":1,"event":"judged","finished_at":"2026-02-14T20:00:00.017Z","from":"collecting","to":"finished"}');
INSERT INTO "events" VALUES(112,'a485863e94c2cfc5bc6728f8ad921f8df25be0437f1587172c11d8f38071d3c2','f395d68552bb92095da154d650b00ce43a708ffaa9b041476b768ac4c9390f0e','2026-02-14T20:00:00.018Z','host_observed','h100','{"fact_no":1,"facts_sha256":"645d7579770faf695ffd0a64b643fe16799f8b46c48126521dcc58083378b0c1"}');
INSERT INTO "events" VALUES(113,'f395d68552bb92095da154d650b00ce43a708ffaa9b041476b768ac4c9390f0e','48d0de60a302a6042cc864585dbeef4446fbbbe939e67262fda62beece98ebe2','2026-02-14T20:00:00.019Z','host_observed','h100','{"fact_no":2,"facts_sha256":"7858dacfe1b51a7a317a84ca3f24814c0db7f488eed277850a24e421966f2d40"}');
INSERT INTO "events" VALUES(114,'48d0de60a302a6042cc864585dbeef4446fbbbe939e67262fda62beece98ebe2','fae9a968085d92b6fe442e09fdbe84e3523f1df91077558b9ac124162694f4a3','2026-02-14T20:00:00.020Z','asset_named','teacher','{"kind":"checkpoint","naming_no":1,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size_bytes":1}');
INSERT INTO "events" VALUES(115,'fae9a968085d92b6fe442e09fdbe84e3523f1df91077558b9ac124162694f4a3','a74bfe2ec70affec3f9af76dd1941e8ccefb6eb5cf8351bd40b3b7d8ffc561d7','2026-02-14T20:00:00.021Z','asset_named','teacher','{"kind":"checkpoint","naming_no":2,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","size_bytes":2}');
INSERT INTO "events" VALUES(116,'a74bfe2ec70affec3f9af76dd1941e8ccefb6eb5cf8351bd40b3b7d8ffc561d7','dddd6049dc25fa49f89e9334c1ed9532bdd51dac72f51f16c95bbcad24667b17','2026-02-14T20:00:00.023Z','lane_fallback','7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"from":"h100","to":"gb10"}');
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
INSERT INTO "evidence" VALUES('1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":5,"mode":"teacher","name":"teacher_budget_L12_H6_D8_155_20260214T203704Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',62);
INSERT INTO "evidence" VALUES('24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":4,"mode":"teacher","name":"student3l_ce_ckpt_20260214T014707Z_student3l_ce"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',55);
INSERT INTO "evidence" VALUES('39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":7,"mode":"teacher","name":"teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',76);
INSERT INTO "evidence" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'sealed','{"_type":"https://in-toto.io/Statement/v1","contract":"v1","predicate":{"buildDefinition":{"buildType":"https://kdorch.dev/run/v1","externalParameters":{"attempt":1,"dispatch_sha256":"07f0c40059f27c16fc5285e9c3bee4ea0fb93de58029f43d5d696b495a83dc34","run_id":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d","spec_sha256":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d"},"internalParameters":{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null},"resolvedDependencies":[{"digest":{"sha256":"14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4"},"name":"bundle"}]},"runDetails":{"builder":{"id":"local"},"byproducts":[{"content":{"cpu_system_s":0.005,"cpu_user_s":0.099,"killed_processes":0,"load":{"cores":2,"loadavg_1m":4.72,"other_cpu_fraction":0.7778,"other_cpu_fraction_peak":0.7727},"max_rss_kib":17936,"wall_ms":216},"name":"usage"}],"metadata":{"finishedOn":"2026-11-21T12:48:59.753Z","invocationId":"561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d/1","startedOn":"2026-11-21T12:48:59.512Z"}}},"predicateType":"https://slsa.dev/provenance/v1","subject":[{"annotations":{"size_bytes":55},"digest":{"sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f"},"name":"checkpoints/best.bin"},{"annotations":{"size_bytes":55},"digest":{"sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f"},"name":"checkpoints/last.bin"},{"annotations":{"size_bytes":323},"digest":{"sha256":"3e3bd0ba5e1b12c0ef55f1e045ce5d9e3f560dee346c45a89e56a7f1e0236230"},"name":"claim.json"},{"annotations":{"size_bytes":540},"digest":{"sha256":"07f0c40059f27c16fc5285e9c3bee4ea0fb93de58029f43d5d696b495a83dc34"},"name":"dispatch.json"},{"annotations":{"size_bytes":277},"digest":{"sha256":"4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880"},"name":"environment.json"},{"annotations":{"size_bytes":318},"digest":{"sha256":"b9be120d643f6e3b1ac0284ad48bc723eda5c8fe047dc808f199e160770971bb"},"name":"started.json"},{"annotations":{"size_bytes":325},"digest":{"sha256":"fa4fc14ca44c5760575f44ac49c7c46f9707f0c8b230af890927a00858035535"},"name":"status.json"},{"annotations":{"size_bytes":6367},"digest":{"sha256":"5e4057b9e029312ef111834b4569ac1621aed72089d80cd2439fd4f5aae8d1de"},"name":"train.log"}]}
','evidence/561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d/1','2026-11-21T12:49:00.927Z',19);
INSERT INTO "evidence" VALUES('56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":6,"mode":"teacher","name":"teacher_budget_L3_H6_D128_250_20260214T204116Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',69);
INSERT INTO "evidence" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',1,'sealed','{"_type":"https://in-toto.io/Statement/v1","contract":"v1","predicate":{"buildDefinition":{"buildType":"https://kdorch.dev/run/v1","externalParameters":{"attempt":1,"dispatch_sha256":"2e4266ea0a720db412141352b3eaf24ecd370ee7a7ff1abd5a819419a1bf4385","run_id":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec","spec_sha256":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec"},"internalParameters":{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null},"resolvedDependencies":[{"digest":{"sha256":"14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4"},"name":"bundle"},{"digest":{"sha256":"a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f"},"name":"teacher checkpoint"}]},"runDetails":{"builder":{"id":"local"},"byproducts":[{"content":{"cpu_system_s":0.013,"cpu_user_s":0.098,"killed_processes":0,"load":{"cores":2,"loadavg_1m":4.72,"other_cpu_fraction":0.8136,"other_cpu_fraction_peak":0.8036},"max_rss_kib":17928,"wall_ms":270},"name":"usage"}],"metadata":{"finishedOn":"2026-11-21T12:49:01.483Z","invocationId":"32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec/1","startedOn":"2026-11-21T12:49:01.186Z"}}},"predicateType":"https://slsa.dev/provenance/v1","subject":[{"annotations":{"size_bytes":57},"digest":{"sha256":"7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e"},"name":"checkpoints/best.bin"},{"annotations":{"size_bytes":57},"digest":{"sha256":"7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e"},"name":"checkpoints/last.bin"},{"annotations":{"size_bytes":323},"digest":{"sha256":"42c1eedd900b52827009b7d7edae14a7468228aeadcdc172e79629a7366842e3"},"name":"claim.json"},{"annotations":{"size_bytes":719},"digest":{"sha256":"2e4266ea0a720db412141352b3eaf24ecd370ee7a7ff1abd5a819419a1bf4385"},"name":"dispatch.json"},{"annotations":{"size_bytes":277},"digest":{"sha256":"4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880"},"name":"environment.json"},{"annotations":{"size_bytes":318},"digest":{"sha256":"72a1c894ec4105275b898d23c90463fff4a8486b588ef2799a5911352c1abc57"},"name":"started.json"},{"annotations":{"size_bytes":326},"digest":{"sha256":"bd385f4245633ab9cbcc1bf98abe0d9a14d5b66b58ff6be992e5047b4e71e538"},"name":"status.json"},{"annotations":{"size_bytes":8837},"digest":{"sha256":"e25f68fb4bfbdab7782328bdd6fe32122a7a6e4c47bb92c83b6b0ea4709acdc4"},"name":"train.log"}]}
','evidence/32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec/1','2026-11-21T12:49:02.447Z',31);
INSERT INTO "evidence" VALUES('a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":3,"mode":"teacher","name":"teacher25m_ce_20260213T2241Z_teacher25m_ce"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',48);
INSERT INTO "evidence" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',1,'sealed','{"_type":"https://in-toto.io/Statement/v1","contract":"v1","predicate":{"buildDefinition":{"buildType":"https://kdorch.dev/run/v1","externalParameters":{"attempt":1,"dispatch_sha256":"eafa44c72f617eb95d251e473bb97d7e599081e2a2ffa09d4c61897f21171536","run_id":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4","spec_sha256":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4"},"internalParameters":{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null},"resolvedDependencies":[{"digest":{"sha256":"14092f8c3933135c6436a2aec15700df92bd5ed60de9feff4ebfc57b6cf817c4"},"name":"bundle"}]},"runDetails":{"builder":{"id":"local"},"byproducts":[{"content":{"cpu_system_s":0.042,"cpu_user_s":0.08,"killed_processes":0,"load":{"cores":2,"loadavg_1m":4.72,"other_cpu_fraction":0.807,"other_cpu_fraction_peak":0.7963},"max_rss_kib":18328,"wall_ms":248},"name":"usage"}],"metadata":{"finishedOn":"2026-11-21T12:48:58.286Z","invocationId":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4/1","startedOn":"2026-11-21T12:48:58.001Z"}}},"predicateType":"https://slsa.dev/provenance/v1","subject":[{"annotations":{"size_bytes":57},"digest":{"sha256":"0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652"},"name":"checkpoints/best.bin"},{"annotations":{"size_bytes":57},"digest":{"sha256":"0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652"},"name":"checkpoints/last.bin"},{"annotations":{"size_bytes":323},"digest":{"sha256":"9c86d9c9e945895b44a5c588e311fb3f9acae7339b72c9e4fd754597f2381486"},"name":"claim.json"},{"annotations":{"size_bytes":540},"digest":{"sha256":"eafa44c72f617eb95d251e473bb97d7e599081e2a2ffa09d4c61897f21171536"},"name":"dispatch.json"},{"annotations":{"size_bytes":277},"digest":{"sha256":"4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880"},"name":"environment.json"},{"annotations":{"size_bytes":318},"digest":{"sha256":"588768386dce4aa3c60fdbe31fbad46582962b9da0cf8a7908e42cc8b784ccd8"},"name":"started.json"},{"annotations":{"size_bytes":327},"digest":{"sha256":"1c8c4a7e64670d793c8061bbf718935c1bee569ae8345db7eb107d307f1b452b"},"name":"status.json"},{"annotations":{"size_bytes":8769},"digest":{"sha256":"bc9e9a0108b5d5e1f92d68c0946d16473df52595bbc48e566c341eb4f9aceeb0"},"name":"train.log"}]}
','evidence/d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4/1','2026-11-21T12:48:59.382Z',11);
INSERT INTO "evidence" VALUES('dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":8,"mode":"teacher_slice","name":"teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',83);
INSERT INTO "evidence" VALUES('f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":2,"mode":"ce_baseline","name":"aadab377-e981-419d-907b-470c4e770f33"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',41);
INSERT INTO "evidence" VALUES('fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',1,'csv','{"_type":"https://in-toto.io/Statement/v1","predicate":{"line":9,"mode":"teacher","name":"teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z"},"predicateType":"https://kdorch.dev/import/v1","subject":[{"annotations":{"size_bytes":979},"digest":{"sha256":"f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce"},"name":"ledger_of_record.csv"}]}','evidence/imported/f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce','2026-11-21T12:49:07.229Z',90);
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
INSERT INTO "evidence_files" VALUES('1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','checkpoints/best.bin','a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f',55);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','checkpoints/last.bin','a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f',55);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','claim.json','3e3bd0ba5e1b12c0ef55f1e045ce5d9e3f560dee346c45a89e56a7f1e0236230',323);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','dispatch.json','07f0c40059f27c16fc5285e9c3bee4ea0fb93de58029f43d5d696b495a83dc34',540);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','environment.json','4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880',277);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','started.json','b9be120d643f6e3b1ac0284ad48bc723eda5c8fe047dc808f199e160770971bb',318);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','status.json','fa4fc14ca44c5760575f44ac49c7c46f9707f0c8b230af890927a00858035535',325);
INSERT INTO "evidence_files" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','train.log','5e4057b9e029312ef111834b4569ac1621aed72089d80cd2439fd4f5aae8d1de',6367);
INSERT INTO "evidence_files" VALUES('56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','checkpoints/best.bin','7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e',57);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','checkpoints/last.bin','7dd6683ab38b96fb5a02242d9d3509a511fc37c954bfa8aa6b104db8844dde6e',57);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','claim.json','42c1eedd900b52827009b7d7edae14a7468228aeadcdc172e79629a7366842e3',323);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','dispatch.json','2e4266ea0a720db412141352b3eaf24ecd370ee7a7ff1abd5a819419a1bf4385',719);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','environment.json','4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880',277);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','started.json','72a1c894ec4105275b898d23c90463fff4a8486b588ef2799a5911352c1abc57',318);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','status.json','bd385f4245633ab9cbcc1bf98abe0d9a14d5b66b58ff6be992e5047b4e71e538',326);
INSERT INTO "evidence_files" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','train.log','e25f68fb4bfbdab7782328bdd6fe32122a7a6e4c47bb92c83b6b0ea4709acdc4',8837);
INSERT INTO "evidence_files" VALUES('a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','ledger_of_record.csv','f2ab10853fb2ed83fef60f652e00f98de6fafc911bf63a8b682f74378bf6bcce',979);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','checkpoints/best.bin','0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652',57);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','checkpoints/last.bin','0d833984c25dbd3841724ba12c1ae6f09f7a6d9eda15af0d73bf257fdb29b652',57);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','claim.json','9c86d9c9e945895b44a5c588e311fb3f9acae7339b72c9e4fd754597f2381486',323);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','dispatch.json','eafa44c72f617eb95d251e473bb97d7e599081e2a2ffa09d4c61897f21171536',540);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','environment.json','4c751775b3030bb8541190a14fa8c6ab5bf22d003ae5f779dbc0dc3c3c3fd880',277);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','started.json','588768386dce4aa3c60fdbe31fbad46582962b9da0cf8a7908e42cc8b784ccd8',318);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','status.json','1c8c4a7e64670d793c8061bbf718935c1bee569ae8345db7eb107d307f1b452b',327);
INSERT INTO "evidence_files" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','train.log','bc9e9a0108b5d5e1f92d68c0946d16473df52595bbc48e566c341eb4f9aceeb0',8769);
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
INSERT INTO "host_facts" VALUES('h100',1,'2026-02-14T20:00:00.018Z','{"torch":"2.9"}',112);
INSERT INTO "host_facts" VALUES('h100',2,'2026-02-14T20:00:00.019Z','{"torch":"2.10"}',113);
CREATE TABLE host_reachability (
    host TEXT NOT NULL PRIMARY KEY,
    reachable INTEGER NOT NULL,
    since TEXT NOT NULL,
    checked_at TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT ck_host_reachability CHECK (reachable IN (0, 1) AND length(host) BETWEEN 1 AND 200 AND length(detail) <= 4096)
) STRICT, WITHOUT ROWID;
INSERT INTO "host_reachability" VALUES('local',1,'2026-11-21T12:48:57.927Z','2026-11-21T12:48:57.927Z','');
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
INSERT INTO "measurements" VALUES('1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','csv/1',1,NULL,NULL,32917,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,155,NULL,432,6473500,6473500,NULL,NULL,NULL,14830000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','csv/1',1,NULL,NULL,184101,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,1000,NULL,329,3942900,NULL,NULL,NULL,NULL,489555000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','csv/1',1,NULL,NULL,56620,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,250,NULL,639,4069000,4069000,NULL,NULL,NULL,296389000,'{"asserted":{"checkpoint_ready":true}}','{}');
INSERT INTO "measurements" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',0,1,0,75,NULL,1,3605800,2859500,2460100,NULL,'79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c',4,75,75,6232,2460100,2460100,1.0,1.0,216,NULL,'{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null}
','{"cpu_system_s": 0.005, "cpu_user_s": 0.099, "killed_processes": 0, "load": {"cores": 2, "loadavg_1m": 4.72, "other_cpu_fraction": 0.7778, "other_cpu_fraction_peak": 0.7727}, "max_rss_kib": 17936, "wall_ms": 216}');
INSERT INTO "measurements" VALUES('56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','csv/1',1,NULL,NULL,66542,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,250,NULL,534,4068600,4068600,NULL,NULL,NULL,296389000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','modded-nanogpt/1',0,1,0,1000,NULL,1,3174800,2460100,2246300,2131800,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',5,100,100,8696,2131800,2131800,10.0,10.0,270,NULL,'{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null}
','{"cpu_system_s": 0.013, "cpu_user_s": 0.098, "killed_processes": 0, "load": {"cores": 2, "loadavg_1m": 4.72, "other_cpu_fraction": 0.8136, "other_cpu_fraction_peak": 0.8036}, "max_rss_kib": 17928, "wall_ms": 270}');
INSERT INTO "measurements" VALUES('a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','csv/1',1,NULL,NULL,362472,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,1555,NULL,227,3872100,4050000,NULL,NULL,NULL,163448000,'{"asserted":{"checkpoint_ready":false}}','{}');
INSERT INTO "measurements" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1',0,1,0,1000,NULL,1,3605800,2859500,2460100,2246300,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',5,100,100,8628,2246300,2246300,10.0,10.0,248,NULL,'{"attention_backend":null,"compiled":false,"contract":"v1","corpus_sha256":null,"cuda":null,"device":"cpu","driver":null,"gpu_model":null,"numpy":null,"oom_fallback":false,"parameters":null,"precision":"fp32","python":"3.11.7","teacher_eval_val":null,"threads":1,"torch":null}
','{"cpu_system_s": 0.042, "cpu_user_s": 0.08, "killed_processes": 0, "load": {"cores": 2, "loadavg_1m": 4.72, "other_cpu_fraction": 0.807, "other_cpu_fraction_peak": 0.7963}, "max_rss_kib": 18328, "wall_ms": 248}');
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
INSERT INTO "promotions" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'promote','candidate','2026-11-21T12:49:00.987Z',23);
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
INSERT INTO "resolutions" VALUES('d672ae4e45b9346788c427e7755f048698af4840f3c1fd44925a6fb2b76f0a56','1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers.best','["561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d"]','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','a46ab5d54c1f9769ff04c219923e95b288cc6ee4b787dc4c6955c62e6900f73f',2460100,'lowest final validation loss (2.4601) of 1 admitted among 1','2026-11-21T12:49:00.971Z',22);
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
INSERT INTO "runs" VALUES('03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','{"imported":"student3l_ce_ckpt_20260214T014707Z_student3l_ce","mode":"teacher"}','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499','teacher',0,'imported','2026-11-21T12:49:07.229Z');
INSERT INTO "runs" VALUES('32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":100,"kd":{"alpha":0.5,"apply_every":1,"backend":"auto","cache":null,"divergence":"exact","dynamic_norm":"lagged","microbatches":null,"norm_max":10,"samples":50,"stop":{"margin":0.05,"max_fraction":1,"min_step":25,"mode":"val_margin","sign":1},"teacher":{"admitted":{"budget":{"fraction":"0.1","of":"d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4"},"gates":["budget","val_trend","no_oom_fallback","evidence_complete"],"target":null,"trend_min_drop_u6":1,"trend_points":3},"among":["561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d"],"by":"final_val","from":"teachers.best"},"teacher_logits":"live","temperature":1,"token_chunk":null,"token_stride":1,"topk":64},"mode":"kd","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":0,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0.5,"noise":0,"real_step_ms":0,"step_ms":10,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','43f728ed8279df62fa698e6ba300c2dbeed82449fac45c54383982677f57b380','kd',0,'planned','2026-11-21T12:49:01.031Z');
INSERT INTO "runs" VALUES('42cc1ef0dd4e317c4aa8b8b6bd1356eddb7667508739063caea54ed5bb6dc7fd','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":100,"kd":null,"mode":"ce","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":8,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0,"noise":0,"real_step_ms":0,"step_ms":10,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173','ce_baseline',8,'planned','2026-02-14T20:00:00.013Z');
INSERT INTO "runs" VALUES('4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','{"imported":"teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z","mode":"teacher"}','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53','teacher',0,'imported','2026-11-21T12:49:07.229Z');
INSERT INTO "runs" VALUES('561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":75,"kd":null,"mode":"ce","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":0,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0,"noise":0,"real_step_ms":0,"step_ms":1,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','3f591b7d4e25dba5a667e9d28e1f0233b1d4f854af3f50b40ed509169322daac','teacher',0,'planned','2026-11-21T12:48:57.429Z');
INSERT INTO "runs" VALUES('6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','{"imported":"aadab377-e981-419d-907b-470c4e770f33","mode":"ce_baseline"}','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4','ce_baseline',0,'imported','2026-11-21T12:49:07.229Z');
INSERT INTO "runs" VALUES('7219157123b75cbd341d926f7eb45a4d5e5616b0e2e367c7c58f9c4e7a7fc215','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":100,"kd":null,"mode":"ce","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":7,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0,"noise":0,"real_step_ms":0,"step_ms":10,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173','ce_baseline',7,'planned','2026-02-14T20:00:00.003Z');
INSERT INTO "runs" VALUES('88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','{"imported":"teacher25m_ce_20260213T2241Z_teacher25m_ce","mode":"teacher"}','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6','teacher',0,'imported','2026-11-21T12:49:07.229Z');
INSERT INTO "runs" VALUES('8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','{"imported":"teacher_budget_L12_H6_D8_155_20260214T203704Z","mode":"teacher"}','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7','teacher',0,'imported','2026-11-21T12:49:07.229Z');
INSERT INTO "runs" VALUES('b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','{"imported":"teacher_budget_L3_H6_D128_250_20260214T204116Z@slice177","mode":"teacher_slice"}','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7','teacher_slice',0,'imported','2026-11-21T12:49:07.229Z');
INSERT INTO "runs" VALUES('c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','{"imported":"teacher_budget_L3_H6_D128_250_20260214T204116Z","mode":"teacher"}','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2','teacher',0,'imported','2026-11-21T12:49:07.229Z');
INSERT INTO "runs" VALUES('d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4','{"checkpoint":{"every":0,"keep_best":true},"compile":false,"contract":"v1","data":{"batch_sequences":16,"corpus":"python-stdlib","microbatch_sequences":null,"sequence_length":64,"sha256":null,"tokenizer":null,"train":null,"validation":null},"entry":"simulated","horizon":100,"kd":null,"mode":"ce","model":{"head_dim":32,"heads":4,"layers":4,"mlp_ratio":4,"model_dim":128,"real_vocab":null,"softcap":15,"softcap_scale":0,"softcap_shift":0,"tied_embeddings":false,"vocab_size":256},"needs":{"gpus":0},"optimizer":{"beta1":0.9,"beta2":0.95,"grad_clip":1,"kind":"muon","lr":0.002,"muon_lr":0.02,"weight_decay":0},"precision":"fp32","schedule":{"boost":1,"cooldown":0,"drop_to_base":0,"finish":1,"finish_ramp_steps":25,"floor":0.1,"hold":0,"warmup_steps":0},"seed":0,"simulated":{"boost_gain":0,"decay_steps":40,"exit_code":3,"fault":"none","fault_step":0,"kd_gain":0,"noise":0,"real_step_ms":0,"step_ms":10,"val_floor":2,"val_start":5},"stop_at_target":null,"threads":0,"validation":{"every":25,"sequences":256}}','8d54e922d7bb17dade5b0bfc5838ced03e621273163a77ed4d5b73823efd0173','ce_baseline',0,'planned','2026-11-21T12:48:57.417Z');
INSERT INTO "runs" VALUES('f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','{"imported":"teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z","mode":"teacher"}','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83','teacher',0,'imported','2026-11-21T12:49:07.229Z');
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
INSERT INTO "stage_policies" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','arms','8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da','2026-11-21T12:49:01.052Z',26);
INSERT INTO "stage_policies" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','base','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783','2026-11-21T12:48:57.441Z',6);
INSERT INTO "stage_policies" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers','a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467','2026-11-21T12:48:59.444Z',14);
INSERT INTO "stage_policies" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','ce','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783','2026-11-21T12:49:07.229Z',35);
INSERT INTO "stage_policies" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2','2026-11-21T12:49:07.229Z',36);
INSERT INTO "stage_policies" VALUES('dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','ce','d79a8153b4c0af33c5b7d32aabdcdcf39002a5ff7a9a09b921511eaab4121c25','2026-02-14T20:00:00.002Z',94);
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
INSERT INTO "validations" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',0,0,5000000,0,0);
INSERT INTO "validations" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',1,25,3605800,25,2064);
INSERT INTO "validations" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',2,50,2859500,50,4148);
INSERT INTO "validations" VALUES('513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',3,75,2460100,75,6232);
INSERT INTO "validations" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','modded-nanogpt/1',0,0,5000000,0,0);
INSERT INTO "validations" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','modded-nanogpt/1',1,25,3174800,250,2140);
INSERT INTO "validations" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','modded-nanogpt/1',2,50,2460100,500,4302);
INSERT INTO "validations" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','modded-nanogpt/1',3,75,2246300,750,6532);
INSERT INTO "validations" VALUES('638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','modded-nanogpt/1',4,100,2131800,1000,8696);
INSERT INTO "validations" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1',0,0,5000000,0,0);
INSERT INTO "validations" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1',1,25,3605800,250,2140);
INSERT INTO "validations" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1',2,50,2859500,500,4302);
INSERT INTO "validations" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1',3,75,2460100,750,6464);
INSERT INTO "validations" VALUES('ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1',4,100,2246300,1000,8628);
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
INSERT INTO "verdicts" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','arms','32964c0febe754018e6080237f616feda577bac7decdd07716836c67c5816aec',1,'kd','8151c3d7958539d93a9e0f11303d50cec21f14306562c28b36adbc7a6fb245da',63,100,3,1,2460100,'638df347371e4dfb8d1b5376e38ebad60796c4daff2a9b96f6b1a92ce0b6c5e4','modded-nanogpt/1',0,1,0,1,3174800,2460100,2246300,2131800,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d','513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',75,'ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1','28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',75,NULL,2,'2026-11-21T12:49:02.447Z',33);
INSERT INTO "verdicts" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','teachers','561266e1119e1b12f250ba696a3bed3741d61cf63f0f5fc6659689280880a24d',1,'teacher','a82efd5a8848e4704e284a27532e4567ddde4a66c9ecf457acf84cf54ab61467',15,100,3,1,NULL,'513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',0,1,0,1,3605800,2859500,2460100,NULL,'79f52ce762757154d4b7b3502dd7b4f6d74e38efa4207a55578b487f21dfee6c','513a0500924ec823ed7399a999da13ad54aebbae43d91841240712fc5f0c099f','modded-nanogpt/1',75,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:00.927Z',21);
INSERT INTO "verdicts" VALUES('1f597050e3790c837e66dcddbb8692a65ad029b94dfc46cfab6d8ce4c5f2605a','base','d12f174ba0e38021dac4b1987f35fb3e1bd574df39ebed6f5a24aaf0800c1ba4',1,'ce','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783',14,NULL,3,1,NULL,'ceef2a1a21556bab041d9ce16b593680a6696f08c64de3b15d165f3ab8c874ed','modded-nanogpt/1',0,1,0,1,3605800,2859500,2460100,2246300,'28004239b3c3108981c8d0f1fad6b960b54bd27320e6a83336ea8e5e99e2574d',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:48:59.382Z',13);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','03882f46388e1b3815db633747db9d1b93162ff80c3657eebfb0deeb8a95f499',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'24573082ff318bfa606ac58ded0ab496c4d5e07644cd0070512992466ab01e7f','csv/1',184101,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',57);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','4619096ae86fe81390b94729f8b7cb89a6211e0c6c5e40f3bf08f67202414c53',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'fd60a286ab8b71f1c2051e601acbc6f1109b895a5fbf312e40dac3b4f8243610','csv/1',39767,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',92);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','ce','6224f10be1486c2b08749d99d8ffe4e4b08c454844818ba0a126202f2c8387b4',1,'ce','ef2144b1f59304f8a8831995f496de093f351482d1a72a437d8a54c9c85ba783',14,NULL,3,1,NULL,'f21187023a6dc4078a93e89d9815d92f7eaf61dcbf5a5bab55af17988cdf360a','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',43);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','88977f93e958932228c804180014cf3005c0845f0a21d5fffe907f02226881c6',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'a79ca33e96f59f2f3b994d820ab0451d1e3fbce67d4b6d0948948625e98dfb28','csv/1',362472,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',50);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','8a61ad9a1dbe78597550fab5724f21a87d9ce545dda43fff09e13e1e272c71a7',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'1858c36d8108718d5aeda59e448633660c4bae1857563cabf18891a4c33351e1','csv/1',32917,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',64);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','b52e91d8a9c74c179ebcca21d651d405a747a831d2caed66f0d86ded46e96cd7',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'dd35890f2a5b9eb8e4995ef8d3e2a5802f438377d799fa27d1c72468cef5a770','csv/1',34539,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',85);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','c47b7434b4b7a28b19f3da5b61b41401966a98b1861053e157e4398adb8ecaa2',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'56e7965992a6c88b30636a7997ae298372004a096f8350da09715419a6d2e3c7','csv/1',66542,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',71);
INSERT INTO "verdicts" VALUES('46e4079fc55b306685a7a4a317810cfdb0a6d2a1915f4d002363b14a9c18a815','teachers','f318b0f973204b85dc2dc2ee346ea11f0d05bfbe0edfe3ea453a779582b6ec83',1,'teacher','8306321a40cf38b10a5f80686dadd5cd4e97fe08695237d538f4a1175c089fc2',15,69402,3,1,NULL,'39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','csv/1',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'39a0f7923ab4531da34a1317d16e9e2479b260c2d04c8d2a80b956a747a9a087','csv/1',56620,NULL,NULL,NULL,NULL,NULL,2,'2026-11-21T12:49:07.229Z',78);
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
