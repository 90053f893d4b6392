-- sweep.db, schema version 4 (db/store.h kSchemaVersion). Everything but fit, multiplier, verdict and source is a
-- copy of what lies in the run directories and can be rebuilt from them (aunet ingest --rebuild).
-- Documented in db/README.md.
--
-- Units: FLOPs are training FLOPs, cumulative over the run where a step holds them; bytes are UTF-8 text
-- bytes without marks; units are what the model predicts (bytes or tokens, marks included); seconds are
-- wall time; loss_nats is per unit, loss_bpb bits per text byte. Missing is NULL, never 0. NaN and
-- infinities are NULL.

-- One row per plan file RUNS/plans/NAME.json.
CREATE TABLE sweep (
  plan            TEXT PRIMARY KEY,   -- absolute path of the file
  name            TEXT NOT NULL,
  content_hash    TEXT NOT NULL,      -- of the file as ingested
  notes           TEXT                -- JSON array of strings
) WITHOUT ROWID;

-- A key as a cell of a sweep: planned numbers. What was spent is in run.
CREATE TABLE cell (
  plan            TEXT NOT NULL REFERENCES sweep(plan),
  position        INTEGER NOT NULL,   -- order in the plan; excluded cells follow the others
  sweep           TEXT NOT NULL,
  key             TEXT,               -- NULL: an excluded cell that never got one
  family          TEXT,
  role            TEXT,               -- 'grid' | 'replicate' | 'tune'
  is_trial        INTEGER NOT NULL,   -- 1: the tuning rule used it
  budget_flops    REAL,               -- the grid's budget, by convention
  convention      TEXT,
  size_index      INTEGER,
  flops_paper     REAL,
  flops_useful    REAL,
  flops_executed  REAL,
  bytes           REAL,
  tokens          REAL,
  epochs          REAL,               -- largest over the training sources: drawn from it / its size
  unique_bytes    REAL,               -- different text bytes seen
  repeated        INTEGER,            -- 1: more than 4 epochs
  lr              REAL,
  lr_source       TEXT,
  batch_bytes     REAL,               -- per step
  inference_flops_per_byte REAL,
  memory_bytes    REAL,
  excluded        TEXT,               -- reason; NULL: part of the sweep
  row             TEXT NOT NULL,      -- the plan's JSON for the cell, whole
  PRIMARY KEY (plan, position)
) WITHOUT ROWID;
CREATE INDEX cell_key ON cell(key, sweep);

-- What a sweep is run for, as its plan wrote it down before the first run started.
CREATE TABLE claim (
  plan            TEXT NOT NULL REFERENCES sweep(plan),
  id              TEXT NOT NULL,
  sweep           TEXT NOT NULL,
  hash            TEXT NOT NULL,      -- of what is asserted and decides (config/claim.h)
  text            TEXT NOT NULL,      -- the claim's TOML, whole
  registered      TEXT NOT NULL,      -- ISO 8601 UTC
  PRIMARY KEY (plan, id)
) WITHOUT ROWID;

-- One row per run directory: what it is, how far it came.
CREATE TABLE run (
  key             TEXT PRIMARY KEY,
  directory       TEXT NOT NULL,
  run_toml        TEXT NOT NULL,      -- as resolved, whole
  canonical       TEXT,               -- what the key hashes; NULL when run.toml could not be read
  recomputed_key  TEXT,               -- of canonical under this binary: another one after a numerics change
  eval_key        TEXT,
  origin          TEXT,               -- sweep or experiment that made it
  family          TEXT,
  kind            TEXT,               -- 'aunet' | 'llama' | 'bytes'
  dims            TEXT,               -- width per stage: '32,64'
  layers          TEXT,               -- blocks per stage (of encoder and of decoder each)
  split_mode      TEXT,               -- AU-Net: 'causal' | 'official'
  params          INTEGER,
  params_non_embedding INTEGER,       -- without embedding table and head
  params_active   INTEGER,
  params_embedding INTEGER,
  budget_flops    REAL,
  convention      TEXT,
  flops_planned   REAL,               -- by convention
  context_bytes   INTEGER,
  windows         INTEGER,            -- horizon
  batch_windows   INTEGER,
  steps_planned   INTEGER,
  lr              REAL,               -- peak
  warmup          REAL,               -- share of the steps
  schedule        TEXT,               -- 'cosine' | 'wsd'
  tree            TEXT,               -- runs with one tree are bitwise equal until the shorter decays; NULL: alone
  parent_key      TEXT,               -- the steps up to parent_step were executed by this run; NULL: by itself
  parent_step     INTEGER,
  seed            INTEGER,            -- seeds.init
  seed_data       INTEGER,
  train_fingerprint     TEXT,
  heldout_fingerprint   TEXT,
  tokenizer_fingerprint TEXT,
  status          TEXT,               -- done, running, failed, stopped; NULL before the first attempt
  cause           TEXT,               -- of a bad end: nan, diverged, oom, disk, gate, crash,
                                      -- signal, config, preempted, timeout, journal
  message         TEXT,
  attempts        INTEGER NOT NULL DEFAULT 0,
  steps_executed  INTEGER NOT NULL DEFAULT 0,   -- over all attempts, repeated steps included
  last_step       INTEGER,            -- of the last record; the next six are its cumulative values
  bytes           INTEGER,
  units           INTEGER,
  flops_paper     REAL,
  flops_useful    REAL,
  flops_executed  REAL,
  train_seconds   REAL,               -- one pass over its own steps: a repeated step counts once
  wall_seconds    REAL NOT NULL DEFAULT 0       -- all executed steps
) WITHOUT ROWID;

