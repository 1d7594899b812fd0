-- No passphrase any more: nobody opens a pending session for the caller. A device that waits by it is refused.
CREATE OR REPLACE FUNCTION drop_passphrase(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz, p_audit_leaf uuid, p_audit_salt bytea, p_record bytea)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  DELETE FROM passphrase w WHERE w.practice_id = p_practice AND w.account_id = me;
  IF FOUND THEN
    PERFORM end_pending(p_practice, me);
    PERFORM note(p_practice, p_audit_leaf, p_audit_salt, p_record, p_now);
    PERFORM expect_due(p_practice, p_now);
  END IF;
END $$;
