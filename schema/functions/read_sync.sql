-- Which of the caller's threads have something new since cursor p_after, in feed order. A cursor over all threads (G4).
-- A thread is listed while its member is present and narrowing does not leave the asking device out of it.
-- Rows: thread and its new place; the next cursor is the last row's, or p_after where none came.
CREATE OR REPLACE FUNCTION read_sync(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_after bigint, p_limit integer)
RETURNS TABLE (account_id uuid, thread_id uuid, role smallint, feed_at bigint, last_n bigint, told uuid[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
  moved uuid[];
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  moved := release_due(p_practice, me.account_id, p_now);
  RETURN QUERY
  SELECT me.account_id, s.thread_id, s.role, s.feed_at, s.last_n, moved
    FROM (SELECT 1) one
    LEFT JOIN LATERAL (
      SELECT m.thread_id, m.role, m.feed_at, t.last_n
        FROM member m JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
       WHERE m.practice_id = p_practice AND m.account_id = me.account_id AND m.feed_at > p_after AND present(m, p_now)
         AND NOT EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = m.thread_id AND x.device_id = me.device_id)
       ORDER BY m.feed_at LIMIT p_limit) s ON true;
END $$;