-- One row per process that worked on a run.
CREATE TABLE attempt (
  key             TEXT NOT NULL,
  attempt         INTEGER NOT NULL,   -- 1, 2, ...
  started         TEXT,               -- ISO 8601 UTC
  from_step       INTEGER,            -- checkpoint it resumed from; 0: none
  from_run        TEXT,               -- key of the run whose checkpoint that was; NULL: its own
  host            TEXT,
  device          TEXT,
  pid             INTEGER,
  threads         INTEGER,
  "commit"        TEXT,
  dirty_diff_hash TEXT,
  torch_version   TEXT,
  command         TEXT,
  gpu             TEXT,               -- GPUs of the host in words; NULL on a CPU and in older journals
  driver          TEXT,               -- version of their driver
  libraries       TEXT,               -- compiler and libraries that may change a bit, with versions
  environment     TEXT,               -- variables that may change a run, "NAME=value" each
  steps_executed  INTEGER NOT NULL DEFAULT 0,
  seconds         REAL NOT NULL DEFAULT 0,
  end_status      TEXT,               -- NULL: killed, or still running
  end_cause       TEXT,
  end_message     TEXT,
  end_step        INTEGER,
  PRIMARY KEY (key, attempt)
) WITHOUT ROWID;

-- Training, a row a step. A step that several attempts executed has the last one's values.
CREATE TABLE step (
  key             TEXT NOT NULL,
  step            INTEGER NOT NULL,   -- from 1
  attempt         INTEGER NOT NULL,
  bytes           INTEGER,            -- cumulative, as the next four
  units           INTEGER,
  flops_paper     REAL,
  flops_useful    REAL,
  flops_executed  REAL,
  loss_nats       REAL,               -- training, of this step
  loss_bpb        REAL,
  lr              REAL,
  grad_norm       REAL,               -- before clipping
  seconds         REAL,
  PRIMARY KEY (key, step)
) WITHOUT ROWID;

-- Evaluations: the held-out one and those of [[eval]].
CREATE TABLE eval (
  key             TEXT NOT NULL,
  split           TEXT NOT NULL,      -- 'heldout', or the name of an [[eval]]
  eval_key        TEXT NOT NULL,      -- run, data, corruption and scorer (config/run_config.h)
  step            INTEGER NOT NULL,
  attempt         INTEGER,
  nats            REAL,               -- summed over the scored units
  bytes           INTEGER,
  units           INTEGER,
  documents       INTEGER,
  loss_nats       REAL,
  loss_bpb        REAL,
  seconds         REAL,
  PRIMARY KEY (key, split, eval_key, step)
) WITHOUT ROWID;

CREATE TABLE gate (
  key             TEXT NOT NULL,
  gate            TEXT NOT NULL,      -- 'causal'
  step            INTEGER NOT NULL,   -- 0: random weights
  attempt         INTEGER,
  verdict         TEXT,               -- 'pass' | 'leak' | 'fail'
  leak_rate       REAL,               -- share of held-out bytes whose level depends on later bytes
  detail          TEXT,
  perturbations   INTEGER,            -- texts whose future was changed
  positions       INTEGER,            -- held-out bytes whose levels were compared; 0 for a transformer
  leaky_bytes     INTEGER,            -- of a leak: bytes predicted with its help
  clean_bytes     INTEGER,            -- and without
  bpb_leaky       REAL,               -- bits per byte there
  bpb_clean       REAL,
  seconds         REAL,
  PRIMARY KEY (key, gate, step)
) WITHOUT ROWID;

