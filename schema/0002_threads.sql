-- Threads: sealed messages, the hours they pass through, and the one order in which they were placed.

CREATE TABLE invitation (                   -- a therapist's signed authorisation to join (A-10)
  practice_id  uuid        NOT NULL,
  lookup_id    uuid        NOT NULL,
  owner        uuid        NOT NULL,        -- account of the therapist
  thread_id    uuid        NOT NULL,
  opens        boolean     NOT NULL DEFAULT true,  -- its acceptance opens the thread; false: one more member of a thread that is there
  invite       bytea       NOT NULL,
  charter      bytea       NOT NULL,        -- proposed (or in force), with the owner's signature beside it
  charter_sig  bytea       NOT NULL,
  expires_at   timestamptz NOT NULL,
  accept       bytea,                       -- the accept that used it up
  accepted_by  uuid,                        -- and the account that it made
  accepted_sig bytea,                       -- that person's signature under the charter
  PRIMARY KEY (practice_id, lookup_id),
  FOREIGN KEY (practice_id, owner) REFERENCES account
);
CREATE UNIQUE INDEX invitation_opens ON invitation (practice_id, thread_id) WHERE opens;
CREATE INDEX invitation_thread ON invitation (practice_id, thread_id);

CREATE TABLE thread (
  practice_id   uuid        NOT NULL,
  thread_id     uuid        NOT NULL,
  owner         uuid        NOT NULL,       -- account of the owning therapist
  version       bigint      NOT NULL DEFAULT 1,   -- grows with every change that a promise could depend on (D-35)
  is_open       boolean     NOT NULL DEFAULT true,
  generation    integer     NOT NULL,
  last_n        bigint      NOT NULL DEFAULT 0,   -- position of the last placed item
  last_t        bytea       NOT NULL,             -- T_n (A-3)
  last_placed_at timestamptz,
  accepted      bigint      NOT NULL DEFAULT 0,   -- items ever accepted: the order of acceptance
  epoch         integer     NOT NULL DEFAULT 0,   -- newest, with the hash of its commit and its suite
  commit_hash   bytea       NOT NULL DEFAULT '',
  suite         smallint    NOT NULL DEFAULT 1,
  charter_hash  bytea       NOT NULL DEFAULT '',
  rules_rev     integer     NOT NULL DEFAULT 0,   -- newest rule sheet (A-7)
  rules_hash    bytea       NOT NULL DEFAULT '',
  -- the clients' turn: placed and not yet answered. What is held takes no part, so that it leaves no trace in a promise
  open_count    integer     NOT NULL DEFAULT 0,
  open_since    timestamptz,
  open_reply_by timestamptz,
  open_urgent   boolean     NOT NULL DEFAULT false,
  replies       bigint      NOT NULL DEFAULT 0,   -- placed by the therapist's side: client's messages between two of them are one turn
  roster_ends_at timestamptz,               -- from then on the newest epoch still seals to somebody who has left: 409 until a commit
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (practice_id, thread_id),
  FOREIGN KEY (practice_id, owner) REFERENCES account
) WITH (fillfactor = 70);                   -- room for in-page updates: every send touches this row

CREATE TABLE member (
  practice_id      uuid        NOT NULL,
  thread_id        uuid        NOT NULL,
  account_id       uuid        NOT NULL,
  role             smallint    NOT NULL CHECK (role BETWEEN 1 AND 4),  -- 1 client, 2 therapist, 3 co-therapist, 4 family
  last_accepted_at timestamptz,             -- accepted_at never runs backwards for one account in one thread (A-3)
  acked_until      timestamptz,             -- one automatic acknowledgement a closed period: it ends here (D-37)
  feed_at          bigint      NOT NULL DEFAULT 0,  -- place of this thread in the account's feed
  start_n          bigint      NOT NULL DEFAULT 0,  -- what was placed up to here is not shown to them (0: all is)
  joined_n         bigint      NOT NULL DEFAULT 0,  -- the commit that brought them in: between start_n and it they see bare entries
  until            timestamptz,             -- membership ends by itself (a cover); NULL: open
  ended_at         timestamptz,             -- left, was left out, or ran out: nothing is shown from then on
  consent_hash     bytea,                   -- the consent that brought them in; NULL: there from the beginning
  PRIMARY KEY (practice_id, thread_id, account_id),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  FOREIGN KEY (practice_id, account_id) REFERENCES account
) WITH (fillfactor = 70);
CREATE INDEX member_feed ON member (practice_id, account_id, feed_at);
CREATE INDEX member_until ON member (practice_id, until) WHERE until IS NOT NULL AND ended_at IS NULL;

