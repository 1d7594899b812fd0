-- Keep a therapist's invitation until somebody accepts it. Of a thread that there is not yet: its acceptance will open it. Of one's
-- own open thread, under the charter in force there: it leads to a consent (A-10).
-- Outcomes: created; taken (look-up id or somebody's thread exists); stale_chain (the therapist's chain has grown since it was
-- signed); role (a thread opens for a client); charter (not the one in force); closed.
CREATE OR REPLACE FUNCTION create_invitation(
  p_practice uuid, p_token bytea, p_roles text[], p_now timestamptz,
  p_lookup uuid, p_thread uuid, p_role integer, p_invite bytea, p_charter bytea, p_charter_hash bytea, p_charter_sig bytea,
  p_chain_seq integer, p_expires_at timestamptz, p_audit_leaf uuid, p_salt bytea, p_record bytea)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  me uuid := (SELECT e.account_id FROM enter(p_practice, p_token, p_roles, p_now) e);
  th thread;
BEGIN
  IF NOT EXISTS (SELECT FROM account a WHERE a.practice_id = p_practice AND a.account_id = me AND a.chain_seq = p_chain_seq) THEN
    RETURN 'stale_chain';
  END IF;
  SELECT * INTO th FROM thread t WHERE t.practice_id = p_practice AND t.thread_id = p_thread;
  IF th.thread_id IS NULL AND p_role <> 1 THEN
    RETURN 'role';
  ELSIF th.owner <> me THEN
    RETURN 'taken';
  ELSIF th.charter_hash <> p_charter_hash THEN
    RETURN 'charter';
  ELSIF NOT th.is_open THEN
    RETURN 'closed';
  END IF;
  INSERT INTO invitation (practice_id, lookup_id, owner, thread_id, opens, invite, charter, charter_sig, expires_at)
  VALUES (p_practice, p_lookup, me, p_thread, th.thread_id IS NULL, p_invite, p_charter, p_charter_sig, p_expires_at)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN 'taken';
  END IF;
  PERFORM note(p_practice, p_audit_leaf, p_salt, p_record, p_now);
  RETURN 'created';
END $$;
