-- An installation, its practices, and the people in them with the devices they sign with.
-- 16-byte ids are uuid columns whatever made them; hashes and keys are bytea of fixed length.

CREATE TABLE installation (                 -- one row: what the whole installation agrees on
  one             boolean PRIMARY KEY DEFAULT true CHECK (one),
  synthetic       boolean NOT NULL,         -- made for trying out: only then may its clock be turned (D-29)
  clock_offset_ms bigint  NOT NULL DEFAULT 0 CHECK (clock_offset_ms >= 0),
  tzdata_checksum text    NOT NULL,         -- nodes with other zone data refuse to serve (D-14)
  zone_forecast   bytea,                    -- what that zone data said of the years to come: newer data is held against it
  CHECK (synthetic OR clock_offset_ms = 0)
);

CREATE TABLE server_link (                  -- the server's own key chain (tep_amendments.md A-8)
  seq  integer PRIMARY KEY CHECK (seq >= 0),
  link bytea   NOT NULL
);

CREATE TABLE crisis_check (                 -- who has verified which crisis card, when and by what (D-34)
  region       text        NOT NULL,
  card_version integer     NOT NULL,
  verified_on  date        NOT NULL,
  verified_by  text        NOT NULL,
  source       text        NOT NULL,
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (region, card_version, verified_on, verified_by)
);

CREATE TABLE practice_due (                 -- which practice has something due when, and nothing else (D-28)
  practice_id uuid        PRIMARY KEY,
  due_at      timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX practice_due_at ON practice_due (due_at);

CREATE TABLE practice (
  practice_id    uuid        PRIMARY KEY,
  name           text        NOT NULL,
  home           bytea       NOT NULL CHECK (octet_length(home) = 32),   -- A-1: binds threads to this server and practice
  generation     integer     NOT NULL DEFAULT 1,                         -- log generation (A-8)
  created_at     timestamptz NOT NULL
);

CREATE TABLE account (
  practice_id  uuid        NOT NULL REFERENCES practice,
  account_id   uuid        NOT NULL,        -- random pseudonym, fixed for good
  chain_id     bytea       NOT NULL CHECK (octet_length(chain_id) = 32),
  chain_seq    integer     NOT NULL,        -- seq and hash of the newest link
  chain_head   bytea       NOT NULL CHECK (octet_length(chain_head) = 32),
  roles        text[]      NOT NULL CHECK (roles <@ ARRAY['administrator', 'therapist', 'client', 'supervisor'] AND roles <> '{}'),
  display_name text        NOT NULL DEFAULT '',   -- staff only: what a client sees; a client has none here
  joined_at    timestamptz NOT NULL,
  closed_at    timestamptz,                 -- the person ended the account (op 7): no link follows, no session lives
  PRIMARY KEY (practice_id, account_id),
  UNIQUE (practice_id, chain_id)
);

CREATE TABLE chain_link (                   -- tep.md §6.2, append-only
  practice_id  uuid        NOT NULL,
  account_id   uuid        NOT NULL,
  seq          integer     NOT NULL,
  link         bytea       NOT NULL,
  link_promise bytea       NOT NULL,        -- receipt for its place in the keys log (A-6)
  leaf_id      uuid        NOT NULL,        -- its leaf there
  recorded_at  timestamptz NOT NULL,
  PRIMARY KEY (practice_id, account_id, seq),
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);

CREATE TABLE device (                       -- what the chains say, ready for look-up
  practice_id  uuid        NOT NULL,
  device_id    uuid        NOT NULL,
  account_id   uuid        NOT NULL,
  sign_pk      bytea       NOT NULL CHECK (octet_length(sign_pk) = 32),
  hpke_hash    bytea       NOT NULL CHECK (octet_length(hpke_hash) = 32),  -- H(hpke_pk), as rosters name it
  class        smallint    NOT NULL,        -- 1 phone, 2 desktop, 3 web, 4 recovery
  revoked_at   timestamptz,
  PRIMARY KEY (practice_id, device_id),     -- once among all chains of a practice (A-1)
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);
CREATE INDEX device_of_account ON device (practice_id, account_id);

CREATE TABLE session (                      -- a login; the token itself is never stored
  practice_id uuid        NOT NULL,
  token_hash  bytea       NOT NULL CHECK (octet_length(token_hash) = 32),
  account_id  uuid        NOT NULL,
  device_id   uuid        NOT NULL,
  nonce       bytea       NOT NULL,         -- of the challenge that was signed: unique, so that none serves twice
  expires_at  timestamptz NOT NULL,
  PRIMARY KEY (practice_id, token_hash),
  UNIQUE (practice_id, nonce),
  FOREIGN KEY (practice_id, device_id) REFERENCES device
);
CREATE INDEX session_expiry ON session (practice_id, expires_at);

CREATE TABLE device_request (               -- a new device waits to be linked; public keys only (tep.md §5.9)
  practice_id  uuid        NOT NULL REFERENCES practice,
  lookup_id    uuid        NOT NULL,        -- from the keys themselves: whoever sees the code on the device can find it
  sign_pk      bytea       NOT NULL CHECK (octet_length(sign_pk) = 32),
  hpke_pk      bytea       NOT NULL,
  class        smallint    NOT NULL,
  asked_at     timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  account_id   uuid,                        -- whose device it wants to be: known from a passphrase, or from the offer
  by_passphrase boolean    NOT NULL DEFAULT false,
  token_hash   bytea,                       -- of the pending session that a passphrase opened: good for waiting, refused for all else
  core         bytea,                       -- the link that an active device offers, and its signature
  signature    bytea,
  confirmation bytea,                       -- shows the new device that it joins the right account; NULL: compare digits
  ended        text        CHECK (ended IN ('linked', 'refused')),
  PRIMARY KEY (practice_id, lookup_id),
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);
CREATE UNIQUE INDEX device_request_token ON device_request (practice_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX device_request_account ON device_request (practice_id, account_id) WHERE account_id IS NOT NULL;

CREATE TABLE passphrase (                   -- opens a pending session and nothing else (tep.md §5.11)
  practice_id uuid        NOT NULL,
  account_id  uuid        NOT NULL,
  name        text        NOT NULL,         -- the name to log in with, folded
  salt        bytea       NOT NULL CHECK (octet_length(salt) = 16),
  verifier    text        NOT NULL,         -- Argon2id of what the device derived; the passphrase itself was never here
  set_at      timestamptz NOT NULL,
  PRIMARY KEY (practice_id, account_id),
  UNIQUE (practice_id, name),
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);

CREATE TABLE staff_link (                   -- one-use enrolment for staff (A-15.6)
  practice_id  uuid        NOT NULL REFERENCES practice,
  lookup_id    uuid        NOT NULL,
  staff_pk     bytea       NOT NULL CHECK (octet_length(staff_pk) = 32),
  roles        text[]      NOT NULL,
  display_name text        NOT NULL,
  expires_at   timestamptz NOT NULL,
  used_at      timestamptz,
  PRIMARY KEY (practice_id, lookup_id)
);
