-- For the worker: release everything due in a practice, and say when to come again (at p_latest at the latest).
CREATE OR REPLACE FUNCTION release_practice(p_practice uuid, p_now timestamptz, p_latest timestamptz, OUT told uuid[], OUT next_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
  told := release_due(p_practice, NULL, p_now);
  PERFORM drop_returned(p_practice, p_now);
  PERFORM FROM practice_due d WHERE d.practice_id = p_practice FOR UPDATE;
  -- what still stands as due here could not be released: it is tried again, but not in a spin
  SELECT least(p_latest, greatest(min(d.due_at), p_now + interval '10 seconds')) INTO next_at
    FROM (SELECT min(m.release_at) AS due_at FROM message m WHERE m.practice_id = p_practice AND m.state = 'held' AND m.release_at <= p_latest
          UNION ALL
          SELECT min(s.until) FROM member s WHERE s.practice_id = p_practice AND s.until <= p_latest AND s.ended_at IS NULL
          UNION ALL
          SELECT min(a.due_at) FROM alert a WHERE a.practice_id = p_practice AND a.due_at <= p_latest AND a.sent_at IS NULL AND a.acked_at IS NULL
          UNION ALL
          SELECT min(a.alarm_at) FROM alert a WHERE a.practice_id = p_practice AND a.alarm_at <= p_latest AND a.acked_at IS NULL AND a.alarmed_at IS NULL) d;
  next_at := coalesce(next_at, p_latest);
  UPDATE practice_due d SET due_at = next_at WHERE d.practice_id = p_practice;
END $$;
