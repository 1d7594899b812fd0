-- Keep a name and what the server checks a passphrase by, in place of an earlier one. A device that waits by the earlier one is refused.
-- Outcomes: set; taken (somebody else of the practice has this name).
CREATE OR REPLACE FUNCTION set_passphrase(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_name text, p_salt bytea, p_verifier text, p_audit_leaf uuid, p_audit_salt bytea, p_record bytea)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  INSERT INTO passphrase AS w (practice_id, account_id, name, salt, verifier, set_at)
  VALUES (p_practice, me, p_name, p_salt, p_verifier, p_now)
  ON CONFLICT (practice_id, account_id) DO UPDATE
     SET name = excluded.name, salt = excluded.salt, verifier = excluded.verifier, set_at = excluded.set_at;
  PERFORM end_pending(p_practice, me);
  PERFORM note(p_practice, p_audit_leaf, p_audit_salt, p_record, p_now);
  PERFORM expect_due(p_practice, p_now);
  RETURN 'set';
EXCEPTION WHEN unique_violation THEN
  RETURN 'taken';
END $$;
