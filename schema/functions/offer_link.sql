-- An active device agrees: the next link of its chain, signed by it and verified before. A later offer of the same person takes
-- the place of an earlier one, whose link may have come too late.
-- Outcomes: offered; ended (it was linked or refused). ET404: no such request, or it is another's.
CREATE OR REPLACE FUNCTION offer_link(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_lookup uuid, p_core bytea, p_signature bytea, p_confirmation bytea)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  known device_request;
BEGIN
  SELECT * INTO known FROM device_request r
   WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup AND r.expires_at > p_now AND coalesce(r.account_id, me) = me FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no_such_request' USING ERRCODE = 'ET404';
  ELSIF known.ended IS NOT NULL THEN
    RETURN 'ended';
  END IF;
  UPDATE device_request r SET account_id = me, core = p_core, signature = p_signature, confirmation = p_confirmation
   WHERE r.practice_id = p_practice AND r.lookup_id = p_lookup;
  RETURN 'offered';
END $$;
