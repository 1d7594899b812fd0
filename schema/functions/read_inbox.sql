-- A therapist's batch: threads whose client waits for an answer. Urgent first, then the nearest promise, then the oldest (M-81).
-- Whoever came in without history has what was placed since: the rest of the turn is not theirs to know of.
CREATE OR REPLACE FUNCTION read_inbox(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_limit integer)
RETURNS TABLE (thread_id uuid, open_count integer, open_since timestamptz, reply_by timestamptz, urgent boolean, last_n bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  PERFORM release_due(p_practice, me.account_id, p_now);
  RETURN QUERY
  SELECT o.thread_id, o.open_count, o.open_since, o.reply_by, o.urgent, o.last_n
    FROM (
      SELECT t.thread_id, t.last_n,
             CASE WHEN m.joined_n = 0 THEN t.open_count ELSE s.open_count END AS open_count,
             CASE WHEN m.joined_n = 0 THEN t.open_since ELSE s.open_since END AS open_since,
             CASE WHEN m.joined_n = 0 THEN t.open_reply_by ELSE s.reply_by END AS reply_by,
             CASE WHEN m.joined_n = 0 THEN t.open_urgent ELSE s.urgent END AS urgent
        FROM member m
        JOIN thread t ON t.practice_id = p_practice AND t.thread_id = m.thread_id
        LEFT JOIN LATERAL (
          SELECT count(*)::integer AS open_count, min(k.placed_at) AS open_since, min(k.reply_by) AS reply_by, bool_or(k.urgent) AS urgent
            FROM message k
           WHERE m.joined_n > 0 AND k.practice_id = p_practice AND k.thread_id = m.thread_id AND k.by_client AND k.expects_reply
             AND k.n > m.joined_n
             AND k.n > coalesce((SELECT max(a.n) FROM message a
                                  WHERE a.practice_id = p_practice AND a.thread_id = m.thread_id AND a.n > m.joined_n AND NOT a.by_client), 0)) s ON true
       WHERE m.practice_id = p_practice AND m.account_id = me.account_id AND m.role IN (2, 3) AND t.open_count > 0 AND present(m, p_now)
         AND NOT EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = m.thread_id AND x.device_id = me.device_id)) o
   WHERE o.open_count > 0
   ORDER BY o.urgent DESC, o.reply_by NULLS LAST, o.open_since, o.thread_id
   LIMIT p_limit;
END $$;
