-- What was granted in this thread to the very device that asks, oldest first, while that device is in the newest roster.
-- Of somebody who came again without the history, what others gave the first time is not shown.
-- ET404 as in enter_thread.
CREATE OR REPLACE FUNCTION read_grants(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid)
RETURNS TABLE (sealed bytea)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  RETURN QUERY
  SELECT g.sealed
    FROM history_grant g
    JOIN seat s ON s.practice_id = p_practice AND s.thread_id = p_thread AND s.device_id = g.device_id
   WHERE g.practice_id = p_practice AND g.thread_id = p_thread AND g.device_id = me.device_id
     AND (me.joined_n = 0 OR g.giver = me.account_id
          OR g.given_at >= (SELECT e.placed_at FROM entry e WHERE e.practice_id = p_practice AND e.thread_id = p_thread AND e.n = me.joined_n))
   ORDER BY g.given_at, g.grant_hash;
END $$;
