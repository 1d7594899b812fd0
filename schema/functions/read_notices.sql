-- The caller's notices, newest first.
--   All up to p_reach before p_since: quiet hours are applied by who asks, at reading, as they are by then.
--   Of a therapist: at most one for each opening of the window, one for each urgent message's instant; none before its time. thread_id NULL.
--   Of a client: what others wrote that is placed in each thread, thread_id set. declared: what the client set alone (NULL: nothing).
CREATE OR REPLACE FUNCTION read_notices(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_since timestamptz, p_reach interval)
RETURNS TABLE (window_at timestamptz, urgent boolean, noticed_at timestamptz, thread_id uuid, declared bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  own bytea;
BEGIN
  PERFORM release_due(p_practice, me, p_now);
  SELECT r.rules INTO own FROM rule_set r
   WHERE r.practice_id = p_practice AND r.owner = me AND r.layer = 'client' ORDER BY r.version DESC LIMIT 1;
  RETURN QUERY
  (SELECT o.window_at, o.urgent, o.noticed_at, NULL::uuid, NULL::bytea FROM notice o
    WHERE o.practice_id = p_practice AND o.account_id = me AND o.noticed_at >= p_since - p_reach AND o.noticed_at <= p_now
    ORDER BY o.noticed_at DESC, o.window_at DESC LIMIT 200)
  UNION ALL
  (SELECT w.placed_at, w.urgent, w.placed_at, m.thread_id, own
     FROM member m
     JOIN LATERAL (SELECT k.placed_at, k.urgent FROM message k
                    WHERE k.practice_id = p_practice AND k.thread_id = m.thread_id AND k.n >= m.joined_n AND k.account_id <> me
                      AND k.placed_at >= p_since - p_reach
                    ORDER BY k.n DESC LIMIT 50) w ON true
    WHERE m.practice_id = p_practice AND m.account_id = me AND m.role IN (1, 4) AND present(m, p_now)
    ORDER BY w.placed_at DESC LIMIT 200);
END $$;
