-- The caller's notices, newest first: at most one for each opening of the window, one for each urgent message's instant.
CREATE OR REPLACE FUNCTION read_notices(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_since timestamptz)
RETURNS TABLE (window_at timestamptz, urgent boolean, noticed_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  PERFORM release_due(p_practice, me, p_now);
  RETURN QUERY
  SELECT o.window_at, o.urgent, o.noticed_at FROM notice o
   WHERE o.practice_id = p_practice AND o.account_id = me AND o.noticed_at >= p_since
   ORDER BY o.noticed_at DESC, o.window_at DESC LIMIT 200;
END $$;
