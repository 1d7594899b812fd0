-- Bring promises of held messages forward (D-4), whatever made it possible: other rules, or room in a budget after a recall.
-- The caller has locked the threads and seen to it that nothing was accepted since these were weighed; nothing moves later here.
--   arrays run in parallel, as in the columns of message    p_day .. p_day_records  what the day's audit leaf will hold of each (A-6)
CREATE OR REPLACE FUNCTION move_earlier(
  p_practice uuid, p_now timestamptz, p_accounts uuid[], p_mids uuid[], p_release timestamptz[], p_reply timestamptz[],
  p_ready timestamptz[], p_counts timestamptz[], p_windows timestamptz[], p_notices timestamptz[], p_readers uuid[],
  p_promises bytea[], p_hashes bytea[], p_day date, p_day_ids uuid[], p_day_salts bytea[], p_day_records bytea[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  earliest timestamptz;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE message m
     SET release_at = e.release_at, reply_by = e.reply_by, ready_at = e.ready_at, counts_at = e.counts_at, window_at = e.window_at,
         notice_at = e.notice_at, reader = e.reader, promise_now = e.promise, promise_hash = e.hash
    FROM unnest(p_accounts, p_mids, p_release, p_reply, p_ready, p_counts, p_windows, p_notices, p_readers, p_promises, p_hashes)
      AS e (account_id, mid, release_at, reply_by, ready_at, counts_at, window_at, notice_at, reader, promise, hash)
   WHERE m.practice_id = p_practice AND m.account_id = e.account_id AND m.mid = e.mid AND m.state = 'held'
     AND (m.release_at IS NULL OR e.release_at < m.release_at);
  INSERT INTO day_record (practice_id, day, record_id, salt, record)
  SELECT p_practice, p_day, d.id, d.salt, d.record FROM unnest(p_day_ids, p_day_salts, p_day_records) AS d (id, salt, record);
  SELECT greatest(min(r), p_now) INTO earliest FROM unnest(p_release) AS r;
  IF earliest IS NOT NULL THEN
    PERFORM expect_due(p_practice, earliest);
  END IF;
END $$;