CREATE TABLE feed (                         -- one counter a reader: a cursor over all of an account's threads (D-7)
  practice_id uuid   NOT NULL,
  account_id  uuid   NOT NULL,
  last        bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (practice_id, account_id),
  FOREIGN KEY (practice_id, account_id) REFERENCES account
) WITH (fillfactor = 50);

CREATE TABLE entry (                        -- every placed position of every thread, 1..n without a gap (A-3)
  practice_id  uuid        NOT NULL,
  thread_id    uuid        NOT NULL,
  n            bigint      NOT NULL,
  item_type    smallint    NOT NULL,        -- 1 envelope, 2 epoch commit, 5 charter …
  reason       smallint    NOT NULL,
  generation   integer     NOT NULL,
  placed_at    timestamptz NOT NULL,
  item_hash    bytea       NOT NULL,
  promise_hash bytea       NOT NULL,        -- of the newest promise; zeros for what is not an envelope
  t            bytea       NOT NULL,        -- T_n
  PRIMARY KEY (practice_id, thread_id, n),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread
);

CREATE TABLE message (                      -- one row, one state, from acceptance to erasure
  practice_id    uuid        NOT NULL,
  account_id     uuid        NOT NULL,      -- the sender
  mid            uuid        NOT NULL,      -- made by the sender: idempotency key for ever (D-31)
  thread_id      uuid        NOT NULL,
  device_id      uuid        NOT NULL,
  by_client      boolean     NOT NULL,
  item_hash      bytea       NOT NULL,
  envelope       bytea,                     -- NULL once recalled, replaced or erased; a returned one is kept 30 days for its sender
  header_hash    bytea,                     -- what stays of an envelope that is gone
  epoch          integer     NOT NULL,
  urgent         boolean     NOT NULL,
  expects_reply  boolean     NOT NULL,      -- false: takes no part in the turn
  service_class  smallint    NOT NULL,      -- 1 to 5 (A-1)
  size           integer     NOT NULL,      -- bytes of the padded ciphertext
  turn           bigint      NOT NULL,      -- thread.replies when it was accepted
  accepted_at    timestamptz NOT NULL,
  accepted_order bigint      NOT NULL,      -- thread.accepted when it was taken
  counted_from   timestamptz NOT NULL,      -- = accepted_at but after a replacement (A-4)
  release_at     timestamptz,               -- NULL: no opening known
  reply_by       timestamptz,               -- NULL: none expected
  ready_at       timestamptz,               -- limits kept it back until then; NULL: they did not
  counts_at      timestamptz,               -- when it counts in budgets; NULL: in none
  window_at      timestamptz,               -- start of the opening it is read in: one notice each
  notice_at      timestamptz,               -- the reader is not told before; NULL: told when it is placed
  reader         uuid,                      -- who is told of it: the cover whose hours decided; NULL: the owner
  state          text        NOT NULL CHECK (state IN ('held', 'placed', 'recalled', 'replaced', 'returned')),
  n              bigint,
  placed_at      timestamptz,
  promise        bytea       NOT NULL,      -- the receipt given at acceptance, byte for byte (D-31)
  promise_now    bytea,                     -- a later revision, where there is one
  promise_hash   bytea       NOT NULL,      -- of the newest revision
  decision       bytea       NOT NULL,      -- canonical JSON, answered byte for byte
  question       bytea       NOT NULL,      -- canonical JSON of what was decided on: with the sheet it gives this decision again (G9)
  leaf_id        uuid        NOT NULL,      -- of its audit leaf, with the salt: made at acceptance, used when placed
  leaf_salt      bytea       NOT NULL,
  recall         bytea,                     -- the signed recall that ended it
  status         bytea,                     -- and the receipt for that, or for its return
  replaced_by    uuid,                      -- mid of the message that took its place
  ended_at       timestamptz,
  PRIMARY KEY (practice_id, account_id, mid),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  CHECK ((state = 'placed') = (n IS NOT NULL)),
  CHECK (release_at >= accepted_at)
);
ALTER TABLE message ALTER COLUMN envelope SET STORAGE EXTERNAL;     -- ciphertext does not compress
CREATE UNIQUE INDEX message_placed ON message (practice_id, thread_id, n) WHERE n IS NOT NULL;
CREATE INDEX message_held ON message (practice_id, thread_id, release_at) WHERE state = 'held';
CREATE INDEX message_due ON message (practice_id, release_at) WHERE state = 'held';
CREATE INDEX message_sent ON message (practice_id, account_id, thread_id, accepted_at) WHERE state IN ('held', 'placed');   -- limits count them
CREATE INDEX message_returned ON message (practice_id, account_id, ended_at) WHERE state = 'returned' AND envelope IS NOT NULL;

