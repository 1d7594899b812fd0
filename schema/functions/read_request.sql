-- A new device's request as an active device of the person may see it: nobody's yet, or the caller's own. Those that have ended too.
-- ET404 for all others.
CREATE OR REPLACE FUNCTION read_request(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_lookup uuid)
RETURNS SETOF device_request LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  RETURN QUERY
  SELECT r.* FROM device_request r
   WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup AND r.expires_at > p_now AND coalesce(r.account_id, me) = me;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_such_request' USING ERRCODE = 'ET404';
  END IF;
END $$;
