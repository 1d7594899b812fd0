-- For the worker: memberships whose time has run out and that are not marked yet, with what their members still have waiting there.
-- One row a membership and waiting message; mid NULL: nothing waits. Never answered to anybody.
CREATE OR REPLACE FUNCTION read_lapsed(p_practice uuid, p_now timestamptz)
RETURNS TABLE (thread_id uuid, account_id uuid, until timestamptz, consent_hash bytea, generation integer, mid uuid, item_hash bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  RETURN QUERY
  SELECT m.thread_id, m.account_id, m.until, m.consent_hash, t.generation, h.mid, h.item_hash
    FROM member m
    JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
    LEFT JOIN message h ON h.practice_id = p_practice AND h.thread_id = m.thread_id AND h.account_id = m.account_id AND h.state = 'held'
   WHERE m.practice_id = p_practice AND m.until <= p_now AND m.ended_at IS NULL
   ORDER BY m.thread_id, m.account_id, h.mid;
END $$;
