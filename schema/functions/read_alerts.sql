-- The alerts that were sent to the caller, newest first; what is due is sent before. A pseudonym stands for the thread, nothing of it is told.
-- First row: alert_id NULL, with the caller and the accounts to wake. Answers the last four weeks, and whatever is not closed.
CREATE OR REPLACE FUNCTION read_alerts(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS TABLE (me uuid, told uuid[], alert_id uuid, step smallint, thread_id uuid, owner_name text, sent_at timestamptz,
               acked_at timestamptz, acked_by uuid, acked_name text, closed_at timestamptz, closing text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  caller uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  RETURN QUERY SELECT caller, fire_alerts(p_practice, p_now), NULL::uuid, NULL::smallint, NULL::uuid, NULL::text, NULL::timestamptz,
                      NULL::timestamptz, NULL::uuid, NULL::text, NULL::timestamptz, NULL::text;
  RETURN QUERY
  SELECT caller, NULL::uuid[], a.alert_id, a.step, a.thread_id, o.display_name, a.sent_at, a.acked_at, a.acked_by, b.name, a.closed_at, a.closing
    FROM alert a
    JOIN thread t ON t.practice_id = p_practice AND t.thread_id = a.thread_id
    JOIN account o ON o.practice_id = p_practice AND o.account_id = t.owner
    LEFT JOIN alert b ON b.practice_id = p_practice AND b.thread_id = a.thread_id AND b.account_id = a.account_id AND b.mid = a.mid
                     AND b.callee = a.acked_by
   WHERE a.practice_id = p_practice AND a.callee = caller AND a.sent_at IS NOT NULL
     AND (a.closed_at IS NULL OR a.sent_at > p_now - interval '28 days')
   ORDER BY a.sent_at DESC, a.alert_id LIMIT 500;
END $$;
