-- The caller's own messages of a thread that still wait (held), oldest first. Nobody else can ask for them (G5).
CREATE OR REPLACE FUNCTION read_waiting(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (mid uuid, envelope bytea, promise bytea, decision bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  IF NOT EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.account_id = me) THEN
    RAISE EXCEPTION 'no_such_thread' USING ERRCODE = 'ET404';
  END IF;
  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    PERFORM tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
  RETURN QUERY
  SELECT m.mid, m.envelope, coalesce(m.promise_now, m.promise), m.decision
    FROM message m
   WHERE m.practice_id = p_practice AND m.thread_id = p_thread AND m.state = 'held' AND m.account_id = me
   ORDER BY m.accepted_order;
END $$;