CREATE TABLE checkpoint (
  key             TEXT NOT NULL,
  step            INTEGER NOT NULL,
  attempt         INTEGER,
  path            TEXT NOT NULL,      -- relative to the run directory; it may have been pruned since
  PRIMARY KEY (key, step)
) WITHOUT ROWID;

-- Sums per item of an evaluation (RUN/eval/TASK-STEP.jsonl); an item of 'heldout' is a document.
CREATE TABLE item (
  key             TEXT NOT NULL,
  task            TEXT NOT NULL,
  step            INTEGER NOT NULL,
  item            INTEGER NOT NULL,   -- index in the task's data
  bytes           INTEGER,
  units           INTEGER,
  nats            REAL,
  PRIMARY KEY (key, task, step, item)
) WITHOUT ROWID;

-- Concluded by aunet-analyze; not in the run directories, carried over by a rebuild.
CREATE TABLE fit (
  name            TEXT PRIMARY KEY,
  sweep           TEXT NOT NULL,
  family          TEXT NOT NULL,
  form            TEXT NOT NULL,
  convention      TEXT NOT NULL,
  parameters      TEXT NOT NULL,      -- JSON object: name -> value
  intervals       TEXT NOT NULL,      -- JSON object: name -> [low, high], 95 %
  certificate     TEXT NOT NULL,      -- JSON object: "converged" and its evidence
  inputs_hash     TEXT NOT NULL,      -- of the rows it saw
  n_rows          INTEGER NOT NULL,
  created         TEXT NOT NULL       -- ISO 8601 UTC
) WITHOUT ROWID;

CREATE TABLE multiplier (
  sweep           TEXT NOT NULL,
  family_a        TEXT NOT NULL,
  family_b        TEXT NOT NULL,
  convention      TEXT NOT NULL,
  flops           REAL NOT NULL,      -- the grid's budget that family_a spends, by the sweep's convention
  loss_bpb        REAL,               -- of family_a there
  multiplier      REAL,               -- cost of family_b for that loss / cost of family_a there, both by `convention`
  low             REAL,               -- 95 % interval; NULL: open
  high            REAL,
  verdict         TEXT NOT NULL,      -- 'estimate' | 'censored' | 'refused'
  reason          TEXT NOT NULL,
  inputs_hash     TEXT NOT NULL,
  created         TEXT NOT NULL,
  PRIMARY KEY (sweep, family_a, family_b, convention, flops)
) WITHOUT ROWID;

CREATE TABLE verdict (
  sweep           TEXT NOT NULL,      -- '': a claim that no sweep can test
  claim           TEXT NOT NULL,      -- id
  statement       TEXT NOT NULL,
  verdict         TEXT NOT NULL,      -- 'supported' | 'contradicted' | 'undetermined' | 'not testable at this scale'
  why             TEXT NOT NULL,
  needs_flops     REAL,               -- useful FLOPs that would decide it, about; NULL: decided, or no number helps
  marks           TEXT NOT NULL,      -- JSON array of texts; empty: it may be quoted bare
  tests           TEXT NOT NULL,      -- JSON array: estimand, estimate, low, high (95 %), margin, decision, verdict
  hash            TEXT NOT NULL,      -- of the claim that was judged
  registered_hash TEXT,               -- of the one that was registered; NULL: none was
  inputs_hash     TEXT NOT NULL,
  created         TEXT NOT NULL,
  PRIMARY KEY (sweep, claim)
) WITHOUT ROWID;

-- What has been read of which file. The ingest's own; differs between a rebuilt and a grown database.
CREATE TABLE source (
  path            TEXT PRIMARY KEY,
  kind            TEXT NOT NULL,      -- 'journal' | 'items' | 'config'
  key             TEXT NOT NULL,
  inode           INTEGER NOT NULL,
  size            INTEGER NOT NULL,   -- of the file when it was read, bytes
  modified_ns     INTEGER NOT NULL,
  bytes_read      INTEGER NOT NULL,   -- up to the end of the last whole line
  used            INTEGER NOT NULL    -- 0: another directory has the same key and went further
) WITHOUT ROWID;
CREATE INDEX source_key ON source(key);

