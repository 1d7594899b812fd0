-- Release what is due in one thread at p_now, in the order of (counted_from, acceptance) (A-3). Answers how many.
-- What its sender's time here did not reach is not released, however late the worker comes: end_membership gives it back (A-6).
-- The one place that releases (D-5): worker, reads and commands all come here. Tells no feeds: the caller does, once.
CREATE OR REPLACE FUNCTION release_thread(p_practice uuid, p_thread uuid, p_now timestamptz)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  m message;
  placed integer := 0;
BEGIN
  PERFORM set_config('app.practice', p_practice::text, true);
  IF NOT EXISTS (SELECT FROM message h WHERE h.practice_id = p_practice AND h.thread_id = p_thread
                                         AND h.state = 'held' AND h.release_at <= p_now
                                         AND NOT EXISTS (SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = p_thread
                                                                                AND o.account_id = h.account_id AND o.until <= h.release_at)) THEN
    RETURN 0;
  END IF;
  PERFORM FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread FOR UPDATE;
  FOR m IN SELECT * FROM message h WHERE h.practice_id = p_practice AND h.thread_id = p_thread
                                     AND h.state = 'held' AND h.release_at <= p_now
                                     AND NOT EXISTS (SELECT FROM member o WHERE o.practice_id = p_practice AND o.thread_id = p_thread
                                                                            AND o.account_id = h.account_id AND o.until <= h.release_at)
            ORDER BY h.counted_from, h.accepted_order
  LOOP
    PERFORM place_message(p_practice, m, CASE WHEN m.promise_now IS NULL THEN 2 ELSE 3 END, p_now);
    placed := placed + 1;
  END LOOP;
  RETURN placed;
END $$;
