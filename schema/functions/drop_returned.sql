-- What came back to its sender and was not sent again within 30 days goes: the ciphertext is deleted, its hash stays (A-4).
-- For the worker, which must not wait here: what somebody is busy with is left for its next visit.
CREATE OR REPLACE FUNCTION drop_returned(p_practice uuid, p_now timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  UPDATE message m SET header_hash = sha256(substring(m.envelope FROM 1 FOR 152)), envelope = NULL
    FROM (SELECT r.account_id, r.mid FROM message r
           WHERE r.practice_id = p_practice AND r.state = 'returned' AND r.envelope IS NOT NULL AND r.ended_at <= p_now - interval '30 days'
             FOR UPDATE SKIP LOCKED) old
   WHERE m.practice_id = p_practice AND m.account_id = old.account_id AND m.mid = old.mid;
END $$;