CREATE TABLE epoch (                        -- tep.md §6.4
  practice_id uuid    NOT NULL,
  thread_id   uuid    NOT NULL,
  epoch       integer NOT NULL,
  n           bigint  NOT NULL,
  commit_hash bytea   NOT NULL,
  commit      bytea   NOT NULL,
  names       bytea[] NOT NULL DEFAULT '{}',  -- consents and leaves that it carries out: each counts once
  PRIMARY KEY (practice_id, thread_id, epoch),
  UNIQUE (practice_id, thread_id, n),
  UNIQUE (practice_id, thread_id, commit_hash),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread
);
ALTER TABLE epoch ALTER COLUMN commit SET STORAGE EXTERNAL;

CREATE TABLE seat (                         -- the roster of a thread's newest epoch: who it is sealed to
  practice_id uuid NOT NULL,
  thread_id   uuid NOT NULL,
  device_id   uuid NOT NULL,
  PRIMARY KEY (practice_id, thread_id, device_id),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  FOREIGN KEY (practice_id, device_id) REFERENCES device
);

CREATE TABLE exclusion (                    -- active devices of members that the newest epoch leaves out on purpose (narrowing)
  practice_id uuid NOT NULL,
  thread_id   uuid NOT NULL,
  device_id   uuid NOT NULL,
  PRIMARY KEY (practice_id, thread_id, device_id),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  FOREIGN KEY (practice_id, device_id) REFERENCES device
);

CREATE TABLE consent (                      -- that somebody may come in: signed by the clients and the owner, days apart if need be (A-6)
  practice_id  uuid        NOT NULL,
  thread_id    uuid        NOT NULL,
  consent_hash bytea       NOT NULL CHECK (octet_length(consent_hash) = 32),
  core         bytea       NOT NULL,
  account_id   uuid        NOT NULL,        -- the newcomer
  proposed_at  timestamptz NOT NULL,
  PRIMARY KEY (practice_id, thread_id, consent_hash),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);

CREATE TABLE consent_signature (
  practice_id  uuid        NOT NULL,
  thread_id    uuid        NOT NULL,
  consent_hash bytea       NOT NULL,
  account_id   uuid        NOT NULL,        -- who signed: an owner or a client of the thread
  signature    bytea       NOT NULL CHECK (octet_length(signature) = 64),
  signed_at    timestamptz NOT NULL,
  PRIMARY KEY (practice_id, thread_id, consent_hash, account_id),
  FOREIGN KEY (practice_id, thread_id, consent_hash) REFERENCES consent,
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);

CREATE TABLE leave (                        -- somebody's own signed word that they leave
  practice_id uuid        NOT NULL,
  thread_id   uuid        NOT NULL,
  leave_hash  bytea       NOT NULL CHECK (octet_length(leave_hash) = 32),
  account_id  uuid        NOT NULL,
  leave       bytea       NOT NULL,
  left_at     timestamptz NOT NULL,
  PRIMARY KEY (practice_id, thread_id, leave_hash),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);

CREATE TABLE history_grant (                -- epoch secrets that one device sealed to another (tep.md §6.7); opaque here
  practice_id uuid        NOT NULL,
  thread_id   uuid        NOT NULL,
  device_id   uuid        NOT NULL,         -- for whom
  grant_hash  bytea       NOT NULL CHECK (octet_length(grant_hash) = 32),
  sealed      bytea       NOT NULL,
  given_at    timestamptz NOT NULL,
  giver       uuid        NOT NULL,         -- account: so much from each, and nobody uses up the room of the others
  PRIMARY KEY (practice_id, thread_id, device_id, grant_hash),
  FOREIGN KEY (practice_id, giver) REFERENCES account,
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  FOREIGN KEY (practice_id, device_id) REFERENCES device
);
ALTER TABLE history_grant ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE charter (                      -- what the people of a thread signed (A-7)
  practice_id  uuid   NOT NULL,
  thread_id    uuid   NOT NULL,
  n            bigint NOT NULL,
  charter_hash bytea  NOT NULL,
  charter      bytea  NOT NULL,             -- with the signatures that put it in force, the owner's first
  PRIMARY KEY (practice_id, thread_id, n),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread
);

