-- Two logs a practice: keys and audit. Commands write leaves without an order; one sequencer numbers them (D-27).

CREATE TABLE log (
  practice_id  uuid        NOT NULL REFERENCES practice,
  log          smallint    NOT NULL CHECK (log IN (1, 2)),   -- 1 keys, 2 audit
  size         bigint      NOT NULL DEFAULT 0,
  root         bytea       NOT NULL,
  checkpoint   bytea,                       -- signed note over size and root (C2SP tlog-checkpoint)
  day_written  date,                        -- audit: last day whose leaf is written (A-6)
  PRIMARY KEY (practice_id, log)
);

CREATE TABLE log_leaf (
  practice_id uuid        NOT NULL,
  log         smallint    NOT NULL,
  leaf_id     uuid        NOT NULL,
  data        bytea       NOT NULL,         -- leaf data (A-15.2)
  salt        bytea,                        -- audit: opens data = H(salt || record); both may be erased one day
  record      bytea,
  recorded_at timestamptz NOT NULL,
  index       bigint,                       -- NULL until sequenced; then never changes
  PRIMARY KEY (practice_id, log, leaf_id),
  FOREIGN KEY (practice_id, log) REFERENCES log
);
CREATE UNIQUE INDEX log_leaf_index ON log_leaf (practice_id, log, index);
CREATE INDEX log_leaf_waiting ON log_leaf (practice_id, log, recorded_at) WHERE index IS NULL;

CREATE TABLE log_node (                     -- hashes of complete subtrees: a proof reads O(log n) of them
  practice_id uuid     NOT NULL,
  log         smallint NOT NULL,
  level       smallint NOT NULL,
  index       bigint   NOT NULL,
  hash        bytea    NOT NULL,
  PRIMARY KEY (practice_id, log, level, index),
  FOREIGN KEY (practice_id, log) REFERENCES log
);

CREATE TABLE day_record (                   -- what nobody but the sender may count: one leaf a day holds them all (A-6)
  practice_id uuid  NOT NULL REFERENCES practice,
  day         date  NOT NULL,
  record_id   uuid  NOT NULL,
  salt        bytea NOT NULL,
  record      bytea NOT NULL,
  PRIMARY KEY (practice_id, day, record_id)
);

CREATE TABLE restore_statement (            -- what the server signed when it began a new generation after a restore (A-8)
  practice_id  uuid        NOT NULL REFERENCES practice,
  generation   integer     NOT NULL,
  statement    bytea       NOT NULL,
  PRIMARY KEY (practice_id, generation)
);

CREATE TABLE generation_mark (              -- the entry with which a thread goes on in a generation: the statement and the thread's place in it
  practice_id  uuid        NOT NULL,
  thread_id    uuid        NOT NULL,
  n            bigint      NOT NULL,
  mark         bytea       NOT NULL,
  PRIMARY KEY (practice_id, thread_id, n),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread
);
