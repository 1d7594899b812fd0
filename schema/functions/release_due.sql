-- Release what is due in the threads of one account, or of the whole practice (p_account NULL). Answers the accounts told.
-- Each thread stands alone: one that cannot be released delays no other (G6), it stays held and is tried again.
CREATE OR REPLACE FUNCTION release_due(p_practice uuid, p_account uuid, p_now timestamptz)
RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
  due uuid[];
  done uuid[] := '{}';
  a_thread uuid;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  SELECT array_agg(DISTINCT h.thread_id ORDER BY h.thread_id) INTO due
    FROM message h
   WHERE h.practice_id = p_practice AND h.state = 'held' AND h.release_at <= p_now
     AND (p_account IS NULL OR EXISTS (SELECT FROM member m WHERE m.practice_id = p_practice
                                          AND m.thread_id = h.thread_id AND m.account_id = p_account AND m.ended_at IS NULL));
  IF due IS NULL THEN
    RETURN '{}';
  END IF;
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = ANY (due) ORDER BY t.thread_id FOR UPDATE;
  FOREACH a_thread IN ARRAY due LOOP
    BEGIN
      IF release_thread(p_practice, a_thread, p_now) > 0 THEN
        done := done || a_thread;
      END IF;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
      RAISE LOG 'etherapy: a thread could not be released';   -- no id in a log; it is found as held beyond its time
    END;
  END LOOP;
  RETURN tell_feeds(p_practice, done);
END $$;
