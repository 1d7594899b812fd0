-- Put a new version of a rule set in force: a sheet for each thread it reaches, and the promises that it makes earlier (D-4, A-7).
--   p_layer, p_owner  practice: of the practice; therapist or client: the caller's own; agreement or exception: of a thread of the caller's
--   p_version         the version this one follows
--   thread arrays run in parallel; p_part_*, p_parts: one a member, flattened. Empty with layer client: nothing of it is in any sheet
--   p_held_seen       the newest promises (hashes) of all held messages that were weighed   p_accounts .. p_day_records  as move_earlier takes them
--   p_task_*          for therapists to whose promises it matters, whether or not there are any; see add_tasks
--   p_audit_*         a leaf for the set (none for a client's: what they set alone is theirs), and one for each sheet
-- Threads may go on meanwhile. Outcomes: set; moved (other rules, another thread or another held message since: look again).
-- ET403, ET404: not the caller's to set.
CREATE OR REPLACE FUNCTION set_rules(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_layer text, p_owner uuid, p_version integer, p_rules bytea,
  p_threads uuid[], p_revs integer[], p_sheets bytea[], p_hashes bytea[], p_shared bytea[],
  p_part_threads uuid[], p_part_accounts uuid[], p_part_salts bytea[], p_parts bytea[],
  p_held_seen bytea[],
  p_task_ids uuid[], p_task_accounts uuid[], p_task_threads uuid[], p_task_kinds text[], p_task_subjects text[], p_task_dues timestamptz[],
  p_audit_leaves uuid[], p_audit_salts bytea[], p_audit_records bytea[],
  p_accounts uuid[], p_mids uuid[], p_release timestamptz[], p_reply timestamptz[], p_ready timestamptz[], p_counts timestamptz[],
  p_windows timestamptz[], p_notices timestamptz[], p_readers uuid[], p_promises bytea[], p_promise_hashes bytea[],
  p_day date, p_day_ids uuid[], p_day_salts bytea[], p_day_records bytea[])
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  mine record;
  reached uuid[];
BEGIN
  SELECT * INTO mine FROM read_rules(p_practice, p_token, p_roles, p_now,
                                     CASE WHEN p_layer IN ('therapist', 'client') THEN 'own' ELSE p_layer END, p_owner);
  IF mine.owner <> p_owner OR mine.layer <> p_layer THEN
    RAISE EXCEPTION 'wrong_role' USING ERRCODE = 'ET403';
  END IF;
  -- one change of rules at a time, and none while somebody joins; those who only refer to the practice do not wait
  PERFORM FROM practice p WHERE p.practice_id = p_practice FOR NO KEY UPDATE;
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = ANY (p_threads) ORDER BY t.thread_id FOR UPDATE;
  reached := reached_by(p_practice, p_owner, p_layer, p_now);
  IF rules_moved(p_practice, ARRAY[p_owner], ARRAY[p_layer], ARRAY[p_version])
     OR EXISTS (SELECT FROM unnest(p_threads, p_revs) AS s (thread_id, r)
                 JOIN thread t ON t.practice_id = p_practice AND t.thread_id = s.thread_id WHERE t.rules_rev <> s.r - 1)
     OR EXISTS (SELECT FROM message h WHERE h.practice_id = p_practice AND h.thread_id = ANY (p_threads) AND h.state = 'held'
                                        AND h.promise_hash <> ALL (p_held_seen))   -- held, or moved earlier, since
     -- a thread was opened or closed since, or a cover begun
     OR NOT (p_threads @> reached AND reached @> p_threads OR (p_layer = 'client' AND p_threads = '{}')) THEN
    RETURN 'moved';
  END IF;
  INSERT INTO rule_set (practice_id, owner, layer, version, rules, author, created_at)
  VALUES (p_practice, p_owner, p_layer, p_version + 1, p_rules, mine.account_id, p_now);
  INSERT INTO rule_sheet (practice_id, thread_id, r, sheet, shared, in_force_from)
  SELECT p_practice, s.thread_id, s.r, s.sheet, s.shared, p_now FROM unnest(p_threads, p_revs, p_sheets, p_shared) AS s (thread_id, r, sheet, shared);
  INSERT INTO rule_sheet_part (practice_id, thread_id, r, account_id, salt, part)
  SELECT p_practice, q.thread_id, s.r, q.account_id, q.salt, q.part
    FROM unnest(p_part_threads, p_part_accounts, p_part_salts, p_parts) AS q (thread_id, account_id, salt, part)
    JOIN unnest(p_threads, p_revs) AS s (thread_id, r) ON s.thread_id = q.thread_id;
  UPDATE thread t SET rules_rev = s.r, rules_hash = s.hash, version = t.version + 1
    FROM unnest(p_threads, p_revs, p_hashes) AS s (thread_id, r, hash)
   WHERE t.practice_id = p_practice AND t.thread_id = s.thread_id;
  IF p_layer = 'client' AND p_threads = '{}' THEN
    -- no promise hangs on it, but what is said with an answer does (the crisis card): no process goes by what it remembers
    PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = ANY (reached) ORDER BY t.thread_id FOR UPDATE;
    UPDATE thread t SET version = t.version + 1 WHERE t.practice_id = p_practice AND t.thread_id = ANY (reached);
  END IF;
  PERFORM move_earlier(p_practice, p_now, p_accounts, p_mids, p_release, p_reply, p_ready, p_counts, p_windows, p_notices, p_readers,
                       p_promises, p_promise_hashes, p_day, p_day_ids, p_day_salts, p_day_records);
  PERFORM add_tasks(p_practice, p_now, p_task_ids, p_task_accounts, p_task_threads,
                    p_task_kinds, p_task_subjects, p_task_dues);
  PERFORM note(p_practice, r.leaf_id, r.salt, r.record, p_now)
     FROM unnest(p_audit_leaves, p_audit_salts, p_audit_records) AS r (leaf_id, salt, record);
  PERFORM expect_due(p_practice, p_now);
  RETURN 'set';
END $$;
