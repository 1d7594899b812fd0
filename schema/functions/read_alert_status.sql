-- What became of the alerts of one urgent message, for its sender alone; what is due is sent before. No row: no such message of the caller's.
-- First row: step NULL, with the accounts to wake and the message. Then a row a step that was sent.
CREATE OR REPLACE FUNCTION read_alert_status(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_thread uuid, p_mid uuid)
RETURNS TABLE (told uuid[], urgent boolean, accepted_at timestamptz, step smallint, name text, sent_at timestamptz, acked_at timestamptz,
               acked_here boolean, alarmed_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me record;
BEGIN
  SELECT * INTO me FROM enter_thread(p_practice, p_token, p_roles, p_now, p_thread);
  RETURN QUERY
  SELECT fire_alerts(p_practice, p_now), m.urgent, m.accepted_at, NULL::smallint, NULL::text, NULL::timestamptz, NULL::timestamptz, NULL::boolean, NULL::timestamptz
    FROM message m WHERE m.practice_id = p_practice AND m.account_id = me.account_id AND m.mid = p_mid AND m.thread_id = p_thread;
  RETURN QUERY
  SELECT NULL::uuid[], NULL::boolean, NULL::timestamptz, a.step, a.name, a.sent_at, a.acked_at, a.acked_by = a.callee, a.alarmed_at
    FROM alert a
   WHERE a.practice_id = p_practice AND a.thread_id = p_thread AND a.account_id = me.account_id AND a.mid = p_mid AND a.sent_at IS NOT NULL
   ORDER BY a.step;
END $$;
