-- The decision about one message, for its sender at any time and for the other members once it is placed, who see less of it.
-- No row: not a member (as in enter_thread), no such message, not yet to be known, or placed before the caller was brought in.
CREATE OR REPLACE FUNCTION read_decision(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_mid uuid)
RETURNS TABLE (decision bytea, accepted_at timestamptz, release_at timestamptz, reply_by timestamptz, placed_at timestamptz, own boolean, role smallint, by_client boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  IF release_thread(p_practice, p_thread, p_now) > 0 THEN
    PERFORM tell_feeds(p_practice, ARRAY[p_thread]);
  END IF;
  RETURN QUERY
  SELECT CASE WHEN m.account_id = me.account_id THEN m.decision ELSE convert_to(decision_for_others(m.decision, m.release_at, m.reply_by)::text, 'UTF8') END,
         m.accepted_at, m.release_at, m.reply_by, m.placed_at, m.account_id = me.account_id, r.role, m.by_client
    FROM member r
    JOIN member w ON w.practice_id = p_practice AND w.thread_id = p_thread    -- whoever wrote it, and may have left since
    JOIN message m ON m.practice_id = p_practice AND m.account_id = w.account_id AND m.mid = p_mid AND m.thread_id = p_thread
   WHERE r.practice_id = p_practice AND r.thread_id = p_thread AND r.account_id = me.account_id AND present(r, p_now)
     AND NOT EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = p_thread AND x.device_id = me.device_id)
     AND (m.account_id = me.account_id OR (m.state = 'placed' AND m.n >= r.joined_n));
END $$;
