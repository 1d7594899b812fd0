-- The caller's own messages of a thread that wait or are placed, oldest first: what limits on more of them ask. For the server itself.
--   p_since  those accepted, or counted in a budget, from then on
CREATE OR REPLACE FUNCTION load_sent(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_since timestamptz)
RETURNS TABLE (mid uuid, accepted_at timestamptz, counts_at timestamptz, service_class smallint, size integer, turn bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread) e);
BEGIN
  RETURN QUERY
  SELECT m.mid, m.accepted_at, m.counts_at, m.service_class, m.size, m.turn
    FROM message m
   WHERE m.practice_id = p_practice AND m.account_id = me AND m.thread_id = p_thread AND m.state IN ('held', 'placed')
     AND (m.accepted_at >= p_since OR m.counts_at >= p_since)
   ORDER BY m.accepted_at, m.accepted_order;
END $$;
