-- Keep a therapist's invitation until somebody accepts it. Outcomes: created; taken (thread or look-up id exists);
-- stale_chain (the therapist's chain has grown since it was signed).
CREATE OR REPLACE FUNCTION create_invitation(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_lookup uuid, p_thread uuid, p_invite bytea, p_charter bytea, p_charter_sig bytea, p_chain_seq integer, p_expires_at timestamptz,
  p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
BEGIN
  IF NOT EXISTS (SELECT FROM account a WHERE a.practice_id = p_practice AND a.account_id = me AND a.chain_seq = p_chain_seq) THEN
    RETURN 'stale_chain';
  END IF;
  IF EXISTS (SELECT FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread) THEN
    RETURN 'taken';
  END IF;
  INSERT INTO invitation (practice_id, lookup_id, owner, thread_id, invite, charter, charter_sig, expires_at)
  VALUES (p_practice, p_lookup, me, p_thread, p_invite, p_charter, p_charter_sig, p_expires_at)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN 'taken';
  END IF;
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  RETURN 'created';
END $$;
