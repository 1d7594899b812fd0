-- Rules as their authors wrote them, and the sheets that each thread's promises name.

CREATE TABLE rule_set (                     -- append-only versions; the newest in force counts
  practice_id    uuid        NOT NULL REFERENCES practice,
  owner          uuid        NOT NULL,      -- the practice itself, an account (a therapist's, a client's), or a thread
  layer          text        NOT NULL CHECK (layer IN ('practice', 'therapist', 'agreement', 'exception', 'client')),
  version        integer     NOT NULL,
  rules          bytea       NOT NULL,      -- canonical JSON
  author         uuid,                      -- NULL: the operator, when the practice was made
  created_at     timestamptz NOT NULL,
  PRIMARY KEY (practice_id, owner, layer, version)
);

CREATE TABLE rule_sheet (                   -- numbered and hash-chained per thread (A-7)
  practice_id   uuid        NOT NULL,
  thread_id     uuid        NOT NULL,
  r             integer     NOT NULL,
  sheet         bytea       NOT NULL,       -- CBOR, its hash is in promises and views
  shared        bytea       NOT NULL,       -- the resolved rules as canonical JSON, byte for byte (A-15.5)
  in_force_from timestamptz NOT NULL,
  PRIMARY KEY (practice_id, thread_id, r),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread
);

CREATE TABLE rule_sheet_part (              -- what concerns one member alone; others see its hash only
  practice_id uuid    NOT NULL,
  thread_id   uuid    NOT NULL,
  r           integer NOT NULL,
  account_id  uuid    NOT NULL,
  salt        bytea   NOT NULL,
  part        bytea   NOT NULL,
  PRIMARY KEY (practice_id, thread_id, r, account_id),
  FOREIGN KEY (practice_id, thread_id, r) REFERENCES rule_sheet
);
