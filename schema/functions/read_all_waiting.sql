-- Where something of the caller's waits or came back within 30 days: a row for each thread and sending device, with how much.
CREATE OR REPLACE FUNCTION read_all_waiting(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (thread_id uuid, device_id uuid, held integer, returned integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter(p_practice, p_token, p_roles, p_now);
  PERFORM release_due(p_practice, me.account_id, p_now);
  RETURN QUERY
  SELECT w.thread_id, w.device_id, (count(*) FILTER (WHERE w.waits))::integer, (count(*) FILTER (WHERE NOT w.waits))::integer
    FROM (SELECT h.thread_id, h.device_id, true AS waits
            FROM member s JOIN message h ON h.practice_id = p_practice AND h.thread_id = s.thread_id AND h.state = 'held'
           WHERE s.practice_id = p_practice AND s.account_id = me.account_id AND h.account_id = me.account_id
          UNION ALL
          SELECT b.thread_id, b.device_id, false FROM message b
           WHERE b.practice_id = p_practice AND b.account_id = me.account_id AND b.state = 'returned' AND b.envelope IS NOT NULL
             AND b.ended_at > p_now - interval '30 days') w
   WHERE NOT EXISTS (SELECT FROM exclusion x WHERE x.practice_id = p_practice AND x.thread_id = w.thread_id AND x.device_id = me.device_id)
   GROUP BY w.thread_id, w.device_id
   ORDER BY w.thread_id, w.device_id;
END $$;