CREATE TABLE notice (                       -- the outbox: a therapist has something to read, once a window, no content
  practice_id uuid        NOT NULL,
  account_id  uuid        NOT NULL,
  window_at   timestamptz NOT NULL,
  urgent      boolean     NOT NULL,
  noticed_at  timestamptz NOT NULL,
  PRIMARY KEY (practice_id, account_id, window_at, urgent),
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);
CREATE INDEX notice_newest ON notice (practice_id, account_id, noticed_at, window_at);

CREATE TABLE alert (                        -- who is called when something urgent comes, one row a step (R-16)
  practice_id uuid        NOT NULL,
  thread_id   uuid        NOT NULL,
  account_id  uuid        NOT NULL,         -- the sender, with its message
  mid         uuid        NOT NULL,
  step        smallint    NOT NULL,         -- 1, 2, 3 …
  alert_id    uuid        NOT NULL,
  callee      uuid        NOT NULL,         -- account of whoever is on call
  name        text        NOT NULL,         -- what the client is told: "Dr B", "the on-call clinician"
  due_at      timestamptz NOT NULL,
  alarm_at    timestamptz NOT NULL,         -- nobody acknowledged by then: the practice is told; the same in all steps
  sent_at     timestamptz,                  -- NULL: not due yet, or somebody acknowledged before
  acked_at    timestamptz,                  -- somebody has seen it, and no later step is sent; the same in all steps
  acked_by    uuid,
  alarmed_at  timestamptz,                  -- when the practice was told that nobody had
  closed_at   timestamptz,
  closing     text,                         -- code by which the callee of this step closed it
  card        text        NOT NULL,         -- crisis card that the client was shown, with its version
  PRIMARY KEY (practice_id, thread_id, account_id, mid, step),
  UNIQUE (practice_id, alert_id),
  FOREIGN KEY (practice_id, thread_id) REFERENCES thread,
  FOREIGN KEY (practice_id, callee) REFERENCES account
);
CREATE INDEX alert_due ON alert (practice_id, due_at) WHERE sent_at IS NULL AND acked_at IS NULL;
CREATE INDEX alert_alarm ON alert (practice_id, alarm_at) WHERE acked_at IS NULL AND alarmed_at IS NULL;
CREATE INDEX alert_callee ON alert (practice_id, callee, due_at);

CREATE TABLE task (                         -- what somebody of the practice has to do by a time, no content
  practice_id uuid        NOT NULL,
  task_id     uuid        NOT NULL,
  account_id  uuid        NOT NULL,         -- whose it is
  thread_id   uuid,                         -- NULL: it is about no single thread
  kind        text        NOT NULL,         -- urgent_follow_up, false_alarms, alerts_unanswered, promises_on_closed_date, zone_data_changed, outside_licence, on_call_gone …
  subject     text        NOT NULL DEFAULT '',   -- a date, a country: codes only
  due_at      timestamptz NOT NULL,
  created_at  timestamptz NOT NULL,
  closed_at   timestamptz,
  closing     text,                         -- code
  PRIMARY KEY (practice_id, task_id),
  FOREIGN KEY (practice_id, account_id) REFERENCES account
);
CREATE INDEX task_open ON task (practice_id, account_id, due_at) WHERE closed_at IS NULL;

CREATE TYPE sent AS (                       -- what a sender is told of one of its messages, whichever command asks
  outcome      text,                        -- accepted, again, or why not
  item_hash    bytea,
  promise      bytea,
  promise_now  bytea,
  promise_hash bytea,
  decision     bytea,
  state        text,
  n            bigint,                      -- the entry, once placed
  reason       smallint,
  generation   integer,
  placed_at    timestamptz,
  t            bytea,
  status       bytea,
  newest       bytea,                       -- the newest commit, with outcome stale_epoch
  told         uuid[],                      -- accounts whose feeds moved
  recall       bytea                        -- the signed recall that ended it, for the sender's other devices
);
