-- No: this device is not linked. It stays known until its time is over, so that the device learns of it.
-- Refusing twice is the same as once. ET404: no such request, it is another's, or the device is linked already.
CREATE OR REPLACE FUNCTION refuse_link(p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_lookup uuid)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  UPDATE device_request r SET ended = 'refused', account_id = me
   WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup AND r.expires_at > p_now
     AND coalesce(r.account_id, me) = me AND r.ended IS DISTINCT FROM 'linked';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_such_request' USING ERRCODE = 'ET404';
  END IF;
END $$;
