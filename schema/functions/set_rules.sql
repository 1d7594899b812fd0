-- Put a new version of a rule set in force: a sheet for each thread it reaches, and the promises that it makes earlier (D-4, A-7).
--   p_owner       the practice, or the therapist        p_version  the version this one follows
--   thread arrays run in parallel (p_parts, p_salts: one a member, members in the order of their ids, flattened)
--   held arrays: messages that are now released earlier; nothing ever moves later here. p_held_seen: all that were weighed
-- Threads may go on meanwhile. Outcomes: set; moved (other rules, another thread or another held message since: look again).
CREATE OR REPLACE FUNCTION set_rules(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_owner uuid, p_version integer, p_rules bytea,
  p_threads uuid[], p_revs integer[], p_sheets bytea[], p_hashes bytea[], p_shared bytea[],
  p_part_threads uuid[], p_part_accounts uuid[], p_part_salts bytea[], p_part bytea,
  p_held_accounts uuid[], p_held_mids uuid[], p_held_release timestamptz[], p_held_reply timestamptz[], p_held_window timestamptz[], p_held_readers uuid[],
  p_held_promises bytea[], p_held_hashes bytea[], p_held_seen uuid[],
  p_audit_leaves uuid[], p_audit_salts bytea[], p_audit_records bytea[],
  p_day date, p_day_ids uuid[], p_day_salts bytea[], p_day_records bytea[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  IF p_owner <> p_practice AND p_owner <> me THEN
    RAISE EXCEPTION 'wrong_role' USING ERRCODE = 'ET403';
  END IF;
  -- one change of rules at a time, and none while somebody joins; those who only refer to the practice do not wait
  PERFORM FROM practice p WHERE p.practice_id = p_practice FOR NO KEY UPDATE;
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = ANY (p_threads) ORDER BY t.thread_id FOR UPDATE;
  IF p_version <> coalesce((SELECT max(r.version) FROM rule_set r WHERE r.practice_id = p_practice AND r.owner = p_owner), 0)
     OR EXISTS (SELECT FROM unnest(p_threads, p_revs) AS s (thread_id, r)
                 JOIN thread t ON t.practice_id = p_practice AND t.thread_id = s.thread_id WHERE t.rules_rev <> s.r - 1)
     OR EXISTS (SELECT FROM message h WHERE h.practice_id = p_practice AND h.thread_id = ANY (p_threads) AND h.state = 'held'
                                        AND h.mid <> ALL (p_held_seen))       -- held since, and not weighed
     OR cardinality(p_threads) <> (SELECT count(*) FROM thread t     -- a thread was opened since, or a cover begun
                                    WHERE t.practice_id = p_practice AND t.is_open AND (p_owner = p_practice OR t.owner = p_owner
                                       OR EXISTS (SELECT FROM member c WHERE c.practice_id = p_practice AND c.thread_id = t.thread_id
                                                     AND c.account_id = p_owner AND c.role = 3 AND c.until IS NOT NULL AND present(c, p_now)))) THEN
    RETURN 'moved';
  END IF;
  INSERT INTO rule_set (practice_id, owner, version, rules, author, created_at) VALUES (p_practice, p_owner, p_version + 1, p_rules, me, p_now);
  INSERT INTO rule_sheet (practice_id, thread_id, r, sheet, shared, in_force_from)
  SELECT p_practice, s.thread_id, s.r, s.sheet, s.shared, p_now FROM unnest(p_threads, p_revs, p_sheets, p_shared) AS s (thread_id, r, sheet, shared);
  INSERT INTO rule_sheet_part (practice_id, thread_id, r, account_id, salt, part)
  SELECT p_practice, q.thread_id, s.r, q.account_id, q.salt, p_part
    FROM unnest(p_part_threads, p_part_accounts, p_part_salts) AS q (thread_id, account_id, salt)
    JOIN unnest(p_threads, p_revs) AS s (thread_id, r) ON s.thread_id = q.thread_id;
  UPDATE message m
     SET release_at = h.release_at, reply_by = h.reply_by, window_at = h.window_at, reader = h.reader, promise_now = h.promise, promise_hash = h.hash
    FROM unnest(p_held_accounts, p_held_mids, p_held_release, p_held_reply, p_held_window, p_held_readers, p_held_promises, p_held_hashes)
      AS h (account_id, mid, release_at, reply_by, window_at, reader, promise, hash)
   WHERE m.practice_id = p_practice AND m.account_id = h.account_id AND m.mid = h.mid AND m.state = 'held';
  UPDATE thread t SET rules_rev = s.r, rules_hash = s.hash, version = t.version + 1
    FROM unnest(p_threads, p_revs, p_hashes) AS s (thread_id, r, hash)
   WHERE t.practice_id = p_practice AND t.thread_id = s.thread_id;
  INSERT INTO day_record (practice_id, day, record_id, salt, record)
  SELECT p_practice, p_day, d.id, d.salt, d.record FROM unnest(p_day_ids, p_day_salts, p_day_records) AS d (id, salt, record);
  PERFORM note(p_practice, r.leaf_id, r.salt, r.record, p_now)
     FROM unnest(p_audit_leaves, p_audit_salts, p_audit_records) AS r (leaf_id, salt, record);
  PERFORM expect_due(p_practice, p_now);
  RETURN 'set';
END $$;
