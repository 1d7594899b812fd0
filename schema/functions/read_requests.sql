-- Open requests by somebody who knew the caller's passphrase; at most one by the rule of open_pending.
CREATE OR REPLACE FUNCTION read_requests(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz)
RETURNS SETOF device_request LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  RETURN QUERY
  SELECT r.* FROM device_request r
   WHERE r.practice_id = p_practice AND r.account_id = me AND r.by_passphrase AND r.expires_at > p_now AND r.ended IS NULL
   ORDER BY r.asked_at, r.lookup_id;
END $$;