-- The cells of every sweep, once each (two roots may both hold its plan), and their state.
CREATE VIEW v_cell AS
SELECT c.sweep, c.key, c.family, c.role, c.is_trial, c.budget_flops, c.convention, c.size_index,
       c.flops_paper, c.flops_useful, c.flops_executed, c.bytes, c.tokens, c.epochs, c.unique_bytes,
       coalesce(c.repeated, c.epochs > 4) AS repeated, c.lr, c.lr_source, c.batch_bytes, c.inference_flops_per_byte, c.memory_bytes,
       CASE WHEN c.excluded IS NOT NULL THEN 'excluded' ELSE coalesce(r.status, 'new') END AS state,
       c.excluded, c.plan, c.position, c.row
FROM cell c LEFT JOIN run r ON r.key = c.key
WHERE c.key IS NULL OR NOT EXISTS (
  SELECT 1 FROM cell d
  WHERE d.key = c.key AND d.sweep = c.sweep
    AND (d.excluded IS NOT NULL, d.plan, d.position) < (c.excluded IS NOT NULL, c.plan, c.position));

-- The held-out result of a run: its own evaluation (the run's eval_key), at its last step.
CREATE VIEW v_heldout AS
SELECT e.*
FROM run r JOIN eval e
  ON e.key = r.key AND e.split = 'heldout' AND e.step = r.last_step
 AND e.eval_key = (SELECT x.eval_key FROM eval x
                   WHERE x.key = r.key AND x.split = 'heldout' AND x.step = r.last_step
                     AND (r.eval_key IS NULL OR x.eval_key = r.eval_key)
                   ORDER BY x.attempt DESC, x.eval_key LIMIT 1);

-- Every evaluation of every cell: the newest of each split, at the run's last step, one row per sweep that the
-- run is a cell of (sweep NULL: of none).
CREATE VIEW v_eval AS
SELECT e.key, c.sweep, coalesce(c.family, r.family) AS family, coalesce(c.role, 'run') AS role,
       coalesce(c.budget_flops, r.budget_flops) AS budget_flops, e.split, e.eval_key, e.step, e.attempt, e.nats,
       e.bytes, e.units, e.documents, e.loss_nats, e.loss_bpb, e.seconds
FROM run r
JOIN eval e ON e.key = r.key AND e.step = r.last_step
 AND e.eval_key = (SELECT x.eval_key FROM eval x
                   WHERE x.key = e.key AND x.split = e.split AND x.step = e.step
                     AND (x.split <> 'heldout' OR r.eval_key IS NULL OR x.eval_key = r.eval_key)
                   ORDER BY x.attempt DESC, x.eval_key LIMIT 1)
LEFT JOIN v_cell c ON c.key = r.key AND c.excluded IS NULL;

-- Whose steps make up a run: its own after from_step, and up to there those of its ancestors in the run tree.
CREATE VIEW v_lineage AS
WITH RECURSIVE part (key, owner, from_step, to_step) AS (
  SELECT key, key, coalesce(parent_step, 0), coalesce(last_step, 0) FROM run
  UNION
  SELECT p.key, a.key, min(coalesce(a.parent_step, 0), p.from_step), p.from_step
  FROM part p JOIN run o ON o.key = p.owner JOIN run a ON a.key = o.parent_key
  WHERE p.from_step > 0
)
SELECT key, owner, from_step, to_step FROM part;

-- What the ancestors of a branch did for it; NULL where their steps are not all in this database.
CREATE VIEW v_trunk AS
SELECT l.key,
       CASE count(*) WHEN r.parent_step THEN max(s.flops_useful) END AS flops_useful,
       CASE count(*) WHEN r.parent_step THEN sum(s.seconds) END AS seconds
FROM v_lineage l JOIN run r ON r.key = l.key
JOIN step s ON s.key = l.owner AND s.step > l.from_step AND s.step <= l.to_step
WHERE l.owner <> l.key GROUP BY l.key;

-- The worst verdict of each gate over a run's steps; what a leak buys at the last of them.
CREATE VIEW v_gate AS
WITH worst AS (
  SELECT key, gate,
         CASE max(CASE verdict WHEN 'pass' THEN 0 WHEN 'leak' THEN 1 ELSE 2 END)
           WHEN 0 THEN 'pass' WHEN 1 THEN 'leak' ELSE 'fail' END AS verdict,
         max(leak_rate) AS leak_rate, max(step) AS step
  FROM gate GROUP BY key, gate
)
SELECT w.key, w.gate, w.verdict, w.leak_rate, w.step, g.perturbations, g.positions,
       g.leaky_bytes, g.clean_bytes, g.bpb_leaky, g.bpb_clean
FROM worst w JOIN gate g ON g.key = w.key AND g.gate = w.gate AND g.step = w.step;

-- One row per cell, the excluded ones too, and one per run that no sweep planned (sweep NULL, role 'run').
-- What was spent and reached is there for done runs only; a failed or unfinished run is a row whose
-- results are NULL.
CREATE VIEW v_result AS
WITH planned AS (
  SELECT sweep, key, family, role, is_trial, budget_flops, convention, size_index, epochs,
         unique_bytes, repeated, lr, lr_source, batch_bytes, inference_flops_per_byte, memory_bytes, row, excluded
  FROM v_cell
  UNION ALL
  SELECT NULL, key, family, 'run', 0, budget_flops, convention, NULL, NULL, NULL, NULL, lr, NULL,
         NULL, NULL, NULL, NULL, NULL
  FROM run WHERE NOT EXISTS (SELECT 1 FROM cell WHERE cell.key = run.key)
)
SELECT p.key, p.sweep, p.family,
       coalesce(r.params, json_extract(p.row, '$.params.total')) AS params,
       coalesce(r.params_non_embedding, json_extract(p.row, '$.params.non_embedding'))
         AS params_non_embedding,
       CASE r.status WHEN 'done' THEN r.flops_paper END AS flops_paper,
       CASE r.status WHEN 'done' THEN r.flops_useful END AS flops_useful,
       CASE r.status WHEN 'done' THEN r.flops_executed END AS flops_executed,
       CASE r.status WHEN 'done' THEN r.bytes END AS bytes,
       CASE WHEN r.status = 'done' AND r.kind = 'llama' THEN r.units END AS tokens,
       p.epochs, coalesce(r.lr, p.lr) AS lr,
       coalesce(p.batch_bytes, CASE WHEN r.status = 'done' THEN r.bytes * 1.0 / r.last_step END)
         AS batch_bytes,
       r.seed,
       CASE r.status WHEN 'done' THEN e.loss_nats END AS loss_nats,
       CASE r.status WHEN 'done' THEN e.loss_bpb END AS loss_bpb,
       r.attempts, r.steps_executed, r.status,
       CASE g.verdict WHEN 'pass' THEN 1 WHEN 'leak' THEN 0 WHEN 'fail' THEN 0 END AS gate_causal,
       p.role, p.is_trial, p.budget_flops, p.convention, p.size_index, r.kind, r.dims, r.layers, r.split_mode,
       coalesce(r.params_active, json_extract(p.row, '$.params.active')) AS params_active,
       coalesce(r.params_embedding, json_extract(p.row, '$.params.embedding')) AS params_embedding,
       p.lr_source, r.batch_windows, r.seed_data, r.context_bytes, r.warmup, r.steps_planned, r.last_step,
       CASE r.status WHEN 'done' THEN e.bytes END AS heldout_bytes,
       CASE r.status WHEN 'done' THEN e.units END AS heldout_units,
       CASE r.status WHEN 'done' THEN e.documents END AS heldout_documents,
       r.cause, r.message, g.verdict AS gate_verdict, g.leak_rate,
       r.train_seconds + CASE WHEN r.parent_key IS NULL THEN 0 ELSE t.seconds END AS train_seconds,
       r.wall_seconds,
       p.inference_flops_per_byte, p.memory_bytes, a.device, a."commit", r.train_fingerprint,
       r.heldout_fingerprint, r.tokenizer_fingerprint,
       r.flops_paper AS spent_flops_paper, r.flops_useful AS spent_flops_useful,
       r.flops_executed AS spent_flops_executed, p.unique_bytes, p.repeated,
       r.schedule, coalesce(r.tree, json_extract(p.row, '$.tree')) AS tree, r.parent_key, r.parent_step,
       CASE r.status WHEN 'done' THEN
         r.flops_useful - CASE WHEN r.parent_key IS NULL THEN 0 ELSE t.flops_useful END
       END AS flops_useful_incremental, g.bpb_leaky, g.bpb_clean, p.excluded
FROM planned p
LEFT JOIN run r ON r.key = p.key
LEFT JOIN v_trunk t ON t.key = p.key
LEFT JOIN v_heldout e ON e.key = p.key
LEFT JOIN v_gate g ON g.key = p.key AND g.gate = 'causal'
LEFT JOIN attempt a ON a.key = p.key AND a.attempt = (SELECT max(attempt) FROM attempt x WHERE x.key = p.key);

-- The cells that are part of their sweep.
CREATE VIEW v_final AS
SELECT key, sweep, family, params, params_non_embedding, flops_paper, flops_useful, flops_executed, bytes,
       tokens, epochs, lr, batch_bytes, seed, loss_nats, loss_bpb, attempts, steps_executed, status,
       gate_causal, role, is_trial, budget_flops, convention, size_index, kind, dims, layers, split_mode,
       params_active, params_embedding, lr_source, batch_windows, seed_data, context_bytes, warmup,
       steps_planned, last_step,
       heldout_bytes, heldout_units, heldout_documents, cause, message, gate_verdict, leak_rate,
       train_seconds, wall_seconds, inference_flops_per_byte, memory_bytes, device, "commit",
       train_fingerprint, heldout_fingerprint, tokenizer_fingerprint,
       spent_flops_paper, spent_flops_useful, spent_flops_executed, unique_bytes, repeated,
       schedule, tree, parent_key, parent_step, flops_useful_incremental, bpb_leaky, bpb_clean
FROM v_result WHERE excluded IS NULL;

-- Training curves; a branch's from step 1, its trunk as its ancestors executed it.
CREATE VIEW v_curve AS
SELECT l.key, r.family, s.step, s.attempt, s.bytes, s.units, s.flops_paper, s.flops_useful, s.flops_executed,
       s.loss_nats, s.loss_bpb, s.lr, s.grad_norm, s.seconds, l.owner
FROM v_lineage l JOIN run r ON r.key = l.key
JOIN step s ON s.key = l.owner AND s.step > l.from_step AND (s.step <= l.to_step OR l.owner = l.key);

-- Evaluations item by item.
CREATE VIEW v_item AS
SELECT i.key, r.family, i.task, i.step, i.item, i.bytes, i.units, i.nats,
       CASE WHEN i.bytes > 0 THEN i.nats / 0.69314718055994530942 / i.bytes END AS bpb
FROM item i JOIN run r ON r.key = i.key;

-- Every cell as a candidate for a fit, and why it is none (exclusion NULL: it is one).
CREATE VIEW v_fit_input AS
SELECT *,
       CASE WHEN excluded IS NOT NULL THEN 'plan: ' || excluded
            WHEN role = 'tune' THEN 'tuning trial'
            WHEN status IS NULL THEN 'not started'
            WHEN status = 'failed' THEN 'failed: ' || coalesce(nullif(cause, ''), 'unknown')
            WHEN status <> 'done' THEN 'not finished: ' || status
            WHEN loss_bpb IS NULL THEN 'no held-out loss'
            WHEN gate_causal = 0 THEN 'causality gate: ' || gate_verdict
            WHEN repeated = 1 THEN printf('repeated: %.1f epochs', epochs)
       END AS exclusion
FROM v_result;

-- Where every number of a run comes from: a row per attempt.
CREATE VIEW v_provenance AS
SELECT r.key, r.family, r.origin, r.directory, a.attempt, a.started, a.from_step, a.from_run, a.host, a.device, a.pid,
       a.threads, a."commit", a.dirty_diff_hash, a.torch_version, a.command, a.gpu, a.driver,
       a.libraries, a.environment, a.steps_executed, a.seconds,
       a.end_status, a.end_cause, r.train_fingerprint, r.heldout_fingerprint, r.tokenizer_fingerprint,
       r.eval_key, r.recomputed_key, r.canonical, r.run_toml
FROM run r LEFT JOIN attempt a ON a.key = r.key;

-- Tuning effort per family and budget. FLOPs are what the trials spent, finished or not.
CREATE VIEW v_tuning AS
SELECT sweep, family, budget_flops, count(*) AS trials, sum(coalesce(status, '') = 'done') AS done,
       total(spent_flops_paper) AS flops_paper, total(spent_flops_useful) AS flops_useful,
       min(loss_bpb) AS best_bpb
FROM v_final WHERE is_trial = 1
GROUP BY sweep, family, budget_flops;
