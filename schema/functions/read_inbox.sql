-- A therapist's batch: threads whose client waits for an answer. Urgent first, then the nearest promise, then the oldest (M-81).
CREATE OR REPLACE FUNCTION read_inbox(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_limit integer)
RETURNS TABLE (thread_id uuid, open_count integer, open_since timestamptz, reply_by timestamptz, urgent boolean, last_n bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  PERFORM release_due(p_practice, me, p_now);
  RETURN QUERY
  SELECT t.thread_id, t.open_count, t.open_since, t.open_reply_by, t.open_urgent, t.last_n
    FROM member m JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
   WHERE m.practice_id = p_practice AND m.account_id = me AND m.role IN (2, 3) AND t.open_count > 0
   ORDER BY t.open_urgent DESC, t.open_reply_by NULLS LAST, t.open_since, t.thread_id
   LIMIT p_limit;
END $$;
