-- The caller's own messages of a thread that still wait, and those that came back within 30 days, oldest first. Nobody else can
-- ask for them (G5); whoever has left the thread still can, for what came back is theirs.
CREATE OR REPLACE FUNCTION read_waiting(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (mid uuid, envelope bytea, promise bytea, decision bytea, state text, status bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  IF NOT EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me.account_id)
     OR EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = p_thread AND x.device_id = me.device_id) THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    PERFORM tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
  RETURN QUERY
  SELECT w.mid, w.envelope, w.promise, w.decision, w.state, w.status
    FROM (SELECT h.mid, h.envelope, coalesce(h.promise_now, h.promise) AS promise, h.decision, h.state, h.status, h.counted_from, h.accepted_order
            FROM message h
           WHERE h.practice_id = p_practice AND h.thread_id = p_thread AND h.state = 'held' AND h.account_id = me.account_id
          UNION ALL
          SELECT b.mid, b.envelope, coalesce(b.promise_now, b.promise), b.decision, b.state, b.status, b.counted_from, b.accepted_order
            FROM message b
           WHERE b.practice_id = p_practice AND b.account_id = me.account_id AND b.state = 'returned' AND b.envelope IS NOT NULL
             AND b.ended_at > p_now - interval '30 days' AND b.thread_id = p_thread) w
   ORDER BY w.counted_from, w.accepted_order;
END $$;
