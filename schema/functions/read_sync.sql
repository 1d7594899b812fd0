-- Which of the caller's threads have something placed since cursor p_after, in feed order. A cursor over all threads (G4).
-- Rows: thread and its new place; the next cursor is the last row's, or p_after where none came.
CREATE OR REPLACE FUNCTION read_sync(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_after bigint, p_limit integer)
RETURNS TABLE (account_id uuid, thread_id uuid, role smallint, feed_at bigint, last_n bigint, told uuid[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  moved uuid[] := release_due(p_practice, me, p_now);
BEGIN
  RETURN QUERY
  SELECT me, s.thread_id, s.role, s.feed_at, s.last_n, moved
    FROM (SELECT 1) one
    LEFT JOIN LATERAL (
      SELECT m.thread_id, m.role, m.feed_at, t.last_n
        FROM member m JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
       WHERE m.practice_id = p_practice AND m.account_id = me AND m.feed_at > p_after
       ORDER BY m.feed_at LIMIT p_limit) s ON true;
END $$;
